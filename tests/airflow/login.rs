//! Passwords and tokens: who gets them, how often, and when they are renewed.

use chrono::Utc;
use lakeward::lake::ErrorClass::*;
use lakeward::model::dag::{DagId, DagRunId};
use lakeward::sources::airflow::Login;
use lakeward::sources::dags::DagSource;
use lakeward::sources::notify::Secret;

use super::airflow;
use super::answers::{json, version3};
use super::http_server::{Answer, HttpServer, Received};

const NONE: &str = r#"{"dag_runs": [], "total_entries": 0}"#;

fn password() -> Login {
    Login::Basic { user: "ann".to_owned(), password: Secret::new("PASSWORD-PASSWORD") }
}

fn given(token: &str) -> Answer {
    json(201, &format!(r#"{{"access_token": "{token}"}}"#))
}

fn authorization(request: &Received) -> Option<&str> {
    request.headers.iter().find_map(|h| h.strip_prefix("authorization: "))
}

fn paths(server: &HttpServer) -> Vec<String> {
    server.requests().iter().map(|r| r.path.split('?').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_of_3_is_renewed_once() {
    let expired = || json(401, r#"{"detail": "Token Expired"}"#);
    let none = json(200, r#"{"task_instances": [], "total_entries": 0}"#);
    let answers = [version3(), given("first"), expired(), given("second"), none, expired(), given("third"), expired()];
    let server = HttpServer::start(answers);
    let airflow = airflow(&server.url(""), password());
    let (dag, run) = (DagId("a".into()), DagRunId("b".into()));
    assert_eq!(airflow.tasks(&dag, &run).await, Ok(Vec::new()));
    let tasks = "/api/v2/dags/a/dagRuns/b/taskInstances";
    assert_eq!(paths(&server), ["/api/v2/version", "/auth/token", tasks, "/auth/token", tasks]);
    let sent = server.requests();
    let login = serde_json::json!({ "username": "ann", "password": "PASSWORD-PASSWORD" });
    assert_eq!(sent[1].json(), login);
    let shown: Vec<_> = sent.iter().map(authorization).collect();
    assert_eq!(shown, [None, None, Some("bearer first"), None, Some("bearer second")]);
    // A new one that is no good either: that is an answer.
    let error = airflow.tasks(&dag, &run).await.unwrap_err();
    assert_eq!((error.class, server.requests().len()), (Denied, 8), "{error}");
    assert!(error.hint.contains("airflow.user"), "{}", error.hint);
}

#[tokio::test]
async fn a_refused_password_is_not_sent_again_and_again() {
    let server = HttpServer::start([version3(), json(401, r#"{"detail": "PASSWORD-PASSWORD is wrong"}"#)]);
    let airflow = airflow(&server.url(""), password());
    for _ in 0..3 {
        let error = airflow.runs(Utc::now(), 10).await.unwrap_err();
        assert_eq!((error.class, error.object.clone()), (Denied, server.url("/auth/token")), "{error}");
        assert!(!format!("{error:?}").contains("PASSWORD"), "{error:?}");
    }
    assert_eq!(paths(&server), ["/api/v2/version", "/auth/token"]);
}

#[tokio::test]
async fn no_tokens_there() {
    for (answer, class) in [
        (json(404, r#"{"detail": "Not Found"}"#), Unsupported),
        (json(201, r#"{"token": "other"}"#), Unsupported),
        (Answer::of(500, ""), Unreachable),
        (Answer::with(302, "Location: https://idp.example.com/login"), Denied),
    ] {
        let server = HttpServer::start([version3(), answer]);
        let error = airflow(&server.url(""), password()).runs(Utc::now(), 10).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
    }
}

#[tokio::test]
async fn a_password_goes_to_2_as_it_is() {
    let version = json(200, r#"{"version": "2.11.2"}"#);
    let server = HttpServer::start([Answer::of(404, ""), version, json(200, NONE), json(401, "Unauthorized")]);
    let airflow = airflow(&server.url("/team"), password());
    let error = airflow.runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!((error.class, error.object), (Denied, server.url("/team/api/v1/dags/~/dagRuns/list")));
    assert!(error.hint.contains("basic_auth"), "{}", error.hint);
    let sent = server.requests();
    assert_eq!(sent.iter().map(|r| authorization(r).is_some()).collect::<Vec<_>>(), [false, true, true, true]);
    let asked = [sent[2].json(), sent[3].json()];
    assert!(asked.iter().any(|a| a["states"] == serde_json::json!(["queued", "running"])), "{sent:?}");
    assert!(asked.iter().any(|a| a["start_date_gte"].is_string()), "{sent:?}");
}
