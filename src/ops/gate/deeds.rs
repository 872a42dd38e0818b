//! What goes through a gate is told to the incident that it has joined, and to those that are open on the same data,
//! whoever works on them: a check that was made before it must not go on standing.

use std::sync::PoisonError;

use chrono::{DateTime, NaiveDate, Utc};

use super::living::Living;
use super::{Driven, Gate, GateError, IncidentAsk, Outcome, WorkRef, WriteEffect};
use crate::model::backfill::{BackfillPlan, Standing};
use crate::model::dataset::Dataset;
use crate::model::incident::{Deed, Happening, Incident, IncidentId, IncidentStatus};
use crate::model::masked;
use crate::model::moves::Plan;
use crate::model::redrive::{RedriveRecord, RedriveState};
use crate::ops::backfill::read_backfill;
use crate::ops::deadline::in_time;
use crate::ops::incidents::Log;
use crate::ops::moves::{Records, records};
use crate::ops::redrive::ledger_key;

/// The incident that is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Which.
    pub id: IncidentId,
    /// The dataset that it is about, if it is about one: writes to another are none of it.
    pub dataset: Option<String>,
}

impl Joined {
    /// This one.
    pub fn of(incident: &Incident) -> Self {
        Self { id: incident.id.clone(), dataset: incident.about.dataset.clone() }
    }
}

impl Gate {
    /// From now on, what is done is told to this incident; or to none.
    pub fn join(&self, incident: Option<Joined>) {
        *self.joined.lock().unwrap_or_else(PoisonError::into_inner) = incident;
    }

    /// The same by its name, if there is one of that name.
    pub async fn join_named(&self, id: &IncidentId) -> Result<(), GateError> {
        let incident = Log::whole(self.lake.as_ref(), &self.prefixes.state, id).await?;
        self.join(Some(Joined::of(&incident)));
        Ok(())
    }

    /// The incident that is worked on.
    pub fn joined(&self) -> Option<Joined> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the incidents that it concerns what was done. That one could not be told undoes nothing: it is a note.
    pub(super) async fn tell(
        &self,
        effect: &WriteEffect,
        began: DateTime<Utc>,
        ended: &mut Result<Outcome, GateError>,
    ) {
        // What was refused is nothing that was done.
        if ended.as_ref().is_err_and(GateError::is_refusal) {
            return;
        }
        let Some(mut deed) = deed(effect, began, ended) else { return };
        match effect {
            WriteEffect::ResumeWork(work) => self.told_by_its_record(work, &mut deed).await,
            WriteEffect::Resume(id) => {
                let plan =
                    records::read::<Plan>(self.lake.as_ref(), &Records::of(&self.prefixes.state, id).plan()).await;
                if let Ok(Some(plan)) = plan {
                    (deed.dataset, deed.date) = (Some(plan.dataset.as_str().to_owned()), plan.date);
                }
            }
            _ => {}
        }
        let (concerned, mut noted) = self.concerned(&deed).await;
        for (id, after) in concerned {
            let ask = IncidentAsk { id, what: vec![Happening::Did(deed.clone())], after };
            let told = WriteEffect::Incident(ask.clone());
            match self.happened(&told, &ask, false).await {
                Ok(told) => noted.extend(told.notes),
                Err(error) => noted.push(format!("the incident {} could not be told of it: {error}", ask.id)),
            }
        }
        if let Ok(outcome) = ended {
            outcome.notes.extend(noted);
        }
    }

    /// What work is about that was taken up again, and how it ended, whoever brought it there.
    async fn told_by_its_record(&self, work: &WorkRef, deed: &mut Deed) {
        match work {
            WorkRef::Redrive { entry, number, .. } => {
                let key = ledger_key(&self.prefixes, entry, *number);
                if let Ok(Some(known)) = Living::<RedriveRecord>::read(self.lake.as_ref(), key).await {
                    let RedriveRecord { dataset, date, rows, state, .. } = known.record;
                    (deed.dataset, deed.date, deed.rows) = (Some(dataset.as_str().to_owned()), date, rows);
                    deed.done &= state == RedriveState::Done;
                }
            }
            WorkRef::Backfill { id } => {
                if let Ok(Some(known)) = read_backfill(self.lake.as_ref(), &self.prefixes.state, id).await {
                    deed.dataset = Some(known.plan.dataset.as_str().to_owned());
                    deed.object = known.plan.dataset.as_str().to_owned();
                    deed.days = ran(&known.plan);
                    deed.done &= known.standing() == Standing::Done;
                }
            }
        }
    }

    /// The incidents that a deed concerns, each with when something happened last in it: the deed comes after all that is
    /// known of it, whatever the clocks of its other hosts say. And what stood in the way of finding them.
    async fn concerned(&self, deed: &Deed) -> (Vec<(IncidentId, Option<DateTime<Utc>>)>, Vec<String>) {
        let state = &self.prefixes.state;
        let (mut concerned, mut noted) = (Vec::new(), Vec::new());
        let other = |joined: &Joined| match (&deed.dataset, &joined.dataset) {
            (Some(told), Some(own)) => told != own,
            _ => false,
        };
        let joined = self.joined().filter(|joined| !other(joined)).map(|joined| joined.id);
        if let Some(id) = &joined {
            let known = Log::whole(self.lake.as_ref(), state, id).await.ok();
            concerned.push((id.clone(), known.map(|incident| incident.last())));
        }
        let read = self.incidents.read(self.lake.as_ref(), state, false, (self.clock)());
        match in_time("incidents", read).await {
            Ok((incidents, _)) => {
                let open = incidents.iter().filter(|incident| incident.status() != IncidentStatus::Resolved);
                let others =
                    open.filter(|incident| Some(&incident.id) != joined.as_ref() && incident.about.is_told(deed));
                concerned.extend(others.map(|incident| (incident.id.clone(), Some(incident.last()))));
            }
            Err(error) => noted.push(format!("whether an incident is open on it is not known: {error}")),
        }
        (concerned, noted)
    }
}

/// A write as its incident is told of it; none for what is no part of a recovery.
fn deed(effect: &WriteEffect, began: DateTime<Utc>, ended: &Result<Outcome, GateError>) -> Option<Deed> {
    let about = About::of(effect)?;
    let (done, detail, objects, bytes) = match ended {
        Ok(outcome) => {
            let first = outcome.notes.first().cloned().or_else(|| outcome.path.clone()).unwrap_or_default();
            (!outcome.needs_operator, first, outcome.objects, outcome.bytes)
        }
        Err(error) => (false, error.to_string(), 0, 0),
    };
    // A repair is done though rows still fail: how many is what it came to.
    let done = done || (ended.is_ok() && matches!(effect, WriteEffect::Repair(_)));
    Some(Deed {
        act: effect.word().to_owned(),
        object: about.object,
        dataset: about.dataset.map(|dataset| dataset.as_str().to_owned()),
        date: about.date,
        days: about.days,
        done,
        plan: masked::text(&about.plan).into_owned(),
        detail: masked::text(&detail).into_owned(),
        began,
        rows: about.rows,
        objects,
        bytes,
    })
}

/// What a write is about.
struct About {
    object: String,
    plan: String,
    dataset: Option<Dataset>,
    date: Option<NaiveDate>,
    days: Vec<NaiveDate>,
    rows: Option<u64>,
}

/// The days that a backfill runs.
fn ran(plan: &BackfillPlan) -> Vec<NaiveDate> {
    plan.days.iter().filter(|day| day.launch.is_some()).map(|day| day.date).collect()
}

impl About {
    fn of(effect: &WriteEffect) -> Option<Self> {
        let other = |object: &str, plan: String| Self {
            object: object.to_owned(),
            plan,
            dataset: None,
            date: None,
            days: Vec::new(),
            rows: None,
        };
        Some(match effect {
            WriteEffect::Arm { .. } | WriteEffect::Triage(_) | WriteEffect::Incident(_) | WriteEffect::Report(_) => {
                return None;
            }
            WriteEffect::Move(plan) => Self {
                dataset: Some(plan.dataset.clone()),
                date: plan.date,
                rows: plan.totals.rows,
                ..other(
                    &plan.source,
                    format!("{} objects, {} bytes, to {}", plan.totals.objects, plan.totals.bytes, plan.target),
                )
            },
            WriteEffect::Resume(id) => other(&id.to_string(), "the rest of it".to_owned()),
            WriteEffect::Mark { id, note, .. } => other(&id.to_string(), note.clone().unwrap_or_default()),
            WriteEffect::Repair(plan) => Self {
                dataset: Some(plan.dataset.clone()),
                date: plan.date,
                rows: Some(plan.after.rows),
                ..other(
                    &plan.source,
                    format!("{} of {} rows pass, to {}", plan.after.passed, plan.after.rows, plan.target),
                )
            },
            WriteEffect::Redrive(plan) => Self {
                dataset: Some(plan.dataset.clone()),
                date: plan.date,
                rows: plan.rows,
                ..other(&plan.entry, plan.launch.as_ref().map(|launch| launch.told()).unwrap_or_default())
            },
            WriteEffect::Backfill(plan) => Self {
                dataset: Some(plan.dataset.clone()),
                days: ran(plan),
                ..other(
                    plan.dataset.as_str(),
                    format!("{} to {}, runs for {} of {} days", plan.from, plan.to, plan.runs(), plan.days.len()),
                )
            },
            WriteEffect::ResumeWork(WorkRef::Redrive { entry, .. }) => other(entry, "the rest of it".to_owned()),
            WriteEffect::ResumeWork(work) => other(&work.id().0, "the rest of it".to_owned()),
            WriteEffect::Run(ask) => {
                Self { date: ask.date, ..other(&ask.job.0, masked::arguments(&ask.command).join(" ")) }
            }
            WriteEffect::Submit(ask) => other(&ask.job.0, Driven::Submit(ask.clone()).sentence()),
            WriteEffect::Cancel(ask) => other(&ask.job.0, Driven::Cancel(ask.clone()).sentence()),
            WriteEffect::Dag(ask) => {
                let driven = Driven::Dag(ask.clone());
                other(&driven.object(None), driven.sentence())
            }
            WriteEffect::Finish(id) => other(&id.0, "the rest of it".to_owned()),
        })
    }
}
