//! Job runs as every source tells of them: EMR Serverless, a command on this machine. What a job does to the lake is
//! not known here.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Layer};

/// The name of a job, joined across systems by the alias map. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobName(pub Arc<str>);

/// The id that a source gave to a run. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobRunId(pub Arc<str>);

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The states of EMR Serverless, which say all that the other sources know:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Asked for.
    Submitted,
    /// Waits for a place among the application's concurrent runs.
    Queued,
    /// Is being looked at.
    Pending,
    /// Waits for resources.
    Scheduled,
    /// Runs.
    Running,
    /// Over, and well.
    Success,
    /// Over, and not well.
    Failed,
    /// Asked to stop.
    Cancelling,
    /// Stopped.
    Cancelled,
}

impl RunState {
    /// All of them, in the order in which a run meets them.
    pub const ALL: [Self; 9] = [
        Self::Submitted,
        Self::Queued,
        Self::Pending,
        Self::Scheduled,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::Cancelling,
        Self::Cancelled,
    ];

    /// The word used in JSON, flags and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Queued => "queued",
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word, in whatever case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word().eq_ignore_ascii_case(word))
    }

    /// Whether it changes no more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled)
    }
}

/// Where a run's log lies, as its own configuration says. Sources that keep no log say none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "sink")]
pub enum LogPlace {
    /// Objects under a prefix, `s3://bucket/prefix/`: gzipped, one a stream and process.
    S3 {
        /// Full address; ends in `/`.
        prefix: String,
    },
    /// Streams of a CloudWatch Logs group.
    CloudWatch {
        /// The group.
        group: String,
        /// What the run's streams begin with.
        streams: String,
    },
    /// A file of this machine.
    File {
        /// Its path.
        path: std::path::PathBuf,
    },
    /// Kept by AWS for as long as the application is; read through its dashboard alone.
    Managed,
}

/// The address of it. Hostile text.
impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { prefix } => f.write_str(prefix),
            Self::CloudWatch { group, streams } => write!(f, "{group}, streams {streams}…"),
            Self::File { path } => write!(f, "{}", path.display()),
            Self::Managed => f.write_str("kept by AWS, on the run's own pages"),
        }
    }
}

/// What a run took, in the units of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ResourceUse {
    /// vCPU hours.
    pub vcpu_hours: f64,
    /// GB hours of memory.
    pub memory_gb_hours: f64,
    /// GB hours of storage.
    pub storage_gb_hours: f64,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRun {
    /// Which source tells of it: `emr` or `local`, and where there are several, the application's name.
    pub source: Arc<str>,
    /// Its id there.
    pub id: JobRunId,
    /// The job, under the name that all systems share.
    pub job: JobName,
    /// The job as the source calls it.
    pub called: Arc<str>,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When it began to run.
    pub started: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What the source says of its state: the failure, in most cases. Hostile text.
    pub detail: Option<String>,
    /// The dataset that the job writes, as configured.
    pub dataset: Option<Dataset>,
    /// That dataset's layer.
    pub layer: Option<Layer>,
    /// The date of the data that it is run for, if its name or arguments say it.
    pub date: Option<NaiveDate>,
    /// Whether it fills in what is missing.
    pub backfill: bool,
    /// Its address, for evidence.
    pub uri: String,
}

impl JobRun {
    /// How long it ran; for one that runs, until now. None before it began.
    pub fn duration(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.ended.unwrap_or(if self.state.is_over() { self.created } else { now });
        let begun = self.started.unwrap_or(self.created);
        let ran = self.started.is_some() || self.state.is_over();
        (ran && until >= begun).then(|| until - begun)
    }

    /// When it last changed, as far as is known.
    pub fn changed(&self) -> DateTime<Utc> {
        self.ended.or(self.started).unwrap_or(self.created)
    }
}

/// The average length of the runs of one job that went well: what a run is compared with.
pub fn average(runs: &[Duration]) -> Option<Duration> {
    let whole: i64 = runs.iter().map(Duration::num_milliseconds).sum();
    let count = i64::try_from(runs.len()).ok().filter(|n| *n > 0)?;
    Some(Duration::milliseconds(whole / count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for state in RunState::ALL {
            assert_eq!(RunState::from_word(&state.word().to_uppercase()), Some(state));
        }
        assert_eq!(RunState::from_word("SUCCEEDED"), None);
    }

    #[test]
    fn an_average_of_nothing_is_none() {
        assert_eq!(average(&[]), None);
        assert_eq!(average(&[Duration::seconds(1), Duration::seconds(2)]), Some(Duration::milliseconds(1500)));
    }
}
