//! Logs that lie in objects: what EMR Serverless writes to S3, gzipped, one object a stream and process, replaced every
//! quarter of a minute while the run goes on. Following is listing again and reading on where an object grew.

mod gunzip;
mod position;
mod reader;
mod streams;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;

use self::position::{Place, Position};
use self::reader::Reader;
use self::streams::Stream;
use super::SourceError;
use super::line_time::line_time;
use super::logs::{LogCursor, LogPage, LogQuery, LogSource, RawLine};
use crate::lake::s3::{S3Lake, S3Settings};
use crate::lake::{ErrorClass, Lake, ObjectMeta, listing};
use crate::model::run::LogPlace;

/// Text that one reading goes through at most, whether it gives its lines or not. 64 MiB: the cursor goes on.
const SCANNED: u64 = 64 << 20;
/// The most objects of one run that are looked at.
const OBJECTS: usize = 10_000;
/// An object that was not replaced for so long is not written any more: its last line is given though nothing ends it.
/// Four times the quarter of a minute after which EMR Serverless writes anew.
const SETTLED: TimeDelta = TimeDelta::seconds(60);

/// Opens the bucket of that name.
type Open = dyn Fn(&str) -> Arc<dyn Lake> + Send + Sync;

/// Logs under prefixes of buckets.
pub struct S3Logs {
    open: Box<Open>,
    buckets: Mutex<HashMap<String, Arc<dyn Lake>>>,
    /// The object that the last page ended in, so that the next page need not unfold it from its beginning.
    parked: Mutex<Option<(String, Reader)>>,
}

impl fmt::Debug for S3Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Logs").finish_non_exhaustive()
    }
}

impl S3Logs {
    /// Reads any bucket as the lake is read; bucket and prefix of these settings do not count, nor does the account
    /// that the lake's bucket must belong to. Asks nobody yet.
    pub fn new(settings: S3Settings) -> Self {
        Self::over(move |bucket| {
            let prefix = String::new();
            let bucket = bucket.to_owned();
            let settings = S3Settings { bucket, prefix, expected_bucket_owner: None, ..settings.clone() };
            Arc::new(S3Lake::connect(settings))
        })
    }

    /// Over any lake: `open` gives that of a bucket.
    pub fn over(open: impl Fn(&str) -> Arc<dyn Lake> + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open), buckets: Mutex::default(), parked: Mutex::default() }
    }

    fn bucket(&self, name: &str) -> Arc<dyn Lake> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry(name.to_owned()).or_insert_with(|| (self.open)(name)))
    }

    /// The reader of an object at a place, the parked one if it stands there.
    async fn reader(&self, lake: &Arc<dyn Lake>, object: &ObjectMeta, at: u64) -> Result<Reader, SourceError> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stands = |(bucket, reader): &(String, Reader)| {
            let known = reader.object();
            bucket == lake.url() && known.key == object.key && known.etag == object.etag && reader.at() == at
        };
        if let Some((_, reader)) = parked.filter(stands) {
            return Ok(reader);
        }
        let mut reader = Reader::new(Arc::clone(lake), object.clone());
        reader.skip_to(at).await?;
        Ok(reader)
    }

    fn park(&self, lake: &Arc<dyn Lake>, reader: Reader) {
        *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some((lake.url().to_owned(), reader));
    }
}

/// Bucket and prefix of an address.
fn split(address: &str) -> Option<(&str, &str)> {
    let (bucket, prefix) = address.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !prefix.is_empty()).then_some((bucket, prefix))
}

/// The streams below a prefix, and whether these are all.
async fn list(lake: &dyn Lake, prefix: &str) -> Result<(Vec<Stream>, bool), SourceError> {
    let mut objects = Vec::new();
    let mut pages = std::pin::pin!(listing::pages(lake, prefix));
    let mut all = true;
    while let Some(page) = pages.try_next().await? {
        let own = page.objects.into_iter().filter_map(|object| {
            let relative = object.key.as_str().strip_prefix(prefix)?.to_owned();
            Some((relative, object))
        });
        objects.extend(own);
        if objects.len() > OBJECTS {
            all = false;
            break;
        }
    }
    Ok((streams::streams(objects), all))
}

/// One reading under way.
struct Reading<'a> {
    logs: &'a S3Logs,
    lake: Arc<dyn Lake>,
    query: &'a LogQuery,
    most: usize,
    page: LogPage,
    /// Bytes of text that may still be gone through.
    left: u64,
    now: DateTime<Utc>,
}

/// How the reading of an object went.
#[derive(PartialEq, Eq)]
enum Went {
    /// To its end, as it is now.
    Through,
    /// The page is full.
    Full,
    /// It was replaced meanwhile: there is more.
    Replaced,
}

#[async_trait]
impl LogSource for S3Logs {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn requests(&self) -> Option<u64> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Some(buckets.values().map(|lake| lake.counters().read().requests()).sum())
    }

    fn reads(&self, place: &LogPlace) -> bool {
        matches!(place, LogPlace::S3 { .. })
    }

    /// Stream after stream: the driver's first, then the executors', of each attempt in turn; within a stream oldest
    /// first. What follows are the lines that came since, again stream after stream.
    async fn read(&self, place: &LogPlace, query: &LogQuery, from: Option<&LogCursor>) -> Result<LogPage, SourceError> {
        let LogPlace::S3 { prefix: address } = place else {
            return Err(SourceError::new(ErrorClass::Unsupported, "s3", "not a place on S3"));
        };
        let (bucket, prefix) = split(address)
            .ok_or_else(|| SourceError::new(ErrorClass::Malformed, address, "not the address of a prefix on S3"))?;
        let mut position = match from {
            Some(cursor) => Position::read(cursor)
                .ok_or_else(|| SourceError::new(ErrorClass::Malformed, address, "a cursor of another source"))?,
            None => Position::default(),
        };
        let lake = self.bucket(bucket);
        let (streams, all) = list(lake.as_ref(), prefix).await?;
        let mut reading = Reading {
            logs: self,
            lake,
            query,
            most: query.most.max(1),
            page: LogPage::default(),
            left: SCANNED,
            now: Utc::now(),
        };
        if !all {
            reading.miss(&format!("of more than {OBJECTS} objects the first were read"));
        }
        reading.page.at_end = true;
        for stream in &streams {
            let went = reading.stream(stream, position.of(&stream.name)).await?;
            reading.page.at_end &= went == Went::Through;
            if went == Went::Full {
                break;
            }
        }
        let mut page = reading.page;
        page.next = Some(position.cursor());
        Ok(page)
    }
}

impl Reading<'_> {
    fn miss(&mut self, what: &str) {
        let missing = self.page.missing.get_or_insert_default();
        if !missing.is_empty() {
            missing.push_str("; ");
        }
        missing.push_str(what);
    }

    async fn stream(&mut self, stream: &Stream, place: &mut Place) -> Result<Went, SourceError> {
        // An archive that was cleared away takes its place in the count with it.
        place.part = place.part.min(stream.parts.len().saturating_sub(1));
        while let Some(object) = stream.parts.get(place.part) {
            let last = place.part + 1 == stream.parts.len();
            if place.through.as_deref() != Some(object.etag.0.as_str()) {
                match self.object(stream, object, last, place).await {
                    Ok(Went::Through) => {}
                    Ok(went) => return Ok(went),
                    // Replaced or rotated since it was listed: the next reading finds it.
                    Err(e) if matches!(e.class, ErrorClass::Conflict | ErrorClass::NotFound) => {
                        return Ok(Went::Replaced);
                    }
                    Err(e) if e.class == ErrorClass::Unsupported => self.miss(&format!("{}: {}", stream.name, e.hint)),
                    Err(e) => return Err(e),
                }
            }
            let next = stream.parts.get(place.part + 1).filter(|next| !place.is_of(&next.etag.0));
            if next.is_none() {
                break; // what was archived just now is still there as what is written now, too
            }
            *place = Place { part: place.part + 1, time: place.time, ..Place::default() };
        }
        Ok(Went::Through)
    }

    async fn object(
        &mut self,
        stream: &Stream,
        object: &ObjectMeta,
        last: bool,
        place: &mut Place,
    ) -> Result<Went, SourceError> {
        let mut reader = self.logs.reader(&self.lake, object, place.at).await?;
        if reader.at() < place.at {
            // It is shorter than what was read of it: it began anew.
            reader = Reader::new(Arc::clone(&self.lake), object.clone());
            place.at = 0;
        }
        let tag = Some(object.etag.0.clone());
        // A line that nothing ends is a line if nothing more is going to come.
        let settled = !last || place.held == tag || self.now - object.modified > SETTLED;
        loop {
            if self.page.lines.len() == self.most || self.left == 0 {
                self.logs.park(&self.lake, reader);
                return Ok(Went::Full);
            }
            let Some(line) = reader.line().await? else { break };
            if !line.ended && !settled {
                place.held = tag;
                self.damage(stream, &reader);
                return Ok(Went::Through);
            }
            self.left = self.left.saturating_sub(line.end - place.at);
            place.at = line.end;
            self.give(stream, line.text, place);
        }
        self.damage(stream, &reader);
        (place.through, place.held) = (tag, None);
        Ok(Went::Through)
    }

    fn damage(&mut self, stream: &Stream, reader: &Reader) {
        if let Some(damage) = reader.damage() {
            self.miss(&format!("the rest of {}: {damage}", stream.name));
        }
    }

    /// Gives a line if it was asked for.
    fn give(&mut self, stream: &Stream, text: String, place: &mut Place) {
        let at = line_time(&text);
        // A line that says no time is of the time of the one before it.
        place.time = at.or(place.time);
        let early = self.query.from.is_some_and(|from| place.time.is_some_and(|time| time < from));
        let late = self.query.until.is_some_and(|until| place.time.is_some_and(|time| time > until));
        let wanted = self.query.contains.as_ref().is_none_or(|words| text.contains(words.as_str()));
        if wanted && !early && !late {
            self.page.lines.push(RawLine { at, stream: Arc::clone(&stream.name), text });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
