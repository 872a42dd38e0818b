//! Where job runs are told of, and where they are asked for: two ports, since only the gate holds the second. Their ends
//! are EMR Serverless and, of the first, commands of this machine.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{SourceError, Undone};
use crate::lake::ErrorClass;
use crate::model::act::ClientToken;
use crate::model::metric::MetricPlace;
use crate::model::order::{JobOrder, Limits};
use crate::model::run::{JobRun, JobRunId, LogPlace, ResourceUse, RunState};

/// One attempt of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// How it stands, or ended.
    pub state: RunState,
    /// When it began.
    pub created: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// What the source says of its state. Hostile text.
    pub detail: Option<String>,
}

/// What is asked for when one run is looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetail {
    /// The run.
    pub run: JobRun,
    /// Its attempts, the first one first; one where the source knows of no others.
    pub attempts: Vec<Attempt>,
    /// How many attempts it may take; 1 is no retry.
    pub attempts_allowed: u32,
    /// What it runs: the entry point and its arguments. Values that are named as secrets are masked.
    pub command: Vec<String>,
    /// Its settings (`spark.executor.memory`), in the source's order; masked likewise.
    pub settings: Vec<(String, String)>,
    /// What it took.
    pub resources: Option<ResourceUse>,
    /// Where its log lies; none if it keeps none.
    pub log: Vec<LogPlace>,
    /// Where its metrics are kept, if anywhere.
    #[serde(skip)]
    pub metrics: Option<MetricPlace>,
}

/// The runs at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobsRead {
    /// Newest first.
    pub runs: Vec<JobRun>,
    /// What is left out, and why, in sentences; hostile text.
    pub notes: Vec<String>,
}

/// A source of job runs. Reads only.
#[async_trait]
pub trait JobSource: Send + Sync + Debug {
    /// Its name on screen: `emr`, `local`.
    fn name(&self) -> &'static str;

    /// Whether a run that names this as its source is one of its own.
    fn tells_of(&self, source: &str) -> bool {
        source == self.name()
    }

    /// Requests that it has sent since the start; none if the lake counts them.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The runs asked for since `since`, and those that are not over, newest first; at most `most`.
    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<JobRun>, SourceError>;

    /// The same, with what is left out of them.
    async fn look(&self, since: DateTime<Utc>, most: usize) -> Result<JobsRead, SourceError> {
        Ok(JobsRead { runs: self.runs(since, most).await?, notes: Vec::new() })
    }

    /// One run, in full.
    async fn run(&self, id: &JobRunId) -> Result<RunDetail, SourceError>;

    /// A link to the run's own pages (Spark UI). It opens them to whoever has it: it is shown, never logged.
    async fn dashboard(&self, id: &JobRunId, attempt: Option<u32>) -> Result<String, SourceError>;

    /// What a run was asked for with, as it was: to ask for it again. Nothing in it is masked.
    async fn order(&self, id: &JobRunId) -> Result<JobOrder, SourceError> {
        let error = SourceError::new(ErrorClass::Unsupported, id.0.to_string(), "it is no run of EMR Serverless");
        Err(SourceError { hint: "a job that is a command: lakeward jobs run JOB".to_owned(), ..error })
    }

    /// What an application allows its runs.
    async fn limits(&self, application: &str) -> Result<Limits, SourceError> {
        Err(SourceError::new(ErrorClass::Unsupported, application, "it is no application of EMR Serverless"))
    }
}

/// What starts and ends job runs. Only the gate holds one.
#[async_trait]
pub trait JobRunner: Send + Sync + Debug {
    /// The name of the source that tells of what it starts: `emr`.
    fn name(&self) -> &'static str;

    /// Asks for a run. The same token again is the same request again: it answers the run that there is.
    async fn start(&self, order: &JobOrder, token: &ClientToken) -> Result<JobRunId, Undone>;

    /// Asks a run to end. One that is over stays as it is.
    async fn cancel(&self, id: &JobRunId) -> Result<(), Undone>;
}
