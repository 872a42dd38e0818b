//! The rules and the repair of a dead letter by the program itself, on a folder and on S3: what passes, what still fails
//! and why, the original untouched, and the repaired file as another parquet reader has it.

mod entry;
mod faults;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::python;
use entry::{CONTRACT, ENTRY, End, Place, rows};

/// What a file holds, in the words of pyarrow.
fn read_back(files: &[&std::path::Path]) -> Value {
    let python = python::environment("pyarrow.txt");
    let output = Command::new(python).arg(python::folder().join("read_back.py")).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The bytes of an object, in a file that python can read.
fn in_a_file(place: &Place, key: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), place.get(key).unwrap_or_else(|| panic!("no {key}: {:?}", place.keys("")))).unwrap();
    file
}

fn check<'a>(found: &'a Value, name: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|c| c["check"] == name).unwrap_or_else(|| panic!("no {name} in {found}"))
}

/// Acceptance of schema evolution and rule check, on one end.
fn repaired_there(place: &Place) {
    place.fill(rows(100));
    let before = place.all(ENTRY);

    // As the rows are, none fits: `amount` is a text, and `status` is missing.
    let checked = place.run(&["dlq", "check", "silver/orders/dt=2026-11-24", "--json"]);
    assert_eq!((checked.code, checked.err.as_str()), (3, ""), "{checked:?}");
    let found = checked.json();
    assert_eq!((&found["rows"], &found["passed"], &found["failing"]), (&json!(100), &json!(0), &json!(100)));
    assert_eq!(check(&found, "type of amount")["failed"], 100);
    assert_eq!(check(&found, "order_id is required")["status"], "pass");
    assert_eq!(check(&found, "lost")["status"], "not_evaluated");

    // What it would do, and nothing done.
    let dry = place.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--dry-run", "--json", "--arm", "test"]);
    // A rehearsal arms nothing, so S3 stays as it is: refused, and the plan is shown all the same.
    let protected = matches!(place.end, End::S3(..));
    assert_eq!(dry.code, if protected { 4 } else { 0 }, "{dry:?}");
    let plan = dry.json();
    let steps: Vec<(&str, &str)> = plan["evolution"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["name"].as_str().unwrap(), c["step"].as_str().unwrap()))
        .collect();
    let want = [
        ("order_id", "widen"),
        ("amount", "cast"),
        ("day", "cast"),
        ("status", "null_default"),
        ("ratio", "widen"),
        ("_dlq_error_type", "technical"),
        ("email", "extra"),
    ];
    assert_eq!(steps, want);
    let after = &plan["after"];
    assert_eq!((&after["passed"], &after["failing"]), (&json!(90), &json!(10)), "{after}");
    assert_eq!(check(after, "type of amount")["failed"], 5);
    assert_eq!(check(after, "type of amount")["rows"], json!([1, 21, 41, 61, 81]));
    assert_eq!(check(after, "amount_positive")["failed"], 5);
    assert!(place.keys("_lakeward/repaired/").is_empty());

    // Another number than that of the objects is no confirmation; without one, there is none.
    for wrong in [&["--confirm", "2"][..], &[]] {
        let refused = place.run(&[&["dlq", "repair", "silver/orders/dt=2026-11-24", "--arm", "test"], wrong].concat());
        assert_eq!(refused.code, 4, "{refused:?}");
    }
    let done =
        place.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--confirm", "3", "--json", "--arm", "test"]);
    assert_eq!(done.code, 3, "some rows still fail: {done:?}");
    let done = done.json();
    assert_eq!(
        (&done["rows"], &done["passed"], &done["failing"], &done["gained"]),
        (&json!(100), &json!(90), &json!(10), &json!(90))
    );
    let target = done["path"].as_str().unwrap();
    assert!(target.starts_with("_lakeward/repaired/silver/orders/dt=2026-11-24/"), "{target}");
    assert_eq!(before, place.all(ENTRY), "the original is not touched");

    let manifest: Value = serde_json::from_slice(&place.get(&format!("{target}manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["schema"], &manifest["rows"], &manifest["passed"]), (&json!(1), &json!(100), &json!(90)));
    assert_eq!(manifest["plan"]["objects"].as_array().unwrap().len(), before.len());
    assert!(manifest["plan"]["objects"][0]["etag"].as_str().is_some_and(|e| !e.is_empty()));
    for file in manifest["files"].as_array().unwrap() {
        let bytes = place.get(file["key"].as_str().unwrap()).unwrap();
        assert_eq!(file["size"], bytes.len(), "{file}");
        assert_eq!(file["sha256"], sha256(&bytes), "{file}");
    }

    // Another reader: the contract's types, and every row in one of the two files.
    let (passed, failing) = (
        in_a_file(place, &format!("{target}part-0000.parquet")),
        in_a_file(place, &format!("{target}_failing-0000.parquet")),
    );
    let read = read_back(&[passed.path(), failing.path()]);
    let columns = json!([
        ["order_id", "int64"],
        ["amount", "decimal128(10, 2)"],
        ["day", "date32[day]"],
        ["status", "string"],
        ["ratio", "double"],
        ["email", "string"]
    ]);
    assert_eq!(read[0]["columns"], columns);
    assert_eq!((&read[0]["rows"], &read[1]["rows"]), (&json!(90), &json!(10)));
    assert_eq!(read[0]["values"]["amount"][0], "1.50");
    assert_eq!(read[0]["values"]["status"][0], Value::Null);
    assert_eq!(read[0]["values"]["ratio"][0], "0.5");
    // As they were, with their reasons.
    assert_eq!(read[1]["values"]["amount"][0], "n/a");
    assert_eq!(read[1]["values"]["_lakeward_reasons"][0], "type of amount");
    assert_eq!(read[1]["values"]["_lakeward_reasons"][1], "amount_positive");
    assert_eq!(read[1]["values"]["_dlq_error_type"][0], "schema");

    let audit = place.run(&["audit", "--json"]).json();
    let repairs: Vec<&Value> = audit.as_array().unwrap().iter().filter(|r| r["act"] == "repair").collect();
    assert!(repairs.iter().any(|r| r["outcome"] == "done" && r["object"] == ENTRY), "{audit}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn on_a_folder() {
    repaired_there(&Place::folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    let place = Place::s3().await;
    tokio::task::spawn_blocking(move || repaired_there(&place)).await.unwrap();
}

#[test]
fn every_format_is_repaired() {
    for (name, files) in entry::formats(60) {
        let place = Place::folder();
        for (key, bytes) in files {
            place.put(&format!("{ENTRY}{key}"), &bytes);
        }
        let done = place.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--confirm", "3", "--json"]);
        assert_eq!(done.code, 3, "{name}: {done:?}");
        let done = done.json();
        assert_eq!(
            (&done["rows"], &done["passed"], &done["failing"]),
            (&json!(60), &json!(54), &json!(6)),
            "{name}: {done}"
        );
        let target = done["path"].as_str().unwrap();
        let passed = in_a_file(&place, &format!("{target}part-0000.parquet"));
        let read = read_back(&[passed.path()]);
        assert_eq!(read[0]["rows"], 54, "{name}");
        assert_eq!(read[0]["columns"][1], json!(["amount", "decimal128(10, 2)"]), "{name}");
    }
}

#[test]
fn what_cannot_be_repaired_says_why() {
    let place = Place::folder();
    place.put(&format!("{ENTRY}rejected_rows.parquet"), b"PAR1 this is no parquet file PAR1");
    place.put(&format!("{ENTRY}_SUCCESS"), b"");
    for command in ["check", "repair"] {
        let broken = place.run(&["dlq", command, "silver/orders/dt=2026-11-24"]);
        assert_eq!((broken.code, broken.out.as_str()), (1, ""), "{broken:?}");
        assert!(broken.err.contains("_errors/silver/orders/dt=2026-11-24/rejected_rows.parquet"), "{broken:?}");
    }
    place.put("_errors/other/dt=2026-11-24/rejected_rows.json", b"{\"a\":1}\n");
    let unknown = place.run(&["dlq", "check", "other/dt=2026-11-24"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.err.contains("no contract is configured"), "{unknown:?}");

    let unfinished = Place::folder();
    unfinished.put(&format!("{ENTRY}rejected_rows.parquet"), &rows(3));
    let refused = unfinished.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--confirm", "3"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("incomplete"), "{refused:?}");
    let even = unfinished.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--confirm", "3", "--even-incomplete"]);
    assert_eq!(even.code, 3, "{even:?}");
}

#[test]
fn no_row_that_would_pass_is_nothing_to_repair() {
    let place = Place::folder();
    place.fill(rows(100));
    place.put("contracts/orders.json", CONTRACT.replace("amount > 0", "amount > 100000").as_bytes());
    let refused = place.run(&["dlq", "repair", "silver/orders/dt=2026-11-24", "--confirm", "2"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("no row would pass"), "{refused:?}");
    assert!(matches!(place.end, End::Folder(_)) && place.keys("_lakeward/repaired/").is_empty());
}
