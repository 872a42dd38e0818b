//! Opens the sources beside the lake: job runs, DAG runs, logs, alarms and metrics. No request is sent.

use std::sync::Arc;

use super::config::{AirflowConfig, Config, LakeTarget, OwnAirflow};
use crate::lake::s3::S3Settings;
use crate::lake::{ErrorClass, Lake};
use crate::model::alias::{Aliases, JobBinding};
use crate::ops::Connected;
use crate::sources::SourceError;
use crate::sources::airflow::{Airflow, JobNames, Mwaa, Unready};
use crate::sources::aws::athena::Athena;
use crate::sources::aws::cloudwatch::CloudWatch;
use crate::sources::aws::emr::{EmrRunner, EmrServerless};
use crate::sources::aws::identity::Account;
use crate::sources::aws::logs::CloudWatchLogs;
use crate::sources::aws::secrets::SecretsManager;
use crate::sources::dags::{DagControl, DagSource};
use crate::sources::jobs::JobRunner;
use crate::sources::local::alarms::LocalAlarms;
use crate::sources::local::dags::LocalDags;
use crate::sources::local::jobs::LocalJobs;
use crate::sources::local::logs::LocalLogs;
use crate::sources::local::metrics::LocalMetrics;
use crate::sources::local::secrets::LocalSecrets;
use crate::sources::s3_logs::S3Logs;

/// What acts on jobs and DAGs: the gate alone gets it.
#[derive(Default)]
pub struct Drivers {
    /// What starts job runs.
    pub jobs: Option<Arc<dyn JobRunner>>,
    /// What acts on DAGs.
    pub dags: Option<Arc<dyn DagControl>>,
}

/// The sources of the configured environment. Any lake may hold records of its own runs, as a folder does; an AWS
/// environment has services besides.
pub fn connect(config: &Config, lake: &Arc<dyn Lake>) -> (Connected, Drivers) {
    let (mut connected, mut drivers) = (Connected::default(), Drivers::default());
    connected.jobs.push(Arc::new(LocalJobs::new(Arc::clone(lake), aliases(config))));
    connected.logs.push(Arc::new(LocalLogs::new(Arc::clone(lake))));
    if let Some(emr) = &config.emr {
        let access = emr.access.clone();
        let emr = Arc::new(EmrServerless::new(emr.clone(), aliases(config)));
        drivers.jobs = Some(Arc::new(EmrRunner::new(Arc::clone(&emr))));
        connected.jobs.push(emr);
        connected.logs.push(Arc::new(CloudWatchLogs::new(access)));
    } else if let Some(cloudwatch) = &config.cloudwatch {
        connected.logs.push(Arc::new(CloudWatchLogs::new(cloudwatch.access.clone())));
    }
    if config.emr.is_some() || matches!(config.lake, Some(LakeTarget::S3(_))) {
        // A run's log may lie in another bucket than the lake, and is read as the lake is.
        let lake = match &config.lake {
            Some(LakeTarget::S3(s3)) => s3.clone(),
            _ => S3Settings::default(),
        };
        connected.logs.push(Arc::new(S3Logs::new(lake)));
    }
    drivers.dags = airflow(config);
    let recorded = || Arc::new(LocalDags::new(Arc::clone(lake))) as Arc<dyn DagSource>;
    connected.dags = Some(drivers.dags.clone().map_or_else(recorded, |dags| dags as _));
    connected.metrics.push(Arc::new(LocalMetrics::new(Arc::clone(lake))));
    if let Some(cloudwatch) = &config.cloudwatch {
        let cloudwatch = Arc::new(CloudWatch::new(cloudwatch.clone()));
        connected.alarms.push(Arc::clone(&cloudwatch) as _);
        connected.metrics.push(cloudwatch);
    } else {
        connected.alarms.push(Arc::new(LocalAlarms::new(Arc::clone(lake))));
    }
    if asks_aws(config) {
        connected.account = Some(Arc::new(Account::new(config.account.clone())));
    }
    connected.lake_secrets = Some(Arc::new(LocalSecrets::new(Arc::clone(lake))));
    if let Some(access) = &config.secrets {
        connected.secrets = Some(Arc::new(SecretsManager::new(access.clone())));
    }
    if let Some(access) = &config.athena {
        connected.queries = Some(Arc::new(Athena::new(access.clone())));
    }
    (connected, drivers)
}

/// Whether anything is asked that wants the account's credentials.
fn asks_aws(config: &Config) -> bool {
    let managed = matches!(config.airflow, Some(AirflowConfig::Managed(_)));
    let on_s3 = matches!(&config.lake, Some(LakeTarget::S3(s3)) if !s3.access.anonymous);
    on_s3 || managed || config.emr.is_some() || config.cloudwatch.is_some() || config.secrets.is_some()
}

/// The configured Airflow.
pub fn airflow(config: &Config) -> Option<Arc<dyn DagControl>> {
    let aliases = aliases(config);
    let names: JobNames = Arc::new(move |task| aliases.read(task).job);
    Some(match config.airflow.as_ref()? {
        AirflowConfig::Own(own) => own_airflow(own, names),
        AirflowConfig::Managed(mwaa) => Arc::new(Airflow::over(Arc::new(Mwaa::new(mwaa.clone())), names)),
    })
}

/// An Airflow whose secret cannot be had is there all the same, and says so whenever it is asked.
fn own_airflow(config: &OwnAirflow, names: JobNames) -> Arc<dyn DagControl> {
    let error = |detail: String| SourceError {
        hint: "set the variable, or write the file, that the configuration names for its secret".to_owned(),
        ..SourceError::new(ErrorClass::NotFound, config.url.trim(), detail)
    };
    let made = config.settings().map_err(error).and_then(|settings| Airflow::new(&settings, Arc::clone(&names)));
    Arc::new(made.unwrap_or_else(|error| Airflow::over(Arc::new(Unready(error)), names)))
}

/// The names that systems are joined by.
fn aliases(config: &Config) -> Aliases {
    let called = config.jobs.iter().flat_map(|j| j.called.iter().map(|called| (called.clone(), j.name.clone())));
    let written = config.jobs.iter().filter_map(|job| {
        let dataset = job.dataset.clone()?;
        let layer = job.layer.or_else(|| config.settings.layer(&dataset));
        Some(JobBinding { job: job.name.clone(), dataset, layer })
    });
    Aliases::new(called, Vec::new(), written)
}
