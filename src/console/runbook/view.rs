//! Draws the tab: incidents and runbooks, or the steps of one of them beside what is known of the chosen step.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Line as Row, Open, lines, panes};
use crate::console::load::Load;
use crate::console::page::Page;
use crate::console::paint::{self, fit, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::probe::{Finding, Verdict};
use crate::model::runbook::walk::{StepRecord, StepState};
use crate::model::runbook::{Directive, Runbook, RunbookOrigin, Step};
use crate::model::text::{middle, one_line};

/// Pieces of evidence that are shown of one finding.
const EVIDENCE: usize = 12;

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let panes = panes(state);
    let theme = &state.theme;
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    let title = match &state.runbook.open {
        Some(open) => {
            let (done, all) = open.walk().progress(&open.runbook);
            let right = match &open.incident {
                Some(_) if open.recorded => format!("{done} of {all} settled"),
                Some(_) => format!("{done} of {all} settled, not recorded"),
                None => "only read".to_owned(),
            };
            paint::rule(buffer, panes.list_rule, theme, &one_line(&open.runbook.title, 60), &right);
            steps(state, open, panes.list, buffer);
            open.chosen().map_or(String::new(), |step| format!("Step {}", step.number))
        }
        None => {
            let right = words::plural(state.lake.snapshot.incidents.len() as u64, "incident", "incidents");
            paint::rule(buffer, panes.list_rule, theme, "Incidents and runbooks", &right);
            list(state, panes.list, buffer);
            "Runbook".to_owned()
        }
    };
    paint::rule(buffer, panes.detail_rule, theme, &title, "");
    let shown =
        detail(state).into_iter().skip(usize::from(state.runbook.scroll)).take(usize::from(panes.detail.height));
    for (y, line) in shown.enumerate() {
        paint::line(buffer, panes.detail, u16::try_from(y).unwrap_or(u16::MAX), line);
    }
}

fn list(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(area.width);
    let head = format!("   {} what it is for", pad("incident or runbook", 34, false));
    paint::line(buffer, area, 0, Span::styled(fit(&head, width), theme.style(Role::Title)));
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let rows = lines(state);
    if rows.is_empty() {
        let says = match &state.runbook.library {
            Load::Ready(_) => " the filter hides all",
            _ => " reading the runbooks…",
        };
        paint::line(buffer, inside, 0, Span::styled(says, theme.style(Role::Dim)));
    }
    for (y, i) in state.runbook.cursor.window(rows.len(), inside.height).enumerate() {
        let (Some(row), Ok(y)) = (rows.get(i), u16::try_from(y)) else { continue };
        paint::line(buffer, inside, y, of_row(state, row, width));
        if i == state.runbook.cursor.index() {
            chosen(state, buffer, inside, y);
        }
    }
}

fn chosen(state: &State, buffer: &mut Buffer, area: Rect, y: u16) {
    let role = if state.runbook.focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
    paint::line(buffer, area, y, Span::raw(glyphs::POINTER));
    paint::over(buffer, area, y, state.theme.style(role));
}

fn of_row<'a>(state: &State, row: &Row, width: usize) -> Line<'a> {
    let theme = &state.theme;
    match row {
        Row::Incident(incident) => {
            let style = paint::severity(incident.about.severity, theme);
            let about = incident.about.dataset.as_deref().or(incident.about.job.as_deref()).unwrap_or("?");
            let name = match incident.about.date {
                Some(date) => format!("{} {date}", middle(about, 22)),
                None => middle(about, 33),
            };
            let sign = glyphs::severity(incident.about.severity);
            let age = words::age(state.now, incident.opened);
            let text = format!(" {sign} {} {age:>5}  {}", pad(&name, 34, false), one_line(&incident.about.title, 120));
            Line::styled(fit(&text, width), style)
        }
        Row::Runbook(runbook) => {
            let name = format!("   {} ", pad(&one_line(&runbook.id.0, 34), 34, false));
            let bound = one_line(&bound(runbook), 120);
            let room = width.saturating_sub(name.chars().count());
            Line::from(vec![Span::raw(name), Span::styled(fit(&bound, room), theme.style(Role::Dim))])
        }
    }
}

/// What a runbook is for, and whose it is.
fn bound(runbook: &Runbook) -> String {
    let words = runbook.binding.words();
    let own = if runbook.is_built_in() { "" } else { " (the team's)" };
    format!("{}{own}", if words.is_empty() { "any".to_owned() } else { words.join(", ") })
}

/// Glyph and style of where a step stands.
fn standing(state: &State, settled: StepState, next: bool) -> (&'static str, Style) {
    let (glyph, role) = match settled {
        StepState::Done => (glyphs::GOOD, Role::Success),
        StepState::Overridden => ("!", Role::Warning),
        StepState::Skipped | StepState::DoesNotApply | StepState::Out => ("–", Role::Dim),
        StepState::Applies => (glyphs::EXPANDED, Role::Accent),
        StepState::Open if next => (glyphs::COLLAPSED, Role::Accent),
        StepState::Open => ("·", Role::Text),
    };
    (glyph, state.theme.style(role))
}

fn steps(state: &State, open: &Open, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(area.width);
    let runbook = &open.runbook;
    if runbook.steps.is_empty() {
        let says = " it has no steps: numbered lists, task lists or headings with commands make some";
        paint::line(buffer, area, 0, Span::styled(fit(says, width), theme.style(Role::Dim)));
    }
    let next = open.walk().current(runbook).map(|step| step.number.clone());
    for (y, i) in open.steps.window(runbook.steps.len(), area.height).enumerate() {
        let (Some(step), Ok(y)) = (runbook.steps.get(i), u16::try_from(y)) else { continue };
        let settled = open.walk().state(runbook, step);
        let (glyph, style) = standing(state, settled, next.as_ref() == Some(&step.number));
        let indent = "  ".repeat(step.number.depth());
        let said = said(open, step, settled);
        let start = format!("{indent}{} ", step.number);
        let title = one_line(&open.variables().fill(&step.title).text, 200);
        let tail = if said.is_empty() { String::new() } else { format!("  {said}") };
        let room = width.saturating_sub(3 + start.chars().count());
        // The title gives way to what is known, down to twenty columns.
        let for_title = room.saturating_sub(tail.chars().count()).max(20).min(room);
        // What was seen and is bad is not green for having been seen.
        let bad = open.walk().finding(&step.number).is_some_and(|finding| finding.verdict != Verdict::Pass);
        let known = if bad && settled == StepState::Done { theme.style(Role::Dim) } else { style };
        let text = if settled == StepState::Out { theme.style(Role::Dim) } else { theme.style(Role::Text) };
        let spans = vec![
            Span::styled(format!(" {glyph} "), style),
            Span::styled(start, theme.style(Role::Dim)),
            Span::styled(fit(&title, for_title), text),
            Span::styled(tail, known),
        ];
        paint::line(buffer, area, y, Line::from(spans));
        if i == open.steps.index() {
            chosen(state, buffer, area, y);
        }
    }
}

/// What is known of a step, in a few words behind its title.
fn said(open: &Open, step: &Step, settled: StepState) -> String {
    match (settled, open.walk().finding(&step.number)) {
        (StepState::Open, Some(finding)) => finding.verdict.says().to_owned(),
        (StepState::Open | StepState::Applies, None) | (StepState::Done, None) => String::new(),
        (StepState::Done, Some(finding)) => one_line(&finding.summary, 40),
        (other, _) => other.says().to_owned(),
    }
}

/// The lines of the right pane.
pub(super) fn detail(state: &State) -> Vec<Line<'static>> {
    let mut page = Page::new(state, panes(state).detail.width);
    match &state.runbook.open {
        Some(open) => {
            if let Some(step) = open.chosen() {
                of_step(&mut page, open, step);
            }
        }
        None => match lines(state).get(state.runbook.cursor.index()) {
            Some(Row::Incident(incident)) => {
                page.said(&one_line(&incident.about.title, 400), Role::Text);
                page.said(
                    &format!(
                        "{}  opened {} by {}",
                        incident.id,
                        words::when(state.now, incident.opened),
                        one_line(&incident.by, 60)
                    ),
                    Role::Dim,
                );
                if let Some((runbook, why)) = &incident.runbook {
                    page.said(
                        &format!("runbook {}, chosen for {}", one_line(&runbook.0, 60), one_line(why, 200)),
                        Role::Text,
                    );
                }
                page.said(&format!("enter goes on; last event {}", words::when(state.now, incident.last())), Role::Dim);
            }
            Some(Row::Runbook(runbook)) => of_runbook(&mut page, runbook),
            None => {}
        },
    }
    page.lines
}

fn of_runbook(page: &mut Page<'_>, runbook: &Runbook) {
    page.said(&one_line(&runbook.title, 200), Role::Title);
    page.said(&format!("for {}", one_line(&bound(runbook), 300)), Role::Dim);
    if let RunbookOrigin::File(uri) = &runbook.origin {
        page.said(&middle(uri, 300), Role::Dim);
    }
    for symptom in &runbook.symptoms {
        page.said(&format!("• {}", one_line(symptom, 400)), Role::Text);
    }
    page.said(&words::plural(runbook.steps.len() as u64, "step", "steps"), Role::Dim);
    for problem in &runbook.problems {
        page.said(&format!("! {}", one_line(problem, 400)), Role::Warning);
    }
    page.blank();
    page.said("enter opens it; b on an alert walks the one that fits", Role::Dim);
}

fn of_step(page: &mut Page<'_>, open: &Open, step: &Step) {
    let fill = |text: &str| one_line(&open.variables().fill(text).text, 2000);
    page.said(&fill(&step.title), Role::Title);
    for text in &step.text {
        page.said(&fill(text), Role::Text);
    }
    for block in &step.commands {
        let filled = open.variables().fill_command(&block.text);
        page.blank();
        for line in filled.text.lines() {
            page.code(line, if filled.missing.is_empty() { Role::Accent } else { Role::Dim });
        }
        let says = match filled.missing.is_empty() {
            true => "c copies it".to_owned(),
            false => format!("not filled: {}", one_line(&filled.missing.join(", "), 200)),
        };
        page.said(&says, Role::Dim);
    }
    page.blank();
    asked(page, open, step);
    if let Some(incident) = &open.incident
        && step.number == first(open)
        && let Some((_, why)) = &incident.runbook
    {
        page.said(&format!("this runbook was chosen for: {}", one_line(why, 300)), Role::Dim);
    }
    for record in open.walk().of(&step.number).iter().rev() {
        recorded(page, record);
    }
}

fn first(open: &Open) -> crate::model::runbook::StepNumber {
    open.runbook.steps.first().map(|step| step.number.clone()).unwrap_or_default()
}

/// What the step waits for.
fn asked(page: &mut Page<'_>, open: &Open, step: &Step) {
    let settled = open.walk().state(&open.runbook, step);
    if open.incident.is_none() {
        return;
    }
    let says = match (settled, step.directive) {
        (StepState::Open, None) if step.branch => "y it applies, n it does not".to_owned(),
        (StepState::Open, None) => "for you to do; x done, s leave out with a reason".to_owned(),
        (StepState::Open, Some(Directive::Look(probe))) => format!("enter shows {}; then x", probe.does()),
        (StepState::Open, Some(Directive::Check(probe))) => {
            format!("enter checks {}; x once it passes, o goes on without", probe.does())
        }
        (StepState::Open, Some(Directive::Do(action))) => {
            format!("enter plans to {}; then x, or s leaves it out", action.does())
        }
        (other, _) => format!("{}; u opens it again", other.says()),
    };
    page.said(&says, Role::Accent);
}

fn recorded(page: &mut Page<'_>, record: &StepRecord) {
    page.blank();
    let now = page.state.now;
    match record {
        StepRecord::Probed(finding) => found(page, finding),
        StepRecord::Acted { action, done, detail, at, by, .. } => {
            let (sign, role) = if *done { (glyphs::GOOD, Role::Success) } else { (glyphs::BAD, Role::Error) };
            page.said(&format!("{sign} {}: {}", action.word(), one_line(detail, 600)), role);
            page.said(&format!("{}, {}", one_line(by, 60), words::when(now, *at)), Role::Dim);
        }
        StepRecord::Marked { mark, reason, at, by } => {
            let reason = reason.as_deref().map(|r| format!(": {}", one_line(r, 600))).unwrap_or_default();
            page.said(&format!("{}{reason}", mark.word().replace('_', " ")), Role::Text);
            page.said(&format!("{}, {}", one_line(by, 60), words::when(now, *at)), Role::Dim);
        }
    }
}

fn found(page: &mut Page<'_>, finding: &Finding) {
    let (sign, role) = match finding.verdict {
        Verdict::Pass => (glyphs::GOOD, Role::Success),
        Verdict::Fail => (glyphs::BAD, Role::Error),
        Verdict::Error => (glyphs::BAD, Role::Warning),
        Verdict::NoEvidence => ("?", Role::Warning),
    };
    let summary = one_line(&finding.summary, 600);
    page.said(&format!("{sign} {}: {summary}", finding.verdict.says()), role);
    page.said(&format!("{}, {}", finding.probe.word(), words::when(page.state.now, finding.at)), Role::Dim);
    page.evidence(&finding.evidence, EVIDENCE);
}
