//! Incidents: what an operator opens on an alert. Events are added and never changed; what an incident is now is folded
//! from them, in one order on every host.

mod event;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use event::{Happening, IncidentEvent};

use super::alert::Alert;
use super::category::FailureCategory;
use super::dataset::Layer;
use super::runbook::walk::{StepRecord, Walk};
use super::runbook::{RunbookId, Variables};
use super::severity::Severity;

/// Names an incident: `20261125-crm-contacts-9f3a01be`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub Arc<str>);

impl IncidentId {
    /// A name for an incident on an alert that is opened now: two who open one on the same day open the same.
    pub fn new(at: DateTime<Utc>, about: &str, alert: &str) -> Self {
        let about: String = about.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let about = about.trim_matches('-').to_ascii_lowercase();
        let told = Sha256::digest(alert.as_bytes());
        let told: String = told.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let parts = [at.format("%Y%m%d").to_string(), about.to_owned(), told];
        Self(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-").into())
    }

    /// Whether it can be part of a key: whoever typed it.
    pub fn is_sound(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= 100 && self.0.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an incident is about, as its opening says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// One line. Hostile text.
    pub title: String,
    /// Keys of its alerts.
    pub alerts: Vec<String>,
    /// How bad it was when it was opened.
    pub severity: Severity,
    /// The failure category.
    pub category: FailureCategory,
    /// The dataset, if it is about one.
    pub dataset: Option<String>,
    /// Its layer, if known.
    pub layer: Option<Layer>,
    /// The date of the data, if it is about one.
    pub date: Option<NaiveDate>,
    /// The job, if it is about one.
    pub job: Option<String>,
    /// What stands for what in runbooks.
    pub variables: Variables,
}

impl About {
    /// What an alert is about.
    pub fn alert(alert: &Alert, variables: Variables) -> Self {
        Self {
            title: alert.summary.clone(),
            alerts: vec![alert.key.clone()],
            severity: alert.severity,
            category: alert.category,
            dataset: Some(alert.dataset.as_str().to_owned()).filter(|name| !name.is_empty()),
            layer: alert.layer,
            date: alert.date,
            job: alert.job.as_ref().map(|job| job.0.to_string()),
            variables,
        }
    }
}

/// An incident as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Which.
    pub id: IncidentId,
    /// What it is about.
    pub about: About,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// Who opened it. Hostile text.
    pub by: String,
    /// The runbook that is walked, and why this one.
    pub runbook: Option<(RunbookId, String)>,
    /// Where it is walked to.
    pub walk: Walk,
    /// All that happened, in its order.
    pub events: Vec<IncidentEvent>,
}

impl Incident {
    /// What events come to; none if none of them opens it. They may come in any order, and twice.
    pub fn of(id: &IncidentId, events: impl IntoIterator<Item = IncidentEvent>) -> Option<Self> {
        let mut events: Vec<IncidentEvent> = events.into_iter().collect();
        events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        events.dedup_by(|a, b| a.id == b.id);
        let (opened, about) = events.iter().find_map(|event| match &event.what {
            Happening::Opened(about) => Some((event, about.clone())),
            _ => None,
        })?;
        let mut incident = Self {
            id: id.clone(),
            about,
            opened: opened.at,
            by: opened.actor.clone(),
            runbook: None,
            walk: Walk::default(),
            events: Vec::new(),
        };
        for event in &events {
            incident.fold(event);
        }
        incident.events = events;
        Some(incident)
    }

    fn fold(&mut self, event: &IncidentEvent) {
        let (at, by) = (event.at, event.actor.clone());
        match &event.what {
            // Two who open it at once may have other runbooks at hand: the first choice stands until somebody makes another.
            Happening::Runbook { by_hand: false, .. } if self.runbook.is_some() => {}
            Happening::Runbook { runbook, why, .. } => {
                // Another runbook is walked from its beginning.
                if self.runbook.as_ref().is_none_or(|(before, _)| before != runbook) {
                    self.walk = Walk::default();
                }
                self.runbook = Some((runbook.clone(), why.clone()));
            }
            Happening::Probed { step, finding } => self.walk.record(step.clone(), StepRecord::Probed(finding.clone())),
            Happening::Acted { step, action, done, detail, began } => {
                let (action, done, began) = (*action, *done, *began);
                let record = StepRecord::Acted { action, done, detail: detail.clone(), began, at, by };
                self.walk.record(step.clone(), record);
            }
            Happening::Step { step, mark, reason } => {
                let record = StepRecord::Marked { mark: *mark, reason: reason.clone(), at, by };
                self.walk.record(step.clone(), record);
            }
            Happening::Opened(_) | Happening::Note { .. } => {}
        }
    }

    /// When something happened last.
    pub fn last(&self) -> DateTime<Utc> {
        self.events.last().map_or(self.opened, |event| event.at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
