//! Job runs of a local environment: `_jobs/{job}/{run}/run.json`, and the log beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{beside, process, records};
use crate::lake::{ErrorClass, Key, Lake};
use crate::model::alias::Aliases;
use crate::model::run::{JobRun, JobRunId, LogPlace, RunState};
use crate::sources::SourceError;
use crate::sources::jobs::{Attempt, JobSource, RunDetail};

/// Where records of runs lie, below the lake's root.
pub const PREFIX: &str = "_jobs/";
/// The name of a record.
pub const RECORD: &str = "run.json";
/// The setting of a record that names the host and the process that runs the command.
pub const RUNNER: &str = "runner";
/// The setting of a record that names the command's own process: it may live on when its runner is gone.
pub const CHILD: &str = "process";
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
}

fn one() -> u32 {
    1
}

/// The runs recorded in a lake.
#[derive(Debug)]
pub struct LocalJobs {
    lake: Arc<dyn Lake>,
    aliases: Aliases,
    known: Mutex<BTreeMap<JobRunId, (Key, RunRecord)>>,
}

impl LocalJobs {
    /// The runs of a lake; `aliases` say which job a name means, and what it writes.
    pub fn new(lake: Arc<dyn Lake>, aliases: Aliases) -> Self {
        Self { lake, aliases, known: Mutex::default() }
    }

    fn run_of(&self, key: &Key, record: &RunRecord) -> Result<JobRun, SourceError> {
        let uri = self.lake.uri(key.as_str());
        let gone = is_alone(record);
        let state = if gone.is_some() { Some(RunState::Failed) } else { RunState::from_word(&record.state) };
        let state = state.ok_or_else(|| {
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
            detail: gone.or_else(|| record.detail.clone()),
            dataset,
            layer,
            date: record.date,
            backfill: record.backfill,
            uri,
            job,
        })
    }
}

/// Why a run that is said to go on does not: the process of this machine that ran it is gone, its own is not there, and
/// nobody wrote down how it ended.
fn is_alone(record: &RunRecord) -> Option<String> {
    let (host, runner) = record.settings.get(RUNNER).filter(|_| record.state == "running")?.split_once(' ')?;
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let runner: u32 = runner.parse().ok()?;
    let is_gone = host == here.trim() && !std::path::Path::new(&format!("/proc/{runner}")).exists();
    let lives_on = record.settings.get(CHILD).is_some_and(|child| !process::is_dead(child));
    (is_gone && !lives_on).then(|| format!("nobody knows how it ended: process {runner}, which ran it, is gone"))
}

#[async_trait]
impl JobSource for LocalJobs {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<JobRun>, SourceError> {
        let (found, mut fault) = records::<RunRecord>(self.lake.as_ref(), PREFIX, RECORD, MOST).await?;
        let mut runs = Vec::new();
        let mut known = BTreeMap::new();
        for (object, record) in found {
            // One record of an unknown word hides no other.
            let run = match self.run_of(&object.key, &record) {
                Ok(run) => run,
                Err(error) => {
                    tracing::warn!("{error}");
                    fault = fault.or(Some(error));
                    continue;
                }
            };
            if run.created >= since || !run.state.is_over() {
                known.insert(run.id.clone(), (object.key, record));
                runs.push(run);
            }
        }
        runs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        runs.truncate(most);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        match fault {
            Some(fault) if runs.is_empty() => Err(fault),
            _ => Ok(runs),
        }
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
        let log = record.log.as_deref().and_then(|name| beside(&key, name));
        Ok(RunDetail {
            attempts: vec![attempt],
            attempts_allowed: record.attempts_allowed,
            command: record.command.clone(),
            settings: record.settings.clone().into_iter().collect(),
            resources: None,
            log: log.into_iter().map(|key| LogPlace::File { path: PathBuf::from(key.0) }).collect(),
            metrics: None,
            run,
        })
    }

    async fn dashboard(&self, id: &JobRunId, _attempt: Option<u32>) -> Result<String, SourceError> {
        let error = SourceError::new(ErrorClass::Unsupported, id.0.to_string(), "a command has no pages of its own");
        Err(SourceError { hint: "its log says what there is".into(), ..error })
    }
}
