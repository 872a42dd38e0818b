//! The move or the job that runs, as those see it who end the program: they ask it to stop, and wait for its boundary.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::ops::Watch;

/// How long the end of the program waits for a running move to reach a boundary of its journal. A move that is
/// cut off before is resumed all the same; it only has more to look at then.
pub(super) const BOUNDARY: Duration = Duration::from_secs(2);
/// How long it waits for a running job: longer than its processes are given to end, so that its end is written down.
pub(super) const ENDING: Duration = Duration::from_secs(8);

/// Holds the move that runs, if one does. Shared by the loop and by what ends the process.
#[derive(Debug, Clone, Default)]
pub struct Moving(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    watch: Mutex<Option<(Watch, Duration)>>,
    over: Notify,
}

/// A move runs until this is dropped.
pub(super) struct Runs(Moving);

impl Moving {
    /// A move or a job begins; its end is waited for so long at the most.
    pub(super) fn begin(&self, watch: Watch, boundary: Duration) -> Runs {
        *self.0.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some((watch, boundary));
        Runs(self.clone())
    }

    /// Asks what runs to stop.
    pub(super) fn stop(&self) {
        if let Some((watch, _)) = self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            watch.stop();
        }
    }

    /// Whether a move runs.
    pub(super) fn runs(&self) -> bool {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Waits until none runs, at most as long as was said when it began.
    pub(super) async fn settled(&self) {
        let boundary =
            self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, boundary)| *boundary);
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
        let _ = tokio::time::timeout(boundary.unwrap_or(BOUNDARY), over).await;
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        *self.0.0.watch.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        let runs = moving.begin(watch.clone(), BOUNDARY);
        assert!(moving.runs() && !watch.is_stopped());
        moving.stop();
        assert!(watch.is_stopped());
        let waiting = tokio::spawn({
            let moving = moving.clone();
            async move { moving.settled().await }
        });
        drop(runs);
        assert!(waiting.await.is_ok() && !moving.runs());
    }
}
