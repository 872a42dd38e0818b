//! What this machine knows of its acts on jobs and DAGs, on its disk before the call: one file an act, one JSON line a
//! step. An order may hold secrets, as its run does: the file is for its owner's eyes, and is removed when the act is over;
//! what stays is the audit record, which has none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::GateError;
use super::driving::{CancelAsk, DagAsk, SubmitAsk};
use crate::model::act::ActId;
use crate::model::run::JobRunId;
use crate::sources::local::process;

/// What is done to a job or a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Driven {
    Submit(Box<SubmitAsk>),
    Cancel(CancelAsk),
    Dag(Box<DagAsk>),
}

impl Driven {
    pub(super) fn id(&self) -> &ActId {
        match self {
            Self::Submit(ask) => &ask.id,
            Self::Cancel(ask) => &ask.id,
            Self::Dag(ask) => &ask.id,
        }
    }

    /// What it is, in one line. Hostile text.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Submit(ask) => ask.sentence(),
            Self::Cancel(ask) => format!("cancel {} of {}", ask.run, ask.job),
            Self::Dag(ask) => ask.act.sentence(),
        }
    }
}

/// One step of an act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum ActStep {
    /// It is about to be asked for.
    Begun {
        /// On which lake, by whom.
        lake: String,
        process: String,
        act: Driven,
    },
    /// The service answered; the run, of one that was submitted.
    Answered { run: Option<JobRunId> },
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: DateTime<Utc>,
    #[serde(flatten)]
    step: ActStep,
}

/// An act that began and of which no end is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAct {
    /// Which.
    pub id: ActId,
    /// When it began.
    pub since: DateTime<Utc>,
    /// What it is, in one line. Hostile text.
    pub what: String,
    /// Whether another process of this machine is still on it.
    pub is_elsewhere: bool,
}

/// All that is recorded of one act.
pub(super) struct Known {
    pub(super) since: DateTime<Utc>,
    pub(super) lake: String,
    pub(super) process: String,
    pub(super) act: Driven,
    /// The answer, if there was one.
    pub(super) answered: Option<Option<JobRunId>>,
}

/// The acts of this machine.
#[derive(Debug, Clone)]
pub(super) struct Acts {
    folder: PathBuf,
}

impl Acts {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a step, and waits until the disk has it.
    pub(super) async fn note(&self, id: &ActId, step: ActStep, at: DateTime<Utc>) -> Result<(), GateError> {
        let path = self.path(id);
        let file = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || append(&path, &Line { at, step })).await;
        let fault = |fault: String| GateError::Journal { file: file.clone(), fault };
        written.map_err(|e| fault(e.to_string()))?.map_err(|e| fault(e.to_string()))
    }

    pub(super) async fn read(&self, id: &ActId) -> Option<Known> {
        let path = self.path(id);
        tokio::task::spawn_blocking(move || known(&path)).await.ok().flatten()
    }

    /// It is over.
    pub(super) async fn close(&self, id: &ActId) {
        if let Err(e) = tokio::fs::remove_file(self.path(id)).await {
            tracing::warn!("the journal of {id} stays: {e}");
        }
    }

    /// Those of a lake that are not over, the oldest first.
    pub(super) async fn open(&self, lake: &str) -> Vec<OpenAct> {
        let (folder, lake) = (self.folder.clone(), lake.to_owned());
        tokio::task::spawn_blocking(move || open(&folder, &lake)).await.unwrap_or_default()
    }

    fn path(&self, id: &ActId) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }
}

fn append(path: &Path, line: &Line) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    // A line that a crash tore off must not spoil this one.
    let mut bytes = vec![b'\n'];
    serde_json::to_writer(&mut bytes, line)?;
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_data()?;
    // The name must survive a power cut as well.
    File::open(folder)?.sync_all()
}

fn known(path: &Path) -> Option<Known> {
    let text = fs::read(path).ok()?;
    let lines = text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    let mut known: Option<Known> = None;
    for Line { at, step } in lines {
        match (step, &mut known) {
            (ActStep::Begun { lake, process, act }, None) => {
                known = Some(Known { since: at, lake, process, act, answered: None });
            }
            // Taken up again: by whom is news, since when is not.
            (ActStep::Begun { process, .. }, Some(known)) => known.process = process,
            (ActStep::Answered { run }, Some(known)) => known.answered = Some(run),
            (ActStep::Answered { .. }, None) => {}
        }
    }
    known
}

fn open(folder: &Path, lake: &str) -> Vec<OpenAct> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let here = process::this_one();
    let mut acts: Vec<OpenAct> = entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "jsonl"))
        .filter_map(|e| known(&e.path()))
        .filter(|known| known.lake == lake)
        .map(|known| OpenAct {
            id: known.act.id().clone(),
            since: known.since,
            what: known.act.sentence(),
            is_elsewhere: known.process != here && !process::is_dead(&known.process),
        })
        .collect();
    acts.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
    acts
}
