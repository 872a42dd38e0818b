//! In which order objects move, and what a reason may be called.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When an object is copied; deletes go the other way round. A reader that trusts the completion marker, or a
/// table's log, then never sees half of a prefix as whole (runbook, "S3 DLQ Structure").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Rows, and whatever else lies there.
    Data,
    /// Error reasons.
    Reasons,
    /// The log of a Delta table.
    Log,
    /// Completion markers.
    Marker,
}

impl Rank {
    /// All, in the order of copying.
    pub const ALL: [Self; 4] = [Self::Data, Self::Reasons, Self::Log, Self::Marker];
}

/// The rank of an object, by its key below the prefix that moves.
pub fn rank_of(relative: &str) -> Rank {
    let mut segments = relative.split('/');
    if segments.any(|s| s == "_SUCCESS") {
        Rank::Marker
    } else if relative.split('/').any(|s| s == "_delta_log") {
        Rank::Log
    } else if relative.starts_with("error_reasons") {
        Rank::Reasons
    } else {
        Rank::Data
    }
}

/// Why data is moved: one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReasonCode(String);

/// Why a text is no reason code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no reason code: 1 to 64 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or a digit")]
pub struct ReasonError(pub String);

impl ReasonCode {
    /// Reads a code. It becomes a segment of a key that people type, so it is kept plain.
    pub fn parse(text: &str) -> Result<Self, ReasonError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match begins && text.len() <= 64 && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(ReasonError(text.chars().take(80).collect())),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReasonCode {
    type Error = ReasonError;

    fn try_from(text: String) -> Result<Self, ReasonError> {
        Self::parse(&text)
    }
}

impl From<ReasonCode> for String {
    fn from(code: ReasonCode) -> Self {
        code.0
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_come_last_and_logs_after_data() {
        for (key, rank) in [
            ("rejected_rows.parquet", Rank::Data),
            ("notes/_SUCCESSFUL", Rank::Data),
            ("error_reasons.json", Rank::Reasons),
            ("error_reasons.json/part-0.json", Rank::Reasons),
            ("rejected_rows/_delta_log/00.json", Rank::Log),
            ("_SUCCESS", Rank::Marker),
            ("_SUCCESS/_delta_log/0.json", Rank::Marker),
            ("rejected_rows.parquet/_SUCCESS", Rank::Marker),
        ] {
            assert_eq!(rank_of(key), rank, "{key}");
        }
        assert!(Rank::ALL.is_sorted());
    }

    #[test]
    fn a_reason_is_one_plain_segment() {
        for good in ["schema_violation", "dq-2", "a", "2024.late"] {
            assert_eq!(ReasonCode::parse(good).map(|r| r.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a/b", "..", ".", "Schema", "a b", "é", "_x", "a\0", &"x".repeat(65)] {
            assert!(ReasonCode::parse(bad).is_err(), "{bad:?}");
        }
    }
}
