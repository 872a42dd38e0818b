//! Runs of a service that work asks for: asked for once under a token that was written down before, looked at until they
//! are over. Who stops looking stops nothing: the run goes on, and whoever takes the work up follows it.

use std::time::Duration;

use super::launching::{AIRFLOW, RunEnd, Task};
use super::{Gate, GateError};
use crate::lake::{ErrorClass, LakeError};
use crate::model::act::{ActId, ClientToken};
use crate::model::dag::{DagId, DagRunId, TaskState};
use crate::model::dag_act::Trigger;
use crate::model::route::redated;
use crate::model::run::{JobRunId, RunState};
use crate::model::work::{Launch, RunRef};
use crate::ops::moves::Watch;
use crate::sources::{SourceError, Undone};

/// How often a run is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Looks in a row that may fail: then nobody knows how it is, and it is left to be taken up again.
const FAILURES: u32 = 6;
/// DAG runs among which one is looked for.
const RUNS: usize = 500;

impl Gate {
    /// Asks for a run of a service. The same token again is the same request again.
    pub(super) async fn asked_for(&self, task: &Task, token: &str) -> Result<RunRef, GateError> {
        match &task.launch {
            Launch::Emr { source, like, arguments, redate, name } => {
                let runner = self.jobs.as_ref().ok_or_else(|| unconnected("EMR Serverless", "[emr]"))?;
                let reader = self.reader(source)?;
                let mut order = reader.order(like).await?;
                if let Some(arguments) = arguments {
                    order.arguments = arguments.clone();
                } else if let Some((old, new)) = redate {
                    let other = redated(&order.arguments, *old, *new);
                    order.arguments = other.ok_or_else(|| GateError::Blocked {
                        why: format!("the arguments of {like} do not name {old} any more"),
                        hint: "plan it anew".to_owned(),
                    })?;
                }
                order.name = Some(name.clone());
                let token = ClientToken::of(&ActId(token.to_owned()), 1);
                match runner.start(&order, &token).await {
                    Ok(id) => Ok(RunRef { source: source.clone(), id: id.0.to_string() }),
                    Err(undone) => Err(self.undone(undone)),
                }
            }
            Launch::Dag { dag, conf, logical } => {
                let dags = self.dags.as_ref().ok_or_else(|| unconnected("Airflow", "[airflow]"))?;
                let trigger = Trigger {
                    dag: dag.clone(),
                    run: DagRunId(token.into()),
                    conf: conf.clone(),
                    logical: logical.and_then(|date| date.and_hms_opt(0, 0, 0)).map(|at| at.and_utc()),
                };
                match dags.trigger(&trigger).await {
                    Ok(()) => Ok(RunRef { source: AIRFLOW.to_owned(), id: token.to_owned() }),
                    Err(undone) => Err(self.undone(undone)),
                }
            }
            Launch::Command { .. } => Err(unconnected("a service", "[emr]")),
        }
    }

    /// Whoever hears no reply must not take it for a no: it is asked for again, with the same token, when it is taken up.
    fn undone(&self, undone: Undone) -> GateError {
        match undone {
            Undone::Refused(error) => GateError::Lake(error),
            Undone::Unknown(error) => GateError::Halted {
                what: "the request for a run".to_owned(),
                why: error.to_string(),
                hint: "it may have been taken: resume asks again with the same token, and nothing runs twice"
                    .to_owned(),
                asked: false,
            },
        }
    }

    fn reader(&self, source: &str) -> Result<&std::sync::Arc<dyn crate::sources::jobs::JobSource>, GateError> {
        let name = source.split('/').next().unwrap_or(source);
        self.readers.iter().find(|reader| reader.name() == name).ok_or_else(|| unconnected("EMR Serverless", "[emr]"))
    }

    /// Looks at a run until it is over.
    pub(super) async fn watched(&self, task: &Task, run: &RunRef, watch: &Watch) -> Result<RunEnd, GateError> {
        let mut failures = 0;
        loop {
            let looked = match &task.launch {
                Launch::Dag { dag, .. } => self.dag_run(dag, run).await,
                _ => self.job_run(run).await,
            };
            match looked {
                Ok(Some((state, told))) => return Ok(RunEnd { state: Some(state), told, note: None }),
                Ok(None) => failures = 0,
                Err(error) => {
                    failures += 1;
                    let passes = matches!(error.class, ErrorClass::Throttled | ErrorClass::Unreachable);
                    if !passes || failures >= FAILURES {
                        return Err(unwatched(run, error.to_string(), error.hint.clone(), false));
                    }
                }
            }
            // Asked to stop, it answers at once.
            let mut slept = Duration::ZERO;
            while slept < LOOK {
                if watch.is_stopped() {
                    let hint = "the run goes on by itself; resume follows it".to_owned();
                    return Err(unwatched(run, "nobody waits for it any more".to_owned(), hint, true));
                }
                let step = Duration::from_millis(100);
                tokio::time::sleep(step).await;
                slept += step;
            }
        }
    }

    /// How a run ended; none while it goes on.
    async fn job_run(&self, run: &RunRef) -> Result<Option<(RunState, String)>, SourceError> {
        let reader = self.reader(&run.source).map_err(|e| unreadable(run, &e))?;
        let detail = reader.run(&JobRunId(run.id.as_str().into())).await?.run;
        let told = detail.detail.clone().filter(|d| !d.is_empty()).unwrap_or_else(|| detail.state.word().to_owned());
        Ok(detail.state.is_over().then_some((detail.state, told)))
    }

    async fn dag_run(&self, dag: &DagId, run: &RunRef) -> Result<Option<(RunState, String)>, SourceError> {
        let missing = || unreadable(run, &unconnected("Airflow", "[airflow]"));
        let dags = self.dags.as_ref().ok_or_else(missing)?;
        let since = (self.clock)() - chrono::Duration::days(3);
        let all = dags.runs(since, RUNS).await?;
        let found = all.iter().find(|r| r.dag == *dag && *r.id.0 == *run.id);
        let found = found.ok_or_else(|| {
            SourceError::new(ErrorClass::Unreachable, run.id.clone(), "Airflow does not tell of this run")
        })?;
        Ok(match found.state {
            TaskState::Success => Some((RunState::Success, "success".to_owned())),
            TaskState::Failed | TaskState::UpstreamFailed => Some((RunState::Failed, "the DAG run failed".to_owned())),
            _ => None,
        })
    }
}

fn unwatched(run: &RunRef, why: String, hint: String, asked: bool) -> GateError {
    GateError::Halted { what: format!("run {}", run.id), why, hint, asked }
}

fn unreadable(run: &RunRef, error: &GateError) -> SourceError {
    SourceError::new(ErrorClass::Unsupported, run.id.clone(), error.to_string())
}

fn unconnected(what: &str, table: &str) -> GateError {
    let error = LakeError::new(ErrorClass::Unsupported, what, "nothing of it is connected that runs jobs");
    let hint = format!("a {table} table in the configuration connects it");
    GateError::Lake(LakeError { hint, ..error })
}
