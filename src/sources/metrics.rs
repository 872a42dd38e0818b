//! Where alarms and the metrics of job runs are told of: two ports, and their one end, CloudWatch.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SourceError;
use crate::model::alarm::Alarm;
use crate::model::metric::{Curve, MetricPlace};

/// The alarms at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlarmsRead {
    /// The alarms, by name; those that can never fire say why.
    pub alarms: Vec<Alarm>,
    /// Why it could not be told of some whether they can fire.
    pub problem: Option<SourceError>,
    /// What is left out, and why, in sentences; hostile text.
    pub notes: Vec<String>,
}

/// A source of alarms. Reads only.
#[async_trait]
pub trait AlarmSource: Send + Sync + Debug {
    /// Its name on screen: `alarms`.
    fn name(&self) -> &'static str;

    /// Requests that it has sent since the start, those for metrics included; none if it counts none.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The alarms as they stand.
    async fn alarms(&self, now: DateTime<Utc>) -> Result<AlarmsRead, SourceError>;
}

/// A source of metrics. Reads only, and only what somebody looks at: each question costs.
#[async_trait]
pub trait MetricSource: Send + Sync + Debug {
    /// Whether it reads places of this kind.
    fn reads(&self, place: &MetricPlace) -> bool;

    /// What was measured at a place from one time to another; curves without a value are left out.
    async fn curves(
        &self,
        place: &MetricPlace,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Curve>, SourceError>;
}
