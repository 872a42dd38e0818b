//! Columns of a table under construction, and the batch's way into a parquet file in memory.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::incidents::Compression;

/// Whether a column is declared to hold no nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Declared `required`.
    Never,
    /// Declared `optional`.
    May,
}

/// The columns so far.
#[derive(Debug, Default)]
pub struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// Adds a finished array.
    pub fn with(mut self, name: &str, nulls: Nulls, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), nulls == Nulls::May));
        self.arrays.push(array);
        self
    }

    /// Text.
    pub fn text(self, name: &str, nulls: Nulls, values: Vec<Option<String>>) -> Self {
        self.with(name, nulls, Arc::new(StringArray::from(values)))
    }

    /// Text that repeats, or no text at all.
    pub fn words(self, name: &str, nulls: Nulls, values: Vec<Option<&'static str>>) -> Self {
        self.with(name, nulls, Arc::new(StringArray::from(values)))
    }

    /// 64-bit integers.
    pub fn long(self, name: &str, nulls: Nulls, values: Vec<Option<i64>>) -> Self {
        self.with(name, nulls, Arc::new(Int64Array::from(values)))
    }

    /// 32-bit integers.
    pub fn int(self, name: &str, nulls: Nulls, values: Vec<Option<i32>>) -> Self {
        self.with(name, nulls, Arc::new(Int32Array::from(values)))
    }

    /// Floating point.
    pub fn double(self, name: &str, nulls: Nulls, values: Vec<Option<f64>>) -> Self {
        self.with(name, nulls, Arc::new(Float64Array::from(values)))
    }

    /// Yes or no.
    pub fn flag(self, name: &str, nulls: Nulls, values: Vec<Option<bool>>) -> Self {
        self.with(name, nulls, Arc::new(BooleanArray::from(values)))
    }

    /// Bytes.
    pub fn bytes(self, name: &str, nulls: Nulls, values: &[Option<&[u8]>]) -> Self {
        self.with(name, nulls, Arc::new(BinaryArray::from(values.to_vec())))
    }

    /// `decimal(precision, scale)`; the values count the last decimal place.
    pub fn decimal(
        self,
        name: &str,
        nulls: Nulls,
        (precision, scale): (u8, i8),
        values: Vec<Option<i128>>,
    ) -> Result<Self, ArrowError> {
        let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale)?;
        Ok(self.with(name, nulls, Arc::new(array)))
    }

    /// Days since 1970.
    pub fn date(self, name: &str, nulls: Nulls, values: Vec<Option<i32>>) -> Self {
        self.with(name, nulls, Arc::new(Date32Array::from(values)))
    }

    /// Microseconds without a zone.
    pub fn local_time(self, name: &str, nulls: Nulls, values: Vec<Option<i64>>) -> Self {
        self.with(name, nulls, Arc::new(TimestampMicrosecondArray::from(values)))
    }

    /// Microseconds in UTC.
    pub fn time(self, name: &str, nulls: Nulls, values: Vec<Option<i64>>) -> Self {
        self.with(name, nulls, Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")))
    }

    /// Milliseconds in UTC.
    pub fn milli_time(self, name: &str, nulls: Nulls, values: Vec<Option<i64>>) -> Self {
        self.with(name, nulls, Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC")))
    }

    /// The batch; an error if the columns differ in length or a required one holds a null.
    pub fn batch(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
    }
}

/// A parquet file of one batch. Snappy is Spark's way, so such a file carries no Arrow schema either.
pub fn parquet(batch: &RecordBatch, compression: Compression) -> Result<Vec<u8>, ParquetError> {
    let codec = match compression {
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        Compression::Plain => Codec::UNCOMPRESSED,
    };
    let properties = WriterProperties::builder().set_compression(codec).build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(compression == Compression::Snappy);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)?;
    writer.write(batch)?;
    writer.into_inner()
}
