//! What writes, as those see it who end the program: they ask it to stop, and wait for its boundary.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::ops::Watch;

/// How long the end of the program waits for a running move to reach a boundary of its journal. A move that is
/// cut off before is resumed all the same; it only has more to look at then.
pub(super) const BOUNDARY: Duration = Duration::from_secs(2);
/// How long it waits for a running job: longer than its processes are given to end, so that its end is written down.
pub(super) const ENDING: Duration = Duration::from_secs(8);

/// The number of the move that runs; work has the number of its request, and those begin at 1.
pub(super) const MOVE: u64 = 0;

/// Holds the move that runs, if one does, and work that jobs do. Shared by the loop and by what ends the process.
#[derive(Debug, Clone, Default)]
pub struct Moving(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    watches: Mutex<BTreeMap<u64, (Watch, Duration)>>,
    over: Notify,
}

/// It runs until this is dropped.
pub(super) struct Runs(Moving, u64);

impl Moving {
    /// Something begins; its end is waited for so long at the most.
    pub(super) fn begin(&self, id: u64, watch: Watch, boundary: Duration) -> Runs {
        self.0.watches.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (watch, boundary));
        Runs(self.clone(), id)
    }

    /// Asks all that runs to stop.
    pub(super) fn stop(&self) {
        let watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.values().for_each(|(watch, _)| watch.stop());
    }

    /// Asks one of them to stop.
    pub(super) fn stop_one(&self, id: u64) {
        if let Some((watch, _)) = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            watch.stop();
        }
    }

    /// Whether anything runs.
    pub(super) fn runs(&self) -> bool {
        !self.0.watches.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// How long the end of what runs is waited for, at the most.
    pub(super) fn boundary(&self) -> Duration {
        let watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.values().map(|(_, boundary)| *boundary).max().unwrap_or(BOUNDARY)
    }

    /// Waits until none runs, at most as long as was said when it began.
    pub(super) async fn settled(&self) {
        let over = async {
            loop {
                // Made before the question, so that no end falls between the two.
                let ended = self.0.over.notified();
                if !self.runs() {
                    break;
                }
                ended.await;
            }
        };
        let _ = tokio::time::timeout(self.boundary(), over).await;
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.0.watches.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
        self.0.0.over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_ends_waits_for_the_boundary() {
        let moving = Moving::default();
        moving.settled().await;
        let watch = Watch::default();
        let runs = moving.begin(MOVE, watch.clone(), BOUNDARY);
        assert!(moving.runs() && !watch.is_stopped());
        let work = Watch::default();
        let other = moving.begin(7, work.clone(), ENDING);
        assert_eq!(moving.boundary(), ENDING);
        moving.stop_one(MOVE);
        assert!(watch.is_stopped() && !work.is_stopped());
        moving.stop();
        assert!(work.is_stopped());
        drop(other);
        assert_eq!(moving.boundary(), BOUNDARY);
        let waiting = tokio::spawn({
            let moving = moving.clone();
            async move { moving.settled().await }
        });
        drop(runs);
        assert!(waiting.await.is_ok() && !moving.runs());
    }
}
