//! Finds every DLQ entry under the errors prefix, with as few listing requests as its size allows.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::lake::{Lake, LakeError, ListRequest, ObjectMeta, listing};

/// How many prefixes are listed at once: S3 allows far more, a bastion host's sockets are the limit.
const FAN_OUT: usize = 16;

/// Lists everything under `prefix`. A prefix of one page costs one request; a larger one is fanned out by
/// its levels, down to where dates or a table begin, and each part is listed in parallel.
/// `on_part` gets the objects of each part as soon as it is whole; `listed` counts objects as they come.
pub async fn gather(
    lake: &dyn Lake,
    prefix: &str,
    listed: &AtomicU64,
    on_part: &(dyn Fn(Vec<ObjectMeta>) + Send + Sync),
) -> Result<(), LakeError> {
    part(lake, prefix.to_owned(), listed, on_part).await
}

fn part<'a>(
    lake: &'a dyn Lake,
    prefix: String,
    listed: &'a AtomicU64,
    on_part: &'a (dyn Fn(Vec<ObjectMeta>) + Send + Sync),
) -> BoxFuture<'a, Result<(), LakeError>> {
    Box::pin(async move {
        let first = lake.list(&ListRequest { prefix: prefix.clone(), ..ListRequest::default() }).await?;
        let Some(continuation) = first.continuation else {
            listed.fetch_add(first.objects.len() as u64, Ordering::Relaxed);
            on_part(first.objects);
            return Ok(());
        };
        if let Some((loose, children)) = fan_out(lake, &prefix).await? {
            listed.fetch_add(loose.len() as u64, Ordering::Relaxed);
            on_part(loose);
            let parts: Vec<_> = children.into_iter().map(|child| part(lake, child, listed, on_part)).collect();
            return stream::iter(parts).buffer_unordered(FAN_OUT).try_collect::<()>().await;
        }
        let mut objects = first.objects;
        listed.fetch_add(objects.len() as u64, Ordering::Relaxed);
        let mut next = Some(continuation);
        while let Some(continuation) = next {
            let request =
                ListRequest { prefix: prefix.clone(), continuation: Some(continuation), ..ListRequest::default() };
            let page = lake.list(&request).await?;
            listed.fetch_add(page.objects.len() as u64, Ordering::Relaxed);
            objects.extend(page.objects);
            next = page.continuation;
        }
        on_part(objects);
        Ok(())
    })
}

/// The objects right under `prefix` and the child prefixes to fan out to, or `None` where the prefix must
/// stay whole: it holds a table, dates, or a directory that Spark wrote.
async fn fan_out(lake: &dyn Lake, prefix: &str) -> Result<Option<(Vec<ObjectMeta>, Vec<String>)>, LakeError> {
    let pages: Vec<_> = listing::level(lake, prefix).try_collect().await?;
    let children = || pages.iter().flat_map(|p| &p.prefixes);
    let whole = children().any(|child| {
        let name = child.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        name.starts_with('_') || name.contains('=') || name.contains('.')
    });
    if whole || children().next().is_none() {
        return Ok(None);
    }
    let (objects, prefixes): (Vec<_>, Vec<_>) = pages.into_iter().map(|p| (p.objects, p.prefixes)).unzip();
    Ok(Some((objects.into_iter().flatten().collect(), prefixes.into_iter().flatten().collect())))
}
