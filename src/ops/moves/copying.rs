//! Copies: each made under its conditions, and one whose reply was lost recognised as made.

use std::collections::BTreeMap;
use std::time::Instant;

use super::compare::{self, Difference};
use super::engine::{Broken, Copied, Engine, Listing};
use super::pace::{Pace, Stop, paced};
use super::progress::Phase;
use crate::lake::{
    Attributes, Condition, CopyRequest, CopyWay, ETag, Encryption, ErrorClass, Key, LakeError, ObjectDetail, Placing,
};
use crate::model::moves::{PlannedObject, Rank};
use crate::ops::gate::JournalStep;

/// User metadata of what lakeward moved: which move put it there, and which object it was.
pub const MOVE: &str = "lakeward-move";
/// The tag of the object it was copied from.
pub const SOURCE_ETAG: &str = "lakeward-source-etag";

impl Engine<'_> {
    /// Copies all that is not there yet, rank after rank; each success is in `copied`, whatever the end.
    pub(super) async fn copy_all(
        &self,
        resuming: bool,
        copied: &mut BTreeMap<usize, Copied>,
    ) -> Result<(), Stop<Broken>> {
        let failed = |e: LakeError| Stop::Failed(Broken::Lake(e));
        let there = match resuming {
            true => {
                self.end_uploads().await;
                compare::listing(self.lake, &self.plan.target).await.map_err(failed)?
            }
            false => Listing::new(),
        };
        let (begun, mut pace, mut bytes) = (Instant::now(), Pace::default(), 0);
        for rank in Rank::ALL {
            let items: Vec<usize> = self.plan.ranked(rank).map(|(n, _)| n).collect();
            let work = |n: usize| self.copy_one(n, there.contains_key(&self.plan.objects[n].target));
            paced(items, &mut pace, self.watch, work, |n, one: Copied, pace| {
                self.record.brief(JournalStep::Copied { n, etag: one.etag.clone() }, (self.clock)());
                bytes += self.plan.objects[n].size;
                copied.insert(n, one);
                self.tell(Phase::Copying, copied.len() as u64, bytes, Some(begun), pace);
            })
            .await?;
        }
        // The reply to the begin of an upload may have been lost, and it was begun again.
        if !resuming && self.plan.objects.iter().any(|o| self.is_in_parts(o)) {
            self.end_uploads().await;
        }
        Ok(())
    }

    /// Ends uploads that a crash or a lost reply left open: they cost money and say nothing. In a place of the
    /// pipeline, only those of our own keys: its writers may be at work beside them.
    async fn end_uploads(&self) {
        let whole = self.plan.seals.is_some() || !self.lake.url().starts_with("s3:");
        let keys = self.plan.objects.iter().filter(|o| !whole && self.is_in_parts(o)).map(|o| o.target.as_str());
        for prefix in whole.then_some(self.plan.target.as_str()).into_iter().chain(keys) {
            // To look for them needs a permission of its own.
            if let Err(error) = self.lake.abandon_uploads(prefix).await {
                tracing::warn!("uploads that were left open may stay: {error}");
            }
        }
    }

    fn is_in_parts(&self, object: &PlannedObject) -> bool {
        object.already.is_none() && self.can.way_for(object.size) == Some(CopyWay::Multipart)
    }

    async fn copy_one(&self, n: usize, is_there: bool) -> Result<Copied, Broken> {
        let object = &self.plan.objects[n];
        if let Some(etag) = &object.already {
            return Ok(Copied { etag: etag.clone(), checksum: None });
        }
        self.held()?;
        let target = Key::from(object.target.as_str());
        if is_there {
            return self.recognise(object, &self.lake.inspect(&target).await?);
        }
        let Some(way) = self.can.way_for(object.size) else {
            let detail = "the store has no conditional way to copy it";
            return Err(LakeError::new(ErrorClass::Unsupported, self.lake.uri(&object.key), detail).into());
        };
        let error = match self.lake.copy(&self.request(object, way)).await {
            Ok(written) => {
                return Ok(Copied { etag: written.etag.0, checksum: written.checksum.map(|c| checksum_text(&c)) });
            }
            Err(error) => error,
        };
        if !matches!(error.class, ErrorClass::Conflict | ErrorClass::Unreachable | ErrorClass::Throttled) {
            return Err(match error.class {
                ErrorClass::NotFound => Broken::Changed(vec![Difference::Gone(object.key.clone())]),
                _ => error.into(),
            });
        }
        // Done, and the reply was lost? Somebody else's object? Or was the source replaced?
        match self.lake.inspect(&target).await {
            Ok(there) => self.recognise(object, &there),
            Err(e) if e.class == ErrorClass::NotFound => {
                Err(self.source_now(object).await?.unwrap_or(match error.class {
                    // Neither end says why: a race that is over.
                    ErrorClass::Conflict => LakeError { class: ErrorClass::Throttled, ..error }.into(),
                    _ => error.into(),
                }))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// What is wrong with the source, if anything is.
    async fn source_now(&self, object: &PlannedObject) -> Result<Option<Broken>, Broken> {
        match self.lake.head(&Key::from(object.key.as_str())).await {
            Ok(now) if now.etag.0 == object.etag => Ok(None),
            Ok(_) => Ok(Some(Broken::Changed(vec![Difference::Replaced(object.key.clone())]))),
            Err(e) if e.class == ErrorClass::NotFound => {
                Ok(Some(Broken::Changed(vec![Difference::Gone(object.key.clone())])))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Takes what lies under the target for our own copy, or says that it is foreign.
    fn recognise(&self, object: &PlannedObject, there: &ObjectDetail) -> Result<Copied, Broken> {
        if !self.is_ours(object, there) {
            return Err(Broken::Foreign(object.target.clone()));
        }
        Ok(Copied { etag: there.meta.etag.0.clone(), checksum: there.checksum.as_ref().map(checksum_text) })
    }

    /// Whether an object is the copy that this move makes. Equal bytes alone are not enough where the store keeps
    /// metadata (fault 4): who put them there may count on them. What goes back to the pipeline carries no mark of
    /// ours, so there all of its attributes must be those it is given; a folder keeps the time of the source.
    fn is_ours(&self, object: &PlannedObject, there: &ObjectDetail) -> bool {
        if there.meta.size != object.size {
            return false;
        }
        if !self.can.keeps_metadata {
            return there.meta.modified == object.modified;
        }
        let wanted = self.placing(object, CopyWay::Server).attributes;
        match self.plan.seals {
            Some(_) => [MOVE, SOURCE_ETAG].iter().all(|m| there.attributes.user.get(*m) == wanted.user.get(*m)),
            None => there.attributes == wanted,
        }
    }

    fn request(&self, object: &PlannedObject, way: CopyWay) -> CopyRequest {
        CopyRequest {
            source: Key::from(object.key.as_str()),
            source_etag: ETag(object.etag.clone()),
            source_version: object.version.clone(),
            size: object.size,
            target: Key::from(object.target.as_str()),
            condition: Some(Condition::Absent),
            way,
            placing: Some(self.placing(object, way)),
        }
    }

    /// What a copy is to be like: as its source, with the mark of this move where it lies apart from the pipeline.
    fn placing(&self, object: &PlannedObject, way: CopyWay) -> Placing {
        let mut attributes = unmarked(&object.headers);
        if self.plan.seals.is_some() {
            attributes.user.insert(MOVE.to_owned(), self.plan.id.0.clone());
            attributes.user.insert(SOURCE_ETAG.to_owned(), object.etag.clone());
        }
        let encryption =
            object.encryption.as_ref().map(|(kind, key)| Encryption { kind: kind.clone(), key: key.clone() });
        Placing {
            attributes,
            // One request carries them along by itself.
            tags: (way != CopyWay::Server).then(|| object.tags.clone().into_iter().collect()),
            storage_class: self.plan.storage_class.clone().or_else(|| object.storage_class.clone()),
            encryption,
            retain_until: self.plan.retain_until,
            modified: Some(object.modified),
        }
    }
}

/// `ALGORITHM:value`.
pub fn checksum_text(checksum: &crate::lake::Checksum) -> String {
    format!("{}:{}", checksum.algorithm, checksum.value)
}

const META: &str = "x-amz-meta-";

/// The headers of a plan from what the store says of an object.
pub fn headers_of(attributes: &Attributes) -> BTreeMap<String, String> {
    let a = attributes;
    let known = [
        ("content-type", &a.content_type),
        ("content-encoding", &a.content_encoding),
        ("content-disposition", &a.content_disposition),
        ("content-language", &a.content_language),
        ("cache-control", &a.cache_control),
        ("expires", &a.expires),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    known.chain(a.user.iter().map(|(name, value)| (format!("{META}{name}"), value.clone()))).collect()
}

/// What the headers of a plan say, without the marks of a move.
pub fn unmarked(headers: &BTreeMap<String, String>) -> Attributes {
    let mut attributes = attributes_of(headers);
    attributes.user.retain(|name, _| name != MOVE && name != SOURCE_ETAG);
    attributes
}

fn attributes_of(headers: &BTreeMap<String, String>) -> Attributes {
    let known = |name: &str| headers.get(name).cloned();
    let user = headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(META)?.to_owned(), value.clone())));
    Attributes {
        content_type: known("content-type"),
        content_encoding: known("content-encoding"),
        content_disposition: known("content-disposition"),
        content_language: known("content-language"),
        cache_control: known("cache-control"),
        expires: known("expires"),
        user: user.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_survive_a_plan() {
        let attributes = Attributes {
            content_type: Some("application/x-parquet".into()),
            expires: Some("never".into()),
            user: BTreeMap::from([("run".into(), "7".into()), ("content-type".into(), "odd".into())]),
            ..Attributes::default()
        };
        assert_eq!(attributes_of(&headers_of(&attributes)), attributes);
    }
}
