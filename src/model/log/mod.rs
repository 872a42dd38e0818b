//! Log lines as they are read: their level, which lines belong together, a bounded buffer of them, and the errors
//! among them grouped by what they have in common. Pure; where lines come from is not known here.

mod buffer;
mod filtered;
mod level;
mod signature;
mod signatures;

#[cfg(test)]
mod buffer_tests;
#[cfg(test)]
mod signature_tests;

pub use buffer::{Limits, LogBuffer, Marked};
pub use level::{Kind, Level, Read, read};
pub use signature::signature;
pub use signatures::{Group, Signatures};

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Names a line for as long as a buffer lives: given when the line enters, greater than all before, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub u64);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its name.
    pub id: LineId,
    /// When it was written, as its source or the line itself says.
    pub at: Option<DateTime<Utc>>,
    /// Which stream, file or process it is of.
    pub stream: Arc<str>,
    /// The line. Hostile text.
    pub text: Box<str>,
    /// How bad; of a line that belongs to another, that one's level. None if nothing says so.
    pub level: Option<Level>,
    /// The line that begins the record it belongs to: itself, or the one above a stack trace.
    pub head: LineId,
}

impl LogLine {
    /// Whether it begins a record.
    pub fn is_head(&self) -> bool {
        self.head == self.id
    }

    /// Whether it begins a record that is an error.
    pub fn is_error(&self) -> bool {
        self.is_head() && self.level.is_some_and(Level::is_error)
    }
}
