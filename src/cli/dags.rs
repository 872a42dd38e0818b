//! `dags`: DAG runs, the tasks of one, and the log of a try.

use chrono::{DateTime, Utc};

use super::args::Dags;
use super::driving;
use super::exit::CliError;
use super::logs::print_log;
use super::output::{self, Answer};
use super::table::{Side, Table, ago, span};
use crate::model::dag::{DagRun, DagRunId, TaskInstance};
use crate::model::text::escape;
use crate::ops::{LogOf, Session, Snapshot};

/// Runs the command.
pub async fn run(command: &Dags, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let snapshot = session.refresh(now, |_| {}).await;
    match command {
        Dags::List { dag } => list(session, &snapshot, dag.as_deref(), as_json, now),
        Dags::Show { dag, run } => {
            let run = find(&snapshot, dag, run.as_deref())?;
            let tasks = session.dag_tasks(&run.dag, &run.id).await?;
            show(run, &tasks, as_json, now)
        }
        Dags::Trigger(args) => driving::trigger(args, session, as_json, now).await,
        Dags::Clear(args) => {
            // One that is named may be older than what is listed.
            let run = match &args.run {
                Some(run) => DagRunId(run.as_str().into()),
                None => find(&snapshot, &args.dag, None)?.id.clone(),
            };
            driving::clear(args, run, session, as_json, now).await
        }
        Dags::Pause(args) => driving::pause(args, true, session, as_json, now).await,
        Dags::Unpause(args) => driving::pause(args, false, session, as_json, now).await,
        Dags::Mark(args) => driving::mark(args, session, as_json, now).await,
        Dags::Logs { dag, task, run, number, log } => {
            let run = find(&snapshot, dag, run.as_deref())?;
            let tasks = session.dag_tasks(&run.dag, &run.id).await?;
            let Some(task) = tasks.into_iter().find(|t| t.task == *task) else {
                let message = format!("{}: no task {} in run {}", escape(dag), escape(task), escape(&run.id.0));
                return Err(CliError::Failed { message, hint: Some("lakeward dags show DAG lists them".into()) });
            };
            let number = number.unwrap_or(task.tries).max(1);
            print_log(session, &LogOf::Task { task: task.into(), number }, log, as_json).await
        }
    }
}

fn list(
    session: &Session,
    snapshot: &Snapshot,
    dag: Option<&str>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let all = snapshot.pipeline.dag_runs.iter().map(|run| run.as_ref());
    let shown: Vec<&DagRun> = all.filter(|run| dag.is_none_or(|d| *run.dag.0 == *d)).collect();
    let mut notes = super::alerts::failed_sources(&snapshot.sources);
    notes.extend(super::alerts::left_out(&snapshot.sources, |source| session.tells_of_dags(source)));
    if as_json {
        return Ok(Answer { notes, ..Answer::fine(output::json(&shown)?) });
    }
    if shown.is_empty() {
        return Ok(Answer { notes, ..Answer::fine("no DAG runs\n".to_owned()) });
    }
    let columns = ["state", "dag", "run"].map(|c| (c, Side::Left));
    let mut table = Table::new(&[columns.as_slice(), &[("began", Side::Right), ("took", Side::Right)]].concat());
    for run in shown {
        let began = run.started.map_or_else(|| "-".to_owned(), |t| ago(t, now));
        let took = run.duration(now).map_or_else(|| "-".to_owned(), span);
        table.row([run.state.word(), &run.dag.0, &run.id.0, &began, &took]);
    }
    Ok(Answer { notes, ..Answer::fine(table.render()) })
}

/// The run of that id, or the newest.
fn find<'a>(snapshot: &'a Snapshot, dag: &str, run: Option<&str>) -> Result<&'a DagRun, CliError> {
    let mut runs = snapshot.pipeline.dag_runs.iter().filter(|r| *r.dag.0 == *dag);
    let found = runs.find(|r| run.is_none_or(|run| *r.id.0 == *run));
    found.map(|run| run.as_ref()).ok_or_else(|| {
        let failed = super::alerts::failed_sources(&snapshot.sources).join("; ");
        let which = run.map(|r| format!(" {}", escape(r))).unwrap_or_default();
        let why = if failed.is_empty() { String::new() } else { format!(" ({failed})") };
        CliError::Failed {
            message: format!("{}: no run{which} in the last days{why}", escape(dag)),
            hint: Some("lakeward dags list shows the runs there are".into()),
        }
    })
}

fn show(run: &DagRun, tasks: &[TaskInstance], as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    if as_json {
        return Ok(Answer::fine(output::json(&serde_json::json!({ "run": run, "tasks": tasks }))?));
    }
    let columns = [("state", Side::Left), ("task", Side::Left), ("try", Side::Right), ("began", Side::Right)];
    let mut table = Table::new(&[columns.as_slice(), &[("took", Side::Right), ("next try", Side::Right)]].concat());
    for task in tasks {
        let when = |t: Option<DateTime<Utc>>| t.map_or_else(|| "-".to_owned(), |t| ago(t, now));
        let until = task.ended.or((!task.state.is_over()).then_some(now));
        let took = task.started.zip(until).map_or_else(|| "-".to_owned(), |(from, to)| span(to - from));
        let tries = format!("{}/{}", task.tries, task.tries_allowed);
        table.row([task.state.word(), &task.task, &tries, &when(task.started), &took, &when(task.next_try)]);
    }
    let differ = tasks.iter().map(|task| (task, task.retries_told())).filter(|(_, (_, same))| !same);
    let differ: String =
        differ.map(|(task, (told, _))| format!("retries of {}: {told}\n", escape(&task.task))).collect();
    let head = format!("{} {} {}\n", escape(&run.dag.0), escape(&run.id.0), run.state.word());
    Ok(Answer::fine(head + &table.render() + &differ))
}
