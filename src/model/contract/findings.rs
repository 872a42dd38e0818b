//! What evaluating a contract over rows came to: how many rows pass, and which check fails how many of them.

use serde::{Deserialize, Serialize};

/// Rows that are named of those that fail a check.
pub const SAMPLES: usize = 5;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// Every row passed.
    Pass,
    /// Some rows failed.
    Fail,
    /// It could not be evaluated, so it says nothing.
    NotEvaluated,
}

impl FindingStatus {
    /// The word in tables and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotEvaluated => "not evaluated",
        }
    }
}

/// One check over all rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is called; hostile text.
    pub check: String,
    /// What it wants.
    pub wants: String,
    /// How it ended.
    pub status: FindingStatus,
    /// Rows that fail it.
    pub failed: u64,
    /// The first of them, counted from 1 as `dlq preview` does.
    pub rows: Vec<u64>,
    /// Why it was not evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What all checks came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Rows looked at.
    pub rows: u64,
    /// Rows that fail no check.
    pub passed: u64,
    /// Rows that fail one or more.
    pub failing: u64,
    /// Each check, in the contract's order.
    pub checks: Vec<Finding>,
}

impl Findings {
    /// Whether all is fine, on evidence: there are rows, every check was evaluated, there was one, and no row fails.
    pub fn is_fine(&self) -> bool {
        self.rows > 0 && !self.checks.is_empty() && self.checks.iter().all(|c| c.status == FindingStatus::Pass)
    }

    /// Checks that could not be evaluated.
    pub fn not_evaluated(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().filter(|c| c.status == FindingStatus::NotEvaluated)
    }

    /// Checks that some rows fail, those that fail most first.
    pub fn failed(&self) -> Vec<&Finding> {
        let mut failed: Vec<&Finding> = self.checks.iter().filter(|c| c.status == FindingStatus::Fail).collect();
        failed.sort_by_key(|c| std::cmp::Reverse(c.failed));
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_needs_evidence() {
        let check = |status, failed| Finding {
            check: "c".into(),
            wants: String::new(),
            status,
            failed,
            rows: vec![],
            why: None,
        };
        let of = |rows, checks| Findings { rows, passed: rows, failing: 0, checks };
        let (pass, fail) = (check(FindingStatus::Pass, 0), check(FindingStatus::Fail, 2));
        assert!(of(1, vec![pass.clone()]).is_fine());
        assert!(!of(0, vec![pass.clone()]).is_fine());
        assert!(!of(1, vec![]).is_fine());
        assert!(!of(1, vec![pass.clone(), check(FindingStatus::NotEvaluated, 0)]).is_fine());
        let more = Finding { failed: 9, ..fail.clone() };
        let all = of(9, vec![fail, pass, more]);
        assert_eq!(all.failed().iter().map(|c| c.failed).collect::<Vec<_>>(), [9, 2]);
        assert!(!all.is_fine());
    }
}
