//! A lake in memory with the semantics of S3, and faults to order: requests that fail, wait until released, or
//! are never answered; conditions that are ignored; what happens in between. What it does right the contract suite
//! shows (`lake_contract.rs`), what it does wrong on order `memory_model.rs`.

mod digest;
mod port;
mod rules;
mod stepped;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use lakeward::lake::{Counters, ETag, ErrorClass, Key, Lake, LakeError, Placing};
use tokio::sync::watch;

pub use rules::{Ignored, Verb};
pub use stepped::{Fault, Stepped};
pub use store::Versioning;

use rules::Rules;
use store::{Object, Store};

/// The lake; a test keeps one clone and gives the other to the session.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    store: Mutex<Store>,
    rules: Mutex<Rules>,
    faults: Mutex<Faults>,
    watcher: Mutex<Watcher>,
    counters: Arc<Counters>,
    lists: Gate,
    gets: Gate,
}

#[derive(Debug, Default)]
struct Faults {
    lists: Option<(u32, ErrorClass)>,
    gets: Option<(u32, ErrorClass)>,
}

/// What is told of every change: the bytes of each key.
type Watch = Box<dyn Fn(&BTreeMap<String, Bytes>) + Send>;

/// Who is told.
#[derive(Default)]
struct Watcher(Option<Watch>);

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
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

    /// Whether old versions are kept from now on.
    pub fn set_versioning(&self, versioning: Versioning) {
        self.store().versioning = versioning;
    }

    /// Each write from now on has an entity tag of its own, as KMS makes them: equal bytes have different ones.
    pub fn set_opaque_etags(&self) {
        self.store().opaque_etags = true;
    }

    /// Nothing that is written from now on has a checksum.
    pub fn set_without_checksums(&self, without: bool) {
        self.store().without_checksums = without;
    }

    /// The conditions that are ignored from now on.
    pub fn ignore(&self, ignored: Ignored) {
        self.rules().ignored = ignored;
    }

    /// Every such request below a prefix is denied from now on.
    pub fn deny(&self, verb: Verb, prefix: &str) {
        self.rules().fail(verb, prefix, 0, u32::MAX, ErrorClass::Denied);
    }

    /// Of the requests of this kind below a prefix, those from the `nth` on (counted from 0) fail, so many times.
    pub fn fail(&self, verb: Verb, prefix: &str, nth: u32, times: u32, class: ErrorClass) {
        self.rules().fail(verb, prefix, nth, times, class);
    }

    /// Every such request below a prefix is answered so much later from now on.
    pub fn slow(&self, verb: Verb, prefix: &str, by: std::time::Duration) {
        self.rules().slow(verb, prefix, by);
    }

    /// Does something just before the next request of this kind below a prefix: what another process may do then.
    pub fn meanwhile(&self, verb: Verb, prefix: &str, act: impl FnOnce(&Self) + Send + 'static) {
        self.rules().meanwhile(verb, prefix, Box::new(act));
    }

    /// Ends all that [`Memory::deny`], [`Memory::fail`], [`Memory::slow`], [`Memory::meanwhile`] and [`Memory::ignore`]
    /// ordered.
    pub fn behave(&self) {
        self.rules().clear();
    }

    /// Calls `watcher` after every change with the bytes of all keys, until another one is set.
    pub fn watch(&self, watcher: impl Fn(&BTreeMap<String, Bytes>) + Send + 'static) {
        self.0.watcher.lock().expect("the watcher").0 = Some(Box::new(watcher));
    }

    /// The bytes of all keys.
    pub fn all(&self) -> BTreeMap<String, Bytes> {
        self.store().snapshot()
    }

    /// Writes an object as someone else would: no request, no fault.
    pub fn set(&self, key: &str, bytes: impl Into<Bytes>) -> ETag {
        self.set_as(key, bytes, None, &Placing::default())
    }

    /// The same, uploaded in so many parts: an entity tag with their number, and no checksum over the whole.
    pub fn set_in_parts(&self, key: &str, bytes: impl Into<Bytes>, parts: usize) -> ETag {
        self.set_as(key, bytes, Some(parts), &Placing::default())
    }

    /// The same, to be like this.
    pub fn set_like(&self, key: &str, bytes: impl Into<Bytes>, placing: &Placing) -> ETag {
        self.set_as(key, bytes, None, placing)
    }

    /// The same, of so many bytes, of which only these are real; what lies behind them reads as nothing. For objects
    /// that no test can hold.
    pub fn set_sparse(&self, key: &str, bytes: impl Into<Bytes>, size: u64) -> ETag {
        let etag = self.set(key, bytes);
        self.store().current_mut(key).expect("an object").sparse = Some(size);
        etag
    }

    /// Another lake that holds the same and ignores the same; of what else was ordered it knows nothing.
    pub fn fork(&self) -> Self {
        let fork = Self::default();
        *fork.store() = self.store().clone();
        fork.rules().ignored = self.rules().ignored;
        fork
    }

    /// Takes an object away as someone else would.
    pub fn remove(&self, key: &str) {
        self.change(|store| store.delete(&key.into())).expect("an object that nothing keeps");
    }

    /// Changes the last byte of an object, and neither its size nor its tag: a disk that lies.
    pub fn corrupt(&self, key: &str) {
        self.change(|store| {
            let object = store.current_mut(key).expect("an object");
            let mut bytes = object.bytes.to_vec();
            *bytes.last_mut().expect("a byte") ^= 1;
            object.checksum = object.checksum.as_ref().map(|_| digest::checksum(&digest::of(&bytes)));
            object.bytes = bytes.into();
        });
    }

    /// Makes an archived object readable, or ends that.
    pub fn set_restored(&self, key: &str, restored: bool) {
        self.store().current_mut(key).expect("an object").restored = restored;
    }

    /// How many versions and markers a key has.
    pub fn history(&self, key: &str) -> usize {
        self.store().history(key)
    }

    /// Removes the newest delete marker of a key; whether there was one.
    pub fn remove_marker(&self, key: &str) -> bool {
        self.change(|store| store.remove_marker(key))
    }

    /// Begins an upload that nobody ends.
    pub fn begin_upload(&self, key: &str) {
        self.store().uploads.push(key.to_owned());
    }

    /// Ends one upload of a key, if one is open.
    fn end_upload(&self, key: &str) {
        let mut store = self.store();
        if let Some(at) = store.uploads.iter().position(|open| open == key) {
            store.uploads.remove(at);
        }
    }

    /// The keys of open uploads.
    pub fn open_uploads(&self) -> Vec<String> {
        self.store().uploads.clone()
    }

    fn set_as(&self, key: &str, bytes: impl Into<Bytes>, parts: Option<usize>, placing: &Placing) -> ETag {
        self.change(|store| {
            let mut object = store.new_object(bytes.into(), parts);
            object.checksum = object.checksum.filter(|_| parts.is_none());
            port::place(&mut object, placing);
            let etag = object.etag.clone();
            store.insert(&key.into(), object);
            etag
        })
    }

    /// Changes what is held, and tells the watcher.
    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store();
        let answer = change(&mut store);
        let watcher = self.0.watcher.lock().expect("the watcher");
        if let Watcher(Some(watcher)) = &*watcher {
            watcher(&store.snapshot());
        }
        answer
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A watcher that fails a test poisons it; other threads may still look.
        self.0.store.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.0.rules.lock().expect("the rules")
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().expect("the faults")
    }

    fn error(&self, class: ErrorClass, key: &str) -> LakeError {
        LakeError::new(class, self.uri(key), "as the test ordered")
    }

    /// Waits as long as is ordered.
    async fn slowly(&self, verb: Verb, key: &str) {
        let wait = self.rules().wait(verb, key);
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// What is ordered for a request: happens, and may fail it.
    fn ordered(&self, verb: Verb, key: &str) -> Result<(), LakeError> {
        let (acts, failure) = self.rules().due(verb, key);
        acts.into_iter().for_each(|act| act(self));
        failure.map_or(Ok(()), |class| Err(self.error(class, key)))
    }

    fn find(&self, key: &Key, if_match: Option<&ETag>) -> Result<Object, LakeError> {
        let object = self.store().current(key.as_str()).cloned();
        let object = object.ok_or_else(|| self.error(ErrorClass::NotFound, key.as_str()))?;
        match if_match.is_none_or(|seen| *seen == object.etag) {
            true => Ok(object),
            false => Err(self.error(ErrorClass::Conflict, key.as_str())),
        }
    }
}
