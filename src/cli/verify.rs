//! `verify`: the five checks of an incident, made without a screen, signed off or waived.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::args::Verify as Arguments;
use super::exit::{CliError, Exit};
use super::incident::unread;
use super::output::{self, Answer};
use super::table::time;
use crate::model::incident::{Happening, Incident, IncidentId, IncidentStatus};
use crate::model::text::escape;
use crate::model::verify::{Check, CheckStatus, Standing};
use crate::ops::{IncidentAsk, Session};

/// Runs the command.
pub async fn run(args: &Arguments, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let id = match &args.incident {
        Some(id) => IncidentId(id.as_str().into()),
        None => only_open(session).await?.id,
    };
    let (mut incident, fault) = session.incident_told(&id).await?;
    let mut notes: Vec<String> = fault.iter().map(unread).collect();
    if let (Some(check), Some(reason)) = (args.waive, &args.reason) {
        let what = vec![Happening::Waived { check: check.into(), reason: reason.clone() }];
        incident = recorded(session, incident, what, now, &mut notes).await?;
    }
    let checks: Vec<Check> = match args.only.as_slice() {
        [] => Check::ALL.into(),
        some => some.iter().map(|check| Check::from(*check)).collect(),
    };
    if !args.no_probe {
        let mut made = session.checked(&incident, &checks, now).await;
        made.retain(|what| is_news(what, &incident, session.settings().evidence_for()));
        if !made.is_empty() {
            incident = recorded(session, incident, made, now, &mut notes).await?;
        }
    }
    let fresh_for = session.settings().evidence_for();
    // What came since counts too, whatever the clocks of the machines say.
    let now = now.max(incident.last());
    let wanted: Vec<Check> = match args.sign_all {
        true => {
            Check::ALL.into_iter().filter(|check| incident.checks.may_sign(*check, now, fresh_for).is_ok()).collect()
        }
        false => args.sign.iter().map(|check| Check::from(*check)).collect(),
    };
    let mut signed = Vec::new();
    for check in wanted {
        match incident.checks.may_sign(check, now, fresh_for) {
            Ok(()) => signed.push(Happening::Signed { check, note: args.note.clone() }),
            Err(why) => notes.push(format!("lakeward: {} is not signed off: {}", check.word(), escape(&why))),
        }
    }
    if !signed.is_empty() {
        incident = recorded(session, incident, signed, now, &mut notes).await?;
    }
    let now = now.max(incident.last());
    let standings = incident.checks.standings(now, fresh_for);
    let fine = fault.is_none() && standings.iter().all(|standing| standing.status.is_green());
    let text = match as_json {
        true => output::json(&json!({
            "incident": incident.id, "status": incident.status().word(), "checks": standings.iter().map(of_check).collect::<Vec<_>>(),
        }))?,
        false => table(&incident, &standings, now),
    };
    Ok(Answer { notes, ..Answer::fine(text).ending(if fine { Exit::Fine } else { Exit::NotFine }) })
}

/// Whether what was found is worth an event: a machine that asks every minute would bury what people do. What is found
/// again as it was is written down again when half of the time is over for which it counts.
fn is_news(what: &Happening, incident: &Incident, counts_for: Duration) -> bool {
    let Happening::Checked { check, finding } = what else { return true };
    let Some(known) = incident.checks.log(*check).and_then(|log| log.finding.as_ref()) else { return true };
    // When it was seen differs each time: what it says is what matters.
    let same = (known.verdict, &known.summary) == (finding.verdict, &finding.summary);
    let acted = incident
        .events
        .iter()
        .rev()
        .any(|event| event.at > known.at && matches!(event.what, Happening::Did(_) | Happening::Acted { .. }));
    !same || acted || finding.at - known.at > counts_for / 2
}

/// The incident that is open, if one is and no other.
async fn only_open(session: &Session) -> Result<Incident, CliError> {
    let (incidents, fault) = session.incidents_now(Utc::now()).await?;
    if let Some(fault) = fault {
        output::complain(&[format!("lakeward: {}", escape(&fault.to_string()))]);
    }
    let mut open = incidents.iter().filter(|incident| incident.status() != IncidentStatus::Resolved);
    match (open.next(), open.next()) {
        (Some(incident), None) => Ok(incident.as_ref().clone()),
        (None, _) => Err(CliError::Failed {
            message: "no incident is open".into(),
            hint: Some("lakeward incident open --alert KEY opens one; --incident ID names one that is over".into()),
        }),
        (Some(_), Some(_)) => Err(CliError::Usage {
            message: "more than one incident is open".into(),
            hint: "--incident ID; lakeward incident list --open".into(),
        }),
    }
}

async fn recorded(
    session: &Session,
    incident: Incident,
    what: Vec<Happening>,
    now: DateTime<Utc>,
    notes: &mut Vec<String>,
) -> Result<Incident, CliError> {
    let ask = IncidentAsk::of(&incident, what);
    let walked = session.note(ask, Some(&incident), now).await?;
    notes.extend(walked.notes.iter().map(|note| format!("lakeward: {}", escape(note))));
    Ok(std::sync::Arc::unwrap_or_clone(walked.incident))
}

/// A check, with the fields that scripts rely on.
pub(super) fn of_check(standing: &Standing<'_>) -> serde_json::Value {
    json!({
        "check": standing.check,
        "status": standing.status.word(),
        "reason": standing.reason,
        "evidence": standing.evidence,
        "signed_off_by": standing.signed.map(|name| &name.by),
        "checked_at": standing.at,
    })
}

fn table(incident: &Incident, standings: &[Standing<'_>], now: DateTime<Utc>) -> String {
    let mut text = format!("{}  {}\n", escape(&incident.id.0), escape(&incident.about.title));
    text.push_str(&lines(standings, now));
    let left = standings.iter().filter(|standing| !standing.is_settled()).count();
    text.push_str(&match left {
        0 => format!("every check is settled; lakeward incident resolve {}\n", escape(&incident.id.0)),
        n => format!("{n} of {} are not settled yet\n", standings.len()),
    });
    text
}

/// A line for each check, with what it rests on.
pub(super) fn lines(standings: &[Standing<'_>], now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for (i, standing) in standings.iter().enumerate() {
        let sign = match standing.status {
            CheckStatus::Pass => "✓",
            CheckStatus::Waived => "–",
            CheckStatus::Fail | CheckStatus::Error => "✗",
            CheckStatus::NoEvidence => "·",
        };
        let by = standing.signed.map(|name| format!("  signed off by {}", escape(&name.by))).unwrap_or_default();
        let status = standing.status.word().replace('_', " ");
        text.push_str(&format!(
            "{sign} {} {:<26} {status}: {}{by}\n",
            i + 1,
            standing.check.title(),
            escape(&standing.reason)
        ));
        for evidence in standing.evidence {
            let age = time(evidence.observed_at, now);
            text.push_str(&format!("      {}  {age}\n        {}\n", escape(&evidence.detail), escape(&evidence.uri)));
        }
    }
    text
}
