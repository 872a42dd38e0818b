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

use super::{Fence, Gate, GateError, Outcome, WriteEffect, chance};
use crate::lake::{Condition, Key};
use crate::model::moves::MoveId;
use crate::model::protection::{Confirmation, Level};
use crate::model::run::JobName;
use crate::ops::moves::{Watch, records};
use crate::sources::local::jobs::{GROUP, PREFIX, RECORD, RUNNER, RunRecord};
use crate::sources::local::processes::noted;

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
        let name: String =
            ask.job.0.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
        let id = format!("{name}-{}-{:04x}", now.format("%Y%m%d-%H%M%S"), chance() & 0xffff);
        let path = format!("{PREFIX}{name}/{id}/");
        let mut outcome = Outcome { path: Some(path.clone()), ..Outcome::nothing() };
        if rehearsal {
            outcome.notes.push(format!("would run {}", ask.command.join(" ")));
            return Ok(outcome);
        }
        let prefixes = vec![format!("{PREFIX}{name}/")];
        let work = async |_: &Fence| self.kept(effect, ask, confirmation, watch, &id, outcome).await;
        self.holding(&MoveId(id.clone()), prefixes, watch, work).await?
    }

    /// Runs it, its record written before and after.
    async fn kept(
        &self,
        effect: &WriteEffect,
        ask: &RunAsk,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        id: &str,
        mut outcome: Outcome,
    ) -> Result<Outcome, GateError> {
        let now = (self.clock)();
        let path = outcome.path.clone().unwrap_or_default();
        let runner = format!("{} {}", self.actor.host, noted(std::process::id()));
        let mut record = RunRecord {
            schema: 1,
            id: id.to_owned(),
            job: ask.job.0.to_string(),
            state: "running".to_owned(),
            created: now,
            started: Some(now),
            ended: None,
            attempt: 1,
            attempts_allowed: 1,
            detail: None,
            date: ask.date,
            backfill: false,
            command: ask.command.clone(),
            settings: [(RUNNER.to_owned(), runner)].into(),
            log: Some(LOG.to_owned()),
        };
        let key = Key(format!("{path}{RECORD}"));
        let mut tag = self.lake.put(&key, records::json(&record), Some(Condition::Absent)).await?;
        let object = self.lake.uri(&path);
        let begun = self.record_of(effect, "begun", ask.command.join(" "), confirmation, &object, &outcome);
        outcome.notes.extend(self.audit(begun).await);
        let (asked, log, stop) = (ask.clone(), ask.folder.join(&path).join(LOG), watch.clone());
        let to = log.clone();
        let child = tokio::task::spawn_blocking(move || begin(&asked, &to)).await;
        let (ended, said) = match child.unwrap_or_else(|e| Err(io::Error::other(e))) {
            Err(error) => (Ended::NotBegun(error), String::new()),
            Ok(child) => {
                // It may outlive this process: whoever looks then has to find it.
                record.settings.insert(GROUP.to_owned(), noted(child.id()));
                match self.lake.put(&key, records::json(&record), Some(Condition::Matches(tag.clone()))).await {
                    Ok(now) => tag = now,
                    Err(e) => outcome.notes.push(format!("its process group could not be written down: {e}")),
                }
                let ended = tokio::task::spawn_blocking(move || {
                    let ended = wait(child, || stop.is_stopped());
                    (ended, last_words(&log))
                });
                ended.await.unwrap_or_else(|e| (Ended::NotBegun(io::Error::other(e)), String::new()))
            }
        };
        let (state, why) = verdict(&ended);
        record.state = state.to_owned();
        record.ended = Some((self.clock)());
        record.detail = why.map(|why| if said.is_empty() { why } else { format!("{why}: {said}") });
        let told = record.detail.clone().unwrap_or_else(|| state.to_owned());
        if let Err(e) = self.lake.put(&key, records::json(&record), Some(Condition::Matches(tag))).await {
            outcome.notes.push(format!("how it ended could not be written down: {e}"));
        }
        outcome.notes.push(format!("{} {id}: {told}", ask.job.0));
        outcome.needs_operator = state != "success";
        let ended = self.record_of(effect, state, told, confirmation, &object, &outcome);
        outcome.notes.extend(self.audit(ended).await);
        Ok(outcome)
    }
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

fn begin(ask: &RunAsk, log: &Path) -> io::Result<Child> {
    let (program, arguments) = ask.command.split_first().ok_or_else(|| io::Error::other("an empty command"))?;
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let out = OpenOptions::new().create_new(true).append(true).mode(0o600).open(log)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&ask.folder).env("LAKEWARD_JOB", &*ask.job.0);
    command.env("LAKEWARD_LAKE", &ask.folder);
    if let Some(date) = ask.date {
        command.env("LAKEWARD_DATE", date.to_string());
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
