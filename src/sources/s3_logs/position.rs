//! How far each stream of a run was read. Rotation moves what was the newest part behind the archived ones, where its
//! count is what it was: so a place is a part's count and a length of text, and no key.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::sources::logs::LogCursor;

/// Places by stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(BTreeMap<String, Place>);

/// A place in a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which part, from 0 for the oldest.
    pub part: usize,
    /// Bytes of its text that were given.
    pub at: u64,
    /// The tag under which it was read to its end.
    pub through: Option<String>,
    /// The tag under which its last line had no end.
    pub held: Option<String>,
    /// The last time that a line said.
    pub time: Option<DateTime<Utc>>,
}

impl Place {
    /// Whether it was read under this tag.
    pub fn is_of(&self, tag: &str) -> bool {
        [&self.through, &self.held].into_iter().any(|known| known.as_deref() == Some(tag))
    }
}

impl Position {
    /// The position of a cursor; none if it is not one of ours.
    pub fn read(cursor: &LogCursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    /// The cursor of a position.
    pub fn cursor(&self) -> LogCursor {
        LogCursor(serde_json::to_string(self).unwrap_or_default())
    }

    /// The place in a stream.
    pub fn of(&mut self, stream: &str) -> &mut Place {
        self.0.entry(stream.to_owned()).or_default()
    }
}
