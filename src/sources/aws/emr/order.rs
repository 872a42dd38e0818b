//! A run as it was asked for, and as it is asked for again; and what its application allows.

use std::collections::BTreeMap;

use aws_sdk_emrserverless::operation::start_job_run::builders::StartJobRunFluentBuilder;
use aws_sdk_emrserverless::types::{
    Application, JobDriver, JobRun, JobRunExecutionIamPolicy, JobRunMode, RetryPolicy, SparkSubmit,
};

use super::overrides;
use crate::model::order::{Capacity, JobOrder, Limits, OwnRetries, SessionPolicy};

/// What a run was asked for with; none for a query of Hive.
pub fn of(run: &JobRun) -> Option<JobOrder> {
    let JobDriver::SparkSubmit(spark) = run.job_driver()? else { return None };
    let retries = run
        .retry_policy()
        .map(|policy| OwnRetries { attempts: policy.max_attempts(), an_hour: policy.max_failed_attempts_per_hour() });
    let policy = run.execution_iam_policy().map(|policy| SessionPolicy {
        policy: policy.policy().map(str::to_owned),
        arns: policy.policy_arns().to_vec(),
    });
    let tags = run.tags().into_iter().flatten();
    Some(JobOrder {
        application: run.application_id().to_owned(),
        role: run.execution_role().to_owned(),
        name: run.name().filter(|name| !name.is_empty()).map(str::to_owned),
        entry: spark.entry_point().to_owned(),
        arguments: spark.entry_point_arguments().to_vec(),
        parameters: spark.spark_submit_parameters().unwrap_or_default().to_owned(),
        overrides: run.configuration_overrides().map(overrides::written).filter(|o| *o != serde_json::json!({})),
        // Those that AWS gave cannot be given.
        tags: tags.filter(|(name, _)| !name.starts_with("aws:")).map(|(n, v)| (n.clone(), v.clone())).collect(),
        timeout_minutes: run.execution_timeout_minutes(),
        streaming: run.mode() == Some(&JobRunMode::Streaming),
        retries: retries.filter(|r| *r != OwnRetries::default()),
        session_policy: policy.filter(|p| *p != SessionPolicy::default()),
    })
}

/// The request for a run; the error is what in the order cannot be sent.
pub fn request(request: StartJobRunFluentBuilder, order: &JobOrder) -> Result<StartJobRunFluentBuilder, String> {
    let arguments = Some(order.arguments.clone()).filter(|all| !all.is_empty());
    let parameters = Some(order.parameters.clone()).filter(|line| !line.trim().is_empty());
    let spark = SparkSubmit::builder().entry_point(&order.entry);
    let spark = spark.set_entry_point_arguments(arguments).set_spark_submit_parameters(parameters);
    let spark = spark.build().map_err(|e| e.to_string())?;
    let overrides = order.overrides.as_ref().map(overrides::read).transpose()?;
    let tags = order.tags.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let retries = order.retries.map(|retries| {
        let policy = RetryPolicy::builder().set_max_attempts(retries.attempts);
        policy.set_max_failed_attempts_per_hour(retries.an_hour).build()
    });
    let policy = order.session_policy.as_ref().map(|policy| {
        let arns = Some(policy.arns.clone()).filter(|arns| !arns.is_empty());
        JobRunExecutionIamPolicy::builder().set_policy(policy.policy.clone()).set_policy_arns(arns).build()
    });
    Ok(request
        .application_id(&order.application)
        .execution_role_arn(&order.role)
        .set_name(order.name.clone())
        .job_driver(JobDriver::SparkSubmit(spark))
        .set_configuration_overrides(overrides)
        .set_tags(Some(tags).filter(|tags: &std::collections::HashMap<_, _>| !tags.is_empty()))
        .set_execution_timeout_minutes(order.timeout_minutes)
        .set_mode(order.streaming.then_some(JobRunMode::Streaming))
        .set_retry_policy(retries)
        .set_execution_iam_policy(policy))
}

/// What an application allows.
pub fn limits(application: &Application) -> Limits {
    let most = application.maximum_capacity().and_then(|most| {
        let cores = amount(most.cpu(), "vcpu").filter(|n| n.fract() == 0.0)? as u64;
        Some(Capacity { cores, memory_mib: (amount(most.memory(), "gb")? * 1024.0) as u64 })
    });
    let own = application.runtime_configuration();
    let defaults = own.iter().filter(|c| c.classification() == "spark-defaults").filter_map(|c| c.properties());
    let defaults: BTreeMap<String, String> = defaults.flatten().map(|(n, v)| (n.clone(), v.clone())).collect();
    Limits {
        name: application.name().filter(|name| !name.is_empty()).map(str::to_owned),
        release: application.release_label().to_owned(),
        most,
        defaults,
    }
}

/// `400 vCPU`, `3000 GB`: the unit may be left out.
fn amount(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    text.strip_suffix(unit).unwrap_or(&text).trim().parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_and_without_their_unit() {
        for (text, unit, n) in [
            ("400 vCPU", "vcpu", Some(400.0)),
            ("16vcpu", "vcpu", Some(16.0)),
            ("16", "vcpu", Some(16.0)),
            ("3000 GB", "gb", Some(3000.0)),
            ("1.5gb", "gb", Some(1.5)),
            ("x", "gb", None),
            ("", "gb", None),
            ("-1 GB", "gb", None),
        ] {
            assert_eq!(amount(text, unit), n, "{text}");
        }
    }
}
