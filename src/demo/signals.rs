//! What watches the demo's lake beside its jobs: alarms, the standing of two credentials, the pipeline's own alert feed,
//! and what runs of jobs used.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::DemoError;
use super::pipeline::End;
use super::place::Place;
use crate::model::alarm::{AlarmState, MissingData};
use crate::sources::local::alarms::{self, AlarmRecord, MetricRecord};
use crate::sources::local::metrics::CurveRecord;
use crate::sources::local::secrets::{self, SecretRecord};

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Where the feed lies.
pub const FEED: &str = "_alerts/";

/// A credential that is watched: its name, whom it serves, and how old it may be.
pub const SECRETS: [(&str, &str, &str, &str); 2] = [
    ("crm/export-api", "crm/contacts", "ingest_crm_to_bronze", "90d"),
    ("fx/provider-api", "finance/fx_rates", "ingest_fx_to_bronze", "90d"),
];

/// Writes all of them but the curves.
pub fn write(place: &mut Place) -> Result<(), DemoError> {
    let metric = |name: &str, of: &str| MetricRecord {
        namespace: "DemoLake".into(),
        name: name.into(),
        dimensions: BTreeMap::from([("Dataset".to_owned(), of.to_owned())]),
    };
    let alarm = |name: &str, state: AlarmState, age: i64, metric: MetricRecord| AlarmRecord {
        schema: 1,
        alarm: name.into(),
        state,
        since: place.ago(age),
        reason: None,
        description: None,
        configured: Some(place.ago(200 * DAY)),
        metric,
        threshold: Some(60.0),
        value: None,
        missing: MissingData::NotBreaching,
        window_seconds: 300,
        actions: true,
        last_data: Some(place.ago(5)),
    };
    // One that fires, one whose metric nobody sends any more, one that is well.
    let all = [
        AlarmRecord {
            reason: Some("Threshold Crossed: 1 datapoint [180.0] was greater than the threshold (60.0).".into()),
            description: Some("Minutes since finance/fx_rates was last loaded".into()),
            value: Some(180.0),
            ..alarm("lake-fx-rates-lag", AlarmState::Alarm, 2 * 60, metric("MinutesSinceLoad", "finance/fx_rates"))
        },
        AlarmRecord {
            description: Some("Rejected rows of the first CRM import".into()),
            last_data: Some(place.ago(40 * DAY)),
            ..alarm("lake-crm-legacy-dlq", AlarmState::Ok, 90 * DAY, metric("RejectedRows", "crm/legacy"))
        },
        alarm("lake-orders-lag", AlarmState::Ok, 9 * DAY, metric("MinutesSinceLoad", "orders")),
    ];
    for record in all {
        let key = format!("{}{}/{}", alarms::PREFIX, record.alarm, alarms::RECORD);
        place.put_json(&key, &record, 5)?;
    }
    for (name, rotated) in [(SECRETS[0].0, 118 * DAY), (SECRETS[1].0, 12 * DAY)] {
        let record = SecretRecord {
            schema: 1,
            last_changed: Some(place.ago(rotated)),
            last_rotated: Some(place.ago(rotated)),
            rotation_enabled: false,
            next_rotation: None,
            deleted_at: None,
        };
        if let Some(key) = secrets::key(name) {
            place.put_json(key.as_str(), &record, rotated)?;
        }
    }
    let line = |age: i64, level: &str, title: &str, message: &str, dataset: &str| {
        json!({
            "timestamp_utc": place.ago(age), "level": level, "title": title, "message": message,
            "environment": "demo", "metadata": {"dataset": dataset},
        })
        .to_string()
    };
    let lines = [
        line(9 * 60, "INFO", "partner export came", "3 files", "marketing/campaigns"),
        line(
            95,
            "WARNING",
            "partner export is late",
            "expected by the hour, came 70 minutes after it",
            "marketing/campaigns",
        ),
    ];
    place.put(&format!("{FEED}alerts.jsonl"), format!("{}\n", lines.join("\n")).as_bytes(), 95)
}

/// What a run used by the minute. One that ended for want of memory fills what it was given.
pub fn curves(end: End, began: DateTime<Utc>, ended: DateTime<Utc>) -> Vec<CurveRecord> {
    let minutes = (ended - began).num_minutes().clamp(1, 24 * 60);
    let curve = |name: &str, unit: &str, value: &dyn Fn(f64) -> f64| CurveRecord {
        name: name.into(),
        unit: unit.into(),
        points: (0..=minutes)
            .map(|n| (began + Duration::minutes(n), value(n as f64 / minutes as f64)))
            .map(|(at, value)| (at, (value * 100.0).round() / 100.0))
            .collect(),
    };
    let top = if end == End::Memory { 31.2 } else { 14.0 };
    // It grows, and falls where a stage ends.
    let memory = move |share: f64| 3.0 + (top - 3.0) * share * (1.0 - 0.15 * (share * 4.0).fract());
    let cores = |share: f64| if share < 0.1 { 2.0 } else { 15.5 - 3.0 * (share * 4.0).fract() };
    vec![
        curve("executors, memory used", "GB", &memory),
        curve("executors, memory given", "GB", &|_| if end == End::Memory { 32.0 } else { 24.0 }),
        curve("executors, CPU used", "vCPU", &cores),
        curve("driver, memory used", "GB", &|share| 1.2 + 0.4 * share),
    ]
}
