//! AWS Glue Data Quality: the answer of `GetDataQualityResult`, its exports to S3 in other spellings of the same keys,
//! and the rows of rule outcomes that jobs write themselves. `ERROR` is not `FAIL`.
//!
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_GetDataQualityResult.html>

use serde_json::{Map, Value};

use super::gate::no_check;
use super::reading::{Reading, time_at};
use super::{CheckStatus, QualityCheck};
use crate::model::documents::{array, count, object, one_line, text};

/// The same object with keys in one spelling: `RuleResults`, `ruleResults` and `rule_results` are `ruleresults`.
fn folded(object: &Map<String, Value>) -> Map<String, Value> {
    object.iter().map(|(key, value)| (key.replace('_', "").to_lowercase(), value.clone())).collect()
}

/// A result of a ruleset; none of other shapes.
pub(super) fn read(result: &Map<String, Value>) -> Option<Reading> {
    const RULES: [&str; 3] = ["RuleResults", "ruleResults", "rule_results"];
    if !RULES.iter().any(|key| result.contains_key(*key)) {
        return None;
    }
    let result = folded(result);
    let rules = array(&result, "ruleresults").unwrap_or_default();
    let source = object(&result, "datasource").map(folded).unwrap_or_default();
    let table = ["gluetable", "dataqualitygluetable"].iter().find_map(|key| {
        let table = folded(object(&source, key)?);
        let name = text(&table, &["tablename"])?;
        Some(text(&table, &["databasename"]).map_or(name.clone(), |database| format!("{database}.{name}")))
    });
    let mut reading = Reading {
        suite: text(&result, &["rulesetname"]).or_else(|| text(&result, &["evaluationcontext"])),
        table: table.or_else(|| text(&result, &["tablename"])),
        at: time_at(&result, &["completedon", "startedon"]),
        checks: rules.iter().map(|rule| rule.as_object().map_or_else(no_check, |rule| check(&folded(rule)))).collect(),
        ..Reading::of("glue")
    };
    let processed = object(&result, "aggregatedmetrics").map(folded);
    if processed.and_then(|m| m.get("totalrowsprocessed").and_then(count)) == Some(0) {
        reading.notes.push("it looked at no rows".into());
    }
    if reading.checks.is_empty()
        && let Some(score) = text(&result, &["score"])
    {
        reading.notes.push(format!("a score of {score} without rules"));
    }
    Some(reading)
}

/// Whether an object is a row of rule outcomes: `{Rule, Outcome, FailureReason, EvaluatedMetrics}`.
pub(super) fn is_outcome(row: &Map<String, Value>) -> bool {
    let has = |key: &str| row.keys().any(|k| k.eq_ignore_ascii_case(key));
    has("rule") && has("outcome")
}

/// The rows of one evaluation.
pub(super) fn of_outcomes(rows: &[&Map<String, Value>]) -> Option<Reading> {
    let rows: Vec<_> = rows.iter().map(|row| folded(row)).collect();
    let first = rows.first()?;
    Some(Reading {
        table: text(first, &["tablename", "table"]),
        at: time_at(first, &["timestamp", "evaluatedat", "runtime"]),
        checks: rows.iter().map(check).collect(),
        ..Reading::of("glue")
    })
}

/// One rule, its keys folded. A rule has no severity of its own: what fails is the gate's.
fn check(rule: &Map<String, Value>) -> QualityCheck {
    let outcome = text(rule, &["result", "outcome"]).unwrap_or_default();
    let is = |words: &[&str]| words.iter().any(|word| outcome.trim().eq_ignore_ascii_case(word));
    let status = match () {
        () if is(&["pass", "passed"]) => CheckStatus::Pass,
        () if is(&["fail", "failed"]) => CheckStatus::Fail,
        () if is(&["skipped", "not evaluated"]) => CheckStatus::Skipped,
        () => CheckStatus::Error,
    };
    let said = text(rule, &["evaluationmessage", "failurereason"]);
    let rule_text = text(rule, &["description", "evaluatedrule", "rule"]);
    let name = rule_text.clone().or_else(|| text(rule, &["name"]));
    QualityCheck {
        column: rule_text.as_deref().and_then(quoted),
        name: name.and_then(|n| one_line(&n)).unwrap_or_else(|| "rule".into()),
        status,
        critical: true,
        detail: said.and_then(|s| one_line(&s)),
    }
}

/// The column that a rule quotes: `IsComplete "email"`.
fn quoted(rule: &str) -> Option<String> {
    let (_, behind) = rule.split_once('"')?;
    let (name, _) = behind.split_once('"')?;
    one_line(name)
}
