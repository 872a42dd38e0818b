//! Where a resolved value comes from, so that `doctor` can say it.

use std::fmt;
use std::path::PathBuf;

use chrono::Duration;
use serde::{Serialize, Serializer};

/// The origin of a value, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag, as typed: `--region`.
    Flag(&'static str),
    /// An environment variable.
    Env(&'static str),
    /// A line of a file: the lake's own `lakeward.toml` or the configuration.
    File {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// Built in.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Env(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Sourced<T> {
    /// The same source, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: f(self.value), source: self.source }
    }
}

/// One line of what `doctor` lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedValue {
    /// As the configuration spells it: `thresholds.no_data`.
    pub name: String,
    /// Its value as text.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// How a value of the configuration is written out.
pub trait Shown {
    /// The value as the configuration would spell it.
    fn shown(&self) -> String;
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Shown for u64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for f64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        super::duration::write(*self)
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "unset".to_owned(), Shown::shown)
    }
}

/// Everything resolved so far, in order.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The values.
    pub values: Vec<ResolvedValue>,
}

impl Ledger {
    /// The first candidate that is there, or else the default; noted under `name`.
    pub fn pick<T: Shown>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = Option<Sourced<T>>>,
        default: T,
    ) -> Sourced<T> {
        let picked =
            candidates.into_iter().flatten().next().unwrap_or(Sourced { value: default, source: Source::Default });
        self.note(name, picked.value.shown(), picked.source.clone());
        picked
    }

    /// As [`Ledger::pick`], for a value that may be absent.
    pub fn pick_optional<T: Shown>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = Option<Sourced<T>>>,
    ) -> Sourced<Option<T>> {
        let some = candidates.into_iter().map(|c| c.map(|s| s.map(Some)));
        self.pick(name, some.collect::<Vec<_>>(), None)
    }

    /// Notes a value that was settled elsewhere.
    pub fn note(&mut self, name: &str, value: String, source: Source) {
        self.values.push(ResolvedValue { name: name.to_owned(), value, source });
    }
}
