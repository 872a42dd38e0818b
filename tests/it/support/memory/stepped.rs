//! A lake that fails at one chosen request: lost on the way there, lost on the way back, or the process killed
//! just before or after it. A crash test takes every request in turn.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use lakeward::lake::{
    ByteRange, Condition, CopyRequest, CopyWay, Counters, ETag, ErrorClass, Fetched, Key, Lake, LakeError, LakeWriter,
    ListPage, ListRequest, ObjectDetail, ObjectMeta, Pieces, Placing, Written,
};
use tokio::sync::watch;

use super::Memory;

/// What becomes of the chosen request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and fails as unreachable.
    RequestLost,
    /// It is done, and fails as unreachable.
    ReplyLost,
    /// It is not done; neither it nor any later one ever answers.
    KilledBefore,
    /// It is done; neither it nor any later one ever answers.
    KilledAfter,
    /// It is done, and its reply waits until [`Stepped::go_on`]: the process sleeps.
    Asleep,
}

/// The lake of one process. A copy in parts is two requests: its begin, and all up to its completion; a process
/// killed between the two leaves an open upload in a [`Memory`].
#[derive(Debug)]
pub struct Stepped {
    inner: Arc<dyn LakeWriter>,
    memory: Option<Memory>,
    fault: Option<(usize, Fault)>,
    made: AtomicUsize,
    killed: watch::Sender<bool>,
    /// Whether it sleeps.
    asleep: watch::Sender<bool>,
}

impl Stepped {
    /// Fails at the request of this number, counted from 0; at none without.
    pub fn new<L: LakeWriter + 'static>(inner: Arc<L>, fault: Option<(usize, Fault)>) -> Self {
        let memory = (&*inner as &dyn Any).downcast_ref::<Memory>().cloned();
        Self {
            inner,
            memory,
            fault,
            made: AtomicUsize::new(0),
            killed: watch::Sender::new(false),
            asleep: watch::Sender::new(false),
        }
    }

    /// How many requests were made so far, reads and writes, the failed one included.
    pub fn requests(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// Resolves when the process is killed; never, if it is not.
    pub async fn killed(&self) {
        let mut killed = self.killed.subscribe();
        killed.wait_for(|killed| *killed).await.expect("the lake lives");
    }

    /// Resolves when the process sleeps.
    pub async fn sleeps(&self) {
        let mut asleep = self.asleep.subscribe();
        asleep.wait_for(|asleep| *asleep).await.expect("the lake lives");
    }

    /// Wakes the process up.
    pub fn go_on(&self) {
        self.asleep.send_replace(false);
    }

    fn is_killed(&self) -> bool {
        *self.killed.borrow()
    }

    async fn step<T>(&self, key: &str, request: impl Future<Output = T>) -> Result<T, LakeError> {
        if self.is_killed() {
            std::future::pending::<()>().await;
        }
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        let lost = || LakeError::new(ErrorClass::Unreachable, self.uri(key), format!("lost: request {number}"));
        match fault {
            None => {
                let answer = request.await;
                if self.is_killed() {
                    std::future::pending::<()>().await;
                }
                Ok(answer)
            }
            Some(Fault::RequestLost) => Err(lost()),
            Some(Fault::ReplyLost) => {
                request.await;
                Err(lost())
            }
            Some(Fault::Asleep) => {
                let answer = request.await;
                let mut asleep = self.asleep.subscribe();
                self.asleep.send_replace(true);
                asleep.wait_for(|asleep| !asleep).await.expect("the lake lives");
                Ok(answer)
            }
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::KilledAfter) => {
                request.await;
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.killed.send_replace(true);
        std::future::pending().await
    }
}

#[async_trait]
impl Lake for Stepped {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
        self.step(&request.prefix, self.inner.list(request)).await?
    }

    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        self.step(key.as_str(), self.inner.get(key, range, if_match)).await?
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        self.step(key.as_str(), self.inner.head(key)).await?
    }

    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
        self.step(key.as_str(), self.inner.inspect(key)).await?
    }

    async fn tags(&self, key: &Key, version: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        self.step(key.as_str(), self.inner.tags(key, version)).await?
    }

    fn counters(&self) -> &Arc<Counters> {
        self.inner.counters()
    }

    fn uri(&self, key: &str) -> String {
        self.inner.uri(key)
    }
}

#[async_trait]
impl LakeWriter for Stepped {
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError> {
        self.step(key.as_str(), self.inner.put(key, bytes, condition)).await?
    }

    async fn put_with(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
    ) -> Result<Written, LakeError> {
        self.step(key.as_str(), self.inner.put_with(key, bytes, condition, placing)).await?
    }

    async fn put_stream(&self, key: &Key, pieces: Pieces, condition: Option<Condition>) -> Result<Written, LakeError> {
        self.step(key.as_str(), self.inner.put_stream(key, pieces, condition)).await?
    }

    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.step(key.as_str(), self.inner.delete(key, if_match)).await?
    }

    async fn delete_all(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>> {
        match self.step("", self.inner.delete_all(objects)).await {
            Ok(answers) => answers,
            Err(error) => objects.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn copy(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        let target = request.target.as_str();
        if request.way != CopyWay::Multipart {
            return self.step(target, self.inner.copy(request)).await?;
        }
        let open = || self.memory.iter().for_each(|memory| memory.begin_upload(target));
        let close = || self.memory.iter().for_each(|memory| memory.end_upload(target));
        self.step(target, async { open() }).await?;
        let complete = async {
            let answer = self.inner.copy(request).await;
            close();
            answer
        };
        // What fails is aborted; a killed process never comes here.
        self.step(target, complete).await.inspect_err(|_| close())?
    }

    async fn abandon_uploads(&self, prefix: &str) -> Result<u64, LakeError> {
        self.step(prefix, self.inner.abandon_uploads(prefix)).await?
    }
}
