//! One open lake: its settings, its caches, and the questions that screens and commands ask of it.
//! Shared as an `Arc`; every method may run beside every other. Dropping a future cancels its requests.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;

use crate::lake::{ErrorClass, Lake, LakeError, listing};
use crate::model::alert::Alert;
use crate::model::column::{Column, ColumnProfile, RowPage};
use crate::model::contract::{Contract, Drift};
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::incident::Incident;
use crate::model::quality::QualityResult;
use crate::model::reason::named_columns;
use crate::model::triage::TriageRecord;
use crate::rows::{PageRequest, RowCache, RowSet, RowsError};
use crate::sources::account::Ending;
use crate::sources::contracts::{Contracts, SchemaRegistry};
use crate::sources::feed::Feeds;
use crate::sources::quality::QualityResults;

use super::assess::{Assessed, assess};
use super::cadence::Cadence;
use super::causes::Causes;
use super::cost::{self, Cost, Costs};
use super::drift::differences;
use super::entries::{Found, group};
use super::freshness::Watched;
use super::gate::Gate;
use super::health::clears;
use super::history::{self, History, HistoryEvent};
use super::incidents::Log;
use super::known::Known;
use super::moves::{Quarantine, Remembered};
use super::pipeline::{Connected, Pipeline};
use super::probe::Examiner;
use super::runbooks::Library;
use super::secrets::Standings;
use super::triage::Triage;
use super::{LakeSettings, SourceHealth, audit, refresh};

/// Pages of a listing looked at when one entry is located by its path: one of more than 100,000 files is refused.
const LOCATE_PAGES: usize = 100;

/// What is known of a lake at one time.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Sorted by dataset, then date, then path.
    pub entries: Vec<Arc<DlqEntry>>,
    /// How many of them are only listed yet: no reasons, no count.
    pub unread: usize,
    /// Quarantines and moves, the open ones first, then the newest.
    pub quarantines: Vec<Arc<Quarantine>>,
    /// Job runs, DAG runs and their tasks.
    pub pipeline: Pipeline,
    /// Results of quality gates, those of the newest object first.
    pub quality: Vec<Arc<QualityResult>>,
    /// In the order of [`cause::order`](crate::model::cause::order).
    pub alerts: Vec<Alert>,
    /// What people did with alerts, in no order.
    pub triage: Vec<TriageRecord>,
    /// Incidents of the last days, the newest first.
    pub incidents: Vec<Arc<Incident>>,
    /// Each source's state.
    pub sources: Vec<SourceHealth>,
    /// What the lake and each source that counts its own requests cost.
    pub costs: Vec<Cost>,
    /// Credentials that are about to run out.
    pub ending: Option<Ending>,
    /// When it was complete; `None` while it is being gathered.
    pub taken: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// Whether there was anything to judge: without it, no alert means nothing.
    pub fn has_evidence(&self) -> bool {
        let Pipeline { jobs, dag_runs, alarms, .. } = &self.pipeline;
        let watches = self.sources.iter().any(|source| matches!(source.source, "freshness" | "secrets"));
        let told = !(jobs.is_empty() && dag_runs.is_empty() && alarms.is_empty() && self.quality.is_empty());
        watches || told || !self.entries.is_empty() || !self.quarantines.is_empty()
    }

    /// Whether an alert that is not there is over.
    pub fn clears(&self, key: &str) -> bool {
        clears(&self.sources, key)
    }
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
    /// Whether it may stand in the place of a whole one: those that let wait are in it with what they said before.
    pub is_ahead: bool,
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
    pub(super) lake: Arc<dyn Lake>,
    pub(super) settings: LakeSettings,
    pub(super) cache: Arc<RowCache>,
    pub(super) contracts: Contracts,
    pub(super) known: Known,
    /// What the last refresh knew: it stays on screen when the next one fails.
    pub(super) last: Mutex<Snapshot>,
    pub(super) remembered: Remembered,
    pub(super) connected: Connected,
    pub(super) standings: Standings,
    pub(super) quality: QualityResults,
    pub(super) feeds: Feeds,
    pub(super) triage: Triage,
    pub(super) incidents: Log,
    pub(super) causes: Causes,
    pub(super) library: Library,
    pub(super) examiner: Option<Arc<dyn Examiner>>,
    pub(super) cadence: Cadence,
    pub(super) costs: Costs,
    pub(super) watched: Watched,
    pub(super) forgot: Mutex<Option<DateTime<Utc>>>,
    /// Dates that somebody asks about, however long ago they are.
    pub(super) asked_of: Mutex<BTreeSet<NaiveDate>>,
    /// The dates besides the last ones that quality results were last looked for.
    pub(super) looked_into: Mutex<BTreeSet<NaiveDate>>,
    pub(super) history: Option<Arc<History>>,
    gate: Option<Arc<Gate>>,
    audit: Option<PathBuf>,
}

impl Session {
    /// A session on a lake. Reads nothing yet.
    pub fn new(lake: Arc<dyn Lake>, settings: LakeSettings) -> Self {
        lake.counters().tell_apart(cost::places(&settings));
        Self {
            lake,
            settings,
            cache: Arc::new(RowCache::default()),
            contracts: Contracts::default(),
            known: Known::default(),
            last: Mutex::default(),
            remembered: Remembered::default(),
            connected: Connected::default(),
            standings: Standings::default(),
            quality: QualityResults::default(),
            feeds: Feeds::default(),
            triage: Triage::default(),
            incidents: Log::default(),
            causes: Causes::default(),
            library: Library::default(),
            examiner: None,
            cadence: Cadence::default(),
            costs: Costs::default(),
            watched: Watched::default(),
            forgot: Mutex::default(),
            asked_of: Mutex::default(),
            looked_into: Mutex::default(),
            history: None,
            gate: None,
            audit: None,
        }
    }

    /// The same session with a local file that reveals of personal data are recorded in.
    pub fn with_audit(self, file: PathBuf) -> Self {
        Self { audit: Some(file), ..self }
    }

    /// The same session with a local file that tells what fired and when.
    pub fn with_history(self, file: PathBuf) -> Self {
        let history = Some(Arc::new(History::at(file, self.lake.url())));
        Self { history, ..self }
    }

    /// What happened to alerts in so many days, newest first: as this machine saw it, and what people did on any.
    pub async fn alert_history(&self, days: u32, now: DateTime<Utc>) -> Result<Vec<HistoryEvent>, LakeError> {
        // More days than there are is all of them.
        let since = now.checked_sub_signed(chrono::Duration::days(days.into())).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let (records, _) = self.triage.read(self.lake.as_ref(), &self.settings.prefixes.state, true, now).await?;
        let mut events: Vec<HistoryEvent> = records.iter().map(history::done).collect();
        if let Some(history) = self.history.clone() {
            events.extend(tokio::task::spawn_blocking(move || history.read()).await.unwrap_or_default());
        }
        events.retain(|e| e.at >= since);
        events.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.key.cmp(&b.key)));
        Ok(events)
    }

    /// The same session with other sources beside the lake.
    pub fn with_sources(self, connected: Connected) -> Self {
        Self { connected, ..self }
    }

    /// The same session with a registry in which some contracts lie.
    pub fn with_registry(self, registry: Arc<dyn SchemaRegistry>) -> Self {
        Self { contracts: Contracts::with_registry(registry), ..self }
    }

    /// The same session with somebody who can look at this machine and the account.
    pub fn with_examiner(self, examiner: Arc<dyn Examiner>) -> Self {
        Self { examiner: Some(examiner), ..self }
    }

    /// The same session with a gate, by which the lake can be changed.
    pub fn with_gate(self, gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// The gate; none in a session that only reads.
    pub fn gate(&self) -> Option<&Arc<Gate>> {
        self.gate.as_ref()
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
    pub async fn refresh(&self, now: DateTime<Utc>, progress: impl Fn(Progress) + Send + Sync) -> Snapshot {
        self.read(true, now, progress).await
    }

    /// The same, of what is due: a source that does not change, or that throttles, is left alone for a while.
    pub async fn refresh_due(&self, now: DateTime<Utc>, progress: impl Fn(Progress) + Send + Sync) -> Snapshot {
        self.read(false, now, progress).await
    }

    async fn read(&self, all: bool, now: DateTime<Utc>, progress: impl Fn(Progress) + Send + Sync) -> Snapshot {
        refresh::refresh(self, all, now, &progress).await
    }

    /// Keeps what a refresh that began then knows, for the next one; but not over what a later one knows.
    pub(super) fn keep(&self, snapshot: &Snapshot, began: DateTime<Utc>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.taken.is_none_or(|taken| taken <= began) {
            *last = snapshot.clone();
        }
    }

    /// Finds the entry whose path (with or without the errors prefix), or `dataset/dt=D`, is `target`: one
    /// listing of that prefix, and its reasons. The error says what is there instead.
    pub async fn locate(&self, target: &str) -> Result<DlqEntry, LakeError> {
        let found = self.find(target).await?;
        let thresholds = self.settings.thresholds_of(&found.dataset);
        let Assessed { entry, .. } =
            assess(&self.lake, &found, &self.cache, &self.settings.categories, &thresholds).await;
        self.known.remember(&found, entry.clone());
        Ok(entry)
    }

    /// People write `dt=D` where a writer wrote `date=D` or `day=D`: those are tried when nothing lies at `dt=`.
    async fn find(&self, target: &str) -> Result<Arc<Found>, LakeError> {
        let errors = &self.settings.prefixes.errors;
        let inside = target.strip_prefix(errors.as_str()).unwrap_or(target).trim_matches('/');
        let mut spellings = vec![inside.to_owned()];
        if let Some((before, after)) = inside.rsplit_once("/dt=") {
            spellings.extend(["date", "day"].map(|level| format!("{before}/{level}={after}")));
        }
        let mut all = Vec::new();
        let mut prefix = String::new();
        for spelling in spellings {
            prefix = format!("{errors}{spelling}/");
            all = self.entries_under(&prefix).await?;
            if !all.is_empty() {
                break;
            }
        }
        self.choose(all, &prefix, &format!("{errors}{inside}/"))
    }

    async fn entries_under(&self, prefix: &str) -> Result<Vec<Found>, LakeError> {
        let mut pages = Box::pin(listing::pages(self.lake.as_ref(), prefix));
        let mut objects = Vec::new();
        for _ in 0..LOCATE_PAGES {
            let Some(page) = pages.try_next().await? else {
                return Ok(group(&self.settings.prefixes.errors, objects));
            };
            objects.extend(page.objects);
        }
        // Half of a listing is no entry: what is shown, counted or moved would be short without a word.
        let detail = format!("more than {} objects lie here", objects.len());
        let error = LakeError::new(ErrorClass::Unsupported, self.lake.uri(prefix), detail);
        Err(LakeError { hint: "name a prefix further down".into(), ..error })
    }

    fn choose(&self, mut all: Vec<Found>, prefix: &str, asked: &str) -> Result<Arc<Found>, LakeError> {
        let exact = all.iter().position(|f| &*f.path.0 == prefix);
        let at = exact.or((all.len() == 1).then_some(0));
        if let Some(at) = at {
            return Ok(Arc::new(all.swap_remove(at)));
        }
        let mut error = LakeError::new(ErrorClass::NotFound, self.lake.uri(asked), "no DLQ entry here");
        error.hint = match all.as_slice() {
            [] => "lakeward dlq list shows the entries there are".into(),
            several => {
                let names: Vec<&str> = several.iter().take(5).map(|f| &*f.path.0).collect();
                format!("{} entries lie below it; name one: {}", several.len(), names.join(", "))
            }
        };
        Err(error)
    }

    /// Opens an entry's rows: one request for a small file.
    pub async fn open(&self, entry: &DlqEntry) -> Result<Opened, RowsError> {
        let rows = self.rows(entry).await?;
        let columns = rows.columns().to_vec();
        let named = named_columns(&entry.errors, &columns);
        let order = named.iter().copied().chain((0..columns.len()).filter(|i| !named.contains(i))).collect();
        let personal =
            (0..columns.len()).filter(|i| self.settings.is_personal(&entry.dataset, &columns[*i].name)).collect();
        let contract = self.contract(entry).await;
        let drift = contract.as_ref().map(|(_, c)| differences(c, &rows, entry.format)).unwrap_or_default();
        let total_rows = rows.total_rows();
        Ok(Opened { path: entry.path.clone(), columns, order, named, personal, total_rows, contract, drift })
    }

    /// A page of an entry's rows.
    pub async fn page(&self, entry: &DlqEntry, request: &PageRequest) -> Result<RowPage, RowsError> {
        self.rows(entry).await?.page(request).await
    }

    /// A profile of an entry's columns, oddest first, over at most `max_rows` rows.
    pub async fn profile(
        &self,
        entry: &DlqEntry,
        columns: Option<&[usize]>,
        max_rows: u64,
    ) -> Result<Vec<ColumnProfile>, RowsError> {
        self.rows(entry).await?.profile(columns, max_rows).await
    }

    /// Records that someone looked at personal data, before it is shown. Without a record, no reveal.
    pub fn reveal(&self, now: DateTime<Utc>, entry: &EntryPath, columns: &[String]) -> std::io::Result<()> {
        match &self.audit {
            Some(file) => audit::reveal(file, now, &self.lake.uri(&entry.0), columns),
            None => Ok(()),
        }
    }

    /// The columns of an entry's rows named in `names`.
    pub async fn find_columns(&self, entry: &DlqEntry, names: &[String]) -> Result<Vec<usize>, RowsError> {
        self.rows(entry).await?.find_columns(names)
    }

    pub(super) async fn rows(&self, entry: &DlqEntry) -> Result<Arc<RowSet>, RowsError> {
        let found = match self.known.found(&entry.path) {
            Some(found) => found,
            None => self.find(&entry.path.0).await?,
        };
        if let Some(rows) = self.known.rows(&found) {
            return Ok(rows);
        }
        let rows =
            RowSet::open(Arc::clone(&self.lake), &found.kept.layout(&found.path), Arc::clone(&self.cache)).await?;
        Ok(self.known.keep_rows(&found, rows))
    }

    async fn contract(&self, entry: &DlqEntry) -> Option<(String, Contract)> {
        let key = self.settings.dataset(&entry.dataset)?.contract.as_ref()?;
        let file = self.contracts.read(self.lake.as_ref(), key).await.ok()?;
        Some((file.uri.clone(), file.contract.clone()))
    }
}
