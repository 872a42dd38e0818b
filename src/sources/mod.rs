//! Ports for what is not the lake's objects themselves, and their ends. Today: contracts, and telling people.

pub mod contracts;
pub mod notify;
