//! What is remembered between reads: footers and the bytes fetched with them, by address and ETag. Bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::lake::{ByteRange, Lake, ObjectMeta};

use super::RowsError;
use super::parquet_file::{Footer, ParquetFile, TAIL, WHOLE};
use super::sparse::SparseFile;

/// Objects remembered at most.
const MOST_OBJECTS: usize = 256;
/// Bytes remembered at most, footers included.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What counting reads of a small file.
const COUNT_TAIL: u64 = 16 * 1024;

/// What is remembered between reads: parquet footers and the bytes fetched with them, by key and ETag.
/// Bounded; shared by all sets of a session.
#[derive(Debug, Default)]
pub struct RowCache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    files: HashMap<(String, String, u64), Remembered>,
    clock: u64,
}

impl Known {
    /// Down to three quarters, so that it is seldom.
    fn settle(&mut self) {
        let mut bytes: u64 = self.files.values().map(Remembered::weight).sum();
        let mut count = self.files.len();
        if bytes <= MOST_BYTES && count <= MOST_OBJECTS {
            return;
        }
        let mut oldest: Vec<(u64, u64)> = self.files.values().map(|r| (r.used, r.weight())).collect();
        oldest.sort_unstable();
        let mut last_gone = 0;
        for (used, weight) in oldest {
            if bytes <= MOST_BYTES / 4 * 3 && count <= MOST_OBJECTS / 4 * 3 {
                break;
            }
            (last_gone, bytes, count) = (used, bytes - weight, count - 1);
        }
        self.files.retain(|_, r| r.used > last_gone);
    }
}

#[derive(Debug, Clone)]
struct Remembered {
    file: Arc<SparseFile>,
    footer: Arc<OnceLock<Arc<Footer>>>,
    used: u64,
}

impl Remembered {
    fn weight(&self) -> u64 {
        self.file.held() + self.footer.get().map_or(0, |f| f.weight())
    }
}

/// What a file is opened for: it decides how much the first read takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its rows are read next.
    Rows,
    /// Only its footer is wanted.
    Count,
}

impl RowCache {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, lake: &dyn Lake, meta: &ObjectMeta) -> Remembered {
        let mut known = self.known();
        known.clock += 1;
        let now = known.clock;
        let key = (lake.uri(meta.key.as_str()), meta.etag.0.clone(), meta.size);
        let found = known.files.entry(key).or_insert_with(|| Remembered {
            file: Arc::new(SparseFile::new(lake, meta)),
            footer: Arc::default(),
            used: now,
        });
        found.used = now;
        let found = found.clone();
        // Those that cannot be read are no less in number.
        if known.files.len() > MOST_OBJECTS {
            known.settle();
        }
        found
    }

    /// Lets the longest unused go where a bound is passed.
    pub(super) fn settle(&self) {
        self.known().settle();
    }

    /// The parquet file behind a listed object, its footer read.
    pub(super) async fn parquet(
        &self,
        lake: &dyn Lake,
        meta: &ObjectMeta,
        purpose: Purpose,
    ) -> Result<ParquetFile, RowsError> {
        let found = self.remembered(lake, meta);
        if let Some(footer) = found.footer.get() {
            return Ok(ParquetFile { file: found.file, footer: Arc::clone(footer) });
        }
        let tail = match purpose {
            Purpose::Rows if meta.size <= WHOLE => WHOLE,
            Purpose::Count if meta.size > TAIL && meta.size <= WHOLE => COUNT_TAIL,
            _ => TAIL,
        };
        let footer = Arc::new(ParquetFile::read_footer(lake, &found.file, tail).await?);
        let footer = Arc::clone(found.footer.get_or_init(|| footer));
        self.settle();
        Ok(ParquetFile { file: found.file, footer })
    }

    /// The first `most` bytes of an object, kept while there is room.
    pub(super) async fn text(&self, lake: &dyn Lake, meta: &ObjectMeta, most: u64) -> Result<bytes::Bytes, RowsError> {
        let length = meta.size.min(most);
        if length == 0 {
            return Ok(bytes::Bytes::new());
        }
        let found = self.remembered(lake, meta);
        if let Some(bytes) = found.file.known(0..length) {
            return Ok(bytes);
        }
        if length > WHOLE * 8 {
            let range = if length == meta.size { ByteRange::Whole } else { ByteRange::Span(0..length) };
            return Ok(found.file.get(lake, range).await?.bytes);
        }
        found.file.fetch(lake, std::slice::from_ref(&(0..length))).await?;
        let bytes = found.file.known(0..length);
        self.settle();
        bytes.ok_or_else(|| super::guard::unreadable(&found.file.uri, "it could not be read whole"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::lake::folder::Folder;
    use crate::lake::{ETag, Key};

    #[tokio::test]
    async fn objects_that_cannot_be_read_are_not_remembered_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, cache) = (Folder::open(folder.path()).unwrap(), RowCache::default());
        for n in 0..2 * MOST_OBJECTS {
            let (key, etag) = (Key(format!("gone-{n}")), ETag("e".into()));
            let gone = ObjectMeta { key, size: 9, etag, modified: DateTime::UNIX_EPOCH, storage_class: None };
            cache.text(&lake, &gone, 100).await.unwrap_err();
            cache.parquet(&lake, &gone, Purpose::Count).await.unwrap_err();
        }
        assert!(cache.known().files.len() <= MOST_OBJECTS, "{}", cache.known().files.len());
    }
}
