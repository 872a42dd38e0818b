//! `jobs`: the runs of the pipeline's jobs, one of them in full, and its log.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::args::{Jobs, Rerun, Retry};
use super::exit::CliError;
use super::logs::print_log;
use super::output::{self, Answer};
use super::table::{Side, Table, ago, span, time};
use super::{driving, retrying, writes};
use crate::model::metric::{Curve, Range, amount};
use crate::model::rules::jobs::{by_job, usual};
use crate::model::run::{JobName, JobRun, RunState};
use crate::model::text::escape;
use crate::ops::{LogOf, RunAsk, Session, Snapshot, SourceState, WriteEffect};
use crate::sources::jobs::RunDetail;

/// Columns of a curve.
const BARS: usize = 40;
/// What is said where nobody measures runs.
const UNMEASURED: [&str; 2] = [
    "lakeward: no source is connected that measures such runs",
    "hint: a [cloudwatch] table in the configuration connects CloudWatch, which does so for EMR Serverless",
];

/// One run as `jobs list --json` prints it.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    run: &'a JobRun,
    /// How long it ran so far.
    duration_seconds: Option<f64>,
    /// The average that it is compared with.
    average_seconds: Option<f64>,
}

/// Runs the command.
pub async fn run(command: &Jobs, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    match command {
        Jobs::List { job, state } => {
            let snapshot = session.refresh(now, |_| {}).await;
            let state = state.as_deref().map(state_of).transpose()?;
            list(session, &snapshot, job.as_deref(), state, as_json, now)
        }
        Jobs::Show { id, dashboard, metrics } => {
            let run = find(session, id, now).await?;
            if *dashboard {
                let link = session.dashboard(&run.source, &run.id, None).await?;
                return Ok(Answer::fine(format!("{}\n", escape(&link))));
            }
            show(session, &run, *metrics, as_json, now).await
        }
        Jobs::Run { job, date, settings, writing } => {
            let ask = session.plan_run(&JobName(job.as_str().into()), *date, settings.clone())?;
            let asked = asked(session, &ask);
            if writing.confirm.is_some() {
                // Confirmed beforehand, and shown whole all the same.
                output::complain(&[asked.trim_end().to_owned()]);
            }
            writes::mark(session, WriteEffect::Run(ask), 1, &asked, writing, as_json).await
        }
        Jobs::Rerun(args) => {
            let run = find(session, &args.id, now).await?;
            driving::rerun(args, &run, session, as_json, now).await
        }
        Jobs::Cancel { id, writing } => {
            let run = find(session, id, now).await?;
            driving::cancel(&run, writing, session, as_json, now).await
        }
        Jobs::Retry(Retry { id: Some(id), writing, .. }) => {
            let run = find(session, id, now).await?;
            let args = Rerun {
                id: id.clone(),
                memory_x2: false,
                set: Vec::new(),
                arguments: Vec::new(),
                retry: true,
                writing: writing.clone(),
            };
            driving::rerun(&args, &run, session, as_json, now).await
        }
        Jobs::Retry(Retry { stop: Some(id), .. }) => retrying::stop(session, id).await,
        Jobs::Retry(Retry { resume: true, writing, .. }) => {
            writes::arm(writes::gate(session)?, writing).await?;
            driving::finish_first(session).await;
            retrying::resume(session, as_json, now).await
        }
        Jobs::Retry(_) => retrying::list(session, as_json, now).await,
        Jobs::Logs { id, log } => {
            let run = find(session, id, now).await?;
            let of = LogOf::Run { source: run.source.clone(), id: run.id.clone() };
            print_log(session, &of, log, as_json).await
        }
    }
}

/// The question before a command runs: the whole of it, and who wrote it.
fn asked(session: &Session, ask: &RunAsk) -> String {
    let words: Vec<String> = ask.command.iter().map(|word| escape(word).into_owned()).collect();
    let source = session.settings().commands.get(&ask.job).map(|command| command.source.as_str()).unwrap_or_default();
    let folder = ask.folder.display().to_string();
    let settings = ask.settings.iter().map(|(name, value)| format!("{}={}\n", escape(name), escape(value)));
    let settings: String = settings.collect();
    let (job, source, folder) = (escape(&ask.job.0), escape(source), escape(&folder));
    format!("run {job}, of {source}, in {folder}:\n{settings}{}\n", words.join("\n"))
}

fn state_of(word: &str) -> Result<RunState, CliError> {
    RunState::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = RunState::ALL.iter().map(|s| s.word()).collect();
        CliError::Usage {
            message: format!("{word:?} is no state of a run"),
            hint: format!("one of: {}", words.join(", ")),
        }
    })
}

fn list(
    session: &Session,
    snapshot: &Snapshot,
    job: Option<&str>,
    state: Option<RunState>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let grouped = by_job(snapshot.pipeline.jobs.iter().map(|run| run.as_ref()));
    let shown = snapshot.pipeline.jobs.iter().map(|run| run.as_ref());
    let shown =
        shown.filter(|run| job.is_none_or(|j| *run.job.0 == *j)).filter(|run| state.is_none_or(|s| run.state == s));
    let listed: Vec<Listed> = shown
        .map(|run| {
            let thresholds = session.settings().thresholds_of_job(&run.job, run.dataset.as_ref(), run.layer);
            let average = grouped.get(&run.job).and_then(|runs| usual(runs, run, &thresholds, now));
            Listed { run, duration_seconds: run.duration(now).map(seconds), average_seconds: average.map(seconds) }
        })
        .collect();
    let mut notes = super::alerts::failed_sources(&snapshot.sources);
    // Of other sources than those of runs, nothing is listed that may be short.
    notes.extend(super::alerts::left_out(&snapshot.sources, |source| session.tells_of_jobs(source)));
    let text = match (as_json, listed.is_empty()) {
        (true, _) => output::json(&listed)?,
        (false, true) => "no job runs\n".to_owned(),
        (false, false) => table(&listed, now),
    };
    Ok(Answer { notes, ..Answer::fine(text) })
}

fn table(listed: &[Listed], now: DateTime<Utc>) -> String {
    let mut table = Table::new(&[
        ("state", Side::Left),
        ("job", Side::Left),
        ("run", Side::Left),
        ("asked for", Side::Right),
        ("took", Side::Right),
        ("average", Side::Right),
        ("try", Side::Right),
        ("why", Side::Left),
    ]);
    for one in listed {
        let length = |s: Option<f64>| s.map_or_else(|| "-".to_owned(), |s| span(Duration::seconds(s as i64)));
        table.row([
            one.run.state.word(),
            &one.run.job.0,
            &one.run.id.0,
            &ago(one.run.created, now),
            &length(one.duration_seconds),
            &length(one.average_seconds),
            &one.run.attempt.to_string(),
            one.run.detail.as_deref().unwrap_or("-"),
        ]);
    }
    table.render()
}

/// One run as `jobs show --json` prints it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    detail: &'a RunDetail,
    /// What it used, where that was asked for; null where nobody measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Option<Vec<Measured>>>,
}

/// One curve.
#[derive(Debug, Serialize)]
struct Measured {
    #[serde(flatten)]
    range: Option<Range>,
    #[serde(flatten)]
    curve: Curve,
}

async fn show(
    session: &Session,
    run: &JobRun,
    metrics: bool,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let detail = session.run_detail(&run.source, &run.id).await?;
    let curves = if metrics { Some(session.run_metrics(&detail, now).await?) } else { None };
    let nowhere = matches!(curves, Some(None));
    let notes = if nowhere { UNMEASURED.map(str::to_owned).to_vec() } else { Vec::new() };
    if as_json {
        let measured = |curve: Curve| Measured { range: curve.range(), curve };
        let metrics = curves.map(|curves| curves.map(|all| all.into_iter().map(measured).collect()));
        return Ok(Answer { notes, ..Answer::fine(output::json(&Shown { detail: &detail, metrics })?) });
    }
    let run = &detail.run;
    let mut text = String::new();
    let mut field = |name: &str, value: String| text.push_str(&format!("{name:<11}{}\n", escape(&value)));
    field("job", run.job.to_string());
    field("run", format!("{} ({})", run.id, run.source));
    field("state", format!("{}, attempt {} of {}", run.state.word(), run.attempt, detail.attempts_allowed));
    field("asked for", time(run.created, now));
    if let Some(length) = run.duration(now) {
        field("took", span(length));
    }
    if let Some(dataset) = &run.dataset {
        field("writes", dataset.to_string());
    }
    if let Some(date) = run.date {
        field("date", date.to_string());
    }
    if let Some(why) = &run.detail {
        field("why", why.clone());
    }
    for attempt in detail.attempts.iter().filter(|_| detail.attempts.len() > 1) {
        let why = attempt.detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default();
        field("attempt", format!("{} {}{why}", attempt.number, attempt.state.word()));
    }
    if !detail.command.is_empty() {
        field("command", detail.command.join(" "));
    }
    for (name, value) in &detail.settings {
        field("setting", format!("{name}={value}"));
    }
    if let Some(took) = detail.resources {
        field("resources", format!("{:.3} vCPU hours, {:.3} GB hours", took.vcpu_hours, took.memory_gb_hours));
    }
    for place in &detail.log {
        field("log", place.to_string());
    }
    let measured = curves.flatten();
    if measured.as_ref().is_some_and(Vec::is_empty) {
        field("metrics", "nothing was measured".to_owned());
    }
    for curve in measured.iter().flatten() {
        field("metrics", curve_text(curve));
    }
    field("address", run.uri.clone());
    Ok(Answer { notes, ..Answer::fine(text) })
}

/// A curve in one line.
fn curve_text(curve: &Curve) -> String {
    let Some(Range { min, avg, max }) = curve.range() else { return curve.name.clone() };
    let (min, avg, max) = (amount(min), amount(avg), amount(max));
    format!("{:<25} {:<BARS$} min {min}, avg {avg}, max {max} {}", curve.name, curve.bars(BARS), curve.unit)
}

/// The run of an id, or of so much of it that it can be no other; `JOB` alone is its newest.
async fn find(session: &Session, id: &str, now: DateTime<Utc>) -> Result<JobRun, CliError> {
    let snapshot = session.refresh(now, |_| {}).await;
    let runs = &snapshot.pipeline.jobs;
    let exact = runs.iter().find(|r| *r.id.0 == *id).or_else(|| runs.iter().find(|r| *r.job.0 == *id));
    if let Some(run) = exact {
        return Ok(run.as_ref().clone());
    }
    let begin: Vec<&JobRun> = runs.iter().map(|r| r.as_ref()).filter(|r| r.id.0.starts_with(id)).collect();
    match begin.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(missing(session, &snapshot, id)),
        several => Err(CliError::Usage {
            message: format!("{} runs begin with {}", several.len(), escape(id)),
            hint: format!(
                "name one: {}",
                several.iter().take(3).map(|r| escape(&r.id.0).into_owned()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

fn missing(session: &Session, snapshot: &Snapshot, id: &str) -> CliError {
    let of_jobs = snapshot.sources.iter().filter(|s| session.tells_of_jobs(s.source));
    let whys = of_jobs.flat_map(|source| {
        let failed = match &source.state {
            SourceState::Failed { class, reason, .. } => Some(format!("{}: {reason}", class.word())),
            SourceState::Fresh => None,
        };
        failed.into_iter().chain(source.notes.clone()).map(|why| format!("{}: {}", source.source, escape(&why)))
    });
    let why = whys.collect::<Vec<_>>().join("; ");
    let why = if why.is_empty() { why } else { format!(" ({why})") };
    CliError::Failed {
        message: format!("{}: no run {}{why}", session.lake().url(), escape(id)),
        hint: Some("lakeward jobs list shows the runs there are".into()),
    }
}

fn seconds(length: Duration) -> f64 {
    length.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::metric::Point;

    fn curve(values: &[f64]) -> Curve {
        let at = |n: usize| DateTime::UNIX_EPOCH + Duration::minutes(n as i64);
        let points = values.iter().enumerate().map(|(n, value)| Point { at: at(n), value: *value }).collect();
        Curve { name: "driver, memory used".into(), unit: "GB".into(), points }
    }

    #[test]
    fn a_curve_is_one_line() {
        let text = curve_text(&curve(&[0.0, 3.5, 7.0]));
        let bars = format!("▁▅█{}", " ".repeat(37));
        assert_eq!(text, format!("driver, memory used       {bars} min 0, avg 3.50, max 7.00 GB"));
    }

    #[test]
    fn json_has_a_curve_with_its_range() {
        let curve = curve(&[1.0, 3.0]);
        let value = serde_json::to_value(Measured { range: curve.range(), curve }).unwrap();
        let at = "1970-01-01T00:00:00Z";
        let expected = serde_json::json!({
            "min": 1.0, "avg": 2.0, "max": 3.0, "name": "driver, memory used", "unit": "GB",
            "points": [{ "at": at, "value": 1.0 }, { "at": "1970-01-01T00:01:00Z", "value": 3.0 }],
        });
        assert_eq!(value, expected);
    }
}
