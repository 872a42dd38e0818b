//! Acts on jobs and DAGs: what is wished for, the form of a rerun, and the tries that this console carries on. Nothing here
//! acts: each wish becomes a plan, and the question before it is the plan screen's.

mod form;
mod retries;
mod view;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::model::dag::{DagId, DagRunId, TaskState};
use crate::model::dag_act::{Clear, MarkedAs, TaskRef};
use crate::model::order::{JobOrder, Limits};
use crate::model::run::{JobRun, JobRunId};
use crate::model::spark::edit::Edits;
use crate::model::text::{escape, one_line};
use crate::ops::DrivePlan;
use crate::sources::SourceError;

use super::command::Command;
use super::jobs::{Node, NodeId};
use super::load::Fault;
use super::moves::Planning;
use super::msg::{Effect, RequestId};
use super::overlay::Overlay;
use super::plan::{PlanScreen, Subject};
use super::prompt::{Prompt, PromptKind};
use super::state::{State, Tab};

pub(super) use form::{RerunForm, key};
pub(super) use retries::{Retries, over, stands, told};
pub(super) use view::draw;

/// What is to be planned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// A run again; with `retry`, until it goes well.
    Rerun { source: Arc<str>, run: JobRunId, edits: Edits, retry: bool },
    /// The end of a run.
    Cancel { source: Arc<str>, run: JobRunId },
    /// A run of a DAG.
    Trigger { dag: DagId, logical: Option<DateTime<Utc>> },
    /// Task instances anew.
    Clear(Clear),
    /// A schedule stopped, or going on.
    Pause { dag: DagId, paused: bool },
    /// A run or a task said to have ended so.
    Mark { dag: DagId, run: DagRunId, task: Option<TaskRef>, state: MarkedAs },
}

/// The chosen run of a job.
fn run_of(state: &State) -> Result<&Arc<JobRun>, &'static str> {
    match state.jobs.selected() {
        Some(Node::JobRun { run, .. }) if state.tab == Tab::Jobs => Ok(run),
        _ if state.tab == Tab::Jobs => Err("choose a run of a job"),
        _ => Err("only on the Jobs tab"),
    }
}

/// The DAG of what is chosen.
fn dag_of(state: &State) -> Result<DagId, &'static str> {
    if state.tab != Tab::Jobs {
        return Err("only on the Jobs tab");
    }
    match state.jobs.selected().map(Node::id) {
        Some(NodeId::Dag(dag) | NodeId::DagRun(dag, _) | NodeId::Task(dag, ..)) => Ok(dag),
        _ => Err("choose a DAG, or a run of one"),
    }
}

/// The DAG run of what is chosen, and its task, if it is one.
fn dag_run_of(state: &State) -> Result<(DagId, DagRunId, Option<TaskRef>), &'static str> {
    if state.tab != Tab::Jobs {
        return Err("only on the Jobs tab");
    }
    match state.jobs.selected() {
        Some(Node::DagRun { run, .. }) => Ok((run.dag.clone(), run.id.clone(), None)),
        Some(Node::Task(task)) => {
            let of = TaskRef { task: task.task.clone(), map_index: task.map_index };
            Ok((task.dag.clone(), task.run.clone(), Some(of)))
        }
        _ => Err("choose a run of a DAG, or a task of one"),
    }
}

/// Whether a command on what is chosen can run.
pub(super) fn may(state: &State, command: Command) -> Result<(), Cow<'static, str>> {
    let may = match command {
        Command::Rerun | Command::DoubleMemory | Command::Retry => run_of(state).map(drop),
        Command::Cancel => run_of(state).and_then(|run| match run.state.is_over() {
            true => Err("this run is over"),
            false => Ok(()),
        }),
        Command::Trigger | Command::PauseDag => dag_of(state).map(drop),
        Command::Clear | Command::MarkAs => dag_run_of(state).map(drop),
        Command::StopRetry => match state.retries.is_empty() {
            true => Err("no tries go on"),
            false => Ok(()),
        },
        _ => Ok(()),
    };
    may.map_err(Cow::Borrowed)
}

/// Runs a command. What it needs was asked before.
pub(super) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Rerun | Command::DoubleMemory | Command::Retry => rerun(state, command, argument),
        Command::Cancel => {
            let Ok(run) = run_of(state).cloned() else { return Vec::new() };
            let what = format!("cancel of {}", one_line(&run.job.0, 40));
            wish(state, what, Wish::Cancel { source: run.source.clone(), run: run.id.clone() })
        }
        Command::Trigger => trigger(state, argument),
        Command::Clear => clear(state, argument),
        Command::PauseDag => {
            let Ok(dag) = dag_of(state) else { return Vec::new() };
            let known = state.lake.snapshot.pipeline.dags.iter().find(|known| known.id == dag);
            let paused = !known.is_some_and(|known| known.paused);
            let word = if paused { "pause" } else { "unpause" };
            wish(state, format!("{word} of {}", one_line(&dag.0, 40)), Wish::Pause { dag, paused })
        }
        Command::MarkAs => mark(state, argument),
        Command::StopRetry => retries::stop(state),
        _ => Vec::new(),
    }
}

fn rerun(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    let Ok(run) = run_of(state).cloned() else { return Vec::new() };
    let (source, id) = (run.source.clone(), run.id.clone());
    let name = one_line(&run.job.0, 40);
    let local = &*source == "local";
    if command == Command::Rerun && argument.is_empty() && !local {
        // What it was asked for with is read first: the form begins with it.
        let request = state.request();
        state.moves.planning = Some(Planning::new(request, format!("reading {name}")));
        return vec![Effect::Order { id: request, source, run: id }];
    }
    let mut edits = Edits { double_memory: command == Command::DoubleMemory, ..Edits::default() };
    for word in argument.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => edits.set.push((name.to_owned(), value.to_owned())),
            _ => {
                state.fail(format!("rerun: {:?} is no setting such as spark.executor.memory=8g", escape(word)));
                return Vec::new();
            }
        }
    }
    let retry = command == Command::Retry;
    if retry && local {
        state.fail("retry: a command of this machine is not retried");
        return Vec::new();
    }
    wish(state, format!("rerun of {name}"), Wish::Rerun { source, run: id, edits, retry })
}

/// Asks for the plan of a wish.
pub(super) fn wish(state: &mut State, what: String, wish: Wish) -> Vec<Effect> {
    let id = state.request();
    state.moves.planning = Some(Planning::new(id, what));
    vec![Effect::PlanDrive { id, wish }]
}

fn trigger(state: &mut State, argument: &str) -> Vec<Effect> {
    let Ok(dag) = dag_of(state) else { return Vec::new() };
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|t| t.and_utc());
    let logical = match argument.parse::<NaiveDate>().ok().and_then(midnight) {
        None if !argument.is_empty() => {
            state.fail(format!("trigger: {:?} is no date such as 2026-11-25", escape(argument)));
            return Vec::new();
        }
        logical => logical,
    };
    wish(state, format!("trigger of {}", one_line(&dag.0, 40)), Wish::Trigger { dag, logical })
}

/// Of a run what failed in it, of a task it and what comes after it; `all` is all of a run.
fn clear(state: &mut State, argument: &str) -> Vec<Effect> {
    let Ok((dag, run, task)) = dag_run_of(state) else { return Vec::new() };
    let all = match argument {
        "" | "failed" => false,
        "all" => true,
        other => {
            state.fail(format!("clear: {:?} is neither failed nor all", escape(other)));
            return Vec::new();
        }
    };
    let what = format!("clear of {}", one_line(&dag.0, 40));
    let only_failed = task.is_none() && !all;
    let downstream = task.is_some();
    let tasks = task.into_iter().map(|t| t.task).collect();
    wish(state, what, Wish::Clear(Clear { dag, run, tasks, only_failed, downstream }))
}

fn mark(state: &mut State, argument: &str) -> Vec<Effect> {
    let Ok((dag, run, task)) = dag_run_of(state) else { return Vec::new() };
    let Some(marked) = MarkedAs::from_word(argument) else {
        state.prompt = Some(Prompt::new(PromptKind::Command, "mark-as "));
        return Vec::new();
    };
    wish(state, format!("mark of {}", one_line(&dag.0, 40)), Wish::Mark { dag, run, task, state: marked })
}

/// A plan came, or why not.
pub(super) fn planned(
    state: &mut State,
    id: RequestId,
    result: Result<Box<DrivePlan>, SourceError>,
    retry: Option<Arc<str>>,
) -> Vec<Effect> {
    let Some(planning) = state.moves.planning.take_if(|p| p.id == id) else { return Vec::new() };
    match result {
        Ok(plan) => {
            let subject = Subject::Drive { plan, retry };
            state.overlay = Some(Overlay::Plan(Box::new(PlanScreen::new(subject))));
        }
        Err(error) => failed(state, &planning.what, &error),
    }
    Vec::new()
}

/// What a run was asked for with came, or not.
pub(super) fn ordered(
    state: &mut State,
    id: RequestId,
    result: Result<Box<(JobOrder, Limits)>, SourceError>,
) -> Vec<Effect> {
    let Some(planning) = state.moves.planning.take_if(|p| p.id == id) else { return Vec::new() };
    match (result, run_of(state).cloned()) {
        (Ok(order), Ok(run)) => {
            let (order, limits) = *order;
            state.overlay = Some(Overlay::Rerun(Box::new(RerunForm::new(&run, order, limits))));
        }
        // Something else was chosen meanwhile.
        (Ok(_), Err(_)) => {}
        (Err(error), _) => failed(state, &planning.what, &error),
    }
    Vec::new()
}

fn failed(state: &mut State, what: &str, error: &SourceError) {
    let fault = Fault::from(error);
    state.fail_with(format!("{what}: {}", fault.what), fault.hint);
}

/// What an earlier process left open was finished, in sentences.
pub(super) fn finished(state: &mut State, told: Vec<(bool, String)>) -> Vec<Effect> {
    let any = !told.is_empty();
    for (is_well, text) in told {
        let text = format!("left open earlier: {}", one_line(&text, 600));
        if is_well { state.say(text) } else { state.fail(text) }
    }
    if any { state.refresh() } else { Vec::new() }
}

/// The word of a task's state, in a plan.
pub(super) fn state_word(state: Option<TaskState>) -> &'static str {
    state.map_or("", TaskState::word)
}
