//! What is done to a real Airflow of either version: a preview changes nothing, and each act comes to what it says.

use std::time::Duration;

use lakeward::model::dag::{DagId, DagRun, DagRunId, TaskInstance, TaskState};
use lakeward::model::dag_act::{Clear, MarkedAs, TaskRef, Trigger};
use lakeward::sources::airflow::Airflow;
use lakeward::sources::dags::{DagControl, DagSource};
use serde_json::json;
use tokio::time::{Instant, interval};

/// A busy machine takes its time.
const LONGEST: Duration = Duration::from_secs(120);

/// Asks until it is so.
async fn until<T: std::fmt::Debug>(what: &str, ask: impl AsyncFn() -> T, is_so: impl Fn(&T) -> bool) -> T {
    let (mut tick, end) = (interval(Duration::from_secs(1)), Instant::now() + LONGEST);
    loop {
        tick.tick().await;
        let seen = ask().await;
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: {seen:#?}");
    }
}

/// The acts, on a run that failed and on one that waits for its next try.
pub async fn comes_to_what_it_says(airflow: &Airflow, bad: &DagRun, waits: &DagRun) {
    is_paused_and_goes_on(airflow).await;
    is_triggered_once(airflow).await;
    is_cleared_as_listed(airflow, bad).await;
    is_marked(airflow, waits).await;
}

async fn is_paused_and_goes_on(airflow: &Airflow) {
    let dag = DagId("lake_good".into());
    for paused in [true, false] {
        airflow.pause(&dag, paused).await.unwrap();
        let of = |all: &Vec<(DagId, bool)>| all.iter().any(|(id, is)| *id == dag && *is == paused);
        let read = async || {
            let dags = airflow.dags().await.unwrap_or_default();
            dags.into_iter().map(|known| (known.id, known.paused)).collect::<Vec<_>>()
        };
        until("paused, or not", read, of).await;
    }
    let missing = airflow.pause(&DagId("no_such_dag".into()), true).await.unwrap_err();
    assert!(matches!(missing, lakeward::sources::Undone::Refused(_)), "{missing:?}");
}

async fn is_triggered_once(airflow: &Airflow) {
    let conf = json!({ "date": "2026-11-25" }).as_object().cloned().unwrap();
    let (dag, run) = (DagId("lake_good".into()), DagRunId("lakeward__trigger-1".into()));
    let trigger = Trigger { dag: dag.clone(), run: run.clone(), conf, logical: None };
    // Twice, as after a reply that was lost: the run's own id makes them one.
    airflow.trigger(&trigger).await.unwrap();
    airflow.trigger(&trigger).await.unwrap();
    let since = chrono::Utc::now() - chrono::TimeDelta::minutes(10);
    let read = async || airflow.runs(since, 100).await.unwrap_or_default();
    let is_over = |all: &Vec<DagRun>| all.iter().any(|r| r.id == run && r.state == TaskState::Success);
    let all = until("the run that was triggered", read, is_over).await;
    assert_eq!(all.iter().filter(|r| r.dag == dag && r.id == run).count(), 1);
}

async fn is_cleared_as_listed(airflow: &Airflow, bad: &DagRun) {
    let clear =
        Clear { dag: bad.dag.clone(), run: bad.id.clone(), tasks: Vec::new(), only_failed: true, downstream: false };
    let read = async || airflow.tasks(&bad.dag, &bad.id).await.unwrap_or_default();
    let load = |tasks: &Vec<TaskInstance>| tasks.iter().find(|t| t.task == "load").map(|t| (t.state, t.tries));
    let before = load(&read().await);
    assert_eq!(before, Some((TaskState::Failed, 2)));
    let listed = airflow.would_clear(&clear).await.unwrap();
    assert!(listed.contains(&TaskRef { task: "load".into(), map_index: None }), "{listed:?}");
    assert_eq!(load(&read().await), before, "a preview changes nothing");
    airflow.clear(&clear).await.unwrap();
    until("it runs again", read, |tasks| load(tasks).is_some_and(|now| Some(now) != before)).await;
}

async fn is_marked(airflow: &Airflow, waits: &DagRun) {
    let (dag, run) = (&waits.dag, &waits.id);
    let task = TaskRef { task: "load".into(), map_index: None };
    airflow.mark_task(dag, run, &task, MarkedAs::Success).await.unwrap();
    let read = async || airflow.tasks(dag, run).await.unwrap_or_default();
    let is_done = |tasks: &Vec<TaskInstance>| tasks.iter().any(|t| t.task == "load" && t.state == TaskState::Success);
    until("the task that was marked", read, is_done).await;
    airflow.mark_run(dag, run, MarkedAs::Failed).await.unwrap();
    let since = chrono::Utc::now() - chrono::TimeDelta::minutes(30);
    let read = async || airflow.runs(since, 100).await.unwrap_or_default();
    let is_failed =
        |all: &Vec<DagRun>| all.iter().any(|r| r.id == *run && r.dag == *dag && r.state == TaskState::Failed);
    until("the run that was marked", read, is_failed).await;
}
