//! What is known of the pipeline beside the lake: job runs, DAGs, their runs and tasks, alarms; and what a log is asked
//! of. Each source is read beside the others, and one that fails keeps what it said before.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::future::join_all;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::lake::{ErrorClass, LakeError, address};
use crate::model::alarm::Alarm;
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::metric::Curve;
use crate::model::run::{JobName, JobRun, JobRunId, LogPlace};
use crate::model::secret::WatchedSecret;
use crate::sources::SourceError;
use crate::sources::account::{AccountSource, Ending};
use crate::sources::consumers::Queries;
use crate::sources::dags::{DagSource, DagsRead};
use crate::sources::jobs::{JobSource, JobsRead, RunDetail};
use crate::sources::logs::{LiveTail, LogCursor, LogPage, LogQuery, LogQuestion, LogSource};
use crate::sources::metrics::{AlarmSource, MetricSource};
use crate::sources::secrets::SecretSource;

use super::cadence::Heard;
use super::deadline::{asked, in_time};
use super::health::SourceHealth;
use super::{RunAsk, Session, Snapshot};

/// Runs of jobs asked for at most.
const JOB_RUNS: usize = 1000;
/// Runs of DAGs asked for at most.
const DAG_RUNS: usize = 200;
/// DAG runs are looked at this far back.
const DAG_WINDOW: Duration = Duration::days(3);
/// DAG runs whose tasks are read at each refresh: those that did not end well, the newest first. Of the others they
/// are asked for when looked at.
const WITH_TASKS: usize = 20;
/// Of them, at once.
const AT_ONCE: usize = 8;

/// The sources of an environment beside its lake.
#[derive(Debug, Default)]
pub struct Connected {
    /// Of job runs.
    pub jobs: Vec<Arc<dyn JobSource>>,
    /// Of DAG runs: an environment has one scheduler.
    pub dags: Option<Arc<dyn DagSource>>,
    /// Of log lines.
    pub logs: Vec<Arc<dyn LogSource>>,
    /// Of the credentials that are watched; none if there are none.
    pub secrets: Option<Arc<dyn SecretSource>>,
    /// Of those whose standing lies on the lake.
    pub lake_secrets: Option<Arc<dyn SecretSource>>,
    /// Of alarms.
    pub alarms: Vec<Arc<dyn AlarmSource>>,
    /// The account that asks, if it is one whose credentials end.
    pub account: Option<Arc<dyn AccountSource>>,
    /// Of what runs used.
    pub metrics: Vec<Arc<dyn MetricSource>>,
    /// Of the queries of consumers; none where nobody can be asked.
    pub queries: Option<Arc<dyn Queries>>,
}

impl Connected {
    /// Who is asked for a secret.
    pub(super) fn secrets_of(&self, secret: &WatchedSecret) -> Option<&Arc<dyn SecretSource>> {
        if secret.on_lake { self.lake_secrets.as_ref() } else { self.secrets.as_ref() }
    }
}

/// What the sources of runs said last.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// Job runs, newest first.
    pub jobs: Vec<Arc<JobRun>>,
    /// DAGs, those that are paused included.
    pub dags: Vec<Arc<Dag>>,
    /// Runs of DAGs, newest first.
    pub dag_runs: Vec<Arc<DagRun>>,
    /// Task instances of the runs for which they were read; of the others they are asked for when looked at.
    pub tasks: BTreeMap<(DagId, DagRunId), Vec<Arc<TaskInstance>>>,
    /// Alarms, by name.
    pub alarms: Vec<Arc<Alarm>>,
}

/// Whose log is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOf {
    /// A job run's, wherever it lies.
    Run {
        /// The source that tells of the run.
        source: Arc<str>,
        /// The run.
        id: JobRunId,
    },
    /// One try of a task.
    Task {
        /// The task.
        task: Arc<TaskInstance>,
        /// Which try, from 1.
        number: u32,
    },
    /// What lies at one place.
    Place(LogPlace),
    /// The answer to a question. It is asked once.
    Question(LogQuestion),
}

/// Reads every source anew, or those that are due.
pub(super) async fn read(
    session: &Session,
    last: &Snapshot,
    all: bool,
    now: DateTime<Utc>,
) -> (Pipeline, Vec<SourceHealth>) {
    let (connected, cadence) = (&session.connected, &session.cadence);
    let due = |source: &str| all || cadence.is_due(source, now);
    let (before, last) = (&last.sources, &last.pipeline);
    let thresholds = &session.settings.thresholds;
    let since = now - thresholds.failure_window.max(thresholds.duration_window);
    let (jobs, dags, alarms) = futures::join!(
        join_all(connected.jobs.iter().map(|s| asked(due(s.name()), s.name(), s.look(since, JOB_RUNS)))),
        join_all(connected.dags.iter().map(|s| asked(due(s.name()), s.name(), dags_of(s.as_ref(), now)))),
        join_all(connected.alarms.iter().map(|s| asked(due(s.name()), s.name(), s.alarms(now))))
    );
    let (mut pipeline, mut health) = (Pipeline::default(), Vec::new());
    for (source, runs) in connected.jobs.iter().zip(jobs) {
        let its = |run: &&Arc<JobRun>| source.tells_of(&run.source);
        let mut notes = None;
        let (heard, after) = match runs {
            Some(Ok(JobsRead { runs, notes: told })) => {
                // One that runs takes longer each time: that is a change.
                let running = runs.iter().any(|r| !r.state.is_over()).then_some(now);
                let heard = Heard::answer(runs.iter().map(|r| (r.id.clone(), r.state, running)));
                pipeline.jobs.extend(runs.into_iter().map(Arc::new));
                notes = Some(told);
                (Some(heard), Ok(()))
            }
            other => {
                pipeline.jobs.extend(last.jobs.iter().filter(its).cloned());
                without_answer(other.and_then(Result::err))
            }
        };
        health.push(cadence.turn(source.name(), heard, after, before, now).told(notes, before));
    }
    for (source, read) in connected.dags.iter().zip(dags) {
        let mut notes = None;
        let (heard, after) = match read {
            Some(Ok((read, told))) => {
                notes = Some(told);
                let running = read.dag_runs.iter().any(|r| !r.state.is_over()).then_some(now);
                let runs = read.dag_runs.iter().map(|r| (r.dag.clone(), r.id.clone(), r.state, running));
                let heard = Heard::answer(runs);
                pipeline.dags.extend(read.dags);
                pipeline.dag_runs.extend(read.dag_runs);
                pipeline.tasks.extend(read.tasks);
                (Some(heard), Ok(()))
            }
            other => {
                pipeline.dags.extend(last.dags.iter().cloned());
                pipeline.dag_runs.extend(last.dag_runs.iter().cloned());
                pipeline.tasks.extend(last.tasks.clone());
                without_answer(other.and_then(Result::err))
            }
        };
        health.push(cadence.turn(source.name(), heard, after, before, now).told(notes, before));
    }
    for (source, read) in connected.alarms.iter().zip(alarms) {
        let mut notes = None;
        let (heard, after) = match read {
            Some(Ok(read)) => {
                notes = Some(read.notes);
                let throttled = read.problem.as_ref().is_some_and(|e| e.class == ErrorClass::Throttled);
                let standing = read.alarms.iter().map(|a| (a.name.clone(), a.state, a.since, a.dead.is_some()));
                let heard = if throttled { Heard::Throttled } else { Heard::answer(standing) };
                pipeline.alarms.extend(read.alarms.into_iter().map(Arc::new));
                (Some(heard), read.problem.map_or(Ok(()), Err))
            }
            other => {
                pipeline.alarms.extend(last.alarms.iter().cloned());
                without_answer(other.and_then(Result::err))
            }
        };
        health.push(cadence.turn(source.name(), heard, after, before, now).told(notes, before));
    }
    pipeline.jobs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
    pipeline.dag_runs.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| b.id.cmp(&a.id)));
    (pipeline, health)
}

/// Credentials that are about to run out. That they cannot be told of is no news: whoever is asked with them says it.
pub(super) async fn ending(connected: &Connected, now: DateTime<Utc>) -> Option<Ending> {
    let account = connected.account.as_ref()?;
    let found = in_time("credentials", account.ending(now)).await;
    found.inspect_err(|e| tracing::debug!("credentials: {e}")).ok().flatten()
}

/// A source that was not asked, or did not answer.
fn without_answer(error: Option<SourceError>) -> (Option<Heard>, Result<(), SourceError>) {
    match error {
        None => (None, Ok(())),
        Some(error) if error.class == ErrorClass::Throttled => (Some(Heard::Throttled), Err(error)),
        Some(error) => (Some(Heard::Failure), Err(error)),
    }
}

/// The DAGs and their runs, then the tasks of what did not end well, where they did not come along: two round trips. And
/// what is left out.
async fn dags_of(source: &dyn DagSource, now: DateTime<Utc>) -> Result<(Pipeline, Vec<String>), SourceError> {
    let DagsRead { dags, runs, mut tasks, notes } = source.look(now - DAG_WINDOW, DAG_RUNS).await?;
    let key = |run: &DagRun| (run.dag.clone(), run.id.clone());
    let open: Vec<&DagRun> = runs.iter().filter(|r| r.state != TaskState::Success).take(WITH_TASKS).collect();
    let wanted: Vec<(DagId, DagRunId)> = open.into_iter().map(key).collect();
    tasks.retain(|run, _| wanted.contains(run));
    let asked: Vec<&(DagId, DagRunId)> = wanted.iter().filter(|run| !tasks.contains_key(run)).collect();
    let reads: Vec<_> = asked.iter().map(|(dag, run)| source.tasks(dag, run)).collect();
    let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let mut also = Vec::new();
    for (run, read) in asked.into_iter().zip(read) {
        match read {
            Ok(all) => also.push((run.clone(), all)),
            Err(e) if e.class == ErrorClass::NotFound => {} // deleted meanwhile
            Err(e) => return Err(e),
        }
    }
    let tasks = tasks.into_iter().chain(also);
    let pipeline = Pipeline {
        dags: dags.into_iter().map(Arc::new).collect(),
        dag_runs: runs.into_iter().map(Arc::new).collect(),
        tasks: tasks.map(|(run, all)| (run, all.into_iter().map(Arc::new).collect())).collect(),
        ..Pipeline::default()
    };
    Ok((pipeline, notes))
}

impl Session {
    /// A run of a job that is a command of this machine, ready to be asked for.
    pub fn plan_run(
        &self,
        job: &JobName,
        date: Option<NaiveDate>,
        settings: Vec<(String, String)>,
    ) -> Result<RunAsk, LakeError> {
        let fault = |detail: String, hint: &str| {
            let error = LakeError::new(ErrorClass::Unsupported, job.0.to_string(), detail);
            LakeError { hint: hint.to_owned(), ..error }
        };
        let command = self.settings.commands.get(job).ok_or_else(|| {
            let known: Vec<&str> = self.settings.commands.keys().map(|job| &*job.0).collect();
            let known =
                if known.is_empty() { "none is".to_owned() } else { format!("there are: {}", known.join(", ")) };
            fault(format!("no job of this name is a command; {known}"), "[[jobs]] command = \"…\" makes a job one")
        })?;
        let folder = address::file_path(self.lake.url()).map_err(|_| {
            fault("commands run in the folder of a local environment".to_owned(), "this lake is not on this machine")
        })?;
        let command = command.of(date).map_err(|why| fault(why, "lakeward jobs run JOB --date YYYY-MM-DD"))?;
        Ok(RunAsk { job: job.clone(), command, folder, date, settings })
    }

    /// The source of that name.
    pub(super) fn source_of(&self, source: &str) -> Result<&Arc<dyn JobSource>, SourceError> {
        let found = self.connected.jobs.iter().find(|s| s.tells_of(source));
        found.ok_or_else(|| unconnected(source.to_owned()))
    }

    /// Whether a source is one of job runs.
    pub fn tells_of_jobs(&self, source: &str) -> bool {
        self.connected.jobs.iter().any(|s| s.name() == source)
    }

    /// Whether a source is one of DAG runs.
    pub fn tells_of_dags(&self, source: &str) -> bool {
        self.connected.dags.iter().any(|s| s.name() == source)
    }

    /// One job run in full.
    pub async fn run_detail(&self, source: &str, id: &JobRunId) -> Result<RunDetail, SourceError> {
        self.source_of(source)?.run(id).await
    }

    /// What a run used, as it was measured until now or its end; none where no source keeps that of such runs.
    pub async fn run_metrics(&self, detail: &RunDetail, now: DateTime<Utc>) -> Result<Option<Vec<Curve>>, SourceError> {
        let Some(place) = &detail.metrics else { return Ok(None) };
        let Some(source) = self.connected.metrics.iter().find(|source| source.reads(place)) else { return Ok(None) };
        // From its first attempt on.
        let (from, until) = (detail.run.created, detail.run.ended.unwrap_or(now));
        source.curves(place, from, until).await.map(Some)
    }

    /// A link to a run's own pages. It opens them to whoever has it: it is shown, never logged.
    pub async fn dashboard(&self, source: &str, id: &JobRunId, attempt: Option<u32>) -> Result<String, SourceError> {
        self.source_of(source)?.dashboard(id, attempt).await
    }

    /// The task instances of one DAG run.
    pub async fn dag_tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        match &self.connected.dags {
            Some(source) => source.tasks(dag, run).await,
            None => Err(unconnected(format!("{} {}", dag.0, run.0))),
        }
    }

    /// Lines of a log, from its beginning or from a cursor on. A run's lies where its own configuration says.
    pub async fn log(&self, of: &LogOf, query: &LogQuery, from: Option<&LogCursor>) -> Result<LogPage, SourceError> {
        match of {
            LogOf::Place(place) => self.log_at(place, query, from).await,
            LogOf::Question(question) => self.ask_logs(question).await,
            LogOf::Task { task, number } => match &self.connected.dags {
                Some(source) => source.log(task, *number).await,
                None => Err(unconnected(format!("log of {}", task.task))),
            },
            LogOf::Run { source, id } => self.log_at(&self.place_of(source, id).await?, query, from).await,
        }
    }

    /// The lines of a log as they are written, from now on; the last item is why it is over. It is billed by the minute
    /// until it is dropped.
    pub fn live_log(&self, of: LogOf, query: LogQuery) -> LiveTail<'_> {
        let begun = async move {
            let place = match of {
                LogOf::Place(place) => place,
                LogOf::Run { source, id } => self.place_of(&source, &id).await?,
                LogOf::Task { task, .. } => return Err(no_tail(task.task.clone())),
                LogOf::Question(question) => return Err(no_tail(question.groups.join(", "))),
            };
            let (shown, source) = (place.to_string(), self.logs_at(&place)?);
            source.live(place, query).ok_or_else(|| no_tail(shown))
        };
        stream::once(begun).try_flatten().boxed()
    }

    /// Where the log of a run lies that can be read.
    async fn place_of(&self, source: &str, id: &JobRunId) -> Result<LogPlace, SourceError> {
        let detail = self.run_detail(source, id).await?;
        let readable = |place: &&LogPlace| self.connected.logs.iter().any(|s| s.reads(place));
        detail.log.iter().find(readable).cloned().ok_or_else(|| unlogged(&detail))
    }

    async fn ask_logs(&self, question: &LogQuestion) -> Result<LogPage, SourceError> {
        for source in &self.connected.logs {
            if let Some(answer) = source.ask(question).await {
                return answer;
            }
        }
        let error = LakeError::new(ErrorClass::Unsupported, question.groups.join(", "), "nobody answers questions");
        let hint = "an [emr] or a [cloudwatch] table in the configuration connects CloudWatch Logs";
        Err(LakeError { hint: hint.into(), ..error })
    }

    async fn log_at(
        &self,
        place: &LogPlace,
        query: &LogQuery,
        from: Option<&LogCursor>,
    ) -> Result<LogPage, SourceError> {
        self.logs_at(place)?.read(place, query, from).await
    }

    fn logs_at(&self, place: &LogPlace) -> Result<&Arc<dyn LogSource>, SourceError> {
        let found = self.connected.logs.iter().find(|source| source.reads(place));
        found.ok_or_else(|| unconnected("log".to_owned()))
    }
}

fn no_tail(object: String) -> SourceError {
    let error = LakeError::new(ErrorClass::Unsupported, object, "no live tail there");
    LakeError { hint: "only CloudWatch Logs tells of lines as they are written".into(), ..error }
}

/// A run that keeps no log, or one that only its own pages show.
fn unlogged(detail: &RunDetail) -> SourceError {
    let error = LakeError::new(ErrorClass::NotFound, detail.run.uri.clone(), "this run keeps no log that can be read");
    let hint = match detail.log.is_empty() {
        true => "its configuration names no log sink (monitoringConfiguration): set one for the next run",
        false => "open its dashboard: lakeward jobs show ID --dashboard",
    };
    LakeError { hint: hint.into(), ..error }
}

fn unconnected(object: String) -> SourceError {
    let error = LakeError::new(ErrorClass::Unsupported, object, "no source of runs and logs is connected");
    LakeError { hint: "lakeward doctor shows which sources are configured".into(), ..error }
}
