//! How the telling of one notice stands, and how a notifier does.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::model::notice::{Notice, NoticeKind};
use crate::model::text::escape;
use crate::sources::notify::NotifyError;

/// How the telling of one notice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Behind others, or under way for the first time.
    Waiting,
    /// It failed, and will be tried again.
    Retrying {
        /// Which try comes next, from 2.
        next: u32,
        /// How many there are in all.
        of: u32,
        /// When.
        at: DateTime<Utc>,
        /// Why the last one failed.
        error: NotifyError,
    },
    /// It arrived.
    Sent {
        /// When.
        at: DateTime<Utc>,
    },
    /// It did not arrive, and will not be tried again.
    Failed {
        /// When that was clear.
        at: DateTime<Utc>,
        /// Why.
        error: NotifyError,
    },
}

impl Outcome {
    /// The word of screens and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retrying { .. } => "retrying",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why it failed so far, if it did.
    pub fn error(&self) -> Option<&NotifyError> {
        match self {
            Self::Retrying { error, .. } | Self::Failed { error, .. } => Some(error),
            Self::Waiting | Self::Sent { .. } => None,
        }
    }
}

/// One line, not escaped: an error may hold hostile text.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::Retrying { next, of, at, error } => {
                write!(f, "try {next} of {of} at {}: {error}", at.format("%H:%M:%S"))
            }
            Self::Sent { .. } => f.write_str("sent"),
            Self::Failed { error, .. } => write!(f, "failed: {error}"),
        }
    }
}

/// The telling of one notice by one notifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The notifier's name.
    pub notifier: String,
    /// What is told.
    pub kind: NoticeKind,
    /// Of which move.
    pub move_id: String,
    /// Tries so far.
    pub tries: u32,
    /// How it stands.
    pub outcome: Outcome,
}

impl Delivery {
    /// One that has not begun.
    pub(super) fn waiting(notifier: &str, notice: &Notice) -> Self {
        Self {
            notifier: notifier.to_owned(),
            kind: notice.kind,
            move_id: notice.move_id.clone(),
            tries: 0,
            outcome: Outcome::Waiting,
        }
    }
}

/// How a notifier does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its name.
    pub notifier: String,
    /// What it is telling, or told last; none if it had nothing to tell yet.
    pub last: Option<Delivery>,
    /// Notices behind that one.
    pub waiting: usize,
    /// Notices that arrived since the start.
    pub sent: u64,
    /// Notices that were given up since the start.
    pub failed: u64,
    /// The last one that was given up: a later success does not hide it.
    pub last_failure: Option<Delivery>,
}

impl Standing {
    /// One line, escaped, if its last notice did not arrive.
    pub fn untold(&self) -> Option<String> {
        let failed = self.last.as_ref().filter(|d| !matches!(d.outcome, Outcome::Sent { .. }))?;
        Some(format!("{} was not told: {}", escape(&self.notifier), escape(&failed.outcome.to_string())))
    }
}
