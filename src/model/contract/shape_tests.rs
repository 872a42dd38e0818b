//! Contracts in YAML, several in one file, Avro and JSON Schema; what their columns and nulls are compared with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::model::column::Column;

fn told(contract: &Contract) -> Vec<(&str, &str, bool)> {
    contract.columns.iter().map(|c| (c.name.as_str(), c.kind.as_str(), c.required)).collect()
}

const TABLES: &str = "\
version: 1
tables:
  customers_silver:
    owner: data-engineering
    primary_key: [customer_id]
    required_columns:
      - customer_id
      - email
  orders_silver:
    owner: orders-team
    primary_key: [order_id]
    columns: {order_id: bigint, total_amount: 'decimal(10,2)'}
    required_columns: [order_id, status]
    freshness_column: updated_at
    max_lag_minutes: 120
    ranges:
      - {column: total_amount, min: 0}
";

#[test]
fn reads_one_table_of_several() {
    let read = |table| parse_contract_of(TABLES.as_bytes(), "c.yaml", ContractFormat::Yaml, table);
    let orders = read(Some("orders_silver")).unwrap();
    let expected = [("order_id", "bigint", true), ("total_amount", "decimal(10,2)", false), ("status", "any", true)];
    assert_eq!(told(&orders), expected);
    assert_eq!((orders.table.as_deref(), orders.owner.as_deref()), (Some("orders_silver"), Some("orders-team")));
    assert_eq!((orders.freshness_column.as_deref(), orders.max_lag_minutes), (Some("updated_at"), Some(120)));
    assert_eq!(orders.primary_key, ["order_id"]);
    let customers = read(Some("CUSTOMERS_silver")).unwrap();
    assert_eq!(told(&customers), [("customer_id", "any", true), ("email", "any", true)]);
    let error = read(None).unwrap_err().to_string();
    assert!(error.contains("several tables in it (customers_silver, orders_silver)"), "{error}");
    assert!(read(Some("fx")).unwrap_err().to_string().contains("no table \"fx\""));
    let listed = br#"{"tables": [{"name": "t", "columns": {"a": "int"}}]}"#;
    let only = parse_contract_of(listed, "c.json", ContractFormat::Json, None).unwrap();
    assert_eq!((only.table.as_deref(), told(&only)), (Some("t"), vec![("a", "int", false)]));
}

#[test]
fn reads_yaml_with_the_keys_of_json() {
    let text = "\u{feff}# a contract\ntable: contacts\nprimary_key: id\ncolumns:\n  id: bigint\n  email: {type: string, nullable: true}\nrequired_non_null: [email]\nfreshness_column: updated_at\nmax_lag_minutes: 90\n";
    let contract = parse_contract(text.as_bytes(), "contracts/contacts.yml").unwrap();
    assert_eq!(told(&contract), [("id", "bigint", true), ("email", "string", true)]);
    assert_eq!((contract.freshness_column.as_deref(), contract.max_lag_minutes), (Some("updated_at"), Some(90)));
}

#[test]
fn faults_of_yaml_are_named_and_bombs_are_refused() {
    let bomb = format!("a: &a [{}]\n", "x, ".repeat(50))
        + &(b'b'..=b'z')
            .map(|c| {
                let (c, before) = (c as char, (c - 1) as char);
                format!("{c}: &{c} [{}]\n", format!("*{before}, ").repeat(50))
            })
            .collect::<String>();
    for text in ["a: [", "tables: 3", "", "- a", "columns: 3", "\u{0}", "columns:\n\t- a", &bomb, &"[".repeat(100_000)]
    {
        let error = parse_contract(text.as_bytes(), "c.yaml").unwrap_err().to_string();
        assert!(error.starts_with("c.yaml: ") && error.lines().count() == 1, "{error}");
    }
    assert!(parse_contract(b"\xff", "c.yaml").is_err());
}

const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "email", "type": ["null", "string"], "default": null},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
    {"name": "at", "type": [{"type": "long", "logicalType": "timestamp-millis"}, "null"]},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "odd", "type": {"type": "int", "logicalType": "unheard-of"}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["A"]}},
    {"name": "last", "type": ["null", "State"]},
    {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 16}},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "sku", "type": "string"}, {"name": "qty", "type": ["null", "int"]}]}}},
    {"name": "first", "type": "shop.Item"},
    {"name": "attrs", "type": {"type": "map", "values": "double"}},
    {"name": "either", "type": ["int", "string"]},
    {"name": "parent", "type": ["null", "Order"]}]}"#;

#[test]
fn reads_avro_records() {
    let contract = parse_contract(AVRO.as_bytes(), "orders.avsc").unwrap();
    assert_eq!(contract.table.as_deref(), Some("Order"));
    let kinds: Vec<_> = told(&contract).into_iter().take(14).collect();
    assert_eq!(
        kinds,
        [
            ("id", "bigint", true),
            ("email", "string", false),
            ("amount", "decimal(10,2)", true),
            ("at", "timestamp", false),
            ("day", "date", true),
            ("key", "string", true),
            ("odd", "int", true),
            ("state", "string", true),
            ("last", "string", false),
            ("hash", "binary", true),
            ("items", "array<struct<sku: string, qty: int>>", true),
            ("first", "struct<sku: string, qty: int>", true),
            ("attrs", "map<string, double>", true),
            ("either", "union<int, string>", true),
        ]
    );
    let parent = &contract.columns[14];
    assert!(parent.nullable && parent.kind.ends_with("parent: any>"), "a type that holds itself ends: {}", parent.kind);
    assert_eq!(parse_contract(AVRO.as_bytes(), "orders.json").unwrap(), contract, "by its keys");
    assert_eq!(parse_contract(format!("[\"null\", {AVRO}]").as_bytes(), "o.avsc").unwrap(), contract);
}

#[test]
fn faults_of_avro_are_named() {
    let table = [
        ("{", "not JSON"),
        ("\"string\"", "not an Avro record"),
        (r#"{"type": "enum", "name": "E", "symbols": []}"#, "not an Avro record"),
        (r#"{"type": "record", "name": "R", "fields": [{"type": "int"}]}"#, "no name"),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a"}]}"#, "no type"),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Gone"}]}"#, "no type that Avro knows"),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": []}]}"#, "no type that Avro knows"),
    ];
    for (text, fault) in table {
        let error = parse_contract(text.as_bytes(), "r.avsc").unwrap_err().to_string();
        assert!(error.contains(fault), "{text}: {error}");
    }
}

#[test]
fn types_that_unfold_without_end_are_bounded() {
    let record = |n: usize| {
        let field = |name: &str| match n {
            0 => format!(r#"{{"name": "{name}", "type": "int"}}"#),
            n => format!(r#"{{"name": "{name}", "type": "R{}"}}"#, n - 1),
        };
        format!(
            r#"{{"name": "f{n}", "type": {{"type": "record", "name": "R{n}", "fields": [{}, {}]}}}}"#,
            field("a"),
            field("b")
        )
    };
    let all: Vec<String> = (0..40).map(record).collect();
    let text = format!(r#"{{"type": "record", "name": "Top", "fields": [{}]}}"#, all.join(","));
    let contract = parse_contract(text.as_bytes(), "r.avsc").unwrap();
    assert!(contract.columns.iter().all(|c| c.kind.len() < 100_000));
}

#[test]
fn reads_json_schemas() {
    let text = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "orders", "type": "object",
        "properties": {"id": {"type": "integer"}, "email": {"type": ["string", "null"]}, "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}}, "to": {"type": "object", "properties": {"city": {"type": "string"}}},
        "x": {"$ref": "other"}, "ok": {"type": "boolean"}, "n": {"type": "number"}}, "required": ["id", "email", "at"]}"#;
    let contract = parse_contract(text.as_bytes(), "orders.json").unwrap();
    assert_eq!(
        told(&contract),
        [
            ("id", "bigint", true),
            ("email", "string", false),
            ("at", "timestamp", true),
            ("tags", "array<string>", false),
            ("to", "struct<city: string>", false),
            ("x", "any", false),
            ("ok", "boolean", false),
            ("n", "double", false),
        ]
    );
}

#[test]
fn what_is_written_of_a_contract_keeps_its_fields() {
    let contract = parse_contract(br#"{"columns": {"a": "int"}}"#, "c.json").unwrap();
    let written = serde_json::to_string(&contract).unwrap();
    assert_eq!(
        written,
        r#"{"table":null,"columns":[{"name":"a","type":"int","required":false}],"max_lag_minutes":null}"#
    );
}

#[test]
fn nulls_that_schemas_declare() {
    use DriftKind::{MayHoldNulls, NeverNull};
    type Case<'a> = (&'a str, bool, Option<bool>, Option<(DriftKind, bool)>);
    let table: [Case<'_>; 9] = [
        ("false", true, None, Some((MayHoldNulls, false))),
        ("false", true, Some(false), None),
        ("false", true, Some(true), None),
        ("false", false, None, None),
        ("true", true, None, None),
        ("true", false, None, Some((NeverNull, true))),
        ("true", false, Some(false), Some((NeverNull, true))),
        ("null", false, None, None),
        ("null", true, None, None),
    ];
    for (says, nullable, nulls, expected) in table {
        let text = format!(r#"{{"columns": {{"A": {{"type": "int", "nullable": {says}}}}}}}"#);
        let contract = parse_contract(text.as_bytes(), "c.json").unwrap();
        let data = [Column { name: "a".into(), kind: "int32".into(), nullable }];
        let found = nullability(&contract, &data, &|_| nulls);
        assert_eq!(found.first().map(|d| (d.kind, d.safe)), expected, "{says} {nullable} {nulls:?}");
    }
    let contract = parse_contract(AVRO.as_bytes(), "o.avsc").unwrap();
    assert_eq!(nullability(&contract, &[], &|_| None), [], "what is missing is said elsewhere");
}

#[test]
fn widening_is_safe_and_narrowing_breaks() {
    let table = [
        ("bigint", "int32", true),
        ("decimal(10,0)", "int32", true),
        ("decimal(20,0)", "int64", true),
        ("double", "float", true),
        ("decimal(12,2)", "decimal(10,2)", true),
        ("int", "int64", false),
        ("float", "double", false),
        ("decimal(8,2)", "decimal(10,2)", false),
    ];
    for (contract, data, safe) in table {
        let contract = parse_contract(format!(r#"{{"columns": {{"a": "{contract}"}}}}"#).as_bytes(), "c.json").unwrap();
        let data = [Column { name: "a".into(), kind: data.into(), nullable: true }];
        let drifts: Vec<_> = diff(&contract, &data, &|_| None).iter().map(|d| (d.kind, d.safe)).collect();
        assert_eq!(drifts, [(DriftKind::Retyped, safe)], "{data:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_survived_in_every_format(text in "([{}\\[\\]:,&*!|>\"'\n -]|type|record|fields|name|tables|columns|\\PC){0,60}") {
        for name in ["c.yaml", "c.avsc", "c.json"] {
            let _ = parse_contract(text.as_bytes(), name);
        }
    }

    #[test]
    fn any_avro_type_is_survived(kind in "(\"int\"|\"R\"|\"Gone\"|\\[\"null\",\"R\"\\]|\\{\"type\":\"array\",\"items\":\"R\"\\}|\\{\"type\":\\{\"type\":\"map\",\"values\":\"R\"\\}\\}|\\{\"logicalType\":\"decimal\"\\}|3|null)") {
        let text = format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {kind}}}]}}"#);
        let _ = parse_contract(text.as_bytes(), "r.avsc");
    }
}
