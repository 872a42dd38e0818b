//! What happens changes the state and asks for effects. No I/O and no clock: time comes with `Msg::Tick`.

use crossterm::event::KeyEventKind;

use crate::model::text::{escape, one_line};
use crate::ops::{Progress, Snapshot, SourceState};

use super::command::{self, Command, Spec};
use super::msg::{Effect, ExitReason, Job, Msg, RequestId};
use super::overlay::Overlay;
use super::prompt::{Prompt, PromptKind};
use super::state::{Focus, State, Tab};
use super::{
    Theme, alerts, audit, dlq, driving, history, incident, jobs, keyed, layout, logs, moves, plan, quarantine, runbook,
    words, work,
};

/// Takes one message.
pub(super) fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(event) => {
            state.touched = true;
            keyed::key(state, event)
        }
        Msg::Paste(_) if !layout::fits(state) => Vec::new(),
        Msg::Paste(text) => {
            if let Some(prompt) = state.prompt.as_mut() {
                prompt.paste(&text);
                return keyed::live_filter(state);
            }
            match state.overlay.as_mut() {
                Some(Overlay::Plan(_)) => plan::pasted(state),
                Some(Overlay::Note(note)) => note.paste(&text),
                _ => {}
            }
            Vec::new()
        }
        Msg::Resize(width, height) => {
            (state.width, state.height) = (width, height);
            alerts::fit(state);
            let mut effects = quarantine::fit(state);
            effects.extend(dlq::fit(state));
            effects.extend(jobs::fit(state));
            logs::fit(state);
            runbook::fit(state);
            incident::fit(state);
            effects
        }
        Msg::Tick(now) => tick(state, now),
        Msg::Progress(id, progress) => progressed(state, id, progress),
        Msg::Refreshed(id, snapshot) => refreshed(state, id, snapshot),
        Msg::Opened(id, result) => dlq::opened(state, id, result),
        Msg::Page(id, result) => dlq::paged(state, id, result),
        Msg::Profiled(id, result) => dlq::profiled(state, id, result),
        Msg::Revealed(entry, result) => {
            match result {
                Ok(()) if state.dlq.preview.is_of(&entry) => {
                    state.dlq.preview.revealed = true;
                    state.say("personal columns are shown; the reveal is noted in the log");
                }
                Ok(()) => {}
                Err(why) => state.fail(format!("not revealed: {}", one_line(&why, 200))),
            }
            Vec::new()
        }
        Msg::Protection(protection) => {
            moves::protection(state, protection);
            work::look(state)
        }
        Msg::Planned(id, result) => moves::planned(state, id, result),
        Msg::RepairPlanned(id, result) => moves::repair_planned(state, id, result),
        Msg::RepairChecked(id, rows, of) => {
            moves::checked(state, id, rows, of);
            Vec::new()
        }
        Msg::MoveProgress(progress, index) => {
            moves::progressed(state, progress, index);
            Vec::new()
        }
        Msg::PlannedWork(id, result) => work::planned(state, id, result),
        Msg::WorkProgress(id, progress) => {
            work::progressed(state, id, progress);
            Vec::new()
        }
        Msg::WorkEnded(id, results) => work::ended(state, id, results),
        Msg::Interrupted(works, elsewhere) => work::interrupted(state, works, elsewhere),
        Msg::Written(written) => moves::written(state, written),
        Msg::Manifest(id, result) => {
            quarantine::manifest(state, id, result);
            Vec::new()
        }
        Msg::History(id, result) => {
            history::came(state, id, result);
            Vec::new()
        }
        Msg::Audited(id, result) => {
            audit::audited(state, id, result);
            Vec::new()
        }
        Msg::RunDetail(id, result) => jobs::detailed(state, id, result),
        Msg::RunMetrics(id, result) => {
            jobs::measured(state, id, result);
            Vec::new()
        }
        Msg::Dashboard(id, result) => jobs::dashboard::came(state, id, result),
        Msg::DagTasks(id, result) => jobs::tasked(state, id, result),
        Msg::Log(id, result) => logs::came(state, id, result),
        Msg::LiveLog(id, news) => logs::live::came(state, id, news),
        Msg::Runbooks(id, runbooks) => runbook::came(state, id, runbooks),
        Msg::Walked(id, result) => runbook::walked(state, id, result),
        Msg::Reported(id, result) => runbook::reported(state, id, result),
        Msg::Ordered(id, result) => driving::ordered(state, id, result),
        Msg::DrivePlanned(id, result, retry) => driving::planned(state, id, result, retry),
        Msg::Finished(told) => driving::finished(state, told),
        Msg::Retry(standing) => driving::told(state, *standing),
        Msg::RetryOver(id, ended) => driving::over(state, &id, ended),
        Msg::Drawn => {
            plan::drawn(state);
            Vec::new()
        }
        Msg::Copied(result) => {
            match result {
                Ok(bytes) => state.say(format!("sent to the terminal ({} bytes)", words::count(bytes as u64))),
                Err(why) => state.fail(format!("not copied: {why}")),
            }
            Vec::new()
        }
    }
}

fn tick(state: &mut State, now: chrono::DateTime<chrono::Utc>) -> Vec<Effect> {
    let before = std::mem::replace(&mut state.now, now);
    moves::tick(state, before);
    let due = match state.lake.snapshot.taken {
        Some(taken) if !state.settings.refresh.is_zero() => {
            (now - taken).to_std().unwrap_or_default() >= state.settings.refresh
        }
        _ => false,
    };
    let mut effects = if due && state.lake.scan.is_none() { state.refresh_of(false) } else { Vec::new() };
    effects.extend(logs::tick(state));
    effects
}

fn progressed(state: &mut State, id: RequestId, progress: Progress) -> Vec<Effect> {
    let Some(scan) = state.lake.scan.as_mut().filter(|s| s.id == id) else { return Vec::new() };
    if !progress.is_ahead {
        (scan.listed, scan.assessed, scan.found) = (progress.listed, progress.assessed, progress.found);
    }
    // Over a whole picture a part of the next one is no gain: things would vanish and come back.
    match progress.partial {
        // Dead letters that are still being listed are shown as far as they are known.
        Some(partial) if progress.is_ahead && partial.taken.is_none() && partial.entries.is_empty() => {
            let (entries, unread) = (std::mem::take(&mut state.lake.entries), state.lake.snapshot.unread);
            adopt(state, Snapshot { entries, unread, ..partial })
        }
        Some(partial) if progress.is_ahead || state.lake.snapshot.taken.is_none() => adopt(state, partial),
        _ => Vec::new(),
    }
}

fn refreshed(state: &mut State, id: RequestId, mut snapshot: Snapshot) -> Vec<Effect> {
    let Some(scan) = state.lake.scan.take_if(|s| s.id == id) else { return Vec::new() };
    let took = (state.now - scan.started).num_milliseconds();
    let dlq_failed = snapshot.sources.iter().any(|s| s.source == "dlq" && s.state != SourceState::Fresh);
    // Rule 6: what is known stays on screen, with its age.
    if dlq_failed && snapshot.entries.is_empty() && !state.lake.entries.is_empty() {
        state.lake.snapshot.sources = snapshot.sources;
        state.lake.snapshot.pipeline = snapshot.pipeline;
        state.fail("the lake could not be read; what is shown is from before");
        let mut effects = jobs::rebuild(state);
        effects.extend(dlq::fit(state));
        return effects;
    }
    state.lake.last = Some((took, snapshot.entries.len()));
    snapshot.taken = snapshot.taken.or(Some(state.now));
    adopt(state, snapshot)
}

fn adopt(state: &mut State, mut snapshot: Snapshot) -> Vec<Effect> {
    state.lake.entries = std::mem::take(&mut snapshot.entries);
    let rows = state.lake.entries.iter().filter_map(|e| e.known_rows());
    state.lake.rows = rows.fold(0, u64::saturating_add);
    state.lake.snapshot = snapshot;
    if !state.touched {
        // The first of the alerts, and not the first that came.
        state.alerts.chosen = None;
    }
    alerts::rebuild(state);
    let mut effects = quarantine::rebuild(state);
    effects.extend(dlq::rebuild(state));
    effects.extend(jobs::rebuild(state));
    runbook::adopted(state);
    incident::adopted(state);
    moves::notice(state);
    effects
}

pub(super) fn set_filter(state: &mut State, text: &str) -> Vec<Effect> {
    match state.tab {
        Tab::Alerts => {
            alerts::filter(state, text);
            Vec::new()
        }
        Tab::Dlq => dlq::filter(state, text),
        Tab::Quarantine => quarantine::filter(state, text),
        Tab::Jobs => jobs::filter(state, text),
        Tab::Logs => {
            logs::filter(state, text);
            Vec::new()
        }
        Tab::Runbook => {
            runbook::filter(state, text);
            Vec::new()
        }
        Tab::Verify | Tab::Incident => {
            incident::filter(state, text);
            Vec::new()
        }
    }
}

/// Runs a command line, from a key or typed.
pub(super) fn run_line(state: &mut State, line: &str) -> Vec<Effect> {
    let (name, argument) = command::split(line);
    match command::find(name) {
        None => {
            state.fail(format!("no command {:?}; ? lists them", escape(name)));
            Vec::new()
        }
        // Over the question before a write only the lock can be opened: the rest would change what is asked about.
        Some(spec) if matches!(state.overlay, Some(Overlay::Plan(_))) && !over_a_plan(spec.command) => {
            state.say(format!("{}: answer the question first, or leave it: esc", spec.name));
            Vec::new()
        }
        Some(spec) => match (spec.enabled)(state) {
            // A slip of a finger: told, and gone with the next key.
            Err(why) => {
                state.say(format!("{}: {why}", spec.name));
                Vec::new()
            }
            Ok(()) => run(state, spec, argument),
        },
    }
}

fn over_a_plan(command: Command) -> bool {
    matches!(command, Command::Arm | Command::Stop | Command::Quit | Command::Interrupt | Command::Suspend)
}

/// Whether to leave: a move that runs makes it a question, answered by asking again.
fn quit(state: &mut State) -> Vec<Effect> {
    match state.moves.running.as_mut() {
        Some(running) if !running.leaving => {
            running.leaving = true;
            state.say("a move is running: :stop it, or q again to leave it to be resumed");
            Vec::new()
        }
        None if state.work.running.iter().any(|w| !w.leaving) => {
            state.work.running.iter_mut().for_each(|w| w.leaving = true);
            state.say(
                "work is running: W shows it, :stop ends it, or q again to leave; commands of this machine end then",
            );
            Vec::new()
        }
        _ => vec![Effect::Quit(ExitReason::Quit)],
    }
}

pub(super) fn run(state: &mut State, spec: &Spec, argument: &str) -> Vec<Effect> {
    if let (Some(running), false) = (state.moves.running.as_mut(), spec.command == Command::Quit) {
        running.leaving = false;
    }
    if spec.command != Command::Quit {
        state.work.running.iter_mut().for_each(|w| w.leaving = false);
    }
    match spec.command {
        Command::Quit => quit(state),
        Command::Interrupt => vec![Effect::Quit(ExitReason::Interrupted)],
        Command::Suspend => {
            // A process that stands still would be sent lines that nobody takes.
            let mut effects = logs::live::end(state);
            effects.push(Effect::Suspend);
            effects
        }
        Command::Refresh => {
            state.flash = None;
            let mut effects = state.refresh();
            effects.extend(dlq::retry(state));
            effects.extend(quarantine::retry(state));
            effects.extend(jobs::retry(state));
            effects.extend(logs::retry(state));
            effects.extend(runbook::retry(state));
            effects
        }
        Command::Line => {
            // What was said before is not about what is typed now.
            state.flash = None;
            state.prompt = Some(Prompt::new(PromptKind::Command, ""));
            Vec::new()
        }
        Command::Help => {
            state.overlay = Some(Overlay::Help { cursor: Default::default(), typed: String::new() });
            Vec::new()
        }
        Command::Actions => {
            state.overlay = Some(Overlay::Actions(Default::default()));
            Vec::new()
        }
        Command::Messages => {
            state.overlay = Some(Overlay::Messages(Default::default()));
            Vec::new()
        }
        Command::Sources => {
            state.overlay = Some(Overlay::Sources(Default::default()));
            Vec::new()
        }
        Command::Theme => {
            let own = Some(&state.settings.theme).filter(|own| own.name() == argument).cloned();
            match own.map_or_else(|| Theme::built_in(argument), Ok) {
                Ok(theme) => state.theme = theme,
                Err(error) => state.fail(error.to_string()),
            }
            Vec::new()
        }
        Command::Tab => go_to_tab(state, argument),
        Command::Filter if argument.is_empty() => {
            let text = match state.tab {
                Tab::Alerts => state.alerts.filter.text().to_owned(),
                Tab::Dlq => state.dlq.filter.text().to_owned(),
                Tab::Quarantine => state.quarantine.filter.text().to_owned(),
                Tab::Jobs => state.jobs.filter.text().to_owned(),
                Tab::Logs => state.logs.buffer.filter().text().to_owned(),
                Tab::Runbook => state.runbook.filter.text().to_owned(),
                Tab::Verify | Tab::Incident => state.incident.filter.text().to_owned(),
            };
            state.prompt = Some(Prompt::new(PromptKind::Filter, &text));
            Vec::new()
        }
        Command::Filter => set_filter(state, argument),
        Command::Back => back(state),
        Command::Quarantine
        | Command::Investigate
        | Command::Resolve
        | Command::Release
        | Command::Archive
        | Command::Repair
        | Command::Undo
        | Command::Resume
        | Command::Stop
        | Command::Arm
        | Command::Audit => moves::run(state, spec.command, argument),
        Command::Redrive | Command::Backfill | Command::Run | Command::Work | Command::GoOn => {
            work::run(state, spec.command, argument)
        }
        Command::Runbook => runbook::open(state, argument),
        Command::Done | Command::Skip | Command::Override | Command::Applies | Command::NotApplicable => {
            runbook::mark(state, spec.command, argument)
        }
        Command::Check
        | Command::CheckAll
        | Command::Sign
        | Command::Waive
        | Command::Note
        | Command::Keep
        | Command::Own
        | Command::Watch
        | Command::Severity
        | Command::Handover
        | Command::Accept
        | Command::Over
        | Command::Report
        | Command::Leave => incident::run(state, spec.command, argument),
        Command::Reopen if matches!(state.tab, Tab::Verify | Tab::Incident) => {
            incident::run(state, spec.command, argument)
        }
        Command::Reopen if state.tab == Tab::Runbook => runbook::mark(state, spec.command, argument),
        Command::Acknowledge | Command::Silence | Command::Assign | Command::Reopen => {
            alerts::triage::run(state, spec.command, argument)
        }
        Command::Rerun
        | Command::DoubleMemory
        | Command::Cancel
        | Command::Retry
        | Command::StopRetry
        | Command::Trigger
        | Command::Clear
        | Command::PauseDag
        | Command::MarkAs => driving::run(state, spec.command, argument),
        Command::History => history::run(state, argument),
        Command::JobRun => jobs::related::go(state),
        Command::Log => logs::open_selected(state, argument),
        Command::Insights => logs::insights::ask(state, argument),
        Command::DeadLetters => jobs::related::dead_letters(state),
        Command::Dashboard => jobs::dashboard::ask(state, argument),
        _ => match state.tab {
            Tab::Jobs => jobs::run(state, spec.command),
            Tab::Logs => logs::run(state, spec.command),
            Tab::Runbook => runbook::run(state, spec.command),
            Tab::Verify | Tab::Incident => incident::run(state, spec.command, argument),
            Tab::Alerts => alerts::run(state, spec.command),
            Tab::Dlq => dlq::run(state, spec.command, argument),
            Tab::Quarantine => quarantine::run(state, spec.command, argument),
        },
    }
}

fn go_to_tab(state: &mut State, argument: &str) -> Vec<Effect> {
    let by_number = argument.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|i| Tab::ALL.get(i));
    match by_number.or_else(|| Tab::ALL.iter().find(|t| t.word() == argument)) {
        Some(tab) => {
            state.trail.clear();
            show(state, *tab)
        }
        None => {
            let all = Tab::ALL.map(Tab::word).join(", ");
            state.fail(format!("no tab {:?}; there are: {all}", escape(argument)));
            Vec::new()
        }
    }
}

/// Shows a tab, and asks for what is looked at there.
fn show(state: &mut State, tab: Tab) -> Vec<Effect> {
    state.tab = tab;
    match tab {
        Tab::Alerts => Vec::new(),
        Tab::Dlq => dlq::fit(state),
        Tab::Quarantine => quarantine::fit(state),
        Tab::Jobs => jobs::fit(state),
        Tab::Logs => {
            logs::fit(state);
            Vec::new()
        }
        Tab::Runbook => runbook::shown(state),
        Tab::Verify | Tab::Incident => {
            incident::fit(state);
            // What an incident is gone on with names its runbook.
            runbook::shown(state)
        }
    }
}

/// Esc: an error message first, then what is being planned, the tab's own steps, the running refresh. A running
/// move is not ended by it: `:stop` does that.
fn back(state: &mut State) -> Vec<Effect> {
    if state.flash.take().is_some_and(|f| f.error) {
        return Vec::new();
    }
    let step = moves::back(state).or_else(|| match state.tab {
        Tab::Alerts => alerts::back(state),
        Tab::Dlq => dlq::back(state),
        Tab::Quarantine => quarantine::back(state),
        Tab::Jobs => jobs::back(state),
        Tab::Logs => logs::back(state),
        Tab::Runbook => runbook::back(state),
        Tab::Verify | Tab::Incident => incident::back(state),
    });
    if let Some(effects) = step {
        return effects;
    }
    if let Some(tab) = state.trail.pop() {
        return show(state, tab);
    }
    if state.lake.scan.take().is_some() {
        state.say("refresh cancelled; R reads the lake anew");
        return vec![Effect::Cancel(Job::Refresh)];
    }
    Vec::new()
}

/// Opens the DLQ tab on an entry.
pub(super) fn jump(state: &mut State, entry: &crate::model::entry::EntryPath) -> Vec<Effect> {
    state.jump(Tab::Dlq);
    state.dlq.focus = Focus::List;
    dlq::select_entry(state, entry)
}
