//! The alert rules as data, with the runbook's thresholds as defaults.

use chrono::Duration;

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
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            dlq_rows_critical: 1000,
            dlq_rows_warning: 100,
            no_data: Duration::hours(1),
            incomplete: Duration::minutes(30),
        }
    }
}
