//! Which objects under an entry are its rows, its reasons, its completion marker. Pure.

use crate::lake::ObjectMeta;
use crate::model::entry::RowsFormat;

/// What lies under one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The entry's path, relative to the lake, ending in `/`.
    pub root: String,
    /// How the rows are stored.
    pub format: RowsFormat,
    /// The row files in key order; for Delta, every data file on disk (the log says which count).
    pub files: Vec<ObjectMeta>,
    /// The Delta table's root, ending in `/`, where there is one.
    pub table: Option<String>,
    /// The objects that hold error reasons: one, or the parts of a directory.
    pub reasons: Vec<ObjectMeta>,
    /// Whether the completion marker is there and nothing says that a writer is still at work.
    pub complete: bool,
}
