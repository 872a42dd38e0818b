//! What the jobs of the demo say: the state and the reason of a run, the lines of its log. The wording carries the
//! signatures that the runbook names: out of memory, access denied, timeouts.

use chrono::{DateTime, Duration, Utc};

use super::pipeline::{DemoJob, End};
use crate::sources::local::dags::TaskRecord;

/// The state of a run and why.
pub fn ending(end: End) -> (&'static str, Option<&'static str>) {
    match end {
        End::Well | End::Backfilled | End::Slow => ("success", None),
        End::Running => ("running", None),
        End::Memory => {
            ("failed", Some("Job aborted due to stage failure: ExecutorLostFailure (executor 7 exited), exit code 137"))
        }
        End::Denied => (
            "failed",
            Some("S3 AccessDenied: GetObject silver/orders/ is not authorized for role lake-gold-writer (403)"),
        ),
        End::Source => {
            ("failed", Some("Source API timeout: GET https://fx.example/v2/latest gave up after 3 attempts"))
        }
    }
}

/// What goes wrong, line by line: level, logger, text.
fn trouble(end: End) -> &'static [(&'static str, &'static str, &'static str)] {
    match end {
        End::Well | End::Backfilled | End::Running => &[],
        End::Slow => &[
            ("WARN", "TaskSetManager", "Lost task 17.0 in stage 4.0 (TID 212): GC overhead, task took 380 s"),
            ("WARN", "ExecutorMonitor", "Executor 3 spilled 12.4 GB to disk"),
        ],
        End::Memory => &[
            ("WARN", "YarnAllocator", "Container killed on request. Exit code is 137; consider raising memoryOverhead"),
            ("ERROR", "TaskSchedulerImpl", "Lost executor 7: ExecutorLostFailure (executor 7 exited), exit code 137"),
            (
                "ERROR",
                "Executor",
                "Exception in task 31.0 in stage 4.0 (TID 243)\njava.lang.OutOfMemoryError: Java heap space\n\tat org.apache.spark.util.collection.ExternalAppendOnlyMap.insertAll(ExternalAppendOnlyMap.scala:164)\n\tat org.apache.spark.shuffle.BlockStoreShuffleReader.read(BlockStoreShuffleReader.scala:139)",
            ),
            ("ERROR", "SparkContext", "Job aborted due to stage failure: Task 31 in stage 4.0 failed 4 times"),
        ],
        End::Denied => &[
            (
                "ERROR",
                "S3AFileSystem",
                "GetObject s3://demo-lake/silver/orders/: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/lake-gold-writer/emr is not authorized to perform: s3:GetObject (403)",
            ),
            (
                "ERROR",
                "SecretsClient",
                "Secrets Manager timeout: connect to secretsmanager.eu-central-1.amazonaws.com timed out",
            ),
        ],
        End::Source => &[
            ("WARN", "FxClient", "GET https://fx.example/v2/latest: timed out after 30 s (attempt 1 of 3)"),
            ("WARN", "FxClient", "GET https://fx.example/v2/latest: timed out after 30 s (attempt 2 of 3)"),
            (
                "ERROR",
                "FxClient",
                "Source API timeout: GET https://fx.example/v2/latest gave up after 3 attempts, page 8 of 9 missing",
            ),
        ],
    }
}

/// The log of a run, in the form that Spark writes.
pub fn log(job: &DemoJob, end: End, created: DateTime<Utc>, ended: DateTime<Utc>) -> String {
    let mut lines = vec![
        ("INFO", "run_pipeline", format!("job {} begins for {}", job.name, created.date_naive())),
        ("INFO", "SparkContext", "Running Spark version 3.5.1-amzn-0".to_owned()),
    ];
    for (name, value) in job.settings {
        lines.push(("INFO", "SparkConf", format!("{name}={value}")));
    }
    for stage in 0..4 {
        for task in 0..8 {
            let text = format!(
                "Finished task {task}.0 in stage {stage}.0 (TID {}) in {} ms",
                stage * 8 + task,
                400 + task * 37
            );
            lines.push(("INFO", "TaskSetManager", text));
        }
        lines.push(("INFO", "DAGScheduler", format!("Job {stage} finished: save at {}.py:88", job.name)));
    }
    lines.extend(trouble(end).iter().map(|(level, logger, text)| (*level, *logger, (*text).to_owned())));
    lines.push(match end {
        End::Well | End::Backfilled | End::Slow => {
            ("INFO", "run_pipeline", format!("job {} succeeded, rows written to {}", job.name, job.dataset))
        }
        End::Running => ("INFO", "TaskSetManager", "Starting task 18.1 in stage 4.0".to_owned()),
        _ => ("ERROR", "run_pipeline", format!("job {} failed", job.name)),
    });
    let whole = (ended - created).num_milliseconds().max(0);
    let last = lines.len().max(2) as i64 - 1;
    let time = |n: usize| created + Duration::milliseconds(whole * n as i64 / last);
    let line = |(n, (level, logger, text)): (usize, &(&str, &str, String))| {
        format!("{} {level} {logger}: {text}\n", time(n).format("%y/%m/%d %H:%M:%S"))
    };
    lines.iter().enumerate().map(line).collect()
}

/// The log of one try of a task, in the form that Airflow writes.
pub fn task_log(task: &TaskRecord, job: Option<&DemoJob>, number: u32, last: bool, began: DateTime<Utc>) -> String {
    let at = task.started.unwrap_or(began);
    let stamp = |seconds: i64| (at + Duration::seconds(seconds)).format("%Y-%m-%dT%H:%M:%S.000+0000").to_string();
    let mut text = format!(
        "[{}] {{taskinstance.py:1341}} INFO - Executing <Task(BashOperator): {}> try {number} of {}\n",
        stamp(0),
        task.task,
        task.tries_allowed
    );
    let failed = !last || matches!(task.state.as_str(), "failed" | "up_for_retry");
    let end = job.and_then(|j| j.runs.iter().map(|r| r.end).find(|end| ending(*end).0 == "failed"));
    if let Some(why) = end.filter(|_| failed).and_then(|end| ending(end).1) {
        text.push_str(&format!("[{}] {{subprocess.py:93}} INFO - {why}\n", stamp(30)));
    }
    let said = match (failed, task.state.as_str()) {
        (true, "failed") if last => "ERROR - Task failed with exception: Bash command failed. exit code 1",
        (true, _) => "ERROR - Task failed; marking task as UP_FOR_RETRY",
        (false, "running") => "INFO - Command is running",
        _ => "INFO - Marking task as SUCCESS",
    };
    text.push_str(&format!("[{}] {{taskinstance.py:2480}} {said}\n", stamp(40)));
    text
}
