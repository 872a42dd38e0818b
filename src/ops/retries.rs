//! Series of tries that this machine holds: one file each beside the journals, written before each try is asked for. A
//! process that is on a series has its lock, which ends with the process; who finds one without carries it on. An order may
//! hold secrets: a file is for its owner's eyes, and is removed when its series is over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::GateError;
use crate::model::act::ActId;
use crate::model::retry::Series;

/// The series of this machine.
#[derive(Debug, Clone)]
pub struct Retries {
    folder: PathBuf,
}

/// A series that this process alone is on.
#[derive(Debug)]
pub struct Claim(#[allow(dead_code, reason = "holds the lock")] File);

impl Retries {
    /// Those in this folder. Nothing is read or made yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a series down, and waits until the disk has it.
    pub async fn save(&self, series: &Series) -> Result<(), GateError> {
        let path = self.path(&series.id, "json");
        let (file, bytes) = (path.display().to_string(), serde_json::to_vec_pretty(series));
        let written = tokio::task::spawn_blocking(move || write(&path, &bytes?)).await;
        let fault = |fault: String| GateError::Journal { file: file.clone(), fault };
        written.map_err(|e| fault(e.to_string()))?.map_err(|e| fault(e.to_string()))
    }

    /// The series of a lake that are not over, the oldest first.
    pub async fn all(&self, lake: &str) -> Vec<Series> {
        let (folder, lake) = (self.folder.clone(), lake.to_owned());
        let read = tokio::task::spawn_blocking(move || read_all(&folder));
        let mut all = read.await.unwrap_or_default();
        all.retain(|series| series.lake == lake);
        all.sort_by(|a, b| (a.begun, &a.id).cmp(&(b.begun, &b.id)));
        all
    }

    /// One series.
    pub async fn one(&self, id: &ActId) -> Option<Series> {
        if !id.is_sound() {
            return None;
        }
        let path = self.path(id, "json");
        tokio::task::spawn_blocking(move || read(&path)).await.ok().flatten()
    }

    /// Takes a series on; none if another process is on it.
    pub fn claim(&self, id: &ActId) -> Option<Claim> {
        let path = self.path(id, "lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).ok()?;
        file.try_lock().ok()?;
        Some(Claim(file))
    }

    /// Whether a process is on it.
    pub fn is_claimed(&self, id: &ActId) -> bool {
        self.claim(id).is_none()
    }

    /// Asks for no further try, whichever process is on it. What runs goes on.
    pub async fn stop(&self, id: &ActId) -> io::Result<()> {
        tokio::fs::write(self.path(id, "stop"), b"").await
    }

    /// Whether that was asked.
    pub fn is_stopped(&self, id: &ActId) -> bool {
        self.path(id, "stop").exists()
    }

    /// It is over. The lock goes last: until then nobody else takes the series on.
    pub async fn close(&self, id: &ActId) {
        for kind in ["json", "stop", "lock"] {
            let gone = tokio::fs::remove_file(self.path(id, kind)).await;
            if let Err(e) = gone.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }) {
                tracing::warn!("the record of {id} stays: {e}");
            }
        }
    }

    fn path(&self, id: &ActId, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}.{kind}"))
    }
}

/// Whole or not at all: written beside it, and put in its place.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = path.with_extension("json.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

fn read(path: &Path) -> Option<Series> {
    serde_json::from_slice(&fs::read(path).ok()?).ok().filter(|series: &Series| series.schema == 1)
}

fn read_all(folder: &Path) -> Vec<Series> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|e| e.path());
    paths.filter(|path| path.extension().is_some_and(|x| x == "json")).filter_map(|path| read(&path)).collect()
}
