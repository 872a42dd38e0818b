//! What a line says of itself: its level, its time, and whether it goes on with the record above it. Knows the habits
//! of log4j, of Python's logging and Airflow, of JSON lines, and of stack traces.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use crate::model::named::head;

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `TRACE`.
    Trace,
    /// `DEBUG`.
    Debug,
    /// `INFO`.
    Info,
    /// `WARN`, `WARNING`.
    Warning,
    /// `ERROR`, `SEVERE`.
    Error,
    /// `FATAL`, `CRITICAL`.
    Fatal,
}

/// The words of all levels.
const WORDS: [(&str, Level); 12] = [
    ("TRACE", Level::Trace),
    ("DEBUG", Level::Debug),
    ("INFO", Level::Info),
    ("NOTICE", Level::Info),
    ("WARN", Level::Warning),
    ("WARNING", Level::Warning),
    ("ERR", Level::Error),
    ("ERROR", Level::Error),
    ("SEVERE", Level::Error),
    ("FATAL", Level::Fatal),
    ("CRITICAL", Level::Fatal),
    ("EMERG", Level::Fatal),
];

/// Bytes at the start of a line in which a level is looked for: behind a time, a thread and a file.
const LOOKED_AT: usize = 120;
/// Bytes of a JSON line that are parsed.
const JSON_BYTES: usize = 64 * 1024;

impl Level {
    /// The word on screen, at most five letters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The level of a word, whatever its case.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }

    /// Whether it is an error.
    pub fn is_error(self) -> bool {
        self >= Self::Error
    }
}

/// How a line stands to the one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It begins a record.
    Head,
    /// It belongs to the record above, whatever that is: indented, `Caused by:`, a frame of a stack.
    Continuation,
    /// It names an exception: it belongs to an error above, and begins an error where none is.
    Exception,
}

/// What a line says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Its level.
    pub level: Option<Level>,
    /// Its time. One without a zone counts as UTC.
    pub at: Option<DateTime<Utc>>,
    /// How it stands to the line above.
    pub kind: Kind,
}

/// Reads a line.
pub fn read(text: &str) -> Read {
    if text.starts_with('{')
        && let Some(record) = json(text)
    {
        let level = LEVELS.iter().find_map(|key| record.get(*key)?.as_str()).and_then(Level::from_word);
        let at = TIMES.iter().find_map(|key| record.get(*key)?.as_str()).and_then(time);
        return Read { level, at, kind: Kind::Head };
    }
    let kind = kind(text);
    if kind == Kind::Continuation {
        return Read { level: None, at: None, kind };
    }
    let level = if kind == Kind::Exception { Some(Level::Error) } else { level(text) };
    Read { level, at: time(text.trim_start_matches('[')), kind }
}

const LEVELS: [&str; 5] = ["level", "severity", "levelname", "log.level", "loglevel"];
const TIMES: [&str; 5] = ["timestamp", "@timestamp", "time", "asctime", "ts"];
const MESSAGES: [&str; 4] = ["message", "msg", "event", "error"];

fn json(text: &str) -> Option<serde_json::Map<String, Value>> {
    match serde_json::from_str(head(text, JSON_BYTES)) {
        Ok(Value::Object(record)) => Some(record),
        _ => None,
    }
}

/// What a JSON line says in words; none of any other line.
pub(super) fn json_message(text: &str) -> Option<String> {
    let record = text.starts_with('{').then(|| json(text))??;
    MESSAGES.iter().find_map(|key| record.get(*key)?.as_str()).map(str::to_owned)
}

/// The first word near the start that is a level in capitals; a small one only at the very start or in brackets.
fn level(text: &str) -> Option<Level> {
    let start = head(text, LOOKED_AT);
    let small = ["error:", "warning:", "fatal:", "[error]", "[warn]", "[warning]", "[fatal]", "[info]"];
    let said = small.iter().find(|w| start.get(..w.len()).is_some_and(|s| s.eq_ignore_ascii_case(w)));
    if let Some(word) = said {
        return Level::from_word(word.trim_matches(['[', ']', ':']));
    }
    start
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase()))
        .find_map(Level::from_word)
}

fn kind(text: &str) -> Kind {
    let indented = text.starts_with([' ', '\t']);
    let goes_on = ["Caused by:", "Suppressed:", "at ", "... ", "During handling of the above", "The above exception"];
    if text.trim().is_empty() || indented || goes_on.iter().any(|start| text.starts_with(start)) {
        return Kind::Continuation;
    }
    if text.starts_with("Traceback (most recent call last)") || text.starts_with("Exception in thread") {
        return Kind::Exception;
    }
    // `java.lang.OutOfMemoryError: Java heap space`, `MemoryError`: a name, and nothing or a colon behind it.
    let name = text.split([':', ' ']).next().unwrap_or_default();
    let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
    let raised = ["Error", "Exception", "Failure", "Throwable"].iter().any(|end| name.ends_with(end));
    let alone = text.len() == name.len() || text.as_bytes().get(name.len()) == Some(&b':');
    // `Error:` alone is a level and no name.
    if named && raised && alone && name.len() > "Exception".len().min(8) { Kind::Exception } else { Kind::Head }
}

/// The time at the start of a text, in the spellings of ISO 8601, Python's logging and Spark's log4j.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = head(text, 40);
    let end = text.find([']', '|', '"']).unwrap_or(text.len());
    let text = text.get(..end)?;
    if let Some(Ok(at)) = text.split(' ').next().map(DateTime::parse_from_rfc3339) {
        return Some(at.to_utc());
    }
    // Airflow: an offset without a colon.
    if let Ok((at, _)) = DateTime::parse_and_remainder(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(at.to_utc());
    }
    let dotted = text.replacen(',', ".", 1);
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_and_remainder(&dotted, format).ok())
        .map(|(at, _)| at.and_utc())
}

#[cfg(test)]
mod tests {
    use Kind::{Continuation, Exception, Head};
    use Level::{Debug, Error, Fatal, Info, Warning};

    use super::*;

    #[test]
    fn a_line_says_its_level_and_where_it_belongs() {
        let table = [
            ("26/11/22 00:23:10 INFO SparkContext: Running Spark version 3.5.1", Some(Info), Head),
            ("26/11/22 00:23:11 WARN NativeCodeLoader: Unable to load", Some(Warning), Head),
            ("2026-11-22 00:23:10,123 ERROR [main] acme.Job: no ERROR less", Some(Error), Head),
            ("2026-11-22T00:23:10.123Z  DEBUG x", Some(Debug), Head),
            ("[2026-11-22T00:23:10.123+0000] {taskinstance.py:1824} ERROR - Task failed", Some(Error), Head),
            ("ERROR:root:it broke", Some(Error), Head),
            ("CRITICAL:acme:gone", Some(Fatal), Head),
            ("error: no such file", Some(Error), Head),
            ("[warn] low disk", Some(Warning), Head),
            ("all is well, no error here", None, Head),
            ("INFORMATION is no level", None, Head),
            (r#"{"level":"error","message":"x"}"#, Some(Error), Head),
            (r#"{"levelname":"WARNING","message":"ERROR"}"#, Some(Warning), Head),
            (r#"{"severity":"INFO"}"#, Some(Info), Head),
            ("{not json} ERROR x", Some(Error), Head),
            ("\tat org.apache.spark.Job.run(Job.scala:12)", None, Continuation),
            ("at org.apache.spark.Job.run(Job.scala:12)", None, Continuation),
            ("Caused by: java.lang.OutOfMemoryError: Java heap space", None, Continuation),
            ("  File \"job.py\", line 3, in main", None, Continuation),
            ("", None, Continuation),
            ("java.lang.OutOfMemoryError: Java heap space", Some(Error), Exception),
            ("MemoryError", Some(Error), Exception),
            ("botocore.exceptions.ClientError: denied", Some(Error), Exception),
            ("Traceback (most recent call last):", Some(Error), Exception),
            ("Exception in thread \"main\" java.lang.IllegalStateException", Some(Error), Exception),
            ("Error: it broke", Some(Error), Head),
        ];
        for (text, level, kind) in table {
            let read = read(text);
            assert_eq!((read.level, read.kind), (level, kind), "{text}");
        }
    }

    #[test]
    fn times_are_read_and_without_a_zone_are_utc() {
        let table = [
            ("26/11/22 00:23:10 INFO x", Some("2026-11-22T00:23:10+00:00")),
            ("2026-11-22 00:23:10,123 ERROR x", Some("2026-11-22T00:23:10.123+00:00")),
            ("2026-11-22T00:23:10.5Z x", Some("2026-11-22T00:23:10.500+00:00")),
            ("[2026-11-22T01:23:10.123+0100] {x.py:1} INFO - y", Some("2026-11-22T00:23:10.123+00:00")),
            (r#"{"timestamp":"2026-11-22T00:23:10Z","level":"info"}"#, Some("2026-11-22T00:23:10+00:00")),
            ("2026-13-45 99:00:00 x", None),
            ("no time", None),
        ];
        for (text, at) in table {
            assert_eq!(read(text).at.map(|t| t.to_rfc3339()).as_deref(), at, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(text in proptest::prelude::any::<String>()) {
            read(&text);
            json_message(&text);
        }
    }
}
