//! What is large, slow or endless stays within bounds: pages, logs, continuations, second tries.

use chrono::Utc;
use lakeward::lake::ErrorClass::*;
use lakeward::model::dag::{DagId, DagRunId, TaskInstance, TaskState};
use lakeward::model::run::JobName;
use lakeward::sources::airflow::Login;
use lakeward::sources::dags::DagSource;

use super::airflow;
use super::answers::{always, json, version3};
use super::http_server::{Answer, HttpServer, Received};

fn run(n: u32, state: &str) -> String {
    format!(r#"{{"dag_id": "a", "dag_run_id": "{n}", "state": "{state}", "start_date": "2026-11-25T12:00:{n:02}Z"}}"#)
}

fn runs(total: u64, runs: &[String]) -> Answer {
    json(200, &format!(r#"{{"dag_runs": [{}], "total_entries": {total}}}"#, runs.join(",")))
}

fn load() -> TaskInstance {
    TaskInstance {
        dag: DagId("a".into()),
        run: DagRunId("1".into()),
        task: "load".to_owned(),
        map_index: Some(3),
        job: JobName("load".into()),
        state: TaskState::Failed,
        tries: 1,
        tries_allowed: 1,
        started: None,
        ended: None,
        next_try: None,
        retry_delay_seconds: None,
        timeout_seconds: None,
        operator: None,
        host: None,
    }
}

/// An Airflow 3 with these runs that go on, and those that began since.
fn telling(going: Answer, began: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> HttpServer {
    HttpServer::answering(move |request| match request.path.as_str() {
        path if path.ends_with("/version") => version3(),
        path if path.contains("state=running") => going.clone(),
        _ => began(request),
    })
}

#[tokio::test]
async fn pages_are_read_to_their_end_and_no_further() {
    let server = telling(runs(1, &[run(1, "running")]), |request| match request.path.contains("offset=0") {
        true => runs(3, &[run(9, "success"), run(8, "failed")]),
        false => runs(3, &[run(1, "success")]),
    });
    let client = airflow(&server.url(""), Login::None);
    let found = client.runs(Utc::now(), 10).await.unwrap();
    // The run that was over meanwhile is there once, and is over.
    let told: Vec<_> = found.iter().map(|r| (&*r.id.0, r.state)).collect();
    assert_eq!(told, [("9", TaskState::Success), ("8", TaskState::Failed), ("1", TaskState::Success)]);
    // Those that still run are asked for beside the others: either may come last.
    let asked: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    let second = asked.iter().find(|path| path.contains("offset=2")).unwrap_or_else(|| panic!("{asked:?}"));
    assert!(second.contains("limit=1&offset=2") || second.contains("limit=2&offset=2"), "{second}");
    assert!(second.contains("order_by=-start_date") && asked.len() == 4, "{asked:?}");

    // A total that is a lie.
    let lie = u64::MAX;
    let server = telling(runs(lie, &[]), move |request| match request.path.contains("offset=0") {
        true => runs(lie, &[run(1, "failed")]),
        false => runs(lie, &[]),
    });
    let client = airflow(&server.url(""), Login::None);
    assert_eq!(client.runs(Utc::now(), 10).await.unwrap().len(), 1);
    // More than asked for.
    let many: Vec<String> = (0..50).map(|n| run(n, "success")).collect();
    let server = telling(runs(1, &[run(55, "running")]), move |_| runs(50, &many));
    let found = airflow(&server.url(""), Login::None).runs(Utc::now(), 3).await.unwrap();
    assert_eq!(found.iter().map(|r| &*r.id.0).collect::<Vec<_>>(), ["55", "49", "48"]);
    // What still runs has its place, however old it is.
    let server = telling(runs(1, &[run(0, "running")]), |_| runs(2, &[run(9, "success"), run(8, "failed")]));
    let found = airflow(&server.url(""), Login::None).runs(Utc::now(), 2).await.unwrap();
    assert_eq!(found.iter().map(|r| &*r.id.0).collect::<Vec<_>>(), ["9", "0"]);
}

#[tokio::test]
async fn a_second_try_and_no_third() {
    let wait = |status| Answer::with(status, "Retry-After: 0");
    let server = always(wait(429));
    let error = airflow(&server.url(""), Login::None).runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!((error.class, server.requests().len()), (Throttled, 5), "{error}");
}

#[tokio::test]
async fn a_log_is_cut_and_says_so() {
    let line = r#"{"timestamp": "2026-11-25T12:00:00Z", "event": "0123456789012345678901234567890123456789"}"#;
    let whole = format!("{line}\n").repeat((17 << 20) / line.len());
    let server =
        HttpServer::start([version3(), Answer::Reply(200, "Content-Type: application/x-ndjson\r\n".to_owned(), whole)]);
    let log = airflow(&server.url(""), Login::None).log(&load(), 1).await.unwrap();
    assert_eq!((log.missing.as_deref(), log.at_end), (Some("what comes after the first 16 MiB"), false));
    assert_eq!(log.lines.len(), (16 << 20) / (line.len() + 1) + 1);
    let asked = server.requests()[1].clone();
    assert!(asked.path.ends_with("/taskInstances/load/logs/1?full_content=true&map_index=3"), "{}", asked.path);
    assert!(asked.headers.contains(&"accept: application/x-ndjson".to_owned()));
}

#[tokio::test]
async fn continuations_are_followed_while_they_bring_something() {
    let part = |event: &str, token: &str| {
        let lines = if event.is_empty() { String::new() } else { format!(r#"{{"event": "{event}"}}"#) };
        json(200, &format!(r#"{{"content": [{lines}], "continuation_token": "{token}"}}"#))
    };
    let server = HttpServer::start([version3(), part("one", "t/1"), part("two", "t2"), part("", "t3")]);
    let log = airflow(&server.url(""), Login::None).log(&load(), 2).await.unwrap();
    assert_eq!(log.lines.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((log.missing, log.at_end), (None, true));
    assert!(server.requests()[2].path.ends_with("&token=t%2F1"), "{:?}", server.requests());
    // One that never ends.
    let endless = (0..300).map(|n| part("again", &format!("t{n}")));
    let server = HttpServer::start([version3()].into_iter().chain(endless));
    let log = airflow(&server.url(""), Login::None).log(&load(), 2).await.unwrap();
    assert!(log.missing.is_some() && server.requests().len() < 250, "{:?}", log.missing);
}
