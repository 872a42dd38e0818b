//! Error reasons in the forms that pipelines write them: an object, an array, lines, a Spark directory.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::incidents::{Cause, Wording};

/// The text of the reasons; empty where there are none.
pub fn text(wording: Wording, causes: &[Cause], at: DateTime<Utc>, source: &str) -> String {
    let reasons: Vec<Value> = causes
        .iter()
        .map(|cause| match wording {
            Wording::SparkDirectory => json!({
                "error_type": cause.kind,
                "error_reason": cause.message,
                "row_count": cause.rows,
                "timestamp": at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
                "source_path": source,
            }),
            _ => json!({
                "error_type": cause.kind,
                "error_message": cause.message,
                "row_count": cause.rows,
                "timestamp": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "source_path": source,
            }),
        })
        .collect();
    match wording {
        Wording::Object => reasons.first().map(|one| format!("{one:#}\n")).unwrap_or_default(),
        Wording::Array => Value::Array(reasons).to_string(),
        Wording::Lines | Wording::SparkDirectory => reasons.iter().map(|one| format!("{one}\n")).collect(),
        Wording::Absent => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::demo::incidents::INCIDENTS;

    #[test]
    fn an_object_can_hold_one_cause_only() {
        for incident in INCIDENTS.iter().filter(|i| i.wording == Wording::Object) {
            assert_eq!(incident.causes.len(), 1, "{}: the second cause would be lost", incident.dataset);
        }
    }

    #[test]
    fn each_form_is_json_of_its_kind_and_spark_writes_times_without_a_zone() {
        let causes = INCIDENTS.iter().find(|i| i.dataset == "orders").unwrap().causes;
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let array: Vec<Value> = serde_json::from_str(&text(Wording::Array, causes, at, "x")).unwrap();
        assert_eq!(array.len(), 3);
        let lines = text(Wording::SparkDirectory, causes, at, "x");
        let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let first = lines.first().unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!(first.get("timestamp").unwrap(), "2023-11-14T22:13:20.000000");
        assert!(first.get("error_reason").is_some() && first.get("error_message").is_none());
        let one = causes.get(..1).unwrap();
        let object: Value = serde_json::from_str(&text(Wording::Object, one, at, "x")).unwrap();
        assert_eq!(object.get("timestamp").unwrap(), "2023-11-14T22:13:20Z");
    }
}
