//! One parquet file by ranged reads: its footer, chosen rows of chosen columns, or a scan of some columns.
//! A column is named by its place at the top level of the schema, never by name, since names may repeat.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelectionPolicy,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;

use crate::lake::Lake;

use super::RowsError;
use super::guard::{fenced, one_line, unreadable};
use super::int96::in_microseconds;
use super::sparse::{SparseFile, SparseReader};

/// A file no larger than this is fetched whole with one request, and everything is answered from it.
pub(super) const WHOLE: u64 = 1024 * 1024;
/// The first read of a larger file, from its end.
pub(super) const TAIL: u64 = 64 * 1024;
/// Column chunks no larger than this are fetched whole.
const WHOLE_CHUNK: u64 = 256 * 1024;
/// Read of a page whose size is not known yet.
const FIRST_PAGE: u64 = 128 * 1024;
/// The same where the page is likely to be skipped.
const SKIPPED_PAGE: u64 = 16 * 1024;
/// A footer or page index larger than this is taken for damage.
const LARGEST_FOOTER: u64 = 256 * 1024 * 1024;
/// Rows decoded at a time.
pub(super) const BATCH: usize = 8192;
/// Page data beyond this is let go after a read.
const HELD_AFTER_READ: u64 = 16 * 1024 * 1024;
/// Rounds of fetching for one read; a file of a sane writer needs a few.
const ROUNDS: usize = 100_000;

/// A decoded footer.
#[derive(Debug)]
pub(super) struct Footer {
    /// Metadata and Arrow schema.
    pub arrow: ArrowReaderMetadata,
    /// First row of each row group, and the number of rows at the end.
    starts: Vec<u64>,
    /// The same metadata with the offset index, once read; `None` inside where there is none.
    indexed: OnceLock<Option<ArrowReaderMetadata>>,
}

impl Footer {
    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The top-level columns.
    pub fn schema(&self) -> &SchemaRef {
        self.arrow.schema()
    }

    /// Bytes the decoded footer takes, roughly: as many as its columns.
    pub fn weight(&self) -> u64 {
        let meta = self.arrow.metadata();
        400 * (meta.num_row_groups() as u64 + 1) * meta.file_metadata().schema_descr().num_columns() as u64
    }

    fn groups_of(&self, rows: &[Range<u64>]) -> Vec<usize> {
        let bounds = self.starts.windows(2).enumerate();
        bounds
            .filter_map(|(i, w)| match w {
                [from, to] => rows.iter().any(|r| r.start < *to && r.end > *from).then_some(i),
                _ => None,
            })
            .collect()
    }

    fn group_rows(&self, group: usize) -> Range<u64> {
        let at = |i: usize| self.starts.get(i).copied().unwrap_or_default();
        at(group)..at(group + 1)
    }
}

/// An open parquet file.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    pub file: Arc<SparseFile>,
    pub footer: Arc<Footer>,
}

impl ParquetFile {
    /// Reads the footer from what the file's last `tail` bytes hold, and more if it is larger.
    pub async fn read_footer(lake: &dyn Lake, file: &Arc<SparseFile>, tail: u64) -> Result<Footer, RowsError> {
        if file.size < 12 {
            let size = file.size;
            return Err(unreadable(&file.uri, format!("not a parquet file ({size} bytes)")));
        }
        file.fetch_tail(lake, tail).await?;
        let uri = file.uri.clone();
        let metadata = drive(lake, file, |reader| {
            let size = reader_size(reader);
            let last = reader.get_bytes(size - 8, 8)?;
            let (length, magic) = last.split_at(4);
            if magic == b"PARE" {
                return Err(ParquetError::NYI("its footer is encrypted".to_owned()));
            }
            if magic != b"PAR1" {
                return Err(ParquetError::General("not a parquet file (no PAR1 at its end)".to_owned()));
            }
            let length = length.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            if length + 8 > size || length > LARGEST_FOOTER {
                return Err(ParquetError::General(format!("its footer claims {length} bytes of {size}")));
            }
            ParquetMetaDataReader::decode_metadata(&reader.get_bytes(size - 8 - length, length as usize)?)
        })
        .await?;
        footer_of(&uri, metadata)
    }

    /// Chosen rows of chosen top-level columns: one array for each of `roots`. `rows` are ascending and do
    /// not overlap; what lies beyond the end is left out.
    pub async fn read(
        &self,
        lake: &dyn Lake,
        roots: &[usize],
        rows: &[Range<u64>],
    ) -> Result<Vec<ArrayRef>, RowsError> {
        let rows: Vec<Range<u64>> =
            rows.iter().map(|r| r.start..r.end.min(self.footer.rows())).filter(|r| r.start < r.end).collect();
        let mut distinct: Vec<usize> = roots.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if rows.is_empty() || distinct.is_empty() {
            let schema = self.footer.schema();
            return Ok(roots
                .iter()
                .filter_map(|r| schema.fields().get(*r))
                .map(|f| arrow::array::new_empty_array(f.data_type()))
                .collect());
        }
        if self.file.size <= WHOLE {
            self.file.fetch(lake, std::slice::from_ref(&(0..self.file.size))).await?;
        }
        let indexed = self.offset_index(lake, &rows).await;
        let arrays = match self.read_with(lake, &distinct, &rows, indexed.clone()).await {
            // An index may be damaged where the pages are not.
            Err(RowsError::Unreadable { .. }) if indexed.is_some() => {
                self.read_with(lake, &distinct, &rows, None).await
            }
            other => other,
        }?;
        if self.file.size > WHOLE && self.file.held() > HELD_AFTER_READ {
            self.file.shed();
        }
        Ok(roots
            .iter()
            .filter_map(|root| distinct.binary_search(root).ok().and_then(|i| arrays.get(i).cloned()))
            .collect())
    }

    async fn read_with(
        &self,
        lake: &dyn Lake,
        roots: &[usize],
        rows: &[Range<u64>],
        indexed: Option<ArrowReaderMetadata>,
    ) -> Result<Vec<ArrayRef>, RowsError> {
        let groups = self.footer.groups_of(rows);
        let wanted = rows.iter().map(|r| r.end - r.start).sum::<u64>() as usize;
        let selection = self.selection(&groups, rows)?;
        let arrow = indexed.clone().unwrap_or_else(|| self.footer.arrow.clone());
        let ahead = fenced(&self.file.uri, || self.likely_ranges(roots, &groups, rows, indexed.as_ref()))?;
        self.file.fetch(lake, &ahead).await?;
        // Columns miss bytes independently, so each is decoded by itself until nothing is missing anywhere.
        let whole = self.file.has(&(0..self.file.size));
        let bundles: Vec<Vec<usize>> =
            if whole { vec![roots.to_vec()] } else { roots.iter().map(|r| vec![*r]).collect() };
        let mut done: Vec<Option<Vec<ArrayRef>>> = vec![None; bundles.len()];
        for _ in 0..ROUNDS {
            let open: Vec<(usize, Vec<usize>)> = bundles
                .iter()
                .zip(&done)
                .enumerate()
                .filter(|(_, (_, d))| d.is_none())
                .map(|(i, (b, _))| (i, b.clone()))
                .collect();
            if open.is_empty() {
                return Ok(done.into_iter().flatten().flatten().collect());
            }
            let (file, arrow, groups, selection) =
                (Arc::clone(&self.file), arrow.clone(), groups.clone(), selection.clone());
            let outcomes = blocking(&self.file.uri, move || {
                open.into_iter()
                    .map(|(i, roots)| {
                        let decoded = attempt(&file, |reader| {
                            decode(reader.clone(), arrow.clone(), &roots, &groups, &selection, wanted)
                        });
                        (i, decoded)
                    })
                    .collect::<Vec<_>>()
            })
            .await?;
            let mut missed = Vec::new();
            for (i, outcome) in outcomes {
                match outcome? {
                    Attempt::Done(arrays) => {
                        if let Some(slot) = done.get_mut(i) {
                            *slot = Some(arrays);
                        }
                    }
                    Attempt::Missed(ranges) => missed.extend(ranges),
                }
            }
            self.file.fetch(lake, &missed).await?;
        }
        Err(unreadable(&self.file.uri, "its pages do not end"))
    }

    fn selection(&self, groups: &[usize], rows: &[Range<u64>]) -> Result<RowSelection, RowsError> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut before = 0_u64;
        for group in groups {
            let own = self.footer.group_rows(*group);
            for row in rows.iter().filter(|r| r.start < own.end && r.end > own.start) {
                let from = before + row.start.max(own.start) - own.start;
                let to = before + row.end.min(own.end) - own.start;
                ranges.push(from as usize..to as usize);
            }
            before += own.end - own.start;
        }
        fenced(&self.file.uri, || RowSelection::from_consecutive_ranges(ranges.into_iter(), before as usize))
    }

    /// What a first round should bring, so that most reads are over with it.
    fn likely_ranges(
        &self,
        roots: &[usize],
        groups: &[usize],
        rows: &[Range<u64>],
        indexed: Option<&ArrowReaderMetadata>,
    ) -> Vec<Range<u64>> {
        let metadata = self.footer.arrow.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let leaves: Vec<usize> =
            (0..schema.num_columns()).filter(|leaf| roots.contains(&schema.get_column_root_idx(*leaf))).collect();
        let mut ranges = Vec::new();
        for group in groups {
            let own = self.footer.group_rows(*group);
            let first = rows.iter().map(|r| r.start.max(own.start)).find(|s| *s < own.end).unwrap_or(own.start);
            for leaf in &leaves {
                let Some(chunk) = metadata.row_group(*group).columns().get(*leaf) else { continue };
                let (start, length) = chunk.byte_range();
                let end = start.saturating_add(length).min(self.file.size);
                if length <= WHOLE_CHUNK {
                    ranges.push(start..end);
                    continue;
                }
                let pages = indexed
                    .and_then(|i| i.metadata().offset_index()?.get(*group)?.get(*leaf))
                    .map(|i| i.page_locations());
                if let Some(pages) = pages.filter(|p| !p.is_empty()) {
                    for (i, page) in pages.iter().enumerate() {
                        let from = own.start.saturating_add(page.first_row_index.max(0) as u64);
                        let to = pages
                            .get(i + 1)
                            .map_or(own.end, |next| own.start.saturating_add(next.first_row_index.max(0) as u64));
                        let at = page.offset.max(0) as u64;
                        if i == 0 && at > start {
                            ranges.push(start..at.min(end));
                        }
                        if rows.iter().any(|r| r.start < to && r.end > from) {
                            ranges.push(at..at.saturating_add(page.compressed_page_size.max(0) as u64).min(end));
                        }
                    }
                } else {
                    let data = (chunk.data_page_offset().max(0) as u64).clamp(start, end);
                    let ahead = if first == own.start { FIRST_PAGE } else { SKIPPED_PAGE };
                    ranges.push(start..data.saturating_add(ahead).min(end));
                }
            }
        }
        ranges
    }

    /// The offset index, where there is one and it is here already or saves reading page after page.
    async fn offset_index(&self, lake: &dyn Lake, rows: &[Range<u64>]) -> Option<ArrowReaderMetadata> {
        if let Some(known) = self.footer.indexed.get() {
            return known.clone();
        }
        let metadata = self.footer.arrow.metadata();
        let spans = metadata.row_groups().iter().flat_map(|g| g.columns()).map(|c| {
            let start = u64::try_from(c.offset_index_offset()?).ok()?;
            Some(start..start.checked_add(u64::try_from(c.offset_index_length()?).ok()?)?)
        });
        let range = spans.reduce(|a, b| match (a, b) {
            (Some(a), Some(b)) => Some(a.start.min(b.start)..a.end.max(b.end)),
            _ => None,
        })?;
        let Some(range) = range else {
            return self.footer.indexed.get_or_init(|| None).clone();
        };
        let jumps = rows.first().is_some_and(|r| self.footer.starts.binary_search(&r.start).is_err());
        let near = range.end - range.start <= 4 * WHOLE && range.end <= self.file.size;
        if !(self.file.has(&range) || jumps && near) {
            return None;
        }
        let read = drive(lake, &self.file, |reader| {
            let mut loader = ParquetMetaDataReader::new_with_metadata(metadata.as_ref().clone())
                .with_offset_index_policy(PageIndexPolicy::Optional)
                .with_column_index_policy(PageIndexPolicy::Skip);
            loader.read_page_indexes(reader)?;
            loader.finish()
        })
        .await;
        let indexed = read.ok().and_then(|m| arrow_metadata(m).ok());
        self.footer.indexed.get_or_init(|| indexed).clone()
    }
}

fn reader_size(reader: &SparseReader) -> u64 {
    parquet::file::reader::Length::len(reader)
}

fn arrow_metadata(metadata: ParquetMetaData) -> Result<ArrowReaderMetadata, ParquetError> {
    let metadata = Arc::new(metadata);
    let read = ArrowReaderMetadata::try_new(Arc::clone(&metadata), ArrowReaderOptions::new()).or_else(|_| {
        // Some writers embed an Arrow schema that does not fit; the file's own is enough.
        let skipping = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        ArrowReaderMetadata::try_new(Arc::clone(&metadata), skipping)
    })?;
    Ok(in_microseconds(&metadata, &read).unwrap_or(read))
}

fn footer_of(uri: &str, metadata: ParquetMetaData) -> Result<Footer, RowsError> {
    let mut starts = vec![0_u64];
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        let own = u64::try_from(group.num_rows()).ok();
        rows = own
            .and_then(|n| rows.checked_add(n))
            .filter(|n| *n < 1 << 48)
            .ok_or_else(|| unreadable(uri, format!("a row group claims {} rows", group.num_rows())))?;
        starts.push(rows);
    }
    let claimed = metadata.file_metadata().num_rows();
    if claimed < 0 || (claimed as u64) != rows {
        return Err(unreadable(uri, format!("its footer claims {claimed} rows and its row groups hold {rows}")));
    }
    let arrow = fenced(uri, || arrow_metadata(metadata))?.map_err(|e| unreadable(uri, words(&e)))?;
    Ok(Footer { arrow, starts, indexed: OnceLock::new() })
}

fn decode(
    reader: SparseReader,
    arrow: ArrowReaderMetadata,
    roots: &[usize],
    groups: &[usize],
    selection: &RowSelection,
    wanted: usize,
) -> Result<Vec<ArrayRef>, ParquetError> {
    let mask = ProjectionMask::roots(arrow.parquet_schema(), roots.iter().copied());
    let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, arrow)
        .with_projection(mask)
        .with_row_groups(groups.to_vec())
        .with_row_selection(selection.clone())
        .with_row_selection_policy(RowSelectionPolicy::Selectors)
        .with_batch_size(wanted.min(BATCH))
        .build()?;
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); roots.len()];
    let mut got = 0;
    for batch in batches {
        let batch = batch?;
        got += batch.num_rows();
        for (part, column) in parts.iter_mut().zip(batch.columns()) {
            part.push(Arc::clone(column));
        }
        if got >= wanted {
            break;
        }
    }
    if got < wanted {
        return Err(ParquetError::EOF(format!("{got} rows where the footer promises {wanted}")));
    }
    parts.iter().map(|part| Ok(concat(&part.iter().map(|a| a.as_ref()).collect::<Vec<_>>())?)).collect()
}

enum Attempt<T> {
    Done(T),
    Missed(Vec<Range<u64>>),
}

/// One try over what is known of the file.
fn attempt<T>(
    file: &Arc<SparseFile>,
    work: impl FnOnce(&SparseReader) -> Result<T, ParquetError>,
) -> Result<Attempt<T>, RowsError> {
    let reader = SparseReader::new(file);
    let outcome = fenced(&file.uri, || work(&reader));
    let misses = reader.take_misses();
    match outcome {
        Ok(Ok(done)) => Ok(Attempt::Done(done)),
        _ if !misses.is_empty() => Ok(Attempt::Missed(misses)),
        Ok(Err(error)) => Err(unreadable(&file.uri, words(&error))),
        Err(panicked) => Err(panicked),
    }
}

/// Tries until nothing is missing, fetching between the tries.
async fn drive<T>(
    lake: &dyn Lake,
    file: &Arc<SparseFile>,
    work: impl Fn(&SparseReader) -> Result<T, ParquetError>,
) -> Result<T, RowsError> {
    for _ in 0..ROUNDS {
        match attempt(file, &work)? {
            Attempt::Done(done) => return Ok(done),
            Attempt::Missed(ranges) => file.fetch(lake, &ranges).await?,
        }
    }
    Err(unreadable(&file.uri, "its pages do not end"))
}

/// Runs decoding on a thread that may be busy.
pub(super) async fn blocking<T: Send + 'static>(
    uri: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RowsError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| unreadable(uri, format!("decoding ended early: {e}")))
}

/// The decoder's words on one line, without its own prefixes.
pub(super) fn words(error: &ParquetError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Parquet error: ").unwrap_or(&text);
    one_line(text.strip_prefix("External: ").unwrap_or(text), 300)
}

/// A batch of named arrays; zero columns keep the number of rows.
pub(super) fn batch_of(schema: &Arc<Schema>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|e| e.to_string())
}

impl ParquetFile {
    /// Decodes some columns from the first row to the last, a row group at a time, and hands each batch with
    /// its first row to `visit` on a blocking thread; a group's page data is let go after it.
    pub async fn scan<V>(&self, lake: &dyn Lake, roots: &[usize], visit: V) -> Result<V, RowsError>
    where
        V: FnMut(u64, RecordBatch) -> Result<(), RowsError> + Send + 'static,
    {
        let mut visit = visit;
        let metadata = Arc::clone(self.footer.arrow.metadata());
        for group in 0..metadata.num_row_groups() {
            let own = self.footer.group_rows(group);
            if own.is_empty() {
                continue;
            }
            let chunks = fenced(&self.file.uri, || {
                let schema = metadata.file_metadata().schema_descr();
                let leaves = metadata.row_group(group).columns().iter().enumerate();
                let wanted = leaves.filter(|(leaf, _)| roots.contains(&schema.get_column_root_idx(*leaf)));
                wanted.map(|(_, c)| c.byte_range()).map(|(start, length)| start..start + length).collect::<Vec<_>>()
            })?;
            self.file.fetch(lake, &chunks).await?;
            let (file, arrow, roots) = (Arc::clone(&self.file), self.footer.arrow.clone(), roots.to_vec());
            visit = blocking(&self.file.uri, move || -> Result<V, RowsError> {
                let uri = file.uri.clone();
                let mut at = own.start;
                fenced(&uri, || {
                    let fault = |e: &ParquetError| unreadable(&uri, words(e));
                    let mask = ProjectionMask::roots(arrow.parquet_schema(), roots.iter().copied());
                    let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(SparseReader::new(&file), arrow)
                        .with_projection(mask)
                        .with_row_groups(vec![group])
                        .with_batch_size(BATCH)
                        .build()
                        .map_err(|e| fault(&e))?;
                    for batch in batches {
                        let batch = batch.map_err(|e| fault(&e.into()))?;
                        let rows = batch.num_rows() as u64;
                        visit(at, batch)?;
                        at += rows;
                    }
                    Ok(visit)
                })?
            })
            .await??;
            if self.file.size > WHOLE {
                self.file.shed();
            }
        }
        Ok(visit)
    }
}
