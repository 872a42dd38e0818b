//! Every threshold at its edge, under it and over it; keys and times that stay the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::NaiveDate;

use super::*;
use crate::model::contract::DriftKind;
use crate::model::entry::{EntryPath, RowsFormat};
use crate::model::reason::ErrorReason;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn entry(rows: Option<u64>, reported: Option<u64>) -> DlqEntry {
    DlqEntry {
        dataset: Dataset("crm/contacts".into()),
        path: EntryPath("_errors/crm/contacts/dt=2026-11-22/".into()),
        date: NaiveDate::from_ymd_opt(2026, 11, 22),
        run_id: None,
        rows,
        rows_reported: reported,
        bytes: 1,
        format: RowsFormat::Parquet,
        complete: true,
        errors: vec![],
        category: FailureCategory::DataQuality,
        severity: Severity::Info,
        problems: vec![],
        modified: at("2026-11-22T03:00:00Z"),
        first_seen: at("2026-11-22T02:00:00Z"),
        fault: None,
    }
}

fn dlq(entry: &DlqEntry) -> Option<Alert> {
    dlq_alert(entry, Some(Layer::Bronze), &Thresholds::default(), "file:///lake/_errors/x/")
}

#[test]
fn row_thresholds_are_passed_over_and_not_at() {
    let table = [
        (None, Severity::Info, None),
        (Some(0), Severity::Info, None),
        (Some(99), Severity::Info, None),
        (Some(100), Severity::Info, None),
        (Some(101), Severity::Warning, Some(100.0)),
        (Some(999), Severity::Warning, Some(100.0)),
        (Some(1000), Severity::Warning, Some(100.0)),
        (Some(1001), Severity::Critical, Some(1000.0)),
        (Some(u64::MAX), Severity::Critical, Some(1000.0)),
    ];
    for (rows, severity, threshold) in table {
        assert_eq!(severity_of(rows, &Thresholds::default()), severity, "{rows:?}");
        let alert = dlq(&entry(rows, None));
        assert_eq!(alert.as_ref().map(|a| a.threshold), threshold, "{rows:?}");
        assert!(alert.is_none_or(|a| a.severity == severity && Some(a.value) == rows.map(|r| r as f64)));
    }
}

#[test]
fn thresholds_can_be_set() {
    let own = Thresholds { dlq_rows_critical: 10, dlq_rows_warning: 0, ..Thresholds::default() };
    let levels = [0, 1, 10, 11].map(|rows| severity_of(Some(rows), &own));
    assert_eq!(levels, [Severity::Info, Severity::Warning, Severity::Warning, Severity::Critical]);
}

#[test]
fn counted_rows_go_before_reported_ones() {
    assert!(dlq(&entry(Some(100), Some(5000))).is_none());
    let alert = dlq(&entry(None, Some(1200))).unwrap();
    assert_eq!((alert.value, alert.evidence[0].detail.as_str()), (1200.0, "1,200 rows reported, critical over 1,000"));
}

#[test]
fn a_dlq_alert_says_what_it_rests_on() {
    let mut entry = entry(Some(1200), None);
    let reason = |message: &str, row_count, time: &str| ErrorReason {
        error_message: Some(message.into()),
        row_count,
        timestamp: Some(at(time)),
        ..ErrorReason::default()
    };
    entry.errors = vec![
        reason("small", Some(3), "2026-11-22T01:00:00Z"),
        reason("\n Column 'email' is null\nat line 7", Some(900), "2026-11-22T02:30:00Z"),
    ];
    let alert = dlq(&entry).unwrap();
    assert_eq!(alert.key, "dlq_rows:crm/contacts:2026-11-22");
    assert_eq!(alert.summary, "1,200 rejected rows: Column 'email' is null");
    assert_eq!(alert.since, at("2026-11-22T02:30:00Z"));
    assert_eq!((alert.category, alert.layer), (FailureCategory::DataQuality, Some(Layer::Bronze)));
    assert_eq!(alert.entry, Some(entry.path.clone()));
    assert_eq!(alert.evidence[0].uri, "file:///lake/_errors/x/");
    assert_eq!(alert.evidence[0].observed_at, entry.modified);
    entry.errors[1].error_message = Some("é".repeat(10_000).into());
    assert!(dlq(&entry).unwrap().summary.chars().count() < 250);
}

#[test]
fn keys_tell_runs_and_dateless_entries_apart() {
    let mut entry = entry(Some(101), None);
    entry.run_id = Some("7f".into());
    assert_eq!(dlq(&entry).unwrap().key, "dlq_rows:crm/contacts:2026-11-22:7f");
    entry.date = None;
    entry.run_id = None;
    assert_eq!(dlq(&entry).unwrap().key, "dlq_rows:crm/contacts:_errors/crm/contacts/dt=2026-11-22/");
}

fn incomplete(complete: bool, age: Duration) -> Option<Alert> {
    let mut entry = entry(None, None);
    entry.complete = complete;
    incomplete_alert(&entry, None, &Thresholds::default(), "uri", entry.modified + age)
}

#[test]
fn incomplete_for_longer_than_the_limit_is_a_warning() {
    let limit = Duration::minutes(30);
    let ms = Duration::milliseconds(1);
    assert!(incomplete(false, limit - ms).is_none());
    assert!(incomplete(false, limit).is_none());
    assert!(incomplete(false, -limit).is_none(), "clocks differ");
    assert!(incomplete(true, limit * 9).is_none());
    let alert = incomplete(false, limit + ms).unwrap();
    assert_eq!((alert.severity, alert.value, alert.threshold), (Severity::Warning, 1800.001, 1800.0));
    assert_eq!(alert.key, "incomplete_entry:crm/contacts:2026-11-22");
    assert_eq!(alert.since, at("2026-11-22T03:00:00Z"));
}

fn freshness(newest: Option<&str>, limit: Option<Duration>) -> FreshnessSignal {
    FreshnessSignal {
        dataset: Dataset("silver/orders".into()),
        layer: Some(Layer::Silver),
        newest: newest.map(at),
        uri: "s3://lake/silver/orders/part-0".into(),
        column: None,
        unused: None,
        limit,
    }
}

#[test]
fn no_data_for_longer_than_the_limit_is_critical() {
    let newest = "2026-11-22T03:00:00Z";
    let table = [
        (None, Duration::minutes(59), false),
        (None, Duration::hours(1), false),
        (None, Duration::hours(1) + Duration::milliseconds(1), true),
        (None, -Duration::hours(9), false), // from the future
        (Some(Duration::hours(24)), Duration::hours(24), false),
        (Some(Duration::hours(24)), Duration::hours(24) + Duration::seconds(1), true),
        (Some(Duration::minutes(5)), Duration::minutes(6), true),
    ];
    for (limit, age, violated) in table {
        let signal = freshness(Some(newest), limit);
        let alert = no_data_alert(&signal, &Thresholds::default(), at(newest) + age);
        assert_eq!(alert.is_some(), violated, "{limit:?} {age}");
        let Some(alert) = alert else { continue };
        assert_eq!((alert.severity, alert.category), (Severity::Critical, FailureCategory::UpstreamSource));
        assert_eq!((alert.since, alert.key.as_str()), (at(newest), "no_data:silver/orders:newest"));
        assert_eq!(alert.threshold, limit.unwrap_or(Duration::hours(1)).num_seconds() as f64);
    }
}

#[test]
fn a_column_that_could_not_be_used_is_told_with_the_alert() {
    let newest = "2026-11-22T03:00:00Z";
    let unused = Some("column updated_at has no statistics in 3 files".to_owned());
    let signal = FreshnessSignal { unused, ..freshness(Some(newest), None) };
    let alert = no_data_alert(&signal, &Thresholds::default(), at(newest) + Duration::hours(2)).unwrap();
    let why = "column updated_at has no statistics in 3 files: judged by the newest object";
    assert_eq!(alert.summary, format!("no new data for longer than 1 h ({why})"));
    assert_eq!(alert.evidence[0].detail, format!("the newest object; {why}"));
    assert_eq!(alert.key, "no_data:silver/orders:newest", "the same alert, however it is told");
}

#[test]
fn limits_are_said_as_people_say_them() {
    let said = [45, 60, 5400, 3600, 86400].map(|s| in_words(Duration::seconds(s)));
    assert_eq!(said, ["45 s", "1 min", "90 min", "1 h", "24 h"]);
}

#[test]
fn an_empty_prefix_is_critical_with_one_since_for_ever() {
    let signal = freshness(None, Some(Duration::days(36_500)));
    let now = at("2026-11-22T03:00:00Z");
    let alert = no_data_alert(&signal, &Thresholds::default(), now).unwrap();
    assert_eq!((alert.since, alert.summary.as_str()), (DateTime::UNIX_EPOCH, "no data at all"));
    assert_eq!((alert.severity, alert.evidence[0].observed_at), (Severity::Critical, now));
    assert!(alert.value.is_finite());
}

#[test]
fn keys_and_since_do_not_move_with_the_clock() {
    let mut entry = entry(Some(5000), None);
    entry.complete = false;
    let alerts = |now: &str| {
        let (t, now) = (Thresholds::default(), at(now));
        let mut all: Vec<Alert> = [freshness(None, None), freshness(Some("2026-11-21T00:00:00Z"), None)]
            .iter()
            .filter_map(|s| no_data_alert(s, &t, now))
            .chain(incomplete_alert(&entry, None, &t, "u", now))
            .chain(dlq(&entry))
            .collect();
        crate::model::cause::order(&mut all);
        all.into_iter().map(|a| (a.key, a.since)).collect::<Vec<_>>()
    };
    let first = alerts("2026-11-22T04:00:00Z");
    assert_eq!(first.len(), 4);
    assert_eq!(first, alerts("2027-01-01T00:00:00Z"));
}

fn drift(column: &str, kind: DriftKind) -> Drift {
    Drift { column: column.into(), kind, expected: Some("int".into()), actual: Some("string".into()), safe: false }
}

#[test]
fn a_drift_is_one_warning_a_dataset_and_date() {
    use DriftKind::{Missing, New, NullsInRequired, Retyped};
    let mut entry = entry(Some(1), None);
    entry.run_id = Some("7f".into());
    assert!(drift_alert(&entry, None, &[], "u", "c").is_none());
    let one = drift_alert(&entry, None, &[drift("a", Retyped)], "u", "c").unwrap();
    assert_eq!(one.summary, "1 column differs from the contract: a is string and not int");
    let drifts = [
        drift("a", Retyped),
        drift("a", NullsInRequired),
        drift("b", New),
        drift("c", Missing),
        drift("d", New),
        drift("e", New),
    ];
    let many = drift_alert(&entry, None, &drifts, "u", "c").unwrap();
    assert_eq!((many.value, many.threshold, many.severity), (5.0, 0.0, Severity::Warning));
    assert!(many.summary.ends_with("b is new, c is missing, and 2 more"), "{}", many.summary);
    assert_eq!(
        (many.key.as_str(), many.category),
        ("schema_drift:crm/contacts:2026-11-22", FailureCategory::SchemaEvolution)
    );

    let mut both = vec![one, many];
    both[0].since = at("2026-11-20T00:00:00Z");
    merge_same_key(&mut both);
    assert_eq!(both.len(), 1);
    assert_eq!((both[0].value, both[0].evidence.len()), (5.0, 2));
    assert_eq!(both[0].since, at("2026-11-20T00:00:00Z"));
}

#[test]
fn the_worst_come_first_then_the_oldest_then_by_key() {
    let alert = |key: &str, severity, since: &str| Alert {
        key: key.into(),
        severity,
        since: at(since),
        ..dlq(&entry(Some(101), None)).unwrap()
    };
    let (old, new) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
    let mut alerts = vec![
        alert("f", Severity::Info, old),
        alert("e", Severity::Warning, new),
        alert("d", Severity::Warning, old),
        alert("c", Severity::Critical, new),
        alert("b", Severity::Critical, new),
        alert("a", Severity::Critical, old),
    ];
    crate::model::cause::order(&mut alerts);
    let keys: String = alerts.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, "abcdef");
}
