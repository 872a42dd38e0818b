//! The parts of a refresh, and the picture that they make: of those that did not answer yet, what they said before.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::lake::LakeError;
use crate::model::alert::{Alert, AlertRule};
use crate::model::cause;
use crate::model::entry::DlqEntry;
use crate::model::incident::Incident;
use crate::model::quality::QualityResult;
use crate::model::rules::merge_same_key;
use crate::model::triage::{self, TriageRecord};
use crate::ops::alerts::{self, Drifted, Stale};
use crate::ops::health::{SourceHealth, SourceState};
use crate::ops::moves::Quarantine;
use crate::ops::pipeline::Pipeline;
use crate::ops::session::{Session, Snapshot};
use crate::sources::account::Ending;

const DLQ: &str = "dlq";
const QUARANTINE: &str = "quarantine";
/// The sources on the lake itself, in the order in which they are shown.
const OF_LAKE: [&str; 4] = [DLQ, QUARANTINE, alerts::FRESHNESS, alerts::CONTRACTS];

/// The dead letters, why they may not be all, and what their rows say of the contracts.
#[derive(Debug)]
pub(super) struct Dead {
    pub entries: Vec<Arc<DlqEntry>>,
    pub failure: Option<LakeError>,
    pub drifted: Drifted,
    /// When it was asked for.
    pub at: DateTime<Utc>,
}

/// What lies on the lake besides them.
#[derive(Debug)]
pub(super) struct Around {
    pub quarantines: Vec<Arc<Quarantine>>,
    pub failure: Option<LakeError>,
    pub stale: Stale,
    /// When it was asked for.
    pub at: DateTime<Utc>,
}

/// What the pipeline and its services say, and what people did.
#[derive(Debug)]
pub(super) struct Services {
    pub alerts: Vec<Alert>,
    pub quality: Vec<Arc<QualityResult>>,
    pub pipeline: Pipeline,
    pub triage: Vec<TriageRecord>,
    pub incidents: Vec<Arc<Incident>>,
    pub ending: Option<Ending>,
    pub sources: Vec<SourceHealth>,
}

/// One of them.
#[derive(Debug)]
pub(super) enum Part {
    Dead(Dead),
    Around(Around),
    Services(Box<Services>),
}

/// Those that are there.
#[derive(Debug)]
pub(super) struct Parts {
    last: Arc<Snapshot>,
    dead: Option<Dead>,
    around: Option<Around>,
    services: Option<Box<Services>>,
}

impl Parts {
    /// None yet, after this picture.
    pub fn of(last: Arc<Snapshot>) -> Self {
        Self { last, dead: None, around: None, services: None }
    }

    /// Takes one in, in the place of an earlier one.
    pub fn take(&mut self, part: Part) {
        match part {
            Part::Dead(part) => self.dead = Some(part),
            Part::Around(part) => self.around = Some(part),
            Part::Services(part) => self.services = Some(part),
        }
    }

    /// Whether only the dead letters are awaited.
    pub fn waits_for_dead_letters(&self) -> bool {
        self.dead.is_none() && self.around.is_some() && self.services.is_some()
    }

    /// What is known now, as old as what it is made of.
    pub fn snapshot(&self, session: &Session, now: DateTime<Utc>) -> Snapshot {
        let last = &self.last;
        let entries = self.dead.as_ref().map_or(&last.entries, |dead| &dead.entries);
        let quarantines = self.around.as_ref().map_or(&last.quarantines, |around| &around.quarantines);
        let mut alerts = alerts::of_lake(session, entries, quarantines, now);
        let mut sources = Vec::new();
        match &self.dead {
            Some(dead) => {
                sources.push(SourceHealth::after(DLQ, dead.failure.clone(), dead.at));
                let (drifted, health) = dead.drifted.told(session, dead.at);
                alerts.extend(drifted);
                // Rule 6: what the contracts said before stands while they fail.
                if health.as_ref().is_some_and(|s| s.state != SourceState::Fresh) {
                    let known: HashSet<String> = alerts.iter().map(|a| a.key.clone()).collect();
                    alerts.extend(self.before(is_drift).filter(|a| !known.contains(&a.key)));
                }
                sources.extend(health);
            }
            None => {
                alerts.extend(self.before(is_drift));
                sources.extend(self.health(|name| name == DLQ || name == alerts::CONTRACTS));
            }
        }
        match &self.around {
            Some(around) => {
                sources.push(SourceHealth::after(QUARANTINE, around.failure.clone(), around.at));
                let (stale, health) = around.stale.told(session, around.at);
                alerts.extend(stale);
                sources.extend(health);
            }
            None => {
                alerts.extend(self.before(|rule| rule == AlertRule::NoData));
                sources.extend(self.health(|name| name == QUARANTINE || name == alerts::FRESHNESS));
            }
        }
        match &self.services {
            Some(services) => {
                alerts.extend(services.alerts.iter().cloned());
                sources.extend(services.sources.iter().cloned());
            }
            None => {
                alerts.extend(self.before(is_of_services));
                sources.extend(self.health(|name| !OF_LAKE.contains(&name)));
            }
        }
        let services = self.services.as_deref();
        let triage = services.map_or(&last.triage, |s| &s.triage).clone();
        merge_same_key(&mut alerts);
        triage::apply(&mut alerts, &triage, now);
        cause::order(&mut alerts);
        sources.iter_mut().for_each(|source| source.remember(&last.sources));
        sources.sort_by_key(|s| OF_LAKE.iter().position(|name| *name == s.source).unwrap_or(OF_LAKE.len()));
        Snapshot {
            entries: entries.clone(),
            unread: if self.dead.is_some() { 0 } else { last.unread },
            quarantines: quarantines.clone(),
            pipeline: services.map_or(&last.pipeline, |s| &s.pipeline).clone(),
            quality: services.map_or(&last.quality, |s| &s.quality).clone(),
            alerts,
            triage,
            incidents: services.map_or(&last.incidents, |s| &s.incidents).clone(),
            sources,
            costs: last.costs.clone(),
            ending: services.map_or(&last.ending, |s| &s.ending).clone(),
            taken: last.taken,
        }
    }

    /// What alerts of these rules said before.
    fn before(&self, is_one: impl Fn(AlertRule) -> bool) -> impl Iterator<Item = Alert> {
        self.last.alerts.iter().filter(move |alert| is_one(alert.rule)).map(Alert::again)
    }

    /// How sources of these names were before.
    fn health(&self, is_one: impl Fn(&'static str) -> bool) -> impl Iterator<Item = SourceHealth> {
        self.last.sources.iter().filter(move |source| is_one(source.source)).cloned()
    }
}

fn is_drift(rule: AlertRule) -> bool {
    rule == AlertRule::SchemaDrift
}

/// Of the rules of the lake itself, the alerts are raised anew from what is known of it.
fn is_of_services(rule: AlertRule) -> bool {
    use AlertRule::{DlqRows, IncompleteEntry, NoData, QuarantineAge, SchemaDrift};
    !matches!(rule, DlqRows | IncompleteEntry | QuarantineAge | SchemaDrift | NoData)
}
