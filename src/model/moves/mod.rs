//! Moving data out of the pipeline's way and back: the plan as a value, its rules, the order of its steps, and the
//! states of a quarantine. Pure: what lies where, who may and how it is done are other rooms' business.

mod layout;
mod plan;
mod state;

pub use layout::{Rank, ReasonCode, ReasonError, rank_of};
pub use plan::{Change, MANIFEST, MoveId, MoveKind, Plan, PlannedObject, Refusal, RefusalCode, SCHEMA, Totals};
pub use state::{Illegal, QuarantineState, Step};
