//! DLQ entries: what one `_errors/{dataset}/dt=D/` holds, and what is wrong with it.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::category::FailureCategory;
use super::dataset::Dataset;
use super::reason::ErrorReason;
use super::severity::Severity;

/// The path of an entry, relative to the lake, ending in `/`. It identifies the entry. Shared: an entry is known
/// under it in several places at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntryPath(pub Arc<str>);

/// How an entry's rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowsFormat {
    /// One parquet file.
    Parquet,
    /// A directory of parquet part files, as Spark writes.
    ParquetDir,
    /// A Delta table, read through its log.
    Delta,
    /// JSON lines, one file or part files.
    Ndjson,
    /// No rows.
    None,
}

impl RowsFormat {
    /// The word used in JSON and screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::ParquetDir => "parquet-dir",
            Self::Delta => "delta",
            Self::Ndjson => "ndjson",
            Self::None => "none",
        }
    }
}

/// What is wrong with an entry; stable codes that scripts rely on, in alphabetical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The date of its path is not a date.
    BadDate,
    /// The reasons are there and cannot be read.
    BadReasons,
    /// No completion marker: still being written, or its writer died.
    Incomplete,
    /// Its path has no date.
    NoDate,
    /// No error reasons.
    NoReasons,
    /// No rejected rows.
    NoRows,
    /// The counted rows differ from the reported ones.
    RowCountMismatch,
    /// The rows are there and cannot be read.
    UnreadableRows,
}

impl Problem {
    /// The code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadDate => "bad_date",
            Self::BadReasons => "bad_reasons",
            Self::Incomplete => "incomplete",
            Self::NoDate => "no_date",
            Self::NoReasons => "no_reasons",
            Self::NoRows => "no_rows",
            Self::RowCountMismatch => "row_count_mismatch",
            Self::UnreadableRows => "unreadable_rows",
        }
    }
}

/// One DLQ entry as `dlq list --json` prints it, and a little more that screens use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DlqEntry {
    /// What sits between the errors prefix and the date.
    pub dataset: Dataset,
    /// Relative to the lake, ends in `/`.
    pub path: EntryPath,
    /// Null where the path has none or a bad one.
    pub date: Option<NaiveDate>,
    /// The id of a `run_id=` level.
    pub run_id: Option<String>,
    /// Counted from the data, null if it can't be.
    pub rows: Option<u64>,
    /// From the reasons, null if absent.
    pub rows_reported: Option<u64>,
    /// Size of the rows.
    pub bytes: u64,
    /// How the rows are stored.
    pub format: RowsFormat,
    /// Whether the completion marker is there.
    pub complete: bool,
    /// The error reasons.
    pub errors: Vec<ErrorReason>,
    /// From the ordered rules over the reasons.
    pub category: FailureCategory,
    /// From the runbook's row thresholds.
    pub severity: Severity,
    /// Sorted by code.
    pub problems: Vec<Problem>,
    /// When its newest object was written: the upload time on S3.
    #[serde(skip)]
    pub modified: DateTime<Utc>,
    /// When its oldest object was written.
    #[serde(skip)]
    pub first_seen: DateTime<Utc>,
    /// Why the rows or the reasons could not be read, for a person; names the object below the entry. Hostile text,
    /// shared where entries say the same.
    #[serde(skip)]
    pub fault: Option<Arc<str>>,
}

impl DlqEntry {
    /// Rows for thresholds and totals: the counted ones, or else the reported ones.
    pub fn known_rows(&self) -> Option<u64> {
        self.rows.or(self.rows_reported)
    }

    /// When it happened: the latest time of its reasons, or else its newest object.
    pub fn since(&self) -> DateTime<Utc> {
        self.errors.iter().filter_map(|e| e.timestamp).max().unwrap_or(self.modified)
    }
}
