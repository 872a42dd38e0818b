//! How far a log is read, and when to look for more: at once while there is more, then every two seconds, and the
//! longer nothing comes the less often. Nothing is read behind another tab.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::LogsScreen;
use crate::console::load::Fault;
use crate::console::msg::{Effect, RequestId};
use crate::console::state::{State, Tab};
use crate::lake::ErrorClass;
use crate::sources::SourceError;
use crate::sources::logs::{LogCursor, LogPage, LogQuery, Seen};

/// Lines asked for at once: a frame takes them in far less than its time.
const PAGE: usize = 2_000;
/// The shortest and the longest pause between two looks for new lines.
const PAUSE: (i64, i64) = (2, 30);

/// Where the reading stands.
#[derive(Debug, Default)]
pub(in crate::console) enum Phase {
    /// No log is open.
    #[default]
    Closed,
    /// A page was asked for.
    Asked(RequestId),
    /// All is read that is there now.
    AtEnd,
    /// There will be no more.
    Over,
    /// The user stopped it.
    Cancelled,
    /// It failed.
    Failed(Fault),
}

/// How far a log is read.
#[derive(Debug, Default)]
pub(in crate::console) struct Reading {
    pub phase: Phase,
    /// Where the next page begins; none for the first.
    next: Option<LogCursor>,
    /// Whether more was there at the last answer.
    behind: bool,
    /// Looks in a row that found nothing that was not there.
    empty: u32,
    /// When to look again.
    pub due: Option<DateTime<Utc>>,
    /// What the source could not give.
    pub missing: Option<String>,
    /// Bytes scanned that cost money.
    pub scanned: u64,
    /// The lines that came lately, from here or from a live tail.
    pub seen: Seen,
}

impl Reading {
    /// Whether lines that are there are being read.
    pub(in crate::console) fn is_behind(&self) -> bool {
        matches!(self.phase, Phase::Asked(_)) && (self.behind || self.next.is_none())
    }

    /// Stops reading what is there. Whether there was anything to stop.
    pub(super) fn cancel(&mut self) -> bool {
        let behind = self.is_behind();
        if behind {
            self.phase = Phase::Cancelled;
        }
        behind
    }

    fn pause(&self) -> Duration {
        let factor = 1i64.checked_shl(self.empty.min(5)).unwrap_or(1);
        Duration::seconds((PAUSE.0 * factor).min(PAUSE.1))
    }
}

/// Asks for the next page.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let Some(of) = state.logs.of.as_ref().map(Arc::clone) else { return Vec::new() };
    let id = state.request();
    let reading = &mut state.logs.reading;
    reading.phase = Phase::Asked(id);
    reading.due = None;
    let query = LogQuery { most: PAGE, ..LogQuery::default() };
    vec![Effect::ReadLog { id, of, query, from: reading.next.clone() }]
}

/// A page came, or not.
pub(in crate::console) fn came(state: &mut State, id: RequestId, result: Result<LogPage, SourceError>) -> Vec<Effect> {
    if !matches!(state.logs.reading.phase, Phase::Asked(asked) if asked == id) {
        return Vec::new();
    }
    match result {
        Ok(page) => {
            let more = take(&mut state.logs, page, state.now);
            super::fit(state);
            if more && state.tab == Tab::Logs { ask(state) } else { Vec::new() }
        }
        Err(error) => {
            let passes = matches!(error.class, ErrorClass::Throttled | ErrorClass::Unreachable);
            let reading = &mut state.logs.reading;
            reading.phase = Phase::Failed(Fault::from(&error));
            reading.empty = reading.empty.saturating_add(1);
            // What passes by itself is tried again; the rest waits for somebody.
            reading.due = passes.then(|| state.now + reading.pause());
            Vec::new()
        }
    }
}

/// Takes the lines in. Whether more are there.
fn take(logs: &mut LogsScreen, page: LogPage, now: DateTime<Utc>) -> bool {
    let reading = &mut logs.reading;
    let mut new = 0_usize;
    for line in page.lines.iter().filter(|line| reading.seen.read(line)) {
        logs.buffer.append(line.at, &line.stream, &line.text);
        new += 1;
    }
    reading.seen.turn();
    reading.missing = page.missing.or(reading.missing.take());
    reading.scanned = reading.scanned.saturating_add(page.scanned.unwrap_or(0));
    reading.empty = if new == 0 { reading.empty.saturating_add(1) } else { 0 };
    if page.next.is_none() {
        (reading.phase, reading.behind) = (Phase::Over, false);
        return false;
    }
    reading.next = page.next;
    reading.behind = !page.at_end;
    reading.phase = Phase::AtEnd;
    reading.due = Some(if reading.behind { now } else { now + reading.pause() });
    reading.behind
}

/// Time went on: looks for new lines when it is time to.
pub(in crate::console) fn tick(state: &mut State) -> Vec<Effect> {
    let mut effects = super::live::tick(state);
    let due = state.logs.reading.due.is_some_and(|due| state.now >= due);
    if due && state.tab == Tab::Logs {
        effects.extend(ask(state));
    }
    effects
}

/// A live tail begins or is over: what was written meanwhile is looked for at once, and in short pauses after that.
pub(super) fn hurry(state: &mut State) -> Vec<Effect> {
    state.logs.reading.empty = 0;
    if !matches!(state.logs.reading.phase, Phase::AtEnd) {
        return Vec::new();
    }
    state.logs.reading.due = Some(state.now);
    if state.tab == Tab::Logs { ask(state) } else { Vec::new() }
}

/// A live tail left lines out: they are looked for after the shortest pause.
pub(super) fn soon(state: &mut State) -> Vec<Effect> {
    let reading = &mut state.logs.reading;
    reading.empty = 0;
    let soon = state.now + reading.pause();
    reading.due = reading.due.map(|due| due.min(soon));
    Vec::new()
}

/// R: what failed, was cancelled or has paused goes on at once.
pub(in crate::console) fn retry(state: &mut State) -> Vec<Effect> {
    let waits = matches!(state.logs.reading.phase, Phase::Failed(_) | Phase::Cancelled | Phase::AtEnd);
    if state.tab == Tab::Logs && waits {
        state.logs.reading.empty = 0;
        return ask(state);
    }
    Vec::new()
}
