//! The port over the model: each request counted, held, failed or done as ordered, and whole or not at all.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use lakeward::lake::{
    ByteRange, Condition, CopyRequest, CopyWay, Counters, DELETE_LIMIT, ETag, ErrorClass, Fetched, Key, Lake,
    LakeError, LakeWriter, ListPage, ListRequest, ObjectDetail, ObjectMeta, Pieces, Placing, THROUGH_LIMIT, Written,
};

use super::store::{Object, Store};
use super::{Ignored, Memory, Verb};

/// S3's own page.
const PAGE: usize = 1000;

fn due(fault: &mut Option<(u32, ErrorClass)>) -> Option<ErrorClass> {
    let (left, class) = fault.as_mut().filter(|(left, _)| *left > 0)?;
    *left -= 1;
    Some(*class)
}

#[async_trait]
impl Lake for Memory {
    fn url(&self) -> &str {
        "s3://memory"
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
        self.0.counters.list();
        self.0.counters.about(&request.prefix);
        self.0.lists.pass().await;
        self.slowly(Verb::List, &request.prefix).await;
        self.ordered(Verb::List, &request.prefix)?;
        let fault = due(&mut self.faults().lists);
        if let Some(class) = fault {
            return Err(self.error(class, &request.prefix));
        }
        let most = request.max.map_or(PAGE, |max| (max as usize).clamp(1, PAGE));
        let mut page = ListPage::default();
        let mut last: Option<String> = None;
        let store = self.store();
        let begin = request.continuation.as_ref().filter(|after| **after > request.prefix);
        let from = begin.map_or(Bound::Included(request.prefix.as_str()), |after| Bound::Excluded(after.as_str()));
        for (key, object) in store.from(from) {
            let Some(below) = key.strip_prefix(&request.prefix) else { break };
            let rolled = below.find('/').filter(|_| request.delimited).and_then(|n| below.get(..=n));
            let item = rolled.map_or_else(|| key.clone(), |name| format!("{}{name}", request.prefix));
            if rolled.is_some() && (last.as_ref() == Some(&item) || begin == Some(&item)) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == most {
                page.continuation = last;
                break;
            }
            last = Some(item.clone());
            match rolled {
                Some(_) => page.prefixes.push(item),
                None => page.objects.push(object.meta(key)),
            }
        }
        Ok(page)
    }

    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let level = self.0.counters.get();
        self.0.counters.about(key.as_str());
        self.0.gets.pass().await;
        self.slowly(Verb::Get, key.as_str()).await;
        self.ordered(Verb::Get, key.as_str())?;
        let fault = due(&mut self.faults().gets);
        if let Some(class) = fault {
            return Err(self.error(class, key.as_str()));
        }
        let object = self.find(key, if_match)?;
        if object.is_archived() {
            return Err(self.error(ErrorClass::Unsupported, key.as_str()));
        }
        let size = object.size();
        let Object { bytes, etag, modified, .. } = object;
        let span = range.within(size);
        let real = |at: u64| at.min(bytes.len() as u64) as usize;
        let bytes = bytes.slice(real(span.start)..real(span.end));
        self.0.counters.received(level, bytes.len() as u64);
        Ok(Fetched { bytes, offset: span.start, size, etag, modified })
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        self.inspect(key).await.map(|detail| detail.meta)
    }

    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
        self.0.counters.head();
        self.0.counters.about(key.as_str());
        self.slowly(Verb::Head, key.as_str()).await;
        self.ordered(Verb::Head, key.as_str())?;
        self.find(key, None).map(|object| object.detail(key.as_str()))
    }

    async fn tags(&self, key: &Key, version: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        self.0.counters.head();
        self.ordered(Verb::Tags, key.as_str())?;
        let store = self.store();
        let object = store.version(key.as_str(), version);
        object.map(|object| object.tags.clone()).ok_or_else(|| self.error(ErrorClass::NotFound, key.as_str()))
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }
}

#[async_trait]
impl LakeWriter for Memory {
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError> {
        self.put_with(key, bytes, condition, &Placing::default()).await.map(|written| written.etag)
    }

    async fn put_with(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
    ) -> Result<Written, LakeError> {
        self.0.counters.write();
        self.ordered(Verb::Put, key.as_str())?;
        check(placing).map_err(|class| self.error(class, key.as_str()))?;
        let condition = condition.filter(|_| !self.ignored().put);
        let written = self.change(|store| {
            store.admits(key, condition.as_ref())?;
            let mut object = store.new_object(bytes, None);
            place(&mut object, placing);
            Ok(insert(store, key, object))
        });
        written.map_err(|class| self.error(class, key.as_str()))
    }

    async fn put_stream(&self, key: &Key, pieces: Pieces, condition: Option<Condition>) -> Result<Written, LakeError> {
        let whole: Vec<Bytes> = pieces.try_collect().await?;
        self.put_with(key, whole.concat().into(), condition, &Placing::default()).await
    }

    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.0.counters.write();
        self.delete_one(key, if_match.filter(|_| !self.ignored().delete))
    }

    async fn delete_all(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>> {
        assert!(objects.len() <= DELETE_LIMIT, "S3 takes no more");
        self.0.counters.write();
        let first = objects.first().map_or("", |(key, _)| key.as_str());
        if let Err(error) = self.ordered(Verb::BulkDelete, first) {
            return objects.iter().map(|_| Err(error.clone())).collect();
        }
        let kept = !self.ignored().bulk_delete;
        objects.iter().map(|(key, etag)| self.delete_one(key, Some(etag).filter(|_| kept))).collect()
    }

    async fn copy(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        self.0.counters.write();
        self.ordered(Verb::CopyFrom, request.source.as_str())?;
        self.ordered(Verb::Copy, request.target.as_str())?;
        let ignored = self.ignored();
        self.change(|store| copy(store, request, ignored))
            .map_err(|(class, key)| LakeError::new(class, self.uri(key.as_str()), "as S3 answers such a copy"))
    }

    async fn abandon_uploads(&self, prefix: &str) -> Result<u64, LakeError> {
        self.0.counters.list();
        self.ordered(Verb::AbandonUploads, prefix)?;
        let mut store = self.store();
        let open = store.uploads.len();
        store.uploads.retain(|key| !key.starts_with(prefix));
        Ok((open - store.uploads.len()) as u64)
    }
}

impl Memory {
    fn ignored(&self) -> Ignored {
        self.rules().ignored
    }

    fn delete_one(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.ordered(Verb::Delete, key.as_str())?;
        let condition = if_match.cloned().map(Condition::Matches);
        let deleted = self.change(|store| store.admits(key, condition.as_ref()).and_then(|()| store.delete(key)));
        deleted.map_err(|class| self.error(class, key.as_str()))
    }
}

/// Checks and copies, or tells what is wrong with which key.
fn copy(store: &mut Store, request: &CopyRequest, ignored: Ignored) -> Result<Written, (ErrorClass, Key)> {
    let CopyRequest { source, target, .. } = request;
    let (ignores_pin, ignores_condition) = match request.way {
        CopyWay::Server => (ignored.copy_pin, ignored.copy_condition),
        CopyWay::Multipart => (ignored.part_pin, ignored.completion),
        CopyWay::Through => (false, ignored.put),
    };
    if source == target {
        return Err((ErrorClass::Malformed, source.clone()));
    }
    let found = store.version(source.as_str(), request.source_version.as_deref()).cloned();
    let found = found.ok_or((ErrorClass::NotFound, source.clone()))?;
    if found.etag != request.source_etag && !ignores_pin {
        return Err((ErrorClass::Conflict, source.clone()));
    }
    request.placing.as_ref().map_or(Ok(()), check).map_err(|class| (class, target.clone()))?;
    let too_large = request.way == CopyWay::Through && request.size > THROUGH_LIMIT;
    if found.is_archived() || too_large || request.way == CopyWay::Multipart && request.size == 0 {
        return Err((ErrorClass::Unsupported, source.clone()));
    }
    let condition = request.condition.as_ref().filter(|_| !ignores_condition);
    store.admits(target, condition).map_err(|class| (class, target.clone()))?;
    // Tags of parts of 64 MiB, as the S3 end cuts them.
    let parts = (request.way == CopyWay::Multipart).then(|| found.size().div_ceil(64 << 20) as usize);
    let mut object = store.new_object(found.bytes, parts);
    (object.sparse, object.attributes, object.tags) = (found.sparse, found.attributes, found.tags);
    if let Some(placing) = &request.placing {
        place(&mut object, placing);
    }
    Ok(insert(store, target, object))
}

/// What S3 refuses of a placing: headers are ASCII, metadata has at most 2 KiB, and ten tags are enough.
fn check(placing: &Placing) -> Result<(), ErrorClass> {
    let user = &placing.attributes.user;
    if !user.values().all(|value| value.bytes().all(|b| matches!(b, b' '..=b'~'))) {
        return Err(ErrorClass::Unsupported);
    }
    let size: usize = user.iter().map(|(name, value)| name.len() + value.len()).sum();
    let tags = placing.tags.as_ref().map_or(0, Vec::len);
    if size > 2048 || tags > 10 { Err(ErrorClass::Malformed) } else { Ok(()) }
}

/// Makes an object what a placing asks for; tags that it says nothing of stay.
pub fn place(object: &mut Object, placing: &Placing) {
    object.attributes = placing.attributes.clone();
    if let Some(tags) = &placing.tags {
        object.tags = tags.clone();
    }
    object.storage_class = placing.storage_class.clone().filter(|class| class != "STANDARD");
    object.encryption = placing.encryption.clone();
    object.retain_until = placing.retain_until;
}

fn insert(store: &mut Store, key: &Key, object: Object) -> Written {
    let written =
        Written { etag: object.etag.clone(), version: object.version.clone(), checksum: object.checksum.clone() };
    store.insert(key, object);
    written
}
