//! The gates of the runbook's pipeline: a suite with `expectations[]`, a list of `checks[]`, null counts of columns, and
//! the bare `passed` of a gate that did not run. They fail open in several ways, which is why each is a note here.

use serde_json::{Map, Value};

use super::expectation;
use super::reading::{Reading, date_at, layer_at, time_at};
use super::{CheckStatus, QualityCheck};
use crate::model::documents::{array, count, flag, object, one_line, text};

/// What a check's error begins with where it could not be evaluated. Other errors of a list say what was found.
const NOT_EVALUATED: [&str; 2] = ["Error running", "Unsupported expectation"];

/// A result of one of these gates; none of other shapes.
pub(super) fn read(gate: &Map<String, Value>) -> Option<Reading> {
    let mut reading = Reading {
        suite: text(gate, &["suite_name", "suite", "expectation_suite_name"]),
        table: text(gate, &["table_name", "table", "dataset"]),
        layer: layer_at(gate),
        date: date_at(gate),
        at: time_at(gate, &["timestamp", "check_timestamp", "timestamp_utc", "run_time", "evaluated_at"]),
        said: flag(gate, &["passed", "success"]),
        ..Reading::of("gate")
    };
    // The definition of a suite has expectations too, and no outcome.
    let reading_said = reading.said.is_some();
    let told = |items: &[Value]| {
        let says = |item: &Value| ["passed", "success", "skipped", "error"].iter().any(|key| item.get(*key).is_some());
        reading_said || items.iter().any(says)
    };
    if let Some(items) = array(gate, "expectations").filter(|items| told(items)) {
        suite(&mut reading, gate, items);
    } else if let Some(items) = array(gate, "checks") {
        list(&mut reading, gate, items);
    } else if let Some(Value::Object(nulls)) = gate.get("null_violations") {
        null_counts(&mut reading, gate, nulls);
    } else if reading.said.is_none() && flag(gate, &["skipped"]).is_none() {
        return None;
    }
    if flag(gate, &["skipped"]) == Some(true) {
        reading.notes.push("skipped".into());
        let well = reading.checks.iter_mut().filter(|c| c.status == CheckStatus::Pass);
        well.for_each(|c| c.status = CheckStatus::Skipped);
    }
    if let Some(error) = text(gate, &["error", "exception", "error_message"]).and_then(|e| one_line(&e)) {
        reading.notes.push(error);
    }
    Some(reading)
}

/// A suite says how many critical checks failed, and not which: if any did, each that failed is taken for one. Its
/// `error` is an exception.
fn suite(reading: &mut Reading, gate: &Map<String, Value>, items: &[Value]) {
    let critical = gate.get("critical_failures").and_then(count);
    reading.blocked = critical.is_some_and(|n| n > 0);
    for item in items {
        let check = item.as_object().map(|item| {
            let check = expectation::read(item, critical.is_none_or(|n| n > 0));
            match text(item, &["error"]).and_then(|e| one_line(&e)) {
                Some(error) if check.status == CheckStatus::Fail => {
                    QualityCheck { status: CheckStatus::Error, detail: Some(error), ..check }
                }
                _ => check,
            }
        });
        reading.checks.push(check.unwrap_or_else(no_check));
    }
}

/// A list says each check's severity. Its `error` says what was found, unless it says that nothing could be.
fn list(reading: &mut Reading, gate: &Map<String, Value>, items: &[Value]) {
    let critical = object(gate, "summary").and_then(|s| s.get("critical_failures")).and_then(count);
    reading.blocked = critical.is_some_and(|n| n > 0);
    for item in items {
        let check = item.as_object().map(|item| {
            let check = expectation::read(item, true);
            let Some(error) = text(item, &["error"]).and_then(|e| one_line(&e)) else { return check };
            let failed = check.status == CheckStatus::Fail;
            let status = match NOT_EVALUATED.iter().any(|begin| error.starts_with(begin)) {
                true if failed => CheckStatus::Error,
                _ => check.status,
            };
            QualityCheck { status, detail: Some(error), ..check }
        });
        reading.checks.push(check.unwrap_or_else(no_check));
    }
}

/// Nulls a column, and what else was counted under names of its own. Of no rows, nothing was evaluated.
fn null_counts(reading: &mut Reading, gate: &Map<String, Value>, nulls: &Map<String, Value>) {
    let rows = gate.get("total_rows").and_then(count);
    if rows == Some(0) {
        reading.notes.push("it looked at no rows".into());
    }
    for (name, value) in nulls {
        let found = count(value);
        let status = match found {
            None => CheckStatus::Error,
            Some(0) if rows == Some(0) => CheckStatus::Skipped,
            Some(0) => CheckStatus::Pass,
            Some(_) => CheckStatus::Fail,
        };
        let of_rows = rows.map(|n| format!(" of {n}")).unwrap_or_default();
        let (check, column, noun) = match name.strip_suffix("_range_violations") {
            _ if name == "_duplicates" => ("unique", None, "duplicates"),
            Some(column) => ("in_range", Some(column), "values out of range"),
            None => ("not_null", Some(name.as_str()), "nulls"),
        };
        reading.checks.push(QualityCheck {
            name: check.into(),
            column: column.and_then(one_line),
            status,
            critical: true,
            detail: found.filter(|n| *n > 0).map(|n| format!("{n} {noun}{of_rows} rows")),
        });
    }
}

/// In place of an item that is no object.
pub(super) fn no_check() -> QualityCheck {
    QualityCheck {
        name: "check".into(),
        column: None,
        status: CheckStatus::Error,
        critical: false,
        detail: Some("not an object".into()),
    }
}
