//! Where a reading of log events goes on: the token of the next page, or at the end a little before the newest event,
//! with the events read since then, so that nothing comes twice and nothing that comes late is lost.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sources::logs::LogCursor;

/// How late an event may be delivered after one that is newer. Milliseconds.
const LATE: i64 = 30_000;
/// The most events that are remembered; with more of them in the last half minute, what is late is late by less.
const REMEMBERED: usize = 4_096;

/// An event: when it was, and what it is known by.
pub type Event = (i64, u64);

/// A position.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The `startTime` of the requests. Milliseconds; every page of a series needs the same.
    pub start: Option<i64>,
    /// The `nextToken` of the page to read.
    pub token: Option<String>,
    /// Lines that were given of an event that is not through.
    pub part: Option<(Event, usize)>,
    /// The events that were read last.
    recent: BTreeSet<Event>,
    /// Those that were read of the page that is not through.
    page: BTreeSet<Event>,
    /// Since when all that was read is remembered, if not for all of the last half minute.
    since: Option<i64>,
}

impl Position {
    /// The beginning of a window.
    pub fn beginning(from: Option<DateTime<Utc>>) -> Self {
        Self { start: from.map(|from| from.timestamp_millis()), ..Self::default() }
    }

    /// The position of a cursor; none if it is not one of ours.
    pub fn read(cursor: &LogCursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    /// The cursor of a position.
    pub fn cursor(&self) -> LogCursor {
        LogCursor(serde_json::to_string(self).unwrap_or_default())
    }

    /// Whether an event was read.
    pub fn has_read(&self, event: Event) -> bool {
        self.recent.contains(&event) || self.page.contains(&event)
    }

    /// Lines that were given of an event already.
    pub fn given(&self, event: Event) -> usize {
        self.part.filter(|(known, _)| *known == event).map_or(0, |(_, lines)| lines)
    }

    /// Notes an event that is through.
    pub fn seen(&mut self, event: Event) {
        self.page.insert(event);
    }

    /// Turns the page; true at the end.
    pub fn turn(&mut self, next: Option<String>) -> bool {
        self.token = next.filter(|token| !token.is_empty());
        self.settle();
        let end = self.token.is_none();
        if end {
            self.go_on_from_recent();
        }
        end
    }

    /// Forgets a token that is no longer good; what was read before is not read again.
    pub fn begin_again(&mut self) {
        self.token = None;
        self.settle();
        self.go_on_from_recent();
    }

    /// The next series begins where all later events that were read are remembered.
    fn go_on_from_recent(&mut self) {
        let Some((newest, _)) = self.recent.last() else { return };
        self.start = self.start.max(Some((newest - LATE).max(0))).max(self.since);
    }

    /// What was read of the page is remembered, as far as it fits: all of a moment or nothing of it.
    fn settle(&mut self) {
        self.recent.append(&mut self.page);
        let Some(newest) = self.recent.last().map(|(at, _)| *at) else { return };
        self.recent = self.recent.split_off(&(newest - LATE, 0));
        while self.recent.len() > REMEMBERED {
            let Some(oldest) = self.recent.first().map(|(at, _)| *at).filter(|oldest| *oldest < newest) else { return };
            self.recent = self.recent.split_off(&(oldest + 1, 0));
            self.since = self.since.max(Some(oldest + 1));
        }
    }
}

/// What an event is known by: its id, or what it says where it has none. The same in every process.
pub fn event(id: Option<&str>, stream: &str, at: i64, message: &str) -> Event {
    let mut hasher = Sha256::new();
    match id.filter(|id| !id.is_empty()) {
        Some(id) => hasher.update(id),
        None => {
            hasher.update(stream);
            hasher.update([0]);
            hasher.update(message);
        }
    }
    let digest = hasher.finalize();
    (at, digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(position: &mut Position, events: &[Event]) {
        events.iter().for_each(|event| position.seen(*event));
    }

    #[test]
    fn a_cursor_is_read_back() {
        let mut position = Position::beginning(DateTime::from_timestamp_millis(5));
        read(&mut position, &[(7, u64::MAX)]);
        assert!(!position.turn(Some("t".into())));
        read(&mut position, &[(8, 1)]);
        position.part = Some(((9, 2), 3));
        let back = Position::read(&position.cursor()).unwrap();
        assert_eq!(back, position);
        assert!(back.has_read((7, u64::MAX)) && back.has_read((8, 1)) && !back.has_read((9, 2)));
        assert_eq!((back.token.as_deref(), back.start, back.given((9, 2))), (Some("t"), Some(5), 3));
        assert_eq!(Position::read(&LogCursor("x".into())), None);
    }

    #[test]
    fn the_end_goes_on_a_little_before_the_newest() {
        let mut position = Position::beginning(None);
        read(&mut position, &[(0, 1), (50_000, 2), (100_000, 3)]);
        assert!(position.turn(None));
        assert_eq!(position.start, Some(70_000));
        assert_eq!([(0, 1), (50_000, 2), (100_000, 3)].map(|event| position.has_read(event)), [false, false, true]);
        assert!(position.turn(None), "an empty page at the end");
        assert_eq!(position.start, Some(70_000));
    }

    #[test]
    fn what_is_not_remembered_is_not_read_again() {
        let mut position = Position::beginning(Some(DateTime::UNIX_EPOCH));
        let events: Vec<Event> = (0..10_000_u32).map(|id| (i64::from(id) / 4, id.into())).collect();
        read(&mut position, &events);
        assert!(position.turn(None));
        let start = position.start.unwrap();
        assert_eq!(events.iter().filter(|event| event.0 >= start && !position.has_read(**event)).count(), 0);
        assert!((4_000..=REMEMBERED).contains(&position.recent.len()), "{}", position.recent.len());
        let one_moment: Vec<Event> = (0..10_000).map(|id| (9_000, id)).collect();
        read(&mut position, &one_moment);
        position.turn(None);
        assert_eq!((position.start, position.has_read((9_000, 9_999))), (Some(2_500), true));
    }

    #[test]
    fn a_token_that_is_no_longer_good_costs_nothing() {
        let mut position = Position::beginning(Some(DateTime::UNIX_EPOCH));
        read(&mut position, &[(40_000, 1)]);
        position.turn(Some("t".into()));
        position.begin_again();
        assert_eq!((position.token.as_deref(), position.start), (None, Some(10_000)));
        assert!(position.has_read((40_000, 1)));
    }

    #[test]
    fn an_event_is_known_by_its_id_or_by_what_it_says() {
        assert_eq!(event(Some("3"), "a", 1, "x"), event(Some("3"), "b", 1, "y"));
        assert_ne!(event(None, "a", 1, "x"), event(None, "a", 1, "y"));
        assert_eq!(event(Some("abc"), "", 0, "").1, 0xba78_16bf_8f01_cfea, "of SHA-256, so in every process");
    }
}
