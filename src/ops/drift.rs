//! The rejected rows against their contract: the model's difference, less what their storage cannot tell.

use crate::model::contract::{Contract, Drift, DriftKind, diff};
use crate::model::entry::RowsFormat;
use crate::rows::RowSet;

/// Levels of a path that writers leave out of the files themselves.
const PATH_COLUMNS: [&str; 4] = ["dt", "date", "day", "run_id"];

/// What differs. JSON lines have no types of their own (a time is a text there), so none of theirs is wrong; a
/// column that the path holds is not missing from the file.
pub fn differences(contract: &Contract, rows: &RowSet, format: RowsFormat) -> Vec<Drift> {
    let mut drifts = diff(contract, rows.columns(), &|column| rows.has_nulls(column));
    drifts.retain(|d| match d.kind {
        DriftKind::Retyped => format != RowsFormat::Ndjson,
        DriftKind::Missing => !PATH_COLUMNS.contains(&d.column.as_str()),
        _ => true,
    });
    drifts
}
