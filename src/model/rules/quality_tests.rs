use chrono::{Duration, TimeZone};

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).single().unwrap_or_default()
}

fn result(passed: usize, failed: usize, critical: bool) -> QualityResult {
    let check = |status, n: usize| QualityCheck {
        name: format!("expect_{n}"),
        column: Some("email".into()),
        status,
        critical,
        detail: None,
    };
    let well = (0..passed).map(|n| check(CheckStatus::Pass, n));
    let not = (0..failed).map(|n| check(CheckStatus::Fail, n));
    QualityResult {
        producer: "gate",
        suite: "silver_orders".into(),
        table: Some("orders".into()),
        dataset: None,
        layer: None,
        date: None,
        evaluated_at: now() - Duration::minutes(10),
        checks: well.chain(not).collect(),
        said: None,
        note: None,
        uri: "s3://b/_dq_results/r.json".into(),
        etag: None,
    }
}

fn of(result: &QualityResult) -> Option<(AlertRule, Severity)> {
    quality_alert(result, &Thresholds::default(), now()).map(|a| (a.rule, a.severity))
}

#[test]
fn a_gate_that_failed_is_critical() {
    assert_eq!(of(&result(99, 1, true)), Some((AlertRule::QualityGate, Severity::Critical)));
    let said = QualityResult { said: Some(false), ..result(100, 0, false) };
    assert_eq!(of(&said), Some((AlertRule::QualityGate, Severity::Critical)));
    let alert = quality_alert(&result(1, 4, true), &Thresholds::default(), now());
    let summary = alert.map(|a| a.summary).unwrap_or_default();
    assert!(summary.ends_with("expect_0 on email, expect_1 on email, expect_2 on email, and 1 more"), "{summary}");
}

#[test]
fn a_pass_rate_under_99_in_a_hundred_is_a_warning() {
    assert_eq!(of(&result(989, 11, false)), Some((AlertRule::PassRate, Severity::Warning)));
    assert_eq!(of(&result(99, 1, false)), None, "exactly the limit");
    assert_eq!(of(&result(991, 9, false)), None);
}

#[test]
fn passing_checks_are_information_for_an_hour() {
    assert_eq!(of(&result(3, 0, true)), Some((AlertRule::QualityPassing, Severity::Info)));
    let at = |minutes| QualityResult { evaluated_at: now() - Duration::minutes(minutes), ..result(3, 0, true) };
    assert_eq!((of(&at(60)).is_some(), of(&at(61))), (true, None));
}

#[test]
fn a_result_that_evaluated_nothing_is_no_evidence_whatever_it_says() {
    let empty = QualityResult { said: Some(true), ..result(0, 0, true) };
    assert_eq!((empty.verdict(), of(&empty)), (Verdict::NoEvidence, None));
    let mut error = result(2, 0, true);
    if let Some(check) = error.checks.first_mut() {
        check.status = CheckStatus::Error;
    }
    assert_eq!((error.verdict(), of(&error)), (Verdict::Error, None));
}

#[test]
fn an_empty_rerun_does_not_clear_what_failed_before_it() {
    let failed = QualityResult { evaluated_at: now() - Duration::minutes(30), ..result(1, 1, true) };
    let empty = result(0, 0, true);
    let all = [failed.clone(), empty];
    let kept: Vec<_> = newest(&all).iter().map(|r| r.verdict()).collect();
    assert_eq!(kept, [Verdict::Fail]);
    let repaired = [failed, result(2, 0, true)];
    assert_eq!(newest(&repaired).iter().map(|r| r.verdict()).collect::<Vec<_>>(), [Verdict::Pass]);
}
