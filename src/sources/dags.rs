//! Where DAG runs are told of, and where they are acted on: two ports, since only the gate holds the second. Their end is
//! Airflow of either version, self-hosted or MWAA.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::logs::LogPage;
use super::{SourceError, Undone};
use crate::lake::ErrorClass;
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance};
use crate::model::dag_act::{Clear, MarkedAs, TaskRef, Trigger};

/// The DAGs and their runs at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DagsRead {
    /// The DAGs, those that are paused included.
    pub dags: Vec<Dag>,
    /// Their runs, newest first.
    pub runs: Vec<DagRun>,
    /// The task instances that came along; those of other runs are asked for.
    pub tasks: BTreeMap<(DagId, DagRunId), Vec<TaskInstance>>,
    /// What is left out, and why, in sentences; hostile text.
    pub notes: Vec<String>,
}

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

    /// Both at once, and what comes along without another request.
    async fn look(&self, since: DateTime<Utc>, most: usize) -> Result<DagsRead, SourceError> {
        let (dags, runs) = futures::try_join!(self.dags(), self.runs(since, most))?;
        Ok(DagsRead { dags, runs, ..DagsRead::default() })
    }

    /// The task instances of one run, in the order in which they began.
    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError>;

    /// The log of one try of a task.
    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError>;

    /// The task instances that a clear would come to, in order. Nothing is changed.
    async fn would_clear(&self, clear: &Clear) -> Result<Vec<TaskRef>, SourceError> {
        Err(SourceError::new(ErrorClass::Unsupported, clear.dag.0.to_string(), "no Airflow runs this DAG"))
    }
}

/// What acts on DAGs. Only the gate holds one.
#[async_trait]
pub trait DagControl: DagSource {
    /// Asks for a run. The same id again is the same request again.
    async fn trigger(&self, trigger: &Trigger) -> Result<(), Undone>;

    /// Lets task instances run anew.
    async fn clear(&self, clear: &Clear) -> Result<(), Undone>;

    /// Stops the schedule of a DAG, or lets it go on.
    async fn pause(&self, dag: &DagId, paused: bool) -> Result<(), Undone>;

    /// Says of a run that it ended so: what goes on in it is stopped.
    async fn mark_run(&self, dag: &DagId, run: &DagRunId, state: MarkedAs) -> Result<(), Undone>;

    /// Says of a task instance that it ended so.
    async fn mark_task(&self, dag: &DagId, run: &DagRunId, task: &TaskRef, state: MarkedAs) -> Result<(), Undone>;
}
