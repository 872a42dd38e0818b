//! What a column's values are like, and how odd that is.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Value;

use crate::model::column::{Column, ColumnProfile};

/// Distinct values told apart at most.
const MOST_DISTINCT: usize = 10_000;
/// Bytes of distinct values kept at most.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The running tally of one column.
#[derive(Debug)]
pub(super) struct Tally {
    column: Column,
    rows: u64,
    nulls: u64,
    blank: u64,
    counts: HashMap<String, (Value, u64)>,
    bytes: usize,
    capped: bool,
    min: Option<Value>,
    max: Option<Value>,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(column: Column) -> Self {
        let counts = HashMap::new();
        Self { column, rows: 0, nulls: 0, blank: 0, counts, bytes: 0, capped: false, min: None, max: None }
    }

    /// Counts one cell.
    pub fn add(&mut self, cell: Value) {
        self.rows += 1;
        if cell.is_null() {
            self.nulls += 1;
            return;
        }
        if cell.as_str().is_some_and(|t| t.trim().is_empty()) {
            self.blank += 1;
        }
        if !cell.is_array() && !cell.is_object() {
            let decimal = self.column.kind.starts_with("decimal");
            if self.min.as_ref().is_none_or(|m| compared(&cell, m, decimal) == Ordering::Less) {
                self.min = Some(cell.clone());
            }
            if self.max.as_ref().is_none_or(|m| compared(&cell, m, decimal) == Ordering::Greater) {
                self.max = Some(cell.clone());
            }
        }
        let key = cell.to_string();
        if let Some((_, count)) = self.counts.get_mut(&key) {
            *count += 1;
        } else if self.counts.len() < MOST_DISTINCT && self.bytes + key.len() <= MOST_BYTES {
            self.bytes += key.len();
            self.counts.insert(key, (cell, 1));
        } else {
            self.capped = true;
        }
    }

    /// The profile.
    pub fn finish(self) -> ColumnProfile {
        let distinct = self.counts.len() as u64;
        let mut top: Vec<(String, (Value, u64))> = self.counts.into_iter().collect();
        top.sort_by(|(ka, (_, a)), (kb, (_, b))| b.cmp(a).then_with(|| ka.cmp(kb)));
        let filled = self.rows - self.nulls;
        let share = |n: u64, of: u64| if of == 0 { 0.0 } else { n as f64 / of as f64 };
        let (oddness, odd) = if self.rows == 0 {
            (0.0, None)
        } else if filled == 0 {
            (1.0, Some("all null"))
        } else if self.nulls * 2 > self.rows {
            (0.5 + 0.4 * share(self.nulls, self.rows), Some("mostly null"))
        } else if self.column.kind == "mixed" {
            (0.8, Some("mixed types"))
        } else if self.blank > 0 {
            (0.5 + 0.4 * share(self.blank, filled), Some("blank text"))
        } else if distinct == 1 && filled > 1 && !self.capped {
            (0.6, Some("one value"))
        } else if self.nulls > 0 {
            (0.3 + 0.4 * share(self.nulls, self.rows), Some("some null"))
        } else if !self.capped && distinct == filled && filled > 1 {
            (0.1, Some("all distinct"))
        } else {
            (0.0, None)
        };
        ColumnProfile {
            column: self.column,
            rows: self.rows,
            nulls: self.nulls,
            distinct,
            distinct_capped: self.capped,
            min: self.min.unwrap_or(Value::Null),
            max: self.max.unwrap_or(Value::Null),
            top: top.into_iter().take(5).map(|(_, counted)| counted).collect(),
            oddness,
            odd: odd.map(str::to_owned),
        }
    }
}

/// Natural order: numbers by value, also those written as text; texts by their characters.
fn compared(a: &Value, b: &Value, decimal: bool) -> Ordering {
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str().filter(|_| decimal)?.parse().ok());
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if !x.is_f64() && !y.is_f64() => {
            let whole = |n: &serde_json::Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
            whole(x).cmp(&whole(y))
        }
        (Value::String(x), Value::String(y)) if !decimal => x.cmp(y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        _ => match (number(a), number(b)) {
            (Some(x), Some(y)) => x.total_cmp(&y),
            _ => a.to_string().cmp(&b.to_string()),
        },
    }
}
