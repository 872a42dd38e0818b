//! Acts on jobs and DAGs as plans: what would be asked of which service, with what differs and why it might be refused.
//! Planning reads; the gate does.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::gate::chance;
use super::{CancelAsk, DagAsk, GateError, Outcome, Session, SubmitAsk, Watch, WriteEffect};
use crate::lake::{ErrorClass, LakeError};
use crate::model::act::{ActId, ClientToken};
use crate::model::dag::{DagId, DagRunId, TaskState};
use crate::model::dag_act::{Clear, DagAct, MarkedAs, TaskRef, Trigger};
use crate::model::order::{JobOrder, Limits};
use crate::model::protection::Confirmation;
use crate::model::run::JobRunId;
use crate::model::spark::edit::{Change, Edits, edited};
use crate::sources::SourceError;

/// An act on a job or a DAG, planned.
#[derive(Debug, Clone, PartialEq)]
pub struct DrivePlan {
    /// What the gate is asked.
    pub effect: WriteEffect,
    /// What it is, in one line. Hostile text, as all texts here.
    pub title: String,
    /// What to know of it: a word and its value.
    pub fields: Vec<(&'static str, String)>,
    /// What differs from the run that it repeats.
    pub changes: Vec<Change>,
    /// The task instances that it names.
    pub tasks: Vec<ClearedTask>,
    /// Why it cannot be done.
    pub refused: Vec<String>,
    /// What else to know.
    pub notes: Vec<String>,
}

/// A task instance that a clear names, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClearedTask {
    /// Which.
    #[serde(flatten)]
    pub task: TaskRef,
    /// Where it stands, if that is known.
    pub state: Option<TaskState>,
}

impl DrivePlan {
    fn of(effect: WriteEffect, title: String) -> Self {
        let (fields, changes, tasks) = (Vec::new(), Vec::new(), Vec::new());
        Self { effect, title, fields, changes, tasks, refused: Vec::new(), notes: Vec::new() }
    }

    /// How many objects it names: runs, DAGs or task instances.
    pub fn objects(&self) -> u64 {
        self.effect.objects().unwrap_or(1)
    }
}

impl Session {
    /// A run again: as it was, but for the edits. A run of a command of this machine is that command again.
    pub async fn plan_rerun(
        &self,
        source: &str,
        id: &JobRunId,
        edits: &Edits,
        now: DateTime<Utc>,
    ) -> Result<DrivePlan, SourceError> {
        let detail = self.run_detail(source, id).await?;
        let run = &detail.run;
        if source == "local" {
            // Only what the operator says: settings in a record are whoever's wrote it, and would be its environment.
            let ask = self.plan_run(&run.job, run.date, edits.set.clone())?;
            let mut plan = DrivePlan::of(WriteEffect::Run(ask.clone()), format!("run {} again", run.job));
            plan.fields.push(("job", run.job.to_string()));
            plan.fields.push(("as", run.id.to_string()));
            plan.fields.push(("in", ask.folder.display().to_string()));
            plan.fields.extend(ask.command.iter().map(|word| ("command", word.clone())));
            plan.fields.extend(ask.settings.iter().map(|(name, value)| ("set", format!("{name}={value}"))));
            if edits.double_memory {
                plan.refused.push("what memory a command of this machine has is not known: NAME=VALUE sets it".into());
            }
            if edits.arguments.is_some() {
                plan.refused
                    .push("a command of this machine takes no arguments: its configuration has it whole".into());
            }
            return Ok(plan);
        }
        let found = self.source_of(source)?;
        let original = found.order(id).await?;
        let mut notes = Vec::new();
        let limits = match found.limits(&original.application).await {
            Ok(limits) => limits,
            // Whoever may start runs may not be allowed to look at their application.
            Err(e) if matches!(e.class, ErrorClass::Denied | ErrorClass::Unsupported) => {
                notes.push(format!("whether it fits into the application is not known: {e}"));
                Limits::default()
            }
            Err(e) => return Err(e),
        };
        let edited = edited(&original, edits, &limits);
        let why = edited.sentence();
        let act = ActId::new("rerun", now, chance());
        let ask = SubmitAsk {
            token: ClientToken::of(&act, 1),
            id: act,
            job: run.job.clone(),
            order: edited.order.clone(),
            of: Some(id.clone()),
            why: why.clone(),
            refused: edited.faults.clone(),
        };
        let mut plan = DrivePlan::of(WriteEffect::Submit(Box::new(ask)), format!("run {} again", run.job));
        let application = match &limits.name {
            Some(name) => format!("{name} ({}, {})", original.application, limits.release),
            None => original.application.clone(),
        };
        plan.fields.push(("job", run.job.to_string()));
        plan.fields.push(("as", id.to_string()));
        plan.fields.push(("in", application));
        plan.fields.push(("role", original.role.clone()));
        plan.fields.push(("runs", edited.order.command().join(" ")));
        plan.changes = edited.changes;
        plan.refused = edited.faults;
        notes.extend(edited.notes);
        notes.extend(self.going_on(&run.job, id));
        plan.notes = notes;
        Ok(plan)
    }

    /// What a run was asked for with, and what its application allows; where that may not be looked at, nothing is known
    /// of it.
    pub async fn order_of(&self, source: &str, id: &JobRunId) -> Result<(JobOrder, Limits), SourceError> {
        let found = self.source_of(source)?;
        let order = found.order(id).await?;
        let limits = found.limits(&order.application).await.unwrap_or_default();
        Ok((order, limits))
    }

    /// Another run of the same job that is not over: two at once write the same data.
    fn going_on(&self, job: &crate::model::run::JobName, but: &JobRunId) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let other = last.pipeline.jobs.iter().find(|run| run.job == *job && !run.state.is_over());
        other.map(|run| match run.id == *but {
            true => format!("{} is not over: it is {}", run.id, run.state.word()),
            false => format!("another run of this job is not over: {} is {}", run.id, run.state.word()),
        })
    }

    /// The end of a run.
    pub async fn plan_cancel(&self, source: &str, id: &JobRunId, now: DateTime<Utc>) -> Result<DrivePlan, SourceError> {
        let run = self.run_detail(source, id).await?.run;
        let ask = CancelAsk { id: ActId::new("cancel", now, chance()), job: run.job.clone(), run: id.clone() };
        let mut plan = DrivePlan::of(WriteEffect::Cancel(ask), format!("cancel {} of {}", id, run.job));
        plan.fields.push(("job", run.job.to_string()));
        plan.fields.push(("run", id.to_string()));
        plan.fields.push(("state", run.state.word().to_owned()));
        if source == "local" {
            plan.refused.push("it is a command of this machine: stop the lakeward that runs it (Ctrl-C there)".into());
        } else if run.state.is_over() {
            plan.refused.push(format!("it is over: {}", run.state.word()));
        }
        Ok(plan)
    }

    /// A run of a DAG.
    pub fn plan_trigger(
        &self,
        dag: &DagId,
        conf: Map<String, Value>,
        logical: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> DrivePlan {
        let id = ActId::new("trigger", now, chance());
        // The run's id is ours: a request whose reply is lost is found by it.
        let run = DagRunId(format!("lakeward__{}", id.0).into());
        let mut plan = dag_plan(id, DagAct::Trigger(Trigger { dag: dag.clone(), run, conf: conf.clone(), logical }));
        if let Some(logical) = logical {
            plan.fields.push(("for", logical.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
        }
        for (name, value) in &conf {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            plan.fields.push(("conf", format!("{name} = {}", crate::model::masked::value(name, &value))));
        }
        plan.notes.extend(self.paused(dag));
        plan
    }

    fn paused(&self, dag: &DagId) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = last.pipeline.dags.iter().find(|known| known.id == *dag)?;
        known.paused.then(|| "the DAG is paused: its runs wait until it is not".to_owned())
    }

    /// Task instances to run anew: those that Airflow itself says it would clear.
    pub async fn plan_clear(&self, clear: Clear, now: DateTime<Utc>) -> Result<DrivePlan, SourceError> {
        let dags = self.connected.dags.as_ref();
        let dags =
            dags.ok_or_else(|| LakeError::new(ErrorClass::Unsupported, clear.dag.0.to_string(), "no Airflow"))?;
        let tasks = dags.would_clear(&clear).await?;
        let known = dags.tasks(&clear.dag, &clear.run).await.unwrap_or_default();
        let state = |task: &TaskRef| {
            let its = known
                .iter()
                .find(|k| k.task == task.task && (task.map_index.is_none() || k.map_index == task.map_index));
            its.map(|k| k.state)
        };
        let named = tasks.iter().map(|task| ClearedTask { task: task.clone(), state: state(task) }).collect();
        let paused = self.paused(&clear.dag);
        let empty = tasks.is_empty();
        let mut plan = dag_plan(ActId::new("clear", now, chance()), DagAct::Clear { clear, tasks });
        plan.tasks = named;
        plan.notes.extend(paused);
        if empty {
            plan.refused.push("there is nothing to clear".to_owned());
        }
        Ok(plan)
    }

    /// A DAG's schedule stopped, or going on.
    pub fn plan_pause(&self, dag: &DagId, paused: bool, now: DateTime<Utc>) -> DrivePlan {
        let word = if paused { "pause" } else { "unpause" };
        dag_plan(ActId::new(word, now, chance()), DagAct::Pause { dag: dag.clone(), paused })
    }

    /// A run, or one task instance of it, said to have ended so.
    pub fn plan_mark(
        &self,
        dag: &DagId,
        run: &DagRunId,
        task: Option<TaskRef>,
        state: MarkedAs,
        now: DateTime<Utc>,
    ) -> DrivePlan {
        let (dag, run) = (dag.clone(), run.clone());
        let act = match task {
            Some(task) => DagAct::MarkTask { dag, run, task, state },
            None => DagAct::MarkRun { dag, run, state },
        };
        let mut plan = dag_plan(ActId::new("mark", now, chance()), act);
        plan.notes.push("nothing runs by it: the data is as it was".to_owned());
        plan
    }

    /// Takes up what was begun on this machine and has no end: a submission whose reply was lost is asked for again with
    /// its own token. What another living process is on is left to it.
    pub async fn finish_acts(&self) -> Vec<(String, Result<Outcome, GateError>)> {
        let Some(gate) = self.gate() else { return Vec::new() };
        let mut ended = Vec::new();
        for act in gate.open_acts().await.into_iter().filter(|act| !act.is_elsewhere) {
            let effect = WriteEffect::Finish(act.id);
            ended.push((act.what, gate.perform(effect, Some(Confirmation::Yes), &Watch::default()).await));
        }
        ended
    }
}

fn dag_plan(id: ActId, act: DagAct) -> DrivePlan {
    let title = act.sentence();
    let mut fields = vec![("dag", act.dag().0.to_string())];
    fields.extend(act.run().map(|run| ("run", run.0.to_string())));
    let effect = WriteEffect::Dag(Box::new(DagAsk { id, act }));
    DrivePlan { fields, ..DrivePlan::of(effect, title) }
}
