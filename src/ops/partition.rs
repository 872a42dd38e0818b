//! Looks at what lies in one day's partition of a dataset: its data objects, and their rows by their footers.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;

use super::entries::group;
use crate::lake::path::DATE_KEYS;
use crate::lake::{Lake, LakeError, ListRequest, ObjectMeta, listing};
use crate::model::dataset::Dataset;
use crate::model::entry::EntryPath;
use crate::model::partition::Partition;
use crate::model::redrive::NewRejects;
use crate::rows::{RowCache, RowsError, layout, set};

/// Files whose footers are read at most.
const COUNTED: usize = 2_000;
/// Lines are counted by reading them; beyond this much they are not. 64 MiB.
const LINES: u64 = 64 << 20;

/// What lies of a date under a dataset's data prefix, which ends in `/`. Without a date: all of it.
pub async fn look(
    lake: &Arc<dyn Lake>,
    data: &str,
    date: Option<NaiveDate>,
    cache: &Arc<RowCache>,
) -> Result<Partition, LakeError> {
    for path in places(data, date) {
        let objects = data_objects(lake.as_ref(), &path).await?;
        if objects.is_empty() {
            continue;
        }
        let mut partition = sum(&path, &objects);
        if !is_table(lake.as_ref(), data).await? {
            count(lake, &path, &objects, cache, &mut partition).await?;
        }
        return Ok(partition);
    }
    Ok(Partition::default())
}

/// The rows that a reader of a date would find: of a table those that its log names, of all its dates. None where nothing
/// lies.
pub async fn readable(
    lake: &dyn Lake,
    data: &str,
    date: Option<NaiveDate>,
) -> Result<Option<layout::Layout>, LakeError> {
    if is_table(lake, data).await? {
        return Ok(Some(layout::layout(data, &objects(lake, data).await?)));
    }
    for path in places(data, date) {
        let objects = data_objects(lake, &path).await?;
        if !objects.is_empty() {
            return Ok(Some(layout::layout(&path, &objects)));
        }
    }
    Ok(None)
}

/// Where the data of a date may lie.
fn places(data: &str, date: Option<NaiveDate>) -> Vec<String> {
    match date {
        Some(date) => DATE_KEYS.iter().map(|level| format!("{data}{level}={date}/")).collect(),
        None => vec![data.to_owned()],
    }
}

fn sum(path: &str, objects: &[ObjectMeta]) -> Partition {
    Partition {
        path: Some(path.to_owned()),
        objects: objects.len() as u64,
        bytes: objects.iter().map(|o| o.size).sum(),
        rows: None,
        newest: objects.iter().map(|o| o.modified).max(),
        digest: format!("{:016x}", digest(objects)),
        fault: None,
    }
}

/// FNV-1a over keys, tags, sizes and times: kept on the lake, so the same on every host and in every version.
fn digest(objects: &[ObjectMeta]) -> u64 {
    let text = |o: &ObjectMeta| {
        let at = o.modified.timestamp_nanos_opt().unwrap_or_default();
        format!("{}\n{}\n{}\n{at}\n", o.key.as_str(), o.etag.0, o.size)
    };
    let step = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    objects.iter().fold(0xcbf2_9ce4_8422_2325, |h, object| text(object).bytes().fold(h, step))
}

/// Which of a table's files are live, its log says: their footers say too much.
async fn is_table(lake: &dyn Lake, data: &str) -> Result<bool, LakeError> {
    let request = ListRequest { prefix: format!("{data}_delta_log/"), max: Some(1), ..ListRequest::default() };
    Ok(!lake.list(&request).await?.objects.is_empty())
}

async fn count(
    lake: &Arc<dyn Lake>,
    path: &str,
    objects: &[ObjectMeta],
    cache: &Arc<RowCache>,
    partition: &mut Partition,
) -> Result<(), LakeError> {
    let layout = layout::layout(path, objects);
    if layout.files.len() > COUNTED {
        return Ok(());
    }
    match set::count(Arc::clone(lake), &layout, Arc::clone(cache), LINES).await {
        Ok(rows) => partition.rows = rows,
        Err(RowsError::Lake(error)) => return Err(error),
        Err(error) => partition.fault = Some(error.to_string()),
    }
    Ok(())
}

async fn data_objects(lake: &dyn Lake, prefix: &str) -> Result<Vec<ObjectMeta>, LakeError> {
    let mut all = objects(lake, prefix).await?;
    all.retain(|object| {
        let below = object.key.as_str().strip_prefix(prefix).unwrap_or_default();
        !below.is_empty() && !below.ends_with('/') && below.split('/').all(|part| !part.starts_with(['_', '.']))
    });
    Ok(all)
}

async fn objects(lake: &dyn Lake, prefix: &str) -> Result<Vec<ObjectMeta>, LakeError> {
    let pages: Vec<_> = listing::pages(lake, prefix).try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.objects).collect())
}

/// When the newest object among a dataset's dead letters was written.
pub async fn newest_reject(
    lake: &dyn Lake,
    errors: &str,
    dataset: &Dataset,
) -> Result<Option<DateTime<Utc>>, LakeError> {
    Ok(objects(lake, &format!("{errors}{dataset}/")).await?.iter().map(|o| o.modified).max())
}

/// The dead letters of a dataset in which something was written since.
pub async fn rejected_since(
    lake: &Arc<dyn Lake>,
    errors: &str,
    dataset: &Dataset,
    since: Option<DateTime<Utc>>,
    cache: &Arc<RowCache>,
) -> Result<Vec<NewRejects>, LakeError> {
    let found = group(errors, objects(lake.as_ref(), &format!("{errors}{dataset}/")).await?);
    let newer = found.into_iter().filter(|f| f.dataset == *dataset && since.is_none_or(|since| f.modified > since));
    let mut rejects = Vec::new();
    for entry in newer {
        let EntryPath(path) = &entry.path;
        let rows = match set::count(Arc::clone(lake), &entry.kept.layout(&entry.path), Arc::clone(cache), LINES).await {
            Ok(rows) => rows,
            Err(RowsError::Lake(error)) => return Err(error),
            Err(_) => None,
        };
        rejects.push(NewRejects { entry: path.to_string(), rows });
    }
    Ok(rejects)
}
