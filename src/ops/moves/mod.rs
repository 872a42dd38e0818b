//! Moves of data: planned, copied, verified, taken away, and known afterwards. Every request that writes goes
//! through the gate; nothing here holds a writer of its own.

mod compare;
mod copying;
mod draft;
mod engine;
mod history;
mod pace;
mod planning;
mod progress;
mod proving;
mod quarantine;
pub(in crate::ops) mod records;
mod removing;
mod reverse;
mod tables;

pub use planning::{Ask, Keep};
pub use progress::{MoveProgress, Phase, Watch};
pub use quarantine::{Quarantine, QuarantineEvent};
pub use records::{Manifest, Proven, Verified};

pub(in crate::ops) use compare::listing as compare_listing;
pub(in crate::ops) use engine::Engine;
pub(in crate::ops) use history::{Mark, Remembered, stories, story_on};
pub(in crate::ops) use pace::pause;
pub(in crate::ops) use planning::plan as plan_target;
pub(in crate::ops) use records::{Done, Records};
pub(in crate::ops) use reverse::plan as plan_step;
pub(in crate::ops) use tables::in_the_way;
