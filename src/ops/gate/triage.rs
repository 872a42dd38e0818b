//! Acts on alerts: records of lakeward's own that are added beside the data. They touch no data, so a protected
//! environment takes them as it is, and they ask for nothing more than to be said; a read-only run writes nothing.

use chrono::{DateTime, Utc};

use super::{Gate, GateError, Outcome, WriteEffect};
use crate::lake::Condition;
use crate::model::protection::{Locked, Protection};
use crate::model::severity::Severity;
use crate::model::triage::{TriageAct, TriageRecord};
use crate::ops::moves::records;
use crate::ops::triage::key;

/// Notes are sentences. Characters.
const NOTE: usize = 1000;

/// An act on alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageAsk {
    /// The keys of the alerts, and how bad each one is.
    pub alerts: Vec<(String, Severity)>,
    /// What is done with all of them.
    pub act: TriageAct,
    /// Why, in words.
    pub note: Option<String>,
}

impl TriageAsk {
    fn records(&self, actor: &str, at: DateTime<Utc>) -> Vec<TriageRecord> {
        let note = self.note.as_deref().map(str::trim).filter(|n| !n.is_empty());
        let note: Option<String> = note.map(|n| n.chars().take(NOTE).collect());
        let record = |(alert, severity): &(String, Severity)| TriageRecord {
            schema: 1,
            at,
            actor: actor.to_owned(),
            alert: alert.clone(),
            severity: *severity,
            act: self.act.clone(),
            note: note.clone(),
        };
        self.alerts.iter().map(record).collect()
    }
}

impl Gate {
    pub(super) async fn triaged(
        &self,
        effect: &WriteEffect,
        ask: &TriageAsk,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        if self.protection() == Protection::ReadOnly {
            return Err(GateError::Locked(Locked::ReadOnly));
        }
        let triaged = ask.records(&self.actor.name(), (self.clock)());
        let alerts: Vec<&str> = ask.alerts.iter().map(|(key, _)| key.as_str()).collect();
        let alerts = alerts.join(", ");
        let mut outcome = Outcome { triaged, ..Outcome::nothing() };
        if rehearsal {
            return Ok(outcome);
        }
        for record in &outcome.triaged {
            let key = key(&self.prefixes.state, record);
            self.lake.put(&key, records::json(record), Some(Condition::Absent)).await?;
        }
        let detail = ask.note.clone().unwrap_or_else(|| "without a note".to_owned());
        let record = self.record_of(effect, "done", detail, None, &alerts, &outcome);
        outcome.notes.extend(self.audit(record).await);
        Ok(outcome)
    }
}
