//! A lake in memory with the semantics of S3, and faults to order: requests that fail, wait until released, or
//! are never answered. What it does right the contract suite shows (`lake_contract.rs`).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{
    ByteRange, Condition, Counters, ETag, ErrorClass, Fetched, Key, Lake, LakeError, LakeWriter, ListPage, ListRequest,
    ObjectMeta,
};
use tokio::sync::watch;

/// S3's own page.
const PAGE: usize = 1000;

/// The lake; a test keeps one clone and gives the other to the session.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: Mutex<BTreeMap<String, Object>>,
    faults: Mutex<Faults>,
    counters: Arc<Counters>,
    lists: Gate,
    gets: Gate,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    etag: ETag,
    modified: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Faults {
    writes: u32,
    lists: Option<(u32, ErrorClass)>,
    gets: Option<(u32, ErrorClass)>,
}

/// Where requests of one kind wait while they are held.
#[derive(Debug, Default)]
struct Gate {
    held: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    async fn pass(&self) {
        let mut held = self.held.subscribe();
        if *held.borrow() {
            self.waiting.send_modify(|n| *n += 1);
            held.wait_for(|held| !held).await.expect("the lake lives");
            self.waiting.send_modify(|n| *n -= 1);
        }
    }

    async fn reached(&self) {
        self.waiting.subscribe().wait_for(|n| *n > 0).await.expect("the lake lives");
    }
}

impl Memory {
    /// The next `n` listings fail with this class.
    pub fn fail_lists(&self, n: u32, class: ErrorClass) {
        self.faults().lists = Some((n, class));
    }

    /// The next `n` reads fail with this class.
    pub fn fail_gets(&self, n: u32, class: ErrorClass) {
        self.faults().gets = Some((n, class));
    }

    /// Listings wait until released; for ever, if they never are.
    pub fn hold_lists(&self) {
        self.0.lists.held.send_replace(true);
    }

    /// Reads wait until released.
    pub fn hold_gets(&self) {
        self.0.gets.held.send_replace(true);
    }

    /// Lets all that waits go on.
    pub fn release(&self) {
        self.0.lists.held.send_replace(false);
        self.0.gets.held.send_replace(false);
    }

    /// Until a listing waits.
    pub async fn list_waits(&self) {
        self.0.lists.reached().await;
    }

    /// Until a read waits.
    pub async fn get_waits(&self) {
        self.0.gets.reached().await;
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.0.objects.lock().expect("the objects")
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().expect("the faults")
    }

    fn error(&self, class: ErrorClass, key: &str) -> LakeError {
        LakeError::new(class, self.uri(key), "as the test ordered")
    }

    fn find(&self, key: &Key) -> Result<Object, LakeError> {
        self.objects().get(key.as_str()).cloned().ok_or_else(|| self.error(ErrorClass::NotFound, key.as_str()))
    }

    fn find_same(&self, key: &Key, if_match: Option<&ETag>) -> Result<Object, LakeError> {
        let object = self.find(key)?;
        match if_match.is_none_or(|seen| *seen == object.etag) {
            true => Ok(object),
            false => Err(self.error(ErrorClass::Conflict, key.as_str())),
        }
    }

    /// Checks and writes under one lock.
    fn write(&self, key: &Key, bytes: Bytes, condition: Option<&Condition>) -> Result<ETag, LakeError> {
        let mut objects = self.objects();
        match (condition, objects.get(key.as_str())) {
            (None, _) | (Some(Condition::Absent), None) => {}
            (Some(Condition::Matches(seen)), Some(object)) if object.etag == *seen => {}
            (Some(Condition::Matches(_)), None) => return Err(self.error(ErrorClass::NotFound, key.as_str())),
            _ => return Err(self.error(ErrorClass::Conflict, key.as_str())),
        }
        let mut faults = self.faults();
        faults.writes += 1;
        let etag = ETag(format!("{:032x}", faults.writes));
        let modified = DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(i64::from(faults.writes));
        objects.insert(key.0.clone(), Object { bytes, etag: etag.clone(), modified });
        Ok(etag)
    }
}

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
        self.0.lists.pass().await;
        let fault = due(&mut self.faults().lists);
        if let Some(class) = fault {
            return Err(self.error(class, &request.prefix));
        }
        let most = request.max.map_or(PAGE, |max| (max as usize).clamp(1, PAGE));
        let mut page = ListPage::default();
        let mut last: Option<String> = None;
        let objects = self.objects();
        let begin = request.continuation.as_ref().filter(|after| **after > request.prefix);
        let from = begin.map_or(Bound::Included(request.prefix.as_str()), |after| Bound::Excluded(after.as_str()));
        for (key, object) in objects.range::<str, _>((from, Bound::Unbounded)) {
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
                None => page.objects.push(meta(key, object)),
            }
        }
        Ok(page)
    }

    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let level = self.0.counters.get();
        self.0.gets.pass().await;
        let fault = due(&mut self.faults().gets);
        if let Some(class) = fault {
            return Err(self.error(class, key.as_str()));
        }
        let Object { bytes, etag, modified } = self.find_same(key, if_match)?;
        let size = bytes.len() as u64;
        let span = range.within(size);
        let bytes = bytes.slice(span.start as usize..span.end as usize);
        self.0.counters.received(level, bytes.len() as u64);
        Ok(Fetched { bytes, offset: span.start, size, etag, modified })
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        self.0.counters.head();
        self.find(key).map(|object| meta(key.as_str(), &object))
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }
}

#[async_trait]
impl LakeWriter for Memory {
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError> {
        self.0.counters.write();
        self.write(key, bytes, condition.as_ref())
    }

    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.0.counters.write();
        if if_match.is_some() {
            self.find_same(key, if_match)?;
        }
        self.objects().remove(key.as_str());
        Ok(())
    }

    async fn copy(
        &self,
        source: &Key,
        source_etag: &ETag,
        target: &Key,
        condition: Option<Condition>,
    ) -> Result<ETag, LakeError> {
        self.0.counters.write();
        let bytes = self.find_same(source, Some(source_etag))?.bytes;
        self.write(target, bytes, condition.as_ref())
    }
}

fn meta(key: &str, object: &Object) -> ObjectMeta {
    ObjectMeta {
        key: key.into(),
        size: object.bytes.len() as u64,
        etag: object.etag.clone(),
        modified: object.modified,
        storage_class: None,
    }
}
