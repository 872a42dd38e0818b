//! A repair in words: what happens to the columns, what that does to the rows, what still fails and why. Rows are named
//! by number; no value of theirs is shown.

use ratatui::text::Line;

use super::lines::{Facts, section};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::words;
use crate::model::contract::{EvolutionStep, Finding, FindingStatus};
use crate::model::text::{middle, one_line, thousands};
use crate::ops::RepairPlan;

/// What it is called where there is little room.
pub(super) fn name(plan: &RepairPlan) -> String {
    format!("repair {}", middle(plan.dataset.as_str(), 40))
}

/// The plan.
pub(super) fn lines(state: &State, plan: &RepairPlan, width: usize) -> Vec<Line<'static>> {
    let mut facts = Facts { state, width, lines: Vec::new() };
    let (before, after) = (&plan.before, &plan.after);
    let gained = words::plural(plan.gained(), "row", "rows");
    facts.add("repairs", &format!("{gained} of {} that fail now", thousands(before.failing)), Role::Title);
    let sums = |passed, failing| format!("{} pass, {} fail", thousands(passed), thousands(failing));
    facts.add("rows now", &sums(before.passed, before.failing), Role::Text);
    facts.add("after", &sums(after.passed, after.failing), Role::Text);
    facts.add("from", &format!("{}  stays as it is", one_line(&plan.source, 1200)), Role::Text);
    facts.add("to", &one_line(&plan.target, 1200), Role::Text);
    facts.add("contract", &one_line(&plan.contract, 600), Role::Text);
    facts.lines.push(section(state, "Evolution", width));
    let shown = |step: EvolutionStep| step.is_change() || step == EvolutionStep::Unfit;
    for column in plan.evolution.columns.iter().filter(|c| shown(c.step)) {
        let name = middle(&column.name, 32);
        let text = match (&column.from, column.step) {
            (_, EvolutionStep::NullDefault) => format!("{name}  null, as {}", one_line(&column.to, 80)),
            (Some(_), EvolutionStep::Technical) => format!("{name}  is no part of the repaired row"),
            (from, _) => {
                let from = one_line(from.as_deref().unwrap_or("nothing"), 80);
                format!("{name}  {from} → {}", one_line(&column.to, 80))
            }
        };
        let role = if column.step == EvolutionStep::Unfit { Role::Critical } else { Role::Text };
        let word = if column.step == EvolutionStep::NullDefault { "add null" } else { column.step.word() };
        facts.add(word, &text, role);
    }
    if !plan.evolution.columns.iter().any(|c| shown(c.step)) {
        facts.add("columns", "none changes", Role::Text);
    }
    facts.lines.push(section(state, "What still fails", width));
    for check in after.failed() {
        facts.add(&thousands(check.failed), &failed(check), Role::Warning);
    }
    if after.failing == 0 {
        facts.add("nothing", "every row passes what could be evaluated", Role::Text);
    }
    for check in after.not_evaluated() {
        let why = one_line(check.why.as_deref().unwrap_or_default(), 400);
        facts.add("! unknown", &format!("{}: not evaluated: {why}", one_line(&check.check, 80)), Role::Warning);
    }
    let passed = after.checks.iter().filter(|c| c.status == FindingStatus::Pass).count() as u64;
    facts.add("passes", &words::plural(passed, "check", "checks"), Role::Text);
    facts.lines
}

fn failed(check: &Finding) -> String {
    let numbers: Vec<String> = check.rows.iter().map(|n| format!("#{}", thousands(*n))).collect();
    let more = if check.failed > check.rows.len() as u64 { ", …" } else { "" };
    format!("{}: {}  rows {}{more}", one_line(&check.check, 80), one_line(&check.wants, 200), numbers.join(", "))
}
