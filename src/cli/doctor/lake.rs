//! Whether the lake can be read: one listing page of the errors prefix, then one byte of an object in it.

use super::calls::Calls;
use super::permissions::Grants;
use super::{Check, Verdict};
use crate::lake::{ByteRange, Key, Lake, ListRequest};

/// The rows, and an object that can be read.
pub async fn checks(lake: &dyn Lake, errors: &str, grants: &Grants, calls: &Calls) -> (Vec<Check>, Option<Key>) {
    let place = lake.uri(errors);
    let request = ListRequest { prefix: errors.to_owned(), ..ListRequest::default() };
    let page = match calls.timed(&place, lake.list(&request)).await {
        Ok(page) => page,
        Err(e) => {
            let unread = Check::new("read", Verdict::Skip, "the lake could not be listed");
            return (vec![Check::refused("lake", &e, "s3:ListBucket", grants.bucket(errors)), unread], None);
        }
    };
    let more = if page.continuation.is_some() { " or more" } else { "" };
    let listed = Check::new("lake", Verdict::Pass, format!("{place} lists {} objects{more}", page.objects.len()));
    if page.objects.is_empty() {
        let empty = Check::new("errors prefix", Verdict::Warn, format!("{place} is empty"))
            .hint("nothing was rejected, or prefixes.errors or the lake's address is another");
        return (vec![listed, empty, Check::new("read", Verdict::Skip, "no object to read")], None);
    }
    // Archived objects cannot be read whatever the permissions are.
    let readable = page.objects.into_iter().find(|o| o.size > 0 && o.storage_class.is_none());
    let Some(object) = readable else {
        let read = Check::new("read", Verdict::Skip, "no object to read on the first page");
        return (vec![listed, Check::new("errors prefix", Verdict::Pass, place), read], None);
    };
    let uri = lake.uri(object.key.as_str());
    let (read, readable) = match calls.timed(&uri, lake.get(&object.key, ByteRange::Suffix(1), None)).await {
        Ok(_) => (Check::new("read", Verdict::Pass, format!("{uri} can be read")), Some(object.key)),
        Err(e) => (Check::refused("read", &e, "s3:GetObject", grants.objects(&[""])), None),
    };
    (vec![listed, Check::new("errors prefix", Verdict::Pass, place), read], readable)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;
    use chrono::DateTime;

    use super::*;
    use crate::lake::{Counters, ETag, ErrorClass, Fetched, LakeError, ListPage, ObjectDetail, ObjectMeta};

    /// A lake that holds these objects, and refuses what it is told to refuse.
    #[derive(Debug, Default)]
    struct Fake {
        objects: Vec<ObjectMeta>,
        no_list: bool,
        no_get: bool,
        counters: Arc<Counters>,
    }

    fn denied(object: &str) -> LakeError {
        LakeError::new(ErrorClass::Denied, object, "AccessDenied")
    }

    #[async_trait]
    impl Lake for Fake {
        fn url(&self) -> &str {
            "s3://b"
        }

        async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
            self.counters.list();
            if self.no_list {
                Err(denied(&request.prefix))
            } else {
                Ok(ListPage { objects: self.objects.clone(), ..ListPage::default() })
            }
        }

        async fn get(&self, key: &Key, _: ByteRange, _: Option<&ETag>) -> Result<Fetched, LakeError> {
            self.counters.get();
            if self.no_get {
                return Err(denied(key.as_str()));
            }
            let modified = DateTime::UNIX_EPOCH;
            Ok(Fetched { bytes: Bytes::from_static(b"x"), offset: 0, size: 1, etag: ETag("e".into()), modified })
        }

        async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
            Err(denied(key.as_str()))
        }

        async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
            Err(denied(key.as_str()))
        }

        async fn tags(&self, key: &Key, _: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
            Err(denied(key.as_str()))
        }

        fn counters(&self) -> &Arc<Counters> {
            &self.counters
        }
    }

    fn object(size: u64, class: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            key: "_errors/a/dt=2026-01-01/x".into(),
            size,
            etag: ETag("e".into()),
            modified: DateTime::UNIX_EPOCH,
            storage_class: class.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn each_state_of_a_lake_has_its_verdicts_at_two_requests() {
        use Verdict::{Fail, Pass, Skip, Warn};
        for (lake, verdicts) in [
            (Fake { objects: vec![object(1, None)], ..Fake::default() }, vec![Pass, Pass, Pass]),
            (Fake { objects: vec![object(1, None)], no_get: true, ..Fake::default() }, vec![Pass, Pass, Fail]),
            (
                Fake { objects: vec![object(0, None), object(1, Some("GLACIER"))], ..Fake::default() },
                vec![Pass, Pass, Skip],
            ),
            (Fake::default(), vec![Pass, Warn, Skip]),
            (Fake { no_list: true, ..Fake::default() }, vec![Fail, Skip]),
        ] {
            let (checks, _) = checks(&lake, "_errors/", &Grants::default(), &Calls::begin()).await;
            assert_eq!(checks.iter().map(|c| c.verdict).collect::<Vec<_>>(), verdicts, "{lake:?}");
            assert!(checks.iter().all(|c| c.verdict != Fail || c.hint.is_some()), "{checks:?}");
            let used = lake.counters.read();
            assert!(used.lists == 1 && used.gets <= 1 && used.writes == 0, "{used:?}");
        }
    }
}
