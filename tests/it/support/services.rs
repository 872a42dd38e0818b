//! Services that run jobs and DAGs, in memory: they keep what was asked of them, remember tokens as EMR Serverless does,
//! and lose a reply when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lakeward::lake::ErrorClass;
use lakeward::model::act::ClientToken;
use lakeward::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance};
use lakeward::model::dag_act::{Clear, MarkedAs, TaskRef, Trigger};
use lakeward::model::order::JobOrder;
use lakeward::model::run::JobRunId;
use lakeward::sources::dags::{DagControl, DagSource};
use lakeward::sources::jobs::JobRunner;
use lakeward::sources::logs::LogPage;
use lakeward::sources::{SourceError, Undone};

#[derive(Debug, Clone, Default)]
pub struct Services(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Runs by the token that asked for them.
    runs: BTreeMap<ClientToken, JobRunId>,
    /// Everything that changed something, in words.
    done: Vec<String>,
    /// What a clear would come to.
    clearable: Vec<TaskRef>,
    /// Whether the next act is done and not answered.
    loses: bool,
    /// Whether the next act is refused.
    refuses: bool,
}

impl Services {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The next act is done, and its reply lost.
    pub fn lose_the_next_reply(&self) {
        self.state().loses = true;
    }

    pub fn refuse_the_next(&self) {
        self.state().refuses = true;
    }

    /// What was done, in words.
    pub fn done(&self) -> Vec<String> {
        self.state().done.clone()
    }

    pub fn clearable(&self, tasks: &[&str]) {
        let task = |task: &&str| TaskRef { task: (*task).to_owned(), map_index: None };
        self.state().clearable = tasks.iter().map(task).collect();
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, Undone> {
        let mut state = self.state();
        let error = |class, detail: &str| SourceError::new(class, "service", detail);
        if std::mem::take(&mut state.refuses) {
            return Err(Undone::Refused(error(ErrorClass::Denied, "not allowed")));
        }
        let answer = act(&mut state);
        if std::mem::take(&mut state.loses) {
            return Err(Undone::Unknown(error(ErrorClass::Unreachable, "no answer in time")));
        }
        Ok(answer)
    }

    fn note(&self, what: String) -> Result<(), Undone> {
        self.act(|state| state.done.push(what))
    }
}

#[async_trait]
impl JobRunner for Services {
    fn name(&self) -> &'static str {
        "emr"
    }

    async fn start(&self, order: &JobOrder, token: &ClientToken) -> Result<JobRunId, Undone> {
        self.act(|state| {
            let next = state.runs.len() + 1;
            if !state.runs.contains_key(token) {
                state.done.push(format!("start {} {}", order.entry, order.parameters).trim_end().to_owned());
            }
            state.runs.entry(token.clone()).or_insert_with(|| JobRunId(format!("run-{next}").into())).clone()
        })
    }

    async fn cancel(&self, id: &JobRunId) -> Result<(), Undone> {
        self.note(format!("cancel {id}"))
    }
}

#[async_trait]
impl DagSource for Services {
    fn name(&self) -> &'static str {
        "airflow"
    }

    async fn check(&self) -> Result<String, SourceError> {
        Ok("in memory".to_owned())
    }

    async fn dags(&self) -> Result<Vec<Dag>, SourceError> {
        Ok(Vec::new())
    }

    async fn runs(&self, _: DateTime<Utc>, _: usize) -> Result<Vec<DagRun>, SourceError> {
        Ok(Vec::new())
    }

    async fn tasks(&self, _: &DagId, _: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        Ok(Vec::new())
    }

    async fn log(&self, _: &TaskInstance, _: u32) -> Result<LogPage, SourceError> {
        Ok(LogPage::default())
    }

    async fn would_clear(&self, _: &Clear) -> Result<Vec<TaskRef>, SourceError> {
        Ok(self.state().clearable.clone())
    }
}

#[async_trait]
impl DagControl for Services {
    async fn trigger(&self, trigger: &Trigger) -> Result<(), Undone> {
        self.note(format!("trigger {} {}", trigger.dag.0, trigger.run.0))
    }

    async fn clear(&self, clear: &Clear) -> Result<(), Undone> {
        self.note(format!("clear {} {}", clear.dag.0, clear.run.0))
    }

    async fn pause(&self, dag: &DagId, paused: bool) -> Result<(), Undone> {
        self.note(format!("pause {} {paused}", dag.0))
    }

    async fn mark_run(&self, dag: &DagId, run: &DagRunId, state: MarkedAs) -> Result<(), Undone> {
        self.note(format!("mark {} {} {}", dag.0, run.0, state.word()))
    }

    async fn mark_task(&self, dag: &DagId, run: &DagRunId, task: &TaskRef, state: MarkedAs) -> Result<(), Undone> {
        self.note(format!("mark {} {} {} {}", dag.0, run.0, task.task, state.word()))
    }
}
