//! Contracts in the Glue Schema Registry: read on moto, through the program against rejected rows, and what goes wrong.

use std::fs;

use lakeward::lake::ErrorClass;
use lakeward::lake::aws::Access;
use lakeward::sources::aws::glue::GlueRegistry;
use lakeward::sources::contracts::{SchemaFormat, SchemaName, SchemaRegistry};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fake_aws::{refusal, signed};
use crate::support::http_server::{Answer, HttpServer};
use crate::support::program::lakeward_with;
use crate::support::s3_server::Server;

const ORDERS: &str = r#"{"type":"record","name":"orders","fields":[{"name":"order_id","type":"long"},
    {"name":"note","type":["null","string"]},{"name":"amount","type":"double"}]}"#;

fn register(server: &Server, schema: &str, format: &str, definition: &str) {
    server.json("glue", "AWSGlue.CreateRegistry", &json!({ "RegistryName": "lake" }));
    let input = json!({
        "RegistryId": { "RegistryName": "lake" }, "SchemaName": schema, "DataFormat": format,
        "Compatibility": "NONE", "SchemaDefinition": definition,
    });
    server.json("glue", "AWSGlue.CreateSchema", &input);
}

fn name(schema: &str) -> SchemaName {
    SchemaName { registry: "lake".into(), schema: schema.into() }
}

async fn registry(endpoint: &str) -> GlueRegistry {
    GlueRegistry::with_config(Access { profile: Some("oncall".into()), ..Access::default() }, &signed(endpoint).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_is_read() {
    let server = Server::start();
    register(&server, "orders", "AVRO", ORDERS);
    let glue = registry(server.endpoint()).await;
    let first = glue.latest(&name("orders")).await.unwrap();
    assert_eq!((first.version, first.format, &first.definition[..]), (1, SchemaFormat::Avro, ORDERS.as_bytes()));
    let second = ORDERS.replace("\"double\"", "\"float\"");
    let input = json!({ "SchemaId": { "RegistryName": "lake", "SchemaName": "orders" }, "SchemaDefinition": second });
    server.json("glue", "AWSGlue.RegisterSchemaVersion", &input);
    assert_eq!(glue.latest(&name("orders")).await.unwrap().version, 2);
    let error = glue.latest(&name("nothing")).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (ErrorClass::NotFound, "glue:lake/nothing"), "{error}");
}

fn version(number: u64, status: &str) -> Answer {
    let reply = json!({ "SchemaDefinition": "{}", "DataFormat": "JSON", "VersionNumber": number, "Status": status });
    Answer::of(200, &reply.to_string())
}

#[tokio::test]
async fn a_version_whose_check_failed_is_passed_over() {
    let server = HttpServer::start([version(7, "FAILURE"), version(6, "PENDING"), version(5, "AVAILABLE")]);
    let found = registry(&server.url("")).await.latest(&name("orders")).await.unwrap();
    assert_eq!(found.version, 5);
    let asked: Vec<Value> = server.requests().iter().map(|r| r.json()["SchemaVersionNumber"].clone()).collect();
    let expected = [json!({ "LatestVersion": true }), json!({ "VersionNumber": 6 }), json!({ "VersionNumber": 5 })];
    assert_eq!(asked, expected);

    let server = HttpServer::answering(|_| version(99, "FAILURE"));
    let error = registry(&server.url("")).await.latest(&name("orders")).await.unwrap_err();
    assert!(error.class == ErrorClass::NotFound && error.detail.contains("no version that is available"), "{error}");
    assert_eq!(server.requests().len(), 11, "it does not go back for ever");
}

#[tokio::test]
async fn what_goes_wrong_has_a_class_and_a_way_out() {
    for (answer, class, hint) in [
        (refusal(400, "AccessDeniedException"), ErrorClass::Denied, "glue:GetSchemaVersion"),
        (refusal(400, "ExpiredTokenException"), ErrorClass::Expired, "aws sso login --profile oncall"),
        (refusal(400, "ThrottlingException"), ErrorClass::Throttled, "fewer requests"),
        (refusal(400, "EntityNotFoundException"), ErrorClass::NotFound, "region"),
        (Answer::of(200, "{}"), ErrorClass::Malformed, ""),
        (Answer::of(200, "no"), ErrorClass::Malformed, ""),
    ] {
        let again = answer.clone();
        let server = HttpServer::answering(move |_| again.clone());
        let error = registry(&server.url("")).await.latest(&name("orders")).await.unwrap_err();
        assert_eq!(error.class, class, "{answer:?}: {error}");
        assert!(error.hint.contains(hint), "{answer:?}: {}", error.hint);
    }
}

/// A lake with one entry of JSON lines, whose contract lies in the registry.
fn run(server: &str, contract: &str, arguments: &[&str]) -> crate::support::program::Run {
    let home = TempDir::new().unwrap();
    let entry = home.path().join("lake/_errors/orders/dt=2026-11-22");
    fs::create_dir_all(&entry).unwrap();
    fs::write(
        entry.join("rejected_rows.json"),
        "{\"order_id\":1,\"extra\":true}\n{\"order_id\":null,\"extra\":false}\n",
    )
    .unwrap();
    fs::write(entry.join("_SUCCESS"), "").unwrap();
    let lake = home.path().join("lake");
    let config = format!(
        "[environments.here]\nkind = \"local\"\nlake = \"{}\"\n[glue]\nendpoint_url = \"{server}\"\n\
         [[datasets]]\nname = \"orders\"\ncontract = \"{contract}\"\n",
        lake.display()
    );
    let file = home.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let all: Vec<&str> = ["--config", file.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
    let dead = "http://127.0.0.1:9";
    lakeward_with(&all, &[("AWS_ENDPOINT_URL_STS", dead), ("AWS_ENDPOINT_URL_HEALTH", dead)])
}

#[test]
fn rejected_rows_are_held_against_a_schema_of_the_registry() {
    let server = Server::start();
    register(&server, "orders", "AVRO", ORDERS);
    let schema = run(server.endpoint(), "glue:lake/orders", &["dlq", "schema", "orders/dt=2026-11-22", "--json"]);
    let tree = schema.json();
    assert_eq!(tree["contract"]["uri"], "glue:lake/orders@1", "{schema:?}");
    let drift: Vec<(String, String, bool)> = tree["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            let text = |key: &str| d[key].as_str().unwrap().to_owned();
            (text("column"), text("kind"), d["safe"].as_bool().unwrap())
        })
        .collect();
    for expected in [("note", "missing", true), ("amount", "missing", false), ("extra", "new", true)] {
        let (column, kind, safe) = expected;
        assert!(drift.contains(&(column.to_owned(), kind.to_owned(), safe)), "{expected:?}: {drift:?}");
    }
    let table = run(server.endpoint(), "glue:lake/orders", &["dlq", "schema", "orders/dt=2026-11-22"]);
    assert!(table.out.contains("missing (safe to evolve)") && table.out.contains("missing (breaks)"), "{table:?}");
    let alerts = run(server.endpoint(), "glue:lake/orders", &["alerts", "--json"]);
    let all = alerts.json();
    let alert =
        all.as_array().unwrap().iter().find(|a| a["rule"] == "schema_drift").unwrap_or_else(|| panic!("{alerts:?}"));
    let detail = alert["evidence"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("compared with glue:lake/orders@1; breaks: "), "{detail}");
    assert!(detail.contains("amount is missing") && detail.contains("safe to evolve: "), "{detail}");
}

#[test]
fn a_registry_that_says_no_fails_its_own_source_and_its_row() {
    let denied = HttpServer::answering(|_| refusal(400, "AccessDeniedException"));
    let alerts = run(&denied.url(""), "glue:lake/orders", &["alerts", "--json"]);
    assert!(alerts.err.contains("contracts") && alerts.err.contains("glue:lake/orders"), "{alerts:?}");
    let doctor = run(&denied.url(""), "glue:lake/orders", &["doctor", "--json"]);
    let grant = "grant glue:GetSchemaVersion on arn:aws:glue:*:*:registry/lake, arn:aws:glue:*:*:schema/lake/orders";
    assert!(doctor.out.contains(grant), "{doctor:?}");
    let wrong = run(&denied.url(""), "glue:lake", &["alerts"]);
    assert!(wrong.code == 2 && wrong.err.contains("glue:REGISTRY/SCHEMA"), "{wrong:?}");
}
