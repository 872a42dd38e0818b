//! A quarantine as it is known: what lies where, since when, and what was done with it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::model::dataset::Dataset;
use crate::model::moves::{MoveId, QuarantineState, ReasonCode};

/// Something that happened to a quarantine. Texts are hostile: they are what somebody typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The state it led to.
    pub state: QuarantineState,
    /// Who.
    pub actor: String,
    /// Why, in words.
    pub note: Option<String>,
    /// The move that did it, where one did.
    pub by: Option<MoveId>,
}

/// One quarantine; the fields of `quarantine list --json` first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quarantine {
    /// The move that made it.
    pub id: MoveId,
    /// Whose data.
    pub dataset: Dataset,
    /// Of which date.
    pub date: Option<NaiveDate>,
    /// Why.
    pub reason: ReasonCode,
    /// Where it stands.
    pub state: QuarantineState,
    /// Where its data lies now, relative to the lake; ends in `/`.
    pub path: String,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rows, where they are known.
    pub rows: Option<u64>,
    /// When it came into this state.
    pub since: DateTime<Utc>,
    /// Who brought it there.
    pub actor: String,
    /// What was said then.
    pub note: Option<String>,
    /// Where its data came from, relative to the lake; ends in `/`.
    #[serde(skip)]
    pub source: String,
    /// When it was first moved.
    #[serde(skip)]
    pub moved_at: DateTime<Utc>,
    /// What happened to it, oldest first.
    #[serde(skip)]
    pub history: Vec<QuarantineEvent>,
    /// The move that did not end, if it is interrupted.
    #[serde(skip)]
    pub unfinished: Option<MoveId>,
}
