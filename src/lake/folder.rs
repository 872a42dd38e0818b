//! A folder as a lake, with the semantics of S3: keys in byte order, ranges, entity tags, conditions. No file
//! system call runs on an async thread; each request is one blocking task.

mod lock;
mod names;
mod walk;
mod write;

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::lock::Names;
use self::walk::{Item, Place, Waiting, Walk};
use super::{
    ByteRange, Condition, CopyRequest, Counters, ETag, ErrorClass, Fetched, Key, Lake, LakeError, LakeWriter, ListPage,
    ListRequest, ObjectDetail, ObjectMeta, Pieces, Placing, Written, address,
};

/// The page of a listing, and the most a request can ask for: S3's own.
const PAGE: u32 = 1000;

/// A lake in a folder of this machine.
///
/// * An entity tag is made of size, modification time (nanoseconds) and inode: nothing is read for it. Equal
///   bytes written twice have different tags.
/// * Symbolic links to files inside the folder are read as those files. Links that lead out of the folder, links
///   to directories, dangling links, pipes, sockets and devices are no part of the lake. This guards against
///   slips, not against one who changes the folder while it is being read.
/// * File names that are not UTF-8 are keys that begin with `%BYTES%`, percent-encoded; see `folder/names.rs`.
/// * `If-None-Match` is atomic against everything (a hard link to the finished file; where the file system knows
///   none, an exclusive create). `If-Match` is checked, and every name given or taken, under a lock on a hidden file
///   at the root, made by the first write: exact between processes of this program, best effort against others and
///   on file systems that know no locks.
/// * Attributes, tags, versions, storage classes and encryption it does not know; [`Placing::modified`] it does.
/// * A key and a "directory" of the same name, or a key that ends in `/`, S3 can hold and a folder cannot.
/// * Access times and permissions are not kept. What a process leaves half written is hidden.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    url: String,
    counters: Arc<Counters>,
    waiting: Waiting,
    names: Names,
}

impl Folder {
    /// Opens a folder by its path or its `file:///` address. Blocking, and brief.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LakeError> {
        let given = path.as_ref();
        let path = match given.to_str().filter(|p| p.starts_with("file://")) {
            Some(url) => address::file_path(url).map_err(|e| LakeError {
                hint: "write file:///path with three slashes, or the path alone".into(),
                ..LakeError::new(ErrorClass::Malformed, url, e.fault)
            })?,
            None => given.to_owned(),
        };
        let refused = |class, detail: &str| LakeError {
            hint: "name a folder that exists (--lake DIR), or make one: lakeward demo --write DIR".into(),
            ..LakeError::new(class, walk::shown(&path), detail)
        };
        let root = fs::canonicalize(&path).map_err(|e| refused(class_of(&e), &fault_text(&e)))?;
        if !root.is_dir() {
            return Err(refused(ErrorClass::NotFound, "it is a file, not a folder"));
        }
        let url = address::file_url(&root);
        let (counters, waiting, names) = (Arc::default(), Waiting::default(), Names::below(&root));
        Ok(Self(Arc::new(Inner { root, url, counters, waiting, names })))
    }

    /// The folder itself, without links.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Runs a request on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Inner) -> Result<T, LakeError> + Send + 'static,
    ) -> Result<T, LakeError> {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || request(&inner)).await {
            Ok(answer) => answer,
            Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
            Err(_) => Err(LakeError::new(ErrorClass::Unreachable, &self.0.url, "the program is ending")),
        }
    }
}

impl Inner {
    fn uri(&self, key: &str) -> String {
        format!("{}/{}", self.url, address::url_encoded(key))
    }

    fn fault(&self, key: &str, error: &io::Error) -> LakeError {
        denied_here(LakeError::new(class_of(error), self.uri(key), fault_text(error)))
    }

    fn changed(&self, key: &str) -> LakeError {
        LakeError::new(ErrorClass::Conflict, self.uri(key), "it is not the object that was seen")
    }

    fn absent(&self, key: &str) -> LakeError {
        LakeError::new(ErrorClass::NotFound, self.uri(key), "no such object")
    }

    /// The path of a key; its directories are real ones, or not there.
    fn path(&self, key: &Key) -> Result<PathBuf, LakeError> {
        let malformed = |fault| LakeError {
            hint: "a folder cannot hold this key; S3 can".into(),
            ..LakeError::new(ErrorClass::Malformed, self.uri(&key.0), fault)
        };
        let path = self.root.join(names::path_of(&key.0).map_err(malformed)?);
        // The nearest directory that exists decides; `canonicalize` fails on what is below a file or not there.
        let real = path.ancestors().skip(1).find_map(|d| fs::canonicalize(d).ok().map(|real| real == d));
        if real == Some(false) {
            return Err(malformed("it lies behind a symbolic link, which is not followed"));
        }
        Ok(path)
    }

    /// The path and metadata of an object that exists.
    fn find(&self, key: &Key) -> Result<(PathBuf, Metadata), LakeError> {
        let path = self.path(key)?;
        match walk::file_within(&self.root, &path) {
            Ok(Some(metadata)) => Ok((path, metadata)),
            Ok(None) => Err(self.absent(&key.0)),
            Err((_, e)) => Err(self.fault(&key.0, &e)),
        }
    }

    fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
        let fault = |(path, e): walk::Fault| {
            denied_here(LakeError::new(class_of(&e), address::file_url(&path), fault_text(&e)))
        };
        let place = |after: String| -> Place { (request.prefix.clone(), request.delimited, after) };
        let kept = request.continuation.clone().and_then(|after| self.waiting.take(&place(after)));
        let mut walk = match kept {
            Some(walk) => walk,
            None => Walk::begin(&self.root, &request.prefix, request.delimited, request.continuation.as_deref())
                .map_err(|text| LakeError::new(ErrorClass::Malformed, self.uri(&request.prefix), text))?
                .map_err(fault)?,
        };
        let mut page = ListPage::default();
        let mut last = None;
        for _ in 0..request.max.unwrap_or(PAGE).clamp(1, PAGE) {
            let Some(item) = walk.next().map_err(fault)? else { break };
            last = Some(item.key().to_owned());
            match item {
                Item::Object(key, metadata) => page.objects.push(object(Key(key), &metadata)),
                Item::Prefix(prefix) => page.prefixes.push(prefix),
            }
        }
        if let Some(last) = last
            && walk.has_more().map_err(fault)?
        {
            self.waiting.keep(place(last.clone()), walk);
            page.continuation = Some(last);
        }
        Ok(page)
    }

    fn get(&self, key: &Key, range: &ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let (path, _) = self.find(key)?;
        let fault = |e: io::Error| self.fault(&key.0, &e);
        let file = File::open(path).map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        let (etag, size) = (etag(&metadata), metadata.len());
        if if_match.is_some_and(|seen| *seen != etag) {
            return Err(self.changed(&key.0));
        }
        let span = range.within(size);
        let mut bytes = vec![0; usize::try_from(span.end - span.start).map_err(|_| too_large(self.uri(&key.0)))?];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|r| !r.is_empty()) {
            match file.read_at(rest, span.start + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(fault(e)),
            }
        }
        // Written over in place while it was read: these bytes may be of two objects.
        if if_match.is_some() && self::etag(&file.metadata().map_err(fault)?) != etag || filled < bytes.len() {
            return Err(self.changed(&key.0));
        }
        Ok(Fetched { bytes: bytes.into(), offset: span.start, size, etag, modified: modified(&metadata) })
    }
}

#[async_trait]
impl Lake for Folder {
    fn url(&self) -> &str {
        &self.0.url
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, LakeError> {
        self.0.counters.list();
        self.0.counters.about(&request.prefix);
        let request = request.clone();
        self.run(move |folder| folder.list(&request)).await
    }

    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let level = self.0.counters.get();
        self.0.counters.about(key.as_str());
        let (key, if_match) = (key.clone(), if_match.cloned());
        let fetched = self.run(move |folder| folder.get(&key, &range, if_match.as_ref())).await?;
        self.0.counters.received(level, fetched.bytes.len() as u64);
        Ok(fetched)
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        self.0.counters.head();
        self.0.counters.about(key.as_str());
        let key = key.clone();
        self.run(move |folder| folder.find(&key).map(|(_, metadata)| object(key, &metadata))).await
    }

    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
        self.head(key).await.map(ObjectDetail::plain)
    }

    async fn tags(&self, key: &Key, _version: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        self.head(key).await.map(|_| Vec::new())
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    fn uri(&self, key: &str) -> String {
        self.0.uri(key)
    }
}

#[async_trait]
impl LakeWriter for Folder {
    async fn put(&self, key: &Key, bytes: Bytes, condition: Option<Condition>) -> Result<ETag, LakeError> {
        self.put_with(key, bytes, condition, &Placing::default()).await.map(|written| written.etag)
    }

    async fn put_with(
        &self,
        key: &Key,
        bytes: Bytes,
        condition: Option<Condition>,
        placing: &Placing,
    ) -> Result<Written, LakeError> {
        self.0.counters.write();
        let (key, modified) = (key.clone(), placing.modified);
        let put = move |folder: &Inner| folder.put(&key, &bytes, condition.as_ref(), modified);
        self.run(put).await.map(written)
    }

    async fn put_stream(&self, key: &Key, pieces: Pieces, condition: Option<Condition>) -> Result<Written, LakeError> {
        self.0.counters.write();
        let (key, handle) = (key.clone(), tokio::runtime::Handle::current());
        self.run(move |folder| folder.put_pieces(&key, pieces, condition.as_ref(), &handle)).await.map(written)
    }

    async fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        self.0.counters.write();
        let (key, if_match) = (key.clone(), if_match.cloned());
        self.run(move |folder| folder.delete(&key, if_match.as_ref())).await
    }

    async fn delete_all(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>> {
        self.0.counters.write();
        let all = objects.to_vec();
        let deletes = move |folder: &Inner| Ok(all.iter().map(|(key, etag)| folder.delete(key, Some(etag))).collect());
        match self.run(deletes).await {
            Ok(answers) => answers,
            Err(error) => objects.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn copy(&self, request: &CopyRequest) -> Result<Written, LakeError> {
        self.0.counters.write();
        let request = request.clone();
        self.run(move |folder| folder.copy(&request)).await.map(written)
    }

    async fn abandon_uploads(&self, prefix: &str) -> Result<u64, LakeError> {
        let prefix = prefix.to_owned();
        self.run(move |folder| folder.remove_leftovers(&prefix)).await
    }
}

fn written(etag: ETag) -> Written {
    Written { etag, version: None, checksum: None }
}

fn object(key: Key, metadata: &Metadata) -> ObjectMeta {
    ObjectMeta { key, size: metadata.len(), etag: etag(metadata), modified: modified(metadata), storage_class: None }
}

fn etag(m: &Metadata) -> ETag {
    ETag(format!("{:x}-{:x}{:08x}-{:x}", m.ino(), m.mtime(), m.mtime_nsec(), m.size()))
}

fn modified(metadata: &Metadata) -> DateTime<Utc> {
    let nanos = u32::try_from(metadata.mtime_nsec()).unwrap_or_default();
    DateTime::from_timestamp(metadata.mtime(), nanos).unwrap_or_default()
}

/// On this machine there are rights, and no profiles.
fn denied_here(error: LakeError) -> LakeError {
    match error.class {
        ErrorClass::Denied => {
            let hint = "have its rights changed (chmod, chown), or run as somebody who has them".to_owned();
            LakeError { hint, ..error }
        }
        _ => error,
    }
}

fn too_large(uri: String) -> LakeError {
    LakeError::new(ErrorClass::Unsupported, uri, "more bytes than this machine can address")
}

fn class_of(error: &io::Error) -> ErrorClass {
    use io::ErrorKind::*;
    match error.kind() {
        NotFound => ErrorClass::NotFound,
        PermissionDenied | ReadOnlyFilesystem => ErrorClass::Denied,
        AlreadyExists => ErrorClass::Conflict,
        InvalidFilename | NotADirectory | IsADirectory | StorageFull | QuotaExceeded | Unsupported | FileTooLarge => {
            ErrorClass::Unsupported
        }
        _ => ErrorClass::Unreachable,
    }
}

/// What the system says, without its number.
fn fault_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((bare, _)) => bare.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
