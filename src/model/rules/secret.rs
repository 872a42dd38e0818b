//! The rule over the credentials of sources: one that cannot be read fails its jobs now, one that was not rotated may
//! soon.

use chrono::{DateTime, Utc};

use super::seconds;
use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::category::FailureCategory;
use crate::model::dataset::{Dataset, Layer};
use crate::model::secret::{SecretJudgement, SecretStanding, WINDOW, WatchedSecret, judge};
use crate::model::severity::Severity;
use crate::model::triage::Standing;

/// Names that a summary tells of those who need a secret.
const TOLD: usize = 3;

/// What the rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretSignal<'a> {
    /// What is watched.
    pub watched: &'a WatchedSecret,
    /// How it stands.
    pub standing: &'a SecretStanding,
    /// The layer of the one dataset that needs it, if known.
    pub layer: Option<Layer>,
    /// Its address, for evidence.
    pub uri: String,
    /// When that was read.
    pub read: DateTime<Utc>,
}

/// Runbook, category 3: "Check source authentication (Secrets Manager)". A secret that is missing or waits for its
/// deletion is critical, one whose rotation is overdue or that is older than its limit a warning. The value is in
/// seconds, 1 over 0 where there is no time to measure. `since` comes from the store's own times; where it has none, it
/// is 1970-01-01 as of data that never came. The key leaves out who needs it: it is one cause, however many there are.
pub fn secret_alert(signal: &SecretSignal<'_>, now: DateTime<Utc>) -> Option<Alert> {
    let (watched, standing) = (signal.watched, signal.standing);
    let judgement = judge(standing, watched.max_age, now);
    let changed = standing.last_rotated.max(standing.last_changed);
    let (since, value, threshold) = match &judgement {
        SecretJudgement::Fine => return None,
        SecretJudgement::Missing => (DateTime::UNIX_EPOCH, 1.0, 0.0),
        SecretJudgement::Deleting { .. } => (standing.last_changed.unwrap_or(DateTime::UNIX_EPOCH), 1.0, 0.0),
        SecretJudgement::RotationOverdue { since } => (*since, seconds(now - *since), seconds(WINDOW)),
        SecretJudgement::NotRotated { .. } => {
            let (changed, limit) = (changed?, watched.max_age?);
            (changed + limit, seconds(now - changed), seconds(limit))
        }
    };
    let severity = if judgement.is_critical() { Severity::Critical } else { Severity::Warning };
    let one = |all: &[Dataset]| if let [one] = all { one.clone() } else { Dataset("".into()) };
    Some(Alert {
        key: format!("{}::{}", AlertRule::Secret.word(), watched.name),
        severity,
        category: FailureCategory::UpstreamSource,
        rule: AlertRule::Secret,
        dataset: one(&watched.datasets),
        date: None,
        layer: signal.layer,
        since,
        standing: Standing::default(),
        summary: format!("secret {}: {}{}", watched.name, judgement.words(), needed_by(watched)),
        value,
        threshold,
        evidence: vec![Evidence {
            uri: signal.uri.clone(),
            observed_at: standing.last_changed.unwrap_or(signal.read),
            detail: told(standing),
        }],
        entry: None,
        run: None,
        job: if let [one] = watched.jobs.as_slice() { Some(one.clone()) } else { None },
    })
}

fn needed_by(watched: &WatchedSecret) -> String {
    let jobs = watched.jobs.iter().map(|job| job.to_string());
    let all: Vec<String> = watched.datasets.iter().map(ToString::to_string).chain(jobs).collect();
    let more = all.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let first = all.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.is_empty() { String::new() } else { format!("; needed by {first}{more}") }
}

/// The times that the judgement rests on.
fn told(standing: &SecretStanding) -> String {
    let on = |time: Option<DateTime<Utc>>| time.map_or_else(|| "never".to_owned(), |t| t.date_naive().to_string());
    if !standing.exists {
        return "no secret of this name".into();
    }
    let rotation = match (standing.rotation_enabled, standing.next_rotation) {
        (false, _) => "not rotated by itself".to_owned(),
        (true, due) => format!("next rotation {}", due.map_or_else(|| "unknown".into(), |due| on(Some(due)))),
    };
    format!("changed {}, rotated {}, {rotation}", on(standing.last_changed), on(standing.last_rotated))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use chrono::{Duration, TimeZone};

    use super::*;
    use crate::model::run::JobName;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).unwrap()
    }

    fn standing() -> SecretStanding {
        SecretStanding {
            name: "prod/crm/api".into(),
            exists: true,
            last_changed: Some(now() - Duration::days(100)),
            last_rotated: None,
            rotation_enabled: false,
            next_rotation: None,
            deleted_at: None,
        }
    }

    fn raised(standing: &SecretStanding, max_age: Option<i64>, at: DateTime<Utc>) -> Option<Alert> {
        let watched = WatchedSecret {
            on_lake: false,
            name: "prod/crm/api".into(),
            datasets: vec![Dataset("crm/contacts".into())],
            jobs: vec![JobName("crm_ingest".into())],
            max_age: max_age.map(Duration::days),
        };
        let uri = "secretsmanager:prod/crm/api".into();
        secret_alert(&SecretSignal { watched: &watched, standing, layer: None, uri, read: at }, at)
    }

    #[test]
    fn each_judgement_has_its_severity_and_its_beginning() {
        let missing = SecretStanding { exists: false, last_changed: None, ..standing() };
        let deleting = SecretStanding { deleted_at: Some(now() + Duration::days(7)), ..standing() };
        let due = now() - Duration::days(2);
        let overdue = SecretStanding { rotation_enabled: true, next_rotation: Some(due), ..standing() };
        for (standing, max_age, severity, since) in [
            (&missing, None, Severity::Critical, DateTime::UNIX_EPOCH),
            (&deleting, Some(90), Severity::Critical, now() - Duration::days(100)),
            (&overdue, None, Severity::Warning, due),
            (&standing(), Some(90), Severity::Warning, now() - Duration::days(10)),
        ] {
            let alert = raised(standing, max_age, now()).unwrap();
            assert_eq!((alert.severity, alert.since), (severity, since), "{}", alert.summary);
            assert_eq!(alert.category, FailureCategory::UpstreamSource);
            let later = raised(standing, max_age, now() + Duration::hours(3)).unwrap();
            assert_eq!((later.key, later.since), (alert.key, alert.since), "the same alert at the next refresh");
            assert!(alert.summary.contains("needed by crm/contacts, crm_ingest"), "{}", alert.summary);
        }
        assert_eq!(raised(&standing(), Some(100), now()), None, "at its limit");
        assert_eq!(raised(&standing(), None, now()), None);
    }

    #[test]
    fn what_it_rests_on_is_told() {
        let alert = raised(&standing(), Some(90), now()).unwrap();
        assert_eq!(alert.evidence[0].detail, "changed 2026-08-17, rotated never, not rotated by itself");
        assert_eq!((alert.value, alert.threshold), (100.0 * 86_400.0, 90.0 * 86_400.0));
        assert_eq!(alert.key, "secret::prod/crm/api");
    }
}
