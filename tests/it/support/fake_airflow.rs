//! An Airflow 3 of any size, as its API reference has it: DAGs, their runs and the tasks of each, newest first. It
//! counts in how many rounds it is asked. Real ones are in the tests of their own (`tests/airflow`).

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::fake_aws::Rounds;
use super::http_server::{Answer, HttpServer, Received};

/// A running one.
pub struct FakeAirflow {
    server: HttpServer,
    rounds: Arc<Rounds>,
}

impl FakeAirflow {
    /// So many DAGs, each with so many runs that ended before a time, an hour apart; the newest of every tenth failed.
    pub fn start(dags: usize, runs: usize, until: DateTime<Utc>) -> Self {
        let rounds = Arc::new(Rounds::default());
        let gate = Arc::clone(&rounds);
        let server = HttpServer::answering(move |request| {
            gate.wait();
            answer(request, dags, runs, until)
        });
        Self { server, rounds }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Rounds so far.
    pub fn rounds(&self) -> usize {
        self.rounds.count()
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.server.requests().len()
    }
}

fn answer(request: &Received, dags: usize, runs: usize, until: DateTime<Utc>) -> Answer {
    let url = url::Url::parse(&format!("http://x{}", request.path)).expect("a path");
    let segments: Vec<&str> = url.path_segments().expect("segments").collect();
    let found = match segments.as_slice() {
        ["api", "v2", "version"] => json!({ "version": "3.1.0" }),
        ["api", "v2", "dags"] => {
            let all = (0..dags).map(|n| json!({ "dag_id": format!("dag{n:03}"), "is_paused": false }));
            page(&url, "dags", all.collect())
        }
        ["api", "v2", "importErrors"] => page(&url, "import_errors", Vec::new()),
        ["api", "v2", "dags", "~", "dagRuns"] => {
            let goes = url.query_pairs().any(|(name, _)| name == "state");
            let all = if goes { Vec::new() } else { all_runs(dags, runs, until) };
            page(&url, "dag_runs", all)
        }
        ["api", "v2", "dags", dag, "dagRuns", run, "taskInstances"] => {
            let task = json!({
                "dag_id": dag, "dag_run_id": run, "task_id": "load", "map_index": -1, "state": "failed",
                "try_number": 2, "max_tries": 1,
            });
            page(&url, "task_instances", vec![task])
        }
        _ => return Answer::of(404, r#"{"detail": "no such page"}"#),
    };
    Answer::Reply(200, "Content-Type: application/json\r\n".to_owned(), found.to_string())
}

fn all_runs(dags: usize, runs: usize, until: DateTime<Utc>) -> Vec<Value> {
    let one = |n: usize, dag: usize| {
        let ended = until - Duration::hours(n as i64);
        let state = if n == 0 && dag.is_multiple_of(10) { "failed" } else { "success" };
        json!({
            "dag_id": format!("dag{dag:03}"), "dag_run_id": format!("scheduled__{n}"), "state": state,
            "start_date": ended - Duration::minutes(9), "end_date": ended, "run_type": "scheduled",
        })
    };
    (0..runs).flat_map(|n| (0..dags).map(move |dag| one(n, dag))).collect()
}

fn page(url: &url::Url, key: &str, all: Vec<Value>) -> Value {
    let number = |name: &str| url.query_pairs().find(|(known, _)| known == name).and_then(|(_, n)| n.parse().ok());
    let (from, most): (usize, usize) = (number("offset").unwrap_or(0), number("limit").unwrap_or(50).min(100));
    let page: Vec<&Value> = all.iter().skip(from).take(most).collect();
    json!({ key: page, "total_entries": all.len() })
}
