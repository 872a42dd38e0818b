//! Acts on jobs and DAGs through the gate: what is on the disk before the call, what a lost reply comes to, and what is
//! never done twice.

use chrono::Duration;
use lakeward::model::act::{ActId, ClientToken};
use lakeward::model::dag::{DagId, DagRunId};
use lakeward::model::dag_act::{Clear, DagAct, TaskRef};
use lakeward::model::order::JobOrder;
use lakeward::model::protection::{Confirmation, Protection};
use lakeward::model::run::{JobName, JobRunId};
use lakeward::ops::{DagAsk, Gate, GateError, Outcome, SubmitAsk, Watch, WriteEffect};

use super::site::{Site, actor, at};

fn submit(act: &str) -> WriteEffect {
    let id = ActId(act.to_owned());
    let token = ClientToken::of(&id, 1);
    let mut order = JobOrder::of("00a", "role", "s3://b/main.py");
    order.arguments = vec!["--password".into(), "hunter2".into()];
    let (job, of) = (JobName("load".into()), Some(JobRunId("r-0".into())));
    let why = "spark.executor.memory 4g -> 8g".to_owned();
    WriteEffect::Submit(Box::new(SubmitAsk { id, token, job, order, of, why, refused: Vec::new() }))
}

async fn done(gate: &Gate, effect: WriteEffect) -> Result<Outcome, GateError> {
    gate.perform(effect, Some(Confirmation::Yes), &Watch::default()).await
}

/// All that lies in the folder of acts, as text.
fn journal(site: &Site) -> Vec<String> {
    let folder = std::fs::read_dir(site.machine.path().join("acts"));
    let files = folder.into_iter().flatten().map(|e| std::fs::read_to_string(e.unwrap().path()).unwrap());
    files.collect()
}

#[tokio::test(start_paused = true)]
async fn a_submission_is_recorded_before_and_after_and_leaves_no_secret() {
    let site = Site::empty();
    let outcome = done(&site.gate("ana"), submit("rerun-1")).await.unwrap();
    assert_eq!(outcome.run, Some(JobRunId("run-1".into())));
    assert_eq!(site.services.done(), ["start s3://b/main.py"]);
    assert_eq!(journal(&site), [] as [String; 0], "over is over");
    let log = site.session("eva").audit_log(1, at(0)).await.unwrap();
    let told: Vec<_> = log.iter().map(|r| (r.act.as_str(), r.outcome.as_str(), r.object.as_str())).collect();
    let application = "emr-serverless:/applications/00a";
    let run = format!("{application}/jobruns/run-1");
    assert_eq!(told, [("submit", "done", run.as_str()), ("submit", "begun", application)]);
    assert!(log[0].detail.contains("4g -> 8g") && log[0].detail.contains("r-0"), "{}", log[0].detail);
    let lake = format!("{:?}", site.memory.all());
    assert!(!lake.contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_asked_for_again_with_the_same_token() {
    let site = Site::empty();
    site.services.lose_the_next_reply();
    let error = done(&site.gate("ana"), submit("rerun-1")).await.unwrap_err();
    assert!(matches!(&error, GateError::Unanswered { again: true, .. }), "{error}");
    assert!(!error.is_refusal() && error.hint().contains("same token"));
    // The token was on the disk before the call.
    let token = ClientToken::of(&ActId("rerun-1".into()), 1);
    assert!(journal(&site)[0].contains(token.as_str()), "{:?}", journal(&site));

    // Another process finds it.
    let gate = site.gate("ana");
    let open = gate.open_acts().await;
    assert_eq!(open.iter().map(|a| (a.id.0.as_str(), a.is_elsewhere)).collect::<Vec<_>>(), [("rerun-1", false)]);
    let outcome = done(&gate, WriteEffect::Finish(open[0].id.clone())).await.unwrap();
    assert_eq!(outcome.run, Some(JobRunId("run-1".into())));
    assert_eq!(site.services.done().len(), 1, "one run");
    assert_eq!(gate.open_acts().await, []);
    let error = done(&gate, WriteEffect::Finish(open[0].id.clone())).await.unwrap_err();
    assert!(matches!(error, GateError::Unknown(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_or_cannot_be_repeated_is_told_and_not_sent_again() {
    let site = Site::empty();
    site.services.lose_the_next_reply();
    done(&site.gate("ana"), submit("rerun-1")).await.unwrap_err();
    let late = site.gate("ana").acting(actor("ana"), || at(600));
    let outcome = done(&late, WriteEffect::Finish(ActId("rerun-1".into()))).await.unwrap();
    assert!(outcome.needs_operator && outcome.run.is_none() && outcome.notes[0].contains("nobody knows"));
    assert_eq!((site.services.done().len(), late.open_acts().await.len()), (1, 0));

    site.services.clearable(&["load"]);
    site.services.lose_the_next_reply();
    let error = done(&site.gate("ana"), clear(&["load"])).await.unwrap_err();
    assert!(matches!(error, GateError::Unanswered { again: false, .. }), "{error}");
    let outcome = done(&site.gate("ana"), WriteEffect::Finish(ActId("clear-1".into()))).await.unwrap();
    assert!(outcome.needs_operator, "{:?}", outcome.notes);
    assert_eq!(site.services.done().iter().filter(|d| d.starts_with("clear")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_over_and_leaves_nothing_open() {
    let site = Site::empty();
    site.services.refuse_the_next();
    let gate = site.gate("ana");
    let error = done(&gate, submit("rerun-1")).await.unwrap_err();
    assert!(matches!(error, GateError::Lake(_)), "{error}");
    assert_eq!((site.services.done().len(), gate.open_acts().await.len()), (0, 0));
    let log = site.session("eva").audit_log(1, at(0)).await.unwrap();
    assert_eq!(log.iter().map(|r| r.outcome.as_str()).collect::<Vec<_>>(), ["failed", "begun"]);
}

fn clear(tasks: &[&str]) -> WriteEffect {
    let clear = Clear {
        dag: DagId("daily".into()),
        run: DagRunId("r".into()),
        tasks: Vec::new(),
        only_failed: true,
        downstream: false,
    };
    let tasks = tasks.iter().map(|t| TaskRef { task: (*t).to_owned(), map_index: None }).collect();
    WriteEffect::Dag(Box::new(DagAsk { id: ActId("clear-1".into()), act: DagAct::Clear { clear, tasks } }))
}

#[tokio::test(start_paused = true)]
async fn a_clear_is_what_was_listed_or_it_is_refused() {
    let site = Site::empty();
    site.services.clearable(&["load", "publish"]);
    let gate = site.gate("ana");
    let count = |n| Some(Confirmation::Count(n));
    let error = gate.perform(clear(&["load"]), count(1), &Watch::default()).await.unwrap_err();
    assert!(matches!(&error, GateError::Changed(what) if what.len() == 1 && what[0].contains("publish")), "{error}");
    let listed = clear(&["load", "publish"]);
    assert!(matches!(
        gate.perform(listed.clone(), count(1), &Watch::default()).await,
        Err(GateError::Unconfirmed(level)) if level.objects == 2
    ));
    assert_eq!(site.services.done(), [] as [String; 0]);
    gate.perform(listed, count(2), &Watch::default()).await.unwrap();
    assert_eq!(site.services.done(), ["clear daily r"]);
}

#[tokio::test(start_paused = true)]
async fn one_job_is_driven_by_one_at_a_time() {
    let site = Site::empty();
    let other = site.guarded(site.machine.path(), "ben", 0, Protection::Open);
    // Ana's lease stays: her process ended in the middle.
    let held = lakeward::ops::gate::Lease {
        id: lakeward::model::moves::MoveId("x".into()),
        run: 7,
        prefixes: vec!["jobs/load/".into()],
        holder: actor("ana"),
        process: String::new(),
        since: at(0),
        until: at(0) + Duration::minutes(2),
    };
    let lake = site.lake();
    lakeward::ops::gate::Leases::of(lake.as_ref(), "_lakeward/").take(&held, at(0)).await.unwrap();
    let error = done(&other, submit("rerun-1")).await.unwrap_err();
    assert!(matches!(&error, GateError::Held { holder, .. } if holder.contains("ana")), "{error}");
    assert_eq!(site.services.done(), [] as [String; 0]);
}
