//! A probe's answer: a verdict, and the evidence that it rests on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::alert::Evidence;
use super::runbook::Probe;

/// How a probe went. Green needs evidence: what was not seen is no pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be, by the evidence.
    Pass,
    /// Not as it should be, by the evidence.
    Fail,
    /// It could not be asked.
    Error,
    /// It was asked, and there is nothing that says so or so.
    NoEvidence,
}

impl Verdict {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NoEvidence => "no_evidence",
        }
    }

    /// The word on screen.
    pub fn says(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NoEvidence => "no evidence",
        }
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was asked.
    pub probe: Probe,
    /// How it went.
    pub verdict: Verdict,
    /// One sentence. Hostile text.
    pub summary: String,
    /// What it rests on, what matters most first. Hostile text.
    pub evidence: Vec<Evidence>,
    /// When it was asked.
    pub at: DateTime<Utc>,
}
