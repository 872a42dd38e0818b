//! `doctor` as a whole: against a real S3 API, a fake of EMR Serverless and logs, and servers that are wrong in one way
//! each.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

use chrono::{Duration, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fake_aws::emr::{Emr, Run as EmrRun};
use crate::support::fake_aws::{Account, FakeAws, refusal};
use crate::support::http_server::{Answer, HttpServer, Received};
use crate::support::program::{Run, lakeward_with};
use crate::support::s3_server::{self, Server};

/// The rows of `doctor --json`.
struct Rows(Vec<Value>);

impl Rows {
    fn of(run: &Run) -> Self {
        Self(run.json()["checks"].as_array().unwrap().clone())
    }

    fn find(&self, check: &str) -> &Value {
        let found = self.0.iter().find(|row| row["check"] == check);
        found.unwrap_or_else(|| panic!("no row `{check}`: {:#?}", self.0))
    }

    fn verdict(&self, check: &str) -> &str {
        self.find(check)["verdict"].as_str().unwrap()
    }

    fn detail(&self, check: &str) -> &str {
        self.find(check)["detail"].as_str().unwrap()
    }

    fn hint(&self, check: &str) -> &str {
        self.find(check)["hint"].as_str().unwrap_or_default()
    }
}

fn doctor(config: &str, more: &[(&str, &str)]) -> (Run, Rows) {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let run = lakeward_with(&["--config", file.to_str().unwrap(), "doctor", "--json"], more);
    let rows = Rows::of(&run);
    (run, rows)
}

fn on_s3(endpoint: &str, bucket: &str) -> String {
    format!("[environments.aws]\nkind = \"aws\"\nlake = \"s3://{bucket}\"\nendpoint_url = \"{endpoint}\"\n")
}

async fn lake_on(server: &Server) -> String {
    let bucket = server.bucket().await;
    server.fill(&bucket, "_errors/crm/contacts/dt=2026-11-22/rejected_rows.json", b"{}\n");
    bucket
}

#[tokio::test]
async fn a_lake_that_answers_passes_row_by_row() {
    let server = s3_server::shared();
    let bucket = lake_on(server).await;
    let (run, rows) = doctor(&on_s3(server.endpoint(), &bucket), &[]);
    for check in [
        "lake",
        "errors prefix",
        "read",
        "s3:ListBucket _quarantine/",
        "s3:ListBucket _lakeward/",
        "s3:GetObjectTagging",
    ] {
        assert_eq!(rows.verdict(check), "pass", "{check}: {}", rows.detail(check));
    }
    assert_eq!(rows.verdict("network s3"), "pass", "{}", rows.detail("network s3"));
    let seen = rows.detail("network s3");
    assert!(seen.contains("127.0.0.1") && seen.contains("an answer, without TLS"), "{seen}");
    assert_eq!((rows.verdict("clock"), rows.detail("clock")), ("pass", "agrees with 127.0.0.1"));
    assert!(rows.detail("calls").contains("5 calls: median"), "{}", rows.detail("calls"));
    let writes = rows.find("s3 writes");
    assert_eq!(
        (&writes["verdict"], rows.detail("s3 writes")),
        (&"skip".into(), "not tried: a write is the only proof")
    );
    let hint = rows.hint("s3 writes");
    assert!(hint.contains("s3:PutObject") && hint.contains(&format!("arn:aws:s3:::{bucket}/_errors/*")), "{hint}");
    assert_eq!(run.code, 0, "{run:?}");
    let asked = server.requests_of(&bucket).await;
    let written = asked.iter().filter(|r| r.method != "GET" && r.method != "HEAD").count();
    assert_eq!(written, 3, "the bucket, its policy and the object of this test, nothing since: {asked:#?}");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_with_what_to_grant_it_on() {
    let server = Server::start();
    let bucket = lake_on(&server).await;
    server.control("deny?prefix=_quarantine/&list=1").await;
    let (run, rows) = doctor(&on_s3(server.endpoint(), &bucket), &[]);
    assert_eq!((run.code, rows.verdict("s3:ListBucket _quarantine/")), (3, "fail"), "{run:?}");
    let grant = format!("grant s3:ListBucket on arn:aws:s3:::{bucket} (s3:prefix _quarantine/*)");
    assert!(rows.hint("s3:ListBucket _quarantine/").starts_with(&grant), "{:?}", rows.0);
    assert_eq!(rows.verdict("s3:ListBucket _lakeward/"), "pass");

    server.control("deny?prefix=_errors/").await;
    let (_, rows) = doctor(&on_s3(server.endpoint(), &bucket), &[]);
    assert_eq!((rows.verdict("lake"), rows.verdict("read")), ("pass", "fail"));
    assert!(rows.hint("read").contains(&format!("grant s3:GetObject on arn:aws:s3:::{bucket}/*")), "{:?}", rows.0);
}

#[tokio::test]
async fn a_store_that_asks_for_fewer_requests_is_told() {
    let server = Server::start();
    let bucket = lake_on(&server).await;
    server.control("throttle?count=1000").await;
    let (_, rows) = doctor(&on_s3(server.endpoint(), &bucket), &[]);
    assert_eq!(rows.verdict("calls"), "warn", "{}", rows.detail("calls"));
    assert!(rows.detail("calls").contains("3 refused for their rate"), "{}", rows.detail("calls"));
}

#[test]
fn a_server_that_is_not_there_fails_at_its_step() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (run, rows) = doctor(&on_s3(&format!("http://{nobody}"), "b"), &[]);
    assert_eq!((run.code, rows.verdict("network s3"), rows.verdict("clock")), (3, "fail", "skip"), "{run:?}");
    assert!(
        rows.detail("network s3").contains("no connection to 127.0.0.1")
            && rows.detail("network s3").contains("refused")
    );

    let (_, rows) = doctor(&on_s3("http://no-such-host.invalid", "b"), &[]);
    assert!(rows.detail("network s3").contains("name"), "{}", rows.detail("network s3"));

    // It speaks, but no TLS.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap_or_default();
        }
    });
    let (_, rows) = doctor(&on_s3(&format!("https://{address}"), "b"), &[]);
    assert_eq!(rows.verdict("network s3"), "fail");
    assert!(rows.detail("network s3").contains("TLS"), "{}", rows.detail("network s3"));
}

#[test]
fn a_clock_that_is_off_is_a_verdict() {
    for (minutes, verdict, words) in [(2, "warn", "behind"), (-10, "fail", "ahead")] {
        let server = HttpServer::answering(move |_| {
            let date = (Utc::now() + Duration::minutes(minutes)).format("%a, %d %b %Y %H:%M:%S GMT");
            Answer::with(404, &format!("Date: {date}"))
        });
        let (_, rows) = doctor(&on_s3(&server.url(""), "b"), &[]);
        assert_eq!(rows.verdict("clock"), verdict, "{}", rows.detail("clock"));
        assert!(rows.detail("clock").contains(words), "{}", rows.detail("clock"));
    }
}

#[test]
fn a_proxy_is_used_and_told_without_its_password() {
    let proxy = HttpServer::answering(|_| Answer::of(403, ""));
    let address = proxy.url("").replace("http://", "http://ana:SECRETSECRET@");
    let (run, rows) = doctor(&on_s3("http://lake.invalid:9000", "b"), &[("HTTP_PROXY", &address)]);
    assert_eq!(rows.verdict("network s3"), "pass", "{}", rows.detail("network s3"));
    let told = format!("through the proxy http://{} (HTTP_PROXY)", proxy.address());
    assert!(rows.detail("network s3").contains(&told), "{}", rows.detail("network s3"));
    assert!(!run.out.contains("SECRETSECRET"), "{}", run.out);
    assert!(proxy.requests().iter().any(|r| r.method == "HEAD" && r.path == "http://lake.invalid:9000/"));
}

/// Nobody is asked who we are.
const DARK: [(&str, &str); 2] =
    [("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_HEALTH", "http://127.0.0.1:9")];

fn with_emr(fake: &FakeAws) -> String {
    let server = s3_server::shared();
    format!("{}[emr]\nendpoint_url = \"{}\"\n", on_s3(server.endpoint(), "nothing-here"), fake.url())
}

#[test]
fn what_the_services_let_us_do_is_asked_harmlessly() {
    let run = EmrRun::new("r1", "load", "SUCCESS", Utc::now());
    let fake = FakeAws::start(Account { emr: Emr::of(vec![run]), ..Account::default() });
    let (_, rows) = doctor(&with_emr(&fake), &DARK);
    for check in [
        "emr-serverless:ListApplications",
        "emr-serverless:ListJobRuns",
        "emr-serverless:GetJobRun",
        "emr-serverless:ListJobRunAttempts",
        "logs:FilterLogEvents",
    ] {
        assert_eq!(rows.verdict(check), "pass", "{check}: {}", rows.detail(check));
    }
    assert_eq!((rows.verdict("identity"), rows.verdict("aws status")), ("warn", "skip"), "{:?}", rows.0);
    assert_eq!(rows.verdict("emr-serverless writes"), "skip");
    assert!(rows.hint("emr-serverless writes").contains("emr-serverless:StartJobRun"));
    assert_eq!(rows.verdict("logs:StartLiveTail"), "skip", "it is billed");
    assert!(rows.hint("logs:StartLiveTail").contains("arn:aws:logs:us-east-1:*:log-group:*"), "{:?}", rows.0);
    assert!(fake.asked("startlivetail").is_empty());
    let network = rows.find("network emr-serverless, logs");
    assert_eq!(network["verdict"], "pass", "{network}");
    let asked = fake.asked("/applications");
    assert!(asked.iter().any(|path| path.contains("/00app1/jobruns?maxResults=1")), "{asked:?}");
    assert!(asked.len() == 4, "four questions: {asked:?}");

    fake.fail("jobruns", refusal(403, "AccessDeniedException"), 9);
    fake.fail("filterlogevents", refusal(400, "AccessDeniedException"), 9);
    let (run, rows) = doctor(&with_emr(&fake), &DARK);
    assert_eq!((run.code, rows.verdict("emr-serverless:ListApplications")), (3, "pass"));
    let grant = "grant emr-serverless:ListJobRuns on arn:aws:emr-serverless:us-east-1:*:/applications/00app1";
    assert!(rows.hint("emr-serverless:ListJobRuns").starts_with(grant), "{:?}", rows.0);
    let grant = "grant logs:FilterLogEvents on arn:aws:logs:us-east-1:*:log-group:/aws/emr-serverless:*";
    assert!(rows.hint("logs:FilterLogEvents").starts_with(grant), "{:?}", rows.0);
}

#[test]
fn a_folder_is_asked_for_nothing_over_the_network() {
    let lake = TempDir::new().unwrap();
    let config = format!("[environments.here]\nkind = \"local\"\nlake = \"{}\"\n", lake.path().display());
    let (run, rows) = doctor(&config, &[]);
    assert_eq!(run.code, 0, "{run:?}");
    for check in ["permissions", "emr-serverless", "network"] {
        assert_eq!(rows.verdict(check), "skip", "{check}");
    }
    assert!(rows.0.iter().all(|row| row["check"] != "s3 writes"));
    let fields: Vec<&str> = rows.0[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["check", "verdict", "detail", "hint"]);
}

#[test]
fn airflow_has_a_row_and_its_server_another() {
    let said = |request: &Received| match request.path.split('?').next() {
        Some("/api/v2/version") => r#"{"version":"3.3.2"}"#,
        _ => r#"{"dags":[],"import_errors":[],"total_entries":0}"#,
    };
    let server = HttpServer::answering(move |request| {
        Answer::Reply(200, "Content-Type: application/json\r\n".into(), said(request).into())
    });
    let lake = TempDir::new().unwrap();
    let config = |url: &str| {
        let place = lake.path().display();
        format!("[environments.here]\nkind = \"local\"\nlake = \"{place}\"\n[airflow]\nurl = \"{url}\"\n")
    };
    let (run, rows) = doctor(&config(&server.url("")), &[]);
    assert_eq!((run.code, rows.verdict("airflow"), rows.verdict("network airflow")), (0, "pass", "pass"), "{run:?}");
    assert!(rows.detail("airflow").contains("Airflow 3.3.2 at "), "{}", rows.detail("airflow"));
    let (run, rows) = doctor(&config("http://127.0.0.1:9"), &[]);
    assert_eq!((run.code, rows.verdict("airflow"), rows.verdict("network airflow")), (3, "fail", "fail"), "{run:?}");
}

#[tokio::test]
async fn who_we_are_and_what_aws_says_is_wrong() {
    let server = s3_server::shared();
    let bucket = lake_on(server).await;
    let event = json!({ "service": "S3", "eventTypeCode": "AWS_S3_OPERATIONAL_ISSUE", "startTime": 1_795_000_000.0 });
    let elsewhere = json!({ "service": "EC2", "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE" });
    let events = json!({ "events": [elsewhere, event] }).to_string();
    for (answer, verdict, words) in [
        (Answer::of(200, &events), "warn", "S3: AWS_S3_OPERATIONAL_ISSUE since 2026-11-18"),
        (Answer::of(200, r#"{"events":[]}"#), "pass", "no open issue of the pipeline's services in us-east-1"),
        (
            refusal(400, "SubscriptionRequiredException"),
            "skip",
            "SubscriptionRequiredException: AWS Health answers accounts",
        ),
        (refusal(400, "AccessDeniedException"), "skip", "AccessDeniedException"),
    ] {
        let health = HttpServer::start([answer]);
        let address = health.url("");
        let vars = [("AWS_ENDPOINT_URL", server.endpoint()), ("AWS_ENDPOINT_URL_HEALTH", address.as_str())];
        let (run, rows) = doctor(&on_s3(server.endpoint(), &bucket), &vars);
        assert_eq!((run.code, rows.verdict("identity")), (0, "pass"), "{run:?}");
        assert!(rows.detail("identity").starts_with("account 123456789012, "), "{}", rows.detail("identity"));
        let held = "of variables; they do not say when they end";
        assert_eq!((rows.verdict("credentials"), rows.detail("credentials")), ("pass", held));
        assert_eq!(rows.verdict("aws status"), verdict, "{:?}", rows.find("aws status"));
        assert!(rows.detail("aws status").contains(words), "{}", rows.detail("aws status"));
        let [asked] = health.requests().try_into().unwrap();
        assert!(asked.headers.contains(&"x-amz-target: awshealth_20160804.describeevents".to_owned()), "{asked:?}");
        assert!(asked.headers.iter().any(|h| h.contains("/us-east-1/health/aws4_request")), "{asked:?}");
        assert_eq!(asked.json()["filter"]["regions"], json!(["us-east-1", "global"]));
    }
}

#[test]
fn credentials_that_end_are_named_with_what_renews_them() {
    let home = TempDir::new().unwrap();
    let until = (Utc::now() + Duration::minutes(5)).to_rfc3339();
    let given =
        json!({ "Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c", "Expiration": until });
    fs::write(home.path().join("given.json"), given.to_string()).unwrap();
    let profile = format!(
        "[profile oncall]\nregion = us-east-1\ncredential_process = cat {}/given.json\n",
        home.path().display()
    );
    fs::write(home.path().join("aws"), profile).unwrap();
    let file = home.path().join("aws").display().to_string();
    let vars = [
        ("AWS_CONFIG_FILE", file.as_str()),
        ("AWS_PROFILE", "oncall"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ];
    let (_, rows) = doctor(&on_s3("http://127.0.0.1:9", "b"), &vars);
    let seen = rows.detail("credentials");
    assert!(seen.starts_with("of a credential_process; end in 4 min"), "{seen}");
    assert_eq!(rows.verdict("credentials"), "pass", "they come anew by themselves");
}
