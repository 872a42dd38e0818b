//! The smallest question to each service that shows whether it may be asked at all. What is read is not kept.

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};

use crate::lake::aws::Access;
use crate::sources::SourceError;

/// Where EMR Serverless writes logs if it is not told otherwise:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html>.
pub const LOG_GROUP: &str = "/aws/emr-serverless";

/// Applications by id and name, of one page.
pub async fn applications(config: &SdkConfig, access: &Access) -> Result<Vec<(String, String)>, SourceError> {
    let client = aws_sdk_emrserverless::Client::new(config);
    let asked = access.asked("emr-serverless:ListApplications", "emr-serverless:/applications");
    let page = client.list_applications().max_results(50).send().await.map_err(|e| asked.failed(&e))?;
    Ok(page.applications.into_iter().map(|a| (a.id, a.name.unwrap_or_default())).collect())
}

/// The id of a run of an application, if there is one.
pub async fn job_runs(config: &SdkConfig, access: &Access, application: &str) -> Result<Option<String>, SourceError> {
    let client = aws_sdk_emrserverless::Client::new(config);
    let place = format!("emr-serverless:/applications/{application}/jobruns");
    let asked = access.asked("emr-serverless:ListJobRuns", place);
    let request = client.list_job_runs().application_id(application).max_results(1);
    let page = request.send().await.map_err(|e| asked.failed(&e))?;
    Ok(page.job_runs.into_iter().next().map(|run| run.id))
}

/// A run in full.
pub async fn job_run(config: &SdkConfig, access: &Access, application: &str, run: &str) -> Result<(), SourceError> {
    let client = aws_sdk_emrserverless::Client::new(config);
    let asked = access.asked("emr-serverless:GetJobRun", place(application, run));
    let request = client.get_job_run().application_id(application).job_run_id(run);
    request.send().await.map(|_| ()).map_err(|e| asked.failed(&e))
}

/// Its attempts.
pub async fn attempts(config: &SdkConfig, access: &Access, application: &str, run: &str) -> Result<(), SourceError> {
    let client = aws_sdk_emrserverless::Client::new(config);
    let asked = access.asked("emr-serverless:ListJobRunAttempts", place(application, run));
    let request = client.list_job_run_attempts().application_id(application).job_run_id(run);
    request.send().await.map(|_| ()).map_err(|e| asked.failed(&e))
}

fn place(application: &str, run: &str) -> String {
    format!("emr-serverless:/applications/{application}/jobruns/{run}")
}

/// A log group whose name begins like this, if there is one.
pub async fn log_group(config: &SdkConfig, access: &Access, prefix: &str) -> Result<Option<String>, SourceError> {
    let client = aws_sdk_cloudwatchlogs::Client::new(config);
    let asked = access.asked("logs:DescribeLogGroups", format!("logs:{prefix}"));
    let request = client.describe_log_groups().log_group_name_prefix(prefix).limit(1);
    let page = request.send().await.map_err(|e| asked.failed(&e))?;
    Ok(page.log_groups.unwrap_or_default().into_iter().find_map(|group| group.log_group_name))
}

/// One event of a group since a time.
pub async fn log_event(
    config: &SdkConfig,
    access: &Access,
    group: &str,
    since: DateTime<Utc>,
) -> Result<(), SourceError> {
    let client = aws_sdk_cloudwatchlogs::Client::new(config);
    let asked = access.asked("logs:FilterLogEvents", format!("logs:{group}"));
    let since = since.timestamp_millis();
    let request = client.filter_log_events().log_group_name(group).start_time(since).limit(1);
    request.send().await.map(|_| ()).map_err(|e| asked.failed(&e))
}
