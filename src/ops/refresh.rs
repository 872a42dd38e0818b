//! A refresh: list, read what changed, raise alerts; partial snapshots on the way.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};

use crate::lake::LakeError;
use crate::model::entry::DlqEntry;

use super::alerts;
use super::assess::{assess, unread};
use super::entries::{Found, group};
use super::health::SourceHealth;
use super::scan::gather;
use super::session::{Progress, Session, Snapshot};

/// Entries read at once.
const READ_AT_ONCE: usize = 16;
/// Partial snapshots are copies: not more often than this.
const PARTIAL_EVERY: Duration = Duration::from_millis(250);

/// Runs one refresh. Never fails: what fails is a source's state in the snapshot.
pub async fn refresh(session: &Session, now: DateTime<Utc>, progress: &(impl Fn(Progress) + Send + Sync)) -> Snapshot {
    session.contracts.forget();
    let (found, listing) = list(session, progress).await;
    let (entries, failure) = match listing {
        Ok(()) => {
            let still: HashSet<_> = found.iter().map(|f| &f.path).collect();
            session.known.retain(|path| still.contains(path));
            read(session, &found, progress).await
        }
        // A listing that broke off proves nothing about what is gone: keep what was known.
        Err(error) => (keep_known(session, &found), Some(error)),
    };
    let mut sources = vec![SourceHealth::after("dlq", failure, now)];
    let (alerts, other) = alerts::raise(session, &entries, now).await;
    sources.extend(other);
    let last = session.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for source in &mut sources {
        source.remember(&last.sources);
    }
    Snapshot { entries, unread: 0, alerts, sources, taken: Some(now) }
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
        let part: Vec<Arc<Found>> = group(errors, objects).into_iter().map(Arc::new).collect();
        let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in &part {
            session.known.listed(entry);
        }
        all.extend(part);
        let partial = pace.due().then(|| snapshot_of(session, &all));
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
    let settings = &session.settings;
    let reads: Vec<_> = newest_first
        .into_iter()
        .map(|f| async move {
            (f, assess(&session.lake, f, &session.cache, &settings.categories, &settings.thresholds).await)
        })
        .collect();
    let mut reading = stream::iter(reads).buffer_unordered(READ_AT_ONCE);
    let mut failed = Vec::new();
    while let Some((f, assessed)) = reading.next().await {
        done += 1;
        if assessed.failure.is_some() {
            failed.push(Arc::clone(f));
        }
        failure = failure.or(assessed.failure);
        session.known.remember(f, assessed.entry);
        let partial = pace.due().then(|| snapshot_of(session, found));
        progress(Progress { listed: 0, assessed: done, found: total, partial });
    }
    let entries = snapshot_of(session, found).entries;
    // What a failing store kept from us is read again next time.
    session.known.retain(|path| !failed.iter().any(|f| &f.path == path));
    for f in &failed {
        session.known.listed(f);
    }
    (entries, failure)
}

fn keep_known(session: &Session, found: &[Arc<Found>]) -> Vec<Arc<DlqEntry>> {
    let mut entries = session.last.lock().unwrap_or_else(PoisonError::into_inner).entries.clone();
    for f in found {
        if !entries.iter().any(|e| e.path == f.path) {
            entries.push(session.known.unchanged(f).unwrap_or_else(|| Arc::new(unread(f))));
        }
    }
    sort(&mut entries);
    entries
}

fn snapshot_of(session: &Session, found: &[Arc<Found>]) -> Snapshot {
    let mut still_unread = 0;
    let mut entries: Vec<Arc<DlqEntry>> = found
        .iter()
        .map(|f| {
            session.known.unchanged(f).unwrap_or_else(|| {
                still_unread += 1;
                Arc::new(unread(f))
            })
        })
        .collect();
    sort(&mut entries);
    Snapshot { entries, unread: still_unread, ..Snapshot::default() }
}

fn sort(entries: &mut [Arc<DlqEntry>]) {
    entries.sort_by(|a, b| (&a.dataset, a.date, &a.path).cmp(&(&b.dataset, b.date, &b.path)));
}

/// Says when the next partial snapshot is due.
struct Pace(Mutex<Option<Instant>>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl Pace {
    fn due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|t| t.elapsed() >= PARTIAL_EVERY);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}
