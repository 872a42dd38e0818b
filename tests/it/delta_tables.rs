//! Delta tables whose rows only the log makes right: deletion vectors, null partitions, a column made anew.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::program::{Run, lakeward};

fn preview(table: &str) -> Run {
    let lake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/delta");
    lakeward(&["--lake", lake.to_str().unwrap(), "dlq", "preview", table, "--json"])
}

fn column(table: &str, name: &str) -> Vec<Value> {
    let page = preview(table).json();
    let at = page["columns"].as_array().unwrap().iter().position(|c| c["name"] == name).unwrap();
    page["rows"].as_array().unwrap().iter().map(|row| row[at].clone()).collect()
}

#[test]
fn deleted_rows_are_gone() {
    assert_eq!(column("t/plain", "click_id"), [6, 7, 8, 9, 10].map(|n| json!(n)));
    assert_eq!(column("t/dv", "click_id"), [7, 8, 10].map(|n| json!(n)));
}

#[test]
fn a_null_partition_is_null() {
    assert_eq!(column("t/plain", "dt"), vec![json!("2026-11-21"); 5]);
    assert_eq!(column("t/hive", "dt"), vec![Value::Null; 5]);
}

#[test]
fn a_column_dropped_and_made_anew_does_not_show_its_old_values() {
    assert_eq!(column("t/readded", "page"), vec![Value::Null; 5]);
}

#[test]
fn a_live_file_that_is_not_there_is_named() {
    let run = preview("t/gone");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("its log names _errors/t/gone/a.parquet"), "{}", run.err);
}
