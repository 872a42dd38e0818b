//! The history of alerts: what fired, grew worse, cleared and was done, newest first.

mod view;

pub(super) use view::draw;

use crate::lake::LakeError;
use crate::model::text::escape;
use crate::ops::HistoryEvent;

use super::command::Command;
use super::cursor::Cursor;
use super::load::{Fault, Load};
use super::msg::{Effect, RequestId};
use super::overlay::{self, Overlay};
use super::state::State;

/// Days looked at where nothing else is said.
const DAYS: u32 = 7;

/// State of the view.
#[derive(Debug)]
pub(super) struct HistoryScreen {
    pub days: u32,
    pub cursor: Cursor,
    pub events: Load<Vec<HistoryEvent>>,
}

/// Opens the view and asks for its events.
pub(super) fn run(state: &mut State, argument: &str) -> Vec<Effect> {
    let days = match argument.parse::<u32>() {
        Ok(days @ 1..) => days,
        Err(_) if argument.is_empty() => DAYS,
        _ => {
            state.fail(format!("history: {:?} is not a number of days from 1", escape(argument)));
            return Vec::new();
        }
    };
    let id = state.request();
    state.overlay =
        Some(Overlay::History(HistoryScreen { days, cursor: Cursor::default(), events: Load::Waiting(id) }));
    vec![Effect::History { id, days }]
}

/// Events came, or not.
pub(super) fn came(state: &mut State, id: RequestId, result: Result<Vec<HistoryEvent>, LakeError>) {
    if let Some(Overlay::History(screen)) = state.overlay.as_mut()
        && matches!(screen.events, Load::Waiting(waiting) if waiting == id)
    {
        screen.events = match result {
            Ok(events) => Load::Ready(events),
            Err(error) => Load::Failed(Fault::from(&error)),
        };
    }
}

impl HistoryScreen {
    /// Moves in the list; whether the view is to be closed.
    pub(super) fn key(&mut self, command: Option<Command>, height: u16) -> overlay::Handled {
        let len = match &self.events {
            Load::Ready(events) => events.len() as u64,
            _ => 0,
        };
        overlay::scroll(&mut self.cursor, command, len, height)
    }
}
