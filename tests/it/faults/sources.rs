//! Sources beside the lake that do as they are told: fail in one way, be slow, or answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration as Wait;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{ErrorClass, Lake, LakeError};
use lakeward::model::alarm::{Alarm, AlarmState, MissingData, Watched};
use lakeward::model::alias::Aliases;
use lakeward::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance};
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::run::{JobName, JobRun, JobRunId};
use lakeward::model::secret::{SecretStanding, WatchedSecret};
use lakeward::ops::{Connected, LakeSettings};
use lakeward::sources::SourceError;
use lakeward::sources::dags::DagSource;
use lakeward::sources::jobs::{JobSource, RunDetail};
use lakeward::sources::local::dags::LocalDags;
use lakeward::sources::local::jobs::LocalJobs;
use lakeward::sources::logs::LogPage;
use lakeward::sources::metrics::{AlarmSource, AlarmsRead};
use lakeward::sources::secrets::SecretSource;

use crate::support::memory::Memory;

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// An error of this class.
    Class(ErrorClass),
    /// The right answer, after 30 seconds.
    Slow,
}

/// The faults of the sources beside the lake, by name.
#[derive(Debug, Clone, Default)]
pub struct Beside(Arc<Mutex<HashMap<&'static str, Fault>>>);

impl Beside {
    pub fn set(&self, source: &'static str, fault: Option<Fault>) {
        let mut faults = self.0.lock().unwrap();
        match fault {
            Some(fault) => drop(faults.insert(source, fault)),
            None => drop(faults.remove(source)),
        }
    }

    async fn pass(&self, source: &'static str) -> Result<(), SourceError> {
        let fault = self.0.lock().unwrap().get(source).copied();
        match fault {
            None => Ok(()),
            Some(Fault::Class(class)) => {
                Err(LakeError { hint: "do something".into(), ..LakeError::new(class, source, "as ordered") })
            }
            Some(Fault::Slow) => {
                tokio::time::sleep(Wait::from_secs(30)).await;
                Ok(())
            }
        }
    }
}

#[derive(Debug)]
struct Ordered(Beside);

#[async_trait]
impl JobSource for Ordered {
    fn name(&self) -> &'static str {
        "emr"
    }

    async fn runs(&self, _: DateTime<Utc>, _: usize) -> Result<Vec<JobRun>, SourceError> {
        self.0.pass("emr").await.map(|()| Vec::new())
    }

    async fn run(&self, _: &JobRunId) -> Result<RunDetail, SourceError> {
        Err(LakeError::new(ErrorClass::NotFound, "run", "none"))
    }

    async fn dashboard(&self, _: &JobRunId, _: Option<u32>) -> Result<String, SourceError> {
        Err(LakeError::new(ErrorClass::NotFound, "run", "none"))
    }
}

/// A scheduler with the records of the lake.
#[derive(Debug)]
struct Scheduler(Beside, LocalDags);

#[async_trait]
impl DagSource for Scheduler {
    fn name(&self) -> &'static str {
        "airflow"
    }

    async fn check(&self) -> Result<String, SourceError> {
        self.1.check().await
    }

    async fn dags(&self) -> Result<Vec<Dag>, SourceError> {
        self.0.pass("airflow").await?;
        self.1.dags().await
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<DagRun>, SourceError> {
        self.1.runs(since, most).await
    }

    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        self.1.tasks(dag, run).await
    }

    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError> {
        self.1.log(task, number).await
    }
}

#[async_trait]
impl AlarmSource for Ordered {
    fn name(&self) -> &'static str {
        "alarms"
    }

    async fn alarms(&self, _: DateTime<Utc>) -> Result<AlarmsRead, SourceError> {
        self.0.pass("alarms").await?;
        let since = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let alarm = Alarm {
            name: "dlq-depth".into(),
            uri: "arn:alarm:dlq-depth".into(),
            description: None,
            state: AlarmState::Alarm,
            since,
            reason: None,
            configured: None,
            watched: Watched::Untold,
            threshold: None,
            value: None,
            missing: MissingData::Missing,
            window: Duration::minutes(5),
            actions: true,
            dead: None,
        };
        Ok(AlarmsRead { alarms: vec![alarm], ..AlarmsRead::default() })
    }
}

#[async_trait]
impl SecretSource for Ordered {
    fn name(&self) -> &str {
        "secrets manager"
    }

    async fn standing(&self, name: &str) -> Result<SecretStanding, SourceError> {
        self.0.pass("secrets").await?;
        Ok(SecretStanding::missing(name))
    }
}

/// The sources of the lake: records on it, unless a scheduler is asked, and what stands beside it.
pub fn connected(lake: &Memory, beside: &Beside) -> Connected {
    let lake: Arc<dyn Lake> = Arc::new(lake.clone());
    let ordered = || Ordered(beside.clone());
    Connected {
        jobs: vec![Arc::new(LocalJobs::new(Arc::clone(&lake), Aliases::default())), Arc::new(ordered())],
        dags: Some(Arc::new(Scheduler(beside.clone(), LocalDags::new(lake)))),
        alarms: vec![Arc::new(ordered())],
        secrets: Some(Arc::new(ordered())),
        ..Connected::default()
    }
}

/// One dataset with all that can be watched of it.
pub fn settings() -> LakeSettings {
    LakeSettings {
        datasets: vec![DatasetSettings {
            data_prefix: Some("bronze/orders/".into()),
            max_age: Some(Duration::hours(6)),
            contract: Some("contracts/orders.json".into()),
            ..DatasetSettings::of("orders")
        }],
        quality: vec!["_dq_results/".into()],
        feeds: vec!["_alerts/".into()],
        secrets: vec![WatchedSecret {
            on_lake: false,
            name: "crm".into(),
            datasets: Vec::new(),
            jobs: vec![JobName("load".into())],
            max_age: None,
        }],
        ..LakeSettings::default()
    }
}
