//! The newest objects below a prefix, without listing years: levels that are dates are found by their names, and only
//! the last of them are looked into. Spark's directories of parts are one find. It reads no bytes.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::lake::path::DateLevel;
use crate::lake::{ErrorClass, Lake, LakeError, ListPage, ObjectMeta, listing};

/// Objects taken at most, the newest ones; as many again of the dates that are asked for.
pub(super) const MOST: usize = 200;
/// Dates looked into, from the last one back: late results of the days before count too.
const DATES: usize = 7;
/// Years and months looked into, where they are levels of their own.
const SPANS: usize = 2;
/// Levels below the prefix that may hold other levels.
const DEPTH: usize = 5;
/// Pages of listings in all; a prefix that has more is not one of results.
const PAGES: usize = 40;
/// Parts of one directory; a result has one or a few.
const PARTS: usize = 64;
/// Listings at once.
const AT_ONCE: usize = 8;

/// An object, or a directory of Spark parts.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The object's key; of a directory, with its last slash.
    pub key: String,
    /// The object itself, or the parts in key order.
    pub objects: Vec<ObjectMeta>,
    /// When the newest of them was written.
    pub modified: DateTime<Utc>,
}

impl Found {
    /// What changes whenever one of the objects does.
    pub fn tag(&self) -> String {
        self.objects.iter().map(|o| format!("{}\n{}\n", o.key, o.etag.0)).collect()
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.objects.iter().map(|o| o.size).sum()
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Newest first.
    pub found: Vec<Found>,
    /// Listings that failed.
    pub problems: Vec<LakeError>,
    /// Whether there is more that was not looked at, or not taken.
    pub more: bool,
}

/// The newest objects below the prefixes whose names `wanted` takes. Dates in `also` are looked into as well: a backfill
/// writes its results under the date that it repairs.
pub(super) async fn newest(
    lake: &dyn Lake,
    prefixes: &[String],
    also: &[NaiveDate],
    wanted: fn(&str) -> bool,
) -> Newest {
    let mut walk = Walk { lake, also, wanted, pages: PAGES, kept: BTreeMap::new(), problems: Vec::new(), more: false };
    for prefix in prefixes {
        if let Err(error) = walk.below(prefix).await
            && error.class != ErrorClass::NotFound
        {
            walk.problems.push(error);
        }
    }
    let mut found: Vec<Found> = walk.kept.into_iter().filter_map(|(key, objects)| found(key, objects)).collect();
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| b.key.cmp(&a.key)));
    let more = walk.more || found.len() > MOST;
    // Those of a date that was asked for are not hidden by newer ones of others.
    let asked = |found: &Found| found.key.split('/').filter_map(day).any(|date| also.contains(&date));
    let mut place = 0;
    found.retain(|found| {
        place += 1;
        place <= MOST || asked(found)
    });
    found.truncate(2 * MOST);
    Newest { found, problems: walk.problems, more }
}

/// Empty parts stand beside full ones.
fn found(key: String, mut objects: Vec<ObjectMeta>) -> Option<Found> {
    if objects.len() > 1 {
        objects.retain(|o| o.size > 0);
    }
    let modified = objects.iter().map(|o| o.modified).max()?;
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects.truncate(PARTS + 1); // one too many is a fault that the reader names
    Some(Found { key, objects, modified })
}

/// Whether a directory has more parts than are read.
pub(super) fn has_too_many(found: &Found) -> bool {
    found.objects.len() > PARTS
}

struct Walk<'a> {
    lake: &'a dyn Lake,
    also: &'a [NaiveDate],
    wanted: fn(&str) -> bool,
    pages: usize,
    kept: BTreeMap<String, Vec<ObjectMeta>>,
    problems: Vec<LakeError>,
    more: bool,
}

impl Walk<'_> {
    async fn below(&mut self, prefix: &str) -> Result<(), LakeError> {
        let mut left = vec![(prefix.to_owned(), 0)];
        while let Some((prefix, depth)) = left.pop() {
            let mut levels = Vec::new();
            let mut pages = std::pin::pin!(listing::level(self.lake, &prefix));
            while let Some(page) = pages.try_next().await? {
                levels.extend(page.prefixes.iter().cloned());
                if !self.take(page) {
                    return Ok(());
                }
            }
            let (dates, others) = self.sorted(levels);
            self.dated(dates).await?;
            if depth == DEPTH {
                self.more |= !others.is_empty();
            } else {
                left.extend(others.into_iter().map(|level| (level, depth + 1)));
            }
        }
        Ok(())
    }

    /// The last dates, each whole.
    async fn dated(&mut self, dates: Vec<String>) -> Result<(), LakeError> {
        let lake = self.lake;
        let reads: Vec<_> = dates
            .into_iter()
            .map(|date| async move { listing::pages(lake, &date).try_collect::<Vec<_>>().await })
            .collect();
        let all: Vec<Result<Vec<ListPage>, LakeError>> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        for pages in all {
            for page in pages? {
                if !self.take(page) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The dates to look into, and the levels that are none. Of years and months the last; hidden ones never.
    fn sorted(&mut self, levels: Vec<String>) -> (Vec<String>, Vec<String>) {
        let (mut dates, mut spans, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for level in levels {
            let segment = level.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            match (day(segment), span(segment)) {
                _ if segment.starts_with(['_', '.']) => {}
                (Some(date), _) => dates.push((date, level)),
                (None, Some(number)) => spans.push((number, level)),
                _ => others.push(level),
            }
        }
        dates.sort_by(|a, b| b.cmp(a));
        spans.sort_by(|a, b| b.cmp(a));
        self.more |= dates.len() > DATES || spans.len() > SPANS;
        others.extend(spans.into_iter().take(SPANS).map(|(_, level)| level));
        let also = self.also;
        let dates = dates.into_iter().enumerate().filter(|(i, (date, _))| *i < DATES || also.contains(date));
        (dates.map(|(_, (_, level))| level).collect(), others)
    }

    /// Takes in a page; whether more may be listed.
    fn take(&mut self, page: ListPage) -> bool {
        for object in page.objects {
            let key = object.key.as_str();
            let (folder, name) = key.rsplit_once('/').map_or(("", key), |(folder, name)| (folder, name));
            let hidden = name.is_empty() || name.starts_with(['_', '.']);
            if hidden
                || ["/_delta_log/", "/_temporary/"].iter().any(|level| key.contains(level))
                || !(self.wanted)(name)
            {
                continue;
            }
            let kept = if name.starts_with("part-") { format!("{folder}/") } else { key.to_owned() };
            self.kept.entry(kept).or_default().push(object);
        }
        self.pages = self.pages.saturating_sub(1);
        self.more |= self.pages == 0;
        self.pages > 0
    }
}

/// The date of a level: `dt=2026-11-25`, or the date alone.
fn day(segment: &str) -> Option<NaiveDate> {
    match DateLevel::of_segment(segment) {
        // Two digits are the day of a month that is a level of its own.
        Some(level) => level.date(),
        None => NaiveDate::parse_from_str(segment, "%Y-%m-%d").ok(),
    }
}

/// The number of a level that is a year, a month or a day of one.
fn span(segment: &str) -> Option<u32> {
    let (key, number) = segment.split_once('=')?;
    ["year", "month", "day", "yyyy", "mm", "dd"].contains(&key).then(|| number.parse().ok()).flatten()
}

/// JSON by its name: results, feeds and records are written so. A part of Spark may have no ending.
pub(super) fn is_json(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let ends = [".json", ".jsonl", ".ndjson"].iter().any(|end| plain.ends_with(end));
    ends || name.starts_with("part-") && !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_json_and_of_dates() {
        for (name, json) in [
            ("a.json", true),
            ("a.jsonl", true),
            ("part-00000-c000.json", true),
            ("part-00000", true),
            ("a.json.gz", true),
            ("part-0.snappy.parquet", false),
            ("report.html", false),
            ("README", false),
        ] {
            assert_eq!(is_json(name), json, "{name}");
        }
        assert_eq!(day("dt=2026-11-25"), NaiveDate::from_ymd_opt(2026, 11, 25));
        assert_eq!(day("2026-11-25"), NaiveDate::from_ymd_opt(2026, 11, 25));
        assert_eq!((day("silver"), day("dt=soon"), day("day=25")), (None, None, None));
        assert_eq!(
            (span("year=2026"), span("day=25"), span("month=x"), span("run_id=7")),
            (Some(2026), Some(25), None, None)
        );
    }
}
