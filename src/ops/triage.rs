//! What people did with alerts, read from the lake: `{state}alerts/dt=D/…`, one object an act, added and never changed.
//! A refresh lists the days that there are, and reads what it does not know yet.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::gate::chance;
use super::moves::records;
use crate::lake::listing::{level, pages};
use crate::lake::{ErrorClass, Key, Lake, LakeError};
use crate::model::triage::{LASTS, TriageRecord};

/// Acts that are looked at: the newest ones.
const MOST: usize = 2000;
/// Records read at once.
const AT_ONCE: usize = 16;

/// A day of whose acts there may be more to come, on whichever clock.
const LATE: Duration = Duration::days(2);

/// The acts of a lake, as they are known.
#[derive(Debug, Default)]
pub(super) struct Triage {
    acts: Mutex<BTreeMap<String, TriageRecord>>,
    /// The keys of days that are over, by their prefixes: they are not listed again.
    over: Mutex<BTreeMap<String, Vec<String>>>,
}

/// Where an act lies, by day and time, so that the newest are found by their names.
pub(super) fn key(state: &str, record: &TriageRecord) -> Key {
    let (day, time) = (record.at.format("%Y-%m-%d"), record.at.format("%H%M%S%3f"));
    Key(format!("{}dt={day}/{time}-{}-{:08x}.json", prefix(state), record.act.word(), chance() & 0xffff_ffff))
}

fn prefix(state: &str) -> String {
    format!("{state}alerts/")
}

impl Triage {
    /// The acts that may still count, in no order, and the first that cannot be read: it hides no other. With `all`, days
    /// that are over are listed anew as well.
    pub async fn read(
        &self,
        lake: &dyn Lake,
        state: &str,
        all: bool,
        now: DateTime<Utc>,
    ) -> Result<(Vec<TriageRecord>, Option<LakeError>), LakeError> {
        // The clocks of those who write differ: a day more on either side.
        let (first, last) = ((now - LASTS - Duration::days(1)).date_naive(), (now + Duration::days(1)).date_naive());
        let mut days: Vec<String> = Vec::new();
        let prefix = prefix(state);
        let mut listing = std::pin::pin!(level(lake, &prefix));
        while let Some(page) = listing.try_next().await? {
            let counts = |p: &String| day_of(p).is_some_and(|day| first <= day && day <= last);
            days.extend(page.prefixes.into_iter().filter(counts));
        }
        lock(&self.over).retain(|day, _| !all && days.contains(day));
        let listings: Vec<_> = days.iter().rev().map(|day| self.listed(lake, day, now)).collect();
        let mut keys: Vec<String> = Vec::new();
        let mut listings = stream::iter(listings).buffered(AT_ONCE);
        while let Some(of_day) = listings.try_next().await? {
            keys.extend(of_day);
            if keys.len() >= MOST {
                keys.truncate(MOST);
                break;
            }
        }
        let unread: Vec<String> = {
            let (mut known, wanted) = (lock(&self.acts), keys.iter().collect::<HashSet<_>>());
            known.retain(|key, _| wanted.contains(key));
            keys.iter().filter(|key| !known.contains_key(*key)).cloned().collect()
        };
        // Kept as they come: a reading that is broken off begins none of them anew.
        let reads = unread.into_iter().map(|key| async move {
            match records::read::<TriageRecord>(lake, &Key(key.clone())).await {
                Ok(record) => {
                    lock(&self.acts).extend(record.map(|record| (key, record)));
                    Ok(None)
                }
                Err(e) if e.class == ErrorClass::Malformed => Ok(Some(e)),
                Err(e) => Err(e),
            }
        });
        let reads: Vec<_> = reads.collect();
        let read: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut fault = None;
        for one in read {
            fault = fault.or(one?);
        }
        Ok((lock(&self.acts).values().cloned().collect(), fault))
    }

    /// The keys of the acts of a day, newest first.
    async fn listed(&self, lake: &dyn Lake, day: &str, now: DateTime<Utc>) -> Result<Vec<String>, LakeError> {
        if let Some(keys) = lock(&self.over).get(day) {
            return Ok(keys.clone());
        }
        let mut keys: Vec<String> = Vec::new();
        let mut listing = std::pin::pin!(pages(lake, day));
        while let Some(page) = listing.try_next().await? {
            keys.extend(page.objects.into_iter().map(|o| o.key.0).filter(|key| key.ends_with(".json")));
        }
        keys.reverse();
        if day_of(day).is_some_and(|day| day < (now - LATE).date_naive()) {
            lock(&self.over).insert(day.to_owned(), keys.clone());
        }
        Ok(keys)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The day of `…/dt=2026-11-25/`.
fn day_of(prefix: &str) -> Option<NaiveDate> {
    prefix.trim_end_matches('/').rsplit_once("/dt=").and_then(|(_, day)| day.parse().ok())
}
