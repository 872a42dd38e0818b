//! How new a dataset's newest object is, without walking years of partitions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures::TryStreamExt;

use crate::lake::{Lake, LakeError, ListRequest, listing};

/// Date partitions looked into, from the newest back: a late writer of yesterday's partition counts too.
const PARTITIONS: usize = 3;
/// What was seen counts for so long: somebody may take the newest object away.
const LOOK: Duration = Duration::minutes(15);

/// The newest data object under `prefix`, and its key; `None` if there is none. Markers and hidden files are no
/// data. Costs one request up to 1,000 objects; beyond that, those of the last three date partitions.
pub async fn newest(lake: &dyn Lake, prefix: &str) -> Result<Option<(DateTime<Utc>, String)>, LakeError> {
    let request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    let first = lake.list(&request).await?;
    let mut newest = Newest::default();
    if first.continuation.is_none() {
        newest.of(&first.objects);
        return Ok(newest.0);
    }
    let levels: Vec<_> = listing::level(lake, prefix).try_collect().await?;
    let mut dated: Vec<&String> = levels.iter().flat_map(|p| &p.prefixes).filter(|p| p.contains('=')).collect();
    dated.sort();
    if dated.is_empty() {
        listing::pages(lake, prefix)
            .try_for_each(|page| {
                futures::future::ready({
                    newest.of(&page.objects);
                    Ok(())
                })
            })
            .await?;
    }
    for partition in dated.iter().rev().take(PARTITIONS) {
        listing::pages(lake, partition)
            .try_for_each(|page| {
                futures::future::ready({
                    newest.of(&page.objects);
                    Ok(())
                })
            })
            .await?;
    }
    Ok(newest.0)
}

/// The newest objects as they were seen last: one that is within its limit needs no look until that is over, since
/// what came meanwhile only makes it better.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<HashMap<String, Seen>>);

#[derive(Debug)]
struct Seen {
    newest: Option<(DateTime<Utc>, String)>,
    at: DateTime<Utc>,
}

impl Watched {
    /// The newest object under a prefix, if it is enough for now.
    pub fn known(&self, prefix: &str, within: Duration, now: DateTime<Utc>) -> Option<(DateTime<Utc>, String)> {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = watched.get(prefix).filter(|seen| now - seen.at < LOOK)?;
        seen.newest.clone().filter(|(time, _)| now - *time <= within)
    }

    /// Notes what was seen.
    pub fn saw(&self, prefix: &str, newest: Option<(DateTime<Utc>, String)>, now: DateTime<Utc>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.insert(prefix.to_owned(), Seen { newest, at: now });
    }
}

#[derive(Default)]
struct Newest(Option<(DateTime<Utc>, String)>);

impl Newest {
    fn of(&mut self, objects: &[crate::lake::ObjectMeta]) {
        let data = objects.iter().filter(|o| {
            let name = o.key.as_str().rsplit('/').next().unwrap_or_default();
            !name.is_empty() && !name.starts_with(['_', '.']) && !o.key.as_str().contains("/_delta_log/")
        });
        for object in data {
            if self.0.as_ref().is_none_or(|(t, _)| object.modified > *t) {
                self.0 = Some((object.modified, object.key.0.clone()));
            }
        }
    }
}
