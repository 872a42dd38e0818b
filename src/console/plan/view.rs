//! Draws the question: title and totals, the plan that scrolls, and at the bottom the answer or why there is none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{PlanScreen, Subject, blocked, lines, runs};
use crate::console::overlay::Overlay;
use crate::console::paint::{self, fit};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::work::PlannedWork;
use crate::console::{glyphs, layout, words};
use crate::model::moves::{MoveKind, Plan};
use crate::model::protection::Protection;
use crate::model::text::{middle, one_line};

/// Lines at the bottom: a rule and two lines of question.
const ASK: u16 = 3;

/// Lines that the plan has in view.
pub(super) fn height(state: &State) -> u16 {
    layout::bands(state).body.height.saturating_sub(1 + ASK)
}

/// Parts of the text: lines that are made, and objects that are drawn only where they are in view.
enum Part<'a> {
    Lines(Vec<Line<'static>>),
    Objects(&'a Plan),
}

impl Part<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.len(),
            Self::Objects(plan) => plan.objects.len(),
        }
    }
}

fn parts<'a>(state: &State, screen: &'a PlanScreen, width: usize) -> Vec<Part<'a>> {
    let mut parts = vec![Part::Lines(lines::refusals(state, screen, width))];
    match &screen.subject {
        Subject::Moves { plans, resume } => {
            let alone = plans.len() == 1;
            for plan in plans {
                parts.push(Part::Lines(lines::plan(state, plan, alone, *resume, width)));
                parts.push(Part::Objects(plan));
            }
        }
        Subject::Repair(plan) => parts.push(Part::Lines(super::repair::lines(state, plan, width))),
        Subject::Drive { plan, retry } => {
            parts.push(Part::Lines(lines::drive(state, plan, retry.is_some(), width)));
        }
        Subject::Mark { .. } => {
            parts.push(Part::Lines(lines::quarantines(state, screen, width)));
        }
        Subject::Work(work) => parts.push(Part::Lines(runs::lines(state, work, width))),
    }
    parts
}

/// Lines in all.
pub(super) fn len(state: &State) -> u64 {
    let Some(Overlay::Plan(screen)) = &state.overlay else { return 0 };
    let width = usize::from(state.width);
    parts(state, screen, width).iter().map(|p| p.len() as u64).sum()
}

/// Draws the question into the body.
pub(in crate::console) fn draw(state: &State, screen: &PlanScreen, body: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(body.width);
    let totals = match &screen.subject {
        Subject::Work(work) => runs::totals(work, screen.objects()),
        Subject::Repair(plan) => {
            format!("{}, {}", words::plural(plan.after.rows, "row", "rows"), words::bytes(plan.bytes()))
        }
        Subject::Drive { plan, .. } if plan.tasks.is_empty() => String::new(),
        Subject::Drive { .. } => words::plural(screen.objects(), "task instance", "task instances"),
        _ => format!("{}, {}", words::plural(screen.objects(), "object", "objects"), words::bytes(screen.bytes())),
    };
    paint::rule(buffer, body, theme, &lines::title(screen), &totals);
    let height = body.height.saturating_sub(1 + ASK);
    let inside = Rect { y: body.y.saturating_add(1), height, ..body };
    let parts = parts(state, screen, width);
    let all: usize = parts.iter().map(Part::len).sum();
    let mut skip = usize::try_from(screen.top).unwrap_or(usize::MAX).min(all.saturating_sub(usize::from(height)));
    let end = skip.saturating_add(usize::from(height)).min(all);
    let more = all - end;
    let mut y = 0;
    for part in &parts {
        if skip >= part.len() {
            skip -= part.len();
            continue;
        }
        let room = usize::from(height.saturating_sub(y));
        let drawn: Vec<Line<'_>> = match part {
            Part::Lines(lines) => lines.iter().skip(skip).take(room).cloned().collect(),
            Part::Objects(plan) => {
                let objects = plan.objects.iter().skip(skip).take(room);
                objects.map(|o| lines::object(state, plan, o, width)).collect()
            }
        };
        skip = 0;
        for line in drawn {
            paint::line(buffer, inside, y, line);
            y = y.saturating_add(1);
        }
    }
    let ask = Rect { y: inside.y.saturating_add(height), height: ASK.min(body.height), ..body };
    let right = if more > 0 { format!("{} below", words::plural(more as u64, "line", "lines")) } else { String::new() };
    let title = if blocked(state, screen).is_some() { "Not now" } else { "Confirm" };
    paint::rule(buffer, ask, theme, title, &right);
    question(state, screen, ask, buffer);
}

fn question(state: &State, screen: &PlanScreen, ask: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(ask.width);
    if let Some(why) = blocked(state, screen) {
        let text = fit(&format!(" {} {why}", glyphs::BAD), width);
        paint::line(buffer, ask, 1, Span::styled(text, theme.style(Role::Critical)));
        let arm = matches!(state.protection, Protection::Protected { .. }) && why.contains(":arm");
        let keys = if arm { " : arms it   esc leaves all as it is" } else { " esc leaves all as it is" };
        paint::line(buffer, ask, 2, Span::styled(keys, theme.style(Role::Key)));
        return;
    }
    if screen.asks_yes() {
        let (no, sure) = if screen.yes { (Role::Text, Role::Selected) } else { (Role::Selected, Role::Text) };
        let (n, y) = if screen.yes { ("  No  ", "[ Yes ]") } else { ("[ No ]", "  Yes  ") };
        let spans = vec![
            Span::raw(match screen.subject {
                Subject::Work(PlannedWork::Run(..)) => " run it?   ",
                Subject::Work(_) => " begin?   ",
                Subject::Repair(_) => " write the repaired rows?   ",
                Subject::Drive { .. } => " do it?   ",
                Subject::Moves { .. } | Subject::Mark { .. } => " say so?   ",
            }),
            Span::styled(n, theme.style(no)),
            Span::raw("  "),
            Span::styled(y, theme.style(sure)),
            Span::styled("   y / n", theme.style(Role::Key)),
        ];
        return paint::line(buffer, ask, 1, spans);
    }
    let count = words::count(screen.objects());
    let prefix = screen.prefix().map(|p| format!(", or {},", middle(p, width / 2))).unwrap_or_default();
    let spans = vec![
        Span::raw(format!(" type {count}{prefix} and enter {}: ", purpose(&screen.subject))),
        Span::styled(one_line(&screen.input, width / 2), theme.style(Role::Title)),
        Span::styled(" ", theme.style(Role::Selected)),
    ];
    paint::line(buffer, ask, 1, spans);
    paint::line(buffer, ask, 2, Span::styled(" esc leaves all as it is", theme.style(Role::Key)));
}

fn purpose(subject: &Subject) -> &'static str {
    match subject {
        Subject::Moves { resume: true, .. } => "to finish the move",
        Subject::Moves { plans, .. } => match plans.first().map(|p| p.kind) {
            Some(MoveKind::Quarantine) => "to quarantine them",
            Some(MoveKind::Release) => "to put them back",
            Some(MoveKind::Archive) => "to archive them",
            Some(MoveKind::Undo) | None => "to take the move back",
        },
        Subject::Mark { .. } | Subject::Repair(_) | Subject::Drive { .. } | Subject::Work(_) => "",
    }
}
