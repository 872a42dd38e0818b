//! Telling people: the wire to webhooks, PagerDuty and SNS, and the program as a whole. Wherever a secret could
//! show, it is looked for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use lakeward::lake::ErrorClass;
use lakeward::model::dataset::Dataset;
use lakeward::model::notice::{Notice, NoticeKind};
use lakeward::ops::Notifying;
use lakeward::sources::notify::pagerduty::PagerDuty;
use lakeward::sources::notify::webhook::Webhook;
use lakeward::sources::notify::{About, Notifier, NotifyError, Secret};
use serde_json::{Value, json};

use crate::support::http_server::{Answer, HttpServer};
use crate::support::program::{Run, lakeward, lakeward_with};
use crate::support::s3_server;

const SECRET: &str = "SECRETSECRET";
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

fn notice(kind: NoticeKind) -> Notice {
    Notice {
        kind,
        environment: "prod".into(),
        lake: "s3://acme".into(),
        dataset: Dataset("crm/contacts".into()),
        date: NaiveDate::from_ymd_opt(2026, 11, 22),
        reason: "schema_mismatch".into(),
        note: None,
        objects: 3,
        bytes: 42_113,
        rows: Some(150),
        path: "_quarantine/crm/contacts/dt=2026-11-22/schema_mismatch/".into(),
        move_id: "m1".into(),
        actor: "ana".into(),
        at: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
        alert_keys: vec!["dlq_rows:crm/contacts:2026-11-22".into(), "schema_drift:crm/contacts:2026-11-22".into()],
    }
}

fn webhook(server: &HttpServer) -> Webhook {
    let url = Secret::new(&server.url(&format!("/services/T0/{SECRET}?token={SECRET}")));
    Webhook::new(About::named("chat"), &url).unwrap()
}

fn shows_nothing(error: &NotifyError) {
    let shown = format!("{error} {error:?} {error:#?} {}", error.hint);
    assert!(!shown.contains(SECRET) && !shown.contains(ROUTING_KEY) && !shown.contains("/services"), "{shown}");
}

#[tokio::test]
async fn a_webhook_gets_the_text_as_json() {
    let server = HttpServer::start([]);
    let webhook = webhook(&server);
    let notice = notice(NoticeKind::Quarantined);
    webhook.send(&notice).await.unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.contains(SECRET)), ("POST", true));
    assert!(request.headers.iter().any(|h| h == "content-type: application/json"), "{request:?}");
    let text = request.json()["text"].as_str().unwrap().to_owned();
    let first = "prod: crm/contacts 2026-11-22 quarantined by ana (schema_mismatch): 3 objects, 42,113 bytes, 150 rows";
    assert_eq!(text.lines().next(), Some(first));
    let shown = webhook.preview(&notice).unwrap();
    assert_eq!(serde_json::from_str::<Value>(shown.split_once('\n').unwrap().1).unwrap(), request.json());
    assert!(!format!("{shown}{webhook:?}").contains(SECRET));
}

#[tokio::test]
async fn each_answer_is_told_without_the_secret() {
    let elsewhere = HttpServer::start([]);
    let location = format!("Location: {}", elsewhere.url("/stolen"));
    let endless = format!("{SECRET} {}", "no ".repeat(1 << 20));
    for (answer, class, detail, wait) in [
        (Answer::of(200, "ok"), None, "", None),
        (Answer::of(204, ""), None, "", None),
        (Answer::of(404, "no_service"), Some(ErrorClass::NotFound), "HTTP 404: no_service", None),
        (Answer::of(403, &format!("bad {SECRET}")), Some(ErrorClass::Denied), "HTTP 403: bad ******", None),
        (Answer::of(400, "invalid\npayload"), Some(ErrorClass::Malformed), "HTTP 400: invalid payload", None),
        (Answer::with(429, "Retry-After: 7"), Some(ErrorClass::Throttled), "HTTP 429", Some(7)),
        (Answer::with(503, "Retry-After: 0"), Some(ErrorClass::Unreachable), "HTTP 503", Some(0)),
        (Answer::of(500, &endless), Some(ErrorClass::Unreachable), "HTTP 500: ****** no no", None),
        (Answer::with(302, &location), Some(ErrorClass::Unsupported), "HTTP 302", None),
        (Answer::with(307, &location), Some(ErrorClass::Unsupported), "HTTP 307", None),
    ] {
        let server = HttpServer::start([answer.clone()]);
        match (webhook(&server).send(&notice(NoticeKind::Released)).await, class) {
            (Ok(()), None) => {}
            (Err(error), Some(class)) => {
                assert_eq!((error.class, error.target.as_str()), (class, server.address()), "{error}");
                assert!(error.detail.starts_with(detail) && error.detail.chars().count() <= 201, "{error}");
                assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{error}");
                shows_nothing(&error);
            }
            (sent, _) => panic!("{answer:?}: {sent:?}"),
        }
        assert_eq!(server.requests().len(), 1);
    }
    assert!(elsewhere.requests().is_empty(), "a redirect got the message: {:?}", elsewhere.requests());
}

#[tokio::test]
async fn silence_ends_in_time_and_without_the_secret() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Secret::new(&format!("http://{closed}/services/{SECRET}"));
    let refused = Webhook::new(About::named("chat"), &url).unwrap();
    let error = refused.send(&notice(NoticeKind::Released)).await.unwrap_err();
    assert_eq!((error.class, error.detail.as_str()), (ErrorClass::Unreachable, "the connection is refused"));
    shows_nothing(&error);
    shows_nothing(&refused.check().await.unwrap_err());
    let server = HttpServer::start([Answer::Hang]);
    let webhook = webhook(&server);
    tokio::time::pause(); // the clock runs ahead whenever nothing else is to do
    let error = webhook.send(&notice(NoticeKind::Released)).await.unwrap_err();
    assert_eq!((error.class, error.detail.as_str()), (ErrorClass::Unreachable, "no answer in time"));
    shows_nothing(&error);
}

#[tokio::test]
async fn a_check_connects_and_tells_nobody() {
    let server = HttpServer::start([]);
    assert_eq!(webhook(&server).check().await.unwrap(), format!("{} answers", server.address()));
    let [request] = server.requests().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("HEAD", "/"));
    assert!(!format!("{request:?}").contains(SECRET));
}

fn pagerduty(server: &HttpServer) -> PagerDuty {
    PagerDuty::new(About::named("pager"), &server.url(""), Secret::new(ROUTING_KEY)).unwrap()
}

#[tokio::test]
async fn pagerduty_gets_an_event_for_each_alert() {
    let server = HttpServer::start([Answer::of(202, r#"{"status":"success"}"#)]);
    let pagerduty = pagerduty(&server);
    pagerduty.send(&notice(NoticeKind::Quarantined)).await.unwrap();
    let bodies: Vec<Value> = server.requests().iter().map(|r| r.json()).collect();
    let event = |action: &str, key: &str| json!({"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": key});
    assert_eq!(
        bodies,
        [
            event("acknowledge", "dlq_rows:crm/contacts:2026-11-22"),
            event("acknowledge", "schema_drift:crm/contacts:2026-11-22"),
            event("resolve", "lakeward:m1:interrupted"),
        ]
    );
    assert!(server.requests().iter().all(|r| r.method == "POST" && r.path == "/v2/enqueue"));
}

#[tokio::test]
async fn pagerduty_is_told_of_an_interruption_whole() {
    let server = HttpServer::start([]);
    pagerduty(&server).send(&notice(NoticeKind::Interrupted)).await.unwrap();
    let [request] = server.requests().try_into().unwrap();
    let event = request.json();
    assert_eq!((&event["event_action"], &event["dedup_key"]), (&json!("trigger"), &json!("lakeward:m1:interrupted")));
    let payload = &event["payload"];
    assert!(payload["summary"].as_str().unwrap().contains("interrupted half-way by ana"), "{payload}");
    for (field, value) in [
        ("source", "s3://acme"),
        ("severity", "error"),
        ("timestamp", "2026-11-18T11:06:40.000Z"),
        ("component", "crm/contacts"),
        ("group", "prod"),
        ("class", "schema_mismatch"),
    ] {
        assert_eq!(payload[field], value, "{field}");
    }
    assert_eq!((&payload["custom_details"]["objects"], &payload["custom_details"]["rows"]), (&json!(3), &json!(150)));
}

#[tokio::test]
async fn a_refused_event_ends_the_try_and_shows_no_key() {
    let reply = format!(r#"{{"status":"invalid event","errors":["'routing_key' {ROUTING_KEY} is invalid"]}}"#);
    let server = HttpServer::start([Answer::of(400, &reply)]);
    let error = pagerduty(&server).send(&notice(NoticeKind::Quarantined)).await.unwrap_err();
    assert_eq!((error.class, server.requests().len()), (ErrorClass::Malformed, 1), "{error}");
    assert!(error.detail.contains("'routing_key' ****** is invalid"), "{error}");
    shows_nothing(&error);
}

#[tokio::test]
async fn a_bad_day_of_one_end_is_retried_and_the_others_do_not_wait() {
    let moody = HttpServer::start([Answer::with(503, "Retry-After: 0"), Answer::with(429, "Retry-After: 0")]);
    let closed = HttpServer::start([Answer::of(403, "invalid_token")]);
    let notifying = Notifying::new(vec![Box::new(webhook(&moody)), Box::new(pagerduty(&closed))]);
    let deliveries = notifying.tell_and_wait(&notice(NoticeKind::Archived), Duration::from_secs(60)).await;
    let seen: Vec<_> = deliveries.iter().map(|d| (d.notifier.as_str(), d.tries, d.outcome.word())).collect();
    assert_eq!(seen, [("chat", 3, "sent"), ("pager", 1, "failed")]);
    assert_eq!(moody.requests().len(), 3);
}

/// A configuration in a folder of its own, and the program run with it.
struct Machine {
    home: tempfile::TempDir,
}

impl Machine {
    fn new(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("lake")).unwrap();
        fs::write(home.path().join("config.toml"), config).unwrap();
        Self { home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Run {
        let (config, lake, state) = (self.path("config.toml"), self.path("lake"), self.path("state"));
        let mut all = vec!["--config", &config, "--lake", &lake];
        all.extend(arguments);
        let mut vars = vec![("XDG_STATE_HOME", state.as_str()), ("LAKEWARD_LOG", "trace"), ("USER", "ana")];
        vars.extend(more);
        let run = lakeward_with(&all, &vars);
        let log = fs::read_to_string(Path::new(&state).join("lakeward/lakeward.log")).unwrap_or_default();
        let all = format!("{}{}{log}", run.out, run.err);
        assert!(!all.contains(SECRET) && !all.contains(ROUTING_KEY), "a secret is shown or logged: {all}");
        run
    }
}

fn states(run: &Run) -> Vec<(String, String, u64)> {
    let records = run.json();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let records = records.as_array().unwrap_or_else(|| panic!("{run:?}")).iter();
    records.map(|r| (text(&r["notifier"]), text(&r["state"]), r["tries"].as_u64().unwrap_or_default())).collect()
}

fn three(slack: &HttpServer, pager: &HttpServer) -> Machine {
    let machine = Machine::new(&format!(
        "[[notify]]\nkind = \"slack\"\nname = \"chat\"\nurl_env = \"HOOK\"\n\
         [[notify]]\nkind = \"pagerduty\"\nrouting_key_file = \"key\"\nendpoint_url = \"{}\"\n\
         [[notify]]\nkind = \"file\"\npath = \"notices.jsonl\"\ntemplate = \"{{actor}} {{kind}}\"\n",
        pager.url("")
    ));
    fs::write(machine.home.path().join("key"), format!("{ROUTING_KEY}\n")).unwrap();
    assert!(slack.requests().is_empty());
    machine
}

#[test]
fn a_test_notice_reaches_everybody_and_says_what_it_is() {
    let slack = HttpServer::start([Answer::with(429, "Retry-After: 0")]);
    let pager = HttpServer::start([]);
    let machine = three(&slack, &pager);
    let hook = slack.url(&format!("/services/{SECRET}"));
    let vars = [("HOOK", hook.as_str())];

    let dry = machine.run(&["notify", "test", "--dry-run"], &vars);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(dry.out.contains("── chat") && dry.out.contains("\"event_action\": \"trigger\""), "{}", dry.out);
    assert!(dry.out.contains("******") && dry.out.ends_with("nothing was sent\n"), "{}", dry.out);
    assert!(slack.requests().is_empty() && pager.requests().is_empty());
    assert!(!machine.home.path().join("notices.jsonl").exists());

    let refused = machine.run(&["notify", "test", "--read-only"], &vars);
    assert_eq!((refused.code, refused.err.contains("--read-only")), (4, true), "{refused:?}");
    assert!(slack.requests().is_empty());

    let run = machine.run(&["notify", "test", "--json"], &vars);
    let sent = |name: &str, tries| (name.to_owned(), "sent".to_owned(), tries);
    assert_eq!((run.code, states(&run)), (0, vec![sent("chat", 2), sent("pagerduty", 1), sent("file", 1)]), "{run:?}");
    let text = slack.requests()[1].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("test of the notifications by ana; nothing was moved"), "{text}");
    let actions: Vec<_> = pager.requests().iter().map(|r| r.json()["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "nobody stays paged");
    let line: Value = serde_json::from_str(&fs::read_to_string(machine.path("notices.jsonl")).unwrap()).unwrap();
    assert_eq!((&line["text"], &line["schema"]), (&json!("ana test"), &json!(1)));

    let one = machine.run(&["notify", "test", "file", "--json"], &vars);
    assert_eq!((one.code, states(&one)), (0, vec![sent("file", 1)]), "{one:?}");
    let none = machine.run(&["notify", "test", "nobody"], &vars);
    assert_eq!((none.code, none.err.contains("one of: chat, pagerduty, file")), (2, true), "{none:?}");
}

#[test]
fn doctor_has_a_row_for_each_and_a_secret_that_is_missing_stops_nothing_else() {
    let (slack, pager) = (HttpServer::start([]), HttpServer::start([]));
    let machine = three(&slack, &pager);
    let hook = slack.url(&format!("/services/{SECRET}"));
    let rows = |run: &Run| {
        let rows = run.json()["checks"].as_array().unwrap().clone();
        let mine = rows.into_iter().filter(|r| r["check"].as_str().unwrap().starts_with("notify"));
        mine.map(|r| format!("{}: {}", r["check"].as_str().unwrap(), r["verdict"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let fine = machine.run(&["doctor", "--json"], &[("HOOK", &hook)]);
    assert_eq!(rows(&fine), ["notify chat: pass", "notify pagerduty: pass", "notify file: pass"], "{fine:?}");
    assert!(fine.out.contains("url of variable HOOK"), "{}", fine.out);
    assert!(slack.requests().iter().chain(&pager.requests()).all(|r| r.method == "HEAD" && r.path == "/"));

    let unset = machine.run(&["doctor", "--json"], &[]);
    assert_eq!((unset.code, rows(&unset)[0].as_str()), (3, "notify chat: fail"), "{unset:?}");
    assert!(unset.out.contains("the variable HOOK is not set"), "{}", unset.out);
    let listed = machine.run(&["dlq", "list", "--json"], &[]);
    assert_eq!((listed.code, listed.json()), (0, json!([])), "{listed:?}");
    let failed = machine.run(&["notify", "test", "chat", "--json"], &[]);
    assert_eq!((failed.code, states(&failed)[0].1.as_str()), (3, "failed"), "{failed:?}");
}

#[test]
fn a_secret_in_a_file_that_others_may_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let slack = HttpServer::start([]);
    let url = slack.url(&format!("/services/{SECRET}"));
    let machine = Machine::new(&format!("[[notify]]\nkind = \"slack\"\nurl = \"{url}\"\n"));
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(machine.path("config.toml"), fs::Permissions::from_mode(mode)).unwrap();
        let run = machine.run(&["doctor"], &[]);
        assert_eq!(run.out.contains("notify secrets"), warned, "{mode:o}: {}", run.out);
    }
}

#[test]
fn without_a_notifier_a_test_says_how_to_have_one() {
    let run = lakeward(&["notify", "test"]);
    assert_eq!((run.code, run.err.contains("[[notify]]")), (2, true), "{run:?}");
}

#[test]
fn a_topic_gets_a_message_that_can_be_filtered() {
    let server = s3_server::shared();
    let made = server.query("sns", "Action=CreateTopic&Version=2010-03-31&Name=dq-alerts");
    let topic = between(&made, "<TopicArn>", "</TopicArn>");
    let queue = server.query("sqs", "Action=CreateQueue&Version=2012-11-05&QueueName=notices");
    let queue = between(&queue, "<QueueUrl>", "</QueueUrl>");
    let queue_arn = topic.replace(":sns:", ":sqs:").replace("dq-alerts", "notices");
    let subscribed = format!(
        "Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=sqs&Endpoint={queue_arn}&ReturnSubscriptionArn=true"
    );
    server.query("sns", &subscribed);
    let table = |arn: &str| {
        format!("[[notify]]\nkind = \"sns\"\ntopic_arn = \"{arn}\"\nendpoint_url = \"{}\"\n", server.endpoint())
    };
    let machine = Machine::new(&table(&topic));
    let run = machine.run(&["notify", "test", "--json"], &[]);
    assert_eq!((run.code, states(&run)), (0, vec![("sns".into(), "sent".into(), 1)]), "{run:?}");
    let received = server.query("sqs", &format!("Action=ReceiveMessage&Version=2012-11-05&QueueUrl={queue}"));
    for part in ["lakeward local: test of the notifications", "MessageAttributes", "lakeward-test", "TopicArn"] {
        assert!(received.contains(part), "no {part}: {received}");
    }
    let row = machine.run(&["doctor"], &[]).out;
    // The server counts no subscriptions in what it says of a topic.
    let told = |line: &str| line.starts_with("notify sns ") && line.contains(&format!(" pass     {topic} is there"));
    assert!(row.lines().any(told), "{row}");

    let missing = Machine::new(&table(&topic.replace("dq-alerts", "nothing")));
    let run = missing.run(&["notify", "test", "--json"], &[]);
    let error = run.json()[0]["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!((run.code, states(&run)[0].1.as_str()), (3, "failed"), "{run:?}");
    assert!(error.contains(":nothing: not found: NotFound"), "{error}");
    assert!(missing.run(&["doctor"], &[]).out.contains("not found"));
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start}: {text}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}: {text}")).0.to_owned()
}
