//! Plans a backfill, and reads what the lake knows of those there were. A day counts as right only on evidence: data with
//! rows in its partition, and nothing that speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};

use super::gate::{GateError, WorkRef, chance};
use super::moves::records;
use super::partition::look;
use super::{Session, Snapshot};
use crate::lake::{Key, Lake, LakeError, listing};
use crate::model::alert::{Alert, AlertRule};
use crate::model::backfill::{Backfill, BackfillPlan, DayRecord, PlannedDay, SCHEMA, Standing, days};
use crate::model::dataset::Dataset;
use crate::model::partition::Partition;
use crate::model::severity::Severity;
use crate::model::work::{Variables, WorkId};

/// Partitions, or records, looked at side by side.
const AT_ONCE: usize = 8;
/// What is known of the lake counts for so long.
const KNOWN_FOR: Duration = Duration::seconds(90);
/// Backfills that a listing tells of, the newest.
const MOST: usize = 100;

/// Where a backfill lies; ends in `/`.
pub(in crate::ops) fn folder(state: &str, id: &WorkId) -> String {
    format!("{state}backfills/{id}/")
}

/// Its plan.
pub(in crate::ops) fn plan_key(state: &str, id: &WorkId) -> Key {
    Key(format!("{}plan.json", folder(state, id)))
}

/// What is known of one of its days.
pub(in crate::ops) fn day_key(state: &str, id: &WorkId, date: NaiveDate) -> Key {
    Key(format!("{}days/{date}.json", folder(state, id)))
}

/// A backfill as the lake knows it; none if it does not.
pub(in crate::ops) async fn read_backfill(
    lake: &dyn Lake,
    state: &str,
    id: &WorkId,
) -> Result<Option<Backfill>, LakeError> {
    if !id.is_sound() {
        return Ok(None);
    }
    let Some(plan) = records::read::<BackfillPlan>(lake, &plan_key(state, id)).await? else { return Ok(None) };
    let pages: Vec<_> = listing::pages(lake, &format!("{}days/", folder(state, id))).try_collect().await?;
    let keys: Vec<Key> = pages.into_iter().flat_map(|page| page.objects).map(|o| o.key).collect();
    let reads: Vec<_> = keys.iter().map(|key| records::read::<DayRecord>(lake, key)).collect();
    let read: Vec<Option<DayRecord>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let records: BTreeMap<NaiveDate, DayRecord> = read.into_iter().flatten().map(|r| (r.date, r)).collect();
    Ok(Some(Backfill { plan, records }))
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillAsk {
    /// The dataset.
    pub dataset: Dataset,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Runs at once.
    pub parallel: u32,
    /// Also days that are right.
    pub force: bool,
}

impl Session {
    /// The plan of a backfill.
    pub async fn plan_backfill(&self, ask: &BackfillAsk, now: DateTime<Utc>) -> Result<BackfillPlan, GateError> {
        let mut refused = Vec::new();
        let all = days(ask.from, ask.to).map_err(|why| refused.push(why)).unwrap_or_default();
        let settings = self.settings.dataset(&ask.dataset);
        let data = settings.and_then(|d| d.data_prefix.clone());
        let job = self.settings.job_of(&ask.dataset).cloned();
        if data.is_none() {
            let why = "where its data lands is not configured (data_prefix), so no effect could be seen";
            refused.push(format!("{}: {why}", ask.dataset));
        }
        if job.is_none() {
            refused.push(format!(
                "no job fills {}: job = \"JOB\" in its [[datasets]] table, or in that of its layer in [[layers]]",
                ask.dataset
            ));
        }
        let mut planned = Vec::new();
        if let (Some(data), Some(job), true) = (&data, &job, refused.is_empty()) {
            let known = self.known_now(now).await;
            let starter = self.starter(job, now).await.map_err(|why| refused.push(why)).ok();
            let against = Against::of(&known, &ask.dataset);
            let looks: Vec<_> = all.iter().map(|date| look(&self.lake, data, Some(*date), &self.cache)).collect();
            let there: Vec<Partition> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            for (date, there) in all.into_iter().zip(there) {
                let (right, why) = against.judge(date, &there);
                let why = if right && ask.force { format!("forced, though {why}") } else { why };
                let variables = Variables { date: Some(date), dataset: Some(ask.dataset.clone()), entry: None };
                let launch = match right && !ask.force {
                    true => None,
                    false => match starter.as_ref().map(|starter| starter.launch(&variables, true)) {
                        Some(Ok(launch)) => Some(launch),
                        Some(Err(why)) => {
                            refused.push(why);
                            break;
                        }
                        None => None,
                    },
                };
                planned.push(PlannedDay { date, why, there, launch });
            }
        }
        Ok(BackfillPlan {
            schema: SCHEMA,
            id: WorkId::of(now, chance()),
            lake: self.lake.url().to_owned(),
            dataset: ask.dataset.clone(),
            job,
            data,
            from: ask.from,
            to: ask.to,
            parallel: ask.parallel,
            force: ask.force,
            at: now,
            actor: self.gate().map(|gate| gate.actor().name()).unwrap_or_default(),
            days: planned,
            refused,
        })
    }

    /// One backfill.
    pub async fn backfill(&self, id: &WorkId) -> Result<Backfill, GateError> {
        let known = read_backfill(self.lake.as_ref(), &self.settings.prefixes.state, id).await?;
        known.ok_or_else(|| GateError::Blocked {
            why: format!("no backfill {id}"),
            hint: "lakeward backfill list shows those there are".to_owned(),
        })
    }

    /// The backfills there were, the newest first.
    pub async fn backfills(&self) -> Result<Vec<Backfill>, LakeError> {
        let state = &self.settings.prefixes.state;
        let root = format!("{state}backfills/");
        let levels: Vec<_> = listing::level(self.lake.as_ref(), &root).try_collect().await?;
        let names = levels.iter().flat_map(|page| &page.prefixes);
        let mut ids: Vec<WorkId> =
            names.filter_map(|p| Some(WorkId(p.strip_prefix(&root)?.trim_end_matches('/').to_owned()))).collect();
        ids.sort();
        let reads: Vec<_> =
            ids.iter().rev().take(MOST).map(|id| read_backfill(self.lake.as_ref(), state, id)).collect();
        let read: Vec<Option<Backfill>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Backfills that are not over and that this machine's journals know nothing of: another host began them, and may be on
    /// them still. What cannot be listed is none.
    pub async fn unfinished_elsewhere(&self, own: &[WorkRef]) -> Vec<WorkRef> {
        let backfills = self.backfills().await.unwrap_or_else(|error| {
            tracing::warn!("whether a backfill is unfinished is not known: {error}");
            Vec::new()
        });
        // What this host began and its journal has no more was stopped by whoever began it.
        let host = |name: &str| name.rsplit('@').next().unwrap_or_default().to_owned();
        let here = self.gate().map(|gate| host(&gate.actor().name()));
        let open = backfills.into_iter().filter(|backfill| {
            backfill.standing() == Standing::Unfinished && here.as_ref() != Some(&host(&backfill.plan.actor))
        });
        open.map(|backfill| WorkRef::Backfill { id: backfill.plan.id }).filter(|work| !own.contains(work)).collect()
    }

    /// What is known of the lake, read anew unless that is but a moment ago.
    pub(super) async fn known_now(&self, now: DateTime<Utc>) -> Snapshot {
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match last.taken {
            Some(taken) if now - taken < KNOWN_FOR => last,
            _ => self.refresh_due(now, |_| {}).await,
        }
    }
}

/// What speaks against a day's data being right.
struct Against {
    rejected: BTreeSet<NaiveDate>,
    alerts: BTreeMap<NaiveDate, String>,
}

impl Against {
    fn of(known: &Snapshot, dataset: &Dataset) -> Self {
        let entries = known.entries.iter().filter(|e| e.dataset == *dataset);
        // How long a run took says nothing of its data.
        let speaks = |a: &&Alert| a.severity != Severity::Info && a.rule != AlertRule::JobDuration;
        let alerts = known.alerts.iter().filter(|a| a.dataset == *dataset).filter(speaks);
        Self {
            rejected: entries.filter_map(|e| e.date).collect(),
            alerts: alerts.filter_map(|a| Some((a.date?, a.summary.clone()))).collect(),
        }
    }

    /// Whether a day is known to be right, and why it is or is not.
    fn judge(&self, date: NaiveDate, there: &Partition) -> (bool, String) {
        if there.objects == 0 {
            return (false, "nothing lies there".to_owned());
        }
        if let Some(fault) = &there.fault {
            return (false, format!("it cannot be read: {fault}"));
        }
        let rows = match there.rows {
            Some(0) => return (false, "it has no rows".to_owned()),
            Some(rows) => crate::model::text::thousands(rows),
            None => return (false, "its rows cannot be counted".to_owned()),
        };
        if self.rejected.contains(&date) {
            return (false, format!("{rows} rows, and a dead letter of that day is open"));
        }
        if let Some(alert) = self.alerts.get(&date) {
            return (false, format!("{rows} rows, and an alert is open: {alert}"));
        }
        (true, format!("verified: {rows} rows, no dead letter, no alert"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_right_on_evidence_alone() {
        let date = |n| NaiveDate::from_ymd_opt(2026, 11, n).unwrap_or_default();
        let against =
            Against { rejected: [date(2)].into(), alerts: [(date(3), "3 of 4 checks pass".to_owned())].into() };
        let there = |objects, rows| Partition { objects, rows, ..Partition::default() };
        for (day, partition, right, why) in [
            (1, there(0, None), false, "nothing lies there"),
            (1, there(1, Some(0)), false, "no rows"),
            (1, there(1, None), false, "cannot be counted"),
            (1, Partition { fault: Some("torn".into()), ..there(1, None) }, false, "cannot be read: torn"),
            (1, there(2, Some(1200)), true, "verified: 1,200 rows"),
            (2, there(2, Some(5)), false, "dead letter"),
            (3, there(2, Some(5)), false, "3 of 4 checks"),
        ] {
            let (is, said) = against.judge(date(day), &partition);
            assert!(is == right && said.contains(why), "{day} {partition:?}: {said}");
        }
    }
}
