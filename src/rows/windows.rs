//! One parquet file read from its first row to its last: of each column chunk a window of bytes is here and the next one
//! is on its way, so that a row group of any size takes little memory. Reads wait, on a thread of their own.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::lake::{ByteRange, Lake};

use super::RowsError;
use super::guard::unreadable;
use super::sparse::SparseFile;

/// Bytes held of all columns together, roughly: half of them are the windows that are read, half the next ones.
const HELD: u64 = 24 * 1024 * 1024;
/// The least and the most that is fetched of a column at once.
const WINDOW: Range<u64> = 64 * 1024..2 * 1024 * 1024;

/// A column chunk of a row group.
#[derive(Debug)]
struct Chunk {
    bytes: Range<u64>,
    group: usize,
}

/// The window of one chunk.
#[derive(Debug)]
struct Window {
    group: usize,
    from: u64,
    bytes: Bytes,
    next: Option<Coming>,
}

/// Bytes on their way, from here on.
#[derive(Debug)]
struct Coming {
    from: u64,
    read: JoinHandle<Result<Bytes, RowsError>>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.read.abort();
    }
}

/// Parquet's view of the file; waits for what is not here yet.
#[derive(Debug, Clone)]
pub(super) struct WindowReader {
    lake: Arc<dyn Lake>,
    file: Arc<SparseFile>,
    handle: Handle,
    chunks: Arc<Vec<Chunk>>,
    window: u64,
    windows: Arc<Mutex<BTreeMap<u64, Window>>>,
    fault: Arc<Mutex<Option<RowsError>>>,
}

impl WindowReader {
    /// A reader of some top-level columns. To be made on a runtime, and read from a thread that may block.
    pub fn new(lake: &Arc<dyn Lake>, file: &Arc<SparseFile>, metadata: &ParquetMetaData, roots: &[usize]) -> Self {
        let schema = metadata.file_metadata().schema_descr();
        let mut chunks = Vec::new();
        for (group, of) in metadata.row_groups().iter().enumerate() {
            let wanted = of.columns().iter().enumerate();
            let wanted = wanted.filter(|(leaf, _)| roots.contains(&schema.get_column_root_idx(*leaf)));
            chunks.extend(wanted.map(|(_, chunk)| {
                let (start, length) = chunk.byte_range();
                Chunk { bytes: start..start.saturating_add(length).min(file.size), group }
            }));
        }
        chunks.sort_by_key(|c| c.bytes.start);
        let at_once = chunks.iter().filter(|c| c.group == 0).count().max(1) as u64;
        Self {
            lake: Arc::clone(lake),
            file: Arc::clone(file),
            handle: Handle::current(),
            chunks: Arc::new(chunks),
            window: (HELD / 2 / at_once).clamp(WINDOW.start, WINDOW.end),
            windows: Arc::default(),
            fault: Arc::default(),
        }
    }

    /// What the lake said, where a read failed for its sake.
    pub fn take_fault(&self) -> Option<RowsError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Bytes from `at` on, at least one; none at the end of the file.
    fn piece(&self, at: u64, most: usize) -> Result<Bytes, RowsError> {
        let known = self.file.known_from(at, most);
        if !known.is_empty() || at >= self.file.size {
            return Ok(known);
        }
        let place = self.chunks.partition_point(|c| c.bytes.start <= at).checked_sub(1);
        let chunk = place.and_then(|i| self.chunks.get(i)).filter(|c| c.bytes.contains(&at));
        let Some(chunk) = chunk else {
            // No chunk holds it: a writer that tells wrong sizes. Read what is asked for, and keep nothing.
            let end = at.saturating_add(most as u64).min(self.file.size);
            return self.handle.block_on(fetch(&self.lake, &self.file, at..end));
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let held = windows.get(&chunk.bytes.start);
        if let Some(found) = held.and_then(|w| cut(w.from, &w.bytes, at, most)) {
            return Ok(found);
        }
        let next = windows.get_mut(&chunk.bytes.start).and_then(|w| w.next.take());
        let end = |from: u64| from.saturating_add(self.window).min(chunk.bytes.end);
        let (from, bytes) = match next.filter(|n| n.from == at) {
            Some(mut next) => {
                let read = self.handle.block_on(&mut next.read);
                (at, read.map_err(|e| unreadable(&self.file.uri, format!("reading ended early: {e}")))??)
            }
            None => (at, self.handle.block_on(fetch(&self.lake, &self.file, at..end(at)))?),
        };
        let after = from + bytes.len() as u64;
        let next = (after < chunk.bytes.end).then(|| {
            let (lake, file, range) = (Arc::clone(&self.lake), Arc::clone(&self.file), after..end(after));
            Coming { from: after, read: self.handle.spawn(async move { fetch(&lake, &file, range).await }) }
        });
        let found = cut(from, &bytes, at, most).unwrap_or_default();
        windows.insert(chunk.bytes.start, Window { group: chunk.group, from, bytes, next });
        // Columns end their groups one after the other: the one before may still be read.
        let group = chunk.group;
        windows.retain(|_, w| w.group + 1 >= group);
        Ok(found)
    }

    fn noted(&self, error: RowsError) -> String {
        let text = error.to_string();
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        text
    }
}

async fn fetch(lake: &Arc<dyn Lake>, file: &Arc<SparseFile>, range: Range<u64>) -> Result<Bytes, RowsError> {
    let wanted = range.end - range.start;
    let fetched = file.get(lake.as_ref(), ByteRange::Span(range)).await?;
    match fetched.bytes.len() as u64 {
        got if got < wanted => Err(unreadable(&file.uri, format!("the store sent {got} of {wanted} bytes asked for"))),
        _ => Ok(fetched.bytes),
    }
}

/// What a window that begins at `from` holds from `at` on.
fn cut(from: u64, bytes: &Bytes, at: u64, most: usize) -> Option<Bytes> {
    let start = usize::try_from(at.checked_sub(from)?).ok()?;
    (start < bytes.len()).then(|| bytes.slice(start..bytes.len().min(start.saturating_add(most))))
}

impl Length for WindowReader {
    fn len(&self) -> u64 {
        self.file.size
    }
}

impl ChunkReader for WindowReader {
    type T = WindowRead;

    fn get_read(&self, start: u64) -> Result<WindowRead, ParquetError> {
        Ok(WindowRead { reader: self.clone(), at: start, ready: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut whole = BytesMut::new();
        while whole.len() < length {
            let at = start + whole.len() as u64;
            let piece = self.piece(at, length - whole.len()).map_err(|e| ParquetError::General(self.noted(e)))?;
            match piece.len() {
                0 => return Err(ParquetError::EOF(format!("bytes lie beyond the end ({})", self.file.size))),
                all if all == length => return Ok(piece),
                _ => whole.extend_from_slice(&piece),
            }
        }
        Ok(whole.freeze())
    }
}

/// Sequential reading.
#[derive(Debug)]
pub(super) struct WindowRead {
    reader: WindowReader,
    at: u64,
    ready: Bytes,
}

impl Read for WindowRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            self.ready =
                self.reader.piece(self.at, WINDOW.end as usize).map_err(|e| io::Error::other(self.reader.noted(e)))?;
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ready.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}
