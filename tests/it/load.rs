//! The size that a busy platform has: 200 datasets, 500 job runs, 50 DAGs. In how many round trips a refresh is done,
//! what it costs when nothing changes, and how much memory it takes.

use std::fs;
use std::sync::Arc;
use std::time::Duration as Wait;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::Lake;
use lakeward::lake::aws::Access;
use lakeward::model::alias::Aliases;
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::run::JobName;
use lakeward::ops::{Connected, LakeSettings, Session, SourceState};
use lakeward::sources::airflow::{Airflow, AirflowSettings, Login};
use lakeward::sources::aws::cloudwatch::{CloudWatch, CloudWatchSettings};
use lakeward::sources::aws::emr::{EmrServerless, EmrSettings};
use lakeward::sources::aws::logs::CloudWatchLogs;
use lakeward::sources::local::dags::LocalDags;
use lakeward::sources::local::jobs::LocalJobs;
use lakeward::sources::quality::DEFAULT_PREFIXES;
use serde_json::json;

use crate::support::fake_airflow::FakeAirflow;
use crate::support::fake_aws::emr::{Emr, Run};
use crate::support::fake_aws::metrics::Metrics;
use crate::support::fake_aws::{Account, FakeAws};
use crate::support::memory::{Memory, Verb};
use crate::support::program::lakeward;

const DATASETS: usize = 200;
const RUNS: usize = 500;
const DAGS: usize = 50;

/// Runs of fifty jobs, one in a hundred of which failed; all of them are over.
fn account(now: DateTime<Utc>) -> Account {
    let run = |n: usize| {
        let state = if n.is_multiple_of(100) { "FAILED" } else { "SUCCESS" };
        Run::new(format!("00run{n}"), &format!("job{}", n % 50), state, now - Duration::minutes(10 + 2 * n as i64))
    };
    let alarm = |n: usize| {
        json!({ "AlarmName": format!("alarm{n}"), "StateValue": "OK", "MetricName": "m", "Namespace": "N", "Period": 60,
            "TreatMissingData": "missing", "EvaluationPeriods": 1, "AlarmConfigurationUpdatedTimestamp": 1.7e9 })
    };
    let metrics = Metrics { alarms: (0..50).map(alarm).collect(), ..Metrics::default() };
    Account { emr: Emr::of((0..RUNS).map(run).collect()), metrics, ..Account::default() }
}

async fn session(aws: &FakeAws, airflow: &FakeAirflow, now: DateTime<Utc>) -> (Memory, Session) {
    let memory = Memory::default();
    let mut datasets = Vec::new();
    for n in 0..DATASETS {
        memory.set(&format!("bronze/d{n}/dt=2024-10-04/part-0.parquet"), "x");
        datasets.push(DatasetSettings {
            data_prefix: Some(format!("bronze/d{n}/")),
            max_age: Some(now - DateTime::UNIX_EPOCH - Duration::days(20_000) + Duration::hours(24)),
            ..DatasetSettings::of(&format!("d{n}"))
        });
    }
    let config = aws.config().await;
    let settings = EmrSettings { access: Access::default(), applications: Vec::new() };
    let airflow = AirflowSettings::new(airflow.url(), Login::None);
    let names = Arc::new(|task: &str| JobName(task.into()));
    let connected = Connected {
        jobs: vec![Arc::new(EmrServerless::with_config(settings, Aliases::default(), &config))],
        dags: Some(Arc::new(Airflow::new(&airflow, names).unwrap())),
        logs: vec![Arc::new(CloudWatchLogs::with_config(Access::default(), &config))],
        alarms: vec![Arc::new(CloudWatch::with_config(CloudWatchSettings::default(), &config))],
        ..Connected::default()
    };
    let lake: Arc<dyn Lake> = Arc::new(memory.clone());
    let settings = LakeSettings { datasets, ..LakeSettings::default() };
    (memory, Session::new(lake, settings).with_sources(connected))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_takes_three_round_trips_of_each_source_and_an_idle_one_next_to_nothing() {
    let now = Utc::now();
    let (aws, airflow) = (FakeAws::in_rounds(account(now)), FakeAirflow::start(DAGS, 10, now));
    let (_, session) = session(&aws, &airflow, now).await;
    let first = session.refresh(now, |_| {}).await;
    assert!(first.sources.iter().all(|s| s.state == SourceState::Fresh), "{:#?}", first.sources);
    assert_eq!((first.pipeline.jobs.len(), first.pipeline.dags.len()), (RUNS, DAGS));
    assert_eq!(first.pipeline.dag_runs.len(), 200);
    assert_eq!(first.pipeline.tasks.len(), 5, "the tasks of what did not end well");
    // Three of AWS, alarms and runs beside each other; of Airflow one more, once: which version answers.
    assert!(aws.rounds() <= 3, "{} rounds of AWS", aws.rounds());
    assert!(airflow.rounds() <= 4, "{} rounds of Airflow at first", airflow.rounds());
    let (of_aws, of_airflow) = (aws.rounds(), airflow.rounds());
    session.refresh(now + Duration::minutes(1), |_| {}).await;
    assert!(aws.rounds() - of_aws <= 3, "{} rounds of AWS", aws.rounds() - of_aws);
    assert!(airflow.rounds() - of_airflow <= 3, "{} rounds of Airflow", airflow.rounds() - of_airflow);

    let spent = |session: &Session| session.requests().iter().map(|(_, n)| n).sum::<u64>();
    let before = spent(&session);
    let mut last = None;
    for minute in 2..=32 {
        last = Some(session.refresh_due(now + Duration::minutes(minute), |_| {}).await);
    }
    let rate = (spent(&session) - before) as f64 / 31.0;
    assert!(rate < 30.0, "{rate} requests a minute: {:?}", session.requests());
    // What the console shows of it is what was counted.
    let costs = last.unwrap().costs;
    assert!(costs.iter().any(|c| c.source == "airflow" && c.requests == airflow.requests() as u64), "{costs:?}");
    assert!(costs.iter().filter(|c| !c.of_lake).filter_map(|c| c.minute).sum::<f64>() < 30.0, "{costs:?}");
}

/// What one request takes, by a clock that stands still while anything else goes on.
const BEAT: Wait = Wait::from_millis(100);

/// In how many rounds of the lake a refresh has what lies below some prefixes. A round is a beat: what is asked side by
/// side is answered with the same one, what is asked after an answer with the next. What is more than is sent at once goes
/// in waves, and each of those is a round here too: the sizes below stay within one wave, but where it says so.
async fn rounds(memory: &Memory, session: &Session, prefixes: &[&str], now: DateTime<Utc>) -> u128 {
    for prefix in prefixes {
        for verb in [Verb::List, Verb::Get, Verb::Head] {
            memory.slow(verb, prefix, BEAT);
        }
    }
    let began = tokio::time::Instant::now();
    let snapshot = session.refresh(now, |_| {}).await;
    memory.behave();
    assert!(snapshot.sources.iter().all(|s| s.state == SourceState::Fresh), "{:#?}", snapshot.sources);
    (began.elapsed() + BEAT / 2).as_millis() / BEAT.as_millis()
}

/// A lake with some of each thing that a source reads.
fn some_of_each(datasets: usize, runs: usize) -> (Memory, impl Fn() -> Session) {
    let memory = Memory::default();
    let mut watched = Vec::new();
    for n in 0..datasets {
        memory.set(&format!("bronze/d{n}/dt=2024-10-04/part-0.parquet"), "x");
        memory.set(&format!("contracts/d{n}.yaml"), "columns: {id: bigint}\n");
        watched.push(DatasetSettings {
            data_prefix: Some(format!("bronze/d{n}/")),
            max_age: Some(Duration::hours(24)),
            contract: Some(format!("contracts/d{n}.yaml")),
            ..DatasetSettings::of(&format!("d{n}"))
        });
    }
    for n in 0..runs {
        let run = format!(
            r#"{{"schema":1,"id":"r{n}","job":"j","state":"success","created":"2024-10-04T00:00:00Z","started":"2024-10-04T00:00:00Z"}}"#
        );
        memory.set(&format!("_jobs/j/r{n}/run.json"), run);
    }
    for n in 0..8 {
        memory.set(&format!("_dags/d{n}/dag.json"), format!(r#"{{"dag":"d{n}"}}"#));
        let run = format!(r#"{{"dag":"d{n}","run":"1","state":"failed","started":"2024-10-04T00:00:00Z"}}"#);
        memory.set(&format!("_dags/d{n}/1/run.json"), run);
        let suite = r#"{"suite_name":"s","expectations":[{"expectation_type":"e","passed":true}],"passed":true}"#;
        memory.set(&format!("_dq_results/silver/d{n}/dt=2024-10-04/r.json"), suite);
        memory.set(&format!("gold/quality/dq_results_d{n}.json"), suite);
        let line = r#"{"timestamp_utc":"2024-10-04T00:00:00Z","level":"CRITICAL","title":"lag"}"#;
        memory.set(&format!("_alerts/a{n}.json"), line);
        let act = format!(
            r#"{{"schema":1,"at":"2024-10-0{}T08:00:00Z","actor":"a@b","alert":"x","severity":"warning","act":"acknowledge"}}"#,
            n % 4 + 1
        );
        memory.set(&format!("_lakeward/alerts/dt=2024-10-0{}/08000000{n}-acknowledge-00000001.json", n % 4 + 1), act);
    }
    let lake: Arc<dyn Lake> = Arc::new(memory.clone());
    let session = move || {
        let settings = LakeSettings {
            datasets: watched.clone(),
            quality: DEFAULT_PREFIXES.map(str::to_owned).to_vec(),
            feeds: vec!["_alerts/".to_owned()],
            ..LakeSettings::default()
        };
        let connected = Connected {
            jobs: vec![Arc::new(LocalJobs::new(Arc::clone(&lake), Aliases::default()))],
            dags: Some(Arc::new(LocalDags::new(Arc::clone(&lake)))),
            ..Connected::default()
        };
        Session::new(Arc::clone(&lake), settings).with_sources(connected)
    };
    (memory, session)
}

#[tokio::test(start_paused = true)]
async fn a_reading_of_the_lake_takes_three_round_trips_of_each_source() {
    let now = DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(6);
    let (memory, session) = some_of_each(16, 16);
    for (source, prefixes, most) in [
        ("quality", ["_dq_results/", "gold/quality/"].as_slice(), 2),
        ("feed", &["_alerts/"], 2),
        ("freshness", &["bronze/"], 1),
        ("freshness and its contracts", &["bronze/", "contracts/"], 2),
        ("triage", &["_lakeward/alerts/"], 3),
        ("jobs", &["_jobs/"], 2),
        ("dags", &["_dags/"], 2),
        ("all", &[""], 3),
    ] {
        // Of a session that knows nothing yet.
        let taken = rounds(&memory, &session(), prefixes, now).await;
        assert!(taken > 0 && taken <= most, "{taken} rounds of {source}");
    }
}

#[tokio::test(start_paused = true)]
async fn levels_of_one_depth_are_listed_side_by_side() {
    let now = DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(6);
    let (memory, session) = some_of_each(1, 1);
    let suite = r#"{"suite_name":"s","expectations":[{"expectation_type":"e","passed":true}],"passed":true}"#;
    // More than a page: the last of ten dates are looked for.
    for day in 1..=10 {
        (0..110).for_each(|n| drop(memory.set(&format!("_dq_results/dt=2024-09-{day:02}/d{n}.json"), suite)));
    }
    let session = session();
    session.refresh(now, |_| {}).await;
    // The prefix; its levels and seven dates beside each other. Nothing is read again.
    let taken = rounds(&memory, &session, &["_dq_results/", "gold/quality/"], now).await;
    assert_eq!(taken, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_busy_platform_has_goes_in_few_waves() {
    let now = DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(6);
    let (memory, session) = some_of_each(DATASETS, RUNS);
    let session = session();
    // Thirty-two at once: 200 listings are seven waves, 500 records sixteen after the listing.
    assert_eq!(rounds(&memory, &session, &["bronze/"], now).await, 7);
    assert_eq!(rounds(&memory, &session, &["_jobs/"], now).await, 1, "no record is read again");
    let (memory, session) = some_of_each(1, RUNS);
    assert_eq!(rounds(&memory, &session(), &["_jobs/"], now).await, 17);
}

#[test]
fn all_of_it_fits_into_a_small_machine() {
    let now = Utc::now();
    let (aws, airflow) = (FakeAws::start(account(now)), FakeAirflow::start(DAGS, 10, now));
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let mut config = format!(
        "[environments.p]\nkind = \"local\"\nlake = \"{}\"\n[emr]\nendpoint_url = \"{}\"\n[cloudwatch]\nendpoint_url = \"{}\"\n[airflow]\nurl = \"{}\"\n",
        lake.display(),
        aws.url(),
        aws.url(),
        airflow.url()
    );
    for n in 0..DATASETS {
        let prefix = lake.join(format!("bronze/d{n}/dt=2024-10-04"));
        fs::create_dir_all(&prefix).unwrap();
        fs::write(prefix.join("part-0.parquet"), "x").unwrap();
        let errors = lake.join(format!("_errors/d{n}/dt=2024-10-04"));
        fs::create_dir_all(&errors).unwrap();
        fs::write(errors.join("error_reasons.json"), r#"{"error_type":"E","row_count":500}"#).unwrap();
        config.push_str(&format!("[[datasets]]\nname = \"d{n}\"\ndata_prefix = \"bronze/d{n}/\"\n"));
    }
    let file = folder.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let run = lakeward(&["--config", file.to_str().unwrap(), "--env", "p", "alerts", "--json", "--stats"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.json().as_array().unwrap().len() >= DATASETS, "{}", run.err);
    let stats: serde_json::Value = run.err.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap();
    let peak = stats["stats"]["peak_memory"].as_u64().unwrap();
    assert!(peak < 150 << 20, "{peak} bytes");
}
