//! Ports for what is not the lake's objects themselves, and their ends: contracts, job runs, DAG runs, logs, telling people.

pub mod airflow;
pub mod contracts;
pub mod dags;
pub mod jobs;
pub mod logs;
pub mod notify;

/// The error of a source is the lake's: a class, the object it concerns, what to do.
pub use crate::lake::LakeError as SourceError;
