//! Faults of the configuration: one line that names the place, the fault and what is allowed.

use crate::model::text::escape;

/// The one error of a configuration. Exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}; allowed: {}", escape(place), escape(fault), escape(allowed))]
pub struct ConfigError {
    /// `file:line`, or the flag or variable.
    pub place: String,
    /// What is wrong.
    pub fault: String,
    /// What would be right.
    pub allowed: String,
}

impl ConfigError {
    /// An error at a place.
    pub fn new(place: impl Into<String>, fault: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into(), allowed: allowed.into() }
    }
}

/// The line of a byte offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// Splits a message of the TOML reader into the fault and what is allowed, in the words of this program.
pub fn split_message(message: &str) -> (String, String) {
    let message = message.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(", ");
    let (fault, expected) = match message.split_once(", expected ") {
        Some((fault, expected)) => (fault.to_owned(), expected.to_owned()),
        None if message.starts_with("missing field") => (message.clone(), "a table that has it".to_owned()),
        None if message.starts_with("duplicate") => (message.clone(), "each key once".to_owned()),
        None => (message.clone(), "TOML as in the file that `lakeward init` writes".to_owned()),
    };
    let fault = fault
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("duplicate field", "duplicate key")
        .replace("unknown variant", "unknown value")
        .replace("invalid type", "wrong type")
        .replace("invalid value", "wrong value");
    let expected = expected.strip_prefix("one of ").unwrap_or(&expected);
    let expected = match expected {
        "u64" => "a whole number, 0 or more",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        other => other,
    };
    (fault, expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        for (offset, line) in [(0, 1), (1, 1), (2, 2), (3, 3), (99, 3)] {
            assert_eq!(line_of("a\n\nb", offset), line, "{offset}");
        }
    }

    #[test]
    fn messages_speak_of_keys_and_of_what_is_allowed() {
        for (message, fault, allowed) in [
            ("unknown field `a`, expected one of `b`, `c`", "unknown key `a`", "`b`, `c`"),
            ("unknown field `a`, expected `b` or `c`", "unknown key `a`", "`b` or `c`"),
            ("invalid type: string \"x\", expected u64", "wrong type: string \"x\"", "a whole number, 0 or more"),
            ("missing field `lake`", "missing key `lake`", "a table that has it"),
        ] {
            assert_eq!(split_message(message), (fault.to_owned(), allowed.to_owned()), "{message}");
        }
    }
}
