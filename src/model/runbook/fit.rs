//! Which runbook fits an alert, and why.

use std::cmp::Reverse;

use super::{Binding, Runbook};
use crate::model::alert::Alert;
use crate::model::category::FailureCategory;
use crate::model::dataset::Layer;

/// What a runbook is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The failure category.
    pub category: FailureCategory,
    /// The layer of the dataset, if known.
    pub layer: Option<Layer>,
    /// The dataset; empty if there is none.
    pub dataset: &'a str,
    /// The job, if it is about one.
    pub job: Option<&'a str>,
    /// The rule that is violated.
    pub rule: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// What an alert is about.
    pub fn of(alert: &'a Alert) -> Self {
        Self {
            category: alert.category,
            layer: alert.layer,
            dataset: alert.dataset.as_str(),
            job: alert.job.as_ref().map(|job| &*job.0),
            rule: Some(alert.rule.word()),
        }
    }
}

/// How well a runbook fits: what of it was met, the narrowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Higher is better.
    score: u32,
    /// What it was chosen for, in words. Holds names from the lake: hostile text.
    pub why: String,
}

/// What meeting a binding is worth: a name more than all that is less narrow together.
const DATASET: u32 = 32;
const JOB: u32 = 16;
const RULE: u32 = 8;
const CATEGORY: u32 = 4;
const LAYER: u32 = 2;

/// Whether a runbook is for this: every list that is not empty must hold what the subject is.
pub fn fits(runbook: &Runbook, subject: &Subject<'_>) -> Option<Fit> {
    let Binding { categories, layers, jobs, datasets, rules } = &runbook.binding;
    let mut score = 0;
    let mut why = Vec::new();
    let mut asked = |holds: bool, worth: u32, says: String| {
        if holds {
            score += worth;
            why.push(says);
        }
        holds
    };
    let met = (datasets.is_empty()
        || asked(datasets.iter().any(|d| wild(d, subject.dataset)), DATASET, format!("dataset {}", subject.dataset)))
        && (jobs.is_empty()
            || subject.job.is_some_and(|job| asked(jobs.iter().any(|j| wild(j, job)), JOB, format!("job {job}"))))
        && (rules.is_empty()
            || subject.rule.is_some_and(|rule| asked(rules.iter().any(|r| r == rule), RULE, format!("alert {rule}"))))
        && (categories.is_empty()
            || asked(
                categories.contains(&subject.category),
                CATEGORY,
                format!("category {}", subject.category.word()),
            ))
        && (layers.is_empty()
            || subject
                .layer
                .is_some_and(|layer| asked(layers.contains(&layer), LAYER, format!("layer {}", layer.word()))));
    // One that is bound to nothing is for whoever looks it up.
    (met && score > 0).then(|| Fit { score, why: why.join(", ") })
}

/// All that fit, the best first: the narrowest, of these a team's own before ours, then by name.
pub fn best<'r>(runbooks: impl IntoIterator<Item = &'r Runbook>, subject: &Subject<'_>) -> Vec<(&'r Runbook, Fit)> {
    let mut met: Vec<(&Runbook, Fit)> =
        runbooks.into_iter().filter_map(|runbook| fits(runbook, subject).map(|fit| (runbook, fit))).collect();
    met.sort_by(|(a, x), (b, y)| {
        (Reverse(x.score), a.is_built_in(), &a.id).cmp(&(Reverse(y.score), b.is_built_in(), &b.id))
    });
    met
}

/// Whether a name is what a pattern with `*` means.
fn wild(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}
