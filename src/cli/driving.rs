//! What is done to jobs and DAGs: the plan is shown, confirmed, handed to the gate; and what an earlier process left open
//! is finished before.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::args::{ClearArgs, MarkArgs, PauseArgs, Rerun, TriggerArgs, Writing};
use super::exit::CliError;
use super::output::{self, Answer};
use super::{retrying, writes};
use crate::model::dag::{DagId, DagRunId};
use crate::model::dag_act::{Clear, MarkedAs, TaskRef};
use crate::model::protection::{Confirmation, Level};
use crate::model::run::JobRun;
use crate::model::spark::edit::Edits;
use crate::model::text::escape;
use crate::ops::{DrivePlan, GateError, Session, WriteEffect};

/// A run again.
pub async fn rerun(
    args: &Rerun,
    run: &JobRun,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let edits = Edits {
        double_memory: args.memory_x2,
        set: args.set.clone(),
        arguments: Some(args.arguments.clone()).filter(|all| !all.is_empty()),
    };
    let plan = session.plan_rerun(&run.source, &run.id, &edits, now).await?;
    match &plan.effect {
        WriteEffect::Submit(ask) if args.retry && !args.writing.dry_run => {
            let ask = ask.clone();
            refused_at_once(session, &plan, &args.writing).await?;
            let policy = session.settings().retry.sentence();
            let question = format!("{}  if it fails  again: {policy}\n", text(&plan));
            confirmed(&plan, &question, &args.writing).await?;
            finish_first(session).await;
            let given = Some(Confirmation::Count(plan.objects()));
            let series = session.begin_retries(&run.source, &ask, given, Utc::now()).await?;
            retrying::follow(session, vec![series.id], as_json).await
        }
        WriteEffect::Run(_) if args.retry => Err(CliError::Usage {
            message: "a command of this machine is not retried".to_owned(),
            hint: "lakeward jobs rerun RUN, or a loop in the command itself".to_owned(),
        }),
        _ => drive(session, plan, &args.writing, as_json).await,
    }
}

/// The end of a run.
pub async fn cancel(
    run: &JobRun,
    writing: &Writing,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let plan = session.plan_cancel(&run.source, &run.id, now).await?;
    drive(session, plan, writing, as_json).await
}

/// A run of a DAG.
pub async fn trigger(
    args: &TriggerArgs,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let plan = session.plan_trigger(&dag(&args.dag), args.conf.clone().unwrap_or_default(), args.date, now);
    drive(session, plan, &args.writing, as_json).await
}

/// Task instances of a run anew.
pub async fn clear(
    args: &ClearArgs,
    run: DagRunId,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let clear = Clear {
        dag: dag(&args.dag),
        run,
        tasks: args.tasks.clone(),
        only_failed: args.only_failed,
        downstream: args.downstream,
    };
    let plan = session.plan_clear(clear, now).await?;
    drive(session, plan, &args.writing, as_json).await
}

/// A DAG paused, or not.
pub async fn pause(
    args: &PauseArgs,
    paused: bool,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    drive(session, session.plan_pause(&dag(&args.dag), paused, now), &args.writing, as_json).await
}

/// A run or a task instance said to have ended so.
pub async fn mark(args: &MarkArgs, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let task = args.task.as_ref().map(|task| TaskRef { task: task.clone(), map_index: args.map_index });
    let run = DagRunId(args.run.as_str().into());
    // clap lets no other word through.
    let state = MarkedAs::from_word(&args.state).unwrap_or(MarkedAs::Failed);
    drive(session, session.plan_mark(&dag(&args.dag), &run, task, state, now), &args.writing, as_json).await
}

fn dag(id: &str) -> DagId {
    DagId(id.into())
}

/// Takes up what an earlier process left open, and says how that ended.
pub async fn finish_first(session: &Session) {
    for (what, ended) in session.finish_acts().await {
        let told = match ended {
            Ok(outcome) => outcome.notes.join("; "),
            Err(error) => format!("{what}: still open: {error}"),
        };
        output::complain(&[format!("lakeward: left open earlier: {}", escape(&told))]);
    }
}

async fn drive(session: &Session, plan: DrivePlan, writing: &Writing, as_json: bool) -> Result<Answer, CliError> {
    let gate = writes::gate(session)?;
    let given = Some(Confirmation::Count(plan.objects()));
    if writing.dry_run {
        writes::arm(gate, writing).await?;
        if writing.confirm.is_some_and(|n| n != plan.objects()) {
            return Err(unconfirmed(&plan).into());
        }
        // What would be refused is, and the plan is shown all the same: it says why.
        let ended = gate.rehearse(plan.effect.clone(), given).await;
        let shown = if as_json { output::json(&value(&plan))? } else { text(&plan) };
        return match ended {
            Ok(_) => Ok(Answer::fine(shown)),
            Err(error) => {
                output::print(&shown)?;
                Err(error.into())
            }
        };
    }
    refused_at_once(session, &plan, writing).await?;
    let question = text(&plan);
    confirmed(&plan, &question, writing).await?;
    finish_first(session).await;
    let outcome = writes::perform(gate, plan.effect, given, writing).await?;
    writes::told(gate, &[outcome], writing, as_json).await
}

/// What would be refused anyway is refused before anyone is asked.
async fn refused_at_once(session: &Session, plan: &DrivePlan, writing: &Writing) -> Result<(), CliError> {
    let gate = writes::gate(session)?;
    writes::arm(gate, writing).await?;
    gate.protection().allows(Utc::now()).map_err(GateError::Locked)?;
    if plan.refused.is_empty() {
        return Ok(());
    }
    output::complain(&[text(plan).trim_end().to_owned()]);
    Err(GateError::Unfit(plan.refused.clone()).into())
}

async fn confirmed(plan: &DrivePlan, question: &str, writing: &Writing) -> Result<(), CliError> {
    if writing.confirm.is_some() {
        // Confirmed beforehand, and shown whole all the same.
        output::complain(&[question.trim_end().to_owned()]);
    }
    let level = Level { objects: plan.objects(), removes_from: None };
    writes::confirmed(&level, question, writing.confirm).await
}

fn unconfirmed(plan: &DrivePlan) -> GateError {
    GateError::Unconfirmed(Level { objects: plan.objects(), removes_from: None })
}

/// A plan in lines.
pub fn text(plan: &DrivePlan) -> String {
    let mut text = format!("{}\n", escape(&plan.title));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<9}{}\n", escape(value)));
    for (name, value) in &plan.fields {
        line(name, value);
    }
    for change in &plan.changes {
        let before = change.before.as_deref().unwrap_or("(unset)");
        line("change", &format!("{} {before} -> {}", change.name, change.after));
    }
    for one in &plan.tasks {
        let index = one.task.map_index.map(|i| format!("[{i}]")).unwrap_or_default();
        let state = one.state.map(|s| format!(", {}", s.word())).unwrap_or_default();
        line("clears", &format!("{}{index}{state}", one.task.task));
    }
    for why in &plan.refused {
        line("refused", why);
    }
    for note in &plan.notes {
        line("note", note);
    }
    text
}

/// A plan as a dry run prints it with `--json`.
fn value(plan: &DrivePlan) -> Value {
    let fields: Vec<Value> = plan.fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "act": plan.effect.word(), "title": plan.title, "objects": plan.objects(), "fields": fields,
        "changes": plan.changes, "tasks": plan.tasks, "refused": plan.refused, "notes": plan.notes, "dry_run": true,
    })
}
