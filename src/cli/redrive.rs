//! `dlq redrive`: the plan is shown whole, then carried out or rehearsed; one that was interrupted is gone on with.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::args::Writing;
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::writes;
use crate::model::protection::{Confirmation, Level};
use crate::model::redrive::{RedrivePlan, RedriveRecord};
use crate::model::text::escape;
use crate::model::work::Launch;
use crate::ops::gate::Gate;
use crate::ops::{GateError, Outcome, Session, WorkRef, WriteEffect};

/// Runs the command.
pub async fn run(
    session: &Session,
    target: &str,
    reason: Option<String>,
    writing: &Writing,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let gate = writes::gate(session)?;
    let plan = session.plan_redrive(target, reason, now).await?;
    writes::arm(gate, writing).await?;
    gate.protection().allows(Utc::now()).map_err(GateError::Locked)?;
    let unfinished = interrupted(gate, session, &plan).await;
    if let (Some(why), None) = (plan.refused.first(), &unfinished) {
        let hint = match plan.earlier.is_empty() {
            true => "lakeward dlq show TARGET tells more".to_owned(),
            false => "--override REASON does it all the same; lakeward dlq show TARGET tells of the ledger".to_owned(),
        };
        return Err(GateError::Blocked { why: why.clone(), hint }.into());
    }
    let asked = match &unfinished {
        Some(_) => format!("{}goes on with what was interrupted\n", summary(&plan)),
        None => summary(&plan),
    };
    if !writing.dry_run {
        if writing.confirm.is_some() {
            // Confirmed beforehand, and shown whole all the same.
            output::complain(&[asked.trim_end().to_owned()]);
        }
        writes::confirmed(&Level { objects: 1, removes_from: None }, &asked, writing.confirm).await?;
    }
    let effect = match unfinished {
        Some(work) => WriteEffect::ResumeWork(work),
        None => WriteEffect::Redrive(Box::new(plan.clone())),
    };
    let outcome = writes::performed(gate, effect, Some(Confirmation::Count(1)), writing, writes::following()).await?;
    let exit = if outcome.needs_operator { Exit::NotFine } else { Exit::Fine };
    let record = if writing.dry_run {
        None
    } else {
        session.ledger(&crate::model::entry::EntryPath(plan.entry.as_str().into())).await?.pop()
    };
    Ok(Answer { exit, ..Answer::fine(told(&plan, record.as_ref(), &outcome, writing.dry_run, as_json)?) })
}

/// What this machine began of it and did not end: its process was killed.
async fn interrupted(gate: &Gate, session: &Session, plan: &RedrivePlan) -> Option<WorkRef> {
    let begun = gate.journal().unfinished_work(session.lake().url()).await;
    let open = |number: u32| plan.earlier.iter().any(|r| r.number == number && !r.state.is_over());
    begun.into_iter().find(|work| match work {
        WorkRef::Redrive { entry, number, .. } => *entry == plan.entry && open(*number),
        WorkRef::Backfill { .. } => false,
    })
}

fn told(
    plan: &RedrivePlan,
    record: Option<&RedriveRecord>,
    outcome: &Outcome,
    dry_run: bool,
    as_json: bool,
) -> Result<String, CliError> {
    if as_json {
        let value: Value = match record {
            Some(record) => json!({ "dry_run": dry_run, "redrive": record, "notes": outcome.notes }),
            None => json!({ "dry_run": dry_run, "plan": plan, "notes": outcome.notes }),
        };
        return output::json(&value);
    }
    let plan = if dry_run { summary(plan) } else { String::new() };
    let notes = outcome.notes.iter().map(|note| format!("{}\n", escape(note)));
    Ok(plan + &notes.collect::<String>())
}

/// A plan in a few lines: what is asked before it is carried out, the command whole.
fn summary(plan: &RedrivePlan) -> String {
    let mut text = format!("redrive {}\n", escape(&plan.entry));
    let mut field = |name: &str, value: String| text.push_str(&format!("  {name:<9}{}\n", escape(&value)));
    if let Some(rows) = plan.rows {
        field("rows", rows.to_string());
    }
    if let Some(job) = &plan.job {
        field("job", job.to_string());
    }
    match &plan.launch {
        Some(Launch::Command { words, source }) => {
            field("of", source.clone());
            words.iter().for_each(|word| field("runs", word.clone()));
        }
        Some(launch) => field("starts", launch.told()),
        None => {}
    }
    match &plan.data {
        Some(data) => field("writes", data.clone()),
        None => field("writes", "nobody knows where: the dataset has no data_prefix".to_owned()),
    }
    for earlier in &plan.earlier {
        field("before", earlier.told());
    }
    if let Some(reason) = &plan.override_reason {
        field("override", reason.clone());
    }
    text
}
