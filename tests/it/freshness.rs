//! How new data is, by the column that the contract names: what a rerun wrote over is not new.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{ErrorClass, Lake};
use lakeward::model::alert::AlertRule;
use lakeward::model::dataset::DatasetSettings;
use lakeward::ops::{LakeSettings, Session, SourceState};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::support::memory::{Memory, Verb};

/// When the objects are written, give or take some seconds.
fn written() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000)
}

/// A file of two row groups whose rows were updated until then.
fn updated(until: DateTime<Utc>) -> Vec<u8> {
    let batch = |until: DateTime<Utc>| {
        let times = [until - Duration::days(3), until].map(|t| t.timestamp_micros());
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC"));
        RecordBatch::try_from_iter([("updated_at", times)]).unwrap()
    };
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch(until).schema(), None).unwrap();
    writer.write(&batch(until)).unwrap();
    writer.flush().unwrap();
    writer.write(&batch(until - Duration::days(9))).unwrap();
    writer.close().unwrap();
    bytes
}

fn session(lake: &Memory, column: &str) -> Session {
    let contract = format!(
        r#"{{"table":"orders","columns":{{"updated_at":"timestamp"}},"freshness_column":"{column}","max_lag_minutes":90}}"#
    );
    lake.set("contracts/orders.json", contract);
    let dataset = DatasetSettings {
        data_prefix: Some("silver/orders/".into()),
        contract: Some("contracts/orders.json".into()),
        ..DatasetSettings::of("orders")
    };
    Session::new(Arc::new(lake.clone()), LakeSettings { datasets: vec![dataset], ..LakeSettings::default() })
}

async fn stale(session: &Session, now: DateTime<Utc>) -> Option<(String, String)> {
    let snapshot = session.refresh(now, |_| {}).await;
    let alert = snapshot.alerts.iter().find(|a| a.rule == AlertRule::NoData)?;
    Some((alert.evidence[0].detail.clone(), alert.evidence[0].uri.clone()))
}

#[tokio::test]
async fn the_newest_value_counts_and_not_the_newest_object() {
    let lake = Memory::default();
    let session = session(&lake, "updated_at");
    lake.set("silver/orders/dt=2024-10-03/part-0.parquet", updated(written() - Duration::hours(2)));
    // Of days long gone, and filled in again just now: more objects than are looked into.
    for day in 1..=9 {
        lake.set(&format!("silver/orders/dt=2024-09-{day:02}/part-0.parquet"), updated(written() - Duration::days(25)));
    }
    lake.set("silver/orders/_SUCCESS", "");
    let newest =
        || ("the newest updated_at".to_owned(), "s3://memory/silver/orders/dt=2024-10-03/part-0.parquet".to_owned());
    // Until half past the second hour the two hours of lag are within ninety minutes of nothing: it is stale.
    assert_eq!(stale(&session, written() + Duration::minutes(1)).await, Some(newest()));
    // The limit is that of the contract, at its edge.
    let fresh = written() - Duration::hours(2) + Duration::minutes(90);
    assert_eq!(stale(&session, fresh).await, None);
    assert_eq!(stale(&session, fresh + Duration::seconds(1)).await, Some(newest()));
    let (gets, before) = (|| lake.counters().read().gets, lake.counters().read().gets);
    stale(&session, written() + Duration::minutes(5)).await;
    assert_eq!(gets() - before, 1, "the contract: the footers are known");
    lake.set("silver/orders/dt=2024-10-04/part-0.parquet", updated(written()));
    assert_eq!(stale(&session, written() + Duration::minutes(5)).await, None);
}

#[tokio::test]
async fn without_the_column_the_objects_own_time_counts() {
    let lake = Memory::default();
    let session = session(&lake, "changed");
    lake.set("silver/orders/dt=2024-10-03/part-0.parquet", updated(written() - Duration::days(2)));
    assert_eq!(stale(&session, written() + Duration::minutes(80)).await, None);
    let (detail, _) = stale(&session, written() + Duration::minutes(100)).await.unwrap();
    let why = "column changed is not in 1 file: judged by the newest object";
    assert_eq!(detail, format!("the newest object; {why}"));
    // That it is not stale is told by no alert: the source says by what it was judged.
    let snapshot = session.refresh(written() + Duration::minutes(80), |_| {}).await;
    let freshness = snapshot.sources.iter().find(|s| s.source == "freshness").unwrap();
    assert_eq!((&freshness.state, freshness.notes.as_slice()), (&SourceState::Fresh, &[format!("orders: {why}")][..]));
    // A file that is none is not the end of it either.
    lake.set("silver/orders/dt=2024-10-03/part-1.parquet", "no parquet");
    assert_eq!(stale(&session, written() + Duration::minutes(80)).await, None);
}

#[tokio::test]
async fn a_column_of_numbers_and_one_without_statistics_say_so() {
    let file = |column: &str, values: ArrayRef, statistics: EnabledStatistics| {
        let batch = RecordBatch::try_from_iter([(column, values)]).unwrap();
        let properties = WriterProperties::builder().set_statistics_enabled(statistics).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1_728_000_000]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![written().timestamp_micros()]));
    for (values, statistics, why) in [
        (&numbers, EnabledStatistics::Chunk, "column updated_at is of type Int64 and no time in 3 files"),
        (&times, EnabledStatistics::None, "column updated_at has no statistics in 3 files"),
    ] {
        let lake = Memory::default();
        let session = session(&lake, "updated_at");
        for n in 0..3 {
            let bytes = file("updated_at", Arc::clone(values), statistics);
            lake.set(&format!("silver/orders/dt=2024-10-03/part-{n}.parquet"), bytes);
        }
        let snapshot = session.refresh(written() + Duration::hours(2), |_| {}).await;
        let alert = snapshot.alerts.iter().find(|a| a.rule == AlertRule::NoData).unwrap();
        let told = format!("{why}: judged by the newest object");
        assert!(alert.summary.contains(&told), "{}", alert.summary);
        assert!(serde_json::to_string(alert).unwrap().contains(&format!("the newest object; {told}")));
    }
}

#[tokio::test]
async fn a_store_that_says_nothing_of_the_data_fails_and_is_not_taken_for_fresh() {
    let lake = Memory::default();
    let session = session(&lake, "updated_at");
    lake.set("silver/orders/dt=2024-10-03/part-0.parquet", updated(written() - Duration::days(2)));
    lake.fail(Verb::Get, "silver/", 0, u32::MAX, ErrorClass::Unreachable);
    let snapshot = session.refresh(written() + Duration::minutes(1), |_| {}).await;
    let freshness = snapshot.sources.iter().find(|s| s.source == "freshness").unwrap();
    assert!(matches!(&freshness.state, SourceState::Failed { class: ErrorClass::Unreachable, .. }), "{freshness:?}");
    lake.behave();
    assert!(stale(&session, written() + Duration::minutes(2)).await.is_some());
}
