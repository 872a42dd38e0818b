//! The rows of one entry, whatever their format.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::lake::{Lake, ObjectMeta};
use crate::model::column::{Column, ColumnProfile, RowPage};
use crate::model::entry::RowsFormat;

use super::cache::Purpose;
pub use super::cache::RowCache;
use super::delta::{self, LiveFile, Overlay};
use super::filter::{Filter, known_names};
use super::guard::fenced;
use super::parquet_file::{ParquetFile, batch_of};
use super::profile::Tally;
use super::{Layout, RowsError, convert, ndjson, nulls};

/// Footers read at once.
const PARALLEL: usize = 16;
/// Columns profiled in one pass.
const PROFILED_TOGETHER: usize = 16;

/// Which rows and columns to read.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// First row, counted over the rows that match the filter.
    pub offset: u64,
    /// At most so many rows.
    pub limit: usize,
    /// Which columns, as indexes into [`RowSet::columns`], in the order wanted; all if `None`.
    pub columns: Option<Vec<usize>>,
    /// An SQL boolean expression over the columns.
    pub filter: Option<String>,
}

/// The open rows of one entry: schema known, rows read on demand. Dropping a future cancels its reads.
#[derive(Debug)]
pub struct RowSet {
    pub(super) lake: Arc<dyn Lake>,
    cache: Arc<RowCache>,
    pub(super) columns: Vec<Column>,
    pub(super) schema: Arc<Schema>,
    pub(super) parts: Vec<Part>,
    total: Option<u64>,
}

/// Rows that lie together.
#[derive(Debug)]
pub(super) struct Part {
    rows: u64,
    /// For each column of the set, the part's own, if it has it.
    pub(super) roots: Vec<Option<usize>>,
    pub(super) store: Store,
    /// What a table's log says of it beyond its bytes.
    pub(super) overlay: Arc<Overlay>,
}

#[derive(Debug)]
pub(super) enum Store {
    Parquet(ParquetFile),
    Lines(Arc<ndjson::Lines>),
}

impl Store {
    pub(super) fn schema(&self) -> Arc<Schema> {
        match self {
            Self::Parquet(file) => Arc::clone(file.footer.schema()),
            Self::Lines(lines) => Arc::clone(&lines.schema),
        }
    }
}

impl RowSet {
    /// Opens the rows: reads schema and counts, no rows. A small parquet file costs one request in all,
    /// its rows included, since what was fetched is kept.
    pub async fn open(lake: Arc<dyn Lake>, layout: &Layout, cache: Arc<RowCache>) -> Result<Self, RowsError> {
        let mut known = true;
        let stores = match layout.format {
            RowsFormat::None => return Err(RowsError::NoRows { object: lake.uri(&layout.root) }),
            RowsFormat::Delta => return Self::open_table(lake, layout, cache).await,
            RowsFormat::Parquet | RowsFormat::ParquetDir => {
                let files = open_all(lake.as_ref(), &row_files(layout), &cache, Purpose::Rows).await?;
                files.into_iter().map(Store::Parquet).collect()
            }
            RowsFormat::Ndjson => {
                let lines = ndjson::read(lake.as_ref(), &layout.files, &cache).await?;
                known = lines.whole;
                vec![Store::Lines(Arc::new(lines))]
            }
        };
        Ok(Self::of(lake, cache, stores, known))
    }

    /// The same, to be streamed: JSON lines of any length are read through here, and none of them is kept. It has no pages.
    pub async fn open_to_stream(lake: Arc<dyn Lake>, layout: &Layout, cache: Arc<RowCache>) -> Result<Self, RowsError> {
        if layout.format != RowsFormat::Ndjson {
            return Self::open(lake, layout, cache).await;
        }
        let lines = ndjson::to_stream(&lake, &layout.files).await?;
        Ok(Self::of(lake, cache, vec![Store::Lines(Arc::new(lines))], true))
    }

    /// The live files of a Delta table, with the columns of its newest schema.
    async fn open_table(lake: Arc<dyn Lake>, layout: &Layout, cache: Arc<RowCache>) -> Result<Self, RowsError> {
        let table = delta::open(&lake, layout).await?;
        let objects: Vec<&ObjectMeta> = table.files.iter().map(|f| &f.object).collect();
        let files = open_all(lake.as_ref(), &objects, &cache, Purpose::Rows).await?;
        let fields: Vec<Field> = table.schema.fields().iter().map(|f| delta::plain(f)).collect();
        let part = |(file, live): (ParquetFile, LiveFile)| {
            let own = file.footer.schema();
            // By the name inside the files alone: a column dropped and made anew must not show its old values.
            let root = |f: &Arc<Field>| own.index_of(delta::physical_name(f)).ok();
            let roots = table.schema.fields().iter().map(root).collect();
            let rows = live.overlay.left_of(file.footer.rows());
            Part { rows, roots, store: Store::Parquet(file), overlay: Arc::new(live.overlay) }
        };
        let parts: Vec<Part> = files.into_iter().zip(table.files).map(part).collect();
        let column = |f: &Field| Column {
            name: f.name().clone(),
            kind: convert::kind(f.data_type()),
            nullable: f.is_nullable(),
        };
        let columns = fields.iter().map(column).collect();
        let total = Some(parts.iter().map(|p| p.rows).sum());
        Ok(Self { lake, cache, columns, schema: Arc::new(Schema::new(fields)), parts, total })
    }

    fn of(lake: Arc<dyn Lake>, cache: Arc<RowCache>, stores: Vec<Store>, known: bool) -> Self {
        let mut fields: Vec<Field> = Vec::new();
        let mut places = std::collections::HashMap::<(String, usize), usize>::new();
        let mut parts = Vec::new();
        for store in stores {
            let mut met = std::collections::HashMap::<String, usize>::new();
            let mut own = Vec::new();
            for field in store.schema().fields() {
                let nth = met.entry(field.name().clone()).or_insert(0);
                *nth += 1;
                let place = *places.entry((field.name().clone(), *nth)).or_insert_with(|| {
                    // A column that earlier parts lack may be null.
                    let nullable = field.is_nullable() || !parts.is_empty();
                    fields.push(field.as_ref().clone().with_nullable(nullable));
                    fields.len() - 1
                });
                own.push(place);
            }
            let rows = match &store {
                Store::Parquet(file) => file.footer.rows(),
                Store::Lines(lines) => lines.count,
            };
            parts.push((rows, own, store));
        }
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|(rows, own, store)| {
                let mut roots = vec![None; fields.len()];
                for (root, place) in own.into_iter().enumerate() {
                    if let Some(slot) = roots.get_mut(place) {
                        *slot = Some(root);
                    }
                }
                Part { rows, roots, store, overlay: Arc::default() }
            })
            .collect();
        for (i, field) in fields.iter_mut().enumerate() {
            if parts.iter().any(|p| p.roots.get(i).copied().flatten().is_none()) {
                *field = field.clone().with_nullable(true);
            }
        }
        let kinds = parts.iter().find_map(|p| match &p.store {
            Store::Lines(lines) => Some(&lines.kinds),
            Store::Parquet(_) => None,
        });
        let columns = fields
            .iter()
            .enumerate()
            .map(|(i, f)| Column {
                name: f.name().clone(),
                kind: kinds.and_then(|k| k.get(i).cloned()).unwrap_or_else(|| convert::kind(f.data_type())),
                nullable: f.is_nullable(),
            })
            .collect();
        let total = known.then(|| parts.iter().map(|p| p.rows).sum());
        Self { lake, cache, columns, schema: Arc::new(Schema::new(fields)), parts, total }
    }

    /// The columns, top level, in the data's order; names may repeat.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows of all files; `None` where only reading everything could tell (large NDJSON).
    pub fn total_rows(&self) -> Option<u64> {
        self.total
    }

    /// Whether a column holds nulls, from what is known without reading rows; `None` if that does not tell.
    pub fn has_nulls(&self, column: usize) -> Option<bool> {
        let mut known = true;
        for part in self.parts.iter().filter(|p| p.rows > 0) {
            let nulls = match (&part.store, part.roots.get(column).copied().flatten()) {
                (Store::Parquet(file), Some(root)) => nulls::of(file.footer.arrow.metadata(), root),
                (Store::Parquet(_), None) if part.overlay.constant(column, 1).is_none() => Some(part.rows),
                _ => None,
            };
            match nulls {
                Some(0) => {}
                // Deleted rows may have been the null ones.
                Some(_) if part.overlay.left_of(u64::MAX) == u64::MAX => return Some(true),
                _ => known = false,
            }
        }
        known.then_some(false)
    }

    /// The indexes of the named columns, or an error that names the one that is not there.
    pub fn find_columns(&self, names: &[String]) -> Result<Vec<usize>, RowsError> {
        names
            .iter()
            .map(|name| {
                self.columns.iter().position(|c| c.name == *name).ok_or_else(|| RowsError::NoColumn {
                    name: name.clone(),
                    known: known_names(self.columns.iter().map(|c| c.name.as_str())),
                })
            })
            .collect()
    }

    /// A page of rows.
    pub async fn page(&self, request: &PageRequest) -> Result<RowPage, RowsError> {
        let wanted = self.wanted(request.columns.as_deref());
        let end = request.offset.saturating_add(request.limit as u64);
        let (picked, total) = match &request.filter {
            Some(text) => {
                let (picked, matched) = self.matching(text, request.offset..end).await?;
                (picked, self.total.map(|_| matched))
            }
            None => (self.plain(request.offset..end), self.total),
        };
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for (part, ranges) in self.parts.iter().zip(&picked).filter(|(_, r)| !r.is_empty()) {
            rows.extend(self.cells(part, &wanted, ranges).await?);
        }
        self.cache.settle();
        let shown_to = request.offset.saturating_add(rows.len() as u64);
        Ok(RowPage {
            columns: wanted.iter().filter_map(|i| self.columns.get(*i).cloned()).collect(),
            truncated: total.is_none_or(|t| shown_to < t),
            rows,
            total_rows: total,
        })
    }

    fn wanted(&self, columns: Option<&[usize]>) -> Vec<usize> {
        match columns {
            Some(some) => some.iter().copied().filter(|i| *i < self.columns.len()).collect(),
            None => (0..self.columns.len()).collect(),
        }
    }

    /// The rows of each part that a range over all rows covers.
    fn plain(&self, range: Range<u64>) -> Vec<Vec<Range<u64>>> {
        let mut before = 0_u64;
        self.parts
            .iter()
            .map(|part| {
                let from = range.start.max(before) - before;
                let to = range.end.min(before + part.rows).saturating_sub(before);
                before += part.rows;
                (from < to).then_some(from..to).into_iter().collect()
            })
            .collect()
    }

    /// The rows of each part that match and fall into `window`, counted over the matches, and how many match.
    async fn matching(&self, text: &str, window: Range<u64>) -> Result<(Vec<Vec<Range<u64>>>, u64), RowsError> {
        let filter = Filter::parse(text, &self.schema)?;
        let mut picked = Vec::new();
        let mut matched = 0_u64;
        for part in &self.parts {
            let state = Arc::new(Mutex::new((matched, Vec::<Range<u64>>::new())));
            let mine: Vec<(usize, Option<usize>, DataType)> = filter
                .columns
                .iter()
                .zip(filter.schema().fields())
                .map(|(c, f)| (*c, part.roots.get(*c).copied().flatten(), f.data_type().clone()))
                .collect();
            let mut roots: Vec<usize> = mine.iter().filter_map(|(_, root, _)| *root).collect();
            roots.sort_unstable();
            roots.dedup();
            let (kept, order, window) = (Arc::clone(&state), roots.clone(), window.clone());
            let (own, overlay) = (filter.clone(), Arc::clone(&part.overlay));
            let visit = move |first: u64, batch: arrow::array::RecordBatch| {
                let rows = batch.num_rows();
                let columns = mine
                    .iter()
                    .map(|(column, root, wanted)| {
                        let at = root.and_then(|r| order.binary_search(&r).ok());
                        let constant = overlay.constant(*column, rows);
                        fitted(constant.as_ref().or_else(|| batch.columns().get(at?)), wanted, rows)
                    })
                    .collect();
                let batch = batch_of(own.schema(), columns, rows).map_err(RowsError::Filter)?;
                let mut state = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let matches = (first..).zip(own.matches(&batch)?).filter(|(_, verdict)| *verdict);
                for row in matches.filter_map(|(row, _)| overlay.logical(row)) {
                    if window.contains(&state.0) {
                        match state.1.last_mut() {
                            Some(last) if last.end == row => last.end += 1,
                            _ => state.1.push(row..row + 1),
                        }
                    }
                    state.0 += 1;
                }
                Ok(())
            };
            match &part.store {
                Store::Parquet(file) => drop(file.scan(self.lake.as_ref(), &roots, visit).await?),
                Store::Lines(lines) => lines.scan(&roots, visit)?,
            }
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            matched = state.0;
            picked.push(std::mem::take(&mut state.1));
        }
        Ok((picked, matched))
    }

    async fn cells(&self, part: &Part, wanted: &[usize], ranges: &[Range<u64>]) -> Result<Vec<Vec<Value>>, RowsError> {
        let places: Vec<Option<usize>> = wanted.iter().map(|c| part.roots.get(*c).copied().flatten()).collect();
        let file = match &part.store {
            Store::Parquet(file) => file,
            Store::Lines(lines) => return Ok(lines.cells(&places, ranges)),
        };
        let roots: Vec<usize> = places.iter().flatten().copied().collect();
        let arrays = file.read(self.lake.as_ref(), &roots, &part.overlay.physical(ranges)).await?;
        let rows = ranges.iter().map(|r| r.end - r.start).sum::<u64>() as usize;
        fenced(&file.file.uri, || {
            let mut arrays = arrays.iter();
            let columns: Vec<Vec<Value>> = places
                .iter()
                .zip(wanted)
                .map(|(place, column)| match place {
                    Some(_) => arrays.next().map_or_else(Vec::new, |a| convert::values(a)),
                    None => part.overlay.constant(*column, rows).map_or_else(Vec::new, |a| convert::values(&a)),
                })
                .collect();
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            (0..rows).map(|_| columns.iter_mut().map(|c| c.next().unwrap_or(Value::Null)).collect()).collect()
        })
    }

    /// A profile of the columns over at most `max_rows` rows from the start, oddest first.
    pub async fn profile(&self, columns: Option<&[usize]>, max_rows: u64) -> Result<Vec<ColumnProfile>, RowsError> {
        let mut profiles = Vec::new();
        let picked = self.plain(0..max_rows);
        for some in self.wanted(columns).chunks(PROFILED_TOGETHER) {
            let mut tallies: Vec<Tally> =
                some.iter().filter_map(|i| self.columns.get(*i).cloned()).map(Tally::new).collect();
            for (part, ranges) in self.parts.iter().zip(&picked) {
                for window in windows(ranges) {
                    let rows = self.cells(part, some, std::slice::from_ref(&window)).await?;
                    for row in rows {
                        for (tally, cell) in tallies.iter_mut().zip(row) {
                            tally.add(cell);
                        }
                    }
                }
            }
            profiles.extend(tallies.into_iter().map(Tally::finish));
        }
        profiles.sort_by(|a, b| b.oddness.total_cmp(&a.oddness));
        Ok(profiles)
    }
}

/// Rows profiled at a time.
const WINDOW: u64 = 65_536;

fn windows(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let cut = |r: &Range<u64>| {
        let end = r.end;
        (r.start..end).step_by(WINDOW as usize).map(move |from| from..(from + WINDOW).min(end)).collect::<Vec<_>>()
    };
    ranges.iter().flat_map(cut).collect()
}

/// A part's column in the set's type; null where it has none or its values do not fit.
fn fitted(column: Option<&ArrayRef>, wanted: &DataType, rows: usize) -> ArrayRef {
    match column {
        Some(array) if array.data_type() == wanted => Arc::clone(array),
        Some(array) => arrow::compute::cast(array, wanted).unwrap_or_else(|_| new_null_array(wanted, rows)),
        None => new_null_array(wanted, rows),
    }
}

/// The files of a layout that hold rows. Writers leave empty parts behind; a lone empty file is a fault.
fn row_files(layout: &Layout) -> Vec<&ObjectMeta> {
    layout.files.iter().filter(|f| f.size > 0 || layout.files.len() == 1).collect()
}

async fn open_all(
    lake: &dyn Lake,
    files: &[&ObjectMeta],
    cache: &RowCache,
    purpose: Purpose,
) -> Result<Vec<ParquetFile>, RowsError> {
    let footers: Vec<_> = files.iter().map(|f| cache.parquet(lake, f, purpose)).collect();
    stream::iter(footers).buffered(PARALLEL).try_collect().await
}

/// Counts the rows of a layout: parquet from footers, Delta from its log, NDJSON by reading (streamed, at
/// most `max_bytes` of it, beyond which `None`). Nothing else is read.
pub async fn count(
    lake: Arc<dyn Lake>,
    layout: &Layout,
    cache: Arc<RowCache>,
    max_bytes: u64,
) -> Result<Option<u64>, RowsError> {
    match layout.format {
        RowsFormat::None => Ok(None),
        RowsFormat::Delta => {
            let table = delta::open(&lake, layout).await?;
            let counted: Option<u64> = table.files.iter().map(|f| f.rows.map(|rows| f.overlay.left_of(rows))).sum();
            if counted.is_some() {
                return Ok(counted);
            }
            let objects: Vec<&ObjectMeta> = table.files.iter().map(|f| &f.object).collect();
            let files = open_all(lake.as_ref(), &objects, &cache, Purpose::Count).await?;
            let rows = files.iter().zip(&table.files).map(|(f, live)| live.overlay.left_of(f.footer.rows()));
            Ok(Some(rows.sum()))
        }
        RowsFormat::Parquet | RowsFormat::ParquetDir => {
            let files = open_all(lake.as_ref(), &row_files(layout), &cache, Purpose::Count).await?;
            Ok(Some(files.iter().map(|f| f.footer.rows()).sum()))
        }
        RowsFormat::Ndjson if layout.bytes() > max_bytes => Ok(None),
        RowsFormat::Ndjson => {
            let lines = ndjson::read(lake.as_ref(), &layout.files, &cache).await?;
            Ok(lines.whole.then_some(lines.rows.len() as u64))
        }
    }
}
