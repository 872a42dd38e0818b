//! Effects that lead to writes: plans, which only read, and what is handed to the gate. A move runs on its own,
//! whatever else happens; [`Moving`] holds the way to stop it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Executor, PROGRESS};
use crate::console::moves::{Write, Written};
use crate::console::moving::{BOUNDARY, ENDING, MOVE};
use crate::console::msg::{Effect, Job, Msg};
use crate::console::work::PlannedWork;
use crate::model::moves::MoveId;
use crate::model::protection::{Confirmation, Locked};
use crate::ops::{GateError, Keep, MoveProgress, Outcome, Phase, RowProgress, Session, Watch, WriteEffect};

impl<C: Fn() -> DateTime<Utc>> Executor<C> {
    /// Starts what an effect asks of planner or gate.
    pub(super) fn about_writes(&mut self, effect: Effect) {
        let (session, answers, now) = (Arc::clone(&self.session), self.answers.clone(), (self.clock)());
        match effect {
            Effect::Protection => {
                tokio::spawn(async move {
                    let protection = session.gate().map(|gate| gate.protection());
                    let _ = answers.send(Msg::Protection(protection)).await;
                });
            }
            // One after the other: the first that cannot be planned tells why, and none is shown.
            Effect::PlanQuarantine { id, targets, reason, note, even_incomplete } => {
                self.start(Job::Plan, async move {
                    let plan = |target: String| {
                        let (session, reason, note) = (&session, &reason, note.clone());
                        async move { session.plan_quarantine(&target, reason, note, even_incomplete, now).await }
                    };
                    let plans = stream::iter(targets).then(plan).try_collect().await;
                    let _ = answers.send(Msg::Planned(id, plans)).await;
                });
            }
            Effect::PlanStep { id, of, step, note } => self.start(Job::Plan, async move {
                let plan = |of: MoveId| {
                    let (session, note) = (&session, note.clone());
                    async move { session.plan_step(&of, step, note, Keep::default(), now).await }
                };
                let plans = stream::iter(of).then(plan).try_collect().await;
                let _ = answers.send(Msg::Planned(id, plans)).await;
            }),
            Effect::PlanResume { id, of } => self.start(Job::Plan, async move {
                let plan = |of: MoveId| {
                    let session = &session;
                    async move { session.manifest(&of).await }
                };
                let plans = stream::iter(of).then(plan).try_collect().await;
                let _ = answers.send(Msg::Planned(id, plans)).await;
            }),
            Effect::PlanEntryArchive { id, targets, note } => self.start(Job::Plan, async move {
                let plan = |target: String| {
                    let (session, note) = (&session, note.clone());
                    async move { session.plan_entry_archive(&target, note, Keep::default(), now).await }
                };
                let plans = stream::iter(targets).then(plan).try_collect().await;
                let _ = answers.send(Msg::Planned(id, plans)).await;
            }),
            Effect::PlanRepair { id, target } => {
                let told = checking(answers.clone(), id);
                self.start(Job::Plan, async move {
                    let plan = session.plan_repair(&target, false, now, told).await;
                    let _ = answers.send(Msg::RepairPlanned(id, plan.map(Box::new))).await;
                });
            }
            Effect::Repair(plan) => {
                self.write(Write::Repair, vec![(WriteEffect::Repair(plan), Confirmation::Yes)]);
            }
            Effect::Apply(plans) => {
                let effects = plans.into_iter().map(|(plan, given)| (WriteEffect::Move(Box::new(plan)), given));
                self.write(Write::Move, effects.collect());
            }
            Effect::Resume(moves) => {
                let effects = moves.into_iter().map(|(id, given)| (WriteEffect::Resume(id), given));
                self.write(Write::Move, effects.collect());
            }
            Effect::Mark { of, step, note } => {
                let mark = |id| (WriteEffect::Mark { id, step, note: note.clone() }, Confirmation::Yes);
                self.write(Write::Mark(step), of.into_iter().map(mark).collect());
            }
            Effect::Arm { length, reason } => {
                self.write(Write::Arm, vec![(WriteEffect::Arm { length, reason }, Confirmation::Yes)]);
            }
            Effect::Triage(ask) => self.write(Write::Triage, vec![(WriteEffect::Triage(ask), Confirmation::Yes)]),
            Effect::StopMove => self.moving.stop_one(MOVE),
            other => self.about_work(other),
        }
    }

    /// Starts what an effect asks of work that jobs do.
    fn about_work(&mut self, effect: Effect) {
        let (session, answers, now) = (Arc::clone(&self.session), self.answers.clone(), (self.clock)());
        match effect {
            Effect::PlanRedrive { id, targets, reason } => self.start(Job::Plan, async move {
                let plan = |target: String| {
                    let (session, reason) = (&session, reason.clone());
                    async move { session.plan_redrive(&target, reason, now).await }
                };
                let plans: Result<Vec<_>, _> = stream::iter(targets).then(plan).try_collect().await;
                let _ = answers.send(Msg::PlannedWork(id, plans.map(PlannedWork::Redrives))).await;
            }),
            Effect::PlanBackfill { id, ask } => self.start(Job::Plan, async move {
                let plan = session.plan_backfill(&ask, now).await;
                let plan = plan.map(|plan| PlannedWork::Backfill(Box::new(plan)));
                let _ = answers.send(Msg::PlannedWork(id, plan)).await;
            }),
            Effect::PlanRun { id, job, date, settings } => self.start(Job::Plan, async move {
                let source = session.settings().commands.get(&job).map(|command| command.source.clone());
                let plan = session.plan_run(&job, date, settings).map_err(GateError::from);
                let plan = plan.map(|ask| PlannedWork::Run(ask, source.unwrap_or_default()));
                let _ = answers.send(Msg::PlannedWork(id, plan)).await;
            }),
            Effect::Interrupted => {
                tokio::spawn(async move {
                    let Some(gate) = session.gate() else { return };
                    let works = gate.journal().unfinished_work(session.lake().url()).await;
                    let elsewhere = session.unfinished_elsewhere(&works).await;
                    let _ = answers.send(Msg::Interrupted(works, elsewhere)).await;
                });
            }
            Effect::Work { id, effects } => {
                let told = answers.clone();
                let watch = Watch::following(move |progress| {
                    let _ = told.try_send(Msg::WorkProgress(id, progress));
                });
                let runs = self.moving.begin(id, watch.clone(), ENDING);
                tokio::spawn(async move {
                    let mut ended = Vec::new();
                    for effect in effects {
                        if watch.is_stopped() {
                            break;
                        }
                        ended.push(perform(&session, effect, Confirmation::Yes, &watch).await);
                    }
                    drop(runs);
                    let _ = answers.send(Msg::WorkEnded(id, ended)).await;
                });
            }
            Effect::StopWork(id) => self.moving.stop_one(id),
            _ => {}
        }
    }

    /// Hands effects to the gate, one after the other. A task of its own, which nothing here holds or aborts.
    pub(super) fn write(&mut self, write: Write, effects: Vec<(WriteEffect, Confirmation)>) {
        let (session, answers) = (Arc::clone(&self.session), self.answers.clone());
        let at = Arc::new(AtomicUsize::new(0));
        let watch = Watch::telling(telling(answers.clone(), Arc::clone(&at)));
        let runs = match write {
            Write::Move | Write::Repair => Some(self.moving.begin(MOVE, watch.clone(), BOUNDARY)),
            Write::Mark(_) | Write::Arm | Write::Triage | Write::Drive => None,
        };
        let of = effects.len();
        tokio::spawn(async move {
            let mut ended = Vec::new();
            for (i, (effect, given)) in effects.into_iter().enumerate() {
                at.store(i, Ordering::Relaxed);
                let result = perform(&session, effect, given, &watch).await;
                // A refusal concerns one prefix; a lake that does not answer concerns all.
                let goes_on = result.as_ref().err().is_none_or(GateError::is_refusal) && !watch.is_stopped();
                ended.push(result);
                if !goes_on {
                    break;
                }
            }
            drop(runs);
            let _ = answers.send(Msg::Written(Written { write, ended, of })).await;
        });
    }
}

/// One write. A panic in it is an error like others: the journal knows how far it came.
async fn perform(
    session: &Arc<Session>,
    effect: WriteEffect,
    given: Confirmation,
    watch: &Watch,
) -> Result<Outcome, GateError> {
    let Some(gate) = session.gate().map(Arc::clone) else { return Err(GateError::Locked(Locked::ReadOnly)) };
    let id = match &effect {
        WriteEffect::Move(plan) => plan.id.clone(),
        WriteEffect::Repair(plan) => plan.id.clone(),
        WriteEffect::Resume(id) | WriteEffect::Mark { id, .. } => id.clone(),
        WriteEffect::Redrive(plan) => plan.id.lease(),
        WriteEffect::Backfill(plan) => plan.id.lease(),
        WriteEffect::ResumeWork(work) => work.id().lease(),
        WriteEffect::Submit(ask) => MoveId(ask.id.0.clone()),
        WriteEffect::Cancel(ask) => MoveId(ask.id.0.clone()),
        WriteEffect::Dag(ask) => MoveId(ask.id.0.clone()),
        WriteEffect::Finish(id) => MoveId(id.0.clone()),
        WriteEffect::Arm { .. }
        | WriteEffect::Triage(_)
        | WriteEffect::Run(_)
        | WriteEffect::Incident(_)
        | WriteEffect::Report(_) => MoveId(String::new()),
    };
    let watch = watch.clone();
    let work = tokio::spawn(async move { gate.perform(effect, Some(given), &watch).await });
    work.await.unwrap_or_else(|fault| {
        Err(GateError::Interrupted {
            id,
            doing: "moving",
            why: fault.to_string(),
            hint: "a fault in lakeward; no byte is lost: refresh, then :resume".into(),
            asked: false,
        })
    })
}

/// Passes on how many rows a plan has looked at, seldom.
fn checking(answers: mpsc::Sender<Msg>, id: u64) -> RowProgress {
    let last: Mutex<Option<Instant>> = Mutex::default();
    Arc::new(move |rows, of| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|then| then.elapsed() >= PROGRESS) {
            *last = Some(Instant::now());
            let _ = answers.try_send(Msg::RepairChecked(id, rows, of));
        }
    })
}

/// Passes progress on, seldom, but each change of phase; what does not fit into the channel is left out.
fn telling(answers: mpsc::Sender<Msg>, at: Arc<AtomicUsize>) -> impl Fn(MoveProgress) + Send + Sync + 'static {
    let last: Mutex<Option<(Phase, Instant)>> = Mutex::default();
    move |progress| {
        let now = Instant::now();
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|(phase, then)| phase != progress.phase || now - then >= PROGRESS) {
            *last = Some((progress.phase, now));
            let at = at.load(Ordering::Relaxed);
            let _ = answers.try_send(Msg::MoveProgress(progress, at));
        }
    }
}
