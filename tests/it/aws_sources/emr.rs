//! EMR Serverless.

use std::collections::HashSet;
use std::time::Duration as Wait;

use chrono::{DateTime, Duration, TimeZone, Utc};
use lakeward::lake::ErrorClass;
use lakeward::model::alias::{Aliases, JobBinding};
use lakeward::model::dataset::{Dataset, Layer};
use lakeward::model::run::{JobName, JobRunId, LogPlace, RunState};
use lakeward::sources::SourceError;
use lakeward::sources::aws::emr::{EmrServerless, EmrSettings};
use lakeward::sources::jobs::JobSource;
use serde_json::json;

use crate::support::fake_aws::emr::{Emr, Run};
use crate::support::fake_aws::{Account, FakeAws, refusal, signed};
use crate::support::http_server::Answer;
use crate::support::s3_server;

fn since() -> DateTime<Utc> {
    Utc::now() - Duration::hours(24)
}

fn account(runs: Vec<Run>) -> Account {
    Account { emr: Emr::of(runs), ..Account::default() }
}

/// Runs that came one after the other in a span before now.
fn over(count: i64, span: Duration) -> Vec<Run> {
    let begun = Utc::now() - span;
    let created = |n: i64| begun + span * i32::try_from(n).unwrap() / i32::try_from(count).unwrap();
    (0..count).map(|n| Run::new(format!("r{n}"), "prod-silver_orders", "SUCCESS", created(n))).collect()
}

async fn source(fake: &FakeAws) -> EmrServerless {
    watching(fake, &[]).await
}

async fn watching(fake: &FakeAws, applications: &[&str]) -> EmrServerless {
    let applications = applications.iter().map(|name| (*name).to_owned()).collect();
    let settings = EmrSettings { applications, ..EmrSettings::default() };
    EmrServerless::with_config(settings, Aliases::default(), &fake.config().await)
}

fn id(id: &str) -> JobRunId {
    JobRunId(id.into())
}

/// Requests for runs themselves.
fn looked_at(fake: &FakeAws) -> usize {
    fake.asked("/jobruns/").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_runs_take_three_rounds_and_a_refresh_takes_less() {
    for span in [Duration::hours(24), Duration::minutes(50)] {
        let fake = FakeAws::in_rounds(account(over(500, span - Duration::minutes(1))));
        let emr = source(&fake).await;
        let runs = emr.runs(since(), 500).await.unwrap();
        assert_eq!(runs.iter().map(|run| &run.id).collect::<HashSet<_>>().len(), 500, "{span}");
        assert!(runs.is_sorted_by(|a, b| a.created >= b.created));
        assert!(fake.rounds() <= 3, "{} rounds for runs in {span}", fake.rounds());
        let (listed, looked) = (fake.asked("/jobruns?").len(), looked_at(&fake));
        assert!(listed <= 60 && looked <= 24, "{listed} listings, {looked} looks");
        let rounds = fake.rounds();
        assert_eq!(emr.runs(since(), 500).await.unwrap().len(), 500);
        assert!(fake.rounds() - rounds <= 2, "{} rounds for a refresh", fake.rounds() - rounds);
        assert_eq!(fake.asked("/jobruns?").len() - listed, 2, "what is new, and what was not over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_read_where_there_are_more_than_anyone_asks_for() {
    let fake = FakeAws::start(account(over(3_000, Duration::hours(23))));
    let runs = source(&fake).await.runs(since(), 100).await.unwrap();
    let ids: Vec<_> = runs.iter().map(|run| run.id.0.to_string()).collect();
    assert_eq!(ids, (2_900..3_000).rev().map(|n| format!("r{n}")).collect::<Vec<_>>());
    assert!(fake.asked("/jobruns?").len() < 40, "{}", fake.asked("/jobruns?").len());
}

#[tokio::test]
async fn runs_of_one_moment_are_paged() {
    let created = Utc::now() - Duration::hours(1);
    let runs = (0..170).map(|n| Run::new(format!("r{n}"), "x", "SUCCESS", created)).collect();
    let fake = FakeAws::start(account(runs));
    assert_eq!(source(&fake).await.runs(since(), 1_000).await.unwrap().len(), 170);
}

#[tokio::test]
async fn a_run_is_followed_to_its_end_and_then_left_alone() {
    let now = Utc.timestamp_opt(Utc::now().timestamp(), 0).unwrap();
    let (old, new) = (now - Duration::hours(30), now - Duration::minutes(30));
    let runs = vec![
        Run::new("old", "prod-silver_orders", "RUNNING", old),
        Run::new("gone", "x", "SUCCESS", old),
        Run::new("new", "backfill-bronze-crm-2026-11-20", "QUEUED", new),
    ];
    let fake = FakeAws::start(account(runs));
    let emr = source(&fake).await;
    let found = emr.runs(since(), 100).await.unwrap();
    let shown: Vec<_> = found.iter().map(|run| (&*run.id.0, run.state, &*run.job.0)).collect();
    let expected = [("new", RunState::Queued, "bronze-crm"), ("old", RunState::Running, "silver_orders")];
    assert_eq!(shown, expected);
    assert!(found[0].backfill && found[0].date.unwrap().to_string() == "2026-11-20");
    assert_eq!(looked_at(&fake), 0, "nothing is over");
    for run in &mut fake.account().emr.applications[0].2 {
        match run.id.as_str() {
            "old" => run.state = "FAILED",
            "new" => run.state = "CANCELLING",
            _ => {}
        }
    }
    let found = emr.runs(since(), 100).await.unwrap();
    assert_eq!(found.iter().map(|run| run.state).collect::<Vec<_>>(), [RunState::Cancelling], "old is over, and old");
    let found = emr.runs(old - Duration::hours(1), 100).await.unwrap();
    let failed = found.iter().find(|run| &*run.id.0 == "old").unwrap();
    let times = [failed.started, failed.ended].map(|time| (time.unwrap() - old).num_seconds());
    assert_eq!((failed.state, times), (RunState::Failed, [20, 290]), "its own times, not those of the listing");
    let looked = looked_at(&fake);
    for _ in 0..3 {
        emr.runs(old - Duration::hours(1), 100).await.unwrap();
    }
    assert_eq!((looked, looked_at(&fake)), (2, 2), "each run that is over is looked at once");
}

#[tokio::test]
async fn a_run_is_shown_in_full_and_its_secrets_are_not() {
    let created = Utc.timestamp_opt(1_795_000_000, 0).unwrap();
    let mut run = Run::new("r1", "prod-silver_orders-20261122-020301", "FAILED", created);
    let submit = "--conf spark.executor.memory=4g --conf spark.db.password=HUNTER2 --conf \"spark.a=b c\"";
    run.more = json!({
        "attempt": 2,
        "jobDriver": { "sparkSubmit": {
            "entryPoint": "s3://code/orders.py",
            "entryPointArguments": ["--dt", "2026-11-22", "--api-token", "HUNTER2"],
            "sparkSubmitParameters": submit,
        } },
        "configurationOverrides": {
            "applicationConfiguration": [
                { "classification": "spark-defaults", "properties": { "spark.z.secret": "HUNTER2", "spark.y": "1" } },
            ],
            "monitoringConfiguration": {
                "s3MonitoringConfiguration": { "logUri": "s3://logs/emr/" },
                "cloudWatchLoggingConfiguration": { "enabled": true, "logStreamNamePrefix": "prod" },
                "managedPersistenceMonitoringConfiguration": { "enabled": false },
            },
        },
        "retryPolicy": { "maxAttempts": 3 },
        "billedResourceUtilization": { "vCPUHour": 1.5, "memoryGBHour": 6.0, "storageGBHour": 0.25 },
    });
    let attempt = |n: i32, state: &str| {
        json!({
            "applicationId": "00app1", "id": "r1", "arn": "arn", "createdBy": "ana", "executionRole": "role",
            "jobCreatedAt": 1_795_000_000, "createdAt": 1_795_000_000 + n * 100, "updatedAt": 1_795_000_050 + n * 100,
            "state": state, "stateDetails": "boom", "releaseLabel": "emr-7.1.0", "attempt": n,
        })
    };
    run.attempts = vec![attempt(2, "FAILED"), attempt(1, "FAILED")];
    let fake = FakeAws::start(account(vec![run]));
    let orders = JobName("silver_orders".into());
    let binding = JobBinding { job: orders.clone(), dataset: Dataset("silver/orders".into()), layer: None };
    let settings = EmrSettings { applications: vec!["etl".into()], ..EmrSettings::default() };
    let emr = EmrServerless::with_config(settings, Aliases::new([], vec![], [binding]), &fake.config().await);

    let detail = emr.run(&id("r1")).await.unwrap();
    let run = &detail.run;
    assert_eq!((&run.job, run.attempt, run.layer), (&orders, 2, Some(Layer::Silver)));
    assert_eq!(run.date.unwrap().to_string(), "2026-11-22", "of the arguments");
    assert!(run.uri.starts_with("arn:aws:emr-serverless:") && run.uri.ends_with("/jobruns/r1"), "{}", run.uri);
    assert_eq!(detail.command, ["s3://code/orders.py", "--dt", "2026-11-22", "--api-token", "***"]);
    let settings: Vec<_> = detail.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected =
        ["spark.executor.memory=4g", "spark.db.password=***", "spark.a=b c", "spark.y=1", "spark.z.secret=***"];
    assert_eq!(settings, expected);
    assert!(!format!("{detail:?}").contains("HUNTER2"));
    assert_eq!(detail.attempts.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((detail.attempts_allowed, detail.resources.unwrap().vcpu_hours), (3, 1.5));
    let streams = "prod/applications/00app1/jobs/r1".to_owned();
    assert_eq!(
        detail.log,
        [
            LogPlace::S3 { prefix: "s3://logs/emr/applications/00app1/jobs/r1/".into() },
            LogPlace::CloudWatch { group: "/aws/emr-serverless".into(), streams },
        ]
    );
    let link = emr.dashboard(&id("r1"), Some(2)).await.unwrap();
    assert!(link.contains("authToken=BEARER") && link.ends_with("attempt=2"), "{link}");
    assert!(!format!("{emr:?}").contains("BEARER"));
}

#[tokio::test]
async fn a_service_that_knows_no_attempts_has_one() {
    let fake = FakeAws::start(account(vec![Run::new("r1", "x", "RUNNING", since())]));
    let emr = source(&fake).await;
    let detail = emr.run(&id("r1")).await.unwrap();
    assert_eq!((detail.attempts.len(), detail.attempts[0].state), (1, RunState::Running));
    fake.fail("/attempts", refusal(501, "UnknownOperationException"), 1);
    assert_eq!(emr.run(&id("r1")).await.unwrap().attempts.len(), 1);
    assert_eq!(emr.run(&id("r2")).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn each_fault_has_its_class_and_a_way_out() {
    for (answer, class, hint) in [
        (refusal(403, "AccessDeniedException"), ErrorClass::Denied, "emr-serverless:ListJobRuns"),
        (refusal(403, "ExpiredTokenException"), ErrorClass::Expired, "renew"),
        (refusal(429, "ThrottlingException"), ErrorClass::Throttled, "fewer requests"),
        (refusal(500, "InternalServerException"), ErrorClass::Unreachable, "try again"),
        (refusal(404, "ResourceNotFoundException"), ErrorClass::NotFound, "region"),
        (refusal(400, "ValidationException"), ErrorClass::Malformed, ""),
        (Answer::of(200, "{\"jobRuns\": [{"), ErrorClass::Malformed, ""),
        (Answer::of(200, "<html>"), ErrorClass::Malformed, ""),
        (Answer::of(503, "<html>"), ErrorClass::Throttled, "fewer requests"),
    ] {
        let fake = FakeAws::start(account(vec![Run::new("r1", "x", "RUNNING", since())]));
        fake.fail("/jobruns?", answer.clone(), usize::MAX);
        let error: SourceError = source(&fake).await.runs(since(), 10).await.unwrap_err();
        assert_eq!(error.class, class, "{answer:?}: {error}");
        assert!(error.object.contains("/00app1/jobruns") && error.hint.contains(hint), "{error} {}", error.hint);
    }
}

#[tokio::test]
async fn what_is_throttled_once_is_asked_again() {
    let fake = FakeAws::start(account(over(30, Duration::hours(2))));
    fake.fail("/jobruns?", refusal(429, "ThrottlingException"), 3);
    assert_eq!(source(&fake).await.runs(since(), 100).await.unwrap().len(), 30);
}

#[tokio::test]
async fn runs_are_listed_though_they_may_not_be_looked_at() {
    let fake = FakeAws::start(account(over(10, Duration::hours(2))));
    fake.fail("/jobruns/", refusal(403, "AccessDeniedException"), usize::MAX);
    let emr = source(&fake).await;
    for _ in 0..3 {
        let runs = emr.runs(since(), 100).await.unwrap();
        assert!(runs.len() == 10 && runs.iter().all(|run| run.started.is_some() && run.ended.is_some()));
    }
    assert_eq!(looked_at(&fake), 10, "it is not tried for ever");
}

#[tokio::test]
async fn an_application_that_is_gone_takes_none_with_it() {
    let mut known = account(over(3, Duration::hours(2)));
    known.emr.applications.push((
        "00app2",
        "ml",
        vec![Run::new("m1", "train", "RUNNING", Utc::now() - Duration::minutes(9))],
    ));
    let fake = FakeAws::start(known);
    let emr = source(&fake).await;
    let runs = emr.runs(since(), 100).await.unwrap();
    assert_eq!(runs.iter().map(|run| &*run.source).collect::<Vec<_>>(), ["ml", "etl", "etl", "etl"]);
    fake.account().emr.applications.remove(0);
    let runs = emr.runs(since(), 100).await.unwrap();
    assert!(runs.iter().any(|run| &*run.source == "ml"));
    assert_eq!(fake.asked("/applications?").len(), 1, "the applications are asked for once");
    emr.runs(since(), 100).await.unwrap();
    assert_eq!(fake.asked("/applications?").len(), 2, "until one is gone");
}

#[tokio::test]
async fn a_wanted_application_can_be_watched_without_the_list() {
    let fake = FakeAws::start(account(over(3, Duration::hours(2))));
    fake.fail("/applications?", refusal(403, "AccessDeniedException"), usize::MAX);
    assert_eq!(watching(&fake, &["00app1"]).await.runs(since(), 9).await.unwrap().len(), 3);
    assert_eq!(source(&fake).await.runs(since(), 9).await.unwrap_err().class, ErrorClass::Denied);
}

#[tokio::test(start_paused = true)]
async fn silence_is_unreachable() {
    let fake = FakeAws::start(account(Vec::new()));
    fake.fail("/applications?", Answer::Hang, usize::MAX);
    let error =
        tokio::time::timeout(Wait::from_secs(600), source(&fake).await.runs(since(), 9)).await.unwrap().unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_takes_our_requests_for_those_of_emr_serverless() {
    let server = s3_server::Server::start();
    let config = signed(server.endpoint()).await;
    let client = aws_sdk_emrserverless::Client::new(&config);
    let made = client.create_application().name("etl").release_label("emr-7.1.0").r#type("SPARK");
    let made = made.client_token("t1").send().await.unwrap();
    let submit = aws_sdk_emrserverless::types::SparkSubmit::builder().entry_point("s3://code/main.py").build().unwrap();
    let driver = aws_sdk_emrserverless::types::JobDriver::SparkSubmit(submit);
    let mut started = Vec::new();
    for n in 0..3 {
        let run = client.start_job_run().application_id(made.application_id()).client_token(format!("r{n}"));
        let run = run.execution_role_arn("arn:aws:iam::123456789012:role/emr").job_driver(driver.clone());
        started.push(run.name(format!("prod-job_{n}")).send().await.unwrap().job_run_id().to_owned());
    }
    let settings = EmrSettings { applications: vec!["etl".into()], ..EmrSettings::default() };
    let emr = EmrServerless::with_config(settings, Aliases::default(), &config);
    let detail = emr.run(&id(&started[1])).await.unwrap();
    assert_eq!((&*detail.run.job.0, detail.run.state), ("job_1", RunState::Success));
    assert_eq!((detail.command.as_slice(), detail.attempts.len()), (["s3://code/main.py".to_owned()].as_slice(), 1));
    assert_eq!(emr.run(&id("nobody")).await.unwrap_err().class, ErrorClass::NotFound);
}
