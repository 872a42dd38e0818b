//! Lists and reads the entries of the DLQ, and tells of them on the way: there may be tens of thousands.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};

use crate::lake::{ErrorClass, LakeError};
use crate::model::entry::DlqEntry;

use super::assess::{Assessed, assess};
use super::entries::{Found, group};
use super::scan::gather;
use super::session::{Progress, Session, Snapshot};

/// Entries read at once.
const READ_AT_ONCE: usize = 16;
/// Partial snapshots come not more often than this,
const PARTIAL_EVERY: Duration = Duration::from_millis(250);
/// and take one part in so many of the time.
const PARTIAL_SHARE: u32 = 50;

/// Who is told of what is known on the way.
pub(super) struct Told<'a, P> {
    /// The listener.
    pub progress: &'a P,
    /// What the other sources said meanwhile; it stands in each snapshot on the way.
    pub others: &'a Mutex<Snapshot>,
    /// Whether there is a whole picture already, over which a part of the next one is no gain.
    pub is_whole: bool,
}

impl<P: Fn(Progress)> Told<'_, P> {
    fn partial(&self, session: &Session, found: &[Arc<Found>], pace: &Pace) -> Option<Snapshot> {
        let partial = || {
            let (mut entries, unread) = session.known.entries(found);
            sort(&mut entries);
            let others = self.others.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Snapshot { entries, unread, ..others }
        };
        if self.is_whole { None } else { pace.when_due(partial) }
    }
}

/// The entries of the DLQ, and why they may not be all.
pub(super) async fn read_all<P: Fn(Progress) + Send + Sync>(
    session: &Session,
    told: &Told<'_, P>,
) -> (Vec<Arc<DlqEntry>>, Option<LakeError>) {
    let (mut found, listing) = list(session, told).await;
    // Sorted once: each snapshot on the way is in this order already.
    found.sort_by(|a, b| (&a.dataset, a.date, &a.path).cmp(&(&b.dataset, b.date, &b.path)));
    match listing {
        Ok(()) => {
            let still: HashSet<_> = found.iter().map(|f| &f.path).collect();
            session.known.retain(|path| still.contains(path));
            read(session, &found, told).await
        }
        // A listing that broke off proves nothing about what is gone: keep what was known. Where one part may not be
        // listed, what lies in the others is read as ever.
        Err(error) => {
            let listed = match error.class {
                ErrorClass::Denied => read(session, &found, told).await.0,
                _ => session.known.read(&found),
            };
            (keep_known(session, listed, &found), Some(error))
        }
    }
}

async fn list<P: Fn(Progress) + Send + Sync>(
    session: &Session,
    told: &Told<'_, P>,
) -> (Vec<Arc<Found>>, Result<(), LakeError>) {
    let listed = AtomicU64::new(0);
    let found: Mutex<Vec<Arc<Found>>> = Mutex::default();
    let pace = Pace::default();
    let errors = &session.settings.prefixes.errors;
    let on_part = |objects| {
        let part = group(errors, objects).into_iter().map(|entry| session.known.listed(Arc::new(entry)));
        let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(part);
        let partial = told.partial(session, &all, &pace);
        let (listed, found) = (listed.load(Ordering::Relaxed), all.len() as u64);
        (told.progress)(Progress { listed, assessed: 0, found, partial, is_ahead: false });
    };
    let result = gather(session.lake.as_ref(), errors, &listed, &on_part).await;
    (found.into_inner().unwrap_or_else(PoisonError::into_inner), result)
}

async fn read<P: Fn(Progress) + Send + Sync>(
    session: &Session,
    found: &[Arc<Found>],
    told: &Told<'_, P>,
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
        let partial = told.partial(session, found, &pace);
        (told.progress)(Progress { listed: 0, assessed: done, found: total, partial, is_ahead: false });
    }
    let (mut entries, _) = session.known.entries(found);
    sort(&mut entries);
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

/// What was read, what was known before of the rest, and of what is new its listing alone.
fn keep_known(session: &Session, mut entries: Vec<Arc<DlqEntry>>, found: &[Arc<Found>]) -> Vec<Arc<DlqEntry>> {
    let before = session.last.lock().unwrap_or_else(PoisonError::into_inner).entries.clone();
    for more in [before, session.known.entries(found).0] {
        let there: HashSet<_> = entries.iter().map(|e| e.path.clone()).collect();
        entries.extend(more.into_iter().filter(|e| !there.contains(&e.path)));
    }
    sort(&mut entries);
    entries
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
