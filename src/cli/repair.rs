//! `dlq check` and `dlq repair`: the contract's rules over rejected rows, and the rows that an evolution makes fit them.
//! Rows are named by number alone: no value of theirs is shown.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::Repair;
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, size, thousands};
use super::target::Target;
use super::writes;
use crate::model::contract::{EvolutionStep, Finding, FindingStatus, Findings};
use crate::model::text::escape;
use crate::ops::{Outcome, RepairPlan, RowProgress, Session};

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(250);

/// Evaluates the rules.
pub async fn check(session: &Session, target: &str, as_json: bool) -> Result<Answer, CliError> {
    let Target(path) = Target::parse(target, &session.settings().prefixes, session.lake().url())?;
    let found = session.check_rows(&path, progress()).await;
    done();
    let found = found?;
    let exit = if found.findings.is_fine() { Exit::Fine } else { Exit::NotFine };
    let text = if as_json {
        let mut tree = json!({ "contract": found.contract });
        if let (Some(tree), serde_json::Value::Object(fields)) = (tree.as_object_mut(), output::tree(&found.findings)?)
        {
            tree.extend(fields);
        }
        output::json(&tree)?
    } else {
        format!("{}{}; contract {}\n", findings(&found.findings), sums(&found.findings), escape(&found.contract))
    };
    Ok(Answer { text, notes: Vec::new(), exit })
}

/// Plans a repair, shows its effect, and writes it if that is confirmed.
pub async fn run(session: &Session, args: &Repair, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let Target(path) = Target::parse(&args.target, &session.settings().prefixes, session.lake().url())?;
    // The gate's commands are left to end at a boundary; until it writes, a repair may be given up at once.
    let plan = tokio::select! {
        plan = session.plan_repair(&path, args.even_incomplete, now, progress()) => plan,
        _ = tokio::signal::ctrl_c() => { done(); return Err(CliError::Interrupted) }
    };
    done();
    let plan = plan?;
    let asked = summary(&plan);
    let dry_run = args.writing.dry_run;
    if dry_run {
        // What was planned is shown whatever the gate says to it.
        output::print(&if as_json { output::json(&plan)? } else { asked.clone() })?;
    }
    let (after, gained) = (plan.after.clone(), plan.gained());
    let outcome = writes::repair(session, plan, &asked, &args.writing).await?;
    let exit = if outcome.needs_operator { Exit::NotFine } else { Exit::Fine };
    let text = match (as_json, dry_run) {
        (true, true) => String::new(),
        (true, false) => output::json(&json!({
            "id": outcome.id, "path": outcome.path, "objects": outcome.objects, "bytes": outcome.bytes,
            "rows": after.rows, "passed": after.passed, "failing": after.failing, "gained": gained,
            "notes": outcome.notes, "needs_operator": outcome.needs_operator,
        }))?,
        (false, _) => told(&outcome, dry_run),
    };
    Ok(Answer { text, notes: Vec::new(), exit })
}

fn told(outcome: &Outcome, dry_run: bool) -> String {
    let path = outcome.path.as_deref().map(escape).unwrap_or_default();
    let done = if dry_run { "would write" } else { "wrote" };
    let mut text = format!("repair: {done} {} objects to {path}\n", thousands(outcome.objects));
    for note in &outcome.notes {
        let _ = writeln!(text, "note: {}", escape(note));
    }
    text
}

/// What is asked before it is done: the evolution, its effect, where it is written.
fn summary(plan: &RepairPlan) -> String {
    let date = plan.date.map_or_else(|| "-".to_owned(), |d| d.to_string());
    let mut text = format!("repair {} {date}\n", escape(plan.dataset.as_str()));
    let _ = writeln!(text, "  from     {} ({}), which stays as it is", escape(&plan.source), size(plan.bytes()));
    let _ = writeln!(text, "  to       {}", escape(&plan.target));
    let _ = writeln!(text, "  contract {}", escape(&plan.contract));
    let mut table =
        Table::new(&[("column", Side::Left), ("data", Side::Left), ("contract", Side::Left), ("step", Side::Left)]);
    let shown = plan.evolution.columns.iter().filter(|c| c.step.is_change() || c.step == EvolutionStep::Unfit);
    let rows: Vec<_> = shown.collect();
    for c in &rows {
        table.row([c.name.as_str(), c.from.as_deref().unwrap_or("-"), &c.to, c.step.word()]);
    }
    text.push_str(&if rows.is_empty() { "no column changes\n".to_owned() } else { table.render() });
    let _ = writeln!(text, "now:   {}", sums(&plan.before));
    let _ = writeln!(text, "after: {}", sums(&plan.after));
    text.push_str(&findings(&plan.after));
    for refusal in &plan.refused {
        let _ = writeln!(text, "  refused  {}", escape(&refusal.to_string()));
    }
    text
}

fn sums(of: &Findings) -> String {
    format!("{} rows, {} pass, {} fail", thousands(of.rows), thousands(of.passed), thousands(of.failing),)
}

/// The checks, those that fail first.
fn findings(of: &Findings) -> String {
    if of.checks.is_empty() {
        return "the contract has no rules\n".to_owned();
    }
    let mut table = Table::new(&[
        ("verdict", Side::Left),
        ("failed", Side::Right),
        ("check", Side::Left),
        ("wants", Side::Left),
        ("rows", Side::Left),
    ]);
    let rest = of.checks.iter().filter(|c| c.status != FindingStatus::Fail);
    for c in of.failed().into_iter().chain(rest) {
        table.row([c.status.word(), &thousands(c.failed), &c.check, &c.wants, &rows(c)]);
    }
    table.render()
}

/// The first rows that fail, or why nobody knows.
fn rows(of: &Finding) -> String {
    if let Some(why) = &of.why {
        return why.clone();
    }
    let numbers: Vec<String> = of.rows.iter().map(|n| thousands(*n)).collect();
    let more = if of.failed > numbers.len() as u64 { ", …" } else { "" };
    if numbers.is_empty() { "-".to_owned() } else { format!("#{}{more}", numbers.join(", #")) }
}

fn progress() -> RowProgress {
    if !io::stderr().is_terminal() {
        return Arc::new(|_, _| {});
    }
    let last = Mutex::new(Instant::now());
    Arc::new(move |rows, all| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= PROGRESS {
            *last = Instant::now();
            let of = all.map(|all| format!("/{}", thousands(all))).unwrap_or_default();
            let _ = write!(io::stderr().lock(), "\r\x1b[Kchecking {}{of} rows", thousands(rows));
        }
    })
}

fn done() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}
