//! JSON as pipelines leave it in a lake: one value, an array, lines, pretty-printed objects one after the other; with a
//! byte order mark, or with the `NaN` that Python writes. What can be read is kept, what cannot is said with its line.

use chrono::NaiveDate;
use serde_json::{Map, Value};

/// Faults that are kept of one text; more of them say nothing new.
const FAULTS: usize = 8;

/// Characters of a text that are kept where one line of it is shown.
const LINE: usize = 300;

/// What was read of one text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Documents {
    /// The values in the text's order; the items of a top-level array each on their own.
    pub items: Vec<Value>,
    /// What could not be read, one line each: `line 3: …`.
    pub faults: Vec<String>,
}

/// Reads a text. Where a value is broken, reading goes on at the next line that begins an object. Nesting is bounded by
/// serde_json's limit of 128; the size is the caller's to bound.
pub(super) fn documents(bytes: &[u8]) -> Documents {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = read(bytes);
    if first.faults.is_empty() {
        return first;
    }
    match without_nan(bytes) {
        Some(mended) => read(&mended),
        None => first,
    }
}

fn read(bytes: &[u8]) -> Documents {
    let mut read = Documents::default();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.trim_ascii().is_empty()) {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        let fault = loop {
            match values.next() {
                Some(Ok(Value::Array(items))) => read.items.extend(items),
                Some(Ok(value)) => read.items.push(value),
                Some(Err(fault)) => break Some(fault),
                None => break None,
            }
        };
        let Some(fault) = fault else { return read };
        if read.faults.len() == FAULTS {
            return read;
        }
        // The broken value begins somewhere behind the last whole one; the fault itself may be found lines later.
        let behind = rest.get(values.byte_offset()..).unwrap_or_default();
        let blank = behind.len() - behind.trim_ascii_start().len();
        let begin = at + values.byte_offset() + blank;
        let (line, found) = (lines(bytes.get(..begin)) + 1, lines(bytes.get(..at)) + fault.line().max(1));
        let later = if found > line { format!(", found on line {found}") } else { String::new() };
        read.faults.push(format!("line {line}: {}{later}", without_place(&fault)));
        match next_object(bytes, begin) {
            Some(next) => at = next,
            None => return read,
        }
    }
    read
}

/// Where the next line begins that opens an object, after `from`.
fn next_object(bytes: &[u8], from: usize) -> Option<usize> {
    let place = bytes.get(from..)?.windows(2).position(|pair| pair == b"\n{")?;
    Some(from + place + 1)
}

fn lines(bytes: Option<&[u8]>) -> usize {
    bytes.unwrap_or_default().iter().filter(|b| **b == b'\n').count()
}

/// serde_json ends its errors with the place, which is counted from where reading began.
fn without_place(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// The same with `null` for each `NaN`, `Infinity` and `-Infinity` outside of strings; none if there are none.
fn without_nan(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut found, mut quoted) = (0, false, false);
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let word = [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().find(|word| !quoted && rest.starts_with(word));
        if let Some(word) = word {
            out.extend_from_slice(b"null");
            (at, found) = (at + word.len(), true);
            continue;
        }
        out.push(byte);
        at += 1;
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                out.extend(bytes.get(at));
                at += 1;
            }
            _ => {}
        }
    }
    found.then_some(out)
}

/// The first of the keys that holds a text, or a number as text.
pub(super) fn text(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match object.get(*key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The first of the keys that holds `true` or `false`; also as text, as Spark's string columns and shells write them.
pub(super) fn flag(object: &Map<String, Value>, keys: &[&str]) -> Option<bool> {
    keys.iter().find_map(|key| match object.get(*key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    })
}

/// A count: a number that is none below zero, integral floats and texts of digits included.
pub(super) fn count(value: &Value) -> Option<u64> {
    let whole = |f: f64| (f.fract() == 0.0 && (0.0..9e15).contains(&f)).then_some(f as u64);
    match value {
        Value::Number(n) => n.as_u64().or_else(|| whole(n.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A date as text: `2026-11-25`, `20261125`, or the beginning of a time.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    match text.len() {
        8 => NaiveDate::parse_from_str(text, "%Y%m%d").ok(),
        10 => day(text),
        _ => text.get(..10).filter(|_| matches!(text.as_bytes().get(10), Some(b'T' | b' '))).and_then(day),
    }
}

/// The object under a key.
pub(super) fn object<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    object.get(key)?.as_object()
}

/// The items under a key.
pub(super) fn array<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a [Value]> {
    object.get(key)?.as_array().map(Vec::as_slice)
}

/// A text on one line, of a length that fits a cell or a sentence; none of nothing.
pub(super) fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    for (i, c) in text.split_whitespace().flat_map(|word| word.chars().chain([' '])).enumerate() {
        if i == LINE {
            line.push(super::text::CUT);
            return Some(line);
        }
        line.push(c);
    }
    line.truncate(line.trim_end().len());
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn items(text: &str) -> Vec<Value> {
        documents(text.as_bytes()).items
    }

    #[test]
    fn every_way_of_writing_several_values() {
        let two = [json!({"a": 1}), json!({"b": [2]})];
        for text in [
            "[{\"a\":1},{\"b\":[2]}]",
            "{\"a\":1}\n{\"b\":[2]}\n",
            "\u{feff}{\"a\":1}\r\n\r\n{\"b\":[2]}",
            "{\n  \"a\": 1\n}\n{\n  \"b\": [\n    2\n  ]\n}\n",
            "{\"a\":1}{\"b\":[2]}",
        ] {
            assert_eq!(documents(text.as_bytes()), Documents { items: two.to_vec(), faults: vec![] }, "{text}");
        }
        assert_eq!(documents(b" \n"), Documents::default());
    }

    #[test]
    fn a_broken_line_loses_no_other() {
        let read = documents(b"{\"a\":1}\n{\"b\": oh}\n{\"c\":3}\n{\"d\":");
        assert_eq!(read.items, [json!({"a": 1}), json!({"c": 3})]);
        assert_eq!(read.faults.len(), 2);
        assert!(read.faults[0].starts_with("line 2: "), "{:?}", read.faults);
        assert!(read.faults[1].starts_with("line 4: EOF"), "{:?}", read.faults);
        let torn = documents(b"{\"a\": \xff}\n{\"b\":2}");
        assert_eq!((torn.items, torn.faults.len()), (vec![json!({"b": 2})], 1));
    }

    #[test]
    fn what_python_writes_for_no_number_is_null() {
        assert_eq!(
            items(r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" NaN"}"#),
            [json!({"a": null, "b": [null, null], "c": "NaN \" NaN"})]
        );
    }

    #[test]
    fn texts_become_one_line() {
        assert_eq!(one_line(" a\n  b\tc "), Some("a b c".into()));
        assert_eq!(one_line(" \n "), None);
        assert_eq!(one_line(&"é".repeat(400)).map(|l| l.chars().count()), Some(LINE + 1));
    }

    #[test]
    fn counts_are_whole_and_not_below_zero() {
        let table = [(json!(3), Some(3)), (json!(3.0), Some(3)), (json!("3"), Some(3)), (json!(-3), None)];
        for (value, expected) in table {
            assert_eq!(count(&value), expected);
        }
        assert_eq!((count(&json!(3.5)), count(&json!(null)), count(&json!("many"))), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            documents(&bytes);
        }

        #[test]
        fn anything_like_json_is_survived(text in "([{}\\[\\]:,\"\\\\\n]|NaN|-Infinity|null|[a-z0-9]|\\PC){0,60}") {
            documents(text.as_bytes());
            one_line(&text);
        }
    }
}
