//! JSON Schemas of objects as contracts, as schema registries keep them. Types, `required`, bounds, `enum` and `pattern`
//! are read; what else a schema can demand of a value is not.
//!
//! <https://json-schema.org/draft/2020-12/json-schema-validation>

use serde_json::{Map, Value};

use super::{Contract, ContractColumn};

/// Whether an object is the JSON Schema of one.
pub(super) fn is_one(schema: &Map<String, Value>) -> bool {
    schema.get("properties").is_some_and(Value::is_object) && !schema.contains_key("columns")
}

/// The contract of a schema. A property is required where the schema requires it and its type has no null.
pub(super) fn read(schema: &Map<String, Value>) -> Result<Contract, String> {
    let properties = schema.get("properties").and_then(Value::as_object).ok_or("no properties")?;
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let column = |(name, property): (&String, &Value)| {
        let (kind, nullable) = words(property);
        let required = required.contains(&name.as_str()) && !nullable;
        ContractColumn { name: name.clone(), kind, required, nullable }
    };
    let mut rules = Vec::new();
    properties.iter().for_each(|(name, property)| super::rules::of_property(name, property, &mut rules));
    Ok(Contract {
        rules,
        table: schema.get("title").and_then(Value::as_str).map(str::to_owned),
        columns: properties.iter().map(column).collect(),
        ..Contract::default()
    })
}

/// A type in the words of contracts, and whether it has null. What it does not say, or says with other means
/// (`$ref`, `anyOf`), may be `any`. serde_json has bounded the nesting.
fn words(property: &Value) -> (String, bool) {
    let mut names: Vec<&str> = match property.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return ("any".into(), false),
    };
    let all = names.len();
    names.retain(|name| *name != "null");
    let nullable = names.len() < all;
    let format = property.get("format").and_then(Value::as_str).unwrap_or_default();
    let kind = match names.as_slice() {
        [] => "null".into(),
        ["string"] => match format {
            "date-time" => "timestamp".into(),
            "date" => "date".into(),
            _ => "string".into(),
        },
        ["integer"] => "bigint".into(),
        ["number"] => "double".into(),
        ["boolean"] => "boolean".into(),
        ["array"] => format!("array<{}>", property.get("items").map_or("any".into(), |item| words(item).0)),
        ["object"] => match property.get("properties").and_then(Value::as_object) {
            Some(inner) => {
                let parts: Vec<String> = inner.iter().map(|(name, p)| format!("{name}: {}", words(p).0)).collect();
                format!("struct<{}>", parts.join(", "))
            }
            None => "any".into(),
        },
        _ => "any".into(),
    };
    (kind, nullable)
}
