//! One thing that happened in an incident.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::About;
use crate::model::probe::Finding;
use crate::model::runbook::walk::Mark;
use crate::model::runbook::{Action, RunbookId, StepNumber};

/// An event, one object on the lake. Texts are hostile: whoever may write to the lake may have forged them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// Of this JSON: 1.
    pub schema: u32,
    /// Its own name, the last part of its key without the extension: two of one instant have one order by it.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `user@host`.
    pub actor: String,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// It was opened.
    Opened(About),
    /// A runbook was chosen.
    Runbook {
        /// Which.
        runbook: RunbookId,
        /// Why.
        why: String,
        /// Whether somebody chose it: what fits best replaces no choice that was made.
        #[serde(default)]
        by_hand: bool,
    },
    /// A step's probe was run.
    Probed {
        /// Which step.
        step: StepNumber,
        /// What it found.
        finding: Finding,
    },
    /// A step's action went through the gate, or did not.
    Acted {
        /// Which step.
        step: StepNumber,
        /// What was done.
        action: Action,
        /// Whether it did what it was to do.
        done: bool,
        /// What it came to.
        detail: String,
        /// When it was begun.
        began: DateTime<Utc>,
    },
    /// Somebody said something of a step.
    Step {
        /// Which.
        step: StepNumber,
        /// What.
        mark: Mark,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Somebody wrote something down.
    Note {
        /// What.
        text: String,
    },
}

impl Happening {
    /// A runbook that somebody chose.
    pub fn by_hand(runbook: RunbookId) -> Self {
        Self::Runbook { runbook, why: "chosen by hand".to_owned(), by_hand: true }
    }

    /// The word in JSON and on screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Runbook { .. } => "runbook",
            Self::Probed { .. } => "probed",
            Self::Acted { .. } => "acted",
            Self::Step { .. } => "step",
            Self::Note { .. } => "note",
        }
    }
}
