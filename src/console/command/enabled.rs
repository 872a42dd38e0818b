//! Why a command cannot run now, and the words it has in the footer where it can.

use std::borrow::Cow;

use crate::console::state::{Focus, Mode, State, Tab};
use crate::console::{alerts, dlq, driving, incident, jobs, logs, quarantine, runbook};
use crate::model::moves::Step;
use crate::model::protection::Protection;

/// Whether a command can run, and if not, why.
pub(in crate::console) type Enabled = Result<(), Cow<'static, str>>;

fn no<T>(why: &'static str) -> Result<T, Cow<'static, str>> {
    Err(Cow::Borrowed(why))
}

pub(super) fn always(_: &State) -> Enabled {
    Ok(())
}

pub(super) fn never_hinted(_: &State) -> Option<(u8, &'static str)> {
    None
}

/// Whether one step back leads out of something that was opened.
pub(super) fn is_inside(s: &State) -> bool {
    match s.tab {
        Tab::Alerts => s.alerts.zoom,
        Tab::Dlq => s.dlq.focus == Focus::Detail,
        Tab::Jobs => s.jobs.zoom,
        _ => false,
    }
}

/// What opening leads to.
pub(super) fn open_word(s: &State) -> Option<(u8, &'static str)> {
    match (s.tab, s.dlq.focus, s.dlq.preview.mode) {
        (Tab::Alerts, ..) => alerts::enter_word(s).map(|word| (0, word)),
        (Tab::Quarantine, ..) => Some((0, "objects")),
        (Tab::Jobs, ..) => (!s.jobs.zoom).then_some((0, "detail")),
        (Tab::Logs, ..) => None,
        (Tab::Runbook, ..) => runbook::enter_word(s).map(|word| (0, word)),
        (Tab::Verify | Tab::Incident, ..) => incident::enter_word(s).map(|word| (0, word)),
        (Tab::Dlq, Focus::List, _) => Some((0, "rows")),
        (Tab::Dlq, Focus::Detail, Mode::Rows) => Some((0, "record")),
        (Tab::Dlq, Focus::Detail, _) => None,
    }
}

/// Where the list of actions is worth a hint.
pub(super) fn actions_word(s: &State) -> Option<(u8, &'static str)> {
    match s.tab {
        Tab::Quarantine => Some((1, "actions")),
        Tab::Alerts | Tab::Dlq => Some((6, "actions")),
        Tab::Jobs => Some((6, "actions")),
        Tab::Logs | Tab::Runbook | Tab::Verify | Tab::Incident => None,
    }
}

pub(super) fn on_entry(state: &State) -> Enabled {
    if state.tab != Tab::Dlq {
        return no("only on the DLQ tab");
    }
    if state.dlq.entry(state).is_some() { Ok(()) } else { no("no entry is selected") }
}

pub(super) fn rows_open(state: &State) -> Enabled {
    on_entry(state)?;
    if state.dlq.preview.opened().is_some() { Ok(()) } else { no("no rows are open") }
}

pub(super) fn something_selected(state: &State) -> Enabled {
    let selected = match state.tab {
        Tab::Alerts => state.alerts.selected(state).is_some(),
        Tab::Dlq => state.dlq.selected().is_some(),
        Tab::Quarantine => state.quarantine.selected(state).is_some(),
        Tab::Jobs => state.jobs.selected().is_some(),
        Tab::Logs => state.logs.selected().is_some(),
        Tab::Runbook => state.runbook.has_selection(state),
        Tab::Verify | Tab::Incident => incident::has_selection(state),
    };
    if selected { Ok(()) } else { no("nothing is selected") }
}

/// What can be opened; lines of a log are shown whole already.
pub(super) fn openable(state: &State) -> Enabled {
    if state.tab == Tab::Logs {
        return no("w wraps long lines, e lists the errors");
    }
    something_selected(state)
}

/// What can be marked.
pub(super) fn markable(state: &State) -> Enabled {
    if matches!(state.tab, Tab::Jobs | Tab::Runbook | Tab::Verify | Tab::Incident) {
        return no("nothing here works on several");
    }
    something_selected(state)
}

/// Where several lines can be marked at once.
pub(super) fn rangeable(state: &State) -> Enabled {
    if state.tab == Tab::Logs { no("lines of a log are marked one by one: m") } else { markable(state) }
}

pub(super) fn related(state: &State) -> Enabled {
    jobs::related::related(state).map(drop).map_err(Cow::Borrowed)
}

pub(super) fn logged(state: &State) -> Enabled {
    logs::of_selected(state).map(drop).map_err(Cow::Borrowed)
}

pub(super) fn dead_letters(state: &State) -> Enabled {
    jobs::related::entry_of_run(state).map(drop).map_err(Cow::Borrowed)
}

pub(super) fn dashboard(state: &State) -> Enabled {
    jobs::dashboard::may(state).map_err(Cow::Borrowed)
}

pub(super) fn log_open(state: &State) -> Enabled {
    match state.tab {
        Tab::Logs if state.logs.is_open() => Ok(()),
        Tab::Logs => no("no log is open: l on a run of 4 Jobs"),
        _ => no("only on the Logs tab"),
    }
}

/// Where a live tail can be begun or ended.
pub(super) fn live_log(state: &State) -> Enabled {
    log_open(state)?;
    logs::live::may(state).map_err(Cow::Borrowed)
}

/// Where a runbook can be opened for something.
pub(super) fn runbook(state: &State) -> Enabled {
    runbook::may_open(state).map_err(Cow::Borrowed)
}

/// Where a step can be settled.
pub(super) fn step_chosen(state: &State) -> Enabled {
    runbook::may_mark(state).map_err(Cow::Borrowed)
}

/// Where a branch can be decided.
pub(super) fn branch_chosen(state: &State) -> Enabled {
    step_chosen(state)?;
    if runbook::is_branch(state) { Ok(()) } else { no("this step is no branch") }
}

/// Alerts and steps can be opened again.
pub(super) fn reopen(state: &State) -> Enabled {
    match state.tab {
        Tab::Runbook => step_chosen(state),
        Tab::Verify | Tab::Incident => incident::may(state, super::Command::Reopen).map_err(Cow::Borrowed),
        _ => triage(state),
    }
}

macro_rules! drives {
    ($($name:ident: $command:ident),*) => {
        $(pub(super) fn $name(state: &State) -> Enabled {
            driving::may(state, super::Command::$command)
        })*
    };
}

drives!(rerun: Rerun, double_memory: DoubleMemory, cancel: Cancel, retry: Retry, stop_retry: StopRetry);
drives!(trigger: Trigger, clear: Clear, pause_dag: PauseDag, mark_as: MarkAs);

macro_rules! on_incident {
    ($($name:ident: $command:ident),*) => {
        $(pub(super) fn $name(state: &State) -> Enabled {
            incident::may(state, super::Command::$command).map_err(Cow::Borrowed)
        })*
    };
}

on_incident!(check: Check, check_all: CheckAll, sign: Sign, waive: Waive, note: Note, keep: Keep, own: Own);
on_incident!(watch: Watch, severity: Severity, handover: Handover, accept: Accept, over: Over);
on_incident!(report: Report, leave: Leave);

/// What can be done with alerts.
pub(super) fn triage(state: &State) -> Enabled {
    alerts::triage::may(state)
}

pub(super) fn reveal(state: &State) -> Enabled {
    rows_open(state)?;
    match state.dlq.preview.opened() {
        Some(opened) if opened.personal.is_empty() => no("no column here holds personal data"),
        _ if state.dlq.preview.revealed => no("already revealed"),
        _ => Ok(()),
    }
}

pub(super) fn sortable(state: &State) -> Enabled {
    if state.tab == Tab::Quarantine {
        return Ok(());
    }
    on_entry(state)?;
    if state.dlq.preview.mode == Mode::Profile { Ok(()) } else { no("no profile is shown: p") }
}

pub(super) fn themed(state: &State) -> Enabled {
    if state.settings.no_color { no("NO_COLOR is set") } else { Ok(()) }
}

/// One move at a time: the gate takes one write after the other, and one person follows one.
fn no_move_runs(state: &State) -> Enabled {
    if state.moves.running.is_some() { no("one move at a time: :stop it, or wait for its end") } else { Ok(()) }
}

pub(super) fn quarantine(state: &State) -> Enabled {
    no_move_runs(state)?;
    entries(state).map(drop)
}

/// The entries that a command on entries is about: what is marked, or what is selected.
pub(in crate::console) fn entries(state: &State) -> Result<Vec<crate::model::entry::EntryPath>, Cow<'static, str>> {
    match state.tab {
        Tab::Alerts => alerts::entries(state).map_err(Cow::Borrowed),
        Tab::Dlq => dlq::entries(state).map_err(Cow::Borrowed),
        Tab::Quarantine => no("only from Alerts and DLQ: this is in quarantine already"),
        Tab::Jobs | Tab::Logs | Tab::Runbook | Tab::Verify | Tab::Incident => no("only from Alerts and DLQ"),
    }
}

fn step(state: &State, step: Step) -> Enabled {
    if state.tab != Tab::Quarantine {
        return no("only on the Quarantine tab");
    }
    quarantine::may(state, step).map_err(Cow::Owned)
}

pub(super) fn release(state: &State) -> Enabled {
    no_move_runs(state)?;
    step(state, Step::Release)
}

pub(super) fn archive(state: &State) -> Enabled {
    no_move_runs(state)?;
    match state.tab {
        Tab::Dlq => entries(state).map(drop),
        Tab::Quarantine => step(state, Step::Archive),
        _ => no("only on the DLQ and Quarantine tabs"),
    }
}

/// One entry at a time: its plan reads all of its rows.
pub(super) fn repair(state: &State) -> Enabled {
    no_move_runs(state)?;
    on_entry(state)?;
    match entries(state)?.len() {
        1 => Ok(()),
        _ => no("one entry at a time: unmark the others"),
    }
}

pub(super) fn undo(state: &State) -> Enabled {
    no_move_runs(state)?;
    step(state, Step::Undo)
}

pub(super) fn resume(state: &State) -> Enabled {
    no_move_runs(state)?;
    step(state, Step::Resume)
}

pub(super) fn investigate(state: &State) -> Enabled {
    no_move_runs(state)?;
    step(state, Step::Investigate)
}

pub(super) fn resolve(state: &State) -> Enabled {
    no_move_runs(state)?;
    step(state, Step::Resolve)
}

/// What can be run: on the Jobs tab the chosen job, or any by its name.
pub(super) fn run_job(state: &State) -> Enabled {
    if state.settings.commands.is_empty() {
        return no("no job is a command of this machine ([[jobs]] command)");
    }
    Ok(())
}

pub(super) fn stop(state: &State) -> Enabled {
    match &state.moves.running {
        None if state.work.running.iter().any(|w| !w.stopping) => Ok(()),
        None => no("nothing runs that could be stopped"),
        Some(running) if running.stopping => no("it was asked to stop already"),
        Some(_) => Ok(()),
    }
}

pub(super) fn arm(state: &State) -> Enabled {
    match &state.protection {
        _ if !state.moves.gated => no("this session cannot write"),
        Protection::ReadOnly => no("this run is read-only (--read-only)"),
        Protection::Open => no("the environment is not protected"),
        Protection::Protected { .. } => Ok(()),
    }
}

/// What can be redriven: entries, from where they are shown.
pub(super) fn redrive(state: &State) -> Enabled {
    entries(state).map(drop)
}

pub(super) fn go_on(state: &State) -> Enabled {
    if state.work.interrupted.is_empty() { no("nothing was interrupted") } else { Ok(()) }
}
