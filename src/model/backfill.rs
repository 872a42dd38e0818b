//! Backfills: a range of days of a dataset through its job, so many at once, without those that are known to be right.
//! What is known of each day lies on the lake, so that any host can go on where another stopped.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::partition::Partition;
use super::run::JobName;
use super::work::{Launch, RunRef, WorkId};

/// The version of the JSON below.
pub const SCHEMA: u32 = 1;
/// Days of one backfill: more than two years at once are a mistake.
pub const MOST_DAYS: usize = 800;
/// Runs at once: what is asked for beyond is a mistake as well.
pub const MOST_AT_ONCE: u32 = 32;

/// The days of a range, both ends included, or why there are none.
pub fn days(from: NaiveDate, to: NaiveDate) -> Result<Vec<NaiveDate>, String> {
    if to < from {
        return Err(format!("{to} is before {from}"));
    }
    let all: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= to).take(MOST_DAYS + 1).collect();
    match all.len() {
        n if n > MOST_DAYS => {
            let last = from.checked_add_days(Days::new(MOST_DAYS as u64 - 1)).unwrap_or(to);
            Err(format!("more than {MOST_DAYS} days: the last one can be {last}"))
        }
        _ => Ok(all),
    }
}

/// What is planned for one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedDay {
    /// The day.
    pub date: NaiveDate,
    /// Why it is run, or why it is not, in words.
    pub why: String,
    /// What lay there when it was planned.
    pub there: Partition,
    /// What is started; nothing for a day that is skipped.
    pub launch: Option<Launch>,
}

/// What would be done, as a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackfillPlan {
    /// Of this JSON.
    pub schema: u32,
    /// Its name; its runs are called by it and their day.
    pub id: WorkId,
    /// The lake that it is for.
    pub lake: String,
    /// The dataset.
    pub dataset: Dataset,
    /// The job; none if none is configured, which is refused.
    pub job: Option<JobName>,
    /// Where the dataset's good data lands: the effect is looked for there.
    pub data: Option<String>,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Runs at once.
    pub parallel: u32,
    /// Whether days that are known to be right are run all the same.
    pub force: bool,
    /// When it was planned.
    pub at: DateTime<Utc>,
    /// Who planned it.
    pub actor: String,
    /// Every day, in order.
    pub days: Vec<PlannedDay>,
    /// Why it cannot be, in sentences.
    pub refused: Vec<String>,
}

impl BackfillPlan {
    /// Days that would be run.
    pub fn runs(&self) -> u64 {
        self.days.iter().filter(|day| day.launch.is_some()).count() as u64
    }
}

/// Where one day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayState {
    /// It was right already.
    Skipped,
    /// Its turn is still to come.
    Waiting,
    /// Its run was asked for, or is about to be.
    Submitted,
    /// New rows lie in its partition.
    Done,
    /// Its run ended otherwise, or without an effect.
    Failed,
    /// Its run was ended by whoever watched it.
    Stopped,
}

impl DayState {
    /// The word in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Submitted => "submitted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// What the lake knows of one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayRecord {
    /// Of this JSON.
    pub schema: u32,
    /// The backfill.
    pub backfill: WorkId,
    /// The day.
    pub date: NaiveDate,
    /// Which try this is, from 1: a name for each.
    pub attempt: u32,
    /// Where it stands.
    pub state: DayState,
    /// The name under which its run is asked for.
    pub token: String,
    /// Its run; without an id before a service gave it one.
    pub run: RunRef,
    /// What lay there before it began.
    pub before: Partition,
    /// What lies there since.
    pub after: Option<Partition>,
    /// When it was asked for.
    pub begun: DateTime<Utc>,
    /// When it was over.
    pub ended: Option<DateTime<Utc>>,
    /// How it ended, in words.
    pub detail: Option<String>,
    /// Who.
    pub actor: String,
}

/// A backfill as the lake knows it: what was planned, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// The plan.
    pub plan: BackfillPlan,
    /// The days that were begun.
    pub records: BTreeMap<NaiveDate, DayRecord>,
}

/// How a backfill stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Some of its days are still to come, or go on.
    Unfinished,
    /// All of its days are over, and some are not right.
    Failed,
    /// All of its days are right.
    Done,
}

impl Standing {
    /// The word in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

impl Backfill {
    /// Where a day stands.
    pub fn state(&self, day: &PlannedDay) -> DayState {
        match self.records.get(&day.date) {
            Some(record) => record.state,
            None if day.launch.is_none() => DayState::Skipped,
            None => DayState::Waiting,
        }
    }

    /// How many days stand so.
    pub fn count(&self, state: DayState) -> u64 {
        self.plan.days.iter().filter(|day| self.state(day) == state).count() as u64
    }

    /// How many days are not over.
    pub fn left(&self) -> u64 {
        [DayState::Waiting, DayState::Submitted, DayState::Stopped].into_iter().map(|state| self.count(state)).sum()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match self.count(DayState::Failed) {
            _ if self.left() > 0 => Standing::Unfinished,
            0 => Standing::Done,
            _ => Standing::Failed,
        }
    }

    /// The days still to be run, in order, when it is taken up: what is right stays, what is under way is followed, what
    /// failed or was stopped is run once more.
    pub fn queue(&self) -> Queue {
        let mut queue = Queue { parallel: self.plan.parallel.clamp(1, MOST_AT_ONCE), ..Queue::default() };
        for day in &self.plan.days {
            match self.state(day) {
                DayState::Submitted => queue.follow.push(day.date),
                DayState::Waiting | DayState::Failed | DayState::Stopped => queue.waiting.push(day.date),
                DayState::Skipped | DayState::Done => {}
            }
        }
        queue
    }
}

/// What is next under a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    parallel: u32,
    running: u32,
    follow: Vec<NaiveDate>,
    waiting: Vec<NaiveDate>,
}

/// What to do with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Its run goes on already: it is followed, and not asked for again.
    Follow(NaiveDate),
    /// Its run is to be asked for.
    Start(NaiveDate),
}

impl Queue {
    /// The next day to be dealt with now; none while as many go on as may, or if there are no more. What goes on already is
    /// followed first: it takes up its place whether or not anybody looks.
    pub fn take(&mut self) -> Option<Turn> {
        if self.running >= self.parallel {
            return None;
        }
        let turn = match (self.follow.is_empty(), self.waiting.is_empty()) {
            (false, _) => Turn::Follow(self.follow.remove(0)),
            (true, false) => Turn::Start(self.waiting.remove(0)),
            (true, true) => return None,
        };
        self.running += 1;
        Some(turn)
    }

    /// One of those that went on is over.
    pub fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// No more is begun: what goes on goes on.
    pub fn stop(&mut self) {
        self.waiting.clear();
    }

    /// How many go on.
    pub fn running(&self) -> u32 {
        self.running
    }
}

#[cfg(test)]
#[path = "backfill_tests.rs"]
mod tests;
