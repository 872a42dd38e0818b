//! What stands for the dataset, the date and the like in a runbook's commands: `{dataset}`, `{{ dataset }}`,
//! `<dataset>`, `$DATASET`, `${DATASET}`. A command in which something is not filled cannot be run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

/// Names that runbooks use; any other name in braces or angles is left to the reader to fill.
const KNOWN: [&str; 9] = ["dataset", "date", "job", "run", "application", "bucket", "lake", "entry", "env"];

/// What public runbooks call the same.
const ALSO: [(&str, &str); 12] = [
    ("dt", "date"),
    ("run_date", "date"),
    ("partition_date", "date"),
    ("table", "dataset"),
    ("table_name", "dataset"),
    ("dataset_name", "dataset"),
    ("job_name", "job"),
    ("job_run_id", "run"),
    ("run_id", "run"),
    ("application_id", "application"),
    ("app_id", "application"),
    ("environment", "env"),
];

/// The placeholders: `{{any}}`, `${NAME}` and `$NAME`, `<any-name>`, `{known}`.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\{\{\s*([A-Za-z][A-Za-z0-9_.-]*)\s*\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Z_][A-Z0-9_]*)\b|<([A-Za-z][A-Za-z0-9_ -]*)>|\{([A-Za-z][A-Za-z0-9_-]*)\}",
    )
    .ok()
});

/// Values by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

/// A text with its variables filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The text. What is filled in comes from the lake: hostile.
    pub text: String,
    /// Names that nothing is known for, once each.
    pub missing: Vec<String>,
}

impl Variables {
    /// Sets one, unless there is nothing to set it to.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Fills a text to be read.
    pub fn fill(&self, text: &str) -> Filled {
        self.filled(text, |_| true)
    }

    /// Fills a command to be pasted into a shell. What is no plain word there stays unfilled, so that nothing that
    /// lies on the lake is ever a command.
    pub fn fill_command(&self, text: &str) -> Filled {
        self.filled(text, plain)
    }

    fn filled(&self, text: &str, takes: impl Fn(&str) -> bool) -> Filled {
        let mut missing: Vec<String> = Vec::new();
        let Some(placeholder) = PLACEHOLDER.as_ref() else { return Filled { text: text.to_owned(), missing } };
        let text = placeholder.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |m| m.as_str());
            let named = |i: usize| found.get(i).map(|m| m.as_str());
            let shell = named(2).or(named(3));
            let (written, must) = match (shell, named(5)) {
                // Other variables of the shell are the shell's, other braces its own or JSON's.
                (Some(name), _) | (None, Some(name)) => (name, false),
                (None, None) => (named(1).or(named(4)).unwrap_or_default(), true),
            };
            let plain = written.to_ascii_lowercase().replace([' ', '-', '.'], "_");
            let name = ALSO.iter().find(|(other, _)| *other == plain).map_or(plain.as_str(), |(_, name)| name);
            let known = self.get(name);
            match known.filter(|value| takes(value)) {
                Some(value) => value.to_owned(),
                None if must || known.is_some() || KNOWN.contains(&name) => {
                    if !missing.iter().any(|m| m == name) {
                        missing.push(name.to_owned());
                    }
                    whole.to_owned()
                }
                None => whole.to_owned(),
            }
        });
        Filled { text: text.into_owned(), missing }
    }
}

/// Whether a value is one word of a shell that means itself, inside quotes and outside.
fn plain(value: &str) -> bool {
    !value.starts_with('-') && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c))
}
