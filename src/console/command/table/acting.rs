//! What leads to a write, and what follows one: quarantine, recovery, jobs and DAGs, alerts, runbooks.

use crate::console::command::enabled::{
    actions_word, always, archive, arm, branch_chosen, cancel, clear, double_memory, go_on, investigate, mark_as,
    never_hinted, pause_dag, quarantine, redrive, release, reopen, repair, rerun, resolve, resume, retry, run_job,
    runbook as runbook_opens, step_chosen, stop, stop_retry, triage, trigger, undo,
};
use crate::console::command::spec::spec;
use crate::console::command::{Command, Spec};
use crate::console::jobs;
use crate::console::state::{Focus, Tab};

pub(super) fn rows() -> Vec<Spec> {
    vec![
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
        spec!(
            Release,
            "release",
            [],
            "[NOTE]",
            "quarantine",
            "Plan to put the objects back under their old keys",
            release
        ),
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
        spec!(
            Redrive,
            "redrive",
            [],
            "[--override REASON]",
            "alert, entry",
            "Plan to run its rows through the pipeline again, now that the cause is fixed; once, unless a reason is given",
            redrive,
            |s| match s.tab {
                Tab::Dlq if redrive(s).is_ok() => Some((2, "redrive…")),
                _ => None,
            }
        ),
        spec!(
            Backfill,
            "backfill",
            [],
            "DATASET FROM TO",
            "everywhere",
            "Plan to fill a range of days by the dataset's job, two at once (another number stands behind); --force redoes all",
            always
        ),
        spec!(
            Run,
            "run",
            [],
            "JOB [DATE] [NAME=VALUE …]",
            "everywhere",
            "Plan to run a job that is a command of this machine, with settings of its own; on the Jobs tab the chosen one",
            run_job,
            |s| jobs::command_of_selected(s).is_some().then_some((2, "run again…"))
        ),
        spec!(
            Work,
            "work",
            ["running"],
            "",
            "everywhere",
            "All that runs: moves, redrives, backfills, commands, with how far they are",
            always,
            |s| (!s.work.running.is_empty()).then_some((1, "work"))
        ),
        spec!(
            GoOn,
            "go-on",
            [],
            "",
            "everywhere",
            "Go on with redrives and backfills that an earlier console left half done",
            go_on
        ),
        spec!(Resume, "resume", [], "", "quarantine", "Finish a move that was interrupted; asks first", resume),
        spec!(
            Stop,
            "stop",
            [],
            "",
            "everywhere",
            "Stop the running move, or else work, at its next boundary; it can be resumed",
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
        spec!(
            Reopen,
            "reopen",
            [],
            "[NOTE]",
            "alerts, step, incident",
            "Open it again, as if nobody had done anything; of the incident, and why",
            reopen
        ),
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
    ]
}
