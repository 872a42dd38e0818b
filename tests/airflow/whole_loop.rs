//! One failed run, followed through all systems in a real terminal: from the alert to the job run on AWS, to its log
//! lines around the failure, to the DAG run of the real Airflow that started it, its try and its log; to the dead letters;
//! and back, one key each.

use std::fs;

use chrono::{Duration, Utc};
use lakeward::model::dag::DagRun;
use serde_json::json;

use super::server::Server;
use super::support::fake_aws::emr::{Emr, Run};
use super::support::fake_aws::events::Events;
use super::support::fake_aws::{Account, FakeAws};
use super::support::program::LAKEWARD;
use super::support::s3_server;
use super::support::terminal::Terminal;

const ESC: &str = "\x1b";

/// Five runs of the job of the Airflow task, all of which failed; the last one, which the run of the DAG started, has a log
/// that says why.
fn account(bad: &DagRun) -> Account {
    let now = Utc::now();
    let begun = bad.started.expect("it ran") + Duration::seconds(1);
    let runs = (1..=5).map(|n| {
        let mut run = Run::new(
            format!("00run{n}"),
            &format!("prod-load-{}", now.date_naive()),
            "FAILED",
            begun - Duration::minutes(4 * (n - 1)),
        );
        run.more = json!({
            "configurationOverrides": { "monitoringConfiguration": {
                "cloudWatchLoggingConfiguration": { "enabled": true, "logStreamNamePrefix": "prod" },
            } },
        });
        run
    });
    let stream = "prod/applications/00app1/jobs/00run1/SPARK_DRIVER/stderr".to_owned();
    let at = begun.timestamp_millis();
    let line = |n: i64, text: &str| (stream.clone(), at + n * 1_000, text.to_owned());
    let events = vec![
        line(21, "26/11/25 10:00:01 INFO SparkContext: Running Spark version 3.5.1"),
        line(22, "26/11/25 10:00:02 ERROR Executor: Exception in task 0.0 in stage 1.0"),
        line(23, "java.lang.OutOfMemoryError: Java heap space"),
        line(24, "26/11/25 10:00:04 INFO ShutdownHookManager: Deleting directory"),
    ];
    Account {
        emr: Emr::of(runs.collect()),
        events: Events { events, page: 100, ..Events::default() },
        ..Account::default()
    }
}

/// Blocking.
pub fn is_followed(server: &Server, bad: &DagRun) {
    let home = tempfile::tempdir().unwrap();
    let lake = home.path().join("lake");
    let today = Utc::now().date_naive();
    let entry = lake.join(format!("_errors/orders/dt={today}"));
    fs::create_dir_all(&entry).unwrap();
    fs::write(entry.join("rejected_rows.json"), "{\"id\":1,\"amount\":null}\n").unwrap();
    fs::write(entry.join("error_reasons.json"), r#"{"error_type":"null_value","row_count":1}"#).unwrap();
    fs::write(entry.join("_SUCCESS"), "").unwrap();
    let (aws, store) = (FakeAws::start(account(bad)), s3_server::Server::start());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bucket = runtime.block_on(store.bucket_of(&lake));
    let config = format!(
        "environment = \"p\"\n[environments.p]\nkind = \"aws\"\nlake = \"s3://{bucket}\"\nendpoint_url = \"{}\"\n\
         [emr]\nendpoint_url = \"{}\"\n\
         [airflow]\nurl = \"{}\"\nuser = \"admin\"\npassword_env = \"PASSWORD\"\n\
         [[jobs]]\nname = \"load\"\ndataset = \"orders\"\n",
        store.endpoint(),
        aws.url(),
        server.url()
    );
    let file = home.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let root = home.path().to_str().unwrap();
    let envs = [
        ("HOME", root),
        ("XDG_CONFIG_HOME", root),
        ("XDG_STATE_HOME", root),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("PASSWORD", "lakeward-test"),
    ];
    let mut terminal = Terminal::start(LAKEWARD, &["--config", file.to_str().unwrap()], &envs, 40, 140);
    // An escape that another key follows at once is that key with Alt.
    let press = |keys: &str| {
        terminal.keys(keys);
        std::thread::sleep(std::time::Duration::from_millis(300));
    };
    // The alert, and what it is about: five of five.
    terminal.wait_for("5 of 5 runs of load failed");
    // Its newest run.
    terminal.keys("/5 of 5\rJ");
    terminal.wait_for("[4 Jobs");
    terminal.wait_for("00run1");
    // The lines around the failure, the error as such.
    terminal.keys("l");
    terminal.wait_for("[5 Logs");
    terminal.wait_for("java.lang.OutOfMemoryError: Java heap space");
    terminal.keys("gn");
    terminal.wait_until("the error", |screen| {
        screen.contents().lines().any(|line| line.starts_with('▸') && line.contains("Exception in task 0.0"))
    });
    press("e");
    terminal.wait_for("OutOfMemoryError");
    press(ESC);
    // Back to the run; from there to the run of the DAG that the real Airflow started it by, the try that failed, its log.
    press(ESC);
    terminal.wait_for("[4 Jobs");
    press("J");
    terminal.wait_for(&bad.id.0.chars().take(20).collect::<String>());
    terminal.wait_for("upstream_failed");
    press("l");
    terminal.wait_for("ValueError: column amount: 17 nulls in try 2");
    press(ESC);
    terminal.wait_for("[4 Jobs");
    // From the DAG run to the job's run, and to the dead letters of what it writes; from these to the run.
    press("J");
    terminal.wait_for("attempt");
    press("d");
    terminal.wait_for("[2 DLQ");
    terminal.wait_for("null_value");
    press("J");
    terminal.wait_for("[4 Jobs");
    press("L");
    terminal.wait_for("java.lang.OutOfMemoryError: Java heap space");
    // And back, one key each, to where it began.
    for _ in 0..8 {
        press(ESC);
        if terminal.text().contains("[1 Alerts") {
            break;
        }
    }
    terminal.wait_for("[1 Alerts");
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
}
