//! What works everywhere: what happened, copying, moving about, leaving.

use crate::console::command::enabled::{always, never_hinted, something_selected, themed};
use crate::console::command::spec::spec;
use crate::console::command::{Command, Spec};

pub(super) fn rows() -> Vec<Spec> {
    vec![
        spec!(
            History,
            "history",
            [],
            "[DAYS]",
            "everywhere",
            "What fired, cleared and was done, in the last days (7), as this machine saw it",
            always
        ),
        spec!(
            Audit,
            "audit",
            ["journal"],
            "[DAYS]",
            "everywhere",
            "Who did what, when, and what it came to, in the last days (7)",
            always
        ),
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
            "The state of each source: its last answer, its failure, what to do, its requests",
            always
        ),
        spec!(
            Messages,
            "messages",
            ["mes"],
            "",
            "everywhere",
            "What was said on the last line, errors included",
            always
        ),
        spec!(Theme, "theme", [], "dark|light|mono|colour-safe", "everywhere", "Another theme until the end", themed),
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
    ]
}
