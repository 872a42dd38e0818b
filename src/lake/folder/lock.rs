//! The right to give and take names in a folder: of one thread of this process, and of one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::names;

/// Longer than this nobody holds it: what is done under it is a check and a rename. One who is stopped meanwhile
/// (Ctrl-Z) does not stop all others for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(1);

/// The lock of a folder. Its file is made by the first write, and stays: removed, it would be another one for each.
#[derive(Debug)]
pub(super) struct Names {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

/// The right, until it is dropped.
#[derive(Debug)]
pub(super) struct Held<'a>(MutexGuard<'a, Option<File>>);

impl Names {
    pub(super) fn below(root: &Path) -> Self {
        Self { path: root.join(names::LOCK), file: Mutex::new(None) }
    }

    /// Waits for the right; an error if another process has it for too long, or its file cannot be made.
    pub(super) fn hold(&self) -> io::Result<Held<'_>> {
        let mut file = self.file.lock().unwrap_or_else(|e| e.into_inner());
        let since = Instant::now();
        loop {
            // Made again if someone removed it, so that all wait at the same one.
            let opened = match file.take().filter(|f| is_at(f, &self.path)) {
                Some(opened) => opened,
                None => OpenOptions::new().read(true).append(true).create(true).open(&self.path)?,
            };
            match opened.try_lock() {
                Ok(()) if is_at(&opened, &self.path) => {
                    *file = Some(opened);
                    return Ok(Held(file));
                }
                // A file system without locks: this process alone is guarded.
                Err(TryLockError::Error(e)) if knows_no_locks(&e) => {
                    *file = Some(opened);
                    return Ok(Held(file));
                }
                Err(TryLockError::Error(e)) => return Err(e),
                Ok(()) => drop(opened),
                Err(TryLockError::WouldBlock) if since.elapsed() > PATIENCE => {
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds it"));
                }
                Err(TryLockError::WouldBlock) => {
                    *file = Some(opened);
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.0.as_ref() {
            let _ = file.unlock();
        }
    }
}

/// The answers of file systems without locks: not supported, or (`ENOLCK`, of Linux and of macOS) none to be had.
fn knows_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(37 | 77))
}

/// Whether an open file is the one that has this path now.
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_holds_it_at_a_time_whoever_opened_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            // Each opens the file anew, as another process does.
            for _ in 0..4 {
                scope.spawn(|| {
                    let names = Names::below(root.path());
                    for _ in 0..200 {
                        let held = names.hold().unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_file_that_was_removed_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (Names::below(root.path()), Names::below(root.path()));
        drop(one.hold().unwrap());
        std::fs::remove_file(root.path().join(names::LOCK)).unwrap();
        drop(two.hold().unwrap());
        drop(one.hold().unwrap());
        let _held = one.hold().unwrap();
        assert!(is_at(two.file.lock().unwrap().as_ref().unwrap(), &root.path().join(names::LOCK)));
    }
}
