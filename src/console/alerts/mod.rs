//! Tab 1: what is wrong now, worst first, with the evidence beside it.

pub(super) mod triage;
mod view;

#[cfg(test)]
mod tests;

pub(super) use view::draw;

use std::collections::BTreeSet;

use crate::model::alert::{Alert, AlertRule};
use crate::model::entry::EntryPath;
use crate::model::moves::MoveId;

use super::command::Command;
use super::cursor::Cursor;
use super::filter::Filter;
use super::jobs;
use super::layout::{self, Panes};
use super::marks::Marks;
use super::msg::Effect;
use super::quarantine;
use super::state::{Focus, State};
use super::update::jump;

/// State of the tab.
#[derive(Debug, Default)]
pub(in crate::console) struct AlertsScreen {
    pub filter: Filter,
    /// Indexes of the alerts that the filter leaves.
    pub shown: Vec<usize>,
    pub cursor: Cursor,
    /// Key of the chosen alert: the choice survives a refresh.
    pub chosen: Option<String>,
    pub marks: Marks<String>,
    pub focus: Focus,
    pub zoom: bool,
    /// First line of the detail in view.
    pub scroll: u16,
}

impl AlertsScreen {
    /// The chosen alert.
    pub(in crate::console) fn selected<'a>(&self, state: &'a State) -> Option<&'a Alert> {
        self.shown.get(self.cursor.index()).and_then(|i| state.lake.snapshot.alerts.get(*i))
    }
}

/// The entries of the marked alerts, or of the selected one.
pub(super) fn entries(state: &State) -> Result<Vec<EntryPath>, &'static str> {
    let marked = &state.alerts.marks.marked;
    let entries: BTreeSet<EntryPath> = if marked.is_empty() {
        let alert = state.alerts.selected(state).ok_or("nothing is selected")?;
        alert.entry.iter().cloned().collect()
    } else {
        let of = |a: &&Alert| marked.contains(&a.key);
        state.lake.snapshot.alerts.iter().filter(of).filter_map(|a| a.entry.clone()).collect()
    };
    if entries.is_empty() { Err("this alert is about no dead letter") } else { Ok(entries.into_iter().collect()) }
}

pub(super) fn panes(state: &State) -> Panes {
    let body = layout::bands(state).body;
    layout::panes(body, state.alerts.zoom, state.alerts.focus, state.alerts.shown.len() as u64 + 1, body.width / 2)
}

/// Lines of the list under its head.
fn height(state: &State) -> u16 {
    panes(state).list.height.saturating_sub(1)
}

/// After new alerts or a new filter: what is shown, and the choice kept by its key.
pub(super) fn rebuild(state: &mut State) {
    let filter = &state.alerts.filter;
    let alerts = &state.lake.snapshot.alerts;
    let shown = (0..alerts.len()).filter(|i| {
        alerts.get(*i).is_some_and(|a| filter.is_empty() || filter.matches(std::iter::once(searchable(a).as_str())))
    });
    let shown: Vec<usize> = shown.collect();
    let key_at = |at: &usize| alerts.get(*at).map(|a| a.key.as_str());
    if let Some(at) = state.alerts.chosen.as_deref().and_then(|key| shown.iter().position(|i| key_at(i) == Some(key))) {
        state.alerts.cursor.at = at as u64;
    }
    state.alerts.shown = shown;
    state.alerts.marks.retain(|key| alerts.iter().any(|a| a.key == *key));
    fit(state);
}

fn searchable(alert: &Alert) -> String {
    let date = alert.date.map(|d| d.to_string()).unwrap_or_default();
    let (severity, rule, category) = (alert.severity.word(), alert.rule.word(), alert.category.word());
    let (state, owner) = (alert.standing.state.word(), alert.standing.owner.as_deref().unwrap_or_default());
    format!("{severity} {rule} {} {date} {category} {} {state} {owner}", alert.dataset, alert.summary)
}

pub(super) fn fit(state: &mut State) {
    let (len, height) = (state.alerts.shown.len() as u64, height(state));
    state.alerts.cursor.fit(len, height);
    state.alerts.chosen = state.alerts.selected(state).map(|a| a.key.clone());
}

pub(super) fn filter(state: &mut State, text: &str) {
    state.alerts.filter = Filter::parse(text);
    rebuild(state);
}

pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Open => {
            let Some(alert) = state.alerts.selected(state) else { return Vec::new() };
            // Its key ends in the quarantine that it is about.
            if let (AlertRule::QuarantineAge, Some((_, id))) = (alert.rule, alert.key.rsplit_once(':')) {
                let id = MoveId(id.to_owned());
                return quarantine::select(state, &id);
            }
            match alert.entry.clone() {
                Some(entry) => return jump(state, &entry),
                None if alert.run.is_some() => return jobs::related::go(state),
                None => {
                    // An alert without an entry (no data, say) has its evidence to show.
                    state.alerts.focus = Focus::Detail;
                    state.alerts.zoom = true;
                }
            }
        }
        Command::Detail => {
            state.alerts.focus = Focus::Detail;
            state.alerts.zoom = true;
        }
        Command::Pane => {
            state.alerts.focus = if state.alerts.focus == Focus::List { Focus::Detail } else { Focus::List };
        }
        Command::Copy => {
            return state.alerts.selected(state).map(|a| Effect::Copy(a.key.clone())).into_iter().collect();
        }
        Command::CopyUri => {
            let uri = state.alerts.selected(state).and_then(|a| a.evidence.first()).map(|e| e.uri.clone());
            match uri {
                Some(uri) => return vec![Effect::Copy(uri)],
                None => state.say("this alert has no evidence with an address"),
            }
        }
        _ if state.alerts.focus == Focus::Detail => {
            let height = panes(state).detail.height;
            let lines = view::detail_lines(state).len() as u64;
            let mut cursor = Cursor { at: u64::from(state.alerts.scroll), top: 0 };
            // The detail scrolls by its first line: as many stops as lines that do not fit.
            cursor.go(command, lines.saturating_sub(u64::from(height)) + 1, height);
            state.alerts.scroll = u16::try_from(cursor.at).unwrap_or(u16::MAX);
        }
        Command::Mark => {
            if let Some(key) = state.alerts.chosen.clone() {
                state.alerts.marks.toggle(key);
            }
            return run(state, Command::Down);
        }
        Command::Range => {
            let alerts = &state.lake.snapshot.alerts;
            let keys = state.alerts.shown.iter().filter_map(|i| alerts.get(*i)).map(|a| a.key.clone());
            let keys: Vec<String> = keys.collect();
            let said = state.alerts.marks.range(&keys, state.alerts.cursor.index());
            state.say(said);
        }
        _ => {
            let (len, height) = (state.alerts.shown.len() as u64, height(state));
            if state.alerts.cursor.go(command, len, height) {
                state.alerts.scroll = 0;
                fit(state);
            }
        }
    }
    Vec::new()
}

/// What opening the chosen alert leads to.
pub(super) fn enter_word(state: &State) -> Option<&'static str> {
    let alert = state.alerts.selected(state)?;
    match (alert.rule, &alert.entry, &alert.run) {
        (AlertRule::QuarantineAge, ..) => Some("quarantine"),
        (_, Some(_), _) => Some("rejected rows"),
        (_, None, Some(_)) => Some("run"),
        (_, None, None) => (!state.alerts.zoom).then_some("detail"),
    }
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    let screen = &mut state.alerts;
    if screen.zoom || screen.focus == Focus::Detail {
        (screen.zoom, screen.focus, screen.scroll) = (false, Focus::List, 0);
        fit(state);
        return Some(Vec::new());
    }
    if !screen.filter.is_empty() {
        filter(state, "");
        return Some(Vec::new());
    }
    screen.marks.back().then(Vec::new)
}
