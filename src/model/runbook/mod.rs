//! Runbooks: Markdown that people write, read as steps that can be walked. What it is bound to, what its steps do, and
//! which fits an alert. Walking one is [`walk`]; nothing here runs anything.

mod built_in;
mod directive;
mod fit;
mod parse;
mod place;
mod variables;
pub mod walk;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::category::FailureCategory;
use super::dataset::Layer;

pub use built_in::built_in;
pub use directive::{Action, Directive, Probe, Task};
pub use fit::{Fit, Subject, best, fits};
pub use parse::parse;
pub use place::StepNumber;
pub use variables::{Filled, Variables};

/// A runbook's name: its file's, without the extension; of ours, the word of what it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunbookId(pub Arc<str>);

impl fmt::Display for RunbookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who wrote a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunbookOrigin {
    /// It comes with lakeward.
    BuiltIn,
    /// A team's own, with its address.
    File(String),
}

/// What a runbook is for. An empty list asks for nothing; names of jobs and datasets may hold `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// Failure categories.
    pub categories: Vec<FailureCategory>,
    /// Layers.
    pub layers: Vec<Layer>,
    /// Jobs.
    pub jobs: Vec<String>,
    /// Datasets.
    pub datasets: Vec<String>,
    /// Rules of alerts, by their words (`no_data`).
    pub rules: Vec<String>,
}

impl Binding {
    /// What it asks for, a few words each; none where it asks for nothing. Names are the author's: hostile text.
    pub fn words(&self) -> Vec<String> {
        let categories = self.categories.iter().map(|category| category.word().replace('_', " "));
        let layers = self.layers.iter().map(|layer| format!("{} layer", layer.word()));
        let jobs = self.jobs.iter().map(|job| format!("job {job}"));
        let datasets = self.datasets.iter().map(|dataset| format!("dataset {dataset}"));
        let rules = self.rules.iter().map(|rule| format!("alert {rule}"));
        categories.chain(layers).chain(jobs).chain(datasets).chain(rules).collect()
    }
}

/// One step. Texts are what the author wrote: hostile, like everything from the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Where it stands: `3`, `3.1`.
    pub number: StepNumber,
    /// Its first line.
    pub title: String,
    /// What else it says, a paragraph each.
    pub text: Vec<String>,
    /// Commands to copy.
    pub commands: Vec<CommandBlock>,
    /// What lakeward does for it; none is for people.
    pub directive: Option<Directive>,
    /// Whether it is a branch: its steps count only if somebody says that it applies.
    pub branch: bool,
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandBlock {
    /// What the fence says it is: `bash`; empty if nothing.
    pub language: String,
    /// The text, as it is.
    pub text: String,
}

/// A runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Runbook {
    /// Its name.
    pub id: RunbookId,
    /// Its first heading.
    pub title: String,
    /// Who wrote it.
    pub origin: RunbookOrigin,
    /// What it is for.
    pub binding: Binding,
    /// How one sees that it is the right one.
    pub symptoms: Vec<String>,
    /// What to do, in order; a branch comes before its own steps.
    pub steps: Vec<Step>,
    /// How it does not happen again.
    pub prevention: Vec<String>,
    /// What could not be read of it, in sentences: it is a checklist all the same.
    pub problems: Vec<String>,
}

impl Runbook {
    /// Whether it comes with lakeward.
    pub fn is_built_in(&self) -> bool {
        self.origin == RunbookOrigin::BuiltIn
    }

    /// The step of a number.
    pub fn step(&self, number: &StepNumber) -> Option<&Step> {
        self.steps.iter().find(|step| step.number == *number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
