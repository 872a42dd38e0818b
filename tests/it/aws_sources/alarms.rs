//! Alarms and metrics of CloudWatch: against our fake for data that is missing, and against moto for the protocol.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::ErrorClass;
use lakeward::model::alarm::{Alarm, AlarmState, Death, Watched};
use lakeward::model::metric::{MetricPlace, braced};
use lakeward::ops::{Connected, LakeSettings, Session, Snapshot, SourceState};
use lakeward::sources::aws::call::{Caller, Protocol, Service};
use lakeward::sources::aws::cloudwatch::{CloudWatch, CloudWatchSettings};
use lakeward::sources::metrics::{AlarmSource, MetricSource};
use serde_json::{Value, json};

use crate::support::fake_aws::metrics::{Data, Metrics};
use crate::support::fake_aws::{Account, FakeAws, refusal, signed};
use crate::support::http_server::Answer;
use crate::support::memory::Memory;
use crate::support::s3_server;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn ago(span: Duration) -> i64 {
    (now() - span).timestamp()
}

/// An alarm on the failed checks of a table, made a month ago.
fn alarm(name: &str, state: &str, missing: &str, table: &str) -> Value {
    json!({
        "AlarmName": name, "AlarmArn": format!("arn:aws:cloudwatch:us-east-1:1:alarm:{name}"),
        "AlarmConfigurationUpdatedTimestamp": ago(Duration::days(30)), "ActionsEnabled": true,
        "AlarmActions": ["arn:aws:sns:us-east-1:1:oncall"], "StateValue": state, "StateReason": "because\nof that",
        "StateTransitionedTimestamp": ago(Duration::hours(5)), "MetricName": "DQCheckFailed",
        "Namespace": "ProjectA/DQ", "Dimensions": [{ "Name": "TableName", "Value": table }], "Period": 300,
        "EvaluationPeriods": 1, "Threshold": 1.0, "TreatMissingData": missing,
    })
}

fn data(table: &str, unit: &'static str, last: Duration) -> Data {
    let dimensions = [("TableName".to_owned(), table.to_owned())].into();
    Data { namespace: "ProjectA/DQ", name: "DQCheckFailed", dimensions, unit, points: vec![(ago(last), 1.0)] }
}

fn fake(metrics: Metrics) -> Account {
    Account { metrics: Metrics { now: now().timestamp(), ..metrics }, ..Account::default() }
}

async fn watching(fake: &FakeAws) -> CloudWatch {
    CloudWatch::with_config(CloudWatchSettings::default(), &fake.config().await)
}

fn dead(alarms: &[Alarm]) -> Vec<(&str, &'static str)> {
    let cause = |death: &Death| match death {
        Death::NoMetric { .. } => "no metric",
        Death::NoData { .. } => "no data",
        Death::DeadAlarms { .. } => "dead alarms",
    };
    alarms.iter().filter_map(|a| Some((a.name.as_str(), cause(a.dead.as_ref()?)))).collect()
}

/// One of each kind.
fn graveyard() -> Metrics {
    Metrics {
        alarms: vec![
            alarm("a-fires", "ALARM", "missing", "nowhere"),
            alarm("b-misspelt", "INSUFFICIENT_DATA", "missing", "order"),
            alarm("c-asleep", "OK", "notBreaching", "customers"),
            alarm("d-awake", "OK", "notBreaching", "orders"),
            alarm("e-told-of-silence", "INSUFFICIENT_DATA", "breaching", "nowhere"),
            alarm("f-had-data", "OK", "missing", "nowhere"),
            json!({ "AlarmName": "g-percent", "AlarmArn": "arn:g", "StateValue": "INSUFFICIENT_DATA", "Unit": "Percent",
                "MetricName": "DQCheckFailed", "Namespace": "ProjectA/DQ", "Period": 60, "EvaluationPeriods": 5,
                "AlarmConfigurationUpdatedTimestamp": ago(Duration::hours(1)),
                "Dimensions": [{ "Name": "TableName", "Value": "orders" }] }),
            json!({ "AlarmName": "h-new", "StateValue": "INSUFFICIENT_DATA", "MetricName": "DQCheckFailed",
                "Namespace": "ProjectA/DQ", "AlarmConfigurationUpdatedTimestamp": ago(Duration::minutes(59)) }),
        ],
        composite: vec![
            json!({ "AlarmName": "i-both", "AlarmRule": "ALARM(\"b-misspelt\") OR ALARM(c-asleep)", "StateValue": "OK" }),
            json!({ "AlarmName": "j-half", "AlarmRule": "ALARM(b-misspelt) OR ALARM(d-awake)", "StateValue": "OK" }),
        ],
        data: vec![data("orders", "Count", Duration::hours(20)), data("customers", "Count", Duration::days(9))],
        ..Metrics::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_that_cannot_fire_are_found_in_three_rounds_and_kept() {
    let fake = FakeAws::in_rounds(fake(graveyard()));
    let cloudwatch = watching(&fake).await;
    let read = cloudwatch.alarms(now()).await.unwrap();
    assert_eq!((fake.rounds(), read.problem), (3, None));
    let found =
        [("b-misspelt", "no metric"), ("c-asleep", "no data"), ("g-percent", "no data"), ("i-both", "dead alarms")];
    assert_eq!(dead(&read.alarms), found);
    let Some(Death::NoMetric { metric, others }) = &read.alarms[1].dead else { panic!("{:?}", read.alarms[1]) };
    assert_eq!(metric.to_string(), "ProjectA/DQ DQCheckFailed {TableName=order}");
    let others: Vec<String> = others.iter().map(|other| braced(other)).collect();
    assert_eq!(others, ["{TableName=customers}", "{TableName=orders}"]);
    assert_eq!(
        (read.alarms[0].state, read.alarms[0].uri.as_str()),
        (AlarmState::Alarm, "arn:aws:cloudwatch:us-east-1:1:alarm:a-fires")
    );
    assert!(matches!(&read.alarms[8].watched, Watched::Alarms { .. }));

    let (asked, later) = (fake.asked("granite").len(), now() + Duration::minutes(14));
    assert_eq!(dead(&cloudwatch.alarms(later).await.unwrap().alarms), found);
    assert_eq!(fake.asked("granite").len() - asked, 1, "only how they stand");
    fake.account().metrics.data.push(data("order", "Count", Duration::zero()));
    let much_later = now() + Duration::minutes(15);
    // Meanwhile the new one had its hour.
    let found = [found[1], found[2], ("h-new", "no metric")];
    assert_eq!(dead(&cloudwatch.alarms(much_later).await.unwrap().alarms), found);
}

#[tokio::test]
async fn a_state_that_changes_is_believed_at_once() {
    let fake = FakeAws::start(fake(graveyard()));
    let cloudwatch = watching(&fake).await;
    cloudwatch.alarms(now()).await.unwrap();
    fake.account().metrics.alarms[1]["StateValue"] = json!("ALARM");
    let read = cloudwatch.alarms(now() + Duration::minutes(1)).await.unwrap();
    assert_eq!((read.alarms[1].state, &read.alarms[1].dead), (AlarmState::Alarm, &None));
    assert!(!dead(&read.alarms).iter().any(|(name, _)| *name == "i-both"));
}

#[tokio::test]
async fn half_a_listing_buries_nobody() {
    let mut metrics = graveyard();
    metrics.alarms = vec![alarm("misspelt", "INSUFFICIENT_DATA", "missing", "order")];
    metrics.page = 2;
    metrics.data.extend((0..5).map(|n| data(&format!("t{n}"), "Count", Duration::hours(1))));
    let account = fake(metrics);
    // With its own dimensions the listing is whole, however many others there are.
    let read = watching(&FakeAws::start(account)).await.alarms(now()).await.unwrap();
    assert_eq!(dead(&read.alarms), [("misspelt", "no metric")]);
    let mut metrics = graveyard();
    metrics.alarms = vec![alarm("bare", "INSUFFICIENT_DATA", "missing", "x")];
    metrics.alarms[0]["Dimensions"] = json!([]);
    metrics.page = 1;
    let read = watching(&FakeAws::start(fake(metrics))).await.alarms(now()).await.unwrap();
    assert!(dead(&read.alarms).is_empty(), "{:?}", dead(&read.alarms));
}

#[tokio::test]
async fn more_than_a_page_of_alarms_and_only_those_of_a_prefix() {
    let alarms = (0..250).map(|n| alarm(&format!("lake-{n:03}"), "OK", "missing", "orders"));
    let alarms = alarms.chain([alarm("other", "ALARM", "missing", "orders")]).collect();
    let fake = FakeAws::start(fake(Metrics { alarms, ..Metrics::default() }));
    assert_eq!(watching(&fake).await.alarms(now()).await.unwrap().alarms.len(), 251);
    assert_eq!(fake.asked("describealarms").len(), 3);
    let settings = CloudWatchSettings { alarm_prefix: Some("lake-00".into()), ..CloudWatchSettings::default() };
    let read = CloudWatch::with_config(settings, &fake.config().await).alarms(now()).await.unwrap();
    assert_eq!(read.alarms.iter().map(|a| &a.name).collect::<Vec<_>>().len(), 10);
}

#[tokio::test]
async fn who_may_not_see_composite_alarms_sees_the_others() {
    let fake = FakeAws::start(fake(Metrics { narrow: true, ..graveyard() }));
    let cloudwatch = watching(&fake).await;
    for requests in [2, 3] {
        let read = cloudwatch.alarms(now()).await.unwrap();
        assert_eq!((read.alarms.len(), fake.asked("describealarms").len()), (8, requests));
        let [note] = read.notes.try_into().unwrap();
        assert!(note.starts_with("composite and log alarms are not watched"), "it is told each time: {note}");
    }
    let alarms = vec![Arc::new(cloudwatch) as Arc<dyn AlarmSource>];
    let session = Session::new(Arc::new(Memory::default()), LakeSettings::default());
    let session = session.with_sources(Connected { alarms, ..Connected::default() });
    let snapshot = session.refresh(now(), |_| {}).await;
    let health = snapshot.sources.iter().find(|source| source.source == "alarms").unwrap();
    assert_eq!((&health.state, health.notes.len()), (&SourceState::Fresh, 1), "{health:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told() {
    let odd = json!({ "AlarmName": "odd", "Threshold": "a lot" });
    let alarms = vec![alarm("fine", "OK", "missing", "orders"), odd];
    let fake = FakeAws::start(fake(Metrics { alarms, ..Metrics::default() }));
    let read = watching(&fake).await.alarms(now()).await.unwrap();
    let [note] = read.notes.try_into().unwrap();
    assert!(note.starts_with("1 alarm is not watched: its record cannot be read: odd: invalid type"), "{note}");
    assert_eq!(read.alarms.len(), 1);
}

#[tokio::test]
async fn each_fault_has_its_class_and_a_way_out() {
    for (answer, class, hint) in [
        (refusal(400, "AccessDeniedException"), ErrorClass::Denied, "cloudwatch:DescribeAlarms"),
        (refusal(400, "ExpiredTokenException"), ErrorClass::Expired, "renew"),
        (refusal(400, "ThrottlingException"), ErrorClass::Throttled, "fewer requests"),
        (refusal(500, "InternalServiceFault"), ErrorClass::Unreachable, "try again"),
        (refusal(400, "ValidationException"), ErrorClass::Malformed, ""),
        (Answer::of(200, "{\"MetricAlarms\": [{"), ErrorClass::Malformed, ""),
        (Answer::of(200, "<html>"), ErrorClass::Malformed, ""),
    ] {
        let fake = FakeAws::start(fake(graveyard()));
        fake.fail("describealarms", answer.clone(), usize::MAX);
        let error = watching(&fake).await.alarms(now()).await.unwrap_err();
        assert_eq!((error.class, error.object.as_str()), (class, "cloudwatch:/alarms"), "{answer:?}: {error}");
        assert!(error.hint.contains(hint) && !error.hint.is_empty(), "{error} {}", error.hint);
    }
    let fake = FakeAws::start(fake(graveyard()));
    fake.fail("describealarms", refusal(400, "ThrottlingException"), 2);
    assert_eq!(watching(&fake).await.alarms(now()).await.unwrap().alarms.len(), 10);
}

#[tokio::test]
async fn alarms_stand_though_nobody_may_look_at_their_metrics() {
    for of in ["listmetrics", "getmetricdata"] {
        let fake = FakeAws::start(fake(graveyard()));
        fake.fail(of, refusal(400, "AccessDeniedException"), usize::MAX);
        let cloudwatch = watching(&fake).await;
        for _ in 0..3 {
            let read = cloudwatch.alarms(now()).await.unwrap();
            let problem = read.problem.expect("it is told each time");
            assert_eq!((read.alarms.len(), problem.class), (10, ErrorClass::Denied), "{of}");
            assert!(problem.hint.to_lowercase().contains(of), "{}", problem.hint);
            // What has data now and then is judged by that alone.
            assert!(!dead(&read.alarms).iter().any(|(_, cause)| *cause == "no metric"), "{of}");
        }
        assert!(fake.asked(of).len() <= 4, "{of} is not tried each time: {}", fake.asked(of).len());
    }
}

fn keys(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.alerts.iter().map(|alert| alert.key.as_str()).collect()
}

#[tokio::test]
async fn alarms_are_alerts_that_stand_while_cloudwatch_is_silent_and_clear_with_their_cause() {
    let fake = FakeAws::start(fake(graveyard()));
    let alarms = vec![Arc::new(watching(&fake).await) as Arc<dyn AlarmSource>];
    let session = Session::new(Arc::new(Memory::default()), LakeSettings::default());
    let session = session.with_sources(Connected { alarms, ..Connected::default() });
    let raised =
        ["alarm:a-fires", "dead_alarm:b-misspelt", "dead_alarm:c-asleep", "dead_alarm:g-percent", "dead_alarm:i-both"];
    let first = session.refresh(now(), |_| {}).await;
    let (mut found, firing) = (keys(&first), &first.alerts[0]);
    assert_eq!(
        (firing.key.as_str(), firing.summary.as_str()),
        ("alarm:a-fires", "a-fires: because"),
        "the worst first"
    );
    found.sort_unstable();
    assert_eq!(found, raised);

    fake.fail("describealarms", refusal(400, "AccessDeniedException"), usize::MAX);
    let silent = session.refresh(now() + Duration::minutes(1), |_| {}).await;
    assert_eq!(keys(&silent), keys(&first), "what is known stays");
    let health = silent.sources.iter().find(|source| source.source == "alarms").unwrap();
    assert!(matches!(&health.state, SourceState::Failed { class: ErrorClass::Denied, .. }), "{health:?}");
    assert_eq!(health.answered, Some(now()));

    fake.account().faults.clear();
    fake.account().metrics.alarms[0]["StateValue"] = json!("OK");
    let well = session.refresh(now() + Duration::minutes(2), |_| {}).await;
    assert!(!keys(&well).contains(&"alarm:a-fires") && well.alerts.len() == 4, "{:?}", keys(&well));
    assert!(well.sources.iter().all(|source| source.state == SourceState::Fresh));
}

fn of_run(names: bool) -> MetricPlace {
    let name = |name: &str| if names { name.to_owned() } else { String::new() };
    MetricPlace::EmrServerless {
        application: "00a".into(),
        application_name: name("etl"),
        run: "00r".into(),
        run_name: name("silver_orders"),
    }
}

#[tokio::test]
async fn a_run_has_curves_from_one_request() {
    let recent = Utc::now() - Duration::hours(2);
    let minute = |n: i64| (recent + Duration::minutes(n)).timestamp().div_euclid(60) * 60;
    let memory = |capacity: &str, names: bool, points| {
        let mut dimensions: std::collections::BTreeMap<String, String> = [
            ("ApplicationId", "00a"),
            ("JobId", "00r"),
            ("WorkerType", "SPARK_EXECUTORS"),
            ("CapacityAllocationType", capacity),
        ]
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
        if names {
            dimensions.insert("ApplicationName".into(), "etl".into());
            dimensions.insert("JobName".into(), "silver_orders".into());
        }
        Data { namespace: "AWS/EMRServerless", name: "WorkerMemoryUsed", dimensions, unit: "Gigabytes", points }
    };
    let named = vec![
        memory("OnDemandCapacity", true, vec![(minute(1), 4.0), (minute(2), 8.0)]),
        memory("PreInitCapacity", true, vec![(minute(1), 1.0)]),
    ];
    for (data, names) in [
        (named, true),
        (vec![memory("OnDemandCapacity", false, vec![(minute(1), 5.0), (minute(2), 8.0)])], true),
        (vec![memory("OnDemandCapacity", false, vec![(minute(1), 5.0), (minute(2), 8.0)])], false),
    ] {
        let fake = FakeAws::start(fake(Metrics { data, ..Metrics::default() }));
        let cloudwatch = watching(&fake).await;
        let place = of_run(names);
        assert!(cloudwatch.reads(&place));
        let curves = cloudwatch.curves(&place, recent, recent + Duration::minutes(10)).await.unwrap();
        let [curve] = curves.as_slice() else { panic!("{curves:?}") };
        assert_eq!((curve.name.as_str(), &*curve.unit), ("executors, memory used", "GB"));
        let points: Vec<_> = curve.points.iter().map(|p| (p.at.timestamp(), p.value)).collect();
        assert_eq!(points, [(minute(1), 5.0), (minute(2), 8.0)]);
        assert_eq!(fake.asked("getmetricdata").len(), 1);
        fake.fail("getmetricdata", refusal(400, "AccessDeniedException"), 1);
        let error = cloudwatch.curves(&place, recent, recent + Duration::minutes(10)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Denied);
        assert!(error.object.ends_with("/00a/00r") && error.hint.contains("cloudwatch:GetMetricData"), "{error:?}");
    }
}

/// What the tests put there, by the same protocol.
const SERVICE: Service = Service {
    host: "monitoring",
    signs: "monitoring",
    protocol: Protocol::Json { version: "1.0", target: "GraniteServiceVersion20100801" },
    home: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn moto_takes_our_requests_for_those_of_cloudwatch() {
    let server = s3_server::Server::start();
    let config = signed(server.endpoint()).await;
    let caller = Caller::with_config(Default::default(), SERVICE, &config);
    let asked = caller.asked("cloudwatch:Put", "cloudwatch");
    let put = async |operation: &str, input: Value| caller.ask(&asked, operation, &input).await.unwrap();
    for (name, table) in [("lake-orders", "orders"), ("lake-order", "order"), ("other", "orders")] {
        put("PutMetricAlarm", json!({
            "AlarmName": name, "Namespace": "ProjectA/DQ", "MetricName": "DQCheckFailed", "Statistic": "Sum",
            "Dimensions": [{ "Name": "TableName", "Value": table }], "Period": 300, "EvaluationPeriods": 2,
            "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
            "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:oncall"],
        }))
        .await;
    }
    let fired = json!({ "AlarmName": "other", "StateValue": "ALARM", "StateReason": "because", "StateReasonData": "{\"recentDatapoints\":[3.0]}" });
    put("SetAlarmState", fired).await;
    put(
        "PutMetricData",
        json!({ "Namespace": "ProjectA/DQ", "MetricData": [{
        "MetricName": "DQCheckFailed", "Dimensions": [{ "Name": "TableName", "Value": "orders" }], "Value": 1.0,
        "Unit": "Count", "Timestamp": Utc::now().timestamp(),
    }] }),
    )
    .await;

    let cloudwatch = CloudWatch::with_config(CloudWatchSettings::default(), &config);
    let read = cloudwatch.alarms(Utc::now() + Duration::hours(2)).await.unwrap();
    assert_eq!(read.problem, None);
    assert_eq!(dead(&read.alarms), [("lake-order", "no metric")]);
    let Some(Death::NoMetric { others, .. }) = &read.alarms[0].dead else { panic!("{read:?}") };
    assert_eq!(braced(&others[0]), "{TableName=orders}");
    let fired = &read.alarms[2];
    assert_eq!((fired.state, fired.value, fired.threshold), (AlarmState::Alarm, Some(3.0), Some(1.0)));
    assert_eq!((fired.window, fired.actions, fired.reason.as_deref()), (Duration::minutes(10), true, Some("because")));
    assert!((Utc::now() - fired.since).abs() < Duration::minutes(5), "{}", fired.since);
}
