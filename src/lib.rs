//! lakeward: the on-call console for a data lake.
//!
//! The rooms of the house, from the ground up; a room uses only rooms above it in this list
//! (`tests/it/layering.rs` reads the `use` lines and fails on an arrow that runs the wrong way):
//!
//! | room | holds | may not know |
//! | --- | --- | --- |
//! | [`model`] | the nouns and rules of the runbook, pure | files, network, async, ratatui, AWS |
//! | [`lake`] | the object-store port, its two ends `s3` and `folder`, the path grammar | what a DLQ is for |
//! | [`rows`] | rejected rows over the lake: pages, profile, filter, schema; escaping and masking | screens |
//! | [`sources`] | ports for what is not the lake itself (contracts, notifications) | alerts, screens |
//! | [`ops`] | the use cases: scan, assess, open an entry, plan and move through the gate, tell people | how any of it is drawn or printed |
//! | [`console`] | the terminal UI | AWS, S3, files |
//! | [`cli`] | arguments, configuration, tables, JSON, exit codes; wires everything together | |
//! | [`demo`] | writes a local environment with live incidents | |
//!
//! Data goes one way: source → signal → alert → plan → gate → lake; what is known of it goes to screen or JSON.

pub mod cli;
pub mod console;
pub mod demo;
pub mod lake;
pub mod model;
pub mod ops;
pub mod rows;
pub mod sources;
