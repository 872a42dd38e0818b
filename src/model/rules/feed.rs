//! The rule over the lines of an alert feed: what the pipeline itself calls a warning or worse.

use chrono::{DateTime, Duration, Utc};

use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::dataset::Dataset;
use crate::model::feed::FeedLine;
use crate::model::run::JobName;
use crate::model::severity::Severity;
use crate::model::triage::Standing;

/// A line is an alert for this long: a feed does not say when its cause is gone. Ours: 24 hours.
const STANDS: Duration = Duration::hours(24);

/// Whether a line of this time is an alert still.
pub fn stands(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - at <= STANDS
}

/// The alert of a line, at the line's own level. Lines with one title of one dataset and date are one alert.
pub fn feed_alert(line: &FeedLine, now: DateTime<Utc>) -> Option<Alert> {
    if line.severity > Severity::Warning || !stands(line.at, now) {
        return None;
    }
    let dataset = line.dataset.clone().unwrap_or_else(|| Dataset("".into()));
    let date = line.date.map(|d| format!(":{d}")).unwrap_or_default();
    Some(Alert {
        key: format!("{}:{dataset}:{}{date}", AlertRule::AlertFeed.word(), line.title),
        severity: line.severity,
        category: line.category,
        rule: AlertRule::AlertFeed,
        dataset,
        date: line.date,
        layer: line.layer,
        since: line.at,
        standing: Standing::default(),
        summary: match &line.message {
            Some(message) => format!("{}: {message}", line.title),
            None => line.title.clone(),
        },
        value: 1.0,
        threshold: 0.0,
        evidence: vec![Evidence {
            uri: line.uri.clone(),
            observed_at: line.at,
            detail: line.level.clone().unwrap_or_default(),
        }],
        entry: None,
        run: None,
        job: line.job.as_deref().map(|job| JobName(job.into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::category::FailureCategory;

    fn line(severity: Severity, ago: Duration) -> FeedLine {
        FeedLine {
            at: now() - ago,
            severity,
            level: Some("ERROR".into()),
            title: "bronze is late".into(),
            message: Some("no file since 02:00".into()),
            environment: None,
            category: FailureCategory::UpstreamSource,
            dataset: Some(Dataset("orders".into())),
            table: None,
            layer: None,
            date: None,
            job: None,
            uri: "s3://b/artifacts/alerts/alerts.jsonl".into(),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000)
    }

    #[test]
    fn a_line_stands_for_a_day_and_information_is_no_alert() {
        for (severity, ago, fires) in [
            (Severity::Critical, Duration::hours(1), true),
            (Severity::Warning, Duration::hours(24), true),
            (Severity::Warning, Duration::hours(24) + Duration::seconds(1), false),
            (Severity::Info, Duration::hours(1), false),
        ] {
            let alert = feed_alert(&line(severity, ago), now());
            assert_eq!(alert.as_ref().map(|a| a.severity), fires.then_some(severity));
            let key = alert.map(|a| a.key).unwrap_or_default();
            assert_eq!(key, if fires { "alert_feed:orders:bronze is late" } else { "" });
        }
    }
}
