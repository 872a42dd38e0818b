//! The state of each source (rule 6): a failing one is shown as failing, and what is known stays.

use chrono::{DateTime, Utc};

use crate::lake::{ErrorClass, LakeError};

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// It answered.
    Fresh,
    /// It failed; the reason and what to do are beside it. What it said before stays on screen.
    Failed {
        /// The class of the failure.
        class: ErrorClass,
        /// What went wrong, naming the object; hostile text.
        reason: String,
        /// What to do.
        hint: String,
    },
}

/// One source and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceHealth {
    /// `dlq`, `freshness`, `contracts`, `alarms`.
    pub source: &'static str,
    /// Its state now.
    pub state: SourceState,
    /// When it last answered in full; `None` if it never did.
    pub answered: Option<DateTime<Utc>>,
    /// When it is asked again; `None` if each refresh asks it.
    pub next: Option<DateTime<Utc>>,
    /// What its answer leaves out, and why: it is not the whole, though nothing failed. Hostile text.
    pub notes: Vec<String>,
}

impl SourceHealth {
    /// The state after a reading that took place now.
    pub fn after(source: &'static str, failure: Option<LakeError>, now: DateTime<Utc>) -> Self {
        match failure {
            None => Self { source, state: SourceState::Fresh, answered: Some(now), next: None, notes: Vec::new() },
            Some(error) => {
                let reason = format!("{}: {}", error.object, error.detail);
                let state = SourceState::Failed { class: error.class, reason, hint: error.hint };
                Self { source, state, answered: None, next: None, notes: Vec::new() }
            }
        }
    }

    /// The same, with what its answer leaves out.
    pub fn noting(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// The same, with what its answer leaves out; of one that was left alone, or failed, what it left out before: what it
    /// tells of is from before.
    pub fn told(self, notes: Option<Vec<String>>, before: &[Self]) -> Self {
        let known = || before.iter().find(|b| b.source == self.source).map(|b| b.notes.clone()).unwrap_or_default();
        let notes = notes.unwrap_or_else(known);
        self.noting(notes)
    }

    /// Takes over when this source last answered, if it did not answer now.
    pub fn remember(&mut self, before: &[Self]) {
        if self.answered.is_none() {
            self.answered = before.iter().find(|b| b.source == self.source).and_then(|b| b.answered);
        }
    }
}
