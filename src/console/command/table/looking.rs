//! What looks: at entries and their rows, at runs and logs.

use crate::console::command::enabled::{
    always, dashboard, dead_letters, is_inside, live_log, log_open, logged, markable, never_hinted, open_word,
    openable, rangeable, related, reveal, rows_open, sortable,
};
use crate::console::command::spec::spec;
use crate::console::command::{Command, Spec};
use crate::console::state::{Focus, Tab};

pub(super) fn rows() -> Vec<Spec> {
    vec![
        spec!(
            Open,
            "open",
            ["o"],
            "",
            "everywhere",
            "Open: the entry or run of an alert, the dates of a dataset, the rows of an entry, a row, the detail of a run",
            openable,
            open_word
        ),
        spec!(Back, "back", [], "", "everywhere", "One step back; cancels what is loading here", always, |s| {
            is_inside(s).then_some((1, "back"))
        }),
        spec!(Pane, "pane", ["focus"], "", "everywhere", "The focus to the other pane", always, |s| (s.tab
            != Tab::Logs)
            .then_some((7, "other pane"))),
        spec!(
            Tab,
            "tab",
            ["go"],
            "alerts|dlq|quarantine|jobs|logs|runbook|verify|incident",
            "everywhere",
            "Switch to a tab by its name or number",
            always
        ),
        spec!(
            Schema,
            "schema",
            ["contract"],
            "",
            "entry",
            "The columns against the dataset's contract",
            rows_open,
            |s| (s.tab == Tab::Dlq).then_some((3, "schema"))
        ),
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
            openable,
            |s| (!matches!(s.tab, Tab::Jobs | Tab::Logs)).then_some((4, "detail"))
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
        spec!(
            Sort,
            "sort",
            [],
            "oddness|name|state|age|dataset|reason",
            "profile, quarantine",
            "Order of the profile (oddness, name) or of the quarantines (the others)",
            sortable
        ),
        spec!(
            Mark,
            "mark",
            [],
            "",
            "list",
            "Mark or unmark, for what works on several; a line of a log",
            markable,
            |s| (s.tab != Tab::Dlq || s.dlq.focus == Focus::List).then_some((8, "mark"))
        ),
        spec!(Range, "range", [], "", "list", "Begin a range here; again: mark all from there to here", rangeable),
        spec!(
            Log,
            "log",
            ["logs"],
            "[N]",
            "alert, entry, run, task",
            "Its log; with a number, that of its N-th place only",
            logged,
            |s| (s.tab == Tab::Jobs && logged(s).is_ok()).then_some((1, "log"))
        ),
        spec!(
            Insights,
            "insights",
            ["query"],
            "QUERY",
            "everywhere",
            "Ask Logs Insights about the last hour (another length, and groups, stand before QUERY); billed by what it scans",
            always
        ),
        spec!(
            JobRun,
            "job-run",
            [],
            "",
            "alert, entry, run, task",
            "The job run behind an alert or dead letters; from that the DAG run that started it, and back; esc leads back",
            related,
            |s| related(s).is_ok().then_some(match s.tab {
                Tab::Jobs => (2, "other run"),
                Tab::Dlq => (6, "run"),
                _ => (1, "run"),
            })
        ),
        spec!(
            DeadLetters,
            "dead-letters",
            [],
            "",
            "job run",
            "The dead letters of its dataset and date; esc leads back",
            dead_letters,
            |s| dead_letters(s).is_ok().then_some((2, "dead letters"))
        ),
        spec!(
            Dashboard,
            "dashboard",
            ["pages", "spark-ui"],
            "[ATTEMPT]",
            "job run",
            "A link to the run's own pages (Spark's), shown here and sent to the clipboard; it lets in whoever has it",
            dashboard
        ),
        spec!(
            Follow,
            "follow",
            ["pause"],
            "",
            "log",
            "Keep the newest line in view, or stand still; scrolling up stands still",
            log_open,
            |s| log_open(s).is_ok().then_some((0, if s.logs.following { "pause" } else { "follow" }))
        ),
        spec!(
            Live,
            "live",
            ["tail"],
            "",
            "log",
            "Lines as they are written, by a live tail of CloudWatch Logs, or no longer; billed by the minute, so paused or behind another tab it ends after one",
            live_log,
            |s| live_log(s).is_ok().then_some(if s.logs.live.is_off() { (3, "live") } else { (0, "end live") })
        ),
        spec!(NextError, "next-error", [], "", "log", "To the next error", log_open, |s| log_open(s)
            .is_ok()
            .then_some((1, "next error"))),
        spec!(PreviousError, "previous-error", [], "", "log", "To the error before", log_open),
        spec!(
            Errors,
            "errors",
            ["signatures"],
            "",
            "log",
            "The errors grouped by what they have in common, and counted; enter goes to the first",
            log_open,
            |s| log_open(s).is_ok().then_some((1, "errors"))
        ),
        spec!(Wrap, "wrap", [], "", "log", "Wrap long lines, or cut them", log_open, |s| log_open(s)
            .is_ok()
            .then_some((5, "wrap"))),
        spec!(Times, "times", [], "", "log", "Times as ages, or in full with their zone", log_open),
    ]
}
