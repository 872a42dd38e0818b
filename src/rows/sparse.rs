//! One object of the lake, known in parts: spans of bytes that were fetched and a reader over them that
//! never waits. A read of what is not there notes the range and fails; the caller fetches and tries again.
//! So decoding needs no I/O, and all that several decoders miss is fetched in one round.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::lake::{ByteRange, ETag, Key, Lake, ObjectMeta};

use super::RowsError;
use super::guard::unreadable;

/// Ranges nearer than this are fetched as one: a round trip costs more than the bytes between them.
const MERGE_GAP: u64 = 64 * 1024;
/// How far a read of unknown length (a page header) looks ahead.
const HEADER_AHEAD: u64 = 16 * 1024;
/// Requests under way at once for one object.
const PARALLEL: usize = 16;
/// Spans that begin this near the end hold the footer and survive [`SparseFile::shed`].
const KEPT_TAIL: u64 = 64 * 1024;

/// The known bytes of one object, pinned by its entity tag.
#[derive(Debug)]
pub(super) struct SparseFile {
    /// Its full address, for errors.
    pub uri: String,
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    etag: ETag,
    spans: Mutex<BTreeMap<u64, Bytes>>,
}

impl SparseFile {
    /// Nothing is known of it yet.
    pub fn new(lake: &dyn Lake, meta: &ObjectMeta) -> Self {
        Self {
            uri: lake.uri(meta.key.as_str()),
            key: meta.key.clone(),
            size: meta.size,
            etag: meta.etag.clone(),
            spans: Mutex::new(BTreeMap::new()),
        }
    }

    fn spans(&self) -> MutexGuard<'_, BTreeMap<u64, Bytes>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes held in memory.
    pub fn held(&self) -> u64 {
        self.spans().values().map(|b| b.len() as u64).sum()
    }

    /// Whether all of these bytes are here.
    pub fn has(&self, range: &Range<u64>) -> bool {
        missing(&self.spans(), range).is_empty()
    }

    /// Forgets page data and keeps the tail.
    pub fn shed(&self) {
        let keep_from = self.size.saturating_sub(KEPT_TAIL);
        self.spans().retain(|start, bytes| start + bytes.len() as u64 >= self.size && *start >= keep_from);
    }

    /// What is known from `at` on without a gap, at most `most` bytes; empty if nothing is.
    pub fn known_from(&self, at: u64, most: usize) -> Bytes {
        let spans = self.spans();
        let Some((start, bytes)) = spans.range(..=at).next_back() else { return Bytes::new() };
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        if from >= bytes.len() {
            return Bytes::new();
        }
        bytes.slice(from..bytes.len().min(from.saturating_add(most)))
    }

    /// The bytes of the range if all are here.
    pub fn known(&self, range: Range<u64>) -> Option<Bytes> {
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let first = self.known_from(range.start, length);
        if first.len() == length {
            return Some(first);
        }
        if !self.has(&range) {
            return None;
        }
        let mut whole = BytesMut::with_capacity(length);
        let mut at = range.start;
        while at < range.end {
            let piece = self.known_from(at, usize::try_from(range.end - at).ok()?);
            if piece.is_empty() {
                return None;
            }
            at += piece.len() as u64;
            whole.extend_from_slice(&piece);
        }
        Some(whole.freeze())
    }

    fn keep(&self, offset: u64, bytes: &Bytes) {
        let mut spans = self.spans();
        for gap in missing(&spans, &(offset..offset + bytes.len() as u64)) {
            let from = usize::try_from(gap.start - offset).unwrap_or(usize::MAX);
            let to = usize::try_from(gap.end - offset).unwrap_or(usize::MAX);
            if from < to && to <= bytes.len() {
                spans.insert(gap.start, bytes.slice(from..to));
            }
        }
    }

    /// Fetches the last `length` bytes; the whole object if it is no longer than that.
    pub async fn fetch_tail(&self, lake: &dyn Lake, length: u64) -> Result<(), RowsError> {
        if self.has(&(self.size.saturating_sub(length)..self.size)) {
            return Ok(());
        }
        let range = if length >= self.size { ByteRange::Whole } else { ByteRange::Suffix(length) };
        self.take(lake, range).await
    }

    /// Fetches what is missing of these ranges: near ones as one request, all requests side by side.
    pub async fn fetch(&self, lake: &dyn Lake, ranges: &[Range<u64>]) -> Result<(), RowsError> {
        let wanted = {
            let spans = self.spans();
            let gaps = ranges.iter().flat_map(|r| missing(&spans, &(r.start..r.end.min(self.size))));
            merged(gaps.collect())
        };
        let reads: Vec<_> = wanted.into_iter().map(|range| self.take(lake, ByteRange::Span(range))).collect();
        stream::iter(reads).buffer_unordered(PARALLEL).try_collect::<()>().await
    }

    async fn take(&self, lake: &dyn Lake, range: ByteRange) -> Result<(), RowsError> {
        let fetched = self.get(lake, range.clone()).await?;
        let expected = match &range {
            ByteRange::Whole => self.size,
            ByteRange::Span(span) => span.end.min(self.size).saturating_sub(span.start),
            ByteRange::Suffix(length) => (*length).min(self.size),
        };
        if (fetched.bytes.len() as u64) < expected {
            let got = fetched.bytes.len();
            return Err(unreadable(&self.uri, format!("the store sent {got} of {expected} bytes asked for")));
        }
        self.keep(fetched.offset, &fetched.bytes);
        Ok(())
    }

    /// Bytes straight from the lake, not kept.
    pub async fn get(&self, lake: &dyn Lake, range: ByteRange) -> Result<crate::lake::Fetched, RowsError> {
        let condition = (!self.etag.0.is_empty()).then_some(&self.etag);
        let fetched = lake.get(&self.key, range, condition).await?;
        if fetched.size != self.size {
            let (then, now) = (self.size, fetched.size);
            return Err(unreadable(
                &self.uri,
                format!("it changed while being read ({then} bytes listed, {now} now): refresh"),
            ));
        }
        Ok(fetched)
    }
}

fn missing(spans: &BTreeMap<u64, Bytes>, range: &Range<u64>) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    let mut at = range.start;
    let first = spans.range(..=range.start).next_back().map_or(range.start, |(start, _)| *start);
    for (start, bytes) in spans.range(first..range.end.max(first)) {
        if *start > at {
            gaps.push(at..*start);
        }
        at = at.max(start + bytes.len() as u64);
    }
    if at < range.end {
        gaps.push(at..range.end);
    }
    gaps
}

fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut out: Vec<Range<u64>> = Vec::new();
    for range in ranges.into_iter().filter(|r| r.start < r.end) {
        match out.last_mut() {
            Some(last) if range.start < last.end.saturating_add(MERGE_GAP) => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// Parquet's view of what is known of an object; notes what it misses.
#[derive(Debug, Clone)]
pub(super) struct SparseReader {
    file: Arc<SparseFile>,
    misses: Arc<Mutex<Vec<Range<u64>>>>,
}

impl SparseReader {
    /// A reader that has missed nothing yet.
    pub fn new(file: &Arc<SparseFile>) -> Self {
        Self { file: Arc::clone(file), misses: Arc::default() }
    }

    /// What was missed since the last call.
    pub fn take_misses(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut *self.misses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn miss(&self, range: Range<u64>) {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner).push(range);
    }
}

impl Length for SparseReader {
    fn len(&self) -> u64 {
        self.file.size
    }
}

impl ChunkReader for SparseReader {
    type T = SparseRead;

    fn get_read(&self, start: u64) -> Result<SparseRead, ParquetError> {
        Ok(SparseRead { reader: self.clone(), at: start, ready: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.saturating_add(length as u64);
        if end > self.file.size {
            let size = self.file.size;
            return Err(ParquetError::EOF(format!("bytes {start}..{end} lie beyond the end ({size})")));
        }
        self.file.known(start..end).ok_or_else(|| {
            self.miss(start..end);
            ParquetError::General("bytes not here yet".to_owned())
        })
    }
}

/// Sequential reading over what is known.
#[derive(Debug)]
pub(super) struct SparseRead {
    reader: SparseReader,
    at: u64,
    ready: Bytes,
}

impl Read for SparseRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            if self.at >= self.reader.file.size {
                return Ok(0);
            }
            self.ready = self.reader.file.known_from(self.at, HEADER_AHEAD as usize);
            if self.ready.is_empty() {
                self.reader.miss(self.at..(self.at + HEADER_AHEAD).min(self.reader.file.size));
                return Err(io::Error::other("bytes not here yet"));
            }
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ready.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[(u64, usize)]) -> BTreeMap<u64, Bytes> {
        of.iter().map(|(start, length)| (*start, Bytes::from(vec![0; *length]))).collect()
    }

    #[test]
    fn gaps_are_what_no_span_covers() {
        let known = spans(&[(10, 10), (20, 5), (40, 10)]);
        assert_eq!(missing(&known, &(0..60)), [0..10, 25..40, 50..60]);
        assert_eq!(missing(&known, &(12..24)), []);
        assert_eq!(missing(&known, &(24..41)).first(), Some(&(25..40)));
        assert_eq!(missing(&known, &(45..45)), []);
        assert_eq!(missing(&spans(&[]), &(3..9)).first(), Some(&(3..9)));
    }

    #[test]
    fn near_ranges_become_one() {
        assert_eq!(merged(vec![300_000..300_010, 0..10, 5..100, 1_000..2_000]), [0..2_000, 300_000..300_010]);
        assert_eq!(merged(vec![0..1, 65_537..65_538]), [0..1, 65_537..65_538]);
        assert_eq!(merged(vec![0..1, 65_536..65_538]).first(), Some(&(0..65_538)));
    }
}
