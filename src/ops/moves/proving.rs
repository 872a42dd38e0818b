//! Proof that a copy is equal to its source: by a checksum over all bytes, never by size alone. Two tags that are
//! digests of the content are one; a checksum that the store keeps is one; else both are read.

use std::collections::BTreeMap;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::compare;
use super::copying::checksum_text;
use super::engine::{Broken, Copied, Engine, proven};
use super::pace::{Pace, Stop, paced};
use super::progress::Phase;
use super::records::Proven;
use crate::lake::{ByteRange, ETag, Key, Lake, LakeError};

/// Bytes of one read when an object is compared by its bytes. 8 MiB.
const CHUNK: u64 = 8 << 20;

impl Engine<'_> {
    /// Proves every copy: that it lies under its key as the copy that was made, and that it is equal to its source.
    pub(super) async fn prove_all(
        &self,
        copied: &BTreeMap<usize, Copied>,
        originals: &BTreeMap<String, String>,
    ) -> Result<Vec<Proven>, Stop<Broken>> {
        // What was made and what lies there are two things: a listing tells of the latter, 1,000 at a time.
        let there = compare::listing(self.lake, &self.plan.target).await.map_err(|e| Stop::Failed(e.into()))?;
        for (n, one) in copied {
            let object = &self.plan.objects[*n];
            if there.get(&object.target).is_none_or(|o| o.size != object.size || o.etag.0 != one.etag) {
                return Err(Stop::Failed(Broken::Unequal(object.key.clone())));
            }
        }
        let (begun, mut pace, mut bytes) = (Instant::now(), Pace::default(), 0);
        let mut all: BTreeMap<usize, Proven> = BTreeMap::new();
        let work = async |n: usize| match copied.get(&n) {
            Some(one) => self.prove_one(n, one, originals).await,
            None => Err(Broken::Unequal(self.plan.objects[n].key.clone())),
        };
        paced(0..self.plan.objects.len(), &mut pace, self.watch, work, |n, one, pace| {
            bytes += self.plan.objects[n].size;
            all.insert(n, one);
            self.tell(Phase::Verifying, all.len() as u64, bytes, Some(begun), pace);
        })
        .await?;
        Ok(all.into_values().collect())
    }

    async fn prove_one(
        &self,
        n: usize,
        copied: &Copied,
        originals: &BTreeMap<String, String>,
    ) -> Result<Proven, Broken> {
        let object = &self.plan.objects[n];
        // It never left: what lies there is the very object that the move taken back had found, whatever its copy is.
        if object.already.is_some() && originals.get(&object.target) == Some(&copied.etag) {
            return Ok(proven(self.plan, n, copied, format!("ETAG:{}", copied.etag)));
        }
        // A tag that is no digest, as with KMS, differs from one object to the next, equal or not.
        if is_digest(&object.etag) && object.etag == copied.etag {
            return Ok(proven(self.plan, n, copied, format!("MD5:{}", object.etag)));
        }
        if let Some(known) = &object.checksum {
            let algorithm = |c: &str| c.split(':').next().map(str::to_owned);
            let mut of_copy = copied.checksum.clone();
            if of_copy.is_none() {
                let there = self.lake.inspect(&Key::from(object.target.as_str())).await?;
                of_copy = there.checksum.as_ref().filter(|_| there.meta.etag.0 == copied.etag).map(checksum_text);
            }
            match of_copy {
                Some(copy) if copy == *known => return Ok(proven(self.plan, n, copied, copy)),
                Some(copy) if algorithm(&copy) == algorithm(known) => {
                    return Err(Broken::Unequal(object.key.clone()));
                }
                _ => {}
            }
        }
        let (source, target) = futures::try_join!(
            digest(self.lake, &object.key, &object.etag, object.size),
            digest(self.lake, &object.target, &copied.etag, object.size)
        )?;
        if source != target {
            return Err(Broken::Unequal(object.key.clone()));
        }
        Ok(proven(self.plan, n, copied, format!("SHA256:{source}")))
    }
}

/// SHA-256 of an object, which must be this one from the first byte to the last.
pub async fn digest(lake: &dyn Lake, key: &str, etag: &str, size: u64) -> Result<String, LakeError> {
    let (key, etag) = (Key::from(key), ETag(etag.to_owned()));
    let mut hasher = Sha256::new();
    let mut at = 0;
    while at < size {
        let end = (at + CHUNK).min(size);
        let part = lake.get(&key, ByteRange::Span(at..end), Some(&etag)).await?;
        if part.bytes.is_empty() {
            break;
        }
        hasher.update(&part.bytes);
        at += part.bytes.len() as u64;
    }
    Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// Whether a tag has the shape of an MD5 digest: S3's tags of objects written in one part are, unless KMS or the
/// customer's key encrypts them; then no two are equal.
fn is_digest(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_hexdigit())
}
