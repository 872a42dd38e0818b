//! The rules over job runs: how many fail, how long they take, and what went well.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::{Thresholds, about, seconds};
use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::category::FailureCategory;
use crate::model::dataset::Dataset;
use crate::model::run::{JobName, JobRun, RunState, average};
use crate::model::severity::Severity;
use crate::model::triage::Standing;

/// Runs that evidence names.
const SHOWN: usize = 5;

/// Runbook: "EMR job failure rate > 50%" is critical; exactly half is not. Over the runs of one job that ended within
/// [`Thresholds::failure_window`], if they are at least [`Thresholds::failure_samples`]; who cancelled a run did not
/// see it fail. The value is the share, from 0 to 1; `since` the first of the failures.
pub fn failure_rate_alert(runs: &[&JobRun], thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let from = now - thresholds.failure_window;
    let recent = |run: &&&JobRun| run.ended.is_some_and(|ended| ended > from && ended <= now + Duration::hours(1));
    let over: Vec<&JobRun> = runs.iter().filter(recent).copied().collect();
    let mut failed: Vec<&JobRun> = over.iter().filter(|r| r.state == RunState::Failed).copied().collect();
    let ended = over.iter().filter(|r| matches!(r.state, RunState::Failed | RunState::Success)).count();
    let share = failed.len() as f64 / ended.max(1) as f64;
    if (ended as u64) < thresholds.failure_samples || share <= thresholds.failure_rate {
        return None;
    }
    failed.sort_by_key(|r| std::cmp::Reverse(r.ended));
    let (last, first) = (failed.first()?, failed.last()?);
    let why =
        last.detail.as_deref().and_then(crate::model::text::first_line).map(|w| format!(": {w}")).unwrap_or_default();
    Some(Alert {
        severity: Severity::Critical,
        since: first.ended.unwrap_or(first.created),
        summary: format!("{} of {ended} runs of {} failed{why}", failed.len(), last.job),
        value: share,
        threshold: thresholds.failure_rate,
        evidence: failed.iter().take(SHOWN).map(|run| evidence(run)).collect(),
        ..of_run(last, AlertRule::JobFailureRate, None)
    })
}

/// Runbook: "Job duration > 2x average" is a warning; exactly twice is not. The newest run, one that runs included,
/// against the average of the successful ones before it within [`Thresholds::duration_window`], if they are at least
/// [`Thresholds::duration_samples`]. The value is in seconds.
pub fn duration_alert(runs: &[&JobRun], thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let newest = runs.iter().filter(|r| r.duration(now).is_some()).max_by_key(|r| (r.created, &r.id))?;
    let took = newest.duration(now)?;
    let mean = usual(runs, newest, thresholds, now)?;
    let limit = Duration::milliseconds((mean.num_milliseconds() as f64 * thresholds.duration_factor) as i64);
    if took <= limit {
        return None;
    }
    let verb = if newest.state.is_over() { "took" } else { "has run for" };
    let began = newest.started.unwrap_or(newest.created);
    Some(Alert {
        severity: Severity::Warning,
        since: began + limit,
        summary: format!("{} {verb} {}, on average {}", newest.job, about(took), about(mean)),
        value: seconds(took),
        threshold: seconds(limit),
        ..of_run(newest, AlertRule::JobDuration, Some(&newest.id.0))
    })
}

/// The average that a run is compared with, if there are enough runs before it that went well.
pub fn usual(runs: &[&JobRun], run: &JobRun, thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Duration> {
    let from = now - thresholds.duration_window;
    let before = |r: &&&JobRun| r.id != run.id && r.created < run.created && r.created > from;
    let well = runs.iter().filter(|r| r.state == RunState::Success).filter(before);
    let lengths: Vec<Duration> = well.filter_map(|r| r.duration(now)).collect();
    if (lengths.len() as u64) < thresholds.duration_samples { None } else { average(&lengths) }
}

/// Runbook: "Job completion" and "Successful backfills" are information. The newest run of a job that went well, for
/// [`Thresholds::info_for`]. The value is its length in seconds.
pub fn completed_alert(runs: &[&JobRun], thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let newest = runs.iter().filter(|r| r.state.is_over()).max_by_key(|r| r.ended)?;
    let ended = newest.ended.filter(|ended| now - *ended <= thresholds.info_for)?;
    if newest.state != RunState::Success {
        return None;
    }
    let (rule, what) = match newest.backfill {
        true => (AlertRule::BackfillDone, "backfill"),
        false => (AlertRule::JobCompleted, "run"),
    };
    let took = newest.duration(now).unwrap_or_default();
    Some(Alert {
        severity: Severity::Info,
        since: ended,
        summary: format!("{}: {what} completed in {}", newest.job, about(took)),
        value: seconds(took),
        threshold: 0.0,
        ..of_run(newest, rule, Some(&newest.id.0))
    })
}

/// Runs by job, each job's in the order given.
pub fn by_job<'a>(runs: impl IntoIterator<Item = &'a JobRun>) -> BTreeMap<&'a JobName, Vec<&'a JobRun>> {
    let mut all: BTreeMap<&JobName, Vec<&JobRun>> = BTreeMap::new();
    for run in runs {
        all.entry(&run.job).or_default().push(run);
    }
    all
}

fn evidence(run: &JobRun) -> Evidence {
    let detail = run.detail.as_deref().and_then(crate::model::text::first_line);
    let attempt = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
    let said = detail.map(|d| format!(": {d}")).unwrap_or_default();
    Evidence {
        uri: run.uri.clone(),
        observed_at: run.changed(),
        detail: format!("{} {}{attempt}{said}", run.id, run.state.word()),
    }
}

/// The fields that all alerts of a job share. Without a dataset of its own, it concerns none.
fn of_run(run: &JobRun, rule: AlertRule, which: Option<&str>) -> Alert {
    let dataset = run.dataset.clone().unwrap_or_else(|| Dataset("".into()));
    let which = which.map(|id| format!(":{id}")).unwrap_or_default();
    Alert {
        key: format!("{}:{}{which}", rule.word(), run.job),
        severity: Severity::Info,
        category: FailureCategory::Unknown,
        rule,
        dataset,
        date: run.date,
        layer: run.layer,
        since: run.changed(),
        standing: Standing::default(),
        summary: String::new(),
        value: 0.0,
        threshold: 0.0,
        evidence: vec![evidence(run)],
        entry: None,
        run: Some((run.source.clone(), run.id.clone())),
        job: Some(run.job.clone()),
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
