//! The rejected rows of the chosen entry, and what else can be said of them: record, schema, profile.
//! Follows the choice in the tree; the newest request wins, stale answers are dropped.

mod commands;
pub(in crate::console) mod rows;
mod schema;
pub(super) mod view;

use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use crate::console::cursor::Cursor;
use crate::console::load::{Fault, Load};
use crate::console::msg::{Effect, Job, RequestId};
use crate::console::state::State;
use crate::model::column::{Column, ColumnProfile, RowPage};
use crate::model::entry::{DlqEntry, EntryPath, RowsFormat};
use crate::ops::Opened;
use crate::rows::RowsError;
use commands::filter;
pub(super) use commands::run;
use rows::{Need, Rows};

/// What the pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::console) enum Mode {
    #[default]
    Rows,
    /// One row, vertical.
    Record,
    Schema,
    Profile,
    /// All that is known of the entry.
    Entry,
}

/// The page that is being read.
#[derive(Debug)]
pub(in crate::console) struct Pending {
    id: RequestId,
    need: Need,
}

/// State of the pane.
#[derive(Debug, Default)]
pub(in crate::console) struct Preview {
    entry: Option<Arc<DlqEntry>>,
    open: Load<Opened>,
    pub mode: Mode,
    pub rows: Rows,
    pub pending: Option<Pending>,
    /// Why the last page did not come; nothing is asked for again by itself.
    pub fault: Option<Fault>,
    /// Place in the schema, the profile, the record (a field) or the entry's detail.
    pub lines: Cursor,
    /// Lines of the record's first field that are scrolled away.
    pub into_field: u64,
    pub profile: Load<Vec<ColumnProfile>>,
    pub by_name: bool,
    pub revealed: bool,
}

impl Preview {
    pub(in crate::console) fn opened(&self) -> Option<&Opened> {
        match &self.open {
            Load::Ready(opened) => Some(opened),
            _ => None,
        }
    }

    pub(in crate::console) fn is_of(&self, path: &EntryPath) -> bool {
        self.entry.as_ref().is_some_and(|e| e.path == *path)
    }

    /// What loads here now, for the footer.
    pub(in crate::console) fn loading(&self) -> Option<&'static str> {
        match (&self.open, &self.profile, &self.pending) {
            (Load::Waiting(_), _, _) => Some("opening…"),
            (_, Load::Waiting(_), _) => Some("profiling…"),
            (_, _, Some(_)) => Some("reading rows…"),
            _ => None,
        }
    }

    pub(in crate::console) fn column_names(&self) -> Vec<String> {
        self.opened().map(|o| o.columns.iter().map(|c| c.name.clone()).collect()).unwrap_or_default()
    }

    /// The columns in the order shown: the user's, or those that the reasons name first.
    pub(in crate::console) fn order(&self) -> &[usize] {
        let order = self.opened().map(|o| o.order.as_slice()).unwrap_or_default();
        self.rows.chosen.as_deref().unwrap_or(order)
    }

    pub(in crate::console) fn masks(&self, column: usize) -> bool {
        !self.revealed && self.opened().is_some_and(|o| o.personal.contains(&column))
    }

    fn masks_name(&self, name: &str) -> bool {
        let Some(opened) = self.opened() else { return true };
        let of = |i: &usize| opened.columns.get(*i).is_some_and(|c| c.name == name);
        !self.revealed && opened.personal.iter().any(of)
    }

    /// The columns that may be in view in a pane of this width: never too few, since a column is at least as
    /// wide as its head.
    fn in_view(&self, width: u16) -> Vec<usize> {
        let Some(opened) = self.opened() else { return Vec::new() };
        let mut room = usize::from(width);
        let mut columns = Vec::new();
        for index in self.order().iter().skip(self.rows.first_column) {
            columns.push(*index);
            let used = opened.columns.get(*index).map_or(1, head_width) + view::GAP;
            room = room.saturating_sub(used);
            if room == 0 {
                break;
            }
        }
        columns
    }
}

/// Columns that the head of a column takes at least.
fn head_width(column: &Column) -> usize {
    column.name.width().clamp(view::NARROWEST, view::WIDEST)
}

/// After the choice moved or the lake was read anew: opens the chosen entry if another one is shown, or if it
/// changed.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let entry = state.dlq.entry(state).cloned();
    let same = match (&state.dlq.preview.entry, &entry) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.path == b.path && a.modified == b.modified && a.bytes == b.bytes && a.format == b.format
        }
        _ => false,
    };
    if same {
        state.dlq.preview.entry = entry;
        return Vec::new();
    }
    let busy = state.dlq.preview.loading().is_some();
    let by_name = state.dlq.preview.by_name;
    // A pane that is zoomed stays what it is when its entry changed in place.
    let mode = if entry.as_ref().is_some_and(|e| state.dlq.preview.is_of(&e.path)) {
        state.dlq.preview.mode
    } else {
        Mode::Rows
    };
    state.dlq.preview = Preview { entry: entry.clone(), by_name, mode, ..Preview::default() };
    let mut effects = match entry {
        Some(entry) if entry.format != RowsFormat::None => open(state, entry, true),
        _ => vec![Effect::Cancel(Job::Open)],
    };
    if !busy && matches!(effects.as_slice(), [Effect::Cancel(_)]) {
        effects.clear();
    }
    if busy {
        effects.extend([Effect::Cancel(Job::Page), Effect::Cancel(Job::Profile)]);
    }
    effects
}

fn open(state: &mut State, entry: Arc<DlqEntry>, settle: bool) -> Vec<Effect> {
    let id = state.request();
    state.dlq.preview.open = Load::Waiting(id);
    vec![Effect::Open { id, entry, settle }]
}

/// Asks for the first piece of rows that is in view and was not read. One at a time.
pub(super) fn want(state: &mut State) -> Vec<Effect> {
    let area = super::panes(state).detail;
    let preview = &mut state.dlq.preview;
    if preview.opened().is_none() || preview.fault.is_some() {
        return Vec::new();
    }
    let height = view::rows_height(preview, area);
    let len = preview.rows.len();
    preview.rows.cursor.fit(len, height);
    let need = match preview.mode {
        Mode::Rows => preview.rows.missing(height, &preview.in_view(area.width)),
        Mode::Record => {
            let from = preview.lines.index();
            let fields: Vec<usize> =
                preview.order().iter().skip(from).take(usize::from(area.height)).copied().collect();
            preview.rows.missing_of_row(preview.rows.cursor.at, &fields)
        }
        Mode::Schema | Mode::Profile | Mode::Entry => None,
    };
    let Some(need) = need else { return Vec::new() };
    if preview.pending.as_ref().is_some_and(|p| p.need == need) {
        return Vec::new();
    }
    let (Some(entry), request) = (preview.entry.clone(), preview.rows.request(&need)) else { return Vec::new() };
    let id = state.request();
    state.dlq.preview.pending = Some(Pending { id, need });
    vec![Effect::Page { id, entry, request }]
}

pub(super) fn opened(state: &mut State, id: RequestId, result: Result<Opened, RowsError>) -> Vec<Effect> {
    if !matches!(state.dlq.preview.open, Load::Waiting(waiting) if waiting == id) {
        return Vec::new();
    }
    match result {
        Ok(opened) => {
            state.dlq.preview.rows.total = opened.total_rows;
            state.dlq.preview.open = Load::Ready(opened);
            want(state)
        }
        Err(error) => {
            state.dlq.preview.open = Load::Failed(Fault::from(&error));
            Vec::new()
        }
    }
}

pub(super) fn paged(state: &mut State, id: RequestId, result: Result<RowPage, RowsError>) -> Vec<Effect> {
    let Some(pending) = state.dlq.preview.pending.take_if(|p| p.id == id) else { return Vec::new() };
    match result {
        Ok(page) => {
            state.dlq.preview.rows.take(pending.need, page);
            want(state)
        }
        Err(error) => {
            state.dlq.preview.fault = Some(Fault::from(&error));
            Vec::new()
        }
    }
}

pub(super) fn profiled(state: &mut State, id: RequestId, result: Result<Vec<ColumnProfile>, RowsError>) {
    if !matches!(state.dlq.preview.profile, Load::Waiting(waiting) if waiting == id) {
        return;
    }
    state.dlq.preview.profile = match result {
        Ok(profile) => Load::Ready(profile),
        Err(error) => Load::Failed(Fault::from(&error)),
    };
    sort(state);
}

fn sort(state: &mut State) {
    let by_name = state.dlq.preview.by_name;
    if let Load::Ready(profile) = &mut state.dlq.preview.profile {
        if by_name {
            profile.sort_by(|a, b| a.column.name.cmp(&b.column.name));
        } else {
            profile.sort_by(|a, b| b.oddness.total_cmp(&a.oddness));
        }
    }
}

/// R: asks again for what failed or was cancelled.
pub(super) fn retry(state: &mut State) -> Vec<Effect> {
    state.dlq.preview.fault = None;
    let mut effects = Vec::new();
    if matches!(state.dlq.preview.open, Load::Failed(_) | Load::Cancelled)
        && let Some(entry) = state.dlq.preview.entry.clone()
    {
        effects = open(state, entry, false);
    }
    if matches!(state.dlq.preview.profile, Load::Failed(_) | Load::Cancelled) {
        effects.extend(profile(state));
    }
    effects.extend(want(state));
    effects
}

fn profile(state: &mut State) -> Vec<Effect> {
    let Some(entry) = state.dlq.preview.entry.clone() else { return Vec::new() };
    let id = state.request();
    state.dlq.preview.profile = Load::Waiting(id);
    vec![Effect::Profile { id, entry }]
}

/// Esc here: cancels what loads, then from record, schema or profile back to the rows.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    let preview = &mut state.dlq.preview;
    let mut cancelled = Vec::new();
    if matches!(preview.open, Load::Waiting(_)) {
        preview.open = Load::Cancelled;
        cancelled.push(Effect::Cancel(Job::Open));
    }
    if matches!(preview.profile, Load::Waiting(_)) {
        preview.profile = Load::Cancelled;
        cancelled.push(Effect::Cancel(Job::Profile));
    }
    if preview.pending.take().is_some() {
        preview.fault = Some(Fault { what: "cancelled".into(), hint: "ctrl-r reads again".into() });
        cancelled.push(Effect::Cancel(Job::Page));
    }
    if !cancelled.is_empty() {
        return Some(cancelled);
    }
    match preview.mode {
        Mode::Rows => {
            let broken = preview.fault.is_some() && preview.rows.filter.is_some();
            broken.then(|| filter(state, ""))
        }
        _ => {
            preview.mode = Mode::Rows;
            Some(want(state))
        }
    }
}
