//! DAGs, their runs and task instances, as Airflow tells of them, whatever its version.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::run::JobName;

/// The id of a DAG. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DagId(pub Arc<str>);

/// The id of a run of a DAG. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DagRunId(pub Arc<str>);

/// The states of DAG runs and of task instances in one list:
/// <https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html#task-instances>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Not looked at yet.
    None,
    /// Its dependencies are met.
    Scheduled,
    /// Waits for a worker.
    Queued,
    /// Runs.
    Running,
    /// Over, and well.
    Success,
    /// Over, and not well; no try is left.
    Failed,
    /// Failed, and will be tried again.
    UpForRetry,
    /// A sensor that looks again later.
    UpForReschedule,
    /// Something before it failed.
    UpstreamFailed,
    /// A branch did not take it.
    Skipped,
    /// Waits for a trigger.
    Deferred,
    /// Asked to begin anew while it runs.
    Restarting,
    /// Its DAG does not hold it any more.
    Removed,
    /// A word that this version of lakeward does not know.
    Unknown,
}

impl TaskState {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::Scheduled,
        Self::Queued,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::UpForRetry,
        Self::UpForReschedule,
        Self::UpstreamFailed,
        Self::Skipped,
        Self::Deferred,
        Self::Restarting,
        Self::Removed,
        Self::Unknown,
    ];

    /// Airflow's own word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::UpForRetry => "up_for_retry",
            Self::UpForReschedule => "up_for_reschedule",
            Self::UpstreamFailed => "upstream_failed",
            Self::Skipped => "skipped",
            Self::Deferred => "deferred",
            Self::Restarting => "restarting",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
        }
    }

    /// The state of a word; an absent one is [`TaskState::None`].
    pub fn from_word(word: Option<&str>) -> Self {
        let Some(word) = word.filter(|w| !w.is_empty()) else { return Self::None };
        Self::ALL.into_iter().find(|state| state.word().eq_ignore_ascii_case(word)).unwrap_or(Self::Unknown)
    }

    /// Whether it changes no more by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::UpstreamFailed | Self::Skipped | Self::Removed)
    }
}

/// A DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dag {
    /// Its id.
    pub id: DagId,
    /// Whether it is not scheduled.
    pub paused: bool,
    /// Its schedule in Airflow's words. Hostile text.
    pub schedule: Option<String>,
    /// When its next run is due.
    pub next: Option<DateTime<Utc>>,
    /// Whether its file could not be imported: what is known of it is old.
    pub broken: bool,
}

/// A run of a DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DagRun {
    /// Whose run.
    pub dag: DagId,
    /// Its id.
    pub id: DagRunId,
    /// Where it stands.
    pub state: TaskState,
    /// What it is for: the logical date (`execution_date` before 2.2); none where a run of 3.x has none.
    pub logical: Option<DateTime<Utc>>,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// `scheduled`, `manual`, `backfill`, …
    pub kind: String,
    /// Its page, for evidence.
    pub uri: String,
}

/// A task of a run, in its newest try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskInstance {
    /// Whose DAG.
    pub dag: DagId,
    /// Whose run.
    pub run: DagRunId,
    /// The task's id. Hostile text.
    pub task: String,
    /// Its index, of a mapped task.
    pub map_index: Option<i32>,
    /// The job that it starts, under the name that all systems share.
    pub job: JobName,
    /// Where it stands.
    pub state: TaskState,
    /// Which try this is, from 1; 0 before the first.
    pub tries: u32,
    /// How many tries it has in all.
    pub tries_allowed: u32,
    /// When this try began.
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// When the next try is due, of one that is up for retry.
    pub next_try: Option<DateTime<Utc>>,
    /// How long it waits between two tries, as its DAG has it. Seconds; none where that is not known.
    pub retry_delay_seconds: Option<u64>,
    /// How long one try may take, as its DAG has it. Seconds; none where that is not known, or where it may take any time.
    pub timeout_seconds: Option<u64>,
    /// What runs it.
    pub operator: Option<String>,
    /// The worker. Hostile text.
    pub host: Option<String>,
}

/// The retries of the runbook's "Airflow Tasks": how many, after how long, and how long one try may take. Seconds.
const RUNBOOK: (u32, u64, u64) = (3, 300, 3_600);

impl TaskInstance {
    /// Its retries in a line, each figure that is not the runbook's against that; and whether all are.
    pub fn retries_told(&self) -> (String, bool) {
        let (retries, delay, timeout) = RUNBOOK;
        let own = self.tries_allowed.saturating_sub(1);
        let against =
            |differs: bool, wanted: String| if differs { format!(" (runbook: {wanted})") } else { String::new() };
        let length = |seconds: u64| match seconds {
            s if s % 3_600 == 0 && s > 0 => format!("{} h", s / 3_600),
            s if s % 60 == 0 && s > 0 => format!("{} min", s / 60),
            s => format!("{s} s"),
        };
        let mut told = format!("{own}{}", against(own != retries, retries.to_string()));
        let mut same = own == retries;
        if let Some(seconds) = self.retry_delay_seconds {
            told.push_str(&format!(", after {}{}", length(seconds), against(seconds != delay, length(delay))));
            same &= seconds == delay;
            // Only where the one was told, the other is known to be unset.
            let each = self.timeout_seconds.map_or_else(|| "any time".to_owned(), length);
            let differs = self.timeout_seconds != Some(timeout);
            told.push_str(&format!(", {each} for each{}", against(differs, length(timeout))));
            same &= !differs;
        }
        (told, same)
    }
}

impl DagRun {
    /// How long it ran; for one that runs, until now.
    pub fn duration(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.ended.or((!self.state.is_over()).then_some(now))?;
        self.started.map(|started| until - started).filter(|d| *d >= Duration::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_told_against_the_runbooks() {
        let task = |tries_allowed, retry_delay_seconds, timeout_seconds| TaskInstance {
            dag: DagId("a".into()),
            run: DagRunId("r".into()),
            task: "load".into(),
            map_index: None,
            job: JobName("load".into()),
            state: TaskState::Failed,
            tries: 1,
            tries_allowed,
            started: None,
            ended: None,
            next_try: None,
            retry_delay_seconds,
            timeout_seconds,
            operator: None,
            host: None,
        };
        for (told, is) in [
            (task(4, Some(300), Some(3_600)), ("3, after 5 min, 1 h for each", true)),
            (task(3, Some(300), Some(3_600)), ("2 (runbook: 3), after 5 min, 1 h for each", false)),
            (task(4, Some(90), None), ("3, after 90 s (runbook: 5 min), any time for each (runbook: 1 h)", false)),
            (task(4, None, None), ("3", true)),
            (task(0, None, None), ("0 (runbook: 3)", false)),
        ] {
            assert_eq!(told.retries_told(), (is.0.to_owned(), is.1));
        }
    }

    #[test]
    fn words_are_read_back() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_word(Some(state.word())), state);
        }
        assert_eq!(TaskState::from_word(None), TaskState::None);
        assert_eq!(TaskState::from_word(Some("shutdown")), TaskState::Unknown);
    }
}
