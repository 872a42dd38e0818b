//! How often each source is asked by refreshes that come by themselves: seldom where nothing changes, and the more
//! seldom the longer it throttles. What somebody asks for is always asked.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};

use super::health::SourceHealth;
use crate::lake::LakeError;

/// Refreshes without a change after which a source rests, and how long it then does.
const RESTS: [(u32, i64); 2] = [(6, 5), (3, 2)];
/// The longest pause of one that throttles, in minutes.
const LONGEST: i64 = 16;
/// Listings a minute that one source may take on the average, so that all of them together stay under 30.
const LISTINGS: i64 = 10;
/// The longest pause of one that takes many, in minutes.
const LONGEST_PACED: i64 = 30;
/// Refreshes do not come to the second.
const SLACK: Duration = Duration::seconds(5);

/// The turns of all sources.
#[derive(Debug, Default)]
pub(super) struct Cadence(Mutex<HashMap<String, Turn>>);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    next: Option<DateTime<Utc>>,
    seen: u64,
    quiet: u32,
    throttled: u32,
}

/// What came of asking.
pub(super) enum Heard {
    /// An answer, as a number that is another one when the answer is.
    Answer(u64),
    /// It asked to be asked less.
    Throttled,
    /// No answer.
    Failure,
}

impl Heard {
    /// An answer that is told apart by these.
    pub fn answer<T: Hash>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut hasher = DefaultHasher::new();
        parts.into_iter().for_each(|part| part.hash(&mut hasher));
        Self::Answer(hasher.finish())
    }
}

impl Cadence {
    fn turns(&self) -> MutexGuard<'_, HashMap<String, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a source is to be asked now.
    pub fn is_due(&self, source: &str, now: DateTime<Utc>) -> bool {
        self.turns().get(source).and_then(|turn| turn.next).is_none_or(|next| next <= now + SLACK)
    }

    /// When it is asked again; none for one that each refresh asks.
    pub fn next(&self, source: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.turns().get(source).and_then(|turn| turn.next).filter(|next| *next > now)
    }

    /// The state of a source after its turn: as before if it was left alone (`heard` is none).
    pub fn turn(
        &self,
        source: &'static str,
        heard: Option<Heard>,
        after: Result<(), LakeError>,
        before: &[SourceHealth],
        now: DateTime<Utc>,
    ) -> SourceHealth {
        let known = before.iter().find(|b| b.source == source).cloned();
        let health = match heard {
            None => known.unwrap_or_else(|| SourceHealth::after(source, after.err(), now)),
            Some(heard) => {
                self.heard(source, &heard, now);
                SourceHealth::after(source, after.err(), now)
            }
        };
        SourceHealth { next: self.next(source, now), ..health }
    }

    /// Puts the next turn off by what this one took.
    pub fn paced(&self, source: &str, listings: usize, now: DateTime<Utc>) {
        let minutes = (i64::try_from(listings).unwrap_or(i64::MAX) / LISTINGS).min(LONGEST_PACED);
        let mut turns = self.turns();
        let turn = turns.entry(source.to_owned()).or_default();
        turn.next = turn.next.max(Some(now + Duration::minutes(minutes)));
    }

    /// Notes what came of asking.
    pub fn heard(&self, source: &str, heard: &Heard, now: DateTime<Utc>) {
        let mut turns = self.turns();
        let turn = turns.entry(source.to_owned()).or_default();
        let minutes = match heard {
            Heard::Answer(seen) => {
                let same = turn.next.is_some() && turn.seen == *seen;
                *turn = Turn { next: None, seen: *seen, quiet: if same { turn.quiet + 1 } else { 0 }, throttled: 0 };
                RESTS.iter().find(|(quiet, _)| turn.quiet >= *quiet).map_or(0, |(_, minutes)| *minutes)
            }
            Heard::Throttled => {
                turn.throttled = (turn.throttled + 1).min(10);
                (1_i64 << turn.throttled).min(LONGEST)
            }
            // Whoever renews a credential should not wait for it.
            Heard::Failure => 0,
        };
        turn.next = Some(now + Duration::minutes(minutes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minute)
    }

    /// The minutes of an hour, refreshed each minute, in which the source is asked.
    fn asked(answer: impl Fn(i64) -> Heard) -> Vec<i64> {
        let cadence = Cadence::default();
        let ask = |minute: &i64| {
            let due = cadence.is_due("s", at(*minute));
            if due {
                cadence.heard("s", &answer(*minute), at(*minute));
            }
            due
        };
        (0..60).filter(ask).collect()
    }

    #[test]
    fn what_does_not_change_rests_and_what_changes_is_asked_each_time() {
        assert_eq!(asked(|_| Heard::answer([1]))[..8], [0, 1, 2, 3, 5, 7, 9, 14]);
        assert!(asked(|_| Heard::answer([1])).len() < 20);
        assert_eq!(asked(|minute| Heard::answer([minute])).len(), 60);
        // A change wakes it.
        let woken = asked(|minute| Heard::answer([minute >= 19]));
        assert_eq!(woken[8..14], [19, 20, 21, 22, 24, 26]);
    }

    #[test]
    fn one_that_takes_many_listings_is_asked_less_even_while_it_changes() {
        let cadence = Cadence::default();
        let mut turns = Vec::new();
        for minute in 0..60 {
            if cadence.is_due("s", at(minute)) {
                turns.push(minute);
                cadence.heard("s", &Heard::answer([minute]), at(minute));
                cadence.paced("s", 205, at(minute));
            }
        }
        assert_eq!(turns, [0, 20, 40]);
        cadence.paced("few", 9, at(0));
        assert!(cadence.is_due("few", at(0)));
        cadence.paced("all", 1000, at(0));
        assert!(!cadence.is_due("all", at(29)) && cadence.is_due("all", at(30)));
    }

    #[test]
    fn one_that_throttles_is_asked_less_and_less_and_one_that_fails_as_before() {
        assert_eq!(asked(|_| Heard::Throttled), [0, 2, 6, 14, 30, 46]);
        assert_eq!(asked(|_| Heard::Failure).len(), 60);
        let recovered = asked(|minute| if minute < 6 { Heard::Throttled } else { Heard::answer([minute]) });
        assert_eq!(recovered[..5], [0, 2, 6, 7, 8]);
    }
}
