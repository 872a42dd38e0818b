//! What a run was told to do: its command, its settings, where its log goes. Secrets are masked here, once, so that
//! nothing behind this module has them.

use aws_sdk_emrserverless::types::{Configuration, JobDriver, JobRun, JobRunMode, MonitoringConfiguration};
use chrono::NaiveDate;

use crate::model::alias::date_of;
use crate::model::masked;
use crate::model::run::{LogPlace, ResourceUse};
use crate::model::spark::submit;

/// Where CloudWatch logs go unless told otherwise:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html>.
const GROUP: &str = "/aws/emr-serverless";
/// Failed attempts an hour of a streaming run that sets none:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html>.
const STREAMING_ATTEMPTS: i32 = 5;
/// The deepest nesting of configurations that is read.
const DEPTH: u32 = 8;
/// Arguments that name the date of the data.
const DATES: [&str; 10] = [
    "date",
    "dt",
    "ds",
    "day",
    "run-date",
    "run_date",
    "process-date",
    "process_date",
    "execution-date",
    "execution_date",
];

/// The entry point and its arguments, masked.
pub fn command(run: &JobRun) -> Vec<String> {
    match run.job_driver() {
        Some(JobDriver::SparkSubmit(spark)) => {
            let entry = masked::text(spark.entry_point()).into_owned();
            [entry].into_iter().chain(masked::arguments(spark.entry_point_arguments())).collect()
        }
        Some(JobDriver::Hive(hive)) => {
            let file = hive.init_query_file().map(|file| masked::text(file).into_owned());
            [masked::text(hive.query()).into_owned()].into_iter().chain(file).collect()
        }
        _ => Vec::new(),
    }
}

/// Its settings, masked: what it was submitted with, then the application's configuration for it.
pub fn settings(run: &JobRun) -> Vec<(String, String)> {
    let mut settings = match run.job_driver() {
        Some(JobDriver::SparkSubmit(spark)) => submit::settings(spark.spark_submit_parameters().unwrap_or_default()),
        Some(JobDriver::Hive(hive)) => hive_settings(hive.parameters().unwrap_or_default()),
        _ => Vec::new(),
    };
    if let Some(overrides) = run.configuration_overrides() {
        configured(overrides.application_configuration(), "", DEPTH, &mut settings);
    }
    for (name, value) in &mut settings {
        *value = masked::value(name, value).into_owned();
    }
    settings
}

/// `--hiveconf a=b`.
fn hive_settings(parameters: &str) -> Vec<(String, String)> {
    let words = submit::words(parameters);
    let pairs = words.iter().filter(|word| !word.starts_with("--")).filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The properties of `spark-defaults` under their own names, those of other classifications behind theirs.
fn configured(configurations: &[Configuration], below: &str, depth: u32, settings: &mut Vec<(String, String)>) {
    for configuration in configurations {
        let own = configuration.classification();
        let prefix = match own {
            "spark-defaults" => String::new(),
            own => format!("{below}{own}: "),
        };
        let mut properties: Vec<_> = configuration.properties().into_iter().flatten().collect();
        properties.sort(); // the reply's order is lost in the SDK
        settings.extend(properties.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value.clone())));
        if depth > 0 {
            configured(configuration.configurations(), &prefix, depth - 1, settings);
        }
    }
}

/// How many attempts it may take.
pub fn attempts_allowed(run: &JobRun) -> u32 {
    let policy = run.retry_policy();
    let allowed = match run.mode() {
        Some(JobRunMode::Streaming) => {
            policy.and_then(|p| p.max_failed_attempts_per_hour()).unwrap_or(STREAMING_ATTEMPTS)
        }
        _ => policy.and_then(|p| p.max_attempts()).unwrap_or(1),
    };
    u32::try_from(allowed).unwrap_or(1).max(1)
}

/// What was billed, or, before that is known, what was used.
pub fn resources(run: &JobRun) -> Option<ResourceUse> {
    let of = |vcpu: Option<f64>, memory: Option<f64>, storage: Option<f64>| ResourceUse {
        vcpu_hours: vcpu.unwrap_or_default(),
        memory_gb_hours: memory.unwrap_or_default(),
        storage_gb_hours: storage.unwrap_or_default(),
    };
    let billed = run.billed_resource_utilization();
    let used = run.total_resource_utilization();
    billed
        .map(|b| of(b.v_cpu_hour(), b.memory_gb_hour(), b.storage_gb_hour()))
        .or_else(|| used.map(|u| of(u.v_cpu_hour(), u.memory_gb_hour(), u.storage_gb_hour())))
}

/// Where its log lies. What the application itself sets for all of its runs is not seen here.
pub fn log(run: &JobRun) -> Vec<LogPlace> {
    let monitoring = run.configuration_overrides().and_then(|o| o.monitoring_configuration());
    let (application, id) = (run.application_id(), run.job_run_id());
    let mut places = Vec::new();
    places.extend(monitoring.and_then(|m| on_s3(m, application, id)));
    places.extend(monitoring.and_then(|m| in_cloudwatch(m, application, id)));
    // Managed storage is on unless it is turned off.
    let managed = monitoring.and_then(MonitoringConfiguration::managed_persistence_monitoring_configuration);
    if managed.and_then(|m| m.enabled()) != Some(false) {
        places.push(LogPlace::Managed);
    }
    places
}

fn on_s3(monitoring: &MonitoringConfiguration, application: &str, id: &str) -> Option<LogPlace> {
    let uri = monitoring.s3_monitoring_configuration()?.log_uri()?.trim();
    let rest = uri.strip_prefix("s3://").or_else(|| uri.strip_prefix("s3a://"))?;
    let base = rest.trim_end_matches('/');
    // Attempts lie below it: `attempts/{n}/`.
    (!base.is_empty()).then(|| LogPlace::S3 { prefix: format!("s3://{base}/applications/{application}/jobs/{id}/") })
}

fn in_cloudwatch(monitoring: &MonitoringConfiguration, application: &str, id: &str) -> Option<LogPlace> {
    let logging = monitoring.cloud_watch_logging_configuration().filter(|logging| logging.enabled())?;
    let group = logging.log_group_name().filter(|group| !group.is_empty()).unwrap_or(GROUP).to_owned();
    let prefix = logging.log_stream_name_prefix().unwrap_or_default();
    Some(LogPlace::CloudWatch { group, streams: format!("{prefix}/applications/{application}/jobs/{id}") })
}

/// What the arguments say of the data's date, and whether the run fills in what is missing.
pub fn of_arguments(run: &JobRun) -> (Option<NaiveDate>, bool) {
    let Some(JobDriver::SparkSubmit(spark)) = run.job_driver() else { return (None, false) };
    let arguments = spark.entry_point_arguments();
    let mut date = None;
    let mut backfill = false;
    for (n, argument) in arguments.iter().enumerate() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), arguments.get(n + 1).map(String::as_str)),
        };
        let name = name.trim_start_matches('-').to_lowercase();
        if DATES.contains(&name.as_str()) {
            date = date.or_else(|| value.and_then(date_of));
        }
        backfill |= name == "backfill" && argument.starts_with('-') && !argument.ends_with("=false");
    }
    (date, backfill)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
