//! JSON lines of any length, read to stream: once to learn their columns and types, and again for each scan. Of a file one
//! window and its last, unfinished line are held. Pages and profiles read the first part whole instead (`ndjson.rs`).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use crate::lake::{ByteRange, Lake, ObjectMeta};

use super::RowsError;
use super::guard::unreadable;
use super::ndjson::{Typing, column, refuse_compressed, row_of};
use super::parquet_file::{BATCH, batch_of, blocking};
use super::sparse::SparseFile;

/// Bytes fetched at once.
const WINDOW: u64 = 4 * 1024 * 1024;
/// A longer line is no row.
const LONGEST: usize = 64 * 1024 * 1024;

/// Files of JSON lines.
#[derive(Debug, Clone)]
pub(super) struct LineFiles {
    lake: Arc<dyn Lake>,
    files: Vec<Arc<SparseFile>>,
    handle: Handle,
}

/// What the first reading learnt.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub files: LineFiles,
    pub schema: Arc<Schema>,
    /// Types as shown, one for each field of the schema.
    pub kinds: Vec<String>,
    pub rows: u64,
}

impl LineFiles {
    /// Reads all lines to learn their columns. Each file is pinned to what was listed.
    pub async fn survey(lake: &Arc<dyn Lake>, listed: &[ObjectMeta]) -> Result<Surveyed, RowsError> {
        for file in listed {
            refuse_compressed(&lake.uri(file.key.as_str()), file)?;
        }
        let pinned = listed.iter().map(|meta| Arc::new(SparseFile::new(lake.as_ref(), meta)));
        let files = Self { lake: Arc::clone(lake), files: pinned.collect(), handle: Handle::current() };
        let reading = files.clone();
        let typed = blocking(lake.url(), move || -> Result<Typing, RowsError> {
            let mut typing = Typing::default();
            reading.each(&mut |row| {
                typing.add(&row);
                Ok(())
            })?;
            Ok(typing)
        });
        let (rows, schema, kinds) = typed.await??.finish();
        Ok(Surveyed { files, schema, kinds, rows })
    }

    /// Hands batches of some columns of a schema to `visit`, on this thread; mixed and nested values as the text of their
    /// JSON.
    pub fn scan(
        &self,
        schema: &Schema,
        roots: &[usize],
        visit: &mut dyn FnMut(RecordBatch) -> Result<(), RowsError>,
    ) -> Result<(), RowsError> {
        let schema = Arc::new(schema.project(roots).map_err(|e| unreadable(self.lake.url(), e.to_string()))?);
        let mut rows: Vec<Map<String, Value>> = Vec::with_capacity(BATCH);
        let mut hand = |rows: &mut Vec<Map<String, Value>>| {
            let columns = schema.fields().iter().map(|f| column(rows, f)).collect();
            let batch = batch_of(&schema, columns, rows.len()).map_err(|e| unreadable(self.lake.url(), e))?;
            rows.clear();
            visit(batch)
        };
        self.each(&mut |row| {
            rows.push(row);
            if rows.len() == BATCH { hand(&mut rows) } else { Ok(()) }
        })?;
        if rows.is_empty() { Ok(()) } else { hand(&mut rows) }
    }

    /// Every row of every file, in order. Waits: not for a thread of the runtime.
    fn each(&self, visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), RowsError>) -> Result<(), RowsError> {
        for file in &self.files {
            let (mut at, mut held, mut number) = (0, Vec::<u8>::new(), 0);
            while at < file.size {
                let piece = self.piece(file, at)?;
                let bytes: &[u8] = &piece;
                let piece = if at == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
                at = (at + WINDOW).min(file.size);
                held.extend_from_slice(piece);
                let whole = if at == file.size { Some(held.len()) } else { held.iter().rposition(|b| *b == b'\n') };
                let Some(whole) = whole else {
                    if held.len() > LONGEST {
                        return Err(unreadable(&file.uri, format!("line {} is longer than 64 MiB", number + 1)));
                    }
                    continue;
                };
                for line in held.get(..whole).unwrap_or_default().split(|b| *b == b'\n') {
                    number += 1;
                    if let Some(row) = row_of(&file.uri, number, line)? {
                        visit(row)?;
                    }
                }
                held.drain(..(whole + 1).min(held.len()));
            }
        }
        Ok(())
    }

    fn piece(&self, file: &SparseFile, at: u64) -> Result<Bytes, RowsError> {
        let end = (at + WINDOW).min(file.size);
        let fetched = self.handle.block_on(file.get(self.lake.as_ref(), ByteRange::Span(at..end)))?;
        match fetched.bytes.len() as u64 {
            got if got == end - at => Ok(fetched.bytes),
            got => Err(unreadable(&file.uri, format!("the store sent {got} of {} bytes asked for", end - at))),
        }
    }
}
