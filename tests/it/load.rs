//! The size that a busy platform has: 200 datasets, 500 job runs, 50 DAGs. In how many round trips a refresh is done,
//! what it costs when nothing changes, and how much memory it takes.

use std::fs;
use std::sync::Arc;

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
use serde_json::json;

use crate::support::fake_airflow::FakeAirflow;
use crate::support::fake_aws::emr::{Emr, Run};
use crate::support::fake_aws::metrics::Metrics;
use crate::support::fake_aws::{Account, FakeAws};
use crate::support::memory::Memory;
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
    assert!(costs.iter().filter_map(|c| c.minute).sum::<f64>() < 30.0, "{costs:?}");
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
