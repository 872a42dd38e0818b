//! When to alert: the runbook's figures, and what an environment sets instead, for all or for some.

use std::fmt;

use chrono::Duration;

use crate::model::dataset::{Dataset, Layer};
use crate::model::run::JobName;

/// Thresholds. Defaults are the runbook's "Alerting Thresholds".
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// DLQ rows **over** this are critical. Runbook: 1000.
    pub dlq_rows_critical: u64,
    /// DLQ rows **over** this are a warning. Runbook: 100.
    pub dlq_rows_warning: u64,
    /// No data for **longer** than this is critical. Runbook: 1 hour.
    pub no_data: Duration,
    /// An entry incomplete for longer than this is a warning. Ours: 30 minutes; the runbook gives none.
    pub incomplete: Duration,
    /// Data that lies in quarantine for longer than this is a warning. Ours: 7 days; the runbook gives none.
    pub quarantine: Duration,
    /// A share of failed runs **over** this is critical, from 0 to 1. Runbook: 50 %.
    pub failure_rate: f64,
    /// Runs that ended within this count towards that share. Ours: 24 hours.
    pub failure_window: Duration,
    /// With fewer runs there is no such share. Ours: 4, so that two failures of a nightly job are none yet.
    pub failure_samples: u64,
    /// A run that takes **more** than so many times the average is a warning. Runbook: 2.
    pub duration_factor: f64,
    /// Successful runs asked for within this make the average. Ours: 14 days.
    pub duration_window: Duration,
    /// With fewer runs there is no average. Ours: 3.
    pub duration_samples: u64,
    /// A share of passed checks **under** this is a warning, from 0 to 1. Runbook: 99 %.
    pub pass_rate: f64,
    /// Information is shown for this long. Ours: 1 hour.
    pub info_for: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            dlq_rows_critical: 1000,
            dlq_rows_warning: 100,
            no_data: Duration::hours(1),
            incomplete: Duration::minutes(30),
            quarantine: Duration::days(7),
            failure_rate: 0.5,
            failure_window: Duration::hours(24),
            failure_samples: 4,
            duration_factor: 2.0,
            duration_window: Duration::days(14),
            duration_samples: 3,
            pass_rate: 0.99,
            info_for: Duration::hours(1),
        }
    }
}

impl Thresholds {
    /// These, with what is changed.
    pub fn changed(&self, changes: &ThresholdChanges) -> Self {
        Self {
            dlq_rows_critical: changes.dlq_rows_critical.unwrap_or(self.dlq_rows_critical),
            dlq_rows_warning: changes.dlq_rows_warning.unwrap_or(self.dlq_rows_warning),
            no_data: changes.no_data.unwrap_or(self.no_data),
            incomplete: changes.incomplete.unwrap_or(self.incomplete),
            quarantine: changes.quarantine.unwrap_or(self.quarantine),
            failure_rate: changes.failure_rate.unwrap_or(self.failure_rate),
            failure_window: changes.failure_window.unwrap_or(self.failure_window),
            failure_samples: changes.failure_samples.unwrap_or(self.failure_samples),
            duration_factor: changes.duration_factor.unwrap_or(self.duration_factor),
            duration_window: changes.duration_window.unwrap_or(self.duration_window),
            duration_samples: changes.duration_samples.unwrap_or(self.duration_samples),
            pass_rate: changes.pass_rate.unwrap_or(self.pass_rate),
            info_for: changes.info_for.unwrap_or(self.info_for),
        }
    }

    /// These, with what is set for the layer, the dataset and the job, the closer one winning: overrides are in that
    /// order.
    pub fn of(&self, all: &[Override], layer: Option<Layer>, dataset: Option<&Dataset>, job: Option<&JobName>) -> Self {
        let concerns = |o: &&Override| match &o.scope {
            Scope::Layer(its) => layer == Some(*its),
            Scope::Dataset(its) => dataset == Some(its),
            Scope::Job(its) => job == Some(its),
        };
        all.iter().filter(concerns).fold(self.clone(), |these, o| these.changed(&o.changes))
    }
}

/// What one override changes.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "as in Thresholds")]
pub struct ThresholdChanges {
    pub dlq_rows_critical: Option<u64>,
    pub dlq_rows_warning: Option<u64>,
    pub no_data: Option<Duration>,
    pub incomplete: Option<Duration>,
    pub quarantine: Option<Duration>,
    pub failure_rate: Option<f64>,
    pub failure_window: Option<Duration>,
    pub failure_samples: Option<u64>,
    pub duration_factor: Option<f64>,
    pub duration_window: Option<Duration>,
    pub duration_samples: Option<u64>,
    pub pass_rate: Option<f64>,
    pub info_for: Option<Duration>,
}

/// What an override is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything of a layer.
    Layer(Layer),
    /// One dataset.
    Dataset(Dataset),
    /// One job.
    Job(JobName),
}

impl Scope {
    /// The closer one is the greater.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Layer(_) => 0,
            Self::Dataset(_) => 1,
            Self::Job(_) => 2,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer(layer) => write!(f, "layer {}", layer.word()),
            Self::Dataset(dataset) => write!(f, "dataset {dataset}"),
            Self::Job(job) => write!(f, "job {job}"),
        }
    }
}

/// Thresholds of one layer, dataset or job.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// What it is for.
    pub scope: Scope,
    /// What is set.
    pub changes: ThresholdChanges,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closer_override_wins() {
        let of = |scope, rows| Override {
            scope,
            changes: ThresholdChanges { dlq_rows_warning: Some(rows), ..ThresholdChanges::default() },
        };
        let (orders, job) = (Dataset("orders".into()), JobName("load".into()));
        let all =
            [of(Scope::Layer(Layer::Gold), 3), of(Scope::Dataset(orders.clone()), 2), of(Scope::Job(job.clone()), 1)];
        let rows = |layer, dataset, job| Thresholds::default().of(&all, layer, dataset, job).dlq_rows_warning;
        assert_eq!(rows(None, None, None), 100);
        assert_eq!(rows(Some(Layer::Gold), None, None), 3);
        assert_eq!(rows(Some(Layer::Gold), Some(&orders), None), 2);
        assert_eq!(rows(Some(Layer::Gold), Some(&orders), Some(&job)), 1);
        assert_eq!(rows(Some(Layer::Silver), None, Some(&JobName("other".into()))), 100);
    }
}
