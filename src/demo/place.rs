//! The folder that a demo is written to: claimed only if empty or an earlier demo, then filled object by
//! object with times that fit the story. Nothing outside it is touched, and no link is followed to write.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, SubsecRound, Utc};

use super::{DemoError, settings};

/// The prefixes that belong to a demo: replaced as a whole when it is written again.
const PREFIXES: [&str; 13] = [
    "_errors",
    "_contracts",
    "_dq_results",
    "_jobs",
    "_dags",
    "_source",
    "_audit",
    "_alarms",
    "_secrets",
    "_alerts",
    "bronze",
    "silver",
    "gold",
];

/// The folder, and what was written to it so far.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    now: DateTime<Utc>,
    /// Objects written.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Place {
    /// Takes the folder: makes it if it is not there, refuses it if it is neither empty nor a demo, clears
    /// an earlier demo's prefixes. Times are counted back from `now`, cut to the minute.
    pub fn claim(root: &Path, now: DateTime<Utc>) -> Result<Self, DemoError> {
        let now = now.trunc_subsecs(0);
        let seconds = now.timestamp().rem_euclid(60);
        let mut place = Self { root: root.to_owned(), now: now - Duration::seconds(seconds), objects: 0, bytes: 0 };
        fs::create_dir_all(root).map_err(|e| place.failed("make the folder", "", e))?;
        let mut inside = fs::read_dir(root).map_err(|e| place.failed("look into the folder", "", e))?;
        let earlier = inside.next().is_some();
        if earlier && !is_demo(root) {
            return Err(DemoError::Occupied { dir: root.to_owned() });
        }
        // The marker comes first: a demo cut short can then be written again.
        place.mark()?;
        if earlier {
            for prefix in PREFIXES {
                place.clear(prefix)?;
            }
        }
        Ok(place)
    }

    /// So many minutes ago.
    pub fn ago(&self, minutes: i64) -> DateTime<Utc> {
        Duration::try_minutes(minutes).and_then(|age| self.now.checked_sub_signed(age)).unwrap_or(self.now)
    }

    /// Writes a new object, last changed so many minutes ago.
    pub fn put(&mut self, key: &str, bytes: &[u8], age: i64) -> Result<(), DemoError> {
        let path = self.root.join(key);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.set_modified(self.ago(age).into())
        });
        written.map_err(|e| self.failed("write", key, e))?;
        self.objects += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes a record as JSON that a person can read.
    pub fn put_json(&mut self, key: &str, record: &impl serde::Serialize, age: i64) -> Result<(), DemoError> {
        let mut text =
            serde_json::to_string_pretty(record).map_err(|e| self.failed("write", key, io::Error::other(e)))?;
        text.push('\n');
        self.put(key, text.as_bytes(), age)
    }

    /// Puts `lakeward.toml` in place by a rename, so that it is never half there.
    fn mark(&mut self) -> Result<(), DemoError> {
        let (new, file) = (".lakeward.toml.new", settings::FILE);
        match fs::remove_file(self.root.join(new)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(self.failed("remove", new, e)),
            _ => {}
        }
        self.put(new, settings::toml().as_bytes(), 0)?;
        fs::rename(self.root.join(new), self.root.join(file)).map_err(|e| self.failed("write", file, e))
    }

    /// Removes a prefix of an earlier demo. A link in its place is removed, not followed.
    fn clear(&self, prefix: &str) -> Result<(), DemoError> {
        let path = self.root.join(prefix);
        let removed = match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
        };
        removed.map_err(|e| self.failed("clear", prefix, e))
    }

    fn failed(&self, action: &'static str, key: &str, source: io::Error) -> DemoError {
        DemoError::Io { action, path: self.root.join(key), source }
    }
}

/// Whether the folder's `lakeward.toml` begins as a demo's does. What cannot be read is not one.
fn is_demo(root: &Path) -> bool {
    let mut head = Vec::new();
    let marker = settings::MARKER.as_bytes();
    File::open(root.join(settings::FILE))
        .and_then(|file| file.take(marker.len() as u64).read_to_end(&mut head))
        .is_ok_and(|_| head == marker)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T11:30:42.9Z".parse().unwrap()
    }

    #[test]
    fn a_foreign_folder_is_refused_and_left_as_it_is() {
        for (name, text) in [("notes.txt", "mine"), ("lakeward.toml", "# my lake\n"), ("lakeward.toml", "")] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), text).unwrap();
            fs::create_dir(dir.path().join("bronze")).unwrap();
            fs::write(dir.path().join("bronze/keep"), "mine").unwrap();
            assert!(matches!(Place::claim(dir.path(), now()), Err(DemoError::Occupied { .. })), "{name}: {text}");
            assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), text);
            assert_eq!(fs::read_to_string(dir.path().join("bronze/keep")).unwrap(), "mine");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_folder_in_the_markers_place_is_not_a_demo() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(settings::FILE)).unwrap();
        assert!(matches!(Place::claim(dir.path(), now()), Err(DemoError::Occupied { .. })));
    }

    #[test]
    fn an_earlier_demo_loses_its_own_prefixes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::claim(dir.path(), now()).unwrap();
        place.put("_errors/old/dt=2026-01-01/_SUCCESS", b"", 5).unwrap();
        fs::create_dir_all(dir.path().join("_quarantine")).unwrap();
        fs::write(dir.path().join("_quarantine/moved"), "rows").unwrap();
        Place::claim(dir.path(), now()).unwrap();
        assert!(!dir.path().join("_errors").exists());
        assert_eq!(fs::read_to_string(dir.path().join("_quarantine/moved")).unwrap(), "rows");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_prefix_is_removed_and_not_followed() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("keep"), "mine").unwrap();
        Place::claim(dir.path(), now()).unwrap();
        std::os::unix::fs::symlink(other.path(), dir.path().join("gold")).unwrap();
        Place::claim(dir.path(), now()).unwrap();
        assert!(fs::symlink_metadata(dir.path().join("gold")).is_err());
        assert_eq!(fs::read_to_string(other.path().join("keep")).unwrap(), "mine");
    }

    #[test]
    fn times_are_counted_from_the_whole_minute() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::claim(dir.path(), now()).unwrap();
        place.put("gold/x", b"1", 61).unwrap();
        let modified: DateTime<Utc> = fs::metadata(dir.path().join("gold/x")).unwrap().modified().unwrap().into();
        assert_eq!(modified.to_rfc3339(), "2026-11-24T10:29:00+00:00");
    }
}
