//! Every shape of results, what each is taken for, and what cannot be read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

fn modified() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).unwrap()
}

fn at(text: &str, key: &str) -> Result<Vec<QualityResult>, QualityError> {
    let uri = format!("s3://b/{key}");
    parse_results(text.as_bytes(), &Origin { key, uri: &uri, etag: Some("tag"), modified: modified() })
}

fn all(text: &str) -> Vec<QualityResult> {
    at(text, "_dq_results/dt=2026-11-24/suite.json").unwrap()
}

fn one(text: &str) -> QualityResult {
    let mut all = all(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.pop().unwrap()
}

/// Checks in short: name, column, status.
fn checks(result: &QualityResult) -> Vec<(&str, Option<&str>, CheckStatus)> {
    result.checks.iter().map(|c| (c.name.as_str(), c.column.as_deref(), c.status)).collect()
}

const SUITE: &str = r#"{"suite_name": "silver_orders", "layer": "silver", "execution_date": "2026-11-23",
    "timestamp": "2026-11-25T10:45:00.123456", "expectations": [
    {"expectation_type": "expect_column_values_to_not_be_null", "passed": true, "kwargs": {"column": "id"},
     "result": {"success": true, "result": {"element_count": 5}}},
    {"expectation_type": "expect_column_values_to_be_between", "passed": false, "kwargs": {"column": "amount"},
     "result": {"element_count": 10, "unexpected_count": 2, "partial_unexpected_list": ["a@b.c"]}},
    {"expectation_type": "expect_x", "passed": true, "skipped": true},
    {"expectation_type": "expect_y", "passed": false, "error": "no such\ncolumn"}],
    "passed": false, "critical_failures": 0, "warning_failures": 2}"#;

#[test]
fn a_suite_of_the_pipelines_gate() {
    use CheckStatus::{Error, Fail, Pass, Skipped};
    let result = one(SUITE);
    assert_eq!((result.producer, result.suite.as_str()), ("gate", "silver_orders"));
    assert_eq!((result.table.as_deref(), result.layer), (Some("orders"), Some(Layer::Silver)));
    assert_eq!(result.date, NaiveDate::from_ymd_opt(2026, 11, 23), "the body before the key");
    assert_eq!(result.evaluated_at.to_rfc3339(), "2026-11-25T10:45:00.123456+00:00");
    assert_eq!(
        checks(&result),
        [
            ("expect_column_values_to_not_be_null", Some("id"), Pass),
            ("expect_column_values_to_be_between", Some("amount"), Fail),
            ("expect_x", None, Skipped),
            ("expect_y", None, Error),
        ]
    );
    assert_eq!(result.checks[1].detail.as_deref(), Some("2 of 10 values are unexpected"), "counts, no values");
    assert_eq!(result.checks[3].detail.as_deref(), Some("no such column"));
    assert!(!result.checks.iter().any(|c| c.critical), "none of its failures is critical");
    assert_eq!((result.verdict(), result.said), (Verdict::Fail, Some(false)));
    assert_eq!(
        (result.uri.as_str(), result.etag.as_deref()),
        ("s3://b/_dq_results/dt=2026-11-24/suite.json", Some("tag"))
    );
    let critical = one(&SUITE.replace("\"critical_failures\": 0", "\"critical_failures\": 1"));
    assert!(critical.checks[1].critical);
}

#[test]
fn gates_that_fail_open_prove_nothing() {
    let table = [
        r#"{"passed": true, "skipped": true}"#,
        r#"{"suite_name": "orders", "expectations": [], "passed": true, "critical_failures": 0}"#,
        r#"{"suite_name": "orders", "passed": true, "expectations": [{"expectation_type": "e", "passed": true, "skipped": true}]}"#,
        r#"{"suite_name": "orders", "skipped": true, "passed": true, "expectations": [{"expectation_type": "e", "passed": true}]}"#,
        r#"{"table_name": "t", "checks": [], "summary": {"total_checks": 0, "passed": 0}}"#,
        r#"{"table_name": "t", "total_rows": 5, "null_violations": {}, "passed": true}"#,
        r#"{"table_name": "t", "total_rows": 0, "null_violations": {"id": 0}, "passed": true}"#,
        r#"{"success": true, "results": [], "statistics": {"evaluated_expectations": 0}, "meta": {}}"#,
        r#"{"success": true, "run_results": {}}"#,
        r#"{"RuleResults": [], "Score": 1.0}"#,
        r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}, "results": []}"#,
        r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": []}"#,
        r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/freshness/v0.json"}, "results": []}"#,
        r#"{"kind": "ObservabilityResults", "results": [], "status": "pass"}"#,
        r#"{"kind": "ObservabilityResults", "results": [{"id": "1", "type": "check", "status": "skip"}]}"#,
    ];
    for text in table {
        assert_eq!(one(text).verdict(), Verdict::NoEvidence, "{text}");
    }
    let skipped = one(r#"{"passed": true, "skipped": true, "error": "GE is not there"}"#);
    let note = skipped.note.unwrap();
    assert!(note.contains("skipped") && note.contains("GE is not there") && note.contains("nothing was evaluated"));
    assert_eq!((skipped.suite.as_str(), skipped.date), ("suite", NaiveDate::from_ymd_opt(2026, 11, 24)), "of the key");
}

#[test]
fn what_errors_alone_explain_is_no_failure_unless_the_gate_blocked() {
    let gate = |critical: u8| {
        format!(
            r#"{{"suite_name": "s", "passed": false, "critical_failures": {critical}, "expectations": [
            {{"expectation_type": "a", "passed": true}},
            {{"expectation_type": "b", "passed": false, "error": "boom"}}]}}"#
        )
    };
    assert_eq!(one(&gate(0)).verdict(), Verdict::Error);
    assert!(one(&gate(0)).note.unwrap().contains("boom"));
    assert_eq!(one(&gate(1)).verdict(), Verdict::Fail);
    assert_eq!(one(r#"{"suite_name": "s", "passed": false, "expectations": []}"#).verdict(), Verdict::Fail);
}

#[test]
fn a_list_of_checks_of_the_pipeline() {
    use CheckStatus::{Error, Fail, Pass};
    let text = r#"{"table_name": "orders", "table_location": "s3://b/silver/orders", "checks": [
        {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "id"}, "severity": "critical", "passed": true, "error": null},
        {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "email"}, "severity": "critical", "passed": false, "error": "Column 'email' has 3 null values"},
        {"expectation_type": "expect_z", "severity": "warning", "passed": false, "error": "Unsupported expectation type: expect_z"},
        {"check": "range_amount", "severity": "warning", "passed": false, "error": "2 values"}],
        "summary": {"total_checks": 4, "passed": 1, "failed": 3, "critical_failures": 1}}"#;
    let mut all = at(text, "gold/quality/silver/dq_results_orders_20261125_104500.json").unwrap();
    let result = all.pop().unwrap();
    assert_eq!((result.table.as_deref(), result.layer), (Some("orders"), Some(Layer::Silver)));
    assert_eq!(result.evaluated_at.to_rfc3339(), "2026-11-25T10:45:00+00:00", "of the key");
    let statuses: Vec<_> = result.checks.iter().map(|c| (c.status, c.critical)).collect();
    assert_eq!(statuses, [(Pass, true), (Fail, true), (Error, false), (Fail, false)]);
    assert_eq!((result.verdict(), result.checks[3].name.as_str()), (Verdict::Fail, "range_amount"));
}

#[test]
fn what_a_key_tells() {
    let table = [
        ("gold/quality/silver/dq_results_fact_x_20261125_104500.json", "fact_x", Some("silver"), None),
        ("gold/quality/dq_results_orders_20261125_104500.json", "orders", None, None),
        ("gold/quality/bronze/dq_results_orders.json", "orders", Some("bronze"), None),
        ("_dq_results/dt=2026-11-24/orders.json", "orders", None, Some("2026-11-24")),
        ("_dq_results/date=20261124/gold.orders.json", "orders", Some("gold"), Some("2026-11-24")),
        ("_dq_results/dt=soon/silver_orders.json", "orders", Some("silver"), None),
        ("checks/silver/day=2026-11-24/run_id=7/", "", Some("silver"), Some("2026-11-24")),
    ];
    for (key, name, layer, date) in table {
        let result = at(r#"{"passed": true, "skipped": true}"#, key).unwrap().pop().unwrap();
        assert_eq!(result.table.as_deref().unwrap_or_default(), name, "{key}");
        assert_eq!(result.layer.map(Layer::word), layer, "{key}");
        assert_eq!(result.date.map(|d| d.to_string()).as_deref(), date, "{key}");
    }
}

#[test]
fn null_counts_of_the_pipelines_gate() {
    use CheckStatus::{Fail, Pass};
    let text = "{\"table_name\":\"orders\",\"total_rows\":10,\"null_violations\":{\"id\":0,\"email\":2,\"_duplicates\":1,\"amount_range_violations\":3},\"passed\":false,\"check_timestamp\":\"2026-11-25T11:00:00.5Z\"}\n{\"table_name\":\"fx\",\"total_rows\":10,\"null_violations\":{\"rate\":0},\"passed\":true}\n";
    let all = at(text, "gold/quality/silver/gate/").unwrap();
    let names: Vec<_> = all.iter().map(|r| (r.table.as_deref().unwrap(), r.verdict())).collect();
    assert_eq!(names, [("orders", Verdict::Fail), ("fx", Verdict::Pass)]);
    assert_eq!(
        checks(&all[0]),
        [
            ("not_null", Some("id"), Pass),
            ("not_null", Some("email"), Fail),
            ("unique", None, Fail),
            ("in_range", Some("amount"), Fail),
        ]
    );
    assert_eq!(all[0].checks[1].detail.as_deref(), Some("2 nulls of 10 rows"));
}

const VALIDATION: &str = r#"{"success": false, "suite_name": "orders_suite", "id": null,
    "meta": {"run_id": {"run_name": null, "run_time": "2026-11-25T10:00:00+00:00"},
             "active_batch_definition": {"datasource_name": "lake", "data_asset_name": "silver.orders"},
             "batch_parameters": {"year": "2026", "month": "11", "day": "24"}},
    "results": [
      {"success": true, "expectation_config": {"type": "expect_table_row_count_to_be_between", "kwargs": {}},
       "result": {"observed_value": 12}, "exception_info": {"raised_exception": false}},
      {"success": false, "expectation_config": {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}, "severity": "warning"},
       "result": {"element_count": 12, "unexpected_count": 1, "partial_unexpected_list": [7]}, "exception_info": {"raised_exception": false}},
      {"success": false, "expectation_config": {"expectation_type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "b"]}},
       "exception_info": {"('column.x', 1)": {"raised_exception": true, "exception_message": "no column b"}}, "result": {"observed_value": NaN}}],
    "statistics": {"evaluated_expectations": 3, "successful_expectations": 1, "unsuccessful_expectations": 2}}"#;

#[test]
fn a_validation_of_great_expectations() {
    use CheckStatus::{Error, Fail, Pass};
    let result = one(VALIDATION);
    assert_eq!((result.producer, result.suite.as_str()), ("great_expectations", "orders_suite"));
    assert_eq!((result.table.as_deref(), result.layer), (Some("silver.orders"), Some(Layer::Silver)));
    assert_eq!(result.date, NaiveDate::from_ymd_opt(2026, 11, 24));
    let statuses: Vec<_> = result.checks.iter().map(|c| (c.status, c.critical)).collect();
    assert_eq!(statuses, [(Pass, true), (Fail, false), (Error, true)]);
    assert_eq!(result.checks[2].column.as_deref(), Some("a, b"));
    assert_eq!(result.checks[0].detail.as_deref(), Some("observed 12"));
    assert!(result.note.unwrap().contains("no column b"));
    let errors = VALIDATION.replace(
        r#""success": false, "expectation_config": {"type""#,
        r#""success": true, "expectation_config": {"type""#,
    );
    assert_eq!(one(&errors).verdict(), Verdict::Error, "an exception is no failure");
}

#[test]
fn a_checkpoint_holds_several_validations() {
    let text = format!(
        r#"{{"success": false, "run_id": {{"run_time": "2026-11-25T09:00:00+00:00"}}, "run_results": {{
        "ValidationResultIdentifier::old/suite/__none__/20261125T090000.000000Z/lake-customers-x": {{"validation_result": {{"success": true, "results": [{{"success": true, "expectation_config": {{"expectation_type": "e"}}}}]}}}},
        "ValidationResultIdentifier::orders_suite/n/t/lake-orders": {VALIDATION}}}}}"#
    );
    let all = all(&text);
    let told: Vec<_> = all.iter().map(|r| (r.suite.as_str(), r.table.as_deref().unwrap(), r.verdict())).collect();
    assert_eq!(told, [("old/suite", "customers", Verdict::Pass), ("orders_suite", "silver.orders", Verdict::Fail),]);
    assert_eq!(all[0].evaluated_at.to_rfc3339(), "2026-11-25T09:00:00+00:00");
    let described = r#"{"success": true, "validation_results": [{"success": true, "asset_name": "orders", "expectations": [{"expectation_type": "e", "success": true}]}]}"#;
    assert_eq!(one(described).verdict(), Verdict::Pass);
    assert_eq!(one(r#"{"success": true, "validation_results": []}"#).verdict(), Verdict::NoEvidence);
}

#[test]
fn glue_in_every_spelling() {
    use CheckStatus::{Error, Fail, Pass};
    let api = r#"{"ResultId": "dqresult-1", "Score": 0.33, "RulesetName": "orders_rules", "CompletedOn": 1764064800.0,
        "DataSource": {"GlueTable": {"DatabaseName": "prod_silver", "TableName": "orders"}}, "JobRunId": "jr_1",
        "RuleResults": [
        {"Name": "Rule_1", "Description": "IsComplete \"email\"", "Result": "PASS", "EvaluatedMetrics": {"c": 1.0}},
        {"Name": "Rule_2", "EvaluatedRule": "RowCount > 5", "EvaluationMessage": "Value: 3 does not meet", "Result": "FAIL"},
        {"Name": "Rule_3", "EvaluationMessage": "no column", "Result": "ERROR"}]}"#;
    let camel = api
        .replace("RuleResults", "ruleResults")
        .replace("RulesetName", "rulesetName")
        .replace("\"Result\"", "\"result\"")
        .replace("\"Description\"", "\"description\"")
        .replace("GlueTable", "glueTable")
        .replace("TableName", "tableName");
    let snake = api.replace("RuleResults", "rule_results").replace("RulesetName", "ruleset_name");
    for text in [api.to_owned(), camel, snake, format!("{{\"Results\": [{api}], \"ResultsNotFound\": []}}")] {
        let result = one(&text);
        assert_eq!((result.producer, result.suite.as_str()), ("glue", "orders_rules"), "{text}");
        assert_eq!((result.table.as_deref(), result.layer), (Some("prod_silver.orders"), Some(Layer::Silver)));
        let statuses: Vec<_> = result.checks.iter().map(|c| c.status).collect();
        assert_eq!((statuses, result.verdict()), (vec![Pass, Fail, Error], Verdict::Fail));
        assert_eq!(result.checks[0].column.as_deref(), Some("email"));
        assert_eq!(result.evaluated_at.timestamp(), 1_764_064_800);
    }
    let rows = "{\"Rule\":\"IsComplete \\\"id\\\"\",\"Outcome\":\"Passed\",\"EvaluatedMetrics\":{}}\n{\"Rule\":\"RowCount > 5\",\"Outcome\":\"Failed\",\"FailureReason\":\"Value: 3\"}\n";
    let result = one(rows);
    assert_eq!(checks(&result), [("IsComplete \"id\"", Some("id"), Pass), ("RowCount > 5", None, Fail)]);
}

#[test]
fn tests_of_dbt() {
    use CheckStatus::{Error, Fail, Pass, Skipped};
    let text = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json", "generated_at": "2026-11-25T10:00:00.1Z"},
        "results": [
        {"unique_id": "model.shop.orders", "status": "success"},
        {"unique_id": "test.shop.not_null_orders_id.abc", "status": "pass", "failures": 0, "message": null},
        {"unique_id": "test.shop.unique_orders_id.abc", "status": "fail", "failures": 3, "message": "Got 3 results, configured to fail if != 0"},
        {"unique_id": "test.shop.w.abc", "status": "warn", "failures": 1},
        {"unique_id": "test.shop.e.abc", "status": "error", "message": "Database Error"},
        {"unique_id": "unit_test.shop.orders.u", "status": "skipped"}], "elapsed_time": 1.0}"#;
    let result = one(text);
    let statuses: Vec<_> = result.checks.iter().map(|c| (c.name.as_str(), c.status, c.critical)).collect();
    assert_eq!(
        statuses,
        [
            ("not_null_orders_id", Pass, true),
            ("unique_orders_id", Fail, true),
            ("w", Fail, false),
            ("e", Error, true),
            ("orders", Skipped, true),
        ]
    );
    assert_eq!((result.producer, result.suite.as_str(), result.verdict()), ("dbt", "dbt tests", Verdict::Fail));
}

#[test]
fn freshness_of_dbt() {
    use CheckStatus::{Error, Fail, Pass};
    let v3 = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": [
        {"unique_id": "source.shop.raw.orders", "status": "pass", "max_loaded_at": "2026-11-25T09:00:00Z", "snapshotted_at": "2026-11-25T10:00:00Z", "max_loaded_at_time_ago_in_s": 3600.5, "criteria": {}},
        {"unique_id": "source.shop.raw.fx", "status": "warn", "max_loaded_at": "x", "max_loaded_at_time_ago_in_s": 7200, "criteria": {}},
        {"unique_id": "source.shop.raw.crm", "status": "error", "max_loaded_at": "x", "max_loaded_at_time_ago_in_s": 90000, "criteria": {}},
        {"unique_id": "source.shop.raw.web", "status": "runtime error", "error": "no such table"}]}"#;
    let told: Vec<_> =
        all(v3).iter().map(|r| (r.table.clone().unwrap(), r.checks[0].status, r.checks[0].critical)).collect();
    assert_eq!(
        told,
        [
            ("raw.orders".to_owned(), Pass, true),
            ("raw.fx".to_owned(), Fail, false),
            ("raw.crm".to_owned(), Fail, true),
            ("raw.web".to_owned(), Error, true),
        ]
    );
    assert_eq!(all(v3)[0].evaluated_at.to_rfc3339(), "2026-11-25T10:00:00+00:00");
    let v0 = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/freshness/v0.json", "generated_at": "2026-11-25T10:00:00Z"}, "results": [
        {"unique_id": "model.shop.orders", "resource_type": "model", "status": "Pass", "max_loaded_at_time_ago_in_s": 60, "criteria": {}}]}"#;
    let result = one(v0);
    assert_eq!((result.table.as_deref(), result.verdict()), (Some("orders"), Verdict::Pass));
    assert!(result.note.unwrap().contains("leaves out"));
    assert!(
        at(
            r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {}}"#,
            "m"
        )
        .is_err()
    );
}

#[test]
fn documents_and_rows_of_ores() {
    use CheckStatus::{Error, Fail, Pass, Skipped};
    let rows = r#"[
        {"id": "1", "type": "check", "name": "No duplicates", "status": "fail", "severity": "critical", "target": {"resourceType": "table", "resourceIdentifier": "silver.orders"}, "measure": {"value": 3, "rowCount": 12, "failedRowCount": 3}},
        {"id": "2", "type": "check", "name": "Email there", "status": "pass", "target": {"resourceType": "column", "resourceIdentifier": "silver.orders.email"}, "message": "fine"},
        {"id": "3", "type": "metric", "name": "Rows", "status": "warn", "target": {"resourceType": "table", "resourceIdentifier": "fx"}},
        {"id": "4", "type": "check", "status": "error", "target": {"resourceIdentifier": "fx"}},
        {"id": "5", "type": "check", "status": "unknown", "target": {"resourceIdentifier": "fx"}}]"#;
    let document = format!(
        r#"{{"apiVersion": "v0.8.1", "kind": "ObservabilityResults", "observedAt": "2026-01-15T09:30:00Z", "source": {{"process": "nightly"}}, "results": {rows}}}"#
    );
    for text in [rows, &document] {
        let all = all(text);
        let told: Vec<Vec<_>> = all.iter().map(|r| r.checks.iter().map(|c| (c.status, c.critical)).collect()).collect();
        assert_eq!(
            told,
            [vec![(Fail, true), (Pass, true)], vec![(Fail, false), (Error, true), (Skipped, true)]],
            "{text}"
        );
        assert_eq!((all[0].table.as_deref(), all[0].layer), (Some("silver.orders"), Some(Layer::Silver)));
        assert_eq!(all[0].checks[0].detail.as_deref(), Some("3 of 12 rows fail"));
        assert_eq!(all[0].checks[1].column.as_deref(), Some("email"));
    }
    assert_eq!(all(&document)[0].suite, "nightly");
}

#[test]
fn a_time_after_that_of_the_object_is_not_believed() {
    let at = |time: &str| {
        one(&format!(r#"{{"suite_name": "s", "timestamp": "{time}", "expectations": [{{"passed": true}}]}}"#))
    };
    assert_eq!(at("2026-11-25T12:05:00Z").evaluated_at, modified() + chrono::Duration::minutes(5));
    let late = at("2026-11-25T14:00:00");
    assert_eq!((late.evaluated_at, late.note.is_some()), (modified(), true));
    let silent = one(r#"{"suite_name": "s", "expectations": [{"passed": true}]}"#);
    assert_eq!((silent.evaluated_at, silent.verdict()), (modified(), Verdict::Pass));
}

#[test]
fn a_part_that_cannot_be_read_leaves_no_green() {
    let good = r#"{"table_name":"t","total_rows":1,"null_violations":{"id":0},"passed":true}"#;
    let bad = good.replace("\"id\":0", "\"id\":1");
    let all = all(&format!("{good}\n{{\"table_name\": \n{bad}\n"));
    assert_eq!(all.iter().map(QualityResult::verdict).collect::<Vec<_>>(), [Verdict::Error, Verdict::Fail]);
    assert!(all[0].note.as_deref().unwrap().contains("line 2"), "{:?}", all[0].note);
}

#[test]
fn faults_are_named() {
    let audit = r#"{"run_id": "1", "job_name": "j", "rows_in": 1, "rows_out": 1, "status": "SUCCESS"}"#;
    let suite = r#"{"name": "s", "expectations": [{"type": "e", "kwargs": {}}]}"#;
    let table = [
        ("", "empty"),
        ("[]", "empty"),
        ("\u{feff} \n", "empty"),
        ("oh", "line 1: expected value"),
        ("3", "not an object"),
        ("{}", "none of the known shapes"),
        (suite, "none of the known shapes"),
        (audit, "a job's run"),
        ("{\"a\": [", "EOF"),
    ];
    for (text, fault) in table {
        let error = at(text, "k.json").unwrap_err();
        assert!(error.to_string().starts_with("s3://b/k.json: ") && error.fault.contains(fault), "{text}: {error}");
    }
    assert!(at(&"[".repeat(100_000), "k").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), key in "([/=._0-9-]|\\PC){0,40}") {
        let _ = parse_results(&bytes, &Origin { key: &key, uri: "u", etag: None, modified: modified() });
    }

    /// Values of the wrong kind under every key that any shape knows.
    #[test]
    fn any_value_under_a_known_key_is_survived(
        shape in 0..SHAPES.len(),
        key in "[a-zA-Z_]{1,20}",
        value in "(null|true|3|-1e300|\"\"|\"dt=9\"|\\[\\]|\\{\\}|\\[null,3,\\{\\}\\]|\\{\"a\":\\[\\]\\})",
        at in 0usize..60,
    ) {
        let text = SHAPES[shape];
        let keys: Vec<&str> = text.match_indices("\":").filter_map(|(end, _)| text[..end].rsplit('"').next()).collect();
        let old = keys.get(at % keys.len()).copied().unwrap_or(&key);
        let spoilt = text.replacen(&format!("\"{old}\":"), &format!("\"{old}\": {value}, \"{key}\":"), 1);
        let _ = parse_results(spoilt.as_bytes(), &Origin { key: "k", uri: "u", etag: None, modified: modified() });
        // The same key twice: the later wins, so spoil the other way round too.
        let spoilt = text.replacen(&format!("\"{old}\":"), &format!("\"{key}\": {value}, \"x\":"), 1);
        let _ = parse_results(spoilt.as_bytes(), &Origin { key: "k", uri: "u", etag: None, modified: modified() });
    }

    /// Whatever the checks, green needs one that was evaluated, and none that failed or could not be.
    #[test]
    fn green_needs_evidence(outcomes in proptest::collection::vec(0u8..4, 0..6), said in any::<bool>()) {
        let item = |o: &u8| match o {
            0 => r#"{"expectation_type": "e", "passed": true}"#,
            1 => r#"{"expectation_type": "e", "passed": false}"#,
            2 => r#"{"expectation_type": "e", "passed": false, "error": "x"}"#,
            _ => r#"{"expectation_type": "e", "passed": true, "skipped": true}"#,
        };
        let items: Vec<&str> = outcomes.iter().map(item).collect();
        let result = one(&format!(r#"{{"suite_name": "s", "passed": {said}, "expectations": [{}]}}"#, items.join(",")));
        if result.verdict() == Verdict::Pass {
            prop_assert!(outcomes.contains(&0) && !outcomes.contains(&1) && !outcomes.contains(&2) && said);
        }
        if outcomes.contains(&1) {
            prop_assert_eq!(result.verdict(), Verdict::Fail);
        }
    }
}

const SHAPES: [&str; 5] = [
    SUITE,
    VALIDATION,
    r#"{"RuleResults": [{"Name": "n", "Result": "PASS", "Description": "d \"c\""}], "CompletedOn": 3, "DataSource": {"GlueTable": {"TableName": "t"}}, "AggregatedMetrics": {"TotalRowsProcessed": 3}}"#,
    r#"{"metadata": {"dbt_schema_version": "x/sources/v3", "generated_at": "t"}, "results": [{"unique_id": "source.a.b.c", "status": "pass", "criteria": {}, "max_loaded_at_time_ago_in_s": 3}]}"#,
    r#"{"kind": "ObservabilityResults", "results": [{"type": "check", "status": "pass", "target": {"resourceType": "column", "resourceIdentifier": "a.b"}, "measure": {"rowCount": 3, "failedRowCount": 1}}], "observedAt": "2026-11-25"}"#,
];
