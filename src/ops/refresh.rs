//! A refresh: list, read what changed, raise alerts; partial snapshots on the way.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::lake::LakeError;
use crate::model::alert::{Alert, AlertRule};
use crate::model::cause;
use crate::model::entry::DlqEntry;
use crate::model::rules::merge_same_key;
use crate::model::triage;

use super::alerts;
use super::assess::{Assessed, assess};
use super::deadline::in_time;
use super::entries::{Found, group};
use super::gates;
use super::health::{SourceHealth, SourceState};
use super::pipeline;
use super::scan::gather;
use super::secrets;
use super::session::{Progress, Session, Snapshot};

/// Contracts are read again after this time.
const CONTRACTS: chrono::Duration = chrono::Duration::minutes(5);
/// Entries read at once.
const READ_AT_ONCE: usize = 16;
/// Partial snapshots come not more often than this,
const PARTIAL_EVERY: Duration = Duration::from_millis(250);
/// and take one part in so many of the time.
const PARTIAL_SHARE: u32 = 50;

/// Runs one refresh, of all or of what is due. Never fails: what fails is a source's state in the snapshot.
pub async fn refresh(
    session: &Session,
    all: bool,
    now: DateTime<Utc>,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Snapshot {
    let look = forget_contracts(session, all, now);
    let last = session.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (store, state) = (session.lake.as_ref(), &session.settings.prefixes.state);
    let (said, secrets, pipeline, mut snapshot, triage, incidents, ending, ()) = futures::join!(
        gates::read(session, &last, all, now),
        secrets::read(session, all, now),
        pipeline::read(session, &last, all, now),
        lake(session, &last, all, now, progress),
        in_time("triage", session.triage.read(store, state, all, now)),
        in_time("incidents", session.incidents.read(store, state, all, now)),
        pipeline::ending(&session.connected, now),
        forget_changed(session, look)
    );
    let (runs, health) = pipeline;
    let mut of_jobs = alerts::of_jobs(&session.settings, &runs, now);
    session.tell_causes(&mut of_jobs).await;
    snapshot.alerts.extend(of_jobs);
    snapshot.alerts.extend(alerts::of_alarms(&session.settings, &runs));
    snapshot.alerts.extend(said.alerts.into_iter().chain(secrets.0));
    snapshot.sources.extend(said.health.into_iter().chain(secrets.1).chain(health));
    snapshot.alerts.extend(still_said(&snapshot, &last));
    merge_same_key(&mut snapshot.alerts);
    let (triage, failure) = match triage {
        Ok(read) => read,
        Err(error) => (last.triage.clone(), Some(error)),
    };
    snapshot.sources.push(SourceHealth::after("triage", failure, now));
    let (incidents, failure) = match incidents {
        Ok(read) => read,
        Err(error) => (last.incidents.clone(), Some(error)),
    };
    snapshot.sources.push(SourceHealth::after("incidents", failure, now));
    triage::apply(&mut snapshot.alerts, &triage, now);
    cause::order(&mut snapshot.alerts);
    note(session, &snapshot, now).await;
    for source in &mut snapshot.sources {
        source.remember(&last.sources);
    }
    let costs = session.costs.note(session.requests(), session.lake.counters().by_name(), now);
    Snapshot { pipeline: runs, quality: said.quality, triage, incidents, costs, ending, taken: Some(now), ..snapshot }
}

/// Contracts change seldom: they are read again when somebody asks. Whether it is time to look which of them changed.
fn forget_contracts(session: &Session, all: bool, now: DateTime<Utc>) -> bool {
    let mut forgot = session.forgot.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = all || forgot.is_none_or(|at| now - at >= CONTRACTS);
    if is_due {
        *forgot = Some(now);
    }
    if all {
        session.contracts.forget();
    }
    is_due && !all
}

/// Forgets the contracts that changed: they count from the next refresh on.
async fn forget_changed(session: &Session, is_due: bool) {
    let look = async {
        session.contracts.forget_changed(session.lake.as_ref()).await;
        Ok(())
    };
    if is_due && let Err(late) = in_time("contracts", look).await {
        // It tells nothing of them: they stand until the next look.
        tracing::debug!("{late}");
    }
}

/// Rule 6: what the contracts said before stands while they fail, or their silence would look like an end.
fn still_said(snapshot: &Snapshot, last: &Snapshot) -> Vec<Alert> {
    if snapshot.sources.iter().all(|s| s.source != "contracts" || s.state == SourceState::Fresh) {
        return Vec::new();
    }
    let known: HashSet<&str> = snapshot.alerts.iter().map(|a| a.key.as_str()).collect();
    let stands = |a: &&Alert| a.rule == AlertRule::SchemaDrift && !known.contains(a.key.as_str());
    last.alerts.iter().filter(stands).map(Alert::again).collect()
}

/// Notes what fired and cleared. A disk that takes nothing keeps no alert from being shown.
async fn note(session: &Session, snapshot: &Snapshot, now: DateTime<Utc>) {
    let Some(history) = session.history.clone() else { return };
    let whole = snapshot.is_whole();
    let alerts = snapshot.alerts.clone();
    let noted = tokio::task::spawn_blocking(move || history.note(&alerts, whole, now)).await;
    if let Ok(Err(e)) = noted {
        tracing::warn!("what fired could not be noted on this machine: {e}");
    }
}

/// What lies on the lake itself. The listing of dead letters takes as long as it takes, and says how far it is; the others
/// have their time.
async fn lake(
    session: &Session,
    last: &Snapshot,
    all: bool,
    now: DateTime<Utc>,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Snapshot {
    let held_against = async {
        let (entries, failure) = dead_letters(session, progress).await;
        let drifted = alerts::drifted(session, &entries).await;
        (entries, failure, drifted)
    };
    let ((entries, failure, drifted), quarantines, stale) = futures::join!(
        held_against,
        in_time("quarantine", session.quarantines()),
        alerts::stale(session, &last.alerts, all, now)
    );
    let mut sources = vec![SourceHealth::after("dlq", failure, now)];
    let (quarantines, failure) = match quarantines {
        Ok(quarantines) => (quarantines, None),
        Err(error) => (last.quarantines.clone(), Some(error)),
    };
    sources.push(SourceHealth::after("quarantine", failure, now));
    let (alerts, other) = alerts::raise(session, &entries, &quarantines, stale, drifted, now);
    sources.extend(other);
    if last.taken.is_none() {
        // Whoever opens the console sees what the lake says, however long the services take to answer.
        let mut alerts = alerts.clone();
        merge_same_key(&mut alerts);
        cause::order(&mut alerts);
        let (entries, sources) = (entries.clone(), sources.clone());
        let partial = Snapshot { entries, quarantines: quarantines.clone(), alerts, sources, ..Snapshot::default() };
        let found = partial.entries.len() as u64;
        progress(Progress { listed: 0, assessed: found, found, partial: Some(partial) });
    }
    Snapshot { entries, quarantines, alerts, sources, ..Snapshot::default() }
}

/// The entries of the DLQ, and why they may not be all.
async fn dead_letters(
    session: &Session,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> (Vec<Arc<DlqEntry>>, Option<LakeError>) {
    let (mut found, listing) = list(session, progress).await;
    // Sorted once: each snapshot on the way is in this order already.
    found.sort_by(|a, b| (&a.dataset, a.date, &a.path).cmp(&(&b.dataset, b.date, &b.path)));
    match listing {
        Ok(()) => {
            let still: HashSet<_> = found.iter().map(|f| &f.path).collect();
            session.known.retain(|path| still.contains(path));
            read(session, &found, progress).await
        }
        // A listing that broke off proves nothing about what is gone: keep what was known.
        Err(error) => (keep_known(session, &found), Some(error)),
    }
}

async fn list(
    session: &Session,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> (Vec<Arc<Found>>, Result<(), LakeError>) {
    let listed = AtomicU64::new(0);
    let found: Mutex<Vec<Arc<Found>>> = Mutex::default();
    let pace = Pace::default();
    let errors = &session.settings.prefixes.errors;
    let on_part = |objects| {
        let part = group(errors, objects).into_iter().map(|entry| session.known.listed(Arc::new(entry)));
        let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(part);
        let partial = pace.when_due(|| snapshot_of(session, &all));
        progress(Progress { listed: listed.load(Ordering::Relaxed), assessed: 0, found: all.len() as u64, partial });
    };
    let result = gather(session.lake.as_ref(), errors, &listed, &on_part).await;
    (found.into_inner().unwrap_or_else(PoisonError::into_inner), result)
}

async fn read(
    session: &Session,
    found: &[Arc<Found>],
    progress: &(impl Fn(Progress) + Send + Sync),
) -> (Vec<Arc<DlqEntry>>, Option<LakeError>) {
    let total = found.len() as u64;
    let mut newest_first: Vec<&Arc<Found>> = found.iter().filter(|f| session.known.unchanged(f).is_none()).collect();
    newest_first.sort_by_key(|f| std::cmp::Reverse(f.modified));
    let mut done = total - newest_first.len() as u64;
    let mut failure = None;
    let pace = Pace::default();
    let mut failed = Vec::new();
    let mut waiting = newest_first.into_iter();
    // Filled by hand: a read that waits takes kilobytes, and there may be tens of thousands.
    let mut reading: FuturesUnordered<_> = waiting.by_ref().take(READ_AT_ONCE).map(|f| read_one(session, f)).collect();
    while let Some((f, assessed)) = reading.next().await {
        reading.extend(waiting.next().map(|f| read_one(session, f)));
        done += 1;
        if assessed.failure.is_some() {
            failed.push(Arc::clone(f));
        }
        failure = failure.or(assessed.failure);
        session.known.remember(f, assessed.entry);
        let partial = pace.when_due(|| snapshot_of(session, found));
        progress(Progress { listed: 0, assessed: done, found: total, partial });
    }
    let entries = snapshot_of(session, found).entries;
    // What a failing store kept from us is read again next time.
    for f in &failed {
        session.known.read_again(f);
    }
    (entries, failure)
}

async fn read_one<'a>(session: &Session, found: &'a Arc<Found>) -> (&'a Arc<Found>, Assessed) {
    let settings = &session.settings;
    let thresholds = &settings.thresholds_of(&found.dataset);
    let assessed = assess(&session.lake, found, &session.cache, &settings.categories, thresholds).await;
    (found, assessed)
}

fn keep_known(session: &Session, found: &[Arc<Found>]) -> Vec<Arc<DlqEntry>> {
    let mut entries = session.last.lock().unwrap_or_else(PoisonError::into_inner).entries.clone();
    let (listed, _) = session.known.entries(found);
    let before: HashSet<_> = entries.iter().map(|e| e.path.clone()).collect();
    entries.extend(listed.into_iter().filter(|e| !before.contains(&e.path)));
    sort(&mut entries);
    entries
}

fn snapshot_of(session: &Session, found: &[Arc<Found>]) -> Snapshot {
    let (mut entries, unread) = session.known.entries(found);
    sort(&mut entries);
    Snapshot { entries, unread, ..Snapshot::default() }
}

fn sort(entries: &mut [Arc<DlqEntry>]) {
    entries.sort_by(|a, b| (&a.dataset, a.date, &a.path).cmp(&(&b.dataset, b.date, &b.path)));
}

/// Says when the next partial snapshot is due: seldom, and the more seldom the dearer it is.
#[derive(Default)]
struct Pace(Mutex<Option<Instant>>);

impl Pace {
    fn when_due(&self, snapshot: impl FnOnce() -> Snapshot) -> Option<Snapshot> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        if next.is_some_and(|due| begun < due) {
            return None;
        }
        let snapshot = snapshot();
        *next = Some(Instant::now() + PARTIAL_EVERY.max(begun.elapsed() * PARTIAL_SHARE));
        Some(snapshot)
    }
}
