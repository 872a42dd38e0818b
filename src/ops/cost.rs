//! What an open console costs: the requests that each source has sent, and how many a minute lately.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};

use super::{LakeSettings, Session};
use crate::lake::path::Prefixes;
use crate::sources::local::{alarms, dags, jobs, secrets};

/// What "lately" is: long enough that sources that rest have had their turn.
const LATELY: Duration = Duration::minutes(15);

/// What one source cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// `lake`, which counts for all that lies on it, a source that counts its own, or one that lies on the lake.
    pub source: &'static str,
    /// Whether its requests are among the lake's.
    pub of_lake: bool,
    /// Requests since the start.
    pub requests: u64,
    /// Of the last 15 minutes, a minute. None in the first one: the first reading is no rate.
    pub minute: Option<f64>,
}

type Counts = Vec<(&'static str, u64)>;

/// What was sent since the first complete refresh: what it costs to stand open.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    /// Requests until that refresh was complete.
    pub first: u64,
    /// Requests since then, of each source.
    pub since: Vec<(&'static str, u64)>,
    /// How long that is.
    pub open: std::time::Duration,
}

/// The counts at the end of each refresh of the last minutes, and at the end of the first one.
#[derive(Debug, Default)]
pub(super) struct Costs {
    lately: Mutex<VecDeque<(DateTime<Utc>, Counts)>>,
    first: OnceLock<(Instant, Counts)>,
}

/// What each source sent more than before.
fn more(counts: Counts, before: &Counts) -> Counts {
    let then = |source: &str| before.iter().find(|(known, _)| *known == source).map_or(0, |(_, n)| *n);
    counts.into_iter().map(|(source, n)| (source, n.saturating_sub(then(source)))).collect()
}

impl Costs {
    /// What was sent since the first refresh was complete; none before that.
    fn steady(&self, counts: Counts) -> Option<Steady> {
        let (at, before) = self.first.get()?;
        let first = before.iter().map(|(_, n)| n).sum();
        Some(Steady { first, since: more(counts, before), open: at.elapsed() })
    }

    /// Notes the counts of now, and of each part of the lake, and tells what they come to.
    pub fn note(&self, counts: Counts, of_lake: Counts, now: DateTime<Utc>) -> Vec<Cost> {
        self.first.get_or_init(|| (Instant::now(), counts.clone()));
        let mut noted = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.len();
        let counts = [counts, of_lake].concat();
        noted.push_back((now, counts.clone()));
        while noted.len() > 2 && noted.get(1).is_some_and(|(at, _)| now - *at >= LATELY) {
            noted.pop_front();
        }
        let before = noted.front().filter(|(at, _)| now - *at >= Duration::minutes(1));
        let cost = |(at, (source, requests)): (usize, (&'static str, u64))| {
            let minute = before.map(|(at, counts)| {
                let then = counts.iter().find(|(known, _)| *known == source).map_or(0, |(_, n)| *n);
                requests.saturating_sub(then) as f64 / ((now - *at).num_seconds() as f64 / 60.0)
            });
            Cost { source, of_lake: at >= own, requests, minute }
        };
        counts.into_iter().enumerate().map(cost).collect()
    }
}

/// Where on the lake each source looks.
pub(super) fn places(settings: &LakeSettings) -> Vec<(&'static str, String)> {
    let Prefixes { errors, state, .. } = &settings.prefixes;
    let of_state = [("quarantine", "moves/"), ("triage", "alerts/"), ("incidents", "incidents/")];
    let mut places = vec![("dlq", errors.clone()), ("local", jobs::PREFIX.into()), ("dags", dags::PREFIX.into())];
    places.extend([("alarms", alarms::PREFIX.into()), ("secrets", secrets::PREFIX.into())]);
    places.extend(of_state.map(|(source, below)| (source, format!("{state}{below}"))));
    places.extend(settings.quality.iter().map(|prefix| ("quality", prefix.clone())));
    places.extend(settings.feeds.iter().map(|prefix| ("feed", prefix.clone())));
    for dataset in &settings.datasets {
        places.extend(dataset.data_prefix.clone().map(|prefix| ("freshness", prefix)));
        let contract =
            dataset.contract.as_deref().map(|address| address.rsplit_once('#').map_or(address, |(key, _)| key));
        // With its folder, which tells whether it changed.
        let folder = contract.and_then(|key| key.rsplit_once('/')).map(|(folder, _)| format!("{folder}/"));
        places.extend(folder.or(contract.map(str::to_owned)).map(|place| ("contracts", place)));
    }
    places
}

impl Session {
    /// What was sent since the first refresh was complete; none before that.
    pub fn steady(&self) -> Option<Steady> {
        self.costs.steady(self.requests())
    }

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
    fn a_part_of_the_lake_has_a_rate_of_its_own() {
        let costs = Costs::default();
        let at = |minute: i64| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        costs.note(vec![("lake", 100)], vec![("dlq", 40), ("triage", 2)], at(0));
        let noted = costs.note(vec![("lake", 104)], vec![("dlq", 42), ("triage", 2)], at(2));
        let told: Vec<_> = noted.iter().map(|c| (c.source, c.of_lake, c.minute)).collect();
        assert_eq!(told, [("lake", false, Some(2.0)), ("dlq", true, Some(1.0)), ("triage", true, Some(0.0))]);
    }

    #[test]
    fn the_steady_state_is_what_comes_after_the_first_refresh() {
        let costs = Costs::default();
        assert_eq!(costs.steady(vec![("lake", 90)]), None);
        costs.note(vec![("lake", 500)], Vec::new(), DateTime::UNIX_EPOCH);
        costs.note(vec![("lake", 510)], Vec::new(), DateTime::UNIX_EPOCH + Duration::minutes(1));
        let steady = costs.steady(vec![("lake", 520), ("emr", 7)]).map(|steady| (steady.first, steady.since));
        assert_eq!(steady, Some((500, vec![("lake", 20), ("emr", 7)])));
    }

    #[test]
    fn a_rate_is_that_of_the_last_minutes_and_the_first_reading_is_none() {
        let costs = Costs::default();
        let at = |minute: i64| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        let noted = |minute, lake, emr| costs.note(vec![("lake", lake), ("emr", emr)], Vec::new(), at(minute));
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
