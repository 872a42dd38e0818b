//! What happens to the console, and what it asks for. Both are plain values.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use crossterm::event::KeyEvent;

use crate::lake::LakeError;
use crate::model::act::ActId;
use crate::model::alert::Alert;
use crate::model::column::{ColumnProfile, RowPage};
use crate::model::dag::{DagId, DagRunId, TaskInstance};
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::incident::{Happening, Incident, IncidentId};
use crate::model::metric::Curve;
use crate::model::moves::{MoveId, Plan, ReasonCode, Step};
use crate::model::order::{JobOrder, Limits};
use crate::model::protection::{Confirmation, Protection};
use crate::model::retry::{Series, Verdict};
use crate::model::run::{JobName, JobRunId};
use crate::model::runbook::{Probe, RunbookId, StepNumber};
use crate::model::verify::Check;
use crate::model::work::WorkProgress;
use crate::ops::{
    AuditRecord, BackfillAsk, DrivePlan, GateError, HistoryEvent, LogOf, MoveProgress, Opened, Outcome, Progress,
    RepairPlan, Runbooks, Snapshot, Standing, TriageAsk, Walked, WorkRef, WriteEffect,
};
use crate::rows::{PageRequest, RowsError};
use crate::sources::SourceError;
use crate::sources::jobs::RunDetail;
use crate::sources::logs::{LiveNews, LogCursor, LogPage, LogQuery};

use super::driving::Wish;
use super::moves::Written;
use super::work::PlannedWork;

/// Names one request; an answer that carries another number than the one waited for is stale.
pub(super) type RequestId = u64;

/// Something happened.
#[derive(Debug)]
pub(super) enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// Time went on.
    Tick(DateTime<Utc>),
    /// A refresh tells how far it is.
    Progress(RequestId, Progress),
    /// A refresh ended.
    Refreshed(RequestId, Snapshot),
    /// An entry was opened, or not.
    Opened(RequestId, Result<Opened, RowsError>),
    /// A page of rows came, or not.
    Page(RequestId, Result<RowPage, RowsError>),
    /// A profile came, or not.
    Profiled(RequestId, Result<Vec<ColumnProfile>, RowsError>),
    /// A reveal was audited; the columns may be shown.
    Revealed(EntryPath, Result<(), String>),
    /// The bytes were written to the terminal, or why not.
    Copied(Result<usize, String>),
    /// What the gate allows; none where the session cannot write.
    Protection(Option<Protection>),
    /// Plans came, or why not.
    Planned(RequestId, Result<Vec<Plan>, GateError>),
    /// The plan of a repair came, or why not.
    RepairPlanned(RequestId, Result<Box<RepairPlan>, GateError>),
    /// The plan that is being made has looked at so many rows, of so many.
    RepairChecked(RequestId, u64, Option<u64>),
    /// The running move tells how far it is, and which of those asked for it is.
    MoveProgress(MoveProgress, usize),
    /// Writes ended.
    Written(Written),
    /// A manifest came, or not.
    Manifest(RequestId, Result<Box<Plan>, GateError>),
    /// Audit records came, or not.
    Audited(RequestId, Result<Vec<AuditRecord>, LakeError>),
    /// A history came, or not.
    History(RequestId, Result<Vec<HistoryEvent>, LakeError>),
    /// A job run came in full, or not.
    RunDetail(RequestId, Result<Box<RunDetail>, SourceError>),
    /// What a run used; none where nobody measures it.
    RunMetrics(RequestId, Result<Option<Vec<Curve>>, SourceError>),
    /// The link to a run's own pages.
    Dashboard(RequestId, Result<String, SourceError>),
    /// The tasks of a DAG run came, or not.
    DagTasks(RequestId, Result<Vec<TaskInstance>, SourceError>),
    /// Lines of a log came, or not.
    Log(RequestId, Result<LogPage, SourceError>),
    /// Something came of a live tail, or it is over.
    LiveLog(RequestId, Result<LiveNews, SourceError>),
    /// The runbooks came.
    Runbooks(RequestId, Arc<Runbooks>),
    /// An incident was opened, joined or gone on with, or not.
    Walked(RequestId, Result<Walked, GateError>),
    /// A report was written, or not: the text, and what is said of it.
    Reported(RequestId, Result<(String, String), GateError>),
    /// What a run was asked for with came, or not.
    Ordered(RequestId, Result<Box<(JobOrder, Limits)>, SourceError>),
    /// A plan on a job or a DAG came, or why not; with the source of a run that is to be tried until it goes well.
    DrivePlanned(RequestId, Result<Box<DrivePlan>, SourceError>, Option<Arc<str>>),
    /// What an earlier process left open was finished: whether well, and what is said of it.
    Finished(Vec<(bool, String)>),
    /// Tries of a job stand otherwise.
    Retry(Box<Standing>),
    /// Tries of a job are over, or left as they stand.
    RetryOver(ActId, Result<(Series, Verdict), String>),
    /// A plan of work came, or why not.
    PlannedWork(RequestId, Result<PlannedWork, GateError>),
    /// Work tells how far it is.
    WorkProgress(RequestId, WorkProgress),
    /// Work is over.
    WorkEnded(RequestId, Vec<Result<Outcome, GateError>>),
    /// What an earlier console of this machine left half done.
    Interrupted(Vec<WorkRef>, Vec<WorkRef>),
    /// The picture of this state is on the screen.
    Drawn,
}

/// Something to do outside of the state.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Read the lake anew: all of it, or what is due.
    Refresh { id: RequestId, all: bool },
    /// Open an entry's rows; with `settle`, after a moment in which a newer request may replace it.
    Open { id: RequestId, entry: Arc<DlqEntry>, settle: bool },
    /// Read a page.
    Page { id: RequestId, entry: Arc<DlqEntry>, request: PageRequest },
    /// Profile an entry's columns.
    Profile { id: RequestId, entry: Arc<DlqEntry> },
    /// Audit that personal columns are about to be shown.
    Reveal { entry: EntryPath, columns: Vec<String> },
    /// Ask the gate what it allows.
    Protection,
    /// Plan a quarantine of each of these.
    PlanQuarantine {
        id: RequestId,
        targets: Vec<String>,
        reason: ReasonCode,
        note: Option<String>,
        even_incomplete: bool,
    },
    /// Plan a move of each of these quarantines.
    PlanStep { id: RequestId, of: Vec<MoveId>, step: Step, note: Option<String> },
    /// Read the plans of these, which were interrupted.
    PlanResume { id: RequestId, of: Vec<MoveId> },
    /// Plan to archive these processed entries.
    PlanEntryArchive { id: RequestId, targets: Vec<String>, note: Option<String> },
    /// Plan the repair of an entry: reads all of its rows.
    PlanRepair { id: RequestId, target: String },
    /// Carry out a repair. Only the plan screen asks for it.
    Repair(Box<RepairPlan>),
    /// Carry out plans, one after the other. Only the plan screen asks for it.
    Apply(Vec<(Plan, Confirmation)>),
    /// Finish interrupted moves, one after the other. Only the plan screen asks for it.
    Resume(Vec<(MoveId, Confirmation)>),
    /// Mark quarantines as being in another state. Only the plan screen asks for it.
    Mark { of: Vec<MoveId>, step: Step, note: Option<String> },
    /// Record an act on alerts.
    Triage(TriageAsk),
    /// Unlock a protected environment for a while.
    Arm { length: chrono::Duration, reason: String },
    /// Ask the running move to stop at its next boundary.
    StopMove,
    /// Read what a quarantine holds; with `settle`, after a moment in which a newer request may replace it.
    Manifest { id: RequestId, of: MoveId, settle: bool },
    /// Read the audit log of so many days.
    Audit { id: RequestId, days: u32 },
    /// Read what happened to alerts in so many days.
    History { id: RequestId, days: u32 },
    /// Read a job run in full; with `settle`, after a moment in which a newer request may replace it.
    RunDetail { id: RequestId, source: Arc<str>, run: JobRunId, settle: bool },
    /// Read what a run used.
    RunMetrics { id: RequestId, detail: Box<RunDetail> },
    /// Ask for the link to a run's own pages, or to those of one attempt.
    Dashboard { id: RequestId, source: Arc<str>, run: JobRunId, attempt: Option<u32> },
    /// Read the tasks of a DAG run; `settle` likewise.
    DagTasks { id: RequestId, dag: DagId, run: DagRunId, settle: bool },
    /// Read lines of a log, from its beginning or from a cursor on.
    ReadLog { id: RequestId, of: Arc<LogOf>, query: LogQuery, from: Option<LogCursor> },
    /// Begin a live tail of a log. It goes on until it is cancelled.
    LiveLog { id: RequestId, of: Arc<LogOf>, query: LogQuery },
    /// Read the runbooks.
    Runbooks { id: RequestId },
    /// Open an incident on an alert, or join it, with the runbook named or the best that fits.
    TurnTo { id: RequestId, alert: Box<Alert>, wanted: Option<RunbookId>, runbooks: Arc<Runbooks> },
    /// Go on with an incident as it lies on the lake.
    Join { id: RequestId, incident: IncidentId },
    /// Record what happened in an incident.
    Note { id: RequestId, incident: Arc<Incident>, what: Vec<Happening> },
    /// Make some checks of an incident, and record what they find.
    Verify { id: RequestId, incident: Arc<Incident>, checks: Vec<Check> },
    /// Hand an incident over.
    Handover { id: RequestId, incident: Arc<Incident>, note: Option<String> },
    /// An incident is over, and what its cause was.
    Over { id: RequestId, incident: Arc<Incident>, cause: String },
    /// Put the report of an incident on the lake, and into a file.
    Report { id: RequestId, incident: Arc<Incident>, file: Option<PathBuf> },
    /// Tell this incident from now on what is done.
    Joined(Arc<Incident>),
    /// Tell no incident any more what is done.
    Leave,
    /// Run a step's probe, and record what it found.
    Probe { id: RequestId, incident: Arc<Incident>, step: StepNumber, probe: Probe },
    /// Read what a run was asked for with.
    Order { id: RequestId, source: Arc<str>, run: JobRunId },
    /// Plan an act on a job or a DAG.
    PlanDrive { id: RequestId, wish: Wish },
    /// Do it; with `retry`, until it goes well. Only the plan screen asks for it.
    Drive { plan: Box<DrivePlan>, retry: Option<Arc<str>> },
    /// Finish what an earlier process left open, and carry its tries on.
    CarryOn,
    /// Ask for no further try.
    StopRetry(ActId),
    /// Plan a redrive of each of these.
    PlanRedrive { id: RequestId, targets: Vec<String>, reason: Option<String> },
    /// Plan a backfill.
    PlanBackfill { id: RequestId, ask: BackfillAsk },
    /// Plan a run of a job that is a command.
    PlanRun { id: RequestId, job: JobName, date: Option<NaiveDate>, settings: Vec<(String, String)> },
    /// Begin work, one after the other. Only the plan screen asks for it, and the start for what was begun before.
    Work { id: RequestId, effects: Vec<WriteEffect> },
    /// Ask work to stop.
    StopWork(RequestId),
    /// Ask what an earlier console of this machine left half done.
    Interrupted,
    /// Drop what runs of this kind.
    Cancel(Job),
    /// Send text to the clipboard of the terminal.
    Copy(String),
    /// Stop the process until the shell continues it.
    Suspend,
    /// Leave.
    Quit(ExitReason),
}

/// Kinds of work of which one at a time runs: a newer request replaces the older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Job {
    Refresh,
    Open,
    Page,
    Profile,
    Plan,
    Manifest,
    Audit,
    History,
    Run,
    Metrics,
    Dashboard,
    Log,
    LiveLog,
    Runbooks,
    Probe,
}

/// Why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// The user left.
    Quit,
    /// Ctrl-C, or SIGINT.
    Interrupted,
    /// This signal ended it.
    Signal(i32),
    /// The terminal went away, or refused.
    TerminalLost,
    /// A fault of ours.
    Panicked,
}

impl ExitReason {
    /// The exit code of the process: 0; 130; 128 and the signal's number; 1; 101, as any panic.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Quit => 0,
            Self::Interrupted => 130,
            Self::Signal(number) => 128 + number,
            Self::TerminalLost => 1,
            Self::Panicked => 101,
        }
    }
}
