//! Results of quality gates, whoever wrote them, in one form: checks with a status, and one verdict that needs
//! evidence. How each producer spells them is read in a file for each family; [`parse_results`] tells them apart.

mod dbt;
mod expectation;
mod gate;
mod glue;
mod great_expectations;
mod name;
mod ores;
mod reading;
mod shapes;

pub use super::origin::Origin;
pub use name::dataset_of;
pub use shapes::{QualityError, parse_results};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::model::dataset::{Dataset, Layer};
use crate::model::probe::Verdict;

/// What became of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It was evaluated, and holds.
    Pass,
    /// It was evaluated, and does not hold.
    Fail,
    /// It could not be evaluated: that says nothing of the data.
    Error,
    /// It was not evaluated at all.
    Skipped,
}

impl CheckStatus {
    /// The word used in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// One check of a suite. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QualityCheck {
    /// What is checked: the expectation's type, the rule, the test's name.
    pub name: String,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What became of it.
    pub status: CheckStatus,
    /// Whether its writer calls it critical; a warning's failure is none of the gate's.
    pub critical: bool,
    /// What was observed, or what went wrong; one line.
    pub detail: Option<String>,
}

impl QualityCheck {
    /// What became of it, in a sentence.
    pub fn told(&self) -> String {
        let column = self.column.as_deref().map(|column| format!(" on {column}")).unwrap_or_default();
        let detail = self.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{} {}{column}{detail}", self.status.word(), self.name)
    }
}

/// One result of a gate: of one table, at one time. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityResult {
    /// Who writes results of this shape: `gate`, `great_expectations`, `glue`, `dbt`, …
    pub producer: &'static str,
    /// The suite, or the table where there is no suite.
    pub suite: String,
    /// The table that it is about, as the result names it.
    pub table: Option<String>,
    /// The dataset that this table is, as far as is known.
    pub dataset: Option<Dataset>,
    /// The layer, if the result or its path says it.
    pub layer: Option<Layer>,
    /// The date of the data, if the result or its path says it.
    pub date: Option<NaiveDate>,
    /// When it was evaluated; the object's own time where the result does not say it.
    pub evaluated_at: DateTime<Utc>,
    /// The checks, in the result's order.
    pub checks: Vec<QualityCheck>,
    /// What the writer says of the whole, if it does. Its `true` proves nothing: gates fail open.
    pub said: Option<bool>,
    /// What makes the result worth less than it looks: `skipped`, an exception, a time that is none. One line.
    pub note: Option<String>,
    /// Address of the object that holds it.
    pub uri: String,
    /// That object's tag, if it has one.
    pub etag: Option<String>,
}

impl QualityResult {
    /// What it proves. A result that its writer calls passed, and that evaluated nothing, proves nothing; one that its
    /// writer calls failed is failed, whatever its checks say.
    pub fn verdict(&self) -> Verdict {
        let any = |status| self.checks.iter().any(|c| c.status == status);
        if any(CheckStatus::Fail) || self.said == Some(false) && (self.evaluated() > 0 || !any(CheckStatus::Error)) {
            Verdict::Fail
        } else if any(CheckStatus::Error) {
            Verdict::Error
        } else if any(CheckStatus::Pass) {
            Verdict::Pass
        } else {
            Verdict::NoEvidence
        }
    }

    /// Checks that were evaluated.
    pub fn evaluated(&self) -> u64 {
        self.checks.iter().filter(|c| matches!(c.status, CheckStatus::Pass | CheckStatus::Fail)).count() as u64
    }

    /// Checks that hold.
    pub fn passed(&self) -> u64 {
        self.checks.iter().filter(|c| c.status == CheckStatus::Pass).count() as u64
    }

    /// Finds the dataset that it is about among those `known`, each with its layer: see [`dataset_of`].
    pub fn name_dataset(&mut self, known: &[(Dataset, Option<Layer>)]) {
        self.dataset = self.table.as_deref().and_then(|table| dataset_of(table, self.layer, known)).cloned();
    }

    /// What two results of the same thing share: suite, table, layer and date. The newer one counts.
    pub fn subject(&self) -> (&str, Option<&str>, Option<Layer>, Option<NaiveDate>) {
        (&self.suite, self.table.as_deref(), self.layer, self.date)
    }
}

#[cfg(test)]
mod tests;
