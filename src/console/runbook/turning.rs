//! Turning to an incident: what an alert opens, what comes back, and what others went on with.

use std::sync::Arc;

use super::{Open, Wanted, fit, of_selected};
use crate::console::cursor::Cursor;
use crate::console::incident;
use crate::console::load::{Fault, Load};
use crate::console::msg::{Effect, RequestId};
use crate::console::state::{Focus, State, Tab};
use crate::model::incident::{Happening, Incident};
use crate::model::runbook::{Runbook, RunbookId};
use crate::model::text::{escape, one_line};
use crate::ops::{GateError, Runbooks, Walked};

/// `:runbook [NAME]`: the best for what is selected, or the one of a name.
pub(in crate::console) fn open(state: &mut State, argument: &str) -> Vec<Effect> {
    let alert = of_selected(state).cloned().map(Box::new);
    let runbook = (!argument.is_empty()).then(|| RunbookId(argument.into()));
    if alert.is_none() && runbook.is_none() {
        return Vec::new();
    }
    state.jump(Tab::Runbook);
    // The walk that is open goes on with the runbook of a name.
    state.runbook.wanted = Some(Wanted { alert, runbook });
    let mut effects = shown(state);
    effects.extend(turn(state));
    effects
}

/// The tab is shown: what it needs is asked for.
pub(in crate::console) fn shown(state: &mut State) -> Vec<Effect> {
    fit(state);
    if !matches!(state.runbook.library, Load::Idle | Load::Failed(_) | Load::Cancelled) {
        return Vec::new();
    }
    let id = state.request();
    state.runbook.library = Load::Waiting(id);
    vec![Effect::Runbooks { id }]
}

/// The runbooks came.
pub(in crate::console) fn came(state: &mut State, id: RequestId, runbooks: Arc<Runbooks>) -> Vec<Effect> {
    if !matches!(state.runbook.library, Load::Waiting(waiting) if waiting == id) {
        return Vec::new();
    }
    if let Some(problem) = runbooks.problems.first() {
        let fault = Fault::from(problem);
        state.fail_with(format!("runbooks: {}", fault.what), fault.hint);
    }
    state.runbook.library = Load::Ready(runbooks);
    fit(state);
    turn(state)
}

/// Turns to what is wanted, once the runbooks are known.
fn turn(state: &mut State) -> Vec<Effect> {
    let Load::Ready(runbooks) = &state.runbook.library else { return Vec::new() };
    let runbooks = Arc::clone(runbooks);
    let Some(Wanted { alert, runbook }) = state.runbook.wanted.take() else { return Vec::new() };
    if let Some(id) = &runbook
        && runbooks.named(&id.0).is_none()
    {
        state.fail(format!("no runbook {:?}", escape(&id.0)));
        return Vec::new();
    }
    match (alert, runbook) {
        (Some(alert), wanted) => {
            let id = busy(state, "opening the incident…");
            vec![Effect::TurnTo { id, alert, wanted, runbooks }]
        }
        (None, Some(name)) => {
            let walking = state.runbook.open.as_ref().and_then(|open| open.incident.clone());
            match (walking, runbooks.named(&name.0)) {
                (Some(incident), Some(runbook)) => note(state, incident, vec![Happening::by_hand(runbook.id.clone())]),
                (None, Some(runbook)) => {
                    read(state, Arc::clone(runbook));
                    Vec::new()
                }
                _ => Vec::new(),
            }
        }
        (None, None) => Vec::new(),
    }
}

/// Opens a runbook to be read, in no incident.
pub(super) fn read(state: &mut State, runbook: Arc<Runbook>) {
    state.runbook.open = Some(Open { runbook, incident: None, recorded: false, steps: Cursor::default() });
    (state.runbook.focus, state.runbook.scroll) = (Focus::List, 0);
    fit(state);
}

pub(in crate::console) fn busy(state: &mut State, what: &str) -> RequestId {
    let id = state.request();
    state.runbook.busy = Some((id, what.to_owned()));
    id
}

/// Records what happened in an incident.
pub(in crate::console) fn note(state: &mut State, incident: Arc<Incident>, what: Vec<Happening>) -> Vec<Effect> {
    let id = busy(state, "writing it down…");
    vec![Effect::Note { id, incident, what }]
}

/// What is asked for now is waited for no more; whether something was.
pub(in crate::console) fn give_up(state: &mut State) -> bool {
    let asked = state.runbook.busy.take().is_some();
    if asked {
        state.say("given up; what was written down stays");
    }
    asked
}

/// The incident that is walked is worked on no more.
pub(in crate::console) fn left(state: &mut State) {
    state.runbook.open.take_if(|open| open.incident.is_some());
    // What is still asked for would join it again.
    state.runbook.busy = None;
    fit(state);
}

/// A report was written, or not: it is copied, so that it can be put into a ticket.
pub(in crate::console) fn reported(
    state: &mut State,
    id: RequestId,
    result: Result<(String, String), GateError>,
) -> Vec<Effect> {
    state.runbook.busy.take_if(|(waiting, _)| *waiting == id);
    match result {
        Ok((text, told)) => {
            state.say(told);
            vec![Effect::Copy(text)]
        }
        Err(error) => {
            let fault = Fault::from(&error);
            state.fail_with(fault.what, fault.hint);
            Vec::new()
        }
    }
}

/// An incident was opened or gone on with, or not.
pub(in crate::console) fn walked(state: &mut State, id: RequestId, result: Result<Walked, GateError>) -> Vec<Effect> {
    let awaited = state.runbook.busy.take_if(|(waiting, _)| *waiting == id).is_some();
    match result {
        Ok(Walked { incident, recorded, notes }) => {
            let said: Vec<String> = notes.iter().map(|note| one_line(note, 400)).collect();
            if !said.is_empty() {
                state.say(said.join("; "));
            }
            // An answer that nobody waits for any more still counts for the walk that is open.
            // One that is older than what is known here came late.
            let known = state.incident.joined().filter(|known| known.id == incident.id);
            let late = recorded && known.is_some_and(|known| known.events.len() > incident.events.len());
            if (awaited || is_open(state, &incident)) && !late {
                incident::took(state, &incident, recorded);
                take(state, Arc::clone(&incident), recorded);
                return if recorded { vec![Effect::Joined(incident)] } else { Vec::new() };
            }
        }
        Err(error) => {
            let fault = Fault::from(&error);
            state.fail_with(fault.what, fault.hint);
        }
    }
    Vec::new()
}

fn is_open(state: &State, incident: &Incident) -> bool {
    let open = state.runbook.open.as_ref().and_then(|open| open.incident.as_ref());
    open.is_some_and(|known| known.id == incident.id)
}

/// Shows an incident as it stands.
fn take(state: &mut State, incident: Arc<Incident>, recorded: bool) {
    let snapshot = &mut state.lake.snapshot;
    match snapshot.incidents.iter_mut().find(|known| known.id == incident.id) {
        Some(known) => *known = Arc::clone(&incident),
        None => snapshot.incidents.insert(0, Arc::clone(&incident)),
    }
    let Load::Ready(runbooks) = &state.runbook.library else { return };
    let Some(runbook) = incident.runbook.as_ref().and_then(|(id, _)| runbooks.named(&id.0)).cloned() else {
        let name = incident.runbook.as_ref().map_or("none fits", |(id, _)| &*id.0);
        if state.tab != Tab::Runbook {
            return;
        }
        state.fail_with(
            format!("no runbook to walk in this incident: {}", escape(name)),
            ":runbook NAME chooses one, tab completes",
        );
        return;
    };
    let same =
        is_open(state, &incident) && state.runbook.open.as_ref().is_some_and(|open| open.runbook.id == runbook.id);
    let screen = &mut state.runbook;
    match screen.open.as_mut().filter(|_| same) {
        Some(open) => {
            let before = open.walk().current(&open.runbook).map(|step| step.number.clone());
            let was_there = open.chosen().map(|step| &step.number) == before.as_ref();
            (open.incident, open.recorded) = (Some(incident), recorded);
            // Who stands at the step that was next goes on with it.
            if was_there {
                open.go_to_current();
            }
        }
        None => {
            let mut open = Open { runbook, incident: Some(incident), recorded, steps: Cursor::default() };
            open.go_to_current();
            screen.open = Some(open);
            (screen.focus, screen.scroll) = (Focus::List, 0);
        }
    }
    fit(state);
}

/// A refresh came: somebody else may have gone on with what is open here.
pub(in crate::console) fn adopted(state: &mut State) {
    let known = state.runbook.open.as_ref().and_then(|open| open.incident.clone()).filter(|_| {
        // What this run alone knows is not on the lake.
        state.runbook.open.as_ref().is_some_and(|open| open.recorded)
    });
    if let Some(known) = known
        && let Some(newer) = state.lake.snapshot.incidents.iter().find(|i| i.id == known.id).cloned()
        && newer.events.len() > known.events.len()
    {
        take(state, newer, true);
    }
    fit(state);
}
