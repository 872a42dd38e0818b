//! Each bad answer has its class, names what was asked for, says what to do, and repeats no secret.

use std::time::Duration;

use chrono::Utc;
use lakeward::lake::ErrorClass::{self, *};
use lakeward::sources::airflow::{AirflowSettings, Login};
use lakeward::sources::dags::DagSource;
use lakeward::sources::notify::Secret;

use super::http_server::{Answer, HttpServer};
use super::{airflow, from};

/// A token that no error may hold.
pub fn token() -> Login {
    Login::Token(Secret::new("TOKENTOKENTOKEN"))
}

pub fn json(status: u16, body: &str) -> Answer {
    Answer::Reply(status, "Content-Type: application/json\r\n".to_owned(), body.to_owned())
}

pub fn version3() -> Answer {
    json(200, r#"{"version": "3.3.2"}"#)
}

fn page(body: &str) -> Answer {
    Answer::Reply(200, "Content-Type: text/html; charset=utf-8\r\n".to_owned(), body.to_owned())
}

fn moved(to: &str) -> Answer {
    Answer::with(302, &format!("Location: {to}"))
}

#[tokio::test]
async fn each_bad_answer_has_its_class() {
    let login_page = "<!DOCTYPE html><title>Sign In</title><input type=\"password\">";
    let cases: Vec<(Answer, ErrorClass, &str, &str)> = vec![
        (json(401, r#"{"detail": "Token Expired"}"#), Expired, "HTTP 401: Token Expired", "airflow.token"),
        (json(403, r#"{"detail": "Invalid JWT token"}"#), Expired, "Invalid JWT token", "airflow.token"),
        (json(403, r#"{"detail": "Forbidden"}"#), Denied, "HTTP 403: Forbidden", "can read on DAG Runs"),
        (json(404, r#"{"detail": "Not Found"}"#), NotFound, "HTTP 404: Not Found", "airflow.url"),
        (
            json(422, r#"{"detail": [{"msg": "bad date"}, {"msg": "bad limit"}]}"#),
            Malformed,
            "bad date; bad limit",
            "doctor",
        ),
        (Answer::of(429, "slow\n down"), Throttled, "HTTP 429: slow down", "wait"),
        (Answer::with(429, "Retry-After: 60"), Throttled, "HTTP 429", "wait"),
        (Answer::of(500, "token TOKENTOKENTOKEN is odd"), Unreachable, "HTTP 500: token ****** is odd", "API server"),
        (Answer::with(503, "Retry-After: 60"), Unreachable, "HTTP 503", "API server"),
        (Answer::of(502, "<html><title>Bad Gateway</title>"), Unreachable, "HTTP 502", "API server"),
        (Answer::of(406, ""), Unsupported, "HTTP 406", "version"),
        (moved("https://idp.example.com/login?state=STATESTATE"), Expired, "to a login page", "airflow.token"),
        (moved("/auth/oauth2/authorize?x=STATESTATE"), Expired, "to a login page", "airflow.token"),
        (moved("https://new.example.com/?x=STATESTATE"), Unsupported, "https://new.example.com/", "final address"),
        (page(login_page), Expired, "a login page instead of data", "airflow.token"),
        (
            page("<!doctype html><title>Welcome to nginx</title>"),
            Malformed,
            "a web page instead of data",
            "airflow.url",
        ),
        (json(200, r#"{"dag_runs": [{"dag_id": "#), Malformed, "no JSON, at line 1", "airflow.url"),
        (json(200, r#"{"dag_runs": 7}"#), Malformed, "invalid type", "does not know"),
        (json(200, r#"{"dag_runs": [{"dag_id": "a"}], "total_entries": 1}"#), Malformed, "dag_run_id", "does not know"),
        (json(200, "[]"), Malformed, "invalid type", "does not know"),
        (Answer::of(200, ""), Malformed, "no JSON", "airflow.url"),
        (json(200, &format!("\"{}\"", "x".repeat(9 << 20))), Malformed, "larger than 8 MiB", "airflow.url"),
    ];
    for (answer, class, detail, hint) in cases {
        let server = always(answer.clone());
        let error = airflow(&server.url(""), token()).runs(Utc::now(), 10).await.unwrap_err();
        let asked: String = format!("{answer:?}").chars().take(200).collect();
        assert_eq!(error.class, class, "{asked}: {error}");
        assert!(error.detail.contains(detail), "{asked}: {error}");
        assert!(error.hint.contains(hint), "{asked}: {}", error.hint);
        assert_eq!(error.object, server.url("/api/v2/dags/~/dagRuns"), "{asked}");
        let all = format!("{error} {error:?}");
        assert!(!all.contains("TOKENTOKEN") && !all.contains("STATESTATE") && !error.detail.contains('\n'), "{all}");
        let sent = server.requests();
        // What still runs, and what began since: each once.
        assert_eq!(sent.len(), 3, "{asked}: {sent:?}");
        let login = "authorization: bearer tokentokentoken".to_owned();
        assert!(sent[1..].iter().all(|request| request.headers.contains(&login)), "{sent:?}");
    }
}

/// An Airflow 3 that gives one answer to all but the question for its version.
pub fn always(answer: Answer) -> HttpServer {
    HttpServer::answering(move |request| match request.path.ends_with("/version") {
        true => version3(),
        false => answer.clone(),
    })
}

#[tokio::test]
async fn the_permission_is_that_of_what_was_asked_for() {
    let denied = || json(403, r#"{"detail": "Forbidden"}"#);
    let server = always(denied());
    let error = airflow(&server.url(""), token()).dags().await.unwrap_err();
    assert!(error.hint.contains("\"can read on DAGs\""), "{}", error.hint);
    let server = HttpServer::start([version3(), denied()]);
    let (dag, run) = (lakeward::model::dag::DagId("a b".into()), lakeward::model::dag::DagRunId("c/d".into()));
    let error = airflow(&server.url(""), token()).tasks(&dag, &run).await.unwrap_err();
    assert!(error.hint.contains("\"can read on Task Instances\""), "{}", error.hint);
    assert_eq!(error.object, server.url("/api/v2/dags/a%20b/dagRuns/c%2Fd/taskInstances"));
}

#[tokio::test]
async fn nobody_there_and_nobody_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = airflow(&format!("http://{free}/x"), token()).runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (Unreachable, format!("http://{free}/x").as_str()));
    assert!(error.detail.contains("refused") && error.hint.contains("port in airflow.url"), "{error} {}", error.hint);

    let server = always(Answer::Hang);
    let settings =
        AirflowSettings { timeout: Duration::from_millis(300), ..AirflowSettings::new(server.url(""), token()) };
    let error = from(&settings).runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!((error.class, error.detail.as_str()), (Unreachable, "no answer in time"));
    assert_eq!(server.requests().len(), 3, "what takes its time is not asked again");

    // TLS where there is none.
    let url = server.url("").replace("http://", "https://");
    let error = airflow(&url, token()).runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!(error.class, Unreachable, "{error}");
}

#[tokio::test]
async fn no_airflow_there() {
    let server = HttpServer::start([Answer::of(404, ""), Answer::of(404, "")]);
    let error = airflow(&server.url("/a"), token()).check().await.unwrap_err();
    assert_eq!((error.class, error.detail.as_str(), error.object), (NotFound, "no Airflow here", server.url("/a")));

    let server = HttpServer::start([json(200, r#"{"version": 7}"#), Answer::of(404, "")]);
    let error = airflow(&server.url(""), token()).check().await.unwrap_err();
    assert_eq!((error.class, error.object), (Malformed, server.url("/api/v2/version")));
}
