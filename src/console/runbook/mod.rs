//! Guided recovery: the incidents that are open and the runbooks there are; one of them walked step by step. What a step
//! changes is done by the commands of the other tabs, each by its own plan; what it came to is kept with the step.

mod acting;
mod turning;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::model::alert::Alert;
use crate::model::filter::Filter;

use crate::model::incident::{Happening, Incident};
use crate::model::runbook::walk::{Mark, Walk};
use crate::model::runbook::{Directive, Runbook, RunbookId, Step, Variables};
use crate::model::text::{escape, one_line};
use crate::ops::Runbooks;

use super::command::Command;
use super::cursor::Cursor;
use super::layout::{self, Panes};
use super::load::Load;
use super::msg::{Effect, Job, RequestId};
use super::prompt::{Prompt, PromptKind};
use super::state::{Focus, State, Tab};

pub(super) use acting::{Acting, begun, confirmed, worked, written};
pub(super) use turning::{adopted, busy, came, give_up, left, note as record, open, reported, shown, walked};
use turning::{note, read};
pub(super) use view::draw;

/// State of the tab.
#[derive(Debug, Default)]
pub(super) struct RunbookScreen {
    /// The runbooks there are.
    library: Load<Arc<Runbooks>>,
    pub filter: Filter,
    /// In the list of incidents and runbooks.
    cursor: Cursor,
    open: Option<Open>,
    focus: Focus,
    scroll: u16,
    /// What is to be opened once the runbooks are known: for an alert, or by name.
    wanted: Option<Wanted>,
    /// What is asked for now, and in which words.
    busy: Option<(RequestId, String)>,
    /// The step whose action was begun elsewhere.
    acting: Option<Acting>,
}

#[derive(Debug)]
struct Wanted {
    alert: Option<Box<Alert>>,
    runbook: Option<RunbookId>,
}

/// A runbook that is open: walked in an incident, or only read.
#[derive(Debug)]
struct Open {
    runbook: Arc<Runbook>,
    incident: Option<Arc<Incident>>,
    recorded: bool,
    /// The chosen step.
    steps: Cursor,
}

/// A line of the list.
#[derive(Debug, Clone)]
enum Line {
    Incident(Arc<Incident>),
    Runbook(Arc<Runbook>),
}

static NOTHING: std::sync::LazyLock<(Walk, Variables)> = std::sync::LazyLock::new(Default::default);

impl Open {
    fn walk(&self) -> &Walk {
        self.incident.as_ref().map_or(&NOTHING.0, |incident| &incident.walk)
    }

    fn variables(&self) -> &Variables {
        self.incident.as_ref().map_or(&NOTHING.1, |incident| &incident.about.variables)
    }

    fn chosen(&self) -> Option<&Step> {
        self.runbook.steps.get(self.steps.index())
    }

    /// The step that is next, into view.
    fn go_to_current(&mut self) {
        let next = self.walk().current(&self.runbook).map(|step| step.number.clone());
        if let Some(at) = next.and_then(|next| self.runbook.steps.iter().position(|step| step.number == next)) {
            self.steps.at = at as u64;
        }
    }
}

impl RunbookScreen {
    /// What is asked for now, for the footer.
    pub(super) fn loading(&self) -> Option<&str> {
        match (&self.busy, &self.library) {
            (Some((_, what)), _) => Some(what),
            (None, Load::Waiting(_)) => Some("reading the runbooks…"),
            _ => None,
        }
    }

    /// Steps that are settled of the walk that is open, and all.
    pub(super) fn progress(&self) -> Option<(usize, usize)> {
        let open = self.open.as_ref().filter(|open| open.incident.is_some())?;
        Some(open.walk().progress(&open.runbook))
    }

    /// The names of runbooks, for completion.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.library {
            Load::Ready(runbooks) => runbooks.all.iter().map(|r| escape(&r.id.0).into_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether something is chosen.
    pub(super) fn has_selection(&self, state: &State) -> bool {
        match &self.open {
            Some(open) => open.chosen().is_some(),
            None => !lines(state).is_empty(),
        }
    }
}

/// The incidents that are open and the runbooks, as far as the filter leaves them.
fn lines(state: &State) -> Vec<Line> {
    let screen = &state.runbook;
    let matches = |text: String| screen.filter.is_empty() || screen.filter.matches(std::iter::once(text.as_str()));
    let incidents = state.lake.snapshot.incidents.iter().filter(|incident| {
        let about = &incident.about;
        matches(format!("{} {} {}", incident.id, about.title, about.dataset.as_deref().unwrap_or_default()))
    });
    let mut lines: Vec<Line> = incidents.cloned().map(Line::Incident).collect();
    if let Load::Ready(runbooks) = &screen.library {
        let of = |runbook: &&Arc<Runbook>| matches(format!("{} {}", runbook.id, runbook.title));
        lines.extend(runbooks.all.iter().filter(of).cloned().map(Line::Runbook));
    }
    lines
}

pub(super) fn panes(state: &State) -> Panes {
    let body = layout::bands(state).body;
    let wanted = match &state.runbook.open {
        Some(open) => open.runbook.steps.len() as u64,
        None => lines(state).len() as u64 + 1,
    };
    layout::panes(body, false, state.runbook.focus, wanted, body.width / 2)
}

/// Why no runbook can be opened from here.
pub(super) fn may_open(state: &State) -> Result<(), &'static str> {
    match state.tab {
        Tab::Alerts if state.alerts.selected(state).is_none() => Err("no alert is selected"),
        Tab::Alerts | Tab::Runbook => Ok(()),
        Tab::Dlq | Tab::Jobs => {
            of_selected(state).map(drop).ok_or("nothing is alerted of it: a runbook needs an alert")
        }
        _ => Err("only from Alerts, DLQ, Jobs and Runbook"),
    }
}

/// The alert that what is selected is about.
fn of_selected(state: &State) -> Option<&Alert> {
    let alerts = &state.lake.snapshot.alerts;
    match state.tab {
        Tab::Alerts => state.alerts.selected(state),
        Tab::Dlq => {
            let entry = state.dlq.entry(state)?;
            alerts.iter().find(|alert| alert.entry.as_ref() == Some(&entry.path))
        }
        Tab::Jobs => {
            let (source, id) = super::jobs::selected_run(state)?;
            alerts.iter().find(|alert| alert.run.as_ref().is_some_and(|(s, i)| *s == source && *i == id))
        }
        _ => None,
    }
}

/// Lines of the list, or of the steps.
fn height(state: &State) -> u16 {
    let list = panes(state).list.height;
    if state.runbook.open.is_some() { list } else { list.saturating_sub(1) }
}

pub(super) fn fit(state: &mut State) {
    let height = height(state);
    let len = lines(state).len() as u64;
    let screen = &mut state.runbook;
    screen.cursor.fit(len, height);
    if let Some(open) = screen.open.as_mut() {
        open.steps.fit(open.runbook.steps.len() as u64, height);
    }
}

pub(super) fn filter(state: &mut State, text: &str) {
    state.runbook.filter = Filter::parse(text);
    fit(state);
}

/// R: what failed here is asked for again, and files may have changed.
pub(super) fn retry(state: &mut State) -> Vec<Effect> {
    if state.tab != Tab::Runbook || matches!(state.runbook.library, Load::Waiting(_)) {
        return Vec::new();
    }
    state.runbook.library = Load::Idle;
    shown(state)
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if give_up(state) {
        return Some(vec![Effect::Cancel(Job::Probe)]);
    }
    if state.runbook.focus == Focus::Detail {
        (state.runbook.focus, state.runbook.scroll) = (Focus::List, 0);
        return Some(Vec::new());
    }
    // Whoever came from elsewhere goes back there; the walk stays where it is.
    if state.runbook.open.is_some() && state.trail.is_empty() {
        state.runbook.open = None;
        fit(state);
        return Some(Vec::new());
    }
    if state.runbook.open.is_none() && !state.runbook.filter.is_empty() {
        filter(state, "");
        return Some(Vec::new());
    }
    None
}

/// Why a step cannot be settled from here.
pub(super) fn may_mark(state: &State) -> Result<(), &'static str> {
    if state.tab != Tab::Runbook {
        return Err("only on the Runbook tab");
    }
    match &state.runbook.open {
        None => Err("no runbook is open"),
        Some(open) if open.incident.is_none() => Err("it is only read: b on an alert walks it"),
        Some(open) if open.chosen().is_none() => Err("no step is chosen"),
        Some(_) => Ok(()),
    }
}

/// Whether the chosen step is a branch.
pub(super) fn is_branch(state: &State) -> bool {
    state.runbook.open.as_ref().and_then(Open::chosen).is_some_and(|step| step.branch)
}

/// The word that the footer has for enter, on the chosen step.
pub(super) fn enter_word(state: &State) -> Option<&'static str> {
    let Some(open) = &state.runbook.open else { return Some("open") };
    let step = open.chosen()?;
    match (&open.incident, step.directive) {
        (Some(_), Some(Directive::Look(_))) => Some("look"),
        (Some(_), Some(Directive::Check(_))) => Some("check"),
        (Some(_), Some(Directive::Do(action))) => Some(action.word()),
        _ => None,
    }
}

/// Says something of the chosen step.
pub(super) fn mark(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    let mark = match command {
        Command::Done => Mark::Done,
        Command::Skip => Mark::Skipped,
        Command::Override => Mark::Overridden,
        Command::Applies => Mark::Applies,
        Command::NotApplicable => Mark::DoesNotApply,
        _ => Mark::Reopened,
    };
    // A reason is asked for on the command line.
    if mark.needs_reason() && argument.is_empty() {
        let name = if mark == Mark::Skipped { "skip " } else { "override " };
        state.prompt = Some(Prompt::new(PromptKind::Command, name));
        return Vec::new();
    }
    let Some(open) = &state.runbook.open else { return Vec::new() };
    let (Some(incident), Some(step)) = (open.incident.clone(), open.chosen()) else { return Vec::new() };
    let reason = (!argument.is_empty()).then(|| argument.to_owned());
    if let Err(why) = open.walk().may(&open.runbook, step, mark, reason.as_deref()) {
        state.fail(one_line(&why, 400));
        return Vec::new();
    }
    let what = Happening::Step { step: step.number.clone(), mark, reason };
    note(state, incident, vec![what])
}

pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Open if state.runbook.open.is_some() => return acting::act(state),
        Command::Open => {
            let index = state.runbook.cursor.index();
            match lines(state).into_iter().nth(index) {
                Some(Line::Incident(incident)) => {
                    let id = busy(state, "reading the incident…");
                    return vec![Effect::Join { id, incident: incident.id.clone() }];
                }
                Some(Line::Runbook(runbook)) => read(state, runbook),
                None => {}
            }
        }
        Command::Pane | Command::Detail => {
            let other = if state.runbook.focus == Focus::List { Focus::Detail } else { Focus::List };
            (state.runbook.focus, state.runbook.scroll) = (other, 0);
        }
        Command::Copy => return copy(state),
        Command::CopyUri => {
            let uri = state.runbook.open.as_ref().and_then(|open| {
                let finding = open.walk().finding(&open.chosen()?.number)?;
                finding.evidence.first().map(|evidence| evidence.uri.clone())
            });
            match uri {
                Some(uri) => return vec![Effect::Copy(uri)],
                None => state.say("this step has no evidence with an address"),
            }
        }
        _ if state.runbook.focus == Focus::Detail => {
            let height = panes(state).detail.height;
            let lines = view::detail(state).len() as u64;
            let mut cursor = Cursor { at: u64::from(state.runbook.scroll), top: 0 };
            cursor.go(command, lines.saturating_sub(u64::from(height)) + 1, height);
            state.runbook.scroll = u16::try_from(cursor.at).unwrap_or(u16::MAX);
        }
        _ => {
            let height = height(state);
            let len = lines(state).len() as u64;
            let screen = &mut state.runbook;
            let moved = match screen.open.as_mut() {
                Some(open) => open.steps.go(command, open.runbook.steps.len() as u64, height),
                None => screen.cursor.go(command, len, height),
            };
            if moved {
                screen.scroll = 0;
            }
        }
    }
    Vec::new()
}

/// The commands of a step, filled; one in which something is missing is no command.
fn copy(state: &mut State) -> Vec<Effect> {
    let Some(open) = &state.runbook.open else {
        let index = state.runbook.cursor.index();
        return match lines(state).into_iter().nth(index) {
            Some(Line::Incident(incident)) => vec![Effect::Copy(incident.id.to_string())],
            Some(Line::Runbook(runbook)) => vec![Effect::Copy(runbook.id.to_string())],
            None => Vec::new(),
        };
    };
    let Some(step) = open.chosen() else { return Vec::new() };
    let filled: Vec<_> = step.commands.iter().map(|block| open.variables().fill_command(&block.text)).collect();
    let missing: Vec<String> = filled.iter().flat_map(|one| one.missing.clone()).collect();
    if filled.is_empty() {
        state.say("this step has no commands");
        return Vec::new();
    }
    if !missing.is_empty() {
        let names = one_line(&missing.join(", "), 200);
        state.fail(format!("not copied: nothing is known for {names}, so it is no command yet"));
        return Vec::new();
    }
    // What is copied is what is seen: nothing in it that a terminal would take for more than text.
    let seen = filled.iter().flat_map(|one| one.text.lines()).map(|line| escape(line).into_owned());
    vec![Effect::Copy(seen.collect::<Vec<_>>().join("\n"))]
}
