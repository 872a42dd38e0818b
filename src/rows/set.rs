//! The rows of one entry, whatever their format.

use std::sync::Arc;

use crate::lake::Lake;
use crate::model::column::{Column, ColumnProfile, RowPage};

use super::{Layout, RowsError};

/// What is remembered between reads: parquet footers and the bytes fetched with them, by key and ETag.
/// Bounded; shared by all sets of a session.
#[derive(Debug, Default)]
pub struct RowCache {}

/// Which rows and columns to read.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// First row, counted over the rows that match the filter.
    pub offset: u64,
    /// At most so many rows.
    pub limit: usize,
    /// Which columns, as indexes into [`RowSet::columns`], in the order wanted; all if `None`.
    pub columns: Option<Vec<usize>>,
    /// An SQL boolean expression over the columns.
    pub filter: Option<String>,
}

/// The open rows of one entry: schema known, rows read on demand. Dropping a future cancels its reads.
#[derive(Debug)]
pub struct RowSet {}

impl RowSet {
    /// Opens the rows: reads schema and counts, no rows. A small parquet file costs one request in all,
    /// its rows included, since what was fetched is kept.
    pub async fn open(_lake: Arc<dyn Lake>, _layout: &Layout, _cache: Arc<RowCache>) -> Result<Self, RowsError> {
        Ok(Self {})
    }

    /// The columns, top level, in the data's order; names may repeat.
    pub fn columns(&self) -> &[Column] {
        &[]
    }

    /// Rows of all files; `None` where only reading everything could tell (large NDJSON).
    pub fn total_rows(&self) -> Option<u64> {
        None
    }

    /// The indexes of the named columns, or an error that names the one that is not there.
    pub fn find_columns(&self, _names: &[String]) -> Result<Vec<usize>, RowsError> {
        Ok(Vec::new())
    }

    /// A page of rows.
    pub async fn page(&self, _request: &PageRequest) -> Result<RowPage, RowsError> {
        Ok(RowPage { columns: vec![], rows: vec![], total_rows: None, truncated: false })
    }

    /// A profile of the columns over at most `max_rows` rows from the start, oddest first.
    pub async fn profile(&self, _columns: Option<&[usize]>, _max_rows: u64) -> Result<Vec<ColumnProfile>, RowsError> {
        Ok(vec![])
    }
}

/// Counts the rows of a layout: parquet from footers, Delta from its log, NDJSON by reading (streamed, at
/// most `max_bytes` of it, beyond which `None`). Nothing else is read.
pub async fn count(
    _lake: Arc<dyn Lake>,
    _layout: &Layout,
    _cache: Arc<RowCache>,
    _max_bytes: u64,
) -> Result<Option<u64>, RowsError> {
    Ok(None)
}
