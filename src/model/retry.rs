//! When a run that failed is asked for again: the policy of the runbook ("Retry and Backoff Policy"), as a configuration
//! may change it. Tries are counted from 1, the first one included.

mod series;

use chrono::Duration;
use serde::{Deserialize, Serialize};

pub use series::{ASKED_AGAIN, Ended, How, Next, Series, Try, Verdict};

/// How often, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries in all.
    pub tries: u32,
    /// The pause after the first; milliseconds in JSON, as the other one.
    #[serde(with = "millis")]
    pub first: Duration,
    /// What each pause is of the one before.
    pub factor: f64,
    /// No pause is longer.
    #[serde(with = "millis")]
    pub longest: Duration,
}

/// Three tries, 30 s, doubled, 5 minutes at most.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 3, first: Duration::seconds(30), factor: 2.0, longest: Duration::minutes(5) }
    }
}

impl RetryPolicy {
    /// The pause after a try that failed; none after the last.
    pub fn pause(&self, after: u32) -> Option<Duration> {
        if after == 0 || after >= self.tries {
            return None;
        }
        let power = i32::try_from(after - 1).unwrap_or(i32::MAX);
        let first = self.first.num_milliseconds().max(0) as f64;
        let longest = self.longest.num_milliseconds().max(0) as f64;
        let pause = (first * self.factor.max(1.0).powi(power)).min(longest);
        let pause = if pause.is_finite() { pause } else { longest };
        Some(Duration::milliseconds(pause as i64))
    }

    /// In words: `3 tries, 30s doubling, at most 5m`.
    pub fn sentence(&self) -> String {
        use super::length::write;
        let grows = match self.factor {
            f if (f - 2.0).abs() < f64::EPSILON => " doubling".to_owned(),
            f if f > 1.0 => format!(" times {f}"),
            _ => " each".to_owned(),
        };
        format!("{} tries, {}{grows}, at most {}", self.tries, write(self.first), write(self.longest))
    }
}

/// A length as a number of milliseconds.
mod millis {
    use chrono::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(length.num_milliseconds())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let read = i64::deserialize(from)?;
        Duration::try_milliseconds(read).ok_or_else(|| serde::de::Error::custom("too long"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_figures_of_the_runbook() {
        let policy = RetryPolicy::default();
        let pauses = |policy: &RetryPolicy| -> Vec<i64> {
            (1..).map_while(|n| policy.pause(n)).map(|pause| pause.num_seconds()).collect()
        };
        assert_eq!(pauses(&policy), [30, 60]);
        let longer = RetryPolicy { tries: 8, ..policy };
        assert_eq!(pauses(&longer), [30, 60, 120, 240, 300, 300, 300]);
        assert_eq!(pauses(&RetryPolicy { tries: 1, ..policy }), [] as [i64; 0]);
        assert_eq!((policy.pause(0), policy.pause(u32::MAX)), (None, None));
        assert_eq!(policy.sentence(), "3 tries, 30s doubling, at most 5m");
    }

    proptest! {
        #[test]
        fn pauses_grow_to_the_longest_and_no_further(tries in 1u32..60, first in 0i64..10_000, factor in 0.0f64..1e9, longest in 0i64..100_000) {
            let policy =
                RetryPolicy { tries, first: Duration::seconds(first), factor, longest: Duration::seconds(longest) };
            let pauses: Vec<Duration> = (1..).map_while(|n| policy.pause(n)).collect();
            prop_assert_eq!(pauses.len() as u32, tries - 1);
            prop_assert!(pauses.is_sorted() && pauses.iter().all(|p| *p <= policy.longest));
        }
    }
}
