//! What jobs would do, in words: the command whole, what the ledger says, the days. What is refused comes first.

use ratatui::text::Line;

use super::lines::{Facts, section};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::work::PlannedWork;
use crate::console::{glyphs, words};
use crate::model::backfill::BackfillPlan;
use crate::model::redrive::RedrivePlan;
use crate::model::text::{escape, middle, one_line};
use crate::model::work::Launch;
use crate::ops::RunAsk;

/// What it is called where there is little room: `run silver_orders 2026-11-25`.
pub(super) fn name(work: &PlannedWork) -> String {
    match work {
        PlannedWork::Redrives(plans) => match plans.as_slice() {
            [plan] => format!("redrive {}", entry(plan)),
            several => format!("redrive {}", words::plural(several.len() as u64, "entry", "entries")),
        },
        PlannedWork::Backfill(plan) => {
            format!("backfill {} {} to {}", middle(plan.dataset.as_str(), 40), plan.from, plan.to)
        }
        PlannedWork::Run(ask, _) => {
            let date = ask.date.map(|date| format!(" {date}")).unwrap_or_default();
            format!("run {}{date}", middle(&ask.job.0, 40))
        }
    }
}

fn entry(plan: &RedrivePlan) -> String {
    let date = plan.date.map(|d| format!(" {d}")).unwrap_or_default();
    format!("{}{date}", middle(plan.dataset.as_str(), 40))
}

/// How much it is, for the right of the title.
pub(super) fn totals(work: &PlannedWork, runs: u64) -> String {
    match work {
        PlannedWork::Run(..) => "a command of this machine".to_owned(),
        PlannedWork::Redrives(_) | PlannedWork::Backfill(_) => words::plural(runs, "run", "runs"),
    }
}

/// What was refused of it.
pub(super) fn refused(work: &PlannedWork) -> usize {
    match work {
        PlannedWork::Redrives(plans) => plans.iter().map(|p| p.refused.len()).sum(),
        PlannedWork::Backfill(plan) => plan.refused.len(),
        PlannedWork::Run(..) => 0,
    }
}

/// Whether rows were redriven already, and a reason is all that is missing.
pub(super) fn wants_reason(work: &PlannedWork) -> bool {
    let again = |p: &RedrivePlan| p.override_reason.is_none() && p.refused.len() == 1 && !p.earlier.is_empty();
    match work {
        PlannedWork::Redrives(plans) => {
            plans.iter().any(again) && plans.iter().all(|p| p.refused.is_empty() || again(p))
        }
        PlannedWork::Backfill(_) | PlannedWork::Run(..) => false,
    }
}

/// The text of it.
pub(super) fn lines(state: &State, work: &PlannedWork, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    match work {
        PlannedWork::Redrives(plans) => {
            for plan in plans {
                if plans.len() > 1 {
                    facts.lines.push(section(state, &entry(plan), width));
                }
                redrive(&mut facts, plan);
            }
        }
        PlannedWork::Backfill(plan) => backfill(&mut facts, plan),
        PlannedWork::Run(ask, source) => run(&mut facts, ask, source),
    }
    facts.lines
}

/// A command whole, word by word, for a lake may have brought it along: what a shell would make one of is told apart.
fn command(facts: &mut Facts<'_>, words: &[String], source: &str) {
    for (n, word) in words.iter().enumerate() {
        let name = if n == 0 { "program" } else { "argument" };
        // Escaped and never cut: it is read before it is run.
        facts.add(name, &escape(word), Role::Title);
    }
    facts.add("written", &format!("{}: whoever wrote that wrote the command", escape(source)), Role::Text);
}

fn run(facts: &mut Facts<'_>, ask: &RunAsk, source: &str) {
    command(facts, &ask.command, source);
    for (name, value) in &ask.settings {
        facts.add("set", &escape(&format!("{name}={value}")), Role::Title);
    }
    facts.add("in", &escape(&ask.folder.display().to_string()), Role::Text);
    let date = ask.date.map_or_else(|| "none".to_owned(), |date| date.to_string());
    facts.add("date", &date, Role::Text);
    facts.add("undo", "no: what it does is its own", Role::Warning);
    facts.add("kept", "its record and log, below _jobs/; tab 4 shows them", Role::Text);
}

fn started(facts: &mut Facts<'_>, launch: Option<&Launch>) {
    match launch {
        Some(Launch::Command { words, source }) => command(facts, words, source),
        Some(launch) => facts.add("starts", &one_line(&launch.told(), 2000), Role::Text),
        None => {}
    }
}

fn refusals(facts: &mut Facts<'_>, refusals: &[String]) {
    for why in refusals {
        facts.add(&format!("{} refused", glyphs::CRITICAL), &one_line(why, 1000), Role::Critical);
    }
}

fn redrive(facts: &mut Facts<'_>, plan: &RedrivePlan) {
    refusals(facts, &plan.refused);
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
    refusals(facts, &plan.refused);
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
