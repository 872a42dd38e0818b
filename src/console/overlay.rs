//! What lies over the screen: the list of commands, of actions, messages, sources, the audit log, and the questions
//! before a reveal and before a write.

use crossterm::event::{KeyCode, KeyEvent};

use crate::model::entry::EntryPath;
use crate::model::log::LineId;

use super::audit::AuditScreen;
use super::command::{self, COMMANDS, Command, Spec};
use super::cursor::Cursor;
use super::driving::RerunForm;
use super::history::HistoryScreen;
use super::incident::NoteScreen;
use super::keys::Key;
use super::msg::Effect;
use super::plan::PlanScreen;
use super::state::State;
use super::work;

/// An overlay.
#[derive(Debug)]
pub(super) enum Overlay {
    /// Every command; the letters typed narrow it.
    Help { cursor: Cursor, typed: String },
    /// What can be done with what is selected or marked.
    Actions(Cursor),
    /// What would be written, and the question before it.
    Plan(Box<PlanScreen>),
    /// The form of a rerun.
    Rerun(Box<RerunForm>),
    /// A note on the incident, being written.
    Note(Box<NoteScreen>),
    /// Who did what.
    Audit(AuditScreen),
    /// What happened to alerts.
    History(HistoryScreen),
    /// What was said, newest first.
    Messages(Cursor),
    /// The state of each source.
    Sources(Cursor),
    /// All that runs.
    Work(Cursor),
    /// The errors of the open log, grouped.
    Errors(Cursor),
    /// The question before personal columns are shown. `yes` is where the focus is.
    Reveal { entry: EntryPath, columns: Vec<String>, yes: bool },
}

/// The commands that work over the screen, each with its word; none where what is open says them itself.
pub(super) fn hints(open: &Overlay) -> &'static [(&'static str, &'static str)] {
    match open {
        Overlay::Plan(_) | Overlay::Rerun(_) | Overlay::Note(_) | Overlay::Reveal { .. } => &[],
        // Letters narrow its list: its title says the keys.
        Overlay::Help { .. } => &[],
        Overlay::Actions(_) => &[("open", "do it"), ("down", "down"), ("up", "up"), ("back", "close")],
        Overlay::Errors(_) => &[("open", "go there"), ("down", "down"), ("up", "up"), ("back", "close")],
        Overlay::Audit(_) | Overlay::History(_) | Overlay::Messages(_) | Overlay::Sources(_) | Overlay::Work(_) => {
            &[("down", "down"), ("up", "up"), ("back", "close")]
        }
    }
}

/// What a key did to an overlay.
pub(super) enum Handled {
    Stay,
    Close,
    Run(&'static Spec),
    Do(Effect),
    /// Go to a line of the open log.
    Line(LineId),
}

/// The commands that the typed letters leave.
pub(super) fn listed(typed: &str) -> Vec<&'static Spec> {
    let typed = typed.to_lowercase();
    COMMANDS.iter().filter(|s| s.name.contains(&typed) || s.doc.to_lowercase().contains(&typed)).collect()
}

/// What leads to a write, in the order of a quarantine's life; what cannot be now comes last, with the reason.
pub(super) fn actions(state: &State) -> Vec<&'static Spec> {
    let acts = |s: &&Spec| {
        use Command::{Acknowledge, Assign, Rerun, Retry, Silence, StopRetry, Trigger};
        use Command::{Archive, Arm, Investigate, Quarantine, Release, Repair, Resolve, Resume, Run, Stop, Undo};
        use Command::{Backfill, Cancel, Clear, DoubleMemory, GoOn, MarkAs, PauseDag, Redrive};
        matches!(s.command, Quarantine | Investigate | Resolve | Release | Archive | Repair | Undo | Resume)
            || matches!(s.command, Redrive | Backfill | Run | GoOn | Stop | Arm)
            || matches!(s.command, Rerun | DoubleMemory | Cancel | Retry | StopRetry)
            || matches!(s.command, Trigger | Clear | PauseDag | MarkAs)
            || matches!(s.command, Acknowledge | Silence | Assign)
    };
    let mut listed: Vec<&Spec> = COMMANDS.iter().filter(acts).collect();
    listed.sort_by_key(|s| (s.enabled)(state).is_err());
    listed
}

/// Lines that an overlay has for its list.
pub(super) fn height(state: &State) -> u16 {
    state.height.saturating_sub(6)
}

/// Gives a key to the open overlay.
pub(super) fn key(state: &mut State, key: KeyEvent) -> Handled {
    let height = height(state);
    let line = state.settings.keys.line(Key::from(key));
    let command = line.and_then(|l| command::find(command::split(l).0)).map(|s| s.command);
    let acts = if matches!(state.overlay, Some(Overlay::Actions(_))) { actions(state) } else { Vec::new() };
    let groups = match state.overlay {
        Some(Overlay::Errors(_)) => state.logs.buffer.signatures().groups(),
        _ => Vec::new(),
    };
    let works = if matches!(state.overlay, Some(Overlay::Work(_))) { work::len(state) } else { 0 };
    let (notes, sources) = (state.notes.len() as u64, state.lake.snapshot.sources.len() as u64);
    match state.overlay.as_mut() {
        None => Handled::Close,
        Some(Overlay::Help { cursor, typed }) => match key.code {
            KeyCode::Esc if typed.is_empty() => Handled::Close,
            KeyCode::Esc => {
                typed.clear();
                Handled::Stay
            }
            KeyCode::Enter => match listed(typed).get(cursor.index()) {
                Some(spec) => Handled::Run(spec),
                None => Handled::Stay,
            },
            KeyCode::Backspace => {
                typed.pop();
                Handled::Stay
            }
            KeyCode::Char('?') => Handled::Close,
            KeyCode::Char(c) if key.modifiers.difference(crossterm::event::KeyModifiers::SHIFT).is_empty() => {
                typed.push(c);
                *cursor = Cursor::default();
                Handled::Stay
            }
            _ => {
                let len = listed(typed).len() as u64;
                let _ = command.is_some_and(|c| cursor.go(c, len, height));
                Handled::Stay
            }
        },
        Some(Overlay::Actions(cursor)) => match command {
            Some(Command::Open) => acts.get(cursor.index()).map_or(Handled::Stay, |spec| Handled::Run(spec)),
            Some(Command::Actions) => Handled::Close,
            command => scroll(cursor, command, acts.len() as u64, height),
        },
        // Its keys are asked for elsewhere: they change more than the overlay.
        Some(Overlay::Plan(_) | Overlay::Rerun(_) | Overlay::Note(_)) => Handled::Stay,
        Some(Overlay::History(screen)) => screen.key(command, height.saturating_sub(1)),
        Some(Overlay::Audit(screen)) => screen.key(command, height.saturating_sub(1)),
        Some(Overlay::Work(cursor)) => match command {
            Some(Command::Work) => Handled::Close,
            command => scroll(cursor, command, works, height),
        },
        Some(Overlay::Messages(cursor)) => scroll(cursor, command, notes, height),
        Some(Overlay::Sources(cursor)) => scroll(cursor, command, sources, height),
        Some(Overlay::Errors(cursor)) => match command {
            Some(Command::Open) => groups.get(cursor.index()).map_or(Handled::Stay, |g| Handled::Line(g.first.0)),
            command => scroll(cursor, command, groups.len() as u64, height),
        },
        Some(Overlay::Reveal { entry, columns, yes }) => match key.code {
            KeyCode::Char('y') => Handled::Do(Effect::Reveal { entry: entry.clone(), columns: columns.clone() }),
            KeyCode::Enter if *yes => Handled::Do(Effect::Reveal { entry: entry.clone(), columns: columns.clone() }),
            KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab | KeyCode::Char('h' | 'l') => {
                *yes = !*yes;
                Handled::Stay
            }
            KeyCode::Char('n' | 'q') | KeyCode::Esc | KeyCode::Enter => Handled::Close,
            _ => Handled::Stay,
        },
    }
}

/// Moves in a list, or closes it.
pub(super) fn scroll(cursor: &mut Cursor, command: Option<Command>, len: u64, height: u16) -> Handled {
    match command {
        Some(Command::Back | Command::Quit | Command::Open | Command::Help | Command::Audit | Command::History) => {
            Handled::Close
        }
        Some(command) => {
            cursor.go(command, len, height);
            Handled::Stay
        }
        None => Handled::Stay,
    }
}
