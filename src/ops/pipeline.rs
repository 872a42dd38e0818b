//! What is known of the pipeline beside the lake: job runs, DAGs, their runs and tasks; and what a log is asked of.
//! Plain data; the sources behind it are not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lake::{ErrorClass, LakeError};
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance};
use crate::model::run::{JobRun, JobRunId, LogPlace};
use crate::sources::SourceError;
use crate::sources::jobs::RunDetail;
use crate::sources::logs::{LogCursor, LogPage, LogQuery};

use super::Session;

/// What the sources of runs said last.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// Job runs, newest first.
    pub jobs: Vec<Arc<JobRun>>,
    /// DAGs, those that are paused included.
    pub dags: Vec<Arc<Dag>>,
    /// Runs of DAGs, newest first.
    pub dag_runs: Vec<Arc<DagRun>>,
    /// Task instances of the runs for which they were read; of the others they are asked for when looked at.
    pub tasks: BTreeMap<(DagId, DagRunId), Vec<Arc<TaskInstance>>>,
}

/// Whose log is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOf {
    /// A job run's, wherever it lies.
    Run {
        /// The source that tells of the run.
        source: Arc<str>,
        /// The run.
        id: JobRunId,
    },
    /// One try of a task.
    Task {
        /// The task.
        task: Arc<TaskInstance>,
        /// Which try, from 1.
        number: u32,
    },
    /// What lies at one place.
    Place(LogPlace),
}

impl Session {
    /// One job run in full.
    pub async fn run_detail(&self, source: &str, id: &JobRunId) -> Result<RunDetail, SourceError> {
        Err(unconnected(format!("{source} {id}")))
    }

    /// The task instances of one DAG run.
    pub async fn dag_tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        Err(unconnected(format!("{} {}", dag.0, run.0)))
    }

    /// Lines of a log, from its beginning or from a cursor on.
    pub async fn log(&self, of: &LogOf, _: &LogQuery, _: Option<&LogCursor>) -> Result<LogPage, SourceError> {
        Err(unconnected(match of {
            LogOf::Run { source, id } => format!("log of {source} {id}"),
            LogOf::Task { task, .. } => format!("log of {}", task.task),
            LogOf::Place(_) => "log".to_owned(),
        }))
    }
}

fn unconnected(object: String) -> SourceError {
    let error = LakeError::new(ErrorClass::Unsupported, object, "no source of runs and logs is connected");
    LakeError { hint: "lakeward doctor shows which sources are configured".into(), ..error }
}
