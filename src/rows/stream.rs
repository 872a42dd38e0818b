//! All rows of an entry, batch by batch, as each part has them: nothing is widened, cast or left out on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::delta::Overlay;
use super::guard::{fenced, unreadable};
use super::parquet_file::{BATCH, ParquetFile, blocking, words};
use super::set::{RowSet, Store};
use super::windows::WindowReader;
use super::{RowsError, ndjson};

/// The wish that work on other threads ends. Dropped futures do not stop a thread; this does.
#[derive(Debug, Clone, Default)]
pub struct Halt(Arc<AtomicBool>);

impl Halt {
    /// Wishes it.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was wished.
    pub fn is_wished(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// One that wishes it when it is dropped: with the future that holds it.
    pub fn on_drop(&self) -> HaltOnDrop {
        HaltOnDrop(self.clone())
    }
}

/// Ends the work when it is dropped.
#[derive(Debug)]
pub struct HaltOnDrop(Halt);

impl Drop for HaltOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

/// Some rows.
#[derive(Debug)]
pub(super) struct Batch {
    /// The first of them, counted over the whole set from 0.
    pub first: u64,
    /// How many.
    pub rows: usize,
    /// By the set's columns, in the part's own types; none where the part has no such column, or it was not asked for.
    pub columns: Vec<Option<ArrayRef>>,
}

impl RowSet {
    /// Whether all rows can be read; of large JSON lines only the first are.
    pub(super) fn is_whole(&self) -> Result<(), RowsError> {
        let short = |part: &super::set::Part| matches!(&part.store, Store::Lines(lines) if !lines.whole);
        if self.parts.iter().any(short) {
            let fault = format!("more than {} MiB of JSON lines: rewrite them as parquet first", ndjson::MOST >> 20);
            return Err(unreadable(self.lake.url(), fault));
        }
        Ok(())
    }

    /// Reads every value of every row, as any other reader would have to; how many rows there are.
    pub async fn read_all(&self, halt: &Halt) -> Result<u64, RowsError> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let rows = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&rows);
        let visit = move |batch: Batch| -> Result<(), RowsError> {
            counted.fetch_add(batch.rows as u64, Ordering::Relaxed);
            Ok(())
        };
        drop(self.stream(&all, halt, visit).await?);
        Ok(rows.load(Ordering::Relaxed))
    }

    /// The types that a column has in the parts.
    pub(super) fn types(&self, column: usize) -> Vec<DataType> {
        let mut types: Vec<DataType> = Vec::new();
        for part in &self.parts {
            let own = part.roots.get(column).copied().flatten();
            let Some(field) = own.and_then(|root| part.store.schema().fields().get(root).cloned()) else { continue };
            if !types.contains(field.data_type()) {
                types.push(field.data_type().clone());
            }
        }
        types
    }

    /// Hands every row to `visit`, in order, on a thread that may block; at a wish to halt it ends with
    /// [`RowsError::Halted`].
    pub(super) async fn stream<V>(&self, wanted: &[usize], halt: &Halt, visit: V) -> Result<V, RowsError>
    where
        V: FnMut(Batch) -> Result<(), RowsError> + Send + 'static,
    {
        self.is_whole()?;
        let mut visit = visit;
        let mut first = 0_u64;
        for part in &self.parts {
            let places: Vec<Option<usize>> = (0..self.columns.len())
                .map(|c| part.roots.get(c).copied().flatten().filter(|_| wanted.contains(&c)))
                .collect();
            let mut roots: Vec<usize> = places.iter().flatten().copied().collect();
            roots.sort_unstable();
            roots.dedup();
            let shaped = Shaped {
                places,
                roots,
                wanted: wanted.to_vec(),
                overlay: Arc::clone(&part.overlay),
                first,
                physical: 0,
            };
            (visit, first) = match &part.store {
                Store::Parquet(file) => self.file(file, shaped, halt, visit).await?,
                Store::Lines(lines) => {
                    let (lines, halt) = (Arc::clone(lines), halt.clone());
                    let mut shaped = shaped;
                    blocking(self.lake.url(), move || -> Result<_, RowsError> {
                        let roots = shaped.roots.clone();
                        lines.scan(&roots, |_, batch| shaped.hand(&batch, &halt, &mut visit))?;
                        Ok((visit, shaped.first))
                    })
                    .await??
                }
            };
        }
        Ok(visit)
    }

    async fn file<V>(
        &self,
        file: &ParquetFile,
        mut shaped: Shaped,
        halt: &Halt,
        mut visit: V,
    ) -> Result<(V, u64), RowsError>
    where
        V: FnMut(Batch) -> Result<(), RowsError> + Send + 'static,
    {
        let arrow = file.footer.arrow.clone();
        let uri = file.file.uri.clone();
        let metadata = Arc::clone(arrow.metadata());
        let reader = fenced(&uri, || WindowReader::new(&self.lake, &file.file, &metadata, &shaped.roots))?;
        let (promised, halt) = (file.footer.rows(), halt.clone());
        blocking(&file.file.uri, move || -> Result<(V, u64), RowsError> {
            let ended = fenced(&uri, || {
                let fault = |e: &parquet::errors::ParquetError| {
                    reader.take_fault().unwrap_or_else(|| unreadable(&uri, words(e)))
                };
                let mask = ProjectionMask::roots(arrow.parquet_schema(), shaped.roots.iter().copied());
                let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(reader.clone(), arrow)
                    .with_projection(mask)
                    .with_batch_size(BATCH)
                    .build()
                    .map_err(|e| fault(&e))?;
                for batch in batches {
                    shaped.hand(&batch.map_err(|e| fault(&e.into()))?, &halt, &mut visit)?;
                }
                match shaped.physical {
                    all if all == promised => Ok((visit, shaped.first)),
                    got => Err(unreadable(&uri, format!("{got} rows where the footer promises {promised}"))),
                }
            });
            ended?
        })
        .await?
    }
}

/// How a part's batches become those of the set.
struct Shaped {
    places: Vec<Option<usize>>,
    roots: Vec<usize>,
    wanted: Vec<usize>,
    overlay: Arc<Overlay>,
    first: u64,
    physical: u64,
}

impl Shaped {
    fn hand(
        &mut self,
        batch: &RecordBatch,
        halt: &Halt,
        visit: &mut impl FnMut(Batch) -> Result<(), RowsError>,
    ) -> Result<(), RowsError> {
        if halt.is_wished() {
            return Err(RowsError::Halted);
        }
        let whole = batch.num_rows();
        let physical = self.physical..self.physical + whole as u64;
        self.physical = physical.end;
        // Rows that a deletion vector takes out.
        let deletes = self.overlay.left_of(u64::MAX) != u64::MAX;
        let left =
            deletes.then(|| BooleanArray::from_iter(physical.map(|row| Some(self.overlay.logical(row).is_some()))));
        let rows = left.as_ref().map_or(whole, |left| left.true_count());
        let mut columns = Vec::with_capacity(self.places.len());
        for (column, place) in self.places.iter().enumerate() {
            let own = place.and_then(|root| batch.columns().get(self.roots.binary_search(&root).ok()?));
            columns.push(match (own, &left) {
                (Some(array), Some(left)) => Some(filter(array, left).map_err(|e| unreadable("rows", e.to_string()))?),
                (Some(array), None) => Some(Arc::clone(array)),
                (None, _) if self.wanted.contains(&column) => self.overlay.constant(column, rows),
                (None, _) => None,
            });
        }
        if rows > 0 {
            visit(Batch { first: self.first, rows, columns })?;
        }
        self.first += rows as u64;
        Ok(())
    }
}
