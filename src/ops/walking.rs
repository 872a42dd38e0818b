//! Walking a runbook: turning to an alert, running a step's probe, writing down what was said of it. Reads and records;
//! what a step changes goes the way of every change.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Duration, Utc};

use super::gate::{GateError, IncidentAsk, Outcome, WriteEffect};
use super::moves::Watch;
use super::runbooks::Runbooks;
use super::{Session, Snapshot};
use crate::model::alert::Alert;
use crate::model::incident::{Incident, IncidentEvent};
use crate::model::protection::{Confirmation, Locked};
use crate::model::runbook::RunbookId;

/// An incident as it stands after something was asked of it.
#[derive(Debug, Clone)]
pub struct Walked {
    /// It.
    pub incident: Arc<Incident>,
    /// Whether what happened is on the lake: a read-only run records nothing, and is shown all the same.
    pub recorded: bool,
    /// What the gate had to say. Hostile text.
    pub notes: Vec<String>,
}

impl Session {
    /// What the last refresh knew.
    pub fn last(&self) -> Snapshot {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens an incident on an alert, or joins the one that is open, with the runbook named, or the best that fits.
    pub async fn turn_to(
        &self,
        alert: &Alert,
        wanted: Option<&RunbookId>,
        runbooks: &Runbooks,
        now: DateTime<Utc>,
    ) -> Result<Walked, GateError> {
        let wanted = wanted.and_then(|id| runbooks.named(&id.0)).map(AsRef::as_ref);
        let opening = self.opening(alert, &self.last(), runbooks, wanted, now);
        self.note(opening.ask, None, now).await
    }

    /// Records what happened in an incident, and reads it anew: somebody else may have gone on with it. `known` is what
    /// it was, for a run that records nothing.
    pub async fn note(
        &self,
        ask: IncidentAsk,
        known: Option<&Incident>,
        now: DateTime<Utc>,
    ) -> Result<Walked, GateError> {
        let id = ask.id.clone();
        let asked = match (self.gate(), ask.what.is_empty()) {
            (_, true) => Ok(None),
            (Some(gate), false) => {
                let effect = WriteEffect::Incident(ask.clone());
                gate.perform(effect, Some(Confirmation::Yes), &Watch::default()).await.map(Some)
            }
            (None, false) => Err(GateError::Locked(Locked::ReadOnly)),
        };
        let outcome: Option<Outcome> = match asked {
            Ok(outcome) => outcome,
            Err(GateError::Locked(Locked::ReadOnly)) => {
                return unrecorded(ask, known, now).ok_or(GateError::Locked(Locked::ReadOnly));
            }
            Err(error) => return Err(error),
        };
        let (incident, fault) = self.incident_told(&id).await?;
        let mut notes = outcome.map(|o| o.notes).unwrap_or_default();
        notes.extend(fault.map(|fault| format!("not all of it could be read: {fault}")));
        Ok(Walked { incident: Arc::new(incident), recorded: true, notes })
    }
}

/// The incident as it would stand, in this run alone.
fn unrecorded(ask: IncidentAsk, known: Option<&Incident>, now: DateTime<Utc>) -> Option<Walked> {
    let mut events = known.map(|incident| incident.events.clone()).unwrap_or_default();
    let place = events.len();
    // After all that is known of it, as what is recorded would be.
    let now = known.map_or(now, |incident| now.max(incident.last() + Duration::milliseconds(1)));
    events.extend(ask.what.into_iter().enumerate().map(|(i, what)| IncidentEvent {
        schema: 1,
        id: format!("unrecorded-{:04}", place + i),
        at: now,
        actor: "you".to_owned(),
        what,
    }));
    let incident = Arc::new(Incident::of(&ask.id, events)?);
    Some(Walked { incident, recorded: false, notes: vec!["read-only: nothing of this is recorded".to_owned()] })
}
