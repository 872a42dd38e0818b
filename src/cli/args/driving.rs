//! The arguments of what is done to jobs and DAGs.

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;

use super::Writing;

/// `jobs rerun`.
#[derive(Debug, Args)]
pub struct Rerun {
    /// The run, its beginning, or a job: then its newest run
    pub id: String,
    /// Twice the memory of driver and executors
    #[arg(long)]
    pub memory_x2: bool,
    /// Another value of a setting: spark.executor.memory=8g; several times for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Another argument of the program; the first one replaces all that there are
    #[arg(long = "arg", value_name = "TEXT", allow_hyphen_values = true)]
    pub arguments: Vec<String>,
    /// If it fails, again, as the retry policy says; this waits until it goes well or is given up. Exit 3 if it is
    #[arg(long)]
    pub retry: bool,
    /// How it is confirmed; the number is 1
    #[command(flatten)]
    pub writing: Writing,
}

/// `jobs retry`.
#[derive(Debug, Args)]
pub struct Retry {
    /// The run to repeat, as `jobs rerun --retry` does; without it, the tries that go on are listed
    pub id: Option<String>,
    /// Carry on what an earlier process left
    #[arg(long, conflicts_with = "id")]
    pub resume: bool,
    /// Ask for no further try of this one; what runs goes on
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "resume"])]
    pub stop: Option<String>,
    /// How it is confirmed; the number is 1
    #[command(flatten)]
    pub writing: Writing,
}

/// `dags trigger`.
#[derive(Debug, Args)]
pub struct TriggerArgs {
    /// The DAG
    pub dag: String,
    /// What the run is for: 2026-11-25, or a time of day as well, 2026-11-25T02:00:00Z
    #[arg(long, value_name = "DATE", value_parser = logical)]
    pub date: Option<DateTime<Utc>>,
    /// What it is given, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub conf: Option<serde_json::Map<String, serde_json::Value>>,
    /// How it is confirmed; the number is 1
    #[command(flatten)]
    pub writing: Writing,
}

/// `dags clear`.
#[derive(Debug, Args)]
pub struct ClearArgs {
    /// The DAG
    pub dag: String,
    /// The run; the newest one if left out
    pub run: Option<String>,
    /// Only this task; several times for several
    #[arg(long = "task", value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Only what failed
    #[arg(long)]
    pub only_failed: bool,
    /// What comes after these tasks as well
    #[arg(long)]
    pub downstream: bool,
    /// How it is confirmed; the number is that of the task instances that --dry-run lists
    #[command(flatten)]
    pub writing: Writing,
}

/// `dags pause` and `dags unpause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The DAG
    pub dag: String,
    /// How it is confirmed; the number is 1
    #[command(flatten)]
    pub writing: Writing,
}

/// `dags mark`.
#[derive(Debug, Args)]
pub struct MarkArgs {
    /// The DAG
    pub dag: String,
    /// The run
    pub run: String,
    /// `success` or `failed`
    #[arg(value_parser = ["success", "failed"])]
    pub state: String,
    /// Only this task of it
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Only this one of a mapped task
    #[arg(long, value_name = "N", requires = "task")]
    pub map_index: Option<i32>,
    /// How it is confirmed; the number is 1
    #[command(flatten)]
    pub writing: Writing,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("no `=`: spark.executor.memory=8g")?;
    if name.trim().is_empty() {
        Err("no name before `=`".to_owned())
    } else {
        Ok((name.trim().to_owned(), value.to_owned()))
    }
}

fn logical(text: &str) -> Result<DateTime<Utc>, String> {
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|t| t.and_utc());
    let day = text.parse::<NaiveDate>().ok().and_then(midnight);
    let time = || DateTime::parse_from_rfc3339(text).ok().map(|t| t.to_utc());
    day.or_else(time).ok_or_else(|| "neither 2026-11-25 nor 2026-11-25T02:00:00Z".to_owned())
}

fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|e| format!("no JSON object: {e}"))
}
