//! What a local environment knows of its pipeline: records of runs and their logs in the lake's own folder, written by
//! whoever runs the commands. The same ports as AWS and Airflow, so that a laptop and the demo show everything.

pub mod dags;
pub mod jobs;
pub mod logs;
pub mod process;

use futures::stream::{self, StreamExt};
use serde::de::DeserializeOwned;

use super::SourceError;
use crate::lake::{ByteRange, ErrorClass, Key, Lake, ObjectMeta, listing};

/// Records read at once.
const AT_ONCE: usize = 16;
/// A record is a page of JSON; one beyond this is refused. 1 MiB.
const LIMIT: u64 = 1 << 20;

/// The records called `name` under a prefix, newest first, at most `most`. One that cannot be read is left out and the
/// first fault among them is told: it must not hide the others.
async fn records<T: DeserializeOwned>(
    lake: &dyn Lake,
    prefix: &str,
    name: &str,
    most: usize,
) -> Result<(Vec<(ObjectMeta, T)>, Option<SourceError>), SourceError> {
    use futures::TryStreamExt;
    let pages: Vec<_> = listing::pages(lake, prefix).try_collect().await?;
    let mut found: Vec<ObjectMeta> = pages.into_iter().flat_map(|page| page.objects).collect();
    found.retain(|o| o.key.as_str().rsplit('/').next() == Some(name));
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| b.key.cmp(&a.key)));
    found.truncate(most);
    let reads: Vec<_> = found.into_iter().map(|object| read(lake, object)).collect();
    let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let (mut all, mut fault) = (Vec::new(), None);
    for one in read {
        match one {
            Ok(one) => all.push(one),
            Err(error) if error.class == ErrorClass::Malformed => fault = fault.or(Some(error)),
            Err(error) if error.class == ErrorClass::NotFound => {} // it went away meanwhile
            Err(error) => return Err(error),
        }
    }
    Ok((all, fault))
}

async fn read<T: DeserializeOwned>(lake: &dyn Lake, object: ObjectMeta) -> Result<(ObjectMeta, T), SourceError> {
    let malformed = |fault: String| SourceError::new(ErrorClass::Malformed, lake.uri(object.key.as_str()), fault);
    if object.size > LIMIT {
        return Err(malformed("larger than 1 MiB: not a record of a run".into()));
    }
    let fetched = lake.get(&object.key, ByteRange::Whole, None).await?;
    let record =
        serde_json::from_slice(&fetched.bytes).map_err(|e| malformed(format!("not a record of a run: {e}")))?;
    Ok((object, record))
}

/// The key of a file beside a record. A name that would leave the folder is none.
fn beside(record: &Key, name: &str) -> Option<Key> {
    let plain = !name.is_empty() && name.split('/').all(|s| !matches!(s, "" | "." | ".."));
    let (folder, _) = record.as_str().rsplit_once('/')?;
    plain.then(|| Key(format!("{folder}/{name}")))
}
