//! The errors of a log grouped by their signature: how often, first and last seen, and what category of failure it
//! is, by the same rules that judge dead letters.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::level::Kind;
use super::signature::signature;
use super::{LineId, LogLine};
use crate::model::category::{CategoryRule, FailureCategory, categorize_text};
use crate::model::named::head;

/// Groups that are told apart; errors beyond them are counted together.
const GROUPS: usize = 500;
/// Bytes of an error that are kept as its example.
const EXAMPLE: usize = 2_000;
/// Streams of which the last record is kept open.
const STREAMS: usize = 1_000;

/// Errors that have a signature in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common; `other` of those beyond the limit. Hostile text.
    pub signature: String,
    /// The first of them, with the exception that it names. Hostile text.
    pub example: String,
    /// What it means.
    pub category: FailureCategory,
    /// How many.
    pub count: u64,
    /// The first and its time.
    pub first: (LineId, Option<DateTime<Utc>>),
    /// The last and its time.
    pub last: (LineId, Option<DateTime<Utc>>),
}

/// An error of which more lines may come.
#[derive(Debug, Clone)]
struct Open {
    id: LineId,
    at: Option<DateTime<Utc>>,
    text: String,
    /// The deepest cause that it names.
    cause: Option<String>,
}

/// The groups.
#[derive(Debug, Default)]
pub struct Signatures {
    rules: Vec<CategoryRule>,
    groups: Groups,
    open: HashMap<Arc<str>, Open>,
}

impl Signatures {
    /// None yet.
    pub fn new(rules: Vec<CategoryRule>) -> Self {
        Self { rules, groups: Groups::default(), open: HashMap::new() }
    }

    /// Takes a line. An error is counted when its record is whole: what it means may stand in its last line.
    pub(super) fn entered(&mut self, line: &LogLine, kind: Kind) {
        if !line.is_head() {
            if let Some(open) = self.open.get_mut(&line.stream).filter(|o| o.id == line.head) {
                let caused = line.text.strip_prefix("Caused by:").map(str::trim);
                let named = (kind == Kind::Exception).then_some(&*line.text);
                if let Some(cause) = caused.or(named).filter(|c| !c.starts_with("Traceback")) {
                    open.cause = Some(head(cause, EXAMPLE).to_owned());
                }
            }
            return;
        }
        if let Some(whole) = self.open.remove(&line.stream) {
            self.groups.count(whole, &self.rules);
        }
        if line.is_error() {
            let open = Open { id: line.id, at: line.at, text: head(&line.text, EXAMPLE).to_owned(), cause: None };
            if self.open.len() < STREAMS {
                self.open.insert(Arc::clone(&line.stream), open);
            } else {
                self.groups.count(open, &self.rules);
            }
        }
    }

    /// The groups, the most frequent first, then the earliest. Records that are still open count as they are.
    pub fn groups(&self) -> Vec<Group> {
        let mut open: Vec<&Open> = self.open.values().collect();
        open.sort_by_key(|o| o.id);
        let mut groups = self.groups.clone();
        for record in open {
            groups.count(record.clone(), &self.rules);
        }
        let mut all: Vec<Group> = groups.all.into_values().collect();
        all.sort_by_key(|g| (std::cmp::Reverse(g.count), g.first.0));
        all
    }
}

#[derive(Debug, Clone, Default)]
struct Groups {
    all: HashMap<String, Group>,
}

impl Groups {
    fn count(&mut self, record: Open, rules: &[CategoryRule]) {
        // What a traceback is about stands below it.
        let bare = record.text.starts_with("Traceback (most recent call last)");
        let example = match (&record.cause, bare) {
            (Some(cause), true) => cause.clone(),
            (Some(cause), false) => format!("{}\n{cause}", record.text),
            (None, _) => record.text,
        };
        let mut key = example.lines().map(signature).collect::<Vec<_>>().join(" / ");
        if self.all.len() >= GROUPS && !self.all.contains_key(&key) {
            key = "other".to_owned();
        }
        let seen = (record.id, record.at);
        let group = self.all.entry(key).or_insert_with_key(|key| Group {
            signature: key.clone(),
            category: categorize_text(rules, &example),
            example,
            count: 0,
            first: seen,
            last: seen,
        });
        group.count += 1;
        group.first = group.first.min(seen);
        group.last = group.last.max(seen);
    }
}
