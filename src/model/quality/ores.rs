//! The Open Observability Results Standard of Bitol (ORES, a draft): a document with `results[]`, or its rows alone. A
//! row names its target; rows of one target are one result.
//!
//! <https://bitol-io.github.io/open-observability-results-standard/>

use serde_json::{Map, Value};

use super::expectation::is_critical;
use super::reading::{Reading, date_at, time_at};
use super::{CheckStatus, QualityCheck};
use crate::model::documents::{array, count, object, one_line, text};

/// Whether an object is a document of the standard.
pub(super) fn is_document(document: &Map<String, Value>) -> bool {
    let kind = text(document, &["kind"]).unwrap_or_default();
    let rows = array(document, "results");
    rows.is_some() && kind.eq_ignore_ascii_case("ObservabilityResults")
        || rows.is_some_and(|r| !r.is_empty() && r.iter().all(|row| row.as_object().is_some_and(is_row)))
}

/// Whether an object is a row: it has a status, and a target or one of the two types.
pub(super) fn is_row(row: &Map<String, Value>) -> bool {
    let kind = text(row, &["type"]).unwrap_or_default();
    let of_type = ["check", "metric"].contains(&kind.as_str());
    row.get("status").is_some_and(Value::is_string) && (object(row, "target").is_some() || of_type)
}

/// The results of a document. One without rows proves nothing.
pub(super) fn of_document(document: &Map<String, Value>) -> Vec<Reading> {
    let items = array(document, "results").unwrap_or_default();
    let rows: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let mut readings = of_rows(&rows, document);
    if readings.is_empty() {
        readings.push(Reading { notes: vec!["no results in it".into()], ..of_envelope(document) });
    }
    readings
}

/// The results of rows, one a target, in the order in which targets are first named.
pub(super) fn of_rows(rows: &[&Map<String, Value>], envelope: &Map<String, Value>) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    for row in rows {
        let table = table(row);
        let known = readings.iter().position(|r| r.table == table);
        let at = known.unwrap_or_else(|| {
            let of = of_envelope(envelope);
            let at = of.at.or_else(|| time_at(row, &["observedAt", "timestamp", "evaluatedAt"]));
            readings.push(Reading { table, at, ..of });
            readings.len() - 1
        });
        if let Some(reading) = readings.get_mut(at) {
            reading.checks.push(check(row));
        }
    }
    readings
}

fn of_envelope(envelope: &Map<String, Value>) -> Reading {
    let empty = Map::new();
    let source = object(envelope, "source").unwrap_or(&empty);
    Reading {
        suite: text(source, &["process", "name"]).or_else(|| text(envelope, &["name"])),
        date: date_at(envelope),
        at: time_at(envelope, &["observedAt", "timestamp"]),
        ..Reading::of("ores")
    }
}

/// The table of a row's target; of a column's, what stands before its last part.
fn table(row: &Map<String, Value>) -> Option<String> {
    let target = object(row, "target")?;
    let name = text(target, &["table", "resourceIdentifier", "name"])?;
    let is_column = text(target, &["resourceType"]).is_some_and(|kind| kind.eq_ignore_ascii_case("column"));
    match name.rsplit_once('.') {
        Some((table, _)) if is_column => Some(table.to_owned()),
        _ => Some(name),
    }
}

fn column(row: &Map<String, Value>) -> Option<String> {
    let target = object(row, "target")?;
    let is_column = text(target, &["resourceType"]).is_some_and(|kind| kind.eq_ignore_ascii_case("column"));
    let of_name = || text(target, &["resourceIdentifier"]).filter(|_| is_column);
    let last = |name: String| name.rsplit('.').next().map(str::to_owned);
    text(target, &["column"]).or_else(|| last(of_name()?)).and_then(|c| one_line(&c))
}

fn check(row: &Map<String, Value>) -> QualityCheck {
    let word = text(row, &["status"]).unwrap_or_default().to_lowercase();
    let status = match word.as_str() {
        "pass" | "passed" => CheckStatus::Pass,
        "warn" | "warning" | "fail" | "failed" => CheckStatus::Fail,
        "skip" | "skipped" | "unknown" => CheckStatus::Skipped,
        _ => CheckStatus::Error,
    };
    let warns = word.starts_with("warn");
    let measure = object(row, "measure");
    let failed = measure.and_then(|m| {
        let counted = |key| m.get(key).and_then(count);
        Some(format!("{} of {} rows fail", counted("failedRowCount")?, counted("rowCount")?))
    });
    QualityCheck {
        name: text(row, &["name", "id"]).and_then(|n| one_line(&n)).unwrap_or_else(|| "check".into()),
        column: column(row),
        status,
        critical: !warns && text(row, &["severity"]).is_none_or(|severity| is_critical(&severity)),
        detail: text(row, &["message"]).and_then(|m| one_line(&m)).or(failed),
    }
}
