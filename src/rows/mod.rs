//! Rejected rows over the lake: what files an entry's rows are, and pages, profile, filter and schema of
//! them, read by ranges. Cells leave this room as JSON values; [`cell`] makes them fit to show.

mod cache;
mod casts;
pub mod cell;
pub mod check;
mod convert;
mod delta;
mod delta_engine;
mod encode;
pub mod error;
mod expression;
mod filter;
mod guard;
mod int96;
pub mod latest;
pub mod layout;
mod lines;
mod ndjson;
mod nulls;
mod parquet_file;
mod profile;
pub mod repair;
pub mod set;
mod sparse;
mod stream;
mod windows;

pub use error::RowsError;
pub use guard::is_fenced;
pub use layout::Layout;
pub use set::{PageRequest, RowCache, RowSet};
pub use stream::Halt;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

#[cfg(test)]
mod repair_tests;
