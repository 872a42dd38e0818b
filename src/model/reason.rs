//! Error reasons: what a pipeline says of the rows it rejected, read in the shapes met in the wild. Whatever
//! the bytes, what can be read is kept, and what cannot is said. Which bytes to read is `rows`' business.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use super::named::named_columns;

/// One error of an entry. Texts are hostile: escape before a terminal sees them. They are shared where entries
/// say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct ErrorReason {
    /// `schema_validation`, …; null if absent.
    pub error_type: Option<Arc<str>>,
    /// `error_message`, or `error_reason` where a writer says so; null if absent.
    pub error_message: Option<Arc<str>>,
    /// Rows rejected for this reason; null if absent or not a number.
    pub row_count: Option<u64>,
    /// RFC 3339 in UTC (a time without a zone is taken as UTC); null if absent or not a time.
    #[serde(serialize_with = "rfc3339")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Where the rows came from; null if absent.
    pub source_path: Option<Arc<str>>,
}

fn rfc3339<S: serde::Serializer>(t: &Option<DateTime<Utc>>, s: S) -> Result<S::Ok, S::Error> {
    match t {
        Some(t) => s.serialize_str(&t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        None => s.serialize_none(),
    }
}

/// What was read from one object of reasons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The reasons in the file's order.
    pub reasons: Vec<ErrorReason>,
    /// Something could not be read: nothing but white space, broken JSON, not UTF-8, an item that is no object or
    /// has none of the known keys, a row count that is no count. An empty array is read well and says nothing.
    pub bad: bool,
}

/// The keys that make an object a reason.
const KNOWN_KEYS: [&str; 8] = [
    "error_type",
    "error_message",
    "error_reason",
    "error_details",
    "row_count",
    "timestamp",
    "error_timestamp",
    "source_path",
];

/// Reads error reasons: one object, an array of objects, NDJSON or objects one after the other, pretty or
/// compact, with or without a byte order mark; also an object that holds the array under `errors` or
/// `reasons`, and whose own `timestamp` and `source_path` then hold for those without. Where the bytes break
/// off or stop being UTF-8, the reasons before that place are kept. Nesting is bounded by serde_json's limit
/// of 128; the size is the caller's to bound.
pub fn parse_reasons(bytes: &[u8]) -> Parsed {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (text, mut bad) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(e) => (bytes.get(..e.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or(""), true),
    };
    bad |= text.trim().is_empty();
    let mut parsed = Parsed { reasons: Vec::new(), bad };
    let mut json = serde_json::Deserializer::from_str(text);
    while json.end().is_err() {
        if Taking(&mut parsed).deserialize(&mut json).is_err() {
            parsed.bad = true;
            break;
        }
    }
    parsed
}

/// Takes one value of the file into what was parsed; of an array item by item, so that those before a break
/// are kept.
struct Taking<'a>(&'a mut Parsed);

impl<'de> DeserializeSeed<'de> for Taking<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Taking<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            self.0.take(&item);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<(), A::Error> {
        let object = Value::deserialize(MapAccessDeserializer::new(pairs))?;
        self.0.take(&object);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar()
    }
}

impl Taking<'_> {
    /// A value that is no object is noted, and what follows it is read.
    fn scalar<E>(self) -> Result<(), E> {
        self.0.bad = true;
        Ok(())
    }
}

/// Rows reported by those reasons that say a number; `None` if none does. Stops at `u64::MAX`.
pub fn rows_reported(reasons: &[ErrorReason]) -> Option<u64> {
    reasons.iter().filter_map(|r| r.row_count).reduce(u64::saturating_add)
}

impl Parsed {
    fn take(&mut self, item: &Value) {
        let Value::Object(object) = item else {
            self.bad = true;
            return;
        };
        match wrapped(object) {
            Some(items) => self.take_wrapped(object, items),
            None => self.take_object(object),
        }
    }

    fn take_object(&mut self, object: &Map<String, Value>) {
        if !KNOWN_KEYS.iter().any(|k| object.contains_key(*k)) {
            self.bad = true;
            return;
        }
        let count = object.get("row_count").filter(|v| !v.is_null());
        let row_count = count.and_then(row_count);
        self.bad |= count.is_some() && row_count.is_none();
        self.reasons.push(ErrorReason {
            error_type: text_at(object, &["error_type"]),
            error_message: text_at(object, &["error_message", "error_reason", "error_details"]),
            row_count,
            timestamp: ["timestamp", "error_timestamp"].iter().find_map(|k| time(object.get(*k)?)),
            source_path: text_at(object, &["source_path"]),
        });
    }

    /// The items of a wrapper. A row count of the wrapper itself is not lost: where no item has one, it
    /// stands as a reason of its own, since nobody knows how it divides.
    fn take_wrapped(&mut self, outer: &Map<String, Value>, items: &[Value]) {
        let mut own = Self::default();
        if KNOWN_KEYS.iter().any(|k| outer.contains_key(*k)) {
            own.take_object(outer);
        }
        let mut inner = Self::default();
        for item in items {
            match item {
                Value::Object(object) => inner.take_object(object),
                _ => inner.bad = true,
            }
        }
        let own_reason = own.reasons.pop().unwrap_or_default();
        for reason in &mut inner.reasons {
            reason.timestamp = reason.timestamp.or(own_reason.timestamp);
            if reason.source_path.is_none() {
                reason.source_path.clone_from(&own_reason.source_path);
            }
        }
        if own_reason.row_count.is_some() && rows_reported(&inner.reasons).is_none() {
            self.reasons.push(own_reason);
        }
        self.bad |= own.bad | inner.bad;
        self.reasons.append(&mut inner.reasons);
    }
}

/// The items of a wrapper: an object that has no type and no message of its own, and an array of them.
fn wrapped(object: &Map<String, Value>) -> Option<&[Value]> {
    let says_itself = ["error_type", "error_message", "error_reason", "error_details"];
    if says_itself.iter().any(|k| object.contains_key(*k)) {
        return None;
    }
    ["errors", "reasons"].iter().find_map(|k| object.get(*k)?.as_array()).map(Vec::as_slice)
}

/// The first of the keys that holds anything, as text: what is no text is rendered as compact JSON.
fn text_at(object: &Map<String, Value>, keys: &[&str]) -> Option<Arc<str>> {
    let value = keys.iter().find_map(|k| object.get(*k).filter(|v| !v.is_null()))?;
    Some(match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    })
}

/// A count as number, integral float or text (`1200`, `1,200`, ` 150 `, `150.0`).
fn row_count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(n) => n.as_u64().or_else(|| integral(n.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            let whole = match text.split_once('.') {
                Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
                Some(_) => return None,
                None => text,
            };
            let groups: Vec<&str> = whole.split(',').collect();
            let grouped = groups.iter().skip(1).all(|g| g.len() == 3)
                && (groups.len() == 1 || groups.first().is_some_and(|g| (1..=3).contains(&g.len())));
            let digits = groups.concat();
            (grouped && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
        }
        _ => None,
    }
}

fn integral(n: f64) -> Option<u64> {
    // 2^64, the first float that no longer fits.
    (n.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&n)).then_some(n as u64)
}

/// A time as text or as a count since 1970. Years beyond four digits are not times: RFC 3339 ends there.
pub fn time(value: &Value) -> Option<DateTime<Utc>> {
    let time = match value {
        Value::Number(n) => epoch(n.as_f64()?),
        Value::String(text) => time_text(text.trim()),
        _ => None,
    }?;
    (0..=9999).contains(&time.year()).then_some(time)
}

/// Seconds, milliseconds, microseconds (Spark) or nanoseconds since 1970, told apart by size: as seconds,
/// 10^11 is the year 5138; as milliseconds, it is 1973.
fn epoch(n: f64) -> Option<DateTime<Utc>> {
    let micros = match n.abs() {
        size if size < 1e11 => n * 1e6,
        size if size < 1e14 => n * 1e3,
        size if size < 1e17 => n,
        size if size < 1e19 => n / 1e3,
        _ => return None,
    };
    DateTime::from_timestamp_micros(micros.round() as i64)
}

fn time_text(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.to_utc());
    }
    let (text, naive_only) = match text.strip_suffix("UTC") {
        Some(rest) => (rest.trim_end(), true),
        None => (text, false),
    };
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(t) = NaiveDateTime::parse_from_str(text, format) {
            return Some(t.and_utc());
        }
        // `+0000` and `+00`, as Spark and PostgreSQL write them, are not RFC 3339.
        if !naive_only && let Ok(t) = DateTime::parse_from_str(text, &format!("{format}%#z")) {
            return Some(t.to_utc());
        }
    }
    let digits = text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| epoch(text.parse().ok()?)).flatten()
}

#[cfg(test)]
#[path = "reason_tests.rs"]
mod tests;
