//! What a contract demands of values, beyond columns and types: nulls, ranges, sets, patterns, SQL expressions. Pure:
//! it says what is to be evaluated, and whoever has the rows evaluates it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Contract;

/// One rule of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What the contract calls it, or what it is about; hostile text.
    pub name: String,
    /// What it wants.
    #[serde(flatten)]
    pub demand: Demand,
}

/// What a rule wants of each row. A null breaks no demand but the first, as in an SQL `CHECK`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "demand", rename_all = "snake_case")]
pub enum Demand {
    /// The column is there, and no value of it is null.
    Required {
        /// Its name.
        column: String,
    },
    /// Values lie between these, both included.
    Range {
        /// The column.
        column: String,
        /// At least this: a number, or the text of a date or time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Value>,
        /// At most this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Value>,
    },
    /// Values are among these.
    OneOf {
        /// The column.
        column: String,
        /// Which.
        values: Vec<Value>,
    },
    /// Texts match a regular expression.
    Pattern {
        /// The column.
        column: String,
        /// The expression.
        pattern: String,
    },
    /// An SQL expression is not false.
    Sql {
        /// The expression.
        expression: String,
    },
    /// The contract demands something that is not read: it is not evaluated, which is no pass.
    Unread {
        /// What is not understood.
        why: String,
    },
}

/// Every rule of a contract: its required columns, then what it says beyond them, in its order.
pub fn rules_of(contract: &Contract) -> Vec<Rule> {
    let required = contract
        .columns
        .iter()
        .filter(|c| c.required)
        .map(|c| Rule { name: format!("{} is required", c.name), demand: Demand::Required { column: c.name.clone() } });
    required.chain(contract.rules.iter().cloned()).collect()
}

impl Rule {
    /// The column that it is about, where that is one.
    pub fn column(&self) -> Option<&str> {
        match &self.demand {
            Demand::Required { column }
            | Demand::Range { column, .. }
            | Demand::OneOf { column, .. }
            | Demand::Pattern { column, .. } => Some(column),
            Demand::Sql { .. } | Demand::Unread { .. } => None,
        }
    }

    /// The rule as an SQL expression that is false for the rows that break it. `named` tells how the rows spell a
    /// column.
    ///
    /// # Errors
    /// Why it cannot be evaluated.
    pub fn sql(&self, named: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        let quoted = |column: &str| {
            let own = named(column).ok_or_else(|| format!("no column {column:?}"))?;
            Ok::<_, String>(format!("\"{}\"", own.replace('"', "\"\"")))
        };
        Ok(match &self.demand {
            Demand::Required { column } => format!("{} IS NOT NULL", quoted(column)?),
            Demand::Range { column, min, max } => {
                let column = quoted(column)?;
                let bound = |sign: &str, of: &Option<Value>| -> Result<Option<String>, String> {
                    of.as_ref().map(|v| Ok(format!("{column} {sign} {}", literal(v)?))).transpose()
                };
                let bounds: Vec<String> = [bound(">=", min)?, bound("<=", max)?].into_iter().flatten().collect();
                bounds.join(" AND ")
            }
            Demand::OneOf { column, values } => {
                let values: Vec<String> = values.iter().map(literal).collect::<Result<_, _>>()?;
                format!("{} IN ({})", quoted(column)?, values.join(", "))
            }
            Demand::Pattern { column, pattern } => {
                format!("regexp_like(CAST({} AS VARCHAR), {})", quoted(column)?, text(pattern))
            }
            Demand::Sql { expression } => expression.clone(),
            Demand::Unread { why } => return Err(why.clone()),
        })
    }

    /// What it wants, in a few words.
    pub fn words(&self) -> String {
        let bound = |v: &Option<Value>| v.as_ref().map(plain);
        match &self.demand {
            Demand::Required { column } => format!("{column} is there and not null"),
            Demand::Range { column, min, max } => match (bound(min), bound(max)) {
                (Some(min), Some(max)) => format!("{column} from {min} to {max}"),
                (Some(min), None) => format!("{column} at least {min}"),
                (None, max) => format!("{column} at most {}", max.unwrap_or_default()),
            },
            Demand::OneOf { column, values } => {
                let some: Vec<String> = values.iter().take(6).map(plain).collect();
                format!("{column} is one of {}{}", some.join(", "), if values.len() > 6 { ", …" } else { "" })
            }
            Demand::Pattern { column, pattern } => format!("{column} matches {pattern}"),
            Demand::Sql { expression } => expression.clone(),
            Demand::Unread { why } => why.clone(),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::Number(n) => Ok(n.to_string()),
        Value::String(s) => Ok(text(s)),
        Value::Bool(true) => Ok("TRUE".to_owned()),
        Value::Bool(false) => Ok("FALSE".to_owned()),
        other => Err(format!("{other} is no value to compare with")),
    }
}

fn text(s: &str) -> String {
    format!("'{}'", s.replace('\'', "''"))
}

/// The keys under which an object holds an expression.
const EXPRESSIONS: [&str; 7] = ["expression", "sql", "expr", "condition", "constraint", "rule", "check"];
/// The keys under which it holds the values that are allowed.
const VALUES: [&str; 5] = ["allowed_values", "accepted_values", "values", "enum", "in"];

/// The rules of a table: `ranges` and `data_quality_rules`, as a list or by name.
pub(super) fn of_table(file: &Map<String, Value>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for key in ["ranges", "data_quality_rules"] {
        match file.get(key) {
            Some(Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    of_item(&format!("{key} {}", i + 1), None, item, &mut rules);
                }
            }
            Some(Value::Object(items)) => {
                items.iter().for_each(|(name, item)| of_item(name, Some(name), item, &mut rules))
            }
            None | Some(Value::Null) => {}
            Some(_) => rules.push(unread(key, "it is neither a list nor an object")),
        }
    }
    rules
}

fn unread(name: &str, why: &str) -> Rule {
    Rule { name: name.to_owned(), demand: Demand::Unread { why: format!("not read: {why}") } }
}

/// One item: an expression, an object that holds one or bounds a column, words such as `not_null`, a pair of bounds.
/// `key` is the name that stands before it, which may be that of a column.
fn of_item(name: &str, key: Option<&str>, item: &Value, rules: &mut Vec<Rule>) {
    let rule = |demand| Rule { name: name.to_owned(), demand };
    match item {
        Value::String(word) if of_word(key.unwrap_or_default(), word).is_some() && key.is_some() => {
            rules.extend(of_word(key.unwrap_or_default(), word).map(|demand| Rule { name: name.to_owned(), demand }));
        }
        Value::String(expression) => rules.push(rule(Demand::Sql { expression: expression.clone() })),
        Value::Object(object) if object.get("enabled").and_then(Value::as_bool) == Some(false) => {}
        Value::Object(object) => of_object(name, key, object, rules),
        Value::Array(words) => match (key, words.as_slice()) {
            (Some(column), [min, max]) if is_bound(min) && is_bound(max) => {
                rules.push(rule(range(column, Some(min), Some(max))));
            }
            (Some(column), words) if !words.is_empty() => {
                for word in words {
                    let text = plain(word);
                    let demand = of_word(column, &text);
                    let name = format!("{name}: {text}");
                    rules.push(match demand {
                        Some(demand) => Rule { name, demand },
                        None => unread(&name, &format!("{text:?} is no rule that is known")),
                    });
                }
            }
            _ => rules.push(unread(name, "a list without a column")),
        },
        _ => rules.push(unread(name, "neither an expression nor an object")),
    }
}

fn is_bound(value: &Value) -> bool {
    value.is_number() || value.is_null()
}

fn range(column: &str, min: Option<&Value>, max: Option<&Value>) -> Demand {
    let bound = |v: Option<&Value>| v.filter(|v| !v.is_null()).cloned();
    Demand::Range { column: column.to_owned(), min: bound(min), max: bound(max) }
}

fn of_word(column: &str, word: &str) -> Option<Demand> {
    let zero = Value::from(0);
    let quoted = || format!("\"{}\"", column.replace('"', "\"\""));
    Some(match word {
        "not_null" | "non_null" | "required" => Demand::Required { column: column.to_owned() },
        "non_negative" => range(column, Some(&zero), None),
        "positive" => Demand::Sql { expression: format!("{} > 0", quoted()) },
        "not_empty" | "non_empty" => Demand::Sql { expression: format!("{} <> ''", quoted()) },
        _ => return None,
    })
}

fn of_object(name: &str, key: Option<&str>, object: &Map<String, Value>, rules: &mut Vec<Rule>) {
    let named = object.get("name").and_then(Value::as_str).unwrap_or(name);
    let before = rules.len();
    let mut push = |demand| rules.push(Rule { name: named.to_owned(), demand });
    if let Some(expression) = EXPRESSIONS.iter().find_map(|k| object.get(*k)?.as_str()) {
        push(Demand::Sql { expression: expression.to_owned() });
    }
    let column = object.get("column").and_then(Value::as_str).or(key);
    if let Some(column) = column {
        let either = |a: &str, b: &str| object.get(a).or_else(|| object.get(b)).filter(|v| !v.is_null());
        let (min, max) = (either("min", "min_value"), either("max", "max_value"));
        if min.is_some() || max.is_some() {
            push(range(column, min, max));
        }
        if let Some(values) = VALUES.iter().find_map(|k| object.get(*k)?.as_array()).filter(|v| !v.is_empty()) {
            push(Demand::OneOf { column: column.to_owned(), values: values.clone() });
        }
        if let Some(pattern) = ["pattern", "regex"].iter().find_map(|k| object.get(*k)?.as_str()) {
            push(Demand::Pattern { column: column.to_owned(), pattern: pattern.to_owned() });
        }
        let says = |key: &str, what: bool| object.get(key).and_then(Value::as_bool) == Some(what);
        if says("not_null", true) || says("required", true) || says("nullable", false) {
            push(Demand::Required { column: column.to_owned() });
        }
        let kind = ["type", "kind"].iter().find_map(|k| object.get(*k)?.as_str());
        if let Some(demand) = kind.and_then(|word| of_word(column, word)) {
            push(demand);
        }
    }
    if rules.len() == before {
        rules.push(unread(named, "no expression, bounds, values or pattern in it"));
    }
}

/// What a property of a JSON Schema demands of its values.
pub(super) fn of_property(name: &str, property: &Value, rules: &mut Vec<Rule>) {
    let at = |key: &str| property.get(key).filter(|v| v.is_number());
    let mut push = |word: &str, demand| rules.push(Rule { name: format!("{name}: {word}"), demand });
    if at("minimum").is_some() || at("maximum").is_some() {
        push("range", range(name, at("minimum"), at("maximum")));
    }
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    for (key, sign) in [("exclusiveMinimum", ">"), ("exclusiveMaximum", "<")] {
        if let Some(bound) = at(key) {
            push(key, Demand::Sql { expression: format!("{quoted} {sign} {bound}") });
        }
    }
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let values: Vec<Value> = values.iter().filter(|v| !v.is_null()).cloned().collect();
        if !values.is_empty() {
            push("enum", Demand::OneOf { column: name.to_owned(), values });
        }
    }
    if let Some(pattern) = property.get("pattern").and_then(Value::as_str) {
        push("pattern", Demand::Pattern { column: name.to_owned(), pattern: pattern.to_owned() });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::super::parse_contract;
    use super::*;

    /// Name and SQL of each rule.
    fn told(text: &str) -> Vec<(String, String)> {
        let contract = parse_contract(text.as_bytes(), "c.json").unwrap();
        let same = |name: &str| Some(name.to_owned());
        let sql = |r: &Rule| r.sql(&same).unwrap_or_else(|why| format!("({why})"));
        rules_of(&contract).iter().map(|r| (r.name.clone(), sql(r))).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn reads_the_pipelines_own_rules() {
        let text = r#"{"table": "orders", "primary_key": "order_id", "columns": {"order_id": "string", "total": "double"},
            "required_non_null": ["total"],
            "data_quality_rules": {"positive_total": "total > 0", "valid": "order_id <> ''"}}"#;
        let want = [
            ("order_id is required", "\"order_id\" IS NOT NULL"),
            ("total is required", "\"total\" IS NOT NULL"),
            ("positive_total", "total > 0"),
            ("valid", "order_id <> ''"),
        ];
        assert_eq!(told(text), pairs(&want));
    }

    #[test]
    fn reads_the_shapes_of_ranges_and_rules() {
        let of = |rules: &str| told(&format!("{{\"columns\": {{}}, {rules}}}"));
        let table: [(&str, &[(&str, &str)]); 12] = [
            (r#""ranges": [{"column": "a", "min": 0}]"#, &[("ranges 1", "\"a\" >= 0")]),
            (
                r#""ranges": {"a": {"min": 0, "max": 1.5}, "b": {"max": "2026-01-01"}}"#,
                &[("a", "\"a\" >= 0 AND \"a\" <= 1.5"), ("b", "\"b\" <= '2026-01-01'")],
            ),
            (r#""ranges": {"a": [1, null]}"#, &[("a", "\"a\" >= 1")]),
            (
                r#""data_quality_rules": ["a > 1", {"name": "n", "sql": "b = 2"}]"#,
                &[("data_quality_rules 1", "a > 1"), ("n", "b = 2")],
            ),
            (
                r#""data_quality_rules": {"c": {"allowed_values": ["x", "o'x"], "not_null": true}}"#,
                &[("c", "\"c\" IN ('x', 'o''x')"), ("c", "\"c\" IS NOT NULL")],
            ),
            (
                r#""data_quality_rules": {"e": {"pattern": "^a'b$"}}"#,
                &[("e", "regexp_like(CAST(\"e\" AS VARCHAR), '^a''b$')")],
            ),
            (
                r#""data_quality_rules": {"q": ["non_negative", "odata_date"]}"#,
                &[
                    ("q: non_negative", "\"q\" >= 0"),
                    ("q: odata_date", "(not read: \"odata_date\" is no rule that is known)"),
                ],
            ),
            (r#""data_quality_rules": {"x": 3}"#, &[("x", "(not read: neither an expression nor an object)")]),
            (
                r#""data_quality_rules": {"x": {}}"#,
                &[("x", "(not read: no expression, bounds, values or pattern in it)")],
            ),
            (r#""data_quality_rules": {"x": {"sql": "a", "enabled": false}}"#, &[]),
            (r#""data_quality_rules": {}"#, &[]),
            (r#""data_quality_rules": 7"#, &[("data_quality_rules", "(not read: it is neither a list nor an object)")]),
        ];
        for (rules, want) in table {
            assert_eq!(of(rules), pairs(want), "{rules}");
        }
    }

    #[test]
    fn a_json_schema_has_rules_too() {
        let text = r#"{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
            "s": {"type": "string", "enum": ["a", null], "pattern": "^a"}}}"#;
        let want = [
            ("n is required", "\"n\" IS NOT NULL"),
            ("n: range", "\"n\" >= 1"),
            ("n: exclusiveMaximum", "\"n\" < 9"),
            ("s: enum", "\"s\" IN ('a')"),
            ("s: pattern", "regexp_like(CAST(\"s\" AS VARCHAR), '^a')"),
        ];
        assert_eq!(told(text), pairs(&want));
    }

    #[test]
    fn a_column_that_is_not_there_is_no_pass() {
        let rule = Rule { name: "r".into(), demand: range("a", Some(&Value::from(0)), None) };
        assert_eq!(rule.sql(&|_| None), Err("no column \"a\"".to_owned()));
        assert_eq!(rule.sql(&|_| Some("A\"".into())), Ok("\"A\"\"\" >= 0".to_owned()));
        assert_eq!(rule.words(), "a at least 0");
    }

    proptest! {
        #[test]
        fn any_rules_are_read(name in "[a-z]{0,4}", text in "\\PC{0,12}") {
            let json = serde_json::json!({"columns": {}, "ranges": {name.clone(): [text.clone()]}, "data_quality_rules": {name: text}});
            let contract = parse_contract(json.to_string().as_bytes(), "c").unwrap();
            for rule in rules_of(&contract) {
                let _ = (rule.sql(&|n| Some(n.to_owned())), rule.words());
            }
        }
    }
}
