//! The object that something was read from: its key tells what the bytes leave out, and its address and tag are the
//! evidence.

use chrono::{DateTime, Utc};

/// What is known of an object, or of a directory of Spark parts that is read as one.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Its key, relative to the lake; of a directory, with its last slash.
    pub key: &'a str,
    /// Its full address.
    pub uri: &'a str,
    /// Its tag, if it has one.
    pub etag: Option<&'a str>,
    /// When it was written.
    pub modified: DateTime<Utc>,
}
