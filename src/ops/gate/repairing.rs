//! A repair passes like every write: protection, confirmation, lease on its source, journal, the writing, audit. The
//! source is only read.

use super::{Fence, Gate, GateError, JournalStep, Outcome, WriteEffect};
use crate::model::protection::{Confirmation, Level};
use crate::model::repair::{MANIFEST, RepairManifest, RepairPlan, SCHEMA};
use crate::ops::moves::Watch;
use crate::ops::repair::{apply, clear, unchanged};

/// What a repair asks for before it is done: a yes, or the number of objects that it writes.
pub fn level_of_repair(plan: &RepairPlan) -> Level {
    Level { objects: plan.writes.len() as u64, removes_from: None }
}

impl Gate {
    pub(super) async fn repaired(
        &self,
        effect: &WriteEffect,
        plan: &RepairPlan,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.fits_repair(plan)?;
        self.confirmed(level_of_repair(plan), confirmation)?;
        let errors = &self.prefixes.errors;
        if rehearsal {
            unchanged(self.lake.as_ref(), plan, errors).await?;
            let note = format!(
                "{} of {} rows would pass, {} more than now",
                plan.after.passed,
                plan.after.rows,
                plan.gained()
            );
            return Ok(Outcome { notes: vec![note], ..begun(plan) });
        }
        let prefixes = vec![plan.source.clone(), plan.target.clone()];
        let work = async |fence: &Fence| {
            let now = (self.clock)();
            let step = JournalStep::Repairing { plan: Box::new(plan.clone()) };
            let record = self.journal.open(&plan.id, step, now).await?;
            let there = unchanged(self.lake.as_ref(), plan, errors).await?;
            // What stays harms nobody: no manifest names it.
            match clear(self.lake.as_ref(), plan).await {
                Ok(0) => {}
                Ok(n) => tracing::info!("took away what {n} repairs of {} had left half-written", plan.source),
                Err(e) => tracing::warn!("what earlier repairs of {} left stays: {e}", plan.source),
            }
            let holds = || Some((self.clock)()).filter(|now| fence.holds(*now));
            let ended = apply(&self.lake, plan, &there, watch, self.actor.name(), holds).await;
            let last = match &ended {
                Ok(_) => JournalStep::Done,
                Err(error) => JournalStep::Stopped { why: error.to_string() },
            };
            record.brief(last, (self.clock)());
            ended
        };
        let ended = self.holding(&plan.id, prefixes, watch, work).await?;
        self.told_of_repair(effect, plan, confirmation, ended).await
    }

    /// A plan for this lake, that writes where repairs lie, with nothing refused: whoever made it.
    fn fits_repair(&self, plan: &RepairPlan) -> Result<(), GateError> {
        if plan.lake != self.lake.url() {
            let why = format!("the plan is for {}, and this is {}", plan.lake, self.lake.url());
            return Err(GateError::Changed(vec![why]));
        }
        if plan.schema != SCHEMA {
            return Err(GateError::Changed(vec!["the plan is of another version of lakeward".to_owned()]));
        }
        let mut refused = plan.refused.clone();
        refused.extend(plan.faults(&self.prefixes.state).into_iter().filter(|f| !plan.refused.contains(f)));
        if refused.is_empty() { Ok(()) } else { Err(GateError::Refused(refused)) }
    }

    async fn told_of_repair(
        &self,
        effect: &WriteEffect,
        plan: &RepairPlan,
        confirmation: Option<&Confirmation>,
        ended: Result<RepairManifest, GateError>,
    ) -> Result<Outcome, GateError> {
        let error = match ended {
            Ok(manifest) => {
                let mut outcome = begun(plan);
                outcome.bytes = manifest.files.iter().map(|f| f.size).sum();
                let detail =
                    format!("{} of {} rows pass, {} still fail", manifest.passed, manifest.rows, manifest.failing);
                outcome.needs_operator = manifest.failing > 0 || plan.after.not_evaluated().next().is_some();
                outcome.notes.push(detail.clone());
                let open = plan.after.not_evaluated().map(|c| c.check.as_str()).collect::<Vec<_>>();
                if !open.is_empty() {
                    outcome.notes.push(format!("not evaluated: {}", open.join(", ")));
                }
                outcome.notes.push(format!("{}{MANIFEST} tells what was done", plan.target));
                let record = self.record_of(effect, "done", detail, confirmation, &plan.source, &outcome);
                outcome.notes.extend(self.audit(record).await);
                return Ok(outcome);
            }
            // Nothing is written to the lake without a record on this machine.
            Err(error @ GateError::Journal { .. }) => return Err(error),
            Err(error) => error,
        };
        let word = match &error {
            GateError::Interrupted { .. } => "interrupted",
            e if e.is_refusal() => "refused",
            _ => "failed",
        };
        let nothing = Outcome { objects: 0, ..begun(plan) };
        let record = self.record_of(effect, word, error.to_string(), confirmation, &plan.source, &nothing);
        self.audit(record).await;
        Err(error)
    }
}

/// An outcome of the repair before anything is known of it.
fn begun(plan: &RepairPlan) -> Outcome {
    Outcome {
        id: Some(plan.id.clone()),
        objects: plan.writes.len() as u64,
        path: Some(plan.target.clone()),
        ..Outcome::nothing()
    }
}
