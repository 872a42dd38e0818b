#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

const NOW: &str = "2026-11-24T11:30:07Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// Every file: its bytes and its time.
fn files(root: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(dir) = open.pop() {
        for item in fs::read_dir(dir).unwrap() {
            let item = item.unwrap();
            let meta = item.metadata().unwrap();
            if meta.is_dir() {
                open.push(item.path());
            } else {
                let key = item.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(key, (fs::read(item.path()).unwrap(), meta.modified().unwrap()));
            }
        }
    }
    found
}

fn rows(bytes: &[u8]) -> i64 {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).unwrap();
    let counted = reader.get_row_iter(None).unwrap().filter(Result::is_ok).count();
    assert_eq!(counted as i64, reader.metadata().file_metadata().num_rows());
    counted as i64
}

#[test]
fn the_same_minute_gives_the_same_bytes_and_times_and_so_does_writing_again() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let summary = write(one.path(), at(NOW)).unwrap();
    // Another day first, so that writing again has something to replace.
    write(two.path(), at("2026-10-01T03:00:00Z")).unwrap();
    write(two.path(), at("2026-11-24T11:30:59.999Z")).unwrap();
    let (first, second) = (files(one.path()), files(two.path()));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert!(first == second);
    assert_eq!((summary.objects, summary.bytes), (first.len(), first.values().map(|f| f.0.len() as u64).sum()));
}

#[test]
fn every_failure_category_shows_its_symptoms_in_the_reasons() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), at(NOW)).unwrap();
    let found = files(dir.path());
    for (prefix, symptom) in [
        ("_errors/crm/contacts/dt=2026-11-24/error_reasons.json", "Column 'email' expected string, got null"),
        ("_errors/crm/accounts/dt=2026-11-24/error_reasons.json", "data quality"),
        ("_errors/finance/fx_rates/dt=2026-11-24/error_reasons.json", "Source API timeout"),
        ("_errors/finance/fx_rates/dt=2026-11-24/error_reasons.json", "Invalid data format"),
        ("_errors/orders/dt=2026-11-24/error_reasons.json", "duplicate"),
        ("_errors/silver/sessions/dt=2026-11-24/error_reasons.json/part-", "exit code 137"),
        ("_errors/silver/sessions/dt=2026-11-24/error_reasons.json/part-", "OutOfMemoryError"),
        ("_errors/gold/revenue/date=2026-11-24/run_id=", "AccessDenied"),
        ("_errors/gold/revenue/date=2026-11-24/run_id=", "Secrets Manager timeout"),
        ("_errors/marketing/campaigns/day=2026-11-24/error_reasons.json", "code 204"),
    ] {
        let hit = found.iter().any(|(key, (bytes, _))| {
            key.starts_with(prefix) && key.contains("error_reasons") && String::from_utf8_lossy(bytes).contains(symptom)
        });
        assert!(hit, "{prefix}: {symptom}");
    }
}

#[test]
fn every_parquet_file_reads_back_and_the_torn_attempt_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let summary = write(dir.path(), at(NOW)).unwrap();
    let (mut rejected, mut torn) = (0, 0);
    for (key, (bytes, _)) in files(dir.path()) {
        if key.contains("_temporary") {
            assert!(SerializedFileReader::new(Bytes::from(bytes)).is_err());
            torn += 1;
        } else if key.ends_with(".parquet") {
            let count = rows(&bytes);
            rejected += if key.starts_with("_errors/") { count } else { 0 };
        } else if key.contains("/run_id=") && key.contains("/part-") {
            rejected += String::from_utf8(bytes).unwrap().lines().count() as i64;
        }
    }
    assert_eq!(torn, 1);
    // 64 rows of the Delta table were overwritten: on disk, and not in the table.
    assert_eq!(rejected, summary.rejected_rows as i64 + 64);
}

#[test]
fn the_figures_of_the_story_hold() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), at(NOW)).unwrap();
    let found = files(dir.path());
    for (key, count) in [
        ("_errors/crm/contacts/dt=2026-11-24/rejected_rows.parquet", 150),
        ("_errors/crm/contacts/dt=2026-11-23/rejected_rows.parquet", 1_200),
        ("_errors/crm/accounts/dt=2026-11-24/rejected_rows.parquet", 4),
        ("_errors/finance/fx_rates/dt=2026-11-24/rejected_rows.parquet", 7_911),
        ("_errors/orders/dt=2026-11-24/rejected_rows.parquet", 547),
    ] {
        assert_eq!(rows(&found.get(key).unwrap().0), count, "{key}");
    }
    let incomplete = "_errors/silver/orders/dt=2026-11-24/";
    assert!(found.keys().any(|k| k.starts_with(incomplete)));
    assert!(!found.keys().any(|k| k.starts_with(incomplete) && k.ends_with("_SUCCESS")));
    for (key, (_, modified)) in &found {
        let age = at("2026-11-24T11:30:00Z") - DateTime::<Utc>::from(*modified);
        assert!(age >= chrono::Duration::zero(), "{key} lies in the future");
        if key.starts_with(incomplete) {
            assert!(age > chrono::Duration::minutes(30), "{key}: {age}");
        }
        if key.starts_with("bronze/finance/fx_rates/") {
            assert!(age >= chrono::Duration::hours(3), "{key}: {age}");
        }
    }
}

#[test]
fn hostile_names_lie_in_the_rows_unescaped() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), at(NOW)).unwrap();
    let path = dir.path().join("_errors/crm/accounts/dt=2026-11-24/rejected_rows.parquet");
    let reader = SerializedFileReader::new(Bytes::from(fs::read(path).unwrap())).unwrap();
    let names: Vec<String> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().get_column_iter().nth(1).unwrap().1.clone())
        .map(|field| match field {
            parquet::record::Field::Str(name) => name,
            other => other.to_string(),
        })
        .collect();
    assert_eq!(names, tables::HOSTILE_NAMES);
}

#[test]
fn the_table_log_takes_the_overwritten_file_out() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), at(NOW)).unwrap();
    let actions = |version: u32| -> Vec<serde_json::Value> {
        let log = dir.path().join(format!("_errors/kafka/orders_events/_delta_log/{version:020}.json"));
        fs::read_to_string(log).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let path = |version, action: &str| {
        actions(version).iter().find_map(|a| a.pointer(&format!("/{action}/path")).cloned()).unwrap()
    };
    assert_eq!(path(0, "add"), path(1, "remove"));
    assert_ne!(path(0, "add"), path(1, "add"));
    for version in [0, 1] {
        let file = dir.path().join("_errors/kafka/orders_events").join(path(version, "add").as_str().unwrap());
        assert!(file.is_file());
    }
}

#[test]
fn a_refusal_names_the_folder_escaped_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "").unwrap();
    let error = write(dir.path(), at(NOW)).unwrap_err().to_string();
    assert!(error.contains(dir.path().to_str().unwrap()) && error.contains("empty"), "{error}");
}
