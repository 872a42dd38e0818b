//! What an open console costs: the requests that each source has sent, and how many a minute lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

use super::Session;

/// What "lately" is: long enough that sources that rest have had their turn.
const LATELY: Duration = Duration::minutes(15);

/// What one source cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// `lake`, which counts for all that lies on it, or a source that counts its own.
    pub source: &'static str,
    /// Requests since the start.
    pub requests: u64,
    /// Of the last 15 minutes, a minute. None in the first one: the first reading is no rate.
    pub minute: Option<f64>,
}

type Counts = Vec<(&'static str, u64)>;

/// The counts at the end of each refresh of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Costs(Mutex<VecDeque<(DateTime<Utc>, Counts)>>);

impl Costs {
    /// Notes the counts of now, and tells what they come to.
    pub fn note(&self, counts: Counts, now: DateTime<Utc>) -> Vec<Cost> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push_back((now, counts.clone()));
        while noted.len() > 2 && noted.get(1).is_some_and(|(at, _)| now - *at >= LATELY) {
            noted.pop_front();
        }
        let before = noted.front().filter(|(at, _)| now - *at >= Duration::minutes(1));
        let cost = |(source, requests): (&'static str, u64)| {
            let minute = before.map(|(at, counts)| {
                let then = counts.iter().find(|(known, _)| *known == source).map_or(0, |(_, n)| *n);
                requests.saturating_sub(then) as f64 / ((now - *at).num_seconds() as f64 / 60.0)
            });
            Cost { source, requests, minute }
        };
        counts.into_iter().map(cost).collect()
    }
}

impl Session {
    /// The requests of all sources since the start.
    pub fn requests(&self) -> Vec<(&'static str, u64)> {
        let mut counts = vec![("lake", self.lake.counters().read().requests())];
        let connected = &self.connected;
        let jobs = connected.jobs.iter().map(|s| (s.name(), s.requests()));
        let dags = connected.dags.iter().map(|s| (s.name(), s.requests()));
        let logs = connected.logs.iter().map(|s| (s.name(), s.requests()));
        let alarms = connected.alarms.iter().map(|s| (s.name(), s.requests()));
        let secrets = connected.secrets.iter().map(|s| ("secrets", s.requests()));
        let registry = [("registry", self.contracts.requests())];
        for (source, requests) in jobs.chain(dags).chain(logs).chain(alarms).chain(secrets).chain(registry) {
            let Some(requests) = requests else { continue };
            match counts.iter_mut().find(|(known, _)| *known == source) {
                Some((_, n)) => *n += requests,
                None => counts.push((source, requests)),
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minutes_and_the_first_reading_is_none() {
        let costs = Costs::default();
        let at = |minute: i64| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        let noted = |minute, lake, emr| costs.note(vec![("lake", lake), ("emr", emr)], at(minute));
        let rates = |found: Vec<Cost>| found.iter().map(|c| c.minute).collect::<Vec<_>>();
        assert_eq!(rates(noted(0, 1_000, 5)), [None, None]);
        assert_eq!(rates(noted(1, 1_010, 5)), [Some(10.0), Some(0.0)]);
        assert_eq!(rates(noted(2, 1_012, 9)), [Some(6.0), Some(2.0)]);
        for minute in 3..=17 {
            noted(minute, 1_012, 9);
        }
        // What was sent longer ago is no cost of today.
        assert_eq!(rates(noted(18, 1_027, 9)), [Some(1.0), Some(0.0)]);
        assert_eq!(noted(19, 1_027, 9).first().map(|c| c.requests), Some(1_027));
    }
}
