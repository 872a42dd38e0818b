//! The rows of the command table.

use super::enabled::{
    actions_word, always, archive, arm, branch_chosen, cancel, clear, dead_letters, double_memory, investigate,
    log_open, logged, mark_as, markable, never_hinted, open_word, openable, pause_dag, quarantine, rangeable, release,
    reopen, repair, rerun, resolve, resume, retry, reveal, rows_open, run_job, run_of_alert, runbook as runbook_opens,
    something_selected, sortable, step_chosen, stop, stop_retry, themed, triage, trigger, undo,
};
use super::spec::spec;
use super::{Command, Spec};
use crate::console::jobs;
use crate::console::state::{Focus, Tab};

/// Every command, in the order of the `?` list.
pub(in crate::console) static COMMANDS: &[Spec] = &[
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
    spec!(Back, "back", [], "", "everywhere", "One step back; cancels what is loading here", always, |s| (s.tab
        == Tab::Dlq
        && s.dlq.focus == Focus::Detail)
        .then_some((1, "back"))),
    spec!(Pane, "pane", ["focus"], "", "everywhere", "The focus to the other pane", always, |s| (s.tab != Tab::Logs)
        .then_some((7, "other pane"))),
    spec!(
        Tab,
        "tab",
        ["go"],
        "alerts|dlq|quarantine|jobs|logs|runbook",
        "everywhere",
        "Switch to a tab by its name or number",
        always
    ),
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
    spec!(Mark, "mark", [], "", "list", "Mark or unmark, for what works on several; a line of a log", markable, |s| (s
        .tab
        != Tab::Dlq
        || s.dlq.focus == Focus::List)
        .then_some((8, "mark"))),
    spec!(Range, "range", [], "", "list", "Begin a range here; again: mark all from there to here", rangeable),
    spec!(
        Log,
        "log",
        ["logs"],
        "[N]",
        "job run, task, alert",
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
        "alert",
        "The job run that an alert is about; esc leads back",
        run_of_alert,
        |s| run_of_alert(s).is_ok().then_some((1, "run"))
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
        Follow,
        "follow",
        ["pause"],
        "",
        "log",
        "Keep the newest line in view, or stand still; scrolling up stands still",
        log_open,
        |s| log_open(s).is_ok().then_some((0, if s.logs.following { "pause" } else { "follow" }))
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
    spec!(
        Actions,
        "actions",
        ["menu"],
        "",
        "everywhere",
        "What can be done with what is selected or marked; enter runs the chosen one",
        always,
        actions_word
    ),
    spec!(
        Quarantine,
        "quarantine",
        [],
        "REASON [NOTE]",
        "alert, entry",
        "Plan to move it out of the pipeline's way; --even-incomplete first takes what is still being written",
        quarantine,
        |s| match s.tab {
            Tab::Alerts | Tab::Dlq if quarantine(s).is_ok() => Some((1, "quarantine…")),
            _ => None,
        }
    ),
    spec!(
        Investigate,
        "investigate",
        [],
        "[NOTE]",
        "quarantine",
        "Say that somebody looks for the cause; asks first",
        investigate
    ),
    spec!(Resolve, "resolve", [], "[NOTE]", "quarantine", "Say that the cause is dealt with; asks first", resolve),
    spec!(Release, "release", [], "[NOTE]", "quarantine", "Plan to put the objects back under their old keys", release),
    spec!(
        Archive,
        "archive",
        [],
        "[NOTE]",
        "quarantine, entry",
        "Plan to keep it for good; of the DLQ, what was processed",
        archive
    ),
    spec!(
        Repair,
        "repair",
        ["evolve"],
        "",
        "entry",
        "Plan to make the rejected rows fit their contract, in a new place: what would pass, what still fails; asks first",
        repair,
        |s| (s.tab == Tab::Dlq && s.dlq.focus == Focus::Detail).then_some((6, "repair"))
    ),
    spec!(Undo, "undo", [], "", "quarantine", "Plan to take the last move back", undo),
    spec!(Resume, "resume", [], "", "quarantine", "Finish a move that was interrupted; asks first", resume),
    spec!(
        Run,
        "run",
        [],
        "JOB [DATE]",
        "everywhere",
        "Run a job that is a command of this machine, on the Jobs tab the chosen one; shows the command and asks first",
        run_job,
        |s| jobs::command_of_selected(s).is_some().then_some((2, "run again…"))
    ),
    spec!(
        Stop,
        "stop",
        [],
        "",
        "everywhere",
        "Stop the running move at its next boundary, it can be resumed; or end the running job",
        stop
    ),
    spec!(
        Arm,
        "arm",
        [],
        "DURATION REASON",
        "everywhere",
        "Unlock a protected environment for a while (15m, 2h, 8h at the most); is audited",
        arm
    ),
    spec!(
        Rerun,
        "rerun",
        [],
        "[NAME=VALUE …]",
        "job run",
        "Run it again: a form with its memory, cores, partitions and arguments, then the plan; with settings, the plan",
        rerun,
        |s| rerun(s).is_ok().then_some((3, "rerun…"))
    ),
    spec!(
        DoubleMemory,
        "double-memory",
        [],
        "",
        "job run",
        "Plan to run it again with twice the memory of driver and executors",
        double_memory,
        |s| double_memory(s).is_ok().then_some((4, "memory ×2"))
    ),
    spec!(
        Retry,
        "retry",
        [],
        "[NAME=VALUE …]",
        "job run",
        "Plan to run it again until it goes well: as often, and after as long, as the retry policy says",
        retry
    ),
    spec!(
        StopRetry,
        "stop-retry",
        [],
        "",
        "everywhere",
        "Ask for no further try of any; what runs goes on",
        stop_retry
    ),
    spec!(Cancel, "cancel", [], "", "job run", "Plan to end it", cancel, |s| cancel(s)
        .is_ok()
        .then_some((3, "cancel"))),
    spec!(Trigger, "trigger", [], "[DATE]", "DAG", "Plan a run of it, for a date if one is given", trigger),
    spec!(
        Clear,
        "clear",
        [],
        "[failed|all]",
        "DAG run, task",
        "Plan to let what failed in it run anew, or all of it; of a task, it and what comes after; lists them first",
        clear,
        |s| clear(s).is_ok().then_some((3, "clear…"))
    ),
    spec!(
        PauseDag,
        "pause-dag",
        ["unpause-dag"],
        "",
        "DAG",
        "Plan to stop its schedule, or to let it go on",
        pause_dag
    ),
    spec!(
        MarkAs,
        "mark-as",
        [],
        "success|failed",
        "DAG run, task",
        "Plan to say that it ended so; nothing runs by it",
        mark_as
    ),
    spec!(
        Acknowledge,
        "ack",
        ["acknowledge"],
        "[NOTE]",
        "alerts",
        "Take what is selected or marked: it is not open any more until it grows worse; for all who look at this lake",
        triage,
        |_| Some((2, "ack"))
    ),
    spec!(
        Silence,
        "silence",
        [],
        "DURATION [NOTE]",
        "alerts",
        "Take it out of sight for a while (30m, 2h, 7d at the most), unless it grows worse",
        triage
    ),
    spec!(Assign, "assign", [], "NAME [NOTE]", "alerts", "Give it to somebody", triage),
    spec!(Reopen, "reopen", [], "[NOTE]", "alerts, step", "Open it again, as if nobody had done anything", reopen),
    spec!(
        Runbook,
        "runbook",
        ["recover"],
        "[NAME]",
        "alert, entry, job run, runbook",
        "Walk the runbook that fits it best, or the one of a name, in an incident that all who look at this lake share",
        runbook_opens,
        |s| (s.tab == Tab::Alerts && runbook_opens(s).is_ok()).then_some((1, "runbook"))
    ),
    spec!(Done, "done", [], "[NOTE]", "step", "It is done; a check must have passed first", step_chosen, |s| {
        step_chosen(s).is_ok().then_some((1, "done"))
    }),
    spec!(Skip, "skip", [], "REASON", "step", "Leave it out, and say why", step_chosen, |s| step_chosen(s)
        .is_ok()
        .then_some((2, "skip…"))),
    spec!(
        Override,
        "override",
        [],
        "REASON",
        "step",
        "Go on though its check does not pass, and say why",
        step_chosen,
        |s| step_chosen(s).is_ok().then_some((3, "override…"))
    ),
    spec!(Applies, "applies", [], "[NOTE]", "step", "The branch applies: its steps count", branch_chosen, |s| {
        branch_chosen(s).is_ok().then_some((0, "applies"))
    }),
    spec!(
        NotApplicable,
        "not-applicable",
        [],
        "[NOTE]",
        "step",
        "The branch does not apply: its steps are not needed",
        branch_chosen,
        |s| branch_chosen(s).is_ok().then_some((0, "does not"))
    ),
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
    spec!(Messages, "messages", ["mes"], "", "everywhere", "What was said on the last line, errors included", always),
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
];
