//! Alarms as CloudWatch has them: what each watches, how it stands, and whether it can fire at all.

mod composite;
mod life;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::metric::Metric;

pub use composite::dead_of_dead;
pub use life::{Death, LISTED, Sighting, in_doubt, judge};

/// How an alarm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Within its threshold.
    Ok,
    /// Over it.
    Alarm,
    /// Not enough data to tell.
    InsufficientData,
}

/// What an alarm makes of data that is missing:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingData {
    /// Without any it has not enough of it. The default.
    Missing,
    /// It stays as it is.
    Ignore,
    /// It is over the threshold.
    Breaching,
    /// It is within the threshold.
    NotBreaching,
}

/// A metric that an alarm reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Watch {
    /// The metric.
    pub metric: Metric,
    /// Data of another unit is not seen; of any if there is none.
    pub unit: Option<String>,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Watched {
    /// Metrics: one, or those that a formula is made of.
    Metrics {
        /// All of them.
        all: Vec<Watch>,
    },
    /// Other alarms, by a rule: `ALARM("a") OR ALARM("b")`.
    Alarms {
        /// The rule. Hostile text.
        rule: String,
    },
    /// Something that says nothing of what data there is: a search, a query, another account's metrics, a formula that
    /// fills in what is missing.
    Untold,
}

/// One alarm. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// Its name, unique in its account and region.
    pub name: String,
    /// Its address, for evidence: an ARN.
    pub uri: String,
    /// What it is for, if somebody wrote that down.
    pub description: Option<String>,
    /// How it stands.
    pub state: AlarmState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in the words of CloudWatch.
    pub reason: Option<String>,
    /// When it was last made or changed; none if that is not said.
    pub configured: Option<DateTime<Utc>>,
    /// What it watches.
    pub watched: Watched,
    /// What its metric is compared with, where that is one number.
    pub threshold: Option<f64>,
    /// The last value that it was compared with, as far as that is said.
    pub value: Option<f64>,
    /// What it makes of missing data.
    pub missing: MissingData,
    /// What it looks at to tell how it stands: its period times the number of them.
    pub window: Duration,
    /// Whether anybody is told when it fires.
    pub actions: bool,
    /// Why it can never fire, if that is known.
    pub dead: Option<Death>,
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::model::metric::Dimension;

    pub fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000)
    }

    pub fn dimensions(all: &[(&str, &str)]) -> Vec<Dimension> {
        all.iter().map(|(name, value)| Dimension { name: (*name).into(), value: (*value).into() }).collect()
    }

    pub fn watch(all: &[(&str, &str)]) -> Watch {
        Watch { metric: Metric::new("ProjectA/DQ", "DQCheckFailed", dimensions(all)), unit: None }
    }

    /// One of the rejected rows of a table, made a month ago.
    pub fn alarm(name: &str, state: AlarmState, missing: MissingData) -> Alarm {
        Alarm {
            name: name.into(),
            uri: format!("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}"),
            description: None,
            state,
            since: now() - Duration::hours(5),
            reason: Some("Threshold Crossed: 1 datapoint [7.0] was greater than the threshold (5.0).".into()),
            configured: Some(now() - Duration::days(30)),
            watched: Watched::Metrics { all: vec![watch(&[("TableName", "orders")])] },
            threshold: Some(5.0),
            value: Some(7.0),
            missing,
            window: Duration::minutes(5),
            actions: true,
            dead: None,
        }
    }
}
