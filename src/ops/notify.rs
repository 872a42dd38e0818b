//! Tells people of moves: each notifier has a queue of its own, so that a slow one holds up no other and its
//! messages keep their order. Nothing here can fail a move; what failed is kept and shown.

mod delivery;
mod lane;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

pub use delivery::{Delivery, Outcome, Standing};
use lane::Lane;

use crate::model::notice::Notice;
use crate::sources::notify::Notifier;

/// How long the end of the program waits for those who are told; what is not told by then is said.
pub const AT_THE_END: Duration = Duration::from_secs(10);

/// All the notifiers of an environment.
pub struct Notifying {
    lanes: Vec<Arc<Lane>>,
    changes: watch::Sender<u64>,
}

impl Notifying {
    /// Takes the notifiers; without any, nobody is told and nothing fails.
    pub fn new(notifiers: Vec<Box<dyn Notifier>>) -> Self {
        let (changes, _) = watch::channel(0);
        let lanes = notifiers.into_iter().map(|n| Arc::new(Lane::new(n, changes.clone()))).collect();
        Self { lanes, changes }
    }

    /// The notifiers, for a check or a preview.
    pub fn notifiers(&self) -> impl Iterator<Item = &dyn Notifier> {
        self.lanes.iter().map(|lane| lane.notifier())
    }

    /// Tells all who want to know; returns at once. Must be called on a tokio runtime.
    pub fn tell(&self, notice: &Notice) {
        let notice = Arc::new(notice.clone());
        for lane in self.wanted(&notice) {
            lane.put(Arc::clone(&notice), None);
        }
    }

    /// Tells all who want to know and waits for each, no longer than `deadline`; what is not done by then goes on
    /// for as long as the runtime does, and is given as it stands.
    pub async fn tell_and_wait(&self, notice: &Notice, deadline: Duration) -> Vec<Delivery> {
        let until = Instant::now() + deadline;
        let notice = Arc::new(notice.clone());
        let waiting: Vec<_> = self
            .wanted(&notice)
            .map(|lane| {
                let (done, ended) = oneshot::channel();
                lane.put(Arc::clone(&notice), Some(done));
                (lane, ended)
            })
            .collect();
        let mut deliveries = Vec::new();
        for (lane, ended) in waiting {
            deliveries.push(match timeout_at(until, ended).await {
                Ok(Ok(delivery)) => delivery,
                Ok(Err(_)) | Err(_) => lane.unfinished(&notice),
            });
        }
        deliveries
    }

    /// Waits until nothing is under way, no longer than `deadline`; how each notifier stands then. For the end of
    /// the program.
    pub async fn settle(&self, deadline: Duration) -> Vec<Standing> {
        let until = Instant::now() + deadline;
        let mut changes = self.changes.subscribe();
        while self.lanes.iter().any(|lane| lane.is_busy()) {
            if !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
                break;
            }
        }
        self.standings()
    }

    /// How each notifier stands, in the order of the configuration.
    pub fn standings(&self) -> Vec<Standing> {
        self.lanes.iter().map(|lane| lane.standing()).collect()
    }

    /// Changes whenever a standing does: for a screen to draw anew.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn wanted(&self, notice: &Notice) -> impl Iterator<Item = &Arc<Lane>> {
        self.lanes.iter().filter(|lane| lane.notifier().wants(notice.kind))
    }
}
