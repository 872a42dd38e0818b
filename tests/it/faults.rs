//! Each source, one at a time: unreachable, slow, throttling, denied, with expired credentials, with answers that make
//! no sense. The others are not touched; what was known stands, with its age; it says why; and it recovers by itself.

mod letting_wait;
mod sources;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::ErrorClass;
use lakeward::model::secret::WatchedSecret;
use lakeward::ops::{Session, Snapshot, SourceHealth, SourceState};

use self::sources::{Beside, Fault, connected, settings};
use crate::support::memory::{Memory, Verb};

const CLASSES: [ErrorClass; 5] =
    [ErrorClass::Unreachable, ErrorClass::Throttled, ErrorClass::Denied, ErrorClass::Expired, ErrorClass::Malformed];

/// The sources that lie on the lake, and what each asks of it.
const ON_THE_LAKE: [(&str, Verb, &str); 9] = [
    ("dlq", Verb::List, "_errors/"),
    ("quarantine", Verb::List, "_lakeward/moves/"),
    ("freshness", Verb::List, "bronze/"),
    ("contracts", Verb::Get, "contracts/"),
    ("quality", Verb::List, "_dq_results/"),
    ("feed", Verb::List, "_alerts/"),
    ("triage", Verb::List, "_lakeward/alerts/"),
    ("local", Verb::List, "_jobs/"),
    ("airflow", Verb::List, "_dags/"),
];

/// So many minutes after the seventh hour: the data are too old by then.
fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(7) + Duration::minutes(minute)
}

/// A lake with an alert of each source that raises any.
fn lake() -> Memory {
    let lake = Memory::default();
    lake.set("_errors/orders/dt=2024-10-04/rejected_rows.json", "{\"id\":1,\"amount\":\"x\"}\n".repeat(1_500));
    lake.set("_errors/orders/dt=2024-10-04/error_reasons.json", r#"{"error_type":"E","row_count":1500}"#);
    lake.set("_errors/orders/dt=2024-10-04/_SUCCESS", "");
    lake.set("bronze/orders/dt=2024-10-04/part-0.parquet", "x");
    lake.set(
        "contracts/orders.json",
        r#"{"table":"orders","columns":{"id":"bigint","amount":"string","email":"string"}}"#,
    );
    lake.set(
        "_dq_results/dt=2024-10-04/orders.json",
        r#"{"suite_name":"orders","expectations":[{"expectation_type":"e","passed":false}],"passed":false}"#,
    );
    lake.set("_alerts/a.json", r#"{"timestamp_utc":"2024-10-04T06:30:00Z","level":"CRITICAL","title":"lag"}"#);
    for n in 0..5 {
        let run = format!(
            r#"{{"schema":1,"id":"r{n}","job":"load","state":"failed","created":"2024-10-04T06:0{n}:00Z","started":"2024-10-04T06:0{n}:00Z","ended":"2024-10-04T06:1{n}:00Z"}}"#
        );
        lake.set(&format!("_jobs/load/r{n}/run.json"), run);
    }
    lake.set("_dags/etl/dag.json", r#"{"dag":"etl"}"#);
    lake.set(
        "_dags/etl/run1/run.json",
        r#"{"dag":"etl","run":"run1","state":"failed","started":"2024-10-04T06:00:00Z","tasks":[]}"#,
    );
    lake
}

/// All that is known, without its age.
fn known(snapshot: &Snapshot) -> BTreeSet<String> {
    let alerts = snapshot.alerts.iter().map(|a| format!("{} {:?} {}", a.key, a.severity, a.summary));
    let entries = snapshot.entries.iter().map(|e| format!("{} {:?}", e.path.0, e.known_rows()));
    let jobs = snapshot.pipeline.jobs.iter().map(|r| format!("{} {:?}", r.uri, r.state));
    let dags = snapshot.pipeline.dag_runs.iter().map(|r| format!("{} {:?}", r.uri, r.state));
    let alarms = snapshot.pipeline.alarms.iter().map(|a| format!("{} {:?}", a.uri, a.state));
    let quality = snapshot.quality.iter().map(|q| q.uri.clone());
    alerts.chain(entries).chain(jobs).chain(dags).chain(alarms).chain(quality).collect()
}

fn source<'a>(snapshot: &'a Snapshot, name: &str) -> &'a SourceHealth {
    snapshot.sources.iter().find(|s| s.source == name).unwrap_or_else(|| panic!("no {name}: {:#?}", snapshot.sources))
}

/// What one source may take. The clocks of tests that are about it stand still while anything else runs.
const SLOWEST: std::time::Duration = std::time::Duration::from_secs(15);
/// What a slow one takes for each answer.
const SLOW: std::time::Duration = std::time::Duration::from_secs(30);

/// One source that fails in one way between two refreshes that go well.
async fn fails_and_recovers(name: &str, class: ErrorClass, session: &Session, fail: impl Fn(), behave: impl Fn()) {
    let healthy = session.refresh(at(0), |_| {}).await;
    assert!(healthy.sources.iter().all(|s| s.state == SourceState::Fresh), "{name}: {:#?}", healthy.sources);
    fail();
    let began = tokio::time::Instant::now();
    let failing = session.refresh(at(1), |_| {}).await;
    assert!(began.elapsed() <= SLOWEST, "{name} {class:?}: the others wait: {:?}", began.elapsed());
    let SourceState::Failed { class: seen, reason, hint } = &source(&failing, name).state else {
        panic!("{name} {class:?}: {:#?}", failing.sources)
    };
    assert_eq!(*seen, class, "{name}: {reason}");
    assert!(reason.len() > 3 && !hint.is_empty(), "{name} {class:?}: it says why and what to do: {reason} {hint}");
    assert_eq!(source(&failing, name).answered, Some(at(0)), "{name} {class:?}: the age of what is known");
    // How new the data should be stands in the contract: without it, nothing is known of that either.
    let needs_it = |source: &str| name == "contracts" && source == "freshness";
    for other in failing.sources.iter().filter(|s| s.source != name && !needs_it(s.source)) {
        assert_eq!((&other.state, other.answered), (&SourceState::Fresh, Some(at(1))), "{name} {class:?}: {other:?}");
    }
    assert_eq!(known(&failing), known(&healthy), "{name} {class:?}: what is known stands");
    behave();
    // By itself: at most a quarter of an hour later, for one that asked to be asked less.
    let mut minute = 2;
    let recovered = loop {
        let snapshot = session.refresh_due(at(minute), |_| {}).await;
        if source(&snapshot, name).state == SourceState::Fresh {
            break snapshot;
        }
        minute += 1;
        assert!(minute < 20, "{name} {class:?}: it does not recover: {:#?}", source(&snapshot, name));
    };
    assert_eq!(source(&recovered, name).answered, Some(at(minute)), "{name} {class:?}");
    assert_eq!(known(&recovered), known(&healthy), "{name} {class:?}: after it");
}

#[tokio::test]
async fn all_of_them_say_something() {
    let lake = lake();
    let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
    let session = session.with_sources(connected(&lake, &Beside::default()));
    let snapshot = session.refresh(at(0), |_| {}).await;
    let rules: BTreeSet<&str> = snapshot.alerts.iter().map(|a| a.rule.word()).collect();
    let all =
        ["alarm", "alert_feed", "dlq_rows", "job_failure_rate", "no_data", "quality_gate", "schema_drift", "secret"];
    assert_eq!(rules, BTreeSet::from(all));
    assert_eq!((snapshot.pipeline.dag_runs.len(), snapshot.pipeline.jobs.len()), (1, 5));
}

#[tokio::test]
async fn on_the_lake_one_may_fail_and_the_others_go_on() {
    for (name, verb, prefix) in ON_THE_LAKE {
        for class in CLASSES {
            let lake = lake();
            let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
            let session = session.with_sources(connected(&lake, &Beside::default()));
            let fail = || lake.fail(verb, prefix, 0, u32::MAX, class);
            fails_and_recovers(name, class, &session, fail, || lake.behave()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_the_lake_one_may_be_slow_and_the_others_go_on() {
    let incidents = ("incidents", Verb::List, "_lakeward/incidents/");
    // The listing of dead letters may take long, and says how far it is: it has no limit.
    for (name, verb, prefix) in ON_THE_LAKE.into_iter().filter(|(name, ..)| *name != "dlq").chain([incidents]) {
        let lake = lake();
        let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
        let session = session.with_sources(connected(&lake, &Beside::default()));
        let slow = || lake.slow(verb, prefix, SLOW);
        fails_and_recovers(name, ErrorClass::Unreachable, &session, slow, || lake.behave()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_asked_many_things_is_waited_for_once() {
    let lake = lake();
    let mut settings = settings();
    for n in 0..200 {
        lake.set(&format!("bronze/d{n}/part-0.parquet"), "x");
        let mut dataset = settings.datasets[0].clone();
        (dataset.dataset, dataset.contract) = (lakeward::model::dataset::Dataset(format!("d{n}").into()), None);
        dataset.data_prefix = Some(format!("bronze/d{n}/"));
        settings.datasets.push(dataset);
    }
    let secret = settings.secrets[0].clone();
    settings.secrets.extend((0..30).map(|n| WatchedSecret { name: format!("crm{n}"), ..secret.clone() }));
    let beside = Beside::default();
    let session = Session::new(std::sync::Arc::new(lake.clone()), settings);
    let session = session.with_sources(connected(&lake, &beside));
    // All but one of the datasets: what that one says counts.
    lake.slow(Verb::List, "bronze/d", SLOW);
    beside.set("secrets", Some(Fault::Slow));
    let began = tokio::time::Instant::now();
    let snapshot = session.refresh(at(0), |_| {}).await;
    assert!(began.elapsed() <= SLOWEST, "{:?}", began.elapsed());
    for name in ["freshness", "secrets"] {
        assert!(matches!(source(&snapshot, name).state, SourceState::Failed { .. }), "{name}");
    }
    assert_eq!(snapshot.alerts.iter().filter(|a| a.rule.word() == "no_data").count(), 1);
}

/// A lake whose session was refreshed once, and was well.
async fn healthy() -> (Memory, Session, Snapshot) {
    let lake = lake();
    let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
    let session = session.with_sources(connected(&lake, &Beside::default()));
    let snapshot = session.refresh(at(0), |_| {}).await;
    (lake, session, snapshot)
}

#[tokio::test]
async fn a_record_that_cannot_be_had_fails_its_source_and_one_that_makes_no_sense_is_told_of() {
    let record = "_jobs/load/r1/run.json";
    for class in CLASSES {
        let (lake, session, before) = healthy().await;
        // Written anew: what does not change is not read.
        let again = String::from_utf8(lake.all()[record].to_vec()).unwrap() + "\n";
        lake.set(record, again);
        lake.fail(Verb::Get, record, 0, u32::MAX, class);
        let failing = session.refresh(at(1), |_| {}).await;
        let local = source(&failing, "local");
        match (&local.state, class) {
            (SourceState::Fresh, ErrorClass::Malformed) => assert!(local.notes[0].contains(record), "{local:?}"),
            (SourceState::Failed { class: seen, .. }, _) => assert_eq!(*seen, class),
            _ => panic!("{class:?}: {local:?}"),
        }
        assert_eq!(known(&failing), known(&before), "{class:?}: what is known stands");
        lake.behave();
        // A torn one is not read again before it changes.
        lake.set(record, String::from_utf8(lake.all()[record].to_vec()).unwrap() + "\n");
        let recovered = session.refresh(at(2), |_| {}).await;
        let local = source(&recovered, "local");
        assert_eq!((&local.state, local.notes.len()), (&SourceState::Fresh, 0), "{class:?}");
        assert_eq!(known(&recovered), known(&before), "{class:?}: after it");
    }
}

#[tokio::test]
async fn torn_records_are_noted_by_whoever_begins_with_them() {
    let lake = lake();
    lake.set("_jobs/load/r1/run.json", r#"{"schema":1,"id":"r1","jo"#);
    lake.set("_dags/etl/run2/run.json", "");
    lake.set("_alerts/b.jsonl", "{\"title\": \"lag of b\", \"level\": \"ERROR\"}\n{\"timestamp_utc\": \"20");
    (10..20).for_each(|n| drop(lake.set(&format!("_jobs/load/r{n}/run.json"), "[]")));
    let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
    let mut connected = connected(&lake, &Beside::default());
    let store: std::sync::Arc<dyn lakeward::lake::Lake> = std::sync::Arc::new(lake.clone());
    connected.dags = Some(std::sync::Arc::new(lakeward::sources::local::dags::LocalDags::new(store)));
    let session = session.with_sources(connected);
    for minute in 0..2 {
        let snapshot = session.refresh(at(minute), |_| {}).await;
        assert_eq!(snapshot.pipeline.jobs.len(), 4);
        let local = source(&snapshot, "local");
        // Five by name, and how many more.
        assert_eq!((local.notes.len(), local.notes[5].as_str()), (6, "6 more records cannot be read"));
        assert!(local.notes[0].contains("_jobs/load/r19/run.json: not a record of its kind: "), "{local:?}");
        assert!(local.notes[0].ends_with(": it is left out"), "{local:?}");
        let feed = source(&snapshot, "feed");
        assert!(feed.notes[0].starts_with("s3://memory/_alerts/b.jsonl: "), "{feed:?}");
        assert!(snapshot.alerts.iter().any(|a| a.key.contains("lag of b")), "and hides no other");
        let dags = source(&snapshot, "dags");
        assert!(dags.notes[0].contains("_dags/etl/run2/run.json: not a record of its kind"), "{dags:?}");
    }
    // One that is left alone says what it said.
    lake.set("_jobs/load/r1/run.json", "{");
    for minute in 2..12 {
        let snapshot = session.refresh_due(at(minute), |_| {}).await;
        assert_eq!(source(&snapshot, "local").notes.len(), 6, "{minute}");
    }
}

#[tokio::test(start_paused = true)]
async fn beside_the_lake_one_may_fail_or_be_slow_and_the_others_go_on() {
    for name in ["emr", "airflow", "alarms", "secrets"] {
        let faults = CLASSES.map(Fault::Class).into_iter().chain([Fault::Slow]);
        for fault in faults {
            let class = if let Fault::Class(class) = fault { class } else { ErrorClass::Unreachable };
            let (lake, beside) = (lake(), Beside::default());
            let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
            let session = session.with_sources(connected(&lake, &beside));
            fails_and_recovers(name, class, &session, || beside.set(name, Some(fault)), || beside.set(name, None))
                .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_slowest_source_takes_a_quarter_of_a_minute_and_the_lake_is_told_before() {
    let (lake, beside) = (lake(), Beside::default());
    let session = Session::new(std::sync::Arc::new(lake.clone()), settings());
    let session = session.with_sources(connected(&lake, &beside));
    beside.set("emr", Some(Fault::Slow));
    beside.set("airflow", Some(Fault::Slow));
    let (began, told) = (tokio::time::Instant::now(), std::sync::Mutex::new(Vec::new()));
    let snapshot = session
        .refresh(at(0), |progress| {
            let alerts = progress.partial.map_or(0, |partial| partial.alerts.len());
            told.lock().unwrap().push((began.elapsed(), alerts));
        })
        .await;
    assert!(began.elapsed().as_secs() <= 15, "{:?}", began.elapsed());
    assert!(!snapshot.alerts.is_empty());
    let told = told.into_inner().unwrap();
    assert!(told.iter().any(|(after, alerts)| after.as_millis() == 0 && *alerts >= 3), "{told:?}");
}
