//! Tab 2: dead letters. A tree of datasets and dates, beside it the rejected rows of the chosen entry.

pub(super) mod preview;
#[cfg(test)]
mod tests;
pub(super) mod tree;
mod view;

pub(super) use view::draw;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::column::{ColumnProfile, RowPage};
use crate::model::dataset::Dataset;
use crate::model::entry::{DlqEntry, EntryPath};
use crate::ops::Opened;
use crate::rows::RowsError;

use super::command::Command;
use super::cursor::Cursor;
use super::filter::Filter;
use super::layout::{self, Panes};
use super::msg::{Effect, RequestId};
use super::state::{Focus, State, Tab};
use preview::{Mode, Preview};
use tree::{Node, NodeId};

/// State of the tab.
#[derive(Debug, Default)]
pub(super) struct DlqScreen {
    pub filter: Filter,
    pub nodes: Vec<Node>,
    /// The entries that the filter leaves, in their order.
    left: Vec<Arc<DlqEntry>>,
    pub toggled: BTreeSet<Dataset>,
    pub cursor: Cursor,
    /// The chosen line: the choice survives a refresh.
    pub chosen: Option<NodeId>,
    pub marked: BTreeSet<EntryPath>,
    /// Where a range began.
    pub anchor: Option<NodeId>,
    pub focus: Focus,
    pub zoom: bool,
    pub preview: Preview,
}

impl DlqScreen {
    /// How many entries the filter hides, of all.
    pub(super) fn hidden(&self, all: &[Arc<DlqEntry>]) -> u64 {
        (all.len() - self.left.len().min(all.len())) as u64
    }

    pub(super) fn selected(&self) -> Option<&Node> {
        self.nodes.get(self.cursor.index())
    }

    /// The chosen entry; none on a dataset's line.
    pub(super) fn entry(&self, _state: &State) -> Option<&Arc<DlqEntry>> {
        match self.selected() {
            Some(Node::Entry { entry, .. }) => Some(entry),
            _ => None,
        }
    }
}

/// The marked entries, or the selected one.
pub(super) fn entries(state: &State) -> Result<Vec<EntryPath>, &'static str> {
    if !state.dlq.marked.is_empty() {
        return Ok(state.dlq.marked.iter().cloned().collect());
    }
    match state.dlq.selected() {
        Some(Node::Entry { entry, .. }) => Ok(vec![entry.path.clone()]),
        Some(Node::Dataset(_)) => Err("choose a date, or mark all of them: space"),
        None => Err("nothing is selected"),
    }
}

pub(super) fn panes(state: &State) -> Panes {
    let body = layout::bands(state).body;
    let screen = &state.dlq;
    layout::panes(body, screen.zoom, screen.focus, screen.nodes.len() as u64 + 1, 66)
}

fn height(state: &State) -> u16 {
    panes(state).list.height.saturating_sub(1)
}

/// After new entries: what the filter leaves of them, and all that follows.
pub(super) fn rebuild(state: &mut State) -> Vec<Effect> {
    tree::left(&state.lake.entries, &state.dlq.filter, &mut state.dlq.left);
    lines(state)
}

/// After another filter or a toggled dataset: the lines, the choice kept by identity, and the rows.
fn lines(state: &mut State) -> Vec<Effect> {
    let screen = &mut state.dlq;
    let before = screen.selected().map(|n| n.dataset().clone());
    let mut nodes = std::mem::take(&mut screen.nodes);
    tree::build(&screen.left, &screen.filter, &screen.toggled, &mut nodes);
    let found = screen.chosen.as_ref().and_then(|id| nodes.iter().position(|n| n.is(id))).or_else(|| {
        // Its line is gone: a closed dataset stands for its dates, a date alone for its dataset.
        let before = before?;
        let near = screen.cursor.index();
        let same = nodes.iter().enumerate().filter(|(_, n)| *n.dataset() == before);
        same.min_by_key(|(i, _)| i.abs_diff(near)).map(|(i, _)| i)
    });
    if let Some(at) = found {
        screen.cursor.at = at as u64;
    }
    screen.nodes = nodes;
    if !screen.marked.is_empty() {
        let there: BTreeSet<&EntryPath> = state.lake.entries.iter().map(|e| &e.path).collect();
        screen.marked.retain(|m| there.contains(m));
    }
    fit(state)
}

/// Keeps cursor and choice together, and asks for the rows that are in view now.
pub(super) fn fit(state: &mut State) -> Vec<Effect> {
    let (len, height) = (state.dlq.nodes.len() as u64, height(state));
    state.dlq.cursor.fit(len, height);
    state.dlq.chosen = state.dlq.selected().map(Node::id);
    // Behind another tab nothing is opened: it might never be looked at.
    if state.tab != Tab::Dlq {
        return Vec::new();
    }
    let mut effects = preview::follow(state);
    effects.extend(preview::want(state));
    effects
}

pub(super) fn filter(state: &mut State, text: &str) -> Vec<Effect> {
    let filter = Filter::parse(text);
    if filter.narrows(&state.dlq.filter) {
        // At each key typed, over tens of thousands of entries.
        tree::narrow(&mut state.dlq.left, &filter);
        state.dlq.filter = filter;
        return lines(state);
    }
    state.dlq.filter = filter;
    rebuild(state)
}

/// Chooses an entry, opening what hides it.
pub(super) fn select_entry(state: &mut State, path: &EntryPath) -> Vec<Effect> {
    let at = |state: &State| state.dlq.nodes.iter().position(|n| n.id() == NodeId::Entry(path.clone()));
    // What is in view on the way is asked for as well, and is not asked for again at the end.
    let mut effects = Vec::new();
    if at(state).is_none() {
        state.dlq.filter = Filter::default();
        effects.extend(rebuild(state));
    }
    if at(state).is_none() {
        let dataset = state.lake.entries.iter().find(|e| e.path == *path).map(|e| e.dataset.clone());
        match dataset {
            Some(dataset) => effects.extend(toggle(state, dataset)),
            None => {
                state.fail("its entry is no longer there");
                return effects;
            }
        };
    }
    if let Some(at) = at(state) {
        state.dlq.cursor.at = at as u64;
    }
    effects.extend(fit(state));
    effects
}

/// Nothing is marked any more.
pub(super) fn unmark(state: &mut State) {
    state.dlq.marked.clear();
    state.dlq.anchor = None;
}

fn toggle(state: &mut State, dataset: Dataset) -> Vec<Effect> {
    if !state.dlq.toggled.remove(&dataset) {
        state.dlq.toggled.insert(dataset);
    }
    lines(state)
}

pub(super) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Pane if state.dlq.entry(state).is_some() => {
            state.dlq.focus = if state.dlq.focus == Focus::List { Focus::Detail } else { Focus::List };
            fit(state)
        }
        Command::CopyUri => copy(state, |state, e| format!("{}/{}", state.settings.lake_url, e.0)),
        Command::Schema
        | Command::Profile
        | Command::Row
        | Command::Where
        | Command::Columns
        | Command::Sort
        | Command::Reveal => preview::run(state, command, argument),
        _ if state.dlq.focus == Focus::Detail => preview::run(state, command, argument),
        Command::Copy => copy(state, |_, e| e.0.to_string()),
        Command::Detail => {
            state.dlq.preview.mode = Mode::Entry;
            state.dlq.preview.lines = Cursor::default();
            zoom(state)
        }
        Command::Open => match state.dlq.selected() {
            Some(Node::Dataset(sum)) => {
                let dataset = sum.dataset.clone();
                toggle(state, dataset)
            }
            Some(Node::Entry { .. }) => zoom(state),
            None => Vec::new(),
        },
        Command::Right | Command::Left => sideways(state, command),
        Command::Mark => {
            mark(state);
            let (len, height) = (state.dlq.nodes.len() as u64, height(state));
            state.dlq.cursor.go(Command::Down, len, height);
            fit(state)
        }
        Command::Range => {
            range(state);
            Vec::new()
        }
        _ => {
            let (len, height) = (state.dlq.nodes.len() as u64, height(state));
            if state.dlq.cursor.go(command, len, height) { fit(state) } else { Vec::new() }
        }
    }
}

fn zoom(state: &mut State) -> Vec<Effect> {
    (state.dlq.zoom, state.dlq.focus) = (true, Focus::Detail);
    fit(state)
}

fn sideways(state: &mut State, command: Command) -> Vec<Effect> {
    match (state.dlq.selected(), command) {
        (Some(Node::Dataset(sum)), Command::Right) if !sum.open => {
            let dataset = sum.dataset.clone();
            toggle(state, dataset)
        }
        (Some(Node::Dataset(sum)), Command::Left) if sum.open => {
            let dataset = sum.dataset.clone();
            toggle(state, dataset)
        }
        (Some(Node::Entry { entry, alone: false }), Command::Left) => {
            let id = NodeId::Dataset(entry.dataset.clone());
            if let Some(at) = state.dlq.nodes.iter().position(|n| n.id() == id) {
                state.dlq.cursor.at = at as u64;
            }
            fit(state)
        }
        (Some(Node::Entry { .. }), Command::Right) => {
            state.dlq.focus = Focus::Detail;
            fit(state)
        }
        _ => Vec::new(),
    }
}

/// Marks or unmarks the chosen line; on a dataset, all its entries that the filter leaves: what is not seen is not meant.
fn mark(state: &mut State) {
    let paths: Vec<EntryPath> = match state.dlq.selected() {
        Some(Node::Entry { entry, .. }) => vec![entry.path.clone()],
        Some(Node::Dataset(sum)) => {
            let of = |e: &&Arc<DlqEntry>| e.dataset == sum.dataset;
            state.dlq.left.iter().filter(of).map(|e| e.path.clone()).collect()
        }
        None => Vec::new(),
    };
    let all = paths.iter().all(|p| state.dlq.marked.contains(p));
    for path in paths {
        if all {
            state.dlq.marked.remove(&path)
        } else {
            state.dlq.marked.insert(path)
        };
    }
}

fn range(state: &mut State) {
    let anchor = state.dlq.anchor.take();
    let Some(from) = anchor.and_then(|id| state.dlq.nodes.iter().position(|n| n.id() == id)) else {
        state.dlq.anchor = state.dlq.chosen.clone();
        state.say("range begins here: move, then v again");
        return;
    };
    let to = state.dlq.cursor.index();
    let (low, high) = (from.min(to), from.max(to));
    let entries = state.dlq.nodes.iter().skip(low).take(high - low + 1).filter_map(|n| match n {
        Node::Entry { entry, .. } => Some(entry.path.clone()),
        Node::Dataset(_) => None,
    });
    state.dlq.marked.extend(entries.collect::<Vec<_>>());
    state.say(format!("{} marked", state.dlq.marked.len()));
}

fn copy(state: &State, text: impl Fn(&State, &EntryPath) -> String) -> Vec<Effect> {
    let lines: Vec<String> = if state.dlq.marked.is_empty() {
        match state.dlq.selected() {
            Some(Node::Entry { entry, .. }) => vec![text(state, &entry.path)],
            Some(Node::Dataset(sum)) => vec![sum.dataset.to_string()],
            None => return Vec::new(),
        }
    } else {
        state.dlq.marked.iter().map(|p| text(state, p)).collect()
    };
    vec![Effect::Copy(lines.join("\n"))]
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if let Some(effects) = preview::back(state) {
        return Some(effects);
    }
    if state.dlq.zoom || state.dlq.focus == Focus::Detail {
        (state.dlq.zoom, state.dlq.focus) = (false, Focus::List);
        return Some(fit(state));
    }
    if state.dlq.anchor.take().is_some() {
        return Some(Vec::new());
    }
    if !state.dlq.filter.is_empty() {
        return Some(filter(state, ""));
    }
    if !state.dlq.marked.is_empty() {
        state.dlq.marked.clear();
        return Some(Vec::new());
    }
    None
}

/// R: what failed here is asked for again.
pub(super) fn retry(state: &mut State) -> Vec<Effect> {
    preview::retry(state)
}

pub(super) fn opened(state: &mut State, id: RequestId, result: Result<Opened, RowsError>) -> Vec<Effect> {
    preview::opened(state, id, result)
}

pub(super) fn paged(state: &mut State, id: RequestId, result: Result<RowPage, RowsError>) -> Vec<Effect> {
    preview::paged(state, id, result)
}

pub(super) fn profiled(state: &mut State, id: RequestId, result: Result<Vec<ColumnProfile>, RowsError>) -> Vec<Effect> {
    preview::profiled(state, id, result);
    Vec::new()
}
