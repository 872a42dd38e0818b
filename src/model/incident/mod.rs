//! Incidents: what an operator opens on an alert. Events are added and never changed; what an incident is now is folded
//! from them, in one order on every host.

mod deed;
mod event;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use deed::{Deed, Handover, MarkedText};
pub use event::{Happening, IncidentEvent};

use super::alert::{Alert, Evidence};
use super::category::FailureCategory;
use super::dataset::Layer;
use super::masked;
use super::probe::Verdict;
use super::runbook::walk::{StepRecord, Walk};
use super::runbook::{Action, RunbookId, Variables};
use super::severity::Severity;
use super::verify::{Checklist, Signature};

/// From the answer to a plan to its beginning at the gate, at most.
const ANSWERED: Duration = Duration::minutes(1);

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
    /// Since when its alert was violated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When somebody acknowledged its alert, where that was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<DateTime<Utc>>,
    /// Rows that were rejected, as far as was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// What its alert rested on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl About {
    /// What an alert is about.
    pub fn alert(alert: &Alert, variables: Variables) -> Self {
        Self {
            title: masked::text(&alert.summary).into_owned(),
            alerts: vec![alert.key.clone()],
            severity: alert.severity,
            category: alert.category,
            dataset: Some(alert.dataset.as_str().to_owned()).filter(|name| !name.is_empty()),
            layer: alert.layer,
            date: alert.date,
            job: alert.job.as_ref().map(|job| job.0.to_string()),
            variables,
            // Where there never was any data, nothing began.
            since: Some(alert.since).filter(|since| *since > DateTime::UNIX_EPOCH + Duration::days(1)),
            acknowledged: None,
            rows: None,
            evidence: alert.evidence.iter().map(Evidence::masked).collect(),
        }
    }

    /// Whether a write is part of its story though whoever made it had not joined it: it is about the same data, or about
    /// the same job.
    pub fn is_told(&self, deed: &Deed) -> bool {
        let same = match &deed.dataset {
            Some(dataset) => self.dataset.as_ref() == Some(dataset),
            None => self.job.as_ref() == Some(&deed.object),
        };
        same && deed.concerns(self.date)
    }
}

/// Whether an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// It is not.
    Open,
    /// Something that mends was done, and the checks are not all settled.
    Mitigated,
    /// All checks were settled when somebody said so, and nothing spoke against it since.
    Resolved,
}

impl IncidentStatus {
    /// The word in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
        }
    }
}

/// The times of an incident, from its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When its alert began.
    pub detected: DateTime<Utc>,
    /// When somebody opened it.
    pub acknowledged: DateTime<Utc>,
    /// When the first act that mends was over.
    pub mitigated: Option<DateTime<Utc>>,
    /// When it was over.
    pub resolved: Option<DateTime<Utc>>,
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
    /// How bad it is now.
    pub severity: Severity,
    /// Who has it. Hostile text.
    pub owner: Option<String>,
    /// Who wants to be told of it. Hostile texts.
    pub watchers: BTreeSet<String>,
    /// The five checks.
    pub checks: Checklist,
    /// Its alerts that cleared and are not back.
    pub cleared: BTreeSet<String>,
    /// When it was first mended, and when it was resolved, if it is.
    pub times: Times,
    /// What was handed over and not accepted yet.
    pub handover: Option<Handover>,
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
        let times = Times {
            detected: about.since.map_or(opened.at, |since| since.min(opened.at)),
            acknowledged: about.acknowledged.map_or(opened.at, |at| at.min(opened.at)),
            mitigated: None,
            resolved: None,
        };
        let mut incident = Self {
            id: id.clone(),
            severity: about.severity,
            about,
            opened: opened.at,
            by: opened.actor.clone(),
            runbook: None,
            walk: Walk::default(),
            owner: Some(opened.actor.clone()),
            watchers: BTreeSet::new(),
            cleared: BTreeSet::new(),
            checks: Checklist::default(),
            times,
            handover: None,
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
                if done || action.mends() {
                    self.acted(action.mends(), done, began, at);
                }
                let record = StepRecord::Acted { action, done, detail: detail.clone(), began, at, by };
                self.walk.record(step.clone(), record);
            }
            Happening::Step { step, mark, reason } => {
                let record = StepRecord::Marked { mark: *mark, reason: reason.clone(), at, by };
                self.walk.record(step.clone(), record);
            }
            Happening::Did(deed) if deed.done || deed.touches() => {
                self.acted(deed.touches(), deed.done, deed.began, at);
            }
            Happening::Checked { check, finding } => {
                // What is not green any more is not over.
                let waived = self.checks.log(*check).is_some_and(|log| log.waived.is_some());
                if finding.verdict != Verdict::Pass && !waived {
                    self.times.resolved = None;
                }
                self.checks.found(*check, finding.clone());
            }
            Happening::Signed { check, note } => self.checks.signed(*check, Signature { by, at, text: note.clone() }),
            Happening::Waived { check, reason } => {
                self.checks.waived(*check, Signature { by, at, text: Some(reason.clone()) });
            }
            Happening::Note { text, check: Some(check) } => {
                self.checks.noted(*check, Signature { by, at, text: Some(text.clone()) });
            }
            Happening::Alerted { key, severity, .. } => {
                if !self.about.alerts.contains(key) {
                    self.about.alerts.push(key.clone());
                }
                self.cleared.remove(key);
                // The worse of them is how bad it is, unless somebody says otherwise.
                self.severity = self.severity.min(*severity);
            }
            Happening::Cleared { key, .. } => {
                self.cleared.insert(key.clone());
            }
            Happening::Owned { owner } => self.owner = owner.clone(),
            Happening::Watched { who, watches: true } => {
                self.watchers.insert(who.clone());
            }
            Happening::Watched { who, watches: false } => {
                self.watchers.remove(who);
            }
            Happening::Severity { severity, .. } => self.severity = *severity,
            Happening::HandedOver(handover) => self.handover = Some(handover.clone()),
            Happening::Accepted => {
                self.owner = Some(by);
                self.handover = None;
            }
            // Whoever wrote the event: it is over when its checks are settled.
            Happening::Resolved { .. } if self.checks.was_settled() => self.times.resolved = Some(at),
            Happening::Reopened { .. } => self.times.resolved = None,
            Happening::Opened(_)
            | Happening::Note { .. }
            | Happening::Did(_)
            | Happening::Marked(_)
            | Happening::Resolved { .. } => {}
        }
    }

    fn acted(&mut self, touches: bool, done: bool, began: DateTime<Utc>, over: DateTime<Utc>) {
        self.checks.acted(touches, began, over);
        if touches {
            self.times.resolved = None;
            // What did not go well mends nothing, and what was seen before it counts no more all the same.
            if done {
                self.times.mitigated.get_or_insert(over);
            }
        }
    }

    /// Whether it is over.
    pub fn status(&self) -> IncidentStatus {
        match (self.times.resolved, self.times.mitigated) {
            (Some(_), _) => IncidentStatus::Resolved,
            (None, Some(_)) => IncidentStatus::Mitigated,
            (None, None) => IncidentStatus::Open,
        }
    }

    /// What is newer than this says something of the data as it is now: when it began to be mended, or else when the
    /// incident began.
    pub fn since(&self) -> DateTime<Utc> {
        self.checks.mended().unwrap_or(self.times.detected)
    }

    /// The same for the data of one date: what was done to others alone says nothing of it.
    pub fn since_of(&self, date: Option<NaiveDate>) -> DateTime<Utc> {
        // A step's action is a deed as well; one of which the gate could tell nothing names no date.
        let is_deed = |action: &Action, began: DateTime<Utc>| {
            self.events.iter().any(|event| match &event.what {
                Happening::Did(deed) => deed.act == action.word() && (deed.began - began).abs() < ANSWERED,
                _ => false,
            })
        };
        let began = self.events.iter().filter_map(|event| match &event.what {
            Happening::Did(deed) if deed.touches() && deed.concerns(date) => Some(deed.began),
            Happening::Acted { action, began, .. } if action.mends() && !is_deed(action, *began) => Some(*began),
            _ => None,
        });
        began.max().unwrap_or(self.times.detected)
    }

    /// The dates of the data that it is about: its own, and those that were run or redriven again in it.
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        let touched = self.events.iter().filter_map(|event| match &event.what {
            Happening::Did(deed) if deed.touches() => Some(deed),
            _ => None,
        });
        self.about.date.into_iter().chain(touched.flat_map(Deed::dates)).collect()
    }

    /// When something happened last.
    pub fn last(&self) -> DateTime<Utc> {
        self.events.last().map_or(self.opened, |event| event.at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
