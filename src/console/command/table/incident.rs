//! What is done with the incident that is worked on: its checks, its notes, its end.

use crate::console::command::enabled::{
    accept, check, check_all, handover, keep, leave, never_hinted, note, over, own, report, severity, sign, waive,
    watch,
};
use crate::console::command::spec::spec;
use crate::console::command::{Command, Spec};
use crate::console::state::{State, Tab};

fn on(state: &State, tab: Tab, priority: u8, word: &'static str) -> Option<(u8, &'static str)> {
    (state.tab == tab && state.incident.joined().is_some()).then_some((priority, word))
}

pub(super) fn rows() -> Vec<Spec> {
    vec![
        spec!(Check, "check", [], "", "check", "Make the chosen check of the incident, and keep what it finds", check),
        spec!(
            CheckAll,
            "check-all",
            ["verify"],
            "",
            "incident",
            "Make the five checks that show that the incident is over",
            check_all,
            |s| on(s, Tab::Verify, 1, "check all")
        ),
        spec!(
            Sign,
            "sign",
            ["sign-off"],
            "[NOTE]",
            "check",
            "Put your name to the chosen check, which must pass",
            sign,
            |s| on(s, Tab::Verify, 1, "sign off")
        ),
        spec!(Waive, "waive", [], "REASON", "check", "Do without the chosen check, for ever, and why", waive, |s| on(
            s,
            Tab::Verify,
            2,
            "waive"
        )),
        spec!(
            Note,
            "note",
            [],
            "[TEXT]",
            "everywhere",
            "Write a note on the incident that is worked on; without TEXT, in lines of its own",
            note,
            |s| note(s).ok().map(|()| (8, "note"))
        ),
        spec!(
            Keep,
            "keep",
            [],
            "",
            "log, entry",
            "Keep the marked lines of the log, or the row, with the incident: escaped and masked",
            keep,
            |s| keep(s).ok().map(|()| (7, "keep"))
        ),
        spec!(Own, "own", [], "[WHO]", "incident", "You, or WHO, have the incident now", own),
        spec!(Watch, "watch", [], "[WHO]", "incident", "You, or WHO, watch the incident; again: no more", watch),
        spec!(
            Severity,
            "severity",
            [],
            "critical|warning|info REASON",
            "incident",
            "The incident is as bad as this, and why",
            severity
        ),
        spec!(
            Handover,
            "handover",
            [],
            "[NOTE]",
            "incident",
            "Write down what the next person needs, and hand the incident over",
            handover,
            |s| on(s, Tab::Incident, 1, "hand over")
        ),
        spec!(Accept, "accept", ["take-over"], "", "incident", "Take the incident over", accept, |s| accept(s)
            .ok()
            .and_then(|()| on(s, Tab::Incident, 0, "take over"))),
        spec!(
            Over,
            "over",
            ["end"],
            "CAUSE",
            "incident",
            "The incident is over, and what its cause was; every check must be signed off or waived",
            over,
            |s| on(s, Tab::Incident, 2, "over").or_else(|| on(s, Tab::Verify, 3, "over"))
        ),
        spec!(
            Report,
            "report",
            [],
            "[FILE]",
            "incident",
            "Put the report on the lake, copy it, and write it into FILE (.md, .json, .html)",
            report,
            |s| on(s, Tab::Incident, 3, "report")
        ),
        spec!(Leave, "leave", [], "", "incident", "Work on the incident no more; it stays as it is", leave, |s| on(
            s,
            Tab::Incident,
            4,
            "leave"
        )),
    ]
}
