//! How far a move is, and the wish to stop it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::model::moves::{MoveId, MoveKind};
use crate::model::work::WorkProgress;

/// What a move is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Comparing the lake with the plan.
    Checking,
    /// Copying; nothing is gone yet.
    Copying,
    /// Comparing every copy with its source; nothing is gone yet.
    Verifying,
    /// Taking the sources away.
    Deleting,
    /// Writing down that it is over.
    Sealing,
    /// Reading rows, and writing them repaired: its objects are rows.
    Repairing,
}

impl Phase {
    /// The word on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Copying => "copying",
            Self::Verifying => "verifying",
            Self::Deleting => "deleting",
            Self::Sealing => "sealing",
            Self::Repairing => "repairing",
        }
    }
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq)]
pub struct MoveProgress {
    /// Which.
    pub id: MoveId,
    /// What it is for; none of a repair.
    pub kind: Option<MoveKind>,
    /// What it does.
    pub phase: Phase,
    /// Objects done in this phase, and in all.
    pub objects: (u64, u64),
    /// Bytes done in this phase, and in all.
    pub bytes: (u64, u64),
    /// Objects a second in this phase; none before the first are done.
    pub rate: Option<f64>,
    /// How long this phase still takes at that rate.
    pub left: Option<Duration>,
    /// Requests at once now; falls when the store throttles.
    pub at_once: usize,
    /// Whether the store asked for fewer requests lately.
    pub throttled: bool,
}

type Listener = Arc<dyn Fn(MoveProgress) + Send + Sync>;
type Follower = Arc<dyn Fn(WorkProgress) + Send + Sync>;

/// Follows a move from outside: is told how far it is, and may ask it to stop. It stops at the next boundary that
/// its journal knows.
#[derive(Clone, Default)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    listener: Option<Listener>,
    follower: Option<Follower>,
}

impl Watch {
    /// One that is told of progress; often, and by the thread that moves.
    pub fn telling(listener: impl Fn(MoveProgress) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), ..Self::default() }
    }

    /// One that is told how far work is that jobs do: at each step of it.
    pub fn following(follower: impl Fn(WorkProgress) + Send + Sync + 'static) -> Self {
        Self { follower: Some(Arc::new(follower)), ..Self::default() }
    }

    /// Asks the move to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(in crate::ops) fn tell(&self, progress: MoveProgress) {
        if let Some(listener) = &self.listener {
            listener(progress);
        }
    }

    pub(in crate::ops) fn tell_work(&self, progress: WorkProgress) {
        if let Some(follower) = &self.follower {
            follower(progress);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stop", &self.stop).finish_non_exhaustive()
    }
}
