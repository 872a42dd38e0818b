//! Job runs of EMR Serverless. A refresh reads what is new and what was not over; one run is read in full when it is
//! looked at. What starts and cancels runs is an end of its own, [`EmrRunner`].

mod applications;
mod configuration;
mod ledger;
mod listing;
mod order;
mod overrides;
mod reading;
mod running;
mod slices;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_emrserverless::Client;
use aws_sdk_emrserverless::types::{JobRun as Full, JobRunSummary};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use self::applications::{Application, Watched};
use self::ledger::Ledger;
use crate::lake::ErrorClass;
use crate::lake::aws::{Access, Asked};
use crate::model::alias::Aliases;
use crate::model::metric::MetricPlace;
use crate::model::order::{JobOrder, Limits};
use crate::model::run::{JobRun, JobRunId};
use crate::sources::SourceError;
use crate::sources::jobs::{Attempt, JobSource, RunDetail};
use crate::sources::sent::Sent;

pub use running::EmrRunner;

/// The most attempts of one run that are read: more than a batch run can have.
const ATTEMPTS: i32 = 50;

/// Which applications, and who asks.
#[derive(Debug, Clone, Default)]
pub struct EmrSettings {
    /// Who asks, and where.
    pub access: Access,
    /// Names or ids of applications; empty for all that are not terminated.
    pub applications: Vec<String>,
}

fn counted(config: &SdkConfig, sent: Sent) -> Client {
    Client::from_conf(aws_sdk_emrserverless::config::Builder::from(config).interceptor(sent).build())
}

/// EMR Serverless as a source of job runs. The client is made when it is first needed.
#[derive(Debug)]
pub struct EmrServerless {
    settings: EmrSettings,
    aliases: Aliases,
    client: OnceCell<Client>,
    sent: Sent,
    watched: Watched,
    ledger: Mutex<Ledger>,
    /// Whether runs may not be read one by one; listings have to do then.
    blind: AtomicBool,
}

impl EmrServerless {
    /// Asks nobody yet.
    pub fn new(settings: EmrSettings, aliases: Aliases) -> Self {
        Self {
            settings,
            aliases,
            client: OnceCell::new(),
            sent: Sent::default(),
            watched: Watched::default(),
            ledger: Mutex::default(),
            blind: AtomicBool::new(false),
        }
    }

    /// With an account that was found already: its credentials and endpoint come first.
    pub fn with_config(settings: EmrSettings, aliases: Aliases, config: &SdkConfig) -> Self {
        let new = Self::new(settings, aliases);
        let client = counted(config, new.sent.clone());
        Self { client: OnceCell::new_with(Some(client)), ..new }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { counted(&self.settings.access.load().await, self.sent.clone()) }).await
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self, permission: &'static str, path: &str) -> Asked<'_> {
        self.settings.access.asked(permission, format!("emr-serverless:/applications/{path}"))
    }

    fn may_look(&self) -> bool {
        !self.blind.load(Ordering::Relaxed)
    }

    fn look_no_more(&self) {
        self.blind.store(true, Ordering::Relaxed);
    }

    /// The applications, asked for once and then kept for a quarter of an hour.
    async fn applications(&self) -> Result<Vec<Application>, SourceError> {
        if let Some(known) = self.watched.known() {
            return Ok(known);
        }
        let found = applications::ask(self.client().await, &self.settings.access, &self.settings.applications).await?;
        self.watched.keep(found.clone());
        Ok(found)
    }

    fn summary(&self, application: &Application, run: &JobRunSummary) -> JobRun {
        reading::summary(&application.source, &self.aliases, run)
    }

    fn full(&self, application: &Arc<str>, run: &Full) -> JobRun {
        let known = self.watched.known().unwrap_or_default();
        let source = known.into_iter().find(|known| known.id == *application).map(|known| known.source);
        reading::full(&source.unwrap_or_else(|| "emr".into()), &self.aliases, run)
    }

    /// Where the metrics of a run are. The application's name is not known to whoever may not list them.
    fn metrics(&self, application: &Arc<str>, run: &Full) -> MetricPlace {
        let known = self.watched.known().unwrap_or_default();
        let name = known.into_iter().find(|known| known.id == *application).and_then(|known| known.name);
        MetricPlace::EmrServerless {
            application: application.to_string(),
            application_name: name.map(|name| name.to_string()).unwrap_or_default(),
            run: run.job_run_id().to_owned(),
            run_name: run.name().unwrap_or_default().to_owned(),
        }
    }

    async fn get(&self, application: &str, id: &JobRunId) -> Result<Full, SourceError> {
        let asked = || self.asked("emr-serverless:GetJobRun", &format!("{application}/jobruns/{id}"));
        let request = self.client().await.get_job_run().application_id(application).job_run_id(&*id.0);
        let found = request.send().await.map_err(|e| asked().failed(&e))?;
        found.job_run.ok_or_else(|| SourceError::new(ErrorClass::Malformed, asked().object, "a reply without a run"))
    }

    /// The run, and the application it is of: known from a listing, or found by asking each one.
    async fn find(&self, id: &JobRunId) -> Result<(Arc<str>, Full), SourceError> {
        let known = self.ledger().application_of(id);
        if let Some(application) = known {
            let run = self.get(&application, id).await?;
            return Ok((application, run));
        }
        let mut last = None;
        for application in self.applications().await? {
            match self.get(&application.id, id).await {
                Ok(run) => return Ok((application.id, run)),
                Err(error) if error.class == ErrorClass::NotFound => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            SourceError::new(ErrorClass::NotFound, "emr-serverless:/applications", "there are no applications")
        }))
    }

    /// The attempts, the first one first; none where the service does not know of them.
    async fn attempts(&self, application: &str, id: &JobRunId) -> Result<Vec<Attempt>, SourceError> {
        let request = self.client().await.list_job_run_attempts().application_id(application).job_run_id(&*id.0);
        let found = match request.max_results(ATTEMPTS).send().await {
            Ok(found) => found,
            Err(error) => {
                let path = format!("{application}/jobruns/{id}/attempts");
                let error = self.asked("emr-serverless:ListJobRunAttempts", &path).failed(&error);
                return match error.class {
                    // A store that only looks like EMR Serverless, or a user who may see the run and not its attempts.
                    ErrorClass::NotFound | ErrorClass::Unsupported | ErrorClass::Denied => Ok(Vec::new()),
                    _ => Err(error),
                };
            }
        };
        let mut attempts: Vec<_> = found.job_run_attempts().iter().map(reading::attempt).collect();
        attempts.sort_by_key(|attempt| attempt.number);
        Ok(attempts)
    }
}

#[async_trait]
impl JobSource for EmrServerless {
    fn name(&self) -> &'static str {
        "emr"
    }

    /// Where several applications are watched, their runs name them.
    fn tells_of(&self, source: &str) -> bool {
        let known = self.watched.known().unwrap_or_default();
        source == self.name() || known.iter().any(|application| *application.source == *source)
    }

    fn requests(&self) -> Option<u64> {
        Some(self.sent.count())
    }

    /// At most three requests wait for each other where runs come evenly: the applications, slices of the window, what
    /// a slice left over. Of runs that are over, those that failed and the newest are looked at themselves for their
    /// exact times; the others have the times of the listing until a later refresh.
    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<JobRun>, SourceError> {
        let applications = self.applications().await?;
        listing::refresh(self, &applications, since, most).await?;
        let ids: Vec<Arc<str>> = applications.into_iter().map(|a| a.id).collect();
        Ok(self.ledger().answer(&ids, since, most))
    }

    async fn run(&self, id: &JobRunId) -> Result<RunDetail, SourceError> {
        let (application, found) = self.find(id).await?;
        let run = self.full(&application, &found);
        self.ledger().told(&application, run.clone());
        let mut attempts = self.attempts(&application, id).await?;
        if attempts.is_empty() {
            attempts.push(reading::only_attempt(&run));
        }
        Ok(RunDetail {
            attempts,
            attempts_allowed: configuration::attempts_allowed(&found),
            command: configuration::command(&found),
            settings: configuration::settings(&found),
            resources: configuration::resources(&found),
            log: configuration::log(&found),
            metrics: Some(self.metrics(&application, &found)),
            run,
        })
    }

    async fn order(&self, id: &JobRunId) -> Result<JobOrder, SourceError> {
        let (application, found) = self.find(id).await?;
        let object = || self.asked("emr-serverless:GetJobRun", &format!("{application}/jobruns/{id}")).object;
        order::of(&found)
            .ok_or_else(|| SourceError::new(ErrorClass::Unsupported, object(), "only Spark jobs can be run again"))
    }

    async fn limits(&self, application: &str) -> Result<Limits, SourceError> {
        let request = self.client().await.get_application().application_id(application);
        let asked = || self.asked("emr-serverless:GetApplication", application);
        let found = request.send().await.map_err(|e| asked().failed(&e))?;
        let unreadable = || SourceError::new(ErrorClass::Malformed, asked().object, "a reply without an application");
        Ok(order::limits(&found.application.ok_or_else(unreadable)?))
    }

    /// Good for an hour: <https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_GetDashboardForJobRun.html>.
    async fn dashboard(&self, id: &JobRunId, attempt: Option<u32>) -> Result<String, SourceError> {
        let known = self.ledger().application_of(id);
        let application = match known {
            Some(application) => application,
            None => self.find(id).await?.0,
        };
        let asked = || {
            let path = format!("{application}/jobruns/{id}/dashboard");
            self.asked("emr-serverless:GetDashboardForJobRun", &path)
        };
        let request = self.client().await.get_dashboard_for_job_run().application_id(&*application).job_run_id(&*id.0);
        let attempt = attempt.and_then(|n| i32::try_from(n).ok());
        let found = request.set_attempt(attempt).send().await.map_err(|e| asked().failed(&e))?;
        found.url.filter(|url| !url.is_empty()).ok_or_else(|| {
            SourceError::new(ErrorClass::Unsupported, asked().object, "there is no dashboard for it (yet)")
        })
    }
}
