//! A copy as a value: what is copied, pinned to the object that was seen; where to, under which condition, in
//! which of three ways; and what the new object is to be like.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Attributes, Checksum, Condition, ETag, Encryption, Key};

/// The largest object that is copied through this process. 8 MiB: a few seconds on a slow line.
pub const THROUGH_LIMIT: u64 = 8 << 20;

/// The largest object that S3 copies with one request. 5 GiB.
pub const SERVER_LIMIT: u64 = 5 << 30;

/// What a written object is to be like. What is unset is as the store does it by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placing {
    /// Headers and user metadata: these and no others. Not kept by a folder.
    pub attributes: Attributes,
    /// Tags, at most ten; `None`: those of the source for a copy, none for a put. Not kept by a folder.
    pub tags: Option<Vec<(String, String)>>,
    /// The storage class, as the store spells it.
    pub storage_class: Option<String>,
    /// Encryption at rest; the bucket's default if unset. `SSE-C` is not supported.
    pub encryption: Option<Encryption>,
    /// Locked until then in governance mode: who has the permission can still lift it.
    pub retain_until: Option<DateTime<Utc>>,
    /// Its modification time; of use to a folder only, a store sets its own.
    pub modified: Option<DateTime<Utc>>,
}

/// What the reply to a write says of the new object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its entity tag.
    pub etag: ETag,
    /// Its version; `None` where the bucket has none.
    pub version: Option<String>,
    /// A checksum over the whole object, if the store told one.
    pub checksum: Option<Checksum>,
}

/// How the bytes get to the new object. A folder has one way of its own for all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyWay {
    /// One request, no byte through this machine; at most [`SERVER_LIMIT`].
    Server,
    /// Parts copied inside the store, each pinned; the condition is that of their completion. Not for an empty object.
    Multipart,
    /// Read pinned and written under the condition, through this process; at most [`THROUGH_LIMIT`].
    Through,
}

/// A copy to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// What is copied.
    pub source: Key,
    /// Only if it is still this one.
    pub source_etag: ETag,
    /// Only this version of it.
    pub source_version: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Where to; never the source itself.
    pub target: Key,
    /// Under which condition the target is written.
    pub condition: Option<Condition>,
    /// How.
    pub way: CopyWay,
    /// What the target is to be like; `None`: attributes and tags of the source, the rest as the store does it.
    pub placing: Option<Placing>,
}

impl CopyRequest {
    /// A plain copy in one request: attributes and tags come along, and nothing keeps the target from being replaced.
    pub fn new(source: impl Into<Key>, source_etag: ETag, size: u64, target: impl Into<Key>) -> Self {
        Self {
            source: source.into(),
            source_etag,
            source_version: None,
            size,
            target: target.into(),
            condition: None,
            way: CopyWay::Server,
            placing: None,
        }
    }

    /// The same, the target under a condition.
    pub fn only_if(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// The same, in another way.
    pub fn by(self, way: CopyWay) -> Self {
        Self { way, ..self }
    }

    /// The same, the target to be like this.
    pub fn placed(self, placing: Placing) -> Self {
        Self { placing: Some(placing), ..self }
    }
}
