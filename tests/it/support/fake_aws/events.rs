//! CloudWatch Logs as its API reference has it: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/>.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::refusal;
use crate::support::http_server::Answer;

/// Events of one group, and how they are told.
#[derive(Debug, Default)]
pub struct Events {
    /// Stream, time in milliseconds, message, in order of delivery.
    pub events: Vec<(String, i64, String)>,
    /// Empty pages that come before each that is not.
    pub empty_pages: usize,
    /// The most events of a page.
    pub page: usize,
    /// Tokens that are refused.
    pub expired: bool,
    /// How often a query is looked at before it is complete; none for never.
    pub looks: Option<usize>,
    /// The answers to the next live tails.
    pub tails: VecDeque<Answer>,
    /// Of which class the groups are.
    pub class: Option<&'static str>,
}

impl Events {
    /// The answer to an action.
    pub fn answer(&mut self, action: &str, asked: &Value) -> Answer {
        let found = match action.to_lowercase().as_str() {
            "filterlogevents" if self.expired && asked["nextToken"].is_string() => {
                self.expired = false;
                return refusal(400, "InvalidParameterException");
            }
            "filterlogevents" => self.filter(asked),
            "describeloggroups" => self.group(&asked["logGroupNamePrefix"]),
            "startlivetail" => {
                return self.tails.pop_front().unwrap_or_else(|| refusal(400, "UnknownOperationException"));
            }
            "startquery" => json!({ "queryId": "q1" }),
            "stopquery" => json!({ "success": true }),
            "getqueryresults" => self.results(),
            _ => return refusal(400, "UnknownOperationException"),
        };
        Answer::of(200, &found.to_string())
    }

    fn group(&self, name: &Value) -> Value {
        let arn = format!("arn:aws:logs:us-east-1:123456789012:log-group:{}", name.as_str().unwrap_or_default());
        let class = self.class.unwrap_or("STANDARD");
        let all = format!("{arn}:*");
        let group = json!({ "logGroupName": name, "logGroupArn": arn, "arn": all, "logGroupClass": class });
        json!({ "logGroups": [group] })
    }

    /// By time, `nextToken` being the page and how many empty ones came before it.
    fn filter(&self, asked: &Value) -> Value {
        let (start, end) = (asked["startTime"].as_i64().unwrap_or(0), asked["endTime"].as_i64().unwrap_or(i64::MAX));
        let prefix = asked["logStreamNamePrefix"].as_str().unwrap_or("");
        let terms: Vec<&str> =
            asked["filterPattern"].as_str().unwrap_or("").split('"').filter(|t| !t.trim().is_empty()).collect();
        let mut found: Vec<_> = self.events.iter().enumerate().collect();
        found.retain(|(_, (stream, at, message))| {
            stream.starts_with(prefix) && (start..=end).contains(at) && terms.iter().all(|term| message.contains(term))
        });
        found.sort_by_key(|(_, (_, at, _))| *at);
        let token = asked["nextToken"].as_str().unwrap_or("0 0");
        let (from, empty) = token.split_once(' ').expect("a token of ours");
        let (from, empty): (usize, usize) = (from.parse().expect("a number"), empty.parse().expect("a number"));
        if empty < self.empty_pages && from < found.len() {
            return json!({ "events": [], "nextToken": format!("{from} {}", empty + 1) });
        }
        let limit = asked["limit"].as_u64().map_or(10_000, |limit| limit as usize).min(self.page.max(1));
        let event = |(id, (stream, at, message)): &(usize, &(String, i64, String))| json!({ "eventId": id.to_string(), "logStreamName": stream, "timestamp": at, "message": message, "ingestionTime": at });
        let page: Vec<Value> = found.iter().skip(from).take(limit).map(event).collect();
        let next = from + page.len();
        match next < found.len() {
            true => json!({ "events": page, "nextToken": format!("{next} 0") }),
            false => json!({ "events": page }),
        }
    }

    fn results(&mut self) -> Value {
        let complete = match &mut self.looks {
            None => false,
            Some(0) => true,
            Some(looks) => {
                *looks -= 1;
                false
            }
        };
        let rows = json!([[{ "field": "@message", "value": "boom" }, { "field": "@ptr", "value": "x" }]]);
        json!({
            "status": if complete { "Complete" } else { "Running" },
            "results": if complete { rows } else { json!([]) },
            "statistics": { "recordsMatched": 1.0, "recordsScanned": 100.0, "bytesScanned": 12_345.0 },
        })
    }
}
