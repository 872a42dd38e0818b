//! Quality results on the lake: the newest ones below the configured prefixes, read once and kept until their objects
//! change. One bad object is a problem of its own and hides no other. It judges nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::SourceError;
use super::newest::{Found, Newest, Sizes, has_too_many, is_json, newest};
use crate::lake::{ByteRange, ErrorClass, Lake};
use crate::model::quality::{Origin, QualityResult, parse_results};

/// Where results lie unless the configuration says otherwise: the places of the runbook's own gates.
pub const DEFAULT_PREFIXES: [&str; 2] = ["_dq_results/", "gold/quality/"];

/// A result is a page of JSON; an object beyond this is not read. 4 MiB.
const LIMIT: u64 = 4 << 20;
/// A look is over after this, of the 15 seconds that a source has.
const IN_ALL: Duration = Duration::from_secs(14);
/// Objects whose results are kept, of those that were not listed this time.
const KEPT: usize = 5000;
/// Objects read at once: some thousand of them, of a page each, are there in time over a slow line too.
const AT_ONCE: usize = 64;

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QualityAsk {
    /// Prefixes, relative to the lake, each with its last slash.
    pub prefixes: Vec<String>,
    /// Dates that are looked into besides the last seven: those of open incidents.
    pub dates: Vec<NaiveDate>,
}

impl QualityAsk {
    /// The default prefixes, and no dates besides the last ones.
    pub fn of_defaults() -> Self {
        Self { prefixes: DEFAULT_PREFIXES.map(str::to_owned).into(), dates: Vec::new() }
    }
}

/// What was read at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QualityRead {
    /// The results, those of the newest object first.
    pub results: Vec<QualityResult>,
    /// Objects and listings that could not be read.
    pub problems: Vec<SourceError>,
    /// Whether there are results that were not looked at: older dates, or older objects.
    pub more: bool,
    /// Keys and prefixes below which not all was looked at that should be: what lay there before may lie there still.
    pub cut: Vec<String>,
    /// Listings that it took.
    pub listings: usize,
}

type Parsed = Result<Arc<Vec<QualityResult>>, SourceError>;

/// The results of one lake.
#[derive(Debug, Default)]
pub struct QualityResults {
    /// What each object said, with its tag at that time.
    kept: Mutex<HashMap<String, (String, Parsed)>>,
    sizes: Sizes,
}

impl QualityResults {
    /// Forgets what was read.
    pub fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The newest results: of the 200 newest objects, and the last word of each gate on each of its last seven dates, as keys
    /// tell gates apart, up to 2,000. An
    /// unchanged lake costs its listings alone: one for each prefix of up to 1,000 objects, and beyond that one for each
    /// level or date of it. Never fails: what could not be read is told beside what could. Datasets are not named yet: [`QualityResult::name_dataset`].
    pub async fn read(&self, lake: &dyn Lake, ask: &QualityAsk) -> QualityRead {
        let until = Instant::now() + IN_ALL;
        let Newest { found, problems, more, mut cut, listings } =
            newest(lake, &ask.prefixes, &ask.dates, is_json, &self.sizes).await;
        let reads: Vec<_> = found.iter().map(|found| self.one(lake, found)).collect();
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        let mut all: Vec<Parsed> = Vec::new();
        // What is not read in time is not lost with it: it is kept, and there at the next look.
        while let Ok(Some(parsed)) = timeout_at(until, reads.next()).await {
            all.push(parsed);
        }
        drop(reads);
        cut.extend(found.iter().skip(all.len()).map(|found| found.key.clone()));
        let mut read = QualityRead { results: Vec::new(), problems, more, cut, listings };
        let is_full = self.kept.lock().unwrap_or_else(PoisonError::into_inner).len() > KEPT;
        if read.problems.is_empty() && read.cut.is_empty() || is_full {
            let listed: HashSet<&str> = found.iter().map(|f| f.key.as_str()).collect();
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|key, _| listed.contains(key.as_str()));
        }
        for parsed in all {
            match parsed {
                Ok(results) => read.results.extend(results.iter().cloned()),
                Err(problem) => read.problems.push(problem),
            }
        }
        read
    }

    async fn one(&self, lake: &dyn Lake, found: &Found) -> Parsed {
        let tag = found.tag();
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&found.key).cloned();
        if let Some((_, parsed)) = known.filter(|(at, _)| *at == tag) {
            return parsed;
        }
        let parsed = read_one(lake, found).await.map(Arc::new);
        // What the object itself is to blame for does not change before it does; the rest is asked for again.
        let lasting = match &parsed {
            Ok(_) => true,
            Err(error) => matches!(error.class, ErrorClass::Malformed | ErrorClass::Unsupported),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match lasting {
            true => kept.insert(found.key.clone(), (tag, parsed.clone())),
            false => kept.remove(&found.key),
        };
        parsed
    }
}

/// Reads an object, or the parts of a directory one after the other. Each is pinned to what was listed, so that what is
/// kept under a tag is what the tag was of.
async fn read_one(lake: &dyn Lake, found: &Found) -> Result<Vec<QualityResult>, SourceError> {
    let uri = lake.uri(&found.key);
    let malformed = |detail: &str| SourceError::new(ErrorClass::Malformed, uri.clone(), detail);
    if has_too_many(found) {
        return Err(malformed("more than 64 parts: not a quality result"));
    }
    if found.size() > LIMIT {
        return Err(malformed("larger than 4 MiB: not a quality result"));
    }
    if found.objects.iter().any(|o| o.key.as_str().ends_with(".gz")) {
        return Err(SourceError::new(ErrorClass::Unsupported, uri, "compressed results are not read"));
    }
    let mut bytes = Vec::new();
    for object in &found.objects {
        let fetched = lake.get(&object.key, ByteRange::Whole, Some(&object.etag)).await?;
        bytes.extend_from_slice(&fetched.bytes);
        if found.objects.len() > 1 {
            bytes.push(b'\n');
        }
    }
    let etag = found.objects.first().filter(|_| found.objects.len() == 1).map(|o| o.etag.0.as_str());
    let about = Origin { key: &found.key, uri: &uri, etag, modified: found.modified };
    parse_results(&bytes, &about).map_err(|error| {
        let hint = error.hint().to_owned();
        SourceError { hint, ..SourceError::new(ErrorClass::Malformed, error.uri, error.fault) }
    })
}
