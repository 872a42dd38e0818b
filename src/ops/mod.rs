//! The use cases: scan the DLQ, assess it into alerts, open an entry's rows, plan a move and carry it out through the
//! gate, tell people of it. Knows nothing of how any of it is drawn or printed.

mod alerts;
mod assess;
pub mod audit;
mod backfill;
mod cadence;
mod causes;
mod cost;
mod dead_letters;
mod deadline;
mod drift;
pub mod driving;
mod entries;
mod freshness;
pub mod gate;
mod gates;
mod handover;
pub mod health;
pub mod history;
mod incidents;
mod kept;
mod known;
pub mod moves;
pub mod notify;
mod partition;
pub mod pipeline;
pub mod probe;
mod quarantines;
mod redrive;
mod refresh;
pub mod repair;
mod reporting;
pub mod retries;
pub mod retrying;
mod runbooks;
mod scan;
mod secrets;
pub mod session;
pub mod settings;
mod starter;
mod triage;
mod verifying;
mod walking;

pub use crate::model::repair::RepairPlan;
pub use audit::AuditRecord;
pub use backfill::BackfillAsk;
pub use cost::{Cost, Steady};
pub use driving::{ClearedTask, DrivePlan};
pub use gate::{
    CancelAsk, DagAsk, Gate, GateError, IncidentAsk, Joined, OpenAct, Outcome, ReportAsk, RunAsk, SubmitAsk, TriageAsk,
    WorkRef, WriteEffect,
};
pub use health::{SourceHealth, SourceState};
pub use history::{History, HistoryEvent};
pub use incidents::Opening;
pub use moves::{Ask, Keep, MoveProgress, Phase, Quarantine, QuarantineEvent, Watch};
pub use notify::Notifying;
pub use pipeline::{Connected, LogOf, Pipeline};
pub use redrive::Redrives;
pub use repair::{RowCheck, RowProgress};
pub use retrying::{Left, Standing};
pub use runbooks::Runbooks;
pub use session::{Opened, Progress, Session, Snapshot};
pub use settings::LakeSettings;
pub use walking::Walked;

/// Threads for what waits or computes (files, decoding), since each one holds memory of its own. More than all
/// reads that run at once: the Delta kernel waits on one of them for files that need another.
pub const BLOCKING_THREADS: usize = 64;
