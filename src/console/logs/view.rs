//! Draws a log: what is shown and how it is read on the rule, then the lines; and the list of its errors.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::LogsScreen;
use super::live::Standing;
use super::reading::Phase;
use crate::console::cursor::Cursor;
use crate::console::paint::{self, fit, pad};
use crate::console::state::State;
use crate::console::theme::{Role, Theme};
use crate::console::view::below;
use crate::console::{glyphs, layout, words};
use crate::model::category::FailureCategory;
use crate::model::log::{Level, LogLine, Marked};
use crate::model::text::{escape, middle, one_line};

/// From this width on a line has its level as a word, and its stream.
const WIDE: u16 = 120;
/// Columns of the stream.
const STREAM: usize = 18;

/// Where the lines are.
pub(super) fn body(state: &State) -> Rect {
    let body = layout::bands(state).body;
    Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body }
}

/// Columns before the text: pointer, mark, sign and a blank, the time, and on a wide screen level and stream.
fn margin(state: &State, width: u16) -> usize {
    let time = if state.logs.ages {
        6
    } else if width >= WIDE {
        15
    } else {
        9
    };
    4 + time + 1 + if width >= WIDE { 6 + STREAM + 1 } else { 0 }
}

fn text_width(state: &State, width: u16) -> usize {
    usize::from(width).saturating_sub(margin(state, width)).max(2)
}

/// The text escaped; a tab is blanks, since stack traces are full of them.
fn harmless(text: &str) -> String {
    escape(&text.replace('\t', "    ")).into_owned()
}

/// How many rows the line at an index takes.
pub(super) fn rows(state: &State, width: u16) -> impl Fn(usize) -> usize {
    let screen = &state.logs;
    let room = text_width(state, width);
    move |index| match screen.buffer.shown_at(index) {
        Some(line) if screen.wrap => words::wrap(&harmless(&line.text), room).len(),
        _ => 1,
    }
}

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let whole = layout::bands(state).body;
    let screen = &state.logs;
    let theme = &state.theme;
    let stream = screen.selected().map(|l| format!("  {}", middle(&l.stream, 40))).unwrap_or_default();
    let title = if screen.is_open() { format!("Logs  {}{stream}", screen.title) } else { "Logs".to_owned() };
    let figures = figures(state);
    let room = usize::from(whole.width).saturating_sub(figures.width() + 12);
    paint::rule(buffer, whole, theme, &fit(&title, room), &figures);
    let area = body(state);
    if screen.buffer.shown() == 0 {
        for (y, (text, role)) in empty(state).into_iter().enumerate() {
            let text = fit(&text, usize::from(area.width));
            paint::line(buffer, area, u16::try_from(y).unwrap_or(u16::MAX), Span::styled(text, theme.style(role)));
        }
        return;
    }
    let (top, at) = (screen.buffer.position(screen.top), screen.buffer.position(screen.at));
    let mut y = 0;
    for index in top..screen.buffer.shown() {
        let Some(line) = screen.buffer.shown_at(index).filter(|_| y < area.height) else { break };
        let begin = y;
        for drawn in lines(state, line, area.width) {
            paint::line(buffer, area, y, drawn);
            y = y.saturating_add(1);
        }
        if index == at {
            paint::line(buffer, area, begin, Span::raw(glyphs::POINTER));
            (begin..y).for_each(|y| paint::over(buffer, area, y, theme.style(Role::Selected)));
        }
    }
    if let Phase::Failed(fault) = &screen.reading.phase {
        let text = format!(" {} {}", glyphs::BAD, fault.what);
        let room = usize::from(area.width);
        let hint = fit(&fault.hint, room / 2);
        let text = fit(&text, room.saturating_sub(hint.width() + 2));
        let spans = vec![
            Span::styled(text, theme.style(Role::Error)),
            Span::styled(format!("  {hint}"), theme.style(Role::Accent)),
        ];
        let y = area.height.saturating_sub(1);
        paint::line(buffer, area, y, Span::raw(" ".repeat(room)));
        paint::line(buffer, area, y, spans);
    }
}

/// How it is read, how much is there, what is hidden, marked or gone.
fn figures(state: &State) -> String {
    let screen = &state.logs;
    if !screen.is_open() {
        return String::new();
    }
    let live = screen.live.standing;
    let mut parts = vec![match (&screen.reading.phase, screen.following) {
        (Phase::Failed(_), _) => format!("{} failed", glyphs::BAD),
        (Phase::Cancelled, _) => format!("{} cancelled: R", glyphs::STALE),
        (_, false) => format!("{} paused", glyphs::STALE),
        (Phase::Over, true) => format!("{} complete", glyphs::GOOD),
        (_, true) if matches!(live, Standing::On(_)) => format!("{} live", glyphs::FRESH),
        (_, true) if screen.live.refused.is_some() => format!("{} polling", glyphs::FRESH),
        (_, true) => format!("{} following", glyphs::FRESH),
    }];
    match live {
        // What is paid for is said in whichever way lines are looked at.
        Standing::On(_) if parts.iter().all(|part| !part.ends_with("live")) => parts.push("live".to_owned()),
        Standing::Asked(_) => parts.push("live…".to_owned()),
        _ => {}
    }
    if screen.live.is_sampled(state.now) {
        parts.push("! lines left out for now".to_owned());
    }
    if let Some(why) = screen.live.refused {
        parts.push(format!("! no live tail: {why}"));
    }
    let all = screen.buffer.len() as u64;
    match screen.buffer.filter().is_empty() {
        true => parts.push(words::plural(all, "line", "lines")),
        false => parts.push(format!(
            "{} of {}",
            words::count(screen.buffer.shown() as u64),
            words::plural(all, "line", "lines")
        )),
    }
    if screen.buffer.errors() > 0 {
        parts.push(words::plural(screen.buffer.errors() as u64, "error", "errors"));
    }
    if screen.buffer.trimmed() > 0 {
        parts.push(format!("{} trimmed", words::count(screen.buffer.trimmed())));
    }
    let marked = screen.buffer.marked().count();
    if marked > 0 {
        let gone = screen.buffer.marked().filter(|m| matches!(m, Marked::Trimmed(_))).count();
        let gone = if gone > 0 { format!(" ({gone} trimmed)") } else { String::new() };
        parts.push(format!("{marked} marked{gone}"));
    }
    if let Some(missing) = &screen.reading.missing {
        parts.push(format!("! {}", one_line(missing, 30)));
    }
    if screen.reading.scanned > 0 && state.width >= WIDE {
        parts.push(format!("{} scanned", words::bytes(screen.reading.scanned)));
    }
    parts.join(", ")
}

fn empty(state: &State) -> Vec<(String, Role)> {
    let screen = &state.logs;
    let said = |text: &str| vec![(format!(" {text}"), Role::Dim)];
    match &screen.reading.phase {
        Phase::Closed => said("no log is open: l on a run or a task of 4 Jobs opens its log"),
        Phase::Failed(fault) => {
            vec![(format!(" {} {}", glyphs::BAD, fault.what), Role::Error), (format!(" {}", fault.hint), Role::Accent)]
        }
        _ if !screen.buffer.is_empty() => said("the filter hides all lines; esc shows them"),
        Phase::Asked(_) if screen.reading.is_behind() => said("reading…"),
        Phase::Cancelled => said("cancelled; R reads it"),
        Phase::Over => said("this log is empty"),
        Phase::Asked(_) | Phase::AtEnd => said("nothing was written yet; new lines appear here"),
    }
}

/// Sign and style of a level.
fn standing(level: Option<Level>, theme: &Theme) -> (&'static str, Style) {
    let (glyph, role) = match level {
        Some(Level::Fatal | Level::Error) => (glyphs::CRITICAL, Role::Error),
        Some(Level::Warning) => ("!", Role::Warning),
        Some(Level::Info) | None => (" ", Role::Text),
        Some(Level::Debug | Level::Trace) => ("·", Role::Dim),
    };
    (glyph, theme.style(role))
}

/// One line of the log as rows of the screen.
fn lines(state: &State, line: &LogLine, width: u16) -> Vec<Line<'static>> {
    let screen = &state.logs;
    let theme = &state.theme;
    let (glyph, style) = standing(line.level, theme);
    let margin = margin(state, width);
    let mark = if screen.buffer.is_marked(line.id) { glyphs::MARK } else { " " };
    let room = text_width(state, width);
    let text = harmless(&line.text);
    let parts = if screen.wrap { words::wrap(&text, room) } else { vec![fit(&shifted(&text, screen.shift), room)] };
    let before = before(state, line, width, margin.saturating_sub(4));
    let mut rows = Vec::with_capacity(parts.len());
    for (i, part) in parts.into_iter().enumerate() {
        let mut spans = if i == 0 {
            // A continuation has its record's level in its colour, and no sign of its own.
            let sign = if line.is_head() { glyph } else { " " };
            vec![
                Span::raw(" "),
                Span::styled(mark, theme.style(Role::Marked)),
                Span::styled(format!("{sign} "), style),
                Span::styled(before.clone(), theme.style(Role::Dim)),
            ]
        } else {
            vec![Span::raw(" ".repeat(margin))]
        };
        spans.push(Span::styled(part, style));
        rows.push(Line::from(spans));
    }
    rows
}

/// Time, and on a wide screen level and stream, in exactly so many columns.
fn before(state: &State, line: &LogLine, width: u16, columns: usize) -> String {
    if !line.is_head() {
        return " ".repeat(columns);
    }
    let wide = width >= WIDE;
    let time = match line.at {
        None => String::new(),
        Some(at) if state.logs.ages => words::age(state.now, at),
        Some(at) if wide => at.format("%m-%d %H:%M:%SZ").to_string(),
        Some(at) => at.format("%H:%M:%SZ").to_string(),
    };
    let rest = if wide {
        let level = line.level.map(Level::word).unwrap_or_default();
        format!("{} {} ", pad(level, 5, false), pad(&middle(&line.stream, STREAM), STREAM, false))
    } else {
        String::new()
    };
    let time_columns = columns.saturating_sub(rest.width() + 1);
    format!("{} {rest}", pad(&time, time_columns, state.logs.ages))
}

/// The text without its first columns.
fn shifted(text: &str, columns: usize) -> String {
    let mut left = columns;
    let rest = text.char_indices().find(|(_, c)| {
        let done = left == 0;
        left = left.saturating_sub(c.width().unwrap_or(0));
        done
    });
    match (columns, rest) {
        (0, _) => text.to_owned(),
        (_, Some((at, _))) => text.get(at..).unwrap_or_default().to_owned(),
        (_, None) => String::new(),
    }
}

/// The list of error signatures, the chosen one's example below.
pub(in crate::console) fn draw_errors(state: &State, cursor: Cursor, body: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let screen: &LogsScreen = &state.logs;
    let groups = screen.buffer.signatures().groups();
    let all = groups.iter().map(|g| g.count).sum();
    let right = format!("{}, enter goes to the first", words::plural(all, "error", "errors"));
    paint::rule(buffer, body, theme, &format!("Errors  {}", fit(&screen.title, 40)), &right);
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    if groups.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(" no errors in what was read", theme.style(Role::Dim)));
    }
    for (y, i) in cursor.window(groups.len(), height).enumerate() {
        let (Some(group), Ok(y)) = (groups.get(i), u16::try_from(y)) else { continue };
        let age =
            |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| words::age(state.now, at)).unwrap_or_default();
        let seen =
            format!("first {} last {} ago ", pad(&age(group.first.1), 4, true), pad(&age(group.last.1), 4, true));
        let category = if group.category == FailureCategory::Unknown { "" } else { group.category.short() };
        let start = format!(" {}× {} {seen} ", pad(&words::count(group.count), 7, true), pad(category, 9, false));
        let room = usize::from(inside.width).saturating_sub(start.width());
        let spans = vec![Span::raw(start), Span::styled(one_line(&group.signature, room), theme.style(Role::Error))];
        paint::line(buffer, inside, y, spans);
        if i == cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            paint::over(buffer, inside, y, theme.style(Role::Selected));
        }
    }
    if let Some(group) = groups.get(cursor.index()) {
        below(state, &one_line(&group.example.replace('\n', "  "), 400), inside, height, buffer);
    }
}
