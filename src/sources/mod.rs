//! Ports for what is not the lake's objects themselves, and their ends. Today: contracts.

pub mod contracts;
