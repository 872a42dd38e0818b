//! The one table of commands: it feeds keys, the `:` line with its completion, the `?` list, the hints in the
//! footer and the key table of the documentation.

use super::state::{Focus, Mode, State, Tab};
use super::{KeyMap, Theme};

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
    pub enabled: fn(&State) -> Result<(), &'static str>,
    /// The word in the footer and how much it matters there (lower is dropped later); none: never a hint.
    pub hint: fn(&State) -> Option<(u8, &'static str)>,
}

type Enabled = Result<(), &'static str>;

fn always(_: &State) -> Enabled {
    Ok(())
}

fn never_hinted(_: &State) -> Option<(u8, &'static str)> {
    None
}

fn on_entry(state: &State) -> Enabled {
    if state.tab != Tab::Dlq {
        return Err("only on the DLQ tab");
    }
    state.dlq.entry(state).map(|_| ()).ok_or("no entry is selected")
}

fn rows_open(state: &State) -> Enabled {
    on_entry(state)?;
    state.dlq.preview.opened().map(|_| ()).ok_or("no rows are open")
}

fn something_selected(state: &State) -> Enabled {
    let selected = match state.tab {
        Tab::Alerts => state.alerts.selected(state).is_some(),
        Tab::Dlq => state.dlq.selected().is_some(),
    };
    if selected { Ok(()) } else { Err("nothing is selected") }
}

fn reveal(state: &State) -> Enabled {
    rows_open(state)?;
    match state.dlq.preview.opened() {
        Some(opened) if opened.personal.is_empty() => Err("no column here holds personal data"),
        _ if state.dlq.preview.revealed => Err("already revealed"),
        _ => Ok(()),
    }
}

fn on_dlq(state: &State) -> Enabled {
    if state.tab == Tab::Dlq { Ok(()) } else { Err("only on the DLQ tab") }
}

fn markable(state: &State) -> Enabled {
    on_dlq(state)?;
    something_selected(state)
}

fn profiled(state: &State) -> Enabled {
    on_entry(state)?;
    if state.dlq.preview.mode == Mode::Profile { Ok(()) } else { Err("no profile is shown: p") }
}

macro_rules! spec {
    ($command:ident, $name:literal, $aliases:expr, $args:literal, $place:literal, $doc:literal, $enabled:expr) => {
        spec!($command, $name, $aliases, $args, $place, $doc, $enabled, never_hinted)
    };
    ($command:ident, $name:literal, $aliases:expr, $args:literal, $place:literal, $doc:literal, $enabled:expr, $hint:expr) => {
        Spec {
            command: Command::$command,
            name: $name,
            aliases: &$aliases,
            args: $args,
            doc: $doc,
            place: $place,
            enabled: $enabled,
            hint: $hint,
        }
    };
}

/// Every command, in the order of the `?` list.
pub(super) static COMMANDS: &[Spec] = &[
    spec!(
        Open,
        "open",
        ["o"],
        "",
        "everywhere",
        "Open: the entry of an alert, the dates of a dataset, the rows of an entry, a row",
        something_selected,
        |s| match (s.tab, s.dlq.focus, s.dlq.preview.mode) {
            (Tab::Alerts, ..) => Some((0, "rejected rows")),
            (Tab::Dlq, Focus::List, _) => Some((0, "rows")),
            (Tab::Dlq, Focus::Detail, Mode::Rows) => Some((0, "record")),
            (Tab::Dlq, Focus::Detail, _) => None,
        }
    ),
    spec!(Back, "back", [], "", "everywhere", "One step back; cancels what is loading here", always, |s| (s.tab
        == Tab::Dlq
        && s.dlq.focus == Focus::Detail)
        .then_some((1, "back"))),
    spec!(Pane, "pane", ["focus"], "", "everywhere", "The focus to the other pane", always, |_| Some((
        7,
        "other pane"
    ))),
    spec!(Tab, "tab", ["go"], "alerts|dlq", "everywhere", "Switch to a tab by its name or number", always),
    spec!(Schema, "schema", ["contract"], "", "entry", "The columns against the dataset's contract", rows_open, |s| (s
        .tab
        == Tab::Dlq)
        .then_some((3, "schema"))),
    spec!(
        Profile,
        "profile",
        [],
        "",
        "entry",
        "Profile of the columns: nulls, distinct values, smallest, largest, most frequent",
        rows_open,
        |s| (s.tab == Tab::Dlq).then_some((3, "profile"))
    ),
    spec!(
        Detail,
        "detail",
        ["describe", "record"],
        "",
        "everywhere",
        "All that is known of what is selected; of a row, its record",
        something_selected,
        |_| Some((4, "detail"))
    ),
    spec!(
        Reveal,
        "reveal",
        ["unmask"],
        "",
        "entry",
        "Show the personal columns of this entry unmasked; asks first, and is audited",
        reveal,
        |s| reveal(s).is_ok().then_some((6, "reveal"))
    ),
    spec!(
        Filter,
        "filter",
        ["f"],
        "[TEXT]",
        "everywhere",
        "Show only what contains the text; !TEXT what does not; nothing shows all",
        always,
        |_| Some((2, "filter"))
    ),
    spec!(
        Line,
        "command",
        [],
        "",
        "everywhere",
        "Type a command; tab completes, up and down recall",
        always,
        |_| Some((2, "command"))
    ),
    spec!(
        Help,
        "help",
        ["commands"],
        "",
        "everywhere",
        "Every command with its keys; enter runs the chosen one",
        always,
        |_| Some((1, "help"))
    ),
    spec!(Refresh, "refresh", ["reload"], "", "everywhere", "Read the lake anew", always, |_| Some((5, "refresh"))),
    spec!(Row, "row", [], "N", "entry", "Jump to a row by its number, from 1", rows_open),
    spec!(
        Where,
        "where",
        [],
        "[EXPR]",
        "entry",
        "Show only the rows for which an SQL expression is true; nothing shows all",
        rows_open
    ),
    spec!(
        Columns,
        "columns",
        ["cols"],
        "[A,B,…]",
        "entry",
        "Show only these columns, in this order; nothing shows all",
        rows_open
    ),
    spec!(Sort, "sort", [], "oddness|name", "profile", "Order of the profile", profiled),
    spec!(Mark, "mark", [], "", "list", "Mark or unmark, for what works on several", markable, |s| (s.tab == Tab::Dlq
        && s.dlq.focus == Focus::List)
        .then_some((8, "mark"))),
    spec!(Range, "range", [], "", "list", "Begin a range here; again: mark all from there to here", markable),
    spec!(
        Copy,
        "copy",
        ["yank"],
        "",
        "everywhere",
        "Copy the key or path of what is selected or marked; in rows, the row as JSON, what is masked masked",
        something_selected,
        |_| Some((9, "copy"))
    ),
    spec!(
        CopyUri,
        "copy-uri",
        [],
        "",
        "everywhere",
        "Copy the full address of what is selected or marked",
        something_selected
    ),
    spec!(
        Sources,
        "sources",
        [],
        "",
        "everywhere",
        "The state of each source: its age, its failure, what to do",
        always
    ),
    spec!(Messages, "messages", ["mes"], "", "everywhere", "What was said on the last line, errors included", always),
    spec!(Theme, "theme", [], "dark|light|mono|colour-safe", "everywhere", "Another theme until the end", |s| if s
        .settings
        .no_color
    {
        Err("NO_COLOR is set")
    } else {
        Ok(())
    }),
    spec!(Down, "down", [], "", "everywhere", "One down", always),
    spec!(Up, "up", [], "", "everywhere", "One up", always),
    spec!(
        Left,
        "left",
        [],
        "",
        "everywhere",
        "Columns to the left; in the tree, close; in a record, the row before",
        always
    ),
    spec!(
        Right,
        "right",
        [],
        "",
        "everywhere",
        "Columns to the right; in the tree, open; in a record, the row after",
        always
    ),
    spec!(Top, "top", [], "", "everywhere", "To the first", always),
    spec!(Bottom, "bottom", [], "", "everywhere", "To the last", always),
    spec!(PageDown, "page-down", ["next"], "", "everywhere", "A page down", always),
    spec!(PageUp, "page-up", ["previous"], "", "everywhere", "A page up", always),
    spec!(HalfDown, "half-down", [], "", "everywhere", "Half a page down", always),
    spec!(HalfUp, "half-up", [], "", "everywhere", "Half a page up", always),
    spec!(Suspend, "suspend", [], "", "everywhere", "To the shell; fg comes back", always),
    spec!(Quit, "quit", ["q", "exit"], "", "everywhere", "Leave", always, |_| Some((10, "quit"))),
    spec!(Interrupt, "interrupt", [], "", "everywhere", "Leave at once, with exit code 130", always),
];

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
        Some(Command::Sort) => vec!["oddness".into(), "name".into()],
        Some(Command::Columns | Command::Where) => state.dlq.preview.column_names(),
        _ => return Vec::new(),
    };
    // A list of columns completes its last part.
    let from = argument.rfind([',', ' ']).map_or(0, |at| at + 1);
    let (kept, part) = argument.split_at(from);
    words.iter().filter(|w| w.starts_with(part)).map(|w| format!("{name} {kept}{w}")).collect()
}

/// The key table of the documentation, in Markdown.
pub fn key_table() -> String {
    let keys = KeyMap::default();
    let mut out = String::from("| keys | command | where | does |\n| --- | --- | --- | --- |\n");
    for spec in COMMANDS {
        let bound: Vec<String> =
            keys.keys(spec.name).map(|k| format!("`{}`", k.to_string().replace('|', "\\|"))).collect();
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
        for s in COMMANDS {
            assert_eq!(spec(s.command).map(|f| f.name), Some(s.name));
        }
    }

    #[test]
    fn completion_offers_names_then_arguments() {
        let state = State::for_test();
        assert_eq!(complete("sc", &state), ["schema"]);
        assert_eq!(complete("theme l", &state), ["theme light"]);
        assert_eq!(complete("tab ", &state), ["tab alerts", "tab dlq"]);
        assert!(complete("row ", &state).is_empty() && complete("zz", &state).is_empty());
    }

    #[test]
    fn the_key_table_has_a_row_for_every_command() {
        let table = key_table();
        assert_eq!(table.lines().count(), COMMANDS.len() + 2);
        assert!(table.contains("| `R` `ctrl-r` `f5` | `:refresh` | everywhere | Read the lake anew |"), "{table}");
    }
}
