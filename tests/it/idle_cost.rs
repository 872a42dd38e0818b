//! What a console that stands open costs: an idle lake with all that can be asked of it, refreshed each minute.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{ErrorClass, Lake};
use lakeward::model::alias::Aliases;
use lakeward::model::category::FailureCategory;
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::incident::{About, Happening, IncidentEvent, IncidentId, IncidentStatus};
use lakeward::model::runbook::Variables;
use lakeward::model::severity::Severity;
use lakeward::model::verify::Check;
use lakeward::ops::{Connected, LakeSettings, Session, SourceState};
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

/// The same lake with all that may lie on one: 500 job runs, one of which goes on, and their logs; DAG runs, one of which
/// goes on as well; more than a page of quality results; a feed; a contract of each dataset; what people did to alerts on
/// the days before; incidents, two of which are open.
fn busy() -> (Memory, Session) {
    let (memory, _) = idle();
    for n in 0..500 {
        let state = if n == 250 { "running" } else { "success" };
        let run = format!(
            r#"{{"schema":1,"id":"r{n}","job":"j{}","state":"{state}","created":"2024-10-03T22:00:00Z","started":"2024-10-03T22:00:00Z"}}"#,
            n % 50
        );
        memory.set(&format!("_jobs/j{}/r{n}/run.json", n % 50), run);
        memory.set(&format!("_jobs/j{}/r{n}/run.log", n % 50), "line\n");
    }
    for n in 0..50 {
        memory.set(&format!("_dags/d{n}/dag.json"), format!(r#"{{"dag":"d{n}"}}"#));
        for (run, state) in [("1", "success"), ("2", if n == 0 { "running" } else { "failed" })] {
            let record = format!(
                r#"{{"dag":"d{n}","run":"{run}","state":"{state}","started":"2024-10-03T22:00:00Z","tasks":[{{"task":"t","state":"{state}","tries":1,"tries_allowed":1}}]}}"#
            );
            memory.set(&format!("_dags/d{n}/{run}/run.json"), record);
        }
    }
    let suite = r#"{"suite_name":"s","expectations":[{"expectation_type":"e","passed":true}],"passed":true}"#;
    for day in 26..=30 {
        (0..DATASETS).for_each(|n| drop(memory.set(&format!("_dq_results/dt=2024-09-{day}/d{n}.json"), suite)));
    }
    for day in 1..=3 {
        (0..DATASETS).for_each(|n| drop(memory.set(&format!("_dq_results/dt=2024-10-0{day}/d{n}.json"), suite)));
    }
    memory.set("gold/quality/silver/d1.json", suite);
    memory.set("_alerts/a.json", r#"{"timestamp_utc":"2024-10-03T23:30:00Z","level":"CRITICAL","title":"lag"}"#);
    for day in ["2024-09-28", "2024-09-29", "2024-09-30", "2024-10-01", "2024-10-02", "2024-10-03"] {
        let act = format!(
            r#"{{"schema":1,"at":"{day}T08:00:00Z","actor":"ana@bastion","alert":"dlq_rows:x:{day}","severity":"warning","act":"acknowledge"}}"#
        );
        memory.set(&format!("_lakeward/alerts/dt={day}/080000000-acknowledge-00000001.json"), act);
    }
    for n in 0..DATASETS {
        memory.set(&format!("contracts/d{n}.yaml"), "columns: {id: bigint}\n");
    }
    for n in 0..22 {
        incident(&memory, n, n > 1);
    }
    let lake: Arc<dyn Lake> = Arc::new(memory.clone());
    let (_, session) = idle();
    let mut settings = LakeSettings { feeds: vec!["_alerts/".to_owned()], ..session.settings().clone() };
    for dataset in &mut settings.datasets {
        dataset.contract = Some(format!("contracts/{}.yaml", dataset.dataset));
    }
    let connected = Connected {
        jobs: vec![Arc::new(LocalJobs::new(Arc::clone(&lake), Aliases::default()))],
        dags: Some(Arc::new(LocalDags::new(Arc::clone(&lake)))),
        logs: vec![Arc::new(LocalLogs::new(Arc::clone(&lake)))],
        ..Connected::default()
    };
    (memory, Session::new(lake, settings).with_sources(connected))
}

/// An incident of the day before, over if every check of it was waived.
fn incident(memory: &Memory, n: usize, over: bool) {
    let about = About {
        title: "rows were rejected".into(),
        alerts: vec![format!("dlq_rows:gone{n}:2024-10-03")],
        severity: Severity::Warning,
        category: FailureCategory::Unknown,
        dataset: Some(format!("gone{n}")),
        layer: None,
        date: None,
        job: None,
        variables: Variables::default(),
        since: None,
        acknowledged: None,
        rows: None,
        evidence: Vec::new(),
    };
    let at = DateTime::UNIX_EPOCH + Duration::days(19_999);
    let id = IncidentId::new(at, &format!("gone{n}"), &format!("dlq_rows:gone{n}:2024-10-03"));
    let waived = Check::ALL.map(|check| Happening::Waived { check, reason: "none runs".into() });
    let mut what = vec![Happening::Opened(about)];
    what.extend(waived);
    what.extend(over.then_some(Happening::Resolved { note: None, follow_ups: Vec::new() }));
    for (n, what) in what.into_iter().enumerate() {
        let name = if n == 0 { "00000000-opened".to_owned() } else { format!("20241003-00000{n}") };
        let at = at + Duration::seconds(n as i64);
        let event = IncidentEvent { schema: 1, id: name.clone(), at, actor: "ana@bastion".into(), what };
        memory.set(&format!("_lakeward/incidents/{id}/events/{name}.json"), serde_json::to_vec(&event).unwrap());
    }
}

#[tokio::test]
async fn a_minute_of_an_idle_lake_with_all_sources_and_five_hundred_runs_costs_less_than_thirty_requests() {
    let (memory, session) = busy();
    let first = session.refresh(at(0), |_| {}).await;
    assert!(first.sources.iter().all(|s| s.state == SourceState::Fresh), "{:#?}", first.sources);
    assert_eq!((first.pipeline.jobs.len(), first.pipeline.dag_runs.len(), first.quality.len()), (501, 100, 1401));
    let open = first.incidents.iter().filter(|i| i.status() != IncidentStatus::Resolved).count();
    assert_eq!((first.incidents.len(), open, first.triage.len()), (22, 2, 6));
    let mut minutes = Vec::new();
    for minute in 1..=60 {
        let before = requests(&memory);
        let snapshot = session.refresh_due(at(minute), |_| {}).await;
        minutes.push(requests(&memory) - before);
        assert_eq!(snapshot.alerts.len(), first.alerts.len(), "{:?}", snapshot.alerts);
        // What goes on is asked each minute, however quiet the rest is.
        let local = snapshot.sources.iter().find(|s| s.source == "local").unwrap();
        assert_eq!(local.answered, Some(at(minute)));
    }
    let rate = minutes.iter().sum::<u64>() as f64 / 60.0;
    println!("{rate:.1} requests a minute: {minutes:?}");
    assert!(rate < 30.0, "{rate} requests a minute: {minutes:?}");
    // From when what is quiet rests, no minute is dear.
    let dear = minutes.iter().skip(10).filter(|n| **n >= 60).count();
    assert_eq!(dear, 0, "{minutes:?}");
}

#[tokio::test]
async fn a_record_is_read_when_it_changes_and_not_again() {
    let (memory, session) = busy();
    let gets = || memory.counters().read().gets;
    session.refresh(at(0), |_| {}).await;
    let before = gets();
    let same = session.refresh_due(at(1), |_| {}).await;
    assert_eq!(gets(), before, "nothing changed");
    let running = |s: &lakeward::ops::Snapshot| s.pipeline.jobs.iter().filter(|r| !r.state.is_over()).count();
    assert_eq!(running(&same), 1);
    let ended = r#"{"schema":1,"id":"r250","job":"j0","state":"failed","created":"2024-10-03T22:00:00Z"}"#;
    memory.set("_jobs/j0/r250/run.json", ended);
    let changed = session.refresh_due(at(2), |_| {}).await;
    assert_eq!((gets() - before, running(&changed)), (1, 0));
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
