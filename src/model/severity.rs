//! How bad it is, in the runbook's three levels.

use serde::{Deserialize, Serialize};

/// The runbook's alert levels, worst first, so that sorting puts the worst on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Immediate response.
    Critical,
    /// Monitor.
    Warning,
    /// Logging.
    Info,
}

impl Severity {
    /// The word used in JSON, flags and screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}
