//! Runs effects that ask the lake something, and sends the answers back as messages. Of each kind of work one
//! runs at a time: a newer request aborts it, and with it its requests to the lake. Writes are no such work:
//! nothing aborts them.

mod driving;
mod walks;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::ops::{LogOf, Progress, Session};

use super::moving::Moving;
use super::msg::{Effect, Job, Msg};

/// How long the choice must rest on an entry before it is opened: moving on through a tree costs no request.
const SETTLE: Duration = Duration::from_millis(80);
/// At most one message of progress in this time: each is a frame over a slow line.
const PROGRESS: Duration = Duration::from_millis(150);
/// A partial snapshot of more entries than this is large.
const LARGE: usize = 2_000;
/// A profile looks at so many rows at most.
const PROFILED_ROWS: u64 = 100_000;

pub(super) struct Executor<C> {
    session: Arc<Session>,
    answers: mpsc::Sender<Msg>,
    moving: Moving,
    clock: C,
    jobs: HashMap<Job, (AbortHandle, Arc<Semaphore>)>,
}

impl<C: Fn() -> DateTime<Utc>> Executor<C> {
    pub(super) fn new(session: Arc<Session>, answers: mpsc::Sender<Msg>, moving: Moving, clock: C) -> Self {
        Self { session, answers, moving, clock, jobs: HashMap::new() }
    }

    /// Starts what an effect asks for. Effects that concern the terminal are not for here and are given back.
    pub(super) fn run(&mut self, effect: Effect) -> Option<Effect> {
        let (session, answers) = (Arc::clone(&self.session), self.answers.clone());
        match effect {
            Effect::Refresh { id, all } => {
                let now = (self.clock)();
                self.start(Job::Refresh, async move {
                    let progress = throttled(answers.clone(), id);
                    let snapshot = match all {
                        true => session.refresh(now, progress).await,
                        false => session.refresh_due(now, progress).await,
                    };
                    let _ = answers.send(Msg::Refreshed(id, snapshot)).await;
                });
            }
            Effect::Open { id, entry, settle } => self.start(Job::Open, async move {
                if settle {
                    tokio::time::sleep(SETTLE).await;
                }
                let _ = answers.send(Msg::Opened(id, session.open(&entry).await)).await;
            }),
            Effect::Page { id, entry, request } => self.start(Job::Page, async move {
                let _ = answers.send(Msg::Page(id, session.page(&entry, &request).await)).await;
            }),
            Effect::Profile { id, entry } => self.start(Job::Profile, async move {
                let _ = answers.send(Msg::Profiled(id, session.profile(&entry, None, PROFILED_ROWS).await)).await;
            }),
            Effect::Reveal { entry, columns } => {
                let now = (self.clock)();
                // The record is on the disk before anything is shown; a disk may be slow.
                tokio::spawn(async move {
                    let (path, session) = (entry.clone(), session);
                    let written = tokio::task::spawn_blocking(move || session.reveal(now, &path, &columns)).await;
                    let written = written.map_err(|e| e.to_string()).and_then(|w| w.map_err(|e| e.to_string()));
                    let _ = answers.send(Msg::Revealed(entry, written)).await;
                });
            }
            Effect::Cancel(job) => {
                if let Some((running, _)) = self.jobs.get(&job) {
                    running.abort();
                }
            }
            Effect::Manifest { id, of, settle } => self.start(Job::Manifest, async move {
                if settle {
                    tokio::time::sleep(SETTLE).await;
                }
                let _ = answers.send(Msg::Manifest(id, session.manifest(&of).await.map(Box::new))).await;
            }),
            Effect::Audit { id, days } => {
                let now = (self.clock)();
                self.start(Job::Audit, async move {
                    let _ = answers.send(Msg::Audited(id, session.audit_log(days, now).await)).await;
                });
            }
            Effect::History { id, days } => {
                let now = (self.clock)();
                self.start(Job::History, async move {
                    let _ = answers.send(Msg::History(id, session.alert_history(days, now).await)).await;
                });
            }
            Effect::RunDetail { id, source, run, settle } => self.start(Job::Run, async move {
                if settle {
                    tokio::time::sleep(SETTLE).await;
                }
                let _ = answers.send(Msg::RunDetail(id, session.run_detail(&source, &run).await.map(Box::new))).await;
            }),
            Effect::RunMetrics { id, detail } => {
                let now = (self.clock)();
                self.start(Job::Metrics, async move {
                    let _ = answers.send(Msg::RunMetrics(id, session.run_metrics(&detail, now).await)).await;
                });
            }
            Effect::Dashboard { id, source, run, attempt } => self.start(Job::Dashboard, async move {
                let _ = answers.send(Msg::Dashboard(id, session.dashboard(&source, &run, attempt).await)).await;
            }),
            Effect::DagTasks { id, dag, run, settle } => self.start(Job::Run, async move {
                if settle {
                    tokio::time::sleep(SETTLE).await;
                }
                let _ = answers.send(Msg::DagTasks(id, session.dag_tasks(&dag, &run).await)).await;
            }),
            Effect::ReadLog { id, of, query, from } => self.start(Job::Log, async move {
                let _ = answers.send(Msg::Log(id, session.log(&of, &query, from.as_ref()).await)).await;
            }),
            Effect::LiveLog { id, of, query } => self.start(Job::LiveLog, async move {
                let mut live = session.live_log(LogOf::clone(&of), query);
                while let Some(news) = live.next().await {
                    if answers.send(Msg::LiveLog(id, news)).await.is_err() {
                        return;
                    }
                }
            }),
            Effect::Quit(_) | Effect::Suspend | Effect::Copy(_) => return Some(effect),
            Effect::Runbooks { .. }
            | Effect::TurnTo { .. }
            | Effect::Join { .. }
            | Effect::Note { .. }
            | Effect::Verify { .. }
            | Effect::Handover { .. }
            | Effect::Over { .. }
            | Effect::Report { .. }
            | Effect::Joined(_)
            | Effect::Leave
            | Effect::Probe { .. } => self.about_walks(effect),
            other => {
                if let Some(other) = self.about_driving(other) {
                    self.about_writes(other);
                }
            }
        }
        None
    }

    /// Aborts what runs of this kind and starts the new one when it has ended. One that waits and is replaced
    /// never starts.
    fn start(&mut self, job: Job, work: impl Future<Output = ()> + Send + 'static) {
        let turn = match self.jobs.get(&job) {
            Some((running, turn)) => {
                running.abort();
                Arc::clone(turn)
            }
            None => Arc::new(Semaphore::new(1)),
        };
        let mine = Arc::clone(&turn);
        let task = tokio::spawn(async move {
            if let Ok(_turn) = mine.acquire().await {
                work.await;
            }
        });
        self.jobs.insert(job, (task.abort_handle(), turn));
    }
}

impl<C> Drop for Executor<C> {
    fn drop(&mut self) {
        self.jobs.values().for_each(|(running, _)| running.abort());
    }
}

/// Passes progress on, seldom; what does not fit into the channel is left out, since more comes.
fn throttled(answers: mpsc::Sender<Msg>, id: u64) -> impl Fn(Progress) + Send + Sync {
    let begun = Instant::now();
    let next = std::sync::atomic::AtomicU64::new(0);
    move |progress| {
        let at = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = next.load(std::sync::atomic::Ordering::Relaxed);
        if progress.is_ahead {
            // It comes once, and waits for its place.
            let answers = answers.clone();
            tokio::spawn(async move { answers.send(Msg::Progress(id, progress)).await });
        } else if at >= due {
            // Taking a large partial snapshot costs the loop milliseconds, so large ones come more seldom.
            let large = progress.partial.as_ref().is_some_and(|p| p.entries.len() > LARGE);
            let pause = if large { PROGRESS * 32 } else { PROGRESS };
            next.store(at + pause.as_millis() as u64, std::sync::atomic::Ordering::Relaxed);
            let _ = answers.try_send(Msg::Progress(id, progress));
        }
    }
}
