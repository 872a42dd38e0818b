//! What is known of runs already: what is over changes no more, so a refresh asks only for what is new or was not over.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::model::run::{JobRun, JobRunId, RunState};

/// How late a run may show in listings after one that was created later.
const LATE: Duration = Duration::minutes(2);
/// Runs that are kept of one application, beyond those that are asked for.
const KEPT: usize = 5_000;

/// Runs by application.
#[derive(Debug, Default)]
pub struct Ledger(HashMap<Arc<str>, Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// All that were created since then are known, up to the newest.
    covered: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    runs: HashMap<JobRunId, Known>,
}

#[derive(Debug)]
struct Known {
    run: JobRun,
    /// Whether it is what the run itself says, and not a listing.
    full: bool,
}

impl Ledger {
    /// From when on an application has to be listed, and whether that is all of what is asked for.
    pub fn from(&self, application: &str, since: DateTime<Utc>, most: usize) -> (DateTime<Utc>, bool) {
        let Some((kept, covered)) = self.0.get(application).and_then(|kept| Some((kept, kept.covered?))) else {
            return (since, true);
        };
        let enough = || kept.runs.values().filter(|known| known.run.created >= covered).count() >= most;
        if covered > since && !enough() {
            return (since, true);
        }
        let newest = kept.newest.map_or(covered, |newest| newest - LATE);
        (newest.max(covered), false)
    }

    /// From when on all runs of an application are known.
    pub fn covered(&self, application: &str) -> Option<DateTime<Utc>> {
        self.0.get(application)?.covered
    }

    /// Whether a run is known and was not over when last seen.
    pub fn is_unsettled(&self, application: &str, id: &JobRunId) -> bool {
        self.0.get(application).and_then(|kept| kept.runs.get(id)).is_some_and(|known| !known.run.state.is_over())
    }

    /// Takes in runs of a listing.
    pub fn listed(&mut self, application: &Arc<str>, runs: impl IntoIterator<Item = JobRun>) {
        let kept = self.0.entry(Arc::clone(application)).or_default();
        for run in runs {
            kept.newest = kept.newest.max(Some(run.created));
            let settled = kept.runs.get(&run.id).is_some_and(|known| known.full && known.run.state.is_over());
            if !settled {
                kept.runs.insert(run.id.clone(), Known { run, full: false });
            }
        }
    }

    /// Takes in what a run says itself.
    pub fn told(&mut self, application: &Arc<str>, run: JobRun) {
        let kept = self.0.entry(Arc::clone(application)).or_default();
        kept.runs.insert(run.id.clone(), Known { run, full: true });
    }

    /// All runs that were created since then are known now; none of them if that is none.
    pub fn cover(&mut self, application: &Arc<str>, since: Option<DateTime<Utc>>) {
        self.0.entry(Arc::clone(application)).or_default().covered = since;
    }

    /// Takes out a run that is gone.
    pub fn forget(&mut self, application: &str, id: &JobRunId) {
        if let Some(kept) = self.0.get_mut(application) {
            kept.runs.remove(id);
        }
    }

    /// Runs created before `from` that were not over when last seen and are not among those that are not over now.
    pub fn ended(&self, application: &str, from: DateTime<Utc>, not_over: &HashSet<JobRunId>) -> Vec<JobRunId> {
        let runs = self.0.get(application).into_iter().flat_map(|kept| kept.runs.values());
        let ended = runs.filter(|k| !k.run.state.is_over() && k.run.created < from && !not_over.contains(&k.run.id));
        ended.map(|known| known.run.id.clone()).collect()
    }

    /// Runs that are over and of which only a listing is known: those that went wrong first, then the newest.
    pub fn wanting(&self, applications: &[Arc<str>], since: DateTime<Utc>, most: usize) -> Vec<(Arc<str>, JobRunId)> {
        let all = applications.iter().flat_map(|application| {
            let runs = self.0.get(application).into_iter().flat_map(|kept| kept.runs.values());
            runs.map(move |known| (application, known))
        });
        let mut wanting: Vec<_> =
            all.filter(|(_, k)| !k.full && k.run.state.is_over() && k.run.created >= since).collect();
        wanting.sort_by_key(|(_, k)| (k.run.state != RunState::Failed, std::cmp::Reverse(k.run.created)));
        wanting.into_iter().take(most).map(|(application, k)| (Arc::clone(application), k.run.id.clone())).collect()
    }

    /// When the last of the newest `most` runs was created; none if there are fewer.
    pub fn nth_newest(&self, applications: &[Arc<str>], most: usize) -> Option<DateTime<Utc>> {
        let runs = applications.iter().filter_map(|application| self.0.get(application));
        let mut created: Vec<_> = runs.flat_map(|kept| kept.runs.values()).map(|known| known.run.created).collect();
        created.sort_unstable_by(|a, b| b.cmp(a));
        created.get(most.checked_sub(1)?).copied()
    }

    /// The answer: those that are not over, and of the others the newest, in all at most `most`; newest first.
    pub fn answer(&self, applications: &[Arc<str>], since: DateTime<Utc>, most: usize) -> Vec<JobRun> {
        let runs = applications.iter().filter_map(|application| self.0.get(application));
        let runs = runs.flat_map(|kept| kept.runs.values()).map(|known| &known.run);
        let mut runs: Vec<_> = runs.filter(|run| run.created >= since || !run.state.is_over()).collect();
        runs.sort_by(|a, b| (a.state.is_over(), b.created, &a.id).cmp(&(b.state.is_over(), a.created, &b.id)));
        runs.truncate(most);
        runs.sort_by(|a, b| (b.created, &a.id).cmp(&(a.created, &b.id)));
        runs.into_iter().cloned().collect()
    }

    /// Which application a run is of.
    pub fn application_of(&self, id: &JobRunId) -> Option<Arc<str>> {
        self.0.iter().find(|(_, kept)| kept.runs.contains_key(id)).map(|(application, _)| Arc::clone(application))
    }

    /// Drops the oldest of those that are over, so that a console that stays open does not grow.
    pub fn prune(&mut self, since: DateTime<Utc>) {
        for kept in self.0.values_mut().filter(|kept| kept.runs.len() > KEPT) {
            kept.runs.retain(|_, known| !known.run.state.is_over() || known.run.created >= since);
            kept.covered = kept.covered.max(Some(since));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::run::JobName;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn run(id: &str, created: i64, state: RunState) -> JobRun {
        JobRun {
            source: "emr".into(),
            id: JobRunId(id.into()),
            job: JobName("orders".into()),
            called: "orders".into(),
            state,
            created: at(created),
            started: None,
            ended: None,
            attempt: 1,
            detail: None,
            dataset: None,
            layer: None,
            date: None,
            backfill: false,
            uri: String::new(),
        }
    }

    fn ids(runs: &[JobRun]) -> Vec<&str> {
        runs.iter().map(|run| &*run.id.0).collect()
    }

    #[test]
    fn what_is_covered_is_not_asked_for_again() {
        let app: Arc<str> = "a".into();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.from("a", at(0), 10), (at(0), true));
        ledger.listed(&app, [run("1", 1_000, RunState::Success)]);
        ledger.cover(&app, Some(at(0)));
        assert_eq!(ledger.from("a", at(0), 10), (at(880), false), "what shows late is asked for again");
        assert_eq!(ledger.from("a", at(500), 10), (at(880), false));
        assert_eq!(ledger.from("a", at(-500), 10), (at(-500), true));
        assert_eq!(ledger.from("a", at(-500), 1), (at(880), false), "there are enough newer ones");
        ledger.cover(&app, None);
        assert_eq!(ledger.from("a", at(0), 10), (at(0), true));
    }

    #[test]
    fn a_run_that_left_the_list_of_those_not_over_has_ended() {
        let app: Arc<str> = "a".into();
        let mut ledger = Ledger::default();
        ledger.listed(
            &app,
            [run("1", 10, RunState::Running), run("2", 20, RunState::Running), run("3", 99, RunState::Running)],
        );
        let still = HashSet::from([JobRunId("1".into())]);
        assert_eq!(ledger.ended("a", at(50), &still), [JobRunId("2".into())]);
        ledger.told(&app, run("2", 20, RunState::Failed));
        assert!(ledger.ended("a", at(50), &still).is_empty());
        ledger.listed(&app, [JobRun { detail: Some("less".into()), ..run("2", 20, RunState::Failed) }]);
        assert_eq!(ledger.answer(&[app], at(0), 9)[1].detail, None, "a listing does not undo what is known better");
    }

    #[test]
    fn those_that_are_not_over_come_before_the_newest() {
        let app: Arc<str> = "a".into();
        let mut ledger = Ledger::default();
        let over = |id: &str, created| run(id, created, RunState::Success);
        ledger.listed(
            &app,
            [run("old", -900, RunState::Running), over("gone", -5), over("1", 1), over("2", 2), over("3", 3)],
        );
        let apps = [app];
        assert_eq!(ids(&ledger.answer(&apps, at(0), 10)), ["3", "2", "1", "old"]);
        assert_eq!(ids(&ledger.answer(&apps, at(0), 3)), ["3", "2", "old"]);
        assert_eq!(ids(&ledger.answer(&[], at(0), 3)), [""; 0]);
        assert_eq!(ledger.nth_newest(&apps, 3), Some(at(1)));
        assert_eq!(ledger.nth_newest(&apps, 6), None);
        assert_eq!(&*ledger.application_of(&JobRunId("old".into())).unwrap(), "a");
    }

    #[test]
    fn failures_are_looked_at_first() {
        let app: Arc<str> = "a".into();
        let mut ledger = Ledger::default();
        let runs = [run("ok", 9, RunState::Success), run("bad", 1, RunState::Failed), run("on", 10, RunState::Running)];
        ledger.listed(&app, runs);
        let wanting = |ledger: &Ledger, most| {
            ledger.wanting(&["a".into()], at(0), most).iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(wanting(&ledger, 9), ["bad", "ok"]);
        assert_eq!(wanting(&ledger, 1), ["bad"]);
        ledger.told(&app, run("bad", 1, RunState::Failed));
        assert_eq!(wanting(&ledger, 9), ["ok"]);
    }

    #[test]
    fn the_ledger_does_not_grow_without_end() {
        let app: Arc<str> = "a".into();
        let mut ledger = Ledger::default();
        ledger.listed(&app, (0..6_000).map(|n| run(&n.to_string(), n, RunState::Success)));
        ledger.listed(&app, [run("on", 0, RunState::Running)]);
        ledger.cover(&app, Some(at(0)));
        ledger.prune(at(5_900));
        assert_eq!(ledger.answer(&[app], at(0), 9_999).len(), 101);
        assert_eq!(ledger.from("a", at(0), 9_999), (at(0), true));
    }
}
