use aws_sdk_emrserverless::types::builders::JobRunBuilder;
use aws_sdk_emrserverless::types::{
    CloudWatchLoggingConfiguration, ConfigurationOverrides, ManagedPersistenceMonitoringConfiguration, RetryPolicy,
    S3MonitoringConfiguration, SparkSubmit,
};

use super::*;

fn run() -> JobRunBuilder {
    let zero = aws_sdk_emrserverless::primitives::DateTime::from_secs(0);
    JobRun::builder()
        .application_id("app1")
        .job_run_id("run1")
        .arn("arn")
        .created_by("ana")
        .created_at(zero)
        .updated_at(zero)
        .execution_role("role")
        .state("RUNNING".into())
        .state_details("")
        .release_label("emr-7.1.0")
}

fn spark(arguments: &[&str], parameters: &str) -> JobRunBuilder {
    let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
    let submit = SparkSubmit::builder()
        .entry_point("s3://code/orders.py")
        .set_entry_point_arguments(Some(arguments))
        .spark_submit_parameters(parameters);
    run().job_driver(JobDriver::SparkSubmit(submit.build().unwrap()))
}

fn monitored(monitoring: MonitoringConfiguration) -> JobRun {
    let overrides = ConfigurationOverrides::builder().monitoring_configuration(monitoring).build();
    run().configuration_overrides(overrides).build().unwrap()
}

#[test]
fn settings_are_in_order_and_secrets_are_masked() {
    let nested = Configuration::builder()
        .classification("hive-site")
        .properties("javax.jdo.option.ConnectionPassword", "abc")
        .properties("a", "1")
        .configurations(Configuration::builder().classification("inner").properties("b", "2").build().unwrap());
    let defaults = Configuration::builder().classification("spark-defaults").properties("spark.z", "9");
    let overrides = ConfigurationOverrides::builder()
        .application_configuration(defaults.build().unwrap())
        .application_configuration(nested.build().unwrap());
    let run = spark(&[], "--conf spark.b=1 --conf spark.a.token=abc --executor-memory 4g")
        .configuration_overrides(overrides.build())
        .build()
        .unwrap();
    let shown: Vec<String> = settings(&run).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "spark.b=1",
        "spark.a.token=***",
        "spark.executor.memory=4g",
        "spark.z=9",
        "hive-site: a=1",
        "hive-site: javax.jdo.option.ConnectionPassword=***",
        "hive-site: inner: b=2",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn the_command_is_masked_and_says_the_date() {
    let run = spark(&["--dt", "2026-11-22", "--db-password", "abc", "--backfill"], "").build().unwrap();
    assert_eq!(command(&run), ["s3://code/orders.py", "--dt", "2026-11-22", "--db-password", "***", "--backfill"]);
    assert_eq!(of_arguments(&run), (NaiveDate::from_ymd_opt(2026, 11, 22), true));
    let run = spark(&["--run-date=20261122", "--backfill=false"], "").build().unwrap();
    assert_eq!(of_arguments(&run), (NaiveDate::from_ymd_opt(2026, 11, 22), false));
    let run = spark(&["--date"], "").build().unwrap();
    assert_eq!(of_arguments(&run), (None, false));
}

#[test]
fn log_places_are_those_of_the_documentation() {
    let s3 = |uri: &str| S3MonitoringConfiguration::builder().log_uri(uri).build();
    let off = ManagedPersistenceMonitoringConfiguration::builder().enabled(false).build();
    let watch = CloudWatchLoggingConfiguration::builder().enabled(true);
    let monitoring = MonitoringConfiguration::builder()
        .s3_monitoring_configuration(s3("s3://logs/emr/"))
        .cloud_watch_logging_configuration(watch.log_stream_name_prefix("prod").build().unwrap())
        .managed_persistence_monitoring_configuration(off.clone())
        .build();
    let below = "/applications/app1/jobs/run1";
    assert_eq!(
        log(&monitored(monitoring)),
        [
            LogPlace::S3 { prefix: format!("s3://logs/emr{below}/") },
            LogPlace::CloudWatch { group: GROUP.into(), streams: format!("prod{below}") },
        ]
    );
    assert_eq!(log(&run().build().unwrap()), [LogPlace::Managed], "on unless it is turned off");
    for uri in ["", "s3://", "logs", "https://x/"] {
        let monitoring = MonitoringConfiguration::builder()
            .s3_monitoring_configuration(s3(uri))
            .managed_persistence_monitoring_configuration(off.clone());
        assert_eq!(log(&monitored(monitoring.build())), [], "{uri}");
    }
}

#[test]
fn a_run_without_a_policy_is_not_tried_again() {
    let policy = |max: i32| run().retry_policy(RetryPolicy::builder().max_attempts(max).build()).build().unwrap();
    assert_eq!(attempts_allowed(&run().build().unwrap()), 1);
    assert_eq!(attempts_allowed(&policy(3)), 3);
    assert_eq!(attempts_allowed(&policy(-1)), 1);
    assert_eq!(attempts_allowed(&run().mode(JobRunMode::Streaming).build().unwrap()), 5);
}
