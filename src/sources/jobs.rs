//! Where job runs are told of: one port, and its ends, EMR Serverless and commands of this machine.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::SourceError;
use crate::model::metric::MetricPlace;
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

/// A source of job runs. Reads only.
#[async_trait]
pub trait JobSource: Send + Sync + Debug {
    /// Its name on screen: `emr`, `local`.
    fn name(&self) -> &'static str;

    /// Requests that it has sent since the start; none if the lake counts them.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The runs asked for since `since`, and those that are not over, newest first; at most `most`.
    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<JobRun>, SourceError>;

    /// One run, in full.
    async fn run(&self, id: &JobRunId) -> Result<RunDetail, SourceError>;

    /// A link to the run's own pages (Spark UI). It opens them to whoever has it: it is shown, never logged.
    async fn dashboard(&self, id: &JobRunId, attempt: Option<u32>) -> Result<String, SourceError>;
}
