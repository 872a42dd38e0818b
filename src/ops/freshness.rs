//! How new a dataset's newest object is, without walking years of partitions.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use crate::lake::{Lake, LakeError, ListRequest, listing};

/// Date partitions looked into, from the newest back: a late writer of yesterday's partition counts too.
const PARTITIONS: usize = 3;

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
