//! A consumer's query on Athena: against moto for the wire, on a fake for what goes wrong, and as a check of an incident.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::model::consumer::{Asks, Consumer};
use lakeward::model::dataset::Dataset;
use lakeward::model::incident::{Happening, Incident, IncidentEvent, IncidentId};
use lakeward::model::probe::Verdict;
use lakeward::model::verify::Check;
use lakeward::ops::{Connected, LakeSettings, Session};
use lakeward::sources::aws::athena::Athena;
use lakeward::sources::consumers::{Queries, Query};
use serde_json::{Value, json};

use crate::support::fake_aws::{refusal, signed};
use crate::support::http_server::{Answer, HttpServer};
use crate::support::memory::Memory;
use crate::support::s3_server::Server;

async fn athena(endpoint: &str) -> Athena {
    Athena::with_config(Access { profile: Some("oncall".into()), ..Access::default() }, &signed(endpoint).await)
}

fn query() -> Query {
    Query {
        sql: "SELECT count(*) FROM revenue WHERE dt = date '2026-11-22'".into(),
        database: Some("gold".into()),
        catalog: None,
        workgroup: None,
        output: Some("s3://results/athena/".into()),
    }
}

fn rows(cells: &[&str]) -> Value {
    let rows = cells.iter().map(|cell| json!({ "Data": [{ "VarCharValue": cell }] }));
    json!({ "results": [{ "rows": rows.collect::<Vec<_>>(), "column_info": [] }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_read_and_no_earlier_result_is_taken() {
    let server = Server::start();
    server.post("/moto-api/static/athena/query-results", &rows(&["_col0", "48060"]));
    let asked = athena(server.endpoint()).await.run(&query()).await.unwrap();
    assert_eq!(asked.rows, 48_060);
    assert!(asked.uri.starts_with("athena:"), "{asked:?}");
    let operations = server.operations();
    let of_athena: Vec<&String> = operations.iter().filter(|operation| operation.contains("Athena")).collect();
    assert_eq!(
        of_athena,
        ["AmazonAthena.StartQueryExecution", "AmazonAthena.GetQueryExecution", "AmazonAthena.GetQueryResults"]
    );
}

/// A server whose query ends so.
fn ending(state: &str, reason: &str) -> HttpServer {
    let (state, reason) = (state.to_owned(), reason.to_owned());
    HttpServer::answering(move |request| {
        let target = request.headers.iter().find(|h| h.starts_with("x-amz-target")).cloned().unwrap_or_default();
        let body = match target.rsplit('.').next() {
            Some("startqueryexecution") => {
                assert!(request.body.contains(r#""Enabled":false"#), "{}", request.body);
                json!({ "QueryExecutionId": "q1" })
            }
            Some("getqueryexecution") => json!({ "QueryExecution": {
                "Status": { "State": state, "StateChangeReason": reason },
                "Statistics": { "DataScannedInBytes": 1_048_576 } } }),
            _ => {
                let row = |cell: &str| json!({ "Data": [{ "VarCharValue": cell }] });
                json!({ "ResultSet": { "Rows": [row("name"), row("a"), row("b")] } })
            }
        };
        Answer::of(200, &body.to_string())
    })
}

#[tokio::test]
async fn what_it_scanned_is_told_and_what_goes_wrong_has_its_class() {
    let good = ending("SUCCEEDED", "");
    let listing = Query { sql: "SELECT name FROM revenue".into(), ..query() };
    let asked = athena(&good.url("")).await.run(&listing).await.unwrap();
    assert_eq!((asked.rows, asked.bytes, asked.uri.as_str()), (2, Some(1_048_576), "athena:q1"));
    // A count that is none is no answer.
    let error = athena(&good.url("")).await.run(&query()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Malformed, "{error}");
    for (state, reason, class) in [
        ("FAILED", "HIVE_BAD_DATA: Field amount in s3://lake/gold/x.parquet", ErrorClass::Malformed),
        ("FAILED", "Insufficient permissions to execute the query", ErrorClass::Denied),
        ("CANCELLED", "", ErrorClass::Malformed),
        ("UNHEARD_OF", "", ErrorClass::Malformed),
    ] {
        let error = athena(&ending(state, reason).url("")).await.run(&query()).await.unwrap_err();
        assert_eq!(error.class, class, "{state} {reason}: {error}");
        assert!(error.detail.contains(reason), "{error}");
    }
    let denied = HttpServer::answering(|_| refusal(400, "AccessDeniedException"));
    let error = athena(&denied.url("")).await.run(&query()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Denied, "{error}");
    assert!(error.hint.contains("athena:StartQueryExecution"), "{}", error.hint);
    let gone = athena("http://127.0.0.1:9").await.run(&query()).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::Unreachable, "{gone}");
}

#[tokio::test]
async fn whether_it_may_be_asked_is_seen_without_a_query() {
    let none = HttpServer::answering(|_| refusal(400, "InvalidRequestException"));
    athena(&none.url("")).await.may_be_asked().await.unwrap();
    let started = none.requests().iter().any(|r| r.headers.iter().any(|h| h.contains("startqueryexecution")));
    assert!(!started, "{:?}", none.requests());
    let denied = HttpServer::answering(|_| refusal(400, "AccessDeniedException"));
    let error = athena(&denied.url("")).await.may_be_asked().await.unwrap_err();
    assert!(error.class == ErrorClass::Denied && error.hint.contains("athena:GetQueryExecution"), "{error:?}");
    let gone = athena("http://127.0.0.1:9").await.may_be_asked().await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::Unreachable, "{gone}");
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_query_stops_it() {
    let server = ending("RUNNING", "");
    let athena = athena(&server.url("")).await;
    let stops =
        || server.requests().iter().filter(|r| r.headers.iter().any(|h| h.contains("stopqueryexecution"))).count();
    let asked = tokio::time::timeout(Duration::from_millis(700), athena.run(&query())).await;
    assert!(asked.is_err(), "{asked:?}");
    for _ in 0..500 {
        if stops() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stops(), 1);
}

#[tokio::test]
async fn a_check_of_an_incident_asks_it_for_the_incidents_date() {
    let event = json!({
        "event": "opened", "title": "x", "alerts": [], "severity": "warning", "category": "unknown",
        "dataset": "gold/revenue", "date": "2026-11-22", "variables": {},
    });
    let opened: Happening = serde_json::from_value(event).unwrap();
    let event = IncidentEvent { schema: 1, id: "a".into(), at: Utc::now(), actor: "ana".into(), what: opened };
    let incident = Incident::of(&IncidentId("x".into()), [event]).unwrap();
    let consumer = Consumer {
        name: "revenue dashboard".into(),
        datasets: vec![Dataset("gold/revenue".into())],
        asks: Asks::Athena {
            sql: "SELECT * FROM revenue WHERE dt = date '{date}'".into(),
            database: None,
            catalog: None,
            workgroup: Some("oncall".into()),
            output: None,
        },
        least: 2,
        counts: false,
    };
    let verdict = async |server: &HttpServer, least: u64| {
        let consumers = vec![Consumer { least, ..consumer.clone() }];
        let settings = LakeSettings { consumers, ..LakeSettings::default() };
        let queries: Arc<dyn Queries> = Arc::new(athena(&server.url("")).await);
        let connected = Connected { queries: Some(queries), ..Connected::default() };
        let session = Session::new(Arc::new(Memory::default()), settings).with_sources(connected);
        match session.checked(&incident, &[Check::Consumers], Utc::now()).await.pop() {
            Some(Happening::Checked { finding, .. }) => finding,
            other => panic!("{other:?}"),
        }
    };
    let good = ending("SUCCEEDED", "");
    let found = verdict(&good, 2).await;
    assert_eq!(found.verdict, Verdict::Pass, "{found:?}");
    assert!(
        found.evidence[0].detail.contains("2 rows") && found.evidence[0].detail.contains("1,048,576 bytes scanned")
    );
    assert!(good.requests().iter().any(|request| request.body.contains("dt = date '2026-11-22'")));
    assert_eq!(verdict(&good, 3).await.verdict, Verdict::Fail);
    assert_eq!(verdict(&ending("FAILED", "HIVE_BAD_DATA"), 1).await.verdict, Verdict::Fail);
    assert_eq!(verdict(&ending("FAILED", "Access Denied"), 1).await.verdict, Verdict::Error);
}
