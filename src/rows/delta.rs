//! Delta tables through their log, read by the Delta project's own kernel: which files are live, what the log
//! alone knows of them. The rows of those files are read by ranges like any others.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema};
use delta_kernel::engine::arrow_conversion::TryIntoArrow;
use delta_kernel::scan::state::ScanFile;
use delta_kernel::{KernelError, KernelResult, Snapshot};
use tokio::runtime::Handle;
use url::Url;

use crate::lake::{Lake, ObjectMeta};

use super::delta_engine::{LakeEngine, key_of, url_of};
use super::guard::{fenced, unreadable};
use super::{Layout, RowsError};

/// The column mapping's name of a column inside the files, as fields carry it.
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";

/// Null as a partition value, as Hive and those who learnt from it write it.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A table as of its newest commit.
#[derive(Debug)]
pub(super) struct Table {
    /// Its columns, partition columns included.
    pub schema: Arc<Schema>,
    /// Its live files, by path.
    pub files: Vec<LiveFile>,
}

/// One live data file.
#[derive(Debug)]
pub(super) struct LiveFile {
    /// The object, as listed.
    pub object: ObjectMeta,
    /// Rows in it, if the log says so; deleted ones count.
    pub rows: Option<u64>,
    /// What the log adds to its bytes.
    pub overlay: Overlay,
}

/// What the log says of a file beyond its bytes.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// For each column of the table, its one value where the path holds it: an array of length one.
    constants: Vec<Option<ArrayRef>>,
    /// Rows that a deletion vector takes out, ascending.
    deleted: Vec<u64>,
}

impl Overlay {
    /// The rows that are left of so many.
    pub fn left_of(&self, rows: u64) -> u64 {
        rows.saturating_sub(self.deleted.len() as u64)
    }

    /// A column that the path holds, repeated; `None` for the others.
    pub fn constant(&self, column: usize, rows: usize) -> Option<ArrayRef> {
        let value = self.constants.get(column)?.as_ref()?;
        take(value, &UInt32Array::from(vec![0; rows]), None).ok()
    }

    /// A row of the file, counted without the deleted ones; `None` if it is one of them.
    pub fn logical(&self, row: u64) -> Option<u64> {
        self.deleted.binary_search(&row).err().map(|before| row - before as u64)
    }

    /// Ranges counted without the deleted rows, as ranges of the file.
    pub fn physical(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        if self.deleted.is_empty() {
            return ranges.to_vec();
        }
        let mut out = Vec::new();
        for range in ranges {
            let mut left = range.end.saturating_sub(range.start);
            let mut at = range.start;
            // As many rows further as are deleted before it.
            loop {
                let moved = range.start + self.deleted.partition_point(|d| *d <= at) as u64;
                if moved == at {
                    break;
                }
                at = moved;
            }
            while left > 0 {
                let next = self.deleted.get(self.deleted.partition_point(|d| *d < at)).copied().unwrap_or(u64::MAX);
                let run = left.min(next.saturating_sub(at));
                if run > 0 {
                    out.push(at..at + run);
                }
                left -= run;
                at += run.max(1);
            }
        }
        out
    }
}

/// Reads the log of the layout's table.
pub(super) async fn open(lake: &Arc<dyn Lake>, layout: &Layout) -> Result<Table, RowsError> {
    let root = layout.table.clone().unwrap_or_else(|| layout.root.clone());
    let uri = lake.uri(&root);
    let listed: HashMap<String, ObjectMeta> = layout.files.iter().map(|f| (f.key.0.clone(), f.clone())).collect();
    let (lake, handle, table) = (Arc::clone(lake), Handle::current(), uri.clone());
    // The kernel waits for each of its reads, so it has a thread to itself.
    let read = tokio::task::spawn_blocking(move || {
        let engine = LakeEngine::new(lake, handle);
        fenced(&table, || read_log(&engine, &root)).map(|read| (read, engine.failure(), listed))
    });
    let (read, failure, mut listed) = read.await.map_err(|e| unreadable(&uri, format!("its log: {e}")))??;
    // A lake that did not answer says nothing of the table.
    if let (true, Some(failure)) = (read.is_err(), failure) {
        return Err(failure.into());
    }
    // The kernel's errors may carry a backtrace on further lines.
    let first_line = |e: KernelError| e.to_string().lines().next().unwrap_or_default().to_owned();
    let (schema, found) =
        read.map_err(|e| unreadable(&uri, format!("its Delta log cannot be read: {}", first_line(e))))?;
    let files = found.into_iter().map(|(key, rows, overlay)| {
        let object = listed
            .remove(&key)
            .ok_or_else(|| unreadable(&uri, format!("its log names {key}, and no such object is there")))?;
        Ok(LiveFile { object, rows, overlay })
    });
    let mut files = files.collect::<Result<Vec<_>, RowsError>>()?;
    files.sort_by(|a, b| a.object.key.cmp(&b.object.key));
    Ok(Table { schema, files })
}

type Found = Vec<(String, Option<u64>, Overlay)>;

fn read_log(engine: &LakeEngine, root: &str) -> KernelResult<(Arc<Schema>, Found)> {
    let place = url_of(root)?;
    let snapshot = Snapshot::builder_for(place.as_str()).build(engine)?;
    let schema: Schema = snapshot.schema().as_ref().try_into_arrow()?;
    let scan = snapshot.scan_builder().build()?;
    let mut files: Vec<ScanFile> = Vec::new();
    for metadata in scan.scan_metadata(engine)? {
        files = metadata?.visit_scan_files(files, |files, file| files.push(file))?;
    }
    let found = files.into_iter().map(|file| {
        let deleted = file.dv_info.get_row_indexes(engine, &place)?.unwrap_or_default();
        let constants = schema.fields().iter().map(|f| constant(f, &file.partition_values)).collect();
        let rows = file.stats.as_ref().map(|s| s.num_records);
        Ok((key_of(&joined(&place, &file.path)?), rows, Overlay { constants, deleted }))
    });
    let found = found.collect::<KernelResult<Found>>()?;
    Ok((Arc::new(schema), found))
}

fn joined(place: &Url, path: &str) -> KernelResult<Url> {
    place.join(path).map_err(|e| KernelError::generic(format!("{path}: {e}")))
}

/// A partition column's value as the log has it, text, in the column's type. Empty text is null there.
fn constant(field: &Field, values: &HashMap<String, String>) -> Option<ArrayRef> {
    let text = values.get(physical_name(field))?;
    let null = || new_null_array(field.data_type(), 1);
    if text.is_empty() || text == HIVE_NULL {
        return Some(null());
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
    Some(cast(&text, field.data_type()).ok().filter(|a| a.is_valid(0)).unwrap_or_else(null))
}

/// The column's name inside the files.
pub(super) fn physical_name(field: &Field) -> &str {
    field.metadata().get(PHYSICAL_NAME).map_or(field.name(), String::as_str)
}

/// The type as files of other writers spell it: the kernel's own views and large types are not asked for.
pub(super) fn plain(field: &Field) -> Field {
    Field::new(field.name(), DataType::clone(field.data_type()), field.is_nullable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(range: Range<u64>) -> Vec<Range<u64>> {
        std::iter::once(range).collect()
    }

    #[test]
    fn deleted_rows_are_stepped_over() {
        let overlay = Overlay { constants: vec![], deleted: vec![0, 3, 4, 9] };
        // Left of ten rows: 1 2 5 6 7 8.
        assert_eq!(overlay.left_of(10), 6);
        assert_eq!(overlay.physical(&one(0..6)), [1..3, 5..9]);
        assert_eq!(overlay.physical(&[0..1, 2..4]), [1..2, 5..7]);
        assert_eq!(overlay.physical(&one(5..6)), one(8..9));
        assert_eq!((1..9).filter_map(|r| overlay.logical(r)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(overlay.logical(3), None);
        assert_eq!(Overlay::default().physical(&one(2..5)), one(2..5));
    }
}
