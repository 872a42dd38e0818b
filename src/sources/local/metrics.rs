//! What runs of a local environment used: curves in a file beside the run's record, which names it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lake::{ByteRange, ErrorClass, Key, Lake};
use crate::model::metric::{Curve, MetricPlace, Point};
use crate::sources::SourceError;
use crate::sources::metrics::MetricSource;

/// A file of a day's minutes of some curves; what is longer is not read. 1 MiB.
const LIMIT: u64 = 1 << 20;

/// What is written of one curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurveRecord {
    /// What it is, in words.
    pub name: String,
    /// What its values are in.
    pub unit: String,
    /// The values, each at its time.
    pub points: Vec<(DateTime<Utc>, f64)>,
}

/// The curves recorded in a lake.
#[derive(Debug)]
pub struct LocalMetrics(Arc<dyn Lake>);

impl LocalMetrics {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self(lake)
    }
}

#[async_trait]
impl MetricSource for LocalMetrics {
    fn reads(&self, place: &MetricPlace) -> bool {
        matches!(place, MetricPlace::File { .. })
    }

    async fn curves(
        &self,
        place: &MetricPlace,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Curve>, SourceError> {
        let MetricPlace::File { key } = place else { return Ok(Vec::new()) };
        let malformed = |detail: String| SourceError::new(ErrorClass::Malformed, self.0.uri(key), detail);
        let fetched = self.0.get(&Key(key.clone()), ByteRange::Span(0..LIMIT), None).await?;
        let records: Vec<CurveRecord> =
            serde_json::from_slice(&fetched.bytes).map_err(|e| malformed(format!("not the curves of a run: {e}")))?;
        let curve = |record: CurveRecord| {
            let within = record.points.into_iter().filter(|(at, _)| (from..=until).contains(at));
            let mut points: Vec<Point> = within.map(|(at, value)| Point { at, value }).collect();
            points.sort_by_key(|point| point.at);
            Curve { name: record.name, unit: record.unit.into(), points }
        };
        Ok(records.into_iter().map(curve).filter(|curve| !curve.points.is_empty()).collect())
    }
}
