//! Columns, cells and pages of rejected rows, as every room and every output names them.

use serde::Serialize;
use serde_json::Value;

/// One column of the rejected rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// As the data spells it: hostile text.
    pub name: String,
    /// The type in Arrow's words, lower-case and short: `string`, `int64`, `timestamp[us, UTC]`,
    /// `decimal(10,2)`, `list<int32>`, `struct<a: int64>`, `map<string, double>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether nulls may occur.
    pub nullable: bool,
}

/// A page of rows: `rows[i][j]` is the cell of `columns[j]`, JSON of its type (`mission` contract of
/// `dlq preview --json`): decimal, timestamp, date as text in ISO form; binary as hex.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowPage {
    /// The columns that were read, in the order asked for.
    pub columns: Vec<Column>,
    /// The cells, not escaped and not masked: see `rows::cell` before showing any.
    pub rows: Vec<Vec<Value>>,
    /// Rows of the entry; with a filter, the rows that match it. `None` if it is not known (yet).
    pub total_rows: Option<u64>,
    /// Whether rows remain after this page.
    pub truncated: bool,
}

/// What a profile says of one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnProfile {
    /// The column.
    #[serde(flatten)]
    pub column: Column,
    /// Rows looked at.
    pub rows: u64,
    /// Nulls among them.
    pub nulls: u64,
    /// Distinct values that are not null; a lower bound where `distinct_capped`.
    pub distinct: u64,
    /// Counting of distinct values stopped at the cap.
    pub distinct_capped: bool,
    /// Smallest value, JSON of the type; null if there is none or it has no order.
    pub min: Value,
    /// Largest value.
    pub max: Value,
    /// The most frequent values with their counts, most frequent first, five at the most.
    pub top: Vec<(Value, u64)>,
    /// How odd the column is, 0 to 1: what the profile is sorted by.
    pub oddness: f64,
    /// Why it is odd, in a few words (`all null`, `one value`), or nothing.
    pub odd: Option<String>,
}
