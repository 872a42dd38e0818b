//! Rejected rows over the lake: what files an entry's rows are, and pages, profile, filter and schema of
//! them, read by ranges. Cells leave this room as JSON values; [`cell`] makes them fit to show.

pub mod cell;
pub mod error;
pub mod layout;
pub mod set;

pub use error::RowsError;
pub use layout::Layout;
pub use set::{PageRequest, RowCache, RowSet};
