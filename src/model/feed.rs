//! The alert feed that a pipeline writes itself: `{timestamp_utc, level, title, message, environment, metadata}`, one
//! object or one a line. A line that cannot be read is a problem with a code, and loses no other.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::category::{CategoryRule, FailureCategory, categorize};
use super::dataset::{Dataset, Layer};
use super::documents::{date, documents, object, text};
use super::origin::Origin;
use super::reason::{ErrorReason, time};
use super::severity::Severity;

/// One line of a feed. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedLine {
    /// When it was written, as it says; the object's own time where it does not.
    pub at: DateTime<Utc>,
    /// What its level means: see [`severity_of_level`].
    pub severity: Severity,
    /// The level as it is spelled.
    pub level: Option<String>,
    /// The headline.
    pub title: String,
    /// The rest, if it says more.
    pub message: Option<String>,
    /// The environment that it names.
    pub environment: Option<String>,
    /// The failure category, by the rules over title and message.
    pub category: FailureCategory,
    /// The dataset that it names.
    pub dataset: Option<Dataset>,
    /// The table that it names; which dataset that is, [`dataset_of`](super::quality::dataset_of) tells.
    pub table: Option<String>,
    /// The layer that it names.
    pub layer: Option<Layer>,
    /// The date of the data that it names.
    pub date: Option<NaiveDate>,
    /// The job that it names.
    pub job: Option<String>,
    /// Address of the object that holds it.
    pub uri: String,
}

/// What is wrong with a part of a feed; stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedFault {
    /// Not JSON.
    BadLine,
    /// JSON, with neither a title nor a message.
    NoText,
}

impl FeedFault {
    /// The code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadLine => "bad_line",
            Self::NoText => "no_text",
        }
    }
}

/// A part of a feed that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{uri}: {detail}; expected {{\"level\", \"title\", \"message\"}} on each line")]
pub struct FeedProblem {
    /// What is wrong.
    pub fault: FeedFault,
    /// Address of the object.
    pub uri: String,
    /// Where in it, and what; hostile text.
    pub detail: String,
}

/// What was read of one object of a feed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedRead {
    /// Its lines in its own order.
    pub lines: Vec<FeedLine>,
    /// What could not be read.
    pub problems: Vec<FeedProblem>,
}

/// Reads an object of a feed. An empty one is a feed without alerts.
pub fn parse_feed(bytes: &[u8], about: &Origin<'_>, rules: &[CategoryRule]) -> FeedRead {
    let documents = documents(bytes);
    let problem = |fault, detail| FeedProblem { fault, uri: about.uri.to_owned(), detail };
    let mut read = FeedRead::default();
    read.problems.extend(documents.faults.into_iter().map(|detail| problem(FeedFault::BadLine, detail)));
    for (at, item) in documents.items.iter().enumerate() {
        match item.as_object().and_then(|item| line(item, about, rules)) {
            Some(line) => read.lines.push(line),
            None => {
                read.problems.push(problem(FeedFault::NoText, format!("item {} has neither title nor message", at + 1)))
            }
        }
    }
    read
}

fn line(item: &Map<String, Value>, about: &Origin<'_>, rules: &[CategoryRule]) -> Option<FeedLine> {
    let title = text(item, &["title", "subject", "alert", "name"]);
    let message = text(item, &["message", "body", "description", "detail"]);
    let category = categorize(
        rules,
        &[ErrorReason {
            error_type: title.as_deref().map(Into::into),
            error_message: message.as_deref().map(Into::into),
            ..ErrorReason::default()
        }],
    );
    let level = text(item, &["level", "severity"]);
    let said = |key: &&str| item.get(*key).and_then(time);
    let empty = Map::new();
    let metadata = object(item, "metadata").unwrap_or(&empty);
    let of_metadata = |keys: &[&str]| text(metadata, keys).or_else(|| text(item, keys));
    let (title, message) = match (title, message) {
        (Some(title), message) => (title, message),
        (None, Some(message)) => (message, None),
        (None, None) => return None,
    };
    Some(FeedLine {
        at: ["timestamp_utc", "timestamp", "time", "at"].iter().find_map(said).unwrap_or(about.modified),
        severity: severity_of_level(level.as_deref()),
        level,
        title,
        message,
        environment: text(item, &["environment", "env"]),
        category,
        dataset: of_metadata(&["dataset"]).map(|name| Dataset(name.into())),
        table: of_metadata(&["table", "table_name"]),
        layer: of_metadata(&["layer"]).and_then(|word| Layer::from_word(&word)),
        date: of_metadata(&["date", "dt", "execution_date", "run_date", "ds"]).and_then(|word| date(&word)),
        job: of_metadata(&["job", "job_name"]),
        uri: about.uri.to_owned(),
    })
}

/// The runbook's three levels for those of Python's and of syslog's: what is beyond an error is critical, an error is a
/// warning like a warning (the rules over primary sources decide what is critical), and a level that nobody knows is
/// no reason to hide a line.
pub fn severity_of_level(level: Option<&str>) -> Severity {
    let is = |words: &[&str]| level.is_some_and(|l| words.iter().any(|word| word.eq_ignore_ascii_case(l.trim())));
    if is(&["critical", "fatal", "emergency", "emerg", "alert", "crit", "sev1", "p1"]) {
        Severity::Critical
    } else if is(&["info", "information", "notice", "debug", "ok", "success"]) {
        Severity::Info
    } else {
        Severity::Warning
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::model::category::default_rules;

    fn read(text: &str) -> FeedRead {
        let modified = Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).single().unwrap_or_default();
        let about = Origin { key: "alerts/a.json", uri: "s3://b/alerts/a.json", etag: None, modified };
        parse_feed(text.as_bytes(), &about, &default_rules())
    }

    #[test]
    fn a_line_says_level_category_dataset_and_date() {
        let read = read(
            r#"{"timestamp_utc": "2026-11-25T10:00:00.5Z", "level": "CRITICAL", "title": "Job failed",
            "message": "java.lang.OutOfMemoryError: Java heap space", "environment": "prod",
            "metadata": {"dataset": "crm/contacts", "layer": "bronze", "date": "2026-11-24", "job": "crm_to_bronze"}}"#,
        );
        assert_eq!(read.problems, []);
        let line = &read.lines[0];
        assert_eq!((line.severity, line.category), (Severity::Critical, FailureCategory::ResourceExhaustion));
        assert_eq!(line.dataset, Some(Dataset("crm/contacts".into())));
        assert_eq!((line.layer, line.date), (Some(Layer::Bronze), NaiveDate::from_ymd_opt(2026, 11, 24)));
        assert_eq!(line.at.to_rfc3339(), "2026-11-25T10:00:00.500+00:00");
        assert_eq!((line.environment.as_deref(), line.job.as_deref()), (Some("prod"), Some("crm_to_bronze")));
    }

    #[test]
    fn what_a_line_leaves_out_is_not_invented() {
        let read = read(r#"{"message": "something"}"#);
        let line = &read.lines[0];
        assert_eq!((line.title.as_str(), &line.message, line.severity), ("something", &None, Severity::Warning));
        assert_eq!((line.category, &line.dataset, line.date), (FailureCategory::Unknown, &None, None));
        assert_eq!(line.at.to_rfc3339(), "2026-11-25T12:00:00+00:00");
    }

    #[test]
    fn one_bad_line_loses_no_other() {
        let read = read("{\"title\": \"a\"}\n{\"title\": \n{\"title\": \"b\"}\n[3]\n{\"level\": \"WARN\"}\n");
        let titles: Vec<_> = read.lines.iter().map(|l| l.title.as_str()).collect();
        assert_eq!(titles, ["a", "b"]);
        let codes: Vec<_> = read.problems.iter().map(|p| p.fault.code()).collect();
        assert_eq!(codes, ["bad_line", "no_text", "no_text"]);
        assert!(read.problems[0].to_string().starts_with("s3://b/alerts/a.json: line 2: "), "{}", read.problems[0]);
    }

    #[test]
    fn levels() {
        use Severity::{Critical, Info, Warning};
        let table = [
            (Some("CRITICAL"), Critical),
            (Some("fatal"), Critical),
            (Some("ERROR"), Warning),
            (Some("WARN"), Warning),
            (Some("warning"), Warning),
            (Some("INFO"), Info),
            (Some("loud"), Warning),
            (None, Warning),
        ];
        for (level, severity) in table {
            assert_eq!(severity_of_level(level), severity, "{level:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([{}\\[\\]:,\"\n]|\"title\"|\"metadata\"|null|\\PC){0,40}") {
            read(&text);
        }
    }
}
