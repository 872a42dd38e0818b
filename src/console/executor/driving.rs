//! Effects on jobs and DAGs: plans, which read; what the gate is asked; and the tries that go on beside the console. What
//! carries them on is aborted with nothing: it ends with the process, and the next start finds where it was.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::Executor;
use crate::console::driving::Wish;
use crate::console::moves::{Write, Written};
use crate::console::msg::{Effect, Job, Msg};
use crate::model::act::ActId;
use crate::model::protection::Confirmation;
use crate::ops::{DrivePlan, Session, WriteEffect};
use crate::sources::SourceError;

impl<C: Fn() -> DateTime<Utc>> Executor<C> {
    /// Starts what an effect on jobs and DAGs asks for; what is none is given back.
    pub(super) fn about_driving(&mut self, effect: Effect) -> Option<Effect> {
        let (session, answers, now) = (Arc::clone(&self.session), self.answers.clone(), (self.clock)());
        match effect {
            Effect::Order { id, source, run } => self.start(Job::Plan, async move {
                let order = session.order_of(&source, &run).await.map(Box::new);
                let _ = answers.send(Msg::Ordered(id, order)).await;
            }),
            Effect::PlanDrive { id, wish } => self.start(Job::Plan, async move {
                let retry = match &wish {
                    Wish::Rerun { source, retry: true, .. } => Some(Arc::clone(source)),
                    _ => None,
                };
                let plan = planned(&session, wish, now).await.map(Box::new);
                let _ = answers.send(Msg::DrivePlanned(id, plan, retry)).await;
            }),
            Effect::Drive { plan, retry: None } => {
                let given = Confirmation::Count(plan.objects());
                self.write(Write::Drive, vec![(plan.effect, given)]);
            }
            Effect::Drive { plan, retry: Some(source) } => {
                tokio::spawn(async move {
                    let given = Some(Confirmation::Count(plan.objects()));
                    let WriteEffect::Submit(ask) = plan.effect else { return };
                    match session.begin_retries(&source, &ask, given, now).await {
                        Ok(series) => carry_on(session, answers, series.id).await,
                        Err(error) => {
                            let written = Written { write: Write::Drive, ended: vec![Err(error)], of: 1 };
                            let _ = answers.send(Msg::Written(written)).await;
                        }
                    }
                });
            }
            Effect::CarryOn => {
                tokio::spawn(taken_up(session, answers, now));
            }
            Effect::StopRetry(id) => {
                tokio::spawn(async move {
                    if let Err(left) = session.stop_retries(&id).await {
                        let _ = answers.send(Msg::RetryOver(id, Err(left.to_string()))).await;
                    }
                });
            }
            other => return Some(other),
        }
        None
    }
}

async fn planned(session: &Session, wish: Wish, now: DateTime<Utc>) -> Result<DrivePlan, SourceError> {
    match wish {
        Wish::Rerun { source, run, edits, .. } => session.plan_rerun(&source, &run, &edits, now).await,
        Wish::Cancel { source, run } => session.plan_cancel(&source, &run, now).await,
        Wish::Trigger { dag, logical } => Ok(session.plan_trigger(&dag, serde_json::Map::new(), logical, now)),
        Wish::Clear(clear) => session.plan_clear(clear, now).await,
        Wish::Pause { dag, paused } => Ok(session.plan_pause(&dag, paused, now)),
        Wish::Mark { dag, run, task, state } => Ok(session.plan_mark(&dag, &run, task, state, now)),
    }
}

/// What an earlier process left: its open acts are finished, its tries carried on.
async fn taken_up(session: Arc<Session>, answers: mpsc::Sender<Msg>, now: DateTime<Utc>) {
    let ended = session.finish_acts().await;
    let told = ended.into_iter().map(|(what, ended)| match ended {
        Ok(outcome) => (!outcome.needs_operator, outcome.notes.join("; ")),
        Err(error) => (false, format!("{what}: still open: {error}")),
    });
    let told: Vec<(bool, String)> = told.collect();
    if !told.is_empty() {
        let _ = answers.send(Msg::Finished(told)).await;
    }
    for standing in session.retries(now).await {
        if !standing.is_driven {
            tokio::spawn(carry_on(Arc::clone(&session), answers.clone(), standing.series.id));
        }
    }
}

async fn carry_on(session: Arc<Session>, answers: mpsc::Sender<Msg>, id: ActId) {
    let tell = |standing| {
        let _ = answers.try_send(Msg::Retry(Box::new(standing)));
    };
    let ended = session.carry_on(&id, Utc::now, tell).await.map(Box::new).map_err(|left| left.to_string());
    let _ = answers.send(Msg::RetryOver(id, ended.map(|ended| *ended))).await;
}
