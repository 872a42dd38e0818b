//! What was done in an incident, what was marked of it, and what is handed on with it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::model::verify::Check;

/// A write that went through the gate. Texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// The act, in the word of the audit: `quarantine`, `redrive`, `submit`, …
    pub act: String,
    /// What it was about: a path of the lake, a job, a DAG.
    pub object: String,
    /// The dataset, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The date of the data, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<NaiveDate>,
    /// The days that it ran, where it is about more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<NaiveDate>,
    /// Whether it did what it was to do.
    pub done: bool,
    /// What was planned, in a sentence.
    pub plan: String,
    /// What it came to.
    pub detail: String,
    /// When it was begun.
    pub began: DateTime<Utc>,
    /// Rows that it concerns, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Deed {
    /// Whether it changes data that consumers read, or may have: what was seen before it says nothing of what is there now.
    /// One that failed or got no answer may have gone half its way.
    pub fn touches(&self) -> bool {
        const TOUCHING: [&str; 10] =
            ["release", "redrive", "run", "backfill", "submit", "finish", "trigger", "clear", "resume", "undo"];
        TOUCHING.contains(&self.act.as_str())
    }

    /// Whether it runs a job anew, which tells of its rows itself.
    pub fn reruns(&self) -> bool {
        const RUNNING: [&str; 6] = ["run", "backfill", "submit", "finish", "trigger", "clear"];
        RUNNING.contains(&self.act.as_str())
    }

    /// The dates of the data that it is about.
    pub fn dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.date.iter().chain(&self.days).copied()
    }

    /// Whether it is about the data of this date: it names it, or none of its own. Without a date, every one is.
    pub fn concerns(&self, date: Option<NaiveDate>) -> bool {
        date.is_none_or(|date| self.dates().next().is_none() || self.dates().any(|own| own == date))
    }

    /// Whether it makes data right, as far as it says.
    pub fn mends(&self) -> bool {
        self.done && self.touches()
    }
}

/// Lines of a log, or a row, as somebody marked them: escaped and masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedText {
    /// Where they come from.
    pub uri: String,
    /// They, in their order.
    pub lines: Vec<String>,
}

/// What the next person needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// For whom; none for whoever is next on call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What whoever hands it over has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is broken.
    pub broken: Vec<String>,
    /// What was done.
    pub done: Vec<String>,
    /// What runs now.
    pub running: Vec<String>,
    /// What is next.
    pub planned: Vec<String>,
    /// Checks that are open.
    pub open_checks: Vec<Check>,
    /// Addresses of what it rests on.
    pub links: Vec<String>,
    /// Commands that lead on.
    pub commands: Vec<String>,
}

impl Handover {
    /// Its parts in the order in which they are told, each with its name; those that say nothing are left out.
    pub fn parts(&self) -> Vec<(&'static str, Vec<String>)> {
        let all = [
            ("note", self.note.iter().cloned().collect()),
            ("broken", self.broken.clone()),
            ("done", self.done.clone()),
            ("runs now", self.running.clone()),
            ("next", self.planned.clone()),
            ("open checks", self.open_checks.iter().map(|check| check.title().to_owned()).collect()),
            ("links", self.links.clone()),
            ("commands", self.commands.clone()),
        ];
        all.into_iter().filter(|(_, lines): &(_, Vec<String>)| !lines.is_empty()).collect()
    }
}
