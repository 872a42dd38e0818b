//! The state of each source (rule 6): a failing one is shown as failing, and what is known stays.

use chrono::{DateTime, Utc};

use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::AlertRule;

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
    /// Whether it did not look everywhere: what is missing in its answer may be there.
    pub is_cut: bool,
}

impl SourceHealth {
    /// The state after a reading that took place now.
    pub fn after(source: &'static str, failure: Option<LakeError>, now: DateTime<Utc>) -> Self {
        match failure {
            None => Self {
                source,
                state: SourceState::Fresh,
                answered: Some(now),
                next: None,
                notes: Vec::new(),
                is_cut: false,
            },
            Some(error) => {
                let reason = format!("{}: {}", error.object, error.detail);
                let state = SourceState::Failed { class: error.class, reason, hint: error.hint };
                Self { source, state, answered: None, next: None, notes: Vec::new(), is_cut: false }
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

    /// The same, of which it is known whether it looked everywhere; of one that was left alone, as it was before.
    pub fn cut(self, is_cut: Option<bool>, before: &[Self]) -> Self {
        let known = || before.iter().any(|b| b.source == self.source && b.is_cut);
        let is_cut = is_cut.unwrap_or_else(known);
        Self { is_cut, ..self }
    }

    /// Takes over when this source last answered, if it did not answer now.
    pub fn remember(&mut self, before: &[Self]) {
        if self.answered.is_none() {
            self.answered = before.iter().find(|b| b.source == self.source).and_then(|b| b.answered);
        }
    }
}

/// Whether an alert that is no longer raised is over: every source answered, and the one that raises such alerts looked
/// everywhere.
pub fn clears(sources: &[SourceHealth], key: &str) -> bool {
    use AlertRule::{AlertFeed, PassRate, QualityGate, QualityPassing};
    let raises = |source: &str| match source {
        "quality" => [QualityGate, PassRate, QualityPassing].as_slice(),
        "feed" => [AlertFeed].as_slice(),
        _ => [].as_slice(),
    };
    let rule = key.split(':').next().unwrap_or_default();
    let may_hide = |source: &SourceHealth| source.is_cut && raises(source.source).iter().any(|r| r.word() == rule);
    sources.iter().all(|source| source.state == SourceState::Fresh && !may_hide(source))
}
