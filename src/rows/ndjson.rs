//! JSON lines: read whole up to a limit, kept as JSON objects; typed by looking at the values.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value};

use crate::lake::{Lake, ObjectMeta};

use super::RowsError;
use super::cache::RowCache;
use super::guard::unreadable;
use super::parquet_file::{BATCH, batch_of};

/// Bytes read of one entry at most.
pub(super) const MOST: u64 = 64 * 1024 * 1024;

/// The rows of one entry's JSON lines.
#[derive(Debug)]
pub(super) struct Lines {
    pub rows: Vec<Map<String, Value>>,
    pub schema: Arc<Schema>,
    /// Types as shown, one for each field of the schema.
    pub kinds: Vec<String>,
    /// Whether all of it was read.
    pub whole: bool,
}

/// Reads the files in order until the limit.
pub(super) async fn read(lake: &dyn Lake, files: &[ObjectMeta], cache: &RowCache) -> Result<Lines, RowsError> {
    let mut rows = Vec::new();
    let mut left = MOST;
    let mut whole = true;
    for file in files {
        let uri = lake.uri(file.key.as_str());
        if file.key.as_str().ends_with(".gz") {
            return Err(unreadable(&uri, "compressed JSON lines are not supported"));
        }
        if left == 0 {
            whole = false;
            break;
        }
        let bytes = cache.text(lake, file, left).await?;
        let cut = file.size > left;
        left = left.saturating_sub(bytes.len() as u64);
        whole &= !cut;
        parse(&uri, &bytes, cut, &mut rows)?;
    }
    Ok(typed(rows, whole))
}

fn parse(uri: &str, bytes: &[u8], cut: bool, rows: &mut Vec<Map<String, Value>>) -> Result<(), RowsError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // The last line of a cut read is not all there.
    let end = if cut { bytes.iter().rposition(|b| *b == b'\n').unwrap_or(0) } else { bytes.len() };
    let lines = bytes.get(..end).unwrap_or_default().split(|b| *b == b'\n');
    for (i, line) in lines.enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Value>(line) {
            Ok(Value::Object(row)) => rows.push(row),
            Ok(_) => return Err(unreadable(uri, format!("line {} is not a JSON object", i + 1))),
            Err(e) => return Err(unreadable(uri, format!("line {} is not JSON: {e}", i + 1))),
        }
    }
    Ok(())
}

/// Columns in order of first sight, typed by all their values.
fn typed(rows: Vec<Map<String, Value>>, whole: bool) -> Lines {
    struct Seen {
        kind: Option<&'static str>,
        met: usize,
        nulls: bool,
    }
    let mut seen: indexmap_like::Ordered<Seen> = indexmap_like::Ordered::default();
    for row in &rows {
        for (name, value) in row {
            let column = seen.entry(name, || Seen { kind: None, met: 0, nulls: false });
            column.met += 1;
            match kind(value) {
                None => column.nulls = true,
                Some(new) => {
                    column.kind = Some(match column.kind {
                        None => new,
                        Some(old) if old == new => old,
                        Some("int64" | "double") if matches!(new, "int64" | "double") => "double",
                        Some(_) => "mixed",
                    });
                }
            }
        }
    }
    let mut kinds = Vec::new();
    let mut fields = Vec::new();
    for (name, column) in seen.into_items() {
        let kind = column.kind.unwrap_or("null");
        let data_type = match kind {
            "int64" => DataType::Int64,
            "double" => DataType::Float64,
            "bool" => DataType::Boolean,
            _ => DataType::Utf8,
        };
        fields.push(Field::new(name, data_type, column.nulls || column.met < rows.len()));
        kinds.push(kind.to_owned());
    }
    Lines { rows, schema: Arc::new(Schema::new(fields)), kinds, whole }
}

fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("bool"),
        Value::Number(n) if n.is_i64() => Some("int64"),
        Value::Number(_) => Some("double"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("list"),
        Value::Object(_) => Some("struct"),
    }
}

impl Lines {
    /// Cells of some rows, the columns by their place in the schema.
    pub fn cells(&self, places: &[Option<usize>], ranges: &[Range<u64>]) -> Vec<Vec<Value>> {
        let names: Vec<Option<&str>> =
            places.iter().map(|p| p.and_then(|i| self.schema.fields().get(i)).map(|f| f.name().as_str())).collect();
        ranges
            .iter()
            .filter_map(|r| self.rows.get(r.start as usize..(r.end as usize).min(self.rows.len())))
            .flatten()
            .map(|row| names.iter().map(|n| n.and_then(|n| row.get(n)).cloned().unwrap_or(Value::Null)).collect())
            .collect()
    }

    /// Hands batches of some columns to `visit`; mixed and nested values as the text of their JSON.
    pub fn scan(
        &self,
        roots: &[usize],
        mut visit: impl FnMut(u64, RecordBatch) -> Result<(), RowsError>,
    ) -> Result<(), RowsError> {
        let schema = Arc::new(self.schema.project(roots).map_err(|e| RowsError::Filter(e.to_string()))?);
        for (i, rows) in self.rows.chunks(BATCH).enumerate() {
            let columns = schema.fields().iter().map(|f| column(rows, f)).collect();
            visit((i * BATCH) as u64, batch_of(&schema, columns, rows.len()).map_err(RowsError::Filter)?)?;
        }
        Ok(())
    }
}

fn column(rows: &[Map<String, Value>], field: &Field) -> ArrayRef {
    let cells = rows.iter().map(|row| row.get(field.name()));
    match field.data_type() {
        DataType::Int64 => Arc::new(cells.map(|c| c?.as_i64()).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(cells.map(|c| c?.as_f64()).collect::<Float64Array>()),
        DataType::Boolean => Arc::new(cells.map(|c| c?.as_bool()).collect::<BooleanArray>()),
        _ => Arc::new(
            cells
                .map(|c| match c? {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                })
                .collect::<StringArray>(),
        ),
    }
}

mod indexmap_like {
    use std::collections::HashMap;

    /// Items by name in the order of first sight.
    pub(super) struct Ordered<T> {
        items: Vec<(String, T)>,
        places: HashMap<String, usize>,
    }

    impl<T> Default for Ordered<T> {
        fn default() -> Self {
            Self { items: Vec::new(), places: HashMap::new() }
        }
    }

    impl<T> Ordered<T> {
        pub fn entry(&mut self, name: &str, new: impl FnOnce() -> T) -> &mut T {
            let at = match self.places.get(name) {
                Some(at) => *at,
                None => {
                    self.places.insert(name.to_owned(), self.items.len());
                    self.items.push((name.to_owned(), new()));
                    self.items.len() - 1
                }
            };
            &mut self.items[at].1
        }

        pub fn into_items(self) -> Vec<(String, T)> {
            self.items
        }
    }
}
