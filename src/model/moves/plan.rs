//! The plan of a move: every object, where it goes, what is refused. It is a file that people read and hand on,
//! and exactly what is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::layout::{Rank, ReasonCode};
use crate::model::dataset::Dataset;

/// The version of the plan's JSON.
pub const SCHEMA: u32 = 1;
/// The name of the manifest, beside the moved objects.
pub const MANIFEST: &str = "_lakeward_manifest.json";

/// User metadata of an S3 object has at most 2 KiB; ours takes this much of it.
const METADATA_LEFT: usize = 2048 - 160;
/// The longest key of S3, in bytes.
const LONGEST_KEY: usize = 1024;
/// Classes that are restored before they can be copied.
const ARCHIVED: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// Names one move; a segment of a key. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MoveId(pub String);

impl MoveId {
    /// An id of a time and a number drawn by chance.
    pub fn of(at: DateTime<Utc>, chance: u64) -> Self {
        Self(format!("{}-{:08x}", at.format("%Y%m%dT%H%M%SZ"), chance & 0xffff_ffff))
    }

    /// Whether a text can be an id: it becomes part of keys and of file names.
    pub fn is_sound(&self) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=64).contains(&self.0.len()) && self.0.bytes().all(plain)
    }
}

impl fmt::Display for MoveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a move is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveKind {
    /// Out of the pipeline's way.
    Quarantine,
    /// Back under the old keys.
    Release,
    /// To be kept for good.
    Archive,
    /// The last move taken back.
    Undo,
}

impl MoveKind {
    /// The word used in JSON and screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Archive => "archive",
            Self::Undo => "undo",
        }
    }
}

/// One object of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedObject {
    /// Where it lies, relative to the lake.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its entity tag when it was planned: another one is another object.
    pub etag: String,
    /// Its version, where the store keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its full checksum as the store knows it, `ALGORITHM:base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// Its storage class, if not the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// How it is encrypted, in the store's words, and with which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<(String, Option<String>)>,
    /// Content type and the like, and the user's own metadata under `x-amz-meta-…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where it goes, relative to the lake.
    pub target: String,
    /// When it goes.
    pub rank: Rank,
    /// Its bytes lie under the target already, as this tag: they are only taken away here (an undo of a move that
    /// was interrupted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<String>,
}

/// Why a plan, or a part of it, cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Nothing lies there.
    Empty,
    /// Source and target are the same, or one holds the other.
    Overlap,
    /// Two sources would have one target.
    Collision,
    /// Something else lies under the target.
    TargetExists,
    /// Still being written, or its writer died.
    Incomplete,
    /// In a storage class that must be restored first.
    ArchivedClass,
    /// A permission is missing.
    Denied,
    /// The store cannot do it safely.
    Store,
    /// Part of a table, or a table where none may be moved.
    Table,
    /// Held by a retention or a legal hold.
    Locked,
    /// A name that lakeward keeps for itself.
    Reserved,
    /// Metadata so large that the move cannot be noted in it.
    Metadata,
    /// It is not what the plan says it is.
    Changed,
}

impl RefusalCode {
    /// The code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Overlap => "overlap",
            Self::Collision => "collision",
            Self::TargetExists => "target_exists",
            Self::Incomplete => "incomplete",
            Self::ArchivedClass => "archived_class",
            Self::Denied => "denied",
            Self::Store => "store",
            Self::Table => "table",
            Self::Locked => "locked",
            Self::Reserved => "reserved",
            Self::Metadata => "metadata",
            Self::Changed => "changed",
        }
    }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its code.
    pub code: RefusalCode,
    /// The object or prefix it concerns; hostile text.
    pub object: String,
    /// Why, and what to do.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.object, self.code.code(), self.detail)
    }
}

/// Something that the moved objects will not keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What: `modified`, `acl`, `storage_class`, `encryption`, `versions`, `metadata`.
    pub what: String,
    /// In words.
    pub detail: String,
}

/// Objects and bytes of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rows, where they are known.
    pub rows: Option<u64>,
}

/// A move, planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Of this JSON; [`SCHEMA`].
    pub schema: u32,
    /// Names the move.
    pub id: MoveId,
    /// What it is for.
    pub kind: MoveKind,
    /// The lake it was made for: it is applied to no other.
    pub lake: String,
    /// The quarantine it continues: released, archived or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<MoveId>,
    /// The move that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<MoveId>,
    /// Whose data it is.
    pub dataset: Dataset,
    /// Of which date.
    pub date: Option<NaiveDate>,
    /// Why.
    pub reason: ReasonCode,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who planned it.
    pub actor: String,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// What moves, relative to the lake; ends in `/`.
    pub source: String,
    /// Where to, relative to the lake; ends in `/`.
    pub target: String,
    /// The key of the manifest that is written beside the moved objects; none where they go back to the pipeline,
    /// to which it would be a foreign object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seals: Option<String>,
    /// The key of the manifest that goes when its objects have gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseals: Option<String>,
    /// Prefixes below the source that belong to others, and stay: a table inside a table, the runs of a date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<String>,
    /// Whether data still being written is moved all the same (with a note that says why).
    #[serde(default)]
    pub even_incomplete: bool,
    /// The storage class to archive in; the source's own if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Until when the archived objects are to be kept from deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_until: Option<DateTime<Utc>>,
    /// Keys of the alerts that this answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// The sums.
    pub totals: Totals,
    /// What cannot be; a plan with any of these is not applied.
    pub refused: Vec<Refusal>,
    /// What the moved objects will not keep.
    pub changes: Vec<Change>,
    /// Every object.
    pub objects: Vec<PlannedObject>,
}

impl Plan {
    /// The objects of a rank.
    pub fn ranked(&self, rank: Rank) -> impl Iterator<Item = (usize, &PlannedObject)> {
        self.objects.iter().enumerate().filter(move |(_, o)| o.rank == rank)
    }

    /// Whether it stays between the places that moves of its kind are between: a plan is a file, and whoever hands it
    /// on must not have it write elsewhere. `kept` are the prefixes where moved data is kept.
    pub fn misplaced(&self, kept: &[&str], state: &str) -> Vec<Refusal> {
        let lies = |prefix: &str| kept.iter().any(|k| prefix.starts_with(k));
        let (from, to) = (lies(&self.source), lies(&self.target));
        let fine = match self.kind {
            MoveKind::Quarantine | MoveKind::Archive => to && self.seals.is_some() && from == self.unseals.is_some(),
            MoveKind::Release => from && !to && self.seals.is_none() && self.unseals.is_some(),
            MoveKind::Undo => to == self.seals.is_some() && from == self.unseals.is_some() && (from || to),
        };
        let own = |prefix: &str| prefix.starts_with(state) || state.starts_with(prefix);
        if fine && !own(&self.source) && !own(&self.target) {
            return Vec::new();
        }
        vec![Refusal {
            code: RefusalCode::Overlap,
            object: self.target.clone(),
            detail: format!("a {} does not go from {} to there", self.kind.word(), self.source),
        }]
    }

    /// The rules that every plan must keep, whoever wrote the file: no request is needed to see them broken.
    pub fn faults(&self) -> Vec<Refusal> {
        let refuse = |code, object: &str, detail: &str| Refusal { code, object: object.into(), detail: detail.into() };
        let mut faults = Vec::new();
        // To take back a move that copied nothing is to end it.
        if self.objects.is_empty() && self.kind != MoveKind::Undo {
            faults.push(refuse(RefusalCode::Empty, &self.source, "nothing lies there"));
        }
        for id in [&self.of, &self.undoes].into_iter().flatten().filter(|id| !id.is_sound()) {
            faults.push(refuse(RefusalCode::Changed, &id.0, "no move has such an id"));
        }
        let undoes = self.kind == MoveKind::Undo;
        if self.undoes.is_some() != undoes || !undoes && self.objects.iter().any(|o| o.already.is_some()) {
            faults.push(refuse(
                RefusalCode::Changed,
                &self.source,
                "only an undo takes back a move, and it names which",
            ));
        }
        for (name, prefix) in [("source", &self.source), ("target", &self.target)] {
            if !is_prefix(prefix) {
                faults.push(refuse(
                    RefusalCode::Overlap,
                    prefix,
                    &format!("the {name} is no prefix of the lake: it ends in `/`, without empty, `.` or `..` levels"),
                ));
            }
        }
        if self.source.starts_with(&self.target) || self.target.starts_with(&self.source) {
            faults.push(refuse(
                RefusalCode::Overlap,
                &self.source,
                &format!("{} is the same or lies inside: a move onto itself would delete it", self.target),
            ));
        }
        for (key, prefix) in [(&self.seals, &self.target), (&self.unseals, &self.source)] {
            if let Some(key) = key.as_ref().filter(|k| k.strip_prefix(prefix.as_str()) != Some(MANIFEST)) {
                faults.push(refuse(RefusalCode::Reserved, key, "a manifest lies beside the objects it names"));
            }
        }
        let mut targets = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for object in &self.objects {
            let below = object.key.strip_prefix(&self.source).zip(object.target.strip_prefix(&self.target));
            match below {
                Some((from, to)) if from == to && !from.is_empty() => {}
                _ => faults.push(refuse(
                    RefusalCode::Overlap,
                    &object.key,
                    &format!("`{}` is not the same name below {}", object.target, self.target),
                )),
            }
            if object.key.strip_prefix(&self.source) == Some(MANIFEST) {
                faults.push(refuse(RefusalCode::Reserved, &object.key, "this name is lakeward's own: rename it first"));
            }
            faults.extend(self.unfit(object));
            if !targets.insert(&object.target) {
                faults.push(refuse(RefusalCode::Collision, &object.target, "two objects would have this key"));
            }
            if !keys.insert(&object.key) {
                faults.push(refuse(RefusalCode::Collision, &object.key, "it is named twice"));
            }
        }
        faults
    }

    /// What a store could not do with one object, as the plan describes it.
    fn unfit(&self, object: &PlannedObject) -> Vec<Refusal> {
        let mut all = Vec::new();
        let mut refuse = |code, detail: String| all.push(Refusal { code, object: object.key.clone(), detail });
        if let Some(class) = object.storage_class.as_ref().filter(|c| ARCHIVED.contains(&c.as_str())) {
            let hint = "restore it first (aws s3api restore-object), or leave it where it is";
            refuse(RefusalCode::ArchivedClass, format!("it is in {class}: {hint}"));
        }
        if object.encryption.as_ref().is_some_and(|(kind, _)| kind == "SSE-C") {
            let detail = "it is encrypted with a customer's key, which lakeward does not have";
            refuse(RefusalCode::Store, detail.to_owned());
        }
        let own = object.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?, value)));
        let user: usize = own.map(|(name, value)| name.len() + value.len()).sum();
        if user > METADATA_LEFT && self.seals.is_some() {
            let detail = format!("its metadata has {user} bytes; with the mark of the move it would pass 2,048");
            refuse(RefusalCode::Metadata, detail);
        }
        if object.target.len() > LONGEST_KEY {
            refuse(RefusalCode::Store, format!("its key would have {} bytes; S3 takes 1,024", object.target.len()));
        }
        all
    }
}

/// Whether a text is a prefix that a plan may name.
fn is_prefix(text: &str) -> bool {
    text.strip_suffix('/').is_some_and(|bare| {
        !bare.is_empty() && bare.split('/').all(|s| !matches!(s, "" | "." | "..") && !s.contains('\0'))
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
