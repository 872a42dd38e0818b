//! Where a result lies, what its key tells of it, and how a family's reading becomes a [`QualityResult`]: what the body
//! says comes first, then the key, then the object's own time.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::name::TableName;
use super::{CheckStatus, QualityCheck, QualityResult};
use crate::model::dataset::Layer;
use crate::model::documents::{date, text};
use crate::model::origin::Origin;
use crate::model::reason::time;

/// How much later than its object a result may claim to be: clocks differ.
const SKEW: Duration = Duration::minutes(5);

/// What a family read of one result.
#[derive(Debug)]
pub(super) struct Reading {
    pub producer: &'static str,
    pub suite: Option<String>,
    pub table: Option<String>,
    pub layer: Option<Layer>,
    pub date: Option<NaiveDate>,
    pub at: Option<DateTime<Utc>>,
    pub checks: Vec<QualityCheck>,
    pub said: Option<bool>,
    /// Whether the writer says that critical checks failed: its `false` stands then, whatever else explains it.
    pub blocked: bool,
    pub notes: Vec<String>,
}

impl Reading {
    pub fn of(producer: &'static str) -> Self {
        Self {
            producer,
            suite: None,
            table: None,
            layer: None,
            date: None,
            at: None,
            checks: Vec::new(),
            said: None,
            blocked: false,
            notes: Vec::new(),
        }
    }

    /// The result, with what its object tells.
    pub fn at_origin(mut self, origin: &Origin<'_>) -> QualityResult {
        let key = OfKey::read(origin.key);
        let named = self.table.take().or_else(|| key.table.map(str::to_owned));
        let suite = self.suite.take().or_else(|| named.clone()).or_else(|| key.stem.map(str::to_owned));
        let table = match (named, self.producer) {
            (Some(named), _) => Some(named),
            // The pipeline's own gate calls its suites by their tables.
            (None, "gate") => suite.as_deref().map(TableName::read).and_then(|name| {
                self.layer = self.layer.or(name.layer);
                Some(name.without_layer()).filter(|name| !name.is_empty())
            }),
            (None, _) => None,
        };
        let layer = self.layer.or_else(|| TableName::read(table.as_deref()?).layer).or(key.layer);
        let evaluated_at = self.time(&key, origin.modified);
        self.explain();
        QualityResult {
            producer: self.producer,
            suite: suite.unwrap_or_else(|| origin.key.to_owned()),
            table,
            dataset: None,
            layer,
            date: self.date.or(key.date),
            evaluated_at,
            checks: self.checks,
            said: self.said,
            note: (!self.notes.is_empty()).then(|| self.notes.join("; ")),
            uri: origin.uri.to_owned(),
            etag: origin.etag.map(str::to_owned),
        }
    }

    /// When it was evaluated. Not after its object was written: such a time is local, or wrong, and would make old
    /// evidence look newer than the repair that it is to prove.
    fn time(&mut self, key: &OfKey<'_>, modified: DateTime<Utc>) -> DateTime<Utc> {
        match self.at.or(key.time) {
            Some(at) if at > modified + SKEW => {
                self.notes.push("it says a time after that of its object, which counts instead".into());
                modified
            }
            Some(at) => at,
            None => {
                self.notes.push("it says no time; that of its object counts".into());
                modified
            }
        }
    }

    /// Says what makes the result worth less than it looks, and takes back a `false` that errors alone explain: what
    /// could not be evaluated says nothing of the data.
    fn explain(&mut self) {
        let number = |status| self.checks.iter().filter(|c| c.status == status).count();
        let (failed, errors) = (number(CheckStatus::Fail), number(CheckStatus::Error));
        let evaluated = failed + number(CheckStatus::Pass);
        if errors > 0 {
            let detail = self.checks.iter().find(|c| c.status == CheckStatus::Error).and_then(|c| c.detail.as_deref());
            let detail = detail.map(|d| format!(": {d}")).unwrap_or_default();
            self.notes.push(format!("{errors} of its checks could not be evaluated{detail}"));
        }
        if self.said == Some(false) && failed == 0 && errors > 0 && !self.blocked {
            self.said = None;
            self.notes.push("its writer calls it failed for no other reason".into());
        }
        if self.said == Some(true) && evaluated == 0 {
            self.notes.push("called passed, and nothing was evaluated".into());
        } else if self.said == Some(true) && failed > 0 {
            self.notes.push("called passed, with checks that fail".into());
        }
    }
}

/// What a key tells: `dt=D/{suite}.json`, `{layer}/dq_results_{table}_{YYYYmmdd_HHMMSS}.json`.
struct OfKey<'a> {
    stem: Option<&'a str>,
    table: Option<&'a str>,
    layer: Option<Layer>,
    date: Option<NaiveDate>,
    time: Option<DateTime<Utc>>,
}

impl<'a> OfKey<'a> {
    fn read(key: &'a str) -> Self {
        let segments: Vec<&str> = key.trim_end_matches('/').split('/').collect();
        let name = segments.last().copied().unwrap_or_default();
        let stem = [".json", ".jsonl", ".ndjson"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let stem = Some(stem).filter(|s| !s.is_empty() && !s.contains('='));
        // `gold/quality/silver/…` is of the silver layer: where results lie is not what they are about.
        let begin = segments.iter().rposition(|s| *s == "quality").map_or(0, |at| at + 1);
        let about = segments.get(begin..segments.len().saturating_sub(1)).unwrap_or_default();
        let (table, time) = match stem.and_then(|s| s.strip_prefix("dq_results_")).map(split_time) {
            Some((table, time)) => (Some(table).filter(|t| !t.is_empty()), time),
            None => (None, None),
        };
        Self {
            stem,
            table,
            layer: about.iter().rev().find_map(|s| Layer::from_word(s)),
            date: segments.iter().rev().find_map(|s| date_of_segment(s)),
            time,
        }
    }
}

/// `orders_20261125_104500` in its two parts.
fn split_time(stem: &str) -> (&str, Option<DateTime<Utc>>) {
    const STAMP: usize = "_YYYYmmdd_HHMMSS".len();
    let cut = stem.len().checked_sub(STAMP).and_then(|at| stem.split_at_checked(at));
    let parsed = cut.and_then(|(table, stamp)| {
        let time = NaiveDateTime::parse_from_str(stamp, "_%Y%m%d_%H%M%S").ok()?;
        Some((table, Some(time.and_utc())))
    });
    parsed.unwrap_or((stem, None))
}

fn date_of_segment(segment: &str) -> Option<NaiveDate> {
    let (key, value) = segment.split_once('=')?;
    ["dt", "date", "day"].contains(&key).then(|| date(value)).flatten()
}

/// The layer that the body says.
pub(super) fn layer_at(object: &Map<String, Value>) -> Option<Layer> {
    Layer::from_word(object.get("layer")?.as_str()?)
}

/// The date of the data that the body says.
pub(super) fn date_at(object: &Map<String, Value>) -> Option<NaiveDate> {
    ["execution_date", "run_date", "data_date", "batch_date", "date", "dt", "ds"]
        .iter()
        .find_map(|key| date(&text(object, &[*key])?))
}

/// The first of the keys that holds a time, in the spellings of [`time`] or in that of Great Expectations' keys
/// (`20261125T104500.123456Z`).
pub(super) fn time_at(object: &Map<String, Value>, keys: &[&str]) -> Option<DateTime<Utc>> {
    let compact = |value: &Value| NaiveDateTime::parse_from_str(value.as_str()?, "%Y%m%dT%H%M%S%.fZ").ok();
    keys.iter().find_map(|key| {
        let value = object.get(*key)?;
        time(value).or_else(|| Some(compact(value)?.and_utc()))
    })
}
