//! Where one stands in a log: the chosen line and the first in view, both by name. Lines may wrap, so how many fit is
//! added up from the edge that is known.

use crate::console::command::Command;
use crate::console::cursor::Cursor;
use crate::console::state::State;
use crate::model::log::LineId;

use super::LogsScreen;
use super::view;

/// Adds up lines upwards from index `from` until `height` rows are full; the index of the first that fits whole.
fn first_that_fits(screen: &LogsScreen, from: usize, height: usize, rows: &impl Fn(usize) -> usize) -> usize {
    let (mut used, mut first) = (rows(from), from);
    while first > 0 && screen.buffer.shown() > 0 {
        used += rows(first - 1);
        if used > height {
            break;
        }
        first -= 1;
    }
    first
}

/// Keeps the chosen line inside of the log and in view, and no gap below the last.
pub(super) fn fit(state: &mut State) {
    let area = view::body(state);
    let height = usize::from(area.height).max(1);
    let rows = view::rows(state, area.width);
    let screen = &state.logs;
    let Some(last) = screen.buffer.shown().checked_sub(1) else { return };
    let at = if screen.following { last } else { screen.buffer.position(screen.at).min(last) };
    let mut top = screen.buffer.position(screen.top).min(at);
    top = top.max(first_that_fits(screen, at, height, &rows));
    top = top.min(first_that_fits(screen, last, height, &rows));
    let id = |index: usize| screen.buffer.shown_at(index).map(|l| l.id);
    let (at, top) = (id(at), id(top));
    drop(rows);
    set(state, at, top);
}

fn set(state: &mut State, at: Option<LineId>, top: Option<LineId>) {
    if let (Some(at), Some(top)) = (at, top) {
        (state.logs.at, state.logs.top) = (at, top);
    }
}

/// Shows the chosen line with a third of the screen above it, as after a jump.
pub(super) fn reveal(state: &mut State) {
    let height = usize::from(view::body(state).height);
    let buffer = &state.logs.buffer;
    let (at, top) = (buffer.position(state.logs.at), buffer.position(state.logs.top));
    if !(top..top.saturating_add(height)).contains(&at) {
        let above = buffer.shown_at(at.saturating_sub(height / 3)).map(|l| l.id);
        set(state, Some(state.logs.at), above);
    }
    fit(state);
}

/// Moves as a command says. Away from the end, nothing is followed any more; at it by `bottom`, it is again.
pub(super) fn go(state: &mut State, command: Command) {
    let height = view::body(state).height;
    let screen = &state.logs;
    let len = screen.buffer.shown() as u64;
    let index = |id: LineId| screen.buffer.position(id) as u64;
    let mut cursor = Cursor { at: index(screen.at), top: index(screen.top) };
    if !cursor.go(command, len, height) {
        return;
    }
    let id = |index: u64| usize::try_from(index).ok().and_then(|i| screen.buffer.shown_at(i)).map(|l| l.id);
    let (at, top) = (id(cursor.at), id(cursor.top));
    let following = command == Command::Bottom || (screen.following && cursor.at + 1 >= len);
    set(state, at, top);
    state.logs.following = following;
    fit(state);
}
