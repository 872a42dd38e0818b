//! A live tail of CloudWatch Logs, frame by frame, and all the ways in which it ends.

use std::time::Duration;

use futures::StreamExt;
use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::model::run::LogPlace;
use lakeward::sources::SourceError;
use lakeward::sources::aws::logs::CloudWatchLogs;
use lakeward::sources::logs::{LiveNews, LogQuery, LogSource, RawLine};
use serde_json::json;
use tokio::task::yield_now;

use crate::support::fake_aws::events::Events;
use crate::support::fake_aws::live_tail::{LiveTail, update};
use crate::support::fake_aws::{Account, FakeAws, refusal};
use crate::support::http_server::Answer;

const RUN: &str = "/applications/a/jobs/r";
const GROUP: &str = "/aws/emr-serverless";

fn place() -> LogPlace {
    LogPlace::CloudWatch { group: GROUP.into(), streams: RUN.into() }
}

fn event(at: i64, message: &str) -> (String, i64, String) {
    (format!("{RUN}/SPARK_DRIVER/stderr"), at, message.to_owned())
}

/// An account that answers so when it is asked for a live tail.
fn fake(answer: Answer) -> FakeAws {
    FakeAws::start(Account { events: Events { tails: [answer].into(), ..Events::default() }, ..Account::default() })
}

async fn logs(fake: &FakeAws) -> CloudWatchLogs {
    CloudWatchLogs::with_config(Access::default(), &fake.config().await)
}

fn lines(news: LiveNews) -> (Vec<RawLine>, bool) {
    match news {
        LiveNews::Lines { lines, sampled } => (lines, sampled),
        LiveNews::Began => panic!("it began before"),
    }
}

fn texts(lines: &[RawLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

/// All that comes, and why nothing more does.
async fn all(logs: &CloudWatchLogs) -> (Vec<String>, SourceError) {
    let mut live = logs.live(place(), LogQuery::default()).unwrap();
    let mut told = Vec::new();
    loop {
        match live.next().await.expect("a last item that says why") {
            Ok(LiveNews::Began) => {}
            Ok(LiveNews::Lines { lines, .. }) => told.extend(lines.into_iter().map(|line| line.text)),
            Err(error) => {
                assert!(live.next().await.is_none(), "nothing comes after the end");
                return (told, error);
            }
        }
    }
}

#[tokio::test]
async fn lines_come_as_they_are_sent_and_a_tail_that_is_dropped_is_closed() {
    let (tail, answer) = LiveTail::new();
    let fake = fake(answer);
    let logs = logs(&fake).await;
    let query = LogQuery { contains: Some("o".into()), ..LogQuery::default() };
    let mut live = logs.live(place(), query).unwrap();
    assert_eq!(fake.asked("startlivetail").len(), 0, "nothing is asked before somebody waits");
    tail.begin();
    assert_eq!(live.next().await.unwrap().unwrap(), LiveNews::Began);
    tail.tell(&[], false);
    tail.tell(&[event(1_000, "one\r\ntwo\nthree\n"), ("/other".into(), 5, "not ours".into())], false);
    let (told, sampled) = lines(live.next().await.unwrap().unwrap());
    assert_eq!((texts(&told), sampled), (vec!["one", "two"], false));
    assert_eq!((told[0].at.unwrap().timestamp_millis(), &*told[0].stream), (1_000, &*event(0, "").0));
    tail.tell(&[event(2_000, "\x1b[2J\u{202e}o\0")], true);
    assert_eq!(
        lines(live.next().await.unwrap().unwrap()),
        (
            vec![RawLine {
                text: "\x1b[2J\u{202e}o\0".into(),
                at: chrono::DateTime::from_timestamp(2, 0),
                stream: told[0].stream.clone()
            }],
            true
        )
    );
    let asked = fake.told("startlivetail");
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/emr-serverless";
    let wanted =
        json!([{ "logGroupIdentifiers": [arn], "logStreamNamePrefixes": [RUN], "logEventFilterPattern": "\"o\"" }]);
    assert_eq!(json!(asked), wanted);
    assert_eq!(logs.requests(), Some(2), "counted like all others");
    assert!(!tail.is_closed());
    drop(live);
    while !tail.is_closed() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whatever_ends_it_is_told_with_what_came_before() {
    for (what, class, why) in [
        ("SessionTimeoutException", ErrorClass::Unreachable, "its three hours are over"),
        ("SessionStreamingException", ErrorClass::Unreachable, "words of SessionStreamingException"),
        ("BrandNewException", ErrorClass::Unreachable, ""),
        ("closed", ErrorClass::Unreachable, "the live tail was closed"),
        ("cut", ErrorClass::Unreachable, "broke off"),
        ("cut in a frame", ErrorClass::Unreachable, "broke off"),
        ("ended in a frame", ErrorClass::Malformed, "cannot be read"),
        ("garbage", ErrorClass::Malformed, "cannot be read"),
        ("a flipped bit", ErrorClass::Malformed, "cannot be read"),
        ("no JSON", ErrorClass::Malformed, "cannot be read"),
    ] {
        let (tail, answer) = LiveTail::new();
        let fake = fake(answer);
        tail.begin();
        tail.tell(&[event(1_000, "before")], false);
        let mut frame = update(&[event(2_000, "after")], false);
        match what {
            "closed" => {}
            "cut" => tail.cut(),
            "cut in a frame" => {
                tail.send(frame[..frame.len() / 2].to_vec());
                tail.cut();
            }
            "ended in a frame" => tail.send(frame[..frame.len() / 2].to_vec()),
            "garbage" => tail.send(b"<html>502 Bad Gateway</html>".to_vec()),
            "a flipped bit" => {
                let middle = frame.len() / 2;
                frame[middle] ^= 1;
                tail.send(frame);
            }
            "no JSON" => tail.send(crate::support::fake_aws::live_tail::unreadable()),
            exception => tail.fail(exception),
        }
        drop(tail);
        let (told, error) = all(&logs(&fake).await).await;
        assert_eq!((told, error.class), (vec!["before".to_owned()], class), "{what}: {error}");
        assert!(error.to_string().contains(why) && error.object == "logs:/aws/emr-serverless", "{what}: {error}");
    }
}

#[tokio::test]
async fn where_there_is_none_it_says_why() {
    let other = |body: &str| Answer::of(200, body);
    for (answer, class, why) in [
        (refusal(400, "AccessDeniedException"), ErrorClass::Denied, "AccessDenied"),
        (refusal(400, "LimitExceededException"), ErrorClass::Throttled, "LimitExceeded"),
        (refusal(400, "InvalidOperationException"), ErrorClass::Unsupported, "InvalidOperation"),
        (refusal(400, "UnknownOperationException"), ErrorClass::Unsupported, "UnknownOperation"),
        (refusal(404, "UnknownOperationException"), ErrorClass::Unsupported, "UnknownOperation"),
        (other("{}"), ErrorClass::Malformed, "no live tail"),
        (other("{\"events\":[],\"searchedLogStreams\":[]}"), ErrorClass::Malformed, "no live tail"),
        (other(""), ErrorClass::Unreachable, "closed"),
    ] {
        let fake = FakeAws::start(Account::default());
        fake.fail("startlivetail", answer.clone(), usize::MAX);
        let (told, error) = all(&logs(&fake).await).await;
        assert_eq!((told.len(), error.class), (0, class), "{answer:?}: {error}");
        assert!(error.to_string().contains(why), "{answer:?}: {error}");
    }
    let (_, denied) = all(&logs(&fake(refusal(400, "AccessDeniedException"))).await).await;
    assert!(denied.hint.contains("logs:StartLiveTail"), "{}", denied.hint);
    let rare = Events { class: Some("INFREQUENT_ACCESS"), ..Events::default() };
    let rare = FakeAws::start(Account { events: rare, ..Account::default() });
    let (_, error) = all(&logs(&rare).await).await;
    assert_eq!((error.class, rare.asked("startlivetail").len()), (ErrorClass::Unsupported, 0), "{error}");
    assert!(logs(&rare).await.live(LogPlace::Managed, LogQuery::default()).is_none());
}

#[tokio::test]
async fn who_may_not_list_groups_is_asked_who_he_is() {
    let (tail, answer) = LiveTail::new();
    let fake = fake(answer);
    fake.fail("describeloggroups", refusal(400, "AccessDeniedException"), 1);
    let identity = json!({ "Account": "999988887777", "Arn": "arn:aws:iam::999988887777:user/ana", "UserId": "A" });
    let body = json!({ "GetCallerIdentityResponse": { "GetCallerIdentityResult": identity } }).to_string();
    fake.fail("/", Answer::Reply(200, "Content-Type: application/json\r\n".into(), body), 1);
    tail.begin();
    let logs = logs(&fake).await;
    let mut live = logs.live(place(), LogQuery::default()).unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), LiveNews::Began);
    let arn = "arn:aws:logs:us-east-1:999988887777:log-group:/aws/emr-serverless";
    assert_eq!(fake.told("startlivetail")[0]["logGroupIdentifiers"], json!([arn]));
    assert_eq!(logs.requests(), Some(3));
}

#[tokio::test]
async fn ten_thousand_lines_at_once_come_in_parts() {
    let (tail, answer) = LiveTail::new();
    let fake = fake(answer);
    let logs = logs(&fake).await;
    tail.begin();
    let events: Vec<_> = (0..10_000).map(|n| event(n, &format!("line {n} {}", "x".repeat(200)))).collect();
    tail.tell(&events, true);
    tail.tell(&[event(10_000, "the last")], false);
    let mut live = logs.live(place(), LogQuery::default()).unwrap();
    let mut told = Vec::new();
    let mut sampled = 0;
    while told.len() <= 10_000 {
        if let LiveNews::Lines { lines, sampled: left_out } = live.next().await.unwrap().unwrap() {
            assert!((1..=2_000).contains(&lines.len()), "{}", lines.len());
            told.extend(lines);
            sampled += usize::from(left_out);
        }
    }
    assert!(told.iter().zip(0..).take(10_000).all(|(line, n)| line.text.starts_with(&format!("line {n} "))));
    assert_eq!((told[10_000].text.as_str(), sampled), ("the last", 1));
}

#[tokio::test]
async fn silence_has_an_end() {
    // Before anything came.
    let (_mute, answer) = LiveTail::new();
    for answer in [answer, Answer::Hang] {
        let fake = fake(answer);
        let logs = logs(&fake).await;
        let mut live = logs.live(place(), LogQuery::default()).unwrap();
        while fake.asked("startlivetail").is_empty() {
            assert!(futures::poll!(live.next()).is_pending());
            yield_now().await;
        }
        tokio::time::pause();
        let error = live.next().await.unwrap().unwrap_err();
        tokio::time::resume();
        assert_eq!(error.class, ErrorClass::Unreachable, "{error}");
        assert!(error.to_string().contains("in time"), "{error}");
    }
    // After it began.
    let (tail, answer) = LiveTail::new();
    let fake = fake(answer);
    let logs = logs(&fake).await;
    tail.begin();
    let mut live = logs.live(place(), LogQuery::default()).unwrap();
    assert_eq!(live.next().await.unwrap().unwrap(), LiveNews::Began);
    tokio::time::pause();
    let error = live.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("nothing readable came for 10 s"), "{error}");
}
