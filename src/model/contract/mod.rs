//! Schema contracts and their difference from the data. Where a contract lies and what the data's columns
//! are is found out elsewhere. Each family of shapes has a file; [`parse_contract`] tells them apart.

mod avro;
mod columns;
mod drift;
pub mod evolution;
pub mod findings;
mod json_schema;
pub mod rules;

use serde::Serialize;
use serde_json::{Map, Value};

pub use drift::{Drift, DriftKind, diff, nullability};
pub use evolution::{Evolution, EvolutionStep, Evolved};
pub use findings::{Finding, FindingStatus, Findings};
pub use rules::{Demand, Rule, rules_of};

/// What a contract says of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct ContractColumn {
    /// Its name.
    pub name: String,
    /// Its type in the contract's own words (`string`, `bigint`, `decimal(10,2)`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a null breaks the contract.
    pub required: bool,
    /// Whether it says that nulls may be, and does not only leave it open.
    #[serde(skip)]
    pub nullable: bool,
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
    /// The column whose newest value the limit is about (`freshness_column`), if the file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness_column: Option<String>,
    /// Who answers for the table, if the file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The columns that identify a row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub primary_key: Vec<String>,
    /// What it demands of values, beyond nulls and types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// How a contract is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContractFormat {
    /// JSON: columns, a Spark schema, an Avro schema or a JSON Schema, told apart by their keys.
    Json,
    /// YAML with the same keys.
    Yaml,
    /// An Avro schema, the bare name of a type included.
    Avro,
}

impl ContractFormat {
    /// The format that a file's name gives away: `.yaml` and `.yml`, `.avsc`, and JSON for all others.
    pub fn of_name(name: &str) -> Self {
        let ends = |end: &str| {
            let at = name.len().checked_sub(end.len());
            at.and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        if ends(".yaml") || ends(".yml") {
            Self::Yaml
        } else if ends(".avsc") {
            Self::Avro
        } else {
            Self::Json
        }
    }
}

/// A contract file that cannot be used. `name` and `fault` may be hostile text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name}: {fault}; expected JSON with \"columns\", YAML with \"columns\" or \"tables\", a Spark schema with \
     \"fields\", an Avro record or a JSON Schema"
)]
pub struct ContractError {
    /// The file, as the caller names it.
    pub name: String,
    /// What is wrong with it.
    pub fault: String,
}

/// Reads the contract of a file that holds one, in the format that its name gives away: [`parse_contract_of`].
///
/// # Errors
/// As there.
pub fn parse_contract(bytes: &[u8], name: &str) -> Result<Contract, ContractError> {
    parse_contract_of(bytes, name, ContractFormat::of_name(name), None)
}

/// Reads a contract, called `name` in errors, of one of these shapes:
/// - `{table, primary_key, columns, required_non_null, freshness_column, max_lag_minutes}`, where `columns` is
///   `{name: type}`, `{name: {type, nullable|required}}` or `[{name, type, nullable|required}]`. Columns of the
///   primary key are required too; a required column that `columns` leaves out may have `any` type. `ranges` and
///   `data_quality_rules` are what it demands of values ([`rules`]).
/// - `{tables: {name: {owner, primary_key, required_columns, …}}}`, each table with the keys above; `required_columns`
///   have to be there, without nulls. Of several tables, `table` names one.
/// - a Spark `StructType`: `{"type": "struct", "fields": [{name, type, nullable}]}`, nested types included.
/// - an Avro record: unions with null are nullable, other fields are required.
/// - a JSON Schema of an object: `{"type": "object", "properties", "required"}`.
///
/// # Errors
/// What is not of its format, has none of these shapes, has a column without a name or with a type that is none, or
/// holds several tables of which none is named.
pub fn parse_contract_of(
    bytes: &[u8],
    name: &str,
    format: ContractFormat,
    table: Option<&str>,
) -> Result<Contract, ContractError> {
    let fail = |fault: String| ContractError { name: name.to_owned(), fault };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value = value(bytes, format).map_err(fail)?;
    if format == ContractFormat::Avro || avro::is_record(&value) {
        return avro::read(&value).map_err(fail);
    }
    let Value::Object(file) = value else { return Err(fail("not an object".into())) };
    if json_schema::is_one(&file) {
        return json_schema::read(&file).map_err(fail);
    }
    match file.get("tables") {
        Some(tables) if !file.contains_key("columns") => one_of(tables, table).map_err(fail),
        _ => of_table(&file).map_err(fail),
    }
}

fn value(bytes: &[u8], format: ContractFormat) -> Result<Value, String> {
    if format != ContractFormat::Yaml {
        return serde_json::from_slice(bytes).map_err(|e| format!("not JSON: {e}"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    // Its default budget bounds nesting, aliases and what they unfold to; one line of its message says enough.
    serde_saphyr::from_str(text).map_err(|e| {
        let message = e.to_string();
        format!("not YAML: {}", message.lines().next().unwrap_or_default())
    })
}

/// The table that is asked for, with or without regard to case; the only one where none is.
fn one_of(tables: &Value, table: Option<&str>) -> Result<Contract, String> {
    let named: Vec<(String, &Map<String, Value>)> = match tables {
        Value::Object(tables) => tables.iter().filter_map(|(n, t)| Some((n.clone(), t.as_object()?))).collect(),
        Value::Array(tables) => tables
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|t| {
                Some((["table", "name", "table_name"].iter().find_map(|k| t.get(*k)?.as_str())?.to_owned(), t))
            })
            .collect(),
        _ => return Err("\"tables\" is neither an object nor an array".into()),
    };
    let names = || named.iter().take(8).map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (table, named.as_slice()) {
        (Some(table), _) => {
            let exact = named.iter().find(|(n, _)| n == table);
            let found = exact.or_else(|| named.iter().find(|(n, _)| n.eq_ignore_ascii_case(table)));
            found.ok_or_else(|| format!("no table {table:?} in it, but {}", names()))?
        }
        (None, [one]) => one,
        (None, []) => return Err("no tables in it".into()),
        (None, _) => return Err(format!("several tables in it ({}): name one behind a #", names())),
    };
    let contract = of_table(found.1).map_err(|fault| format!("table {:?}: {fault}", found.0))?;
    Ok(Contract { table: contract.table.or_else(|| Some(found.0.clone())), ..contract })
}

fn of_table(file: &Map<String, Value>) -> Result<Contract, String> {
    let listed: Result<Vec<ContractColumn>, String> = match (file.get("columns"), file.get("fields")) {
        (Some(Value::Object(listed)), _) => listed.iter().map(|(n, v)| columns::of_pair(n, v)).collect(),
        (Some(Value::Array(listed)), _) | (None, Some(Value::Array(listed))) => {
            listed.iter().map(columns::of_item).collect()
        }
        (Some(_), _) => Err("\"columns\" is neither an object nor an array".to_owned()),
        _ if file.contains_key("required_columns") => Ok(Vec::new()),
        _ => Err("no columns".to_owned()),
    };
    let mut columns = listed?;
    let required = ["required_non_null", "required_columns", "primary_key"];
    for required in required.iter().flat_map(|key| names_at(file, key)) {
        match columns.iter_mut().find(|c| c.name == required) {
            Some(column) => (column.required, column.nullable) = (true, false),
            None => columns.push(ContractColumn {
                name: required.to_owned(),
                kind: "any".into(),
                required: true,
                nullable: false,
            }),
        }
    }
    let text = |key: &str| file.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    Ok(Contract {
        table: text("table").or_else(|| text("table_name")),
        columns,
        max_lag_minutes: file.get("max_lag_minutes").and_then(minutes),
        freshness_column: text("freshness_column"),
        owner: text("owner"),
        primary_key: names_at(file, "primary_key").map(str::to_owned).collect(),
        rules: rules::of_table(file),
    })
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
mod shape_tests;
#[cfg(test)]
mod tests;
