//! Draws work: one line in the footer, and the panel of all that runs, with what is over below it.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::RunningWork;
use crate::console::cursor::Cursor;
use crate::console::paint::{self, fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{glyphs, moves, view, words};
use crate::model::text::one_line;

/// Columns of a bar.
const BAR: u64 = 20;
/// Columns of a title, at least and at most.
const TITLE: (usize, usize) = (28, 48);

/// The line in the footer: the oldest, and how many more there are.
pub(in crate::console) fn footer(state: &State, room: usize) -> Option<String> {
    let first = state.work.running.first()?;
    let others = state.work.running.len() - 1;
    let more = if others > 0 { format!("  +{others}: W") } else { String::new() };
    let text = format!("{}  {}", first.title, figures(first, state.now));
    Some(format!("{}{more}", fit(&text, room.saturating_sub(more.width() + 1))))
}

fn figures(work: &RunningWork, now: DateTime<Utc>) -> String {
    let stopping = if work.stopping { "stopping  " } else { "" };
    match &work.progress {
        None if work.command => {
            let seconds = (now - work.began).num_seconds().max(0).unsigned_abs();
            format!("{stopping}for {}", words::lasting(seconds))
        }
        None => format!("{stopping}beginning…"),
        Some(p) if p.all <= 1 => format!("{stopping}{}", one_line(&p.now, 60)),
        Some(p) => {
            let failed = if p.failed > 0 { format!(", {} failed", words::count(p.failed)) } else { String::new() };
            let (done, all) = (words::count(p.done), words::count(p.all));
            format!("{stopping}{done}/{all}{failed}, {} running", words::count(p.running))
        }
    }
}

/// How much of it is over, as a bar: what failed is told apart by its glyph.
fn bar(done: u64, failed: u64, all: u64) -> String {
    let part = |n: u64| (n.min(all) * BAR).checked_div(all).unwrap_or(0);
    let (well, badly) = (part(done), part(done.saturating_add(failed)).saturating_sub(part(done)));
    let rest = BAR.saturating_sub(well + badly);
    let times = |glyph: &str, n: u64| glyph.repeat(usize::try_from(n).unwrap_or(0));
    format!("[{}{}{}]", times("█", well), times(glyphs::BAD, badly), times("·", rest))
}

/// The lines of the panel: text, and how it is drawn.
fn lines(state: &State) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let title = usize::from(state.width / 3).clamp(TITLE.0, TITLE.1);
    if let Some(running) = &state.moves.running {
        let (done, all) = running.progress.as_ref().map_or((0, 0), |(p, _)| p.objects);
        let text = moves::progress(running, 200);
        lines.push((format!(" {} {text}", bar(done, 0, all)), Role::Text));
    }
    for work in &state.work.running {
        let (done, failed, all) = work.progress.as_ref().map_or((0, 0, 0), |p| (p.done, p.failed, p.all));
        let text =
            format!(" {} {}  {}", bar(done, failed, all), pad(&work.title, title, false), figures(work, state.now));
        lines.push((text, if failed > 0 { Role::Warning } else { Role::Text }));
    }
    for work in &state.work.interrupted {
        let id = one_line(&work.id().0, 60);
        lines.push((format!(" {} interrupted: {id}  :go-on", glyphs::STALE), Role::Warning));
    }
    for work in &state.work.ended {
        let (sign, role) = if work.well { (glyphs::GOOD, Role::Dim) } else { (glyphs::BAD, Role::Error) };
        lines.push((format!(" {sign} {}  {}", pad(&work.title, title, false), work.told), role));
    }
    lines
}

/// How many lines there are.
pub(in crate::console) fn len(state: &State) -> u64 {
    lines(state).len() as u64
}

/// Draws the panel into the body.
pub(in crate::console) fn draw(state: &State, cursor: Cursor, body: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(body.width);
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    let running = state.work.running.len() + usize::from(state.moves.running.is_some());
    let right = format!("{} running", words::count(running as u64));
    paint::rule(buffer, body, theme, "Running work", &right);
    let lines = lines(state);
    if lines.is_empty() {
        paint::line(
            buffer,
            inside,
            0,
            " nothing runs, and nothing was begun here; R on 2 DLQ redrives, :backfill fills in",
        );
    }
    for (y, i) in cursor.window(lines.len(), height).enumerate() {
        let (Some((text, role)), y) = (lines.get(i), y as u16) else { continue };
        paint::line(buffer, inside, y, Span::styled(fit(text, width), theme.style(*role)));
        if i == cursor.index() {
            paint::over(buffer, inside, y, theme.style(Role::SelectedIdle));
        }
    }
    if let Some((text, _)) = lines.get(cursor.index()) {
        view::below(state, text.trim(), inside, height, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_over() {
        for (done, failed, all, expected) in [
            (0, 0, 0, "[····················]"),
            (0, 0, 10, "[····················]"),
            (5, 1, 10, "[██████████✗✗········]"),
            (9, 1, 10, "[██████████████████✗✗]"),
            (10, 0, 10, "[████████████████████]"),
            (99, 9, 10, "[████████████████████]"),
        ] {
            assert_eq!(bar(done, failed, all), expected, "{done} {failed} {all}");
        }
    }
}
