//! One thing that happened in an incident.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{About, Deed, Handover, MarkedText};
use crate::model::probe::Finding;
use crate::model::runbook::walk::Mark;
use crate::model::runbook::{Action, RunbookId, StepNumber};
use crate::model::severity::Severity;
use crate::model::verify::Check;

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
    /// Another alert belongs to it, or one that had cleared is back.
    Alerted {
        /// Its key.
        key: String,
        /// What it says.
        title: String,
        /// How bad it is.
        severity: Severity,
    },
    /// The rule of one of its alerts is violated no more: every source answered, and it was not there.
    Cleared {
        /// Its key.
        key: String,
    },
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
        /// The check that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<Check>,
    },
    /// A write went through the gate while this incident was worked on, or failed.
    Did(Deed),
    /// Lines of a log, or a row, that somebody marked: escaped and masked before they came here.
    Marked(MarkedText),
    /// One of the five checks was made.
    Checked {
        /// Which.
        check: Check,
        /// What it found.
        finding: Finding,
    },
    /// Somebody stands for what a check found.
    Signed {
        /// Which.
        check: Check,
        /// What they say of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A check is done without, for ever.
    Waived {
        /// Which.
        check: Check,
        /// Why.
        reason: String,
    },
    /// Somebody has it now; none gave it back.
    Owned {
        /// Who.
        owner: Option<String>,
    },
    /// Somebody wants to be told of it, or does not any more.
    Watched {
        /// Who.
        who: String,
        /// Whether they want to.
        watches: bool,
    },
    /// It is as bad as this.
    Severity {
        /// How bad.
        severity: Severity,
        /// Why.
        reason: String,
    },
    /// It was handed to whoever comes next.
    HandedOver(Handover),
    /// Whoever came next took it.
    Accepted,
    /// It is over.
    Resolved {
        /// What was the cause, or whatever is to be said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// What keeps it from coming again: the prevention list of its runbook, as it was then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        follow_ups: Vec<String>,
    },
    /// It is not over after all.
    Reopened {
        /// Why.
        reason: String,
    },
}

impl Happening {
    /// A runbook that somebody chose.
    pub fn by_hand(runbook: RunbookId) -> Self {
        Self::Runbook { runbook, why: "chosen by hand".to_owned(), by_hand: true }
    }

    /// Somebody wrote something down.
    pub fn note(text: impl Into<String>) -> Self {
        Self::Note { text: text.into(), check: None }
    }

    /// Whether it is nothing without a reason, and has none.
    pub fn lacks_reason(&self) -> bool {
        match self {
            Self::Waived { reason, .. } | Self::Severity { reason, .. } | Self::Reopened { reason } => {
                reason.trim().is_empty()
            }
            _ => false,
        }
    }

    /// The word in JSON and on screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Alerted { .. } => "alerted",
            Self::Cleared { .. } => "cleared",
            Self::Runbook { .. } => "runbook",
            Self::Probed { .. } => "probed",
            Self::Acted { .. } => "acted",
            Self::Step { .. } => "step",
            Self::Note { .. } => "note",
            Self::Did(_) => "did",
            Self::Marked(_) => "marked",
            Self::Checked { .. } => "checked",
            Self::Signed { .. } => "signed",
            Self::Waived { .. } => "waived",
            Self::Owned { .. } => "owned",
            Self::Watched { .. } => "watched",
            Self::Severity { .. } => "severity",
            Self::HandedOver(_) => "handed_over",
            Self::Accepted => "accepted",
            Self::Resolved { .. } => "resolved",
            Self::Reopened { .. } => "reopened",
        }
    }
}
