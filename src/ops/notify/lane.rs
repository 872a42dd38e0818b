//! One notifier, its queue and how it stands. A task works the queue off while there is something in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::delivery::{Delivery, Outcome, Standing};
use crate::lake::ErrorClass;
use crate::model::notice::Notice;
use crate::sources::notify::{Notifier, NotifyError};

/// Tries of one notice, the first included.
pub(super) const TRIES: u32 = 4;
/// The wait before the second try; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// No longer of our own accord.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Whoever asks to be left alone for longer gets no other try: the news would be old.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// One try in all, whatever limits the notifier itself keeps (PagerDuty may need several requests).
const ONE_TRY: Duration = Duration::from_secs(60);
/// Notices that may wait; what comes on top is given up and counted. Each is about a kilobyte.
pub(super) const WAITING: usize = 1_000;

struct Job {
    notice: Arc<Notice>,
    done: Option<oneshot::Sender<Delivery>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    working: bool,
    standing: Standing,
}

/// One notifier and its queue.
pub(super) struct Lane {
    notifier: Box<dyn Notifier>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Lane {
    pub fn new(notifier: Box<dyn Notifier>, changes: watch::Sender<u64>) -> Self {
        let standing = Standing { notifier: notifier.name().to_owned(), ..Standing::default() };
        Self { notifier, state: Mutex::new(State { standing, ..State::default() }), changes }
    }

    pub fn notifier(&self) -> &dyn Notifier {
        self.notifier.as_ref()
    }

    pub fn standing(&self) -> Standing {
        let state = self.state();
        Standing { waiting: state.queue.len(), ..state.standing.clone() }
    }

    pub fn is_busy(&self) -> bool {
        self.state().working
    }

    /// How a notice stands that was not done in time.
    pub fn unfinished(&self, notice: &Notice) -> Delivery {
        let current = self.state().standing.last.clone();
        let same = current.filter(|d| d.move_id == notice.move_id && d.kind == notice.kind);
        same.unwrap_or_else(|| Delivery::waiting(self.notifier.name(), notice))
    }

    /// Takes a notice, and begins to work if nobody does.
    pub fn put(self: &Arc<Self>, notice: Arc<Notice>, done: Option<oneshot::Sender<Delivery>>) {
        let Ok(runtime) = Handle::try_current() else {
            return self.give_up(Job { notice, done }, "nothing runs that could send it");
        };
        let mut state = self.state();
        if state.queue.len() >= WAITING {
            drop(state);
            return self.give_up(Job { notice, done }, "too many notices wait for it");
        }
        state.queue.push_back(Job { notice, done });
        if !state.working {
            state.working = true;
            let lane = Arc::clone(self);
            runtime.spawn(async move { lane.work().await });
        }
        drop(state);
        self.changed();
    }

    fn give_up(&self, job: Job, why: &str) {
        let error = NotifyError::new(ErrorClass::Throttled, self.notifier.name(), why);
        let mut delivery = Delivery::waiting(self.notifier.name(), &job.notice);
        delivery.outcome = Outcome::Failed { at: Utc::now(), error };
        self.end(job, delivery);
    }

    /// Until the queue is empty. A notifier that panics, or a runtime that ends, leaves the lane free for the next
    /// notice.
    async fn work(self: Arc<Self>) {
        let mut free = Free { lane: &self, amid_work: true };
        loop {
            let job = {
                let mut state = self.state();
                match state.queue.pop_front() {
                    Some(job) => job,
                    None => {
                        // Under the lock: a notice that comes now finds nobody working.
                        state.working = false;
                        free.amid_work = false;
                        break;
                    }
                }
            };
            let delivery = self.deliver(&job.notice).await;
            self.end(job, delivery);
        }
    }

    async fn deliver(&self, notice: &Notice) -> Delivery {
        let mut delivery = Delivery::waiting(self.notifier.name(), notice);
        self.note(&delivery);
        let mut wait = FIRST_WAIT;
        loop {
            delivery.tries += 1;
            let error = match timeout(ONE_TRY, self.notifier.send(notice)).await {
                Ok(Ok(())) => {
                    delivery.outcome = Outcome::Sent { at: Utc::now() };
                    return delivery;
                }
                Ok(Err(error)) => error,
                Err(_) => NotifyError::new(ErrorClass::Unreachable, self.notifier.name(), "no answer in time"),
            };
            let pause = error.retry_after.unwrap_or(wait);
            if delivery.tries >= TRIES || !error.may_pass() || pause > LONGEST_ASKED {
                delivery.outcome = Outcome::Failed { at: Utc::now(), error };
                return delivery;
            }
            let at = Utc::now() + TimeDelta::from_std(pause).unwrap_or_default();
            delivery.outcome = Outcome::Retrying { next: delivery.tries + 1, of: TRIES, at, error };
            self.note(&delivery);
            sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn note(&self, delivery: &Delivery) {
        self.state().standing.last = Some(delivery.clone());
        self.changed();
    }

    fn end(&self, job: Job, delivery: Delivery) {
        let mut state = self.state();
        match &delivery.outcome {
            Outcome::Failed { error, .. } => {
                tracing::warn!(notifier = %delivery.notifier, kind = delivery.kind.word(), %error, "nobody was told");
                state.standing.failed += 1;
                state.standing.last_failure = Some(delivery.clone());
            }
            _ => state.standing.sent += 1,
        }
        state.standing.last = Some(delivery.clone());
        drop(state);
        if let Some(done) = job.done {
            // Whoever asked may have gone.
            let _ = done.send(delivery);
        }
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees the lane however its work ends.
struct Free<'a> {
    lane: &'a Lane,
    /// Not after the end of the queue: the lane may have been taken again since.
    amid_work: bool,
}

impl Drop for Free<'_> {
    fn drop(&mut self) {
        if self.amid_work {
            let mut state = self.lane.state();
            state.working = false;
            state.standing.failed += 1;
            if let Some(last) = &mut state.standing.last {
                let error = NotifyError::new(ErrorClass::Malformed, &last.notifier, "it broke off");
                last.outcome = Outcome::Failed { at: Utc::now(), error };
            }
            state.standing.last_failure = state.standing.last.clone();
        }
        self.lane.changed();
    }
}
