//! Whole prefixes, page by page: streamed, so that what is known shows before the end is.

use futures::Stream;
use futures::stream::try_unfold;

use super::{Lake, LakeError, ListPage, ListRequest};

/// The pages of everything under `prefix`, flat, in key order.
pub fn pages<'a>(lake: &'a dyn Lake, prefix: &str) -> impl Stream<Item = Result<ListPage, LakeError>> + use<'a> {
    walk(lake, ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() })
}

/// The pages of one level under `prefix`: its objects and common prefixes.
pub fn level<'a>(lake: &'a dyn Lake, prefix: &str) -> impl Stream<Item = Result<ListPage, LakeError>> + use<'a> {
    walk(lake, ListRequest { prefix: prefix.to_owned(), delimited: true, ..ListRequest::default() })
}

fn walk<'a>(lake: &'a dyn Lake, first: ListRequest) -> impl Stream<Item = Result<ListPage, LakeError>> + use<'a> {
    try_unfold(Some(first), move |request| async move {
        let Some(request) = request else { return Ok(None) };
        let page = lake.list(&request).await?;
        let next = page.continuation.clone().map(|c| ListRequest { continuation: Some(c), ..request });
        Ok(Some((page, next)))
    })
}
