//! Columns as contract files list them: names with types, objects, Spark's `StructType`.

use serde_json::{Map, Value};

use super::ContractColumn;

/// `name: type` or `name: {type, nullable|required}`.
pub(super) fn of_pair(name: &str, value: &Value) -> Result<ContractColumn, String> {
    // A nested Spark type has its `type` in an object as well, but then it is one of three words.
    let is_type = |o: &Map<String, Value>| {
        ["fields", "elementType", "keyType"].iter().any(|k| o.contains_key(*k)) || !o.contains_key("type")
    };
    let (kind, (required, nullable)) = match value {
        Value::Object(o) if !is_type(o) => (o.get("type"), nulls(o)),
        other => (Some(other), (false, false)),
    };
    let kind = kind.and_then(words).ok_or_else(|| format!("column {name:?} has no type"))?;
    Ok(ContractColumn { name: name.to_owned(), kind, required, nullable })
}

/// `{name, type, nullable|required}`, which is also Spark's field.
pub(super) fn of_item(item: &Value) -> Result<ContractColumn, String> {
    let field = item.as_object().ok_or("a column is not an object")?;
    let name = field.get("name").and_then(Value::as_str).ok_or("a column has no name")?;
    let kind = field.get("type").and_then(words).ok_or_else(|| format!("column {name:?} has no type"))?;
    let (required, nullable) = nulls(field);
    Ok(ContractColumn { name: name.to_owned(), kind, required, nullable })
}

/// Whether nulls are forbidden, and whether they are allowed in so many words.
fn nulls(field: &Map<String, Value>) -> (bool, bool) {
    let flag = |key: &str| field.get(key).and_then(Value::as_bool);
    let required = flag("required").or_else(|| Some(!flag("nullable")?));
    (required == Some(true), required == Some(false))
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
