//! What a store says of one object beyond its listing: checksum, metadata, encryption, locks. What of it a copy
//! keeps is for the copy to say (`copy.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ObjectMeta;

/// All that a store says of one object. The texts may be hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDetail {
    /// What a listing says as well.
    pub meta: ObjectMeta,
    /// The id of the version seen; `None` where the bucket never had versions, `null` where they are suspended.
    pub version: Option<String>,
    /// A checksum over the whole object; `None` where there is none, or only one made of its parts.
    pub checksum: Option<Checksum>,
    /// Headers and user metadata.
    pub attributes: Attributes,
    /// How many tags it has, as far as the caller may know.
    pub tags: u32,
    /// How it is encrypted at rest; `None` where the store does not say.
    pub encryption: Option<Encryption>,
    /// Retention or legal hold, in words; `None` if nothing keeps it from being deleted.
    pub lock: Option<String>,
    /// Whether an archived object can be read now: it was restored, for a while.
    pub restored: bool,
}

impl ObjectDetail {
    /// An object of which nothing more is known.
    pub fn plain(meta: ObjectMeta) -> Self {
        Self {
            meta,
            version: None,
            checksum: None,
            attributes: Attributes::default(),
            tags: 0,
            encryption: None,
            lock: None,
            restored: false,
        }
    }
}

/// A checksum over all bytes of an object. Two of the same algorithm tell whether two objects are equal, however
/// they were uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// As the store spells it: `CRC64NVME`, `SHA256`, `CRC32`, `CRC32C`, …
    pub algorithm: String,
    /// The checksum in base64.
    pub value: String,
}

/// The headers and the user metadata that an object was written with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, as it was given: an HTTP date, or anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-meta-…`, without that; names in lower case, values in visible ASCII (S3 gives others back in the
    /// encoded words of RFC 2047, and takes them so). At most 2 KiB in all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// How an object is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `AES256`, `aws:kms`, `aws:kms:dsse` or `SSE-C` (a key that only its owner has).
    pub kind: String,
    /// The id of the KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
