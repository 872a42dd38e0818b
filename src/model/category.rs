//! The five failure categories of the runbook, and the ordered rules that tell them apart.

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The runbook's failure categories; what matches no rule is [`FailureCategory::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCategory {
    /// Runbook, category 1.
    DataQuality,
    /// Runbook, category 2.
    SchemaEvolution,
    /// Runbook, category 3.
    UpstreamSource,
    /// Runbook, category 4.
    ResourceExhaustion,
    /// Runbook, category 5.
    Network,
    /// No rule matched.
    Unknown,
}

impl FailureCategory {
    /// The word used in JSON and configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::DataQuality => "data_quality",
            Self::SchemaEvolution => "schema_evolution",
            Self::UpstreamSource => "upstream_source",
            Self::ResourceExhaustion => "resource_exhaustion",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }

    /// The word that fits a column of a list.
    pub fn short(self) -> &'static str {
        match self {
            Self::DataQuality => "quality",
            Self::SchemaEvolution => "schema",
            Self::UpstreamSource => "upstream",
            Self::ResourceExhaustion => "resources",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }
}

/// One rule: the first whose pattern is found in `"{error_type}\n{error_message}"` decides.
#[derive(Debug, Clone)]
pub struct CategoryRule {
    /// What to look for.
    pub pattern: Regex,
    /// What it means.
    pub category: FailureCategory,
}
