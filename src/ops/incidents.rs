//! Incidents as they lie on the lake: `{state}incidents/{id}/events/…`, one object an event, created once and never
//! rewritten. A refresh lists those of the last days, and reads what it does not know yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::gate::IncidentAsk;
use super::moves::records;
use super::runbooks::Runbooks;
use super::{Session, Snapshot};
use crate::lake::listing::{level, pages};
use crate::lake::{ErrorClass, Key, Lake, LakeError};
use crate::model::alert::Alert;
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::incident::{About, Happening, Incident, IncidentEvent, IncidentId, IncidentStatus};
use crate::model::masked;
use crate::model::runbook::{Runbook, Subject, Variables};
use crate::model::triage::{TriageAct, TriageRecord};

/// Incidents that were opened earlier are looked up by their names alone.
const LASTS: Duration = Duration::days(30);
/// Of these, the newest.
const MOST: usize = 50;
/// Events of one incident that are read.
const EVENTS: usize = 5_000;
/// The largest object that is an event. Bytes.
const LARGEST: u64 = 1 << 20;
/// Clocks differ by less.
const AHEAD: Duration = Duration::minutes(5);
/// The name of the event that opens an incident: two that open it at once open one.
pub(super) const OPENED: &str = "00000000-opened";
/// Requests at once.
const AT_ONCE: usize = 16;

/// One that is resolved is looked into again after this time, and when somebody asks: it may be opened anew.
const RESTS: Duration = Duration::minutes(15);

/// The incidents of a lake, as they are known.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The events, by key.
    events: Mutex<BTreeMap<String, IncidentEvent>>,
    /// Those that are resolved, and when they were looked into.
    resolved: Mutex<BTreeMap<IncidentId, Looked>>,
}

/// When one was looked into, and what was seen.
type Looked = (DateTime<Utc>, Arc<Incident>);

/// What is written down when somebody turns to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// What is to be recorded; nothing where the incident is open, and its runbook chosen.
    pub ask: IncidentAsk,
    /// Whether it is open already.
    pub joined: bool,
}

/// Where the events of an incident lie.
pub(super) fn events_of(state: &str, id: &IncidentId) -> String {
    format!("{state}incidents/{id}/events/")
}

/// Where its reports lie.
pub(super) fn reports_of(state: &str, id: &IncidentId) -> String {
    format!("{state}incidents/{id}/reports/")
}

/// No incident has this name.
pub(super) fn unknown(lake: &dyn Lake, state: &str, id: &IncidentId) -> LakeError {
    LakeError {
        hint: "lakeward incident list shows those there are; incident open --alert KEY opens one".to_owned(),
        ..LakeError::new(ErrorClass::NotFound, lake.uri(&events_of(state, id)), "no incident of this name")
    }
}

impl Log {
    /// One incident, all of whose events can be read.
    pub async fn whole(lake: &dyn Lake, state: &str, id: &IncidentId) -> Result<Incident, LakeError> {
        let (incident, fault) = match id.is_sound() {
            true => Self::default().one(lake, state, id).await?,
            false => (None, None),
        };
        match (incident, fault) {
            (_, Some(fault)) => Err(fault),
            (Some(incident), None) => Ok(incident),
            (None, None) => Err(unknown(lake, state, id)),
        }
    }

    /// The incidents of the last days, the newest first, and the first event that cannot be read: it hides no other. With
    /// `all`, those that rest are looked into as well.
    pub async fn read(
        &self,
        lake: &dyn Lake,
        state: &str,
        all: bool,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Arc<Incident>>, Option<LakeError>), LakeError> {
        let prefix = format!("{state}incidents/");
        let since = (now - LASTS).date_naive();
        let mut ids: Vec<IncidentId> = Vec::new();
        let mut listing = std::pin::pin!(level(lake, &prefix));
        while let Some(page) = listing.try_next().await? {
            let names = page.prefixes.iter().filter_map(|p| p.strip_prefix(&prefix)?.strip_suffix('/'));
            let ids_of = names.map(|name| IncidentId(name.into())).filter(|id| id.is_sound());
            ids.extend(ids_of.filter(|id| day_of(id).is_none_or(|day| day >= since)));
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.truncate(MOST);
        let kept: Vec<String> = ids.iter().map(|id| events_of(state, id)).collect();
        let of_kept = |key: &String| kept.iter().any(|prefix| key.starts_with(prefix.as_str()));
        lock(&self.events).retain(|key, _| of_kept(key));
        lock(&self.resolved).retain(|id, (at, _)| !all && ids.contains(id) && now - *at < RESTS);
        let reads: Vec<_> = ids.iter().map(|id| self.rested(lake, state, id, now)).collect();
        let (mut incidents, mut fault) = (Vec::new(), None);
        for read in stream::iter(reads).buffered(AT_ONCE).collect::<Vec<_>>().await {
            let (incident, problem) = read?;
            incidents.extend(incident);
            fault = fault.or(problem);
        }
        Ok((incidents, fault))
    }

    /// The same as [`Log::one`], of one that does not rest.
    async fn rested(
        &self,
        lake: &dyn Lake,
        state: &str,
        id: &IncidentId,
        now: DateTime<Utc>,
    ) -> Result<(Option<Arc<Incident>>, Option<LakeError>), LakeError> {
        let known = lock(&self.resolved).get(id).map(|(_, incident)| Arc::clone(incident));
        if known.is_some() {
            return Ok((known, None));
        }
        let (incident, problem) = self.one(lake, state, id).await?;
        let incident = incident.map(Arc::new);
        let over = incident.as_ref().filter(|i| problem.is_none() && i.status() == IncidentStatus::Resolved);
        lock(&self.resolved).extend(over.map(|incident| (id.clone(), (now, Arc::clone(incident)))));
        Ok((incident, problem))
    }

    /// One incident, and the first of its events that cannot be read.
    pub async fn one(
        &self,
        lake: &dyn Lake,
        state: &str,
        id: &IncidentId,
    ) -> Result<(Option<Incident>, Option<LakeError>), LakeError> {
        // Whoever looks at one knows it better than what rests.
        lock(&self.resolved).remove(id);
        let prefix = events_of(state, id);
        let (mut keys, mut fault) = (Vec::new(), None);
        let mut listing = std::pin::pin!(pages(lake, &prefix));
        while let Some(page) = listing.try_next().await? {
            for object in page.objects.into_iter().filter(|object| object.key.as_str().ends_with(".json")) {
                match object.size > LARGEST {
                    true => {
                        let detail = format!("{} bytes are no event", object.size);
                        let uri = lake.uri(object.key.as_str());
                        fault = Some(LakeError::new(ErrorClass::Malformed, uri, detail));
                    }
                    false => keys.push((object.key.0, object.modified)),
                }
            }
            if keys.len() > EVENTS {
                let detail = format!("more than {EVENTS} events lie here: the first are read");
                fault = Some(LakeError::new(ErrorClass::Unsupported, lake.uri(&prefix), detail));
                keys.truncate(EVENTS);
                break;
            }
        }
        let (known, unread): (Vec<_>, Vec<_>) = {
            let log = lock(&self.events);
            keys.into_iter().map(|key| (log.get(&key.0).cloned(), key)).partition(|(known, _)| known.is_some())
        };
        let mut events: Vec<IncidentEvent> = known.into_iter().filter_map(|(event, _)| event).collect();
        let reads: Vec<_> = unread
            .into_iter()
            .map(|(_, (key, modified))| async move {
                let read = records::read::<IncidentEvent>(lake, &Key(key.clone())).await?;
                let event = read.and_then(|event| settled(event, &key, modified));
                // Kept as it comes: a reading that is broken off begins none of them anew.
                let known = event.clone().map(|event| (key, event));
                lock(&self.events).extend(known);
                Ok(event)
            })
            .collect();
        for read in stream::iter(reads).buffer_unordered(AT_ONCE).collect::<Vec<Result<_, LakeError>>>().await {
            match read {
                Ok(event) => events.extend(event), // none of what went since it was listed
                Err(error) if error.class == ErrorClass::Malformed => fault = fault.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok((Incident::of(id, events), fault))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An event as it counts on every host: its name is that of its object, and it did not happen after the store has it, by
/// more than clocks differ. None of what may not be what it says: one object alone opens an incident.
fn settled(mut event: IncidentEvent, key: &str, modified: DateTime<Utc>) -> Option<IncidentEvent> {
    let name = key.rsplit('/').next()?.strip_suffix(".json")?;
    event.id = name.to_owned();
    event.at = event.at.min(modified + AHEAD);
    match &mut event.what {
        Happening::Opened(_) if name != OPENED => return None,
        Happening::Checked { finding, .. } | Happening::Probed { finding, .. } => finding.at = finding.at.min(event.at),
        Happening::Did(deed) => deed.began = deed.began.min(event.at),
        Happening::Acted { began, .. } => *began = (*began).min(event.at),
        _ => {}
    }
    Some(event)
}

/// An alert as an incident is told of it.
pub(super) fn alerted(alert: &Alert) -> Happening {
    let title = masked::text(&alert.summary).into_owned();
    Happening::Alerted { key: alert.key.clone(), title, severity: alert.severity }
}

/// The day on which an incident was opened, as its name says.
fn day_of(id: &IncidentId) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(id.0.get(..8)?, "%Y%m%d").ok()
}

impl Session {
    /// The incidents of the last days, the newest first, and the first event that cannot be read.
    pub async fn incidents_now(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Arc<Incident>>, Option<LakeError>), LakeError> {
        self.incidents.read(self.lake.as_ref(), &self.settings.prefixes.state, true, now).await
    }

    /// One incident as it lies on the lake now.
    pub async fn incident(&self, id: &IncidentId) -> Result<Incident, LakeError> {
        self.incident_told(id).await.map(|(incident, _)| incident)
    }

    /// The same, and the first of its events that cannot be read: without it, it may be another story.
    pub async fn incident_told(&self, id: &IncidentId) -> Result<(Incident, Option<LakeError>), LakeError> {
        let unknown = || unknown(self.lake.as_ref(), &self.settings.prefixes.state, id);
        if !id.is_sound() {
            return Err(unknown());
        }
        let (incident, fault) = self.incidents.one(self.lake.as_ref(), &self.settings.prefixes.state, id).await?;
        match (incident, fault) {
            (Some(incident), fault) => Ok((incident, fault)),
            (None, Some(fault)) => Err(fault),
            (None, None) => Err(unknown()),
        }
    }

    /// How to open an incident on an alert, or to join the one that is open, with a runbook: the one `wanted`, or the
    /// one that was chosen before, or the best that fits.
    pub fn opening(
        &self,
        alert: &Alert,
        snapshot: &Snapshot,
        runbooks: &Runbooks,
        wanted: Option<&Runbook>,
        now: DateTime<Utc>,
    ) -> Opening {
        let about = self.about(alert, snapshot);
        let known = known_of(alert, &about, snapshot);
        let chosen = known.and_then(|incident| incident.runbook.as_ref());
        let id = known.map_or_else(
            || IncidentId::new(now, about.dataset.as_deref().or(about.job.as_deref()).unwrap_or_default(), &alert.key),
            |incident| incident.id.clone(),
        );
        let mut what = Vec::new();
        match known {
            None => what.push(Happening::Opened(about)),
            Some(incident) => {
                if incident.status() == IncidentStatus::Resolved {
                    let reason = format!("its alert is back: {}", masked::text(&alert.summary));
                    what.push(Happening::Reopened { reason });
                }
                if !incident.about.alerts.contains(&alert.key) || incident.cleared.contains(&alert.key) {
                    what.push(alerted(alert));
                }
            }
        }
        what.extend(match (wanted, chosen) {
            (Some(wanted), _) => Some(Happening::by_hand(wanted.id.clone())),
            (None, Some(_)) => None,
            (None, None) => runbooks
                .best(&Subject::of(alert))
                .into_iter()
                .next()
                .map(|(runbook, fit)| Happening::Runbook { runbook: runbook.id.clone(), why: fit.why, by_hand: false }),
        });
        let after = known.map(|incident| incident.last());
        Opening { ask: IncidentAsk { id, what, after }, joined: known.is_some() }
    }

    /// What an incident on an alert would be about, with what its runbook's variables stand for.
    pub fn about(&self, alert: &Alert, snapshot: &Snapshot) -> About {
        let mut variables = Variables::default();
        variables.set("dataset", alert.dataset.as_str());
        variables.set("date", alert.date.map(|date| date.to_string()).unwrap_or_default());
        variables.set("lake", self.lake.url());
        let bucket = self.lake.url().strip_prefix("s3://").and_then(|rest| rest.split('/').next());
        variables.set("bucket", bucket.unwrap_or_default());
        let path = alert.entry.as_ref().or_else(|| sole_entry(alert, snapshot));
        variables.set("entry", path.map(|path| path.0.to_string()).unwrap_or_default());
        // The run it names; else the newest of its dataset that failed, on its date where one is known.
        let fits = |run: &&Arc<crate::model::run::JobRun>| match &alert.run {
            Some((source, id)) => run.source == *source && run.id == *id,
            None => {
                let same = match &alert.job {
                    Some(job) => run.job == *job,
                    None => run.dataset.as_ref() == Some(&alert.dataset),
                };
                let dated = alert.date.is_none() || run.date.is_none() || run.date == alert.date;
                same && dated && run.state == crate::model::run::RunState::Failed
            }
        };
        let run = snapshot.pipeline.jobs.iter().find(fits);
        if let Some(run) = run {
            let (application, id) = run.id.0.rsplit_once('/').unwrap_or(("", &run.id.0));
            variables.set("application", application);
            variables.set("run", id);
            variables.set("run_id", &*run.id.0);
            variables.set("source", &*run.source);
        }
        let job = alert.job.as_ref().map(|job| job.0.to_string()).or_else(|| run.map(|run| run.job.0.to_string()));
        variables.set("job", job.clone().unwrap_or_default());
        let entry = path.and_then(|path| snapshot.entries.iter().find(|entry| entry.path == *path));
        let rows = entry.and_then(|entry| entry.known_rows());
        // Of the alert as it stands now: one that cleared and came back is acknowledged anew.
        let taken = |t: &&TriageRecord| {
            t.alert == alert.key
                && matches!(t.act, TriageAct::Acknowledge | TriageAct::Assign { .. })
                && t.at >= alert.since
        };
        let acknowledged = snapshot.triage.iter().filter(taken).map(|t| t.at).min();
        About { job, rows, acknowledged, ..About::alert(alert, variables) }
    }
}

/// The incident that an alert belongs to: its own; else one that is open on the same dataset and date, of the same
/// category. One that is over is its own alert's, if it is back.
fn known_of<'s>(alert: &Alert, about: &About, snapshot: &'s Snapshot) -> Option<&'s Arc<Incident>> {
    let all = || snapshot.incidents.iter();
    let is_open = |i: &&Arc<Incident>| i.status() != IncidentStatus::Resolved;
    let own = |i: &&Arc<Incident>| i.about.alerts.contains(&alert.key);
    let same = |i: &&Arc<Incident>| {
        let (known, told) = (&i.about, about);
        let bound = told.dataset.is_some() && told.date.is_some();
        bound && (&known.dataset, known.date, known.category) == (&told.dataset, told.date, told.category)
    };
    all().filter(is_open).find(own).or_else(|| all().filter(is_open).find(same)).or_else(|| all().find(own))
}

/// The only dead letters of the dataset and date of an alert that have its cause: whoever walks it redrives and archives
/// them as well.
fn sole_entry<'s>(alert: &Alert, snapshot: &'s Snapshot) -> Option<&'s EntryPath> {
    let of = |entry: &&Arc<DlqEntry>| {
        let same = entry.dataset == alert.dataset && entry.date == alert.date;
        same && entry.date.is_some() && entry.category == alert.category
    };
    let mut found = snapshot.entries.iter().filter(of);
    found.next().filter(|_| found.next().is_none()).map(|entry| &entry.path)
}
