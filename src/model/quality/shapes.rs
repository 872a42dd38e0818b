//! Tells by its keys who wrote a result, and hands it to that family. Bytes in, results out; which bytes to read is
//! `sources`' business.

use serde_json::{Map, Value};

use super::reading::Reading;
use super::{CheckStatus, QualityCheck, QualityResult};
use super::{dbt, gate, glue, great_expectations, ores};
use crate::model::documents::{Documents, array, documents, one_line};
use crate::model::origin::Origin;

/// Results that cannot be used. Both texts may be hostile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{uri}: {fault}")]
pub struct QualityError {
    /// Full address of the object.
    pub uri: String,
    /// What is wrong with it, on one line.
    pub fault: String,
}

impl QualityError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "results are JSON of a gate, Great Expectations, Glue Data Quality, dbt or ORES; run the gate again, or leave \
         the prefix out of the quality settings"
    }
}

/// Reads an object of results: one, an array or lines of them, each in whichever shape it has:
/// - the gates of the runbook's pipeline: a suite (`expectations[]`), a list (`checks[]`), null counts
///   (`null_violations`), or nothing but `passed` and `skipped`;
/// - Great Expectations: a validation result, and a checkpoint's with several;
/// - Glue Data Quality: `RuleResults[]` of the API and of its exports, and rows of rule outcomes;
/// - dbt: `run_results.json`, `sources.json`, `freshness.json`;
/// - ORES: a document, or its rows.
///
/// Where a part cannot be read, every other result carries a check that could not be evaluated: a file that broke off
/// does not prove that all is well, and what fails in the rest stays failed.
///
/// # Errors
/// What holds no result that can be read, or a job's run audit, which is none.
pub fn parse_results(bytes: &[u8], about: &Origin<'_>) -> Result<Vec<QualityResult>, QualityError> {
    let fail = |fault: String| QualityError { uri: about.uri.to_owned(), fault };
    let Documents { items, mut faults } = documents(bytes);
    if items.is_empty() && faults.is_empty() {
        return Err(fail("empty: no result, and none that failed either".into()));
    }
    let mut readings = Vec::new();
    let mut rows = Rows::default();
    for (at, item) in items.iter().enumerate() {
        if let Err(fault) = take(item, &mut readings, &mut rows) {
            faults.push(if items.len() > 1 { format!("item {}: {fault}", at + 1) } else { fault.to_owned() });
        }
    }
    readings.extend(glue::of_outcomes(&rows.outcomes));
    readings.extend(ores::of_rows(&rows.ores, &Map::new()));
    let fault = faults.first().and_then(|f| one_line(f));
    match fault {
        Some(fault) if readings.is_empty() => return Err(fail(fault)),
        Some(fault) => readings.iter_mut().for_each(|reading| reading.checks.push(unread(&fault))),
        None => {}
    }
    Ok(readings.into_iter().map(|reading| reading.at_origin(about)).collect())
}

/// Rows that are one result together.
#[derive(Default)]
struct Rows<'a> {
    outcomes: Vec<&'a Map<String, Value>>,
    ores: Vec<&'a Map<String, Value>>,
}

/// Reads one value of a file. The order is from the most telling keys to the vaguest.
fn take<'a>(item: &'a Value, readings: &mut Vec<Reading>, rows: &mut Rows<'a>) -> Result<(), &'static str> {
    let object = item.as_object().ok_or("not an object")?;
    let has = |key: &str| object.contains_key(key);
    if let Some(answers) = array(object, "Results") {
        // What `BatchGetDataQualityResult` answers.
        return answers.iter().try_for_each(|answer| take(answer, readings, rows));
    }
    if dbt::is_one(object) {
        readings.extend(dbt::read(object)?);
    } else if ores::is_document(object) {
        readings.extend(ores::of_document(object));
    } else if let Some(result) = glue::read(object) {
        readings.push(result);
    } else if has("run_results") || has("validation_results") {
        readings.extend(great_expectations::of_checkpoint(object));
    } else if has("results") && has("success") {
        readings.push(great_expectations::of_validation(object));
    } else if glue::is_outcome(object) {
        rows.outcomes.push(object);
    } else if ores::is_row(object) {
        rows.ores.push(object);
    } else if let Some(result) = gate::read(object) {
        readings.push(result);
    } else if has("rows_in") || has("rows_out") || has("records_processed") || has("job_name") {
        return Err("a record of a job's run, not a quality result");
    } else {
        return Err("none of the known shapes of quality results");
    }
    Ok(())
}

fn unread(fault: &str) -> QualityCheck {
    QualityCheck {
        name: "reading the result".into(),
        column: None,
        status: CheckStatus::Error,
        critical: false,
        detail: Some(format!("a part of it cannot be read: {fault}")),
    }
}
