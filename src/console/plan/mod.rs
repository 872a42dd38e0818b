//! The question before every write: what would happen, refusals first, and what must be typed for it to happen.
//! Enter alone does nothing, pasted text is refused, and so is what was typed before the question was on screen.

mod lines;
mod repair;
mod runs;
mod view;

#[cfg(test)]
mod tests;

pub(super) use view::draw;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::model::moves::{MoveKind, Plan, Refusal, Step};
use crate::model::protection::{Confirmation, Level, Protection};
use crate::model::text::escape;
use crate::ops::{DrivePlan, Quarantine, RepairPlan, WriteEffect};

use super::command::{self, Command};
use super::cursor::Cursor;
use super::keys::Key;
use super::layout;
use super::moves::{self, Running};
use super::msg::Effect;
use super::overlay::Overlay;
use super::prompt::{Prompt, PromptKind};
use super::state::State;
use super::work::{self, PlannedWork};
use super::{runbook, words};

/// The longest thing that is typed here: a prefix, which is a part of a key.
const LONGEST: usize = 1024;

/// What would be done.
#[derive(Debug)]
pub(super) enum Subject {
    /// These plans, one after the other; or what is left of them, where they were interrupted.
    Moves { plans: Vec<Plan>, resume: bool },
    /// An act on a job or a DAG; with the source of its run where it is tried until it goes well.
    Drive { plan: Box<DrivePlan>, retry: Option<Arc<str>> },
    /// Another state; nothing moves.
    Mark { of: Vec<Arc<Quarantine>>, step: Step, note: Option<String> },
    /// Rejected rows, repaired into a place of their own.
    Repair(Box<RepairPlan>),
    /// Runs of jobs.
    Work(PlannedWork),
}

/// The open question.
#[derive(Debug)]
pub(super) struct PlanScreen {
    pub subject: Subject,
    /// What was typed.
    pub input: String,
    /// Where the focus is, of a question that is answered by yes or no.
    pub yes: bool,
    /// Whether it was drawn: only what is typed after that can be an answer.
    pub drawn: bool,
    /// First line in view.
    pub top: u64,
}

impl PlanScreen {
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, input: String::new(), yes: false, drawn: false, top: 0 }
    }

    /// Objects that would move.
    pub(super) fn objects(&self) -> u64 {
        match &self.subject {
            Subject::Moves { plans, .. } => plans.iter().map(|p| p.objects.len() as u64).fold(0, u64::saturating_add),
            Subject::Mark { of, .. } => of.iter().map(|q| q.objects).fold(0, u64::saturating_add),
            Subject::Repair(plan) => plan.writes.len() as u64,
            Subject::Drive { plan, .. } => plan.objects(),
            Subject::Work(PlannedWork::Redrives(plans)) => plans.len() as u64,
            Subject::Work(PlannedWork::Backfill(plan)) => plan.runs(),
            Subject::Work(PlannedWork::Run(..)) => 1,
        }
    }

    /// Bytes that would move.
    pub(super) fn bytes(&self) -> u64 {
        match &self.subject {
            Subject::Moves { plans, .. } => plans.iter().map(|p| p.totals.bytes).fold(0, u64::saturating_add),
            Subject::Mark { of, .. } => of.iter().map(|q| q.bytes).fold(0, u64::saturating_add),
            Subject::Drive { .. } | Subject::Work(_) => 0,
            Subject::Repair(plan) => plan.bytes(),
        }
    }

    /// Whether a yes is enough: nothing is removed by lakeward itself.
    pub(super) fn asks_yes(&self) -> bool {
        !matches!(self.subject, Subject::Moves { .. })
    }

    /// Whether rows were redriven already, and a reason is all that is missing.
    pub(super) fn wants_reason(&self) -> bool {
        matches!(&self.subject, Subject::Work(work) if runs::wants_reason(work))
    }

    /// The prefix that may be typed in place of the count: of one archive.
    pub(super) fn prefix(&self) -> Option<&str> {
        match &self.subject {
            Subject::Moves { plans, resume: false } => match plans.as_slice() {
                [plan] if plan.kind == MoveKind::Archive => Some(&plan.source),
                _ => None,
            },
            _ => None,
        }
    }

    /// What was typed, as a confirmation of all of it; none if it is not that.
    fn confirmed(&self) -> Option<Confirmation> {
        let typed = self.input.trim();
        let level = Level { objects: self.objects(), removes_from: self.prefix().map(str::to_owned) };
        // As it stands on the screen, or without its separators: nothing that only comes to the same.
        let objects = self.objects();
        let exact = typed == objects.to_string() || typed == words::count(objects);
        let count = exact.then_some(Confirmation::Count(objects));
        // Never an empty prefix: enter alone is no answer.
        let prefix = (!typed.is_empty() && self.prefix().is_some()).then(|| Confirmation::Prefix(typed.to_owned()));
        [count, prefix].into_iter().flatten().find(|given| level.is_met(Some(given)))
    }

    /// Whether nothing to move is no mistake: a move that copied nothing is taken back by ending it.
    fn may_be_empty(&self) -> bool {
        match &self.subject {
            Subject::Moves { plans, .. } => !plans.is_empty() && plans.iter().all(|p| p.kind == MoveKind::Undo),
            Subject::Mark { .. } | Subject::Repair(_) | Subject::Drive { .. } | Subject::Work(_) => true,
        }
    }

    /// How much of it is refused.
    fn refused(&self) -> usize {
        let driven = match &self.subject {
            Subject::Drive { plan, .. } => plan.refused.len(),
            Subject::Work(work) => runs::refused(work),
            _ => 0,
        };
        self.refusals().len() + driven
    }

    /// What was refused of all of it.
    fn refusals(&self) -> Vec<&Refusal> {
        match &self.subject {
            Subject::Moves { plans, .. } => plans.iter().flat_map(|p| &p.refused).collect(),
            Subject::Repair(plan) => plan.refused.iter().collect(),
            Subject::Mark { .. } | Subject::Drive { .. } | Subject::Work(_) => Vec::new(),
        }
    }
}

/// Why it cannot be applied now; none if the right answer would.
pub(super) fn blocked(state: &State, screen: &PlanScreen) -> Option<String> {
    if screen.wants_reason() {
        return Some("its rows were redriven already: o does it once more, with a reason".into());
    }
    match screen.refused() {
        0 => {}
        n => {
            return Some(format!("{}: nothing of this can be applied", words::plural(n as u64, "refusal", "refusals")));
        }
    }
    if screen.objects() == 0 && !screen.may_be_empty() {
        return Some("there is nothing to move".into());
    }
    if let Some(lock) = moves::lock(state) {
        return Some(lock);
    }
    // What a job does goes on beside a move: what it holds is leased.
    let beside = matches!(screen.subject, Subject::Mark { .. } | Subject::Work(_));
    (!beside && state.moves.running.is_some()).then(|| "one move at a time: another one runs".into())
}

/// The frame with the question was drawn.
pub(super) fn drawn(state: &mut State) {
    // A terminal that is too small shows none of it.
    let seen = layout::fits(state);
    if let Some(Overlay::Plan(screen)) = state.overlay.as_mut() {
        screen.drawn = seen;
    }
}

/// A paste is no answer: what is confirmed is read and typed.
pub(super) fn pasted(state: &mut State) {
    state.say("pasted text is no answer here: read the plan, and type the number of objects");
}

/// A key, while the question is open.
pub(super) fn key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let line = state.settings.keys.line(Key::from(event));
    let command = line.and_then(|l| command::find(command::split(l).0)).map(|s| s.command);
    if event.code == KeyCode::Esc {
        state.overlay = None;
        state.flash = None;
        return Vec::new();
    }
    let Some(Overlay::Plan(screen)) = state.overlay.as_ref() else { return Vec::new() };
    if !screen.drawn || !layout::fits(state) {
        return Vec::new();
    }
    let (asks_yes, prefix) = (screen.asks_yes(), screen.prefix().is_some());
    let blocked = blocked(state, screen);
    if state.flash.as_ref().is_some_and(|f| !f.error) {
        state.flash = None;
    }
    let wants_reason = screen.wants_reason();
    if let Some(why) = blocked {
        return match (event.code, &state.protection) {
            (KeyCode::Char('o'), _) if wants_reason => {
                state.overlay = None;
                let line = format!("redrive {} ", work::OVERRIDE);
                state.prompt = Some(Prompt::new(PromptKind::Command, &line));
                Vec::new()
            }
            (KeyCode::Char(':'), Protection::Protected { .. }) => {
                state.prompt = Some(Prompt::new(PromptKind::Command, "arm "));
                Vec::new()
            }
            (KeyCode::Enter | KeyCode::Char('y' | '0'..='9'), _) => {
                state.say(why);
                Vec::new()
            }
            _ => scroll(state, command),
        };
    }
    if asks_yes {
        return answer(state, event, command);
    }
    let plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    let Some(Overlay::Plan(screen)) = state.overlay.as_mut() else { return Vec::new() };
    match event.code {
        KeyCode::Enter => return enter(state),
        KeyCode::Backspace => drop(screen.input.pop()),
        KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) && !screen.input.is_empty() => {
            screen.input.clear();
        }
        KeyCode::Char(c) if plain && (prefix || c.is_ascii_digit() || c == ',') => {
            if screen.input.len() + c.len_utf8() <= LONGEST {
                screen.input.push(c);
            }
        }
        _ => return scroll(state, command),
    }
    Vec::new()
}

/// Yes or no, the focus on No.
fn answer(state: &mut State, event: KeyEvent, command: Option<Command>) -> Vec<Effect> {
    let Some(Overlay::Plan(screen)) = state.overlay.as_mut() else { return Vec::new() };
    match event.code {
        KeyCode::Char('y') => apply(state, Confirmation::Yes),
        KeyCode::Enter if screen.yes => apply(state, Confirmation::Yes),
        KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab | KeyCode::Char('h' | 'l') => {
            screen.yes = !screen.yes;
            Vec::new()
        }
        KeyCode::Char('n' | 'q') | KeyCode::Enter => {
            state.overlay = None;
            Vec::new()
        }
        _ => scroll(state, command),
    }
}

fn enter(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Plan(screen)) = state.overlay.as_mut() else { return Vec::new() };
    if let Some(confirmation) = screen.confirmed() {
        return apply(state, confirmation);
    }
    let count = words::count(screen.objects());
    let typed = std::mem::take(&mut screen.input);
    if typed.is_empty() {
        state.say(format!("nothing was done: type {count} first; esc leaves all as it is"));
    } else {
        state.say(format!("nothing was done: {:?} is not {count}", escape(&typed)));
    }
    Vec::new()
}

/// The one place where an answer becomes an effect.
fn apply(state: &mut State, given: Confirmation) -> Vec<Effect> {
    let Some(Overlay::Plan(screen)) = state.overlay.take() else { return Vec::new() };
    state.quarantine.marks = Default::default();
    runbook::confirmed(state, &screen.subject);
    match screen.subject {
        Subject::Moves { plans, resume } => {
            state.moves.running = Some(Running::new(plans.iter().map(|p| lines::name(p, resume)).collect()));
            let sole = plans.len() == 1;
            // Of several the sum was typed: each is confirmed by its own part of it.
            let own = plans.iter().map(|plan| match &given {
                Confirmation::Prefix(_) if sole => given.clone(),
                _ => Confirmation::Count(plan.objects.len() as u64),
            });
            let own: Vec<Confirmation> = own.collect();
            vec![match resume {
                true => Effect::Resume(plans.into_iter().map(|p| p.id).zip(own).collect()),
                false => Effect::Apply(plans.into_iter().zip(own).collect()),
            }]
        }
        Subject::Repair(plan) => {
            state.moves.running = Some(Running::new(vec![repair::name(&plan)]));
            vec![Effect::Repair(plan)]
        }
        Subject::Drive { plan, retry } => match plan.effect {
            // A command of this machine is work like any other: it is followed, and can be stopped.
            effect @ WriteEffect::Run(_) => vec![work::begin(state, plan.title, vec![effect], false)],
            _ => vec![Effect::Drive { plan, retry }],
        },
        Subject::Mark { of, step, note } => {
            vec![Effect::Mark { of: of.iter().map(|q| q.id.clone()).collect(), step, note }]
        }
        Subject::Work(planned) => {
            let title = runs::name(&planned);
            let effects = match planned {
                PlannedWork::Redrives(plans) => {
                    plans.into_iter().map(|plan| WriteEffect::Redrive(Box::new(plan))).collect()
                }
                PlannedWork::Backfill(plan) => vec![WriteEffect::Backfill(plan)],
                PlannedWork::Run(ask, _) => vec![WriteEffect::Run(ask)],
            };
            vec![work::begin(state, title, effects, false)]
        }
    }
}

fn scroll(state: &mut State, command: Option<Command>) -> Vec<Effect> {
    let height = view::height(state);
    let stops = view::len(state).saturating_sub(u64::from(height)) + 1;
    if let (Some(Overlay::Plan(screen)), Some(command)) = (state.overlay.as_mut(), command) {
        let mut cursor = Cursor { at: screen.top, top: 0 };
        cursor.go(command, stops, height);
        screen.top = cursor.at;
    }
    Vec::new()
}
