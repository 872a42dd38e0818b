//! The mover, held to rule 3: whatever dies, whoever interferes, no byte is lost, none is doubled, and what the
//! records say is true.

mod crash_points;
mod driving;
mod effects;
mod gate;
mod interference;
pub mod site;
mod tampered;
mod thirty_faults;
mod two_operators;
mod workflow;
