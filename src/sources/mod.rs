//! Ports for what is not the lake's objects themselves, and their ends: contracts, job runs, DAG runs, logs, metrics and
//! alarms, quality results, alert feeds, secrets, telling people.

pub mod account;
pub mod airflow;
pub mod audits;
pub mod aws;
pub mod consumers;
pub mod contracts;
pub mod dags;
pub mod feed;
mod http;
pub mod jobs;
pub mod line_time;
pub mod local;
pub mod logs;
pub mod metrics;
mod newest;
pub mod notify;
pub mod quality;
pub mod reach;
pub mod s3_logs;
pub mod secrets;
pub mod sent;
mod series;
mod undone;

/// The error of a source is the lake's: a class, the object it concerns, what to do.
pub use crate::lake::LakeError as SourceError;
pub use undone::Undone;
