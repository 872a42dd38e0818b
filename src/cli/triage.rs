//! `alerts ack`, `silence`, `assign`, `reopen` and `history`: what people do with alerts, and what became of them.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::args::{AlertsAct, OnAlerts};
use super::config::duration;
use super::exit::CliError;
use super::output::{self, Answer};
use super::table::{Side, Table, time};
use super::{alerts, writes};
use crate::model::text::escape;
use crate::model::triage::{LASTS, TriageAct};
use crate::ops::{Session, TriageAsk, Watch, WriteEffect};

/// Runs one of them.
pub async fn run(act: &AlertsAct, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let (on, act) = match act {
        AlertsAct::History { days } => return history(session, *days, as_json, now).await,
        AlertsAct::Ack(on) => (on, TriageAct::Acknowledge),
        AlertsAct::Silence { on, length } => (on, TriageAct::Silence { until: now + silence(length)? }),
        AlertsAct::Assign { on, to } => (on, TriageAct::Assign { to: to.trim().to_owned() }),
        AlertsAct::Reopen(on) => (on, TriageAct::Reopen),
    };
    act_on(session, on, act, as_json, now).await
}

/// A length that an alert may be silent for.
pub fn silence(text: &str) -> Result<Duration, CliError> {
    let length = duration::parse(text).filter(|length| *length > Duration::zero() && *length <= LASTS);
    length.ok_or_else(|| CliError::Usage {
        message: format!("--for {text}: not a time, or longer than {} days", LASTS.num_days()),
        hint: format!("a time: {}", duration::ALLOWED),
    })
}

async fn act_on(
    session: &Session,
    on: &OnAlerts,
    act: TriageAct,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let gate = writes::gate(session)?;
    let snapshot = session.refresh(now, |_| {}).await;
    let mut named = Vec::new();
    for key in &on.keys {
        let alert = snapshot.alerts.iter().find(|a| a.key == *key).ok_or_else(|| CliError::Failed {
            message: format!("no alert {} is there now", escape(key)),
            hint: Some("lakeward alerts --json lists their keys; a source that fails may hide one".into()),
        })?;
        named.push((alert.key.clone(), alert.severity));
    }
    let effect = WriteEffect::Triage(TriageAsk { alerts: named, act: act.clone(), note: on.note.clone() });
    let outcome = match on.dry_run {
        true => gate.rehearse(effect, None).await?,
        false => gate.perform(effect, None, &Watch::default()).await?,
    };
    let notes = alerts::failed_sources(&snapshot.sources);
    if as_json {
        let text = output::json(&json!({ "dry_run": on.dry_run, "records": outcome.triaged, "notes": outcome.notes }))?;
        return Ok(Answer { notes, ..Answer::fine(text) });
    }
    let would = if on.dry_run { "would record: " } else { "" };
    let mut text: String =
        outcome.triaged.iter().map(|r| format!("{would}{} {}\n", r.act.word(), escape(&r.alert))).collect();
    text.extend(outcome.notes.iter().map(|note| format!("note: {}\n", escape(note))));
    Ok(Answer { notes, ..Answer::fine(text) })
}

async fn history(session: &Session, days: u32, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let events = session.alert_history(days, now).await?;
    if as_json {
        return Ok(Answer::fine(output::json(&events)?));
    }
    if events.is_empty() {
        let text = format!("nothing fired, cleared or was done in {days} days, as far as this machine saw\n");
        return Ok(Answer::fine(text));
    }
    let mut table = Table::new(&[
        ("when (UTC)", Side::Left),
        ("what", Side::Left),
        ("severity", Side::Left),
        ("alert", Side::Left),
        ("who", Side::Left),
        ("detail", Side::Left),
    ]);
    for e in &events {
        table.row([
            time(e.at, now).as_str(),
            e.event.word(),
            e.severity.word(),
            &e.key,
            e.by.as_deref().unwrap_or("-"),
            &e.detail,
        ]);
    }
    Ok(Answer::fine(table.render()))
}
