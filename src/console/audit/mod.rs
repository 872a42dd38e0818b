//! The audit view: who did what, when, and what it came to, newest first.

mod view;

#[cfg(test)]
mod tests;

pub(super) use view::draw;

use crate::lake::LakeError;
use crate::ops::AuditRecord;

use super::command::Command;
use super::cursor::Cursor;
use super::load::{Fault, Load};
use super::msg::{Effect, RequestId};
use super::overlay::{self, Overlay};
use super::state::State;

/// Days looked at where nothing else is said.
pub(super) const DAYS: u32 = 7;

/// State of the view.
#[derive(Debug)]
pub(super) struct AuditScreen {
    pub days: u32,
    pub cursor: Cursor,
    pub records: Load<Vec<AuditRecord>>,
}

/// Opens the view and asks for its records.
pub(super) fn open(state: &mut State, days: u32) -> Vec<Effect> {
    let id = state.request();
    state.overlay = Some(Overlay::Audit(AuditScreen { days, cursor: Cursor::default(), records: Load::Waiting(id) }));
    vec![Effect::Audit { id, days }]
}

/// Records came, or not.
pub(super) fn audited(state: &mut State, id: RequestId, result: Result<Vec<AuditRecord>, LakeError>) {
    if let Some(Overlay::Audit(screen)) = state.overlay.as_mut()
        && matches!(screen.records, Load::Waiting(waiting) if waiting == id)
    {
        screen.records = match result {
            Ok(records) => Load::Ready(records),
            Err(error) => Load::Failed(Fault::from(&error)),
        };
    }
}

impl AuditScreen {
    /// Moves in the list; whether the view is to be closed.
    pub(super) fn key(&mut self, command: Option<Command>, height: u16) -> overlay::Handled {
        let len = match &self.records {
            Load::Ready(records) => records.len() as u64,
            _ => 0,
        };
        overlay::scroll(&mut self.cursor, command, len, height)
    }
}
