//! Many requests at once, as many as the store takes: it asks for fewer and gets fewer, and slowly more again.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use super::progress::Watch;
use crate::lake::{ErrorClass, LakeError};

/// Requests at once in the beginning.
const FIRST: usize = 16;
/// And at the most: S3 takes 3,500 writes a second and prefix; at 20 ms each, 64 at once are 3,200.
const MOST: usize = 64;
/// One more after so many that passed.
const CALM: usize = 16;
/// Tries of one item against a store that throttles or does not answer.
const TRIES: u32 = 8;

/// How many at once, now.
#[derive(Debug)]
pub struct Pace {
    limit: usize,
    calm: usize,
    throttled: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: FIRST, calm: 0, throttled: false }
    }
}

impl Pace {
    /// Requests at once.
    pub fn at_once(&self) -> usize {
        self.limit
    }

    /// Whether the store throttled lately.
    pub fn is_throttled(&self) -> bool {
        self.throttled
    }

    fn passed(&mut self) {
        self.calm += 1;
        if self.calm >= CALM {
            (self.calm, self.throttled) = (0, false);
            self.limit = (self.limit + 1).min(MOST);
        }
    }

    fn throttled(&mut self) {
        (self.calm, self.throttled) = (0, true);
        self.limit = (self.limit / 2).max(1);
    }
}

/// Why not all was done.
#[derive(Debug)]
pub enum Stop<E> {
    /// It was asked to stop.
    Asked,
    /// An item failed for good; what was under way beside it has ended.
    Failed(E),
}

/// A failure of one item: the lake's, or one that no further try can change.
pub trait Failure {
    /// The lake's error, if it is one.
    fn lake(&self) -> Option<&LakeError>;
}

impl Failure for LakeError {
    fn lake(&self) -> Option<&LakeError> {
        Some(self)
    }
}

/// Does `work` for each item, several at once; tells `done` of each as it ends. After a failure, or when asked to
/// stop, nothing new begins, and what is under way is waited for, so that its end is known.
pub async fn paced<I, T, E, F>(
    items: impl IntoIterator<Item = I>,
    pace: &mut Pace,
    watch: &Watch,
    work: impl Fn(I) -> F,
    mut done: impl FnMut(I, T, &Pace),
) -> Result<(), Stop<E>>
where
    I: Copy,
    F: Future<Output = Result<T, E>>,
    E: Failure,
{
    let mut waiting: VecDeque<(I, u32)> = items.into_iter().map(|i| (i, 1)).collect();
    let mut running = FuturesUnordered::new();
    let mut stop = None;
    loop {
        if stop.is_none() && watch.is_stopped() && (!waiting.is_empty() || !running.is_empty()) {
            stop = Some(Stop::Asked);
        }
        while stop.is_none() && running.len() < pace.limit {
            let Some((item, tries)) = waiting.pop_front() else { break };
            let one = work(item);
            running.push(async move {
                if tries > 1 {
                    tokio::time::sleep(pause(tries - 1)).await;
                }
                (item, tries, one.await)
            });
        }
        let Some((item, tries, ended)) = running.next().await else { break };
        match ended {
            Ok(value) => {
                pace.passed();
                done(item, value, pace);
            }
            Err(error) => {
                let class = error.lake().map(|e| e.class);
                if class == Some(ErrorClass::Throttled) {
                    pace.throttled();
                }
                let again = class.is_some_and(super::records::may_pass) && tries < TRIES;
                if again && stop.is_none() {
                    waiting.push_back((item, tries + 1));
                } else if stop.is_none() {
                    stop = Some(Stop::Failed(error));
                }
            }
        }
    }
    stop.map_or(Ok(()), Err)
}

/// A pause before another try: doubling from 50 ms to 3.2 s, by chance between half and all of it.
pub fn pause(tries: u32) -> Duration {
    let most = 50u64 << tries.saturating_sub(1).min(6);
    Duration::from_millis(most / 2 + crate::ops::gate::chance() % (most / 2).max(1))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    fn error(class: ErrorClass) -> LakeError {
        LakeError::new(class, "s3://b/k", "as ordered")
    }

    /// Fault 27: a store that throttles gets fewer requests at once, and all is done in the end.
    #[tokio::test(start_paused = true)]
    async fn a_store_that_throttles_gets_fewer_requests() {
        let (left, now, most) = (Cell::new(20), Cell::new(0usize), RefCell::new(Vec::new()));
        let mut pace = Pace::default();
        let mut done = Vec::new();
        let work = |n: usize| {
            let (left, now, most) = (&left, &now, &most);
            async move {
                now.set(now.get() + 1);
                most.borrow_mut().push(now.get());
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
                if left.get() > 0 {
                    left.set(left.get() - 1);
                    return Err(error(ErrorClass::Throttled));
                }
                Ok(n)
            }
        };
        let ended = paced(0..100, &mut pace, &Watch::default(), work, |_, n, _| done.push(n)).await;
        assert!(ended.is_ok());
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        assert_eq!(most.borrow().iter().max(), Some(&FIRST));
        assert!(pace.at_once() < FIRST, "{pace:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_ends_it_and_what_runs_is_waited_for() {
        let mut done = Vec::new();
        let work = async |n: usize| if n == 3 { Err(error(ErrorClass::Denied)) } else { Ok(n) };
        let ended = paced(0..100, &mut Pace::default(), &Watch::default(), work, |_, n, _| done.push(n)).await;
        assert!(matches!(ended, Err(Stop::Failed(e)) if e.class == ErrorClass::Denied));
        assert!(!done.is_empty() && done.len() < 100, "{done:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_never_answers_is_given_up() {
        let tried = Cell::new(0);
        let work = |_: usize| {
            tried.set(tried.get() + 1);
            async { Err::<(), _>(error(ErrorClass::Unreachable)) }
        };
        let ended = paced([1], &mut Pace::default(), &Watch::default(), work, |_, (), _| {}).await;
        assert!(matches!(ended, Err(Stop::Failed(_))));
        assert_eq!(tried.get(), TRIES);
    }

    /// Fault 30: a wish to stop ends it before the next item.
    #[tokio::test]
    async fn it_stops_when_asked() {
        let watch = Watch::default();
        let mut done = Vec::new();
        let work = async |n: usize| Ok::<_, LakeError>(n);
        let ended = paced(0..100, &mut Pace::default(), &watch, work, |_, n, _| {
            done.push(n);
            watch.stop();
        })
        .await;
        assert!(matches!(ended, Err(Stop::Asked)));
        assert!(done.len() <= FIRST, "{done:?}");
    }
}
