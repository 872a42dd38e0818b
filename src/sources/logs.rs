//! Where log lines come from: one port over CloudWatch Logs, the gzipped objects of EMR Serverless and files of this
//! machine. What a line means is the model's.

mod seen;

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use futures::stream::BoxStream;

pub use seen::Seen;

use super::SourceError;
use crate::model::length;
use crate::model::run::LogPlace;

/// How far back a question goes that does not say it: what is scanned is billed.
const LATELY: Duration = Duration::hours(1);
/// Rows at most.
const ROWS: usize = 1_000;

/// A line as its source has it. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// When it was written, as the source says; a line of a file says so itself, if at all.
    pub at: Option<DateTime<Utc>>,
    /// Which stream, file or process it is of, below the place.
    pub stream: std::sync::Arc<str>,
    /// The line, without its end.
    pub text: String,
}

/// Where the next reading of a place goes on. Opaque; of the source that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCursor(pub String);

/// Some lines of a place, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<RawLine>,
    /// Where more is, or will be: of a run that goes on, it is there at the end too.
    pub next: Option<LogCursor>,
    /// Whether the end was reached, as far as there is one now.
    pub at_end: bool,
    /// Bytes that were scanned, where they cost money.
    pub scanned: Option<u64>,
    /// What is missing all the same, in a few words: parts that were cut off, or sampled.
    pub missing: Option<String>,
}

/// What a live tail tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveNews {
    /// From here on lines come as they are written. What was written just before has to be asked for.
    Began,
    /// Lines.
    Lines {
        /// The lines, as they came.
        lines: Vec<RawLine>,
        /// Whether others were left out, since there were too many in that second.
        sampled: bool,
    },
}

/// A live tail: its news, and as its last item why it is over. It is billed by the minute until it is dropped.
pub type LiveTail<'a> = BoxStream<'a, Result<LiveNews, SourceError>>;

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// From when on.
    pub from: Option<DateTime<Utc>>,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
    /// Words that a line must hold, as they are.
    pub contains: Option<String>,
    /// Lines at most. The source may give fewer and a cursor.
    pub most: usize,
}

/// A question over whole groups of streams, in the query language of Logs Insights. It is billed by what it scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuestion {
    /// The groups; at most 50.
    pub groups: Vec<String>,
    /// The question.
    pub query: String,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Rows at most; 10,000 is the service's own limit.
    pub most: usize,
}

impl LogQuestion {
    /// Reads what was typed: `[TIME] [GROUP…] QUERY`; of the group that is looked at, if it names none.
    pub fn read(argument: &str, group: Option<String>, now: DateTime<Utc>) -> Result<Self, &'static str> {
        let (mut rest, mut back, mut groups) = (argument.trim(), LATELY, Vec::new());
        let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        if let Some(length) = length::parse(&word(rest)).filter(|length| *length > Duration::zero()) {
            back = length;
            rest = rest.strip_prefix(&word(rest)).unwrap_or(rest).trim_start();
        }
        while word(rest).starts_with('/') || word(rest).starts_with("arn:") {
            let named = word(rest);
            rest = rest.strip_prefix(&named).unwrap_or_default().trim_start();
            groups.push(named);
        }
        if rest.is_empty() {
            return Err("type a query behind it: fields @timestamp, @message | filter @message like /OutOfMemory/");
        }
        groups.extend(group.filter(|_| groups.is_empty()));
        if groups.is_empty() {
            return Err("name a group before the query: /aws/emr-serverless");
        }
        Ok(Self { groups, query: rest.to_owned(), from: now - back, until: now, most: ROWS })
    }
}

/// A source of log lines. Reads only.
#[async_trait]
pub trait LogSource: Send + Sync + Debug {
    /// Its name on screen: `cloudwatch`, `s3`, `files`.
    fn name(&self) -> &'static str;

    /// Requests that it has sent since the start; none if the lake counts them.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// Whether it reads places of this kind.
    fn reads(&self, place: &LogPlace) -> bool;

    /// Lines of a place, from its beginning or from a cursor on.
    async fn read(&self, place: &LogPlace, query: &LogQuery, from: Option<&LogCursor>) -> Result<LogPage, SourceError>;

    /// Lines of a place as they are written, from now on, without what the query has of times; nothing is asked before it
    /// is polled. None of a source that has to be asked again and again. [`Seen`] joins it with what [`Self::read`] gives.
    fn live(&self, _: LogPlace, _: LogQuery) -> Option<LiveTail<'_>> {
        None
    }

    /// The answer to a question: a line a row, and the bytes that it scanned. None of a source that takes no questions.
    async fn ask(&self, _: &LogQuestion) -> Option<Result<LogPage, SourceError>> {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn time_and_groups_come_before_the_query_and_may_be_left_out() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let query = "fields @message | limit 5";
        for (argument, known, groups, back) in [
            (format!("/aws/a {query}"), None, vec!["/aws/a"], LATELY),
            (format!(" 6h /aws/a arn:b  {query} "), Some("/c"), vec!["/aws/a", "arn:b"], Duration::hours(6)),
            (query.to_owned(), Some("/c"), vec!["/c"], LATELY),
            (format!("2d {query}"), Some("/c"), vec!["/c"], Duration::days(2)),
        ] {
            let read = LogQuestion::read(&argument, known.map(str::to_owned), now).unwrap();
            assert_eq!((read.query.as_str(), read.from, read.until), (query, now - back, now), "{argument}");
            assert_eq!(read.groups, groups, "{argument}");
        }
        assert!(LogQuestion::read("", Some("/c".into()), now).is_err_and(|why| why.contains("query")));
        assert!(LogQuestion::read("6h /aws/a", None, now).is_err_and(|why| why.contains("query")));
        assert!(LogQuestion::read(query, None, now).is_err_and(|why| why.contains("group")));
    }
}
