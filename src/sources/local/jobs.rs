//! Job runs of a local environment: `_jobs/{job}/{run}/run.json`, and the log beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::records::{Records, listed};
use super::{beside, process};
use crate::lake::{ErrorClass, Key, Lake};
use crate::model::alias::Aliases;
use crate::model::metric::MetricPlace;
use crate::model::run::{JobRun, JobRunId, LogPlace, RunState};
use crate::sources::SourceError;
use crate::sources::jobs::{Attempt, JobSource, JobsRead, RunDetail};

/// Where records of runs lie, below the lake's root.
pub const PREFIX: &str = "_jobs/";
/// The name of a record.
pub const RECORD: &str = "run.json";
/// The setting of a record that names the host and the process that runs the command, and when that began.
pub const RUNNER: &str = "runner";
/// The setting that names the command's process group, and when it began: it may outlive its runner.
pub const GROUP: &str = "process_group";
/// The variable by which a command, and all that it begins, tells whose it is: its group is written down only after it
/// began.
pub const RUN_VARIABLE: &str = "LAKEWARD_RUN";
/// Runs read at most.
const MOST: usize = 1000;

/// What is written of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Of this JSON: 1.
    pub schema: u32,
    /// Its id.
    pub id: String,
    /// The job.
    pub job: String,
    /// `running`, `success`, `failed`, …
    pub state: String,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When it began.
    #[serde(default)]
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default)]
    pub ended: Option<DateTime<Utc>>,
    /// Which attempt this is.
    #[serde(default = "one")]
    pub attempt: u32,
    /// How many it may take.
    #[serde(default = "one")]
    pub attempts_allowed: u32,
    /// Why it failed.
    #[serde(default)]
    pub detail: Option<String>,
    /// The date of the data.
    #[serde(default)]
    pub date: Option<NaiveDate>,
    /// Whether it fills in what is missing.
    #[serde(default)]
    pub backfill: bool,
    /// What ran.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its settings.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The name of the log beside this record.
    #[serde(default)]
    pub log: Option<String>,
    /// The name of the curves beside it: what it used, as it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

fn one() -> u32 {
    1
}

/// The runs recorded in a lake.
#[derive(Debug)]
pub struct LocalJobs {
    lake: Arc<dyn Lake>,
    aliases: Aliases,
    records: Records<RunRecord>,
    known: Mutex<BTreeMap<JobRunId, (Key, Arc<RunRecord>)>>,
}

impl LocalJobs {
    /// The runs of a lake; `aliases` say which job a name means, and what it writes.
    pub fn new(lake: Arc<dyn Lake>, aliases: Aliases) -> Self {
        Self { lake, aliases, records: Records::called(RECORD), known: Mutex::default() }
    }

    fn run_of(&self, key: &Key, record: &RunRecord) -> Result<JobRun, SourceError> {
        let uri = self.lake.uri(key.as_str());
        let (judged, told) = judged(record).unzip();
        let state = judged.or_else(|| RunState::from_word(&record.state)).ok_or_else(|| {
            SourceError::new(ErrorClass::Malformed, uri.clone(), format!("{:?} is no state of a run", record.state))
        })?;
        let job = self.aliases.read(&record.job).job;
        let (dataset, layer) = self.aliases.written(&job);
        Ok(JobRun {
            source: "local".into(),
            id: JobRunId(record.id.as_str().into()),
            called: record.job.as_str().into(),
            state,
            created: record.created,
            started: record.started,
            ended: record.ended,
            attempt: record.attempt,
            detail: told.or_else(|| record.detail.clone()),
            dataset,
            layer,
            date: record.date,
            backfill: record.backfill,
            uri,
            job,
        })
    }
}

/// How a run that is said to go on really stands, where its record alone does not tell it: whoever wrote it may have been
/// killed, and only the machine that ran it knows.
fn judged(record: &RunRecord) -> Option<(RunState, String)> {
    let (host, runner) = record.settings.get(RUNNER).filter(|_| record.state == "running")?.split_once(' ')?;
    let number = process::number(runner);
    match process::host() {
        Some(here) if here == host => {}
        Some(_) => return Some((RunState::Running, format!("on {host}: whether it still runs is told there only"))),
        None => {
            return Some((RunState::Running, "unknown whether it still runs: no process is told of here".to_owned()));
        }
    }
    match process::lives(runner) {
        Some(true) => return None,
        Some(false) => {}
        None => {
            return Some((RunState::Running, "unknown whether it still runs: no process is told of here".to_owned()));
        }
    }
    let unseen = format!("its end was not seen: process {number}, which ran it, is gone");
    let Some(noted) = record.settings.get(GROUP) else {
        if process::any_with(RUN_VARIABLE, &record.id) == Some(true) {
            return Some((RunState::Running, "its runner was killed; the command still runs".to_owned()));
        }
        return Some((RunState::Failed, format!("{unseen}; unknown whether the command still runs")));
    };
    let group = process::number(noted);
    Some(match process::group_lives(noted) {
        Some(true) => {
            let told = format!("its runner was killed; the command still runs as process group {group}");
            (RunState::Running, told)
        }
        Some(false) => (RunState::Failed, format!("{unseen}, and so is the command's process group {group}")),
        None => (RunState::Failed, format!("{unseen}; unknown whether process group {group}, its command, still runs")),
    })
}

/// Whether a command whose end nobody saw goes on no more: it never began, or all that it began is gone. What this machine
/// cannot tell goes on.
pub fn is_gone(record: &RunRecord) -> bool {
    let host = record.settings.get(RUNNER).and_then(|runner| runner.split_once(' ')).map(|(host, _)| host);
    let Some(group) = record.settings.get(GROUP) else {
        // Who began it may have been killed before that could be written down.
        return process::any_with(RUN_VARIABLE, &record.id) != Some(true);
    };
    let is_here = process::is_here(group) || (host.is_some() && host == process::host().as_deref());
    is_here && process::group_lives(group) == Some(false)
}

#[async_trait]
impl JobSource for LocalJobs {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<JobRun>, SourceError> {
        self.look(since, most).await.map(|read| read.runs)
    }

    async fn look(&self, since: DateTime<Utc>, most: usize) -> Result<JobsRead, SourceError> {
        let lake = self.lake.as_ref();
        let mut seen = self.records.among(lake, &listed(lake, PREFIX).await?, MOST).await?;
        let mut runs = Vec::new();
        let mut known = BTreeMap::new();
        for (key, record) in std::mem::take(&mut seen.found) {
            // One record of an unknown word hides no other.
            let run = match self.run_of(&key, &record) {
                Ok(run) => run,
                Err(fault) => {
                    seen.fault(fault);
                    continue;
                }
            };
            if run.created >= since || !run.state.is_over() {
                known.insert(run.id.clone(), (key, record));
                runs.push(run);
            }
        }
        runs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        runs.truncate(most);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        seen.silence(runs.is_empty())?;
        Ok(JobsRead { runs, notes: seen.notes() })
    }

    async fn run(&self, id: &JobRunId) -> Result<RunDetail, SourceError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let (key, record) = match known() {
            Some(known) => known,
            None => {
                self.runs(DateTime::UNIX_EPOCH, MOST).await?;
                known().ok_or_else(|| {
                    let error = SourceError::new(ErrorClass::NotFound, self.lake.uri(PREFIX), format!("no run {id}"));
                    SourceError { hint: "lakeward jobs list shows the runs there are".into(), ..error }
                })?
            }
        };
        let run = self.run_of(&key, &record)?;
        let attempt = Attempt {
            number: run.attempt,
            state: run.state,
            created: run.started,
            ended: run.ended,
            detail: run.detail.clone(),
        };
        let [log, metrics] =
            [&record.log, &record.metrics].map(|name| name.as_deref().and_then(|name| beside(&key, name)));
        Ok(RunDetail {
            attempts: vec![attempt],
            attempts_allowed: record.attempts_allowed,
            command: record.command.clone(),
            settings: record.settings.clone().into_iter().collect(),
            resources: None,
            log: log.into_iter().map(|key| LogPlace::File { path: PathBuf::from(key.0) }).collect(),
            metrics: metrics.map(|key| MetricPlace::File { key: key.0 }),
            run,
        })
    }

    async fn dashboard(&self, id: &JobRunId, _attempt: Option<u32>) -> Result<String, SourceError> {
        let error = SourceError::new(ErrorClass::Unsupported, id.0.to_string(), "a command has no pages of its own");
        Err(SourceError { hint: "its log says what there is".into(), ..error })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn record(runner: &str, group: Option<&str>) -> RunRecord {
        let mut settings = BTreeMap::from([(RUNNER.to_owned(), runner.to_owned())]);
        settings.extend(group.map(|group| (GROUP.to_owned(), group.to_owned())));
        let at = DateTime::UNIX_EPOCH;
        serde_json::from_value(serde_json::json!({
            "schema": 1, "id": "a-1", "job": "a", "state": "running", "created": at, "settings": settings,
        }))
        .unwrap()
    }

    #[test]
    fn only_the_machine_that_ran_it_tells_whether_it_still_runs() {
        let here = process::host().unwrap();
        let own = process::noted(std::process::id());
        // No process has a number of that size, and none began before the first.
        let (gone, unread) = ("4194999 1", "4194999 -");
        for (runner, group, state, told) in [
            (format!("{here} {own}"), None, None, ""),
            (format!("elsewhere {gone}"), Some(gone), Some(RunState::Running), "on elsewhere: whether"),
            (format!("{here} {gone}"), None, Some(RunState::Failed), "unknown whether the command still runs"),
            (format!("{here} 4194999"), Some(gone), Some(RunState::Failed), "and so is the command's process group"),
            (format!("{here} {gone}"), Some(unread), Some(RunState::Failed), "unknown whether process group 4194999"),
        ] {
            let (judged, detail) = judged(&record(&runner, group)).unzip();
            assert_eq!(judged, state, "{runner}");
            assert!(detail.unwrap_or_default().contains(told), "{runner}");
        }
        let over = RunRecord { state: "success".into(), ..record(&format!("{here} {gone}"), Some(gone)) };
        assert_eq!(judged(&over), None);
    }

    #[test]
    fn what_cannot_be_told_of_here_goes_on() {
        let here = process::host().unwrap();
        let own = process::noted(std::process::id());
        for (runner, group, gone) in [
            (format!("{here} 1 1"), None, true),
            (format!("{here} 1 1"), Some("4194999 1"), true),
            (format!("{here} 1 1"), Some("4194999 -"), false),
            ("elsewhere 1 1".to_owned(), Some("4194999 1"), false),
            ("elsewhere 1 1".to_owned(), Some("4194999 1 another-boot pid:[1]"), false),
            (format!("{here} 1 1"), Some("4194999 1 another-boot pid:[1]"), true),
            ("elsewhere 1 1".to_owned(), Some(own.replacen(process::number(&own), "4194999", 1).as_str()), true),
        ] {
            assert_eq!(is_gone(&record(&runner, group)), gone, "{runner} {group:?}");
        }
    }
}
