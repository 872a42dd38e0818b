//! Work that is handed to a job: what is started, for which data, under which name. A name is chosen before anything is
//! started and written down first, so that nothing is started twice under it.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dag::DagId;
use super::dataset::Dataset;
use super::moves::MoveId;
use super::run::JobRunId;

/// Names a redrive or a backfill; a segment of a key. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkId(pub String);

impl WorkId {
    /// An id of a time and a number drawn by chance.
    pub fn of(at: DateTime<Utc>, chance: u64) -> Self {
        Self(MoveId::of(at, chance).0)
    }

    /// Whether a text can be an id: it becomes part of keys and of file names.
    pub fn is_sound(&self) -> bool {
        self.lease().is_sound()
    }

    /// As leases and audit records name it.
    pub fn lease(&self) -> MoveId {
        MoveId(self.0.clone())
    }
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run as its source names it. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// `local`, `emr`, `airflow`.
    pub source: String,
    /// Its id there.
    pub id: String,
}

/// What stands for the words of a command or a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    /// `{date}`: the date of the data.
    pub date: Option<NaiveDate>,
    /// `{dataset}`.
    pub dataset: Option<Dataset>,
    /// `{entry}`: the path of a DLQ entry, relative to the lake.
    pub entry: Option<String>,
}

impl Variables {
    /// Of a date alone.
    pub fn of_date(date: Option<NaiveDate>) -> Self {
        Self { date, dataset: None, entry: None }
    }

    /// A text with its variables filled, or why it cannot be. What comes from the lake may end up in a shell's line: only
    /// characters that mean nothing there are let in.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            let known = ["{date}", "{dataset}", "{entry}"].into_iter().find(|name| from.starts_with(name));
            match known {
                Some(name) => {
                    filled.push_str(&self.value(name)?);
                    rest = from.get(name.len()..).unwrap_or_default();
                }
                None => {
                    filled.push('{');
                    rest = from.get(1..).unwrap_or_default();
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str) -> Result<String, String> {
        let value = match name {
            "{date}" => {
                let date = self.date.ok_or("it wants the date of the data: --date YYYY-MM-DD")?;
                return Ok(date.to_string());
            }
            "{dataset}" => self.dataset.as_ref().map(Dataset::to_string),
            _ => self.entry.clone(),
        };
        let value = value.ok_or_else(|| format!("it wants a {name}, and none is known here"))?;
        let plain = |c: char| c.is_alphanumeric() || "/_-.=+@:,%".contains(c);
        match !value.is_empty() && !value.starts_with('-') && value.chars().all(plain) {
            true => Ok(value),
            false => Err(format!("{name} is {value:?}: a command takes letters, digits and /_-.=+@:,% alone")),
        }
    }
}

/// What would be started, its variables filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Launch {
    /// A command of this machine, in the lake's folder.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// Where it is written: one that a lake brings along was written by whoever wrote the lake.
        source: String,
    },
    /// A run of a DAG.
    Dag {
        /// Which.
        dag: DagId,
        /// What it is given.
        conf: Map<String, Value>,
        /// Its logical date.
        logical: Option<NaiveDate>,
    },
    /// A run of EMR Serverless like another one. What that one was asked for with is read anew when this one is: it may
    /// hold secrets, and this lies on the lake.
    Emr {
        /// Who tells of it.
        source: String,
        /// The other run.
        like: JobRunId,
        /// Its own arguments, if they are not those of the other.
        arguments: Option<Vec<String>>,
        /// The date that stands in the arguments of the other, and the one that stands there now.
        redate: Option<(NaiveDate, NaiveDate)>,
        /// Its name.
        name: String,
    },
}

impl Launch {
    /// In one line. Hostile text.
    pub fn told(&self) -> String {
        match self {
            Self::Command { words, .. } => words.join(" "),
            Self::Dag { dag, conf, logical } => {
                let conf = serde_json::to_string(conf).unwrap_or_default();
                let logical = logical.map(|date| format!(" for {date}")).unwrap_or_default();
                format!("a run of the DAG {}{logical} with {conf}", dag.0)
            }
            Self::Emr { like, arguments, redate, name, .. } => {
                let with = match (arguments, redate) {
                    (Some(arguments), _) => format!(", with {}", arguments.join(" ")),
                    (None, Some((old, new))) => format!(", for {new} instead of {old}"),
                    (None, None) => String::new(),
                };
                format!("a run of EMR Serverless, {name}, as {like} was{with}")
            }
        }
    }
}

/// How far work is, for whoever follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkProgress {
    /// Which.
    pub id: WorkId,
    /// What it is about: `redrive crm/contacts 2026-11-24`. Hostile text.
    pub title: String,
    /// Runs that ended well, runs that did not, and all that are to be.
    pub done: u64,
    /// Runs that did not end well.
    pub failed: u64,
    /// All runs that are to be.
    pub all: u64,
    /// Runs that go on now.
    pub running: u64,
    /// What happens now, in words. Hostile text.
    pub now: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables(dataset: &str) -> Variables {
        Variables {
            date: NaiveDate::from_ymd_opt(2026, 11, 25),
            dataset: Some(Dataset(dataset.into())),
            entry: Some(format!("_errors/{dataset}/dt=2026-11-25/")),
        }
    }

    #[test]
    fn variables_are_filled_wherever_they_stand() {
        let filled = variables("crm/contacts").fill("cp {entry}x.parquet bronze/{dataset}/dt={date}/{other}{");
        let expected = "cp _errors/crm/contacts/dt=2026-11-25/x.parquet bronze/crm/contacts/dt=2026-11-25/{other}{";
        assert_eq!(filled, Ok(expected.to_owned()));
        assert!(Variables::of_date(None).fill("{date}").is_err_and(|why| why.contains("--date")));
        assert!(Variables::of_date(None).fill("{entry}").is_err_and(|why| why.contains("{entry}")));
        assert_eq!(Variables::of_date(None).fill("plain"), Ok("plain".to_owned()));
    }

    #[test]
    fn what_a_shell_would_read_is_no_value() {
        for dataset in ["a;rm -rf x", "a b", "$(id)", "a`id`", "a'b", "a\"b", "a\nb", "-rf", "a|b", "a>b", "a\\b", ""] {
            assert!(variables(dataset).fill("run {dataset}").is_err(), "{dataset:?}");
        }
        assert_eq!(variables("crm/kontakte_ä").fill("{dataset}"), Ok("crm/kontakte_ä".to_owned()));
    }

    proptest! {
        #[test]
        fn no_value_brings_a_word_of_its_own(dataset in any::<String>()) {
            if let Ok(filled) = variables(&dataset).fill("x {dataset} y") {
                prop_assert_eq!(filled.split_whitespace().count(), 3);
                prop_assert!(!filled.contains(['$', '`', ';', '&', '|', '\'', '"', '\\', '\n', '<', '>', '(', '*', '?']));
            }
        }
    }
}
