//! Avro schemas as contracts: records, unions with null, logical types, nested and named types. It reads no Avro data.
//!
//! <https://avro.apache.org/docs/1.12.0/specification/>

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Contract, ContractColumn};

/// Named types that may stand for another within one column: a schema can name types that unfold without end.
const UNFOLDED: usize = 256;

/// Whether a value is a record of Avro, and not Spark's `struct`.
pub(super) fn is_record(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("record")
}

/// The contract of a record; of a union at the top, of its only record.
pub(super) fn read(schema: &Value) -> Result<Contract, String> {
    let record = match schema {
        Value::Array(branches) => {
            let mut records = branches.iter().filter(|branch| is_record(branch));
            match (records.next(), records.next()) {
                (Some(record), None) => record,
                _ => return Err("a union that is not of one record".into()),
            }
        }
        other => other,
    };
    let record = record.as_object().filter(|_| is_record(record)).ok_or("not an Avro record")?;
    let mut names = Names::default();
    names.define(schema, "");
    let space = space_of(record, "");
    let mut columns = Vec::new();
    for field in fields(record) {
        let field = field.as_object().ok_or("a field is not an object")?;
        let name = field.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
        let kind = field.get("type").ok_or_else(|| format!("field {name:?} has no type"))?;
        let mut left = UNFOLDED;
        let (kind, nullable) = names.words(kind, &space, &mut Vec::new(), &mut left);
        let kind = kind.ok_or_else(|| format!("field {name:?} has no type that Avro knows"))?;
        columns.push(ContractColumn { name: name.to_owned(), kind, required: !nullable, nullable });
    }
    let table = record.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok(Contract { table, columns, ..Contract::default() })
}

fn fields(record: &Map<String, Value>) -> &[Value] {
    record.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The namespace that holds inside of a named type.
fn space_of(named: &Map<String, Value>, around: &str) -> String {
    let name = named.get("name").and_then(Value::as_str).unwrap_or_default();
    match (name.rsplit_once('.'), named.get("namespace").and_then(Value::as_str)) {
        (Some((space, _)), _) => space.to_owned(),
        (None, Some(space)) => space.to_owned(),
        (None, None) => around.to_owned(),
    }
}

fn full(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

/// The types that a schema names, each with the namespace that it stands in.
#[derive(Default)]
struct Names<'a>(HashMap<String, (&'a Value, String)>);

impl<'a> Names<'a> {
    /// Takes in every named type of a schema. serde_json has bounded the nesting.
    fn define(&mut self, schema: &'a Value, around: &str) {
        match schema {
            Value::Array(branches) => branches.iter().for_each(|branch| self.define(branch, around)),
            Value::Object(object) => {
                let mut space = around.to_owned();
                let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
                if ["record", "enum", "fixed", "error"].contains(&kind)
                    && let Some(name) = object.get("name").and_then(Value::as_str)
                {
                    space = space_of(object, around);
                    self.0.entry(full(name, &space)).or_insert((schema, around.to_owned()));
                }
                for inner in ["type", "items", "values"].iter().filter_map(|key| object.get(*key)) {
                    self.define(inner, &space);
                }
                fields(object).iter().filter_map(|f| f.get("type")).for_each(|inner| self.define(inner, &space));
            }
            _ => {}
        }
    }

    /// A type in the words of contracts, and whether it may be null. `inside` are the names being unfolded: a type
    /// that holds itself is `any` there.
    fn words(&self, schema: &Value, space: &str, inside: &mut Vec<String>, left: &mut usize) -> (Option<String>, bool) {
        match schema {
            Value::String(name) => match scalar(name) {
                Some(word) => (Some(word.to_owned()), name == "null"),
                None => (self.named(name, space, inside, left), false),
            },
            Value::Array(branches) => self.union(branches, space, inside, left),
            Value::Object(object) => self.object(object, space, inside, left),
            _ => (None, false),
        }
    }

    /// A union with null is nullable; one of several types is a type of its own, which no data has.
    fn union(
        &self,
        branches: &[Value],
        space: &str,
        inside: &mut Vec<String>,
        left: &mut usize,
    ) -> (Option<String>, bool) {
        let is_null = |branch: &&Value| {
            branch.as_str() == Some("null") || branch.get("type").and_then(Value::as_str) == Some("null")
        };
        let nullable = branches.iter().any(|branch| is_null(&branch));
        let mut kinds = Vec::new();
        for branch in branches.iter().filter(|branch| !is_null(branch)) {
            match self.words(branch, space, inside, left).0 {
                Some(kind) => kinds.push(kind),
                None => return (None, nullable),
            }
        }
        let kind = match kinds.as_slice() {
            [] if nullable => Some("null".to_owned()),
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(format!("union<{}>", kinds.join(", "))),
        };
        (kind, nullable)
    }

    fn object(
        &self,
        object: &Map<String, Value>,
        space: &str,
        inside: &mut Vec<String>,
        left: &mut usize,
    ) -> (Option<String>, bool) {
        if let Some(word) = logical(object) {
            return (Some(word), false);
        }
        let Some(kind) = object.get("type") else { return (None, false) };
        let mut inner = |key: &str| self.words(object.get(key)?, space, inside, left).0;
        match kind.as_str() {
            Some("array") => (inner("items").map(|item| format!("array<{item}>")), false),
            Some("map") => (inner("values").map(|value| format!("map<string, {value}>")), false),
            Some("enum") => (Some("string".into()), false),
            Some("fixed") => (Some("binary".into()), false),
            Some("record" | "error") => {
                let space = space_of(object, space);
                let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
                inside.push(full(name, &space));
                let one = |field: &Value| {
                    let kind = self.words(field.get("type")?, &space, inside, left).0?;
                    Some(format!("{}: {kind}", field.get("name")?.as_str()?))
                };
                let parts: Option<Vec<String>> = fields(object).iter().map(one).collect();
                inside.pop();
                (parts.map(|parts| format!("struct<{}>", parts.join(", "))), false)
            }
            _ => self.words(kind, space, inside, left),
        }
    }

    /// A type by its name, in the namespace where it is used or without one.
    fn named(&self, name: &str, space: &str, inside: &mut Vec<String>, left: &mut usize) -> Option<String> {
        let full_name = full(name, space);
        let (full_name, (schema, around)) = match self.0.get(&full_name) {
            Some(found) => (full_name, found),
            None => (name.to_owned(), self.0.get(name)?),
        };
        if inside.contains(&full_name) || *left == 0 {
            return Some("any".into());
        }
        *left -= 1;
        self.words(schema, around, inside, left).0
    }
}

fn scalar(name: &str) -> Option<&'static str> {
    Some(match name {
        "null" => "null",
        "boolean" => "boolean",
        "int" => "int",
        "long" => "bigint",
        "float" => "float",
        "double" => "double",
        "bytes" => "binary",
        "string" => "string",
        _ => return None,
    })
}

/// The logical type, where it says more than the type that carries it. Unknown ones are ignored, as Avro asks.
fn logical(object: &Map<String, Value>) -> Option<String> {
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    Some(match object.get("logicalType")?.as_str()? {
        "decimal" => format!("decimal({},{})", number("precision")?, number("scale").unwrap_or(0)),
        "uuid" => "string".into(),
        "date" => "date".into(),
        "time-millis" | "time-micros" => "time".into(),
        "timestamp-millis" | "timestamp-micros" | "timestamp-nanos" => "timestamp".into(),
        "local-timestamp-millis" | "local-timestamp-micros" | "local-timestamp-nanos" => "timestamp".into(),
        _ => return None,
    })
}
