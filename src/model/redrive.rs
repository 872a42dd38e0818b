//! Redrives: a dead letter's rows run through the pipeline again once the cause is fixed. The ledger on the lake says
//! which entry was redriven by what, and blocks a second time: rows that come twice are worse than rows that come late.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::partition::Partition;
use super::run::JobName;
use super::work::{Launch, RunRef, WorkId};

/// The version of the JSON below.
pub const SCHEMA: u32 = 1;

/// An object that holds rejected rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsObject {
    /// Its key, relative to the lake.
    pub key: String,
    /// Its entity tag.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// What would be done, as a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedrivePlan {
    /// Of this JSON.
    pub schema: u32,
    /// Its name, which is that of the run as well: nothing is started twice under it.
    pub id: WorkId,
    /// The lake that it is for.
    pub lake: String,
    /// The entry, relative to the lake; ends in `/`.
    pub entry: String,
    /// Its dataset.
    pub dataset: Dataset,
    /// Its date.
    pub date: Option<NaiveDate>,
    /// Its rows, if they are known.
    pub rows: Option<u64>,
    /// The objects that hold them.
    pub objects: Vec<RowsObject>,
    /// The job that does it; none if none is configured, which is refused.
    pub job: Option<JobName>,
    /// What is started.
    pub launch: Option<Launch>,
    /// Where the dataset's good data lands; none where that is not configured, and then no effect can be seen.
    pub data: Option<String>,
    /// Which entry of the ledger it will be, from 1.
    pub number: u32,
    /// What the ledger says already, the oldest first.
    pub earlier: Vec<RedriveRecord>,
    /// Why it is done once more all the same.
    pub override_reason: Option<String>,
    /// Why it cannot be, in sentences.
    pub refused: Vec<String>,
}

/// Where a redrive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedriveState {
    /// It holds the entry; nothing was started yet.
    Planned,
    /// Its run was asked for.
    Submitted,
    /// Its run is over, and new rows lie where they belong.
    Done,
    /// It is over, and did not do what it should.
    Failed,
}

impl RedriveState {
    /// The word in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Submitted => "submitted",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether it changes no more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// Rows that the redrive rejected anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRejects {
    /// The entry that they lie in, relative to the lake.
    pub entry: String,
    /// How many; none if that cannot be told.
    pub rows: Option<u64>,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedriveRecord {
    /// Of this JSON.
    pub schema: u32,
    /// Its name.
    pub id: WorkId,
    /// Which of this entry it is, from 1.
    pub number: u32,
    /// Where it stands.
    pub state: RedriveState,
    /// The entry, relative to the lake.
    pub entry: String,
    /// Its dataset.
    pub dataset: Dataset,
    /// Its date.
    pub date: Option<NaiveDate>,
    /// Its rows as they were known.
    pub rows: Option<u64>,
    /// The objects that hold them.
    pub objects: Vec<RowsObject>,
    /// The job.
    pub job: JobName,
    /// What is started.
    pub launch: Launch,
    /// The run, once it was asked for.
    pub run: Option<RunRef>,
    /// Where the dataset's good data lands.
    pub data: Option<String>,
    /// Who.
    pub actor: String,
    /// Why it was done once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// When it took the entry.
    pub planned_at: DateTime<Utc>,
    /// When its run was asked for.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// What lay in the partition before.
    pub before: Partition,
    /// What lies there since.
    pub after: Option<Partition>,
    /// The newest object among the dataset's dead letters before: what is newer was rejected since.
    pub newest_reject: Option<DateTime<Utc>>,
    /// What it rejected anew.
    #[serde(default)]
    pub rejects: Vec<NewRejects>,
    /// How it ended, in words.
    pub detail: Option<String>,
}

impl RedriveRecord {
    /// What a plan takes the entry with.
    pub fn of(plan: &RedrivePlan, actor: String, at: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            schema: SCHEMA,
            id: plan.id.clone(),
            number: plan.number,
            state: RedriveState::Planned,
            entry: plan.entry.clone(),
            dataset: plan.dataset.clone(),
            date: plan.date,
            rows: plan.rows,
            objects: plan.objects.clone(),
            job: plan.job.clone()?,
            launch: plan.launch.clone()?,
            run: None,
            data: plan.data.clone(),
            actor,
            override_reason: plan.override_reason.clone(),
            planned_at: at,
            submitted_at: None,
            ended_at: None,
            before: Partition::default(),
            after: None,
            newest_reject: None,
            rejects: Vec::new(),
            detail: None,
        })
    }

    /// Whether its rows may have come into the dataset: one that ended before anything was started brought none.
    pub fn may_have_written(&self) -> bool {
        !(self.state == RedriveState::Failed && self.submitted_at.is_none())
    }

    /// Whether it is about any of these rows.
    pub fn is_of(&self, objects: &[RowsObject]) -> bool {
        self.objects.iter().any(|mine| objects.iter().any(|o| o.key == mine.key && o.etag == mine.etag))
    }

    /// In one sentence. Hostile text.
    pub fn told(&self) -> String {
        let run = self.run.as_ref().map(|run| format!(", run {}", run.id)).unwrap_or_default();
        let detail = self.detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default();
        let at = self.planned_at.format("%Y-%m-%d %H:%M UTC");
        format!("{} by {} at {at} with {}{run}{detail}", self.state.word(), self.actor, self.job)
    }
}

/// What of the ledger stands against running these rows again: the newest that may have brought them. Rows that were
/// written to the same place since are others, and no redrive of theirs is known.
pub fn blocking<'a>(ledger: &'a [RedriveRecord], objects: &[RowsObject]) -> Option<&'a RedriveRecord> {
    ledger.iter().rev().find(|record| record.may_have_written() && record.is_of(objects))
}

/// The number of the next entry of a ledger: two who take it at once want the same one, and one gets it.
pub fn next_number(ledger: &[RedriveRecord]) -> u32 {
    ledger.iter().map(|r| r.number).max().unwrap_or(0) + 1
}

/// Whether a reason to do it once more says anything.
pub fn is_reason(text: &str) -> bool {
    text.trim().chars().count() >= 3
}

#[cfg(test)]
#[path = "redrive_tests.rs"]
mod tests;
