//! The newest objects below a prefix, without listing years: levels that are dates are found by their names, and only
//! the last of them are looked into. Spark's directories of parts are one find. It reads no bytes.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::series::last_words;
use crate::lake::path::DateLevel;
use crate::lake::{ErrorClass, Lake, LakeError, ListRequest, ObjectMeta};

/// Objects taken, the newest ones; as many again of the dates that are asked for.
const MOST: usize = 200;
/// Taken besides, however many others are newer: the last words of each series on its last dates. A gate that failed
/// yesterday is not hidden by 200 that ran since.
const LAST_WORDS: usize = 2000;
/// Objects of listings in all.
const OBJECTS: usize = 50_000;
/// Dates looked into, from the last one back: late results of the days before count too.
pub(super) const DATES: usize = 7;
/// Years and months looked into, where they are levels of their own.
const SPANS: usize = 2;
/// Levels below the prefix that may hold other levels.
const DEPTH: usize = 5;
/// Pages of one level or date, which come one after the other.
const PAGES: usize = 40;
/// Listings in all.
const LISTINGS: usize = 1000;
/// A walk ends after this with what it has: there is time left to read that, of the 15 seconds that a source has.
const WALK: Duration = Duration::from_secs(9);
/// Parts of one directory; a result has one or a few.
const PARTS: usize = 64;
/// Listings at once.
const AT_ONCE: usize = 16;

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
    /// Whether there is more that was not looked at, or not taken: older dates, older objects.
    pub more: bool,
    /// Where what was found is not all that should have been looked at: prefixes with more pages, levels or series than
    /// are read. What lay below them before may lie there still.
    pub cut: Vec<String>,
    /// Listings that it took.
    pub listings: usize,
}

/// Which prefixes hold more than one page of a listing tells, as it was last time.
#[derive(Debug, Default)]
pub(super) struct Sizes(Mutex<HashSet<String>>);

impl Sizes {
    fn is_large(&self, prefix: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(prefix)
    }

    fn note_large(&self, prefix: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(prefix.to_owned());
    }
}

/// The newest objects below the prefixes whose names `wanted` takes. Dates in `also` are looked into as well: a backfill
/// writes its results under the date that it repairs. A prefix of one page costs one request. A larger one is walked by
/// its levels, each of which costs one request if it is one page: all listings of one depth, of whichever prefix, wait
/// for each other no longer than one does.
pub(super) async fn newest(
    lake: &dyn Lake,
    prefixes: &[String],
    also: &[NaiveDate],
    wanted: fn(&str) -> bool,
    sizes: &Sizes,
) -> Newest {
    let left = AtomicUsize::new(LISTINGS);
    let mut walk = Walk {
        lake,
        also,
        wanted,
        sizes,
        left,
        until: Instant::now() + WALK,
        objects: AtomicUsize::new(0),
        kept: BTreeMap::new(),
        problems: Vec::new(),
        more: false,
        cut: Vec::new(),
    };
    walk.below(prefixes).await;
    let listings = LISTINGS - walk.left.load(Ordering::Relaxed);
    let mut found: Vec<Found> = walk.kept.into_iter().filter_map(|(key, objects)| found(key, objects)).collect();
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| b.key.cmp(&a.key)));
    let (more, mut cut) = (walk.more || found.len() > MOST, walk.cut);
    // Those of a date that was asked for are not hidden by newer ones of others; nor is the last word of a series.
    let asked = |found: &Found| found.key.split('/').filter_map(day).any(|date| also.contains(&date));
    let words = last_words(found.iter().map(|found| (found.key.as_str(), found.modified)), prefixes);
    let (mut place, mut beyond, mut taken) = (0, 0, 0);
    found.retain(|found| {
        place += 1;
        let by_date = beyond < MOST && place > MOST && asked(found);
        beyond += usize::from(by_date);
        if place <= MOST || by_date || !words.contains(&(place - 1)) {
            return place <= MOST || by_date;
        }
        taken += 1;
        if taken > LAST_WORDS {
            cut.extend(prefixes.iter().filter(|prefix| found.key.starts_with(prefix.as_str())).cloned());
        }
        taken <= LAST_WORDS
    });
    cut.sort();
    cut.dedup();
    Newest { found, problems: walk.problems, more, cut, listings }
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
    sizes: &'a Sizes,
    /// Listings that may still be asked for, and until when.
    left: AtomicUsize,
    until: Instant,
    objects: AtomicUsize,
    kept: BTreeMap<String, Vec<ObjectMeta>>,
    problems: Vec<LakeError>,
    more: bool,
    cut: Vec<String>,
}

/// What is listed beside others.
#[derive(Clone, Copy)]
enum Below {
    /// All of a level so many below its prefix, if it is one page.
    Whole(usize),
    /// A level so many below its prefix, whose levels are looked into next.
    Level(usize),
    /// A date, whole.
    Date,
}

impl Walk<'_> {
    fn fault(&mut self, error: LakeError) {
        if error.class != ErrorClass::NotFound {
            self.problems.push(error);
        }
    }

    /// Walks what is known whole, as it would be listed.
    fn within(&mut self, prefix: &str, objects: Vec<ObjectMeta>, depth: usize) {
        let (mut own, mut below) = (Vec::new(), BTreeMap::<String, Vec<ObjectMeta>>::new());
        for object in objects {
            let key = object.key.as_str();
            let end = key.get(prefix.len()..).and_then(|rest| rest.find('/')).map(|at| prefix.len() + at);
            match end.and_then(|end| key.get(..=end)).map(str::to_owned) {
                Some(level) => below.entry(level).or_default().push(object),
                None => own.push(object),
            }
        }
        self.take(own);
        let (dates, others) = self.sorted(below.keys().cloned().collect());
        for date in dates {
            let all = below.remove(&date).unwrap_or_default();
            self.take(all);
        }
        if depth == DEPTH {
            self.cut.extend(others);
            return;
        }
        for level in others {
            let all = below.remove(&level).unwrap_or_default();
            self.within(&level, all, depth + 1);
        }
    }

    /// How to look into a level: at once, unless it is known to be more than a page.
    fn begin(&self, level: String, depth: usize) -> (Below, String) {
        match self.sizes.is_large(&level) {
            true => (Below::Level(depth), level),
            false => (Below::Whole(depth), level),
        }
    }

    /// Walks what is to be listed, all of one depth at once: levels, and the dates that were found a level before.
    async fn below(&mut self, prefixes: &[String]) {
        let mut next: Vec<_> = prefixes.iter().map(|prefix| self.begin(prefix.clone(), 0)).collect();
        while !next.is_empty() {
            let reads: Vec<_> = next.iter().map(|(below, prefix)| self.listed(*below, prefix)).collect();
            let all: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
            let mut deeper = Vec::new();
            for ((below, prefix), Listed { found, levels, end, fault }) in next.into_iter().zip(all) {
                if let Some(error) = fault {
                    self.fault(error);
                }
                if end == End::Cut {
                    self.cut.push(prefix.clone());
                }
                match (below, end) {
                    (Below::Whole(depth), End::More) => {
                        self.sizes.note_large(&prefix);
                        deeper.push((Below::Level(depth), prefix));
                    }
                    (Below::Whole(depth), _) => self.within(&prefix, found, depth),
                    (Below::Date, _) => self.take(found),
                    (Below::Level(depth), _) => {
                        self.take(found);
                        let (dates, others) = self.sorted(levels);
                        deeper.extend(dates.into_iter().map(|date| (Below::Date, date)));
                        match depth < DEPTH {
                            true => deeper.extend(others.into_iter().map(|level| self.begin(level, depth + 1))),
                            false => self.cut.extend(others),
                        }
                    }
                }
            }
            next = deeper;
        }
    }

    async fn listed(&self, below: Below, prefix: &str) -> Listed {
        let mut listed = Listed { found: Vec::new(), levels: Vec::new(), end: End::All, fault: None };
        let (most, after_most) = match below {
            Below::Whole(_) => (1, End::More),
            Below::Level(_) | Below::Date => (PAGES, End::Cut),
        };
        let delimited = matches!(below, Below::Level(_));
        let mut request = ListRequest { prefix: prefix.to_owned(), delimited, ..ListRequest::default() };
        for _ in 0..most {
            let is_enough = Instant::now() > self.until || self.objects.load(Ordering::Relaxed) >= OBJECTS;
            let took = |left: usize| left.checked_sub(1);
            if is_enough || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took).is_err() {
                return Listed { end: End::Cut, ..listed };
            }
            match self.lake.list(&request).await {
                Ok(page) => {
                    self.objects.fetch_add(page.objects.len(), Ordering::Relaxed);
                    listed.found.extend(page.objects);
                    listed.levels.extend(page.prefixes);
                    let Some(after) = page.continuation else { return listed };
                    request.continuation = Some(after);
                }
                Err(error) => return Listed { fault: Some(error), ..listed },
            }
        }
        Listed { end: after_most, ..listed }
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

    /// Takes in what was found.
    fn take(&mut self, objects: Vec<ObjectMeta>) {
        for object in objects {
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
    }
}

/// How a listing ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its last page, or a fault.
    All,
    /// After the one page that was asked for: there are more.
    More,
    /// Where no more pages are asked for.
    Cut,
}

/// What one listing told before it ended.
struct Listed {
    found: Vec<ObjectMeta>,
    levels: Vec<String>,
    end: End,
    fault: Option<LakeError>,
}

/// The date of a level: `dt=2026-11-25`, or the date alone.
pub(super) fn day(segment: &str) -> Option<NaiveDate> {
    match DateLevel::of_segment(segment) {
        // Two digits are the day of a month that is a level of its own.
        Some(level) => level.date(),
        None => NaiveDate::parse_from_str(segment, "%Y-%m-%d").ok(),
    }
}

/// The number of a level that is a year, a month or a day of one.
pub(super) fn span(segment: &str) -> Option<u32> {
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
