//! What can go wrong with rows.

use crate::lake::LakeError;

/// An error of the rows; its message names the object and the fault, on one line, and may be hostile text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RowsError {
    /// The lake did not answer.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The object cannot be read as what it should be.
    #[error("{object}: {fault}")]
    Unreadable {
        /// Full address of the object.
        object: String,
        /// What is wrong with it.
        fault: String,
    },
    /// There are no rows.
    #[error("{object}: no rejected rows here")]
    NoRows {
        /// Full address of the entry.
        object: String,
    },
    /// A column asked for is not there.
    #[error("no column {name:?}; there are: {known}")]
    NoColumn {
        /// The name asked for.
        name: String,
        /// The names there are, shortened.
        known: String,
    },
    /// The filter expression is wrong.
    #[error("filter: {0}")]
    Filter(String),
    /// It was asked to stop half-way.
    #[error("stopped")]
    Halted,
}
