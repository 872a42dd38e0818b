//! Draws the quarantines: the list, and of the chosen one all that is known.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Order, is_old, since};
use crate::console::load::Load;
use crate::console::paint::{self, fit, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::moves::{Plan, PlannedObject, QuarantineState};
use crate::model::text::{middle, one_line};
use crate::ops::Quarantine;

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let panes = super::panes(state);
    let theme = &state.theme;
    paint::rule(buffer, panes.list_rule, theme, "Quarantine", &figures(state));
    list(state, panes.list, buffer);
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    let selected = state.quarantine.selected(state);
    let title = selected.map(|q| {
        let date = q.date.map(|d| format!("  {d}")).unwrap_or_default();
        format!("{}{date}", middle(q.dataset.as_str(), 40))
    });
    paint::rule(buffer, panes.detail_rule, theme, title.as_deref().unwrap_or("Detail"), "");
    detail(state, panes.detail, buffer);
}

fn figures(state: &State) -> String {
    let all = state.lake.snapshot.quarantines.len();
    let shown = state.quarantine.shown.len().min(all);
    let open = state.lake.snapshot.quarantines.iter().filter(|q| q.state.is_open()).count();
    let mut text = if shown < all {
        format!("filter hides {} of {}", words::count((all - shown) as u64), words::count(all as u64))
    } else {
        format!("{} open of {}", words::count(open as u64), words::count(all as u64))
    };
    if state.quarantine.order != Order::State {
        text.push_str(&format!(", by {}", state.quarantine.order.word()));
    }
    let marked = state.quarantine.marks.marked.len();
    if marked > 0 {
        text.push_str(&format!(", {marked} marked"));
    }
    text
}

/// Widths of the columns for a width of the list; a column of width 0 is left out.
struct Columns {
    /// The mark of what is old; where nothing is, it takes no room.
    old: usize,
    dataset: usize,
    reason: usize,
    size: usize,
    rows: usize,
    actor: usize,
}

/// What stands behind the age of what lies there for too long.
const OLD: &str = "! old";

/// Sign and mark 4, state 14, age 6, date 11, objects 8, and blanks at the columns that give way.
const FIXED: usize = 4 + 14 + 6 + 11 + 8 + 3;

impl Columns {
    fn of(width: u16, any_old: bool) -> Self {
        let old = if any_old { OLD.len() + 1 } else { 0 };
        let mut room = usize::from(width).saturating_sub(FIXED + old);
        let mut optional = |wide: usize, keep: usize| {
            if room > keep + wide {
                room -= wide + 1;
                wide
            } else {
                0
            }
        };
        let (size, rows, actor) = (optional(9, 36), optional(9, 36), optional(14, 40));
        let reason = (room / 2).clamp(8, 24);
        Self { old, dataset: room.saturating_sub(reason).clamp(8, 40), reason, size, rows, actor }
    }
}

fn list(state: &State, area: Rect, buffer: &mut Buffer) {
    let screen = &state.quarantine;
    let theme = &state.theme;
    let any_old = state.lake.snapshot.quarantines.iter().any(|q| is_old(state, q));
    let columns = Columns::of(area.width, any_old);
    let optional = |text: &str, width: usize, right: bool| {
        if width > 0 { format!(" {}", pad(text, width, right)) } else { String::new() }
    };
    let head = format!(
        "    {} {}{} {} {} {} {}{}{}{}",
        pad("state", 13, false),
        pad("age", 5, true),
        pad("", columns.old, false),
        pad("dataset", columns.dataset, false),
        pad("date", 10, false),
        pad("reason", columns.reason, false),
        pad("objects", 7, true),
        optional("size", columns.size, true),
        optional("rows", columns.rows, true),
        optional("by", columns.actor, false),
    );
    paint::line(buffer, area, 0, Span::styled(head, theme.style(Role::Title)));
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    if screen.shown.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(empty(state), theme.style(Role::Dim)));
    }
    for (y, i) in screen.cursor.window(screen.shown.len(), inside.height).enumerate() {
        let quarantine = screen.shown.get(i).and_then(|at| state.lake.snapshot.quarantines.get(*at));
        let (Some(q), y) = (quarantine, y as u16) else { continue };
        let marked = screen.marks.marked.contains(&q.id);
        let tail = [
            optional(&words::bytes(q.bytes), columns.size, true),
            optional(&q.rows.map(words::count).unwrap_or_else(|| "?".into()), columns.rows, true),
            optional(&one_line(&q.actor, columns.actor), columns.actor, false),
        ];
        paint::line(buffer, inside, y, row(state, q, &columns, marked, &tail.concat()));
        if i == screen.cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            let role = if screen.focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
            paint::over(buffer, inside, y, theme.style(role));
        }
    }
}

fn row<'a>(state: &State, q: &Quarantine, columns: &Columns, marked: bool, tail: &str) -> Line<'a> {
    let theme = &state.theme;
    let old = if is_old(state, q) { format!(" {OLD}") } else { String::new() };
    let (sign, word, style) = standing(state, q);
    Line::from(vec![
        Span::raw(" "),
        Span::styled(if marked { glyphs::MARK } else { " " }, theme.style(Role::Marked)),
        Span::styled(format!("{sign} {} ", pad(word, 13, false)), style),
        Span::raw(pad(&words::age(state.now, since(q)), 5, true)),
        Span::styled(pad(&old, columns.old, false), theme.style(Role::Warning)),
        Span::raw(format!(
            " {} {} {} {}{tail}",
            pad(&middle(q.dataset.as_str(), columns.dataset), columns.dataset, false),
            pad(&q.date.map(|d| d.to_string()).unwrap_or_else(|| "no date".into()), 10, false),
            pad(&one_line(q.reason.as_str(), columns.reason), columns.reason, false),
            pad(&words::count(q.objects), 7, true),
        )),
    ])
}

/// Sign, word and style of a state: what waits for somebody stands out, what is over steps back.
fn standing(state: &State, q: &Quarantine) -> (&'static str, &'static str, Style) {
    let theme = &state.theme;
    // Half done because it is being done.
    if super::is_moving(state, q) {
        return (glyphs::COLLAPSED, "moving", theme.style(Role::Accent));
    }
    let (sign, style) = match q.state {
        QuarantineState::Interrupted => (glyphs::CRITICAL, theme.style(Role::Critical)),
        QuarantineState::Quarantined => (glyphs::FRESH, theme.style(Role::Text)),
        QuarantineState::Investigating => (glyphs::STALE, theme.style(Role::Accent)),
        QuarantineState::Resolved => (glyphs::GOOD, theme.style(Role::Success)),
        QuarantineState::Released | QuarantineState::Archived | QuarantineState::Undone => {
            ("·", theme.style(Role::Dim))
        }
    };
    (sign, q.state.word(), style)
}

fn empty(state: &State) -> String {
    let lake = one_line(&state.settings.lake_url, 60);
    if !state.quarantine.filter.is_empty() {
        " the filter hides all; esc shows them".into()
    } else if state.lake.snapshot.taken.is_none() {
        if state.lake.scan.is_some() { format!(" reading {lake} …") } else { " not read: R reads the lake".into() }
    } else if state.lake.failure().is_some() {
        " nothing known to be in quarantine, and a source fails: see the line above, or :sources".into()
    } else {
        format!(" nothing is in quarantine in {lake}: Q on a dead letter moves it there")
    }
}

/// Lines of the detail: facts and history, then the objects.
pub(super) fn detail_len(state: &State) -> u64 {
    let objects = match &state.quarantine.manifest {
        Load::Ready(plan) => plan.objects.len() as u64,
        _ => 0,
    };
    facts(state).len() as u64 + objects
}

fn detail(state: &State, area: Rect, buffer: &mut Buffer) {
    let facts = facts(state);
    let top = usize::try_from(state.quarantine.scroll).unwrap_or(usize::MAX);
    let before = facts.len();
    for (y, line) in facts.into_iter().skip(top).take(usize::from(area.height)).enumerate() {
        paint::line(buffer, area, u16::try_from(y).unwrap_or(u16::MAX), line);
    }
    let Load::Ready(plan) = &state.quarantine.manifest else { return };
    let first = top.saturating_sub(before);
    let y = before.saturating_sub(top);
    let room = usize::from(area.height).saturating_sub(y);
    for (n, object) in plan.objects.iter().skip(first).take(room).enumerate() {
        let y = u16::try_from(y + n).unwrap_or(u16::MAX);
        paint::line(buffer, area, y, object_line(state, plan, object, usize::from(area.width)));
    }
}

fn object_line<'a>(state: &State, plan: &Plan, object: &PlannedObject, width: usize) -> Line<'a> {
    let name = width.saturating_sub(10 + 10 + 4).max(8);
    let below = object.key.strip_prefix(&plan.source).unwrap_or(&object.key);
    Line::from(vec![
        Span::raw(format!(
            " {} {}  ",
            pad(&middle(below, name), name, false),
            pad(&words::bytes(object.size), 10, true)
        )),
        Span::styled(words::short_tag(&object.etag), state.theme.style(Role::Dim)),
    ])
}

/// All that is known of the chosen one but its objects. Long texts wrap here.
fn facts(state: &State) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let Some(q) = state.quarantine.selected(state) else { return Vec::new() };
    let width = usize::from(super::panes(state).detail.width);
    let mut lines = Vec::new();
    let mut field = |name: &str, value: &str, style: Style| {
        for (i, part) in words::wrap(value, width.saturating_sub(12)).into_iter().enumerate() {
            let name = if i == 0 { pad(name, 10, false) } else { " ".repeat(10) };
            let name = Span::styled(format!(" {name}"), theme.style(Role::Dim));
            lines.push(Line::from(vec![name, Span::styled(part, style)]));
        }
    };
    let plain = theme.style(Role::Text);
    let (sign, word, style) = standing(state, q);
    field("state", &format!("{sign} {word}, {}", words::when(state.now, q.since)), style);
    if is_old(state, q) {
        let limit = words::age(state.now, state.now - state.settings.quarantine_limit);
        let text = format!("! old: moved {} ago, the limit is {limit}", words::age(state.now, q.moved_at));
        field("", &text, theme.style(Role::Warning));
    }
    let half = q.state == QuarantineState::Interrupted && !super::is_moving(state, q);
    if let (true, by) = (half, q.unfinished.as_ref()) {
        let text = "a move ended half-way; every byte lies under its old or its new key. :resume finishes it";
        let by = by.map(|id| format!(" ({})", one_line(&id.0, 64))).unwrap_or_default();
        field("", &format!("{text}{by}"), theme.style(Role::Critical));
    }
    field("from", &one_line(&q.source, 1200), plain);
    field("lies in", &one_line(&q.path, 1200), theme.style(Role::Accent));
    let rows = q.rows.map(|n| format!(", {}", words::plural(n, "row", "rows"))).unwrap_or_default();
    let objects = words::plural(q.objects, "object", "objects");
    field("holds", &format!("{objects}, {}{rows}", words::bytes(q.bytes)), plain);
    let note = q.note.as_deref().map(|n| format!(": {}", one_line(n, 1000))).unwrap_or_default();
    field("reason", &format!("{}{note}", one_line(q.reason.as_str(), 64)), plain);
    let legal: Vec<_> = q.state.legal().iter().map(|s| s.word()).collect();
    let legal = if legal.is_empty() { "nothing, it is over".to_owned() } else { legal.join(", ") };
    field("possible", &legal, plain);
    field("id", &one_line(&q.id.0, 80), theme.style(Role::Dim));
    lines.push(section(state, "history", width));
    for event in &q.history {
        let note = event.note.as_deref().map(|n| format!("  {}", one_line(n, 1000))).unwrap_or_default();
        let (at, who) = (words::absolute(event.at), one_line(&event.actor, 40));
        let text = format!("{at}  {}  {who}{note}", pad(event.state.word(), 13, false));
        lines.extend(words::wrap(&text, width.saturating_sub(2)).into_iter().map(|part| Line::raw(format!(" {part}"))));
    }
    lines.push(section(state, "objects", width));
    match &state.quarantine.manifest {
        Load::Waiting(_) => lines.push(Line::styled(" reading the manifest…", theme.style(Role::Dim))),
        Load::Cancelled => lines.push(Line::styled(" cancelled; R reads it", theme.style(Role::Dim))),
        Load::Failed(fault) => {
            for (text, role) in [(&fault.what, Role::Error), (&fault.hint, Role::Accent)] {
                let wrapped = words::wrap(text, width.saturating_sub(2)).into_iter();
                lines.extend(wrapped.map(|part| Line::styled(format!(" {part}"), theme.style(role))));
            }
        }
        Load::Idle | Load::Ready(_) => {}
    }
    lines
}

fn section(state: &State, title: &str, width: usize) -> Line<'static> {
    let rule = glyphs::HORIZONTAL.repeat(width.saturating_sub(title.len() + 5));
    let style = state.theme.style(Role::Rule);
    Line::from(vec![
        Span::styled(glyphs::HORIZONTAL.repeat(2), style),
        Span::styled(fit(&format!(" {title} "), width), state.theme.style(Role::Title)),
        Span::styled(rule, style),
    ])
}
