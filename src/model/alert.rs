//! Alerts: rules that signals violate now.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::category::FailureCategory;
use super::dataset::{Dataset, Layer};
use super::masked;
use super::severity::Severity;
use super::triage::Standing;

/// Which rule is violated; the word is stable and part of the dedupe key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertRule {
    /// Rejected rows over the critical or the warning threshold (one alert an entry, at its level).
    DlqRows,
    /// No new data for a dataset for longer than its limit.
    NoData,
    /// The schema of the rejected rows differs from the dataset's contract.
    SchemaDrift,
    /// An entry has been incomplete for longer than the limit.
    IncompleteEntry,
    /// Data has been in quarantine for longer than the limit, or a move is half done.
    QuarantineAge,
    /// More than half of a job's runs failed.
    JobFailureRate,
    /// A run takes longer than twice the average.
    JobDuration,
    /// A quality gate failed.
    QualityGate,
    /// Too few quality checks pass.
    PassRate,
    /// A run went well.
    JobCompleted,
    /// Quality checks pass.
    QualityPassing,
    /// A backfill went well.
    BackfillDone,
    /// The pipeline's own feed says so.
    AlertFeed,
    /// The credential of a source cannot be read, or has not been changed for too long.
    Secret,
    /// An alarm is over its threshold.
    Alarm,
    /// An alarm can never fire.
    DeadAlarm,
}

/// What the value of an alert is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A number of things, or what its source counts.
    Number,
    /// A length of time in seconds.
    Seconds,
    /// A part of a whole, of 1.
    Share,
}

impl AlertRule {
    /// What value and threshold are in. Of alarms it is their metric's own unit.
    pub fn measure(self) -> Measure {
        match self {
            Self::NoData | Self::IncompleteEntry | Self::QuarantineAge | Self::JobDuration => Measure::Seconds,
            Self::JobCompleted | Self::BackfillDone | Self::Secret | Self::DeadAlarm => Measure::Seconds,
            Self::JobFailureRate | Self::PassRate | Self::QualityPassing => Measure::Share,
            Self::DlqRows | Self::SchemaDrift | Self::QualityGate | Self::AlertFeed | Self::Alarm => Measure::Number,
        }
    }

    /// The word used in JSON and keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::DlqRows => "dlq_rows",
            Self::NoData => "no_data",
            Self::SchemaDrift => "schema_drift",
            Self::IncompleteEntry => "incomplete_entry",
            Self::QuarantineAge => "quarantine_age",
            Self::JobFailureRate => "job_failure_rate",
            Self::JobDuration => "job_duration",
            Self::QualityGate => "quality_gate",
            Self::PassRate => "pass_rate",
            Self::JobCompleted => "job_completed",
            Self::QualityPassing => "quality_passing",
            Self::BackfillDone => "backfill_done",
            Self::AlertFeed => "alert_feed",
            Self::Secret => "secret",
            Self::Alarm => "alarm",
            Self::DeadAlarm => "dead_alarm",
        }
    }
}

/// Whether somebody has to look at an alert. What is over is no alert any more: the history tells of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nobody has taken it.
    #[default]
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// It is not to be shown as open for a while.
    Silenced,
}

impl AlertState {
    /// The word used in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Silenced => "silenced",
        }
    }
}

/// One piece of evidence: what was seen, where and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Full address of the object or prefix.
    pub uri: String,
    /// When the evidence came to be: the object's time.
    pub observed_at: DateTime<Utc>,
    /// What it shows; hostile text.
    pub detail: String,
}

impl Evidence {
    /// The same without the secrets that its text names: what is kept on the lake is read by many.
    pub fn masked(&self) -> Self {
        Self { detail: masked::text(&self.detail).into_owned(), ..self.clone() }
    }
}

/// One alert, with the fields of `alerts --json` in their order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// Dedupe key: the same across refreshes, restarts and hosts. `{rule}:{dataset}:{date or path}`.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// The failure category.
    pub category: FailureCategory,
    /// The rule violated.
    pub rule: AlertRule,
    /// The dataset concerned; empty (null in JSON) for a job that is bound to none.
    #[serde(serialize_with = "or_null")]
    pub dataset: Dataset,
    /// The date concerned, if one is.
    pub date: Option<NaiveDate>,
    /// The dataset's layer, if known.
    pub layer: Option<Layer>,
    /// Since when the rule is violated.
    pub since: DateTime<Utc>,
    /// Where it stands: its state, and who made it so.
    #[serde(flatten)]
    pub standing: Standing,
    /// One sentence; hostile text.
    pub summary: String,
    /// What was measured (rows, seconds, differing columns).
    pub value: f64,
    /// The limit it violates, in the same unit.
    pub threshold: f64,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// The entry it is about, for the screen to jump to.
    #[serde(skip)]
    pub entry: Option<super::entry::EntryPath>,
    /// The job run it is about, and its source.
    #[serde(skip)]
    pub run: Option<(std::sync::Arc<str>, super::run::JobRunId)>,
    /// The job, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<super::run::JobName>,
}

impl Alert {
    /// The same as its source said it, whatever people did with it since: that is put to it anew.
    pub fn again(&self) -> Self {
        Self { standing: Standing::default(), ..self.clone() }
    }
}

impl Alert {
    /// An open warning of a rule and a key, and nothing else.
    #[cfg(test)]
    pub fn of_rule(rule: AlertRule, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            severity: Severity::Warning,
            category: FailureCategory::Unknown,
            rule,
            dataset: Dataset("orders".into()),
            date: None,
            layer: None,
            since: DateTime::UNIX_EPOCH,
            standing: Standing::default(),
            summary: String::new(),
            value: 0.0,
            threshold: 0.0,
            evidence: Vec::new(),
            entry: None,
            run: None,
            job: None,
        }
    }

    /// Whether somebody has to look at it, and it is more than a word.
    pub fn is_due(&self) -> bool {
        self.standing.state == AlertState::Open && self.severity <= Severity::Warning
    }
}

fn or_null<S: serde::Serializer>(dataset: &Dataset, to: S) -> Result<S::Ok, S::Error> {
    Some(dataset).filter(|d| !d.as_str().is_empty()).serialize(to)
}
