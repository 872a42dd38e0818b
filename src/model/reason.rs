//! Error reasons: what a pipeline says of the rows it rejected, in the shapes met in the wild.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// One error of an entry. Texts are hostile: escape before a terminal sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct ErrorReason {
    /// `schema_validation`, …; null if absent.
    pub error_type: Option<String>,
    /// `error_message`, or `error_reason` where a writer says so; null if absent.
    pub error_message: Option<String>,
    /// Rows rejected for this reason; null if absent or not a number.
    pub row_count: Option<u64>,
    /// RFC 3339 in UTC (a time without a zone is taken as UTC); null if absent or not a time.
    #[serde(serialize_with = "rfc3339")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Where the rows came from; null if absent.
    pub source_path: Option<String>,
}

fn rfc3339<S: serde::Serializer>(t: &Option<DateTime<Utc>>, s: S) -> Result<S::Ok, S::Error> {
    match t {
        Some(t) => s.serialize_str(&t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        None => s.serialize_none(),
    }
}
