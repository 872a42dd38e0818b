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
use super::lines::{LineFiles, Surveyed};
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
    /// Whether all of it was read, or can be.
    pub whole: bool,
    /// How many there are.
    pub count: u64,
    /// Where they are read from, if they are not here: `rows` is empty then.
    pub files: Option<LineFiles>,
}

/// The same lines, to be streamed.
pub(super) async fn to_stream(lake: &Arc<dyn Lake>, files: &[ObjectMeta]) -> Result<Lines, RowsError> {
    let Surveyed { files, schema, kinds, rows } = LineFiles::survey(lake, files).await?;
    Ok(Lines { rows: Vec::new(), schema, kinds, whole: true, count: rows, files: Some(files) })
}

/// Compressed lines are not read.
pub(super) fn refuse_compressed(uri: &str, file: &ObjectMeta) -> Result<(), RowsError> {
    match file.key.as_str().ends_with(".gz") {
        true => Err(unreadable(uri, "compressed JSON lines are not supported")),
        false => Ok(()),
    }
}

/// Reads the files in order until the limit.
pub(super) async fn read(lake: &dyn Lake, files: &[ObjectMeta], cache: &RowCache) -> Result<Lines, RowsError> {
    let mut rows = Vec::new();
    let mut left = MOST;
    let mut whole = true;
    for file in files {
        let uri = lake.uri(file.key.as_str());
        refuse_compressed(&uri, file)?;
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
        rows.extend(row_of(uri, i + 1, line)?);
    }
    Ok(())
}

/// The row of a line; none of an empty one.
pub(super) fn row_of(uri: &str, number: usize, line: &[u8]) -> Result<Option<Map<String, Value>>, RowsError> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(row)) => Ok(Some(row)),
        Ok(_) => Err(unreadable(uri, format!("line {number} is not a JSON object"))),
        Err(e) => Err(unreadable(uri, format!("line {number} is not JSON: {e}"))),
    }
}

/// Columns in order of first sight, typed by all their values.
#[derive(Default)]
pub(super) struct Typing {
    seen: indexmap_like::Ordered<Seen>,
    rows: u64,
}

struct Seen {
    kind: Option<&'static str>,
    met: u64,
    nulls: bool,
}

impl Typing {
    /// Looks at a row.
    pub fn add(&mut self, row: &Map<String, Value>) {
        self.rows += 1;
        for (name, value) in row {
            let column = self.seen.entry(name, || Seen { kind: None, met: 0, nulls: false });
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

    /// How many rows it saw, and what they are: a schema, and types as shown.
    pub fn finish(self) -> (u64, Arc<Schema>, Vec<String>) {
        let mut kinds = Vec::new();
        let mut fields = Vec::new();
        for (name, column) in self.seen.into_items() {
            let kind = column.kind.unwrap_or("null");
            let data_type = match kind {
                "int64" => DataType::Int64,
                "double" => DataType::Float64,
                "bool" => DataType::Boolean,
                _ => DataType::Utf8,
            };
            fields.push(Field::new(name, data_type, column.nulls || column.met < self.rows));
            kinds.push(kind.to_owned());
        }
        (self.rows, Arc::new(Schema::new(fields)), kinds)
    }
}

fn typed(rows: Vec<Map<String, Value>>, whole: bool) -> Lines {
    let mut typing = Typing::default();
    rows.iter().for_each(|row| typing.add(row));
    let (count, schema, kinds) = typing.finish();
    Lines { rows, schema, kinds, whole, count, files: None }
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
        if let Some(files) = &self.files {
            let mut at = 0;
            return files.scan(&self.schema, roots, &mut |batch| {
                let first = at;
                at += batch.num_rows() as u64;
                visit(first, batch)
            });
        }
        let schema = Arc::new(self.schema.project(roots).map_err(|e| RowsError::Filter(e.to_string()))?);
        for (i, rows) in self.rows.chunks(BATCH).enumerate() {
            let columns = schema.fields().iter().map(|f| column(rows, f)).collect();
            visit((i * BATCH) as u64, batch_of(&schema, columns, rows.len()).map_err(RowsError::Filter)?)?;
        }
        Ok(())
    }
}

pub(super) fn column(rows: &[Map<String, Value>], field: &Field) -> ArrayRef {
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
