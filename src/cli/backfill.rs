//! `backfill`: a range of days as a plan, its progress, what became of each day.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::args::{Backfill as Arguments, BackfillAct, Writing};
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, ago, thousands};
use super::writes;
use crate::model::backfill::{Backfill, BackfillPlan, DayState, Standing};
use crate::model::dataset::Dataset;
use crate::model::protection::{Confirmation, Level};
use crate::model::text::escape;
use crate::model::work::{Launch, WorkId};
use crate::ops::{BackfillAsk, GateError, Session, WorkRef, WriteEffect};

/// Runs the command.
pub async fn run(
    command: &Arguments,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    match &command.act {
        Some(BackfillAct::List) => list(session, as_json, now).await,
        Some(BackfillAct::Show { id }) => {
            let backfill = session.backfill(&WorkId(id.clone())).await.map_err(unknown)?;
            Ok(Answer::fine(shown(&backfill, false, as_json)?))
        }
        Some(BackfillAct::Resume { id, writing }) => resume(session, id, writing, as_json).await,
        None => begin(session, command, as_json, now).await,
    }
}

fn asked(command: &Arguments) -> Result<BackfillAsk, CliError> {
    let (Some(dataset), Some(from), Some(to)) = (&command.dataset, command.from, command.to) else {
        return Err(CliError::Usage {
            message: "a backfill wants a dataset, --from and --to".into(),
            hint: "lakeward backfill DATASET --from YYYY-MM-DD --to YYYY-MM-DD".into(),
        });
    };
    let dataset = Dataset(dataset.as_str().into());
    Ok(BackfillAsk { dataset, from, to, parallel: command.parallel, force: command.force })
}

/// One that is not there is no refusal of the gate.
fn unknown(error: GateError) -> CliError {
    match error {
        GateError::Blocked { why, hint } => CliError::Failed { message: why, hint: Some(hint) },
        error => error.into(),
    }
}

async fn begin(session: &Session, command: &Arguments, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let (ask, writing) = (asked(command)?, &command.writing);
    let gate = writes::gate(session)?;
    let plan = session.plan_backfill(&ask, now).await?;
    writes::arm(gate, writing).await?;
    gate.protection().allows(Utc::now()).map_err(GateError::Locked)?;
    if let Some(why) = plan.refused.first() {
        return Err(GateError::Blocked { why: why.clone(), hint: "lakeward doctor lists every setting".into() }.into());
    }
    let question = summary(&plan);
    if plan.runs() == 0 {
        // Nothing to be asked, and nothing to be done.
        let backfill = Backfill { plan, records: Default::default() };
        return Ok(Answer::fine(shown(&backfill, true, as_json)?));
    }
    let level = Level { objects: plan.runs(), removes_from: None };
    if !writing.dry_run {
        if writing.confirm.is_some() {
            output::complain(&[question.trim_end().to_owned()]);
        }
        writes::confirmed(&level, &question, writing.confirm).await?;
    } else if writing.confirm.is_some_and(|n| n != level.objects) {
        return Err(GateError::Unconfirmed(level).into());
    }
    let (id, count) = (plan.id.clone(), plan.runs());
    let effect = WriteEffect::Backfill(Box::new(plan.clone()));
    let given = Some(Confirmation::Count(count));
    let done = writes::performed(gate, effect, given, writing, writes::following()).await;
    if writing.dry_run {
        done?;
        let backfill = Backfill { plan, records: Default::default() };
        return Ok(Answer::fine(shown(&backfill, true, as_json)?));
    }
    ended(session, &id, done.map(drop), as_json).await
}

async fn resume(session: &Session, id: &str, writing: &Writing, as_json: bool) -> Result<Answer, CliError> {
    let gate = writes::gate(session)?;
    let id = WorkId(id.to_owned());
    let known = session.backfill(&id).await.map_err(unknown)?;
    writes::arm(gate, writing).await?;
    gate.protection().allows(Utc::now()).map_err(GateError::Locked)?;
    if !writing.dry_run && known.standing() != Standing::Done {
        let asked = summary(&known.plan);
        writes::confirmed(&Level { objects: 1, removes_from: None }, &asked, writing.confirm).await?;
    }
    let effect = WriteEffect::ResumeWork(WorkRef::Backfill { id: id.clone() });
    let given = Some(Confirmation::Count(1));
    let done = writes::performed(gate, effect, given, writing, writes::following()).await;
    if writing.dry_run {
        done?;
        return Ok(Answer::fine(shown(&known, true, as_json)?));
    }
    ended(session, &id, done.map(drop), as_json).await
}

/// What became of it, also where it did not come to its end.
async fn ended(session: &Session, id: &WorkId, done: Result<(), CliError>, as_json: bool) -> Result<Answer, CliError> {
    let halted = matches!(&done, Err(CliError::Gate(GateError::Halted { .. })));
    if !halted {
        done?;
        let backfill = session.backfill(id).await?;
        let exit = if backfill.standing() == Standing::Done { Exit::Fine } else { Exit::NotFine };
        return Ok(Answer { exit, ..Answer::fine(shown(&backfill, false, as_json)?) });
    }
    if let Ok(backfill) = session.backfill(id).await {
        output::print(&shown(&backfill, false, as_json)?)?;
    }
    done.map(|()| Answer::fine(String::new()))
}

/// What is asked: the days in a few lines, and one of the commands whole.
fn summary(plan: &BackfillPlan) -> String {
    let runs = plan.runs();
    let mut text = format!("backfill {} {} to {}\n", escape(plan.dataset.as_str()), plan.from, plan.to);
    let mut field = |name: &str, value: String| text.push_str(&format!("  {name:<9}{}\n", escape(&value)));
    field("job", plan.job.as_ref().map(ToString::to_string).unwrap_or_default());
    field("runs", format!("{runs} of {} days, {} at once", plan.days.len(), plan.parallel));
    match plan.days.iter().find_map(|day| day.launch.as_ref()) {
        Some(Launch::Command { words, source }) => {
            field("of", source.clone());
            words.iter().for_each(|word| field("first", word.clone()));
        }
        Some(launch) => field("first", launch.told()),
        None => {}
    }
    for day in &plan.days {
        field(if day.launch.is_some() { "run" } else { "skip" }, format!("{}  {}", day.date, day.why));
    }
    text
}

/// One day as `--json` prints it.
#[derive(Debug, Serialize)]
struct Day<'a> {
    date: chrono::NaiveDate,
    state: DayState,
    why: &'a str,
    attempt: Option<u32>,
    run: Option<&'a crate::model::work::RunRef>,
    rows_before: Option<u64>,
    rows_after: Option<u64>,
    newest: Option<DateTime<Utc>>,
    detail: Option<&'a str>,
}

fn days(backfill: &Backfill) -> Vec<Day<'_>> {
    let day = |planned| {
        let state = backfill.state(planned);
        let record = backfill.records.get(&planned.date);
        let there = record.map_or(&planned.there, |r| &r.before);
        Day {
            date: planned.date,
            state,
            why: &planned.why,
            attempt: record.map(|r| r.attempt),
            run: record.map(|r| &r.run),
            rows_before: there.rows.or((there.objects == 0).then_some(0)),
            rows_after: record.and_then(|r| r.after.as_ref()?.rows),
            newest: record.and_then(|r| r.after.as_ref()?.newest),
            detail: record.and_then(|r| r.detail.as_deref()),
        }
    };
    backfill.plan.days.iter().map(day).collect()
}

fn value(backfill: &Backfill, dry_run: bool) -> serde_json::Value {
    let plan = &backfill.plan;
    json!({
        "id": plan.id, "dataset": plan.dataset, "job": plan.job, "from": plan.from, "to": plan.to,
        "parallel": plan.parallel, "state": backfill.standing(), "runs": plan.runs(), "at": plan.at, "actor": plan.actor,
        "dry_run": dry_run, "days": days(backfill),
    })
}

fn shown(backfill: &Backfill, dry_run: bool, as_json: bool) -> Result<String, CliError> {
    if as_json {
        return output::json(&value(backfill, dry_run));
    }
    let plan = &backfill.plan;
    let mut table = Table::new(&[
        ("day", Side::Left),
        ("state", Side::Left),
        ("before", Side::Right),
        ("after", Side::Right),
        ("why", Side::Left),
    ]);
    let rows = |rows: Option<u64>| rows.map_or_else(|| "-".to_owned(), thousands);
    for day in days(backfill) {
        let state = match (dry_run, day.state) {
            (true, DayState::Waiting) => "to run",
            (_, state) => state.word(),
        };
        let why = day.detail.unwrap_or(day.why);
        table.row([&day.date.to_string(), state, &rows(day.rows_before), &rows(day.rows_after), why]);
    }
    let state = match (dry_run, plan.runs()) {
        (_, 0) => "nothing to run".to_owned(),
        (true, runs) => format!("would run {runs} of {} days", plan.days.len()),
        (false, _) => format!("{} ({})", backfill.standing().word(), plan.id),
    };
    Ok(format!("backfill {}: {state}\n{}", escape(plan.dataset.as_str()), table.render()))
}

async fn list(session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let all = session.backfills().await?;
    if as_json {
        let values: Vec<_> = all.iter().map(|b| value(b, false)).collect();
        return Ok(Answer::fine(output::json(&values)?));
    }
    if all.is_empty() {
        return Ok(Answer::fine("no backfills\n".to_owned()));
    }
    let mut table = Table::new(&[
        ("state", Side::Left),
        ("dataset", Side::Left),
        ("from", Side::Left),
        ("to", Side::Left),
        ("done", Side::Right),
        ("failed", Side::Right),
        ("skipped", Side::Right),
        ("begun", Side::Right),
        ("id", Side::Left),
    ]);
    for backfill in &all {
        let plan = &backfill.plan;
        let count = |state| thousands(backfill.count(state));
        table.row([
            backfill.standing().word(),
            plan.dataset.as_str(),
            &plan.from.to_string(),
            &plan.to.to_string(),
            &format!("{}/{}", count(DayState::Done), thousands(plan.runs())),
            &count(DayState::Failed),
            &count(DayState::Skipped),
            &ago(plan.at, now),
            &plan.id.0,
        ]);
    }
    Ok(Answer::fine(table.render()))
}
