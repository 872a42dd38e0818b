//! When a task that is up for retry is tried again. Neither API says so; both tell what Airflow reckons it from, but
//! for `max_retry_delay` and what a retry policy of 3.x chose: the answer is what the task's own delay gives.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::Value;

/// Airflow waits no longer than a day between tries that back off.
const LONGEST: f64 = 86_400.0;

/// A task of a DAG, as far as its retries go.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireRetry {
    task_id: Option<String>,
    retry_delay: Option<Value>,
    retry_exponential_backoff: Option<Value>,
    execution_timeout: Option<Value>,
}

/// How long each task waits.
pub(super) type Delays = HashMap<String, Delay>;

/// How long a task waits between its tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Delay {
    seconds: f64,
    /// What it grows by with each try; 1 if it stays.
    factor: f64,
    /// How long one try may take, in seconds.
    timeout: Option<f64>,
}

/// The delays of a DAG's tasks; tasks that do not say are left out.
pub(super) fn delays(tasks: Vec<WireRetry>) -> Delays {
    tasks
        .into_iter()
        .filter_map(|task| {
            let seconds = length(task.retry_delay.as_ref()?)?;
            // A flag in 2.x, where it doubles; the factor itself in 3.x, where 0 is none.
            let factor = match task.retry_exponential_backoff {
                Some(Value::Bool(true)) => 2.0,
                Some(Value::Number(n)) => n.as_f64().filter(|f| *f > 0.0).unwrap_or(1.0),
                _ => 1.0,
            };
            let timeout = task.execution_timeout.as_ref().and_then(length);
            Some((task.task_id?, Delay { seconds, factor, timeout }))
        })
        .collect()
}

/// A length of time as Airflow writes it, in seconds.
fn length(delta: &Value) -> Option<f64> {
    let number = |key: &str| delta.get(key)?.as_f64();
    Some(number("days").unwrap_or(0.0) * 86_400.0 + number("seconds")? + number("microseconds").unwrap_or(0.0) / 1e6)
}

/// Whole seconds; none of what is no length of time.
fn whole(seconds: f64) -> Option<u64> {
    (0.0..1e12).contains(&seconds).then_some(seconds as u64)
}

impl Delay {
    /// The delay itself, and how long one try may take. Seconds.
    pub fn told(self) -> (Option<u64>, Option<u64>) {
        (whole(self.seconds), self.timeout.and_then(whole))
    }

    /// When the try after `tries`, which ended then, is due. Of one that backs off it is the earliest: Airflow adds up
    /// to as much again, by chance.
    pub fn next(self, ended: DateTime<Utc>, tries: u32) -> Option<DateTime<Utc>> {
        let seconds = if (self.factor - 1.0).abs() < f64::EPSILON {
            self.seconds
        } else {
            let power = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX);
            (self.seconds * self.factor.powi(power)).ceil().clamp(1.0, LONGEST)
        };
        let delay = std::time::Duration::try_from_secs_f64(seconds).ok()?;
        ended.checked_add_signed(Duration::from_std(delay).ok()?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_backing_off() {
        let ended = DateTime::parse_from_rfc3339("2026-11-25T12:00:00Z").unwrap().to_utc();
        let delay = r#"{"__type": "TimeDelta", "days": 0, "seconds": 300, "microseconds": 0}"#;
        for (backoff, tries, seconds) in [
            ("false", 1, 300),
            ("false", 4, 300),
            ("0.0", 3, 300),
            ("null", 3, 300),
            ("true", 1, 300),
            ("true", 3, 1_200),
            ("3.0", 2, 900),
            ("true", 40, 86_400),
            ("true", 4_000_000_000, 86_400),
            ("-1", 2, 300),
        ] {
            let text =
                format!(r#"[{{"task_id": "load", "retry_delay": {delay}, "retry_exponential_backoff": {backoff}}}]"#);
            let delays = delays(serde_json::from_str(&text).unwrap());
            let next = delays["load"].next(ended, tries).unwrap();
            assert_eq!((next - ended).num_seconds(), seconds, "{backoff} {tries}");
        }
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        let text = r#"[{"task_id": "a"}, {"task_id": "b", "retry_delay": {"seconds": 1e300}}, {"retry_delay": null}]"#;
        let delays = delays(serde_json::from_str(text).unwrap());
        assert_eq!((delays.get("a"), delays.len()), (None, 1));
        assert_eq!(delays["b"].next(Utc::now(), 1), None);
    }
}
