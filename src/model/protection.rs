//! Who may write now, and how much confirmation a write asks for (rules 1 and 2). Pure: time is a parameter.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

/// The longest time an environment can be armed for.
pub const LONGEST: Duration = Duration::hours(8);

/// Whether an environment may be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It may.
    Open,
    /// It may not until it is armed.
    Protected {
        /// Until when it is armed, and why; none if it is not.
        armed: Option<Armed>,
    },
    /// It may not in this run, whatever is said (`--read-only`).
    ReadOnly,
}

/// A protected environment, unlocked for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Armed {
    /// Until then.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// Why a write is not allowed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// The run is read-only.
    #[error("this run is read-only (--read-only)")]
    ReadOnly,
    /// The environment is protected and not armed.
    #[error("the environment is protected")]
    Protected,
    /// It was armed, and the time is over.
    #[error("the environment is protected, and the time it was armed for is over")]
    Over,
}

impl Locked {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::ReadOnly => "start lakeward without --read-only",
            Self::Protected | Self::Over => "in the console: `:arm 15m REASON`; on the command line: --arm REASON",
        }
    }
}

/// Why an environment cannot be armed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotArm {
    /// The run is read-only.
    #[error("this run is read-only (--read-only)")]
    ReadOnly,
    /// Nothing to arm.
    #[error("the environment is not protected")]
    Open,
    /// No reason.
    #[error("say why: :arm 15m REASON")]
    NoReason,
    /// Too long, or no time at all.
    #[error("between one minute and 8 hours")]
    Time,
}

impl Protection {
    /// What a configuration says.
    pub fn of(protected: bool, read_only: bool) -> Self {
        match (protected, read_only) {
            (_, true) => Self::ReadOnly,
            (true, _) => Self::Protected { armed: None },
            (false, _) => Self::Open,
        }
    }

    /// Whether a write may take place now.
    pub fn allows(&self, now: DateTime<Utc>) -> Result<(), Locked> {
        match self {
            Self::Open => Ok(()),
            Self::ReadOnly => Err(Locked::ReadOnly),
            Self::Protected { armed: None } => Err(Locked::Protected),
            Self::Protected { armed: Some(armed) } if now < armed.until => Ok(()),
            Self::Protected { armed: Some(_) } => Err(Locked::Over),
        }
    }

    /// The same environment, armed.
    pub fn armed(&self, now: DateTime<Utc>, length: Duration, reason: &str) -> Result<Self, CannotArm> {
        match self {
            Self::ReadOnly => return Err(CannotArm::ReadOnly),
            Self::Open => return Err(CannotArm::Open),
            Self::Protected { .. } => {}
        }
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(CannotArm::NoReason);
        }
        if length < Duration::minutes(1) || length > LONGEST {
            return Err(CannotArm::Time);
        }
        Ok(Self::Protected { armed: Some(Armed { until: now + length, reason: reason.to_owned() }) })
    }
}

/// How a write is confirmed: what its plan asks for, and what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// Yes, from a question whose focus is on No: for what removes nothing.
    Yes,
    /// The number of objects, typed.
    Count(u64),
    /// The prefix, typed.
    Prefix(String),
}

/// What a write asks for before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Objects that the plan names.
    pub objects: u64,
    /// The prefix that data is removed from; none where nothing is removed, and a yes is enough.
    pub removes_from: Option<String>,
}

impl Level {
    /// Whether what was given is what is asked for.
    pub fn is_met(&self, given: Option<&Confirmation>) -> bool {
        match given {
            None => false,
            Some(Confirmation::Yes) => self.removes_from.is_none(),
            Some(Confirmation::Count(n)) => *n == self.objects,
            Some(Confirmation::Prefix(prefix)) => {
                self.removes_from.as_ref().is_some_and(|p| p.trim_end_matches('/') == prefix.trim_end_matches('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn a_protected_environment_is_armed_for_a_while() {
        let protected = Protection::of(true, false);
        assert_eq!(protected.allows(at(0)), Err(Locked::Protected));
        let armed = protected.armed(at(0), Duration::minutes(15), " hotfix 12 ");
        let Ok(armed) = armed else { panic!("{armed:?}") };
        assert_eq!(armed.allows(at(899)), Ok(()));
        assert_eq!(armed.allows(at(900)), Err(Locked::Over));
        for (length, reason, fault) in [
            (15, "", CannotArm::NoReason),
            (15, "  ", CannotArm::NoReason),
            (0, "x", CannotArm::Time),
            (481, "x", CannotArm::Time),
        ] {
            assert_eq!(protected.armed(at(0), Duration::minutes(length), reason), Err(fault), "{length} {reason:?}");
        }
    }

    #[test]
    fn a_read_only_run_cannot_be_armed() {
        let read_only = Protection::of(true, true);
        assert_eq!(read_only.allows(at(0)), Err(Locked::ReadOnly));
        assert_eq!(read_only.armed(at(0), Duration::minutes(5), "why"), Err(CannotArm::ReadOnly));
        assert_eq!(Protection::of(false, true), read_only);
        assert_eq!(Protection::of(false, false).allows(at(0)), Ok(()));
    }

    #[test]
    fn what_removes_data_wants_its_count_or_its_prefix() {
        let removing = Level { objects: 3, removes_from: Some("_errors/a/dt=2026-11-22/".into()) };
        for (given, met) in [
            (None, false),
            (Some(Confirmation::Yes), false),
            (Some(Confirmation::Count(2)), false),
            (Some(Confirmation::Count(3)), true),
            (Some(Confirmation::Prefix("_errors/a/".into())), false),
            (Some(Confirmation::Prefix("_errors/a/dt=2026-11-22".into())), true),
        ] {
            assert_eq!(removing.is_met(given.as_ref()), met, "{given:?}");
        }
        let harmless = Level { objects: 3, removes_from: None };
        assert!(harmless.is_met(Some(&Confirmation::Yes)) && harmless.is_met(Some(&Confirmation::Count(3))));
        assert!(!harmless.is_met(None) && !harmless.is_met(Some(&Confirmation::Prefix(String::new()))));
    }
}
