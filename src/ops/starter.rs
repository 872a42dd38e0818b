//! What a job starts for one day or one entry: its command, a run of its DAG, or a run of EMR Serverless like its newest
//! one. What is the same for all days of a plan is asked for once.

use chrono::{DateTime, NaiveDate, Utc};

use super::Session;
use crate::lake::address;
use crate::model::command::JobCommand;
use crate::model::route::{Route, filled, redated};
use crate::model::run::{JobName, JobRunId};
use crate::model::work::{Launch, Variables};

/// What a job starts.
#[derive(Debug, Clone)]
pub(super) enum Starter {
    Command(JobName, JobCommand),
    Dag(JobName, Route),
    Emr { job: JobName, source: String, like: JobRunId, date: Option<NaiveDate>, arguments: Option<Vec<String>> },
}

impl Session {
    /// What a job starts, or why nothing.
    pub(super) async fn starter(&self, job: &JobName, now: DateTime<Utc>) -> Result<Starter, String> {
        if let Some(command) = self.settings.commands.get(job) {
            return match address::file_path(self.lake.url()) {
                Ok(_) => Ok(Starter::Command(job.clone(), command.clone())),
                Err(_) => Err(format!("{job} is a command, and those run in the folder of a local environment")),
            };
        }
        match self.settings.routes.get(job) {
            Some(route @ Route::Dag { .. }) => Ok(Starter::Dag(job.clone(), route.clone())),
            Some(Route::Emr { arguments }) => self.like_the_newest(job, arguments.clone(), now).await,
            None => Err(format!("nobody says how {job} is run: command, dag or emr in its [[jobs]] table")),
        }
    }

    async fn like_the_newest(
        &self,
        job: &JobName,
        arguments: Option<Vec<String>>,
        now: DateTime<Utc>,
    ) -> Result<Starter, String> {
        let known = self.known_now(now).await;
        let runs = known.pipeline.jobs.iter().filter(|r| r.job == *job && r.source.split('/').next() == Some("emr"));
        let newest = runs.max_by_key(|run| run.created);
        let newest =
            newest.ok_or_else(|| format!("no run of {job} is known on EMR Serverless that could be repeated"))?;
        let mut date = None;
        if arguments.is_none() {
            let hint = "emr = { arguments = [\"--date\", \"{date}\"] } says where it stands";
            let old = newest.date.ok_or_else(|| format!("the newest run of {job} names no date: {hint}"))?;
            let reader = self.connected.jobs.iter().find(|s| s.name() == "emr");
            let reader = reader.ok_or_else(|| "no EMR Serverless is connected".to_owned())?;
            let order = reader.order(&newest.id).await.map_err(|e| e.to_string())?;
            redated(&order.arguments, old, old)
                .ok_or_else(|| format!("the arguments of the newest run of {job} do not name its date: {hint}"))?;
            date = Some(old);
        }
        let source = newest.source.to_string();
        Ok(Starter::Emr { job: job.clone(), source, like: newest.id.clone(), date, arguments })
    }
}

impl Starter {
    /// What is started for these variables, or why it cannot be.
    pub fn launch(&self, variables: &Variables, backfill: bool) -> Result<Launch, String> {
        match self {
            Self::Command(job, command) => {
                let words = command.filled(variables).map_err(|why| format!("{job}: {why}"))?;
                Ok(Launch::Command { words, source: command.source.clone() })
            }
            Self::Dag(job, Route::Dag { dag, conf, logical }) => {
                let conf = filled(conf, variables).map_err(|why| format!("{job}: {why}"))?;
                Ok(Launch::Dag { dag: dag.clone(), conf, logical: variables.date.filter(|_| *logical) })
            }
            Self::Dag(job, Route::Emr { .. }) => Err(format!("{job} is no DAG")),
            Self::Emr { job, source, like, date, arguments } => {
                let fill = |all: &Vec<String>| all.iter().map(|a| variables.fill(a)).collect::<Result<Vec<_>, _>>();
                let arguments = arguments.as_ref().map(fill).transpose().map_err(|why| format!("{job}: {why}"))?;
                let redate = match (date, variables.date) {
                    (None, _) => None,
                    (Some(old), Some(new)) => Some((*old, new)),
                    (Some(_), None) => return Err(format!("{job}: it wants the date of the data")),
                };
                let mark = if backfill { "backfill-" } else { "" };
                let day = variables.date.map(|d| format!("-{d}")).unwrap_or_default();
                let name = format!("{mark}{job}{day}");
                Ok(Launch::Emr { source: source.clone(), like: like.clone(), arguments, redate, name })
            }
        }
    }
}
