//! Carries a series of tries on: each try passes the gate, is followed to its end, and the pause of the policy is kept
//! before the next. All that is needed to go on is on the disk before each call, so that it does not matter when the
//! process ends.

use std::time::Duration as Pause;

use chrono::{DateTime, Duration, Utc};

use super::retries::Retries;
use super::{GateError, Session, SubmitAsk, Watch, WriteEffect};
use crate::lake::ErrorClass;
use crate::model::act::ActId;
use crate::model::protection::{Confirmation, Locked};
use crate::model::retry::{How, Next, Series, Verdict};

/// How often a run is looked at, at the most. With shorter pauses than the runbook's it is looked at more often.
const LOOK: Duration = Duration::seconds(5);
/// How long a wait is at most before it is seen whether anybody wants it to stop.
const NAP: Duration = Duration::seconds(1);

/// A series, and how it is with it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The series.
    pub series: Series,
    /// What is to be done next.
    pub next: Next,
    /// What keeps it from going on, if anything does. Hostile text.
    pub trouble: Option<String>,
    /// Whether a process is on it.
    pub is_driven: bool,
}

/// Why a series was left, not over.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Left {
    /// No such series.
    #[error("no series of tries {0}")]
    Unknown(ActId),
    /// Another process is on it.
    #[error("another process of this machine is on {0}")]
    Elsewhere(ActId),
    /// The gate lets nothing through now.
    #[error(transparent)]
    Refused(#[from] GateError),
}

impl Session {
    /// The series that this machine holds for this lake.
    pub async fn retries(&self, now: DateTime<Utc>) -> Vec<Standing> {
        let Some(retries) = self.held_retries() else { return Vec::new() };
        let standing = |series: Series| Standing {
            next: series.next(now),
            trouble: None,
            is_driven: retries.is_claimed(&series.id),
            series,
        };
        retries.all(self.lake.url()).await.into_iter().map(standing).collect()
    }

    /// Begins a series with a planned run: it is written down, and nothing is asked for yet. The gate is asked whether it
    /// would be let through.
    pub async fn begin_retries(
        &self,
        source: &str,
        ask: &SubmitAsk,
        given: Option<Confirmation>,
        now: DateTime<Utc>,
    ) -> Result<Series, GateError> {
        let (Some(gate), Some(retries)) = (self.gate(), self.held_retries()) else {
            return Err(GateError::Locked(Locked::ReadOnly));
        };
        gate.rehearse(WriteEffect::Submit(Box::new(ask.clone())), given).await?;
        let series = Series {
            schema: 1,
            id: ask.id.clone(),
            lake: self.lake.url().to_owned(),
            source: source.to_owned(),
            job: ask.job.clone(),
            order: ask.order.clone(),
            of: ask.of.clone().unwrap_or_else(|| crate::model::run::JobRunId("".into())),
            why: ask.why.clone(),
            policy: self.settings.retry,
            begun: now,
            tries: Vec::new(),
            stopped: false,
        };
        retries.save(&series).await?;
        Ok(series)
    }

    /// Asks for no further try of a series. What runs goes on.
    pub async fn stop_retries(&self, id: &ActId) -> Result<(), Left> {
        let retries = self.held_retries().ok_or_else(|| Left::Unknown(id.clone()))?;
        retries.one(id).await.ok_or_else(|| Left::Unknown(id.clone()))?;
        let fault = |e: std::io::Error| GateError::Journal { file: id.0.clone(), fault: e.to_string() };
        Ok(retries.stop(id).await.map_err(fault)?)
    }

    /// Carries a series on to its end. Each change is told.
    pub async fn carry_on(
        &self,
        id: &ActId,
        clock: impl Fn() -> DateTime<Utc>,
        tell: impl Fn(Standing),
    ) -> Result<(Series, Verdict), Left> {
        let retries = self.held_retries().ok_or_else(|| Left::Unknown(id.clone()))?;
        let known = || async { retries.one(id).await.ok_or_else(|| Left::Unknown(id.clone())) };
        known().await?;
        let _claim = retries.claim(id).ok_or_else(|| Left::Elsewhere(id.clone()))?;
        // Who was on it before may have gone on, or ended it, while the lock was waited for.
        let mut series = known().await?;
        loop {
            let now = clock();
            series.stopped |= retries.is_stopped(id);
            let next = series.next(now);
            let told = |series: &Series, trouble: Option<String>| {
                tell(Standing { next: series.next(now), series: series.clone(), trouble, is_driven: true });
            };
            let (trouble, rest) = match next.clone() {
                Next::Over(verdict) => {
                    told(&series, None);
                    retries.close(id).await;
                    return Ok((series, verdict));
                }
                Next::Ask(number) => {
                    let rest = look_again(&series);
                    let trouble = self.ask_for(&retries, &mut series, number, now).await?;
                    (trouble, rest)
                }
                Next::Watch(_, run) => {
                    let trouble = match self.run_detail(&series.source, &run).await {
                        Ok(detail) => {
                            if let Some(how) = How::of(detail.run.state) {
                                // A clock that is ahead must not make the pause longer.
                                series.ended(
                                    detail.run.ended.map_or(now, |ended| ended.min(now)),
                                    how,
                                    detail.run.detail.clone(),
                                );
                                retries.save(&series).await?;
                            }
                            None
                        }
                        // That a run cannot be looked at says nothing of it.
                        Err(error) => Some(error.to_string()),
                    };
                    (trouble, look_again(&series))
                }
                Next::Wait(_, due) => (None, (due - now).min(NAP)),
            };
            let changed = series.next(clock()) != next;
            told(&series, trouble);
            if !changed {
                tokio::time::sleep(rest.to_std().unwrap_or(Pause::ZERO)).await;
            }
        }
    }

    /// Asks for one try; what is said is why it is not known to have begun.
    async fn ask_for(
        &self,
        retries: &Retries,
        series: &mut Series,
        number: u32,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Left> {
        let Some(gate) = self.gate() else { return Err(GateError::Locked(Locked::ReadOnly).into()) };
        let (id, token) = series.act(number);
        let why = format!("try {number} of {}", series.policy.tries);
        let ask = SubmitAsk {
            id,
            token,
            job: series.job.clone(),
            order: series.order.clone(),
            of: Some(series.of.clone()),
            why: if series.why.is_empty() { why } else { format!("{why}; {}", series.why) },
            refused: Vec::new(),
        };
        let is_first_time = series.tries.len() < number as usize;
        series.asks(number, now);
        retries.save(series).await?;
        let effect = WriteEffect::Submit(Box::new(ask));
        let error = match gate.perform(effect, Some(Confirmation::Yes), &Watch::default()).await {
            Ok(outcome) => {
                if let Some(run) = outcome.run {
                    series.began(run);
                    retries.save(series).await?;
                }
                return Ok(None);
            }
            Err(error) => error,
        };
        match &error {
            // It was not sent: it was never asked for. The lease of another is waited for; a locked gate is left.
            GateError::Held { .. } => {
                if is_first_time {
                    series.tries.pop();
                    retries.save(series).await?;
                }
                Ok(Some(error.to_string()))
            }
            e if e.is_refusal() => {
                if is_first_time {
                    series.tries.pop();
                    retries.save(series).await?;
                }
                Err(error.into())
            }
            GateError::Lake(fault) => {
                let how = match fault.class {
                    // A reply that was lost before may have been a yes: only the same token may be sent then.
                    ErrorClass::Throttled | ErrorClass::Conflict if !is_first_time => None,
                    ErrorClass::Throttled | ErrorClass::Conflict => Some(How::Failed),
                    // Credentials are renewed, and networks come back.
                    ErrorClass::Expired | ErrorClass::Unreachable => None,
                    _ => Some(How::Refused),
                };
                if let Some(how) = how {
                    series.ended(now, how, Some(fault.to_string()));
                    retries.save(series).await?;
                }
                Ok(Some(fault.to_string()))
            }
            GateError::Journal { .. } => Err(error.into()),
            _ => Ok(Some(error.to_string())),
        }
    }

    fn held_retries(&self) -> Option<Retries> {
        self.gate().map(|gate| Retries::at(gate.journal().retries()))
    }
}

/// Until a run, or a service that did not answer, is looked at again.
fn look_again(series: &Series) -> Duration {
    (series.policy.first / 4).clamp(Duration::milliseconds(100), LOOK)
}
