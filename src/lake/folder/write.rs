//! Writes to a folder: the bytes go to a temporary beside the target and to the disk, then get their name under
//! the condition. At no instant does a key hold half an object.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::lock::Held;
use super::{
    Condition, CopyRequest, ETag, ErrorClass, Inner, Key, LakeError, Pieces, class_of, etag, fault_text, names, walk,
};

/// An unfinished file younger than this may be of a writer that has not locked it yet.
const AGE: Duration = Duration::from_secs(10);

/// Bytes of a streamed write after which the disk gets them. 8 MiB.
const SYNCED: usize = 8 << 20;

/// Tells the temporaries of this process apart.
static WRITES: AtomicU64 = AtomicU64::new(0);

impl Inner {
    pub(super) fn put(
        &self,
        key: &Key,
        bytes: &[u8],
        condition: Option<&Condition>,
        modified: Option<DateTime<Utc>>,
    ) -> Result<ETag, LakeError> {
        self.write(key, condition, modified, |file| file.write_all(bytes).map_err(|e| self.fault(&key.0, &e)))
    }

    /// Waits for the pieces: whoever sends them must not need this thread.
    pub(super) fn put_pieces(
        &self,
        key: &Key,
        mut pieces: Pieces,
        condition: Option<&Condition>,
        handle: &Handle,
    ) -> Result<ETag, LakeError> {
        self.write(key, condition, None, |file| {
            let fault = |e: io::Error| self.fault(&key.0, &e);
            let mut unsynced = 0;
            while let Some(piece) = handle.block_on(pieces.next()) {
                let piece = piece?;
                file.write_all(&piece).map_err(fault)?;
                unsynced += piece.len();
                // The disk works while the next pieces are made, and not only when all of them are there.
                if unsynced >= SYNCED {
                    unsynced = 0;
                    file.sync_data().map_err(fault)?;
                }
            }
            Ok(())
        })
    }

    /// One way of its own, whatever way was asked for.
    pub(super) fn copy(&self, request: &CopyRequest) -> Result<ETag, LakeError> {
        let CopyRequest { source, source_etag, target, .. } = request;
        if source == target {
            return Err(LakeError::new(ErrorClass::Malformed, self.uri(&source.0), "a copy of it onto itself"));
        }
        let fault = |e: io::Error| self.fault(&source.0, &e);
        let (path, _) = self.find(source)?;
        let mut from = File::open(path).map_err(fault)?;
        let check = |file: &File| match etag(&file.metadata().map_err(fault)?) == *source_etag {
            true => Ok(()),
            false => Err(self.changed(&source.0)),
        };
        check(&from)?;
        let modified = request.placing.as_ref().and_then(|placing| placing.modified);
        self.write(target, request.condition.as_ref(), modified, |file| {
            io::copy(&mut from, file).map_err(|e| self.fault(&target.0, &e))?;
            check(&from) // written over in place meanwhile?
        })
    }

    pub(super) fn delete(&self, key: &Key, if_match: Option<&ETag>) -> Result<(), LakeError> {
        let path = self.path(key)?;
        let _names = self.names()?;
        if let Some(seen) = if_match {
            let (_, metadata) = self.find(key)?;
            if etag(&metadata) != *seen {
                return Err(self.changed(&key.0));
            }
        }
        match fs::remove_file(&path) {
            Ok(()) => {}
            // As on S3, what is not there is deleted. A directory is no object.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            Err(_) if path.is_dir() => return Ok(()),
            Err(e) => return Err(self.fault(&key.0, &e)),
        }
        self.prune(&path).map_err(|e| self.fault(&key.0, &e))
    }

    /// S3 has no directories: an empty one would be a trace of what was. The first that is not empty ends it.
    fn prune(&self, removed: &Path) -> io::Result<()> {
        let below_root = |d: &&Path| *d != self.root;
        let mut kept = removed.parent();
        while let Some(parent) = kept.filter(below_root).filter(|d| fs::remove_dir(d).is_ok()) {
            kept = parent.parent();
        }
        kept.map_or(Ok(()), sync_directory)
    }

    /// Writes an object with `fill` and gives it its name under the condition.
    fn write(
        &self,
        key: &Key,
        condition: Option<&Condition>,
        modified: Option<DateTime<Utc>>,
        fill: impl FnOnce(&mut File) -> Result<(), LakeError>,
    ) -> Result<ETag, LakeError> {
        let fault = |e: io::Error| self.fault(&key.0, &e);
        let path = self.path(key)?;
        if let Some(Condition::Matches(_)) = condition {
            self.find(key)?; // no directories for a write that cannot be
        }
        let (mut file, temporary) = Temporary::beside(&path, &self.root).map_err(fault)?;
        fill(&mut file)?;
        if let Some(time) = modified {
            file.set_modified(time.into()).map_err(fault)?;
        }
        file.sync_all().map_err(fault)?;
        let written = etag(&file.metadata().map_err(fault)?);

        let _names = self.names()?;
        match condition {
            None => fs::rename(&temporary.path, &path).map_err(fault)?,
            Some(Condition::Matches(seen)) => {
                let (_, metadata) = self.find(key)?;
                if etag(&metadata) != *seen {
                    return Err(self.changed(&key.0));
                }
                fs::rename(&temporary.path, &path).map_err(fault)?;
            }
            Some(Condition::Absent) => match fs::hard_link(&temporary.path, &path) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(self.exists(key)),
                // A file system without hard links: claim the name, then let the finished file take it.
                Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                    match File::create_new(&path) {
                        Ok(_) => fs::rename(&temporary.path, &path).map_err(fault)?,
                        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(self.exists(key)),
                        Err(e) => return Err(fault(e)),
                    }
                }
                Err(e) => return Err(fault(e)),
            },
        }
        // The name, and those of the directories made for it, must survive a power cut as well.
        for directory in path.ancestors().skip(1).take(temporary.made + 1) {
            sync_directory(directory).map_err(fault)?;
        }
        Ok(written)
    }

    /// The right to check conditions and to give and take names, until it is dropped.
    fn names(&self) -> Result<Held<'_>, LakeError> {
        self.names.hold().map_err(|e| LakeError {
            hint: format!("writing needs a lock on {} at the folder's root", names::LOCK),
            ..LakeError::new(class_of(&e), &self.url, format!("{}: {}", names::LOCK, fault_text(&e)))
        })
    }

    /// Removes unfinished files under a prefix whose writer is gone: one that is at work holds a lock on its file.
    pub(super) fn remove_leftovers(&self, prefix: &str) -> Result<u64, LakeError> {
        let (base, _) = prefix.rsplit_once('/').unwrap_or(("", prefix));
        let base = match base {
            "" => self.root.clone(),
            base => self.path(&Key::from(format!("{base}/x")))?.parent().unwrap_or(&self.root).to_owned(),
        };
        let (mut removed, mut directories) = (0, vec![base]);
        while let Some(directory) = directories.pop() {
            let fault = |e: io::Error| LakeError::new(class_of(&e), walk::shown(&directory), fault_text(&e));
            let entries = match fs::read_dir(&directory) {
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
                other => other.map_err(fault)?,
            };
            for entry in entries {
                let entry = entry.map_err(fault)?;
                let kind = entry.file_type().map_err(fault)?;
                if kind.is_dir() {
                    directories.push(entry.path());
                } else if kind.is_file() && names::is_temporary(&entry.file_name()) && is_left(&entry.path()) {
                    match fs::remove_file(entry.path()).and_then(|()| self.prune(&entry.path())) {
                        Ok(()) => removed += 1,
                        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                        Err(e) => return Err(fault(e)),
                    }
                }
            }
        }
        Ok(removed)
    }

    fn exists(&self, key: &Key) -> LakeError {
        LakeError::new(ErrorClass::Conflict, self.uri(&key.0), "it exists already")
    }
}

/// A file being written; whatever still bears its name goes with it.
struct Temporary {
    path: PathBuf,
    root: PathBuf,
    /// How many directories were made for it.
    made: usize,
}

impl Temporary {
    /// A new file in the target's directory, which is made if need be.
    fn beside(target: &Path, root: &Path) -> io::Result<(File, Self)> {
        let directory = target.parent().unwrap_or(root);
        let name = names::temporary(WRITES.fetch_add(1, Ordering::Relaxed));
        let made = directory.ancestors().take_while(|d| !d.exists()).count();
        // A delete that empties the directory may remove it between the two calls.
        let mut left = 16;
        loop {
            let path = directory.join(&name);
            match fs::create_dir_all(directory).and_then(|()| File::create_new(&path)) {
                Ok(file) => {
                    // Tells those who clear up that its writer lives. A file system without locks has no leftovers
                    // that can be told from others.
                    let _ = file.try_lock();
                    return Ok((file, Self { path, root: root.to_owned(), made }));
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound && left > 0 => left -= 1,
                // Left by a process of the same id that died.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_file() && left > 0 => {
                    left -= 1;
                    fs::remove_file(&path)?;
                }
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove; after a refusal, the directories made for it go too.
        let _ = fs::remove_file(&self.path);
        let made = self.path.ancestors().skip(1).take(self.made).filter(|d| *d != self.root);
        made.map(fs::remove_dir).take_while(Result::is_ok).for_each(drop);
    }
}

/// Whether nobody writes an unfinished file any more. One made a moment ago may not be locked yet.
fn is_left(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let old = file.metadata().and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > AGE));
    old && file.try_lock().is_ok()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|d| d.sync_all()) {
        // Some file systems cannot sync a directory; one that was removed meanwhile needs none.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => Ok(()),
        other => other,
    }
}
