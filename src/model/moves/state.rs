//! The states of a quarantine and which step leads from one to the next (runbook, "Quarantine Workflow").

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a quarantine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineState {
    /// A move began and did not end: what is where, its plan says.
    Interrupted,
    /// Moved out of the pipeline's way.
    Quarantined,
    /// Somebody looks for the cause.
    Investigating,
    /// The cause is known and dealt with.
    Resolved,
    /// Back where it came from.
    Released,
    /// Kept for good.
    Archived,
    /// The move was taken back.
    Undone,
}

/// What can be done with a quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Begin to look for the cause.
    Investigate,
    /// Say that the cause is dealt with.
    Resolve,
    /// Put the objects back under their old keys.
    Release,
    /// Keep them for good.
    Archive,
    /// Take the last move back.
    Undo,
    /// Finish a move that was interrupted.
    Resume,
}

/// A step that is not possible now, and what is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not possible: it is {}; possible now: {}", .step.word(), .state.word(), words(.legal))]
pub struct Illegal {
    /// What was asked for.
    pub step: Step,
    /// Where the quarantine stands.
    pub state: QuarantineState,
    /// What is possible.
    pub legal: Vec<Step>,
}

fn words(steps: &[Step]) -> String {
    match steps {
        [] => "nothing, it is over".to_owned(),
        steps => steps.iter().map(|s| s.word()).collect::<Vec<_>>().join(", "),
    }
}

impl QuarantineState {
    /// The word used in JSON and screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Quarantined => "quarantined",
            Self::Investigating => "investigating",
            Self::Resolved => "resolved",
            Self::Released => "released",
            Self::Archived => "archived",
            Self::Undone => "undone",
        }
    }

    /// Whether data still lies in quarantine.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Interrupted | Self::Quarantined | Self::Investigating | Self::Resolved)
    }

    /// The steps that are possible now. Release and archive need no resolution first: at 3 a.m. the way back
    /// must be short; the history shows what was left out.
    pub fn legal(self) -> Vec<Step> {
        match self {
            Self::Interrupted => vec![Step::Resume, Step::Undo],
            Self::Quarantined => vec![Step::Investigate, Step::Resolve, Step::Release, Step::Archive, Step::Undo],
            Self::Investigating => vec![Step::Resolve, Step::Release, Step::Archive, Step::Undo],
            Self::Resolved => vec![Step::Investigate, Step::Release, Step::Archive, Step::Undo],
            Self::Archived => vec![Step::Undo],
            Self::Released => vec![Step::Undo],
            Self::Undone => vec![],
        }
    }

    /// The state after a step, or why it cannot be.
    pub fn after(self, step: Step) -> Result<Self, Illegal> {
        let legal = self.legal();
        if !legal.contains(&step) {
            return Err(Illegal { step, state: self, legal });
        }
        Ok(match (self, step) {
            (_, Step::Investigate) => Self::Investigating,
            (_, Step::Resolve) => Self::Resolved,
            (_, Step::Release) => Self::Released,
            (_, Step::Archive) => Self::Archived,
            // The last move was the release or the archiving: the data lies in quarantine again.
            (Self::Released | Self::Archived, Step::Undo) => Self::Quarantined,
            (_, Step::Undo) => Self::Undone,
            (_, Step::Resume) => Self::Quarantined,
        })
    }
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Investigate, Self::Resolve, Self::Release, Self::Archive, Self::Undo, Self::Resume];

    /// The word used in commands and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Investigate => "investigate",
            Self::Resolve => "resolve",
            Self::Release => "release",
            Self::Archive => "archive",
            Self::Undo => "undo",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for QuarantineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state against every step: nothing is legal but what stands here.
    #[test]
    fn every_transition() {
        use QuarantineState::*;
        let table = [
            (Interrupted, Step::Resume, Quarantined),
            (Interrupted, Step::Undo, Undone),
            (Quarantined, Step::Investigate, Investigating),
            (Quarantined, Step::Resolve, Resolved),
            (Quarantined, Step::Release, Released),
            (Quarantined, Step::Archive, Archived),
            (Quarantined, Step::Undo, Undone),
            (Investigating, Step::Resolve, Resolved),
            (Investigating, Step::Release, Released),
            (Investigating, Step::Archive, Archived),
            (Investigating, Step::Undo, Undone),
            (Resolved, Step::Investigate, Investigating),
            (Resolved, Step::Release, Released),
            (Resolved, Step::Archive, Archived),
            (Resolved, Step::Undo, Undone),
            (Released, Step::Undo, Quarantined),
            (Archived, Step::Undo, Quarantined),
        ];
        for from in [Interrupted, Quarantined, Investigating, Resolved, Released, Archived, Undone] {
            for step in Step::ALL {
                let want = table.iter().find(|(f, s, _)| (*f, *s) == (from, step)).map(|(_, _, to)| *to);
                let got = from.after(step);
                assert_eq!(got.as_ref().ok().copied(), want, "{from} {}", step.word());
                if let Err(illegal) = got {
                    let text = illegal.to_string();
                    assert!(text.contains(from.word()) && text.contains("possible now"), "{text}");
                }
            }
        }
    }
}
