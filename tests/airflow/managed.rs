//! The same Airflow by way of AWS. Amazon's end of MWAA is played: it takes the call out of its envelope, asks the real
//! Airflow, and puts the answer into another, as the API reference of `InvokeRestApi` has it.

use std::sync::Arc;

use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};
use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::model::dag::{DagRun, DagRunId, TaskInstance};
use lakeward::model::run::JobName;
use lakeward::sources::airflow::{Airflow, Mwaa, MwaaSettings};
use lakeward::sources::dags::DagSource;
use serde_json::{Value, json};

use super::http_server::{Answer, HttpServer, Received};
use super::server::{Asked, Server};

/// What both ways tell is the same.
pub async fn tells_the_same(server: &Server, own: &Airflow, since: DateTime<Utc>, bad: &DagRun) {
    let (asked, allowed) = (server.asked(), true);
    let amazon = HttpServer::answering(move |request| answer(&asked, request, allowed));
    let mwaa = mwaa(&amazon).await;
    let seen = mwaa.check().await.unwrap();
    assert!(seen.ends_with(" at mwaa://lake-airflow"), "{seen}");
    assert_eq!(mwaa.dags().await.unwrap().len(), own.dags().await.unwrap().len());
    let runs = mwaa.runs(since, 100).await.unwrap();
    let mut told: Vec<_> = runs.iter().map(|run| (&run.dag, &run.id)).collect();
    told.sort();
    let of_own = own.runs(since, 100).await.unwrap();
    let mut expected: Vec<_> = of_own.iter().map(|run| (&run.dag, &run.id)).collect();
    expected.sort();
    assert_eq!(told, expected);
    let tasks = mwaa.tasks(&bad.dag, &bad.id).await.unwrap();
    let load = tasks.iter().find(|task| task.task == "load").unwrap();
    let log = mwaa.log(load, 2).await.unwrap();
    assert_eq!((log.missing.as_deref(), log.at_end), (None, true), "{log:#?}");
    assert!(log.lines.iter().any(|l| l.text == "ValueError: column amount: 17 nulls in try 2"), "{log:#?}");
    says_who_refuses(server, load).await;
    for request in amazon.requests() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/restapi/lake-airflow"));
        let signature = request.headers.iter().find(|h| h.starts_with("authorization: ")).unwrap();
        assert!(signature.contains("/us-east-1/airflow/aws4_request"), "{signature}");
        assert!(request.json()["Path"].as_str().unwrap().starts_with('/'), "{request:?}");
    }
}

/// What Airflow refuses and what AWS refuses are told apart.
async fn says_who_refuses(server: &Server, load: &TaskInstance) {
    let nobody = TaskInstance { run: DagRunId("none".into()), ..load.clone() };
    let asked = server.asked();
    let amazon = HttpServer::answering(move |request| answer(&asked, request, true));
    let error = mwaa(&amazon).await.log(&nobody, 1).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound, "{error}");
    assert!(error.object.starts_with("mwaa://lake-airflow/"), "{error}");
    let asked = server.asked();
    let amazon = HttpServer::answering(move |request| answer(&asked, request, false));
    let error = mwaa(&amazon).await.runs(Utc::now(), 10).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Denied, "{error}");
    assert!(error.hint.contains("airflow:InvokeRestApi"), "{} {}", error, error.hint);
}

async fn mwaa(amazon: &HttpServer) -> Airflow {
    let region = Some("us-east-1".into());
    let access = Access { region, endpoint_url: Some(amazon.url("")), ..Access::default() };
    let provider = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
    let config = access.load().await.into_builder().credentials_provider(provider).build();
    let settings = MwaaSettings { environment: "lake-airflow".to_owned(), access };
    let names = Arc::new(|task: &str| JobName(task.to_uppercase().into()));
    Airflow::over(Arc::new(Mwaa::with_config(settings, &config)), names)
}

fn answer(asked: &Asked, request: &Received, allowed: bool) -> Answer {
    let refusal = |code: &str, body: Value| {
        Answer::Reply(400, format!("x-amzn-ErrorType: {code}\r\nContent-Type: application/json\r\n"), body.to_string())
    };
    if !allowed {
        return refusal(
            "AccessDeniedException",
            json!({ "Message": "not authorized to perform airflow:InvokeRestApi" }),
        );
    }
    let call = request.json();
    let query: Vec<(String, String)> =
        call["QueryParameters"].as_object().into_iter().flatten().flat_map(pairs).collect();
    let (method, path) = (call["Method"].as_str().unwrap(), call["Path"].as_str().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (status, text) = runtime.block_on(asked.send(method, path, &query, call.get("Body")));
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let envelope = json!({ "RestApiStatusCode": status, "RestApiResponse": body });
    match status {
        200..=299 => Answer::Reply(200, "Content-Type: application/json\r\n".to_owned(), envelope.to_string()),
        500.. => refusal("RestApiServerException", envelope),
        _ => refusal("RestApiClientException", envelope),
    }
}

fn pairs((name, value): (&String, &Value)) -> Vec<(String, String)> {
    let text = |value: &Value| (name.clone(), value.as_str().unwrap().to_owned());
    match value {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    }
}
