//! Where DAG runs are told of: one port, and its end, Airflow of either version, self-hosted or MWAA.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SourceError;
use super::logs::LogPage;
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance};

/// A source of DAG runs. Reads only.
#[async_trait]
pub trait DagSource: Send + Sync + Debug {
    /// Its name on screen: `airflow`.
    fn name(&self) -> &'static str;

    /// Requests that it has sent since the start; none if the lake counts them.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The version that answers, and where; what was seen, for `doctor`.
    async fn check(&self) -> Result<String, SourceError>;

    /// The DAGs, those that are paused included.
    async fn dags(&self) -> Result<Vec<Dag>, SourceError>;

    /// The runs of all DAGs that began since `since`, and those that are not over, newest first; at most `most`.
    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<DagRun>, SourceError>;

    /// The task instances of one run, in the order in which they began.
    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError>;

    /// The log of one try of a task.
    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError>;
}
