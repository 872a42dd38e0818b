//! Alarms of a local environment: `_alarms/{alarm}/alarm.json`, written by whoever watches there. Told as those of
//! CloudWatch are, those that can never fire included.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::records::{Records, listed};
use crate::lake::{Key, Lake};
use crate::model::alarm::{Alarm, AlarmState, LISTED, MissingData, Sighting, Watch, Watched, in_doubt, judge};
use crate::model::metric::{Dimension, Metric};
use crate::sources::SourceError;
use crate::sources::metrics::{AlarmSource, AlarmsRead};

/// Where they lie, below the lake's root.
pub const PREFIX: &str = "_alarms/";
/// The name of a record.
pub const RECORD: &str = "alarm.json";
/// Alarms read at most.
const MOST: usize = 1000;
/// Seconds of data that an alarm looks at, where its record names none.
const WINDOW: i64 = 300;

/// What is written of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// Of this JSON: 1.
    pub schema: u32,
    /// Its name.
    pub alarm: String,
    /// How it stands.
    pub state: AlarmState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was last made or changed.
    #[serde(default)]
    pub configured: Option<DateTime<Utc>>,
    /// What it watches.
    pub metric: MetricRecord,
    /// What the metric is compared with.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// The last value that was compared.
    #[serde(default)]
    pub value: Option<f64>,
    /// What it makes of missing data.
    #[serde(default = "missing")]
    pub missing: MissingData,
    /// Seconds of data that it looks at.
    #[serde(default = "window")]
    pub window_seconds: i64,
    /// Whether anybody is told when it fires.
    #[serde(default)]
    pub actions: bool,
    /// When its metric last had data; where that is not written, nothing is said of whether it can fire.
    #[serde(default)]
    pub last_data: Option<DateTime<Utc>>,
}

/// What is written of its metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// `Lake/Freshness`.
    pub namespace: String,
    /// `MinutesSinceLastLoad`.
    pub name: String,
    /// What it is told apart by.
    #[serde(default)]
    pub dimensions: std::collections::BTreeMap<String, String>,
}

fn missing() -> MissingData {
    MissingData::Missing
}

fn window() -> i64 {
    WINDOW
}

/// The alarms recorded in a lake.
#[derive(Debug)]
pub struct LocalAlarms {
    lake: Arc<dyn Lake>,
    records: Records<AlarmRecord>,
}

impl LocalAlarms {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self { lake, records: Records::called(RECORD) }
    }

    fn alarm_of(&self, key: &Key, record: &AlarmRecord, now: DateTime<Utc>) -> Alarm {
        let dimension = |(name, value): (&String, &String)| Dimension { name: name.clone(), value: value.clone() };
        let dimensions = record.metric.dimensions.iter().map(dimension).collect();
        let metric = Metric::new(record.metric.namespace.as_str(), record.metric.name.as_str(), dimensions);
        let alarm = Alarm {
            name: record.alarm.clone(),
            uri: self.lake.uri(key.as_str()),
            description: record.description.clone(),
            state: record.state,
            since: record.since,
            reason: record.reason.clone(),
            configured: record.configured,
            watched: Watched::Metrics { all: vec![Watch { metric, unit: None }] },
            threshold: record.threshold,
            value: record.value,
            missing: record.missing,
            window: Duration::seconds(record.window_seconds.clamp(1, LISTED.num_seconds())),
            actions: record.actions,
            dead: None,
        };
        let sighting = record.last_data.map(|last| Sighting { last: Some(last), exists: Some(true), others: vec![] });
        let dead = if in_doubt(&alarm, now) { judge(&alarm, |_| sighting.as_ref(), now) } else { None };
        Alarm { dead, ..alarm }
    }
}

#[async_trait]
impl AlarmSource for LocalAlarms {
    fn name(&self) -> &'static str {
        "alarms"
    }

    async fn alarms(&self, now: DateTime<Utc>) -> Result<AlarmsRead, SourceError> {
        let lake = self.lake.as_ref();
        let seen = self.records.among(lake, &listed(lake, PREFIX).await?, MOST).await?;
        seen.silence(seen.found.is_empty())?;
        let mut alarms: Vec<Alarm> = seen.found.iter().map(|(key, record)| self.alarm_of(key, record, now)).collect();
        alarms.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.uri.cmp(&b.uri)));
        Ok(AlarmsRead { alarms, problem: None, notes: seen.notes() })
    }
}
