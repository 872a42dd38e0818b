//! One open lake: its settings, its caches, and the questions that screens and commands ask of it.
//! Shared as an `Arc`; every method may run beside every other. Dropping a future cancels its requests.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::lake::{Lake, LakeError};
use crate::model::alert::Alert;
use crate::model::column::{Column, ColumnProfile, RowPage};
use crate::model::contract::{Contract, Drift};
use crate::model::entry::{DlqEntry, EntryPath};
use crate::rows::{PageRequest, RowCache, RowsError};

use super::{LakeSettings, SourceHealth};

/// What is known of a lake at one time.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Sorted by dataset, then date, then path.
    pub entries: Vec<DlqEntry>,
    /// Worst first, then oldest first.
    pub alerts: Vec<Alert>,
    /// Each source's state.
    pub sources: Vec<SourceHealth>,
    /// When it was complete; `None` while it is being gathered.
    pub taken: Option<DateTime<Utc>>,
}

/// How far a refresh is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Objects listed so far.
    pub listed: u64,
    /// Entries assessed so far.
    pub assessed: u64,
    /// Entries known so far.
    pub found: u64,
    /// A partial snapshot to show, now and then.
    pub partial: Option<Snapshot>,
}

/// An entry opened for looking: schema, contract and what differs; rows come page by page.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The entry.
    pub path: EntryPath,
    /// All columns, in the data's order.
    pub columns: Vec<Column>,
    /// Order to show them in, as indexes into `columns`: those that the reasons name come first.
    pub order: Vec<usize>,
    /// Which columns the reasons name (indexes).
    pub named: Vec<usize>,
    /// Which columns hold personal data (indexes): mask until revealed.
    pub personal: Vec<usize>,
    /// Rows in all, if known.
    pub total_rows: Option<u64>,
    /// The dataset's contract and where it lies, if there is one.
    pub contract: Option<(String, Contract)>,
    /// What differs from it.
    pub drift: Vec<Drift>,
}

/// One open lake.
#[derive(Debug)]
pub struct Session {
    lake: Arc<dyn Lake>,
    settings: LakeSettings,
    cache: Arc<RowCache>,
}

impl Session {
    /// A session on a lake. Reads nothing yet.
    pub fn new(lake: Arc<dyn Lake>, settings: LakeSettings) -> Self {
        Self { lake, settings, cache: Arc::new(RowCache::default()) }
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<dyn Lake> {
        &self.lake
    }

    /// The settings.
    pub fn settings(&self) -> &LakeSettings {
        &self.settings
    }

    /// Reads the lake anew: entries, then alerts. Failing sources are in the snapshot, not in an error.
    pub async fn refresh(&self, _now: DateTime<Utc>, _progress: impl Fn(Progress) + Send + Sync) -> Snapshot {
        let _ = &self.cache;
        Snapshot::default()
    }

    /// Finds entries whose path (with or without the errors prefix), or `dataset/dt=D`, is `target`: one
    /// listing of that prefix. The error says what is there instead.
    pub async fn locate(&self, _target: &str) -> Result<DlqEntry, LakeError> {
        unimplemented!()
    }

    /// Opens an entry's rows: one request for a small file.
    pub async fn open(&self, _entry: &DlqEntry) -> Result<Opened, RowsError> {
        unimplemented!()
    }

    /// A page of an entry's rows.
    pub async fn page(&self, _entry: &DlqEntry, _request: &PageRequest) -> Result<RowPage, RowsError> {
        unimplemented!()
    }

    /// A profile of an entry's columns, oddest first, over at most `max_rows` rows.
    pub async fn profile(
        &self,
        _entry: &DlqEntry,
        _columns: Option<&[usize]>,
        _max_rows: u64,
    ) -> Result<Vec<ColumnProfile>, RowsError> {
        unimplemented!()
    }
}
