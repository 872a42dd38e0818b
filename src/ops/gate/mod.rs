//! The gate: the one way by which anything outside this process is changed (rule 1). Protection, confirmation,
//! lease, journal, the call, the audit record, in this order.

mod actor;
mod acts;
mod backfilling;
mod deeds;
mod driving;
mod effect;
mod holding;
mod incident;
mod journal;
mod launching;
mod lease;
mod living;
mod redriving;
mod remote;
mod repairing;
mod reporting;
mod running;
mod triage;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::{Mutex as Turn, OnceCell};

pub use actor::Actor;
pub use acts::OpenAct;
pub use deeds::Joined;
pub use driving::{CancelAsk, DagAsk, SubmitAsk};
pub use effect::{GateError, Outcome, WriteEffect};
pub use incident::IncidentAsk;
pub use journal::{Journal, JournalStep, Record, WorkRef};
pub use lease::{Fence, Lease, Leases};
pub use repairing::level_of_repair;
pub use reporting::ReportAsk;
pub use running::RunAsk;
pub use triage::TriageAsk;
pub use writing::level_of;

use self::acts::{Acts, Driven};
use super::audit::{self, AuditRecord};
use super::incidents::Log;
use super::moves::{Watch, records};
use super::notify::Notifying;
use crate::lake::capability::Capabilities;
use crate::lake::path::Prefixes;
use crate::lake::{Condition, LakeWriter};
use crate::model::command::JobCommand;
use crate::model::protection::{Confirmation, Level, Protection};
use crate::model::route::Route;
use crate::model::run::JobName;
use crate::model::verify::FRESH_FOR;
use crate::rows::RowCache;
use crate::sources::dags::DagControl;
use crate::sources::jobs::{JobRunner, JobSource};

type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The gate of one lake. It alone holds what can write.
pub struct Gate {
    lake: Arc<dyn LakeWriter>,
    prefixes: Prefixes,
    protection: Mutex<Protection>,
    journal: Journal,
    /// The log of this machine, beside the one on the lake.
    log: Option<PathBuf>,
    actor: Actor,
    clock: Clock,
    can: OnceCell<Capabilities>,
    /// One write at a time: two moves of one process would fight for the same store.
    turn: Turn<()>,
    /// Who is told of moves, and the name of the environment that they are told of.
    notifying: Option<(Arc<Notifying>, String)>,
    /// What was read of files whose rows were counted.
    cache: Arc<RowCache>,
    /// The jobs that are commands of this machine, and the folder that they run in.
    commands: BTreeMap<JobName, JobCommand>,
    folder: Option<PathBuf>,
    /// How other jobs are run, and who tells of their runs.
    routes: BTreeMap<JobName, Route>,
    readers: Vec<Arc<dyn JobSource>>,
    /// What starts job runs, and what acts on DAGs: nothing else of this process has them.
    jobs: Option<Arc<dyn JobRunner>>,
    dags: Option<Arc<dyn DagControl>>,
    acts: Acts,
    /// The incident that is worked on.
    joined: Mutex<Option<Joined>>,
    /// What is known of those that are open.
    incidents: Log,
    /// How long a check of an incident counts.
    evidence_for: Duration,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("lake", &self.lake).field("protection", &self.protection).finish_non_exhaustive()
    }
}

impl Gate {
    /// The gate of a lake. Reads and writes nothing yet.
    pub fn new(lake: Arc<dyn LakeWriter>, prefixes: Prefixes, protection: Protection, journal: Journal) -> Self {
        Self {
            lake,
            prefixes,
            protection: Mutex::new(protection),
            acts: Acts::at(journal.acts()),
            journal,
            log: None,
            actor: Actor::of_process(),
            clock: Arc::new(Utc::now),
            can: OnceCell::new(),
            turn: Turn::default(),
            notifying: None,
            cache: Arc::default(),
            commands: BTreeMap::new(),
            folder: None,
            routes: BTreeMap::new(),
            readers: Vec::new(),
            jobs: None,
            dags: None,
            joined: Mutex::default(),
            incidents: Log::default(),
            evidence_for: FRESH_FOR,
        }
    }

    /// The same, with a file of this machine that acts are noted in as well.
    pub fn with_log(self, file: PathBuf) -> Self {
        Self { log: Some(file), ..self }
    }

    /// The same, acting for somebody else at another time: for tests.
    pub fn acting(self, actor: Actor, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { actor, clock: Arc::new(clock), ..self }
    }

    /// The same, telling people of the moves in the environment of this name.
    pub fn telling(self, notifying: Arc<Notifying>, environment: String) -> Self {
        Self { notifying: Some((notifying, environment)), ..self }
    }

    /// The same, with the jobs that are commands of this machine, and the folder that they run in. What a record on the lake
    /// says of a command is not run unless it is what one of these says.
    pub fn running(self, commands: BTreeMap<JobName, JobCommand>, folder: Option<PathBuf>) -> Self {
        Self { commands, folder, ..self }
    }

    /// The same, with how other jobs are run, and who tells of their runs.
    pub fn routing(self, routes: BTreeMap<JobName, Route>, readers: Vec<Arc<dyn JobSource>>) -> Self {
        Self { routes, readers, ..self }
    }

    /// The same, with what starts job runs and what acts on DAGs.
    pub fn driving(self, jobs: Option<Arc<dyn JobRunner>>, dags: Option<Arc<dyn DagControl>>) -> Self {
        Self { jobs, dags, ..self }
    }

    /// The same, with checks of incidents that count for so long.
    pub fn counting(self, evidence_for: Duration) -> Self {
        Self { evidence_for, ..self }
    }

    /// Who is told of moves.
    pub fn notifying(&self) -> Option<&Arc<Notifying>> {
        self.notifying.as_ref().map(|(notifying, _)| notifying)
    }

    /// Whether it lets anything through now, and until when.
    pub fn protection(&self) -> Protection {
        self.protection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The journals of this machine.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Does a write, or refuses it. Every change that lakeward makes passes here.
    pub async fn perform(
        &self,
        effect: WriteEffect,
        confirmation: Option<Confirmation>,
        watch: &Watch,
    ) -> Result<Outcome, GateError> {
        let began = (self.clock)();
        let mut ended = self.passed(&effect, confirmation.as_ref(), watch, false).await;
        self.tell(&effect, began, &mut ended).await;
        ended
    }

    /// The same without the writing: what would be refused is refused, and nothing is changed.
    pub async fn rehearse(
        &self,
        effect: WriteEffect,
        confirmation: Option<Confirmation>,
    ) -> Result<Outcome, GateError> {
        self.passed(&effect, confirmation.as_ref(), &Watch::default(), true).await
    }

    async fn passed(
        &self,
        effect: &WriteEffect,
        confirmation: Option<&Confirmation>,
        watch: &Watch,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        let now = (self.clock)();
        if let WriteEffect::Arm { length, reason } = effect {
            let armed = self.protection().armed(now, *length, reason).map_err(GateError::CannotArm)?;
            return self.arm(effect, armed, rehearsal).await;
        }
        if let WriteEffect::Triage(ask) = effect {
            return self.triaged(effect, ask, rehearsal).await;
        }
        if let WriteEffect::Incident(ask) = effect {
            return self.happened(effect, ask, rehearsal).await;
        }
        if let WriteEffect::Report(ask) = effect {
            return self.reported(effect, ask, rehearsal).await;
        }
        self.protection().allows(now).map_err(GateError::Locked)?;
        match effect {
            // Work that a job does takes its time: what it holds is leased, and other writes go on beside it.
            WriteEffect::Run(ask) => return self.ran(effect, ask, confirmation, watch, rehearsal).await,
            WriteEffect::Redrive(plan) => return self.redriven(effect, plan, confirmation, watch, rehearsal).await,
            WriteEffect::Backfill(plan) => return self.backfilled(effect, plan, confirmation, watch, rehearsal).await,
            WriteEffect::ResumeWork(work) => return self.taken_up(effect, work, confirmation, watch, rehearsal).await,
            // What a service does for us fights with no move for the store either.
            WriteEffect::Submit(ask) => {
                return self.driven(effect, Driven::Submit(ask.clone()), confirmation, rehearsal).await;
            }
            WriteEffect::Cancel(ask) => {
                return self.driven(effect, Driven::Cancel(ask.clone()), confirmation, rehearsal).await;
            }
            WriteEffect::Dag(ask) => {
                return self.driven(effect, Driven::Dag(ask.clone()), confirmation, rehearsal).await;
            }
            WriteEffect::Finish(id) => return self.finished(effect, id, confirmation, rehearsal).await,
            _ => {}
        }
        let _turn = self.turn.lock().await;
        match effect {
            WriteEffect::Move(plan) => self.moved(effect, plan, confirmation, watch, rehearsal).await,
            WriteEffect::Resume(id) => self.resumed(effect, id, confirmation, watch, rehearsal).await,
            WriteEffect::Mark { id, step, note } => {
                self.marked(effect, id, *step, note.clone(), confirmation, rehearsal).await
            }
            WriteEffect::Repair(plan) => self.repaired(effect, plan, confirmation, watch, rehearsal).await,
            WriteEffect::Arm { .. }
            | WriteEffect::Triage(_)
            | WriteEffect::Incident(_)
            | WriteEffect::Report(_)
            | WriteEffect::Run(_)
            | WriteEffect::Redrive(_)
            | WriteEffect::Backfill(_)
            | WriteEffect::ResumeWork(_)
            | WriteEffect::Submit(_)
            | WriteEffect::Cancel(_)
            | WriteEffect::Dag(_)
            | WriteEffect::Finish(_) => Ok(Outcome::nothing()),
        }
    }

    fn confirmed(&self, level: Level, given: Option<&Confirmation>) -> Result<(), GateError> {
        if level.is_met(given) { Ok(()) } else { Err(GateError::Unconfirmed(level)) }
    }

    /// The record of an act, on this machine and on the lake. A record that cannot be written there does not undo what
    /// was done: it is told.
    async fn audit(&self, record: AuditRecord) -> Option<String> {
        let mut fault = None;
        if let Some(file) = self.log.clone() {
            let record = record.clone();
            let written = tokio::task::spawn_blocking(move || audit::note(&file, &record)).await;
            if let Ok(Err(e)) = written {
                fault = Some(format!("the act could not be noted on this machine: {e}"));
            }
        }
        let key = record.key(&self.prefixes.state);
        if let Err(e) = self.lake.put(&key, records::json(&record), Some(Condition::Absent)).await {
            fault = Some(format!("the act could not be noted on the lake: {e}"));
        }
        if let Some(fault) = &fault {
            tracing::warn!("{fault}");
        }
        fault
    }
}

/// A number drawn by chance: to tell runs apart and to spread tries, not to keep a secret.
pub(in crate::ops) fn chance() -> u64 {
    RandomState::new().hash_one(std::time::Instant::now())
}
