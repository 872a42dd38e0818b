//! Each line once, though it comes twice: from a live tail and from reading the same place. A live tail gives its lines no
//! ids, and may leave some out; reading gives every line, later. So lines are known by what they say, and counted: of
//! those that say the same at the same moment, as many are shown as the source that gave more of them has.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use super::RawLine;

/// How far before the newest line that was read lines are remembered. A reading goes on half a minute before it, and a
/// live tail is a few seconds late. Milliseconds.
const WINDOW: i64 = 60_000;
/// The most lines that are remembered: three minutes of the most that a live tail gives, and a few megabytes. Beyond, the
/// oldest are forgotten, and would be shown twice.
const MOST: usize = 100_000;

/// How often a line came.
#[derive(Debug, Clone, Copy, Default)]
struct Came {
    live: u32,
    read: u32,
}

/// The lines that came lately.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// By their moment and what they say, in a hash that who writes lines cannot foresee.
    lines: BTreeMap<(i64, u64), Came>,
    newest: i64,
    hasher: RandomState,
}

impl Seen {
    /// Notes a line of a live tail; whether it is to be shown.
    pub fn live(&mut self, line: &RawLine) -> bool {
        self.note(line, |came| {
            came.live = came.live.saturating_add(1);
            came.live > came.read
        })
    }

    /// Notes a line that was read; whether it is to be shown.
    pub fn read(&mut self, line: &RawLine) -> bool {
        self.newest = self.newest.max(line.at.map_or(0, |at| at.timestamp_millis()));
        self.note(line, |came| {
            came.read = came.read.saturating_add(1);
            came.read > came.live
        })
    }

    /// A page was read: what lies before all that may come again is forgotten.
    pub fn turn(&mut self) {
        self.lines = self.lines.split_off(&(self.newest.saturating_sub(WINDOW), 0));
    }

    /// A line without a time comes from no live tail.
    fn note(&mut self, line: &RawLine, came: impl FnOnce(&mut Came) -> bool) -> bool {
        let Some(at) = line.at else { return true };
        let what = self.hasher.hash_one((&*line.stream, &line.text));
        let shown = came(self.lines.entry((at.timestamp_millis(), what)).or_default());
        if self.lines.len() > MOST {
            self.lines.pop_first();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn line(at: i64, text: &str) -> RawLine {
        RawLine { at: DateTime::from_timestamp_millis(at), stream: "s".into(), text: text.to_owned() }
    }

    #[test]
    fn a_line_is_shown_once_whichever_way_it_comes_first() {
        let mut seen = Seen::default();
        assert!(seen.live(&line(1, "a")) && !seen.read(&line(1, "a")));
        assert!(seen.read(&line(2, "b")) && !seen.live(&line(2, "b")));
        assert!(seen.read(&line(1, "A")) && seen.live(&line(3, "a")), "other words, another moment");
        let other = RawLine { stream: "t".into(), ..line(1, "a") };
        assert!(seen.live(&other) && !seen.read(&other), "another stream");
    }

    #[test]
    fn of_equal_lines_none_is_lost() {
        let mut seen = Seen::default();
        let a = line(1, "same words");
        assert!(seen.read(&a), "before the live tail");
        assert!(!seen.live(&a), "which of the two it is cannot be told");
        assert!(seen.read(&a), "but both are there when both were read");
        assert!(!seen.live(&a) && seen.live(&a) && !seen.read(&a) && seen.read(&a), "three live, four read");
    }

    #[test]
    fn lines_without_a_time_are_all_shown() {
        let mut seen = Seen::default();
        let bare = RawLine { at: None, ..line(0, "a") };
        assert!(seen.read(&bare) && seen.read(&bare) && seen.live(&bare));
    }

    #[test]
    fn what_cannot_come_again_is_forgotten_and_memory_has_an_end() {
        let mut seen = Seen::default();
        seen.live(&line(1_000, "old"));
        seen.live(&line(90_000, "new"));
        seen.read(&line(61_000, "read"));
        seen.turn();
        assert_eq!(seen.lines.len(), 3, "a minute before the newest that was read");
        seen.read(&line(61_001, "read"));
        seen.turn();
        assert!(!seen.read(&line(90_000, "new")) && seen.lines.len() == 3);
        for n in 0..150_000 {
            seen.live(&line(100_000 + n, "x"));
        }
        assert_eq!(seen.lines.len(), MOST);
        assert!(!seen.read(&line(249_999, "x")));
    }

    proptest! {
        /// Both give the lines in any order, the live tail leaves some out: at the end each was shown as often as it was
        /// written.
        #[test]
        fn nothing_is_lost_or_doubled(
            written in prop::collection::vec((0..5_i64, 0..3_u8), 0..40),
            live in prop::collection::vec(any::<bool>(), 40),
            turns in prop::collection::vec(any::<bool>(), 80),
        ) {
            let lines: Vec<_> = written.iter().map(|(at, text)| line(*at, &text.to_string())).collect();
            let mut tail = lines.iter().zip(&live).filter(|(_, came)| **came).map(|(line, _)| line);
            let mut read = lines.iter();
            let (mut seen, mut shown) = (Seen::default(), Vec::new());
            for live in turns.iter().chain([&true; 40]).chain([&false; 40]) {
                let next = if *live { tail.next() } else { read.next() };
                let Some(next) = next else { continue };
                if if *live { seen.live(next) } else { seen.read(next) } {
                    shown.push(next.clone());
                }
                seen.turn();
            }
            let key = |line: &RawLine| (line.at, line.text.clone());
            let (mut shown, mut expected): (Vec<_>, Vec<_>) = (shown.iter().map(key).collect(), lines.iter().map(key).collect());
            shown.sort();
            expected.sort();
            prop_assert_eq!(shown, expected);
        }
    }
}
