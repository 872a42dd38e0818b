//! Draws the five checks, and the timeline, beside what is known of what is chosen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Row, panes, rows, standings};
use crate::console::page::Page;
use crate::console::paint::{self, fit, pad};
use crate::console::state::{Focus, State, Tab};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::incident::{Handover, Happening, Incident, IncidentEvent, IncidentStatus};
use crate::model::report::line;
use crate::model::text::{middle, one_line};
use crate::model::verify::{Check, CheckStatus, Standing};

/// Pieces of evidence that are shown of one finding.
const EVIDENCE: usize = 20;

/// What the header says of incidents; nothing where there are none.
pub(in crate::console) fn header(state: &State) -> Option<(String, Style)> {
    if let Some(incident) = state.incident.joined() {
        let about = &incident.about;
        let name = about.dataset.as_deref().or(about.job.as_deref()).unwrap_or(&incident.id.0);
        let sign = match incident.status() {
            IncidentStatus::Resolved => glyphs::GOOD,
            _ => glyphs::severity(incident.severity),
        };
        let role = if incident.status() == IncidentStatus::Resolved { Role::Success } else { Role::Warning };
        let age = words::age(state.now, incident.opened);
        return Some((format!("incident: {} {sign} {age}", middle(name, 24)), state.theme.style(role)));
    }
    let open = state.lake.snapshot.incidents.iter().filter(|i| i.status() != IncidentStatus::Resolved).count();
    let says = words::plural(open as u64, "incident open", "incidents open");
    (open > 0).then(|| (says, state.theme.style(Role::Warning)))
}

pub(in crate::console) fn draw(state: &State, tab: Tab, buffer: &mut Buffer) {
    let panes = panes(state, tab);
    let theme = &state.theme;
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    let (title, right, detail) = titles(state, tab);
    paint::rule(buffer, panes.list_rule, theme, &title, &right);
    match tab {
        Tab::Verify => checks(state, panes.list, buffer),
        _ => timeline(state, panes.list, buffer),
    }
    paint::rule(buffer, panes.detail_rule, theme, &detail, "");
    let scroll = usize::from(state.incident.pane(tab).scroll);
    let shown = self::detail(state, tab).into_iter().skip(scroll).take(usize::from(panes.detail.height));
    for (y, line) in shown.enumerate() {
        paint::line(buffer, panes.detail, u16::try_from(y).unwrap_or(u16::MAX), line);
    }
}

fn titles(state: &State, tab: Tab) -> (String, String, String) {
    let Some(incident) = state.incident.joined() else {
        let all = words::plural(state.lake.snapshot.incidents.len() as u64, "incident", "incidents");
        return match tab {
            Tab::Verify => ("Verify".to_owned(), String::new(), String::new()),
            _ => ("Incidents".to_owned(), all, "Incident".to_owned()),
        };
    };
    let about = &incident.about;
    let name = about.dataset.as_deref().or(about.job.as_deref()).unwrap_or(&incident.id.0);
    let date = about.date.map(|date| format!(" {date}")).unwrap_or_default();
    let kept = if state.incident.recorded { "" } else { ", not recorded" };
    match tab {
        Tab::Verify => {
            let all = standings(state, incident);
            let green = all.iter().filter(|s| s.status == CheckStatus::Pass).count();
            let waived = all.iter().filter(|s| s.status == CheckStatus::Waived).count();
            let waived = if waived > 0 { format!(", {waived} waived") } else { String::new() };
            let right = format!("{green} of {} green{waived}{kept}", all.len());
            let check = state.incident.check().map_or("", Check::title);
            (format!("{}{date}", middle(name, 30)), right, check.to_owned())
        }
        _ => {
            let right = format!("{}, {} events{kept}", incident.status().word(), incident.events.len());
            (format!("{}{date}", middle(name, 30)), right, "What happened".to_owned())
        }
    }
}

fn sign(status: CheckStatus) -> (&'static str, Role) {
    match status {
        CheckStatus::Pass => (glyphs::GOOD, Role::Success),
        CheckStatus::Waived => ("–", Role::Warning),
        CheckStatus::Fail => (glyphs::BAD, Role::Error),
        CheckStatus::Error => (glyphs::BAD, Role::Warning),
        CheckStatus::NoEvidence => ("·", Role::Text),
    }
}

fn checks(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(incident) = state.incident.joined() else {
        let says = " no incident is joined: b on an alert opens one, 8 lists those that are open";
        paint::line(buffer, area, 0, Span::styled(fit(says, usize::from(area.width)), theme.style(Role::Dim)));
        return;
    };
    let width = usize::from(area.width);
    for (i, standing) in standings(state, incident).iter().enumerate() {
        let Ok(y) = u16::try_from(i) else { continue };
        let (glyph, role) = sign(standing.status);
        let by = standing.signed.map(|name| one_line(&name.by, 16)).unwrap_or_default();
        let start = format!("{} {}", i + 1, pad(standing.check.title(), 25, false));
        let room = width.saturating_sub(start.chars().count() + by.chars().count() + 6);
        let why = pad(&fit(&one_line(&standing.reason, 200), room), room, false);
        // Green for what is settled; what passes and nobody stands for is told in the colour of text.
        let style = if standing.is_settled() { theme.style(role) } else { theme.style(Role::Text) };
        let spans = vec![
            Span::styled(format!(" {glyph} "), theme.style(role)),
            Span::raw(start),
            Span::styled(format!(" {why}"), style),
            Span::styled(format!(" {by}"), theme.style(Role::Dim)),
        ];
        paint::line(buffer, area, y, Line::from(spans));
        if i == state.incident.checks.cursor.index() {
            chosen(state, Tab::Verify, buffer, area, y);
        }
    }
}

fn chosen(state: &State, tab: Tab, buffer: &mut Buffer, area: Rect, y: u16) {
    let role = if state.incident.pane(tab).focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
    paint::line(buffer, area, y, Span::raw(glyphs::POINTER));
    paint::over(buffer, area, y, state.theme.style(role));
}

fn timeline(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(area.width);
    let rows = rows(state);
    if rows.is_empty() {
        let says = " no incident: b on an alert opens one";
        paint::line(buffer, area, 0, Span::styled(fit(says, width), theme.style(Role::Dim)));
    }
    let cursor = &state.incident.timeline.cursor;
    for (y, i) in cursor.window(rows.len(), area.height).enumerate() {
        let (Some(row), Ok(y)) = (rows.get(i), u16::try_from(y)) else { continue };
        let (text, style) = match row {
            Row::Open(incident) => listed(state, incident),
            Row::Whole(incident) => {
                let owner = incident.owner.as_deref().unwrap_or("nobody");
                let title = one_line(&incident.about.title, 120);
                (format!(" {title}  ({} has it)", one_line(owner, 30)), theme.style(Role::Title))
            }
            Row::Event(event) => {
                let line = line(event);
                let at = line.at.format("%H:%M:%S");
                let word = pad(&line.event.replace('_', " "), 11, false);
                (format!(" {at} {word} {}", one_line(&line.text, 200)), theme.style(role(event)))
            }
        };
        paint::line(buffer, area, y, Line::styled(fit(&text, width), style));
        if i == cursor.index() {
            chosen(state, Tab::Incident, buffer, area, y);
        }
    }
}

fn listed(state: &State, incident: &Incident) -> (String, Style) {
    let about = &incident.about;
    let name = about.dataset.as_deref().or(about.job.as_deref()).unwrap_or("?");
    let date = about.date.map(|date| format!(" {date}")).unwrap_or_default();
    let name = pad(&format!("{}{date}", middle(name, 22)), 34, false);
    let (status, age) = (pad(incident.status().word(), 9, false), words::age(state.now, incident.opened));
    let sign = glyphs::severity(incident.severity);
    let text = format!(" {sign} {name} {status} {age:>5}  {}", one_line(&about.title, 120));
    let style = match incident.status() {
        IncidentStatus::Resolved => state.theme.style(Role::Dim),
        _ => paint::severity(incident.severity, &state.theme),
    };
    (text, style)
}

/// How an event is drawn: what went wrong, and what ends it, stands out.
fn role(event: &IncidentEvent) -> Role {
    match &event.what {
        Happening::Did(deed) if !deed.done => Role::Error,
        Happening::Acted { done: false, .. } => Role::Error,
        Happening::Did(_) | Happening::Acted { .. } => Role::Accent,
        Happening::Resolved { .. } => Role::Success,
        Happening::Waived { .. } | Happening::Reopened { .. } | Happening::HandedOver(_) => Role::Warning,
        _ => Role::Text,
    }
}

/// The lines of the other pane.
pub(super) fn detail(state: &State, tab: Tab) -> Vec<Line<'static>> {
    let mut page = Page::new(state, panes(state, tab).detail.width);
    match (tab, state.incident.joined()) {
        (Tab::Verify, None) => {}
        (Tab::Verify, Some(incident)) => {
            let at = state.incident.checks.cursor.index();
            if let Some(standing) = standings(state, incident).get(at) {
                of_check(&mut page, incident, standing);
            }
        }
        _ => match rows(state).get(state.incident.timeline.cursor.index()).copied() {
            Some(Row::Open(incident)) => {
                page.said("enter joins it: what you do then is told to it", Role::Accent);
                whole(&mut page, incident);
            }
            Some(Row::Whole(incident)) => whole(&mut page, incident),
            Some(Row::Event(event)) => of_event(&mut page, event),
            None => {}
        },
    }
    page.lines
}

fn of_check(page: &mut Page<'_>, incident: &Incident, standing: &Standing<'_>) {
    let (glyph, role) = sign(standing.status);
    let status = standing.status.word().replace('_', " ");
    page.said(&format!("{glyph} {status}: {}", one_line(&standing.reason, 800)), role);
    if let Some(at) = standing.at {
        page.said(&format!("checked {}", words::when(page.state.now, at)), Role::Dim);
    }
    let log = incident.checks.log(standing.check);
    let asked = match (standing.status, standing.signed) {
        (CheckStatus::Waived, _) => String::new(),
        (CheckStatus::Pass, Some(_)) => "enter checks it again".to_owned(),
        (CheckStatus::Pass, None) => "x puts your name to it; enter checks it again".to_owned(),
        _ => "enter checks it; w waives it with a reason".to_owned(),
    };
    page.said(&asked, Role::Accent);
    page.blank();
    page.said(&format!("green when {}", standing.check.means()), Role::Dim);
    page.evidence(standing.evidence, EVIDENCE);
    if let Some(name) = standing.signed {
        let note = name.text.as_deref().map(|text| format!(": {}", one_line(text, 600))).unwrap_or_default();
        page.said(&format!("signed off by {}{note}", one_line(&name.by, 60)), Role::Success);
        page.said(&words::when(page.state.now, name.at), Role::Dim);
    }
    if let Some(name) = log.and_then(|log| log.waived.as_ref()) {
        page.said(
            &format!("waived by {}, {}", one_line(&name.by, 60), words::when(page.state.now, name.at)),
            Role::Dim,
        );
    }
    for note in log.map(|log| log.notes.as_slice()).unwrap_or_default() {
        page.blank();
        page.said(&one_line(note.text.as_deref().unwrap_or_default(), 2_000), Role::Text);
        page.said(&format!("{}, {}", one_line(&note.by, 60), words::when(page.state.now, note.at)), Role::Dim);
    }
}

fn whole(page: &mut Page<'_>, incident: &Incident) {
    let now = page.state.now;
    page.said(&one_line(&incident.about.title, 400), Role::Title);
    page.said(&one_line(&incident.id.0, 100), Role::Dim);
    let about = &incident.about;
    page.said(
        &format!(
            "{}, {}, {}; {} has it",
            incident.status().word(),
            incident.severity.word(),
            about.category.word().replace('_', " "),
            one_line(incident.owner.as_deref().unwrap_or("nobody"), 60)
        ),
        Role::Text,
    );
    if !incident.watchers.is_empty() {
        let watchers: Vec<String> = incident.watchers.iter().map(|who| one_line(who, 40)).collect();
        page.said(&format!("watched by {}", watchers.join(", ")), Role::Text);
    }
    let times = &incident.times;
    page.said(&format!("detected {}", words::when(now, times.detected)), Role::Text);
    page.said(&format!("opened {} by {}", words::when(now, incident.opened), one_line(&incident.by, 60)), Role::Text);
    if let Some(at) = times.mitigated {
        page.said(&format!("mitigated {}", words::when(now, at)), Role::Text);
    }
    if let Some(at) = times.resolved {
        page.said(&format!("resolved {}", words::when(now, at)), Role::Success);
    }
    if let Some((runbook, why)) = &incident.runbook {
        page.said(&format!("runbook {}, chosen for {}", one_line(&runbook.0, 60), one_line(why, 200)), Role::Dim);
    }
    if let Some(handover) = &incident.handover {
        handed(page, handover);
    }
}

fn handed(page: &mut Page<'_>, handover: &Handover) {
    page.blank();
    let to = handover.to.as_deref().unwrap_or("whoever is next");
    page.said(&format!("handed over to {}; t takes it", one_line(to, 60)), Role::Warning);
    for (name, lines) in handover.parts() {
        page.said(name, Role::Dim);
        for line in &lines {
            page.said(&format!("· {}", one_line(line, 600)), Role::Text);
        }
    }
}

fn of_event(page: &mut Page<'_>, event: &IncidentEvent) {
    let told = line(event);
    page.said(&told.text, role(event));
    page.said(&format!("{}, {}", told.actor, words::when(page.state.now, told.at)), Role::Dim);
    match &event.what {
        Happening::Checked { finding, .. } | Happening::Probed { finding, .. } => {
            page.evidence(&finding.evidence, EVIDENCE)
        }
        Happening::Marked(marked) => {
            for line in &marked.lines {
                page.said(&one_line(line, 2_000), Role::Text);
            }
        }
        Happening::HandedOver(handover) => handed(page, handover),
        Happening::Opened(about) => page.evidence(&about.evidence, EVIDENCE),
        Happening::Resolved { follow_ups, .. } if !follow_ups.is_empty() => {
            page.said("follow-ups", Role::Dim);
            for line in follow_ups {
                page.said(&format!("· {}", one_line(line, 600)), Role::Text);
            }
        }
        Happening::Note { text, .. } => {
            for line in text.lines().skip(1) {
                page.said(&one_line(line, 2_000), Role::Text);
            }
        }
        _ => {}
    }
}
