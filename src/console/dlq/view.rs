//! Draws the DLQ tab: the tree; the preview draws itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::preview;
use super::tree::Node;
use crate::console::paint::{self, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::entry::{DlqEntry, Problem};
use crate::model::text::{middle, one_line};

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let panes = super::panes(state);
    let theme = &state.theme;
    paint::rule(buffer, panes.list_rule, theme, "DLQ", &figures(state));
    list(state, panes.list, buffer);
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    preview::view::draw(state, panes.detail_rule, panes.detail, buffer);
}

fn figures(state: &State) -> String {
    let screen = &state.dlq;
    let entries = state.lake.entries.len() as u64;
    let mut text =
        format!("{}, {}", words::plural(entries, "entry", "entries"), words::plural(state.lake.rows, "row", "rows"));
    let hidden = screen.hidden(&state.lake.entries);
    if hidden > 0 {
        text = format!("filter hides {} of {}", words::count(hidden), words::count(entries));
    }
    if !screen.marked.is_empty() {
        text.push_str(&format!(", {} marked", screen.marked.len()));
    }
    text
}

fn list(state: &State, area: Rect, buffer: &mut Buffer) {
    let screen = &state.dlq;
    let theme = &state.theme;
    // Signs 4, date 10, rows 10, why 10, severity 2, age 6, and a blank before each.
    let name = usize::from(area.width).saturating_sub(4 + 11 + 11 + 12 + 2 + 7 + 1).clamp(8, 40);
    let head = format!(
        "    {} {} {}  {}   {}",
        pad("dataset", name, false),
        pad("date", 10, false),
        pad("rows", 10, true),
        pad("why", 10, false),
        pad("age", 6, true),
    );
    paint::line(buffer, area, 0, Span::styled(head, theme.style(Role::Title)));
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    if screen.nodes.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(empty(state), theme.style(Role::Dim)));
    }
    for (y, i) in screen.cursor.window(screen.nodes.len(), inside.height).enumerate() {
        let (Some(node), y) = (screen.nodes.get(i), y as u16) else { continue };
        paint::line(buffer, inside, y, row(state, node, name));
        if i == screen.cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            let role = if screen.focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
            paint::over(buffer, inside, y, theme.style(role));
        }
    }
}

fn row<'a>(state: &State, node: &Node, name: usize) -> Line<'a> {
    let theme = &state.theme;
    let (sign, dataset, date, rows, why, severity, since) = match node {
        Node::Dataset(sum) => (
            if sum.open { glyphs::EXPANDED } else { glyphs::COLLAPSED },
            middle(sum.dataset.as_str(), name),
            words::plural(sum.entries, "date", "dates"),
            format!("{}{}", words::count(sum.rows), if sum.more { "+" } else { "" }),
            sum.category.short(),
            sum.severity,
            sum.newest,
        ),
        Node::Entry { entry, alone } => (
            " ",
            if *alone { middle(entry.dataset.as_str(), name) } else { run(entry, name) },
            entry.date.map(|d| d.to_string()).unwrap_or_else(|| "no date".into()),
            entry.known_rows().map(words::count).unwrap_or_else(|| "?".into()),
            why(entry),
            entry.severity,
            entry.since(),
        ),
    };
    let marked = matches!(node, Node::Entry { entry, .. } if state.dlq.marked.contains(&entry.path));
    let mark = if marked { glyphs::MARK } else { " " };
    Line::from(vec![
        Span::raw(" "),
        Span::styled(mark, theme.style(Role::Marked)),
        Span::raw(format!(
            "{sign} {} {} {}  ",
            pad(&dataset, name, false),
            pad(&date, 10, false),
            pad(&rows, 10, true)
        )),
        Span::raw(pad(why, 10, false)),
        Span::styled(format!(" {}", glyphs::severity(severity)), paint::severity(severity, theme)),
        Span::raw(format!(" {}", pad(&words::age(state.now, since), 6, true))),
    ])
}

/// What tells an entry from its siblings beside its date: its run.
fn run(entry: &DlqEntry, width: usize) -> String {
    let id = entry.run_id.as_deref().map(|id| format!("  run {id}")).unwrap_or_default();
    one_line(&id, width)
}

/// An entry that is broken says so; one that is whole says its category.
fn why(entry: &DlqEntry) -> &'static str {
    if entry.problems.contains(&Problem::Incomplete) {
        "incomplete"
    } else if entry.problems.contains(&Problem::UnreadableRows) {
        "unreadable"
    } else {
        entry.category.short()
    }
}

fn empty(state: &State) -> String {
    let lake = one_line(&state.settings.lake_url, 60);
    let hidden = state.dlq.hidden(&state.lake.entries);
    if hidden > 0 {
        format!(" the filter hides {}; esc shows them", words::plural(hidden, "entry", "entries"))
    } else if state.lake.snapshot.taken.is_none() {
        if state.lake.scan.is_some() {
            format!(" reading {lake} …")
        } else {
            " not read: ctrl-r reads the lake".into()
        }
    } else if state.lake.failure().is_some() {
        " no entries known, and a source fails: see the line above, or :sources".into()
    } else {
        format!(" no dead letters under the errors prefix of {lake}")
    }
}
