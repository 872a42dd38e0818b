//! Draws the state: header, tabs, the open tab, the driving, footer, what lies over it. Reads the state and no more.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::model::text::{middle, one_line};
use crate::ops::{SourceHealth, SourceState};
use crate::sources::account::Ending;

use super::command::Spec;
use super::cursor::Cursor;
use super::overlay::{self, Overlay};
use super::paint::{self, fit, pad};
use super::state::{State, Tab};
use super::theme::Role;
use super::{
    alerts, audit, dlq, driving, footer, glyphs, header, history, incident, jobs, layout, logs, plan, quarantine,
    runbook, sources, words, work,
};

/// Draws into a frame.
#[cfg(test)]
pub(super) fn view(state: &State, frame: &mut Frame<'_>) {
    render(state, frame.buffer_mut());
}

/// Puts a finished picture into a frame of the same size.
pub(super) fn present(picture: &Buffer, frame: &mut Frame<'_>) {
    let buffer = frame.buffer_mut();
    if buffer.area == picture.area {
        buffer.content.clone_from(&picture.content);
    } else {
        buffer.merge(&clip(picture, buffer.area));
    }
}

fn clip(picture: &Buffer, area: Rect) -> Buffer {
    let mut out = Buffer::empty(area);
    let common = picture.area.intersection(area);
    for position in common.positions() {
        if let (Some(to), Some(from)) = (out.cell_mut(position), picture.cell(position)) {
            *to = from.clone();
        }
    }
    out
}

/// The picture of a state.
pub(super) fn picture(state: &State) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, state.width, state.height));
    render(state, &mut buffer);
    buffer
}

fn render(state: &State, buffer: &mut Buffer) {
    let whole = buffer.area;
    if !layout::fits(state) {
        let text = format!("needs {}×{}, have {}×{}", layout::MIN.0, layout::MIN.1, state.width, state.height);
        paint::line(buffer, whole, 0, text);
    } else {
        let bands = layout::bands(state);
        header::draw(state, bands.header, buffer);
        header::tabs(state, bands.tabs, buffer);
        match (state.lake.failure(), &state.lake.snapshot.ending) {
            (Some(source), _) => paint::line(buffer, bands.source, 0, source_line(state, source, bands.source.width)),
            (None, Some(ending)) => paint::line(buffer, bands.source, 0, ending_line(state, ending)),
            (None, None) => {}
        }
        match state.tab {
            Tab::Alerts => alerts::draw(state, buffer),
            Tab::Dlq => dlq::draw(state, buffer),
            Tab::Quarantine => quarantine::draw(state, buffer),
            Tab::Jobs => jobs::draw(state, buffer),
            Tab::Logs => logs::draw(state, buffer),
            Tab::Runbook => runbook::draw(state, buffer),
            tab @ (Tab::Verify | Tab::Incident) => incident::draw(state, tab, buffer),
        }
        footer::draw(state, bands.footer, buffer);
        if let Some(open) = &state.overlay {
            overlaid(state, open, bands.body, buffer);
        }
    }
    if state.settings.ascii {
        glyphs::to_ascii(buffer);
    }
}

/// Credentials that are about to run out, and what renews them.
fn ending_line<'a>(state: &State, ending: &Ending) -> Line<'a> {
    let left = (ending.at - state.now).num_seconds();
    let left = match left {
        ..=0 => "have run out".to_owned(),
        1..60 => "run out in less than a minute".to_owned(),
        _ => format!("run out in {} min", left / 60),
    };
    let text = format!(" ! credentials {left}: {}", one_line(&ending.renewal, 200));
    Line::from(Span::styled(text, state.theme.style(Role::Stale)))
}

/// One source in one line: what fails, why, what to do.
fn source_line<'a>(state: &State, source: &SourceHealth, width: u16) -> Line<'a> {
    let theme = &state.theme;
    match &source.state {
        SourceState::Fresh => {
            let when = source.answered.map(|t| words::when(state.now, t)).unwrap_or_else(|| "never".into());
            let name = Span::raw(format!(" {} {}  ", glyphs::FRESH, pad(source.source, 12, false)));
            Line::from(vec![name, Span::styled(when, theme.style(Role::Dim))])
        }
        SourceState::Failed { class, reason, hint } => {
            let known = source.answered.map(|t| format!(", last answer {} ago", words::age(state.now, t)));
            let failing = state.lake.snapshot.sources.iter().filter(|s| s.state != SourceState::Fresh).count();
            let others = if failing > 1 { format!(" (+{}, S)", failing - 1) } else { String::new() };
            let known = known.unwrap_or_default();
            let start = format!(" {} {} {}{known}{others}: ", glyphs::BAD, source.source, class.word());
            let hint = one_line(hint, usize::from(width) / 2);
            let room = usize::from(width).saturating_sub(start.width() + hint.width() + 4).max(12);
            Line::from(vec![
                Span::styled(start, theme.style(Role::Error)),
                Span::raw(one_line(reason, room)),
                Span::styled(format!("  {hint}"), theme.style(Role::Accent)),
            ])
        }
    }
}

fn overlaid(state: &State, open: &Overlay, body: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    for position in body.intersection(buffer.area).positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
    let inside = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    let width = usize::from(inside.width);
    let height = overlay::height(state).min(inside.height);
    match open {
        Overlay::Help { cursor, typed } => {
            let listed = overlay::listed(typed);
            let right =
                format!("{}  type to narrow, enter runs", words::plural(listed.len() as u64, "command", "commands"));
            let title = if typed.is_empty() { "Commands".to_owned() } else { format!("Commands: {}", fit(typed, 20)) };
            paint::rule(buffer, body, theme, &title, &right);
            commands(state, &listed, *cursor, inside, height, buffer);
        }
        Overlay::Actions(cursor) => {
            paint::rule(buffer, body, theme, "Actions", "enter runs; what moves data shows its plan first");
            commands(state, &overlay::actions(state), *cursor, inside, height, buffer);
        }
        Overlay::Rerun(form) => driving::draw(state, form, body, buffer),
        Overlay::Note(note) => note.draw(state, body, buffer),
        Overlay::Plan(screen) => plan::draw(state, screen, body, buffer),
        Overlay::History(screen) => history::draw(state, screen, body, height, buffer),
        Overlay::Audit(screen) => audit::draw(state, screen, body, height, buffer),
        Overlay::Messages(cursor) => {
            paint::rule(buffer, body, theme, "Messages", "newest first");
            if state.notes.is_empty() {
                paint::line(buffer, inside, 0, " nothing was said yet");
            }
            let notes: Vec<_> = state.notes.iter().rev().collect();
            for (y, i) in cursor.window(notes.len(), height).enumerate() {
                let Some(note) = notes.get(i) else { continue };
                let (sign, role) = if note.error { (glyphs::BAD, Role::Error) } else { ("·", Role::Text) };
                let text = format!(" {} {sign} {}  {}", words::absolute(note.at), note.text, note.hint);
                paint::line(buffer, inside, y as u16, Span::styled(fit(&text, width), theme.style(role)));
                if i == cursor.index() {
                    paint::over(buffer, inside, y as u16, theme.style(Role::SelectedIdle));
                }
            }
            if let Some(note) = notes.get(cursor.index()) {
                below(state, &format!("{}  {}", note.text, note.hint), inside, height, buffer);
            }
        }
        Overlay::Work(cursor) => work::draw(state, *cursor, body, height, buffer),
        Overlay::Sources(cursor) => sources::draw(state, *cursor, body, height, buffer),
        Overlay::Errors(cursor) => logs::draw_errors(state, *cursor, body, height, buffer),
        Overlay::Reveal { entry, columns, yes } => {
            paint::rule(buffer, body, theme, "Reveal personal columns", "");
            paint::line(buffer, inside, 1, format!(" entry    {}", middle(&entry.0, width.saturating_sub(10))));
            paint::line(
                buffer,
                inside,
                2,
                format!(" columns  {}", one_line(&columns.join(", "), width.saturating_sub(10))),
            );
            paint::line(
                buffer,
                inside,
                3,
                " audit    noted in lakeward's log: when, who, entry and columns, not the cells",
            );
            let (no, sure) = if *yes { (Role::Text, Role::Selected) } else { (Role::Selected, Role::Text) };
            let (n, y) = if *yes { ("  No  ", "[ Yes ]") } else { ("[ No ]", "  Yes  ") };
            let spans = vec![
                Span::raw(" show them unmasked until another entry is chosen?   "),
                Span::styled(n, theme.style(no)),
                Span::raw("  "),
                Span::styled(y, theme.style(sure)),
                Span::styled("   y / n", theme.style(Role::Key)),
            ];
            paint::line(buffer, inside, 5, spans);
        }
    }
}

/// A list of commands: keys, name, what it does or why it cannot; the chosen one in full below.
fn commands(state: &State, listed: &[&Spec], cursor: Cursor, inside: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(inside.width);
    for (y, i) in cursor.window(listed.len(), height).enumerate() {
        let (Some(spec), y) = (listed.get(i), y as u16) else { continue };
        let mut keys: Vec<String> = state.settings.keys.keys_on(spec.name, state.tab).map(|k| k.to_string()).collect();
        if keys.is_empty() {
            keys = state.settings.keys.keys(spec.name).map(|(k, _)| k.to_string()).collect();
        }
        let why = (spec.enabled)(state).err();
        let name = format!("{} {}", spec.name, spec.args);
        let text = match &why {
            Some(why) => format!("({why}) {}", spec.doc),
            None => spec.doc.to_owned(),
        };
        let row = format!(" {} {} {text}", pad(&keys.join(" "), 12, false), pad(&name, 22, false));
        let role = if why.is_some() { Role::Dim } else { Role::Text };
        paint::line(buffer, inside, y, Span::styled(fit(&row, width), theme.style(role)));
        if i == cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            paint::over(buffer, inside, y, theme.style(Role::Selected));
        }
    }
    if let Some(spec) = listed.get(cursor.index()) {
        below(state, spec.doc, inside, height, buffer);
    }
}

/// What is chosen in full, in two lines below a list of so many.
pub(super) fn below(state: &State, text: &str, inside: Rect, height: u16, buffer: &mut Buffer) {
    let width = usize::from(inside.width);
    for (i, text) in words::wrap(text, width.saturating_sub(2)).into_iter().take(2).enumerate() {
        let y = height.saturating_add(i as u16);
        paint::line(buffer, inside, y, Span::styled(format!(" {text}"), state.theme.style(Role::Accent)));
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::console::fixture::{Driven, now, snapshot};

    #[test]
    fn credentials_that_run_out_are_told_with_what_renews_them() {
        let mut driven = Driven::themed("dark", 80, 24);
        let renewal = "aws sso login --profile oncall".to_owned();
        for (seconds, told) in [
            (200, "! credentials run out in 3 min: aws sso login --profile oncall"),
            (30, "! credentials run out in less than a minute: aws sso login"),
            (-5, "! credentials have run out: aws sso login"),
        ] {
            let at = now() + Duration::seconds(seconds);
            driven.state.lake.snapshot.ending = Some(Ending { at, renewal: renewal.clone() });
            assert!(driven.screen().contains(told), "{}", driven.screen());
        }
        driven.state.lake.snapshot = snapshot();
        assert!(!driven.screen().contains("credentials"), "{}", driven.screen());
    }
}
