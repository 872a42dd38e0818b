//! Work that jobs do, as the console follows it: redrives, backfills, commands. It runs beside moves and goes on whatever
//! is looked at meanwhile; what an earlier console left half done is gone on with at the start.

mod commands;
mod view;

#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod tests;

pub(super) use commands::{OVERRIDE, run, stop};
pub(super) use view::{draw, footer, len};

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use crate::model::backfill::BackfillPlan;
use crate::model::redrive::RedrivePlan;
use crate::model::text::one_line;
use crate::model::work::WorkProgress;
use crate::ops::{GateError, Outcome, RunAsk, WorkRef, WriteEffect};

use super::load::Fault;
use super::msg::{Effect, RequestId};
use super::overlay::Overlay;
use super::plan::{PlanScreen, Subject};
use super::runbook;
use super::state::State;
use super::words;

/// Work that is over and still listed.
const KEPT: usize = 20;

/// What is known of work.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// What goes on, the oldest first.
    pub running: Vec<RunningWork>,
    /// What is over, the newest first.
    pub ended: VecDeque<EndedWork>,
    /// What an earlier console left half done and could not be gone on with.
    pub interrupted: Vec<WorkRef>,
    /// Whether that was asked for.
    looked: bool,
}

/// Work that goes on.
#[derive(Debug, Clone)]
pub(super) struct RunningWork {
    /// Told apart by this.
    pub id: RequestId,
    /// Harmless text.
    pub title: String,
    /// How far it is.
    pub progress: Option<WorkProgress>,
    /// When it began.
    pub began: DateTime<Utc>,
    /// It is a command: nobody knows how far that is.
    pub command: bool,
    /// The step of a runbook that it was begun for.
    step: Option<runbook::Acting>,
    /// It was asked to stop.
    pub stopping: bool,
    /// The user pressed `q` once.
    pub leaving: bool,
    /// It was gone on with by itself: that somebody else does so already is no error.
    pub by_itself: bool,
}

/// Work that is over.
#[derive(Debug, Clone)]
pub(super) struct EndedWork {
    pub title: String,
    /// Harmless text.
    pub told: String,
    pub well: bool,
}

/// What is to be done, planned.
#[derive(Debug)]
pub(super) enum PlannedWork {
    Redrives(Vec<RedrivePlan>),
    Backfill(Box<BackfillPlan>),
    /// A job that is a command, and where that is written.
    Run(RunAsk, String),
}

/// A plan came, or why not.
pub(super) fn planned(state: &mut State, id: RequestId, result: Result<PlannedWork, GateError>) -> Vec<Effect> {
    let Some(planning) = state.moves.planning.take_if(|p| p.id == id) else { return Vec::new() };
    match result {
        Ok(PlannedWork::Backfill(plan)) if plan.refused.is_empty() && plan.runs() == 0 => {
            let days = words::plural(plan.days.len() as u64, "day is", "days are");
            state.say(format!("nothing to run: {days} right already; --force runs them all the same"));
        }
        Ok(planned) => state.overlay = Some(Overlay::Plan(Box::new(PlanScreen::new(Subject::Work(planned))))),
        Err(error) => {
            let fault = Fault::from(&error);
            state.fail_with(format!("{}: {}", planning.what, fault.what), fault.hint);
        }
    }
    Vec::new()
}

/// Begins it: only what was answered with yes comes here, and what is gone on with by itself.
pub(super) fn begin(state: &mut State, title: String, effects: Vec<WriteEffect>, by_itself: bool) -> Effect {
    let id = state.request();
    let step = if by_itself { None } else { runbook::begun(state, &effects) };
    state.work.running.push(RunningWork {
        id,
        title: one_line(&title, 80),
        progress: None,
        began: state.now,
        command: matches!(effects.as_slice(), [WriteEffect::Run(_)]),
        step,
        stopping: false,
        leaving: false,
        by_itself,
    });
    Effect::Work { id, effects }
}

/// It tells how far it is.
pub(super) fn progressed(state: &mut State, id: RequestId, progress: WorkProgress) {
    if let Some(running) = state.work.running.iter_mut().find(|w| w.id == id) {
        running.title = one_line(&progress.title, 80);
        running.progress = Some(progress);
    }
}

/// It is over.
pub(super) fn ended(state: &mut State, id: RequestId, results: Vec<Result<Outcome, GateError>>) -> Vec<Effect> {
    let Some(at) = state.work.running.iter().position(|w| w.id == id) else { return Vec::new() };
    let running = state.work.running.remove(at);
    let held = |r: &Result<Outcome, GateError>| matches!(r, Err(GateError::Held { .. }));
    if running.by_itself && results.iter().all(held) {
        return Vec::new(); // another console does it
    }
    let well = results.iter().all(|r| r.as_ref().is_ok_and(|o| !o.needs_operator));
    let mut hint = String::new();
    let mut told = Vec::new();
    for result in &results {
        match result {
            Ok(outcome) => told.extend(outcome.notes.iter().map(|n| one_line(n, 400))),
            Err(error) => {
                let fault = Fault::from(error);
                hint = fault.hint;
                told.push(fault.what);
            }
        }
    }
    let told = if told.is_empty() { running.title.clone() } else { told.join("; ") };
    match well {
        true => state.say(told.clone()),
        false => state.fail_with(told.clone(), hint),
    }
    state.work.ended.push_front(EndedWork { title: running.title, told, well });
    state.work.ended.truncate(KEPT);
    let mut effects = running.step.map(|step| runbook::worked(state, step, &results)).unwrap_or_default();
    effects.extend(state.refresh());
    effects.push(Effect::Protection);
    effects
}

/// Once, when it is known whether anything can be written: what was left half done is asked for.
pub(super) fn look(state: &mut State) -> Vec<Effect> {
    match state.moves.gated && !std::mem::replace(&mut state.work.looked, true) {
        true => vec![Effect::Interrupted],
        false => Vec::new(),
    }
}

/// What an earlier console of this machine left half done. It was confirmed when it began: it is gone on with, where that
/// may be. What another host began is told of: somebody may be on it there.
pub(super) fn interrupted(state: &mut State, works: Vec<WorkRef>, elsewhere: Vec<WorkRef>) -> Vec<Effect> {
    // It is for whoever knows of it: which days, and why they are not over, is told there.
    let others = elsewhere.len() as u64;
    let offered = (others > 0).then(|| {
        let n = words::plural(others, "backfill that another host began is", "backfills that other hosts began are");
        format!("{n} not over: lakeward backfill list")
    });
    if works.is_empty() {
        if let Some(offered) = offered {
            state.say(offered);
        }
        return Vec::new();
    }
    let n = words::plural(works.len() as u64, "piece of work was", "pieces of work were");
    let and = offered.map(|offered| format!("; {offered}")).unwrap_or_default();
    if state.protection.allows(state.now).is_err() {
        state.say(format!("{n} interrupted: :arm 15m REASON, then :go-on{and}"));
        state.work.interrupted = works;
        return Vec::new();
    }
    state.say(format!("{n} interrupted, and goes on: W shows it{and}"));
    works.into_iter().map(|work| go_on(state, work, true)).collect()
}

/// Goes on with it, by itself or because somebody asked.
pub(super) fn go_on(state: &mut State, work: WorkRef, by_itself: bool) -> Effect {
    let title = match &work {
        WorkRef::Redrive { entry, .. } => format!("redrive {entry}"),
        WorkRef::Backfill { id } => format!("backfill {id}"),
    };
    begin(state, title, vec![WriteEffect::ResumeWork(work)], by_itself)
}
