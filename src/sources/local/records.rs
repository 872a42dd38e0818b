//! Records of a local environment as they were read last: a look lists what there is, and reads what is new or another
//! one by its tag. One that cannot be read hides no other.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::lake::{ByteRange, ETag, ErrorClass, Key, Lake, ObjectMeta, listing};
use crate::sources::SourceError;

/// Records read at once.
const AT_ONCE: usize = 32;
/// A record is a page of JSON; one beyond this is refused. 1 MiB.
const LIMIT: u64 = 1 << 20;
/// Faults that are told one by one.
const TOLD: usize = 5;

/// The records of one kind, by key.
#[derive(Debug)]
pub(super) struct Records<T> {
    /// What the last part of their keys is.
    name: &'static str,
    kept: Mutex<BTreeMap<Key, Kept<T>>>,
}

/// What an object said under a tag. One that cannot be read since it changed stands as it was before.
#[derive(Debug)]
struct Kept<T> {
    etag: ETag,
    record: Option<Arc<T>>,
    fault: Option<SourceError>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { etag: self.etag.clone(), record: self.record.clone(), fault: self.fault.clone() }
    }
}

/// What one look found.
#[derive(Debug)]
pub(super) struct Seen<T> {
    /// The records, those that were written last first.
    pub found: Vec<(Key, Arc<T>)>,
    /// What cannot be read, and whether what it said before stands.
    faults: Vec<(SourceError, bool)>,
}

impl<T> Seen<T> {
    /// The same, with another record that makes no sense.
    pub fn fault(&mut self, fault: SourceError) {
        self.faults.push((fault, false));
    }

    /// The first fault, where nothing can be told for it.
    pub fn silence(&self, is_empty: bool) -> Result<(), SourceError> {
        match self.faults.first() {
            Some((fault, _)) if is_empty => Err(fault.clone()),
            _ => Ok(()),
        }
    }

    /// What is left out, and why.
    pub fn notes(&self) -> Vec<String> {
        let told = |(fault, stands): &(SourceError, bool)| {
            let left = if *stands { "what it said before stands" } else { "it is left out" };
            format!("{}: {}: {left}", fault.object, fault.detail)
        };
        let mut notes: Vec<String> = self.faults.iter().take(TOLD).map(told).collect();
        if self.faults.len() > TOLD {
            notes.push(format!("{} more records cannot be read", self.faults.len() - TOLD));
        }
        notes
    }
}

/// All objects under a prefix.
pub(super) async fn listed(lake: &dyn Lake, prefix: &str) -> Result<Vec<ObjectMeta>, SourceError> {
    let pages: Vec<_> = listing::pages(lake, prefix).try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.objects).collect())
}

impl<T: DeserializeOwned> Records<T> {
    /// Those called so, none of which was read yet.
    pub fn called(name: &'static str) -> Self {
        Self { name, kept: Mutex::default() }
    }

    /// The records among what was listed, at most `most`. What does not change costs nothing.
    pub async fn among(&self, lake: &dyn Lake, listed: &[ObjectMeta], most: usize) -> Result<Seen<T>, SourceError> {
        let mut found: Vec<&ObjectMeta> =
            listed.iter().filter(|o| o.key.as_str().rsplit('/').next() == Some(self.name)).collect();
        found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| b.key.cmp(&a.key)));
        found.truncate(most);
        let keys: HashSet<&Key> = found.iter().map(|o| &o.key).collect();
        self.kept().retain(|key, _| keys.contains(key));
        let reads: Vec<_> = found.iter().map(|object| self.one(lake, object)).collect();
        let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut seen = Seen { found: Vec::new(), faults: Vec::new() };
        for (object, one) in found.into_iter().zip(read) {
            let Some(Kept { record, fault, .. }) = one? else { continue };
            seen.faults.extend(fault.map(|fault| (fault, record.is_some())));
            seen.found.extend(record.map(|record| (object.key.clone(), record)));
        }
        Ok(seen)
    }

    /// What an object says; none if it went away. Kept as soon as it is read: a look that is broken off begins no other
    /// one anew.
    async fn one(&self, lake: &dyn Lake, object: &ObjectMeta) -> Result<Option<Kept<T>>, SourceError> {
        let known = self.kept().get(&object.key).cloned();
        if let Some(known) = known.as_ref().filter(|known| known.etag == object.etag) {
            return Ok(Some(known.clone()));
        }
        let malformed = |fault: String| SourceError::new(ErrorClass::Malformed, lake.uri(object.key.as_str()), fault);
        let (etag, read) = if object.size > LIMIT {
            (object.etag.clone(), Err(malformed("larger than 1 MiB: not a record".into())))
        } else {
            match lake.get(&object.key, ByteRange::Whole, None).await {
                // The tag of what was read, and not of what was listed: it may have been written anew in between.
                Ok(fetched) => {
                    let parsed = serde_json::from_slice::<T>(&fetched.bytes);
                    (fetched.etag, parsed.map_err(|e| malformed(format!("not a record of its kind: {e}"))))
                }
                Err(error) if error.class == ErrorClass::NotFound => {
                    self.kept().remove(&object.key);
                    return Ok(None);
                }
                Err(error) if error.class == ErrorClass::Malformed => (object.etag.clone(), Err(error)),
                Err(error) => return Err(error),
            }
        };
        let kept = match read {
            Ok(record) => Kept { etag, record: Some(Arc::new(record)), fault: None },
            Err(fault) => Kept { etag, record: known.and_then(|known| known.record), fault: Some(fault) },
        };
        self.kept().insert(object.key.clone(), kept.clone());
        Ok(Some(kept))
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Key, Kept<T>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
