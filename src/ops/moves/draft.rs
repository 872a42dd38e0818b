//! From a draft (which objects, where to) to a plan: what the store says of each object, what its copy will not
//! keep, and what cannot be.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::copying::{checksum_text, headers_of};
use super::pace::{Pace, Stop, paced};
use super::progress::Watch;
use super::{compare, tables};
use crate::lake::{ErrorClass, Lake, LakeError, ObjectDetail, ObjectMeta};
use crate::model::dataset::Dataset;
use crate::model::moves::{
    Change, MoveId, MoveKind, Plan, PlannedObject, ReasonCode, Refusal, RefusalCode, SCHEMA, Totals, rank_of,
};
use crate::ops::gate::GateError;

/// What is to be planned.
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: MoveId,
    pub kind: MoveKind,
    pub of: Option<MoveId>,
    pub undoes: Option<MoveId>,
    pub dataset: Dataset,
    pub date: Option<NaiveDate>,
    pub reason: ReasonCode,
    pub note: Option<String>,
    pub actor: String,
    pub now: DateTime<Utc>,
    pub source: String,
    pub target: String,
    /// Whether the target is a place of ours, where a manifest lies beside the objects.
    pub seals: bool,
    /// Whether the source is such a place.
    pub unseals: bool,
    /// Whether the source is a dead letter.
    pub dead_letter: bool,
    pub apart: Vec<String>,
    pub rows: Option<u64>,
    pub alerts: Vec<String>,
    pub even_incomplete: bool,
    pub storage_class: Option<String>,
    pub retain_until: Option<DateTime<Utc>>,
    /// What is known to be in the way already.
    pub refused: Vec<Refusal>,
    pub changes: Vec<Change>,
    /// The objects, and for those whose bytes lie under the target already, their tag there.
    pub objects: Vec<(ObjectMeta, Option<String>)>,
}

impl Draft {
    /// The plan. Reads what the store says of each object, and what lies under the target; writes nothing.
    pub async fn plan(self, lake: &dyn Lake) -> Result<Plan, GateError> {
        let mut refused = self.refused.clone();
        // What lies in a place of ours was looked at when it came there.
        if !self.unseals {
            let keys = self.objects.iter().map(|(o, _)| o.key.as_str());
            refused.extend(tables::in_the_way(lake, &self.source, self.dead_letter, keys).await?);
        }
        let details = self.details(lake, &mut refused).await?;
        let mut changes = self.changes.clone();
        changes.extend(lost(&details, self.storage_class.as_deref(), lake.url()));
        let objects: Vec<PlannedObject> = self
            .objects
            .iter()
            .enumerate()
            .map(|(n, (meta, already))| self.object(meta, already.clone(), details.get(&n)))
            .collect();
        let totals =
            Totals { objects: objects.len() as u64, bytes: objects.iter().map(|o| o.size).sum(), rows: self.rows };
        let manifest = |prefix: &str| format!("{prefix}{}", crate::model::moves::MANIFEST);
        let mut plan = Plan {
            schema: SCHEMA,
            id: self.id,
            kind: self.kind,
            lake: lake.url().to_owned(),
            of: self.of,
            undoes: self.undoes,
            dataset: self.dataset,
            date: self.date,
            reason: self.reason,
            note: self.note,
            actor: self.actor,
            planned_at: self.now,
            seals: self.seals.then(|| manifest(&self.target)),
            unseals: self.unseals.then(|| manifest(&self.source)),
            source: self.source,
            target: self.target,
            apart: self.apart,
            even_incomplete: self.even_incomplete,
            storage_class: self.storage_class,
            retain_until: self.retain_until,
            alerts: self.alerts,
            totals,
            refused: Vec::new(),
            changes,
            objects,
        };
        refused.extend(plan.faults());
        let there = compare::listing(lake, &plan.target).await?;
        refused.extend(compare::foreign(&plan, &there));
        refused.dedup();
        plan.refused = refused;
        Ok(plan)
    }

    async fn details(
        &self,
        lake: &dyn Lake,
        refused: &mut Vec<Refusal>,
    ) -> Result<BTreeMap<usize, (ObjectDetail, BTreeMap<String, String>)>, GateError> {
        let mut details = BTreeMap::new();
        let work = async |n: usize| {
            let meta = &self.objects[n].0;
            let detail = match lake.inspect(&meta.key).await {
                Ok(detail) if detail.meta.etag == meta.etag => detail,
                Ok(_) => return Ok(Err(changed(meta))),
                Err(e) if e.class == ErrorClass::NotFound => return Ok(Err(changed(meta))),
                Err(e) if e.class == ErrorClass::Denied => return Ok(Err(denied(meta, &e))),
                Err(e) => return Err(e),
            };
            let tags = match detail.tags {
                0 => BTreeMap::new(),
                _ => match lake.tags(&meta.key, detail.version.as_deref()).await {
                    Ok(tags) => tags.into_iter().collect(),
                    Err(e) if e.class == ErrorClass::Denied => return Ok(Err(denied(meta, &e))),
                    Err(e) => return Err(e),
                },
            };
            Ok::<_, LakeError>(Ok((detail, tags)))
        };
        let ended =
            paced(0..self.objects.len(), &mut Pace::default(), &Watch::default(), work, |n, one, _| match one {
                Ok(detail) => {
                    details.insert(n, detail);
                }
                Err(refusal) => refused.push(refusal),
            })
            .await;
        match ended {
            Ok(()) | Err(Stop::Asked) => Ok(details),
            Err(Stop::Failed(error)) => Err(error.into()),
        }
    }

    fn object(
        &self,
        meta: &ObjectMeta,
        already: Option<String>,
        detail: Option<&(ObjectDetail, BTreeMap<String, String>)>,
    ) -> PlannedObject {
        let below = meta.key.as_str().strip_prefix(&self.source).unwrap_or(meta.key.as_str());
        let detail_of = detail.map(|(d, _)| d);
        PlannedObject {
            key: meta.key.0.clone(),
            size: meta.size,
            etag: meta.etag.0.clone(),
            version: detail_of.and_then(|d| d.version.clone()),
            checksum: detail_of.and_then(|d| d.checksum.as_ref()).map(checksum_text),
            modified: detail_of.map_or(meta.modified, |d| d.meta.modified),
            storage_class: meta.storage_class.clone(),
            encryption: detail_of.and_then(|d| d.encryption.clone()).map(|e| (e.kind, e.key)),
            headers: detail_of.map(|d| headers_of(&d.attributes)).unwrap_or_default(),
            tags: detail.map(|(_, tags)| tags.clone()).unwrap_or_default(),
            target: format!("{}{below}", self.target),
            rank: rank_of(below),
            already,
        }
    }
}

fn changed(meta: &ObjectMeta) -> Refusal {
    Refusal {
        code: RefusalCode::Changed,
        object: meta.key.0.clone(),
        detail: "it changed while it was planned: plan it again".to_owned(),
    }
}

fn denied(meta: &ObjectMeta, error: &LakeError) -> Refusal {
    Refusal {
        code: RefusalCode::Denied,
        object: meta.key.0.clone(),
        detail: format!("{}; {}", error.detail, error.hint),
    }
}

/// What copies will not keep.
fn lost(
    details: &BTreeMap<usize, (ObjectDetail, BTreeMap<String, String>)>,
    class: Option<&str>,
    url: &str,
) -> Vec<Change> {
    let change = |what: &str, detail: String| Change { what: what.to_owned(), detail };
    let mut all = Vec::new();
    if url.starts_with("s3:") {
        all.push(change("modified", "the store gives each copy a new time of its own".to_owned()));
        all.push(change("acl", "each copy gets the bucket's default access, not its source's own".to_owned()));
    } else {
        all.push(change("permissions", "each file gets the folder's default permissions".to_owned()));
    }
    let versioned = details.values().filter(|(d, _)| d.version.as_deref().is_some_and(|v| v != "null")).count();
    if versioned > 0 {
        let detail =
            format!("{versioned} objects have versions: the older ones stay under the old keys, behind a marker");
        all.push(change("versions", detail));
    }
    let locked: Vec<&str> = details.values().filter_map(|(d, _)| d.lock.as_deref()).collect();
    if let Some(first) = locked.first() {
        let detail =
            format!("{} objects are locked ({first}): the lock stays with the version and is not copied", locked.len());
        all.push(change("lock", detail));
    }
    if let Some(class) = class {
        all.push(change("storage_class", format!("the copies are stored as {class}")));
    }
    all
}
