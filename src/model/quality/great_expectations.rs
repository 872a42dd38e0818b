//! Great Expectations' own results, of versions 0.x and 1.x: of one validation, and of a checkpoint that ran several.
//! An exception is an error and not a failure, and a success that evaluated nothing proves nothing.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::expectation;
use super::gate::no_check;
use super::reading::{Reading, date_at, time_at};
use crate::model::documents::{array, count, date, flag, object, text};

/// One validation: `{success, suite_name, results[], statistics, meta}`; the `expectations[]` of a description
/// (`describe()`) as well.
pub(super) fn of_validation(result: &Map<String, Value>) -> Reading {
    let empty = Map::new();
    let meta = object(result, "meta").unwrap_or(&empty);
    let run = object(meta, "run_id").unwrap_or(&empty);
    let batch = object(meta, "active_batch_definition").unwrap_or(&empty);
    let items = array(result, "results").or_else(|| array(result, "expectations")).unwrap_or_default();
    // Without a severity, version 1 takes a failure for critical.
    let check = |item: &Value| item.as_object().map_or_else(no_check, |item| expectation::read(item, true));
    let mut reading = Reading {
        suite: text(result, &["suite_name"]).or_else(|| text(meta, &["expectation_suite_name"])),
        table: text(result, &["asset_name"])
            .or_else(|| text(batch, &["data_asset_name"]))
            .or_else(|| text(object(meta, "batch_spec")?, &["table_name", "data_asset_name"])),
        date: of_batch(meta).or_else(|| date_at(meta)),
        at: time_at(run, &["run_time"]).or_else(|| time_at(meta, &["validation_time", "run_time"])),
        checks: items.iter().map(check).collect(),
        said: flag(result, &["success"]),
        ..Reading::of("great_expectations")
    };
    let counted = |key| object(result, "statistics").and_then(|s| s.get(key)).and_then(count);
    let listed = reading.checks.len() as u64;
    if let Some(evaluated) = counted("evaluated_expectations").filter(|n| *n > listed) {
        reading.notes.push(format!("{evaluated} expectations were evaluated and {listed} are listed"));
    }
    reading
}

/// A checkpoint: `run_results` of name to validation (0.x wraps it once more), or the `validation_results[]` of its
/// description. One that validated nothing is a result that proves nothing.
pub(super) fn of_checkpoint(checkpoint: &Map<String, Value>) -> Vec<Reading> {
    let run = object(checkpoint, "run_id");
    let at = run.and_then(|run| time_at(run, &["run_time"]));
    let named = object(checkpoint, "run_results").into_iter().flatten().map(|(name, value)| (name.as_str(), value));
    let listed = array(checkpoint, "validation_results").unwrap_or_default().iter().map(|value| ("", value));
    let mut readings = Vec::new();
    for (name, value) in named.chain(listed) {
        let Some(value) = value.as_object() else { continue };
        let mut reading = of_validation(object(value, "validation_result").unwrap_or(value));
        let (suite, asset) = of_identifier(name);
        reading.at = reading.at.or(at);
        reading.suite = reading.suite.or(suite);
        reading.table = reading.table.or(asset);
        readings.push(reading);
    }
    if readings.is_empty() {
        readings.push(Reading {
            suite: text(checkpoint, &["name"]).or_else(|| text(object(checkpoint, "checkpoint_config")?, &["name"])),
            at,
            said: flag(checkpoint, &["success"]),
            notes: vec!["the checkpoint validated nothing".into()],
            ..Reading::of("great_expectations")
        });
    }
    readings
}

/// `ValidationResultIdentifier::suite/run name/run time/batch`, where the batch is `source-asset` and its parameters.
fn of_identifier(name: &str) -> (Option<String>, Option<String>) {
    let path = name.rsplit("::").next().unwrap_or_default();
    let parts: Vec<&str> = path.rsplitn(4, '/').collect();
    let [batch, _, _, suite] = parts.as_slice() else { return (None, None) };
    let asset = batch.split('-').nth(1).map(str::to_owned).filter(|asset| !asset.is_empty());
    (Some((*suite).to_owned()), asset)
}

/// The date of the batch: `batch_parameters` with a date, or with year, month and day.
fn of_batch(meta: &Map<String, Value>) -> Option<NaiveDate> {
    let batch = object(meta, "active_batch_definition").and_then(|b| object(b, "batch_identifiers"));
    let parameters = object(meta, "batch_parameters").or(batch)?;
    let number = |key| text(parameters, &[key])?.trim().parse::<i32>().ok();
    date_at(parameters).or_else(|| {
        let (year, month, day) = (number("year")?, number("month")?, number("day")?);
        date(&format!("{year:04}-{month:02}-{day:02}"))
    })
}
