//! CloudWatch Logs.

use chrono::{DateTime, Utc};
use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::model::run::LogPlace;
use lakeward::sources::aws::logs::CloudWatchLogs;
use lakeward::sources::logs::{LogCursor, LogQuery, LogQuestion, LogSource};
use tokio::task::yield_now;

use crate::support::fake_aws::events::Events;
use crate::support::fake_aws::{Account, FakeAws, refusal, signed};
use crate::support::s3_server;

const RUN: &str = "/applications/a/jobs/r";

fn place() -> LogPlace {
    LogPlace::CloudWatch { group: "/aws/emr-serverless".into(), streams: RUN.into() }
}

fn fake(events: Events) -> FakeAws {
    FakeAws::start(Account { events, ..Account::default() })
}

async fn reading(fake: &FakeAws) -> CloudWatchLogs {
    CloudWatchLogs::with_config(Access::default(), &fake.config().await)
}

fn event(at: i64, message: &str) -> (String, i64, String) {
    (format!("{RUN}/SPARK_DRIVER/stderr"), at, message.to_owned())
}

fn most(most: usize) -> LogQuery {
    LogQuery { most, ..LogQuery::default() }
}

/// All lines to the end as it is now.
async fn follow(
    logs: &CloudWatchLogs,
    query: &LogQuery,
    mut from: Option<LogCursor>,
) -> (Vec<String>, Option<LogCursor>) {
    let mut lines = Vec::new();
    loop {
        let page = logs.read(&place(), query, from.as_ref()).await.unwrap();
        assert!(page.lines.len() <= query.most, "{} lines", page.lines.len());
        lines.extend(page.lines.into_iter().map(|line| line.text));
        from = page.next;
        if page.at_end {
            return (lines, from);
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_give_every_line_once_and_an_empty_page_is_not_the_end() {
    let mut events: Vec<_> = (0..40).map(|n| event(n * 1_000, &format!("line {n}"))).collect();
    events.push(event(20_500, "of\r\nthree\nlines\n"));
    events.push(("/applications/a/jobs/other/x".into(), 5, "not ours".into()));
    for (page, empty_pages) in [(7, 0), (7, 3), (1, 25), (10_000, 12)] {
        let fake = fake(Events { events: events.clone(), page, empty_pages, ..Events::default() });
        let logs = reading(&fake).await;
        for size in [1, 2, 9, 1_000] {
            let (lines, _) = follow(&logs, &most(size), None).await;
            let expected = (0..=20).map(|n| format!("line {n}")).chain(["of", "three", "lines"].map(str::to_owned));
            let expected: Vec<_> = expected.chain((21..40).map(|n| format!("line {n}"))).collect();
            assert_eq!(lines, expected, "pages of {page} with {empty_pages} empty ones, {size} lines at a time");
        }
    }
}

#[tokio::test]
async fn following_neither_loses_nor_repeats_a_line() {
    let fake = fake(Events { page: 5, ..Events::default() });
    let logs = reading(&fake).await;
    let mut found = Vec::new();
    let mut cursor = None;
    let mut expected = Vec::new();
    for turn in 0..12_i64 {
        for n in 0..turn % 5 {
            // Of one moment, of the same words, and late by up to 20 s.
            let at = turn * 10_000 - n * 5_000;
            fake.account().events.events.push(event(at, "same words"));
            expected.push("same words".to_owned());
        }
        let (lines, next) = follow(&logs, &most(3), cursor).await;
        found.extend(lines);
        cursor = next;
        assert_eq!(found.len(), expected.len(), "turn {turn}");
    }
    let (lines, _) = follow(&logs, &most(3), cursor).await;
    assert_eq!(lines, [""; 0]);
}

#[tokio::test]
async fn a_token_that_expired_costs_nothing() {
    let events = (0..20).map(|n| event(n * 1_000, &format!("line {n}"))).collect();
    let fake = fake(Events { events, page: 5, ..Events::default() });
    let logs = reading(&fake).await;
    let first = logs.read(&place(), &most(5), None).await.unwrap();
    fake.account().events.expired = true;
    let (rest, _) = follow(&logs, &most(100), first.next).await;
    assert_eq!(rest, (5..20).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn words_and_a_window_are_asked_for_there_and_looked_for_here() {
    let messages = ["a boom", "b \"boom", "c \"boom\" x", "boom \""];
    let events = messages.iter().zip(0..).map(|(message, n)| event(n * 1_000, message)).collect();
    let fake = fake(Events { events, page: 100, ..Events::default() });
    let logs = reading(&fake).await;
    let at = |millis| DateTime::<Utc>::from_timestamp_millis(millis);
    let query = LogQuery { from: at(500), until: at(2_500), contains: Some("\"boom".into()), most: 10 };
    assert_eq!(follow(&logs, &query, None).await.0, ["b \"boom", "c \"boom\" x"]);
    let query = LogQuery { from: at(500), until: at(1_500), ..most(10) };
    assert_eq!(follow(&logs, &query, None).await.0, ["b \"boom"]);
}

#[tokio::test]
async fn each_fault_has_its_class() {
    for (status, code, class) in [
        (400, "ResourceNotFoundException", ErrorClass::NotFound),
        (400, "AccessDeniedException", ErrorClass::Denied),
        (400, "ExpiredTokenException", ErrorClass::Expired),
        (400, "ThrottlingException", ErrorClass::Throttled),
        (400, "InvalidParameterException", ErrorClass::Malformed),
        (503, "ServiceUnavailableException", ErrorClass::Throttled),
    ] {
        let fake = fake(Events::default());
        fake.fail("filterlogevents", refusal(status, code), usize::MAX);
        let error = reading(&fake).await.read(&place(), &most(1), None).await.unwrap_err();
        assert_eq!((error.class, error.object.as_str()), (class, "logs:/aws/emr-serverless"), "{code}: {error}");
    }
    let logs = reading(&fake(Events::default())).await;
    let error = logs.read(&place(), &most(1), Some(&LogCursor("x".into()))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Malformed);
    assert_eq!(logs.read(&LogPlace::Managed, &most(1), None).await.unwrap_err().class, ErrorClass::Unsupported);
}

fn question() -> LogQuestion {
    let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap();
    let query = "fields @message | filter @message like /boom/".into();
    LogQuestion { groups: vec!["/aws/emr-serverless".into()], query, from: at(0), until: at(100), most: 10 }
}

#[tokio::test]
async fn insights_says_what_it_scanned() {
    let fake = fake(Events { looks: Some(2), ..Events::default() });
    let answer = reading(&fake).await.insights(&question()).await.unwrap();
    assert_eq!((answer.scanned, answer.matched), (12_345, 1));
    assert_eq!(answer.rows, [[("@message".to_owned(), "boom".to_owned())]]);
    let page = answer.page();
    assert_eq!((page.lines.len(), page.lines[0].text.as_str(), page.scanned), (1, "boom", Some(12_345)));
    assert_eq!(fake.asked("stopquery").len(), 0);
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_stopped() {
    let fake = fake(Events { looks: None, ..Events::default() });
    let logs = reading(&fake).await;
    let question = question();
    {
        let mut asking = std::pin::pin!(logs.insights(&question));
        while fake.asked("getqueryresults").is_empty() {
            assert!(futures::poll!(asking.as_mut()).is_pending());
            yield_now().await;
        }
    }
    while fake.asked("stopquery").is_empty() {
        yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_gives_what_was_put_there() {
    let server = s3_server::Server::start();
    let config = signed(server.endpoint()).await;
    let client = aws_sdk_cloudwatchlogs::Client::new(&config);
    let group = "/aws/emr-serverless";
    client.create_log_group().log_group_name(group).send().await.unwrap();
    let now = Utc::now().timestamp_millis();
    for stream in [format!("{RUN}/SPARK_DRIVER/stderr"), format!("{RUN}/SPARK_DRIVER/stdout"), "/other".to_owned()] {
        client.create_log_stream().log_group_name(group).log_stream_name(&stream).send().await.unwrap();
        let event = |n: i64| {
            let event = aws_sdk_cloudwatchlogs::types::InputLogEvent::builder().timestamp(now - 50_000 + n * 1_000);
            event.message(format!("{stream} line {n}")).build().unwrap()
        };
        let put = client.put_log_events().log_group_name(group).log_stream_name(&stream);
        put.set_log_events(Some((0..25).map(event).collect())).send().await.unwrap();
    }
    let logs = CloudWatchLogs::with_config(Access::default(), &config);
    for size in [3, 100] {
        let (lines, cursor) = follow(&logs, &most(size), None).await;
        assert_eq!(lines.len(), 50, "{size}: {lines:?}");
        assert!(
            lines.iter().all(|line| line.starts_with(RUN)) && follow(&logs, &most(size), cursor).await.0.is_empty()
        );
    }
    let query = LogQuery { contains: Some("line 24".into()), ..most(100) };
    assert_eq!(follow(&logs, &query, None).await.0.len(), 2);
    let elsewhere = LogPlace::CloudWatch { group: "/nowhere".into(), streams: String::new() };
    assert_eq!(logs.read(&elsewhere, &most(1), None).await.unwrap_err().class, ErrorClass::NotFound);
}
