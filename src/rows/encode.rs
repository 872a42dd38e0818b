//! A parquet file that is encoded column by column, two at a time: encoding takes longer than all else together. Row
//! groups end when they hold so many bytes, which is what is held in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::RowsError;
use super::guard::{fenced, unreadable};
use super::parquet_file::words;
use super::repair::Outlet;

/// A row group ends when it holds so many bytes, encoded.
const ROW_GROUP: usize = 24 * 1024 * 1024;
/// And when it holds so many rows.
const ROW_GROUP_ROWS: usize = 1024 * 1024;
/// Bytes of distinct values that a column is looked through for: where there are more, each value stands for itself.
const DICTIONARY: usize = 256 * 1024;
/// Fewer rows are not worth another thread.
const WORTH_TWO: usize = 1024;
/// What errors call it: its address is known where it goes.
pub(super) const FILE: &str = "the repaired rows";

/// The file that is being encoded.
pub(super) struct Encoder {
    file: SerializedFileWriter<Box<dyn Outlet>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// Those of the row group that is open; none between two.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl Encoder {
    /// A file of this schema, without rows yet.
    pub fn new(outlet: Box<dyn Outlet>, schema: &SchemaRef) -> Result<Self, RowsError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_dictionary_page_size_limit(DICTIONARY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("lakeward ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let begun = ArrowWriter::try_new(outlet, Arc::clone(schema), Some(properties));
        let (file, factory) = begun.and_then(ArrowWriter::into_serialized_writer).map_err(fault)?;
        Ok(Self { file, factory, schema: Arc::clone(schema), columns: Vec::new(), rows: 0 })
    }

    /// Adds rows of the file's schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), RowsError> {
        if self.rows + batch.num_rows() > ROW_GROUP_ROWS {
            self.end_group()?;
        }
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.file.flushed_row_groups().len()).map_err(fault)?;
        }
        let mut leaves = Vec::with_capacity(self.columns.len());
        for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
            leaves.extend(compute_leaves(field, array).map_err(fault)?);
        }
        encode(&mut self.columns, &leaves, batch.num_rows() >= WORTH_TWO)?;
        self.rows += batch.num_rows();
        if self.columns.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum::<usize>() >= ROW_GROUP {
            self.end_group()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), RowsError> {
        if self.columns.is_empty() {
            return Ok(());
        }
        self.rows = 0;
        let columns = std::mem::take(&mut self.columns);
        let mut group = self.file.next_row_group().map_err(fault)?;
        for column in columns {
            column.close().and_then(|chunk| chunk.append_to_row_group(&mut group)).map_err(fault)?;
        }
        group.close().map(drop).map_err(fault)
    }

    /// Ends the file, and gives back where it goes.
    pub fn end(mut self) -> Result<Box<dyn Outlet>, RowsError> {
        self.end_group()?;
        self.file.into_inner().map_err(fault)
    }
}

/// Encodes each column; with `two`, by two threads that take the next one as they are done with one.
fn encode(columns: &mut [ArrowColumnWriter], leaves: &[ArrowLeafColumn], two: bool) -> Result<(), RowsError> {
    let waiting = Mutex::new(columns.iter_mut().zip(leaves));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> Result<(), RowsError> {
        fenced(FILE, || {
            while let Some((column, leaf)) = next() {
                column.write(leaf).map_err(fault)?;
            }
            Ok(())
        })?
    };
    if !two {
        return work();
    }
    thread::scope(|scope| {
        let other = scope.spawn(work);
        let mine = work();
        let other = other.join().unwrap_or_else(|_| Err(unreadable(FILE, "encoding ended early")));
        mine.and(other)
    })
}

fn fault(error: ParquetError) -> RowsError {
    unreadable(FILE, words(&error))
}
