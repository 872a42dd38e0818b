//! The commands that are about the rows: modes, jumps, filter, columns, scrolling, copying.

use super::{Load, Mode, Preview, profile, sort, view, want};
use crate::console::command::Command;
use crate::console::cursor::Cursor;
use crate::console::dlq;
use crate::console::msg::Effect;
use crate::console::overlay::Overlay;
use crate::console::state::{Focus, State};
use crate::model::text::{escape, one_line};

/// Runs a command that is about the rows.
pub(in crate::console::dlq) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
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

pub(super) fn filter(state: &mut State, argument: &str) -> Vec<Effect> {
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
    let area = dlq::panes(state).detail;
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
