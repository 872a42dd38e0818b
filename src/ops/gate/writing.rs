//! What each write does once it has passed: the same steps for every one, and its record at the end.

use super::journal::is_open;
use super::{Fence, Gate, GateError, JournalStep, Outcome, Record, WriteEffect, chance};
use crate::lake::capability::{Capabilities, clear, probe};
use crate::lake::{Condition, ErrorClass, LakeError};
use crate::model::moves::{MoveId, MoveKind, Plan, QuarantineState, Step};
use crate::model::notice::{Notice, NoticeKind};
use crate::model::protection::{Confirmation, Level, Protection};
use crate::ops::audit::AuditRecord;
use crate::ops::moves::{Done, Engine, Mark, Records, Watch, in_the_way, records};

impl Outcome {
    pub(super) fn nothing() -> Self {
        Self {
            id: None,
            kind: None,
            objects: 0,
            bytes: 0,
            path: None,
            armed_until: None,
            act: None,
            run: None,
            triaged: Vec::new(),
            notes: Vec::new(),
            needs_operator: false,
        }
    }

    fn of(plan: &Plan) -> Self {
        Self {
            id: Some(plan.id.clone()),
            kind: Some(plan.kind),
            objects: plan.totals.objects,
            bytes: plan.totals.bytes,
            path: Some(plan.target.clone()),
            ..Self::nothing()
        }
    }
}

/// What a plan asks for before it is done.
pub fn level_of(plan: &Plan) -> Level {
    Level { objects: plan.objects.len() as u64, removes_from: Some(plan.source.clone()) }
}

impl Gate {
    pub(super) async fn arm(
        &self,
        effect: &WriteEffect,
        armed: Protection,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let (WriteEffect::Arm { reason, length }, Protection::Protected { armed: Some(until) }) = (effect, &armed)
        else {
            return Ok(Outcome::nothing());
        };
        let mut outcome = Outcome { armed_until: Some(until.until), ..Outcome::nothing() };
        if rehearsal {
            return Ok(outcome);
        }
        let detail = format!("for {} minutes: {reason}", length.num_minutes());
        // Armed is only what is noted: without its record, nothing is unlocked.
        let record = self.record_of(effect, "done", detail, None, self.lake.url(), &outcome);
        if let Some(fault) = self.audit(record).await {
            let error = LakeError::new(ErrorClass::Denied, self.lake.uri(&self.prefixes.state), fault);
            let hint = "the record of who armed it must be written first".to_owned();
            return Err(LakeError { hint, ..error }.into());
        }
        *self.protection.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = armed;
        outcome.notes.push("the environment can be written to".to_owned());
        Ok(outcome)
    }

    pub(super) async fn moved(
        &self,
        effect: &WriteEffect,
        plan: &Plan,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.fits(plan)?;
        self.confirmed(level_of(plan), confirmation)?;
        self.breaks_no_table(plan).await?;
        if rehearsal {
            let fence = Fence::new((self.clock)() + super::lease::LENGTH);
            let record = self.journal.unwritten(&plan.id);
            // What the store can do is not known without writing to it: then only what is known is judged.
            let can = self.can.get().copied().unwrap_or(EVERYTHING);
            self.engine(plan, can, &record, watch, &fence).check().await?;
            return Ok(Outcome::of(plan));
        }
        let begun = JournalStep::Begun { plan: Box::new(plan.clone()) };
        self.leased(effect, plan, begun, confirmation, watch, false).await
    }

    pub(super) async fn resumed(
        &self,
        effect: &WriteEffect,
        id: &MoveId,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        if !id.is_sound() {
            return Err(GateError::Unknown(id.0.clone()));
        }
        let sealed = Records::of(&self.prefixes.state, id);
        let (plan, resuming) = match records::read::<Plan>(self.lake.as_ref(), &sealed.plan()).await? {
            Some(plan) => (plan, true),
            // Begun here, and the lake does not know of it: nothing was done there, and all is looked at again.
            None => match self.journal.read(id).await.into_iter().find_map(begun) {
                Some(plan) => (plan, false),
                None => return Err(GateError::Unknown(id.0.clone())),
            },
        };
        self.fits(&plan)?;
        if plan.id != *id {
            return Err(GateError::Changed(vec![format!("the plan that lies there is that of {}", plan.id)]));
        }
        let done = records::read::<Done>(self.lake.as_ref(), &sealed.done()).await?;
        if let Some(done) = done {
            // The end was sealed, and the process died before it could note it.
            let record = self.journal.open(id, JournalStep::Resumed, (self.clock)()).await?;
            record.durable(JournalStep::Done, (self.clock)()).await?;
            let mut outcome = Outcome { notes: vec!["it was over already".to_owned()], ..Outcome::of(&plan) };
            if done.void {
                outcome.notes.push("it moved nothing, or was taken back".to_owned());
                (outcome.objects, outcome.bytes, outcome.path) = (0, 0, None);
            }
            return Ok(outcome);
        }
        // What was confirmed once is finished; who resumes says so, and no more is asked.
        self.confirmed(Level { objects: plan.objects.len() as u64, removes_from: None }, confirmation)?;
        if rehearsal {
            return Ok(Outcome::of(&plan));
        }
        self.leased(effect, &plan, JournalStep::Resumed, confirmation, watch, resuming).await
    }

    /// A plan for this lake, with nothing refused: whoever wrote the file.
    fn fits(&self, plan: &Plan) -> Result<(), GateError> {
        if plan.lake != self.lake.url() {
            let why = format!("the plan is for {}, and this is {}", plan.lake, self.lake.url());
            return Err(GateError::Changed(vec![why]));
        }
        let mut refused = plan.refused.clone();
        refused.extend(plan.faults().into_iter().filter(|fault| !plan.refused.contains(fault)));
        let kept = [self.prefixes.quarantine.as_str(), self.prefixes.archive.as_str()];
        refused.extend(plan.misplaced(&kept, &self.prefixes.state));
        if !plan.id.is_sound() || plan.schema != crate::model::moves::SCHEMA {
            return Err(GateError::Changed(vec!["the plan is of another version of lakeward".to_owned()]));
        }
        if refused.is_empty() { Ok(()) } else { Err(GateError::Refused(refused)) }
    }

    /// Whoever wrote the file: a table is moved whole and among its own, or not at all. What lies in a place of ours
    /// was looked at when it came there, and an undo goes back the way of a plan that was.
    async fn breaks_no_table(&self, plan: &Plan) -> Result<(), GateError> {
        if plan.unseals.is_some() || plan.kind == MoveKind::Undo {
            return Ok(());
        }
        let own = plan.source.starts_with(&self.prefixes.errors);
        let keys = plan.objects.iter().map(|o| o.key.as_str());
        let refused = in_the_way(self.lake.as_ref(), &plan.source, own, keys).await?;
        if refused.is_empty() { Ok(()) } else { Err(GateError::Refused(refused)) }
    }

    /// Lease, journal, call, audit.
    async fn leased(
        &self,
        effect: &WriteEffect,
        plan: &Plan,
        first: JournalStep,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        resuming: bool,
    ) -> Result<Outcome, GateError> {
        let prefixes = vec![plan.source.clone(), plan.target.clone()];
        let work = async |fence: &Fence| self.journaled(plan, first, watch, fence, resuming).await;
        let ended = self.holding(&plan.id, prefixes, watch, work).await?;
        self.told_of(effect, plan, confirmation, ended).await
    }

    async fn journaled(
        &self,
        plan: &Plan,
        first: JournalStep,
        watch: &Watch,
        fence: &Fence,
        resuming: bool,
    ) -> Result<Done, GateError> {
        let open = is_open(&self.journal.read(&plan.id).await);
        let record = self.journal.open(&plan.id, first, (self.clock)()).await?;
        let can = self.can.get_or_try_init(|| self.probed(&plan.id)).await;
        let ended = match can {
            Ok(can) => {
                let engine = self.engine(plan, *can, &record, watch, fence);
                let cannot = engine.cannot();
                if cannot.is_empty() { engine.run(resuming).await } else { Err(GateError::Refused(cannot)) }
            }
            Err(error) => Err(error.into()),
        };
        // What never began is over as far as this machine is concerned; what an earlier run left half done is not.
        let refused = ended.as_ref().is_err_and(|e| e.is_refusal() || matches!(e, GateError::Lake(_)));
        if refused && !resuming && !(open && self.may_have_begun(&plan.id).await) {
            record.brief(JournalStep::Done, (self.clock)());
        }
        ended
    }

    /// Removes what a run of this move that was killed has left. What stays harms nobody.
    async fn clear_probes(&self, scratch: &str) {
        let cleared = clear(self.lake.as_ref(), scratch).await;
        if let Err(e) = cleared.and(self.lake.abandon_uploads(scratch).await) {
            tracing::warn!("what an earlier probe wrote stays: {e}");
        }
    }

    async fn may_have_begun(&self, id: &MoveId) -> bool {
        let sealed = Records::of(&self.prefixes.state, id);
        !matches!(records::read::<Plan>(self.lake.as_ref(), &sealed.plan()).await, Ok(None))
    }

    async fn probed(&self, id: &MoveId) -> Result<Capabilities, LakeError> {
        let scratch = format!("{}probe/{id}-", self.prefixes.state);
        self.clear_probes(&scratch).await;
        probe(self.lake.as_ref(), &format!("{scratch}{:08x}/", chance() & 0xffff_ffff)).await
    }

    fn engine<'a>(
        &'a self,
        plan: &'a Plan,
        can: Capabilities,
        record: &'a Record,
        watch: &'a Watch,
        fence: &'a Fence,
    ) -> Engine<'a> {
        Engine {
            lake: self.lake.as_ref(),
            plan,
            state: &self.prefixes.state,
            can,
            record,
            watch,
            fence,
            actor: self.actor.name(),
            clock: self.clock.as_ref(),
        }
    }

    async fn told_of(
        &self,
        effect: &WriteEffect,
        plan: &Plan,
        confirmation: Option<&Confirmation>,
        ended: Result<Done, GateError>,
    ) -> Result<Outcome, GateError> {
        let mut outcome = Outcome::of(plan);
        self.tell_people(plan, &ended);
        match ended {
            Ok(done) => {
                let stays = done.stays.iter().map(|s| format!("{}: {}", s.key, s.why));
                outcome.notes.extend(stays);
                outcome.needs_operator = !done.stays.is_empty();
                let undone = self.closed(plan).await;
                outcome.notes.extend(undone);
                let detail = outcome.notes.first().cloned().unwrap_or_else(|| format!("to {}", plan.target));
                let record = self.record_of(effect, "done", detail, confirmation, &plan.source, &outcome);
                outcome.notes.extend(self.audit(record).await);
                Ok(outcome)
            }
            // Nothing is written to the lake without a record on this machine.
            Err(error @ GateError::Journal { .. }) => Err(error),
            Err(error) => {
                let word = match &error {
                    GateError::Interrupted { .. } => "interrupted",
                    e if e.is_refusal() => "refused",
                    _ => "failed",
                };
                let nothing = Outcome { objects: 0, bytes: 0, ..outcome };
                let record = self.record_of(effect, word, error.to_string(), confirmation, &plan.source, &nothing);
                self.audit(record).await;
                Err(error)
            }
        }
    }

    /// Tells people of a move that is over, or stopped half-way. Does not wait for them.
    fn tell_people(&self, plan: &Plan, ended: &Result<Done, GateError>) {
        let Some((notifying, environment)) = &self.notifying else { return };
        let kind = match (ended, plan.kind) {
            (Ok(_), MoveKind::Quarantine) => NoticeKind::Quarantined,
            (Ok(_), MoveKind::Release) => NoticeKind::Released,
            (Ok(_), MoveKind::Archive) => NoticeKind::Archived,
            (Ok(_), MoveKind::Undo) => NoticeKind::Undone,
            (Err(GateError::Interrupted { .. }), _) => NoticeKind::Interrupted,
            (Err(_), _) => return,
        };
        notifying.tell(&Notice {
            kind,
            environment: environment.clone(),
            lake: self.lake.url().to_owned(),
            dataset: plan.dataset.clone(),
            date: plan.date,
            reason: plan.reason.to_string(),
            note: plan.note.clone(),
            objects: plan.totals.objects,
            bytes: plan.totals.bytes,
            rows: plan.totals.rows,
            path: plan.target.clone(),
            move_id: plan.of.as_ref().unwrap_or(&plan.id).0.clone(),
            actor: self.actor.name(),
            at: (self.clock)(),
            alert_keys: plan.alerts.clone(),
        });
    }

    /// An interrupted move that was taken back is over: its own record says so.
    async fn closed(&self, plan: &Plan) -> Option<String> {
        let undone = plan.undoes.as_ref()?;
        let now = (self.clock)();
        let sealed = Records::of(&self.prefixes.state, undone);
        let done = Done {
            schema: crate::model::moves::SCHEMA,
            id: undone.clone(),
            at: now,
            actor: self.actor.name(),
            void: true,
            stays: Vec::new(),
        };
        // One that had ended has its record already.
        match records::seal(self.lake.as_ref(), &sealed.done(), &done).await {
            Ok(()) | Err(records::NotSealed::Other) => {}
            Err(records::NotSealed::Lake(e)) => return Some(format!("the move taken back could not be closed: {e}")),
        }
        if !self.journal.read(undone).await.is_empty()
            && let Ok(record) = self.journal.open(undone, JournalStep::Stopped { why: "taken back".into() }, now).await
        {
            record.brief(JournalStep::Done, now);
        }
        None
    }

    pub(super) async fn marked(
        &self,
        effect: &WriteEffect,
        id: &MoveId,
        step: Step,
        note: Option<String>,
        confirmation: Option<&Confirmation>,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let story = crate::ops::moves::story_on(self.lake.as_ref(), &self.prefixes.state, id).await?;
        let state = story.quarantine.state;
        let after = match step {
            Step::Investigate | Step::Resolve => state.after(step).map_err(GateError::Illegal)?,
            other => {
                let legal = vec![Step::Investigate, Step::Resolve];
                return Err(GateError::Illegal(crate::model::moves::Illegal { step: other, state, legal }));
            }
        };
        self.confirmed(Level { objects: story.quarantine.objects, removes_from: None }, confirmation)?;
        let outcome = Outcome {
            id: Some(id.clone()),
            path: Some(story.quarantine.path.clone()),
            notes: vec![format!("{} is {after} now", story.quarantine.path)],
            ..Outcome::nothing()
        };
        if rehearsal {
            return Ok(outcome);
        }
        let now = (self.clock)();
        let record =
            self.journal.open(id, JournalStep::Stopped { why: format!("{}: {after}", step.word()) }, now).await?;
        let mark = Mark { schema: 1, at: now, actor: self.actor.name(), step, note: note.clone() };
        let key = Records::of(&self.prefixes.state, id).event(story.marks + 1);
        self.lake.put(&key, records::json(&mark), Some(Condition::Absent)).await.map_err(|e| match e.class {
            ErrorClass::Conflict => GateError::Changed(vec!["somebody else changed its state just now".to_owned()]),
            _ => GateError::Lake(e),
        })?;
        record.brief(JournalStep::Done, now);
        let detail = note.unwrap_or_else(|| QuarantineState::word(after).to_owned());
        let record = self.record_of(effect, "done", detail, confirmation, &story.quarantine.path, &outcome);
        let mut outcome = outcome;
        outcome.notes.extend(self.audit(record).await);
        Ok(outcome)
    }

    pub(super) fn record_of(
        &self,
        effect: &WriteEffect,
        outcome: &str,
        detail: String,
        confirmation: Option<&Confirmation>,
        object: &str,
        sums: &Outcome,
    ) -> AuditRecord {
        AuditRecord {
            schema: 1,
            at: (self.clock)(),
            act: effect.word().to_owned(),
            id: sums.id.clone(),
            actor: self.actor.clone(),
            object: object.to_owned(),
            outcome: outcome.to_owned(),
            detail,
            confirmed: confirmation.map(|c| match c {
                Confirmation::Yes => "yes".to_owned(),
                Confirmation::Count(n) => n.to_string(),
                Confirmation::Prefix(prefix) => prefix.clone(),
            }),
            objects: sums.objects,
            bytes: sums.bytes,
        }
    }
}

/// What a rehearsal supposes of a store that was not probed yet.
const EVERYTHING: Capabilities = Capabilities {
    conditional_put: true,
    pinned_copy: true,
    conditional_copy: true,
    conditional_delete: true,
    conditional_bulk_delete: true,
    pinned_part_copy: true,
    conditional_completion: true,
    keeps_metadata: true,
};

fn begun(step: JournalStep) -> Option<Plan> {
    match step {
        JournalStep::Begun { plan } => Some(*plan),
        _ => None,
    }
}
