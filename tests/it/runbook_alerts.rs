//! Every alert of the runbook, by name: it is not there before its cause is, it comes with its severity, category and
//! evidence, and it goes when the cause does.

use std::sync::Arc;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use lakeward::lake::Lake;
use lakeward::model::alert::{Alert, AlertRule};
use lakeward::model::alias::Aliases;
use lakeward::model::category::{FailureCategory, default_rules};
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::severity::Severity;
use lakeward::ops::{Connected, LakeSettings, Session};
use lakeward::sources::local::jobs::LocalJobs;
use lakeward::sources::local::logs::LocalLogs;

use crate::support::memory::Memory;

/// When the objects are written, give or take some seconds.
fn written() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000)
}

fn session(lake: &Memory) -> Session {
    let dataset = DatasetSettings {
        data_prefix: Some("bronze/orders/".into()),
        contract: Some("contracts/orders.json".into()),
        ..DatasetSettings::of("orders")
    };
    let settings = LakeSettings {
        datasets: vec![dataset],
        categories: default_rules(),
        quality: vec!["_dq_results/".into()],
        ..LakeSettings::default()
    };
    let on: Arc<dyn Lake> = Arc::new(lake.clone());
    let jobs = Arc::new(LocalJobs::new(Arc::clone(&on), Aliases::default()));
    let logs = Arc::new(LocalLogs::new(Arc::clone(&on)));
    Session::new(on, settings).with_sources(Connected { jobs: vec![jobs], logs: vec![logs], ..Connected::default() })
}

/// What does its work, and nothing to complain of.
fn healthy() -> Memory {
    let lake = Memory::default();
    lake.set("contracts/orders.json", r#"{"table":"orders","columns":{"id":"bigint"}}"#);
    lake.set("bronze/orders/dt=2024-10-04/part-0.parquet", "x");
    lake
}

/// A dead letter of so many rows with these columns.
fn dead_letter(lake: &Memory, rows: usize, row: &str) {
    let entry = "_errors/orders/dt=2024-10-04/";
    lake.set(&format!("{entry}rejected_rows.json"), format!("{row}\n").repeat(rows));
    let reasons = format!(r#"{{"error_type":"null_value","error_message":"id is null","row_count":{rows}}}"#);
    lake.set(&format!("{entry}error_reasons.json"), reasons);
    lake.set(&format!("{entry}_SUCCESS"), "");
}

/// A run of a job that began so many minutes before the data were written.
fn run(lake: &Memory, n: usize, state: &str, before: i64, minutes: i64, more: &str) {
    let at = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
    let began = written() - Duration::minutes(before);
    let record = format!(
        r#"{{"schema":1,"id":"r{n}","job":"load","state":"{state}","created":"{}","started":"{0}","ended":"{}"{more}}}"#,
        at(began),
        at(began + Duration::minutes(minutes))
    );
    lake.set(&format!("_jobs/load/r{n}/run.json"), record);
}

/// A result of a gate: so many checks pass, so many fail, and of those some are critical.
fn gate(lake: &Memory, pass: usize, fail: usize, critical: usize) {
    let check = |passed: bool| format!(r#"{{"expectation_type":"e","passed":{passed}}}"#);
    let checks: Vec<String> = (0..pass).map(|_| check(true)).chain((0..fail).map(|_| check(false))).collect();
    let result = format!(
        r#"{{"suite_name":"orders","evaluated_at":"2024-10-04T00:00:00Z","expectations":[{}],"passed":{},"critical_failures":{critical}}}"#,
        checks.join(","),
        critical == 0
    );
    lake.set("_dq_results/dt=2024-10-04/orders.json", result);
}

/// What is expected of an alert.
struct Expected {
    rule: AlertRule,
    severity: Severity,
    category: FailureCategory,
    evidence: &'static str,
}

async fn found(session: &Session, rule: AlertRule, now: DateTime<Utc>) -> Option<Alert> {
    session.refresh(now, |_| {}).await.alerts.into_iter().find(|alert| alert.rule == rule)
}

/// It comes with its cause and goes with it.
async fn comes_and_goes(expected: Expected, lake: Memory, begins: impl Fn(&Memory), ends: impl Fn(&Memory)) {
    let Expected { rule, severity, category, evidence } = expected;
    let (session, now) = (session(&lake), written() + Duration::minutes(5));
    assert_eq!(found(&session, rule, now).await, None, "{rule:?} before its cause");
    begins(&lake);
    let alert = found(&session, rule, now).await.unwrap_or_else(|| panic!("no {rule:?}"));
    assert_eq!((alert.severity, alert.category), (severity, category), "{alert:?}");
    let shown = alert.evidence.first().unwrap_or_else(|| panic!("no evidence: {alert:?}"));
    assert!(shown.uri.contains(evidence), "{alert:?}");
    ends(&lake);
    assert_eq!(found(&session, rule, now).await, None, "{rule:?} after its cause");
}

fn expected(rule: AlertRule, severity: Severity, category: FailureCategory, evidence: &'static str) -> Expected {
    Expected { rule, severity, category, evidence }
}

fn without_entry(lake: &Memory) {
    for name in ["rejected_rows.json", "error_reasons.json", "_SUCCESS"] {
        lake.remove(&format!("_errors/orders/dt=2024-10-04/{name}"));
    }
}

#[tokio::test]
async fn critical_dead_letters_over_a_thousand_rows() {
    let alert = expected(AlertRule::DlqRows, Severity::Critical, FailureCategory::DataQuality, "_errors/orders/");
    comes_and_goes(alert, healthy(), |lake| dead_letter(lake, 1_001, r#"{"id":null}"#), without_entry).await;
}

#[tokio::test]
async fn warning_dead_letters_over_a_hundred_rows() {
    let alert = expected(AlertRule::DlqRows, Severity::Warning, FailureCategory::DataQuality, "_errors/orders/");
    comes_and_goes(alert, healthy(), |lake| dead_letter(lake, 101, r#"{"id":null}"#), without_entry).await;
}

#[tokio::test]
async fn critical_a_quality_gate_that_fails() {
    let alert = expected(AlertRule::QualityGate, Severity::Critical, FailureCategory::DataQuality, "_dq_results/");
    comes_and_goes(alert, healthy(), |lake| gate(lake, 9, 1, 1), |lake| gate(lake, 10, 0, 0)).await;
}

#[tokio::test]
async fn warning_a_pass_rate_under_ninety_nine_per_cent() {
    let alert = expected(AlertRule::PassRate, Severity::Warning, FailureCategory::DataQuality, "_dq_results/");
    comes_and_goes(alert, healthy(), |lake| gate(lake, 98, 2, 0), |lake| gate(lake, 99, 1, 0)).await;
}

#[tokio::test]
async fn critical_no_new_data_for_over_an_hour() {
    let (lake, rule) = (healthy(), AlertRule::NoData);
    let session = session(&lake);
    assert_eq!(found(&session, rule, written() + Duration::minutes(60)).await, None);
    let late = written() + Duration::minutes(62);
    let alert = found(&session, rule, late).await.unwrap();
    assert_eq!((alert.severity, alert.category), (Severity::Critical, FailureCategory::UpstreamSource));
    assert!(alert.evidence[0].uri.ends_with("bronze/orders/dt=2024-10-04/part-0.parquet"), "{alert:?}");
    // New data, as new as the store says.
    lake.set("bronze/orders/dt=2024-10-04/part-1.parquet", "x");
    assert_eq!(found(&session, rule, written() + Duration::minutes(59)).await, None);
}

#[tokio::test]
async fn critical_more_than_half_of_the_runs_of_a_job_fail() {
    let lake = healthy();
    (0..5).for_each(|n| run(&lake, n, if n < 2 { "failed" } else { "success" }, 60 + n as i64, 5, ""));
    let alert =
        expected(AlertRule::JobFailureRate, Severity::Critical, FailureCategory::ResourceExhaustion, "_jobs/load/");
    // What the service says of it names no cause; its log does.
    lake.set("_jobs/load/r2/log.txt", "INFO begins\njava.lang.OutOfMemoryError: Java heap space\nINFO ends\n");
    let more = r#","detail":"Job failed, please check complete logs","log":"log.txt""#;
    let third = |state: &'static str| move |lake: &Memory| run(lake, 2, state, 50, 5, more);
    comes_and_goes(alert, lake, third("failed"), third("success")).await;
}

#[tokio::test]
async fn warning_a_run_takes_over_twice_its_average() {
    let lake = healthy();
    (1..=6).for_each(|n| run(&lake, n, "success", 600 * n as i64, 10, ""));
    let alert = expected(AlertRule::JobDuration, Severity::Warning, FailureCategory::ResourceExhaustion, "_jobs/load/");
    let newest = |minutes: i64| move |lake: &Memory| run(lake, 0, "success", 30, minutes, "");
    comes_and_goes(alert, lake, newest(21), newest(20)).await;
}

#[tokio::test]
async fn warning_the_schema_drifts() {
    let alert =
        expected(AlertRule::SchemaDrift, Severity::Warning, FailureCategory::SchemaEvolution, "_errors/orders/");
    let begins = |lake: &Memory| dead_letter(lake, 2, r#"{"id":1,"channel":"web"}"#);
    comes_and_goes(alert, healthy(), begins, without_entry).await;
}

#[tokio::test]
async fn info_a_job_completed_and_a_backfill_is_done() {
    for (rule, more) in [(AlertRule::JobCompleted, ""), (AlertRule::BackfillDone, r#","backfill":true"#)] {
        let alert = expected(rule, Severity::Info, FailureCategory::Unknown, "_jobs/load/");
        let ends = |lake: &Memory| run(lake, 0, "failed", 10, 5, "");
        comes_and_goes(alert, healthy(), |lake| run(lake, 0, "success", 10, 5, more), ends).await;
    }
}

#[tokio::test]
async fn info_quality_checks_pass() {
    let alert = expected(AlertRule::QualityPassing, Severity::Info, FailureCategory::Unknown, "_dq_results/");
    comes_and_goes(alert, healthy(), |lake| gate(lake, 10, 0, 0), |lake| gate(lake, 9, 1, 1)).await;
}
