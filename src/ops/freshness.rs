//! How new a dataset's newest data is, without walking years of partitions: the newest value of the column that its
//! contract names, or else the newest object.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures::TryStreamExt;

use crate::lake::{ErrorClass, Lake, LakeError, ListRequest, ObjectMeta, listing};
use crate::rows::latest::{Latest, latest};
use crate::rows::{RowCache, RowsError};

/// Date partitions looked into, from the newest back: a late writer of yesterday's partition counts too.
const PARTITIONS: usize = 3;
/// What was seen counts for so long at most: somebody may take the newest object away.
const GOOD_FOR: Duration = Duration::minutes(15);

/// Values that are further ahead are no times of data.
const AHEAD: Duration = Duration::days(1);
/// Objects whose footers are looked at for the newest value: so many of those that were written last, and so many of
/// those whose keys come last. One that was filled in again is new, and its rows need not be.
const CANDIDATES: usize = 4;

/// The newest of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// When.
    pub time: DateTime<Utc>,
    /// The object that shows it.
    pub key: String,
    /// Whether it is the newest value of the column that the contract names, and not the object's own time.
    pub by_column: bool,
    /// Why the column that the contract names could not be used; hostile text.
    pub unused: Option<String>,
}

/// The newest of the data under a prefix; none if there is none. Markers and hidden files are no data. Costs one
/// request up to 1,000 objects; beyond that, those of the last three date partitions; for a column, one more for each
/// of a few files. A column that no statistics tell of, or that cannot be read there, leaves the objects' own time.
pub async fn newest(
    lake: &dyn Lake,
    prefix: &str,
    column: Option<&str>,
    cache: &RowCache,
    now: DateTime<Utc>,
) -> Result<Option<Newest>, LakeError> {
    let seen = look(lake, prefix).await?;
    let own = |unused: Option<String>| {
        let (time, key) = seen.newest.first().map(|o| (o.modified, o.key.0.clone()))?;
        Some(Newest { time, key, by_column: false, unused })
    };
    let Some(column) = column else { return Ok(own(None)) };
    let mut files = seen.newest.clone();
    files.extend(seen.last.iter().filter(|o| seen.newest.iter().all(|known| known.key != o.key)).cloned());
    match latest(lake, &files, column, cache, now + AHEAD).await {
        Ok(Latest::At(time, key)) => Ok(Some(Newest { time, key, by_column: true, unused: None })),
        Ok(Latest::Untold(why)) => Ok(own(Some(why))),
        Err(RowsError::Lake(e)) if is_silence(e.class) => Err(e),
        Err(e) => Ok(own(Some(format!("column {column} cannot be read: {e}")))),
    }
}

/// Whether an error tells nothing of what was asked for.
fn is_silence(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Unreachable | ErrorClass::Throttled | ErrorClass::Expired)
}

async fn look(lake: &dyn Lake, prefix: &str) -> Result<Seen, LakeError> {
    let request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    let first = lake.list(&request).await?;
    let mut seen = Seen::default();
    if first.continuation.is_none() {
        seen.of(&first.objects);
        return Ok(seen);
    }
    let levels: Vec<_> = listing::level(lake, prefix).try_collect().await?;
    let mut dated: Vec<&str> =
        levels.iter().flat_map(|p| &p.prefixes).map(String::as_str).filter(|p| p.contains('=')).collect();
    dated.sort_unstable();
    let partitions = if dated.is_empty() { vec![prefix] } else { dated.into_iter().rev().take(PARTITIONS).collect() };
    for partition in partitions {
        let mut pages = std::pin::pin!(listing::pages(lake, partition));
        while let Some(page) = pages.try_next().await? {
            seen.of(&page.objects);
        }
    }
    Ok(seen)
}

/// The data objects that were written last, the newest first, and those whose keys come last.
#[derive(Debug, Default)]
struct Seen {
    newest: Vec<ObjectMeta>,
    last: Vec<ObjectMeta>,
}

impl Seen {
    fn of(&mut self, objects: &[ObjectMeta]) {
        let data = objects.iter().filter(|object| is_data(object));
        for object in data {
            keep(&mut self.newest, object, |a, b| a.modified > b.modified);
            keep(&mut self.last, object, |a, b| a.key > b.key);
        }
    }
}

/// Whether an object is data: markers, hidden files and a table's log are none.
pub(super) fn is_data(object: &ObjectMeta) -> bool {
    let key = object.key.as_str();
    let name = key.rsplit('/').next().unwrap_or_default();
    !name.is_empty() && !name.starts_with(['_', '.']) && !key.contains("/_delta_log/")
}

/// Keeps the first few, in order.
fn keep(kept: &mut Vec<ObjectMeta>, object: &ObjectMeta, before: impl Fn(&ObjectMeta, &ObjectMeta) -> bool) {
    let at = kept.iter().position(|known| before(object, known)).unwrap_or(kept.len());
    if at < CANDIDATES {
        kept.insert(at, object.clone());
        kept.truncate(CANDIDATES);
    }
}

/// The newest objects as they were seen last: one that is within its limit needs no look until that is over, since
/// what came meanwhile only makes it better.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<HashMap<String, Look>>);

#[derive(Debug)]
struct Look {
    newest: Option<Newest>,
    at: DateTime<Utc>,
}

impl Watched {
    /// The newest under a prefix, if it is enough for now.
    pub fn known(&self, prefix: &str, within: Duration, now: DateTime<Utc>) -> Option<Newest> {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look = watched.get(prefix).filter(|look| turn(prefix, look.at) == turn(prefix, now))?;
        look.newest.clone().filter(|newest| now - newest.time <= within)
    }

    /// Notes what was seen.
    pub fn saw(&self, prefix: &str, newest: Option<Newest>, now: DateTime<Utc>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.insert(prefix.to_owned(), Look { newest, at: now });
    }
}

/// The turn of a prefix that a time falls into. Each has its own moment for the next one: those that were looked at
/// together are not asked again together.
fn turn(prefix: &str, at: DateTime<Utc>) -> i64 {
    let mut hasher = DefaultHasher::new();
    prefix.hash(&mut hasher);
    let length = GOOD_FOR.num_seconds();
    let moment = i64::try_from(hasher.finish() % length.unsigned_abs()).unwrap_or_default();
    (at.timestamp() + moment).div_euclid(length)
}
