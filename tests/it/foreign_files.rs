//! Files of other producers: every shape and every broken case lists, previews and fails as it should.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::program::lakeward;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

#[test]
fn every_shape_and_every_broken_case_is_listed_and_coded() {
    let lake = fixtures().join("lake");
    let run = lakeward(&["--lake", lake.to_str().expect("a path"), "dlq", "list", "--json"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "a listing exits 0");
    let expected = read(&fixtures().join("expected_dlq_list.json"));
    let listed = run.json();
    let (expected, listed) = (expected.as_array().expect("array"), listed.as_array().expect("array"));
    for want in expected {
        let path = &want["path"];
        let got = listed.iter().find(|e| &e["path"] == path).unwrap_or_else(|| panic!("{path} is not listed"));
        for (field, value) in want.as_object().expect("object") {
            assert_eq!(&got[field], value, "{field} of {path}: {got}");
        }
    }
    assert_eq!(listed.len(), expected.len());
    let order = |all: &[Value]| -> Vec<Value> { all.iter().map(|e| e["path"].clone()).collect() };
    assert_eq!(order(listed), order(expected));
}

/// A lake whose one entry holds this file.
fn lake_of(file: &Path) -> tempfile::TempDir {
    let lake = tempfile::tempdir().expect("a folder");
    let entry = lake.path().join("_errors/f/dt=2026-11-22");
    std::fs::create_dir_all(&entry).expect("folders");
    std::fs::copy(file, entry.join("rejected_rows.parquet")).expect("a copy");
    lake
}

fn preview(file: &Path, more: &[&str]) -> crate::support::program::Run {
    let lake = lake_of(file);
    let lake = lake.path().to_str().expect("a path");
    lakeward(&[&["--lake", lake, "dlq", "preview", "f/dt=2026-11-22", "--json", "--unsafe-raw"], more].concat())
}

#[test]
fn previews_equal_what_pyarrow_reads() {
    let parquet = fixtures().join("parquet");
    let mut seen = 0;
    for expected in std::fs::read_dir(parquet.join("expected")).expect("a folder") {
        let expected = expected.expect("an entry").path();
        let name = expected.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
        let want = read(&expected);
        let run = preview(&parquet.join(format!("{name}.parquet")), &["--rows", "5"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        let got = run.json();
        let names = |v: &Value| -> Vec<Value> {
            v["columns"].as_array().into_iter().flatten().map(|c| json!([c["name"], c["nullable"]])).collect()
        };
        // Durations are left out of the expected files, with their columns.
        let kept: Vec<usize> = (0..names(&got).len()).filter(|i| !is_duration(&got["columns"][*i]["type"])).collect();
        let pick = |all: Vec<Value>| -> Vec<Value> { kept.iter().map(|i| all[*i].clone()).collect() };
        assert_eq!(pick(names(&got)), names(&want), "columns of {name}");
        assert_eq!(got["total_rows"], want["total_rows"], "{name}");
        for (row, want) in got["rows"].as_array().expect("rows").iter().zip(want["rows"].as_array().expect("rows")) {
            assert_eq!(&Value::Array(pick(row.as_array().expect("a row").clone())), want, "a row of {name}");
        }
        assert_eq!(got["rows"].as_array().map(Vec::len), want["rows"].as_array().map(Vec::len), "{name}");
        seen += 1;
    }
    assert!(seen >= 30, "only {seen} expected files");
}

fn is_duration(kind: &Value) -> bool {
    kind.as_str().is_some_and(|k| k.starts_with("duration"))
}

#[test]
fn totals_equal_what_pyarrow_counts() {
    let parquet = fixtures().join("parquet");
    for (name, total) in read(&parquet.join("totals.json")).as_object().expect("object") {
        let run = preview(&parquet.join(format!("{name}.parquet")), &["--rows", "1"]);
        assert_eq!(&run.json()["total_rows"], total, "{name}: {}", run.err);
    }
}

#[test]
fn a_broken_file_fails_with_one_line_that_names_object_and_fault() {
    let mut seen = 0;
    for file in std::fs::read_dir(fixtures().join("parquet/broken")).expect("a folder") {
        let file = file.expect("an entry").path();
        let run = preview(&file, &[]);
        assert_eq!(run.code, 1, "{file:?}: {run:?}");
        assert_eq!(run.out, "", "{file:?}");
        let faults: Vec<&str> = run.err.lines().filter(|l| !l.starts_with("hint:")).collect();
        assert_eq!(faults.len(), 1, "{file:?}: {}", run.err);
        assert!(faults[0].contains("_errors/f/dt=2026-11-22/rejected_rows.parquet"), "{}", run.err);
        seen += 1;
    }
    assert!(seen >= 8);
}
