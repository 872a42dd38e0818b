//! What is done with the incident that is worked on. It is recorded as events; what it changes besides goes the way of
//! every change.

use std::sync::Arc;

use super::{IncidentScreen, NoteScreen, Row, moved, rows, standings};
use crate::console::command::Command;
use crate::console::dlq::preview::Mode;
use crate::console::msg::{Effect, Job};
use crate::console::overlay::Overlay;
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::runbook;
use crate::console::state::{Focus, State, Tab};
use crate::console::{dlq, logs};
use crate::model::incident::{Happening, Incident, MarkedText};
use crate::model::masked;
use crate::model::severity::Severity;
use crate::model::text::escape;
use crate::model::verify::Check;

/// Why a command on the incident cannot run now.
pub(in crate::console) fn may(state: &State, command: Command) -> Result<(), &'static str> {
    let Some(incident) = state.incident.joined() else {
        return Err("no incident is joined: b on an alert opens one, 8 lists those that are open");
    };
    match command {
        Command::Check | Command::Sign | Command::Waive if state.tab != Tab::Verify => Err("only on the Verify tab: 7"),
        Command::Accept if incident.handover.is_none() => Err("it was not handed over"),
        Command::Keep => match state.tab {
            Tab::Logs if state.logs.selected().is_some() => Ok(()),
            Tab::Dlq if state.dlq.focus == Focus::Detail && state.dlq.preview.mode == Mode::Rows => Ok(()),
            _ => Err("lines of a log, or a row of an entry"),
        },
        _ => Ok(()),
    }
}

/// Runs a command of the tabs, or one on the incident from elsewhere.
pub(in crate::console) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Open if state.tab == Tab::Incident && state.incident.joined().is_none() => join(state),
        Command::Open if state.tab == Tab::Verify => check(state, false),
        Command::Open | Command::Pane | Command::Detail => {
            let tab = state.tab;
            let pane = state.incident.pane_mut(tab);
            let other = if pane.focus == Focus::List { Focus::Detail } else { Focus::List };
            (pane.focus, pane.scroll) = (other, 0);
            Vec::new()
        }
        Command::Check => check(state, false),
        Command::CheckAll => check(state, true),
        Command::Copy | Command::CopyUri => copy(state, command),
        Command::Leave => {
            state.incident = IncidentScreen { told: true, ..IncidentScreen::default() };
            runbook::left(state);
            state.say("left; it stays open, and 8 lists it");
            vec![Effect::Cancel(Job::Probe), Effect::Leave]
        }
        Command::Report => {
            let Some(incident) = state.incident.joined.clone() else { return Vec::new() };
            let file = (!argument.is_empty()).then(|| argument.into());
            let id = runbook::busy(state, "writing the report…");
            vec![Effect::Report { id, incident, file }]
        }
        Command::Handover => {
            let Some(incident) = state.incident.joined.clone() else { return Vec::new() };
            let note = (!argument.is_empty()).then(|| argument.to_owned());
            let id = runbook::busy(state, "writing the handover…");
            vec![Effect::Handover { id, incident, note }]
        }
        Command::Over => over(state, argument),
        Command::Note if argument.is_empty() => {
            let check = if state.tab == Tab::Verify { state.incident.check() } else { None };
            state.overlay = Some(Overlay::Note(Box::new(NoteScreen::new(check))));
            Vec::new()
        }
        _ => match happening(state, command, argument) {
            Some((incident, what)) => runbook::record(state, incident, vec![what]),
            None => {
                moved(state, command);
                Vec::new()
            }
        },
    }
}

/// What such a command records; none where it records nothing.
fn happening(state: &mut State, command: Command, argument: &str) -> Option<(Arc<Incident>, Happening)> {
    let incident = state.incident.joined.clone()?;
    let chosen = state.incident.check();
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let what = match command {
        Command::Note => {
            Happening::Note { text: argument.to_owned(), check: chosen.filter(|_| state.tab == Tab::Verify) }
        }
        Command::Sign => {
            let check = chosen?;
            let now = state.now.max(incident.last());
            if let Err(why) = incident.checks.may_sign(check, now, state.settings.evidence_for) {
                state.fail(format!("not signed: {}", escape(&why)));
                return None;
            }
            Happening::Signed { check, note: said(argument) }
        }
        Command::Waive | Command::Severity | Command::Reopen if argument.is_empty() => {
            let line = match command {
                Command::Waive => "waive ",
                Command::Severity => "severity ",
                _ => "reopen ",
            };
            state.prompt = Some(Prompt::new(PromptKind::Command, line));
            return None;
        }
        Command::Waive => Happening::Waived { check: chosen?, reason: argument.to_owned() },
        Command::Severity => match severity(argument) {
            Some(what) => what,
            None => {
                state.fail("severity critical|warning|info, then why");
                return None;
            }
        },
        Command::Reopen => Happening::Reopened { reason: argument.to_owned() },
        Command::Own => {
            Happening::Owned { owner: Some(said(argument).unwrap_or_else(|| state.settings.actor.clone())) }
        }
        Command::Watch => {
            let who = said(argument).unwrap_or_else(|| state.settings.actor.clone());
            let watches = !incident.watchers.contains(&who);
            Happening::Watched { who, watches }
        }
        Command::Accept => Happening::Accepted,
        Command::Keep => Happening::Marked(marked(state)?),
        _ => return None,
    };
    Some((incident, what))
}

fn severity(argument: &str) -> Option<Happening> {
    let (word, reason) = argument.split_once(' ')?;
    let severity = [Severity::Critical, Severity::Warning, Severity::Info].into_iter().find(|s| s.word() == word)?;
    let reason = reason.trim();
    (!reason.is_empty()).then(|| Happening::Severity { severity, reason: reason.to_owned() })
}

/// The marked lines of the log, or the row: as they would be copied, escaped and masked.
fn marked(state: &mut State) -> Option<MarkedText> {
    let of = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        })
    };
    if state.tab == Tab::Dlq && state.dlq.preview.revealed {
        state.fail("personal columns are shown: open the entry anew; what is kept is masked");
        return None;
    }
    let (text, uri) = match state.tab {
        Tab::Logs => (of(logs::run(state, Command::Copy)), Some(format!("log of {}", state.logs.title))),
        _ => (of(dlq::run(state, Command::Copy, "")), of(dlq::run(state, Command::CopyUri, ""))),
    };
    let lines = text?.lines().map(|line| escape(&masked::text(line)).into_owned()).collect();
    Some(MarkedText { uri: uri.unwrap_or_default(), lines })
}

fn join(state: &mut State) -> Vec<Effect> {
    let at = state.incident.timeline.cursor.index();
    let Some(Row::Open(incident)) = rows(state).get(at).copied() else { return Vec::new() };
    let incident = incident.id.clone();
    state.incident.timeline.cursor = Default::default();
    let id = runbook::busy(state, "reading the incident…");
    vec![Effect::Join { id, incident }]
}

/// Makes the chosen check, or all.
fn check(state: &mut State, all: bool) -> Vec<Effect> {
    let Some(incident) = state.incident.joined.clone() else { return Vec::new() };
    let chosen: Vec<Check> = if all { Check::ALL.into() } else { state.incident.check().into_iter().collect() };
    let what = if all { "making the five checks…".to_owned() } else { "checking…".to_owned() };
    let id = runbook::busy(state, &what);
    vec![Effect::Verify { id, incident, checks: chosen }]
}

/// It is over: told at once where a check keeps it open.
fn over(state: &mut State, argument: &str) -> Vec<Effect> {
    let Some(incident) = state.incident.joined.clone() else { return Vec::new() };
    let all = standings(state, &incident);
    let left: Vec<&str> = all.iter().filter(|s| !s.is_settled()).map(|s| s.check.title()).collect();
    if !left.is_empty() {
        let hint = "7 Verify: enter checks, x signs off, w waives with a reason";
        state.fail_with(format!("not over, {} of {} open: {}", left.len(), all.len(), left.join(", ")), hint);
        return Vec::new();
    }
    if argument.is_empty() {
        state.prompt = Some(Prompt::new(PromptKind::Command, "over "));
        return Vec::new();
    }
    let id = runbook::busy(state, "writing it down…");
    vec![Effect::Over { id, incident, cause: argument.to_owned() }]
}

fn copy(state: &mut State, command: Command) -> Vec<Effect> {
    let text = match (state.tab, rows(state).get(state.incident.timeline.cursor.index()).copied()) {
        (Tab::Incident, Some(Row::Open(incident))) => Some(incident.id.to_string()),
        (Tab::Incident, Some(Row::Whole(incident))) => Some(incident.id.to_string()),
        (Tab::Incident, Some(Row::Event(event))) => Some(crate::model::report::line(event).text),
        _ => {
            let check = state.incident.check();
            let log = check.and_then(|check| state.incident.joined.as_ref()?.checks.log(check));
            let finding = log.and_then(|log| log.finding.as_ref());
            finding.and_then(|finding| match command {
                Command::CopyUri => finding.evidence.first().map(|evidence| evidence.uri.clone()),
                _ => Some(finding.summary.clone()),
            })
        }
    };
    match text {
        Some(text) => vec![Effect::Copy(escape(&text).into_owned())],
        None => {
            state.say("nothing to copy here yet");
            Vec::new()
        }
    }
}
