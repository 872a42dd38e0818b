//! Acts on jobs and DAGs as values: the id by which the journal knows one, and the token by which a service knows that
//! a request is the same one again.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An act on a job or a DAG. It names a file of the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActId(pub String);

impl ActId {
    /// An id that sorts by time; `chance` tells apart what is asked for in the same second.
    pub fn new(word: &str, at: DateTime<Utc>, chance: u64) -> Self {
        Self(format!("{word}-{}-{:08x}", at.format("%Y%m%d-%H%M%S"), chance & 0xffff_ffff))
    }

    /// Whether it can be the name of a file, and of nothing else.
    pub fn is_sound(&self) -> bool {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !self.0.is_empty() && self.0.len() <= 120 && self.0.chars().all(letters)
    }
}

impl fmt::Display for ActId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes a second request the same one: a service that has seen it answers what it answered, and does nothing.
/// EMR Serverless takes letters, digits, `.`, `_` and `-`, 64 at most:
/// <https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html>.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientToken(String);

impl ClientToken {
    /// The token of one try of an act: the same for the same try, whoever asks.
    pub fn of(act: &ActId, number: u32) -> Self {
        let kept = act.0.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let tail = format!(".{number}");
        let room = 64 - tail.len();
        let all: Vec<char> = kept.collect();
        // Its end is what tells acts apart.
        let from = all.len().saturating_sub(room);
        Self(all.into_iter().skip(from).collect::<String>() + &tail)
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_names_a_file_and_no_path() {
        assert!(ActId::new("rerun", DateTime::UNIX_EPOCH, 7).is_sound());
        for id in ["", "../x", "a/b", "a b", "é", &"a".repeat(121)] {
            assert!(!ActId(id.to_owned()).is_sound(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_what_the_service_takes(id in "\\PC{0,100}", a in any::<u32>(), b in any::<u32>()) {
            let act = ActId(id);
            let (first, second) = (ClientToken::of(&act, a), ClientToken::of(&act, b));
            prop_assert!((1..=64).contains(&first.as_str().len()));
            prop_assert!(first.as_str().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
            prop_assert_eq!(first == second, a == b);
        }
    }
}
