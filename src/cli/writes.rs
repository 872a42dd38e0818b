//! What every writing command does: confirm, pass the gate, show how far it is, tell how it ended. A Ctrl-C stops a
//! move at the next boundary that its journal knows; a second one leaves at once.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Duration as Length;
use serde_json::{Value, json};

use super::args::Writing;
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{size, thousands};
use crate::model::incident::IncidentId;
use crate::model::moves::Plan;
use crate::model::protection::{Confirmation, Level};
use crate::model::text::escape;
use crate::model::work::WorkProgress;
use crate::ops::gate::{Gate, level_of, level_of_repair};
use crate::ops::notify::AT_THE_END;
use crate::ops::{GateError, MoveProgress, Outcome, RepairPlan, Session, Watch, WriteEffect};

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(250);
/// How long one command is armed for.
const ARMED: Length = Length::hours(8);

/// The gate of a session.
pub fn gate(session: &Session) -> Result<&Arc<Gate>, CliError> {
    session.gate().ok_or_else(|| CliError::Failed {
        message: "there is no place for the journal of writes, so nothing is written".into(),
        hint: Some("set HOME or XDG_STATE_HOME".into()),
    })
}

/// Applies plans, one after the other, after one confirmation of them all.
pub async fn apply(session: &Session, plans: Vec<Plan>, writing: &Writing, as_json: bool) -> Result<Answer, CliError> {
    let gate = gate(session)?;
    refused_at_once(gate, &plans, writing).await?;
    let objects = plans.iter().map(|p| level_of(p).objects).sum();
    let asked = plans.iter().map(summary).collect::<String>();
    let one = |plan: &Plan| level_of(plan).removes_from.filter(|_| plans.len() == 1);
    let level = Level { objects, removes_from: plans.first().and_then(one).or_else(|| Some(String::new())) };
    if !writing.dry_run {
        confirmed(&level, &asked, writing.confirm).await?;
    } else if writing.confirm.is_some_and(|n| n != objects) {
        return Err(GateError::Unconfirmed(level).into());
    }
    let mut outcomes = Vec::new();
    for plan in plans {
        let confirmation = Some(Confirmation::Count(plan.objects.len() as u64));
        let effect = WriteEffect::Move(Box::new(plan));
        match perform(gate, effect, confirmation, writing).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) if outcomes.is_empty() => return Err(error),
            Err(error) => {
                // What was done before it is said as well.
                let answer = told(gate, &outcomes, writing, as_json).await?;
                output::print(&answer.text)?;
                return Err(error);
            }
        }
    }
    told(gate, &outcomes, writing, as_json).await
}

/// Does a write that asks for a yes.
pub async fn mark(
    session: &Session,
    effect: WriteEffect,
    objects: u64,
    asked: &str,
    writing: &Writing,
    as_json: bool,
) -> Result<Answer, CliError> {
    let gate = gate(session)?;
    arm(gate, writing).await?;
    let level = Level { objects, removes_from: None };
    if !writing.dry_run {
        confirmed(&level, asked, writing.confirm).await?;
    }
    let outcome = perform(gate, effect, Some(Confirmation::Count(objects)), writing).await?;
    told(gate, &[outcome], writing, as_json).await
}

/// Repairs an entry as planned; a yes is enough, since nothing is removed.
pub async fn repair(session: &Session, plan: RepairPlan, asked: &str, writing: &Writing) -> Result<Outcome, CliError> {
    let gate = gate(session)?;
    arm(gate, writing).await?;
    gate.protection().allows(chrono::Utc::now()).map_err(GateError::Locked)?;
    if !plan.refused.is_empty() {
        return Err(GateError::Refused(plan.refused).into());
    }
    let level = level_of_repair(&plan);
    if !writing.dry_run {
        confirmed(&level, asked, writing.confirm).await?;
    } else if writing.confirm.is_some_and(|n| n != level.objects) {
        return Err(GateError::Unconfirmed(level).into());
    }
    let effect = WriteEffect::Repair(Box::new(plan));
    perform(gate, effect, Some(Confirmation::Count(level.objects)), writing).await
}

/// Finishes moves that were confirmed when they began.
pub async fn resume(
    session: &Session,
    ids: Vec<crate::model::moves::MoveId>,
    writing: &Writing,
    as_json: bool,
) -> Result<Answer, CliError> {
    let gate = gate(session)?;
    arm(gate, writing).await?;
    let mut outcomes = Vec::new();
    let mut failed = None;
    for id in ids {
        match perform(gate, WriteEffect::Resume(id), Some(Confirmation::Yes), writing).await {
            Ok(outcome) => outcomes.push(outcome),
            // One that cannot be finished keeps no other from it.
            Err(error) => {
                output::complain(&error.lines());
                failed = Some(error);
            }
        }
    }
    let answer = told(gate, &outcomes, writing, as_json).await?;
    match failed {
        Some(error) if outcomes.is_empty() => Err(error),
        Some(error) => Ok(answer.ending(error.exit())),
        None => Ok(answer),
    }
}

/// What would be refused anyway is refused before anyone is asked.
async fn refused_at_once(gate: &Gate, plans: &[Plan], writing: &Writing) -> Result<(), CliError> {
    arm(gate, writing).await?;
    gate.protection().allows(chrono::Utc::now()).map_err(GateError::Locked)?;
    match plans
        .iter()
        .flat_map(|p| p.refused.iter().chain(&p.faults()).cloned().collect::<Vec<_>>())
        .collect::<Vec<_>>()
    {
        refused if refused.is_empty() => Ok(()),
        refused => Err(GateError::Refused(refused).into()),
    }
}

pub(super) async fn arm(gate: &Gate, writing: &Writing) -> Result<(), CliError> {
    let Some(reason) = &writing.arm else { return Ok(()) };
    if gate.protection() == crate::model::protection::Protection::Open {
        return Ok(());
    }
    let effect = WriteEffect::Arm { length: ARMED, reason: reason.clone() };
    match writing.dry_run {
        true => gate.rehearse(effect, None).await?,
        false => gate.perform(effect, None, &Watch::default()).await?,
    };
    Ok(())
}

pub(super) async fn perform(
    gate: &Gate,
    effect: WriteEffect,
    confirmation: Option<Confirmation>,
    writing: &Writing,
) -> Result<Outcome, CliError> {
    performed(gate, effect, confirmation, writing, progress()).await
}

/// Does it, or rehearses it, followed by a watch of the caller's.
pub async fn performed(
    gate: &Gate,
    effect: WriteEffect,
    confirmation: Option<Confirmation>,
    writing: &Writing,
    watch: Watch,
) -> Result<Outcome, CliError> {
    if let Some(id) = &writing.incident {
        gate.join_named(&IncidentId(id.as_str().into())).await?;
    }
    if writing.dry_run {
        return Ok(gate.rehearse(effect, confirmation).await?);
    }
    let work = gate.perform(effect, confirmation, &watch);
    tokio::pin!(work);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            () = asked_to_end() => {
                if watch.is_stopped() {
                    return Err(CliError::Interrupted);
                }
                output::complain(&["lakeward: stopping at the next boundary; once more to leave at once".to_owned()]);
                watch.stop();
            }
        }
    };
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
    Ok(ended?)
}

/// Ctrl-C, or a signal that would end the program amid its work.
pub(super) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut hup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
        _ = hup.recv() => {}
    }
}

/// One line on a terminal, drawn over itself; nothing elsewhere.
fn progress() -> Watch {
    if !io::stderr().is_terminal() {
        return Watch::default();
    }
    let (begun, last) = (Instant::now(), AtomicU64::new(0));
    Watch::telling(move |p: MoveProgress| {
        let at = begun.elapsed().as_millis() as u64;
        if at < last.load(Ordering::Relaxed) + PROGRESS.as_millis() as u64 && p.objects.0 < p.objects.1 {
            return;
        }
        last.store(at, Ordering::Relaxed);
        let left = p.left.map(|l| format!("  left {} s", l.as_secs())).unwrap_or_default();
        let throttled = if p.throttled { "  throttled" } else { "" };
        let _ = write!(
            io::stderr().lock(),
            "\r\x1b[K{} {}/{}  {} of {}{left}{throttled}",
            p.phase.word(),
            thousands(p.objects.0),
            thousands(p.objects.1),
            size(p.bytes.0),
            size(p.bytes.1),
        );
    })
}

/// The same of work that jobs do.
pub fn following() -> Watch {
    if !io::stderr().is_terminal() {
        return Watch::default();
    }
    Watch::following(|p: WorkProgress| {
        let failed = if p.failed > 0 { format!("  {} failed", thousands(p.failed)) } else { String::new() };
        let _ = write!(
            io::stderr().lock(),
            "\r\x1b[K{}  {}/{}{failed}  {} running  {}",
            escape(&p.title),
            thousands(p.done),
            thousands(p.all),
            p.running,
            escape(&p.now),
        );
    })
}

/// Asks on a terminal; without one, the number must have been given.
pub async fn confirmed(level: &Level, asked: &str, given: Option<u64>) -> Result<(), CliError> {
    let unconfirmed = || GateError::Unconfirmed(level.clone()).into();
    if let Some(n) = given {
        return if n == level.objects { Ok(()) } else { Err(unconfirmed()) };
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(unconfirmed());
    }
    let question = match &level.removes_from {
        Some(prefix) if !prefix.is_empty() => format!("type {} or {} to go on: ", level.objects, escape(prefix)),
        Some(_) => format!("type {} to go on: ", level.objects),
        None => "yes or no [no]: ".to_owned(),
    };
    let _ = write!(io::stderr().lock(), "{asked}{question}");
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = line.await.ok().and_then(Result::ok).unwrap_or_default();
    let typed = line.trim();
    let confirmation = match (&level.removes_from, typed.parse()) {
        (_, Ok(n)) => Some(Confirmation::Count(n)),
        (Some(_), Err(_)) if !typed.is_empty() => Some(Confirmation::Prefix(typed.to_owned())),
        (None, Err(_)) if typed.eq_ignore_ascii_case("yes") || typed.eq_ignore_ascii_case("y") => {
            Some(Confirmation::Yes)
        }
        _ => None,
    };
    if level.is_met(confirmation.as_ref()) { Ok(()) } else { Err(unconfirmed()) }
}

/// A plan in a few lines: what is asked before it is applied.
pub fn summary(plan: &Plan) -> String {
    let mut text = format!(
        "{} {} {}\n  moves    {} objects, {}\n  from     {}\n  to       {}\n  reason   {}\n",
        plan.kind.word(),
        escape(plan.dataset.as_str()),
        plan.date.map_or_else(|| "-".to_owned(), |d| d.to_string()),
        thousands(plan.totals.objects),
        size(plan.totals.bytes),
        escape(&plan.source),
        escape(&plan.target),
        plan.reason,
    );
    for change in &plan.changes {
        text.push_str(&format!("  changes  {}: {}\n", escape(&change.what), escape(&change.detail)));
    }
    for refusal in &plan.refused {
        text.push_str(&format!("  refused  {}\n", escape(&refusal.to_string())));
    }
    text
}

/// What was done, and whether people were told of it.
pub(super) async fn told(
    gate: &Gate,
    outcomes: &[Outcome],
    writing: &Writing,
    as_json: bool,
) -> Result<Answer, CliError> {
    let mut notes = Vec::new();
    if let Some(notifying) = gate.notifying().filter(|_| !writing.dry_run) {
        let untold = notifying.settle(AT_THE_END).await.into_iter().filter_map(|s| s.untold());
        notes.extend(untold.map(|line| format!("lakeward: {line}")));
    }
    let exit = if outcomes.iter().any(|o| o.needs_operator) { Exit::NotFine } else { Exit::Fine };
    if as_json {
        let all: Vec<Value> = outcomes.iter().map(|o| value(o, writing.dry_run)).collect();
        let text = match all.as_slice() {
            [one] => output::json(one)?,
            all => output::json(&all)?,
        };
        return Ok(Answer { text, notes, exit });
    }
    let text = outcomes.iter().map(|o| sentence(o, writing.dry_run)).collect();
    Ok(Answer { text, notes, exit })
}

fn value(o: &Outcome, dry_run: bool) -> Value {
    json!({
        "id": o.id, "kind": o.kind, "objects": o.objects, "bytes": o.bytes, "path": o.path,
        "act": o.act, "run": o.run, "notes": o.notes, "needs_operator": o.needs_operator, "dry_run": dry_run,
    })
}

fn sentence(o: &Outcome, dry_run: bool) -> String {
    let mut text = String::new();
    if let Some(kind) = o.kind {
        let path = o.path.as_deref().map(|p| format!(" to {}", escape(p))).unwrap_or_default();
        let id = o.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let done = if dry_run { "would move" } else { "moved and proven" };
        text = format!("{}: {done} {} objects, {}{path}{id}\n", kind.word(), thousands(o.objects), size(o.bytes));
    }
    for note in &o.notes {
        text.push_str(&format!("note: {}\n", escape(note)));
    }
    text
}
