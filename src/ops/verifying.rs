//! The checks of an incident, made together on one look at the lake.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::incidents::alerted;
use super::{Session, Snapshot};
use crate::model::incident::{Happening, Incident};
use crate::model::verify::Check;

impl Session {
    /// Makes some checks, side by side on one look at the lake; what was found, and which of its alerts cleared or came back
    /// since it was last looked at, as it is to be recorded.
    pub async fn checked(&self, incident: &Incident, checks: &[Check], now: DateTime<Utc>) -> Vec<Happening> {
        self.asked_of.lock().unwrap_or_else(PoisonError::into_inner).extend(incident.dates());
        let snapshot = self.refresh(now, |_| {}).await;
        let made = checks.iter().map(|check| async {
            let finding = self.probe_on(check.probe(), incident, Some(&snapshot), now).await;
            Happening::Checked { check: *check, finding }
        });
        let mut what = join_all(made).await;
        what.extend(turns(incident, &snapshot));
        what
    }
}

/// What became of the alerts of an incident since it was last told.
fn turns(incident: &Incident, snapshot: &Snapshot) -> Vec<Happening> {
    let turn = |key: &String| {
        let (alert, cleared) = (snapshot.alerts.iter().find(|alert| alert.key == *key), incident.cleared.contains(key));
        match alert {
            Some(alert) if cleared => Some(alerted(alert)),
            // A source that did not answer, or did not look everywhere, clears nothing.
            None if !cleared && snapshot.clears(key) => Some(Happening::Cleared { key: key.clone() }),
            _ => None,
        }
    };
    incident.about.alerts.iter().filter_map(turn).collect()
}
