//! Tab 5: the log of a run, a task or a place, as it grows. What is looked at is named by the line, so that neither
//! new lines nor old ones that go move it.

pub(super) mod insights;
pub(super) mod live;
mod place;
mod reading;
mod view;

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;

pub(super) use reading::{came, retry, tick};
pub(super) use view::{draw, draw_errors};

use std::sync::Arc;

use crate::model::dag::{TaskInstance, TaskState};
use crate::model::log::{Limits, LineId, LogBuffer, LogLine, Marked};
use crate::model::run::JobRun;
use crate::model::text::{escape, middle};
use crate::ops::LogOf;

use super::command::Command;
use super::filter::Filter;
use super::jobs;
use super::jobs::{Node, place_text, task_name};
use super::msg::{Effect, Job};
use super::overlay::Overlay;
use super::state::{State, Tab};
use live::Live;
use reading::Reading;

/// Columns that one step to the side goes.
const SIDEWAYS: usize = 16;

/// State of the tab.
#[derive(Debug)]
pub(super) struct LogsScreen {
    /// Whose log is open.
    pub of: Option<Arc<LogOf>>,
    /// The same in words, harmless.
    pub title: String,
    pub buffer: LogBuffer,
    /// The chosen line.
    pub at: LineId,
    /// The first line in view.
    pub top: LineId,
    /// Whether the newest line is kept in view.
    pub following: bool,
    pub wrap: bool,
    /// Whether times are ages.
    pub ages: bool,
    /// Columns of text that are off the left edge.
    pub shift: usize,
    /// How far it is read.
    pub reading: Reading,
    /// Whether lines come as they are written.
    pub live: Live,
}

impl Default for LogsScreen {
    fn default() -> Self {
        Self {
            of: None,
            title: String::new(),
            buffer: LogBuffer::new(Limits::default(), Vec::new()),
            at: LineId(0),
            top: LineId(0),
            following: true,
            wrap: false,
            ages: false,
            shift: 0,
            reading: Reading::default(),
            live: Live::default(),
        }
    }
}

impl LogsScreen {
    pub(super) fn is_open(&self) -> bool {
        self.of.is_some()
    }

    /// The chosen line.
    pub(super) fn selected(&self) -> Option<&LogLine> {
        self.buffer.shown_at(self.buffer.position(self.at))
    }

    /// What loads here now, for the footer. A look for new lines is no news.
    pub(super) fn loading(&self) -> Option<&'static str> {
        self.reading.is_behind().then_some("reading log…")
    }
}

/// Whose log the selected line of another tab leads to, and that in words.
pub(super) fn of_selected(state: &State) -> Result<(LogOf, String), &'static str> {
    match state.tab {
        Tab::Alerts | Tab::Dlq => jobs::related::job_run(state).map(|run| of_run(run)),
        Tab::Jobs => match state.jobs.selected() {
            Some(Node::JobRun { run, .. }) => Ok(of_run(run)),
            Some(Node::Task(task)) => of_task(task),
            Some(Node::DagRun { run, .. }) => {
                let tasks = state.jobs.tasks(state, run);
                of_task(worst(tasks).ok_or("its tasks are not known yet")?)
            }
            Some(Node::Group(_)) => Err("choose a run"),
            None => Err("nothing is selected"),
        },
        Tab::Quarantine | Tab::Logs | Tab::Runbook | Tab::Verify | Tab::Incident => {
            Err("only on the Alerts, DLQ and Jobs tabs")
        }
    }
}

fn of_run(run: &JobRun) -> (LogOf, String) {
    let of = LogOf::Run { source: Arc::clone(&run.source), id: run.id.clone() };
    (of, format!("{} {}", middle(&run.job.0, 40), middle(&run.id.0, 40)))
}

fn of_task(task: &Arc<TaskInstance>) -> Result<(LogOf, String), &'static str> {
    if task.tries == 0 {
        return Err("no try of this task has begun");
    }
    let title = format!("{} {} try {}", middle(&task.dag.0, 30), middle(&task_name(task), 40), task.tries);
    Ok((LogOf::Task { task: Arc::clone(task), number: task.tries }, title))
}

/// The task of a run to look at first: one that failed, one that will be tried again, one that runs, the last.
fn worst(tasks: &[Arc<TaskInstance>]) -> Option<&Arc<TaskInstance>> {
    let begun = || tasks.iter().filter(|t| t.tries > 0);
    let of = |state: TaskState| begun().find(|t| t.state == state);
    let worst = of(TaskState::Failed).or_else(|| of(TaskState::UpForRetry)).or_else(|| of(TaskState::Running));
    worst.or_else(|| begun().next_back()).or(tasks.first())
}

/// Opens the log of what is selected; with a number, of that place of its log only.
pub(super) fn open_selected(state: &mut State, argument: &str) -> Vec<Effect> {
    let (of, title) = match of_selected(state) {
        Ok(of) => of,
        Err(why) => {
            state.say(format!("log: {why}"));
            return Vec::new();
        }
    };
    if argument.is_empty() {
        return open(state, of, title);
    }
    let places = match state.jobs.selected() {
        Some(node) if state.tab == Tab::Jobs => state.jobs.detail(&node.id()).map(|d| d.log.clone()),
        _ => None,
    };
    let number = argument.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    match number.and_then(|n| places?.into_iter().nth(n)) {
        Some(place) => {
            let title = format!("{title} {}", middle(&place_text(&place), 60));
            open(state, LogOf::Place(place), title)
        }
        None => {
            state.fail(format!("log: no place {:?}; the detail of a run numbers them", escape(argument)));
            Vec::new()
        }
    }
}

/// Opens the tab on a log. One that is open already goes on from where it is.
fn open(state: &mut State, of: LogOf, title: String) -> Vec<Effect> {
    state.jump(Tab::Logs);
    if state.logs.of.as_deref() == Some(&of) {
        fit(state);
        return retry(state);
    }
    let mut effects = live::end(state);
    let (wrap, ages) = (state.logs.wrap, state.logs.ages);
    let buffer = LogBuffer::new(Limits::default(), state.settings.categories.clone());
    state.logs = LogsScreen { of: Some(Arc::new(of)), title, buffer, wrap, ages, ..LogsScreen::default() };
    effects.extend(reading::ask(state));
    effects
}

pub(super) fn fit(state: &mut State) {
    place::fit(state);
}

pub(super) fn filter(state: &mut State, text: &str) {
    state.logs.buffer.set_filter(Filter::parse(text));
    fit(state);
}

/// Goes to a line that may be hidden by the filter, or gone.
pub(super) fn go_to(state: &mut State, line: LineId) {
    if state.logs.buffer.get(line).is_none() {
        state.say("that line was trimmed; the oldest that is left is shown");
    } else if state.logs.buffer.shown_at(state.logs.buffer.position(line)).is_none_or(|l| l.id != line) {
        filter(state, "");
    }
    state.logs.following = false;
    state.logs.at = line;
    place::reveal(state);
}

pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Follow => {
            state.logs.following = !state.logs.following;
            fit(state);
        }
        Command::Live => return live::toggle(state),
        Command::NextError | Command::PreviousError => to_error(state, command == Command::NextError),
        Command::Errors => {
            state.overlay = Some(Overlay::Errors(Default::default()));
        }
        Command::Wrap => {
            state.logs.wrap = !state.logs.wrap;
            state.logs.shift = 0;
            fit(state);
        }
        Command::Times => state.logs.ages = !state.logs.ages,
        Command::Mark => {
            if let Some(id) = state.logs.selected().map(|l| l.id) {
                state.logs.buffer.toggle_mark(id);
            }
        }
        Command::Copy => return copy(state),
        Command::CopyUri => state.say("a line has no address of its own; c copies it"),
        Command::Left => state.logs.shift = state.logs.shift.saturating_sub(SIDEWAYS),
        Command::Right if !state.logs.wrap => state.logs.shift = state.logs.shift.saturating_add(SIDEWAYS).min(60_000),
        _ => place::go(state, command),
    }
    Vec::new()
}

fn to_error(state: &mut State, next: bool) {
    let (buffer, at) = (&state.logs.buffer, state.logs.at);
    let found = if next { buffer.next_error(at) } else { buffer.previous_error(at) };
    match found {
        Some(id) => go_to(state, id),
        None if buffer.errors() == 0 => state.say("no errors among these lines"),
        None => state.say(if next { "no error below" } else { "no error above" }),
    }
}

/// The marked lines, or the chosen one. Escaped: what is pasted into a terminal acts on it.
fn copy(state: &mut State) -> Vec<Effect> {
    let buffer = &state.logs.buffer;
    let here = |marked| match marked {
        Marked::Here(line) => Some(line),
        Marked::Trimmed(_) => None,
    };
    let marked: Vec<&LogLine> = buffer.marked().filter_map(here).collect();
    let lines = if marked.is_empty() { state.logs.selected().into_iter().collect() } else { marked };
    let text: Vec<_> = lines.iter().map(|l| escape(&l.text).into_owned()).collect();
    if text.is_empty() {
        state.say("nothing to copy");
        return Vec::new();
    }
    vec![Effect::Copy(text.join("\n"))]
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if state.logs.reading.cancel() {
        return Some(vec![Effect::Cancel(Job::Log)]);
    }
    if !state.logs.buffer.filter().is_empty() {
        filter(state, "");
        return Some(Vec::new());
    }
    // What is paid for is ended before it is left.
    if !state.logs.live.is_off() { Some(live::toggle(state)) } else { None }
}
