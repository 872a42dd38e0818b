//! Repair of a dead letter: the contract's rules over its rows, an evolution that would make them fit, and the repaired
//! rows in a place of their own. Plans are made here; the gate carries them out.

mod applying;
mod leftovers;
mod outlet;
mod planning;

pub(super) use applying::{apply, unchanged};
pub(super) use leftovers::clear;
pub use planning::{RowCheck, RowProgress};

use super::gate::GateError;
use crate::lake::{ErrorClass, LakeError};
use crate::rows::RowsError;

/// What the rows said, as the gate tells it.
fn of_rows(error: RowsError) -> GateError {
    GateError::Lake(match error {
        RowsError::Lake(error) => error,
        RowsError::Unreadable { object, fault } => LakeError {
            hint: "lakeward dlq preview shows what can be read of it".into(),
            ..LakeError::new(ErrorClass::Malformed, object, fault)
        },
        RowsError::NoRows { object } => LakeError {
            hint: "lakeward dlq show tells what lies there instead".into(),
            ..LakeError::new(ErrorClass::NotFound, object, "no rejected rows here")
        },
        other => LakeError::new(ErrorClass::Malformed, "rows", other.to_string()),
    })
}
