//! Where log lines come from: one port over CloudWatch Logs, the gzipped objects of EMR Serverless and files of this
//! machine. What a line means is the model's.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SourceError;
use crate::model::run::LogPlace;

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

    /// The answer to a question: a line a row, and the bytes that it scanned. None of a source that takes no questions.
    async fn ask(&self, _: &LogQuestion) -> Option<Result<LogPage, SourceError>> {
        None
    }
}
