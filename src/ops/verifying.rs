//! The checks of an incident, made together on one look at the lake.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::Session;
use crate::model::incident::{Happening, Incident};
use crate::model::verify::Check;

impl Session {
    /// Makes some checks, side by side on one look at the lake; what was found, as it is to be recorded.
    pub async fn checked(&self, incident: &Incident, checks: &[Check], now: DateTime<Utc>) -> Vec<Happening> {
        self.asked_of.lock().unwrap_or_else(PoisonError::into_inner).extend(incident.about.date);
        let snapshot = self.refresh(now, |_| {}).await;
        let made = checks.iter().map(|check| async {
            let finding = self.probe_on(check.probe(), incident, Some(&snapshot), now).await;
            Happening::Checked { check: *check, finding }
        });
        join_all(made).await
    }
}
