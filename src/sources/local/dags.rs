//! DAG runs of a local environment: `_dags/{dag}/dag.json` and `_dags/{dag}/{run}/run.json` with its tasks, and the
//! logs of their tries beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::logs::LocalLogs;
use super::records::{Records, Seen, listed};
use crate::lake::{ErrorClass, Key, Lake};
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::run::{JobName, LogPlace};
use crate::sources::SourceError;
use crate::sources::dags::{DagSource, DagsRead};
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
    dags: Records<DagRecord>,
    runs: Records<DagRunRecord>,
}

impl LocalDags {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        let (dags, runs) = (Records::called(DAG), Records::called(RUN));
        Self { logs: LocalLogs::new(Arc::clone(&lake)), lake, dags, runs }
    }

    /// All that is recorded: one listing, and what changed.
    async fn recorded(&self) -> Result<(Seen<DagRecord>, Seen<DagRunRecord>), SourceError> {
        let lake = self.lake.as_ref();
        let listed = listed(lake, PREFIX).await?;
        let (dags, runs) =
            futures::try_join!(self.dags.among(lake, &listed, MOST), self.runs.among(lake, &listed, MOST))?;
        dags.silence(dags.found.is_empty())?;
        runs.silence(runs.found.is_empty())?;
        Ok((dags, runs))
    }

    fn run_of(&self, key: &Key, record: &DagRunRecord) -> DagRun {
        DagRun {
            dag: DagId(record.dag.as_str().into()),
            id: DagRunId(record.run.as_str().into()),
            state: TaskState::from_word(Some(&record.state)),
            logical: record.logical,
            started: record.started,
            ended: record.ended,
            kind: record.run.split("__").next().unwrap_or_default().to_owned(),
            uri: self.lake.uri(key.as_str()),
        }
    }
}

/// The key of the log of one try, of `{run}/{task}.{try}.log`.
pub fn log_key(dag: &str, run: &str, task: &str, number: u32) -> String {
    format!("{PREFIX}{dag}/{run}/{task}.{number}.log")
}

fn tasks_of(record: &DagRunRecord) -> Vec<TaskInstance> {
    let task = |task: &TaskRecord| TaskInstance {
        dag: DagId(record.dag.as_str().into()),
        run: DagRunId(record.run.as_str().into()),
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
        operator: task.operator.clone(),
        host: None,
        task: task.task.clone(),
    };
    let mut tasks: Vec<TaskInstance> = record.tasks.iter().map(task).collect();
    tasks.sort_by_key(|t| (t.started.is_none(), t.started));
    tasks
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
        self.look(DateTime::<Utc>::MIN_UTC, MOST).await.map(|read| read.dags)
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<DagRun>, SourceError> {
        self.look(since, most).await.map(|read| read.runs)
    }

    async fn look(&self, since: DateTime<Utc>, most: usize) -> Result<DagsRead, SourceError> {
        let (dags, recorded) = self.recorded().await?;
        let mut notes = dags.notes();
        notes.extend(recorded.notes());
        let dag = |(_, record): (Key, Arc<DagRecord>)| Dag {
            id: DagId(record.dag.as_str().into()),
            paused: record.paused,
            schedule: record.schedule.clone(),
            next: record.next,
            broken: false,
        };
        let mut dags: Vec<Dag> = dags.found.into_iter().map(dag).collect();
        dags.sort_by(|a, b| a.id.cmp(&b.id));
        let mut tasks = BTreeMap::new();
        let mut runs: Vec<DagRun> = Vec::new();
        for (key, record) in recorded.found {
            let run = self.run_of(&key, &record);
            tasks.entry((run.dag.clone(), run.id.clone())).or_insert_with(|| tasks_of(&record));
            runs.push(run);
        }
        runs.retain(|r| r.started.is_none_or(|started| started >= since) || !r.state.is_over());
        runs.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| b.id.cmp(&a.id)));
        runs.truncate(most);
        Ok(DagsRead { dags, runs, tasks, notes })
    }

    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        let (_, all) = self.recorded().await?;
        let record = all.found.iter().map(|(_, r)| r).find(|r| r.dag == *dag.0 && r.run == *run.0);
        let record = record.ok_or_else(|| {
            SourceError::new(ErrorClass::NotFound, self.lake.uri(&format!("{PREFIX}{}/", dag.0)), "no such run")
        })?;
        Ok(tasks_of(record))
    }

    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError> {
        let key = log_key(&task.dag.0, &task.run.0, &task.task, number);
        let place = LogPlace::File { path: PathBuf::from(key) };
        self.logs.read(&place, &LogQuery { most: usize::MAX, ..LogQuery::default() }, None).await
    }
}
