//! Each of the five checks passes, fails, errs and has no evidence; and one that is not green keeps the incident open.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::path::Prefixes;
use lakeward::lake::{ErrorClass, Lake};
use lakeward::model::alert::Evidence;
use lakeward::model::alias::Aliases;
use lakeward::model::category::default_rules;
use lakeward::model::consumer::{Asks, Consumer};
use lakeward::model::dataset::{Dataset, DatasetSettings};
use lakeward::model::incident::{Happening, Incident, IncidentEvent, IncidentId};
use lakeward::model::probe::{Finding, Verdict};
use lakeward::model::protection::Protection;
use lakeward::model::verify::Check;
use lakeward::ops::gate::{Gate, Journal};
use lakeward::ops::{Connected, GateError, IncidentAsk, LakeSettings, Session, Watch, WriteEffect};
use lakeward::sources::local::dags::LocalDags;
use lakeward::sources::local::jobs::LocalJobs;
use lakeward::sources::local::logs::LocalLogs;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::moves::site::{Site, actor};
use crate::support::memory::{Memory, Verb};

const DATE: &str = "2024-10-04";

/// When the objects are written, give or take some seconds.
fn written() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000)
}

fn event(place: usize, at: DateTime<Utc>, what: Happening) -> IncidentEvent {
    IncidentEvent { schema: 1, id: format!("{place:04}"), at, actor: "ana@bastion".into(), what }
}

fn opened(since: DateTime<Utc>) -> Happening {
    let about = json!({
        "event": "opened", "title": "150 rejected rows", "alerts": ["dlq_rows:orders:2024-10-04"],
        "severity": "warning", "category": "data_quality", "dataset": "orders", "date": DATE, "job": "load",
        "variables": {}, "since": since,
    });
    serde_json::from_value(about).unwrap()
}

/// An incident of which nothing is mended; what is newer than `since` says something of it.
fn incident(since: DateTime<Utc>) -> Incident {
    let id = IncidentId("20241004-orders-0badcafe".into());
    Incident::of(&id, [event(0, since + Duration::minutes(1), opened(since))]).unwrap()
}

fn parquet(rows: usize) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn gate(result: &Value) -> String {
    let mut result = result.clone();
    result["suite_name"] = "orders".into();
    result["execution_date"] = DATE.into();
    result.to_string()
}

/// A lake on which every check passes.
fn right() -> Memory {
    let lake = Memory::default();
    let good = json!({ "expectations": [{ "expectation_type": "not_null", "passed": true }], "passed": true });
    lake.set("_dq_results/dt=2024-10-04/orders.json", gate(&good));
    lake.set("silver/orders/dt=2024-10-04/part-0.parquet", parquet(97));
    lake.set("_errors/orders/dt=2024-10-04/rejected_rows.json", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    lake.set("_errors/orders/dt=2024-10-04/_SUCCESS", "");
    audit(&lake, json!({ "rows_in": 100, "rows_out": 97, "status": "SUCCESS" }));
    run(&lake, "before", -120, "ERROR could not rename part 17\nINFO read 100 rows\n");
    run(&lake, "after", 1, "ERROR could not rename part 18\nINFO read 100 rows\n");
    lake
}

fn audit(lake: &Memory, more: Value) {
    let mut record = json!({ "job_name": "load", "run_id": "r1", "env": "prod" });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    lake.set("_audit/prod/load/2024-10-04/r1.json", record.to_string());
}

/// A run that began so many minutes after the objects were written.
fn run(lake: &Memory, id: &str, minutes: i64, log: &str) {
    let at = written() + Duration::minutes(minutes);
    let record = json!({ "schema": 1, "id": id, "job": "load", "state": "success", "created": at, "started": at,
                         "ended": at + Duration::minutes(1), "date": DATE, "log": "log.txt" });
    lake.set(&format!("_jobs/load/{id}/run.json"), record.to_string());
    lake.set(&format!("_jobs/load/{id}/log.txt"), log.to_owned());
}

fn session(lake: &Memory) -> Session {
    let dataset = DatasetSettings { data_prefix: Some("silver/orders/".into()), ..DatasetSettings::of("orders") };
    let consumer = Consumer {
        name: "dashboard".into(),
        datasets: vec![Dataset("orders".into())],
        asks: Asks::Rows { prefix: None, filter: Some("id >= 0".into()) },
        least: 50,
        counts: false,
    };
    let settings = LakeSettings {
        datasets: vec![dataset],
        quality: vec!["_dq_results/".into()],
        audits: vec!["_audit/".into()],
        consumers: vec![consumer],
        categories: default_rules(),
        ..LakeSettings::default()
    };
    let reads: Arc<dyn Lake> = Arc::new(lake.clone());
    let jobs = LocalJobs::new(Arc::clone(&reads), Aliases::default());
    let logs = LocalLogs::new(Arc::clone(&reads));
    let connected = Connected {
        jobs: vec![Arc::new(jobs)],
        logs: vec![Arc::new(logs)],
        dags: Some(Arc::new(LocalDags::new(Arc::clone(&reads)))),
        ..Connected::default()
    };
    Session::new(reads, settings).with_sources(connected)
}

async fn made(lake: &Memory, check: Check, since: DateTime<Utc>) -> Finding {
    let now = written() + Duration::minutes(10);
    let made = session(lake).checked(&incident(since), &[check], now).await;
    match made.into_iter().next() {
        Some(Happening::Checked { finding, .. }) => finding,
        other => panic!("{other:?}"),
    }
}

/// What a check finds on a lake on which one thing is otherwise.
async fn found(check: Check, otherwise: impl FnOnce(&Memory)) -> (Verdict, String) {
    let lake = right();
    otherwise(&lake);
    let finding = made(&lake, check, written() - Duration::hours(1)).await;
    assert_eq!(finding.probe, check.probe());
    assert!(finding.verdict != Verdict::Pass || !finding.evidence.is_empty(), "green rests on something: {finding:?}");
    (finding.verdict, finding.summary)
}

/// The same on the lake as it is, of an incident that began after everything was written.
async fn found_late(check: Check) -> (Verdict, String) {
    let finding = made(&right(), check, written() + Duration::minutes(5)).await;
    (finding.verdict, finding.summary)
}

fn is(found: &(Verdict, String), verdict: Verdict, says: &str) {
    assert!(found.0 == verdict && found.1.contains(says), "{verdict:?} {says:?}: {found:?}");
}

#[tokio::test]
async fn data_quality() {
    let check = Check::DataQuality;
    let with =
        |result: Value| move |lake: &Memory| drop(lake.set("_dq_results/dt=2024-10-04/orders.json", gate(&result)));
    is(&found(check, |_| {}).await, Verdict::Pass, "1 of 1 checks hold");
    let bad = json!({ "expectations": [{ "expectation_type": "not_null", "passed": false }], "passed": false });
    is(&found(check, with(bad)).await, Verdict::Fail, "1 of 1 checks do not hold");
    is(&found(check, |lake| lake.deny(Verb::List, "_dq_results/")).await, Verdict::Error, "_dq_results");
    is(&found_late(check).await, Verdict::NoEvidence, "evaluated before the recovery");
    // The three ways in which the gate fails open, and one that is of another day.
    for open in [
        json!({ "passed": true, "skipped": true }),
        json!({ "passed": true, "skipped": true, "error": "No module named great_expectations" }),
        json!({ "expectations": [], "passed": true }),
        json!({ "expectations": [{ "expectation_type": "not_null", "passed": true }], "passed": true, "skipped": true }),
    ] {
        is(&found(check, with(open)).await, Verdict::NoEvidence, "evaluated nothing");
    }
    // Results of others that are newer, more than are taken, hide none of the date that is asked for.
    let many = |lake: &Memory| {
        for n in 0..250 {
            let other = json!({ "suite_name": "returns", "passed": true, "execution_date": "2024-10-05",
                                "expectations": [{ "expectation_type": "not_null", "passed": true }] });
            lake.set(&format!("_dq_results/dt=2024-10-05/returns-{n:03}.json"), other.to_string());
        }
    };
    is(&found(check, many).await, Verdict::Pass, "1 of 1 checks hold");
    let other_day = |lake: &Memory| {
        lake.remove("_dq_results/dt=2024-10-04/orders.json");
        let good = json!({ "suite_name": "orders", "passed": true, "execution_date": "2024-10-03",
                           "expectations": [{ "expectation_type": "not_null", "passed": true }] });
        lake.set("_dq_results/dt=2024-10-03/orders.json", good.to_string());
    };
    is(&found(check, other_day).await, Verdict::NoEvidence, "no gate has a result for orders on 2024-10-04");
}

#[tokio::test]
async fn record_counts() {
    let check = Check::RecordCounts;
    is(&found(check, |_| {}).await, Verdict::Pass, "in 100 = out 97 + dlq 3 + quarantine 0");
    let torn = |lake: &Memory| drop(lake.set("silver/orders/dt=2024-10-04/part-1.parquet", "PAR1torn"));
    is(&found(check, torn).await, Verdict::Error, "cannot be counted");
    let less = |lake: &Memory| drop(lake.set("silver/orders/dt=2024-10-04/part-0.parquet", parquet(90)));
    is(
        &found(check, less).await,
        Verdict::Fail,
        "in 100, and out 90 + dlq 3 + quarantine 0 on 2024-10-04: 7 rows are missing",
    );
    let twice = |lake: &Memory| drop(lake.set("silver/orders/dt=2024-10-04/part-1.parquet", parquet(97)));
    is(&found(check, twice).await, Verdict::Fail, "97 rows too many");
    is(
        &found(check, |lake| lake.remove("_audit/prod/load/2024-10-04/r1.json")).await,
        Verdict::NoEvidence,
        "left a record",
    );
    let failed =
        |lake: &Memory| audit(lake, json!({ "rows_in": 100, "status": "FAILED", "error_message": "no space" }));
    is(&found(check, failed).await, Verdict::NoEvidence, "no space");
    is(&found_late(check).await, Verdict::NoEvidence, "from before the recovery");
    // Of a table its log says which files count, and nobody here says it for the log.
    let table = |lake: &Memory| drop(lake.set("silver/orders/_delta_log/00000000000000000000.json", "{}"));
    is(&found(check, table).await, Verdict::NoEvidence, "counts = true");
}

#[tokio::test]
async fn freshness() {
    let check = Check::Freshness;
    is(&found(check, |_| {}).await, Verdict::Pass, "the limit is 60 min");
    is(&found(check, |lake| lake.deny(Verb::List, "silver/orders/")).await, Verdict::Error, "silver/orders");
    is(&found(check, |lake| lake.remove("silver/orders/dt=2024-10-04/part-0.parquet")).await, Verdict::Fail, "no");
    // A rerun that only wrote old data again makes nothing new.
    let rewritten = |lake: &Memory| {
        lake.remove("silver/orders/dt=2024-10-04/part-0.parquet");
        lake.set("silver/orders/dt=2024-10-01/part-0.parquet", parquet(5));
    };
    let finding = found(check, rewritten).await;
    assert_ne!(finding.0, Verdict::Pass, "{finding:?}");
    let unknown = Session::new(Arc::new(right()), LakeSettings::default());
    let made = unknown.checked(&incident(written()), &[check], written()).await;
    assert!(matches!(&made[..], [Happening::Checked { finding, .. }, ..] if finding.verdict == Verdict::NoEvidence));
}

#[tokio::test]
async fn logs() {
    let check = Check::Logs;
    is(
        &found(check, |_| {}).await,
        Verdict::Pass,
        "no new error signature in 2 lines of 1 run since the recovery, against 1",
    );
    let new = |lake: &Memory| run(lake, "after", 1, "ERROR executor 7 lost: OutOfMemoryError\nINFO done\n");
    is(&found(check, new).await, Verdict::Fail, "1 new error signatures");
    let broken = |lake: &Memory| lake.deny(Verb::Get, "_jobs/load/after/log.txt");
    is(&found(check, broken).await, Verdict::Error, "log.txt");
    is(&found_late(check).await, Verdict::NoEvidence, "no run since the recovery");
    is(&found(check, |lake| run(lake, "after", 1, "")).await, Verdict::NoEvidence, "");
}

/// What runs in the tasks of a DAG has no other run: their logs are looked at.
#[tokio::test]
async fn logs_of_tasks() {
    let check = Check::Logs;
    let dag = |lake: &Memory, id: &str, minutes: i64, state: &str, log: &str| {
        let at = written() + Duration::minutes(minutes);
        let record = json!({ "dag": "load", "run": id, "state": state, "started": at,
                             "ended": at + Duration::minutes(1),
                             "tasks": [{ "task": "copy", "state": state, "tries": 2, "tries_allowed": 3 },
                                       { "task": "publish", "state": "none", "tries": 0, "tries_allowed": 3 }] });
        lake.set(&format!("_dags/load/{id}/run.json"), record.to_string());
        lake.set(&format!("_dags/load/{id}/copy.2.log"), log.to_owned());
    };
    let with = |state: &'static str, after: &'static str| {
        move |lake: &Memory| {
            for run in ["before", "after"] {
                lake.remove(&format!("_jobs/load/{run}/run.json"));
            }
            lake.set("_dags/load/dag.json", r#"{"dag":"load"}"#);
            dag(lake, "before", -120, "success", "ERROR could not rename part 17\nINFO read 100 rows\n");
            dag(lake, "after", 1, state, after);
        }
    };
    is(&found(check, with("success", "ERROR could not rename part 18\nINFO done\n")).await, Verdict::Pass, "1 run");
    let new = "ERROR executor 7 lost: OutOfMemoryError\n";
    is(&found(check, with("success", new)).await, Verdict::Fail, "1 new error signatures");
    is(&found(check, with("failed", "INFO read 100 rows\n")).await, Verdict::Fail, "since the recovery failed");
    let gone = |lake: &Memory| {
        with("success", "")(lake);
        lake.remove("_dags/load/after/copy.2.log");
    };
    assert_ne!(found(check, gone).await.0, Verdict::Pass);
}

#[tokio::test]
async fn consumers() {
    let check = Check::Consumers;
    is(&found(check, |_| {}).await, Verdict::Pass, "1 of 1 can query");
    let few = |lake: &Memory| drop(lake.set("silver/orders/dt=2024-10-04/part-0.parquet", parquet(49)));
    is(&found(check, few).await, Verdict::Fail, "1 of 1 cannot query");
    let torn = |lake: &Memory| drop(lake.set("silver/orders/dt=2024-10-04/part-1.parquet", "PAR1torn"));
    is(&found(check, torn).await, Verdict::Fail, "1 of 1 cannot query");
    is(&found(check, |lake| lake.deny(Verb::Get, "silver/orders/")).await, Verdict::Error, "dashboard");
    let nobody = Session::new(Arc::new(right()), LakeSettings::default());
    let made = nobody.checked(&incident(written()), &[check], written()).await;
    assert!(matches!(&made[..], [Happening::Checked { finding, .. }, ..] if finding.verdict == Verdict::NoEvidence));
}

/// An incident of one day, in which two were run again.
fn of_two_days(since: DateTime<Utc>) -> Incident {
    let ran = json!({ "event": "did", "act": "backfill", "object": "orders", "dataset": "orders", "done": true,
                      "days": ["2024-10-04", "2024-10-05"], "plan": "", "detail": "", "began": since, "objects": 0,
                      "bytes": 0 });
    let ran = event(1, since + Duration::minutes(2), serde_json::from_value(ran).unwrap());
    let id = IncidentId("20241004-orders-0badcafe".into());
    Incident::of(&id, [event(0, since + Duration::minutes(1), opened(since)), ran]).unwrap()
}

/// What is green on one of its days alone is not green.
#[tokio::test]
async fn every_day_that_was_run_again_is_looked_at() {
    let incident = of_two_days(written() - Duration::hours(1));
    assert_eq!(incident.dates().len(), 2);
    let dated = [Check::DataQuality, Check::RecordCounts, Check::Consumers];
    let now = written() + Duration::minutes(10);
    let lake = right();
    for what in session(&lake).checked(&incident, &dated, now).await {
        let Happening::Checked { check, finding } = what else { continue };
        assert!(finding.verdict != Verdict::Pass, "{check:?}: {finding:?}");
        assert!(finding.summary.contains("not on 1 of 2 dates: 2024-10-05"), "{check:?}: {finding:?}");
    }
    // The other day is right as well.
    let good = json!({ "suite_name": "orders", "passed": true, "execution_date": "2024-10-05",
                       "expectations": [{ "expectation_type": "not_null", "passed": true }] });
    lake.set("_dq_results/dt=2024-10-05/orders.json", good.to_string());
    lake.set("silver/orders/dt=2024-10-05/part-0.parquet", parquet(97));
    let record = json!({ "job_name": "load", "run_id": "r2", "env": "prod", "rows_in": 97, "rows_out": 97,
                         "status": "SUCCESS" });
    lake.set("_audit/prod/load/2024-10-05/r2.json", record.to_string());
    for what in session(&lake).checked(&incident, &dated, now).await {
        let Happening::Checked { check, finding } = what else { continue };
        assert!(finding.verdict == Verdict::Pass, "{check:?}: {finding:?}");
        assert!(finding.summary.starts_with("on each of 2 dates, 2024-10-04 to 2024-10-05"), "{check:?}: {finding:?}");
    }
}

/// What is done to the data of one day later says nothing of the others.
#[tokio::test]
async fn a_later_redrive_of_one_day_asks_for_that_day_anew() {
    let since = written() - Duration::hours(1);
    let redriven = json!({ "event": "did", "act": "redrive", "object": "_errors/orders/dt=2024-10-04/", "done": true,
                           "dataset": "orders", "date": "2024-10-04", "plan": "", "detail": "",
                           "began": written() + Duration::minutes(3), "objects": 0, "bytes": 0 });
    let mut events = of_two_days(since).events;
    events.push(event(2, written() + Duration::minutes(4), serde_json::from_value(redriven).unwrap()));
    let incident = Incident::of(&IncidentId("20241004-orders-0badcafe".into()), events).unwrap();
    let lake = right();
    let good = json!({ "suite_name": "orders", "passed": true, "execution_date": "2024-10-05",
                       "expectations": [{ "expectation_type": "not_null", "passed": true }] });
    lake.set("_dq_results/dt=2024-10-05/orders.json", good.to_string());
    let made = session(&lake).checked(&incident, &[Check::DataQuality], written() + Duration::minutes(10)).await;
    let Some(Happening::Checked { finding, .. }) = made.into_iter().next() else { panic!("one check") };
    is(&(finding.verdict, finding.summary.clone()), Verdict::NoEvidence, "not on 1 of 2 dates: 2024-10-04");
    assert!(finding.summary.contains("before the recovery"), "{finding:?}");
}

/// Rows of one date against those of all dates prove nothing.
#[tokio::test]
async fn without_a_date_rows_are_no_evidence() {
    let since = written() - Duration::hours(1);
    let mut undated = incident(since);
    undated.about.date = None;
    let lake = right();
    let made = session(&lake).checked(&undated, &[Check::RecordCounts], written() + Duration::minutes(10)).await;
    let Some(Happening::Checked { finding, .. }) = made.into_iter().next() else { panic!("one check") };
    is(&(finding.verdict, finding.summary), Verdict::NoEvidence, "this incident of no date");
}

#[tokio::test]
async fn one_check_that_is_not_green_keeps_the_incident_open() {
    let finding = |check: Check, verdict| {
        let evidence = Evidence { uri: "x".into(), observed_at: written(), detail: "seen".into() };
        let summary = "as it is".to_owned();
        Finding { probe: check.probe(), verdict, summary, evidence: vec![evidence], at: written() }
    };
    let over = || vec![Happening::Resolved { note: None, follow_ups: Vec::new() }];
    let id = IncidentId("20241004-orders-0badcafe".into());
    for check in Check::ALL {
        for verdict in [Verdict::Fail, Verdict::Error, Verdict::NoEvidence] {
            let site = Site::empty();
            let journal = Journal::at(site.machine.path().to_owned());
            let gate = Gate::new(site.lake(), Prefixes::default(), Protection::Open, journal);
            // Time goes on between two acts.
            let past = AtomicI64::new(60_000);
            let clock = move || written() + Duration::milliseconds(past.fetch_add(1, Ordering::Relaxed));
            let gate = gate.acting(actor("ana"), clock);
            let perform = async |what: Vec<Happening>| {
                let ask = IncidentAsk { id: id.clone(), what, after: None };
                gate.perform(WriteEffect::Incident(ask), None, &Watch::default()).await
            };
            let mut what = vec![opened(written())];
            for one in Check::ALL {
                what.push(Happening::Checked { check: one, finding: finding(one, Verdict::Pass) });
                what.push(Happening::Signed { check: one, note: None });
            }
            perform(what).await.unwrap();
            perform(vec![Happening::Checked { check, finding: finding(check, verdict) }]).await.unwrap();
            let refused = perform(over()).await.unwrap_err();
            assert!(matches!(&refused, GateError::Blocked { why, .. } if why.contains(check.word())), "{refused}");
            perform(vec![Happening::Waived { check, reason: "maintenance".into() }]).await.unwrap();
            perform(over()).await.unwrap();
        }
    }
    // Nobody resolves what nobody opened.
    let site = Site::empty();
    let ask = IncidentAsk { id, what: over(), after: None };
    let refused = site.gate("ana").perform(WriteEffect::Incident(ask), None, &Watch::default()).await.unwrap_err();
    assert!(matches!(&refused, GateError::Lake(e) if e.class == ErrorClass::NotFound), "{refused}");
}
