//! What enter does on a step: its probe runs here; its action is begun where it lives, and what it came to is written
//! down with the step.

use crate::console::command;
use crate::console::moves::{Write, Written};
use crate::console::msg::Effect;
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::state::{State, Tab};
use crate::console::{jobs, update};
use crate::model::entry::EntryPath;
use crate::model::incident::{Happening, IncidentId};
use crate::model::moves::MoveKind;
use crate::model::runbook::{Action, Directive, StepNumber};
use crate::ops::Outcome;

/// An action of a step that was begun and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acting {
    incident: IncidentId,
    step: StepNumber,
    action: Action,
}

/// Does what the chosen step asks for.
pub(super) fn act(state: &mut State) -> Vec<Effect> {
    let Some(open) = &state.runbook.open else { return Vec::new() };
    let (Some(step), incident) = (open.chosen().cloned(), open.incident.clone()) else { return Vec::new() };
    let Some(incident) = incident else {
        state.say("it is only read: b on an alert opens an incident and walks it");
        return Vec::new();
    };
    match step.directive {
        None if step.branch => state.say("does it apply? y or n"),
        None => state.say("for you to do; x when it is done, s leaves it out with a reason"),
        Some(Directive::Look(probe) | Directive::Check(probe)) => {
            let id = super::busy(state, &format!("{}…", probe.word()));
            return vec![Effect::Probe { id, incident, step: step.number, probe }];
        }
        Some(Directive::Do(action)) => {
            let entry = incident.about.variables.get("entry").map(|path| EntryPath(path.into()));
            state.runbook.acting = Some(Acting { incident: incident.id.clone(), step: step.number, action });
            return begin(state, action, entry);
        }
    }
    Vec::new()
}

/// Begins an action on the tab it belongs to, by the command that anybody would use there.
fn begin(state: &mut State, action: Action, entry: Option<EntryPath>) -> Vec<Effect> {
    let line = action.word();
    if command::find(line).is_none() {
        state.fail(format!("{line} is not known here; skip the step with a reason"));
        return Vec::new();
    }
    let mut effects = match (action, entry) {
        (Action::Quarantine | Action::Archive | Action::Repair | Action::Redrive, Some(entry)) => {
            if !state.lake.entries.iter().any(|known| known.path == entry) {
                state.fail("the entry is not in the queue any more; skip the step with a reason");
                return Vec::new();
            }
            update::jump(state, &entry)
        }
        (Action::Quarantine | Action::Archive | Action::Repair | Action::Redrive, None) => {
            state.fail("this incident is about no entry of the queue; skip the step with a reason");
            return Vec::new();
        }
        (Action::Release, _) => {
            state.jump(Tab::Quarantine);
            Vec::new()
        }
        (Action::Rerun, _) => match jobs::select_run(state, &variables(state)) {
            Some(effects) => effects,
            None => {
                state.fail("the run of this incident is not told of any more; 4 Jobs shows those there are");
                return Vec::new();
            }
        },
        (Action::Trigger | Action::Clear, _) => {
            state.jump(Tab::Jobs);
            Vec::new()
        }
        (Action::Run | Action::Backfill, _) => Vec::new(),
    };
    // What needs arguments is put on the command line to be finished.
    let of = |name: &str| variables(state).get(name).unwrap_or_default().to_owned();
    let typed = match action {
        Action::Backfill => Some(format!("backfill {} {} {}", of("dataset"), of("date"), of("date"))),
        Action::Run => Some(format!("run {} {}", of("job"), of("date"))),
        Action::Quarantine => Some("quarantine ".to_owned()),
        _ => None,
    };
    match typed {
        Some(line) => state.prompt = Some(Prompt::new(PromptKind::Command, line.trim_end_matches('-'))),
        None => effects.extend(update::run_line(state, line)),
    }
    effects
}

fn variables(state: &State) -> crate::model::runbook::Variables {
    state.runbook.open.as_ref().map(|open| open.variables().clone()).unwrap_or_default()
}

/// Writes ended: what a step's action came to is written down with it.
pub(in crate::console) fn written(state: &mut State, written: &Written) -> Vec<Effect> {
    let Some(acting) = state.runbook.acting.clone() else { return Vec::new() };
    if !is_of(acting.action, &written.write) {
        return Vec::new();
    }
    let same = |outcome: &&Outcome| kind_of(acting.action).is_none_or(|kind| outcome.kind == Some(kind));
    let done: Vec<&Outcome> = written.ended.iter().flatten().filter(same).collect();
    let failed = written.ended.iter().find_map(|ended| ended.as_ref().err());
    let (done, detail) = match (done.first(), failed) {
        // A repair is done though rows still fail: how many is what it came to.
        (Some(outcome), None) => (!outcome.needs_operator || acting.action == Action::Repair, came_to(outcome)),
        (_, Some(error)) => (false, error.to_string()),
        (None, None) => return Vec::new(),
    };
    state.runbook.acting = None;
    let known = state.lake.snapshot.incidents.iter().find(|incident| incident.id == acting.incident).cloned();
    let Some(incident) = known else { return Vec::new() };
    let what = vec![Happening::Acted { step: acting.step, action: acting.action, done, detail }];
    super::note(state, incident, what)
}

/// Whether such a write is what an action begins.
fn is_of(action: Action, write: &Write) -> bool {
    match action {
        Action::Quarantine | Action::Release | Action::Archive => *write == Write::Move,
        Action::Repair => *write == Write::Repair,
        Action::Run => *write == Write::Run,
        // A run of this machine is a command, one elsewhere is asked for.
        Action::Rerun | Action::Trigger | Action::Clear => matches!(write, Write::Drive | Write::Run),
        Action::Redrive | Action::Backfill => false,
    }
}

/// What it came to, in a sentence.
fn came_to(outcome: &Outcome) -> String {
    if let [first, ..] = outcome.notes.as_slice() {
        return first.clone();
    }
    let place = outcome.path.as_deref().unwrap_or_default();
    format!("{} objects, {} bytes, {place}", outcome.objects, outcome.bytes)
}

fn kind_of(action: Action) -> Option<MoveKind> {
    match action {
        Action::Quarantine => Some(MoveKind::Quarantine),
        Action::Release => Some(MoveKind::Release),
        Action::Archive => Some(MoveKind::Archive),
        _ => None,
    }
}
