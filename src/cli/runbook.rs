//! `runbook list`, `show` and `run`: guided recovery without a screen.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::{Runbook as Asked, RunbookRun, StepAct};
use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, time};
use super::writes;
use crate::model::alert::Alert;
use crate::model::incident::{Happening, Incident, IncidentId};
use crate::model::runbook::walk::{Mark, StepRecord, StepState};
use crate::model::runbook::{Directive, Runbook, RunbookOrigin, Step, Subject, Variables};
use crate::model::text::escape;
use crate::ops::{IncidentAsk, Runbooks, Session, Snapshot, Watch, WriteEffect};

/// Runs one of them.
pub async fn run(asked: &Asked, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let runbooks = session.runbooks().await;
    let notes: Vec<String> =
        runbooks.problems.iter().map(|e| format!("lakeward: {}", escape(&e.to_string()))).collect();
    let answer = match asked {
        Asked::List => list(&runbooks, as_json)?,
        Asked::Show { name, alert } => {
            let filled = match alert {
                Some(key) => {
                    let snapshot = session.refresh(now, |_| {}).await;
                    Some((found(&snapshot, key)?.clone(), snapshot))
                }
                None => None,
            };
            show(session, &runbooks, name.as_deref(), filled.as_ref(), as_json)?
        }
        Asked::Run(args) => walk(session, &runbooks, args, as_json, now).await?,
    };
    Ok(Answer { notes: notes.into_iter().chain(answer.notes).collect(), ..answer })
}

fn found<'s>(snapshot: &'s Snapshot, key: &str) -> Result<&'s Alert, CliError> {
    snapshot.alerts.iter().find(|a| a.key == key).ok_or_else(|| CliError::Failed {
        message: format!("no alert {} is there now", escape(key)),
        hint: Some("lakeward alerts --json lists their keys; a source that fails may hide one".into()),
    })
}

fn named<'r>(runbooks: &'r Runbooks, name: &str) -> Result<&'r Runbook, CliError> {
    runbooks.named(name).map(AsRef::as_ref).ok_or_else(|| CliError::Usage {
        message: format!("no runbook {}", escape(name)),
        hint: "lakeward runbook list shows those there are".to_owned(),
    })
}

fn list(runbooks: &Runbooks, as_json: bool) -> Result<Answer, CliError> {
    if as_json {
        let all: Vec<_> = runbooks
            .all
            .iter()
            .map(|r| {
                json!({ "name": r.id, "title": r.title, "origin": origin(r), "binding": r.binding,
                        "steps": r.steps.len(), "problems": r.problems })
            })
            .collect();
        return Ok(Answer::fine(output::json(&all)?));
    }
    let mut table =
        Table::new(&[("name", Side::Left), ("steps", Side::Right), ("for", Side::Left), ("title", Side::Left)]);
    for runbook in &runbooks.all {
        let title = match runbook.is_built_in() {
            true => runbook.title.clone(),
            false => format!("{} ({})", runbook.title, origin(runbook)),
        };
        table.row([&*runbook.id.0, &runbook.steps.len().to_string(), &bound(runbook), &title]);
    }
    let problems = runbooks.all.iter().flat_map(|r| r.problems.iter().map(move |p| format!("lakeward: {}: {p}", r.id)));
    let notes = problems.map(|p| escape(&p).into_owned()).collect();
    Ok(Answer { notes, ..Answer::fine(table.render()) })
}

fn origin(runbook: &Runbook) -> &str {
    match &runbook.origin {
        RunbookOrigin::BuiltIn => "built in",
        RunbookOrigin::File(uri) => uri,
    }
}

/// What a runbook is for, in a few words.
fn bound(runbook: &Runbook) -> String {
    let words = runbook.binding.words();
    if words.is_empty() { "whoever looks it up".to_owned() } else { words.join(", ") }
}

fn show(
    session: &Session,
    runbooks: &Runbooks,
    name: Option<&str>,
    filled: Option<&(Alert, Snapshot)>,
    as_json: bool,
) -> Result<Answer, CliError> {
    let fit = filled.map(|(alert, _)| runbooks.best(&Subject::of(alert))).unwrap_or_default();
    let (runbook, why) = match (name, fit.first()) {
        (Some(name), _) => (named(runbooks, name)?, None),
        (None, Some((runbook, fit))) => (*runbook, Some(fit.why.clone())),
        (None, None) => {
            let message = "no runbook is for this alert".to_owned();
            return Err(CliError::Failed { message, hint: Some("lakeward runbook list; name one".into()) });
        }
    };
    let variables = filled.map(|(alert, snapshot)| session.about(alert, snapshot).variables).unwrap_or_default();
    if as_json {
        let steps: Vec<_> = runbook.steps.iter().map(|step| of_step(step, &variables)).collect();
        let text = output::json(&json!({
            "name": runbook.id, "title": runbook.title, "origin": origin(runbook), "binding": runbook.binding,
            "why": why, "symptoms": runbook.symptoms, "steps": steps, "prevention": runbook.prevention,
            "problems": runbook.problems,
        }))?;
        return Ok(Answer::fine(text));
    }
    let mut text = format!("{} ({})\n", escape(&runbook.title), escape(&runbook.id.0));
    text.extend(why.map(|why| format!("chosen for {}\n", escape(&why))));
    let part = |text: &mut String, title: &str, lines: &[String]| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            text.extend(lines.iter().map(|line| format!("  - {}\n", escape(line))));
        }
    };
    part(&mut text, "Symptoms", &runbook.symptoms);
    text.push_str("\nSteps\n");
    for step in &runbook.steps {
        text.push_str(&lines_of(step, &variables));
    }
    part(&mut text, "Prevention", &runbook.prevention);
    part(&mut text, "Problems", &runbook.problems);
    Ok(Answer::fine(text))
}

fn of_step(step: &Step, variables: &Variables) -> serde_json::Value {
    let commands: Vec<_> = step
        .commands
        .iter()
        .map(|block| {
            let filled = variables.fill_command(&block.text);
            json!({ "language": block.language, "text": filled.text, "missing": filled.missing,
                    "runnable": filled.missing.is_empty() })
        })
        .collect();
    json!({ "number": step.number, "title": variables.fill(&step.title).text, "text": step.text,
            "commands": commands, "directive": step.directive, "branch": step.branch })
}

fn lines_of(step: &Step, variables: &Variables) -> String {
    let indent = "  ".repeat(step.number.depth() + 1);
    let mut text = format!("{indent}{} {}\n", step.number, escape(&variables.fill(&step.title).text));
    if let Some(directive) = step.directive {
        text.push_str(&format!("{indent}  [{}]\n", told(directive)));
    }
    text.extend(step.text.iter().map(|line| format!("{indent}  {}\n", escape(&variables.fill(line).text))));
    for block in &step.commands {
        let filled = variables.fill_command(&block.text);
        text.extend(filled.text.lines().map(|line| format!("{indent}    {}\n", escape(line))));
        if !filled.missing.is_empty() {
            text.push_str(&format!("{indent}    (not filled: {})\n", escape(&filled.missing.join(", "))));
        }
    }
    text
}

fn told(directive: Directive) -> String {
    let verb = match directive {
        Directive::Look(_) => "look",
        Directive::Check(_) => "check",
        Directive::Do(_) => "do",
    };
    format!("{verb}: {}", directive.does())
}

async fn walk(
    session: &Session,
    runbooks: &Runbooks,
    args: &RunbookRun,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let wanted = args.runbook.as_deref().map(|name| named(runbooks, name)).transpose()?;
    let (id, mut what) = match (&args.alert, &args.incident) {
        (Some(key), _) => {
            let snapshot = session.refresh(now, |_| {}).await;
            let opening = session.opening(found(&snapshot, key)?, &snapshot, runbooks, wanted, now);
            (opening.ask.id, opening.ask.what)
        }
        (None, id) => {
            let id = IncidentId(id.as_deref().unwrap_or_default().into());
            let choice = wanted.map(|runbook| Happening::by_hand(runbook.id.clone()));
            (id, choice.into_iter().collect())
        }
    };
    let mut told = Vec::new();
    if !what.is_empty() {
        told.extend(record(session, args.dry_run, &id, std::mem::take(&mut what), None).await?);
        if args.dry_run {
            return would(&id, &told, as_json);
        }
    }
    let incident = session.incident(&id).await?;
    let runbook = walked(&incident, runbooks)?;
    if let Some(happening) = asked(session, &incident, runbook, args, now).await? {
        told.extend(record(session, args.dry_run, &id, vec![happening], Some(incident.last())).await?);
        if args.dry_run {
            return would(&id, &told, as_json);
        }
    }
    let incident = session.incident(&id).await?;
    stand(&incident, runbook, told, as_json, now)
}

/// Records what happened; what the gate had to say besides.
async fn record(
    session: &Session,
    dry_run: bool,
    id: &IncidentId,
    what: Vec<Happening>,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<String>, CliError> {
    let gate = writes::gate(session)?;
    let said: Vec<String> = what.iter().map(|w| format!("would record: {}", w.word())).collect();
    let effect = WriteEffect::Incident(IncidentAsk { id: id.clone(), what, after });
    if dry_run {
        gate.rehearse(effect, None).await?;
        return Ok(said);
    }
    Ok(gate.perform(effect, None, &Watch::default()).await?.notes)
}

fn would(id: &IncidentId, told: &[String], as_json: bool) -> Result<Answer, CliError> {
    if as_json {
        return Ok(Answer::fine(output::json(&json!({ "dry_run": true, "incident": id, "would": told }))?));
    }
    Ok(Answer::fine(told.iter().map(|line| format!("{} in {id}\n", escape(line))).collect::<String>()))
}

/// The runbook that an incident walks.
fn walked<'r>(incident: &Incident, runbooks: &'r Runbooks) -> Result<&'r Runbook, CliError> {
    let failed = |message: String| CliError::Failed {
        message,
        hint: Some("--runbook NAME walks another; lakeward runbook list shows those there are".into()),
    };
    let (id, _) = incident.runbook.as_ref().ok_or_else(|| failed("no runbook fits this incident".to_owned()))?;
    let runbook = runbooks.named(&id.0).ok_or_else(|| failed(format!("runbook {} is gone", escape(&id.0))))?;
    Ok(runbook)
}

/// What is asked of a step, as what happened.
async fn asked(
    session: &Session,
    incident: &Incident,
    runbook: &Runbook,
    args: &RunbookRun,
    now: DateTime<Utc>,
) -> Result<Option<Happening>, CliError> {
    let usage =
        |message: String| CliError::Usage { message, hint: "lakeward runbook show NAME lists the steps".into() };
    let StepAct { probe, done, skip, over, applies, does_not_apply, reopen } = &args.act;
    let mark = match (done, skip, over, applies, does_not_apply, reopen) {
        (true, ..) => Some((Mark::Done, None)),
        (_, Some(reason), ..) => Some((Mark::Skipped, Some(reason.clone()))),
        (_, _, Some(reason), ..) => Some((Mark::Overridden, Some(reason.clone()))),
        (_, _, _, true, ..) => Some((Mark::Applies, None)),
        (_, _, _, _, true, _) => Some((Mark::DoesNotApply, None)),
        (_, _, _, _, _, true) => Some((Mark::Reopened, None)),
        _ => None,
    };
    if mark.is_none() && !probe {
        return Ok(None);
    }
    let step = match &args.step {
        Some(number) => {
            let number = number.parse().map_err(usage)?;
            runbook.step(&number).ok_or_else(|| usage(format!("{} has no step {number}", runbook.id)))?
        }
        None => incident.walk.current(runbook).ok_or_else(|| CliError::Failed {
            message: "every step is settled".to_owned(),
            hint: Some("--step N names one".into()),
        })?,
    };
    let number = step.number.clone();
    if let Some((mark, reason)) = mark {
        incident.walk.may(runbook, step, mark, reason.as_deref()).map_err(|why| CliError::Failed {
            message: escape(&why).into_owned(),
            hint: Some("--probe looks anew; --skip and --override take a reason".into()),
        })?;
        return Ok(Some(Happening::Step { step: number, mark, reason }));
    }
    let probe = step.directive.and_then(Directive::probe);
    let probe = probe.ok_or_else(|| usage(format!("step {number} has no probe")))?;
    Ok(Some(Happening::Probed { step: number, finding: session.probe(probe, incident, now).await }))
}

/// Where a walk stands.
fn stand(
    incident: &Incident,
    runbook: &Runbook,
    told: Vec<String>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let current = incident.walk.current(runbook);
    let exit = if current.is_some() { Exit::NotFine } else { Exit::Fine };
    let notes = told.iter().map(|note| format!("lakeward: {}", escape(note))).collect();
    let (done, all) = incident.walk.progress(runbook);
    let variables = &incident.about.variables;
    let why = incident.runbook.as_ref().map(|(_, why)| why.as_str()).unwrap_or_default();
    if as_json {
        let steps: Vec<_> = runbook
            .steps
            .iter()
            .map(|step| {
                json!({ "number": step.number, "title": variables.fill(&step.title).text,
                        "state": incident.walk.state(runbook, step), "records": incident.walk.of(&step.number) })
            })
            .collect();
        let text = output::json(&json!({
            "incident": incident.id, "title": incident.about.title, "opened": incident.opened, "by": incident.by,
            "runbook": runbook.id, "why": why, "settled": done, "of": all,
            "next": current.map(|step| of_step(step, variables)), "steps": steps,
        }))?;
        return Ok(Answer { notes, ..Answer::fine(text).ending(exit) });
    }
    let mut text = format!(
        "{}  {}\nrunbook {}, chosen for {}: {done} of {all} steps settled\n\n",
        escape(&incident.id.0),
        escape(&incident.about.title),
        escape(&runbook.id.0),
        escape(why)
    );
    for step in &runbook.steps {
        let state = incident.walk.state(runbook, step);
        let here = if current.is_some_and(|c| c.number == step.number) { '>' } else { ' ' };
        let indent = "  ".repeat(step.number.depth());
        let title = escape(&variables.fill(&step.title).text).into_owned();
        let said = if state == StepState::Open { String::new() } else { format!("  ({})", state.says()) };
        text.push_str(&format!("{here} {indent}{} {title}{said}\n", step.number));
        if let Some(last) = incident.walk.of(&step.number).last() {
            text.push_str(&format!("  {indent}    {}\n", of_record(last, now)));
        }
    }
    match current {
        Some(step) => text.push_str(&format!("\nnext:\n{}", lines_of(step, variables))),
        None => text.push_str("\nevery step is settled\n"),
    }
    Ok(Answer { notes, ..Answer::fine(text).ending(exit) })
}

fn of_record(record: &StepRecord, now: DateTime<Utc>) -> String {
    match record {
        StepRecord::Probed(finding) => {
            format!("{}: {}  {}", finding.verdict.says(), escape(&finding.summary), time(finding.at, now))
        }
        StepRecord::Acted { action, done, detail, at, by, .. } => {
            let how = if *done { "done" } else { "not done" };
            format!("{} {how}: {}  {} {}", action.word(), escape(detail), escape(by), time(*at, now))
        }
        StepRecord::Marked { mark, reason, at, by } => {
            let reason = reason.as_deref().map(|r| format!(": {}", escape(r))).unwrap_or_default();
            format!("{}{reason}  {} {}", mark.word().replace('_', " "), escape(by), time(*at, now))
        }
    }
}
