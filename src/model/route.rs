//! How a job is run that is no command of this machine: a DAG of Airflow, or a run of EMR Serverless like the newest one.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::dag::DagId;
use super::work::Variables;

/// How a job is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A run of a DAG.
    Dag {
        /// Which.
        dag: DagId,
        /// What it is given; its texts may hold variables.
        conf: Map<String, Value>,
        /// Whether the date of the data is its logical date.
        logical: bool,
    },
    /// A run like the job's newest one.
    Emr {
        /// Its arguments, with variables; those of the newest run, for another date, when unset.
        arguments: Option<Vec<String>>,
    },
}

/// A configuration with the variables in its texts filled, or why that cannot be.
pub fn filled(conf: &Map<String, Value>, variables: &Variables) -> Result<Map<String, Value>, String> {
    conf.iter().map(|(name, value)| Ok((name.clone(), filled_value(value, variables)?))).collect()
}

fn filled_value(value: &Value, variables: &Variables) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(variables.fill(text)?),
        Value::Array(all) => Value::Array(all.iter().map(|v| filled_value(v, variables)).collect::<Result<_, _>>()?),
        Value::Object(fields) => Value::Object(filled(fields, variables)?),
        other => other.clone(),
    })
}

/// The arguments of a run for another date: wherever the old one stands as a whole (`2026-11-24`, `--date=2026-11-24`,
/// `dt=2026-11-24/`), and not within a longer number. None if it stands nowhere.
pub fn redated(arguments: &[String], old: NaiveDate, new: NaiveDate) -> Option<Vec<String>> {
    let spellings = ["%Y-%m-%d", "%Y%m%d"].map(|s| (old.format(s).to_string(), new.format(s).to_string()));
    let mut found = false;
    let mut all = Vec::new();
    for argument in arguments {
        let mut text = argument.clone();
        for (old, new) in &spellings {
            let bounded = |at: usize| {
                let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                let before = argument.get(..at).and_then(|s| s.chars().next_back());
                let after = argument.get(at + old.len()..).and_then(|s| s.chars().next());
                !digit(before) && !digit(after)
            };
            if argument.match_indices(old.as_str()).any(|(at, _)| bounded(at))
                && argument.match_indices(old.as_str()).all(|(at, _)| bounded(at))
            {
                text = text.replace(old.as_str(), new);
                found = true;
            }
        }
        all.push(text);
    }
    found.then_some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::dataset::Dataset;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
    }

    #[test]
    fn texts_are_filled_wherever_they_stand() {
        let variables = Variables { date: Some(day(2)), dataset: Some(Dataset("crm/contacts".into())), entry: None };
        let conf = json!({ "date": "{date}", "n": 3, "of": ["{dataset}", true], "deep": { "x": "dt={date}" } });
        let expected = json!({
            "date": "2026-11-02", "n": 3, "of": ["crm/contacts", true], "deep": { "x": "dt=2026-11-02" },
        });
        let filled_conf = filled(conf.as_object().unwrap(), &variables).unwrap();
        assert_eq!(Value::Object(filled_conf), expected);
        assert!(filled(json!({ "e": "{entry}" }).as_object().unwrap(), &variables).is_err());
    }

    #[test]
    fn a_date_is_replaced_as_a_whole_or_not_at_all() {
        let arguments = |all: &[&str]| all.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        let (old, new) = (day(24), day(2));
        for (given, expected) in [
            (&["--run-date", "2026-11-24"][..], Some(&["--run-date", "2026-11-02"][..])),
            (&["--date=20261124"], Some(&["--date=20261102"])),
            (&["s3://b/dt=2026-11-24/x"], Some(&["s3://b/dt=2026-11-02/x"])),
            (&["12026112499"], None),
            (&["--env", "prod"], None),
            (&[], None),
        ] {
            assert_eq!(redated(&arguments(given), old, new), expected.map(arguments), "{given:?}");
        }
    }
}
