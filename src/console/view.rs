//! Draws the state: header, tabs, the open tab, the footer, what lies over it. Reads the state and no more.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::model::severity::Severity;
use crate::model::text::{middle, one_line};
use crate::ops::{SourceHealth, SourceState};

use super::command::COMMANDS;
use super::overlay::{self, Overlay};
use super::paint::{self, fit, pad};
use super::prompt::PromptKind;
use super::state::{State, Tab};
use super::theme::Role;
use super::{alerts, dlq, glyphs, layout, words};

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
    if state.width < layout::MIN.0 || state.height < layout::MIN.1 {
        let text = format!("needs {}×{}, have {}×{}", layout::MIN.0, layout::MIN.1, state.width, state.height);
        paint::line(buffer, whole, 0, text);
    } else {
        let bands = layout::bands(state);
        header(state, bands.header, buffer);
        tabs(state, bands.tabs, buffer);
        if let Some(source) = state.lake.failure() {
            paint::line(buffer, bands.source, 0, source_line(state, source, bands.source.width));
        }
        match state.tab {
            Tab::Alerts => alerts::draw(state, buffer),
            Tab::Dlq => dlq::draw(state, buffer),
        }
        footer(state, bands.footer, buffer);
        if let Some(open) = &state.overlay {
            overlaid(state, open, bands.body, buffer);
        }
    }
    if state.settings.ascii {
        glyphs::to_ascii(buffer);
    }
}

fn header(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let settings = &state.settings;
    let (badge, role) =
        if settings.protected { ("read-only", Role::BadgeProtected) } else { ("unprotected", Role::BadgeOpen) };
    let environment = one_line(&settings.environment.to_uppercase(), 16);
    let mut spans = vec![
        Span::styled(" lakeward ", theme.style(Role::Header)),
        Span::raw(" "),
        Span::styled(format!(" {environment} {badge} "), theme.style(role)),
    ];
    let (text, role) = data_age(state);
    let mut left: usize = spans.iter().map(Span::width).sum();
    let mut room = usize::from(area.width).saturating_sub(left + text.width() + 3);
    if !settings.identity.is_empty() && room > 24 {
        let identity = one_line(&settings.identity, room / 2);
        room = room.saturating_sub(identity.width() + 2);
        spans.push(Span::raw(format!("  {identity}")));
    }
    spans.push(Span::styled(
        format!("  {}", middle(&settings.lake_url, room.saturating_sub(2))),
        theme.style(Role::Accent),
    ));
    left = spans.iter().map(Span::width).sum();
    let gap = usize::from(area.width).saturating_sub(left + text.width() + 1);
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(text, theme.style(role)));
    paint::line(buffer, area, 0, spans);
}

/// How old what is shown is, and whether that is as it should be.
fn data_age(state: &State) -> (String, Role) {
    let failing = state.lake.failure().is_some();
    match (state.lake.snapshot.taken, &state.lake.scan) {
        (None, Some(_)) => ("scanning…".into(), Role::Accent),
        (None, None) => ("not read".into(), Role::Stale),
        (Some(taken), _) => {
            let seconds = (state.now - taken).num_seconds();
            let late = match state.settings.refresh.as_secs() {
                0 => 600,
                s => i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(3),
            };
            let age = words::age(state.now, taken);
            if failing || seconds > late {
                (format!("{age} ago {} stale", glyphs::STALE), Role::Stale)
            } else {
                (format!("{age} ago {}", glyphs::FRESH), Role::Fresh)
            }
        }
    }
}

fn tabs(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let mut spans = Vec::new();
    for (i, tab) in Tab::ALL.into_iter().enumerate() {
        let counts = match tab {
            Tab::Alerts => {
                let of = |s: Severity| state.lake.snapshot.alerts.iter().filter(|a| a.severity == s).count();
                let part = |s: Severity| match of(s) {
                    0 => String::new(),
                    n => format!(" {}{}", words::count(n as u64), glyphs::severity(s)),
                };
                format!("{}{}", part(Severity::Critical), part(Severity::Warning))
            }
            Tab::Dlq => match state.lake.entries.len() {
                0 => String::new(),
                n => format!(" {}", words::count(n as u64)),
            },
        };
        let (open, close, role) = if tab == state.tab { ("[", "]", Role::TabActive) } else { (" ", " ", Role::Tab) };
        let text = format!("{open}{} {}{counts}{close}", i + 1, tab.title());
        spans.push(Span::styled(text, theme.style(role)));
        spans.push(Span::raw(" "));
    }
    paint::line(buffer, area, 0, spans);
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
            let start = format!(" {} {} {}{}: ", glyphs::BAD, source.source, class.word(), known.unwrap_or_default());
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

fn progress(state: &State) -> String {
    if let Some(loading) = match state.tab {
        Tab::Dlq => state.dlq.preview.loading(),
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

fn footer(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let right = progress(state);
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
        Some(note) => {
            let role = if note.error { Role::Error } else { Role::Text };
            let sign = if note.error { glyphs::BAD } else { "·" };
            let text = format!(" {sign} {}", note.text);
            paint::line(buffer, left, 0, Span::styled(fit(&text, room.saturating_sub(1)), theme.style(role)));
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
            Some((priority, state.settings.keys.first(s.name)?.to_string(), word))
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
            for (y, i) in cursor.window(listed.len(), height).enumerate() {
                let (Some(spec), y) = (listed.get(i), y as u16) else { continue };
                let keys: Vec<String> = state.settings.keys.keys(spec.name).map(|k| k.to_string()).collect();
                let why = (spec.enabled)(state).err();
                let name = format!("{} {}", spec.name, spec.args);
                let text = match why {
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
            // The chosen one in full, below the list.
            if let Some(spec) = listed.get(cursor.index()) {
                for (i, text) in words::wrap(spec.doc, width.saturating_sub(2)).into_iter().take(2).enumerate() {
                    let below = height.saturating_add(i as u16);
                    paint::line(buffer, inside, below, Span::styled(format!(" {text}"), theme.style(Role::Accent)));
                }
            }
        }
        Overlay::Messages(cursor) => {
            paint::rule(buffer, body, theme, "Messages", "newest first");
            if state.notes.is_empty() {
                paint::line(buffer, inside, 0, " nothing was said yet");
            }
            let notes: Vec<_> = state.notes.iter().rev().collect();
            for (y, i) in cursor.window(notes.len(), height).enumerate() {
                let Some(note) = notes.get(i) else { continue };
                let (sign, role) = if note.error { (glyphs::BAD, Role::Error) } else { ("·", Role::Text) };
                let text = format!(" {} {sign} {}", words::absolute(note.at), note.text);
                paint::line(buffer, inside, y as u16, Span::styled(fit(&text, width), theme.style(role)));
                if i == cursor.index() {
                    paint::over(buffer, inside, y as u16, theme.style(Role::SelectedIdle));
                }
            }
        }
        Overlay::Sources(cursor) => {
            paint::rule(buffer, body, theme, "Sources", "");
            let sources = &state.lake.snapshot.sources;
            if sources.is_empty() {
                paint::line(buffer, inside, 0, " no source has answered yet");
            }
            for (y, i) in cursor.window(sources.len(), height).enumerate() {
                let Some(source) = sources.get(i) else { continue };
                paint::line(buffer, inside, y as u16, source_line(state, source, inside.width));
            }
        }
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
