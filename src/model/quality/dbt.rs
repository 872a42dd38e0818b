//! dbt's artifacts: tests of `run_results.json`, freshness of sources from `sources.json` (dbt 1) and of sources and
//! models from `freshness.json` (dbt 2, which capitalises its words and leaves out what it could not query).
//!
//! <https://docs.getdbt.com/reference/artifacts/dbt-artifacts>

use serde_json::{Map, Value};

use super::gate::no_check;
use super::reading::{Reading, time_at};
use super::{CheckStatus, QualityCheck};
use crate::model::documents::{array, count, object, one_line, text};

/// Whether an object is one of dbt's: it names its schema, or lists nodes.
pub(super) fn is_one(artifact: &Map<String, Value>) -> bool {
    let named = object(artifact, "metadata").is_some_and(|m| m.contains_key("dbt_schema_version"));
    let lists = || array(artifact, "results").and_then(<[Value]>::first).is_some_and(|r| r.get("unique_id").is_some());
    named || lists()
}

/// The results of an artifact: of the tests one, of freshness one a table.
///
/// # Errors
/// Artifacts that hold no results (a manifest, a catalog).
pub(super) fn read(artifact: &Map<String, Value>) -> Result<Vec<Reading>, &'static str> {
    let results = array(artifact, "results").ok_or("an artifact of dbt without results")?;
    let empty = Map::new();
    let metadata = object(artifact, "metadata").unwrap_or(&empty);
    let schema = text(metadata, &["dbt_schema_version"]).unwrap_or_default();
    let has_ages = |r: &Value| ["criteria", "max_loaded_at", "snapshotted_at"].iter().any(|k| r.get(*k).is_some());
    let second = schema.contains("/freshness/");
    if second || schema.contains("/sources/") || results.iter().any(has_ages) {
        Ok(freshness(results, metadata, second))
    } else {
        Ok(vec![tests(results, metadata)])
    }
}

/// Models and seeds are runs, not checks.
fn tests(results: &[Value], metadata: &Map<String, Value>) -> Reading {
    let nodes = results.iter().map(Value::as_object);
    let is_test = |id: &str| id.starts_with("test.") || id.starts_with("unit_test.");
    let checks: Vec<QualityCheck> = nodes
        .filter_map(|node| match node {
            Some(node) => text(node, &["unique_id"]).filter(|id| is_test(id)).map(|id| test(&id, node)),
            None => Some(no_check()),
        })
        .collect();
    let notes = if checks.is_empty() { vec!["no tests were run".into()] } else { Vec::new() };
    Reading {
        suite: Some(project(metadata).map_or("dbt tests".into(), |name| format!("dbt tests of {name}"))),
        at: time_at(metadata, &["generated_at", "invocation_started_at"]),
        checks,
        notes,
        ..Reading::of("dbt")
    }
}

fn project(metadata: &Map<String, Value>) -> Option<String> {
    one_line(&text(metadata, &["project_name"])?)
}

/// `test.{project}.{name}.{hash}`; a unit test ends in its name.
fn test(id: &str, node: &Map<String, Value>) -> QualityCheck {
    let name = id.split('.').nth(2).unwrap_or(id);
    let status = status(node);
    let failures = node.get("failures").and_then(count).filter(|n| *n > 0).map(|n| format!("{n} rows fail"));
    let column = text(node, &["column_name"]);
    QualityCheck {
        name: one_line(name).unwrap_or_else(|| "test".into()),
        column: column.and_then(|c| one_line(&c)),
        status: status.0,
        critical: status.1,
        detail: text(node, &["message", "error"]).and_then(|m| one_line(&m)).or(failures),
    }
}

/// What became of a node, and whether its failure is the gate's: a warning is not.
fn status(node: &Map<String, Value>) -> (CheckStatus, bool) {
    let word = text(node, &["status"]).unwrap_or_default().to_lowercase();
    match word.as_str() {
        "pass" | "success" => (CheckStatus::Pass, true),
        "fail" => (CheckStatus::Fail, true),
        "warn" => (CheckStatus::Fail, false),
        "skipped" | "no-op" => (CheckStatus::Skipped, true),
        _ => (CheckStatus::Error, true), // `error`, `runtime error`, and what is yet to come
    }
}

fn freshness(results: &[Value], metadata: &Map<String, Value>, second: bool) -> Vec<Reading> {
    let written = time_at(metadata, &["generated_at"]);
    let left_out = || if second { vec!["dbt leaves out what it could not query".into()] } else { Vec::new() };
    let of = |node: &Value| {
        let node = node.as_object()?;
        // `source.{project}.{source}.{table}`, `model.{project}.{name}`
        let id = text(node, &["unique_id"])?;
        let place: Vec<&str> = id.split('.').skip(2).collect();
        Some(Reading {
            suite: Some("dbt freshness".into()),
            table: one_line(&place.join(".")),
            at: time_at(node, &["snapshotted_at"]).or(written),
            checks: vec![age(node)],
            notes: left_out(),
            ..Reading::of("dbt")
        })
    };
    let mut readings: Vec<Reading> = results.iter().filter_map(of).collect();
    if readings.is_empty() {
        let mut notes = left_out();
        notes.push("no table's freshness was looked at".into());
        readings.push(Reading { suite: Some("dbt freshness".into()), at: written, notes, ..Reading::of("dbt") });
    }
    readings
}

/// One table's age against its limits. Here `error` is the verdict over an age that was read; without one, the query
/// failed.
fn age(node: &Map<String, Value>) -> QualityCheck {
    let word = text(node, &["status"]).unwrap_or_default().to_lowercase();
    let seconds = node.get("max_loaded_at_time_ago_in_s").and_then(Value::as_f64);
    let read = seconds.is_some() || node.get("max_loaded_at").is_some_and(|v| !v.is_null());
    let (status, critical) = match word.as_str() {
        "error" if read => (CheckStatus::Fail, true),
        _ => status(node),
    };
    let error = text(node, &["error", "message"]).and_then(|e| one_line(&e));
    QualityCheck {
        name: "freshness".into(),
        column: None,
        status,
        critical,
        detail: error.or_else(|| seconds.map(|s| format!("its newest row is {} min old", (s / 60.0).floor()))),
    }
}
