//! The rules over results of quality gates.

use chrono::{DateTime, Utc};

use super::Thresholds;
use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::category::FailureCategory;
use crate::model::dataset::Dataset;
use crate::model::probe::Verdict;
use crate::model::quality::{CheckStatus, QualityCheck, QualityResult};
use crate::model::severity::Severity;
use crate::model::triage::Standing;

/// Failed checks that the summary names.
const NAMED: usize = 3;
/// Failed checks that the evidence tells of.
const TOLD: usize = 20;

/// What the newest result of one subject violates: a gate that failed (runbook: "Quality gate failure", critical), a
/// pass rate under the limit (runbook: "< 99%", warning; a gate that failed says it already), or nothing, which is
/// information for [`Thresholds::info_for`] (runbook: "Normal quality checks passing"). Where only checks that are no
/// gate's own fail, the gate holds and the pass rate speaks. A result that proves nothing raises nothing and clears
/// nothing. The value is the number of failed checks, or the share that passed.
pub fn quality_alert(result: &QualityResult, thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let rate = result.passed() as f64 / result.evaluated().max(1) as f64;
    let failed: Vec<&QualityCheck> = result.checks.iter().filter(|c| c.status == CheckStatus::Fail).collect();
    match result.verdict() {
        Verdict::Fail if result.said == Some(false) || failed.iter().any(|c| c.critical) => Some(Alert {
            severity: Severity::Critical,
            category: FailureCategory::DataQuality,
            summary: format!("the quality gate {} failed{}", result.suite, named(&failed)),
            value: failed.len().max(1) as f64,
            threshold: 0.0,
            ..of_result(result, AlertRule::QualityGate)
        }),
        Verdict::Fail if rate < thresholds.pass_rate => Some(Alert {
            severity: Severity::Warning,
            category: FailureCategory::DataQuality,
            summary: format!(
                "{} of {} checks of {} pass{}",
                result.passed(),
                result.evaluated(),
                result.suite,
                named(&failed)
            ),
            value: rate,
            threshold: thresholds.pass_rate,
            ..of_result(result, AlertRule::PassRate)
        }),
        Verdict::Pass if now - result.evaluated_at <= thresholds.info_for => Some(Alert {
            severity: Severity::Info,
            summary: format!("all {} checks of {} pass", result.evaluated(), result.suite),
            value: rate,
            threshold: thresholds.pass_rate,
            ..of_result(result, AlertRule::QualityPassing)
        }),
        _ => None,
    }
}

/// The newest result of each subject that proves something; of those that prove nothing, the newest where there is no
/// other: an empty rerun does not clear what failed before it.
pub fn newest<'r>(results: impl IntoIterator<Item = &'r QualityResult>) -> Vec<&'r QualityResult> {
    let mut sorted: Vec<&QualityResult> = results.into_iter().collect();
    let proves = |r: &QualityResult| matches!(r.verdict(), Verdict::Pass | Verdict::Fail);
    sorted.sort_by(|a, b| {
        let newer = |r: &QualityResult| std::cmp::Reverse((proves(r), r.evaluated_at));
        a.subject().cmp(&b.subject()).then_with(|| newer(a).cmp(&newer(b)))
    });
    sorted.dedup_by(|later, kept| later.subject() == kept.subject());
    sorted
}

fn named(failed: &[&QualityCheck]) -> String {
    if failed.is_empty() {
        return String::new();
    }
    let name = |c: &&QualityCheck| {
        let column = c.column.as_ref().map(|column| format!(" on {column}")).unwrap_or_default();
        format!("{}{column}", c.name)
    };
    let said: Vec<String> = failed.iter().take(NAMED).map(name).collect();
    let more = failed.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!(": {}{more}", said.join(", "))
}

fn of_result(result: &QualityResult, rule: AlertRule) -> Alert {
    let table = result.table.as_deref().unwrap_or_default();
    let dataset = result.dataset.clone().unwrap_or_else(|| Dataset(table.into()));
    let date = result.date.map(|d| format!(":{d}")).unwrap_or_default();
    let layer = result.layer.map(|l| format!("{}/", l.word())).unwrap_or_default();
    Alert {
        key: format!("{}:{layer}{dataset}:{}{date}", rule.word(), result.suite),
        severity: Severity::Info,
        category: FailureCategory::Unknown,
        rule,
        dataset,
        date: result.date,
        layer: result.layer,
        since: result.evaluated_at,
        standing: Standing::default(),
        summary: String::new(),
        value: 0.0,
        threshold: 0.0,
        evidence: evidence(result),
        entry: None,
        run: None,
        job: None,
    }
}

/// What a result says, and each check that does not hold.
fn evidence(result: &QualityResult) -> Vec<Evidence> {
    let says = |detail: String| Evidence { uri: result.uri.clone(), observed_at: result.evaluated_at, detail };
    let verdict = result.verdict().word();
    let whole = says(format!("{} of {} evaluated checks pass: {verdict}", result.passed(), result.evaluated()));
    let bad = result.checks.iter().filter(|c| matches!(c.status, CheckStatus::Fail | CheckStatus::Error));
    [whole].into_iter().chain(bad.take(TOLD).map(|check| says(check.told()))).collect()
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
