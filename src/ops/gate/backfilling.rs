//! A backfill, once it has passed: its plan is sealed on the lake, then each day has its turn, so many at once. What is
//! known of a day lies on the lake before its run is asked for, under the name that the run will have: whoever goes on
//! from there asks for nothing twice.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::stream::{FuturesUnordered, StreamExt};

use super::launching::{Known, RunEnd, Task};
use super::living::Living;
use super::redriving::noted;
use super::{Fence, Gate, GateError, JournalStep, Outcome, Record, WorkRef, WriteEffect};
use crate::lake::Lake;
use crate::model::backfill::{Backfill, BackfillPlan, DayRecord, DayState, PlannedDay, SCHEMA, Standing, Turn};
use crate::model::partition::{Effect, effect};
use crate::model::protection::{Confirmation, Level};
use crate::model::run::RunState;
use crate::model::work::{Launch, WorkId, WorkProgress};
use crate::ops::backfill::{day_key, folder, plan_key, read_backfill};
use crate::ops::moves::{Watch, records};
use crate::ops::partition::look;

/// What a backfill is carried out with.
struct Carrying<'a> {
    gate: &'a Gate,
    plan: &'a BackfillPlan,
    data: String,
    journal: Record,
    watch: &'a Watch,
    fence: &'a Fence,
}

impl Gate {
    pub(super) async fn backfilled(
        &self,
        effect: &WriteEffect,
        plan: &BackfillPlan,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        self.of_this_lake(&plan.lake, plan.schema == SCHEMA && plan.id.is_sound())?;
        if let Some(why) = plan.refused.first() {
            let hint = "lakeward backfill DATASET --from D --to D --dry-run shows the plan".to_owned();
            return Err(GateError::Blocked { why: why.clone(), hint });
        }
        self.confirmed(level(plan), confirmation)?;
        let path = folder(&self.prefixes.state, &plan.id);
        let outcome = Outcome { path: Some(path), ..Outcome::nothing() };
        if rehearsal {
            let job = plan.job.as_ref().map(ToString::to_string).unwrap_or_default();
            return Ok(Outcome { notes: vec![format!("would run {job} for {} days", plan.runs())], ..outcome });
        }
        let fresh = Backfill { plan: plan.clone(), records: Default::default() };
        let work = async |fence: &Fence| {
            let journal = self.working(&WorkRef::Backfill { id: plan.id.clone() }).await?;
            let sealed = records::seal(self.lake.as_ref(), &plan_key(&self.prefixes.state, &plan.id), plan).await;
            sealed.map_err(|fault| match fault {
                records::NotSealed::Other => GateError::Changed(vec!["another backfill has its name".to_owned()]),
                records::NotSealed::Lake(error) => error.into(),
            })?;
            self.all_days(effect, fresh, journal, confirmation, watch, fence, outcome).await
        };
        self.holding(&plan.id.lease(), holds(plan), watch, work).await?
    }

    /// Takes up work that was interrupted, whoever began it.
    pub(super) async fn taken_up(
        &self,
        effect: &WriteEffect,
        work: &WorkRef,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let id = match work {
            WorkRef::Redrive { entry, number, .. } => {
                let which = (entry.as_str(), *number);
                return self.redrive_taken_up(effect, work, which, confirmation, watch, rehearsal).await;
            }
            WorkRef::Backfill { id } => id,
        };
        let Some(known) = read_backfill(self.lake.as_ref(), &self.prefixes.state, id).await? else {
            // Killed before its plan was sealed: nothing was started.
            if !rehearsal && !self.journal.read(&id.lease()).await.is_empty() {
                self.working(work).await?.brief(JournalStep::Done, (self.clock)());
                return Ok(Outcome { notes: vec!["nothing of it was begun".to_owned()], ..Outcome::nothing() });
            }
            return Err(GateError::Unknown(id.0.clone()));
        };
        self.of_this_lake(&known.plan.lake, known.plan.schema == SCHEMA)?;
        let outcome = Outcome { path: Some(folder(&self.prefixes.state, id)), ..Outcome::nothing() };
        self.confirmed(Level { objects: 1, removes_from: None }, confirmation)?;
        if rehearsal || known.standing() == Standing::Done {
            if !rehearsal {
                self.working(work).await?.brief(JournalStep::Done, (self.clock)());
            }
            return Ok(Outcome { notes: vec![told(&known)], ..outcome });
        }
        let plan = known.plan.clone();
        let take = async |fence: &Fence| {
            // As it is now that it is held.
            let known = read_backfill(self.lake.as_ref(), &self.prefixes.state, id).await?.unwrap_or(known);
            let journal = self.working(work).await?;
            self.all_days(effect, known, journal, confirmation, watch, fence, outcome).await
        };
        self.holding(&id.lease(), holds(&plan), watch, take).await?
    }

    #[allow(clippy::too_many_arguments, reason = "what a write is about, and how it is followed")]
    async fn all_days(
        &self,
        write: &WriteEffect,
        mut backfill: Backfill,
        journal: Record,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        fence: &Fence,
        outcome: Outcome,
    ) -> Result<Outcome, GateError> {
        let plan = backfill.plan.clone();
        let object = format!("{} {} to {}", plan.dataset, plan.from, plan.to);
        let begun = self.record_of(write, "begun", told(&backfill), confirmation, &object, &outcome);
        let outcome = noted(outcome, self.audit(begun).await);
        let data = plan.data.clone().unwrap_or_default();
        let carrying = Carrying { gate: self, plan: &plan, data, journal: journal.clone(), watch, fence };
        let halted = carrying.run(&mut backfill).await;
        let standing = backfill.standing();
        let word = if halted.is_some() { "interrupted" } else { standing.word() };
        let ended = self.record_of(write, word, told(&backfill), confirmation, &object, &outcome);
        let mut outcome = noted(outcome, self.audit(ended).await);
        if let Some(halted) = halted {
            // One that was asked to stop is not gone on with by itself.
            if watch.is_stopped() && backfill.count(DayState::Submitted) == 0 {
                journal.brief(JournalStep::Done, (self.clock)());
            }
            return Err(halted);
        }
        journal.brief(JournalStep::Done, (self.clock)());
        outcome.objects = backfill.count(DayState::Done);
        outcome.needs_operator = standing != Standing::Done;
        outcome.notes.push(format!("backfill of {}: {}", plan.dataset, told(&backfill)));
        Ok(outcome)
    }
}

impl Carrying<'_> {
    /// Gives each day its turn. Why it stopped before its end, if it did.
    async fn run(&self, backfill: &mut Backfill) -> Option<GateError> {
        let mut queue = backfill.queue();
        let mut going = FuturesUnordered::new();
        let mut failed = None;
        loop {
            let now = (self.gate.clock)();
            if self.watch.is_stopped() || !self.fence.holds(now) || failed.is_some() {
                queue.stop();
            }
            while let Some(turn) = queue.take() {
                let (date, start) = match turn {
                    Turn::Follow(date) => (date, false),
                    Turn::Start(date) => (date, true),
                };
                let day = self.plan.days.iter().find(|day| day.date == date);
                let known = backfill.records.get(&date).cloned();
                going.push(async move { (date, self.day(day, known, start).await) });
                self.tell(backfill, queue.running(), date);
            }
            let Some((date, result)) = going.next().await else { break };
            queue.ended();
            match result {
                Ok(Some(record)) => {
                    backfill.records.insert(date, record);
                }
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
            self.tell(backfill, queue.running(), date);
        }
        let open = backfill.standing() == Standing::Unfinished;
        let asked = self.watch.is_stopped();
        match failed {
            Some(error @ GateError::Journal { .. }) => Some(error),
            Some(error) if !asked => Some(self.halted(error.to_string(), false)),
            _ if open => {
                Some(self.halted(if asked { "it was asked to stop" } else { "its lease ran out" }.to_owned(), asked))
            }
            _ => None,
        }
    }

    fn halted(&self, why: String, asked: bool) -> GateError {
        let id = &self.plan.id;
        GateError::Halted {
            what: format!("backfill {id}"),
            why,
            hint: format!("what was begun is known on the lake; lakeward backfill resume {id} goes on"),
            asked,
        }
    }

    fn tell(&self, backfill: &Backfill, running: u32, date: NaiveDate) {
        self.watch.tell_work(WorkProgress {
            id: self.plan.id.clone(),
            title: format!("backfill {}", self.plan.dataset),
            done: backfill.count(DayState::Done),
            failed: backfill.count(DayState::Failed),
            all: self.plan.runs(),
            running: running.into(),
            now: date.to_string(),
        });
    }

    /// One day, to the end of its run.
    async fn day(
        &self,
        day: Option<&PlannedDay>,
        known: Option<DayRecord>,
        start: bool,
    ) -> Result<Option<DayRecord>, GateError> {
        let (Some(day), Some(job)) = (day, &self.plan.job) else { return Ok(None) };
        let Some(launch) = &day.launch else { return Ok(None) };
        let task = Task {
            job: job.clone(),
            launch: launch.clone(),
            date: Some(day.date),
            dataset: self.plan.dataset.clone(),
            entry: None,
            backfill: true,
        };
        let (mut living, fresh) = match start {
            true => match self.begun(day, known, &task, launch).await? {
                Ok(living) => (living, true),
                Err(record) => return Ok(Some(record)),
            },
            false => {
                let key = day_key(&self.gate.prefixes.state, &self.plan.id, day.date);
                match Living::<DayRecord>::read(self.gate.lake.as_ref(), key).await? {
                    Some(living) if living.record.state == DayState::Submitted => (living, false),
                    other => return Ok(other.map(|living| living.record)),
                }
            }
        };
        let run = Some(living.record.run.clone());
        let known = Known { fresh, run, since: living.record.begun };
        let end = match self.gate.ready(&task, &living.record.token, known).await {
            Ok(going) => {
                let run = going.run(&living.record.token);
                if living.record.run != run {
                    living.record.run = run;
                    living.update(self.gate.lake.as_ref()).await?;
                }
                self.gate.awaited(&task, going, self.watch).await?
            }
            // It may have been asked for: the day stays as it is, and is taken up.
            Err(error @ GateError::Halted { .. }) => return Err(error),
            Err(error) => RunEnd { state: Some(RunState::Failed), told: error.to_string(), note: None },
        };
        self.judged(&task, &end, &mut living).await?;
        Ok(Some(living.record))
    }

    /// Writes down on disk and lake that the run of a day is about to be asked for. A day that is not as it was when it was
    /// planned is not run: the record of that is given back instead.
    async fn begun(
        &self,
        day: &PlannedDay,
        known: Option<DayRecord>,
        task: &Task,
        launch: &Launch,
    ) -> Result<Result<Living<DayRecord>, DayRecord>, GateError> {
        let (gate, id) = (self.gate, &self.plan.id);
        let reader: Arc<dyn Lake> = gate.lake.clone();
        let before = look(&reader, &self.data, Some(day.date), &gate.cache).await?;
        let attempt = known.as_ref().map_or(0, |record| record.attempt) + 1;
        let token = token(id, day.date, attempt);
        let as_planned = known.is_some() || before.digest == day.there.digest;
        let now = (gate.clock)();
        let record = DayRecord {
            schema: SCHEMA,
            backfill: id.clone(),
            date: day.date,
            attempt,
            state: if as_planned { DayState::Submitted } else { DayState::Failed },
            run: task.run(&token),
            token: token.clone(),
            before,
            after: None,
            begun: now,
            ended: (!as_planned).then_some(now),
            detail: (!as_planned).then(|| "its partition changed since this was planned: not run".to_owned()),
            actor: gate.actor.name(),
        };
        gate.journal_of(&self.journal, &token, launch).await?;
        let key = day_key(&gate.prefixes.state, id, day.date);
        let living = match known {
            None => Living::create(gate.lake.as_ref(), key, record).await?,
            Some(known) => {
                let there = Living::<DayRecord>::read(gate.lake.as_ref(), key).await?;
                match there.filter(|living| living.record == known) {
                    Some(mut living) => {
                        living.record = record;
                        living.update(gate.lake.as_ref()).await?;
                        Some(living)
                    }
                    None => None,
                }
            }
        };
        let living = living.ok_or_else(|| GateError::Changed(vec![format!("somebody else runs {}", day.date)]))?;
        Ok(if as_planned { Ok(living) } else { Err(living.record) })
    }

    /// Success is what lies on the lake, not what a program says of itself.
    async fn judged(&self, task: &Task, end: &RunEnd, living: &mut Living<DayRecord>) -> Result<(), GateError> {
        let reader: Arc<dyn Lake> = self.gate.lake.clone();
        let record = &mut living.record;
        let after = look(&reader, &self.data, Some(record.date), &self.gate.cache).await?;
        let came = effect(&record.before, &after);
        let well = came == Effect::Written && end.state.is_none_or(|state| state == RunState::Success);
        record.state = match end.state {
            _ if well => DayState::Done,
            Some(RunState::Cancelled) if self.watch.is_stopped() => DayState::Stopped,
            _ => DayState::Failed,
        };
        let words = format!("{}; {}", end.told, came.told(&record.before, &after));
        record.after = Some(after);
        record.ended = Some((self.gate.clock)());
        record.detail = Some(words.clone());
        if end.state.is_none() {
            let state = if well { RunState::Success } else { RunState::Failed };
            self.gate.settled(task, &record.run, state, &words).await;
        }
        living.update(self.gate.lake.as_ref()).await?;
        Ok(())
    }
}

impl Gate {
    async fn journal_of(&self, journal: &Record, token: &str, launch: &Launch) -> Result<(), GateError> {
        let step = JournalStep::Launching { token: token.to_owned(), launch: launch.clone() };
        journal.durable(step, (self.clock)()).await
    }
}

/// The name of the run of one day's try.
fn token(id: &WorkId, date: NaiveDate, attempt: u32) -> String {
    format!("backfill-{id}-{}-{attempt}", date.format("%Y%m%d"))
}

/// A run is asked for each of them, and nothing is removed.
fn level(plan: &BackfillPlan) -> Level {
    Level { objects: plan.runs(), removes_from: None }
}

/// What nobody else may write meanwhile.
fn holds(plan: &BackfillPlan) -> Vec<String> {
    let job = plan.job.as_ref().map(super::running::folder_of);
    plan.data.clone().into_iter().chain(job).collect()
}

fn told(backfill: &Backfill) -> String {
    let all = [
        (DayState::Done, "done"),
        (DayState::Failed, "failed"),
        (DayState::Skipped, "skipped"),
        (DayState::Submitted, "under way"),
        (DayState::Stopped, "stopped"),
        (DayState::Waiting, "to come"),
    ];
    let said = all.iter().filter_map(|(state, word)| {
        let n = backfill.count(*state);
        (n > 0).then(|| format!("{n} {word}"))
    });
    let said: Vec<String> = said.collect();
    let days = backfill.plan.days.len();
    format!("{days} {}: {}", if days == 1 { "day" } else { "days" }, said.join(", "))
}
