//! The credentials of sources: their standing in Secrets Manager on moto, what goes wrong on a fake, and the alert as
//! the program prints it. Wherever a value could be asked for, it is looked for.

use std::fs;

use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::sources::aws::secrets::SecretsManager;
use lakeward::sources::secrets::SecretSource;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fake_aws::{refusal, signed};
use crate::support::http_server::{Answer, HttpServer};
use crate::support::program::{Run, lakeward_with};
use crate::support::s3_server::Server;

const VALUE: &str = "HUNTER2HUNTER2";

fn create(server: &Server, name: &str) {
    let token = "01234567-89ab-cdef-0123-456789abcdef";
    let input = json!({ "Name": name, "SecretString": VALUE, "ClientRequestToken": token });
    server.json("secretsmanager", "secretsmanager.CreateSecret", &input);
}

fn delete(server: &Server, name: &str) {
    let input = json!({ "SecretId": name, "RecoveryWindowInDays": 7 });
    server.json("secretsmanager", "secretsmanager.DeleteSecret", &input);
}

async fn manager(endpoint: &str) -> SecretsManager {
    SecretsManager::with_config(Access { profile: Some("oncall".into()), ..Access::default() }, &signed(endpoint).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_there_missing_or_about_to_go_and_its_value_is_never_asked_for() {
    let server = Server::start();
    create(&server, "prod/crm/api");
    create(&server, "prod/old");
    delete(&server, "prod/old");
    let manager = manager(server.endpoint()).await;

    let there = manager.standing("prod/crm/api").await.unwrap();
    assert!(there.exists && there.deleted_at.is_none() && !there.rotation_enabled, "{there:?}");
    let changed = there.last_changed.expect("moto says when it was made");
    assert!((chrono::Utc::now() - changed).num_minutes().abs() < 5, "{changed}");
    assert!(!format!("{there:?}").contains(VALUE));

    let missing = manager.standing("prod/none").await.unwrap();
    assert!(!missing.exists && missing.name == "prod/none", "{missing:?}");
    let going = manager.standing("prod/old").await.unwrap();
    assert!(going.exists && going.deleted_at.is_some(), "{going:?}");

    let mut asked = server.operations();
    asked.retain(|operation| !operation.ends_with(".CreateSecret") && !operation.ends_with(".DeleteSecret"));
    assert_eq!(asked, ["secretsmanager.DescribeSecret"; 3]);
}

#[tokio::test]
async fn what_goes_wrong_has_a_class_and_a_way_out() {
    for (answer, class, hint) in [
        (refusal(400, "AccessDeniedException"), ErrorClass::Denied, "secretsmanager:DescribeSecret"),
        (refusal(400, "ExpiredTokenException"), ErrorClass::Expired, "aws sso login --profile oncall"),
        (refusal(400, "ThrottlingException"), ErrorClass::Throttled, "fewer requests"),
        (refusal(500, "InternalServiceError"), ErrorClass::Unreachable, "try again"),
        (Answer::of(200, "<html>"), ErrorClass::Malformed, ""),
        (Answer::of(200, "{}"), ErrorClass::Malformed, ""),
    ] {
        let again = answer.clone();
        let server = HttpServer::answering(move |_| again.clone());
        let error = manager(&server.url("")).await.standing("crm").await.unwrap_err();
        assert_eq!((error.class, error.object.as_str()), (class, "secretsmanager:crm"), "{answer:?}: {error}");
        assert!(error.hint.contains(hint), "{answer:?}: {}", error.hint);
        let targets = server.requests().into_iter().flat_map(|r| r.headers).filter(|h| h.starts_with("x-amz-target"));
        assert!(targets.into_iter().all(|h| h == "x-amz-target: secretsmanager.describesecret"));
    }
    let gone = manager("http://127.0.0.1:9").await.standing("crm").await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::Unreachable, "{gone}");
}

/// A folder as the lake, and secrets of the server.
fn run(server: &str, secrets: &str, arguments: &[&str]) -> Run {
    let home = TempDir::new().unwrap();
    let lake = home.path().join("lake");
    fs::create_dir(&lake).unwrap();
    let config = format!(
        "[environments.here]\nkind = \"local\"\nlake = \"{}\"\n[[secrets]]\nendpoint_url = \"{server}\"\n{secrets}",
        lake.display()
    );
    let file = home.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let all: Vec<&str> = ["--config", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
    let dead = "http://127.0.0.1:9";
    lakeward_with(&all, &[("AWS_ENDPOINT_URL_STS", dead), ("AWS_ENDPOINT_URL_HEALTH", dead)])
}

#[test]
fn a_secret_that_is_gone_is_a_critical_alert_until_it_is_back() {
    let server = Server::start();
    let table = "name = \"prod/crm/api\"\ndatasets = [\"crm/contacts\"]\njobs = [\"crm_ingest\"]\n";
    let alerts = || run(server.endpoint(), table, &["alerts", "--json"]);
    let missing = alerts();
    let [alert] = missing.json().as_array().unwrap().clone().try_into().unwrap_or_else(|_| panic!("{missing:?}"));
    assert_eq!((missing.code, &alert["severity"], &alert["rule"]), (3, &json!("critical"), &json!("secret")));
    assert_eq!((&alert["category"], &alert["dataset"]), (&json!("upstream_source"), &json!("crm/contacts")));
    assert_eq!(alert["key"], "secret::prod/crm/api");
    assert_eq!(alert["evidence"][0]["uri"], "secretsmanager:prod/crm/api");
    assert!(alert["summary"].as_str().unwrap().contains("needed by crm/contacts, crm_ingest"), "{alert}");
    create(&server, "prod/crm/api");
    let there = alerts();
    assert_eq!((there.code, there.json()), (0, json!([])), "{there:?}");
    delete(&server, "prod/crm/api");
    let going = alerts();
    assert!(going.json()[0]["summary"].as_str().unwrap().contains("cannot be read any more"), "{going:?}");
    assert_eq!(going.json()[0]["key"], alert["key"]);
}

#[test]
fn doctor_has_a_row_for_each_secret() {
    let server = Server::start();
    create(&server, "prod/crm/api");
    let secrets = "name = \"prod/crm/api\"\n[[secrets]]\nname = \"prod/none\"\n";
    let run = run(server.endpoint(), secrets, &["doctor", "--json"]);
    let rows: Vec<Value> = run.json()["checks"].as_array().unwrap().clone();
    let verdict = |check: &str| rows.iter().find(|r| r["check"] == check).map(|r| r["verdict"].clone());
    assert_eq!(verdict("secret prod/crm/api"), Some(json!("pass")), "{run:?}");
    assert_eq!((run.code, verdict("secret prod/none")), (3, Some(json!("fail"))));
    assert_eq!(verdict("network secretsmanager"), Some(json!("pass")));
    assert!(!run.out.contains(VALUE));

    let denied = HttpServer::answering(|_| refusal(400, "AccessDeniedException"));
    let run = self::run(&denied.url(""), "name = \"prod/crm/api\"\n", &["doctor", "--json"]);
    let grant = "grant secretsmanager:DescribeSecret on arn:aws:secretsmanager:*:*:secret:prod/crm/api-*";
    assert!(run.out.contains(grant), "{run:?}");
}
