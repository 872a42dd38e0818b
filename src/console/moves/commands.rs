//! The commands that lead to writes. None of them writes: each asks for a plan, or opens the question before it.

use super::Planning;
use crate::console::command::{self, Command};
use crate::console::msg::{Effect, RequestId};
use crate::console::overlay::Overlay;
use crate::console::plan::{PlanScreen, Subject};
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::state::{State, Tab};
use crate::console::{audit, quarantine, words, work};
use crate::model::length::parse;
use crate::model::moves::{ReasonCode, Step};
use crate::model::text::escape;

/// Before the reason: data that is still being written is taken all the same.
pub(in crate::console) const EVEN_INCOMPLETE: &str = "--even-incomplete";

/// Runs a command that leads to a write, or tells of writes.
pub(in crate::console) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    let note = (!argument.is_empty()).then(|| argument.to_owned());
    match command {
        Command::Quarantine => plan_quarantine(state, argument),
        Command::Archive if state.tab == Tab::Dlq => {
            let targets = targets(state);
            let id = planning(state, format!("archiving {}", words::plural(targets.len() as u64, "entry", "entries")));
            vec![Effect::PlanEntryArchive { id, targets, note }]
        }
        Command::Repair => {
            let Some(target) = targets(state).into_iter().next() else { return Vec::new() };
            let id = planning(state, "repair of the entry".to_owned());
            vec![Effect::PlanRepair { id, target }]
        }
        Command::Release => plan_step(state, Step::Release, note),
        Command::Archive => plan_step(state, Step::Archive, note),
        Command::Undo => plan_step(state, Step::Undo, note),
        Command::Resume => {
            let of: Vec<_> = quarantine::chosen(state).iter().map(|q| q.id.clone()).collect();
            let id = planning(state, format!("resume of {}", words::plural(of.len() as u64, "move", "moves")));
            if let Some(planning) = state.moves.planning.as_mut() {
                planning.resume = true;
            }
            vec![Effect::PlanResume { id, of }]
        }
        Command::Investigate => ask_mark(state, Step::Investigate, note),
        Command::Resolve => ask_mark(state, Step::Resolve, note),
        Command::Arm => arm(state, argument),
        Command::Stop if state.moves.running.is_none() => work::stop(state),
        Command::Stop => {
            if let Some(running) = state.moves.running.as_mut() {
                running.stopping = true;
            }
            state.say("the move stops at its next boundary; no byte is lost, and :resume finishes it");
            vec![Effect::StopMove]
        }
        Command::Audit => match argument.parse::<u32>() {
            Ok(days @ 1..) => audit::open(state, days),
            Err(_) if argument.is_empty() => audit::open(state, audit::DAYS),
            _ => {
                state.fail(format!("audit: {:?} is not a number of days from 1", escape(argument)));
                Vec::new()
            }
        },
        _ => Vec::new(),
    }
}

fn planning(state: &mut State, what: String) -> RequestId {
    let id = state.request();
    state.moves.planning = Some(Planning::new(id, what));
    id
}

/// The entries that are marked or selected; which they are was asked before.
fn targets(state: &State) -> Vec<String> {
    command::entries(state).unwrap_or_default().into_iter().map(|e| e.0.to_string()).collect()
}

fn plan_quarantine(state: &mut State, argument: &str) -> Vec<Effect> {
    if argument.is_empty() {
        // A reason is typed: what came up by itself would not be one.
        state.prompt = Some(Prompt::new(PromptKind::Command, "quarantine "));
        return Vec::new();
    }
    let even_incomplete = command::split(argument).0 == EVEN_INCOMPLETE;
    let rest = if even_incomplete { command::split(argument).1 } else { argument };
    let (reason, note) = command::split(rest);
    let reason = match ReasonCode::parse(reason) {
        Ok(reason) => reason,
        Err(error) => {
            state.fail_with(format!("quarantine: {}", escape(&error.to_string())), "tab offers reasons");
            return Vec::new();
        }
    };
    if even_incomplete && note.is_empty() {
        state.fail(format!("quarantine: {EVEN_INCOMPLETE} wants a note after the reason: why not wait?"));
        return Vec::new();
    }
    let targets = targets(state);
    let id = planning(state, format!("quarantine of {}", words::plural(targets.len() as u64, "entry", "entries")));
    let note = (!note.is_empty()).then(|| note.to_owned());
    vec![Effect::PlanQuarantine { id, targets, reason, note, even_incomplete }]
}

fn plan_step(state: &mut State, step: Step, note: Option<String>) -> Vec<Effect> {
    let of: Vec<_> = quarantine::chosen(state).iter().map(|q| q.id.clone()).collect();
    let what = format!("{} of {}", step.word(), words::plural(of.len() as u64, "quarantine", "quarantines"));
    let id = planning(state, what);
    vec![Effect::PlanStep { id, of, step, note }]
}

fn ask_mark(state: &mut State, step: Step, note: Option<String>) -> Vec<Effect> {
    let of = quarantine::chosen(state);
    state.overlay = Some(Overlay::Plan(Box::new(PlanScreen::new(Subject::Mark { of, step, note }))));
    Vec::new()
}

fn arm(state: &mut State, argument: &str) -> Vec<Effect> {
    let (length, reason) = command::split(argument);
    let Some(length) = parse(length).filter(|l| *l > chrono::Duration::zero()) else {
        state.fail(format!("arm: {:?} is no time such as 15m or 2h; then the reason", escape(length)));
        return Vec::new();
    };
    if let Err(why) = state.protection.armed(state.now, length, reason) {
        state.fail(format!("arm: {why}"));
        return Vec::new();
    }
    vec![Effect::Arm { length, reason: reason.to_owned() }]
}
