//! The arguments of `jobs`, `dags` and `logs`.

use clap::{Args, Subcommand};

use super::Writing;
use super::driving::{ClearArgs, MarkArgs, PauseArgs, Rerun, Retry, TriggerArgs};

/// The commands of job runs. ID is one that `jobs list` prints, its beginning, or a job: then its newest run.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the runs, newest first
    List {
        /// Only those of this job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
        /// Only those in this state
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    /// One run: state, attempts, settings, resources, where its log lies
    Show {
        /// The run
        id: String,
        /// Print a link to its own pages instead; it opens them to whoever has it
        #[arg(long)]
        dashboard: bool,
        /// What it used as well, as CloudWatch measured it
        #[arg(long, conflicts_with = "dashboard")]
        metrics: bool,
    },
    /// Run a job that is a command of this machine, and wait for its end. Exit 3 if it fails
    Run {
        /// The job, by its name in the configuration
        job: String,
        /// The date of the data, for {date} in its command
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<chrono::NaiveDate>,
        /// A setting of this run: spark.executor.memory=16g is SPARK_EXECUTOR_MEMORY for its command; several times for
        /// several
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
        settings: Vec<(String, String)>,
        /// How it is confirmed; the number is 1
        #[command(flatten)]
        writing: Writing,
    },
    /// Run it again: as it was, or with other memory, settings or arguments. What differs is shown first
    Rerun(Rerun),
    /// End a run
    Cancel {
        /// The run
        id: String,
        /// How it is confirmed; the number is 1
        #[command(flatten)]
        writing: Writing,
    },
    /// Run it again until it goes well, as the retry policy says; the tries that go on; what was left of them
    Retry(Retry),
    /// The log of a run
    Logs {
        /// The run
        id: String,
        /// What of it
        #[command(flatten)]
        log: LogArgs,
    },
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The commands of DAG runs.
#[derive(Debug, Subcommand)]
pub enum Dags {
    /// List the runs of the last days, newest first
    List {
        /// Only those of this DAG
        #[arg(long, value_name = "DAG")]
        dag: Option<String>,
    },
    /// The tasks of one run, with their tries
    Show {
        /// The DAG
        dag: String,
        /// The run; the newest one if left out
        run: Option<String>,
    },
    /// Ask for a run
    Trigger(TriggerArgs),
    /// Let task instances of a run run anew: --dry-run lists which
    Clear(ClearArgs),
    /// Stop the schedule of a DAG
    Pause(PauseArgs),
    /// Let the schedule of a DAG go on
    Unpause(PauseArgs),
    /// Say of a run, or of a task of it, that it ended so; nothing runs by it
    Mark(MarkArgs),
    /// The log of one try of a task
    Logs {
        /// The DAG
        dag: String,
        /// The task
        task: String,
        /// The run, instead of the newest
        #[arg(long)]
        run: Option<String>,
        /// The try, instead of the last
        #[arg(long = "try", value_name = "N")]
        number: Option<u32>,
        /// What of it
        #[command(flatten)]
        log: LogArgs,
    },
}

/// What of a log is printed.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Only lines with these words
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
    /// Only what was written in the last 30m, 2h, 1d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only the last so many lines
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
    /// Go on as new lines come
    #[arg(long, short)]
    pub follow: bool,
    /// Follow by a live tail of CloudWatch Logs: lines as they are written, billed by the minute. Where there is none,
    /// or no longer, they are asked for as without it
    #[arg(long, requires = "follow")]
    pub live: bool,
}

/// The commands of logs. PLACE is `s3://bucket/prefix/`, `cloudwatch:GROUP`, `cloudwatch:GROUP#STREAM` (what the names of
/// its streams begin with), or a key of the lake.
#[derive(Debug, Subcommand)]
pub enum Logs {
    /// The lines of a place
    Show {
        /// Where they lie
        place: String,
        /// What of it
        #[command(flatten)]
        log: LogArgs,
    },
    /// The errors of a place grouped by what they have in common, the most frequent first
    Errors {
        /// Where they lie
        place: String,
        /// Only what was written in the last 30m, 2h, 1d
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// The answer of Logs Insights over whole groups. It is billed by what it scans, which is told
    Query {
        /// In the query language of Insights: 'fields @timestamp, @message | filter @message like /OutOfMemory/'
        query: String,
        /// The group; several times for several
        #[arg(long = "group", value_name = "GROUP", required = true)]
        groups: Vec<String>,
        /// Over the last 30m, 2h, 1d
        #[arg(long, value_name = "TIME", default_value = "1h")]
        since: String,
        /// Rows at most
        #[arg(long, value_name = "N", default_value_t = 1000)]
        most: usize,
    },
}
