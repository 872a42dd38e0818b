//! The lake: one object-store port and its two ends, `s3` and `folder`; the grammar of its paths.
//! Knows objects and keys, not what a DLQ is for.
//!
//! Reading and writing are two ports: what only looks holds a [`Lake`] and cannot change a thing;
//! a [`LakeWriter`] is handed to the gate alone (rule 1).

pub mod address;
pub mod aws;
pub mod capability;
pub mod copy;
pub mod counters;
pub mod detail;
pub mod error;
pub mod folder;
pub mod listing;
pub mod path;
pub mod s3;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

pub use address::{AddressError, LakeUrl};
pub use capability::Capabilities;
pub use copy::{CopyRequest, CopyWay, Placing, SERVER_LIMIT, THROUGH_LIMIT, Written};
pub use counters::{Counters, Stats};
pub use detail::{Attributes, Checksum, Encryption, ObjectDetail};
pub use error::{ErrorClass, LakeError};

/// The key of an object, relative to the lake's root (a lake at `s3://bucket/prefix` hides the prefix).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub String);

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Key {
    fn from(s: &str) -> Self {
        Self(s.to_owned())
    }
}

impl From<String> for Key {
    fn from(s: String) -> Self {
        Self(s)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity tag without its quotes. Stores that send it unquoted are normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// What a listing or a head says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// The storage class as the store spells it (`GLACIER`); `None` for the standard one.
    pub storage_class: Option<String>,
}

/// One request of a listing. Keys come in byte order, as S3 gives them.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Roll up what lies behind the next `/` into common prefixes.
    pub delimited: bool,
    /// Continue after an earlier page.
    pub continuation: Option<String>,
    /// At most this many keys and prefixes; the store's own page (1,000) if unset.
    pub max: Option<u32>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// Objects.
    pub objects: Vec<ObjectMeta>,
    /// Common prefixes, each ending in `/`; only with a delimiter.
    pub prefixes: Vec<String>,
    /// Where the next page begins; `None` on the last one.
    pub continuation: Option<String>,
}

/// Which bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    /// All of it.
    Whole,
    /// These; an end past the object's is cut to it, a start past it gives no bytes.
    Span(Range<u64>),
    /// The last so many; all if the object is smaller.
    Suffix(u64),
}

impl ByteRange {
    /// The bytes it means of an object of this size: never past its end, empty where it has none of them.
    pub fn within(&self, size: u64) -> Range<u64> {
        match self {
            Self::Whole => 0..size,
            Self::Span(span) => {
                let start = span.start.min(size);
                start..span.end.clamp(start, size)
            }
            Self::Suffix(length) => size.saturating_sub(*length)..size,
        }
    }
}

/// Bytes of an object, and which object they are of.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The bytes.
    pub bytes: Bytes,
    /// Where in the object they begin.
    pub offset: u64,
    /// The object's whole size.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: DateTime<Utc>,
}

/// Under which condition a write takes place; a violated one is [`ErrorClass::Conflict`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Only if no such object exists (`If-None-Match: *`).
    Absent,
    /// Only if the object is still this one (`If-Match`).
    Matches(ETag),
}

/// Reading side of the port.
#[async_trait]
pub trait Lake: Send + Sync + fmt::Debug {
    /// The address people know it by: `s3://bucket[/prefix]` or `file:///…`, without a trailing slash.
    fn url(&self) -> &str;

    /// One page of a listing: one request on S3.
    async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError>;

    /// Bytes of an object: one request. With `if_match`, an object that changed meanwhile is a
    /// [`ErrorClass::Conflict`] and not other bytes.
    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError>;

    /// What the store says of one object.
    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError>;

    /// All that the store says of one object: one request.
    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError>;

    /// The tags of an object, or of one version of it, in the store's order: one request.
    async fn tags(&self, key: &Key, version: Option<&str>) -> Result<Vec<(String, String)>, LakeError>;

    /// Requests and bytes since the start; shared by all clones of this lake.
    fn counters(&self) -> &Arc<Counters>;

    /// The full address of a key, for evidence and copying.
    fn uri(&self, key: &str) -> String {
        format!("{}/{}", self.url(), key)
    }
}

/// The most objects that one bulk delete takes: S3's own limit.
pub const DELETE_LIMIT: usize = 1000;

/// The pieces of an object that is being made, in order. An error among them ends it.
pub type Pieces = BoxStream<'static, Result<Bytes, LakeError>>;

/// Writing side of the port. Held by the gate, by nothing else.
///
/// A request whose reply was lost is sent again by the SDK: a conditional write that was done meets itself then
/// and is a [`ErrorClass::Conflict`], a conditional delete a [`ErrorClass::NotFound`]. Who must know looks at the
/// object. Two writes at the same time (S3's 409) are tried again under the same condition before they fail.
#[async_trait]
pub trait LakeWriter: Lake {
    /// Writes an object; the reply's tag is that of the written object.
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError>;

    /// Writes an object that is to be like `placing`. At most 5 GiB (S3's own limit for one put).
    async fn put_with(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
    ) -> Result<Written, LakeError>;

    /// Writes an object from pieces as they come; of a large one, a few MiB are held. Nothing shows under the key before
    /// all of it is there, and nothing at all where the pieces end in an error, which is that of the write.
    async fn put_stream(&self, key: &Key, pieces: Pieces, condition: Option<Condition>) -> Result<Written, LakeError>;

    /// Deletes an object; with `if_match`, only if it is still this one, and one that is not there is a
    /// [`ErrorClass::NotFound`]. Where versions are kept, a delete marker hides them.
    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError>;

    /// Deletes each of at most [`DELETE_LIMIT`] objects that is still this one; an answer for each, in their order.
    async fn delete_all(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>>;

    /// Copies an object, pinned to what was seen of it; both a changed source and an unmet condition of the target
    /// are a [`ErrorClass::Conflict`]. Attributes and tags come along unless the request's placing says otherwise.
    async fn copy(&self, request: &CopyRequest) -> Result<Written, LakeError>;

    /// Ends what earlier writes left half done under a prefix, and tells how many there were: open multipart
    /// uploads, whoever began them; in a folder, unfinished files whose process is gone.
    async fn abandon_uploads(&self, prefix: &str) -> Result<u64, LakeError>;
}
