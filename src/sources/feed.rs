//! The alert feed that a pipeline writes to the lake: an object an alert below a prefix, or one object with lines that
//! grows. The newest ones are read once and kept until they change. It raises nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt};

use super::SourceError;
use super::newest::{Found, Newest, Sizes, is_json, newest};
use crate::lake::{ByteRange, ErrorClass, Lake};
use crate::model::category::CategoryRule;
use crate::model::feed::{FeedLine, FeedProblem, FeedRead, parse_feed};
use crate::model::origin::Origin;

/// Of a longer object, its end is read: lines are added there. 4 MiB.
const LIMIT: u64 = 4 << 20;
/// Lines given at most, the newest ones.
const LINES: usize = 2000;
/// Objects whose lines are kept, of those that were not listed this time.
const KEPT: usize = 5000;
/// Objects read at once.
const AT_ONCE: usize = 16;

/// What was read at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeedPage {
    /// The lines, newest first.
    pub lines: Vec<FeedLine>,
    /// Parts of objects that could not be read.
    pub bad: Vec<FeedProblem>,
    /// Objects and listings that could not be read.
    pub problems: Vec<SourceError>,
    /// Whether there are lines that were not looked at.
    pub more: bool,
    /// Keys and prefixes below which not all was looked at that should be.
    pub cut: Vec<String>,
    /// Listings that it took.
    pub listings: usize,
}

/// The feeds of one lake.
#[derive(Debug, Default)]
pub struct Feeds {
    kept: Mutex<HashMap<String, (String, Arc<FeedRead>)>>,
    sizes: Sizes,
}

impl Feeds {
    /// Forgets what was read; needed when the rules of categories change.
    pub fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The newest lines below the prefixes (a whole key is one too), of the 200 newest objects
    /// and the last ones of each series of names. An unchanged lake costs
    /// its listings alone. Never fails: what could not be read is told beside what could.
    pub async fn read(&self, lake: &dyn Lake, prefixes: &[String], rules: &[CategoryRule]) -> FeedPage {
        let Newest { found, problems, more, cut, listings } = newest(lake, prefixes, &[], is_json, &self.sizes).await;
        let reads: Vec<_> = found.iter().map(|found| self.one(lake, found, rules)).collect();
        let all: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut page = FeedPage { problems, more, cut, listings, ..FeedPage::default() };
        let is_full = self.kept.lock().unwrap_or_else(PoisonError::into_inner).len() > KEPT;
        if page.problems.is_empty() && page.cut.is_empty() || is_full {
            let listed: HashSet<&str> = found.iter().map(|f| f.key.as_str()).collect();
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|key, _| listed.contains(key.as_str()));
        }
        for read in all {
            match read {
                Ok((read, cut)) => {
                    page.lines.extend(read.lines.iter().cloned());
                    page.bad.extend(read.problems.iter().cloned());
                    page.more |= cut;
                }
                Err(problem) => page.problems.push(problem),
            }
        }
        page.lines.sort_by_key(|line| std::cmp::Reverse(line.at));
        page.more |= page.lines.len() > LINES;
        page.lines.truncate(LINES);
        page
    }

    /// What an object says, and whether its beginning was left out.
    async fn one(
        &self,
        lake: &dyn Lake,
        found: &Found,
        rules: &[CategoryRule],
    ) -> Result<(Arc<FeedRead>, bool), SourceError> {
        let tag = found.tag();
        let cut = found.objects.iter().any(|o| o.size > LIMIT);
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&found.key).cloned();
        if let Some((_, read)) = known.filter(|(at, _)| *at == tag) {
            return Ok((read, cut));
        }
        let uri = lake.uri(&found.key);
        let mut read = FeedRead::default();
        for object in &found.objects {
            if object.key.as_str().ends_with(".gz") {
                return Err(SourceError::new(ErrorClass::Unsupported, uri, "compressed feeds are not read"));
            }
            let fetched = lake.get(&object.key, ByteRange::Suffix(LIMIT), Some(&object.etag)).await?;
            // Where the beginning is left out, the first line is not whole.
            let whole = fetched.offset == 0;
            let begin = if whole { 0 } else { fetched.bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1) };
            let about = Origin { key: &found.key, uri: &uri, etag: Some(&object.etag.0), modified: object.modified };
            let part = parse_feed(fetched.bytes.get(begin..).unwrap_or_default(), &about, rules);
            read.lines.extend(part.lines);
            read.problems.extend(part.problems);
        }
        let read = Arc::new(read);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(found.key.clone(), (tag, Arc::clone(&read)));
        Ok((read, cut))
    }
}
