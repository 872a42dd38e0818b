//! The rejected rows against their contract: the model's difference, less what their storage cannot tell.

use crate::model::column::Column;
use crate::model::contract::{Contract, Drift, DriftKind, diff};
use crate::model::entry::RowsFormat;

/// Levels of a path that writers leave out of the files themselves.
const PATH_COLUMNS: [&str; 4] = ["dt", "date", "day", "run_id"];

/// What differs. JSON lines have no types of their own (a time is a text there), so none of theirs is wrong; a
/// column that the path holds is not missing from the file.
pub fn differences(contract: &Contract, columns: &[Column], format: RowsFormat) -> Vec<Drift> {
    let mut drifts = diff(contract, columns, &|_| None);
    drifts.retain(|d| match d.kind {
        DriftKind::Retyped => format != RowsFormat::Ndjson,
        DriftKind::Missing => !PATH_COLUMNS.contains(&d.column.as_str()),
        _ => true,
    });
    drifts
}
