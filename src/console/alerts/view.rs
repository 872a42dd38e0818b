//! Draws the alerts: list and evidence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::paint::{self, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::alert::{Alert, AlertRule, AlertState, Measure};
use crate::model::text::{middle, one_line};

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let panes = super::panes(state);
    let screen = &state.alerts;
    let theme = &state.theme;
    let all = state.lake.snapshot.alerts.len();
    let hidden = all - screen.shown.len().min(all);
    let open = state.lake.snapshot.alerts.iter().filter(|a| super::triage::is_open(a)).count();
    let taken = if open < all { format!(" of {}", words::count(all as u64)) } else { String::new() };
    let right = match hidden {
        0 => format!("{}{taken} open", words::count(open as u64)),
        n => format!("filter hides {}", words::count(n as u64)),
    };
    let marked = match screen.marks.marked.len() {
        0 => String::new(),
        n => format!(", {n} marked"),
    };
    paint::rule(buffer, panes.list_rule, theme, "Alerts", &format!("{right}{marked}"));
    list(state, panes.list, buffer);
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    let title = screen.selected(state).map(|a| format!("{} {}", one_line(a.dataset.as_str(), 40), a.rule.word()));
    paint::rule(buffer, panes.detail_rule, theme, title.as_deref().unwrap_or("Evidence"), "");
    for (y, line) in detail_lines(state).into_iter().skip(usize::from(screen.scroll)).enumerate() {
        let Ok(y) = u16::try_from(y) else { break };
        paint::line(buffer, panes.detail, y, line);
    }
}

fn list(state: &State, area: Rect, buffer: &mut Buffer) {
    let screen = &state.alerts;
    let theme = &state.theme;
    let wide = area.width >= 100;
    // Sign, rule, dataset, date, category, age; the summary gets the rest.
    let dataset = usize::from(area.width / 4).clamp(14, 28);
    let head = format!(
        "   {} {} {} {}{} ",
        pad("rule", 17, false),
        pad("dataset", dataset, false),
        pad("date", 10, false),
        if wide { pad("category ", 10, false) } else { String::new() },
        pad("age", 6, true),
    );
    paint::line(buffer, area, 0, Span::styled(format!("{head} summary"), theme.style(Role::Title)));
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    if screen.shown.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(empty(state), theme.style(Role::Dim)));
    }
    for (y, i) in screen.cursor.window(screen.shown.len(), inside.height).enumerate() {
        let alert = screen.shown.get(i).and_then(|at| state.lake.snapshot.alerts.get(*at));
        let (Some(alert), y) = (alert, y as u16) else { continue };
        paint::line(buffer, inside, y, row(state, alert, dataset, wide, area.width));
        if screen.marks.marked.contains(&alert.key) {
            let column = Rect { x: inside.x.saturating_add(2), width: inside.width.saturating_sub(2).min(1), ..inside };
            paint::line(buffer, column, y, Span::styled(glyphs::MARK, theme.style(Role::Marked)));
        }
        if i == screen.cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            let role = if screen.focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
            paint::over(buffer, inside, y, theme.style(role));
        }
    }
}

fn row<'a>(state: &State, alert: &Alert, dataset: usize, wide: bool, width: u16) -> Line<'a> {
    // What somebody looks after, or what is silenced, is for nobody else's eyes.
    let (severity, sign) = match alert.standing.state {
        AlertState::Open => (paint::severity(alert.severity, &state.theme), glyphs::severity(alert.severity)),
        AlertState::Acknowledged => (state.theme.style(Role::Dim), glyphs::FRESH),
        AlertState::Silenced => (state.theme.style(Role::Dim), glyphs::STALE),
    };
    // What stands behind another alert is of the same cause.
    let rule = match alert.standing.cause.is_some() && same_cause_above(state, alert) {
        true => format!("{}{}", glyphs::BRANCH, alert.rule.word()),
        false => alert.rule.word().to_owned(),
    };
    let date = alert.date.map(|d| d.to_string()).unwrap_or_default();
    let mut spans = vec![
        Span::styled(format!(" {sign} "), severity),
        Span::styled(pad(&rule, 17, false), severity),
        Span::raw(format!(
            " {} {}",
            pad(&middle(alert.dataset.as_str(), dataset), dataset, false),
            pad(&date, 10, false)
        )),
    ];
    if wide {
        spans.push(Span::raw(format!(" {}", pad(alert.category.short(), 9, false))));
    }
    spans.push(Span::raw(format!(" {}  ", pad(&words::age(state.now, alert.since), 6, true))));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(one_line(&alert.summary, usize::from(width).saturating_sub(used))));
    Line::from(spans)
}

/// Whether the alert that stands first is in the list: a filter may hide it.
fn same_cause_above(state: &State, alert: &Alert) -> bool {
    let shown = state.alerts.shown.iter().filter_map(|at| state.lake.snapshot.alerts.get(*at));
    shown.map(|a| a.key.as_str()).any(|key| alert.standing.cause.as_deref() == Some(key))
}

fn empty(state: &State) -> String {
    let lake = one_line(&state.settings.lake_url, 60);
    if !state.alerts.filter.is_empty() {
        " the filter hides all alerts; esc shows them".into()
    } else if state.lake.snapshot.taken.is_none() {
        if state.lake.scan.is_some() { format!(" reading {lake} …") } else { " not read: R reads the lake".into() }
    } else if state.lake.failure().is_some() {
        " no alerts known, and a source fails: see the line above, or :sources".into()
    } else if !state.lake.snapshot.has_evidence() && state.lake.entries.is_empty() {
        format!(" nothing to judge in {lake}: no dead letters, runs or results, and no data is watched")
    } else {
        format!(" no alerts: no rule is violated in {lake}")
    }
}

/// The value against its limit, each in what it is measured in; nothing where there is no limit.
fn measured(alert: &Alert) -> String {
    // An alarm may well be for what is not over zero; a rule of ours that has no limit says zero.
    let has_limit = match alert.rule {
        AlertRule::Alarm => (alert.value, alert.threshold) != (0.0, 0.0),
        _ => alert.threshold > 0.0,
    };
    if !has_limit {
        return String::new();
    }
    let told = |value: f64| match alert.rule.measure() {
        Measure::Number => words::figure(value),
        Measure::Share => format!("{} %", words::figure((value * 1000.0).round() / 10.0)),
        Measure::Seconds => words::length(chrono::Duration::try_seconds(value as i64).unwrap_or_default()),
    };
    match alert.since == chrono::DateTime::UNIX_EPOCH {
        // It never came: there is nothing to measure.
        true => format!(", the limit is {}", told(alert.threshold)),
        false => format!(", {} against {}", told(alert.value), told(alert.threshold)),
    }
}

/// The chosen alert in full. Long texts wrap here, and here only.
pub(in crate::console) fn detail_lines(state: &State) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let Some(alert) = state.alerts.selected(state) else { return Vec::new() };
    let width = usize::from(super::panes(state).detail.width);
    let severity = paint::severity(alert.severity, theme);
    let mut lines = Vec::new();
    let mut field = |name: &str, value: &str, style: Style| {
        for (i, part) in words::wrap(value, width.saturating_sub(12)).into_iter().enumerate() {
            let name = if i == 0 { pad(name, 10, false) } else { " ".repeat(10) };
            let name = Span::styled(format!(" {name}"), theme.style(Role::Dim));
            lines.push(Line::from(vec![name, Span::styled(part, style)]));
        }
    };
    let plain = theme.style(Role::Text);
    let sign = format!("{} {}", glyphs::severity(alert.severity), alert.severity.word());
    field("", &one_line(&alert.summary, 2000), theme.style(Role::Title));
    field("severity", &format!("{sign}{}", measured(alert)), severity);
    let standing = &alert.standing;
    let mut stands = standing.state.word().to_owned();
    if let Some(until) = standing.until {
        stands.push_str(&format!(" until {}", words::absolute(until)));
    }
    if let (Some(by), Some(at)) = (&standing.by, standing.at) {
        stands.push_str(&format!(", by {} {}", one_line(by, 60), words::when(state.now, at)));
    }
    field("state", &stands, plain);
    if let Some(owner) = &standing.owner {
        field("owner", &one_line(owner, 60), plain);
    }
    if let Some(note) = &standing.note {
        field("note", &one_line(note, 1000), plain);
    }
    field("category", alert.category.word(), plain);
    let date = alert.date.map(|d| format!(" {d}")).unwrap_or_default();
    let layer = alert.layer.map(|l| format!(", {}", l.word())).unwrap_or_default();
    field("dataset", &format!("{}{date}{layer}", one_line(alert.dataset.as_str(), 400)), plain);
    field("since", &words::when(state.now, alert.since), plain);
    for evidence in &alert.evidence {
        field("evidence", &one_line(&evidence.detail, 2000), plain);
        field("", &one_line(&evidence.uri, 1200), theme.style(Role::Accent));
        field("", &format!("seen {}", words::when(state.now, evidence.observed_at)), theme.style(Role::Dim));
    }
    field("key", &one_line(&alert.key, 600), theme.style(Role::Dim));
    lines
}
