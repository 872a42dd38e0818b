//! Acts on jobs and DAGs: lease, journal, record, the call, record. A submission has its token on the disk before it is
//! sent, so that whoever finds it open later asks for the same run and not for a second one.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::acts::{ActStep, Driven, OpenAct};
use super::{Fence, Gate, GateError, Outcome, WriteEffect};
use crate::lake::{ErrorClass, LakeError};
use crate::model::act::{ActId, ClientToken};
use crate::model::dag_act::DagAct;
use crate::model::moves::MoveId;
use crate::model::order::JobOrder;
use crate::model::protection::{Confirmation, Level};
use crate::model::run::{JobName, JobRunId};
use crate::ops::moves::Watch;
use crate::sources::Undone;
use crate::sources::local::process;

/// How long an open act may be asked for again. AWS does not say how long a token is remembered; an hour is what it
/// says of the services that do. After that it is told of, and not repeated.
const REPEATED: Duration = Duration::hours(1);

/// A job run to be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmitAsk {
    /// Which act.
    pub id: ActId,
    /// The token that goes with it: [`ClientToken::of`] the act and the number of the try.
    pub token: ClientToken,
    /// The job, under the name that all systems share.
    pub job: JobName,
    /// What is asked for.
    pub order: JobOrder,
    /// The run that it repeats, if it does.
    pub of: Option<JobRunId>,
    /// What differs from it, or what it is for; one line, without secrets.
    pub why: String,
    /// Why it would not run so, in sentences: then it is not asked for.
    #[serde(default)]
    pub refused: Vec<String>,
}

impl SubmitAsk {
    /// What it is, in one line. Hostile text.
    pub fn sentence(&self) -> String {
        let of = self.of.as_ref().map(|run| format!(", as {run} was")).unwrap_or_default();
        let why = if self.why.is_empty() { String::new() } else { format!(": {}", self.why) };
        format!("submit {} to {}{of}{why}", self.job, self.order.application)
    }
}

/// A job run to be ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelAsk {
    /// Which act.
    pub id: ActId,
    /// The job.
    pub job: JobName,
    /// The run.
    pub run: JobRunId,
}

/// Something to be done to a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DagAsk {
    /// Which act.
    pub id: ActId,
    /// What.
    pub act: DagAct,
}

impl Driven {
    /// Of what only one is done at a time, whoever does it.
    fn prefix(&self) -> String {
        match self {
            Self::Submit(ask) => format!("jobs/{}/", ask.job),
            Self::Cancel(ask) => format!("jobs/{}/", ask.job),
            Self::Dag(ask) => format!("dags/{}/", ask.act.dag().0),
        }
    }

    /// What records name as its object.
    pub(super) fn object(&self, run: Option<&JobRunId>) -> String {
        match self {
            Self::Submit(ask) => {
                let run = run.map(|run| format!("/jobruns/{run}")).unwrap_or_default();
                format!("emr-serverless:/applications/{}{run}", ask.order.application)
            }
            Self::Cancel(ask) => format!("emr-serverless:/jobruns/{}", ask.run),
            Self::Dag(ask) => {
                let run = ask.act.run().map(|run| format!("/dagRuns/{}", run.0)).unwrap_or_default();
                format!("airflow:/dags/{}{run}", ask.act.dag().0)
            }
        }
    }

    fn is_repeatable(&self) -> bool {
        match self {
            Self::Submit(_) | Self::Cancel(_) => true,
            Self::Dag(ask) => ask.act.is_repeatable(),
        }
    }
}

impl Gate {
    /// What was begun here, on this lake, and has no end yet.
    pub async fn open_acts(&self) -> Vec<OpenAct> {
        self.acts.open(self.lake.url()).await
    }

    pub(super) async fn driven(
        &self,
        effect: &WriteEffect,
        act: Driven,
        confirmation: Option<&Confirmation>,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.confirmed(Level { objects: effect.objects().unwrap_or(1), removes_from: None }, confirmation)?;
        if !act.id().is_sound() {
            return Err(GateError::Unknown(act.id().0.clone()));
        }
        if let Driven::Submit(ask) = &act
            && !ask.refused.is_empty()
        {
            return Err(GateError::Unfit(ask.refused.clone()));
        }
        self.can_drive(&act)?;
        self.is_as_listed(&act).await?;
        if rehearsal {
            let note = format!("would {}", act.sentence());
            return Ok(Outcome { act: Some(act.id().clone()), notes: vec![note], ..Outcome::nothing() });
        }
        let now = (self.clock)();
        self.leased_act(effect, act, now, None, confirmation).await
    }

    /// Takes up an act that was begun and has no end: it was confirmed then.
    pub(super) async fn finished(
        &self,
        effect: &WriteEffect,
        id: &ActId,
        confirmation: Option<&Confirmation>,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let known = if id.is_sound() { self.acts.read(id).await } else { None };
        let known = known.ok_or_else(|| GateError::Unknown(id.0.clone()))?;
        if known.lake != self.lake.url() {
            return Err(GateError::Changed(vec![format!("it is of {}, and this is {}", known.lake, self.lake.url())]));
        }
        self.confirmed(Level { objects: 1, removes_from: None }, confirmation)?;
        self.can_drive(&known.act)?;
        let outcome = Outcome { act: Some(id.clone()), ..Outcome::nothing() };
        if rehearsal {
            return Ok(Outcome { notes: vec![format!("would finish: {}", known.act.sentence())], ..outcome });
        }
        let is_old = (self.clock)() - known.since > REPEATED;
        if known.answered.is_none() && (is_old || !known.act.is_repeatable()) {
            let why = if is_old { "too long ago to ask again" } else { "it cannot be asked for twice" };
            let note = format!("nobody knows whether this was done ({why}): {}", known.act.sentence());
            let object = known.act.object(None);
            let mut outcome = Outcome { notes: vec![note.clone()], needs_operator: true, ..outcome };
            let record = self.record_of(effect, "unknown", note, confirmation, &object, &outcome);
            outcome.notes.extend(self.audit(record).await);
            self.acts.close(id).await;
            return Ok(outcome);
        }
        self.leased_act(effect, known.act, known.since, known.answered, confirmation).await
    }

    async fn leased_act(
        &self,
        effect: &WriteEffect,
        act: Driven,
        since: DateTime<Utc>,
        answered: Option<Option<JobRunId>>,
        confirmation: Option<&Confirmation>,
    ) -> Result<Outcome, GateError> {
        let (id, prefixes, watch) = (MoveId(act.id().0.clone()), vec![act.prefix()], Watch::default());
        let work = async |_: &Fence| self.called(effect, act, since, answered, confirmation).await;
        self.holding(&id, prefixes, &watch, work).await?
    }

    /// Journal, record, call, record.
    async fn called(
        &self,
        effect: &WriteEffect,
        act: Driven,
        since: DateTime<Utc>,
        answered: Option<Option<JobRunId>>,
        confirmation: Option<&Confirmation>,
    ) -> Result<Outcome, GateError> {
        let id = act.id().clone();
        let mut outcome =
            Outcome { act: Some(id.clone()), objects: effect.objects().unwrap_or(1), ..Outcome::nothing() };
        let answer = match answered {
            Some(run) => Ok(run),
            None => {
                let begun =
                    ActStep::Begun { lake: self.lake.url().to_owned(), process: process::this_one(), act: act.clone() };
                self.acts.note(&id, begun, since).await?;
                let record = self.record_of(effect, "begun", act.sentence(), confirmation, &act.object(None), &outcome);
                outcome.notes.extend(self.audit(record).await);
                self.asked(&act).await
            }
        };
        match answer {
            Ok(run) => {
                // Only what an end of the process would lose: the audit record below.
                if let Err(e) = self.acts.note(&id, ActStep::Answered { run: run.clone() }, (self.clock)()).await {
                    tracing::warn!("{e}");
                }
                outcome.run = run;
                let detail = act.sentence();
                let object = act.object(outcome.run.as_ref());
                let record = self.record_of(effect, "done", detail.clone(), confirmation, &object, &outcome);
                outcome.notes.extend(self.audit(record).await);
                outcome.notes.insert(0, done(&detail, outcome.run.as_ref()));
                self.acts.close(&id).await;
                Ok(outcome)
            }
            Err(Undone::Refused(error)) => {
                let record =
                    self.record_of(effect, "failed", error.to_string(), confirmation, &act.object(None), &outcome);
                self.audit(record).await;
                self.acts.close(&id).await;
                Err(GateError::Lake(error))
            }
            // It stays open: it may have been done.
            Err(Undone::Unknown(error)) => {
                let record =
                    self.record_of(effect, "unknown", error.to_string(), confirmation, &act.object(None), &outcome);
                self.audit(record).await;
                Err(GateError::Unanswered {
                    id,
                    what: act.sentence(),
                    again: act.is_repeatable(),
                    error: Box::new(error),
                })
            }
        }
    }

    async fn asked(&self, act: &Driven) -> Result<Option<JobRunId>, Undone> {
        let missing = || Undone::Refused(undriven(act));
        match act {
            Driven::Submit(ask) => {
                let runner = self.jobs.as_ref().ok_or_else(missing)?;
                runner.start(&ask.order, &ask.token).await.map(Some)
            }
            Driven::Cancel(ask) => {
                let runner = self.jobs.as_ref().ok_or_else(missing)?;
                runner.cancel(&ask.run).await.map(|()| Some(ask.run.clone()))
            }
            Driven::Dag(ask) => {
                let dags = self.dags.as_ref().ok_or_else(missing)?;
                match &ask.act {
                    DagAct::Trigger(trigger) => dags.trigger(trigger).await,
                    DagAct::Clear { clear, .. } => dags.clear(clear).await,
                    DagAct::Pause { dag, paused } => dags.pause(dag, *paused).await,
                    DagAct::MarkRun { dag, run, state } => dags.mark_run(dag, run, *state).await,
                    DagAct::MarkTask { dag, run, task, state } => dags.mark_task(dag, run, task, *state).await,
                }
                .map(|()| None)
            }
        }
    }

    fn can_drive(&self, act: &Driven) -> Result<(), GateError> {
        let can = match act {
            Driven::Submit(_) | Driven::Cancel(_) => self.jobs.is_some(),
            Driven::Dag(_) => self.dags.is_some(),
        };
        if can { Ok(()) } else { Err(GateError::Lake(undriven(act))) }
    }

    /// What is cleared is what was shown, and nothing that came to it since.
    async fn is_as_listed(&self, act: &Driven) -> Result<(), GateError> {
        let Driven::Dag(ask) = act else { return Ok(()) };
        let (DagAct::Clear { clear, tasks }, Some(dags)) = (&ask.act, &self.dags) else { return Ok(()) };
        let now = dags.would_clear(clear).await?;
        if now == *tasks {
            return Ok(());
        }
        let named = |task: &crate::model::dag_act::TaskRef| {
            format!("{}{}", task.task, task.map_index.map(|i| format!("[{i}]")).unwrap_or_default())
        };
        let come = now.iter().filter(|t| !tasks.contains(t)).map(|t| format!("{} would be cleared as well", named(t)));
        let gone = tasks.iter().filter(|t| !now.contains(t)).map(|t| format!("{} would not be cleared", named(t)));
        Err(GateError::Changed(come.chain(gone).collect()))
    }
}

fn undriven(act: &Driven) -> LakeError {
    let (what, hint) = match act {
        Driven::Submit(_) | Driven::Cancel(_) => {
            ("no service is connected that runs jobs", "an [emr] table in the configuration connects EMR Serverless")
        }
        Driven::Dag(_) => (
            "no Airflow is connected",
            "an [airflow] table in the configuration connects one; a record of runs is none",
        ),
    };
    LakeError { hint: hint.to_owned(), ..LakeError::new(ErrorClass::Unsupported, act.object(None), what) }
}

fn done(sentence: &str, run: Option<&JobRunId>) -> String {
    match run {
        Some(run) => format!("{sentence}: {run}"),
        None => format!("{sentence}: done"),
    }
}
