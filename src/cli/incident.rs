//! `incident`: what is open, who has it, what happened, how it is handed on, how it ends, and its report.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::{Incident as Arguments, IncidentAct, ReportArgs, ReportForm};
use super::exit::CliError;
use super::output::{self, Answer};
use super::table::{Side, Table, ago};
use super::verify::{lines, of_check};
use super::writes;
use crate::lake::LakeError;
use crate::model::incident::{Handover, Happening, Incident, IncidentId, IncidentStatus};
use crate::model::report::{Report, line};
use crate::model::text::escape;
use crate::ops::{IncidentAsk, ReportAsk, Session, Watch, WriteEffect};

/// Runs one of them.
pub async fn run(
    command: &Arguments,
    session: &Session,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    match command {
        Arguments::List { open } => list(session, *open, as_json, now).await,
        Arguments::Show { id } => shown(session, &known(session, id).await?, Vec::new(), as_json, now),
        Arguments::Open { alert } => opened(session, alert, as_json, now).await,
        Arguments::Report(args) => report(session, args, as_json).await,
        Arguments::Act(asked) => {
            let (id, what) = act(session, asked, now).await?;
            let incident = known(session, id).await?;
            let ask = IncidentAsk::of(&incident, vec![what]);
            let gate = writes::gate(session)?;
            let notes = gate.perform(WriteEffect::Incident(ask), None, &Watch::default()).await?.notes;
            shown(session, &known(session, id).await?, notes, as_json, now)
        }
    }
}

async fn known(session: &Session, id: &str) -> Result<Incident, CliError> {
    let (incident, fault) = session.incident_told(&IncidentId(id.into())).await?;
    output::complain(&fault.map(|fault| unread(&fault)).into_iter().collect::<Vec<_>>());
    Ok(incident)
}

/// That the rest of an incident may tell another story.
pub(super) fn unread(fault: &LakeError) -> String {
    format!("lakeward: not all of it could be read: {}", escape(&fault.to_string()))
}

/// What is to be recorded, and of which incident.
async fn act<'c>(
    session: &Session,
    command: &'c IncidentAct,
    now: DateTime<Utc>,
) -> Result<(&'c str, Happening), CliError> {
    let you = || session.gate().map(|gate| gate.actor().name()).unwrap_or_default();
    Ok(match command {
        IncidentAct::Note { id, text, check } => {
            (id, Happening::Note { text: text.clone(), check: check.map(Into::into) })
        }
        IncidentAct::Own { id, to, nobody } => {
            let owner = (!nobody).then(|| to.clone().unwrap_or_else(you));
            (id, Happening::Owned { owner })
        }
        IncidentAct::Watch { id, stop } => (id, Happening::Watched { who: you(), watches: !stop }),
        IncidentAct::Severity { id, severity, reason } => {
            (id, Happening::Severity { severity: (*severity).into(), reason: reason.clone() })
        }
        IncidentAct::Handover { id, to, note } => {
            let incident = known(session, id).await?;
            let snapshot = session.refresh(now, |_| {}).await;
            let runbooks = session.runbooks().await;
            let handover = session.handover(&incident, &snapshot, &runbooks, to.clone(), note.clone(), now).await;
            (id, Happening::HandedOver(handover))
        }
        IncidentAct::Accept { id } => {
            if known(session, id).await?.handover.is_none() {
                let message = format!("{} was not handed over", escape(id));
                return Err(CliError::Failed { message, hint: Some("lakeward incident own ID takes it".into()) });
            }
            (id, Happening::Accepted)
        }
        IncidentAct::Resolve { id, note } => {
            let incident = known(session, id).await?;
            let follow_ups = session.runbooks().await.follow_ups(&incident);
            (id, Happening::Resolved { note: note.clone(), follow_ups })
        }
        IncidentAct::Reopen { id, reason } => (id, Happening::Reopened { reason: reason.clone() }),
    })
}

async fn list(session: &Session, open: bool, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let (mut incidents, fault) = session.incidents_now(now).await?;
    if open {
        incidents.retain(|incident| incident.status() != IncidentStatus::Resolved);
    }
    let notes = fault.iter().map(|fault| format!("lakeward: {}", escape(&fault.to_string()))).collect();
    let fresh_for = session.settings().evidence_for();
    if as_json {
        let all: Vec<_> = incidents.iter().map(|incident| brief(incident, now, fresh_for)).collect();
        return Ok(Answer { notes, ..Answer::fine(output::json(&all)?) });
    }
    let mut table = Table::new(&[
        ("incident", Side::Left),
        ("status", Side::Left),
        ("severity", Side::Left),
        ("checks", Side::Right),
        ("opened", Side::Right),
        ("owner", Side::Left),
        ("title", Side::Left),
    ]);
    for incident in &incidents {
        let standings = incident.checks.standings(now.max(incident.last()), fresh_for);
        let settled = standings.iter().filter(|standing| standing.is_settled()).count();
        table.row([
            &*incident.id.0,
            incident.status().word(),
            incident.severity.word(),
            &format!("{settled}/{}", standings.len()),
            &ago(incident.opened, now),
            incident.owner.as_deref().unwrap_or("nobody"),
            &incident.about.title,
        ]);
    }
    Ok(Answer { notes, ..Answer::fine(table.render()) })
}

/// An incident, with the fields that scripts rely on.
fn brief(incident: &Incident, now: DateTime<Utc>, fresh_for: chrono::Duration) -> serde_json::Value {
    let about = &incident.about;
    let standings = incident.checks.standings(now.max(incident.last()), fresh_for);
    json!({
        "incident": incident.id, "status": incident.status(), "severity": incident.severity,
        "category": about.category, "dataset": about.dataset, "date": about.date, "layer": about.layer,
        "job": about.job, "title": about.title, "alerts": about.alerts, "owner": incident.owner,
        "watchers": incident.watchers, "opened": incident.opened, "by": incident.by, "times": incident.times,
        "runbook": incident.runbook.as_ref().map(|(id, _)| id),
        "checks": standings.iter().map(of_check).collect::<Vec<_>>(), "handover": incident.handover,
    })
}

fn shown(
    session: &Session,
    incident: &Incident,
    told: Vec<String>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let notes = told.iter().map(|note| format!("lakeward: {}", escape(note))).collect();
    let fresh_for = session.settings().evidence_for();
    let timeline: Vec<_> = incident.events.iter().map(line).collect();
    if as_json {
        let mut value = brief(incident, now, fresh_for);
        value["timeline"] = output::tree(&timeline)?;
        return Ok(Answer { notes, ..Answer::fine(output::json(&value)?) });
    }
    let about = &incident.about;
    let owner = incident.owner.as_deref().unwrap_or("nobody");
    let mut text = format!(
        "{}  {}\n{}, {}, {}; {} has it; opened {} by {}\n",
        escape(&incident.id.0),
        escape(&about.title),
        incident.status().word(),
        incident.severity.word(),
        about.category.word().replace('_', " "),
        escape(owner),
        ago(incident.opened, now),
        escape(&incident.by)
    );
    text.push_str("\nchecks\n");
    text.push_str(&lines(&incident.checks.standings(now.max(incident.last()), fresh_for), now));
    if let Some(handover) = &incident.handover {
        text.push_str(&format!("\nhanded over to {}\n", escape(handover.to.as_deref().unwrap_or("whoever is next"))));
        text.push_str(&parts(handover));
    }
    text.push_str("\ntimeline\n");
    for line in &timeline {
        let at = line.at.format("%Y-%m-%d %H:%M:%S");
        text.push_str(&format!("  {at}  {:<12} {}  {}\n", line.event.replace('_', " "), line.actor, line.text));
    }
    Ok(Answer { notes, ..Answer::fine(text) })
}

/// What is handed over, part by part.
fn parts(handover: &Handover) -> String {
    let mut text = String::new();
    for (name, lines) in handover.parts() {
        text.push_str(&format!("  {name}\n"));
        text.extend(lines.iter().map(|line| format!("    {}\n", escape(line))));
    }
    text
}

async fn opened(session: &Session, key: &str, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let snapshot = session.refresh(now, |_| {}).await;
    let alert = snapshot.alerts.iter().find(|alert| alert.key == key).ok_or_else(|| CliError::Failed {
        message: format!("no alert {} is there now", escape(key)),
        hint: Some("lakeward alerts --json lists their keys; a source that fails may hide one".into()),
    })?;
    let runbooks = session.runbooks().await;
    let opening = session.opening(alert, &snapshot, &runbooks, None, now);
    let id = opening.ask.id.clone();
    let mut notes = Vec::new();
    if !opening.ask.what.is_empty() {
        let gate = writes::gate(session)?;
        notes = gate.perform(WriteEffect::Incident(opening.ask), None, &Watch::default()).await?.notes;
    } else if opening.joined {
        notes.push("it was open already: you joined it".to_owned());
    }
    shown(session, &session.incident(&id).await?, notes, as_json, now)
}

async fn report(session: &Session, args: &ReportArgs, as_json: bool) -> Result<Answer, CliError> {
    let incident = known(session, &args.id).await?;
    let mut notes = Vec::new();
    if args.store || args.out.is_some() {
        let gate = writes::gate(session)?;
        let ask = ReportAsk { id: incident.id.clone(), stored: args.store, file: args.out.clone() };
        let outcome = gate.perform(WriteEffect::Report(ask), None, &Watch::default()).await?;
        notes.extend(outcome.path.iter().map(|path| format!("lakeward: stored as {}", session.lake().uri(path))));
        notes.extend(outcome.notes.iter().map(|note| format!("lakeward: {}", escape(note))));
    }
    if args.out.is_some() {
        return Ok(Answer { notes, ..Answer::fine(String::new()) });
    }
    let report = Report::of(&incident);
    let text = match args.format {
        _ if as_json => report.json(),
        ReportForm::Json => report.json(),
        ReportForm::Html => report.html(),
        ReportForm::Markdown => report.markdown(),
    };
    Ok(Answer { notes, ..Answer::fine(text) })
}
