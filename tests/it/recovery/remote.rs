//! Work by a service: a run like the newest one, or a run of a DAG. A reply that is lost is no second run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use lakeward::lake::folder::Folder;
use lakeward::lake::path::Prefixes;
use lakeward::lake::{ErrorClass, Lake, LakeWriter};
use lakeward::model::act::ClientToken;
use lakeward::model::backfill::Standing;
use lakeward::model::dataset::{Dataset, DatasetSettings};
use lakeward::model::order::JobOrder;
use lakeward::model::protection::{Confirmation, Protection};
use lakeward::model::route::Route;
use lakeward::model::run::{JobName, JobRun, JobRunId, RunState};
use lakeward::ops::gate::Journal;
use lakeward::ops::{
    BackfillAsk, Connected, Gate, GateError, LakeSettings, Outcome, Session, Watch, WorkRef, WriteEffect,
};
use lakeward::sources::jobs::{Attempt, JobRunner, JobSource, RunDetail};
use lakeward::sources::{SourceError, Undone};

/// EMR Serverless in memory: it writes a row for the date that it is given, and remembers tokens.
#[derive(Debug, Clone)]
struct Emr {
    lake: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Runs by their tokens, with what was asked for.
    runs: Vec<(ClientToken, JobOrder)>,
    /// Requests, those that are repeated included.
    asked: usize,
    /// The next reply is lost.
    loses: bool,
}

impl Emr {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn run_of(&self, id: &str, date: Option<NaiveDate>) -> JobRun {
        let at: DateTime<Utc> = "2026-11-02T02:00:00Z".parse().unwrap();
        JobRun {
            source: "emr".into(),
            id: JobRunId(id.into()),
            job: JobName("fill".into()),
            called: "fill".into(),
            state: RunState::Success,
            created: at,
            started: Some(at),
            ended: Some(at),
            attempt: 1,
            detail: None,
            dataset: Some(Dataset("orders".into())),
            layer: None,
            date,
            backfill: false,
            uri: format!("emr:{id}"),
        }
    }
}

#[async_trait]
impl JobSource for Emr {
    fn name(&self) -> &'static str {
        "emr"
    }

    async fn runs(&self, _: DateTime<Utc>, _: usize) -> Result<Vec<JobRun>, SourceError> {
        Ok(vec![self.run_of("newest", NaiveDate::from_ymd_opt(2026, 11, 1))])
    }

    async fn run(&self, id: &JobRunId) -> Result<RunDetail, SourceError> {
        let run = self.run_of(&id.0, None);
        let attempt = Attempt { number: 1, state: run.state, created: None, ended: None, detail: None };
        Ok(RunDetail {
            run,
            attempts: vec![attempt],
            attempts_allowed: 1,
            command: Vec::new(),
            settings: Vec::new(),
            resources: None,
            log: Vec::new(),
            metrics: None,
        })
    }

    async fn dashboard(&self, id: &JobRunId, _: Option<u32>) -> Result<String, SourceError> {
        Ok(id.0.to_string())
    }

    async fn order(&self, _: &JobRunId) -> Result<JobOrder, SourceError> {
        let arguments =
            ["--env", "prod", "--run-date", "2026-11-01", "--password", "hunter2"].map(str::to_owned).to_vec();
        Ok(JobOrder { arguments, ..JobOrder::of("00a", "role", "s3://b/main.py") })
    }
}

#[async_trait]
impl JobRunner for Emr {
    fn name(&self) -> &'static str {
        "emr"
    }

    async fn start(&self, order: &JobOrder, token: &ClientToken) -> Result<JobRunId, Undone> {
        let mut state = self.state();
        state.asked += 1;
        let known = state.runs.iter().position(|(known, _)| known == token);
        let at = known.unwrap_or_else(|| {
            let date = &order.arguments[3];
            let folder = self.lake.join(format!("bronze/orders/dt={date}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("part-0.jsonl"), "{\"id\":1}\n").unwrap();
            state.runs.push((token.clone(), order.clone()));
            state.runs.len() - 1
        });
        match std::mem::take(&mut state.loses) {
            true => Err(Undone::Unknown(SourceError::new(ErrorClass::Unreachable, "emr", "no answer in time"))),
            false => Ok(JobRunId(format!("run-{at}").into())),
        }
    }

    async fn cancel(&self, _: &JobRunId) -> Result<(), Undone> {
        Ok(())
    }
}

fn session(lake: &std::path::Path, home: &std::path::Path, emr: &Emr) -> Session {
    let job = JobName("fill".into());
    let routes = [(job.clone(), Route::Emr { arguments: None })].into();
    let dataset =
        DatasetSettings { data_prefix: Some("bronze/orders/".into()), job: Some(job), ..DatasetSettings::of("orders") };
    let settings = LakeSettings { datasets: vec![dataset], routes, ..LakeSettings::default() };
    let writer: Arc<dyn LakeWriter> = Arc::new(Folder::open(lake).unwrap());
    let reader: Arc<dyn Lake> = writer.clone();
    let gate = Gate::new(writer, Prefixes::default(), Protection::Open, Journal::at(home.join("moves")));
    let gate = gate.driving(Some(Arc::new(emr.clone())), None);
    let gate = gate.routing(settings.routes.clone(), vec![Arc::new(emr.clone())]);
    let connected = Connected { jobs: vec![Arc::new(emr.clone())], ..Connected::default() };
    Session::new(reader, settings).with_sources(connected).with_gate(Arc::new(gate))
}

async fn perform(session: &Session, effect: WriteEffect) -> Result<Outcome, GateError> {
    session.gate().unwrap().perform(effect, Some(Confirmation::Yes), &Watch::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_repeats_the_newest_run_for_each_day_and_a_lost_reply_is_no_second_run() {
    let (lake, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let emr = Emr { lake: lake.path().to_owned(), state: Arc::default() };
    let session = session(lake.path(), home.path(), &emr);
    let day = |n| NaiveDate::from_ymd_opt(2026, 11, n).unwrap();
    let ask = BackfillAsk { dataset: Dataset("orders".into()), from: day(3), to: day(4), parallel: 1, force: false };
    let plan = session.plan_backfill(&ask, Utc::now()).await.unwrap();
    assert_eq!((plan.runs(), &plan.refused), (2, &Vec::new()));
    emr.state().loses = true;
    let halted = perform(&session, WriteEffect::Backfill(Box::new(plan.clone()))).await.unwrap_err();
    assert!(matches!(halted, GateError::Halted { asked: false, .. }), "{halted}");
    let open = session.gate().unwrap().journal().unfinished_work(session.lake().url()).await;
    assert_eq!(open, [WorkRef::Backfill { id: plan.id.clone() }], "the next start picks it up");
    perform(&session, WriteEffect::ResumeWork(open[0].clone())).await.unwrap();
    assert_eq!(session.backfill(&plan.id).await.unwrap().standing(), Standing::Done);
    let state = emr.state();
    let asked: Vec<(&str, &str)> =
        state.runs.iter().map(|(_, o)| (o.arguments[3].as_str(), o.name.as_deref().unwrap())).collect();
    let expected = [("2026-11-03", "backfill-fill-2026-11-03"), ("2026-11-04", "backfill-fill-2026-11-04")];
    assert_eq!((asked, state.asked), (expected.to_vec(), 3), "one was asked for again, with its own token");
    // What the newest run was given may hold secrets: none lies on the lake, or in the journal.
    let written = |folder: &std::path::Path| {
        let out = std::process::Command::new("grep").args(["-r", "hunter2"]).arg(folder).output().unwrap();
        !out.stdout.is_empty()
    };
    assert!(!written(lake.path()) && !written(home.path()));
}
