//! The rejected rows of the chosen entry, and what else can be said of them: record, schema, profile.
//! Follows the choice in the tree; the newest request wins, stale answers are dropped.

pub(in crate::console) mod rows;
pub(super) mod view;

use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use crate::console::command::Command;
use crate::console::cursor::Cursor;
use crate::console::msg::{Effect, Job, RequestId};
use crate::console::overlay::Overlay;
use crate::console::state::{Focus, State};
use crate::model::column::{Column, ColumnProfile, RowPage};
use crate::model::entry::{DlqEntry, EntryPath, RowsFormat};
use crate::model::text::{escape, one_line};
use crate::ops::Opened;
use crate::rows::RowsError;
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

/// Something that is asked for.
#[derive(Debug, Default)]
pub(in crate::console) enum Load<T> {
    #[default]
    Idle,
    Waiting(RequestId),
    Ready(T),
    Failed(Fault),
    Cancelled,
}

/// A failure made fit to show: object and fault in one, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::console) struct Fault {
    pub what: String,
    pub hint: String,
}

impl From<&RowsError> for Fault {
    fn from(error: &RowsError) -> Self {
        let hint = match error {
            RowsError::Lake(lake) => lake.hint.clone(),
            RowsError::Unreadable { .. } => {
                "the object is damaged or of another kind; Y copies the entry's address".into()
            }
            RowsError::NoRows { .. } => "d shows what lies there instead".into(),
            RowsError::NoColumn { .. } => ":columns alone shows all; tab completes names".into(),
            RowsError::Filter(_) => ":where alone shows all rows; tab completes column names".into(),
        };
        Self { what: one_line(&error.to_string(), 2000), hint: one_line(&hint, 400) }
    }
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

/// Runs a command that is about the rows.
pub(super) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Schema => show(state, Mode::Schema),
        Command::Profile => {
            let mut effects = show(state, Mode::Profile);
            if matches!(state.dlq.preview.profile, Load::Idle | Load::Cancelled | Load::Failed(_)) {
                effects.extend(profile(state));
            }
            effects
        }
        Command::Sort => {
            match argument {
                "name" => state.dlq.preview.by_name = true,
                "oddness" => state.dlq.preview.by_name = false,
                other => state.fail(format!("sort: no order {:?}; there are: oddness, name", escape(other))),
            }
            sort(state);
            Vec::new()
        }
        Command::Reveal => {
            let preview = &state.dlq.preview;
            let (Some(entry), Some(opened)) = (&preview.entry, preview.opened()) else { return Vec::new() };
            let name = |i: &usize| opened.columns.get(*i).map(|c| c.name.clone());
            let columns = opened.personal.iter().filter_map(name).collect();
            state.overlay = Some(Overlay::Reveal { entry: entry.path.clone(), columns, yes: false });
            Vec::new()
        }
        Command::Row => row(state, argument),
        Command::Where => filter(state, argument),
        Command::Columns => columns(state, argument),
        Command::Detail | Command::Open
            if state.dlq.preview.mode == Mode::Rows && state.dlq.preview.opened().is_some() =>
        {
            state.dlq.preview.into_field = 0;
            show(state, Mode::Record)
        }
        Command::Detail => show(state, Mode::Entry),
        Command::Left | Command::Right => sideways(state, command),
        Command::Copy => copy(state),
        _ => scroll(state, command),
    }
}

fn show(state: &mut State, mode: Mode) -> Vec<Effect> {
    state.dlq.preview.mode = mode;
    state.dlq.preview.lines = Cursor::default();
    (state.dlq.zoom, state.dlq.focus) = (true, Focus::Detail);
    want(state)
}

fn row(state: &mut State, argument: &str) -> Vec<Effect> {
    match argument.replace([',', '_'], "").parse::<u64>() {
        Ok(n @ 1..) => {
            state.dlq.preview.rows.cursor.at = n - 1;
            if state.dlq.preview.mode != Mode::Record {
                state.dlq.preview.mode = Mode::Rows;
            }
            state.dlq.focus = Focus::Detail;
            want(state)
        }
        _ => {
            state.fail(format!("row: {:?} is not a row number from 1", escape(argument)));
            Vec::new()
        }
    }
}

fn filter(state: &mut State, argument: &str) -> Vec<Effect> {
    let total = state.dlq.preview.opened().and_then(|o| o.total_rows);
    let preview = &mut state.dlq.preview;
    preview.rows.filter = (!argument.is_empty()).then(|| argument.to_owned());
    preview.rows.total = if argument.is_empty() { total } else { None };
    preview.rows.forget();
    preview.rows.cursor = Cursor::default();
    (preview.fault, preview.pending, preview.mode) = (None, None, Mode::Rows);
    want(state)
}

fn columns(state: &mut State, argument: &str) -> Vec<Effect> {
    let names = state.dlq.preview.column_names();
    let mut chosen = Vec::new();
    for wanted in argument.split(',').map(str::trim).filter(|w| !w.is_empty()) {
        let exact = names.iter().position(|n| n == wanted);
        match exact.or_else(|| names.iter().position(|n| n.eq_ignore_ascii_case(wanted))) {
            Some(index) => chosen.push(index),
            None => {
                let known = one_line(&names.join(", "), 120);
                state.fail(format!("no column {:?}; there are: {known}", escape(wanted)));
                return Vec::new();
            }
        }
    }
    let preview = &mut state.dlq.preview;
    preview.rows.chosen = (!chosen.is_empty()).then_some(chosen);
    (preview.rows.first_column, preview.fault) = (0, None);
    preview.mode = Mode::Rows;
    want(state)
}

fn sideways(state: &mut State, command: Command) -> Vec<Effect> {
    let preview = &mut state.dlq.preview;
    let forth = command == Command::Right;
    match preview.mode {
        Mode::Rows => {
            let last = preview.order().len().saturating_sub(1);
            let first = preview.rows.first_column;
            preview.rows.first_column = if forth { (first + 1).min(last) } else { first.saturating_sub(1) };
        }
        Mode::Record => {
            let at = preview.rows.cursor.at;
            preview.rows.cursor.at = if forth { at.saturating_add(1) } else { at.saturating_sub(1) };
            preview.into_field = 0;
        }
        Mode::Schema | Mode::Profile | Mode::Entry => {}
    }
    want(state)
}

fn scroll(state: &mut State, command: Command) -> Vec<Effect> {
    let area = super::panes(state).detail;
    let lines = view::line_count(state);
    let preview = &mut state.dlq.preview;
    match preview.mode {
        Mode::Rows => {
            let (len, height) = (preview.rows.len(), view::rows_height(preview, area));
            preview.rows.cursor.go(command, len, height);
        }
        Mode::Record => record_scroll(preview, command, area),
        Mode::Schema | Mode::Profile | Mode::Entry => {
            // One line of head over the lists; these scroll by their first line.
            let stops = lines.saturating_sub(u64::from(area.height.saturating_sub(1))) + 1;
            preview.lines.go(command, stops, area.height);
        }
    }
    want(state)
}

/// A record scrolls by lines within a long value, and by fields otherwise.
fn record_scroll(preview: &mut Preview, command: Command, area: ratatui::layout::Rect) {
    let fields = preview.order().len() as u64;
    let step = match command {
        Command::Down => 1,
        Command::HalfDown => u64::from(area.height / 2).max(1),
        Command::PageDown => u64::from(area.height.saturating_sub(2)).max(1),
        Command::Up if preview.into_field > 0 => {
            preview.into_field -= 1;
            return;
        }
        Command::PageUp if preview.into_field > 0 => {
            preview.into_field = preview.into_field.saturating_sub(u64::from(area.height));
            return;
        }
        _ => {
            preview.into_field = 0;
            preview.lines.go(command, fields, area.height);
            preview.lines.top = preview.lines.at;
            return;
        }
    };
    let tall = view::field_height(preview, preview.lines.index(), area.width);
    if preview.into_field.saturating_add(step) < tall {
        preview.into_field += step;
    } else if preview.lines.at + 1 < fields {
        // From a value taller than the step on to the next field, else a step of fields.
        let by = if tall > step { 1 } else { step };
        preview.into_field = 0;
        preview.lines.at = preview.lines.at.saturating_add(by).min(fields.saturating_sub(1));
    }
}

/// The row as JSON, of the cells that were read. Masked cells stay masked.
fn copy(state: &mut State) -> Vec<Effect> {
    let preview = &state.dlq.preview;
    let Some(opened) = preview.opened() else { return Vec::new() };
    let row = preview.rows.cursor.at;
    let mut record = serde_json::Map::new();
    for index in preview.order() {
        let (Some(column), Some(value)) = (opened.columns.get(*index), preview.rows.cell(row, *index)) else {
            continue;
        };
        let value = if preview.masks(*index) { crate::rows::cell::masked(value) } else { value.clone() };
        record.insert(column.name.clone(), value);
    }
    if record.is_empty() {
        state.say("nothing of this row is read yet");
        return Vec::new();
    }
    vec![Effect::Copy(serde_json::Value::Object(record).to_string())]
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
        preview.fault = Some(Fault { what: "cancelled".into(), hint: "R reads again".into() });
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
