//! What goes through this gate while it has joined an incident is told to that incident: its timeline and its report need
//! no second list. What another process does, which joined none, is not.

use std::sync::PoisonError;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Driven, Gate, GateError, IncidentAsk, Outcome, WriteEffect};
use crate::model::dataset::Dataset;
use crate::model::incident::{Deed, Happening, Incident, IncidentId};
use crate::model::masked;
use crate::ops::incidents::Log;

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

    /// Tells the incident what was done. That it could not be told undoes nothing: it is a note.
    pub(super) async fn tell(
        &self,
        effect: &WriteEffect,
        began: DateTime<Utc>,
        ended: &mut Result<Outcome, GateError>,
    ) {
        let Some(joined) = self.joined() else { return };
        // What was refused is nothing that was done.
        if ended.as_ref().is_err_and(GateError::is_refusal) {
            return;
        }
        let Some(deed) = deed(effect, began, ended) else { return };
        let other = |dataset: &String| joined.dataset.as_ref().is_some_and(|own| own != dataset);
        if deed.dataset.as_ref().is_some_and(other) {
            return;
        }
        // After all that is known of it, whatever the clocks of its other hosts say: a check that was made before it must
        // not come to stand behind it.
        let known = Log::whole(self.lake.as_ref(), &self.prefixes.state, &joined.id).await.ok();
        let after = known.map(|incident| incident.last());
        let ask = IncidentAsk { id: joined.id, what: vec![Happening::Did(deed)], after };
        let told = WriteEffect::Incident(ask.clone());
        let noted = match self.happened(&told, &ask, false).await {
            Ok(noted) => noted.notes,
            Err(error) => vec![format!("the incident {} could not be told of it: {error}", ask.id)],
        };
        if let Ok(outcome) = ended {
            outcome.notes.extend(noted);
        }
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
    rows: Option<u64>,
}

impl About {
    fn of(effect: &WriteEffect) -> Option<Self> {
        let other = |object: &str, plan: String| Self {
            object: object.to_owned(),
            plan,
            dataset: None,
            date: None,
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
                ..other(
                    plan.dataset.as_str(),
                    format!("{} to {}, runs for {} of {} days", plan.from, plan.to, plan.runs(), plan.days.len()),
                )
            },
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
