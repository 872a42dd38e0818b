//! A plan in words, taken from the very value that is carried out: what would be refused or lost comes first.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{PlanScreen, Subject};
use crate::console::paint::pad;
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{driving, glyphs, words};
use crate::model::moves::{MoveKind, Plan, PlannedObject, Rank, Step};
use crate::model::text::{middle, one_line};
use crate::ops::{DrivePlan, Quarantine};

/// What a plan is called where there is little room: `quarantine crm/contacts`.
pub(super) fn name(plan: &Plan, resume: bool) -> String {
    let resume = if resume { "resume " } else { "" };
    format!("{resume}{} {}", plan.kind.word(), middle(plan.dataset.as_str(), 40))
}

/// The title over the question.
pub(super) fn title(screen: &PlanScreen) -> String {
    let of_one = |q: &[std::sync::Arc<Quarantine>]| match q {
        [q] => one(q),
        several => words::plural(several.len() as u64, "quarantine", "quarantines"),
    };
    match &screen.subject {
        Subject::Moves { plans, resume } => match plans.as_slice() {
            [plan] => {
                let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
                capital(&format!("{}{date}", name(plan, *resume)))
            }
            several => {
                let kind = if *resume { "resume" } else { several.first().map_or("", |p| p.kind.word()) };
                capital(&format!("{kind}, {}", words::plural(several.len() as u64, "plan", "plans")))
            }
        },
        Subject::Drive { plan, .. } => capital(&one_line(&plan.title, 200)),
        Subject::Mark { of, step, .. } => capital(&format!("{} {}", step.word(), of_one(of))),
        Subject::Repair(plan) => {
            let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
            capital(&format!("{}{date}", super::repair::name(plan)))
        }
        Subject::Work(work) => capital(&super::runs::name(work)),
    }
}

fn one(q: &Quarantine) -> String {
    let date = q.date.map(|d| format!(" {d}")).unwrap_or_default();
    format!("{}{date}", middle(q.dataset.as_str(), 40))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| format!("{}{}", c.to_uppercase(), chars.as_str())).unwrap_or_default()
}

/// Collects lines of a name and a value; long values wrap.
pub(super) struct Facts<'a> {
    pub(super) state: &'a State,
    pub(super) width: usize,
    pub(super) lines: Vec<Line<'static>>,
}

impl Facts<'_> {
    pub(super) fn add(&mut self, name: &str, value: &str, role: Role) {
        let style: Style = self.state.theme.style(role);
        for (i, part) in words::wrap(value, self.width.saturating_sub(12)).into_iter().enumerate() {
            let name = if i == 0 { pad(name, 10, false) } else { " ".repeat(10) };
            // What is refused is refused in its name, too.
            let named = if role == Role::Text { Role::Dim } else { role };
            let name = Span::styled(format!(" {name}"), self.state.theme.style(named));
            self.lines.push(Line::from(vec![name, Span::styled(part, style)]));
        }
    }
}

/// What stands over everything else: the refusals of all plans.
pub(super) fn refusals(state: &State, screen: &PlanScreen, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    for refusal in screen.refusals() {
        let (code, object) = (refusal.code.code(), one_line(&refusal.object, 600));
        let name = format!("{} refused", glyphs::CRITICAL);
        facts.add(&name, &format!("{code}  {object}: {}", one_line(&refusal.detail, 1000)), Role::Critical);
    }
    if let Subject::Drive { plan, .. } = &screen.subject {
        for why in &plan.refused {
            facts.add(&format!("{} refused", glyphs::CRITICAL), &one_line(why, 1000), Role::Critical);
        }
    }
    facts.lines
}

/// An act on a job or a DAG: what differs first, since that is what is asked about.
pub(super) fn drive(state: &State, plan: &DrivePlan, retry: bool, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    for change in &plan.changes {
        let before = change.before.as_deref().unwrap_or("(unset)");
        let text = format!("{} {before} -> {}", change.name, change.after);
        facts.add("differs", &one_line(&text, 2000), Role::Accent);
    }
    for (name, value) in &plan.fields {
        facts.add(name, &one_line(value, 2000), Role::Text);
    }
    if retry {
        facts.add("again", "if it fails, as the retry policy says; this console carries it on", Role::Text);
    }
    for one in &plan.tasks {
        let index = one.task.map_index.map(|i| format!("[{i}]")).unwrap_or_default();
        let text = format!("{}{index}  {}", one_line(&one.task.task, 200), driving::state_word(one.state));
        facts.add("clears", &text, Role::Text);
    }
    for note in &plan.notes {
        facts.add("! note", &one_line(note, 1000), Role::Warning);
    }
    facts.lines
}

/// A plan without its objects.
pub(super) fn plan(state: &State, plan: &Plan, alone: bool, resume: bool, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    if !alone {
        let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
        facts.lines.push(section(state, &format!("{}{date}", name(plan, resume)), width));
    }
    if resume {
        let text = "what is left of this move: each object lies under its old or its new key, and none is lost";
        facts.add("resumes", text, Role::Accent);
    }
    let rows = plan.totals.rows.map(|n| format!(", {}", words::plural(n, "row", "rows"))).unwrap_or_default();
    let objects = words::plural(plan.objects.len() as u64, "object", "objects");
    facts.add("moves", &format!("{objects}, {}{rows}", words::bytes(plan.totals.bytes)), Role::Title);
    let note = plan.note.as_deref().map(|n| format!(": {}", one_line(n, 1000))).unwrap_or_default();
    facts.add("reason", &format!("{}{note}", one_line(plan.reason.as_str(), 64)), Role::Text);
    facts.add("from", &one_line(&plan.source, 1200), Role::Text);
    facts.add("to", &one_line(&plan.target, 1200), Role::Text);
    if plan.even_incomplete {
        facts.add("! unsafe", "it is moved although it may still be being written", Role::Warning);
    }
    facts.add("proof", "every object by full checksum before anything is deleted", Role::Text);
    facts.add("undo", undo(plan.kind), Role::Text);
    if let Some(class) = &plan.storage_class {
        facts.add("class", &one_line(class, 80), Role::Text);
    }
    if let Some(until) = plan.retain_until {
        facts.add("kept", &format!("undeletable until {}", words::absolute(until)), Role::Warning);
    }
    facts.add("tells", &tells(state), Role::Text);
    for prefix in &plan.apart {
        facts.add("stays", &format!("{}  belongs to another", one_line(prefix, 600)), Role::Text);
    }
    if plan.refused.is_empty() {
        facts.add("refused", "nothing", Role::Text);
    }
    if plan.changes.is_empty() {
        facts.add("changes", "nothing: metadata, tags, encryption and storage class are kept", Role::Text);
    }
    for change in &plan.changes {
        let text = format!("{}: {}", one_line(&change.what, 40), one_line(&change.detail, 600));
        facts.add("! changes", &text, Role::Warning);
    }
    facts.lines
}

fn undo(kind: MoveKind) -> &'static str {
    match kind {
        MoveKind::Quarantine => "until the pipeline writes there again",
        MoveKind::Release => "as long as the pipeline leaves the objects there",
        MoveKind::Archive => "until a retention holds them",
        MoveKind::Undo => "no; plan the move anew",
    }
}

fn tells(state: &State) -> String {
    let names: Vec<String> = state.settings.notifiers.iter().map(|n| one_line(n, 60)).collect();
    if names.is_empty() { "nobody: no notifier is configured".into() } else { names.join(", ") }
}

/// One object: its name below the prefix, size, tag, and where it goes.
pub(super) fn object<'a>(state: &State, plan: &Plan, object: &PlannedObject, width: usize) -> Line<'a> {
    let name = (width * 2 / 7).clamp(16, 48);
    let below = object.key.strip_prefix(&plan.source).unwrap_or(&object.key);
    let order = match object.rank {
        Rank::Marker => "last in, first out  ",
        Rank::Log => "after the data  ",
        Rank::Data | Rank::Reasons => "",
    };
    let there = if object.already.is_some() { " (there already)" } else { "" };
    let start = format!(
        "   {} {}  {}  ",
        pad(&middle(below, name), name, false),
        pad(&words::bytes(object.size), 9, true),
        pad(&words::short_tag(&object.etag), 8, false),
    );
    let room = width.saturating_sub(start.chars().count() + order.len() + 2 + there.len());
    Line::from(vec![
        Span::raw(start),
        Span::styled(order, state.theme.style(Role::Accent)),
        Span::styled(format!("→ {}{there}", middle(&object.target, room)), state.theme.style(Role::Dim)),
    ])
}

/// What is said of quarantines that are marked.
pub(super) fn quarantines(state: &State, screen: &PlanScreen, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    let of = match &screen.subject {
        Subject::Moves { .. } | Subject::Work(_) | Subject::Repair(_) | Subject::Drive { .. } => return facts.lines,
        Subject::Mark { of, step, note } => {
            let what = match step {
                Step::Investigate => "somebody looks for the cause; no object moves",
                _ => "the cause is dealt with; no object moves",
            };
            facts.add("says", what, Role::Text);
            let note = note.as_deref().map(|n| one_line(n, 1000)).unwrap_or_else(|| "none".into());
            facts.add("note", &note, Role::Text);
            of
        }
    };
    for q in of {
        facts.lines.push(section(state, &one(q), width));
        facts.add("state", q.state.word(), Role::Text);
        let objects = words::plural(q.objects, "object", "objects");
        facts.add("holds", &format!("{objects}, {}", words::bytes(q.bytes)), Role::Text);
        facts.add("from", &one_line(&q.source, 1200), Role::Text);
        facts.add("lies in", &one_line(&q.path, 1200), Role::Text);
        if let Some(id) = &q.unfinished {
            facts.add("move", &one_line(&id.0, 80), Role::Text);
        }
    }
    facts.lines
}

pub(super) fn section(state: &State, title: &str, width: usize) -> Line<'static> {
    let style = state.theme.style(Role::Rule);
    let rest = width.saturating_sub(unicode_width::UnicodeWidthStr::width(title) + 4);
    Line::from(vec![
        Span::styled(glyphs::HORIZONTAL.repeat(2), style),
        Span::styled(format!(" {title} "), state.theme.style(Role::Title)),
        Span::styled(glyphs::HORIZONTAL.repeat(rest), style),
    ])
}
