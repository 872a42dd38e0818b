//! The footer: the line being typed, what was said, or the keys that work here; at the right what runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::model::text::one_line;

use super::command::COMMANDS;
use super::overlay;
use super::paint::{self, fit};
use super::prompt::PromptKind;
use super::state::{Note, State, Tab};
use super::theme::Role;
use super::{driving, glyphs, moves, words};

/// What runs, at most `room` columns wide: a move before all, since it changes something.
fn progress(state: &State, room: usize) -> String {
    if let Some(running) = &state.moves.running {
        return format!("{} ", moves::progress(running, room));
    }
    if let Some(work) = super::work::footer(state, room) {
        return format!("{work} ");
    }
    if let Some(planning) = &state.moves.planning {
        return format!("planning {}… ", planning.what);
    }
    if let Some(standing) = state.retries.values().next() {
        let others = state.retries.len() - 1;
        let more = if others > 0 { format!(" (+{others})") } else { String::new() };
        return format!("{}{more} ", fit(&driving::stands(standing, state.now), room.saturating_sub(8)));
    }
    if let Some(loading) = match state.tab {
        Tab::Dlq => state.dlq.preview.loading(),
        Tab::Quarantine => state.quarantine.loading(),
        Tab::Jobs => state.jobs.loading(),
        Tab::Logs => state.logs.loading(),
        Tab::Runbook | Tab::Verify | Tab::Incident => state.runbook.loading(),
        Tab::Alerts => None,
    } {
        return format!("{loading} ");
    }
    match (&state.lake.scan, state.lake.last) {
        (Some(scan), _) if scan.found > 0 => {
            format!("scan {}/{} ", words::count(scan.assessed), words::count(scan.found))
        }
        (Some(scan), _) if scan.listed > 0 => format!("scan {} objects ", words::count(scan.listed)),
        (Some(_), _) => "scan… ".into(),
        (None, Some((took, entries))) => {
            let entries = words::count(entries as u64);
            format!("scan {entries}/{entries}  {}.{} s ", took / 1000, took % 1000 / 100)
        }
        (None, None) => String::new(),
    }
}

/// What is said, and what to do about it where there is room for both: the latter is never cut for the former
/// alone.
fn said<'a>(state: &State, note: &Note, room: usize) -> Line<'a> {
    let (sign, role) = if note.error { (glyphs::BAD, Role::Error) } else { ("·", Role::Text) };
    let hint = if note.hint.is_empty() { String::new() } else { format!("  {}", one_line(&note.hint, room / 2)) };
    let text = fit(&format!(" {sign} {}", note.text), room.saturating_sub(hint.width() + 1));
    Line::from(vec![Span::styled(text, state.theme.style(role)), Span::styled(hint, state.theme.style(Role::Accent))])
}

/// Draws the last line.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    // What is said or typed has at least half of the line beside a move.
    let busy = state.flash.is_some() || state.prompt.is_some();
    let width = usize::from(area.width);
    let right = progress(state, if busy { width / 2 } else { width.saturating_sub(width / 4) });
    let room = usize::from(area.width).saturating_sub(right.width());
    let x = area.x + u16::try_from(room).unwrap_or(0).min(area.width);
    let at_right = Rect { x, width: area.width.saturating_sub(x - area.x), ..area };
    if let Some(prompt) = &state.prompt {
        let sign = if prompt.kind == PromptKind::Command { ":" } else { "/" };
        paint::line(buffer, area, 0, Span::styled(sign, theme.style(Role::Key)));
        let field = Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(1), ..area };
        (&prompt.editor).render(field.intersection(buffer.area), buffer);
        if prompt.candidates.len() > 1 {
            let list =
                prompt.candidates.iter().skip(prompt.candidate).map(String::as_str).collect::<Vec<_>>().join("  ");
            let used = prompt.text().width() + 4;
            let room = usize::from(field.width).saturating_sub(used);
            let x = field.x + u16::try_from(used).unwrap_or(u16::MAX).min(field.width);
            let place = Rect { x, width: u16::try_from(room).unwrap_or(0), ..field };
            paint::line(buffer, place, 0, Span::styled(one_line(&list, room), theme.style(Role::Dim)));
        }
        return;
    }
    paint::line(buffer, at_right, 0, Span::styled(right, theme.style(Role::Dim)));
    let left = Rect { width: x - area.x, ..area };
    match &state.flash {
        Some(note) => paint::line(buffer, left, 0, said(state, note, room)),
        // The keys of the tab below do nothing there.
        None if let Some(open) = &state.overlay => {
            let hint = |(command, word): &(&'static str, &str)| {
                let key = state.settings.keys.keys_on(command, state.tab).next()?;
                Some([Span::styled(key.to_string(), state.theme.style(Role::Key)), Span::raw(format!(" {word}  "))])
            };
            let keys = overlay::hints(open).iter().filter_map(hint).flatten();
            paint::line(buffer, left, 0, Line::from_iter(std::iter::once(Span::raw(" ")).chain(keys)));
        }
        None => paint::line(buffer, left, 0, hints(state, room.saturating_sub(2))),
    }
}

/// The keys that work here, those that matter most first; the rest is dropped where there is no room.
fn hints<'a>(state: &State, room: usize) -> Line<'a> {
    let mut hints: Vec<(u8, String, &str)> = COMMANDS
        .iter()
        .filter(|s| (s.enabled)(state).is_ok())
        .filter_map(|s| {
            let (priority, word) = (s.hint)(state)?;
            Some((priority, state.settings.keys.keys_on(s.name, state.tab).next()?.to_string(), word))
        })
        .collect();
    hints.sort_by_key(|(priority, ..)| *priority);
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (_, key, word) in hints {
        let width = key.width() + word.width() + 3;
        if used + width > room {
            break;
        }
        used += width;
        spans.push(Span::styled(key, state.theme.style(Role::Key)));
        spans.push(Span::raw(format!(" {word}  ")));
    }
    Line::from(spans)
}
