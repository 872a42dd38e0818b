//! Moves as the console follows them: what is being planned, what runs, what it came to. One move at a time; it
//! goes on whatever is looked at meanwhile.

mod commands;
mod footer;
mod reasons;
mod told;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::model::moves::{Plan, QuarantineState, Step};
use crate::model::protection::{Locked, Protection};
use crate::model::text::one_line;
use crate::ops::{GateError, MoveProgress, Outcome, RepairPlan};

use super::alerts;
use super::load::Fault;
use super::msg::{Effect, RequestId};
use super::overlay::Overlay;
use super::plan::{PlanScreen, Subject};
use super::runbook;
use super::state::State;
use super::words;

pub(super) use commands::{EVEN_INCOMPLETE, run};
pub(super) use footer::progress;
pub(super) use reasons::reasons;

/// What is known of moves.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Whether this session can write at all. Not known yet at the start: taken as no.
    pub gated: bool,
    /// What is being planned.
    pub planning: Option<Planning>,
    /// What runs.
    pub running: Option<Running>,
    /// The notice of interrupted moves was given.
    noticed: bool,
}

/// A plan that is being made.
#[derive(Debug, Clone)]
pub(super) struct Planning {
    pub id: RequestId,
    /// `quarantine of 3 entries`.
    pub title: String,
    /// The same, and how far it is where that is known.
    pub what: String,
    /// The plans are of moves that were interrupted.
    pub resume: bool,
}

impl Planning {
    /// The plan of something new.
    pub(super) fn new(id: RequestId, title: String) -> Self {
        Self { id, what: title.clone(), title, resume: false }
    }
}

/// Moves that run, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// What each is called: `quarantine crm/contacts`; harmless text.
    pub titles: Vec<String>,
    /// How far it is, and which of them.
    pub progress: Option<(MoveProgress, usize)>,
    /// It was asked to stop.
    pub stopping: bool,
    /// The user pressed `q` once.
    pub leaving: bool,
}

impl Running {
    pub(super) fn new(titles: Vec<String>) -> Self {
        Self { titles, progress: None, stopping: false, leaving: false }
    }
}

/// What was asked of the gate.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// Moves, or the rest of moves.
    Move,
    /// Rejected rows were repaired.
    Repair,
    /// Quarantines were marked.
    Mark(Step),
    /// The environment was armed.
    Arm,
    /// An act on alerts was recorded.
    Triage,
    /// Something was done to a job or a DAG.
    Drive,
}

/// What writes came to, in their order; fewer than were asked for if something stopped them.
#[derive(Debug)]
pub(super) struct Written {
    pub write: Write,
    pub ended: Vec<Result<Outcome, GateError>>,
    pub of: usize,
}

/// Plans came, or why not.
pub(super) fn planned(state: &mut State, id: RequestId, result: Result<Vec<Plan>, GateError>) -> Vec<Effect> {
    let Some(planning) = state.moves.planning.take_if(|p| p.id == id) else { return Vec::new() };
    match result {
        Ok(plans) => {
            let subject = Subject::Moves { plans, resume: planning.resume };
            state.overlay = Some(Overlay::Plan(Box::new(PlanScreen::new(subject))));
        }
        Err(error) => {
            let fault = Fault::from(&error);
            state.fail_with(format!("{}: {}", planning.what, fault.what), fault.hint);
        }
    }
    Vec::new()
}

/// The plan of a repair came, or why not.
pub(super) fn repair_planned(
    state: &mut State,
    id: RequestId,
    result: Result<Box<RepairPlan>, GateError>,
) -> Vec<Effect> {
    let Some(planning) = state.moves.planning.take_if(|p| p.id == id) else { return Vec::new() };
    match result {
        Ok(plan) => state.overlay = Some(Overlay::Plan(Box::new(PlanScreen::new(Subject::Repair(plan))))),
        Err(error) => {
            let fault = Fault::from(&error);
            state.fail_with(format!("{}: {}", planning.title, fault.what), fault.hint);
        }
    }
    Vec::new()
}

/// A plan that reads rows tells how many it has looked at.
pub(super) fn checked(state: &mut State, id: RequestId, rows: u64, of: Option<u64>) {
    if let Some(planning) = state.moves.planning.as_mut().filter(|p| p.id == id) {
        let of = of.map(|all| format!("/{}", words::count(all))).unwrap_or_default();
        planning.what = format!("{}: {}{of} rows", planning.title, words::count(rows));
    }
}

/// The running move tells how far it is.
pub(super) fn progressed(state: &mut State, progress: MoveProgress, index: usize) {
    if let Some(running) = state.moves.running.as_mut() {
        running.progress = Some((progress, index));
    }
}

/// Writes ended.
pub(super) fn written(state: &mut State, written: Written) -> Vec<Effect> {
    if matches!(written.write, Write::Move | Write::Repair) {
        state.moves.running = None;
    }
    told::tell(state, &written);
    let mut walk = runbook::written(state, &written);
    match written.write {
        // What waited for it goes on.
        Write::Arm => vec![Effect::Protection, Effect::CarryOn],
        Write::Triage => {
            let records = written.ended.into_iter().flatten().flat_map(|o| o.triaged).collect();
            alerts::triage::recorded(state, records);
            walk
        }
        Write::Move | Write::Repair | Write::Mark(_) | Write::Drive => {
            walk.extend(state.refresh());
            walk.push(Effect::Protection);
            walk
        }
    }
}

/// What the gate allows; none where there is no gate.
pub(super) fn protection(state: &mut State, protection: Option<Protection>) {
    state.moves.gated = protection.is_some();
    state.protection = protection.unwrap_or(Protection::ReadOnly);
}

/// Time went on: an armed environment may have locked itself.
pub(super) fn tick(state: &mut State, before: DateTime<Utc>) {
    if state.protection.allows(before).is_ok() && state.protection.allows(state.now) == Err(Locked::Over) {
        let environment = one_line(&state.settings.environment.to_uppercase(), 16);
        state.say(format!("{environment} is read-only again: the time it was armed for is over"));
    }
}

/// Once, when the lake is known: moves that somebody's end left half-way.
pub(super) fn notice(state: &mut State) {
    if state.moves.noticed || state.lake.snapshot.taken.is_none() {
        return;
    }
    state.moves.noticed = true;
    let interrupted = |q: &&std::sync::Arc<crate::ops::Quarantine>| q.state == QuarantineState::Interrupted;
    let n = state.lake.snapshot.quarantines.iter().filter(interrupted).count() as u64;
    if n > 0 {
        let were = if n == 1 { "was" } else { "were" };
        state.say(format!("{} {were} interrupted: 3 Quarantine, then :resume", words::plural(n, "move", "moves")));
    }
}

/// Esc: what is being planned is given up. What runs is not: `:stop` does that.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    let planning = state.moves.planning.take()?;
    state.say(format!("{}: given up", planning.what));
    Some(vec![Effect::Cancel(super::msg::Job::Plan)])
}

/// Why nothing can be written now, in words for a screen; none if it can.
pub(super) fn lock(state: &State) -> Option<String> {
    if !state.moves.gated {
        return Some("this session cannot write".into());
    }
    let environment = one_line(&state.settings.environment.to_uppercase(), 16);
    match state.protection.allows(state.now) {
        Ok(()) => None,
        Err(locked @ Locked::ReadOnly) => Some(format!("{locked}: {}", locked.hint())),
        Err(Locked::Protected | Locked::Over) => Some(format!("{environment} is read-only: :arm 15m REASON")),
    }
}
