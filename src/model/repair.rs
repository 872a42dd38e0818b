//! The repair of a dead letter as a plan: what is read, how it evolves, what that does to its rows, what is written. Pure.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::contract::{Evolution, Findings, Rule};
use super::dataset::Dataset;
use super::moves::{MoveId, Refusal, RefusalCode};

/// The version of the plan's JSON, and of the manifest's.
pub const SCHEMA: u32 = 1;
/// Below the state prefix: no pipeline looks there.
pub const PLACE: &str = "repaired/";
/// The file of the rows that pass.
pub const PASSED: &str = "part-0000.parquet";
/// The file of those that still fail; an underscore hides it from readers of the directory.
pub const FAILING: &str = "_failing-0000.parquet";
/// What was done, written last: without it, nothing that lies there is whole.
pub const MANIFEST: &str = "manifest.json";

/// An object that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceObject {
    /// Its key, relative to the lake.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its entity tag when it was planned: another one is another object.
    pub etag: String,
}

/// A repair, planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairPlan {
    /// Of this JSON; [`SCHEMA`].
    pub schema: u32,
    /// Names the repair.
    pub id: MoveId,
    /// The lake it was made for: it is applied to no other.
    pub lake: String,
    /// Whose rows.
    pub dataset: Dataset,
    /// Of which date.
    pub date: Option<NaiveDate>,
    /// Who planned it.
    pub actor: String,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// The entry, relative to the lake; ends in `/`. It is not touched.
    pub source: String,
    /// Where the repaired rows go; ends in `/`.
    pub target: String,
    /// Where the contract lies.
    pub contract: String,
    /// What happens to each column.
    pub evolution: Evolution,
    /// By what the rows are judged.
    pub rules: Vec<Rule>,
    /// What the rules find in the rows as they are.
    pub before: Findings,
    /// And in the repaired ones.
    pub after: Findings,
    /// What cannot be; a plan with any of these is not applied.
    pub refused: Vec<Refusal>,
    /// The names of the objects that are written, below the target, the manifest last.
    pub writes: Vec<String>,
    /// Everything that lies at the source.
    pub objects: Vec<SourceObject>,
}

impl RepairPlan {
    /// Bytes that lie at the source.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|o| o.size).fold(0, u64::saturating_add)
    }

    /// Rows that pass only once they are repaired.
    pub fn gained(&self) -> u64 {
        self.after.passed.saturating_sub(self.before.passed)
    }

    /// The names of what a repair with this effect writes.
    pub fn writes_of(after: &Findings) -> Vec<String> {
        let passed = (after.passed > 0).then_some(PASSED);
        let failing = (after.failing > 0).then_some(FAILING);
        passed.into_iter().chain(failing).chain([MANIFEST]).map(str::to_owned).collect()
    }

    /// What every plan must keep to, whoever made it: it writes into the place of repairs and nowhere else. `state` is
    /// the lake's state prefix.
    pub fn faults(&self, state: &str) -> Vec<Refusal> {
        let refuse = |code, object: &str, detail: &str| Refusal { code, object: object.into(), detail: detail.into() };
        let mut faults = Vec::new();
        if self.objects.is_empty() || self.after.rows == 0 {
            faults.push(refuse(RefusalCode::Empty, &self.source, "there are no rows"));
        } else if self.after.passed == 0 {
            faults.push(refuse(RefusalCode::Empty, &self.source, "no row would pass: there is nothing to repair"));
        }
        let place = format!("{state}{PLACE}");
        let own = format!("/{}/", self.id);
        let sound = self.id.is_sound() && self.target.starts_with(&place) && self.target.ends_with(&own);
        if !sound || self.target.split('/').any(|level| matches!(level, "." | "..")) {
            faults.push(refuse(RefusalCode::Overlap, &self.target, &format!("repaired rows lie below {place}")));
        }
        if self.writes != Self::writes_of(&self.after) {
            faults.push(refuse(RefusalCode::Changed, &self.target, "it writes other objects than its effect asks for"));
        }
        faults
    }
}

impl fmt::Display for RepairPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repair {}", self.dataset.as_str())
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairedFile {
    /// Its key, relative to the lake.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Rows.
    pub rows: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its entity tag.
    pub etag: String,
}

/// What was done, beside the repaired rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairManifest {
    /// Of this JSON; [`SCHEMA`].
    pub schema: u32,
    /// Names the repair.
    pub id: MoveId,
    /// Who did it.
    pub actor: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Rows read, and what became of them: passed and failing are all of them.
    pub rows: u64,
    /// Rows that pass.
    pub passed: u64,
    /// Rows that still fail.
    pub failing: u64,
    /// The files, the passing rows first.
    pub files: Vec<RepairedFile>,
    /// The plan, with the sources and their tags.
    pub plan: RepairPlan,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::contract::Findings;

    fn plan(target: &str, passed: u64, failing: u64) -> RepairPlan {
        let after = Findings { rows: passed + failing, passed, failing, checks: vec![] };
        RepairPlan {
            schema: SCHEMA,
            id: MoveId("20261122T000000Z-1".into()),
            lake: "file:///lake".into(),
            dataset: Dataset("a/b".into()),
            date: None,
            actor: "o@h".into(),
            planned_at: DateTime::UNIX_EPOCH,
            source: "_errors/a/b/dt=2026-11-22/".into(),
            target: target.into(),
            contract: "c".into(),
            evolution: Evolution::default(),
            rules: vec![],
            before: Findings::default(),
            writes: RepairPlan::writes_of(&after),
            after,
            refused: vec![],
            objects: vec![SourceObject { key: "k".into(), size: 3, etag: "e".into() }],
        }
    }

    #[test]
    fn a_plan_writes_into_the_place_of_repairs_and_nowhere_else() {
        let own = "_lakeward/repaired/a/b/dt=2026-11-22/20261122T000000Z-1/";
        for (target, passed, failing, faults) in [
            (own, 3, 0, 0),
            (own, 3, 2, 0),
            (own, 0, 2, 1),
            (own, 0, 0, 1),
            ("silver/orders/20261122T000000Z-1/", 1, 0, 1),
            ("_lakeward/repaired/a/other/", 1, 0, 1),
            ("_lakeward/repaired/../../20261122T000000Z-1/", 1, 0, 1),
        ] {
            assert_eq!(plan(target, passed, failing).faults("_lakeward/").len(), faults, "{target} {passed} {failing}");
        }
        assert_eq!(plan(own, 1, 0).writes, [PASSED, MANIFEST]);
        let mut other = plan(own, 1, 1);
        other.writes.remove(0);
        assert_eq!(other.faults("_lakeward/").len(), 1);
    }
}
