//! Listings of a folder in the byte order of whole keys, page by page. A [`Walk`] is where one listing stands;
//! the next page goes on from it, or, when it is gone, descends only into what lies after the last key.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::names;

/// One line of a listing.
pub(super) enum Item {
    /// An object.
    Object(String, Metadata),
    /// What a delimiter rolled up; ends in `/`.
    Prefix(String),
}

impl Item {
    /// What it sorts by.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Object(key, _) | Self::Prefix(key) => key,
        }
    }
}

/// A directory that is being gone through: what is left of it, the next one last.
struct Level {
    path: PathBuf,
    key: String,
    /// Segments, a directory's with its `/`: sorting by these sorts by whole keys (`a-b` comes before `a/b`).
    left: Vec<Box<str>>,
}

/// Where a listing stands. An open level keeps its names: some 40 bytes for each file not yet listed.
pub(super) struct Walk {
    root: PathBuf,
    after: Option<String>,
    delimited: bool,
    levels: Vec<Level>,
    ahead: Option<Item>,
}

/// A failed call, and the path it was about.
pub(super) type Fault = (PathBuf, io::Error);

impl Walk {
    /// Begins a listing of `prefix` after the key `after`. `Err(fault text)` for a prefix no key can have.
    pub(super) fn begin(
        root: &Path,
        prefix: &str,
        delimited: bool,
        after: Option<&str>,
    ) -> Result<Result<Self, Fault>, &'static str> {
        let (base, name_begins) = prefix.rsplit_once('/').map_or(("", prefix), |(base, rest)| (base, rest));
        if name_begins.contains('\0') {
            return Err("a NUL character cannot be part of a file's name");
        }
        let (path, key) = if prefix.contains('/') {
            (root.join(names::path_of(base)?), format!("{base}/"))
        } else {
            (root.to_owned(), String::new())
        };
        let mut walk =
            Self { root: root.to_owned(), after: after.map(str::to_owned), delimited, levels: Vec::new(), ahead: None };
        // A directory behind a symbolic link is not part of the lake (see `Folder`). One that may not be looked into is not
        // known to be empty.
        use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
        let leads_nowhere = |e: &io::Error| Errno::from_io_error(e) == Some(Errno::LOOP);
        let opened = match fs::canonicalize(&path) {
            Ok(real) if real == path => walk.open(path, key, name_begins),
            Ok(_) => Ok(()),
            Err(e) if matches!(e.kind(), NotFound | NotADirectory | InvalidFilename) || leads_nowhere(&e) => Ok(()),
            Err(e) => Err((path, e)),
        };
        Ok(opened.map(|()| walk))
    }

    /// Reads a directory into a level. One that is gone, or none, is empty.
    fn open(&mut self, path: PathBuf, key: String, name_begins: &str) -> Result<(), Fault> {
        let entries = match fs::read_dir(&path) {
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            other => other.map_err(|e| (path.clone(), e))?,
        };
        let mut left = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| (path.clone(), e))?;
            let name = entry.file_name();
            if names::is_ours(&name) {
                continue;
            }
            let kind = entry.file_type().map_err(|e| (entry.path(), e))?;
            if !(kind.is_dir() || kind.is_file() || kind.is_symlink()) {
                continue; // a socket, a pipe, a device: no bytes to read
            }
            let mut segment = names::segment_of(&name);
            if kind.is_dir() {
                segment.push('/');
            }
            if segment.starts_with(name_begins) && self.is_after(&key, &segment) {
                left.push(segment.into_boxed_str());
            }
        }
        left.sort_unstable_by(|a, b| b.cmp(a));
        self.levels.push(Level { path, key, left });
        Ok(())
    }

    fn is_after(&self, key: &str, segment: &str) -> bool {
        let Some(after) = &self.after else { return true };
        let whole = format!("{key}{segment}");
        whole > *after || (!self.delimited && segment.ends_with('/') && after.starts_with(&whole))
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Fault> {
        match self.ahead.take() {
            Some(item) => Ok(Some(item)),
            None => self.advance(),
        }
    }

    /// Whether another line comes.
    pub(super) fn has_more(&mut self) -> Result<bool, Fault> {
        if self.ahead.is_none() {
            self.ahead = self.advance()?;
        }
        Ok(self.ahead.is_some())
    }

    fn advance(&mut self) -> Result<Option<Item>, Fault> {
        while let Some(level) = self.levels.last_mut() {
            let Some(segment) = level.left.pop() else {
                self.levels.pop();
                continue;
            };
            let key = format!("{}{segment}", level.key);
            let bare = segment.strip_suffix('/').unwrap_or(&segment);
            let Ok(name) = names::name_of(bare) else { continue }; // cannot be: the segment was made of a name
            let path = level.path.join(name);
            if bare.len() == segment.len() {
                if let Some(metadata) = file_within(&self.root, &path)? {
                    return Ok(Some(Item::Object(key, metadata)));
                }
            } else if !self.delimited {
                self.open(path, key, "")?;
            } else if holds_object(&self.root, &path) {
                return Ok(Some(Item::Prefix(key)));
            }
        }
        Ok(None)
    }
}

/// The metadata of a regular file, or of the one inside the root that a symbolic link leads to. `None` for what
/// is gone, leads out of the root, or is no regular file.
pub(super) fn file_within(root: &Path, path: &Path) -> Result<Option<Metadata>, Fault> {
    let gone = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Ok(None),
        _ => Err((path.to_owned(), e)),
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(m) => m,
        Err(e) => return gone(e),
    };
    if !metadata.is_symlink() {
        return Ok(metadata.is_file().then_some(metadata));
    }
    // A loop of links fails here too; it leads nowhere.
    let Ok(real) = fs::canonicalize(path) else { return Ok(None) };
    if !real.starts_with(root) || real.file_name().is_some_and(names::is_ours) {
        return Ok(None);
    }
    match fs::metadata(&real) {
        Ok(m) => Ok(m.is_file().then_some(m)),
        Err(e) => gone(e),
    }
}

/// Whether any object lies below a directory: S3 knows no empty ones. One that cannot be read may hold some.
fn holds_object(root: &Path, path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return true };
    let mut directories = Vec::new();
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { return true };
        if kind.is_dir() {
            directories.push(entry.path());
        } else if !names::is_ours(&entry.file_name())
            && (kind.is_file() || kind.is_symlink() && !matches!(file_within(root, &entry.path()), Ok(None)))
        {
            return true;
        }
    }
    directories.iter().any(|d| holds_object(root, d))
}

/// Listings that wait for their next page. Small: one that is pushed out begins again after its last key.
#[derive(Default)]
pub(super) struct Waiting(Mutex<VecDeque<(Place, Instant, Walk)>>);

/// Which listing, and where it stands: prefix, whether delimited, the last key given.
pub(super) type Place = (String, bool, String);

impl Waiting {
    const MOST: usize = 16;
    /// After this long a listing is begun again, so that it cannot show names of long ago.
    const AGE: Duration = Duration::from_secs(30);

    pub(super) fn take(&self, place: &Place) -> Option<Walk> {
        let mut waiting = self.0.lock().unwrap_or_else(|e| e.into_inner());
        waiting.retain(|(_, since, _)| since.elapsed() < Self::AGE);
        let at = waiting.iter().position(|(p, _, _)| p == place)?;
        waiting.remove(at).map(|(_, _, walk)| walk)
    }

    pub(super) fn keep(&self, place: Place, walk: Walk) {
        let mut waiting = self.0.lock().unwrap_or_else(|e| e.into_inner());
        waiting.retain(|(p, _, _)| *p != place);
        if waiting.len() == Self::MOST {
            waiting.pop_front();
        }
        waiting.push_back((place, Instant::now(), walk));
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

/// Bytes of a path, as text for an error.
pub(super) fn shown(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}
