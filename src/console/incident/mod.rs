//! The incident that is worked on: its five checks (tab Verify), its timeline, and what is done with it as a whole (tab
//! Incident). It is the same that the Runbook tab walks.

mod acting;
mod note;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::command::Command;
use super::cursor::Cursor;
use super::layout::{self, Panes};
use super::msg::{Effect, Job};
use super::runbook;
use super::state::{Focus, State, Tab};
use super::words;
use crate::model::filter::Filter;
use crate::model::incident::{Incident, IncidentEvent, IncidentStatus};
use crate::model::report::line;
use crate::model::text::one_line;
use crate::model::verify::{Check, Standing};

pub(super) use acting::{may, run};
pub(super) use note::{NoteScreen, key as note_key};
pub(super) use view::{draw, header};

/// What is shown of the incident that is worked on.
#[derive(Debug, Default)]
pub(super) struct IncidentScreen {
    /// It, once somebody turned to one.
    joined: Option<Arc<Incident>>,
    /// Whether what happens to it is recorded.
    recorded: bool,
    pub filter: Filter,
    checks: Pane,
    timeline: Pane,
    /// Whether somebody was told of the incidents that were open at the start.
    told: bool,
}

/// Where one is in a tab.
#[derive(Debug, Default)]
struct Pane {
    cursor: Cursor,
    focus: Focus,
    scroll: u16,
}

/// A line of the Incident tab.
#[derive(Debug, Clone, Copy)]
enum Row<'s> {
    /// An incident that can be joined.
    Open(&'s Arc<Incident>),
    /// The incident that is joined, as a whole.
    Whole(&'s Incident),
    /// One of its events.
    Event(&'s IncidentEvent),
}

impl IncidentScreen {
    /// The incident that is worked on.
    pub(super) fn joined(&self) -> Option<&Arc<Incident>> {
        self.joined.as_ref()
    }

    fn pane(&self, tab: Tab) -> &Pane {
        if tab == Tab::Verify { &self.checks } else { &self.timeline }
    }

    fn pane_mut(&mut self, tab: Tab) -> &mut Pane {
        if tab == Tab::Verify { &mut self.checks } else { &mut self.timeline }
    }

    /// The check that is chosen.
    fn check(&self) -> Option<Check> {
        self.joined.as_ref()?;
        Check::ALL.get(self.checks.cursor.index()).copied()
    }
}

/// Checks of the incident as they stand now.
fn standings<'s>(state: &State, incident: &'s Incident) -> Vec<Standing<'s>> {
    // What came since counts, whatever the clocks of the machines say.
    incident.checks.standings(state.now.max(incident.last()), state.settings.evidence_for)
}

/// How many checks are settled.
pub(super) fn settled(state: &State) -> Option<(usize, usize)> {
    let incident = state.incident.joined()?;
    let all = standings(state, incident);
    Some((all.iter().filter(|standing| standing.is_settled()).count(), all.len()))
}

/// The lines of the Incident tab, the newest event first.
fn rows(state: &State) -> Vec<Row<'_>> {
    let filter = &state.incident.filter;
    let matches = |text: &str| filter.is_empty() || filter.matches(std::iter::once(text));
    match state.incident.joined() {
        None => {
            let all = state.lake.snapshot.incidents.iter();
            let mut all: Vec<&Arc<Incident>> =
                all.filter(|incident| matches(&format!("{} {}", incident.id, incident.about.title))).collect();
            all.sort_by_key(|incident| incident.status() == IncidentStatus::Resolved);
            all.into_iter().map(Row::Open).collect()
        }
        Some(incident) => {
            let events = incident.events.iter().rev().filter(|event| {
                filter.is_empty() || {
                    let line = line(event);
                    matches(&format!("{} {} {}", line.event, line.actor, line.text))
                }
            });
            std::iter::once(Row::Whole(incident)).chain(events.map(Row::Event)).collect()
        }
    }
}

fn len(state: &State, tab: Tab) -> u64 {
    match tab {
        Tab::Verify if state.incident.joined().is_none() => 0,
        Tab::Verify => Check::ALL.len() as u64,
        _ => rows(state).len() as u64,
    }
}

pub(super) fn panes(state: &State, tab: Tab) -> Panes {
    let body = layout::bands(state).body;
    let pane = state.incident.pane(tab);
    layout::panes(body, false, pane.focus, len(state, tab) + 1, body.width / 2)
}

/// Keeps what is shown within what is there.
pub(super) fn fit(state: &mut State) {
    for tab in [Tab::Verify, Tab::Incident] {
        let (len, height) = (len(state, tab), panes(state, tab).list.height);
        state.incident.pane_mut(tab).cursor.fit(len, height);
    }
}

pub(super) fn filter(state: &mut State, text: &str) {
    state.incident.filter = Filter::parse(text);
    fit(state);
}

/// Somebody turned to an incident, or it went on.
pub(super) fn took(state: &mut State, incident: &Arc<Incident>, recorded: bool) {
    (state.incident.joined, state.incident.recorded) = (Some(Arc::clone(incident)), recorded);
    fit(state);
}

/// A refresh came: others may have gone on with it. At the start it tells of what is open.
pub(super) fn adopted(state: &mut State) {
    if let Some(known) = state.incident.joined.clone().filter(|_| state.incident.recorded)
        && let Some(newer) = state.lake.snapshot.incidents.iter().find(|incident| incident.id == known.id).cloned()
        && newer.events.len() > known.events.len()
    {
        state.incident.joined = Some(newer);
    }
    if state.lake.snapshot.taken.is_some() && !std::mem::replace(&mut state.incident.told, true) {
        offer(state);
    }
    fit(state);
}

/// Tells of the incidents that are open: somebody may want to go on with one.
fn offer(state: &mut State) {
    let is_open = |incident: &&Arc<Incident>| incident.status() != IncidentStatus::Resolved;
    let open: Vec<Arc<Incident>> = state.lake.snapshot.incidents.iter().filter(is_open).cloned().collect();
    let Some(first) = open.first() else { return };
    if state.incident.joined.is_some() || state.flash.is_some() {
        return;
    }
    let title = one_line(&first.about.title, 60);
    let handed = if first.handover.is_some() { ", handed over" } else { "" };
    let more = match open.len() {
        1 => String::new(),
        n => format!(", and {} more", words::count(n as u64 - 1)),
    };
    state.say(format!("an incident is open{handed}: {title}{more}; 8, then enter, joins it"));
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if runbook::give_up(state) {
        return Some(vec![Effect::Cancel(Job::Probe)]);
    }
    let tab = state.tab;
    let pane = state.incident.pane_mut(tab);
    if pane.focus == Focus::Detail {
        (pane.focus, pane.scroll) = (Focus::List, 0);
        return Some(Vec::new());
    }
    if tab == Tab::Incident && !state.incident.filter.is_empty() {
        filter(state, "");
        return Some(Vec::new());
    }
    None
}

/// Whether something is chosen.
pub(super) fn has_selection(state: &State) -> bool {
    len(state, state.tab) > 0
}

/// The word that the footer has for enter.
pub(super) fn enter_word(state: &State) -> Option<&'static str> {
    match (state.tab, state.incident.joined()) {
        (Tab::Verify, Some(_)) => Some("check"),
        (Tab::Incident, None) if has_selection(state) => Some("join"),
        _ => None,
    }
}

/// Moves about in the tab.
fn moved(state: &mut State, command: Command) {
    let tab = state.tab;
    let panes = panes(state, tab);
    let (len, lines) = (len(state, tab), view::detail(state, tab).len() as u64);
    let pane = state.incident.pane_mut(tab);
    if pane.focus == Focus::Detail {
        let height = panes.detail.height;
        let mut cursor = Cursor { at: u64::from(pane.scroll), top: 0 };
        cursor.go(command, lines.saturating_sub(u64::from(height)) + 1, height);
        pane.scroll = u16::try_from(cursor.at).unwrap_or(u16::MAX);
    } else if pane.cursor.go(command, len, panes.list.height) {
        pane.scroll = 0;
    }
}
