//! Draws the preview pane: reasons and rows, record, schema, profile, the entry's detail.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::schema::{lines as schema, verdict};
use super::{Fault, Load, Mode, Preview};
use crate::console::dlq::tree::Node;
use crate::console::paint::{self, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::entry::DlqEntry;
use crate::model::text::{middle, one_line};
use crate::ops::Opened;

/// Blanks between columns.
pub(super) const GAP: usize = 2;
/// Columns are at least and at most so wide; the last one in view may take the rest.
pub(super) const NARROWEST: usize = 3;
pub(super) const WIDEST: usize = 28;
/// Reasons shown over the rows; the detail has all.
const REASONS: usize = 3;

/// Lines that the rows themselves have in a pane.
pub(super) fn rows_height(preview: &Preview, area: Rect) -> u16 {
    let reasons = preview.entry.as_deref().map_or(0, |e| reasons_height(e, area.height));
    // Facts, reasons, rule, head, and the verdict below.
    area.height.saturating_sub(1 + reasons + 2 + 1)
}

fn reasons_height(entry: &DlqEntry, height: u16) -> u16 {
    let room = usize::from(height / 4).clamp(1, REASONS);
    u16::try_from(entry.errors.len().min(room)).unwrap_or(0)
}

pub(in crate::console) fn draw(state: &State, rule: Rect, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let preview = &state.dlq.preview;
    let Some(entry) = preview.entry.as_deref() else {
        return dataset(state, rule, area, buffer);
    };
    let date = entry.date.map(|d| format!("  {d}")).unwrap_or_default();
    let title = format!("{}{date}", middle(entry.dataset.as_str(), 40));
    let what = match preview.mode {
        Mode::Rows => "",
        Mode::Record => "record",
        Mode::Schema => "schema against contract",
        Mode::Profile if preview.by_name => "profile, by name",
        Mode::Profile => "profile, oddest first",
        Mode::Entry => "detail",
    };
    paint::rule(buffer, rule, theme, &title, what);
    match preview.mode {
        Mode::Rows => rows(state, entry, area, buffer),
        Mode::Record => record(state, area, buffer),
        Mode::Schema | Mode::Profile | Mode::Entry => {
            let mut lines = lines(state);
            if !lines.is_empty() {
                paint::line(buffer, area, 0, lines.remove(0));
            }
            let below = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
            for (y, line) in lines.into_iter().skip(preview.lines.index()).take(usize::from(below.height)).enumerate() {
                paint::line(buffer, below, y as u16, line);
            }
        }
    }
}

/// A dataset's line is chosen: its dates in a few words.
fn dataset(state: &State, rule: Rect, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(Node::Dataset(sum)) = state.dlq.selected() else {
        paint::rule(buffer, rule, theme, "Rejected rows", "");
        let text = if state.lake.entries.is_empty() { "" } else { " nothing is selected" };
        return paint::line(buffer, area, 0, Span::styled(text, theme.style(Role::Dim)));
    };
    paint::rule(buffer, rule, theme, &middle(sum.dataset.as_str(), 40), "dataset");
    let more = if sum.more { " at least: some could not be counted" } else { "" };
    let worst = format!(" {} {}, {}", glyphs::severity(sum.severity), sum.severity.word(), sum.category.word());
    paint::line(
        buffer,
        area,
        0,
        format!(
            " {} with {}{more}",
            words::plural(sum.entries, "entry", "entries"),
            words::plural(sum.rows, "row", "rows")
        ),
    );
    paint::line(buffer, area, 1, Span::styled(worst, paint::severity(sum.severity, theme)));
    paint::line(buffer, area, 2, format!(" newest {}", words::when(state.now, sum.newest)));
    let hint = if sum.open { " enter closes its dates" } else { " enter opens its dates" };
    paint::line(buffer, area, 4, Span::styled(hint, theme.style(Role::Dim)));
}

fn facts<'a>(state: &State, entry: &DlqEntry) -> Line<'a> {
    let rows = match (entry.rows, entry.rows_reported) {
        (Some(n), Some(m)) if n != m => format!("{}, {} reported", words::plural(n, "row", "rows"), words::count(m)),
        (Some(n), _) => words::plural(n, "row", "rows"),
        (None, Some(m)) => format!("{} reported", words::plural(m, "row", "rows")),
        (None, None) => "rows not counted".into(),
    };
    let complete = if entry.complete { "complete" } else { "incomplete" };
    let mut spans = vec![
        Span::styled(
            format!(" {} {}", glyphs::severity(entry.severity), entry.category.word()),
            paint::severity(entry.severity, &state.theme),
        ),
        Span::raw(format!("  {rows}, {}, {}, {complete}", words::bytes(entry.bytes), entry.format.word())),
    ];
    let problems: Vec<&str> = entry.problems.iter().map(|p| p.code()).collect();
    if !problems.is_empty() {
        spans.push(Span::styled(format!("  {}", problems.join(" ")), state.theme.style(Role::Stale)));
    }
    Line::from(spans)
}

fn rows(state: &State, entry: &DlqEntry, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let preview = &state.dlq.preview;
    let width = usize::from(area.width);
    paint::line(buffer, area, 0, facts(state, entry));
    let shown = reasons_height(entry, area.height);
    for (y, error) in entry.errors.iter().take(usize::from(shown)).enumerate() {
        let last = y + 1 == usize::from(shown);
        let more = entry.errors.len().saturating_sub(usize::from(shown));
        let mut count = error.row_count.map(|n| format!(" ×{}", words::count(n))).unwrap_or_default();
        if last && more > 0 {
            count.push_str(&format!("  +{more} more"));
        }
        let message = error.error_message.as_deref().or(error.error_type.as_deref()).unwrap_or("no message");
        let source = error.source_path.as_deref().map(|s| format!("  from {s}")).unwrap_or_default();
        let room = width.saturating_sub(count.width() + 2);
        let text = pad(&one_line(&format!("{message}{source}"), room), room, false);
        paint::line(
            buffer,
            area,
            1 + y as u16,
            vec![Span::raw(format!(" {text}")), Span::styled(count, theme.style(Role::Accent))],
        );
    }
    let place = |y: u16| Rect { y: area.y.saturating_add(y), height: area.height.saturating_sub(y), ..area };
    let body = place(1 + shown);
    let Some(opened) = preview.opened() else {
        paint::rule(buffer, Rect { height: 1.min(body.height), ..body }, theme, "rows", "");
        return not_open(state, entry, place(2 + shown), buffer);
    };
    rows_rule(state, opened, area, body, buffer);
    if let Some(fault) = &preview.fault {
        return failure(state, fault, place(2 + shown), buffer);
    }
    table(state, opened, place(2 + shown), rows_height(preview, area), buffer);
    if area.height > 0 {
        paint::line(buffer, area, area.height - 1, verdict(state, opened, width));
    }
}

fn rows_rule(state: &State, opened: &Opened, area: Rect, body: Rect, buffer: &mut Buffer) {
    let preview = &state.dlq.preview;
    let first = preview.rows.cursor.top;
    let last = first.saturating_add(u64::from(rows_height(preview, area))).min(preview.rows.len());
    let of = preview.rows.total.map(words::count).unwrap_or_else(|| "?".into());
    let mut title = match preview.rows.total {
        Some(0) => "no rows".to_owned(),
        _ => format!("rows {}-{} of {of}", words::count(first + 1), words::count(last)),
    };
    if let Some(filter) = &preview.rows.filter {
        title.push_str(&format!(" where {}", one_line(filter, 40)));
    }
    let name = opened.named.first().and_then(|i| opened.columns.get(*i)).map(|c| one_line(&c.name, 20));
    let right = match (name, preview.rows.first_column) {
        (Some(name), 0) => format!("{name} first: named in the reasons"),
        (_, 0) => words::plural(opened.columns.len() as u64, "column", "columns"),
        (_, n) => format!("column {} of {}", n + 1, preview.order().len()),
    };
    paint::rule(buffer, Rect { height: 1.min(body.height), ..body }, &state.theme, &title, &right);
}

fn not_open(state: &State, entry: &DlqEntry, area: Rect, buffer: &mut Buffer) {
    let say = |buffer: &mut Buffer, text: &str| {
        paint::line(buffer, area, 0, Span::styled(format!(" {text}"), state.theme.style(Role::Dim)));
    };
    match &state.dlq.preview.open {
        Load::Waiting(_) => say(buffer, "opening…"),
        Load::Cancelled => say(buffer, "cancelled; ctrl-r opens it"),
        Load::Failed(fault) => failure(state, fault, area, buffer),
        Load::Idle | Load::Ready(_) => {
            let why =
                entry.fault.as_deref().map(|f| one_line(f, 300)).unwrap_or_else(|| "no rejected rows lie here".into());
            say(buffer, &why);
        }
    }
}

fn failure(state: &State, fault: &Fault, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(4);
    let error = state.theme.style(Role::Error);
    let mut y = 0;
    for (i, line) in words::wrap(&fault.what, width).into_iter().take(4).enumerate() {
        let sign = if i == 0 { glyphs::BAD } else { " " };
        paint::line(buffer, area, y, Span::styled(format!(" {sign} {line}"), error));
        y += 1;
    }
    for line in words::wrap(&fault.hint, width).into_iter().take(2) {
        paint::line(buffer, area, y, Span::styled(format!("   {line}"), state.theme.style(Role::Accent)));
        y += 1;
    }
}

/// Numbers stand at the right of their column.
fn numeric(kind: &str) -> bool {
    ["int", "uint", "float", "double", "decimal"].iter().any(|n| kind.starts_with(n))
}

fn table(state: &State, opened: &Opened, area: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let preview = &state.dlq.preview;
    let len = preview.rows.len();
    let first = preview.rows.cursor.top;
    let visible: Vec<u64> = (first..first.saturating_add(u64::from(height)).min(len)).collect();
    let number = words::count(first.saturating_add(u64::from(height)).min(len.max(1))).width().max(2);
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1).min(height), ..area };
    paint::line(buffer, area, 0, Span::styled(format!(" {}", pad("#", number, true)), theme.style(Role::Dim)));
    for (y, row) in visible.iter().enumerate() {
        let text = format!(" {}", pad(&words::count(row + 1), number, true));
        paint::line(buffer, inside, y as u16, Span::styled(text, theme.style(Role::Dim)));
    }
    let mut x = 1 + number + GAP;
    for index in preview.order().iter().skip(preview.rows.first_column) {
        let room = usize::from(area.width).saturating_sub(x);
        let Some(column) = opened.columns.get(*index).filter(|_| room >= NARROWEST) else { break };
        let named = opened.named.contains(index);
        let masked = preview.masks(*index);
        let sign = if named { glyphs::NAMED } else { "" };
        let cells: Vec<Span<'_>> = visible
            .iter()
            .map(|row| match preview.rows.cell(*row, *index) {
                Some(value) => words::cell(value, WIDEST, masked, theme),
                None => Span::styled(glyphs::CUT, theme.style(Role::Dim)),
            })
            .collect();
        let head = format!("{sign}{}", one_line(&column.name, WIDEST));
        let widest = cells.iter().map(Span::width).max().unwrap_or(0).max(head.width());
        let width = widest.clamp(NARROWEST, WIDEST).min(room);
        let right = numeric(&column.kind);
        let at = u16::try_from(x).unwrap_or(u16::MAX);
        let place = |r: Rect| Rect { x: r.x.saturating_add(at), width: r.width.saturating_sub(at), ..r };
        let role = if named { Role::NamedColumn } else { Role::Title };
        paint::line(buffer, place(area), 0, Span::styled(pad(&head, width, right), theme.style(role)));
        for (y, cell) in cells.into_iter().enumerate() {
            paint::line(buffer, place(inside), y as u16, Span::styled(pad(&cell.content, width, right), cell.style));
        }
        x += width + GAP;
    }
    if let Some(y) = visible.iter().position(|row| *row == preview.rows.cursor.at) {
        paint::line(buffer, inside, y as u16, Span::raw(glyphs::POINTER));
        let role = if state.dlq.focus == Focus::Detail { Role::Selected } else { Role::SelectedIdle };
        if state.dlq.focus == Focus::Detail || state.dlq.zoom {
            paint::over(buffer, inside, y as u16, theme.style(role));
        }
    }
    if len == 0 {
        let text = if preview.rows.filter.is_some() {
            " no row matches; :where alone shows all"
        } else {
            " the file holds no rows"
        };
        paint::line(buffer, inside, 0, Span::styled(text, theme.style(Role::Dim)));
    }
}

/// Lines under the head of what scrolls as a whole.
pub(super) fn line_count(state: &State) -> u64 {
    match state.dlq.preview.mode {
        Mode::Rows | Mode::Record => 0,
        _ => (lines(state).len() as u64).saturating_sub(1),
    }
}

fn lines(state: &State) -> Vec<Line<'static>> {
    let preview = &state.dlq.preview;
    match (preview.mode, preview.opened(), preview.entry.as_deref()) {
        (Mode::Schema, Some(opened), _) => schema(state, opened),
        (Mode::Profile, _, _) => profile(state),
        (Mode::Entry, _, Some(entry)) => detail(state, entry),
        _ => vec![Line::from(" opening…")],
    }
}

fn profile(state: &State) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let preview = &state.dlq.preview;
    let profile = match &preview.profile {
        Load::Ready(profile) => profile,
        Load::Failed(fault) => {
            return vec![
                Line::from(format!(" {} {}", glyphs::BAD, fault.what)),
                Line::from(format!("   {}", fault.hint)),
            ];
        }
        Load::Cancelled => return vec![Line::from(" cancelled; p profiles again")],
        Load::Idle | Load::Waiting(_) => return vec![Line::from(" profiling…")],
    };
    // What fits on 80 columns comes first: why it is odd, not of which type it is.
    let row = |cells: [&str; 7]| {
        let [name, odd, nulls, distinct, min, max, kind] = cells;
        let (a, b, c, d) = (pad(name, 18, false), pad(odd, 12, false), pad(nulls, 8, true), pad(distinct, 9, true));
        format!(" {a} {b} {c} {d}  {} {} {}", pad(min, 12, false), pad(max, 12, false), pad(kind, 12, false))
    };
    let head = row(["column", "odd", "nulls", "distinct", "smallest", "largest", "type"]);
    let mut lines = vec![Line::from(Span::styled(format!("{head} most frequent"), theme.style(Role::Title)))];
    for p in profile {
        let masked = preview.masks_name(&p.column.name);
        let text = |value: &serde_json::Value, max: usize| words::cell(value, max, masked, theme).content.into_owned();
        let distinct = format!("{}{}", words::count(p.distinct), if p.distinct_capped { "+" } else { "" });
        let top: Vec<String> =
            p.top.iter().take(5).map(|(v, n)| format!("{} ×{}", text(v, 16), words::count(*n))).collect();
        let (name, kind) = (one_line(&p.column.name, 18), one_line(&p.column.kind, 12));
        let odd = p.odd.as_deref().map(|o| one_line(o, 12)).unwrap_or_default();
        let start = row([&name, &odd, &words::count(p.nulls), &distinct, &text(&p.min, 12), &text(&p.max, 12), &kind]);
        let style = theme.style(if p.odd.is_some() { Role::Warning } else { Role::Text });
        lines.push(Line::from(vec![Span::styled(start, style), Span::raw(format!(" {}", top.join(", ")))]));
    }
    lines
}

fn detail(state: &State, entry: &DlqEntry) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let width = usize::from(crate::console::dlq::panes(state).detail.width).saturating_sub(14);
    let mut lines = vec![facts(state, entry)];
    let mut field = |name: &str, value: &str| {
        for (i, part) in words::wrap(value, width).into_iter().enumerate() {
            let name = pad(if i == 0 { name } else { "" }, 12, false);
            lines.push(Line::from(vec![Span::styled(format!(" {name}"), theme.style(Role::Dim)), Span::raw(part)]));
        }
    };
    field("path", &one_line(&entry.path.0, 1200));
    field("address", &one_line(&format!("{}/{}", state.settings.lake_url, entry.path.0), 1400));
    if let Some(run) = &entry.run_id {
        field("run", &one_line(run, 300));
    }
    field("happened", &words::when(state.now, entry.since()));
    field("written", &words::when(state.now, entry.modified));
    field("first seen", &words::when(state.now, entry.first_seen));
    if let Some(fault) = &entry.fault {
        field("fault", &one_line(fault, 2000));
    }
    for error in &entry.errors {
        let rows = error.row_count.map(|n| format!(" ×{}", words::count(n))).unwrap_or_default();
        field("reason", &format!("{}{rows}", one_line(error.error_message.as_deref().unwrap_or("no message"), 4000)));
        if let Some(kind) = &error.error_type {
            field("", &format!("type {}", one_line(kind, 300)));
        }
        if let Some(source) = &error.source_path {
            field("", &format!("from {}", one_line(source, 1200)));
        }
        if let Some(time) = error.timestamp {
            field("", &words::when(state.now, time));
        }
    }
    lines
}

const NAME: usize = 24;

fn field_lines(preview: &Preview, field: usize, width: u16) -> Vec<String> {
    let value = preview.order().get(field).and_then(|i| preview.rows.cell(preview.rows.cursor.at, *i).map(|v| (i, v)));
    match value {
        None => vec![glyphs::CUT.to_owned()],
        Some((index, value)) => {
            let text = if preview.masks(*index) {
                crate::rows::cell::shown(&crate::rows::cell::masked(value), 4096)
            } else {
                // A cell of 200 KB can be read to its end; beyond a megabyte nobody scrolls.
                crate::rows::cell::shown(value, 1 << 20)
            };
            words::wrap(&text, usize::from(width).saturating_sub(NAME + 4))
        }
    }
}

/// Lines that a field of the record takes.
pub(super) fn field_height(preview: &Preview, field: usize, width: u16) -> u64 {
    field_lines(preview, field, width).len() as u64
}

fn record(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let preview = &state.dlq.preview;
    let Some(opened) = preview.opened() else { return };
    if let Some(fault) = &preview.fault {
        return failure(state, fault, area, buffer);
    }
    let total = preview.rows.total.map(words::count).unwrap_or_else(|| "?".into());
    let from = preview.lines.index();
    let head = format!(
        " row {} of {total}, field {} of {}",
        words::count(preview.rows.cursor.at + 1),
        from + 1,
        preview.order().len()
    );
    paint::line(buffer, area, 0, Span::styled(head, theme.style(Role::Dim)));
    let mut y = 1;
    for (n, index) in preview.order().iter().enumerate().skip(from) {
        if y >= area.height {
            break;
        }
        let named = opened.named.contains(index);
        let role = if named { Role::NamedColumn } else { Role::Title };
        let sign = if named { glyphs::NAMED } else { " " };
        let name = opened.columns.get(*index).map(|c| one_line(&c.name, NAME)).unwrap_or_default();
        let hidden = if n == from { usize::try_from(preview.into_field).unwrap_or(usize::MAX) } else { 0 };
        let style = match preview.rows.cell(preview.rows.cursor.at, *index) {
            Some(serde_json::Value::Null) => theme.style(Role::Null),
            Some(_) if preview.masks(*index) => theme.style(Role::Masked),
            _ => theme.style(Role::Text),
        };
        for (i, part) in field_lines(preview, n, area.width).into_iter().enumerate().skip(hidden) {
            if y >= area.height {
                break;
            }
            let label = if i == hidden { format!(" {sign}{} ", pad(&name, NAME, false)) } else { " ".repeat(NAME + 3) };
            paint::line(buffer, area, y, vec![Span::styled(label, theme.style(role)), Span::styled(part, style)]);
            y += 1;
        }
    }
}
