//! `--where`: an SQL boolean expression over the columns, parsed, typed and evaluated by DataFusion.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::{DFSchema, DataFusionError};
use datafusion_physical_expr::PhysicalExpr;

use super::RowsError;
use super::expression::Expressions;
use super::guard::{fenced, one_line};

/// A filter that fits a schema.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    expression: Arc<dyn PhysicalExpr>,
    /// The columns it reads, as indexes into the set's columns, ascending.
    pub columns: Vec<usize>,
    schema: SchemaRef,
}

/// The schema with names that differ: a name met again becomes `name#2`.
pub(super) fn distinct_names(schema: &Schema) -> Schema {
    let mut seen = HashSet::new();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let mut name = field.name().clone();
            let mut nth = 2;
            while !seen.insert(name.clone()) {
                name = format!("{}#{nth}", field.name());
                nth += 1;
            }
            field.as_ref().clone().with_name(name).with_nullable(true)
        })
        .collect();
    Schema::new(fields)
}

impl Filter {
    /// Parses and types an expression; names match exactly, as they are spelt in the data.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, RowsError> {
        let named = distinct_names(schema);
        let wrong = |fault: String| RowsError::Filter(explained(&fault, &named));
        fenced("filter", || Self::plan(text, &named)).map_err(|e| RowsError::Filter(e.to_string()))?.map_err(wrong)
    }

    fn plan(text: &str, named: &Schema) -> Result<Self, String> {
        let plain = |e: DataFusionError| e.strip_backtrace();
        let expressions = Expressions::default();
        let whole = DFSchema::try_from(named.clone()).map_err(plain)?;
        let logical = expressions.parse(text, &whole).map_err(plain)?;
        let used: HashSet<&str> = logical.column_refs().iter().map(|c| c.name.as_str()).collect();
        let columns: Vec<usize> =
            (0..named.fields().len()).filter(|i| used.contains(named.field(*i).name().as_str())).collect();
        let narrow = named.project(&columns).map_err(|e| e.to_string())?;
        let schema = DFSchema::try_from(narrow.clone()).map_err(plain)?;
        let expression = expressions.physical(logical, &schema).map_err(plain)?;
        match expression.data_type(&narrow).map_err(plain)? {
            DataType::Boolean | DataType::Null => {}
            other => return Err(format!("the expression is {}, not true or false", super::convert::kind(&other))),
        }
        Ok(Self { expression, columns, schema: Arc::new(narrow) })
    }

    /// The schema of the batches it takes: its own columns only.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Which rows of a batch of [`Self::schema`] match; a null does not.
    pub fn matches(&self, batch: &RecordBatch) -> Result<Vec<bool>, RowsError> {
        Ok(self.verdicts(batch)?.iter().map(|b| b == Some(true)).collect())
    }

    /// What the expression is for each row of a batch of [`Self::schema`]: true, false or null.
    pub fn verdicts(&self, batch: &RecordBatch) -> Result<BooleanArray, RowsError> {
        let fault = |e: DataFusionError| RowsError::Filter(one_line(&e.strip_backtrace(), 300));
        fenced("filter", || {
            let verdicts =
                self.expression.evaluate(batch).and_then(|v| v.into_array(batch.num_rows())).map_err(fault)?;
            // An expression that is null throughout has no type.
            Ok(verdicts
                .as_any()
                .downcast_ref::<BooleanArray>()
                .cloned()
                .unwrap_or_else(|| BooleanArray::new_null(verdicts.len())))
        })?
    }
}

/// The fault on one line, with the column meant where only the case differs, or the columns there are.
fn explained(fault: &str, schema: &Schema) -> String {
    let fault = one_line(fault, 200);
    if !fault.contains("No field named") {
        return fault;
    }
    let low = fault.to_lowercase();
    let asked = low.split("no field named ").nth(1).unwrap_or_default();
    let asked: String = asked.trim_start_matches('"').chars().take_while(|c| !matches!(c, '"' | '.' | ' ')).collect();
    let meant = schema.fields().iter().find(|f| f.name().to_lowercase() == asked);
    if let Some(field) = meant {
        return format!("no column {asked:?}; it is spelt {:?}", field.name());
    }
    format!("no column {asked:?}; there are: {}", known_names(schema.fields().iter().map(|f| f.name().as_str())))
}

/// Names for a message, shortened.
pub(super) fn known_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    one_line(&names.take(40).collect::<Vec<_>>().join(", "), 300)
}
