//! The log of a try as lines, from each form in which Airflow gives it: text (2.x), records a line (3.x), and either
//! API's JSON, which is all that a transport may know. The stack of an error is a field of its record in 3.x, and is
//! written out as Python does.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::pairs::pairs;
use super::transport::Reply;
use crate::sources::logs::RawLine;

/// Frames of one stack. Python's own limit of recursion is 1,000.
const FRAMES: usize = 1_000;

/// A part of a log.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Part {
    pub lines: Vec<RawLine>,
    /// Where the rest is.
    pub token: Option<String>,
    /// What is missing, as far as the part itself says so.
    pub missing: Option<String>,
}

impl Part {
    /// The lines of a reply. `host` is the worker, which 2.x writes above its text.
    pub fn of(reply: &Reply, host: Option<&str>) -> Self {
        let text = String::from_utf8_lossy(&reply.bytes);
        let mut part = match reply.kind.as_str() {
            "application/x-ndjson" => Self::records(&text),
            "text/plain" => Self::text(&text, host),
            _ => match serde_json::from_slice::<Value>(&reply.bytes) {
                Ok(answer) if answer.get("content").is_some() => Self::json(&answer),
                _ => Self::text(&text, host),
            },
        };
        part.missing = part.missing.or_else(|| unread(&part.lines));
        part
    }

    fn text(text: &str, host: Option<&str>) -> Self {
        let (stream, text) = match (host, text.split_once('\n')) {
            (Some(host), Some((first, rest))) if first.trim() == host => (host, rest),
            _ => (host.unwrap_or_default(), text),
        };
        let stream: Arc<str> = stream.into();
        let lines =
            text.lines().map(|line| RawLine { at: time_of(line), stream: stream.clone(), text: line.to_owned() });
        let mut lines: Vec<RawLine> = lines.collect();
        while lines.last().is_some_and(|l| l.text.is_empty()) {
            lines.pop();
        }
        Self { lines, ..Self::default() }
    }

    fn records(text: &str) -> Self {
        let mut part = Self::default();
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            match serde_json::from_str::<Value>(line) {
                Ok(record) => part.record(&record),
                // The last one, where the log was cut; or a line that is no record and still says something.
                Err(_) => part.lines.push(RawLine { at: None, stream: "".into(), text: line.to_owned() }),
            }
        }
        part
    }

    fn json(answer: &Value) -> Self {
        let mut part = Self::default();
        match answer.get("content") {
            Some(Value::String(content)) => {
                let (pairs, understood) = pairs(content);
                if pairs.is_empty() && !understood {
                    part = Self::text(content, None);
                } else {
                    for (host, text) in pairs {
                        part.lines.extend(Self::text(&text, Some(&host)).lines);
                    }
                    if !understood {
                        part.missing = Some("a part that is in no form that Airflow documents".to_owned());
                    }
                }
            }
            Some(Value::Array(records)) => records.iter().for_each(|record| part.record(record)),
            _ => {}
        }
        let token = answer.get("continuation_token").and_then(Value::as_str);
        part.token = token.filter(|t| !t.is_empty()).map(str::to_owned);
        part
    }

    /// A record of 3.x: a bare text, or an event with its time, level and place.
    fn record(&mut self, record: &Value) {
        let word = |key: &str| record.get(key).and_then(Value::as_str).filter(|w| !w.is_empty());
        let at = word("timestamp").and_then(|t| DateTime::parse_from_rfc3339(t).ok()).map(|t| t.to_utc());
        let event = record.as_str().or_else(|| word("event"));
        let stream: Arc<str> = word("logger").unwrap_or_default().into();
        let mut text = String::new();
        // As 2.x begins its lines.
        if let (Some(file), Some(line)) = (word("filename"), record.get("lineno").and_then(Value::as_u64)) {
            text = format!("{{{file}:{line}}} ");
        }
        if let Some(level) = word("level") {
            text.push_str(&format!("{} - ", level.to_uppercase()));
        }
        match event {
            Some(event) => text.push_str(event),
            None => text.push_str(&record.to_string()),
        }
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if let Some(stacks) = record.get("error_detail").and_then(Value::as_array) {
            lines.extend(stack(stacks));
        }
        self.lines.extend(lines.into_iter().map(|text| RawLine { at, stream: stream.clone(), text }));
    }
}

/// The stacks of an error, the outermost first in the record, last in the text.
fn stack(stacks: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    for (n, one) in stacks.iter().enumerate().rev() {
        let word = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
        if let Some(frames) = one.get("frames").and_then(Value::as_array).filter(|f| !f.is_empty()) {
            lines.push("Traceback (most recent call last):".to_owned());
            for frame in frames.iter().take(FRAMES) {
                let word = |key: &str| frame.get(key).and_then(Value::as_str).unwrap_or("?");
                let line = frame.get("lineno").and_then(Value::as_u64).unwrap_or_default();
                lines.push(format!("  File \"{}\", line {line}, in {}", word("filename"), word("name")));
            }
        }
        let said = format!("{}: {}", word("exc_type"), word("exc_value"));
        lines.extend(said.lines().map(str::to_owned));
        if n > 0 {
            // `is_cause` stands with the one that caused the other.
            let cause = one.get("is_cause").and_then(Value::as_bool).unwrap_or(false);
            let between = if cause {
                "The above exception was the direct cause of the following exception:"
            } else {
                "During handling of the above exception, another exception occurred:"
            };
            lines.push(between.to_owned());
        }
    }
    lines
}

/// What Airflow itself says that it could not read, before the first line of the task. 2.x begins such lines with
/// stars; its words differ by the handler and the version.
fn unread(lines: &[RawLine]) -> Option<String> {
    let own = || lines.iter().take_while(|l| l.at.is_none()).take(50).map(|l| l.text.as_str());
    let bare = |text: &'_ str| text.trim_start_matches(['*', ' ']).chars().take(200).collect::<String>();
    let known = ["could not read", "log file not found", "log file does not exist", "failed to fetch", "no logs found"];
    let said = own().map(bare).find(|text| known.iter().any(|begin| text.to_lowercase().starts_with(begin)))?;
    Some(format!("Airflow could not read all of it: {said}"))
}

/// `[2026-11-25T12:50:26.256+0000]`, or `[2021-01-01, 12:00:00 UTC]` of the first 2.x.
fn time_of(line: &str) -> Option<DateTime<Utc>> {
    let (text, _) = line.strip_prefix('[')?.split_once(']')?;
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.to_utc());
    }
    let text = text.strip_suffix(" UTC")?;
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d, %H:%M:%S").ok().map(|t| t.and_utc())
}
