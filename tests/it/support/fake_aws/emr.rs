//! EMR Serverless as its API reference has it: <https://docs.aws.amazon.com/emr-serverless/latest/APIReference/>.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::refusal;
use crate::support::http_server::{Answer, Received};

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    pub name: String,
    pub state: &'static str,
    pub created: DateTime<Utc>,
    /// The replies of GetJobRun and of ListJobRunAttempts are this and what follows from the rest.
    pub more: Value,
    pub attempts: Vec<Value>,
}

/// Applications with their runs, the newest first.
#[derive(Debug, Default)]
pub struct Emr {
    pub applications: Vec<(&'static str, &'static str, Vec<Run>)>,
    /// What GetApplication says besides.
    pub application: Value,
    /// The states of the runs that are started, in turn; then RUNNING.
    pub outcomes: Vec<&'static str>,
    /// So many runs are started whose reply is lost.
    pub lost: usize,
    /// The runs by the token that asked for them.
    pub tokens: BTreeMap<String, String>,
}

impl Run {
    pub fn new(id: impl Into<String>, name: &str, state: &'static str, created: DateTime<Utc>) -> Self {
        Self { id: id.into(), name: name.into(), state, created, more: json!({}), attempts: Vec::new() }
    }

    fn summary(&self, application: &str) -> Value {
        let created = self.created.timestamp_millis() as f64 / 1000.0;
        json!({
            "applicationId": application,
            "id": self.id,
            "name": self.name,
            "arn": format!("arn:aws:emr-serverless:us-east-1:123456789012:/applications/{application}/jobruns/{}", self.id),
            "createdBy": "arn:aws:iam::123456789012:user/ana",
            "createdAt": created,
            "updatedAt": created + 300.0,
            "executionRole": "arn:aws:iam::123456789012:role/emr",
            "state": self.state,
            "stateDetails": if self.state == "FAILED" { "Job failed, please check complete logs" } else { "" },
            "releaseLabel": "emr-7.1.0",
            "type": "SPARK",
            "attempt": 1,
            "attemptCreatedAt": created + 10.0,
            "attemptUpdatedAt": created + 300.0,
        })
    }

    fn full(&self, application: &str) -> Value {
        let mut full = self.summary(application);
        let created = self.created.timestamp_millis() as f64 / 1000.0;
        let begun = !matches!(self.state, "SUBMITTED" | "QUEUED" | "PENDING" | "SCHEDULED");
        let over = matches!(self.state, "SUCCESS" | "FAILED" | "CANCELLED");
        full["jobRunId"] = json!(self.id);
        full["jobDriver"] = json!({ "sparkSubmit": { "entryPoint": "s3://code/main.py" } });
        if begun {
            full["startedAt"] = json!(created + 20.0);
        }
        if over {
            full["endedAt"] = json!(created + 290.0);
        }
        for (name, value) in self.more.as_object().into_iter().flatten() {
            full[name] = value.clone();
        }
        json!({ "jobRun": full })
    }
}

impl Emr {
    /// One application with runs.
    pub fn of(mut runs: Vec<Run>) -> Self {
        runs.sort_by_key(|run| std::cmp::Reverse(run.created));
        Self { applications: vec![("00app1", "etl", runs)], ..Self::default() }
    }

    /// Starts a run; one that a token asked for already is answered again.
    fn start(&mut self, application: &str, asked: &Value) -> Option<Answer> {
        let token = asked["clientToken"].as_str().expect("a client token").to_owned();
        let next = format!("s{}", self.tokens.len() + 1);
        let is_new = !self.tokens.contains_key(&token);
        let id = self.tokens.entry(token).or_insert(next).clone();
        if is_new {
            let state = if self.outcomes.is_empty() { "RUNNING" } else { self.outcomes.remove(0) };
            let mut run = Run::new(&id, asked["name"].as_str().unwrap_or_default(), state, Utc::now());
            let kept = ["jobDriver", "configurationOverrides", "tags", "executionTimeoutMinutes", "retryPolicy"];
            run.more = kept.iter().filter_map(|k| Some(((*k).to_owned(), asked.get(k)?.clone()))).collect();
            run.more["executionRole"] = asked["executionRoleArn"].clone();
            let (.., runs) = self.applications.iter_mut().find(|(known, ..)| *known == application)?;
            runs.insert(0, run);
        }
        if self.lost > 0 {
            self.lost -= 1;
            return Some(Answer::Lost);
        }
        let body = json!({ "applicationId": application, "jobRunId": id, "arn": format!("arn:{id}") });
        Some(Answer::of(200, &body.to_string()))
    }

    /// Ends a run.
    fn cancel(&mut self, application: &str, id: &str) -> Option<Answer> {
        let (.., runs) = self.applications.iter_mut().find(|(known, ..)| *known == application)?;
        runs.iter_mut().find(|run| run.id == id)?.state = "CANCELLED";
        Some(Answer::of(200, &json!({ "applicationId": application, "jobRunId": id }).to_string()))
    }

    /// The answer to a request.
    pub fn answer(&mut self, request: &Received) -> Answer {
        let path = &request.path;
        let url = url::Url::parse(&format!("http://x{path}")).expect("a path");
        let segments: Vec<&str> = url.path_segments().expect("segments").collect();
        let missing = || refusal(404, "ResourceNotFoundException");
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["applications", application, "jobruns"]) => {
                self.start(application, &request.json()).unwrap_or_else(missing)
            }
            ("DELETE", ["applications", application, "jobruns", run]) => {
                self.cancel(application, run).unwrap_or_else(missing)
            }
            _ => self.told(path),
        }
    }

    /// The answer to a path and its query, of what reads.
    fn told(&self, path: &str) -> Answer {
        let url = url::Url::parse(&format!("http://x{path}")).expect("a path");
        let segments: Vec<&str> = url.path_segments().expect("segments").collect();
        let found = match segments.as_slice() {
            ["applications"] => Some(self.list()),
            ["applications", application, rest @ ..] => self.applications.iter().find(|(id, ..)| id == application).and_then(
                |(id, _, runs)| match rest {
                    [] => Some(self.one(id)),
                    ["jobruns"] => Some(list(id, runs, &url)),
                    ["jobruns", run, rest @ ..] => {
                        let run = runs.iter().find(|known| known.id == *run)?;
                        match rest {
                            [] => Some(run.full(id)),
                            ["attempts"] if !run.attempts.is_empty() => Some(json!({ "jobRunAttempts": run.attempts })),
                            ["dashboard"] => Some(json!({ "url": format!("https://p-{id}.example/?authToken=BEARER&{}", url.query().unwrap_or("")) })),
                            _ => None,
                        }
                    }
                    _ => None,
                },
            ),
            _ => None,
        };
        found.map_or_else(|| refusal(404, "ResourceNotFoundException"), |found| Answer::of(200, &found.to_string()))
    }

    fn one(&self, id: &str) -> Value {
        let mut application = json!({
            "applicationId": id, "name": "etl", "arn": format!("arn:{id}"), "releaseLabel": "emr-7.1.0",
            "type": "Spark", "state": "STARTED", "createdAt": 1_700_000_000, "updatedAt": 1_700_000_000,
        });
        for (name, value) in self.application.as_object().into_iter().flatten() {
            application[name] = value.clone();
        }
        json!({ "application": application })
    }

    fn list(&self) -> Value {
        let applications = self.applications.iter().map(|(id, name, _)| {
            json!({
                "id": id, "name": name, "arn": format!("arn:{id}"), "releaseLabel": "emr-7.1.0", "type": "Spark",
                "state": "STARTED", "createdAt": 1_700_000_000, "updatedAt": 1_700_000_000,
            })
        });
        json!({ "applications": applications.collect::<Vec<_>>() })
    }
}

/// ListJobRuns: the newest first, grouped by state where several are asked for, at most 50 a page.
fn list(application: &str, runs: &[Run], url: &url::Url) -> Value {
    let asked = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    let time = |name: &str| asked(name).map(|value| DateTime::parse_from_rfc3339(&value).expect("a time").to_utc());
    let (after, before) = (time("createdAtAfter"), time("createdAtBefore"));
    let states: Vec<String> =
        url.query_pairs().filter(|(name, _)| name == "states").map(|(_, state)| state.into_owned()).collect();
    let most = asked("maxResults").map_or(50, |most| most.parse::<usize>().expect("a number")).min(50);
    let from = asked("nextToken").map_or(0, |token| token.parse::<usize>().expect("a token of ours"));
    let mut found: Vec<&Run> = runs
        .iter()
        .filter(|run| after.is_none_or(|after| run.created > after) && before.is_none_or(|before| run.created < before))
        .filter(|run| states.is_empty() || states.iter().any(|state| state == run.state))
        .collect();
    if !states.is_empty() {
        found.sort_by_key(|run| run.state);
    }
    let page: Vec<Value> = found.iter().skip(from).take(most).map(|run| run.summary(application)).collect();
    let next = from + page.len();
    let mut answer = json!({ "jobRuns": page });
    if next < found.len() {
        answer["nextToken"] = json!(next.to_string());
    }
    answer
}
