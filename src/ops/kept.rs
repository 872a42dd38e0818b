//! The layout of an entry as it is kept from one refresh to the next: tens of thousands of them stay in memory,
//! so each object is one allocation and its key is not repeated.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};

use crate::lake::{ETag, Key, ObjectMeta};
use crate::model::entry::{EntryPath, RowsFormat};
use crate::rows::Layout;

/// A [`Layout`] at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// How the rows are stored.
    pub format: RowsFormat,
    /// Whether the completion marker is there.
    pub complete: bool,
    table: Option<Box<str>>,
    files: Box<[Small]>,
    reasons: Box<[Small]>,
}

/// An object: its name below the entry, then its tag and its class, in one text.
#[derive(Debug, Clone, PartialEq)]
struct Small {
    text: Box<str>,
    name_ends: u32,
    tag_ends: u32,
    size: u64,
    modified: DateTime<Utc>,
}

impl Kept {
    /// Packs a layout.
    pub fn of(layout: &Layout) -> Self {
        let pack = |objects: &[ObjectMeta]| objects.iter().map(|o| Small::of(&layout.root, o)).collect();
        Self {
            format: layout.format,
            complete: layout.complete,
            table: layout.table.as_deref().map(Box::from),
            files: pack(&layout.files),
            reasons: pack(&layout.reasons),
        }
    }

    /// The layout again, of the entry at this path.
    pub fn layout(&self, path: &EntryPath) -> Layout {
        let unpack = |objects: &[Small]| objects.iter().map(|o| o.object(&path.0)).collect();
        Layout {
            root: path.0.as_ref().to_owned(),
            format: self.format,
            files: unpack(&self.files),
            table: self.table.as_deref().map(str::to_owned),
            reasons: unpack(&self.reasons),
            complete: self.complete,
        }
    }

    /// Bytes of the row files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }

    /// Whether there are error reasons.
    pub fn has_reasons(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Equal for two listings in which nothing changed.
    pub fn signature(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.complete.hash(&mut hasher);
        for object in self.files.iter().chain(&self.reasons) {
            (&object.text, object.size).hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Small {
    fn of(root: &str, object: &ObjectMeta) -> Self {
        let name = object.key.as_str().strip_prefix(root).unwrap_or(object.key.as_str());
        let (tag, class) = (object.etag.0.as_str(), object.storage_class.as_deref().unwrap_or_default());
        let name_ends = name.len();
        let tag_ends = name_ends + tag.len();
        Self {
            text: [name, tag, class].concat().into_boxed_str(),
            // A key has at most 1,024 bytes and a tag fewer.
            name_ends: u32::try_from(name_ends).unwrap_or(u32::MAX),
            tag_ends: u32::try_from(tag_ends).unwrap_or(u32::MAX),
            size: object.size,
            modified: object.modified,
        }
    }

    fn object(&self, root: &str) -> ObjectMeta {
        let (name_ends, tag_ends) = (self.name_ends as usize, self.tag_ends as usize);
        let part = |from, to| self.text.get(from..to).unwrap_or_default();
        let class = part(tag_ends, self.text.len());
        ObjectMeta {
            key: Key(format!("{root}{}", part(0, name_ends))),
            size: self.size,
            etag: ETag(part(name_ends, tag_ends).to_owned()),
            modified: self.modified,
            storage_class: (!class.is_empty()).then(|| class.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_comes_back_as_it_was() {
        let path = EntryPath("_errors/a/dt=2026-11-22/".into());
        let object = |name: &str, class: Option<&str>| ObjectMeta {
            key: Key(format!("{}{name}", path.0)),
            size: 7,
            etag: ETag(format!("tag of {name}")),
            modified: DateTime::UNIX_EPOCH,
            storage_class: class.map(str::to_owned),
        };
        let layout = Layout {
            root: path.0.as_ref().to_owned(),
            format: RowsFormat::Delta,
            files: vec![object("rejected_rows/part-0.parquet", None), object("b.parquet", Some("GLACIER"))],
            table: Some(format!("{}rejected_rows/", path.0)),
            reasons: vec![object("error_reasons.json", None)],
            complete: true,
        };
        let kept = Kept::of(&layout);
        assert_eq!(kept.layout(&path), layout);
        assert_eq!((kept.bytes(), kept.has_reasons()), (14, true));
        let mut changed = layout.clone();
        changed.files[0].etag = ETag("another".into());
        assert_ne!(Kept::of(&changed).signature(), kept.signature());
        assert_eq!(Kept::of(&layout).signature(), kept.signature());
    }
}
