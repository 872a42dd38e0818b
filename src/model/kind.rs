//! Types of columns, read from the words of contracts, Spark and Arrow alike, so that `bigint`, `long` and
//! `int64` are one type. What it cannot read it keeps as a word, equal only to itself.

/// A type, as far as schemas are compared by it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of types say it")]
pub enum Kind {
    /// Whatever the other side has: a contract that names a column and not its type, or not its inside.
    Any,
    /// Nulls only: nothing is known of the type.
    Null,
    Bool,
    /// Signed integer of so many bits.
    Int(u8),
    /// Unsigned integer of so many bits.
    Unsigned(u8),
    Float,
    Double,
    /// Precision and scale; `None` where the words do not say them.
    Decimal(Option<(u32, i32)>),
    /// Text of any length.
    Text,
    Binary,
    Date,
    /// Of any unit and zone: writers differ in both for the same column.
    Timestamp,
    List(Box<Kind>),
    Map(Box<Kind>, Box<Kind>),
    /// Fields by lower-case name, sorted; `None` where the words do not say them.
    Struct(Option<Vec<(String, Kind)>>),
    Other(String),
}

/// Levels of nesting that are read; deeper ones are kept as words.
const DEPTH: usize = 32;

impl Kind {
    /// Reads a type. Never fails: see [`Kind::Other`].
    pub fn read(words: &str) -> Self {
        read(words, DEPTH)
    }

    /// Whether a contract of this type is met by data of that one.
    pub fn is_met_by(&self, data: &Self) -> bool {
        compare(self, data, false)
    }

    /// Whether data of that type can be widened to this one without loss (field-notes' safe widenings): small
    /// to large integers, integers to decimals that hold them all, float to double, growing decimals,
    /// and nothing but nulls to anything; also inside lists, maps and structs.
    pub fn widens_from(&self, data: &Self) -> bool {
        compare(self, data, true)
    }
}

fn compare(contract: &Kind, data: &Kind, widen: bool) -> bool {
    match (contract, data) {
        (Kind::Any, _) => true,
        (Kind::Decimal(None), Kind::Decimal(_)) | (Kind::Struct(None), Kind::Struct(_)) => true,
        (Kind::List(a), Kind::List(b)) => compare(a, b, widen),
        (Kind::Map(a, c), Kind::Map(b, d)) => compare(a, b, widen) && compare(c, d, widen),
        (Kind::Struct(Some(a)), Kind::Struct(Some(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && compare(&a.1, &b.1, widen))
        }
        (a, b) if a == b => true,
        (a, b) => widen && widens(a, b),
    }
}

fn widens(to: &Kind, from: &Kind) -> bool {
    match (from, to) {
        (Kind::Null, _) => true,
        (Kind::Int(a) | Kind::Unsigned(a), Kind::Int(b)) | (Kind::Unsigned(a), Kind::Unsigned(b)) => a < b,
        (Kind::Int(_) | Kind::Unsigned(_), Kind::Decimal(Some((precision, scale)))) => {
            i64::from(*precision) - i64::from(*scale) >= digits(from)
        }
        (Kind::Float, Kind::Double) => true,
        (Kind::Decimal(Some((p, s))), Kind::Decimal(Some((to_p, to_s)))) => {
            to_s >= s && i64::from(*to_p) - i64::from(*to_s) >= i64::from(*p) - i64::from(*s)
        }
        _ => false,
    }
}

/// Decimal digits of the largest integer of a type.
fn digits(kind: &Kind) -> i64 {
    match kind {
        Kind::Int(8) | Kind::Unsigned(8) => 3,
        Kind::Int(16) | Kind::Unsigned(16) => 5,
        Kind::Int(32) | Kind::Unsigned(32) => 10,
        Kind::Int(_) => 19,
        _ => 20,
    }
}

fn read(words: &str, depth: usize) -> Kind {
    let words = words.trim();
    let other = || Kind::Other(words.to_lowercase());
    let (head, inside) = match words.find(['(', '[', '<']) {
        None => (words, None),
        Some(at) => {
            let (head, rest) = words.split_at(at);
            let mut inner = rest.chars();
            let (open, close) = (inner.next(), inner.next_back());
            if !matches!((open, close), (Some('('), Some(')')) | (Some('['), Some(']')) | (Some('<'), Some('>'))) {
                return scalar(head.trim()).filter(|k| *k == Kind::Timestamp).unwrap_or_else(other);
            }
            (head.trim_end(), Some(inner.as_str()))
        }
    };
    let Some(depth) = depth.checked_sub(1) else { return other() };
    let parts = || split(inside.unwrap_or_default());
    match head.to_ascii_lowercase().as_str() {
        "decimal" | "numeric" | "decimal32" | "decimal64" | "decimal128" | "decimal256" => match inside {
            None => Kind::Decimal(None),
            Some(inside) => decimal(inside).map_or_else(other, |d| Kind::Decimal(Some(d))),
        },
        "list" | "array" | "large_list" | "largelist" | "fixed_size_list" => match parts().first() {
            None => Kind::List(Box::new(Kind::Any)),
            Some(item) => Kind::List(Box::new(read(item, depth))),
        },
        "map" => match parts().as_slice() {
            [] => Kind::Map(Box::new(Kind::Any), Box::new(Kind::Any)),
            [key, value] => Kind::Map(Box::new(read(key, depth)), Box::new(read(value, depth))),
            _ => other(),
        },
        "struct" | "row" | "record" => match inside {
            None => Kind::Struct(None),
            Some(_) => fields(&parts(), depth).map_or_else(other, |f| Kind::Struct(Some(f))),
        },
        "dictionary" => parts().get(1).map_or_else(other, |value| read(value, depth)),
        scalar_word => scalar(scalar_word).unwrap_or_else(other),
    }
}

fn scalar(word: &str) -> Option<Kind> {
    Some(match word.to_ascii_lowercase().as_str() {
        "any" | "" => Kind::Any,
        "null" | "void" => Kind::Null,
        "bool" | "boolean" => Kind::Bool,
        "tinyint" | "byte" | "int8" => Kind::Int(8),
        "smallint" | "short" | "int16" => Kind::Int(16),
        "int" | "integer" | "int32" => Kind::Int(32),
        "bigint" | "long" | "int64" => Kind::Int(64),
        "uint8" => Kind::Unsigned(8),
        "uint16" => Kind::Unsigned(16),
        "uint32" => Kind::Unsigned(32),
        "uint64" => Kind::Unsigned(64),
        "float" | "real" | "float32" => Kind::Float,
        "double" | "double precision" | "float64" => Kind::Double,
        "string" | "varchar" | "char" | "character varying" | "text" | "utf8" | "large_string" | "largeutf8"
        | "large_utf8" | "utf8view" | "string_view" | "uuid" | "json" => Kind::Text,
        "binary" | "bytes" | "varbinary" | "large_binary" | "largebinary" | "binaryview" | "binary_view"
        | "fixed_size_binary" | "blob" => Kind::Binary,
        "date" | "date32" | "date64" => Kind::Date,
        "timestamp"
        | "timestamp_ntz"
        | "timestamp_ltz"
        | "timestamptz"
        | "datetime"
        | "timestamp with time zone"
        | "timestamp without time zone" => Kind::Timestamp,
        _ => return None,
    })
}

fn decimal(inside: &str) -> Option<(u32, i32)> {
    let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

fn fields(parts: &[&str], depth: usize) -> Option<Vec<(String, Kind)>> {
    let one = |part: &&str| {
        let (name, kind) = part.split_once(':')?;
        Some((name.trim().trim_matches(['`', '"']).to_lowercase(), read(kind, depth)))
    };
    let mut fields: Vec<_> = parts.iter().map(one).collect::<Option<_>>()?;
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    Some(fields)
}

/// The parts between the commas that stand in no bracket. None of an empty text.
fn split(inside: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(inside.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inside.get(start..).filter(|last| !last.trim().is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_type_by_many_words() {
        let families: [&[&str]; 14] = [
            &["string", "varchar", "varchar(20)", "text", "Utf8", "STRING", " string ", "dictionary<int32, string>"],
            &["int", "integer", "int32", "INT"],
            &["bigint", "long", "int64"],
            &["double", "float64", "double precision"],
            &["float", "float32", "real"],
            &["bool", "boolean"],
            &["date", "date32"],
            &["timestamp", "timestamp[us, UTC]", "timestamp[ns]", "timestamp_ntz", "timestamp(6)", "datetime"],
            &["binary", "bytes", "fixed_size_binary[16]"],
            &["decimal(10,2)", "DECIMAL(10, 2)", "numeric(10,2)", "decimal128(10,2)"],
            &["decimal(10)", "decimal(10,0)"],
            &["list<int32>", "array<int>", "list<integer>"],
            &["struct<a: int64, b: string>", "struct<b:string,a:bigint>", "STRUCT<`A`: long, b: text>"],
            &["map<string, list<decimal(3,1)>>", "map<varchar,array<numeric(3,1)>>"],
        ];
        for (i, family) in families.iter().enumerate() {
            for (j, others) in families.iter().enumerate() {
                for a in *family {
                    for b in *others {
                        assert_eq!(Kind::read(a).is_met_by(&Kind::read(b)), i == j, "{a} | {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_contract_may_leave_out_the_inside() {
        let table = [
            ("array", "list<int32>"),
            ("struct", "struct<a: int64>"),
            ("map", "map<string, int8>"),
            ("decimal", "decimal(5,1)"),
            ("any", "int8"),
        ];
        for (contract, data) in table {
            assert!(Kind::read(contract).is_met_by(&Kind::read(data)), "{contract}");
            assert!(!Kind::read(contract).is_met_by(&Kind::read("string")) || contract == "any", "{contract}");
        }
    }

    #[test]
    fn widening_is_safe_only_without_loss() {
        let table = [
            ("int32", "bigint", true),
            ("int8", "int", true),
            ("int64", "int", false),
            ("uint32", "long", true),
            ("uint32", "int", false),
            ("uint64", "long", false),
            ("int32", "decimal(10,0)", true),
            ("int32", "decimal(9,0)", false),
            ("int32", "decimal(11,2)", false),
            ("int32", "decimal(12,2)", true),
            ("int64", "decimal(19,0)", true),
            ("int64", "decimal(18,0)", false),
            ("uint64", "decimal(19,0)", false),
            ("uint64", "decimal(20,0)", true),
            ("int32", "double", false),
            ("int64", "double", false),
            ("float", "double", true),
            ("double", "float", false),
            ("decimal(10,2)", "decimal(12,2)", true),
            ("decimal(10,2)", "decimal(12,4)", true),
            ("decimal(10,2)", "decimal(11,4)", false),
            ("decimal(10,2)", "decimal(12,1)", false),
            ("decimal(10,2)", "double", false),
            ("date", "timestamp", false),
            ("timestamp[us]", "date", false),
            ("int64", "string", false),
            ("string", "int", false),
            ("bool", "int", false),
            ("null", "string", true),
            ("null", "struct<a: int64>", true),
            ("string", "null", false),
            ("list<int32>", "array<bigint>", true),
            ("list<int64>", "array<int>", false),
            ("struct<a: int32, b: string>", "struct<a: long, b: string>", true),
            ("struct<a: int32>", "struct<a: int, b: string>", false),
            ("map<string, float>", "map<string, double>", true),
        ];
        for (data, contract, safe) in table {
            assert!(!Kind::read(contract).is_met_by(&Kind::read(data)), "{data} is not {contract}");
            assert_eq!(Kind::read(contract).widens_from(&Kind::read(data)), safe, "{data} to {contract}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "list<".repeat(100_000) + "int" + &">".repeat(100_000);
        assert!(Kind::read(&deep).is_met_by(&Kind::read(&deep)));
    }

    proptest! {
        #[test]
        fn any_words_are_read_and_equal_to_themselves(words in "(struct|list|map|decimal|[a-z]|[<>()\\[\\],: 0-9-]|\\PC){0,30}") {
            let kind = Kind::read(&words);
            prop_assert!(kind.is_met_by(&kind));
            kind.widens_from(&Kind::read("int"));
        }
    }
}
