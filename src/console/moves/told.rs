//! What writes came to, in one sentence, with all that did not go as planned.

use super::{Write, Written};
use crate::console::alerts::triage;
use crate::console::load::Fault;
use crate::console::state::State;
use crate::console::words;
use crate::model::moves::{MoveKind, Step};
use crate::model::text::{one_line, thousands};
use crate::ops::{GateError, Outcome};

/// Says it on the last line: as an error where something failed or needs somebody.
pub(super) fn tell(state: &mut State, written: &Written) {
    let done: Vec<&Outcome> = written.ended.iter().filter_map(|r| r.as_ref().ok()).collect();
    let failed: Vec<&GateError> = written.ended.iter().filter_map(|r| r.as_ref().err()).collect();
    let left = written.of.saturating_sub(written.ended.len());
    let mut parts = Vec::new();
    // The gate says of each mark and act on a job what it made of it.
    let said = matches!(written.write, Write::Mark(_) | Write::Drive) && done.iter().all(|o| !o.notes.is_empty());
    if !done.is_empty() && !said {
        parts.push(sentence(&written.write, &done));
    }
    let mut hint = String::new();
    if let Some(first) = failed.first() {
        let fault = Fault::from(*first);
        let others = failed.len() - 1;
        let more = if others > 0 { format!(" (and {others} more failed)") } else { String::new() };
        parts.push(format!("{}{more}", fault.what));
        hint = fault.hint;
    }
    if left > 0 {
        parts.push(format!("{} not begun", words::plural(left as u64, "move was", "moves were")));
    }
    parts.extend(done.iter().flat_map(|o| &o.notes).map(|n| one_line(n, 400)));
    let text = parts.join("; ");
    if !failed.is_empty() || left > 0 || done.iter().any(|o| o.needs_operator) {
        state.fail_with(text, hint);
    } else {
        state.say(text);
    }
}

fn sentence(write: &Write, done: &[&Outcome]) -> String {
    let first = done.first();
    if let (Write::Arm, Some(until)) = (write, first.and_then(|o| o.armed_until)) {
        return format!("armed until {}", words::absolute(until));
    }
    if *write == Write::Triage {
        let records: Vec<_> = done.iter().flat_map(|o| &o.triaged).collect();
        return triage::sentence(&records);
    }
    if *write == Write::Repair {
        let path = first.and_then(|o| o.path.as_deref()).map(|p| one_line(p, 400)).unwrap_or_default();
        return format!("repaired rows lie in {path}");
    }
    if let Write::Mark(step) = write {
        let state = if *step == Step::Investigate { "being investigated" } else { "resolved" };
        return format!("{} now {state}", words::plural(done.len() as u64, "quarantine is", "quarantines are"));
    }
    let verb = match first.and_then(|o| o.kind) {
        Some(MoveKind::Quarantine) => "quarantined",
        Some(MoveKind::Release) => "released",
        Some(MoveKind::Archive) => "archived",
        Some(MoveKind::Undo) => "took back",
        None => "done:",
    };
    let objects = done.iter().map(|o| o.objects).fold(0, u64::saturating_add);
    let bytes = done.iter().map(|o| o.bytes).fold(0, u64::saturating_add);
    let mut text = format!("{verb} {}, {}", words::plural(objects, "object", "objects"), words::bytes(bytes));
    match (done, first.and_then(|o| o.path.as_deref())) {
        ([_], Some(path)) => text.push_str(&format!(", now in {}", one_line(path, 400))),
        ([_], None) => {}
        (several, _) => text.push_str(&format!(" in {} moves", thousands(several.len() as u64))),
    }
    text
}
