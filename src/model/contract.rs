//! Schema contracts and their difference from the data. Where a contract lies and what the data's columns
//! are is found out elsewhere.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::column::Column;
use super::kind::Kind;

/// What a contract says of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractColumn {
    /// Its name.
    pub name: String,
    /// Its type in the contract's own words (`string`, `bigint`, `decimal(10,2)`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a null breaks the contract.
    pub required: bool,
}

/// A dataset's schema contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Contract {
    /// The table's own name, if the file says it.
    pub table: Option<String>,
    /// The columns in the file's order.
    pub columns: Vec<ContractColumn>,
    /// Freshness limit in minutes (`max_lag_minutes`), if the file says it.
    pub max_lag_minutes: Option<i64>,
}

/// How one column differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// In the contract, not in the data.
    Missing,
    /// In the data, not in the contract.
    New,
    /// In both, with types that differ.
    Retyped,
    /// Required by the contract, nulls in the data.
    NullsInRequired,
}

/// One difference between a contract and the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The column.
    pub column: String,
    /// How it differs.
    pub kind: DriftKind,
    /// What the contract expects, if the column is in it.
    pub expected: Option<String>,
    /// What the data has, if the column is in it.
    pub actual: Option<String>,
    /// Whether the data can evolve into the contract without loss (null defaults, widening).
    pub safe: bool,
}

/// A contract file that cannot be used. `name` and `fault` may be hostile text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {fault}; expected JSON with \"columns\", or a Spark schema with \"fields\"")]
pub struct ContractError {
    /// The file, as the caller names it.
    pub name: String,
    /// What is wrong with it.
    pub fault: String,
}

/// Reads a contract file, called `name` in errors, of one of these shapes:
/// - `{table, primary_key, columns, required_non_null, max_lag_minutes}`, where `columns` is
///   `{name: type}`, `{name: {type, nullable|required}}` or `[{name, type, nullable|required}]`. Columns of the
///   primary key are required too; a required column that `columns` leaves out may have `any` type.
/// - a Spark `StructType`: `{"type": "struct", "fields": [{name, type, nullable}]}`, nested types included.
///
/// # Errors
/// What is no JSON, has neither columns nor fields, or has a column without a name or with a type that is none.
pub fn parse_contract(bytes: &[u8], name: &str) -> Result<Contract, ContractError> {
    let fail = |fault: String| ContractError { name: name.to_owned(), fault };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|e| fail(format!("not JSON: {e}")))?;
    let Value::Object(file) = value else { return Err(fail("not an object".into())) };
    let mut columns: Vec<ContractColumn> = match (file.get("columns"), file.get("fields")) {
        (Some(Value::Object(columns)), _) => columns.iter().map(|(n, v)| of_pair(n, v)).collect(),
        (Some(Value::Array(columns)), _) | (None, Some(Value::Array(columns))) => columns.iter().map(of_item).collect(),
        (Some(_), _) => Err("\"columns\" is neither an object nor an array".to_owned()),
        _ => Err("no columns".to_owned()),
    }
    .map_err(fail)?;
    for required in names_at(&file, "required_non_null").chain(names_at(&file, "primary_key")) {
        match columns.iter_mut().find(|c| c.name == required) {
            Some(column) => column.required = true,
            None => columns.push(ContractColumn { name: required.to_owned(), kind: "any".into(), required: true }),
        }
    }
    let table = ["table", "table_name"].iter().find_map(|k| file.get(*k)?.as_str()).map(str::to_owned);
    Ok(Contract { table, columns, max_lag_minutes: file.get("max_lag_minutes").and_then(minutes) })
}

/// What differs between a contract and the data's columns: in the contract's order, then what is new in the
/// data's. `nulls` says of a column (its index) whether it holds nulls, if that is known. Names are compared
/// as spelled, then, as Spark does, without regard to case. Columns that begin with `_` are technical: they
/// are never new.
pub fn diff(contract: &Contract, columns: &[Column], nulls: &dyn Fn(usize) -> Option<bool>) -> Vec<Drift> {
    let mut exact: HashMap<&str, usize> = HashMap::new();
    let mut folded: HashMap<String, usize> = HashMap::new();
    for (i, column) in columns.iter().enumerate() {
        exact.entry(&column.name).or_insert(i);
        folded.entry(column.name.to_lowercase()).or_insert(i);
    }
    let mut drifts = Vec::new();
    let mut known = vec![false; columns.len()];
    for expected in &contract.columns {
        let folded_name = || folded.get(&expected.name.to_lowercase());
        let at = exact.get(expected.name.as_str()).or_else(folded_name).copied();
        let Some((at, actual)) = at.and_then(|i| Some((i, columns.get(i)?))) else {
            drifts.push(missing(expected));
            continue;
        };
        known.iter_mut().zip(columns).filter(|(_, c)| c.name == actual.name).for_each(|(known, _)| *known = true);
        drifts.extend(retyped(expected, actual));
        if expected.required && nulls(at) == Some(true) {
            drifts.push(Drift {
                column: expected.name.clone(),
                kind: DriftKind::NullsInRequired,
                expected: Some("not null".into()),
                actual: Some("nulls".into()),
                safe: false,
            });
        }
    }
    let new = columns.iter().zip(known).filter(|(column, known)| !known && !column.name.starts_with('_'));
    drifts.extend(new.map(|(column, _)| Drift {
        column: column.name.clone(),
        kind: DriftKind::New,
        expected: None,
        actual: Some(column.kind.clone()),
        safe: true,
    }));
    drifts
}

/// A null default fills it in, unless the contract forbids nulls.
fn missing(expected: &ContractColumn) -> Drift {
    Drift {
        column: expected.name.clone(),
        kind: DriftKind::Missing,
        expected: Some(expected.kind.clone()),
        actual: None,
        safe: !expected.required,
    }
}

fn retyped(expected: &ContractColumn, actual: &Column) -> Option<Drift> {
    let (wanted, found) = (Kind::read(&expected.kind), Kind::read(&actual.kind));
    (!wanted.is_met_by(&found)).then(|| Drift {
        column: expected.name.clone(),
        kind: DriftKind::Retyped,
        expected: Some(expected.kind.clone()),
        actual: Some(actual.kind.clone()),
        safe: wanted.widens_from(&found),
    })
}

/// `name: type` or `name: {type, nullable|required}`.
fn of_pair(name: &str, value: &Value) -> Result<ContractColumn, String> {
    // A nested Spark type has its `type` in an object as well, but then it is one of three words.
    let is_type = |o: &Map<String, Value>| {
        ["fields", "elementType", "keyType"].iter().any(|k| o.contains_key(*k)) || !o.contains_key("type")
    };
    let (kind, required) = match value {
        Value::Object(o) if !is_type(o) => (o.get("type"), required(o)),
        other => (Some(other), false),
    };
    let kind = kind.and_then(words).ok_or_else(|| format!("column {name:?} has no type"))?;
    Ok(ContractColumn { name: name.to_owned(), kind, required })
}

/// `{name, type, nullable|required}`, which is also Spark's field.
fn of_item(item: &Value) -> Result<ContractColumn, String> {
    let field = item.as_object().ok_or("a column is not an object")?;
    let name = field.get("name").and_then(Value::as_str).ok_or("a column has no name")?;
    let kind = field.get("type").and_then(words).ok_or_else(|| format!("column {name:?} has no type"))?;
    Ok(ContractColumn { name: name.to_owned(), kind, required: required(field) })
}

fn required(field: &Map<String, Value>) -> bool {
    let flag = |key: &str| field.get(key).and_then(Value::as_bool);
    flag("required").or_else(|| Some(!flag("nullable")?)).unwrap_or(false)
}

/// A type in words: text as it is, Spark's type objects as `struct<a: string>`, `array<int>`, `map<string, int>`.
/// serde_json has bounded the nesting.
fn words(kind: &Value) -> Option<String> {
    let object = match kind {
        Value::String(words) => return Some(words.clone()),
        Value::Object(object) => object,
        _ => return None,
    };
    let inner = |key: &str| object.get(key).and_then(words);
    match object.get("type")?.as_str()? {
        "struct" => {
            let field = |f: &Value| Some(format!("{}: {}", f.get("name")?.as_str()?, words(f.get("type")?)?));
            let fields: Option<Vec<String>> = object.get("fields")?.as_array()?.iter().map(field).collect();
            Some(format!("struct<{}>", fields?.join(", ")))
        }
        "array" => Some(format!("array<{}>", inner("elementType")?)),
        "map" => Some(format!("map<{}, {}>", inner("keyType")?, inner("valueType")?)),
        "udt" => inner("sqlType"),
        plain => Some(plain.to_owned()),
    }
}

/// The names under a key that holds one or several.
fn names_at<'a>(file: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    let (one, many) = match file.get(key) {
        Some(Value::Array(names)) => (None, names.as_slice()),
        Some(name) => (name.as_str(), Default::default()),
        None => (None, Default::default()),
    };
    one.into_iter().chain(many.iter().filter_map(Value::as_str))
}

/// A limit of at least a minute, and at most a century: others say nothing.
fn minutes(value: &Value) -> Option<i64> {
    const CENTURY: i64 = 100 * 366 * 24 * 60;
    let whole = |f: f64| (f.fract() == 0.0 && f.abs() < 1e15).then_some(f as i64);
    let minutes = match value {
        Value::Number(n) => n.as_i64().or_else(|| whole(n.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    minutes.filter(|m| (1..=CENTURY).contains(m))
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
