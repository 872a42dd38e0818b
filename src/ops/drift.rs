//! The rejected rows against their contract: the model's difference, less what their storage cannot tell.

use crate::model::contract::evolution::PATH_COLUMNS;
use crate::model::contract::{Contract, Drift, DriftKind, diff, nullability};
use crate::model::entry::RowsFormat;
use crate::rows::RowSet;

/// What differs, what may be null included. JSON lines have no types of their own (a time is a text there) and declare
/// nothing of nulls, so none of theirs is wrong; a column that the path holds is not missing from the file.
pub fn differences(contract: &Contract, rows: &RowSet, format: RowsFormat) -> Vec<Drift> {
    let nulls = |column| rows.has_nulls(column);
    let mut drifts = diff(contract, rows.columns(), &nulls);
    drifts.extend(nullability(contract, rows.columns(), &nulls));
    drifts.retain(|d| match d.kind {
        DriftKind::Retyped | DriftKind::MayHoldNulls | DriftKind::NeverNull => format != RowsFormat::Ndjson,
        DriftKind::Missing => !PATH_COLUMNS.contains(&d.column.as_str()),
        _ => true,
    });
    drifts
}
