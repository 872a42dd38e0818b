//! The runbooks that come with lakeward: Markdown files of `runbooks/`, read like anybody's.

use super::{Runbook, RunbookOrigin, parse};

macro_rules! files {
    ($($id:literal),+ $(,)?) => {
        [$(($id, include_str!(concat!("../../../runbooks/", $id, ".md")))),+]
    };
}

/// Names and texts: the runbook's five failure categories, its layers, and its two processes.
pub(super) const FILES: [(&str, &str); 10] = files![
    "data-quality",
    "schema-evolution",
    "upstream-source",
    "resource-exhaustion",
    "network",
    "bronze",
    "silver",
    "gold",
    "dlq-processing",
    "quarantine",
];

/// All of them.
pub fn built_in() -> Vec<Runbook> {
    FILES.iter().map(|(id, text)| parse(id, RunbookOrigin::BuiltIn, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::category::FailureCategory;
    use crate::model::runbook::{Directive, Subject, best};

    #[test]
    fn ours_are_read_without_a_problem_and_end_with_a_check() {
        for runbook in built_in() {
            assert!(runbook.problems.is_empty(), "{}: {:?}", runbook.id, runbook.problems);
            assert!(!runbook.symptoms.is_empty() && !runbook.prevention.is_empty(), "{}", runbook.id);
            let last = runbook.steps.last().and_then(|step| step.directive);
            assert!(matches!(last, Some(Directive::Check(_))), "{}", runbook.id);
            assert!(runbook.steps.iter().all(|step| step.number.depth() < 2), "{}", runbook.id);
        }
    }

    #[test]
    fn each_category_has_its_own() {
        let all = built_in();
        for category in FailureCategory::ALL {
            let subject = Subject { category, layer: None, dataset: "", job: None, rule: None };
            let found = best(&all, &subject).into_iter().map(|(r, _)| r.id.0.replace('-', "_")).next();
            let expected = (category != FailureCategory::Unknown).then(|| category.word().to_owned());
            assert_eq!(found, expected);
        }
    }
}
