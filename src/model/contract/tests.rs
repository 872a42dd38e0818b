//! Contracts in every shape, and every way in which data can differ from one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::model::column::Column;

fn parse(text: &str) -> Contract {
    parse_contract(text.as_bytes(), "c.json").unwrap()
}

fn told(contract: &Contract) -> Vec<(&str, &str, bool)> {
    contract.columns.iter().map(|c| (c.name.as_str(), c.kind.as_str(), c.required)).collect()
}

#[test]
fn reads_the_pipelines_own_shape() {
    let contract = parse(
        r#"{"table": "contacts", "primary_key": ["id"],
        "columns": {"id": "bigint", "email": "string", "amount": "decimal(10,2)", "at": "timestamp"},
        "required_non_null": ["email", "updated_at"], "freshness_column": "at", "max_lag_minutes": 90,
        "data_quality_rules": {}}"#,
    );
    assert_eq!((contract.table.as_deref(), contract.max_lag_minutes), (Some("contacts"), Some(90)));
    let expected = [
        ("id", "bigint", true),
        ("email", "string", true),
        ("amount", "decimal(10,2)", false),
        ("at", "timestamp", false),
        ("updated_at", "any", true),
    ];
    assert_eq!(told(&contract), expected);
}

#[test]
fn reads_the_other_shapes_of_columns() {
    let expected = [("a", "int", true), ("b", "string", false), ("c", "date", true)];
    for text in [
        r#"{"columns": [{"name": "a", "type": "int", "nullable": false}, {"name": "b", "type": "string"},
            {"name": "c", "type": "date", "required": true}]}"#,
        r#"{"columns": {"a": {"type": "int", "required": true}, "b": {"type": "string", "nullable": true},
            "c": {"type": "date", "nullable": false}}}"#,
        r#"{"columns": {"a": "int", "b": "string", "c": "date"}, "primary_key": "a", "required_non_null": ["c"]}"#,
        "\u{feff}{\"type\": \"struct\", \"fields\": [{\"name\": \"a\", \"type\": \"int\", \"nullable\": false},
            {\"name\": \"b\", \"type\": \"string\", \"nullable\": true, \"metadata\": {}},
            {\"name\": \"c\", \"type\": \"date\", \"nullable\": false}]}",
    ] {
        assert_eq!(told(&parse(text)), expected, "{text}");
    }
}

#[test]
fn renders_nested_spark_types() {
    let nested = r#"{"type": "struct", "fields": [
        {"name": "s", "type": {"type": "struct", "fields": [
            {"name": "x", "type": "long", "nullable": true},
            {"name": "l", "type": {"type": "array", "elementType": "string", "containsNull": true}}]}},
        {"name": "m", "type": {"type": "map", "keyType": "string", "valueType":
            {"type": "array", "elementType": "decimal(5,1)"}}},
        {"name": "u", "type": {"type": "udt", "class": "P", "sqlType": "binary"}}]}"#;
    let contract = parse(nested);
    let expected = [
        ("s", "struct<x: long, l: array<string>>", false),
        ("m", "map<string, array<decimal(5,1)>>", false),
        ("u", "binary", false),
    ];
    assert_eq!(told(&contract), expected);
    let same = columns(&[
        ("s", "struct<x: int64, l: list<string>>"),
        ("m", "map<string, list<decimal(5,1)>>"),
        ("u", "binary"),
    ]);
    assert_eq!(diff(&contract, &same, &|_| None), []);
    let in_an_object = parse(r#"{"columns": {"l": {"type": "array", "elementType": "long"}}}"#);
    assert_eq!(told(&in_an_object), [("l", "array<long>", false)]);
}

#[test]
fn faults_are_named() {
    let table = [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "no columns"),
        (r#"{"columns": 3}"#, "neither"),
        (r#"{"columns": {"a": 3}}"#, "\"a\" has no type"),
        (r#"{"columns": [{"type": "int"}]}"#, "no name"),
        (r#"{"columns": ["a"]}"#, "not an object"),
        (r#"{"fields": [{"name": "a"}]}"#, "\"a\" has no type"),
    ];
    for (text, fault) in table {
        let error = parse_contract(text.as_bytes(), "c.json").unwrap_err().to_string();
        assert!(error.starts_with("c.json: ") && error.contains(fault), "{text}: {error}");
        assert!(error.contains("expected JSON with"), "{error}");
    }
    assert!(parse_contract(b"\xff\xfe", "c").is_err());
    assert!(parse_contract("[".repeat(100_000).as_bytes(), "c").is_err());
}

#[test]
fn limits_that_are_none_say_nothing() {
    let table = [
        ("90", Some(90)),
        ("90.0", Some(90)),
        ("\"90\"", Some(90)),
        ("1", Some(1)),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("1e300", None),
        ("9223372036854775807", None),
        ("null", None),
        ("\"soon\"", None),
    ];
    for (text, minutes) in table {
        let contract = parse(&format!("{{\"columns\": {{}}, \"max_lag_minutes\": {text}}}"));
        assert_eq!(contract.max_lag_minutes, minutes, "{text}");
    }
}

fn columns(pairs: &[(&str, &str)]) -> Vec<Column> {
    pairs.iter().map(|(n, k)| Column { name: (*n).into(), kind: (*k).into(), nullable: true }).collect()
}

fn contract(columns: &[(&str, &str, bool)]) -> Contract {
    let column = |(n, k, required): &(&str, &str, bool)| ContractColumn {
        name: (*n).into(),
        kind: (*k).into(),
        required: *required,
        nullable: !*required,
    };
    Contract { columns: columns.iter().map(column).collect(), ..Contract::default() }
}

/// Differences in short: column, kind, safe.
fn drifts(contract: &Contract, columns: &[Column], nulls: Option<bool>) -> Vec<(String, DriftKind, bool)> {
    diff(contract, columns, &|_| nulls).into_iter().map(|d| (d.column, d.kind, d.safe)).collect()
}

#[test]
fn every_kind_of_difference_and_whether_it_is_safe() {
    use DriftKind::{Missing, New, NullsInRequired, Retyped};
    type Case<'a> = (&'a str, bool, Option<(&'a str, &'a str)>, Option<bool>, Vec<(&'a str, DriftKind, bool)>);
    let table: [Case<'_>; 12] = [
        ("int", false, Some(("a", "int32")), None, vec![]),
        ("int", true, Some(("a", "int32")), Some(false), vec![]),
        ("int", false, Some(("a", "int32")), Some(true), vec![]),
        ("int", true, Some(("a", "int32")), None, vec![]),
        ("int", true, Some(("a", "int32")), Some(true), vec![("a", NullsInRequired, false)]),
        ("int", false, None, None, vec![("a", Missing, true)]),
        ("int", true, None, None, vec![("a", Missing, false)]),
        ("int", false, Some(("a", "string")), None, vec![("a", Retyped, false)]),
        ("bigint", false, Some(("a", "int32")), None, vec![("a", Retyped, true)]),
        ("string", true, Some(("a", "null")), Some(true), vec![("a", Retyped, true), ("a", NullsInRequired, false)]),
        ("int", false, Some(("b", "int32")), None, vec![("a", Missing, true), ("b", New, true)]),
        ("any", true, Some(("a", "list<int8>")), None, vec![]),
    ];
    for (kind, required, column, nulls, expected) in table {
        let data: Vec<Column> = column.map(|c| columns(&[c])).unwrap_or_default();
        let expected: Vec<_> = expected.into_iter().map(|(n, k, safe)| (n.to_owned(), k, safe)).collect();
        assert_eq!(drifts(&contract(&[("a", kind, required)]), &data, nulls), expected, "{kind} {column:?} {nulls:?}");
    }
}

#[test]
fn names_meet_as_spelled_and_then_without_case() {
    let two = contract(&[("Id", "int", false), ("id", "string", false)]);
    assert_eq!(drifts(&two, &columns(&[("id", "string"), ("Id", "int32")]), None), []);
    assert_eq!(drifts(&contract(&[("Id", "int", false)]), &columns(&[("ID", "int32")]), None), []);
}

#[test]
fn technical_and_repeated_columns_are_not_new() {
    let data = columns(&[("a", "int32"), ("_dlq_error_type", "string"), ("a", "int32"), ("b", "date"), ("b", "date")]);
    let new: Vec<_> = drifts(&contract(&[("a", "int", false)]), &data, None);
    assert_eq!(new, [("b".to_owned(), DriftKind::New, true), ("b".to_owned(), DriftKind::New, true)]);
}

#[test]
fn a_difference_says_both_sides() {
    let drift = &diff(&contract(&[("email", "varchar", true)]), &columns(&[("email", "int64")]), &|_| None)[0];
    assert_eq!((drift.expected.as_deref(), drift.actual.as_deref()), (Some("varchar"), Some("int64")));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_contract(&bytes, "c");
    }

    #[test]
    fn a_contract_of_the_data_itself_is_met(names in proptest::collection::hash_set("[a-z]{1,5}", 0..8), kinds in proptest::collection::vec("[a-z<>(), :]{0,12}", 8)) {
        let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(kinds.iter().map(String::as_str)).collect();
        let own: Vec<(&str, &str, bool)> = pairs.iter().map(|(n, k)| (*n, *k, false)).collect();
        prop_assert_eq!(diff(&contract(&own), &columns(&pairs), &|_| Some(true)), []);
    }
}
