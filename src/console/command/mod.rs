//! The one table of commands: it feeds keys, the `:` line with its completion, the `?` list, the hints in the
//! footer and the key table of the documentation.

mod enabled;
mod spec;
mod table;

pub(super) use enabled::{Enabled, entries};
pub(super) use table::COMMANDS;

use super::state::{State, Tab};
use super::{KeyMap, Theme, moves, quarantine};

/// What a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Command {
    Down,
    Up,
    Left,
    Right,
    Top,
    Bottom,
    PageDown,
    PageUp,
    HalfDown,
    HalfUp,
    Open,
    Back,
    Pane,
    Tab,
    Filter,
    Line,
    Help,
    Refresh,
    Mark,
    Range,
    Copy,
    CopyUri,
    Detail,
    Schema,
    Profile,
    Reveal,
    Row,
    Where,
    Columns,
    Sort,
    Theme,
    Sources,
    Messages,
    Suspend,
    Quit,
    Interrupt,
    Actions,
    Quarantine,
    Investigate,
    Resolve,
    Release,
    Archive,
    Repair,
    Undo,
    Resume,
    Run,
    Stop,
    Arm,
    Audit,
    Acknowledge,
    Silence,
    Assign,
    Reopen,
    History,
    JobRun,
    Log,
    Insights,
    DeadLetters,
    Dashboard,
    Follow,
    Live,
    NextError,
    PreviousError,
    Errors,
    Wrap,
    Times,
    Runbook,
    Done,
    Skip,
    Override,
    Applies,
    NotApplicable,
    Rerun,
    DoubleMemory,
    Cancel,
    Retry,
    StopRetry,
    Trigger,
    Clear,
    PauseDag,
    MarkAs,
    Redrive,
    Backfill,
    Work,
    GoOn,
    Check,
    CheckAll,
    Sign,
    Waive,
    Note,
    Keep,
    Own,
    Watch,
    Severity,
    Handover,
    Accept,
    Over,
    Report,
    Leave,
}

/// A row of the table.
pub(super) struct Spec {
    pub command: Command,
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// The arguments as shown after the name: `[EXPR]` may be left out, `N` may not.
    pub args: &'static str,
    pub doc: &'static str,
    /// Where it applies, for the documentation.
    pub place: &'static str,
    /// Why it cannot run now.
    pub enabled: fn(&State) -> Enabled,
    /// The word in the footer and how much it matters there (lower is dropped later); none: never a hint.
    pub hint: fn(&State) -> Option<(u8, &'static str)>,
}

/// A command line's name and the rest.
pub(super) fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(char::is_whitespace).map_or((line, ""), |(name, rest)| (name, rest.trim()))
}

/// A command by its name or an alias.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|s| s.name == name || s.aliases.contains(&name))
}

/// The row of a command.
#[cfg(test)]
pub(super) fn spec(command: Command) -> Option<&'static Spec> {
    COMMANDS.iter().find(|s| s.command == command)
}

/// What could stand where the last word of `line` stands, best first; each is the whole line.
pub(super) fn complete(line: &str, state: &State) -> Vec<String> {
    let line = line.trim_start();
    let Some((name, argument)) = line.split_once(' ') else {
        return COMMANDS.iter().map(|s| s.name).filter(|n| n.starts_with(line)).map(str::to_owned).collect();
    };
    let words: Vec<String> = match find(name).map(|s| s.command) {
        Some(Command::Theme) => Theme::BUILT_IN.map(str::to_owned).into(),
        Some(Command::Tab) => Tab::ALL.map(|t| t.word().to_owned()).into(),
        Some(Command::Sort) if state.tab == Tab::Quarantine => quarantine::Order::WORDS.map(str::to_owned).into(),
        Some(Command::Sort) => vec!["oddness".into(), "name".into()],
        // A reason is the first word; the note after it is anybody's own.
        Some(Command::Quarantine)
            if !argument.strip_prefix(moves::EVEN_INCOMPLETE).unwrap_or(argument).trim_start().contains(' ') =>
        {
            moves::reasons(state)
        }
        Some(Command::MarkAs) => vec!["success".into(), "failed".into()],
        Some(Command::Clear) => vec!["failed".into(), "all".into()],
        Some(Command::Silence) if !argument.contains(' ') => ["30m", "2h", "8h", "1d"].map(|d| format!("{d} ")).into(),
        Some(Command::Arm) if !argument.contains(' ') => ["15m", "30m", "1h", "2h"].map(|d| format!("{d} ")).into(),
        Some(Command::Runbook) => state.runbook.names(),
        Some(Command::Run) if !argument.contains(' ') => {
            state.settings.commands.keys().map(|job| format!("{job} ")).collect()
        }
        // The date comes next; settings are anybody's own.
        Some(Command::Run) if argument.split(' ').count() == 2 => {
            let today = state.now.date_naive();
            [Some(today), today.pred_opt()].into_iter().flatten().map(|day| day.to_string()).collect()
        }
        Some(Command::Columns | Command::Where) => state.dlq.preview.column_names(),
        _ => return Vec::new(),
    };
    // A list of columns completes its last part.
    let from = argument.rfind([',', ' ']).map_or(0, |at| at + 1);
    let (kept, part) = argument.split_at(from);
    words.iter().filter(|w| w.starts_with(part)).map(|w| format!("{name} {kept}{w}")).collect()
}

fn documented(key: &str, tab: Option<Tab>) -> String {
    tab.map_or_else(|| format!("`{key}`"), |tab| format!("`{key}` ({})", tab.title()))
}

/// The key table of the documentation, in Markdown.
pub fn key_table() -> String {
    let keys = KeyMap::default();
    let mut out = String::from("| keys | command | where | does |\n| --- | --- | --- | --- |\n");
    for spec in COMMANDS.iter() {
        let bound: Vec<String> =
            keys.keys(spec.name).map(|(key, tab)| documented(&key.to_string().replace('|', "\\|"), tab)).collect();
        let args = if spec.args.is_empty() { String::new() } else { format!(" {}", spec.args.replace('|', "\\|")) };
        out.push_str(&format!("| {} | `:{}{args}` | {} | {} |\n", bound.join(" "), spec.name, spec.place, spec.doc));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut names: Vec<&str> =
            COMMANDS.iter().flat_map(|s| std::iter::once(s.name).chain(s.aliases.iter().copied())).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for s in COMMANDS.iter() {
            assert_eq!(spec(s.command).map(|f| f.name), Some(s.name));
        }
    }

    #[test]
    fn completion_offers_names_then_arguments() {
        let state = State::for_test();
        assert_eq!(complete("sc", &state), ["schema"]);
        assert_eq!(complete("arm 1", &state), ["arm 15m ", "arm 1h "]);
        assert_eq!(complete("theme l", &state), ["theme light"]);
        assert_eq!(complete("tab ", &state), Tab::ALL.map(|tab| format!("tab {}", tab.word())));
        assert_eq!(complete("tab v", &state), ["tab verify"]);
        assert!(complete("row ", &state).is_empty() && complete("zz", &state).is_empty());
    }

    #[test]
    fn the_key_table_has_a_row_for_every_command() {
        let table = key_table();
        assert_eq!(table.lines().count(), COMMANDS.len() + 2);
        assert!(table.contains("| `R` `ctrl-r` `f5` | `:refresh` | everywhere | Read the lake anew |"), "{table}");
    }
}
