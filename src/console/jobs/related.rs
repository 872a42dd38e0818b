//! From what is chosen to the run behind it, on whatever tab: one key each, and esc leads back.

use std::sync::Arc;

use super::go_to;
use super::tree::{Node, NodeId, job_run_id};
use crate::console::msg::Effect;
use crate::console::state::{State, Tab};
use crate::console::update::jump;
use crate::model::dag::{DagRun, TaskInstance};
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::run::JobRun;
use crate::model::story::{self, Traces};

/// The run behind what is chosen.
#[derive(Debug, Clone, Copy)]
pub(in crate::console) enum Related<'s> {
    /// A job's.
    Job(&'s Arc<JobRun>),
    /// A DAG's.
    Dag(&'s Arc<DagRun>),
}

/// The job run that an alert or dead letters come from.
pub(in crate::console) fn job_run(state: &State) -> Result<&Arc<JobRun>, &'static str> {
    let runs = &state.lake.snapshot.pipeline.jobs;
    match state.tab {
        Tab::Alerts => {
            let alert = state.alerts.selected(state).ok_or("nothing is selected")?;
            if let Some((source, id)) = &alert.run {
                let told = runs.iter().find(|run| run.source == *source && run.id == *id);
                return told.ok_or("its run is no longer told of: the source's answers do not go back that far");
            }
            let path = alert.entry.as_ref();
            let entry = path.and_then(|path| state.lake.entries.iter().find(|entry| entry.path == *path));
            let traces = Traces::of_alert(alert, entry.map(AsRef::as_ref));
            traces.job_run(runs).ok_or("no run is known of its job, or of its dataset and date")
        }
        Tab::Dlq => {
            let entry = state.dlq.entry(state).ok_or("choose an entry")?;
            Traces::of_entry(entry).job_run(runs).ok_or("no run is known of its dataset and date")
        }
        _ => Err("only on the Alerts, DLQ and Jobs tabs"),
    }
}

/// The run behind what is chosen; of a job's run, that of the DAG that started it, and the other way round.
pub(in crate::console) fn related(state: &State) -> Result<Related<'_>, &'static str> {
    if state.tab != Tab::Jobs {
        return job_run(state).map(Related::Job);
    }
    let pipeline = &state.lake.snapshot.pipeline;
    let started = |dag: &DagRun, tasks: &[Arc<TaskInstance>], meant: Option<&TaskInstance>| {
        let run = story::started(dag, tasks, meant, &pipeline.jobs);
        run.map(Related::Job).ok_or("no job run is known that it started")
    };
    match state.jobs.selected() {
        Some(Node::JobRun { run, .. }) => {
            let dag = story::dag_run(run, &pipeline.dag_runs, |dag| state.jobs.tasks(state, dag));
            dag.map(Related::Dag).ok_or("no run of a DAG is known that started it")
        }
        Some(Node::DagRun { run, .. }) => started(run, state.jobs.tasks(state, run), None),
        Some(Node::Task(task)) => {
            let its = |run: &&Arc<DagRun>| run.dag == task.dag && run.id == task.run;
            let dag = pipeline.dag_runs.iter().find(its).ok_or("its DAG run is not known any more")?;
            started(dag, &[], Some(task))
        }
        Some(Node::Group(_)) => Err("choose a run"),
        None => Err("nothing is selected"),
    }
}

/// Goes there.
pub(in crate::console) fn go(state: &mut State) -> Vec<Effect> {
    let (group, wanted) = match related(state) {
        Ok(Related::Job(run)) => (NodeId::Job(run.job.clone()), job_run_id(run)),
        Ok(Related::Dag(run)) => (NodeId::Dag(run.dag.clone()), NodeId::DagRun(run.dag.clone(), run.id.clone())),
        Err(why) => {
            state.fail(why);
            return Vec::new();
        }
    };
    go_to(state, group, wanted)
}

/// The dead letters of the chosen run's dataset and date.
pub(in crate::console) fn entry_of_run(state: &State) -> Result<EntryPath, &'static str> {
    if state.tab != Tab::Jobs {
        return Err("only on the Jobs tab");
    }
    let Some(Node::JobRun { run, .. }) = state.jobs.selected() else { return Err("choose a run of a job") };
    let dataset = run.dataset.as_ref().ok_or("this job is bound to no dataset")?;
    let date = run.date.ok_or("this run names no date")?;
    let of = |e: &&Arc<DlqEntry>| e.dataset == *dataset && e.date == Some(date);
    let entry = state.lake.entries.iter().find(of).ok_or("no dead letters for its dataset and date")?;
    Ok(entry.path.clone())
}

/// Jumps to them.
pub(in crate::console) fn dead_letters(state: &mut State) -> Vec<Effect> {
    match entry_of_run(state) {
        Ok(entry) => jump(state, &entry),
        Err(_) => Vec::new(),
    }
}
