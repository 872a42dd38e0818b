//! The ends on AWS: job runs of EMR Serverless; log events, metrics and alarms of CloudWatch. How AWS is reached and
//! what its errors mean is `lake::aws`'s; they only read.

pub mod athena;
pub mod call;
pub mod cloudwatch;
pub mod emr;
pub mod glue;
pub mod health;
pub mod identity;
pub mod logs;
pub mod permissions;
pub mod region;
pub mod secrets;

use chrono::{DateTime, Utc};

/// A time as the SDK has it; none if it is no time that a calendar knows.
fn time(time: &aws_sdk_emrserverless::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

/// A time for the SDK, to the millisecond.
fn instant(time: DateTime<Utc>) -> aws_sdk_emrserverless::primitives::DateTime {
    aws_sdk_emrserverless::primitives::DateTime::from_millis(time.timestamp_millis())
}

/// A time as the JSON protocols have it: seconds, with a fraction; none if it is no time.
fn seconds(value: &serde_json::Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_f64().filter(|s| s.abs() < 1e12)?;
    DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
}
