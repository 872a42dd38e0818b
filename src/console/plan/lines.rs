//! A plan in words, taken from the very value that is carried out: what would be refused or lost comes first.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{PlanScreen, Subject};
use crate::console::paint::pad;
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::work::PlannedWork;
use crate::console::{glyphs, words};
use crate::model::backfill::BackfillPlan;
use crate::model::moves::{MoveKind, Plan, PlannedObject, Rank, Step};
use crate::model::redrive::RedrivePlan;
use crate::model::text::{middle, one_line};
use crate::model::work::Launch;
use crate::ops::Quarantine;

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
        Subject::Mark { of, step, .. } => capital(&format!("{} {}", step.word(), of_one(of))),
        Subject::Work(work) => capital(&of_work(work)),
    }
}

/// What work is called.
pub(super) fn of_work(work: &PlannedWork) -> String {
    match work {
        PlannedWork::Redrives(plans) => match plans.as_slice() {
            [plan] => {
                let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
                format!("redrive {}{date}", middle(plan.dataset.as_str(), 40))
            }
            several => format!("redrive {}", words::plural(several.len() as u64, "entry", "entries")),
        },
        PlannedWork::Backfill(plan) => {
            format!("backfill {} {} to {}", middle(plan.dataset.as_str(), 40), plan.from, plan.to)
        }
        PlannedWork::Run(ask, _) => {
            let date = ask.date.map(|d| format!(" for {d}")).unwrap_or_default();
            format!("run {}{date}", middle(&ask.job.0, 40))
        }
    }
}

/// What jobs would do: the command whole, what the ledger says, the days.
pub(super) fn work(state: &State, work: &PlannedWork, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    match work {
        PlannedWork::Redrives(plans) => {
            for plan in plans {
                if plans.len() > 1 {
                    let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
                    let title = format!("{}{date}", middle(plan.dataset.as_str(), 40));
                    facts.lines.push(section(state, &title, width));
                }
                redrive(&mut facts, plan);
            }
        }
        PlannedWork::Backfill(plan) => backfill(&mut facts, plan),
        PlannedWork::Run(ask, source) => {
            facts.add("job", &one_line(&ask.job.0, 200), Role::Title);
            for (name, value) in &ask.settings {
                facts.add("set", &one_line(&format!("{name}={value}"), 400), Role::Text);
            }
            command(&mut facts, &ask.command, source);
            facts.add("in", &one_line(&ask.folder.display().to_string(), 1200), Role::Text);
        }
    }
    facts.lines
}

/// A command, whole: a lake may have brought it along.
fn command(facts: &mut Facts<'_>, words: &[String], source: &str) {
    facts.add("runs", &one_line(&words.join(" "), 4000), Role::Text);
    facts.add("of", &one_line(source, 1200), Role::Text);
}

fn started(facts: &mut Facts<'_>, launch: Option<&Launch>) {
    match launch {
        Some(Launch::Command { words, source }) => command(facts, words, source),
        Some(launch) => facts.add("starts", &one_line(&launch.told(), 2000), Role::Text),
        None => {}
    }
}

fn refused(facts: &mut Facts<'_>, refusals: &[String]) {
    for why in refusals {
        facts.add(&format!("{} refused", glyphs::CRITICAL), &one_line(why, 1000), Role::Critical);
    }
}

fn redrive(facts: &mut Facts<'_>, plan: &RedrivePlan) {
    refused(facts, &plan.refused);
    let rows = plan.rows.map_or_else(|| "rows that are not counted".to_owned(), |n| words::plural(n, "row", "rows"));
    facts.add("again", &format!("{rows} of {}", one_line(&plan.entry, 1200)), Role::Title);
    if let Some(job) = &plan.job {
        facts.add("job", &one_line(&job.0, 200), Role::Text);
    }
    started(facts, plan.launch.as_ref());
    match &plan.data {
        Some(data) => facts.add("into", &one_line(data, 1200), Role::Text),
        None => facts.add("! into", "nobody knows where: without a data_prefix no effect is seen", Role::Warning),
    }
    facts.add("proof", "new rows in its partition; the ledger on the lake blocks a second time", Role::Text);
    for earlier in &plan.earlier {
        facts.add("! ledger", &one_line(&earlier.told(), 1000), Role::Warning);
    }
    if let Some(reason) = &plan.override_reason {
        facts.add("! override", &one_line(reason, 1000), Role::Warning);
    }
}

fn backfill(facts: &mut Facts<'_>, plan: &BackfillPlan) {
    refused(facts, &plan.refused);
    let runs = words::plural(plan.runs(), "day is run", "days are run");
    let skipped = plan.days.len() as u64 - plan.runs();
    let text = format!("{runs}, {} at once; {skipped} skipped", plan.parallel);
    facts.add("fills", &text, Role::Title);
    if let Some(job) = &plan.job {
        facts.add("job", &one_line(&job.0, 200), Role::Text);
    }
    if let Some(data) = &plan.data {
        facts.add("into", &one_line(data, 1200), Role::Text);
    }
    started(facts, plan.days.iter().find_map(|day| day.launch.as_ref()));
    facts.add("proof", "new rows in each day's partition, whatever its program says", Role::Text);
    for day in &plan.days {
        let (name, role) = if day.launch.is_some() { ("run", Role::Text) } else { ("skip", Role::Dim) };
        facts.add(name, &format!("{}  {}", day.date, one_line(&day.why, 300)), role);
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
struct Facts<'a> {
    state: &'a State,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Facts<'_> {
    fn add(&mut self, name: &str, value: &str, role: Role) {
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
    if let Subject::Moves { plans, .. } = &screen.subject {
        for refusal in plans.iter().flat_map(|p| &p.refused) {
            let (code, object) = (refusal.code.code(), one_line(&refusal.object, 600));
            let name = format!("{} refused", glyphs::CRITICAL);
            facts.add(&name, &format!("{code}  {object}: {}", one_line(&refusal.detail, 1000)), Role::Critical);
        }
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
        Subject::Moves { .. } | Subject::Work(_) => return facts.lines,
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

fn section(state: &State, title: &str, width: usize) -> Line<'static> {
    let style = state.theme.style(Role::Rule);
    let rest = width.saturating_sub(unicode_width::UnicodeWidthStr::width(title) + 4);
    Line::from(vec![
        Span::styled(glyphs::HORIZONTAL.repeat(2), style),
        Span::styled(format!(" {title} "), state.theme.style(Role::Title)),
        Span::styled(glyphs::HORIZONTAL.repeat(rest), style),
    ])
}
