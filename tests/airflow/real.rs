//! The same story told by Airflow 2.11 and by Airflow 3.3: from a failed run to the task that failed, to the lines of
//! the right try; and what is said when the password is wrong or nobody is there.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use lakeward::lake::ErrorClass;
use lakeward::model::dag::{DagId, DagRun, DagRunId, TaskInstance, TaskState};
use lakeward::sources::SourceError;
use lakeward::sources::airflow::{Airflow, Api, Login};
use lakeward::sources::dags::DagSource;
use lakeward::sources::logs::LogPage;
use lakeward::sources::notify::Secret;
use tokio::time::{Instant, interval};

use super::airflow;
use super::control;
use super::managed;
use super::redrive;
use super::server::Server;
use super::whole_loop;

/// A busy machine starts a task in ten seconds and more; there are four, one after another.
const LONGEST: Duration = Duration::from_secs(240);

#[tokio::test]
async fn airflow_2_tells_its_story() {
    story(Api::V1, "2.11.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn airflow_3_tells_its_story() {
    story(Api::V2, "3.3.2").await;
}

async fn story(api: Api, version: &str) {
    let began = Utc::now() - TimeDelta::minutes(1);
    let server = Server::start(api);
    let airflow = airflow(server.url(), server.login("lakeward-test"));
    let seen = airflow.check().await.unwrap();
    assert_eq!(seen, format!("Airflow {version} at {}", server.url()));

    // The words of each: 2.x has the schedule as it was written.
    dags(&airflow, if api == Api::V1 { "@daily" } else { "0 0 * * *" }).await;
    for dag in ["lake_bad", "lake_waits", "lake_good"] {
        server.trigger(dag).await;
    }
    let waits = run_of(&airflow, began, "lake_waits", |run| run.state == TaskState::Running).await;
    let bad = run_of(&airflow, began, "lake_bad", |run| run.state.is_over()).await;
    assert_eq!((bad.state, bad.kind.as_str()), (TaskState::Failed, "manual"));
    assert!(bad.uri.starts_with(&format!("{}/dags/lake_bad/", server.url())), "{}", bad.uri);
    assert!(bad.started.is_some_and(|t| t > began) && bad.ended.is_some_and(|t| Some(t) >= bad.started), "{bad:?}");
    failed_task(&airflow, api, &bad).await;
    managed::tells_the_same(&server, &airflow, began, &bad).await;
    waiting_task(&airflow, &waits).await;
    if api == Api::V2 {
        tokio::task::block_in_place(|| whole_loop::is_followed(&server, &bad));
    }
    let good = run_of(&airflow, began, "lake_good", |run| run.state.is_over()).await;
    assert_eq!(good.state, TaskState::Success);
    // Of a time after all of them, only the one that still runs is told.
    let later = airflow.runs(Utc::now() + TimeDelta::minutes(1), 10).await.unwrap();
    assert_eq!(later.iter().map(|run| &*run.dag.0).collect::<Vec<_>>(), ["lake_waits"]);
    assert_eq!(airflow.runs(began, 1).await.unwrap().len(), 1);

    control::comes_to_what_it_says(&airflow, &bad, &waits).await;
    redrive::is_done_once(&server, &airflow, began).await;
    refused(&server, api).await;
    unknown(&airflow, api).await;
    drop(server);
    let error = airflow.runs(began, 10).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
    assert!(error.hint.contains("airflow.url"), "{}", error.hint);
}

/// The DAGs are there once the files were read: the paused one, and the file that cannot be imported.
async fn dags(airflow: &Airflow, schedule: &str) {
    let mut tick = interval(Duration::from_secs(1));
    let until = Instant::now() + LONGEST;
    loop {
        tick.tick().await;
        let found = in_time(airflow.dags().await);
        let dag = |name: &str| found.iter().find(|dag| dag.id.0.ends_with(name));
        if let (Some(paused), Some(bad), Some(broken)) = (dag("lake_paused"), dag("lake_bad"), dag("broken_dag.py")) {
            assert!(paused.paused && !paused.broken && paused.next.is_some(), "{paused:?}");
            assert_eq!(paused.schedule.as_deref(), Some(schedule));
            assert!(!bad.paused && !bad.broken, "{bad:?}");
            assert!(broken.broken, "{broken:?}");
            assert_eq!(found.len(), 6, "{found:#?}");
            return;
        }
        assert!(Instant::now() < until, "{found:#?}");
    }
}

/// The newest run of a DAG, once it is as wanted.
async fn run_of(
    airflow: &Airflow,
    since: chrono::DateTime<Utc>,
    dag: &str,
    wanted: impl Fn(&DagRun) -> bool,
) -> DagRun {
    let mut tick = interval(Duration::from_secs(1));
    let until = Instant::now() + LONGEST;
    loop {
        tick.tick().await;
        let runs = in_time(airflow.runs(since, 100).await);
        match runs.iter().find(|run| &*run.dag.0 == dag) {
            Some(run) if wanted(run) => return run.clone(),
            _ => assert!(Instant::now() < until, "{dag}: {runs:#?}"),
        }
    }
}

/// A list, or none if Airflow took too long for it: the API server of 3.3 has been seen to say nothing for 30 seconds
/// while tasks start on a machine that is busy otherwise. Any other error is one.
fn in_time<T>(answer: Result<Vec<T>, SourceError>) -> Vec<T> {
    match answer {
        Err(e) if e.class == ErrorClass::Unreachable && e.detail == "no answer in time" => {
            eprintln!("{e}");
            Vec::new()
        }
        other => other.unwrap(),
    }
}

async fn failed_task(airflow: &Airflow, api: Api, run: &DagRun) {
    let tasks = airflow.tasks(&run.dag, &run.id).await.unwrap();
    assert_eq!(tasks.len(), 2, "{tasks:#?}");
    let task = |name: &str| tasks.iter().find(|task| task.task == name).unwrap();
    assert_eq!(task("publish").state, TaskState::UpstreamFailed);
    let load = task("load");
    assert_eq!((load.state, load.tries, load.tries_allowed), (TaskState::Failed, 2, 2), "{load:?}");
    assert_eq!((&*load.job.0, load.map_index, load.next_try), ("LOAD", None, None));
    for number in [1, 2] {
        let log = airflow.log(load, number).await.unwrap();
        assert_eq!((log.missing.as_deref(), log.at_end), (None, true), "{log:#?}");
        let line = format!("ValueError: column amount: 17 nulls in try {number}");
        assert!(log.lines.iter().any(|l| l.text == line), "{line}: {}", text(&log));
        let other = format!("17 nulls in try {}", 3 - number);
        assert!(!text(&log).contains(&other), "{other}: {}", text(&log));
        let error = log.lines.iter().find(|l| l.text.contains("ERROR - Task failed with exception")).unwrap();
        let (from, until) = (run.started.unwrap(), run.ended.unwrap() + TimeDelta::seconds(1));
        assert!(error.at.is_some_and(|at| at > from && at < until), "{error:?} {run:?}");
    }
    // 3.x says that there is no such try; 2.x says 200, and in the text that it has nothing.
    match (api, airflow.log(load, 9).await) {
        (Api::V2, Err(error)) => assert_eq!(error.class, ErrorClass::NotFound, "{error}"),
        (Api::V1, Ok(log)) => assert!(log.missing.is_some(), "{log:#?}"),
        (_, other) => panic!("{other:?}"),
    }
}

async fn waiting_task(airflow: &Airflow, run: &DagRun) {
    let mut tick = interval(Duration::from_secs(1));
    let until = Instant::now() + LONGEST;
    let load: TaskInstance = loop {
        tick.tick().await;
        let tasks = in_time(airflow.tasks(&run.dag, &run.id).await);
        match tasks.into_iter().find(|task| task.state == TaskState::UpForRetry) {
            Some(task) => break task,
            None => assert!(Instant::now() < until, "it is not up for retry"),
        }
    };
    assert_eq!((load.tries, load.tries_allowed), (1, 4), "{load:?}");
    assert_eq!(load.next_try, load.ended.map(|ended| ended + TimeDelta::hours(1)));
    assert_eq!(load.retry_delay_seconds, Some(3_600));
}

async fn refused(server: &Server, api: Api) {
    let token = Login::Token(Secret::new("no-token-at-all"));
    for (login, class, setting) in [
        (server.login("wrong-password"), ErrorClass::Denied, "airflow.user"),
        (Login::None, ErrorClass::Denied, "airflow.user"),
        // 2.x knows no tokens, and takes one for a name that may read nothing.
        (token, if api == Api::V1 { ErrorClass::Denied } else { ErrorClass::Expired }, "airflow."),
    ] {
        let error = airflow(server.url(), login.clone()).runs(Utc::now(), 10).await.unwrap_err();
        assert_eq!(error.class, class, "{login:?}: {error}");
        assert!(error.hint.contains(setting), "{login:?}: {}", error.hint);
        assert!(error.object.starts_with(server.url()), "{error}");
    }
    // A path that is not Airflow's: 2.x has no page there, 3.x shows its own.
    let error = airflow(&format!("{}/elsewhere", server.url()), Login::None).check().await.unwrap_err();
    assert!(matches!(error.class, ErrorClass::NotFound | ErrorClass::Malformed), "{error}");
    assert!(error.hint.contains("airflow.url"), "{}", error.hint);
}

async fn unknown(airflow: &Airflow, api: Api) {
    let found = airflow.tasks(&DagId("no/such dag".into()), &DagRunId("none".into())).await;
    match (api, found) {
        (_, Err(error)) => assert_eq!(error.class, ErrorClass::NotFound, "{error}"),
        (Api::V1, Ok(tasks)) => assert!(tasks.is_empty(), "{tasks:?}"),
        (Api::V2, Ok(tasks)) => panic!("{tasks:?}"),
    }
}

fn text(log: &LogPage) -> String {
    log.lines.iter().map(|line| format!("{}\n", line.text)).collect()
}
