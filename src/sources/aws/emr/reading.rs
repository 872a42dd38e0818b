//! What EMR Serverless says of a run, in the model's words. Listings say less than the run itself: there the last
//! change of a run that is over stands for its end, and the beginning of its attempt for its start.

use std::sync::Arc;

use aws_sdk_emrserverless::types::{JobRun as Full, JobRunAttemptSummary, JobRunState, JobRunSummary};
use chrono::{DateTime, Utc};

use super::configuration;
use crate::model::alias::Aliases;
use crate::model::run::{JobRun, JobRunId, RunState};
use crate::sources::aws::time;
use crate::sources::jobs::Attempt;

/// The states of a run that is not over.
pub const NOT_OVER: [JobRunState; 6] = [
    JobRunState::Submitted,
    JobRunState::Queued,
    JobRunState::Pending,
    JobRunState::Scheduled,
    JobRunState::Running,
    JobRunState::Cancelling,
];

/// A state. One that is new to us is neither over nor under way.
pub fn state(state: &JobRunState) -> RunState {
    RunState::from_word(state.as_str()).unwrap_or(RunState::Pending)
}

/// What is said of a state, or which state it is if we have no word for it.
fn detail(given: &JobRunState, details: &str) -> Option<String> {
    let details = details.trim();
    match RunState::from_word(given.as_str()) {
        None => Some(format!("{}: {details}", given.as_str())),
        Some(_) => (!details.is_empty()).then(|| details.to_owned()),
    }
}

/// From 1.
fn number(attempt: Option<i32>) -> u32 {
    attempt.and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1)
}

/// What both kinds of reply say.
struct Said<'a> {
    id: &'a str,
    name: Option<&'a str>,
    arn: &'a str,
    state: &'a JobRunState,
    details: &'a str,
    created: Option<DateTime<Utc>>,
    attempt: Option<i32>,
}

fn run(source: &Arc<str>, aliases: &Aliases, said: &Said<'_>) -> JobRun {
    // A run without a name is known by its id alone.
    let called = said.name.filter(|name| !name.trim().is_empty()).unwrap_or(said.id);
    let read = aliases.read(called);
    let (dataset, layer) = aliases.written(&read.job);
    JobRun {
        source: Arc::clone(source),
        id: JobRunId(said.id.into()),
        job: read.job,
        called: called.into(),
        state: state(said.state),
        created: said.created.unwrap_or_default(),
        started: None,
        ended: None,
        attempt: number(said.attempt),
        detail: detail(said.state, said.details),
        dataset,
        layer,
        date: read.date,
        backfill: read.backfill,
        uri: said.arn.to_owned(),
    }
}

/// A run of a listing.
pub fn summary(source: &Arc<str>, aliases: &Aliases, summary: &JobRunSummary) -> JobRun {
    let mut run = run(
        source,
        aliases,
        &Said {
            id: summary.id(),
            name: summary.name(),
            arn: summary.arn(),
            state: summary.state(),
            details: summary.state_details(),
            created: time(summary.created_at()),
            attempt: summary.attempt(),
        },
    );
    if matches!(run.state, RunState::Running | RunState::Success | RunState::Failed) {
        run.started = summary.attempt_created_at().and_then(time);
    }
    if run.state.is_over() {
        run.ended = time(summary.updated_at());
    }
    run
}

/// A run as it is itself.
pub fn full(source: &Arc<str>, aliases: &Aliases, full: &Full) -> JobRun {
    let mut run = run(
        source,
        aliases,
        &Said {
            id: full.job_run_id(),
            name: full.name(),
            arn: full.arn(),
            state: full.state(),
            details: full.state_details(),
            created: time(full.created_at()),
            attempt: full.attempt(),
        },
    );
    run.started = full.started_at().and_then(time);
    if run.state.is_over() {
        run.ended = full.ended_at().and_then(time).or_else(|| time(full.updated_at()));
    }
    let (date, backfill) = configuration::of_arguments(full);
    run.date = run.date.or(date);
    run.backfill |= backfill;
    run
}

/// An attempt of a listing.
pub fn attempt(summary: &JobRunAttemptSummary) -> Attempt {
    let given = summary.state();
    let state = state(given);
    Attempt {
        number: number(summary.attempt()),
        state,
        created: time(summary.created_at()),
        ended: time(summary.updated_at()).filter(|_| state.is_over()),
        detail: detail(given, summary.state_details()),
    }
}

/// The one attempt of a run of which no others are known.
pub fn only_attempt(run: &JobRun) -> Attempt {
    Attempt {
        number: run.attempt,
        state: run.state,
        created: run.started.or(Some(run.created)),
        ended: run.ended,
        detail: run.detail.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use aws_sdk_emrserverless::primitives::DateTime as At;

    use super::*;

    fn listed(state: &str, details: &str) -> JobRun {
        let listed = JobRunSummary::builder()
            .application_id("app1")
            .id("run1")
            .arn("arn:run1")
            .created_by("ana")
            .created_at(At::from_secs(100))
            .updated_at(At::from_secs(900))
            .attempt_created_at(At::from_secs(200))
            .execution_role("role")
            .state(state.into())
            .state_details(details)
            .release_label("emr-7.1.0");
        summary(&"emr".into(), &Aliases::default(), &listed.build().unwrap())
    }

    #[test]
    fn a_listing_tells_what_it_knows_and_no_more() {
        let times = |run: &JobRun| (run.started.map(|t| t.timestamp()), run.ended.map(|t| t.timestamp()));
        for (state, expected) in [
            ("QUEUED", (None, None)),
            ("RUNNING", (Some(200), None)),
            ("SUCCESS", (Some(200), Some(900))),
            ("FAILED", (Some(200), Some(900))),
            ("CANCELLING", (None, None)),
            ("CANCELLED", (None, Some(900))), // it may never have begun
        ] {
            assert_eq!(times(&listed(state, "")), expected, "{state}");
        }
        let run = listed("FAILED", " boom ");
        assert_eq!((&*run.called, run.detail.as_deref(), run.uri.as_str()), ("run1", Some("boom"), "arn:run1"));
    }

    #[test]
    fn a_state_that_is_new_to_us_is_told() {
        let run = listed("PAUSED", "by the owner");
        assert_eq!((run.state, run.detail.as_deref()), (RunState::Pending, Some("PAUSED: by the owner")));
    }
}
