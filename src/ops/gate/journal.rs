//! What this machine knows of a move, on its disk before it happens: one file a move, one JSON line a step. No
//! request that writes to the lake is sent without its record here (rule 1). A torn last line, from a crash, says
//! nothing; the lake's own state says the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::GateError;
use crate::model::moves::{MoveId, Plan};
use crate::model::repair::RepairPlan;
use crate::model::work::{Launch, WorkId};

/// One step of a move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum JournalStep {
    /// It is about to begin; all that it will do.
    Begun {
        /// The whole plan.
        plan: Box<Plan>,
    },
    /// A repair is about to begin. One that is cut off is not taken up again: nothing that it left counts.
    Repairing {
        /// The whole plan.
        plan: Box<RepairPlan>,
    },
    /// Another process, or a later run, takes it up again.
    Resumed,
    /// An object was copied.
    Copied {
        /// Its place in the plan.
        n: usize,
        /// The tag of the copy.
        etag: String,
    },
    /// Every copy was compared with its source.
    Verified,
    /// These sources are about to be deleted.
    Deleting {
        /// Their places in the plan.
        n: Vec<usize>,
    },
    /// It stopped half-way.
    Stopped {
        /// Why.
        why: String,
    },
    /// It is over.
    Done,
    /// Work that is handed to a job begins, or goes on.
    Working {
        /// Which.
        work: WorkRef,
        /// On which lake.
        lake: String,
    },
    /// A run is about to be asked for.
    Launching {
        /// Its name, which makes a second request the same one.
        token: String,
        /// What is started.
        launch: Launch,
    },
}

/// Which work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum WorkRef {
    /// A redrive, by its place in the ledger.
    Redrive {
        /// Its name.
        id: WorkId,
        /// The entry, relative to the lake.
        entry: String,
        /// Which of that entry.
        number: u32,
    },
    /// A backfill.
    Backfill {
        /// Its name.
        id: WorkId,
    },
}

impl WorkRef {
    /// Its name.
    pub fn id(&self) -> &WorkId {
        match self {
            Self::Redrive { id, .. } | Self::Backfill { id } => id,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: DateTime<Utc>,
    #[serde(flatten)]
    step: JournalStep,
}

/// The journals of this machine.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// The journals in this folder. Nothing is read or made yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Opens the record of a move, making it if need be, and writes its first step to the disk.
    pub async fn open(&self, id: &MoveId, first: JournalStep, at: DateTime<Utc>) -> Result<Record, GateError> {
        let record = self.unwritten(id);
        record.durable(first, at).await?;
        Ok(record)
    }

    /// A record that no step was written to yet: what a rehearsal has.
    pub fn unwritten(&self, id: &MoveId) -> Record {
        Record { file: Arc::new(Mutex::new(None)), path: self.path(id) }
    }

    /// What is recorded of a move; nothing if this machine knows none of it.
    pub async fn read(&self, id: &MoveId) -> Vec<JournalStep> {
        let path = self.path(id);
        tokio::task::spawn_blocking(move || steps(&path)).await.unwrap_or_default()
    }

    /// The moves that began here, on this lake, and are not over.
    pub async fn unfinished(&self, lake: &str) -> Vec<MoveId> {
        let (folder, lake) = (self.folder.clone(), lake.to_owned());
        tokio::task::spawn_blocking(move || unfinished(&folder, &lake)).await.unwrap_or_default()
    }

    /// The work that began here, on this lake, and is not over.
    pub async fn unfinished_work(&self, lake: &str) -> Vec<WorkRef> {
        let (folder, lake) = (self.folder.clone(), lake.to_owned());
        tokio::task::spawn_blocking(move || unfinished_work(&folder, &lake)).await.unwrap_or_default()
    }

    /// The folder of what is not a move: acts on jobs and DAGs.
    pub(super) fn acts(&self) -> PathBuf {
        self.folder.join("acts")
    }

    /// The folder of series of tries.
    pub(in crate::ops) fn retries(&self) -> PathBuf {
        self.folder.join("retries")
    }

    fn path(&self, id: &MoveId) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }
}

/// The open record of one move.
#[derive(Debug, Clone)]
pub struct Record {
    file: Arc<Mutex<Option<File>>>,
    path: PathBuf,
}

impl Record {
    /// Writes a step and waits until the disk has it.
    pub async fn durable(&self, step: JournalStep, at: DateTime<Utc>) -> Result<(), GateError> {
        let record = self.clone();
        let written = tokio::task::spawn_blocking(move || record.write(step, at, true)).await;
        let fault = |fault: String| GateError::Journal { file: self.path.display().to_string(), fault };
        written.map_err(|e| fault(e.to_string()))?.map_err(|e| fault(e.to_string()))
    }

    /// Writes a step that the lake itself can tell again: not waited for. A failure shows at the next durable step.
    pub fn brief(&self, step: JournalStep, at: DateTime<Utc>) {
        let _ = self.write(step, at, false);
    }

    fn write(&self, step: JournalStep, at: DateTime<Utc>, durable: bool) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = Some(begin(&self.path)?);
        }
        let Some(file) = file.as_mut() else { return Ok(()) };
        let mut line = serde_json::to_vec(&Line { at, step })?;
        line.push(b'\n');
        file.write_all(&line)?;
        if durable { file.sync_data() } else { Ok(()) }
    }
}

/// Opens a journal for appending. A last line that a crash tore off is ended, so that it cannot spoil the next.
fn begin(path: &Path) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let torn = whole(path).is_ok_and(|bytes| !bytes.is_empty() && !bytes.ends_with(b"\n"));
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    if torn {
        file.write_all(b"\n")?;
    }
    // The name must survive a power cut as well.
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// What a file holds now; of what is no file, and never ends, nothing.
fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let (length, mut bytes) = (file.metadata()?.len(), Vec::new());
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn steps(path: &Path) -> Vec<JournalStep> {
    let text = whole(path).unwrap_or_default();
    text.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<Line>(l).ok()).map(|l| l.step).collect()
}

/// Whether a move was begun, or taken up again, and did not end since.
pub(super) fn is_open(steps: &[JournalStep]) -> bool {
    let begun = |s: &JournalStep| matches!(s, JournalStep::Begun { .. } | JournalStep::Resumed);
    let ended = steps.iter().rposition(|s| *s == JournalStep::Done);
    steps.iter().rposition(begun).is_some_and(|begun| ended.is_none_or(|ended| ended < begun))
}

/// The steps of every journal.
fn all(folder: &Path) -> impl Iterator<Item = Vec<JournalStep>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|e| e.path().extension().is_some_and(|x| x == "jsonl")).map(|e| steps(&e.path()))
}

fn unfinished_work(folder: &Path, lake: &str) -> Vec<WorkRef> {
    let open = |steps: Vec<JournalStep>| {
        let ended = steps.iter().rposition(|s| *s == JournalStep::Done);
        let begun = steps.iter().rposition(|s| matches!(s, JournalStep::Working { .. }))?;
        let JournalStep::Working { work, lake: of } = steps.into_iter().nth(begun)? else { return None };
        (of == lake && ended.is_none_or(|ended| ended < begun)).then_some(work)
    };
    let mut works: Vec<WorkRef> = all(folder).filter_map(open).collect();
    works.sort_by(|a, b| a.id().cmp(b.id()));
    works
}

fn unfinished(folder: &Path, lake: &str) -> Vec<MoveId> {
    let mut ids: Vec<MoveId> = all(folder)
        .filter_map(|steps| {
            let plan = steps.iter().find_map(|s| match s {
                JournalStep::Begun { plan } => Some(plan),
                _ => None,
            })?;
            (plan.lake == lake && is_open(&steps)).then(|| plan.id.clone())
        })
        .collect();
    ids.sort();
    ids
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Fault 23: a torn last line says nothing, and what follows it is read.
    #[tokio::test]
    async fn a_torn_line_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path().join("deep/er"));
        let (id, at) = (MoveId("m-1".into()), DateTime::UNIX_EPOCH);
        let record = journal.open(&id, JournalStep::Resumed, at).await.unwrap();
        record.brief(JournalStep::Copied { n: 3, etag: "e".into() }, at);
        drop(record);
        let path = journal.path(&id);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let record = journal.open(&id, JournalStep::Verified, at).await.unwrap();
        record.durable(JournalStep::Done, at).await.unwrap();
        assert_eq!(journal.read(&id).await, [JournalStep::Resumed, JournalStep::Verified, JournalStep::Done]);
    }

    /// Fault 23: no room for the journal, no write.
    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let journal = Journal::at(file.join("below"));
        let error = journal.open(&MoveId("m".into()), JournalStep::Resumed, DateTime::UNIX_EPOCH).await.unwrap_err();
        assert!(error.to_string().contains("nothing was done"), "{error}");
    }
}
