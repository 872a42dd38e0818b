//! Raises the alerts: entries against thresholds, datasets against freshness, rows against contracts.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::stream::{self, StreamExt};

use crate::lake::LakeError;
use crate::model::alarm::{Alarm, Watched};
use crate::model::alert::{Alert, AlertRule};
use crate::model::category::{FailureCategory, categorize_text};
use crate::model::dataset::{Dataset, DatasetSettings};
use crate::model::entry::{DlqEntry, RowsFormat};
use crate::model::moves::QuarantineState;
use crate::model::rules::alarms::{alarm_alert, dead_alarm_alert};
use crate::model::rules::jobs::{by_job, completed_alert, duration_alert, failure_rate_alert};
use crate::model::rules::{
    FreshnessSignal, QuarantineSignal, dlq_alert, drift_alert, incomplete_alert, no_data_alert, quarantine_alert,
};
use crate::model::run::{JobRun, RunState};

use super::LakeSettings;
use super::deadline::Deadline;
use super::drift::differences;
use super::freshness::newest;
use super::health::SourceHealth;
use super::moves::Quarantine;
use super::pipeline::Pipeline;
use super::session::Session;

/// Datasets asked about at once: S3 bears it, and a listing waits for the way there and back.
const AT_ONCE: usize = 32;
/// Entries held against their contracts at once: each one's rows are opened.
const OPENED_AT_ONCE: usize = 8;
/// The names of the sources.
pub(super) const FRESHNESS: &str = "freshness";
pub(super) const CONTRACTS: &str = "contracts";

/// How new the datasets' data is.
#[derive(Debug, Default)]
pub(super) struct Stale {
    /// Those whose data is too old.
    alerts: Vec<Alert>,
    /// The first failure.
    failure: Option<LakeError>,
    /// Of which datasets the contract's column could not be used.
    notes: Vec<String>,
}

/// What the entries' rows say of the contracts.
#[derive(Debug, Default)]
pub(super) struct Drifted {
    /// Of the entries that differ.
    alerts: Vec<Alert>,
    /// The first failure.
    failure: Option<LakeError>,
}

impl Stale {
    /// The alerts, and how the source is, if any dataset is watched.
    pub(super) fn told(&self, session: &Session, now: DateTime<Utc>) -> (Vec<Alert>, Option<SourceHealth>) {
        let is_asked = session.settings.datasets.iter().any(|d| d.data_prefix.is_some());
        let health = || SourceHealth::after(FRESHNESS, self.failure.clone(), now).noting(self.notes.clone());
        (self.alerts.clone(), is_asked.then(health))
    }
}

impl Drifted {
    /// The alerts, and how the source is, if any dataset has a contract.
    pub(super) fn told(&self, session: &Session, now: DateTime<Utc>) -> (Vec<Alert>, Option<SourceHealth>) {
        let is_asked = session.settings.datasets.iter().any(|d| d.contract.is_some());
        (self.alerts.clone(), is_asked.then(|| SourceHealth::after(CONTRACTS, self.failure.clone(), now)))
    }
}

/// The alerts of entries and quarantines, in no order.
pub(super) fn of_lake(
    session: &Session,
    entries: &[Arc<DlqEntry>],
    quarantines: &[Arc<Quarantine>],
    now: DateTime<Utc>,
) -> Vec<Alert> {
    let settings = &session.settings;
    let mut alerts = Vec::new();
    for entry in entries {
        let layer = settings.layer(&entry.dataset);
        let thresholds = &settings.thresholds_of(&entry.dataset);
        let uri = session.lake.uri(&entry.path.0);
        alerts.extend(dlq_alert(entry, layer, thresholds, &uri));
        alerts.extend(incomplete_alert(entry, layer, thresholds, &uri, now));
    }
    for quarantine in quarantines.iter().filter(|q| q.state.is_open()) {
        let signal = QuarantineSignal {
            id: quarantine.id.0.clone(),
            dataset: quarantine.dataset.clone(),
            date: quarantine.date,
            layer: session.settings.layer(&quarantine.dataset),
            moved_at: quarantine.moved_at,
            interrupted: quarantine.state == QuarantineState::Interrupted,
            uri: session.lake.uri(&quarantine.path),
        };
        alerts.extend(quarantine_alert(&signal, &settings.thresholds_of(&quarantine.dataset), now));
    }
    alerts
}

/// The alerts of job runs.
pub fn of_jobs(settings: &LakeSettings, pipeline: &Pipeline, now: DateTime<Utc>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for (job, runs) in by_job(pipeline.jobs.iter().map(Arc::as_ref)) {
        let bound = runs.iter().find_map(|r| r.dataset.as_ref().map(|d| (d, r.layer)));
        let thresholds = settings.thresholds_of_job(job, bound.map(|b| b.0), bound.and_then(|b| b.1));
        let rate = failure_rate_alert(&runs, &thresholds, now);
        alerts.extend(rate.map(|a| Alert { category: category_of(settings, &runs), ..a }));
        alerts.extend(
            duration_alert(&runs, &thresholds, now)
                .map(|a| Alert { category: FailureCategory::ResourceExhaustion, ..a }),
        );
        // A run after it does not hide that a backfill is done.
        let (backfills, others): (Vec<&JobRun>, Vec<&JobRun>) = runs.iter().partition(|r| r.backfill);
        alerts.extend([backfills, others].iter().filter_map(|runs| completed_alert(runs, &thresholds, now)));
    }
    alerts
}

/// The alerts of alarms: those that fire, and those that never will.
pub fn of_alarms(settings: &LakeSettings, pipeline: &Pipeline) -> Vec<Alert> {
    let fired = |alarm: &Alarm| {
        let words = [Some(alarm.name.as_str()), alarm.description.as_deref(), alarm.reason.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let category = categorize_text(&settings.categories, &words.join("\n"));
        alarm_alert(alarm).map(|alert| Alert { category, ..alert })
    };
    let all = pipeline.alarms.iter().flat_map(|alarm| {
        let dataset = dataset_of_alarm(settings, alarm);
        let of_it = move |alert: Alert| match dataset {
            Some(dataset) => Alert { dataset: dataset.clone(), layer: settings.layer(dataset), ..alert },
            None => alert,
        };
        fired(alarm).into_iter().chain(dead_alarm_alert(alarm)).map(of_it)
    });
    all.collect()
}

/// The dataset that an alarm is about: the one of the configuration that a dimension of its metric names.
fn dataset_of_alarm<'s>(settings: &'s LakeSettings, alarm: &Alarm) -> Option<&'s Dataset> {
    let Watched::Metrics { all } = &alarm.watched else { return None };
    let named = |dataset: &&Dataset| {
        all.iter().flat_map(|watch| watch.metric.dimensions()).any(|dimension| dimension.value == dataset.as_str())
    };
    settings.datasets.iter().map(|d| &d.dataset).find(named)
}

/// What the failures of a job are about: the newest one that says it.
fn category_of(settings: &LakeSettings, runs: &[&JobRun]) -> FailureCategory {
    let said = runs.iter().filter(|r| r.state == RunState::Failed).filter_map(|r| r.detail.as_deref());
    let categories = said.map(|text| categorize_text(&settings.categories, text));
    categories.into_iter().find(|c| *c != FailureCategory::Unknown).unwrap_or(FailureCategory::Unknown)
}

/// How new the datasets' data is. Those that are told of in time are, however slow the others.
pub(super) async fn stale(session: &Session, last: &[Alert], all: bool, now: DateTime<Utc>) -> Stale {
    let watched = || session.settings.datasets.iter().filter_map(|d| d.data_prefix.as_ref().map(|p| (d, p)));
    let names: Vec<_> = watched().map(|(dataset, _)| &dataset.dataset).collect();
    let until = Deadline::of(FRESHNESS);
    let reads = watched().map(|(dataset, prefix)| until.wait(freshness(session, dataset, prefix, all, now)));
    let reads: Vec<_> = reads.collect();
    let readings: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let Stale { mut alerts, mut failure, mut notes } = Stale::default();
    for (dataset, reading) in names.into_iter().zip(readings) {
        match reading {
            Ok(signal) => {
                let thresholds = session.settings.thresholds_of(&signal.dataset);
                notes.extend(signal.by_object().map(|why| format!("{dataset}: {why}")));
                alerts.extend(no_data_alert(&signal, &thresholds, now));
            }
            // Rule 6: what was said of this one stands, or its silence would look like new data.
            Err(error) => {
                let of = |a: &&Alert| a.rule == AlertRule::NoData && a.dataset == *dataset;
                alerts.extend(last.iter().filter(of).map(Alert::again));
                failure = failure.or(Some(error));
            }
        }
    }
    Stale { alerts, failure, notes }
}

/// How new a dataset's data is.
pub(super) async fn freshness(
    session: &Session,
    dataset: &DatasetSettings,
    prefix: &str,
    all: bool,
    now: DateTime<Utc>,
) -> Result<FreshnessSignal, LakeError> {
    // Column and limit stand in it: without it nothing is known of how new the data should be.
    let contract = match &dataset.contract {
        Some(key) => Some(session.contracts.read(session.lake.as_ref(), key).await?),
        None => None,
    };
    let contract = contract.as_ref().map(|file| &file.contract);
    let agreed = contract.and_then(|contract| contract.max_lag_minutes).and_then(Duration::try_minutes);
    let limit = dataset.max_age.or(agreed);
    let column = contract.and_then(|contract| contract.freshness_column.as_deref());
    let within = limit.unwrap_or_else(|| session.settings.thresholds_of(&dataset.dataset).no_data);
    let known = if all { None } else { session.watched.known(prefix, within, now) };
    let newest = match known {
        Some(known) => Some(known),
        None => {
            let newest = newest(session.lake.as_ref(), prefix, column, &session.cache, now).await?;
            session.watched.saw(prefix, newest.clone(), now);
            newest
        }
    };
    Ok(FreshnessSignal {
        dataset: dataset.dataset.clone(),
        layer: session.settings.layer(&dataset.dataset),
        uri: session.lake.uri(newest.as_ref().map_or(prefix, |newest| newest.key.as_str())),
        unused: newest.as_ref().and_then(|newest| newest.unused.clone()),
        column: column.filter(|_| newest.as_ref().is_some_and(|newest| newest.by_column)).map(str::to_owned),
        newest: newest.map(|newest| newest.time),
        limit,
    })
}

/// What of the entries differs from the contracts.
pub(super) async fn drifted(session: &Session, entries: &[Arc<DlqEntry>]) -> Drifted {
    let bound = entries
        .iter()
        .filter(|e| e.format != RowsFormat::None)
        .filter_map(|e| Some((e, session.settings.dataset(&e.dataset)?.contract.as_deref()?)));
    let until = Deadline::of(CONTRACTS);
    let reads: Vec<_> = bound.map(|(entry, key)| until.wait(drift(session, entry, key))).collect();
    let readings: Vec<_> = stream::iter(reads).buffered(OPENED_AT_ONCE).collect().await;
    let Drifted { mut alerts, mut failure } = Drifted::default();
    for reading in readings {
        match reading {
            Ok(alert) => alerts.extend(alert),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Drifted { alerts, failure }
}

/// Rows that cannot be read are the entry's own problem, already coded; here only the contract's reading fails.
async fn drift(session: &Session, entry: &DlqEntry, key: &str) -> Result<Option<Alert>, LakeError> {
    let file = session.contracts.read(session.lake.as_ref(), key).await?;
    let Ok(rows) = session.rows(entry).await else { return Ok(None) };
    let drifts = differences(&file.contract, &rows, entry.format);
    let layer = session.settings.layer(&entry.dataset);
    Ok(drift_alert(entry, layer, &drifts, &session.lake.uri(&entry.path.0), &file.uri))
}
