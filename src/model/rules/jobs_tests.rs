use chrono::TimeZone;

use super::*;
use crate::model::run::JobRunId;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).single().unwrap_or_default()
}

/// A run that was asked for so many minutes ago and took so many.
fn run(id: u32, state: RunState, ago: i64, took: i64) -> JobRun {
    let created = now() - Duration::minutes(ago);
    JobRun {
        source: "emr".into(),
        id: JobRunId(format!("r{id}").into()),
        job: JobName("silver_orders".into()),
        called: "prod-silver_orders".into(),
        state,
        created,
        started: Some(created),
        ended: state.is_over().then(|| created + Duration::minutes(took)),
        attempt: 1,
        detail: (state == RunState::Failed).then(|| "exit code 137\nat line 3".to_owned()),
        dataset: None,
        layer: None,
        date: None,
        backfill: false,
        uri: format!("emr://app/r{id}"),
    }
}

fn failing(failed: u32, well: u32) -> Vec<JobRun> {
    let states = (0..failed).map(|_| RunState::Failed).chain((0..well).map(|_| RunState::Success));
    states.enumerate().map(|(n, state)| run(n as u32, state, 60 + n as i64, 5)).collect()
}

fn refs(runs: &[JobRun]) -> Vec<&JobRun> {
    runs.iter().collect()
}

#[test]
fn more_than_half_of_the_runs_failing_is_critical() {
    let thresholds = Thresholds::default();
    for (failed, well, fires) in [(2, 2, false), (3, 2, true), (51, 49, true), (50, 50, false), (4, 0, true)] {
        let runs = failing(failed, well);
        let alert = failure_rate_alert(&refs(&runs), &thresholds, now());
        assert_eq!(alert.is_some(), fires, "{failed} of {}", failed + well);
        let Some(alert) = alert else { continue };
        assert_eq!((alert.severity, alert.threshold), (Severity::Critical, 0.5));
        assert_eq!(alert.value, f64::from(failed) / f64::from(failed + well));
        assert!(alert.summary.ends_with("runs of silver_orders failed: exit code 137"), "{}", alert.summary);
        assert_eq!(alert.key, "job_failure_rate:silver_orders");
        assert_eq!(alert.evidence.len(), (failed as usize).min(SHOWN));
    }
}

#[test]
fn too_few_runs_and_old_ones_say_nothing_of_a_rate() {
    let thresholds = Thresholds::default();
    let few = failing(3, 0);
    assert_eq!(thresholds.failure_samples, 4);
    assert!(failure_rate_alert(&refs(&few), &thresholds, now()).is_none());
    let old: Vec<JobRun> = (0..4).map(|n| run(n, RunState::Failed, 24 * 60 + 5, 5)).collect();
    assert!(failure_rate_alert(&refs(&old), &thresholds, now()).is_none(), "ended exactly a window ago");
    let young: Vec<JobRun> = (0..4).map(|n| run(n, RunState::Failed, 24 * 60 + 4, 5)).collect();
    assert!(failure_rate_alert(&refs(&young), &thresholds, now()).is_some());
}

#[test]
fn cancelled_and_running_runs_do_not_count() {
    let mut runs = failing(3, 1);
    runs.push(run(10, RunState::Cancelled, 30, 5));
    runs.push(run(11, RunState::Running, 10, 0));
    let alert = failure_rate_alert(&refs(&runs), &Thresholds::default(), now());
    assert_eq!(alert.map(|a| a.value), Some(0.75));
}

#[test]
fn longer_than_twice_the_average_is_a_warning() {
    let thresholds = Thresholds::default();
    let before: Vec<JobRun> = (1..4).map(|n| run(n, RunState::Success, 1000 * i64::from(n), 10)).collect();
    for (state, ago, took, fires) in [
        (RunState::Success, 60, 20, false),
        (RunState::Success, 60, 21, true),
        (RunState::Failed, 60, 21, true),
        (RunState::Running, 20, 0, false),
        (RunState::Running, 21, 0, true),
        (RunState::Queued, 60, 0, true),
    ] {
        let mut runs = before.clone();
        runs.push(run(9, state, ago, took));
        let alert = duration_alert(&refs(&runs), &thresholds, now());
        assert_eq!(alert.is_some(), fires, "{state:?} {took}");
        let Some(alert) = alert else { continue };
        assert_eq!((alert.severity, alert.threshold), (Severity::Warning, 1200.0));
        assert_eq!(alert.since, now() - Duration::minutes(ago) + Duration::minutes(20));
        assert_eq!(alert.key, "job_duration:silver_orders:r9");
    }
}

#[test]
fn two_runs_are_no_average_and_failed_ones_are_none() {
    let thresholds = Thresholds::default();
    let mut runs: Vec<JobRun> = (1..3).map(|n| run(n, RunState::Success, 1000 * i64::from(n), 10)).collect();
    runs.push(run(3, RunState::Failed, 900, 10));
    runs.push(run(9, RunState::Success, 100, 90));
    assert!(duration_alert(&refs(&runs), &thresholds, now()).is_none());
}

#[test]
fn a_run_that_went_well_is_information_for_an_hour() {
    let thresholds = Thresholds::default();
    for (state, ago, fires) in
        [(RunState::Success, 65, true), (RunState::Success, 66, false), (RunState::Failed, 10, false)]
    {
        let runs = [run(1, state, ago, 5)];
        assert_eq!(completed_alert(&refs(&runs), &thresholds, now()).is_some(), fires, "{state:?} {ago}");
    }
    let backfill = JobRun { backfill: true, ..run(1, RunState::Success, 20, 5) };
    let alert = completed_alert(&[&backfill], &thresholds, now());
    assert_eq!(alert.as_ref().map(|a| (a.rule, a.severity)), Some((AlertRule::BackfillDone, Severity::Info)));
}
