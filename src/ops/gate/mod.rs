//! The gate: the one way by which anything outside this process is changed (rule 1). Protection, confirmation,
//! lease, journal, the call, the audit record, in this order.

mod effect;

pub use effect::{GateError, Outcome, WriteEffect};
