//! How a secret stands, from its metadata alone: whether it exists, when it was changed and rotated, whether it is
//! about to go. No value of a secret is ever part of this.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::dataset::Dataset;
use super::run::JobName;

/// What a store says of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretStanding {
    /// Its name. Hostile text.
    pub name: String,
    /// Whether there is one of this name, as far as the caller may see.
    pub exists: bool,
    /// When its value or its settings were last changed.
    pub last_changed: Option<DateTime<Utc>>,
    /// When it was last rotated, if ever.
    pub last_rotated: Option<DateTime<Utc>>,
    /// Whether it is rotated by itself.
    pub rotation_enabled: bool,
    /// When that is due.
    pub next_rotation: Option<DateTime<Utc>>,
    /// When it is deleted for good. Nobody can read it from the moment on at which this was asked for.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl SecretStanding {
    /// How a secret stands that is not there.
    pub fn missing(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            exists: false,
            last_changed: None,
            last_rotated: None,
            rotation_enabled: false,
            next_rotation: None,
            deleted_at: None,
        }
    }
}

/// A secret that is watched, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedSecret {
    /// Its name, or its address.
    pub name: String,
    /// The datasets that cannot be loaded without it.
    pub datasets: Vec<Dataset>,
    /// The jobs that read it.
    pub jobs: Vec<JobName>,
    /// How long its value may stay the same; none asks for no rotation.
    pub max_age: Option<Duration>,
    /// Whether its standing is written on the lake, and no store is asked.
    pub on_lake: bool,
}

/// What that means for who needs it, worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "judgement")]
pub enum SecretJudgement {
    /// There is none: jobs that ask for it fail.
    Missing,
    /// It waits for its deletion: jobs that ask for it fail already; it can be restored until then.
    Deleting {
        /// When it is gone.
        at: DateTime<Utc>,
    },
    /// It should have been rotated by itself, and was not: what it opens may have moved on.
    RotationOverdue {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It is older than the limit.
    NotRotated {
        /// Whole days since it was last rotated or changed.
        days: i64,
    },
    /// Nothing is known against it.
    Fine,
}

/// How late a rotation may be: stores rotate within a window, of a day at the most.
pub const WINDOW: Duration = Duration::hours(24);

/// Judges a secret. `older_than` is how long its value may stay the same; none asks for no rotation. A secret of which
/// no time is known is not old.
pub fn judge(standing: &SecretStanding, older_than: Option<Duration>, now: DateTime<Utc>) -> SecretJudgement {
    if let Some(at) = standing.deleted_at {
        return SecretJudgement::Deleting { at };
    }
    if !standing.exists {
        return SecretJudgement::Missing;
    }
    if let Some(due) = standing.next_rotation.filter(|due| standing.rotation_enabled && now - *due > WINDOW) {
        return SecretJudgement::RotationOverdue { since: due };
    }
    let newest = standing.last_rotated.max(standing.last_changed);
    let age = newest.map(|newest| now - newest);
    match (age, older_than) {
        (Some(age), Some(limit)) if age > limit => SecretJudgement::NotRotated { days: age.num_days() },
        _ => SecretJudgement::Fine,
    }
}

impl SecretJudgement {
    /// Whether jobs that need it fail already.
    pub fn is_critical(&self) -> bool {
        matches!(self, Self::Missing | Self::Deleting { .. })
    }

    /// What it means, in a sentence without the secret's name.
    pub fn words(&self) -> String {
        match self {
            Self::Missing => "there is no such secret, or it may not be seen".into(),
            Self::Deleting { at } => {
                format!("it cannot be read any more, and is deleted for good after {}", at.date_naive())
            }
            Self::RotationOverdue { since } => format!("its rotation has been due since {}", since.date_naive()),
            Self::NotRotated { days } => format!("not rotated for {days} days"),
            Self::Fine => "nothing is known against it".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn every_judgement_at_its_edge() {
        let now = Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).single().unwrap_or_default();
        let before = |days| Some(now - Duration::days(days));
        let fine = SecretStanding {
            name: "crm".into(),
            exists: true,
            last_changed: before(90),
            last_rotated: None,
            rotation_enabled: false,
            next_rotation: None,
            deleted_at: None,
        };
        let second = Duration::seconds(1);
        let soon = now + Duration::days(7);
        let table = [
            (fine.clone(), SecretJudgement::Fine),
            (SecretStanding { exists: false, last_changed: None, ..fine.clone() }, SecretJudgement::Missing),
            (SecretStanding { deleted_at: Some(soon), ..fine.clone() }, SecretJudgement::Deleting { at: soon }),
            (
                SecretStanding { last_changed: before(90).map(|t| t - second), ..fine.clone() },
                SecretJudgement::NotRotated { days: 90 },
            ),
            (
                SecretStanding { last_changed: before(200), last_rotated: before(1), ..fine.clone() },
                SecretJudgement::Fine,
            ),
            (SecretStanding { last_changed: None, ..fine.clone() }, SecretJudgement::Fine),
            (
                SecretStanding { rotation_enabled: true, next_rotation: before(1), ..fine.clone() },
                SecretJudgement::Fine,
            ),
            (
                SecretStanding {
                    rotation_enabled: true,
                    next_rotation: before(1).map(|t| t - second),
                    last_rotated: before(2),
                    ..fine.clone()
                },
                SecretJudgement::RotationOverdue { since: now - Duration::days(1) - second },
            ),
            (SecretStanding { next_rotation: before(30), ..fine.clone() }, SecretJudgement::Fine),
        ];
        for (standing, expected) in table {
            assert_eq!(judge(&standing, Some(Duration::days(90)), now), expected, "{standing:?}");
        }
        let old = SecretStanding { last_changed: before(5000), ..fine };
        assert_eq!(judge(&old, None, now), SecretJudgement::Fine);
    }
}
