//! What a console that stands open costs: an idle lake with all that can be asked of it, refreshed each minute.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{ErrorClass, Lake};
use lakeward::model::alias::Aliases;
use lakeward::model::dataset::DatasetSettings;
use lakeward::ops::{Connected, LakeSettings, Session};
use lakeward::sources::local::dags::LocalDags;
use lakeward::sources::local::jobs::LocalJobs;
use lakeward::sources::local::logs::LocalLogs;
use lakeward::sources::quality::DEFAULT_PREFIXES;

use crate::support::memory::Memory;

const DATASETS: usize = 200;

/// So many minutes after the objects were written.
fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(10 + minute)
}

/// A lake of many datasets, each with new data, one dead letter and a run of a job.
fn idle() -> (Memory, Session) {
    let memory = Memory::default();
    let mut datasets = Vec::new();
    for n in 0..DATASETS {
        let prefix = format!("bronze/d{n}/");
        memory.set(&format!("{prefix}dt=2024-10-04/part-0.parquet"), "x");
        datasets.push(DatasetSettings {
            data_prefix: Some(prefix),
            max_age: Some(Duration::hours(6)),
            ..DatasetSettings::of(&format!("d{n}"))
        });
    }
    memory.set("_errors/d1/dt=2024-10-04/error_reasons.json", r#"{"error_type":"E","row_count":500}"#);
    memory.set("_errors/d1/dt=2024-10-04/_SUCCESS", "");
    let run = r#"{"schema":1,"id":"r1","job":"j","state":"success","created":"2024-10-04T00:00:00Z"}"#;
    memory.set("_jobs/j/r1/run.json", run);
    let lake: Arc<dyn Lake> = Arc::new(memory.clone());
    let connected = Connected {
        jobs: vec![Arc::new(LocalJobs::new(Arc::clone(&lake), Aliases::default()))],
        dags: Some(Arc::new(LocalDags::new(Arc::clone(&lake)))),
        logs: vec![Arc::new(LocalLogs::new(Arc::clone(&lake)))],
        ..Connected::default()
    };
    let quality = DEFAULT_PREFIXES.map(str::to_owned).to_vec();
    let settings = LakeSettings { datasets, quality, ..LakeSettings::default() };
    (memory, Session::new(lake, settings).with_sources(connected))
}

/// Requests of all kinds.
fn requests(memory: &Memory) -> u64 {
    let sent = memory.counters().read();
    sent.lists + sent.gets + sent.heads + sent.writes
}

#[tokio::test]
async fn an_idle_lake_of_two_hundred_datasets_costs_under_thirty_requests_a_minute() {
    let (memory, session) = idle();
    session.refresh(at(0), |_| {}).await;
    let first = requests(&memory);
    assert!(first > DATASETS as u64, "each dataset is looked at once: {first}");
    for minute in 1..=60 {
        let snapshot = session.refresh_due(at(minute), |_| {}).await;
        assert_eq!(snapshot.alerts.len(), 1, "{:?}", snapshot.alerts);
    }
    let rate = (requests(&memory) - first) as f64 / 60.0;
    assert!(rate < 30.0, "{rate} requests a minute");
}

#[tokio::test]
async fn what_somebody_asks_for_is_asked_and_data_that_stays_away_is_seen_at_its_minute() {
    let (memory, session) = idle();
    session.refresh(at(0), |_| {}).await;
    let before = requests(&memory);
    session.refresh(at(1), |_| {}).await;
    assert!(requests(&memory) - before > DATASETS as u64, "R asks all of them");
    // Six hours after the newest object, to the minute: the objects are from ten minutes before minute 0.
    let stale = |alerts: &[lakeward::model::alert::Alert]| alerts.iter().filter(|a| a.rule.word() == "no_data").count();
    assert_eq!(stale(&session.refresh_due(at(349), |_| {}).await.alerts), 0);
    assert_eq!(stale(&session.refresh_due(at(355), |_| {}).await.alerts), DATASETS);
}

#[tokio::test]
async fn a_source_that_throttles_is_asked_less_and_keeps_what_it_said() {
    let (memory, session) = idle();
    session.refresh(at(0), |_| {}).await;
    memory.fail(crate::support::memory::Verb::List, "_jobs/", 0, u32::MAX, ErrorClass::Throttled);
    let jobs = |s: &lakeward::ops::Snapshot| s.sources.iter().find(|h| h.source == "local").cloned().unwrap();
    let throttled = session.refresh_due(at(1), |_| {}).await;
    assert_eq!(throttled.pipeline.jobs.len(), 1, "what it said stays");
    assert_eq!(jobs(&throttled).next, Some(at(3)));
    assert_eq!(jobs(&throttled).answered, Some(at(0)));
    memory.behave();
    let resting = session.refresh_due(at(2), |_| {}).await;
    assert_eq!(jobs(&resting).answered, Some(at(0)), "it is left alone");
    let asked = session.refresh(at(2), |_| {}).await;
    assert_eq!(jobs(&asked).answered, Some(at(2)), "unless somebody asks");
}
