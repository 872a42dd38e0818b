//! What Airflow sends, in the words of both APIs, and what it is in ours. Fields that one of them does not have are
//! optional; none of the rest is read.

use std::cmp::Reverse;
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::address::part;
use super::transport::Api;
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::run::JobName;

/// A DAG of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireDag {
    pub dag_id: String,
    is_paused: Option<bool>,
    #[serde(default)]
    has_import_errors: Option<bool>,
    timetable_summary: Option<String>,
    timetable_description: Option<String>,
    schedule_interval: Option<Value>,
    next_dagrun_create_after: Option<DateTime<Utc>>,
    next_dagrun_run_after: Option<DateTime<Utc>>,
    fileloc: Option<String>,
    relative_fileloc: Option<String>,
    bundle_name: Option<String>,
}

/// A file that could not be imported.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ImportError {
    pub filename: Option<String>,
    bundle_name: Option<String>,
}

impl ImportError {
    /// 2.x names the whole path; 3.x the path within a bundle.
    pub fn is_of(&self, dag: &WireDag) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        same(&self.filename, &dag.fileloc)
            || (same(&self.filename, &dag.relative_fileloc) && same(&self.bundle_name, &dag.bundle_name))
    }

    /// A file that never gave a DAG: it stands under its own name, since no other is known.
    pub fn nameless(&self) -> Option<Dag> {
        let id = DagId(self.filename.as_deref().filter(|f| !f.is_empty())?.into());
        Some(Dag { id, paused: false, schedule: None, next: None, broken: true })
    }
}

impl WireDag {
    /// The DAG; `broken` if its file is known to be.
    pub fn dag(self, broken: bool) -> Dag {
        let cron = self.schedule_interval.as_ref().and_then(|s| s.get("value")).and_then(Value::as_str);
        let schedule = self.timetable_summary.or_else(|| cron.map(str::to_owned)).or(self.timetable_description);
        Dag {
            id: DagId(self.dag_id.into()),
            paused: self.is_paused.unwrap_or(false),
            schedule,
            next: self.next_dagrun_run_after.or(self.next_dagrun_create_after),
            broken: broken || self.has_import_errors.unwrap_or(false),
        }
    }
}

/// A run of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireRun {
    dag_id: String,
    dag_run_id: String,
    state: Option<String>,
    logical_date: Option<DateTime<Utc>>,
    execution_date: Option<DateTime<Utc>>,
    start_date: Option<DateTime<Utc>>,
    end_date: Option<DateTime<Utc>>,
    run_type: Option<String>,
}

impl WireRun {
    /// Whether nothing more comes of it.
    pub fn is_over(&self) -> bool {
        TaskState::from_word(self.state.as_deref()).is_over()
    }

    /// The run, and its page below `base`.
    pub fn run(self, api: Api, base: &str) -> DagRun {
        let (dag, run) = (part(&self.dag_id), part(&self.dag_run_id));
        let uri = match api {
            Api::V1 => format!("{base}/dags/{dag}/grid?dag_run_id={run}"),
            Api::V2 => format!("{base}/dags/{dag}/runs/{run}"),
        };
        DagRun {
            dag: DagId(self.dag_id.into()),
            id: DagRunId(self.dag_run_id.into()),
            state: TaskState::from_word(self.state.as_deref()),
            logical: self.logical_date.or(self.execution_date),
            started: self.start_date,
            ended: self.end_date,
            kind: self.run_type.unwrap_or_default(),
            uri,
        }
    }
}

/// Runs of several lists as one: each once, those that are not over before all others if not all have room, newest
/// first. What has not begun is the newest.
pub(super) fn newest(mut runs: Vec<DagRun>, most: usize) -> Vec<DagRun> {
    let began = |run: &DagRun| run.started.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut seen = HashSet::new();
    runs.retain(|run| seen.insert((run.dag.clone(), run.id.clone())));
    runs.sort_by_key(|run| (run.state.is_over(), Reverse(began(run))));
    runs.truncate(most);
    runs.sort_by_key(|run| Reverse(began(run)));
    runs
}

/// A task instance of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireTask {
    dag_id: String,
    dag_run_id: String,
    task_id: String,
    map_index: Option<i32>,
    state: Option<String>,
    try_number: Option<i64>,
    max_tries: Option<i64>,
    start_date: Option<DateTime<Utc>>,
    end_date: Option<DateTime<Utc>>,
    operator: Option<String>,
    hostname: Option<String>,
}

impl WireTask {
    /// The task instance; its next try is for others to reckon.
    pub fn task(self, names: &dyn Fn(&str) -> JobName) -> TaskInstance {
        let number = |n: Option<i64>| u32::try_from(n.unwrap_or(0).max(0)).unwrap_or(u32::MAX);
        let told = |text: Option<String>| text.filter(|t| !t.is_empty());
        TaskInstance {
            dag: DagId(self.dag_id.into()),
            run: DagRunId(self.dag_run_id.into()),
            job: names(&self.task_id),
            task: self.task_id,
            // -1 is Airflow's word for a task that is not mapped.
            map_index: self.map_index.filter(|i| *i >= 0),
            state: TaskState::from_word(self.state.as_deref()),
            tries: number(self.try_number),
            // `max_tries` counts the retries, not the first try.
            tries_allowed: number(self.max_tries).saturating_add(1),
            started: self.start_date,
            ended: self.end_date,
            next_try: None,
            retry_delay_seconds: None,
            timeout_seconds: None,
            operator: told(self.operator),
            host: told(self.hostname),
        }
    }
}
