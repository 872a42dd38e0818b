//! The five checks of an incident: made together, recorded, and what keeps it from being over.

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::Session;
use super::gate::{GateError, IncidentAsk};
use super::walking::Walked;
use crate::model::incident::{Happening, Incident};
use crate::model::verify::Check;

impl Session {
    /// Makes some checks, side by side on one look at the lake; what was found, as it is to be recorded.
    pub async fn checked(&self, incident: &Incident, checks: &[Check], now: DateTime<Utc>) -> Vec<Happening> {
        let snapshot = self.refresh(now, |_| {}).await;
        let made = checks.iter().map(|check| async {
            let finding = self.probe_on(check.probe(), incident, Some(&snapshot), now).await;
            Happening::Checked { check: *check, finding }
        });
        join_all(made).await
    }

    /// Makes some checks, and records what they found.
    pub async fn verify(&self, incident: &Incident, checks: &[Check], now: DateTime<Utc>) -> Result<Walked, GateError> {
        let what = self.checked(incident, checks, now).await;
        self.note(IncidentAsk::of(incident, what), Some(incident), now).await
    }
}
