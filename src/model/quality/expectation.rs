//! One expectation of a suite, as Great Expectations and the gates built on it write them.

use serde_json::{Map, Value};

use super::{CheckStatus, QualityCheck};
use crate::model::documents::{array, count, flag, object, one_line, text};

/// What an expectation's own keys say. Values of the data that a result quotes (`partial_unexpected_list`) are not
/// taken along: they may be personal.
pub(super) fn read(item: &Map<String, Value>, critical: bool) -> QualityCheck {
    let config = object(item, "expectation_config");
    let kwargs = object(item, "kwargs").or_else(|| object(config?, "kwargs"));
    let name = text(item, &["expectation_type", "type", "check", "name"])
        .or_else(|| text(config?, &["type", "expectation_type"]))
        .and_then(|name| one_line(&name));
    let raised = object(item, "exception_info").and_then(raised);
    let passed = flag(item, &["passed", "success"]);
    let status = match passed {
        _ if flag(item, &["skipped"]) == Some(true) => CheckStatus::Skipped,
        _ if raised.is_some() => CheckStatus::Error,
        Some(true) => CheckStatus::Pass,
        Some(false) => CheckStatus::Fail,
        None => CheckStatus::Error,
    };
    let unsaid = || (passed.is_none() && status == CheckStatus::Error).then(|| "it does not say how it ended".into());
    let severity = [Some(item), config, object(item, "meta"), config.and_then(|c| object(c, "meta"))]
        .into_iter()
        .flatten()
        .find_map(|holder| text(holder, &["severity"]));
    QualityCheck {
        name: name.unwrap_or_else(|| "expectation".into()),
        column: kwargs.and_then(column).or_else(|| text(item, &["column"])).and_then(|c| one_line(&c)),
        status,
        critical: severity.map_or(critical, |word| is_critical(&word)),
        detail: raised.flatten().or_else(unsaid).or_else(|| {
            let result = object(item, "result")?;
            observed(result).or_else(|| observed(object(result, "result")?)) // of a dataset's own method, once more
        }),
    }
}

/// Warnings and information are none of the gate's.
pub(super) fn is_critical(word: &str) -> bool {
    let word = word.trim();
    ["critical", "error", "fail", "failure", "high", "blocker", "major"].iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// Whether an exception was raised, and its message: in the object itself, or in one for each metric.
fn raised(info: &Map<String, Value>) -> Option<Option<String>> {
    let one = |info: &Map<String, Value>| {
        let raised = flag(info, &["raised_exception"]) == Some(true);
        raised.then(|| text(info, &["exception_message"]).and_then(|m| one_line(&m)))
    };
    one(info).or_else(|| info.values().filter_map(Value::as_object).find_map(one))
}

fn column(kwargs: &Map<String, Value>) -> Option<String> {
    let joined = |items: &[Value]| items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    text(kwargs, &["column"])
        .or_else(|| Some(joined(array(kwargs, "column_list").or_else(|| array(kwargs, "column_set"))?)))
        .or_else(|| Some(format!("{}, {}", text(kwargs, &["column_A"])?, text(kwargs, &["column_B"])?)))
}

/// Counts alone, and what was observed where it is a number.
fn observed(result: &Map<String, Value>) -> Option<String> {
    let counted = |key: &str| result.get(key).and_then(count);
    if let (Some(unexpected), Some(all)) = (counted("unexpected_count"), counted("element_count")) {
        return Some(format!("{unexpected} of {all} values are unexpected"));
    }
    result.get("observed_value").filter(|v| v.is_number()).map(|v| format!("observed {v}"))
}
