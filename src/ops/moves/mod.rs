//! Moves of data: planned, copied, verified, taken away, and known afterwards. Every request that writes goes
//! through the gate; nothing here holds a writer of its own.

mod progress;
mod quarantine;

pub use progress::{MoveProgress, Phase, Watch};
pub use quarantine::{Quarantine, QuarantineEvent};
