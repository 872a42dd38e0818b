//! DAG runs of a local environment: `_dags/{dag}/dag.json` and `_dags/{dag}/{run}/run.json` with its tasks, and the
//! logs of their tries beside it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::logs::LocalLogs;
use super::records;
use crate::lake::{ErrorClass, Lake};
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::run::{JobName, LogPlace};
use crate::sources::SourceError;
use crate::sources::dags::DagSource;
use crate::sources::logs::{LogPage, LogQuery, LogSource};

/// Where records of DAGs lie, below the lake's root.
pub const PREFIX: &str = "_dags/";
/// The name of a DAG's record.
pub const DAG: &str = "dag.json";
/// The name of a run's record.
pub const RUN: &str = "run.json";
/// Records read at most.
const MOST: usize = 1000;

/// What is written of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DagRecord {
    /// Its id.
    pub dag: String,
    /// Whether it is not scheduled.
    #[serde(default)]
    pub paused: bool,
    /// Its schedule.
    #[serde(default)]
    pub schedule: Option<String>,
    /// When its next run is due.
    #[serde(default)]
    pub next: Option<DateTime<Utc>>,
}

/// What is written of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DagRunRecord {
    /// Whose run.
    pub dag: String,
    /// Its id.
    pub run: String,
    /// Airflow's word for its state.
    pub state: String,
    /// What it is for.
    #[serde(default)]
    pub logical: Option<DateTime<Utc>>,
    /// When it began.
    #[serde(default)]
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default)]
    pub ended: Option<DateTime<Utc>>,
    /// Its tasks.
    #[serde(default)]
    pub tasks: Vec<TaskRecord>,
}

/// What is written of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its id.
    pub task: String,
    /// The job that it starts; its own id if unset.
    #[serde(default)]
    pub job: Option<String>,
    /// Airflow's word for its state.
    pub state: String,
    /// Which try this is.
    pub tries: u32,
    /// How many it has.
    pub tries_allowed: u32,
    /// When this try began.
    #[serde(default)]
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default)]
    pub ended: Option<DateTime<Utc>>,
    /// When the next one is due.
    #[serde(default)]
    pub next_try: Option<DateTime<Utc>>,
    /// Seconds between two tries.
    #[serde(default)]
    pub retry_delay_seconds: Option<u64>,
    /// Seconds that one try may take.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// What runs it.
    #[serde(default)]
    pub operator: Option<String>,
}

/// The DAG runs recorded in a lake.
#[derive(Debug)]
pub struct LocalDags {
    lake: Arc<dyn Lake>,
    logs: LocalLogs,
}

impl LocalDags {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self { logs: LocalLogs::new(Arc::clone(&lake)), lake }
    }

    async fn recorded(&self) -> Result<Vec<(String, DagRunRecord)>, SourceError> {
        let (found, fault) = records::<DagRunRecord>(self.lake.as_ref(), PREFIX, RUN, MOST).await?;
        match fault {
            Some(fault) if found.is_empty() => Err(fault),
            _ => Ok(found.into_iter().map(|(object, record)| (self.lake.uri(object.key.as_str()), record)).collect()),
        }
    }
}

/// The key of the log of one try, of `{run}/{task}.{try}.log`.
pub fn log_key(dag: &str, run: &str, task: &str, number: u32) -> String {
    format!("{PREFIX}{dag}/{run}/{task}.{number}.log")
}

fn run_of(uri: String, record: &DagRunRecord) -> DagRun {
    DagRun {
        dag: DagId(record.dag.as_str().into()),
        id: DagRunId(record.run.as_str().into()),
        state: TaskState::from_word(Some(&record.state)),
        logical: record.logical,
        started: record.started,
        ended: record.ended,
        kind: record.run.split("__").next().unwrap_or_default().to_owned(),
        uri,
    }
}

#[async_trait]
impl DagSource for LocalDags {
    fn name(&self) -> &'static str {
        "dags"
    }

    async fn check(&self) -> Result<String, SourceError> {
        let dags = self.dags().await?;
        Ok(format!("{} DAGs recorded under {PREFIX}", dags.len()))
    }

    async fn dags(&self) -> Result<Vec<Dag>, SourceError> {
        let (found, fault) = records::<DagRecord>(self.lake.as_ref(), PREFIX, DAG, MOST).await?;
        if let (Some(fault), true) = (fault, found.is_empty()) {
            return Err(fault);
        }
        let mut dags: Vec<Dag> = found
            .into_iter()
            .map(|(_, record)| Dag {
                id: DagId(record.dag.as_str().into()),
                paused: record.paused,
                schedule: record.schedule,
                next: record.next,
                broken: false,
            })
            .collect();
        dags.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(dags)
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<DagRun>, SourceError> {
        let mut runs: Vec<DagRun> =
            self.recorded().await?.into_iter().map(|(uri, record)| run_of(uri, &record)).collect();
        runs.retain(|r| r.started.is_none_or(|started| started >= since) || !r.state.is_over());
        runs.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| b.id.cmp(&a.id)));
        runs.truncate(most);
        Ok(runs)
    }

    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        let all = self.recorded().await?;
        let record = all.into_iter().map(|(_, r)| r).find(|r| r.dag == *dag.0 && r.run == *run.0).ok_or_else(|| {
            SourceError::new(ErrorClass::NotFound, self.lake.uri(&format!("{PREFIX}{}/", dag.0)), "no such run")
        })?;
        let task = |task: TaskRecord| TaskInstance {
            dag: dag.clone(),
            run: run.clone(),
            map_index: None,
            job: JobName(task.job.as_deref().unwrap_or(&task.task).into()),
            state: TaskState::from_word(Some(&task.state)),
            tries: task.tries,
            tries_allowed: task.tries_allowed,
            started: task.started,
            ended: task.ended,
            next_try: task.next_try,
            retry_delay_seconds: task.retry_delay_seconds,
            timeout_seconds: task.timeout_seconds,
            operator: task.operator,
            host: None,
            task: task.task,
        };
        let mut tasks: Vec<TaskInstance> = record.tasks.into_iter().map(task).collect();
        tasks.sort_by_key(|t| (t.started.is_none(), t.started));
        Ok(tasks)
    }

    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError> {
        let key = log_key(&task.dag.0, &task.run.0, &task.task, number);
        let place = LogPlace::File { path: PathBuf::from(key) };
        self.logs.read(&place, &LogQuery { most: usize::MAX, ..LogQuery::default() }, None).await
    }
}
