//! Writes as values, what they come to, and why they are refused.

use chrono::{DateTime, Duration, Utc};

use super::{CancelAsk, DagAsk, IncidentAsk, ReportAsk, RunAsk, SubmitAsk, TriageAsk, WorkRef};
use crate::lake::LakeError;
use crate::model::act::ActId;
use crate::model::backfill::BackfillPlan;
use crate::model::incident::IncidentEvent;
use crate::model::moves::{Illegal, MoveId, MoveKind, Plan, Refusal, Step};
use crate::model::protection::{CannotArm, Level, Locked};
use crate::model::redrive::RedrivePlan;
use crate::model::repair::RepairPlan;
use crate::model::run::JobRunId;
use crate::model::triage::TriageRecord;

/// Everything that can be asked of the gate.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteEffect {
    /// A planned move, exactly as it was planned.
    Move(Box<Plan>),
    /// The rest of a move that was interrupted.
    Resume(MoveId),
    /// Another state of a quarantine, without a move: [`Step::Investigate`] or [`Step::Resolve`].
    Mark {
        /// Which.
        id: MoveId,
        /// What is done with it.
        step: Step,
        /// Why, in words.
        note: Option<String>,
    },
    /// A protected environment unlocked for a while.
    Arm {
        /// For how long.
        length: Duration,
        /// Why.
        reason: String,
    },
    /// An act on alerts.
    Triage(TriageAsk),
    /// What happened in an incident.
    Incident(IncidentAsk),
    /// The report of an incident, written down.
    Report(ReportAsk),
    /// A job that is a command of this machine.
    Run(RunAsk),
    /// A dead letter's rows once more through the pipeline, exactly as it was planned.
    Redrive(Box<RedrivePlan>),
    /// A range of days through a job, exactly as it was planned.
    Backfill(Box<BackfillPlan>),
    /// The rest of a redrive or a backfill that was interrupted.
    ResumeWork(WorkRef),
    /// A job run that a service is asked for.
    Submit(Box<SubmitAsk>),
    /// A job run that a service is asked to end.
    Cancel(CancelAsk),
    /// Something that is done to a DAG.
    Dag(Box<DagAsk>),
    /// The rest of an act of which no reply came: a submission is repeated with its own token.
    Finish(ActId),
    /// A planned repair of rejected rows, into a place of its own.
    Repair(Box<RepairPlan>),
}

impl WriteEffect {
    /// The word in records and messages.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Move(plan) => plan.kind.word(),
            Self::Resume(_) => "resume",
            Self::Mark { step, .. } => step.word(),
            Self::Arm { .. } => "arm",
            Self::Triage(ask) => ask.act.word(),
            Self::Incident(_) => "incident",
            Self::Report(_) => "report",
            Self::Run(_) => "run",
            Self::Repair(_) => "repair",
            Self::Redrive(_) | Self::ResumeWork(WorkRef::Redrive { .. }) => "redrive",
            Self::Backfill(_) | Self::ResumeWork(WorkRef::Backfill { .. }) => "backfill",
            Self::Submit(_) => "submit",
            Self::Cancel(_) => "cancel",
            Self::Dag(ask) => ask.act.word(),
            Self::Finish(_) => "finish",
        }
    }

    /// How many objects it names, where it does not depend on what lies on the lake: runs, DAGs, task instances.
    pub fn objects(&self) -> Option<u64> {
        match self {
            Self::Dag(ask) => Some(ask.act.objects()),
            Self::Run(_) | Self::Submit(_) | Self::Cancel(_) | Self::Finish(_) => Some(1),
            Self::Move(plan) => Some(plan.objects.len() as u64),
            Self::Repair(plan) => Some(plan.writes.len() as u64),
            Self::Redrive(_) | Self::ResumeWork(_) => Some(1),
            Self::Backfill(plan) => Some(plan.runs()),
            Self::Resume(_)
            | Self::Mark { .. }
            | Self::Arm { .. }
            | Self::Triage(_)
            | Self::Incident(_)
            | Self::Report(_) => None,
        }
    }
}

/// What a write came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The move or the quarantine it was about; none for what is about neither.
    pub id: Option<MoveId>,
    /// What it was for.
    pub kind: Option<MoveKind>,
    /// Objects that were moved, and their bytes.
    pub objects: u64,
    /// Bytes that were moved.
    pub bytes: u64,
    /// Where they lie now, relative to the lake.
    pub path: Option<String>,
    /// Until when the environment is armed, where that was asked for.
    pub armed_until: Option<DateTime<Utc>>,
    /// The act on a job or a DAG that it was.
    pub act: Option<ActId>,
    /// The job run that was started, or asked to end.
    pub run: Option<JobRunId>,
    /// The acts on alerts that were recorded.
    pub triaged: Vec<TriageRecord>,
    /// The events of an incident that were recorded.
    pub happened: Vec<IncidentEvent>,
    /// What went otherwise than planned, in sentences; a notification that failed, new data left at the source.
    pub notes: Vec<String>,
    /// Whether something of it needs an operator: what was asked for is done, and not all is fine.
    pub needs_operator: bool,
}

/// Why a write did not take place, or not to its end.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GateError {
    /// The environment may not be written to now.
    #[error("refused: {0}")]
    Locked(Locked),
    /// It cannot be armed so.
    #[error("not armed: {0}")]
    CannotArm(CannotArm),
    /// The confirmation is missing, or another one.
    #[error("refused: not confirmed; it names {} objects", .0.objects)]
    Unconfirmed(Level),
    /// Somebody else holds the prefix.
    #[error("refused: {prefix} is held by {holder} until {until} for move {id}")]
    Held {
        /// The prefix that is held.
        prefix: String,
        /// Who.
        holder: String,
        /// Until when.
        until: DateTime<Utc>,
        /// For which move.
        id: MoveId,
    },
    /// The plan cannot be.
    #[error("refused: {}", .0.first().map_or_else(|| "the plan".to_owned(), ToString::to_string))]
    Refused(Vec<Refusal>),
    /// What is asked for cannot run.
    #[error("refused: {}", .0.join("; "))]
    Unfit(Vec<String>),
    /// The lake changed since it was planned; nothing was done.
    #[error("refused: the lake changed since this was planned: {}", .0.first().map_or("", String::as_str))]
    Changed(Vec<String>),
    /// The step is not possible in this state.
    #[error("refused: {0}")]
    Illegal(Illegal),
    /// No such move or quarantine.
    #[error("no quarantine or move {0}")]
    Unknown(String),
    /// No durable record could be made on this machine, so nothing was done.
    #[error("journal {file}: {fault}; nothing was done")]
    Journal {
        /// The file.
        file: String,
        /// What is wrong.
        fault: String,
    },
    /// It stopped half-way, at a boundary that the journal knows. No byte is lost.
    #[error("move {id} is interrupted while {doing}: {why}")]
    Interrupted {
        /// Which move.
        id: MoveId,
        /// What it was doing.
        doing: &'static str,
        /// Why it stopped.
        why: String,
        /// What is where, and what to do.
        hint: String,
        /// Whether it was asked to stop.
        asked: bool,
    },
    /// It cannot be done as things stand; nothing was done.
    #[error("refused: {why}")]
    Blocked {
        /// Why.
        why: String,
        /// What to do.
        hint: String,
    },
    /// Work stopped half-way, at a boundary that lake and journal know.
    #[error("{what} is halted: {why}")]
    Halted {
        /// Which.
        what: String,
        /// Why.
        why: String,
        /// What is where, and what to do.
        hint: String,
        /// Whether it was asked to stop.
        asked: bool,
    },
    /// A service gave no answer to an act: it may have been done.
    #[error("no answer to {id} ({what}): {error}")]
    Unanswered {
        /// Which act.
        id: ActId,
        /// What it is.
        what: String,
        /// Whether it can be asked for again and come to the same.
        again: bool,
        /// Why there is none.
        error: Box<LakeError>,
    },
    /// The lake, or a service, did not answer, or refused; nothing was done.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl GateError {
    /// Whether the gate refused: nothing was changed.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Locked(_)
                | Self::CannotArm(_)
                | Self::Unconfirmed(_)
                | Self::Held { .. }
                | Self::Refused(_)
                | Self::Unfit(_)
                | Self::Changed(_)
                | Self::Illegal(_)
                | Self::Blocked { .. }
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Locked(locked) => locked.hint().to_owned(),
            Self::CannotArm(_) => "`:arm 15m REASON`, or --arm REASON on the command line".to_owned(),
            Self::Unconfirmed(level) => match &level.removes_from {
                Some(prefix) => {
                    format!("type {} or {prefix} when asked, or --confirm {}", level.objects, level.objects)
                }
                None => format!("answer yes when asked, or --confirm {}", level.objects),
            },
            Self::Held { .. } => "wait, or ask them; a lease that is over is taken over by itself".to_owned(),
            Self::Refused(refusals) => {
                let more = refusals.len().saturating_sub(1);
                if more > 0 { format!("{more} more; the plan lists them all") } else { "see the plan".to_owned() }
            }
            Self::Unfit(_) => "change what is asked for: the plan shows all of it".to_owned(),
            Self::Changed(what) => match what.len() {
                0 | 1 => "plan it again".to_owned(),
                n => format!("{} differences in all; plan it again", n),
            },
            Self::Illegal(_) => "lakeward quarantine show ID tells its history".to_owned(),
            Self::Unknown(_) => "lakeward quarantine list".to_owned(),
            Self::Journal { .. } => "make room, or set XDG_STATE_HOME to a place that can be written".to_owned(),
            Self::Interrupted { hint, .. } | Self::Blocked { hint, .. } | Self::Halted { hint, .. } => hint.clone(),
            Self::Unanswered { again: true, .. } => {
                "it may have been done; lakeward asks again within the hour, with the same token: nothing is done twice"
                    .to_owned()
            }
            Self::Unanswered { again: false, .. } => {
                "it may have been done, and is not repeated: look at the run before you try again".to_owned()
            }
            Self::Lake(error) => error.hint.clone(),
        }
    }
}
