//! The panel of sources: the state of each, its last answer and its age, why it fails and what to do, when it is asked
//! again, and how many requests a minute it costs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::model::text::one_line;
use crate::ops::{Cost, SourceHealth, SourceState};

use super::cursor::Cursor;
use super::paint::{self, pad};
use super::state::State;
use super::theme::Role;
use super::view::below;
use super::{glyphs, words};

/// Draws the panel into the body; the chosen source's reason stands in full below the list.
pub(super) fn draw(state: &State, cursor: Cursor, body: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let sources = &state.lake.snapshot.sources;
    let right = cost(&state.lake.snapshot.costs);
    paint::rule(buffer, body, theme, "Sources", &right);
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    if sources.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(" no source has answered yet", theme.style(Role::Dim)));
        return;
    }
    let head = format!(
        "   {} {} {} {} {}  reason",
        pad("source", 12, false),
        pad("state", 12, false),
        pad("last answer", 12, true),
        pad("next", 6, true),
        pad("req/min", 8, true),
    );
    paint::line(buffer, inside, 0, Span::styled(head, theme.style(Role::Title)));
    let list = Rect { y: inside.y.saturating_add(1), height: inside.height.saturating_sub(1), ..inside };
    let height = height.saturating_sub(1);
    for (y, i) in cursor.window(sources.len(), height).enumerate() {
        let (Some(source), Ok(y)) = (sources.get(i), u16::try_from(y)) else { continue };
        paint::line(buffer, list, y, row(state, source, usize::from(list.width)));
        if i == cursor.index() {
            paint::line(buffer, list, y, Span::raw(glyphs::POINTER));
            paint::over(buffer, list, y, theme.style(Role::Selected));
        }
    }
    if let Some(text) = sources.get(cursor.index()).and_then(in_full) {
        below(state, &text, list, height, buffer);
    }
}

/// Why it fails and what to do, and what its answer leaves out; none if there is nothing to say.
fn in_full(source: &SourceHealth) -> Option<String> {
    let failed = match &source.state {
        SourceState::Failed { reason, hint, .. } => Some(format!("{}: {}", one_line(reason, 600), one_line(hint, 300))),
        SourceState::Fresh => None,
    };
    let notes = source.notes.iter().map(|note| one_line(note, 600).to_string());
    let text = failed.into_iter().chain(notes).collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

/// What all of them cost, and the lake, which stands for all sources that lie on it.
fn cost(costs: &[Cost]) -> String {
    let whole = || costs.iter().filter(|cost| !cost.of_lake);
    let rates: Option<Vec<f64>> = whole().map(|cost| cost.minute).collect();
    let sent = words::count(whole().map(|cost| cost.requests).sum());
    match rates.filter(|rates| !rates.is_empty()) {
        None if costs.is_empty() => String::new(),
        None => format!("{sent} requests"),
        Some(rates) => {
            let lake = costs.iter().find(|cost| cost.source == "lake").and_then(|cost| cost.minute);
            let lake = lake.map(|n| format!(", lake {n:.1}")).unwrap_or_default();
            format!("{sent} requests, {:.1} a minute{lake}", rates.iter().sum::<f64>())
        }
    }
}

/// In how long it is asked again: one that rests says it, and the others are asked with the next refresh.
fn next(state: &State, source: &SourceHealth) -> String {
    let every = chrono::Duration::from_std(state.settings.refresh).ok().filter(|every| !every.is_zero());
    let refresh = state.lake.snapshot.taken.zip(every).map(|(taken, every)| taken + every);
    match source.next.filter(|next| *next > state.now).or(refresh) {
        // R alone asks it.
        None => "–".to_owned(),
        Some(next) if next <= state.now => "now".to_owned(),
        Some(next) => words::age(next, state.now),
    }
}

fn row<'a>(state: &State, source: &SourceHealth, width: usize) -> Line<'a> {
    let theme = &state.theme;
    let (glyph, word, role, reason) = match &source.state {
        SourceState::Fresh => match source.notes.first() {
            None => (glyphs::FRESH, "fresh", Role::Fresh, ""),
            // What it says is new, and not the whole.
            Some(note) => (glyphs::FRESH, "in part", Role::Warning, note.as_str()),
        },
        SourceState::Failed { class, reason, .. } => (glyphs::BAD, class.word(), Role::Error, reason.as_str()),
    };
    let answered =
        source.answered.map_or_else(|| "never".to_owned(), |at| format!("{} ago", words::age(state.now, at)));
    let own = state.lake.snapshot.costs.iter().find(|cost| cost.source == source.source);
    let own = own.and_then(|cost| cost.minute).map_or_else(|| "–".to_owned(), |n| format!("{n:.1}"));
    let start = format!(" {glyph} {} {} ", pad(&one_line(source.source, 12), 12, false), pad(word, 12, false));
    let middle =
        format!("{} {} {}  ", pad(&answered, 12, true), pad(&next(state, source), 6, true), pad(&own, 8, true));
    let room = width.saturating_sub(59);
    Line::from(vec![Span::styled(start, theme.style(role)), Span::raw(middle), Span::raw(one_line(reason, room))])
}
