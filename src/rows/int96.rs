//! INT96 timestamps. Arrow reads them as nanoseconds, in which 9999-12-31, a common "no end", silently becomes a
//! day of 1816. Spark and its kin write microseconds, so theirs are read as such: no year is wrong.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type;
use parquet::file::metadata::ParquetMetaData;

/// Writers that put nanoseconds into INT96; they hold no year beyond 2262 in memory either.
const NANOSECOND_WRITERS: [&str; 2] = ["parquet-cpp-arrow", "parquet-rs"];

/// The same metadata with a schema in which INT96 is microseconds; `None` where it is right as it is.
pub(super) fn in_microseconds(
    metadata: &Arc<ParquetMetaData>,
    read: &ArrowReaderMetadata,
) -> Option<ArrowReaderMetadata> {
    let file = metadata.file_metadata();
    let by = file.created_by().unwrap_or_default();
    let has_int96 = file.schema_descr().columns().iter().any(|c| c.physical_type() == Type::INT96);
    if !has_int96 || NANOSECOND_WRITERS.iter().any(|writer| by.starts_with(writer)) {
        return None;
    }
    let schema = read.schema();
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    ArrowReaderMetadata::try_new(Arc::clone(metadata), ArrowReaderOptions::new().with_schema(schema)).ok()
}

fn field(of: &FieldRef) -> FieldRef {
    let kind = match of.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::List(item) => DataType::List(field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        _ => return Arc::clone(of),
    };
    Arc::new(Field::clone(of).with_data_type(kind))
}
