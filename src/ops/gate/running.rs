//! A job that is a command of this machine: its record and log are kept beside the data, from before it begins until it
//! is over. It runs in a process group of its own, which is ended when the job is stopped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use super::living::Living;
use super::{Fence, Gate, GateError, Outcome, WriteEffect, chance};
use crate::lake::{ErrorClass, Key, LakeError};
use crate::model::dataset::Dataset;
use crate::model::moves::MoveId;
use crate::model::protection::{Confirmation, Level};
use crate::model::run::JobName;
use crate::ops::moves::Watch;
use crate::sources::local::jobs::{GROUP, PREFIX, RECORD, RUN_VARIABLE, RUNNER, RunRecord};
use crate::sources::local::process::noted;

/// How often a command is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What a command that is asked to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
/// Of the log's end, what is looked at for the last thing that it said. Bytes.
const END: u64 = 4 << 10;
/// Of that, what is kept. Characters.
const SAID: usize = 200;
/// The name of the log beside the record.
const LOG: &str = "log.txt";

/// A job to be run, its command whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAsk {
    /// The job.
    pub job: JobName,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The lake's folder: it runs there.
    pub folder: PathBuf,
    /// The date of the data.
    pub date: Option<NaiveDate>,
    /// Its settings: the command finds `spark.executor.memory` as `SPARK_EXECUTOR_MEMORY`.
    pub settings: Vec<(String, String)>,
}

/// A run of a command, whoever asked for it.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub job: JobName,
    pub command: Vec<String>,
    pub folder: PathBuf,
    pub date: Option<NaiveDate>,
    pub dataset: Option<Dataset>,
    /// The path of the entry that is redriven.
    pub entry: Option<String>,
    /// Whether it fills in what is missing.
    pub backfill: bool,
    pub settings: Vec<(String, String)>,
}

/// What a run of a command came to.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    /// The word for its state.
    pub state: &'static str,
    /// How it ended, in words.
    pub told: String,
    /// What else is to be said.
    pub notes: Vec<String>,
}

/// The folder of a job's runs, relative to the lake; ends in `/`.
pub(super) fn folder_of(job: &JobName) -> String {
    format!("{PREFIX}{}/", plain(job))
}

/// The record of a run.
pub(super) fn record_key(job: &JobName, id: &str) -> Key {
    Key(format!("{}{id}/{RECORD}", folder_of(job)))
}

fn plain(job: &JobName) -> String {
    job.0.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect()
}

/// How a command ended.
enum Ended {
    By(ExitStatus),
    Stopped,
    NotBegun(io::Error),
}

impl Gate {
    pub(super) async fn ran(
        &self,
        effect: &WriteEffect,
        ask: &RunAsk,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.confirmed(Level { objects: 1, removes_from: None }, confirmation)?;
        let now = (self.clock)();
        let id = format!("{}-{}-{:04x}", plain(&ask.job), now.format("%Y%m%d-%H%M%S"), chance() & 0xffff);
        let path = format!("{}{id}/", folder_of(&ask.job));
        let mut outcome = Outcome { path: Some(path), ..Outcome::nothing() };
        if rehearsal {
            outcome.notes.push(format!("would run {}", ask.command.join(" ")));
            return Ok(outcome);
        }
        let prefixes = vec![folder_of(&ask.job)];
        let work = async |_: &Fence| self.audited_run(effect, ask, confirmation, watch, &id, outcome).await;
        self.holding(&MoveId(id.clone()), prefixes, watch, work).await?
    }

    async fn audited_run(
        &self,
        effect: &WriteEffect,
        ask: &RunAsk,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        id: &str,
        mut outcome: Outcome,
    ) -> Result<Outcome, GateError> {
        let errand = Errand {
            job: ask.job.clone(),
            command: ask.command.clone(),
            folder: ask.folder.clone(),
            date: ask.date,
            dataset: None,
            entry: None,
            backfill: false,
            settings: ask.settings.clone(),
        };
        let record = self.recorded(&errand, id).await?;
        let object = self.lake.uri(outcome.path.as_deref().unwrap_or_default());
        let begun = self.record_of(effect, "begun", ask.command.join(" "), confirmation, &object, &outcome);
        outcome.notes.extend(self.audit(begun).await);
        let ran = self.run_here(&errand, record, watch).await;
        outcome.notes.extend(ran.notes);
        outcome.notes.push(format!("{} {id}: {}", ask.job.0, ran.told));
        outcome.needs_operator = ran.state != "success";
        let ended = self.record_of(effect, ran.state, ran.told, confirmation, &object, &outcome);
        outcome.notes.extend(self.audit(ended).await);
        Ok(outcome)
    }

    /// Writes the record of a run that is about to begin. One of its name that is there already is somebody's run.
    pub(super) async fn recorded(&self, errand: &Errand, id: &str) -> Result<Living<RunRecord>, LakeError> {
        let now = (self.clock)();
        let runner = format!("{} {}", self.actor.host, noted(std::process::id()));
        let record = RunRecord {
            schema: 1,
            id: id.to_owned(),
            job: errand.job.0.to_string(),
            state: "running".to_owned(),
            created: now,
            started: Some(now),
            ended: None,
            attempt: 1,
            attempts_allowed: 1,
            detail: None,
            date: errand.date,
            backfill: errand.backfill,
            command: errand.command.clone(),
            settings: errand.settings.iter().cloned().chain([(RUNNER.to_owned(), runner)]).collect(),
            metrics: None,
            log: Some(LOG.to_owned()),
        };
        let key = record_key(&errand.job, id);
        let uri = self.lake.uri(key.as_str());
        let made = Living::create(self.lake.as_ref(), key, record).await?;
        made.ok_or_else(|| LakeError::new(ErrorClass::Conflict, uri, "a run of this name is there already"))
    }

    /// Runs it to its end, and writes down how it ended.
    pub(super) async fn run_here(&self, errand: &Errand, mut kept: Living<RunRecord>, watch: &Watch) -> Ran {
        let id = kept.record.id.clone();
        let log = errand.folder.join(folder_of(&errand.job)).join(&id).join(LOG);
        let (asked, named, out) = (errand.clone(), id.clone(), log.clone());
        let mut notes = Vec::new();
        let begun = tokio::task::spawn_blocking(move || begin(&asked, &named, &out)).await;
        let ended = match begun.unwrap_or_else(|e| Err(io::Error::other(e))) {
            Ok(child) => {
                // It may outlive this process, which need not be the one that wrote the record: whoever looks then has to
                // find it.
                let runner = format!("{} {}", self.actor.host, noted(std::process::id()));
                kept.record.settings.insert(GROUP.to_owned(), noted(child.id()));
                kept.record.settings.insert(RUNNER.to_owned(), runner);
                if let Err(e) = kept.update(self.lake.as_ref()).await {
                    notes.push(format!("its process group could not be written down: {e}"));
                }
                let stop = watch.clone();
                let waited = tokio::task::spawn_blocking(move || wait(child, || stop.is_stopped())).await;
                waited.unwrap_or_else(|e| Ended::NotBegun(io::Error::other(e)))
            }
            Err(error) => Ended::NotBegun(error),
        };
        let said = tokio::task::spawn_blocking(move || last_words(&log)).await.unwrap_or_default();
        let (state, why) = verdict(&ended);
        kept.record.state = state.to_owned();
        kept.record.ended = Some((self.clock)());
        kept.record.detail = why.map(|why| if said.is_empty() { why } else { format!("{why}: {said}") });
        let told = kept.record.detail.clone().unwrap_or_else(|| state.to_owned());
        if let Err(e) = kept.update(self.lake.as_ref()).await {
            notes.push(format!("how it ended could not be written down: {e}"));
        }
        Ran { state, told, notes }
    }
}

/// How a command finds a setting.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The word for its state, and why it did not go well.
fn verdict(ended: &Ended) -> (&'static str, Option<String>) {
    match ended {
        Ended::By(status) if status.success() => ("success", None),
        Ended::By(status) => {
            let code = status.code().map(|code| format!("exit code {code}"));
            let signal = || status.signal().map_or_else(|| "ended".to_owned(), |n| format!("ended by signal {n}"));
            ("failed", Some(code.unwrap_or_else(signal)))
        }
        Ended::Stopped => ("cancelled", Some("stopped".to_owned())),
        Ended::NotBegun(e) => ("failed", Some(format!("it could not be started: {e}"))),
    }
}

fn wait(mut child: Child, stopped: impl Fn() -> bool) -> Ended {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::By(status),
            Ok(None) if stopped() => {
                end(&mut child);
                return Ended::Stopped;
            }
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => return Ended::NotBegun(error),
        }
    }
}

fn begin(ask: &Errand, id: &str, log: &Path) -> io::Result<Child> {
    let (program, arguments) = ask.command.split_first().ok_or_else(|| io::Error::other("an empty command"))?;
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let out = OpenOptions::new().create_new(true).append(true).mode(0o600).open(log)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&ask.folder).env("LAKEWARD_JOB", &*ask.job.0);
    command.env("LAKEWARD_LAKE", &ask.folder).env(RUN_VARIABLE, id);
    if let Some(date) = ask.date {
        command.env("LAKEWARD_DATE", date.to_string());
    }
    for (name, value) in &ask.settings {
        command.env(variable(name), value);
    }
    if let Some(dataset) = &ask.dataset {
        command.env("LAKEWARD_DATASET", dataset.as_str());
    }
    if let Some(entry) = &ask.entry {
        command.env("LAKEWARD_ENTRY", entry);
    }
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out).process_group(0).spawn()
}

/// Asks the whole group to end, and makes it.
fn end(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    let until = Instant::now() + GRACE;
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    // The shell is gone at once; what it began may need the time.
    let there = |child: &mut Child| {
        let _ = child.try_wait();
        rustix::process::test_kill_process_group(group).is_ok()
    };
    while Instant::now() < until && there(child) {
        std::thread::sleep(LOOK);
    }
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = child.wait();
}

/// The last line of a log that says anything: of a failure, mostly why.
fn last_words(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(size.saturating_sub(END)))?;
        let mut bytes = Vec::new();
        file.take(END).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    last.chars().take(SAID).collect()
}
