//! What the model holds: the versions of each key, the current one last. Conditions and versions are decided here;
//! which of them a request asks for, and whether it fails before, is not.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{Attributes, Checksum, Condition, ETag, Encryption, ErrorClass, Key, ObjectDetail, ObjectMeta};

use super::digest;

/// Whether old versions are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versioning {
    /// Never were.
    #[default]
    Off,
    /// Each write is a version, each delete a marker.
    On,
    /// Old ones stay; new writes and markers replace the version `null`.
    Suspended,
}

/// One version of an object.
#[derive(Debug, Clone)]
pub struct Object {
    pub bytes: Bytes,
    /// How large it says it is, where only its first bytes are real.
    pub sparse: Option<u64>,
    pub etag: ETag,
    pub modified: DateTime<Utc>,
    pub version: Option<String>,
    pub checksum: Option<Checksum>,
    pub attributes: Attributes,
    pub tags: Vec<(String, String)>,
    pub storage_class: Option<String>,
    pub restored: bool,
    pub encryption: Option<Encryption>,
    pub retain_until: Option<DateTime<Utc>>,
}

impl Object {
    /// Whether its bytes can be read and copied.
    pub fn is_archived(&self) -> bool {
        matches!(self.storage_class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE")) && !self.restored
    }

    pub fn size(&self) -> u64 {
        self.sparse.unwrap_or(self.bytes.len() as u64)
    }

    pub fn meta(&self, key: &str) -> ObjectMeta {
        ObjectMeta {
            key: key.into(),
            size: self.size(),
            etag: self.etag.clone(),
            modified: self.modified,
            storage_class: self.storage_class.clone(),
        }
    }

    pub fn detail(&self, key: &str) -> ObjectDetail {
        ObjectDetail {
            meta: self.meta(key),
            version: self.version.clone(),
            checksum: self.checksum.clone(),
            attributes: self.attributes.clone(),
            tags: self.tags.len() as u32,
            encryption: self.encryption.clone(),
            lock: self.retain_until.map(|until| format!("governance retention until {until}")),
            restored: self.restored,
        }
    }
}

/// A version, or the marker that hides those before it.
#[derive(Debug, Clone)]
enum Entry {
    Object(Box<Object>),
    Marker { version: String },
}

impl Entry {
    fn version(&self) -> Option<&str> {
        match self {
            Self::Object(object) => object.version.as_deref(),
            Self::Marker { version } => Some(version),
        }
    }
}

/// All that a bucket holds.
#[derive(Debug, Clone, Default)]
pub struct Store {
    keys: BTreeMap<String, Vec<Entry>>,
    pub versioning: Versioning,
    /// Each write has an entity tag of its own, as KMS makes them.
    pub opaque_etags: bool,
    /// Nothing has a checksum, as what was uploaded in parts years ago.
    pub without_checksums: bool,
    /// Open uploads, by key.
    pub uploads: Vec<String>,
    writes: u32,
}

impl Store {
    pub fn current(&self, key: &str) -> Option<&Object> {
        match self.keys.get(key)?.last()? {
            Entry::Object(object) => Some(object),
            Entry::Marker { .. } => None,
        }
    }

    pub fn current_mut(&mut self, key: &str) -> Option<&mut Object> {
        match self.keys.get_mut(key)?.last_mut()? {
            Entry::Object(object) => Some(object),
            Entry::Marker { .. } => None,
        }
    }

    pub fn version(&self, key: &str, version: Option<&str>) -> Option<&Object> {
        let Some(version) = version else { return self.current(key) };
        self.keys.get(key)?.iter().find_map(|entry| match entry {
            Entry::Object(object) if object.version.as_deref() == Some(version) => Some(&**object),
            _ => None,
        })
    }

    /// How many versions and markers a key has.
    pub fn history(&self, key: &str) -> usize {
        self.keys.get(key).map_or(0, Vec::len)
    }

    /// Takes the newest marker of a key away, so that what it hides is there again.
    pub fn remove_marker(&mut self, key: &str) -> bool {
        let Some(entries) = self.keys.get_mut(key) else { return false };
        entries.pop_if(|entry| matches!(entry, Entry::Marker { .. })).is_some()
    }

    /// The current objects, in key order, from a key on.
    pub fn from<'a>(&'a self, from: std::ops::Bound<&'a str>) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let range = self.keys.range::<str, _>((from, std::ops::Bound::Unbounded));
        range.filter_map(|(key, _)| Some((key, self.current(key)?)))
    }

    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.from(std::ops::Bound::Unbounded).map(|(key, object)| (key.clone(), object.bytes.clone())).collect()
    }

    /// Whether a write under this condition may take place.
    pub fn admits(&self, key: &Key, condition: Option<&Condition>) -> Result<(), ErrorClass> {
        match (condition, self.current(key.as_str())) {
            (None, _) | (Some(Condition::Absent), None) => Ok(()),
            (Some(Condition::Matches(seen)), Some(object)) if object.etag == *seen => Ok(()),
            (Some(Condition::Matches(_)), None) => Err(ErrorClass::NotFound),
            _ => Err(ErrorClass::Conflict),
        }
    }

    /// A new object of these bytes; `parts` if it is written in parts. What else it is to be like is for the caller.
    pub fn new_object(&mut self, bytes: Bytes, parts: Option<usize>) -> Object {
        self.writes += 1;
        let digest = digest::of(&bytes);
        let etag = match parts {
            _ if self.opaque_etags => ETag(format!("{:032x}", self.writes)),
            Some(parts) => digest::etag_of_parts(&bytes, parts),
            None => digest::etag(&digest),
        };
        Object {
            etag,
            modified: DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(i64::from(self.writes)),
            version: match self.versioning {
                Versioning::Off => None,
                Versioning::On => Some(format!("v{}", self.writes)),
                Versioning::Suspended => Some("null".into()),
            },
            checksum: (!self.without_checksums).then(|| digest::checksum(&digest)),
            bytes,
            sparse: None,
            attributes: Attributes::default(),
            tags: Vec::new(),
            storage_class: None,
            restored: false,
            encryption: None,
            retain_until: None,
        }
    }

    pub fn insert(&mut self, key: &Key, object: Object) {
        self.append(key, Entry::Object(Box::new(object)));
    }

    /// Deletes what is there, which nothing may keep: a marker hides it where versions are kept.
    pub fn delete(&mut self, key: &Key) -> Result<(), ErrorClass> {
        self.writes += 1;
        match self.versioning {
            Versioning::Off => {
                if self.current(key.as_str()).is_some_and(|object| object.retain_until.is_some()) {
                    return Err(ErrorClass::Denied);
                }
                self.keys.remove(key.as_str());
            }
            Versioning::On => self.append(key, Entry::Marker { version: format!("v{}", self.writes) }),
            Versioning::Suspended => self.append(key, Entry::Marker { version: "null".into() }),
        }
        Ok(())
    }

    fn append(&mut self, key: &Key, entry: Entry) {
        let entries = self.keys.entry(key.0.clone()).or_default();
        match self.versioning {
            Versioning::Off => entries.clear(),
            Versioning::On => {}
            // What was written before there were versions is `null` as well.
            Versioning::Suspended => entries.retain(|entry| !matches!(entry.version(), None | Some("null"))),
        }
        entries.push(entry);
    }
}
