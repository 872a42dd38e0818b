//! A redrive, once it has passed: the ledger takes the entry before anything is started, and says at the end what came of
//! it. Whoever finds one half done starts nothing that may have been started.

use std::sync::Arc;

use super::launching::{Known, RunEnd, Task};
use super::living::Living;
use super::{Fence, Gate, GateError, JournalStep, Outcome, Record, WorkRef, WriteEffect};
use crate::lake::{Key, Lake};
use crate::model::partition::{Effect, effect};
use crate::model::protection::{Confirmation, Level};
use crate::model::redrive::{RedrivePlan, RedriveRecord, RedriveState, SCHEMA, blocking, next_number};
use crate::model::run::RunState;
use crate::model::work::{RunRef, WorkProgress};
use crate::ops::moves::Watch;
use crate::ops::partition::{look, newest_reject, rejected_since};
use crate::ops::redrive::{ledger, ledger_key, rows_objects};

/// One run is asked for: nothing is removed.
const LEVEL: Level = Level { objects: 1, removes_from: None };

impl Gate {
    pub(super) async fn redriven(
        &self,
        effect: &WriteEffect,
        plan: &RedrivePlan,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.of_this_lake(&plan.lake, plan.schema == SCHEMA && plan.id.is_sound())?;
        let record = RedriveRecord::of(plan, self.actor.name(), (self.clock)());
        let record = match (plan.refused.first(), record) {
            (None, Some(record)) => record,
            (why, _) => return Err(blocked(why.map_or("no job is named for it", String::as_str))),
        };
        self.confirmed(LEVEL, confirmation)?;
        self.still_so(plan).await?;
        let key = ledger_key(&self.prefixes, &plan.entry, plan.number);
        let outcome = Outcome { path: Some(key.0.clone()), ..Outcome::nothing() };
        if rehearsal {
            let would = format!("would run {}: {}", record.job, record.launch.told());
            return Ok(Outcome { notes: vec![would], ..outcome });
        }
        let prefixes = std::iter::once(plan.entry.clone()).chain(task_of(&record).holds()).collect();
        let work = async |_: &Fence| {
            self.still_so(plan).await?;
            self.taken(effect, record, key, confirmation, watch, outcome).await
        };
        self.holding(&plan.id.lease(), prefixes, watch, work).await?
    }

    /// Takes the entry, and goes on from there.
    async fn taken(
        &self,
        effect: &WriteEffect,
        mut record: RedriveRecord,
        key: Key,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        outcome: Outcome,
    ) -> Result<Outcome, GateError> {
        let reader: Arc<dyn Lake> = self.lake.clone();
        if let Some(data) = &record.data {
            record.before = look(&reader, data, record.date, &self.cache).await?;
        }
        record.newest_reject = newest_reject(reader.as_ref(), &self.prefixes.errors, &record.dataset).await?;
        let journal = self.working(&reference(&record)).await?;
        let launch = record.launch.clone();
        let begun = self.record_of(effect, "begun", launch.told(), confirmation, &record.entry, &outcome);
        journal.durable(JournalStep::Launching { token: record.id.0.clone(), launch }, (self.clock)()).await?;
        let Some(living) = Living::create(self.lake.as_ref(), key, record).await? else {
            journal.brief(JournalStep::Done, (self.clock)());
            return Err(blocked("somebody else took it just now"));
        };
        let note = self.audit(begun).await;
        self.carried(effect, living, journal, confirmation, watch, noted(outcome, note), true).await
    }

    /// From a ledger that holds the entry to its end.
    #[allow(clippy::too_many_arguments, reason = "what a write is about, and how it is followed")]
    async fn carried(
        &self,
        write: &WriteEffect,
        mut living: Living<RedriveRecord>,
        journal: Record,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        outcome: Outcome,
        fresh: bool,
    ) -> Result<Outcome, GateError> {
        let task = task_of(&living.record);
        let token = living.record.id.0.clone();
        tell(watch, &living.record, "starting");
        let known = Known { fresh, run: living.record.run.clone(), since: living.record.planned_at };
        let going = match self.ready(&task, &token, known).await {
            Ok(going) => going,
            // It may have been asked for: what is known stays as it is, and is taken up.
            Err(error @ GateError::Halted { .. }) => return Err(error),
            Err(error) => {
                // Nothing was started: whoever tries again is not held up.
                (living.record.state, living.record.ended_at) = (RedriveState::Failed, Some((self.clock)()));
                living.record.detail = Some(error.to_string());
                living.update(self.lake.as_ref()).await?;
                journal.brief(JournalStep::Done, (self.clock)());
                return Err(error);
            }
        };
        let run = going.run(&token);
        if living.record.state == RedriveState::Planned {
            (living.record.state, living.record.submitted_at) = (RedriveState::Submitted, Some((self.clock)()));
            living.record.run = Some(run.clone());
            living.update(self.lake.as_ref()).await?;
        }
        tell(watch, &living.record, "running");
        let end = self.awaited(&task, going, watch).await?;
        self.judged(&task, &run, &end, &mut living).await?;
        journal.brief(JournalStep::Done, (self.clock)());
        let record = &living.record;
        let detail = record.detail.clone().unwrap_or_default();
        let mut outcome = noted(outcome, end.note);
        outcome.needs_operator =
            record.state != RedriveState::Done || !record.rejects.is_empty() || record.data.is_none();
        outcome.notes.push(format!("redrive of {}: {}, {detail}", record.entry, record.state.word()));
        for reject in &record.rejects {
            let rows = reject.rows.map_or_else(|| "rows".to_owned(), |n| format!("{n} rows"));
            outcome.notes.push(format!("{rows} were rejected anew: {}", reject.entry));
        }
        let ended = self.record_of(write, record.state.word(), detail, confirmation, &record.entry, &outcome);
        let note = self.audit(ended).await;
        Ok(noted(outcome, note))
    }

    /// Success is what lies on the lake, not what a program says of itself.
    async fn judged(
        &self,
        task: &Task,
        run: &RunRef,
        end: &RunEnd,
        living: &mut Living<RedriveRecord>,
    ) -> Result<(), GateError> {
        let reader: Arc<dyn Lake> = self.lake.clone();
        let record = &mut living.record;
        let (mut well, mut words) = (end.state == Some(RunState::Success), end.told.clone());
        if let Some(data) = &record.data {
            let after = look(&reader, data, record.date, &self.cache).await?;
            let came = effect(&record.before, &after);
            well = came == Effect::Written && end.state.is_none_or(|state| state == RunState::Success);
            words = format!("{words}; {}", came.told(&record.before, &after));
            record.after = Some(after);
        } else {
            words = format!("{words}; what it wrote cannot be seen: the dataset has no data_prefix");
        }
        let errors = &self.prefixes.errors;
        record.rejects = rejected_since(&reader, errors, &record.dataset, record.newest_reject, &self.cache).await?;
        record.state = if well { RedriveState::Done } else { RedriveState::Failed };
        record.ended_at = Some((self.clock)());
        record.detail = Some(words.clone());
        if end.state.is_none() {
            let state = if well { RunState::Success } else { RunState::Failed };
            self.settled(task, run, state, &words).await;
        }
        living.update(self.lake.as_ref()).await?;
        Ok(())
    }

    /// Whether entry and ledger are as they were when it was planned.
    async fn still_so(&self, plan: &RedrivePlan) -> Result<(), GateError> {
        let known = ledger(self.lake.as_ref(), &self.prefixes, &plan.entry).await?;
        if next_number(&known) != plan.number {
            let last = known.last().map(RedriveRecord::told).unwrap_or_default();
            return Err(blocked(&format!("it was redriven since this was planned: {last}")));
        }
        if let Some(earlier) = blocking(&known, &plan.objects).filter(|_| plan.override_reason.is_none()) {
            return Err(blocked(&format!("its rows were redriven already: {}", earlier.told())));
        }
        let now = rows_objects(self.lake.as_ref(), &self.prefixes.errors, &plan.entry).await?;
        match now == plan.objects {
            true => Ok(()),
            false => Err(GateError::Changed(vec![format!("{} holds other objects", plan.entry)])),
        }
    }

    pub(super) async fn redrive_taken_up(
        &self,
        effect: &WriteEffect,
        work: &WorkRef,
        (entry, number): (&str, u32),
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let key = ledger_key(&self.prefixes, entry, number);
        let living = Living::<RedriveRecord>::read(self.lake.as_ref(), key.clone()).await?;
        let known = living.filter(|living| living.record.id == *work.id());
        let outcome = Outcome { path: Some(key.0.clone()), ..Outcome::nothing() };
        let Some(found) = known.filter(|living| !living.record.state.is_over()) else {
            // Killed before it took the entry, or after its end was written.
            if !rehearsal {
                let journal = self.working(work).await?;
                journal.brief(JournalStep::Done, (self.clock)());
            }
            let note = "there is nothing left of it to do".to_owned();
            return Ok(Outcome { notes: vec![note], ..outcome });
        };
        self.confirmed(LEVEL, confirmation)?;
        if rehearsal {
            return Ok(Outcome { notes: vec![found.record.told()], ..outcome });
        }
        let prefixes = std::iter::once(entry.to_owned()).chain(task_of(&found.record).holds()).collect();
        let take = async |_: &Fence| {
            // As it is now that it is held.
            let living = Living::<RedriveRecord>::read(self.lake.as_ref(), key).await?;
            let Some(living) = living.filter(|living| !living.record.state.is_over()) else { return Ok(outcome) };
            let journal = self.working(work).await?;
            let fresh = living.record.state == RedriveState::Planned;
            self.carried(effect, living, journal, confirmation, watch, outcome, fresh).await
        };
        self.holding(&work.id().lease(), prefixes, watch, take).await?
    }

    /// The open journal of work, its beginning on the disk.
    pub(super) async fn working(&self, work: &WorkRef) -> Result<Record, GateError> {
        let step = JournalStep::Working { work: work.clone(), lake: self.lake.url().to_owned() };
        self.journal.open(&work.id().lease(), step, (self.clock)()).await
    }

    /// Whether a plan is one of this version for this lake, whoever wrote it.
    pub(super) fn of_this_lake(&self, lake: &str, sound: bool) -> Result<(), GateError> {
        if lake != self.lake.url() {
            return Err(GateError::Changed(vec![format!("the plan is for {lake}, and this is {}", self.lake.url())]));
        }
        match sound {
            true => Ok(()),
            false => Err(GateError::Changed(vec!["the plan is of another version of lakeward".to_owned()])),
        }
    }
}

fn reference(record: &RedriveRecord) -> WorkRef {
    WorkRef::Redrive { id: record.id.clone(), entry: record.entry.clone(), number: record.number }
}

fn task_of(record: &RedriveRecord) -> Task {
    Task {
        job: record.job.clone(),
        launch: record.launch.clone(),
        date: record.date,
        dataset: record.dataset.clone(),
        entry: Some(record.entry.clone()),
        backfill: false,
    }
}

fn tell(watch: &Watch, record: &RedriveRecord, now: &str) {
    let date = record.date.map(|d| format!(" {d}")).unwrap_or_default();
    watch.tell_work(WorkProgress {
        id: record.id.clone(),
        title: format!("redrive {}{date}", record.dataset),
        done: 0,
        failed: 0,
        all: 1,
        running: 1,
        now: format!("{now} {}", record.job),
    });
}

pub(super) fn blocked(why: &str) -> GateError {
    let hint = "--override REASON does it all the same; lakeward dlq show TARGET tells of the ledger".to_owned();
    GateError::Blocked { why: why.to_owned(), hint }
}

pub(super) fn noted(mut outcome: Outcome, note: Option<String>) -> Outcome {
    outcome.notes.extend(note);
    outcome
}
