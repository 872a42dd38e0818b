//! Finds every DLQ entry under the errors prefix, with as few listing requests as its size allows.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;

use super::entries::is_spark_directory;
use crate::lake::path::DateLevel;
use crate::lake::{ErrorClass, Lake, LakeError, ListPage, ListRequest, ObjectMeta, listing};

/// Listing requests under way at once, whatever the depth: S3 allows far more, a bastion host's sockets and the
/// memory of the pages in flight are the limit.
const AT_ONCE: usize = 16;

/// Whether what lies below may be told of without what lies beside it: a dataset's name or a date is no part of a table,
/// nor of an entry that Spark wrote.
fn is_level(prefix: &str) -> bool {
    let name = prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let date = DateLevel::of_segment(name).is_some();
    date || !(name.starts_with('_') || name.contains(['=', '.']) || is_spark_directory(name))
}

/// What the parts of one gathering share.
struct Gathering<'a> {
    lake: &'a dyn Lake,
    turns: Semaphore,
    listed: &'a AtomicU64,
    on_part: &'a (dyn Fn(Vec<ObjectMeta>) + Send + Sync),
}

/// Lists everything under `prefix`. A prefix of one page costs one request; a larger one is fanned out by
/// its levels, down to where dates or a table begin, and each part is listed in parallel.
/// `on_part` gets the objects of each part as soon as it is whole; `listed` counts objects as they come.
pub async fn gather(
    lake: &dyn Lake,
    prefix: &str,
    listed: &AtomicU64,
    on_part: &(dyn Fn(Vec<ObjectMeta>) + Send + Sync),
) -> Result<(), LakeError> {
    let gathering = Gathering { lake, turns: Semaphore::new(AT_ONCE), listed, on_part };
    gathering.part(prefix.to_owned()).await
}

impl Gathering<'_> {
    fn part(&self, prefix: String) -> BoxFuture<'_, Result<(), LakeError>> {
        Box::pin(async move {
            let first = self.page(ListRequest { prefix: prefix.clone(), ..ListRequest::default() }).await;
            let first = match first {
                Ok(first) => first,
                // Where one folder may not be read, the others below may: they are listed one by one.
                Err(error) if error.class == ErrorClass::Denied => {
                    return match self.below(&prefix).await {
                        Ok((loose, children)) if loose.is_empty() && children.iter().all(|child| is_level(child)) => {
                            self.parts(children).await.and(Err(error))
                        }
                        // Half an entry is none.
                        _ => Err(error),
                    };
                }
                Err(error) => return Err(error),
            };
            let Some(continuation) = first.continuation else {
                self.whole(first.objects);
                return Ok(());
            };
            if let Some((loose, children)) = self.fan_out(&prefix).await? {
                drop(first.objects); // the children list them again: not kept while those wait
                self.whole(loose);
                return self.parts(children).await;
            }
            let mut objects = first.objects;
            let mut next = Some(continuation);
            while let Some(continuation) = next {
                let request =
                    ListRequest { prefix: prefix.clone(), continuation: Some(continuation), ..ListRequest::default() };
                let page = self.page(request).await?;
                objects.extend(page.objects);
                next = page.continuation;
            }
            self.whole(objects);
            Ok(())
        })
    }

    /// Lists each of these, the others too where one is denied; any other failure would be that of all.
    async fn parts(&self, prefixes: Vec<String>) -> Result<(), LakeError> {
        let parts: Vec<_> = prefixes.into_iter().map(|prefix| self.part(prefix)).collect();
        let mut parts = stream::iter(parts).buffer_unordered(AT_ONCE);
        let mut denied = Ok(());
        while let Some(ended) = parts.next().await {
            match ended {
                Err(error) if error.class == ErrorClass::Denied => denied = denied.and(Err(error)),
                ended => ended?,
            }
        }
        denied
    }

    async fn page(&self, request: ListRequest) -> Result<ListPage, LakeError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        self.lake.list(&request).await
    }

    fn whole(&self, objects: Vec<ObjectMeta>) {
        self.listed.fetch_add(objects.len() as u64, Ordering::Relaxed);
        (self.on_part)(objects);
    }

    /// The objects right under `prefix` and the child prefixes to fan out to, or `None` where the prefix must
    /// stay whole: it holds a table, dates, or a directory that Spark wrote.
    async fn fan_out(&self, prefix: &str) -> Result<Option<(Vec<ObjectMeta>, Vec<String>)>, LakeError> {
        let (objects, prefixes) = self.below(prefix).await?;
        let whole = prefixes.iter().any(|child| {
            let name = child.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            name.starts_with('_') || name.contains('=') || name.contains('.')
        });
        Ok(if whole || prefixes.is_empty() { None } else { Some((objects, prefixes)) })
    }

    /// The objects right under `prefix`, and the prefixes there.
    async fn below(&self, prefix: &str) -> Result<(Vec<ObjectMeta>, Vec<String>), LakeError> {
        let _turn = self.turns.acquire().await;
        let pages: Vec<_> = listing::level(self.lake, prefix).try_collect().await?;
        let (objects, prefixes): (Vec<_>, Vec<_>) = pages.into_iter().map(|p| (p.objects, p.prefixes)).unzip();
        Ok((objects.into_iter().flatten().collect(), prefixes.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_part_of_a_table_or_of_an_entry_is_no_level() {
        for (prefix, is) in [
            ("_errors/crm/", true),
            ("_errors/crm/contacts/dt=2026-11-25/", true),
            ("_errors/s/clicks/_delta_log/", false),
            ("_errors/crm/dt=2026-11-25/rejected_rows/", false),
            ("_errors/crm/dt=2026-11-25/rejected_rows.parquet/", false),
            ("_errors/s/clicks/region=eu/", false),
        ] {
            assert_eq!(is_level(prefix), is, "{prefix}");
        }
    }
}
