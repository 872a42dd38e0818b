//! What people did with alerts, read from the lake: `{state}alerts/dt=D/…`, one object an act, added and never changed.
//! A refresh lists the days that there are, and reads what it does not know yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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

/// The acts of a lake, as they are known.
#[derive(Debug, Default)]
pub(super) struct Triage(Mutex<BTreeMap<String, TriageRecord>>);

/// Where an act lies, by day and time, so that the newest are found by their names.
pub(super) fn key(state: &str, record: &TriageRecord) -> Key {
    let (day, time) = (record.at.format("%Y-%m-%d"), record.at.format("%H%M%S%3f"));
    Key(format!("{}dt={day}/{time}-{}-{:08x}.json", prefix(state), record.act.word(), chance() & 0xffff_ffff))
}

fn prefix(state: &str) -> String {
    format!("{state}alerts/")
}

impl Triage {
    /// The acts that may still count, in no order, and the first that cannot be read: it hides no other.
    pub async fn read(
        &self,
        lake: &dyn Lake,
        state: &str,
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
        let mut keys: Vec<String> = Vec::new();
        for day in days.iter().rev() {
            let mut listing = std::pin::pin!(pages(lake, day));
            let mut of_day = Vec::new();
            while let Some(page) = listing.try_next().await? {
                of_day.extend(page.objects.into_iter().map(|o| o.key.0).filter(|key| key.ends_with(".json")));
            }
            keys.extend(of_day.into_iter().rev());
            if keys.len() >= MOST {
                keys.truncate(MOST);
                break;
            }
        }
        let unread: Vec<String> = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|key, _| keys.contains(key));
            keys.iter().filter(|key| !known.contains_key(*key)).cloned().collect()
        };
        let reads = unread.into_iter().map(|key| async move {
            let read = records::read::<TriageRecord>(lake, &Key(key.clone())).await;
            (key, read)
        });
        let reads: Vec<_> = reads.collect();
        let read: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut fault = None;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, record) in read {
            match record {
                Ok(Some(record)) => {
                    known.insert(key, record);
                }
                Ok(None) => {} // gone since it was listed
                Err(e) if e.class == ErrorClass::Malformed => fault = fault.or(Some(e)),
                Err(e) => return Err(e),
            }
        }
        Ok((known.values().cloned().collect(), fault))
    }
}

/// The day of `…/dt=2026-11-25/`.
fn day_of(prefix: &str) -> Option<NaiveDate> {
    prefix.trim_end_matches('/').rsplit_once("/dt=").and_then(|(_, day)| day.parse().ok())
}
