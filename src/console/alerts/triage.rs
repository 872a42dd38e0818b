//! Taking, silencing, assigning and opening alerts again: what is marked, or what is selected. Nothing is asked: no
//! data is touched, and `:reopen` takes it back.

use std::borrow::Cow;

use crate::console::command::{self, Command, Enabled};
use crate::console::msg::Effect;
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::state::{State, Tab};
use crate::model::alert::AlertState;
use crate::model::cause;
use crate::model::length;
use crate::model::protection::Protection;
use crate::model::severity::Severity;
use crate::model::text::escape;
use crate::model::triage::{self, LASTS, TriageAct, TriageRecord};
use crate::ops::TriageAsk;

/// Whether something can be done with alerts now.
pub(in crate::console) fn may(state: &State) -> Enabled {
    if state.tab != Tab::Alerts {
        return Err(Cow::Borrowed("only on the Alerts tab"));
    }
    if state.protection == Protection::ReadOnly {
        return Err(Cow::Borrowed("this run is read-only"));
    }
    if chosen(state).is_empty() { Err(Cow::Borrowed("no alert is selected")) } else { Ok(()) }
}

/// The keys of the marked alerts, or of the selected one, and how bad each is.
fn chosen(state: &State) -> Vec<(String, Severity)> {
    let marked = &state.alerts.marks.marked;
    if marked.is_empty() {
        return state.alerts.selected(state).map(|a| (a.key.clone(), a.severity)).into_iter().collect();
    }
    let alerts = state.lake.snapshot.alerts.iter().filter(|a| marked.contains(&a.key));
    alerts.map(|a| (a.key.clone(), a.severity)).collect()
}

/// Runs one of the commands.
pub(in crate::console) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    let (act, note) = match command {
        Command::Silence | Command::Assign if argument.is_empty() => {
            let line = if command == Command::Silence { "silence 2h " } else { "assign " };
            state.prompt = Some(Prompt::new(PromptKind::Command, line));
            return Vec::new();
        }
        Command::Silence => {
            let (length, note) = command::split(argument);
            let Some(length) = length::parse(length).filter(|l| *l > chrono::Duration::zero() && *l <= LASTS) else {
                state.fail_with(
                    format!("silence: {:?} is not a time, or longer than {} days", escape(length), LASTS.num_days()),
                    format!("silence 2h, and a note: {}", length::ALLOWED),
                );
                return Vec::new();
            };
            (TriageAct::Silence { until: state.now + length }, note)
        }
        Command::Assign => {
            let (to, note) = command::split(argument);
            (TriageAct::Assign { to: to.to_owned() }, note)
        }
        Command::Reopen => (TriageAct::Reopen, argument),
        _ => (TriageAct::Acknowledge, argument),
    };
    let note = (!note.is_empty()).then(|| note.to_owned());
    vec![Effect::Triage(TriageAsk { alerts: chosen(state), act, note })]
}

/// Acts were recorded: the alerts stand as they will after the next refresh.
pub(in crate::console) fn recorded(state: &mut State, records: Vec<TriageRecord>) {
    if records.is_empty() {
        return;
    }
    let snapshot = &mut state.lake.snapshot;
    snapshot.triage.extend(records);
    triage::apply(&mut snapshot.alerts, &snapshot.triage, state.now);
    cause::order(&mut snapshot.alerts);
    state.alerts.marks.back();
    super::rebuild(state);
}

/// What was done, in a sentence.
pub(in crate::console) fn sentence(records: &[&TriageRecord]) -> String {
    let alerts = crate::console::words::plural(records.len() as u64, "alert", "alerts");
    match records.first().map(|r| &r.act) {
        Some(TriageAct::Acknowledge) => {
            format!("{alerts} acknowledged, for all who look at this lake; :reopen takes it back")
        }
        Some(TriageAct::Silence { until }) => {
            format!("{alerts} silenced until {}", crate::console::words::absolute(*until))
        }
        Some(TriageAct::Assign { to }) => format!("{alerts} given to {}", crate::model::text::one_line(to, 40)),
        Some(TriageAct::Reopen) => format!("{alerts} open again"),
        None => "nothing was recorded".to_owned(),
    }
}

/// Whether an alert counts in the tab's figures.
pub(in crate::console) fn is_open(alert: &crate::model::alert::Alert) -> bool {
    alert.standing.state == AlertState::Open
}
