//! Plans a redrive, and reads the ledger. What the plan says is checked again by the gate before anything is started.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use super::Session;
use super::entries::group;
use super::gate::{GateError, chance};
use super::moves::records;
use crate::lake::path::Prefixes;
use crate::lake::{Key, Lake, LakeError, listing};
use crate::model::dataset::Dataset;
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::redrive::{RedrivePlan, RedriveRecord, RowsObject, SCHEMA, blocking, is_reason, next_number};
use crate::model::work::{Variables, WorkId};

/// Redrives of one entry that are read at most: nobody does it that often.
const MOST: usize = 200;

/// Where the ledger of an entry lies; ends in `/`.
fn folder(prefixes: &Prefixes, entry: &str) -> String {
    let inside = entry.strip_prefix(prefixes.errors.as_str()).unwrap_or(entry);
    format!("{}redriven/{inside}", prefixes.state)
}

/// One entry of the ledger.
pub(in crate::ops) fn ledger_key(prefixes: &Prefixes, entry: &str, number: u32) -> Key {
    Key(format!("{}{number:04}.json", folder(prefixes, entry)))
}

/// What the ledger says of an entry, the oldest first.
pub(in crate::ops) async fn ledger(
    lake: &dyn Lake,
    prefixes: &Prefixes,
    entry: &str,
) -> Result<Vec<RedriveRecord>, LakeError> {
    let folder = folder(prefixes, entry);
    let pages: Vec<_> = listing::pages(lake, &folder).try_collect().await?;
    let is_record = |key: &Key| {
        let name = key.as_str().strip_prefix(&folder).and_then(|name| name.strip_suffix(".json"));
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
    };
    let keys: Vec<Key> = pages.into_iter().flat_map(|p| p.objects).map(|o| o.key).filter(is_record).collect();
    let mut all = Vec::new();
    for key in keys.iter().rev().take(MOST) {
        all.extend(records::read::<RedriveRecord>(lake, key).await?);
    }
    all.sort_by_key(|record| record.number);
    Ok(all)
}

/// The objects that hold an entry's rows, in the order of their keys.
pub(in crate::ops) async fn rows_objects(
    lake: &dyn Lake,
    errors: &str,
    entry: &str,
) -> Result<Vec<RowsObject>, LakeError> {
    let pages: Vec<_> = listing::pages(lake, entry).try_collect().await?;
    let found = group(errors, pages.into_iter().flat_map(|page| page.objects).collect());
    let path = EntryPath(entry.into());
    Ok(found.iter().find(|f| f.path == path).map(|f| of_layout(&f.kept.layout(&f.path).files)).unwrap_or_default())
}

fn of_layout(files: &[crate::lake::ObjectMeta]) -> Vec<RowsObject> {
    let object =
        |o: &crate::lake::ObjectMeta| RowsObject { key: o.key.0.clone(), etag: o.etag.0.clone(), size: o.size };
    let mut objects: Vec<RowsObject> = files.iter().map(object).collect();
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects
}

/// What the ledger says of an entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Redrives {
    /// Its redrives, the oldest first.
    pub of_it: Vec<RedriveRecord>,
    /// Those of other entries of its dataset that rejected the rows in it.
    pub from: Vec<RedriveRecord>,
}

impl Session {
    /// What the ledger says of an entry: how it was redriven, and which redrives its rows come from.
    pub async fn redrives_of(&self, entry: &DlqEntry) -> Result<Redrives, LakeError> {
        let all = self.redrives_under(&entry.dataset).await?;
        let (of_it, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|r| *r.entry == *entry.path.0);
        let rejected = |r: &RedriveRecord| r.rejects.iter().any(|reject| *reject.entry == *entry.path.0);
        Ok(Redrives { of_it, from: others.into_iter().filter(rejected).collect() })
    }

    /// What the ledger says of the entries of a dataset, the oldest first; of the newest 200 records.
    pub(super) async fn redrives_under(&self, dataset: &Dataset) -> Result<Vec<RedriveRecord>, LakeError> {
        let root = format!("{}redriven/{dataset}/", self.settings.prefixes.state);
        let pages: Vec<_> = listing::pages(self.lake.as_ref(), &root).try_collect().await?;
        let mut objects: Vec<_> = pages.into_iter().flat_map(|p| p.objects).collect();
        objects.sort_by_key(|o| std::cmp::Reverse(o.modified));
        let mut all = Vec::new();
        for object in objects.iter().take(MOST) {
            all.extend(records::read::<RedriveRecord>(self.lake.as_ref(), &object.key).await?);
        }
        all.sort_by_key(|record| (record.planned_at, record.number));
        Ok(all)
    }

    /// What the ledger says of an entry, the oldest first.
    pub async fn ledger(&self, entry: &EntryPath) -> Result<Vec<RedriveRecord>, LakeError> {
        ledger(self.lake.as_ref(), &self.settings.prefixes, &entry.0).await
    }

    /// The plan of redriving an entry (`dataset/dt=D`, or its path). With a reason, once more.
    pub async fn plan_redrive(
        &self,
        target: &str,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<RedrivePlan, GateError> {
        let entry = self.locate(target).await?;
        let (earlier, objects) = futures::try_join!(
            self.ledger(&entry.path),
            rows_objects(self.lake.as_ref(), &self.settings.prefixes.errors, &entry.path.0)
        )?;
        let mut refused = unfit(&entry, &objects, &earlier, reason.as_deref());
        let job = self.settings.redrive_of(&entry.dataset).cloned();
        let variables =
            Variables { date: entry.date, dataset: Some(entry.dataset.clone()), entry: Some(entry.path.0.to_string()) };
        let launch = match &job {
            Some(job) => {
                let launch = self.starter(job, now).await.and_then(|starter| starter.launch(&variables, false));
                launch.map_err(|why| refused.push(why)).ok()
            }
            None => {
                refused.push(format!(
                    "no job redrives {}: redrive = \"JOB\" in its [[datasets]] table, or in that of its layer in [[layers]]",
                    entry.dataset
                ));
                None
            }
        };
        Ok(RedrivePlan {
            schema: SCHEMA,
            id: WorkId::of(now, chance()),
            lake: self.lake.url().to_owned(),
            entry: entry.path.0.to_string(),
            data: self.settings.dataset(&entry.dataset).and_then(|d| d.data_prefix.clone()),
            dataset: entry.dataset.clone(),
            date: entry.date,
            rows: entry.known_rows(),
            number: next_number(&earlier),
            objects,
            job,
            launch,
            earlier,
            override_reason: reason,
            refused,
        })
    }
}

/// Why an entry cannot be redriven, whatever does it.
fn unfit(entry: &DlqEntry, objects: &[RowsObject], earlier: &[RedriveRecord], reason: Option<&str>) -> Vec<String> {
    let mut refused = Vec::new();
    if !entry.complete {
        refused.push("it is not complete: still being written, or its writer died".to_owned());
    }
    if objects.is_empty() {
        refused.push("it holds no rows".to_owned());
    }
    match (blocking(earlier, objects), reason) {
        (Some(record), None) => refused.push(format!("its rows were redriven already: {}", record.told())),
        (_, Some(reason)) if !is_reason(reason) => refused.push("say why it is redriven once more".to_owned()),
        _ => {}
    }
    refused
}
