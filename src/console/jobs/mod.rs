//! Tab 4: job runs and DAG runs under their job or DAG, newest first; beside them all that is known of the chosen
//! one: attempts, settings, what it took, why it failed, where its log lies.

pub(super) mod dashboard;
mod detail;
mod measured;
pub(super) mod related;
pub(super) mod tree;
mod view;

#[cfg(test)]
mod tests;

pub(super) use detail::{place_text, task_name};
pub(super) use measured::{Measured, measured};
pub(super) use tree::{Node, NodeId};
pub(super) use view::draw;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::model::dag::TaskInstance;
use crate::model::run::{JobName, JobRunId};
use crate::model::runbook::Variables;
use crate::sources::SourceError;
use crate::sources::jobs::RunDetail;

use super::command::Command;
use super::cursor::Cursor;
use super::filter::Filter;
use super::layout::{self, Panes};
use super::load::{Fault, Load};
use super::msg::{Effect, Job, RequestId};
use super::state::{Focus, State, Tab};
use tree::{Tasks, job_run_id};

/// From this width on list and detail stand side by side: the list has many columns.
const WIDE: u16 = 150;

/// State of the tab.
#[derive(Debug, Default)]
pub(super) struct JobsScreen {
    pub filter: Filter,
    pub nodes: Vec<Node>,
    /// Runs that the filter hides.
    pub hidden: u64,
    /// Jobs and DAGs whose newest run failed.
    pub failing: u64,
    toggled: BTreeSet<NodeId>,
    pub cursor: Cursor,
    /// The chosen line: the choice survives a refresh.
    pub chosen: Option<NodeId>,
    pub focus: Focus,
    pub zoom: bool,
    /// First line of the detail in view.
    pub scroll: u64,
    /// Whether the detail of what is looked at is there.
    pub load: Load<()>,
    /// What was asked for, and how it stood then: asked for again when it changed.
    asked: Option<(NodeId, Stamp)>,
    /// The job run that was read last.
    pub run: Option<Box<RunDetail>>,
    /// What the run that was opened last used.
    pub measured: Measured,
    /// The link to a run's own pages.
    pub dashboard: dashboard::Dashboard,
    /// Tasks of DAG runs that were looked at.
    tasks: Tasks,
}

/// How something stood when its detail was asked for; of what runs, in which snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(&'static str, Option<DateTime<Utc>>);

impl JobsScreen {
    pub(super) fn selected(&self) -> Option<&Node> {
        self.nodes.get(self.cursor.index())
    }

    /// What loads here now, for the footer.
    pub(super) fn loading(&self) -> Option<&'static str> {
        let measuring = || self.measured.is_waiting().then_some("reading what it used…");
        let linking = || self.dashboard.is_waiting().then_some("asking for the dashboard…");
        matches!(self.load, Load::Waiting(_)).then_some("reading the run…").or_else(measuring).or_else(linking)
    }

    /// The tasks of a DAG run, as far as they are known.
    pub(super) fn tasks<'a>(&'a self, state: &'a State, run: &crate::model::dag::DagRun) -> &'a [Arc<TaskInstance>] {
        tree::known_tasks(&state.lake.snapshot.pipeline, &self.tasks, run)
    }

    /// The detail of a run, if it is the one that was read.
    pub(super) fn detail(&self, id: &NodeId) -> Option<&RunDetail> {
        self.run.as_deref().filter(|detail| job_run_id(&detail.run) == *id)
    }
}

pub(super) fn panes(state: &State) -> Panes {
    let body = layout::bands(state).body;
    let screen = &state.jobs;
    layout::panes_from(WIDE, body, screen.zoom, screen.focus, screen.nodes.len() as u64 + 1, 92)
}

/// Lines of the list under its head.
fn height(state: &State) -> u16 {
    panes(state).list.height.saturating_sub(1)
}

/// After new runs, a new filter or a toggled line: the lines, and the choice kept by identity.
pub(super) fn rebuild(state: &mut State) -> Vec<Effect> {
    let screen = &mut state.jobs;
    let pipeline = &state.lake.snapshot.pipeline;
    screen.tasks.retain(|(dag, id), _| pipeline.dag_runs.iter().any(|r| r.dag == *dag && r.id == *id));
    let lines = tree::build(pipeline, &screen.tasks, &screen.filter, &screen.toggled);
    let parent = screen.selected().and_then(Node::parent);
    let at = |id: &NodeId| lines.nodes.iter().position(|n| n.id() == *id);
    // Its line is gone: what it lay below stands for it.
    if let Some(at) = screen.chosen.as_ref().and_then(at).or_else(|| parent.as_ref().and_then(at)) {
        screen.cursor.at = at as u64;
    }
    (screen.nodes, screen.hidden, screen.failing) = (lines.nodes, lines.hidden, lines.failing);
    fit(state)
}

/// Keeps cursor and choice together, and asks for the detail of what is looked at.
pub(super) fn fit(state: &mut State) -> Vec<Effect> {
    let (len, height) = (state.jobs.nodes.len() as u64, height(state));
    state.jobs.cursor.fit(len, height);
    let chosen = state.jobs.selected().map(Node::id);
    if state.jobs.chosen != chosen {
        state.jobs.scroll = 0;
    }
    state.jobs.chosen = chosen;
    // Behind another tab nothing is asked for: it might never be looked at.
    if state.tab == Tab::Jobs { follow(state, true) } else { Vec::new() }
}

/// Asks for the detail of what is chosen, unless it was asked for as it stands.
fn follow(state: &mut State, settle: bool) -> Vec<Effect> {
    let taken = state.lake.snapshot.taken;
    let stamp = |word, over: bool, changed| Stamp(word, if over { changed } else { taken });
    let wanted = match state.jobs.selected() {
        Some(Node::JobRun { run, .. }) => {
            let stamp = stamp(run.state.word(), run.state.is_over(), run.ended);
            Some((job_run_id(run), stamp))
        }
        Some(Node::DagRun { run, .. }) => {
            let stamp = stamp(run.state.word(), run.state.is_over(), run.ended);
            Some((NodeId::DagRun(run.dag.clone(), run.id.clone()), stamp))
        }
        Some(Node::Group(_) | Node::Task(_)) | None => None,
    };
    if wanted == state.jobs.asked {
        return Vec::new();
    }
    let busy = matches!(state.jobs.load, Load::Waiting(_));
    state.jobs.asked = wanted.clone();
    state.jobs.load = Load::Idle;
    let cancel = || if busy { vec![Effect::Cancel(Job::Run)] } else { Vec::new() };
    let Some((id, _)) = wanted else { return cancel() };
    let request = state.request();
    let effect = match id {
        NodeId::JobRun(source, run) => Effect::RunDetail { id: request, source, run, settle },
        NodeId::DagRun(dag, run) => Effect::DagTasks { id: request, dag, run, settle },
        NodeId::Job(_) | NodeId::Dag(_) | NodeId::Task(..) => return cancel(),
    };
    state.jobs.load = Load::Waiting(request);
    vec![effect]
}

fn is_awaited(state: &State, id: RequestId) -> bool {
    matches!(state.jobs.load, Load::Waiting(waiting) if waiting == id)
}

/// A job run came in full, or not.
pub(super) fn detailed(state: &mut State, id: RequestId, result: Result<Box<RunDetail>, SourceError>) -> Vec<Effect> {
    if is_awaited(state, id) {
        state.jobs.load = match result {
            Ok(detail) => {
                state.jobs.run = Some(detail);
                Load::Ready(())
            }
            Err(error) => Load::Failed(Fault::from(&error)),
        };
    }
    measured::ask(state)
}

/// The tasks of a DAG run came, or not.
pub(super) fn tasked(state: &mut State, id: RequestId, result: Result<Vec<TaskInstance>, SourceError>) -> Vec<Effect> {
    if !is_awaited(state, id) {
        return Vec::new();
    }
    match (result, state.jobs.chosen.clone()) {
        (Ok(tasks), Some(NodeId::DagRun(dag, run))) => {
            state.jobs.load = Load::Ready(());
            state.jobs.tasks.insert((dag, run), tasks.into_iter().map(Arc::new).collect());
            rebuild(state)
        }
        (Ok(_), _) => Vec::new(),
        (Err(error), _) => {
            state.jobs.load = Load::Failed(Fault::from(&error));
            Vec::new()
        }
    }
}

/// R: what failed or was cancelled here is asked for again.
pub(super) fn retry(state: &mut State) -> Vec<Effect> {
    if state.tab != Tab::Jobs {
        return Vec::new();
    }
    state.jobs.measured.forget_failure();
    if matches!(state.jobs.load, Load::Failed(_) | Load::Cancelled) {
        state.jobs.asked = None;
        return follow(state, false);
    }
    measured::ask(state)
}

pub(super) fn filter(state: &mut State, text: &str) -> Vec<Effect> {
    state.jobs.filter = Filter::parse(text);
    rebuild(state)
}

/// The chosen job run, and its source.
pub(super) fn selected_run(state: &State) -> Option<(Arc<str>, JobRunId)> {
    match state.jobs.selected()? {
        Node::JobRun { run, .. } => Some((Arc::clone(&run.source), run.id.clone())),
        _ => None,
    }
}

/// Goes to the run that an incident names; none if it is not told of.
pub(super) fn select_run(state: &mut State, variables: &Variables) -> Option<Vec<Effect>> {
    let id = JobRunId(variables.get("run_id")?.into());
    let source: Arc<str> = variables.get("source")?.into();
    let run = state.lake.snapshot.pipeline.jobs.iter().find(|run| run.source == source && run.id == id)?;
    let (group, wanted) = (NodeId::Job(run.job.clone()), job_run_id(run));
    Some(go_to(state, group, wanted))
}

/// Chooses a run on its tab, whatever hid it.
fn go_to(state: &mut State, group: NodeId, wanted: NodeId) -> Vec<Effect> {
    state.jump(Tab::Jobs);
    (state.jobs.focus, state.jobs.zoom) = (Focus::List, false);
    let there = |state: &State| state.jobs.nodes.iter().any(|n| n.id() == wanted);
    state.jobs.chosen = Some(wanted.clone());
    // What is in view on the way is asked for as well, and is not asked for again at the end.
    let mut effects = Vec::new();
    if !there(state) {
        state.jobs.filter = Filter::default();
        effects.extend(rebuild(state));
    }
    if !there(state) {
        flip(state, group);
    }
    state.jobs.chosen = Some(wanted);
    effects.extend(rebuild(state));
    effects
}

/// The job of the chosen line, if it is a command of this machine, and the date of the chosen run.
pub(super) fn command_of_selected(state: &State) -> Option<(JobName, Option<NaiveDate>)> {
    let (job, date) = match state.jobs.selected().filter(|_| state.tab == Tab::Jobs)? {
        Node::Group(sum) => match &sum.id {
            NodeId::Job(job) => (job, None),
            _ => return None,
        },
        Node::JobRun { run, .. } => (&run.job, run.date),
        Node::DagRun { .. } | Node::Task(_) => return None,
    };
    state.settings.commands.contains_key(job).then(|| (job.clone(), date))
}

fn flip(state: &mut State, id: NodeId) {
    if !state.jobs.toggled.remove(&id) {
        state.jobs.toggled.insert(id);
    }
}

fn toggle(state: &mut State, id: NodeId) -> Vec<Effect> {
    flip(state, id);
    rebuild(state)
}

pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Pane => {
            let focus = &mut state.jobs.focus;
            *focus = if *focus == Focus::List { Focus::Detail } else { Focus::List };
            fit(state)
        }
        Command::Copy => copy(state, |node| match node {
            Node::Group(sum) => sum.name.to_string(),
            Node::JobRun { run, .. } => run.id.to_string(),
            Node::DagRun { run, .. } => run.id.0.to_string(),
            Node::Task(task) => task.task.clone(),
        }),
        Command::CopyUri => copy(state, |node| match node {
            Node::JobRun { run, .. } => run.uri.clone(),
            Node::DagRun { run, .. } => run.uri.clone(),
            Node::Group(_) | Node::Task(_) => String::new(),
        }),
        _ if state.jobs.focus == Focus::Detail => {
            let height = panes(state).detail.height;
            let stops = (detail::lines(state).len() as u64).saturating_sub(u64::from(height)) + 1;
            let mut cursor = Cursor { at: state.jobs.scroll, top: 0 };
            cursor.go(command, stops, height);
            state.jobs.scroll = cursor.at;
            Vec::new()
        }
        Command::Open | Command::Detail => match state.jobs.selected() {
            Some(Node::Group(sum)) => {
                let id = sum.id.clone();
                toggle(state, id)
            }
            Some(_) => {
                (state.jobs.zoom, state.jobs.focus) = (true, Focus::Detail);
                let mut effects = fit(state);
                effects.extend(measured::ask(state));
                effects
            }
            None => Vec::new(),
        },
        Command::Right | Command::Left => sideways(state, command == Command::Right),
        _ => {
            let (len, height) = (state.jobs.nodes.len() as u64, height(state));
            if state.jobs.cursor.go(command, len, height) { fit(state) } else { Vec::new() }
        }
    }
}

fn sideways(state: &mut State, right: bool) -> Vec<Effect> {
    let Some(node) = state.jobs.selected() else { return Vec::new() };
    match (node.open(), node.parent()) {
        (Some(open), _) if open != right => {
            let id = node.id();
            toggle(state, id)
        }
        (_, Some(parent)) if !right => {
            if let Some(at) = state.jobs.nodes.iter().position(|n| n.id() == parent) {
                state.jobs.cursor.at = at as u64;
            }
            fit(state)
        }
        _ => Vec::new(),
    }
}

fn copy(state: &mut State, text: impl Fn(&Node) -> String) -> Vec<Effect> {
    match state.jobs.selected().map(text).filter(|t| !t.is_empty()) {
        Some(text) => vec![Effect::Copy(text)],
        None => {
            state.say("this has no address of its own");
            Vec::new()
        }
    }
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if matches!(state.jobs.load, Load::Waiting(_)) {
        state.jobs.load = Load::Cancelled;
        return Some(vec![Effect::Cancel(Job::Run)]);
    }
    let screen = &mut state.jobs;
    if screen.measured.is_waiting() {
        return Some(screen.measured.cancel());
    }
    if screen.dashboard.is_waiting() {
        return Some(screen.dashboard.cancel());
    }
    if screen.zoom || screen.focus == Focus::Detail {
        (screen.zoom, screen.focus, screen.scroll) = (false, Focus::List, 0);
        return Some(fit(state));
    }
    (!screen.filter.is_empty()).then(|| filter(state, ""))
}
