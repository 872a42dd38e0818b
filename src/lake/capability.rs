//! What a store can do, found by trying it: a store may take a condition it does not know, ignore it, and answer
//! 200. Only what was refused when it had to be counts.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::copy::{CopyRequest, CopyWay, Placing, SERVER_LIMIT, THROUGH_LIMIT, Written};
use super::{Attributes, Condition, ETag, ErrorClass, Key, LakeError, LakeWriter, ListRequest};

/// The user metadata by which the probe knows what was kept.
const MARK: (&str, &str) = ("lakeward-probe", "kept");

/// Tries to remove what the probe wrote, where a request or its reply was lost.
const TRIES: u32 = 3;

const TEXT: &[u8] = b"lakeward probes what this store can do\n";

/// What a store can do. A condition that it takes and ignores is one it does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// A put keeps `If-None-Match: *`.
    pub conditional_put: bool,
    /// A copy keeps `x-amz-copy-source-if-match`.
    pub pinned_copy: bool,
    /// A copy keeps `If-None-Match: *`.
    pub conditional_copy: bool,
    /// A delete keeps `If-Match`.
    pub conditional_delete: bool,
    /// A bulk delete keeps the tag of each of its objects.
    pub conditional_bulk_delete: bool,
    /// The copy of a part keeps `x-amz-copy-source-if-match`.
    pub pinned_part_copy: bool,
    /// The completion of an upload keeps `If-None-Match: *`.
    pub conditional_completion: bool,
    /// User metadata comes back as it was given.
    pub keeps_metadata: bool,
}

impl Capabilities {
    /// The way in which an object of so many bytes can be copied safely: pinned to the source that was seen, onto
    /// nothing that is there. `None` if this store has none.
    pub fn way_for(&self, size: u64) -> Option<CopyWay> {
        if self.pinned_copy && self.conditional_copy && size <= SERVER_LIMIT {
            Some(CopyWay::Server)
        } else if self.conditional_put && size <= THROUGH_LIMIT {
            Some(CopyWay::Through)
        } else if self.pinned_part_copy && self.conditional_completion && size > 0 {
            Some(CopyWay::Multipart)
        } else {
            None
        }
    }
}

/// Finds what a store can do, on a few tiny objects under `scratch`: a prefix that ends in `/` and is nobody
/// else's. They are removed at the end, whatever happened; where versions are kept, their markers stay.
/// An error is one that says nothing of the store's abilities: denied, expired, unreachable and the like.
pub async fn probe(lake: &dyn LakeWriter, scratch: &str) -> Result<Capabilities, LakeError> {
    let found = Probe { lake, scratch }.run().await;
    if let Err(error) = clear(lake, scratch).await {
        tracing::warn!("what a probe wrote stays: {error}");
    }
    found
}

/// Removes every object under a scratch prefix: what a probe that was killed has left.
pub async fn clear(lake: &dyn LakeWriter, scratch: &str) -> Result<(), LakeError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match clear_once(lake, scratch).await {
            Err(e) if tries < TRIES && matches!(e.class, ErrorClass::Unreachable | ErrorClass::Throttled) => {}
            ended => return ended,
        }
    }
}

async fn clear_once(lake: &dyn LakeWriter, scratch: &str) -> Result<(), LakeError> {
    let listed = lake.list(&ListRequest { prefix: scratch.to_owned(), ..ListRequest::default() }).await?;
    for object in listed.objects {
        // Under its condition first: a bucket's policy may demand one.
        if let Err(error) = lake.delete(&object.key, Some(&object.etag)).await
            && error.class != ErrorClass::NotFound
        {
            lake.delete(&object.key, None).await?;
        }
    }
    Ok(())
}

struct Probe<'a> {
    lake: &'a dyn LakeWriter,
    scratch: &'a str,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Capabilities, LakeError> {
        let mut found = Capabilities::default();
        let first = self.key("first");
        match taken(self.put(&first, Some(Condition::Absent)).await)? {
            Some(_) => found.conditional_put = refused(self.put(&first, Some(Condition::Absent)).await)?,
            None => drop(self.put(&first, None).await?),
        }
        let etag = self.lake.head(&first).await?.etag;

        let mut last = first.clone();
        for condition in [Some(Condition::Absent), None] {
            let request = self.copy(&first, &etag, "copied", condition.clone(), CopyWay::Server);
            if taken(self.lake.copy(&request).await)?.is_some() {
                found.conditional_copy = condition.is_some() && refused(self.lake.copy(&request).await)?;
                let stale = self.copy(&first, &other(), "stale", condition, CopyWay::Server);
                found.pinned_copy = refused(self.lake.copy(&stale).await)?;
                last = request.target;
                break;
            }
        }
        // Where one request copies safely, too: it does not copy more than 5 GiB.
        let absent = Some(Condition::Absent);
        let request = self.copy(&first, &etag, "parts", absent.clone(), CopyWay::Multipart);
        if taken(self.lake.copy(&request).await)?.is_some() {
            found.conditional_completion = refused(self.lake.copy(&request).await)?;
            let stale = self.copy(&first, &other(), "stale-parts", absent, CopyWay::Multipart);
            found.pinned_part_copy = refused(self.lake.copy(&stale).await)?;
            last = request.target;
        }
        let seen = self.lake.inspect(&last).await?;
        found.keeps_metadata = seen.attributes.user.get(MARK.0).is_some_and(|value| value == MARK.1);

        found.conditional_delete = refused(self.lake.delete(&first, Some(&other())).await)?;
        for answer in self.lake.delete_all(&[(last, other())]).await {
            found.conditional_bulk_delete = refused(answer)?;
        }
        Ok(found)
    }

    fn key(&self, name: &str) -> Key {
        Key(format!("{}{name}", self.scratch))
    }

    async fn put(&self, key: &Key, condition: Option<Condition>) -> Result<Written, LakeError> {
        self.lake.put_with(key, Bytes::from_static(TEXT), condition, &marked()).await
    }

    fn copy(&self, source: &Key, etag: &ETag, target: &str, condition: Option<Condition>, way: CopyWay) -> CopyRequest {
        let size = TEXT.len() as u64;
        let request = CopyRequest::new(source.clone(), etag.clone(), size, self.key(target)).by(way).placed(marked());
        CopyRequest { condition, ..request }
    }
}

fn marked() -> Placing {
    let user = [(MARK.0.to_owned(), MARK.1.to_owned())].into();
    Placing { attributes: Attributes { user, ..Attributes::default() }, ..Placing::default() }
}

/// The tag of no object of the probe.
fn other() -> ETag {
    ETag("0".repeat(32))
}

/// What came of a request that ought to be done; `None` where the store cannot.
fn taken<T>(answer: Result<T, LakeError>) -> Result<Option<T>, LakeError> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(e) if cannot(&e) || e.class == ErrorClass::Conflict => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether a request that ought to be refused for its condition was.
fn refused<T>(answer: Result<T, LakeError>) -> Result<bool, LakeError> {
    match answer {
        Ok(_) => Ok(false),
        Err(e) if e.class == ErrorClass::Conflict => Ok(true),
        Err(e) if cannot(&e) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Not implemented, or taken for a bad request.
fn cannot(error: &LakeError) -> bool {
    matches!(error.class, ErrorClass::Unsupported | ErrorClass::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_depends_on_what_is_kept_and_on_the_size() {
        let none = Capabilities::default();
        let put = Capabilities { conditional_put: true, ..none };
        let server = Capabilities { pinned_copy: true, conditional_copy: true, ..put };
        let parts = Capabilities { pinned_part_copy: true, conditional_completion: true, ..put };
        let only_parts = Capabilities { conditional_put: false, ..parts };
        let table = [
            (server, 0, Some(CopyWay::Server)),
            (server, SERVER_LIMIT, Some(CopyWay::Server)),
            (server, SERVER_LIMIT + 1, None),
            (
                Capabilities { pinned_part_copy: true, conditional_completion: true, ..server },
                SERVER_LIMIT + 1,
                Some(CopyWay::Multipart),
            ),
            (Capabilities { pinned_copy: false, ..server }, 5, Some(CopyWay::Through)),
            (put, THROUGH_LIMIT, Some(CopyWay::Through)),
            (put, THROUGH_LIMIT + 1, None),
            (parts, THROUGH_LIMIT + 1, Some(CopyWay::Multipart)),
            (only_parts, 1, Some(CopyWay::Multipart)),
            (only_parts, 0, None),
            (Capabilities { pinned_part_copy: false, ..parts }, THROUGH_LIMIT + 1, None),
            (none, 0, None),
        ];
        for (can, size, want) in table {
            assert_eq!(can.way_for(size), want, "{can:?} {size}");
        }
    }
}
