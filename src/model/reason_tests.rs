//! The shapes of error reasons met in the wild, and those met by chance.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

const RUNBOOK: &str = r#"{
  "error_type": "schema_validation",
  "error_message": "Column 'email' expected string, got null",
  "row_count": 150,
  "timestamp": "2024-01-15T10:30:00Z",
  "source_path": "s3://bucket/bronze/crm/contacts/dt=2024-01-15/"
}"#;

fn good(text: &str) -> Vec<ErrorReason> {
    let parsed = parse_reasons(text.as_bytes());
    assert!(!parsed.bad, "{text}");
    parsed.reasons
}

fn one(value: Value) -> (ErrorReason, bool) {
    let mut parsed = parse_reasons(value.to_string().as_bytes());
    assert_eq!(parsed.reasons.len(), 1, "{value}");
    (parsed.reasons.remove(0), parsed.bad)
}

#[test]
fn reads_the_runbooks_own_object() {
    let expected = ErrorReason {
        error_type: Some("schema_validation".into()),
        error_message: Some("Column 'email' expected string, got null".into()),
        row_count: Some(150),
        timestamp: Some("2024-01-15T10:30:00Z".parse().unwrap()),
        source_path: Some("s3://bucket/bronze/crm/contacts/dt=2024-01-15/".into()),
    };
    assert_eq!(good(RUNBOOK), [expected]);
}

#[test]
fn every_shape_gives_the_same() {
    let compact = serde_json::from_str::<Value>(RUNBOOK).unwrap().to_string();
    let reason = good(RUNBOOK).remove(0);
    let two = [reason.clone(), reason];
    for text in [
        format!("[{RUNBOOK},{RUNBOOK}]"),
        format!("\u{feff}[{compact},\n{compact}]\n"),
        format!("{compact}\n{compact}\n"),
        format!("{compact}\r\n\r\n{compact}\r\n"),
        format!("{RUNBOOK}{RUNBOOK}"),
        format!("[{compact}]\n[{compact}]"),
        format!("{{\"errors\": [{compact}, {compact}]}}"),
        format!("{{\"run\": 1, \"reasons\": [{compact}, {compact}]}}"),
    ] {
        assert_eq!(good(&text), two, "{text}");
    }
}

#[test]
fn reads_the_other_writers_keys() {
    let (b, bad) = one(json!({"error_type": "dq", "error_reason": "null id", "row_count": 7,
        "timestamp": "2024-01-15T10:30:00.123456", "dataset": "crm", "processing_date": "2024-01-15"}));
    assert!(!bad);
    assert_eq!(b.error_message.as_deref(), Some("null id"));
    assert_eq!(b.timestamp, Some("2024-01-15T10:30:00.123456Z".parse().unwrap()));
    let (c, bad) = one(json!({"layer": "silver", "table": "orders", "error_type": "range",
        "error_timestamp": "2024-01-15 10:30:00", "error_details": {"column": "amount", "max": 5}}));
    assert!(!bad);
    assert_eq!(c.error_message.as_deref(), Some(r#"{"column":"amount","max":5}"#));
    assert_eq!(c.timestamp, Some("2024-01-15T10:30:00Z".parse().unwrap()));
    let (d, _) = one(json!({"error_type": 42, "error_message": null, "error_reason": ["a", 1], "source_path": true}));
    assert_eq!((d.error_type.as_deref(), d.error_message.as_deref()), (Some("42"), Some(r#"["a",1]"#)));
    assert_eq!(d.source_path.as_deref(), Some("true"));
}

#[test]
fn reads_counts() {
    let table = [
        (json!(0), Some(0), false),
        (json!(u64::MAX), Some(u64::MAX), false),
        (json!(150.0), Some(150), false),
        (json!("1200"), Some(1200), false),
        (json!("1,200"), Some(1200), false),
        (json!("1,234,567"), Some(1_234_567), false),
        (json!(" 150 "), Some(150), false),
        (json!("150.0"), Some(150), false),
        (Value::Null, None, false),
        (json!(-1), None, true),
        (json!(1.5), None, true),
        (json!(1e300), None, true),
        (json!(18_446_744_073_709_551_616.0), None, true),
        (json!("18446744073709551616"), None, true),
        (json!("-5"), None, true),
        (json!("12,00"), None, true),
        (json!(",200"), None, true),
        (json!("1.5"), None, true),
        (json!("5."), None, true),
        (json!("many"), None, true),
        (json!(""), None, true),
        (json!(true), None, true),
        (json!([1]), None, true),
    ];
    for (value, rows, bad) in table {
        let (reason, was_bad) = one(json!({"error_type": "x", "row_count": value}));
        assert_eq!((reason.row_count, was_bad), (rows, bad), "{value}");
    }
}

#[test]
fn reads_times() {
    let at = Some("2024-01-15T10:30:00Z");
    let table = [
        (json!("2024-01-15T10:30:00Z"), at),
        (json!("2024-01-15T12:30:00+02:00"), at),
        (json!("2024-01-15T05:00:00-05:30"), at),
        (json!("2024-01-15T10:30:00.000+0000"), at),
        (json!("2024-01-15 12:30:00+02"), at),
        (json!("2024-01-15T10:30:00"), at),
        (json!("2024-01-15 10:30:00.0"), at),
        (json!(" 2024-01-15 10:30:00 UTC "), at),
        (json!(1_705_314_600), at),
        (json!(1_705_314_600.0), at),
        (json!(1_705_314_600_000_i64), at),
        (json!(1_705_314_600_000_000_i64), at),
        (json!("1705314600"), at),
        (json!("2024-01-15T10:30:00.5Z"), Some("2024-01-15T10:30:00.5Z")),
        (json!("2024-02-30T10:30:00Z"), None),
        (json!("2024-01-15T25:00:00"), None),
        (json!("2024-01-15"), None),
        (json!("yesterday"), None),
        (json!("+12024-01-15T10:30:00"), None),
        (json!(1e300), None),
        (json!(true), None),
        (json!(""), None),
    ];
    for (value, time) in table {
        let (reason, bad) = one(json!({"error_type": "x", "timestamp": value}));
        assert_eq!(reason.timestamp, time.map(|t| t.parse().unwrap()), "{value}");
        assert!(!bad, "a time that is none is no reason to call the file bad: {value}");
    }
}

#[test]
fn keeps_what_can_be_read() {
    let table: [(&[u8], usize, bool); 15] = [
        (b"", 0, true),
        (b" \n\t ", 0, true),
        (b"\xef\xbb\xbf", 0, true),
        (b"[]", 0, false),
        (b"{}", 0, true),
        (b"null", 0, true),
        (b"not json", 0, true),
        (b"{\"error_type\":\"a\"}\n{\"error_type\":", 1, true),
        (b"[{\"error_type\":\"a\"},{\"error_ty", 1, true),
        (b"{\"error_type\":\"a\"}\n{\"error_type\":\"\xe9\"}", 1, true),
        (b"\xff\xfe{\0\"\0", 0, true),
        (b"[{\"error_type\":\"a\"}, 3, {\"row_count\":1}]", 2, true),
        (b"{\"error_type\":\"a\"} 7 {\"row_count\":1}", 2, true),
        (b"{\"colour\":\"red\"}", 0, true),
        (b"{\"errors\":[\"text\",{\"error_type\":\"a\"}]}", 1, true),
    ];
    for (bytes, reasons, bad) in table {
        let parsed = parse_reasons(bytes);
        assert_eq!((parsed.reasons.len(), parsed.bad), (reasons, bad), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn deep_nesting_ends_in_bad_and_not_in_a_crash() {
    let deep = format!("{{\"error_type\":\"a\"}}\n{}", "[".repeat(200_000));
    let parsed = parse_reasons(deep.as_bytes());
    assert_eq!((parsed.reasons.len(), parsed.bad), (1, true));
}

#[test]
fn a_wrapper_lends_what_it_says_and_keeps_its_count() {
    let text = r#"{"timestamp":"2024-01-15T10:30:00Z","source_path":"s3://b/x/","row_count":9,
        "errors":[{"error_type":"a"},{"error_type":"b","source_path":"s3://b/y/"}]}"#;
    let reasons = good(text);
    assert_eq!(reasons.len(), 3);
    assert!(reasons.iter().all(|r| r.timestamp.is_some()));
    assert_eq!(reasons[2].source_path.as_deref(), Some("s3://b/y/"));
    assert_eq!(rows_reported(&reasons), Some(9));
    let counted = text.replace("\"a\"", "\"a\",\"row_count\":4");
    assert_eq!(rows_reported(&good(&counted)), Some(4), "the items' own counts win");
}

#[test]
fn rows_are_summed_without_overflow() {
    let with = |row_count| ErrorReason { row_count, ..ErrorReason::default() };
    assert_eq!(rows_reported(&[]), None);
    assert_eq!(rows_reported(&[with(None)]), None);
    assert_eq!(rows_reported(&[with(None), with(Some(3)), with(Some(4))]), Some(7));
    assert_eq!(rows_reported(&[with(Some(u64::MAX)), with(Some(4))]), Some(u64::MAX));
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9TZ:,. +-]{0,28}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>().prop_map(Value::from), 0..3).prop_map(Value::from),
    ]
}

fn object() -> impl Strategy<Value = Vec<(String, Value)>> {
    let key = prop_oneof![4 => proptest::sample::select(&KNOWN_KEYS[..]).prop_map(String::from), 1 => "[a-z]{1,6}"];
    proptest::collection::hash_map(key, json_value(), 0..9).prop_map(|m| m.into_iter().collect())
}

fn text_of(pairs: Vec<(String, Value)>) -> String {
    Value::Object(pairs.into_iter().collect()).to_string()
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let parsed = parse_reasons(&bytes);
        prop_assert!(parsed.bad || bytes.trim_ascii().starts_with(b"[") || !parsed.reasons.is_empty());
    }

    #[test]
    fn a_torn_file_keeps_its_whole_lines(lines in proptest::collection::vec(object(), 1..4), cut in any::<prop::sample::Index>()) {
        let text: String = lines.into_iter().map(|o| text_of(o) + "\n").collect();
        let torn = &text.as_bytes()[..cut.index(text.len())];
        let whole = torn.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n")).map(|l| parse_reasons(l).reasons);
        let kept: Vec<_> = whole.flatten().collect();
        let parsed = parse_reasons(torn).reasons;
        prop_assert!(parsed.starts_with(&kept));
    }

    #[test]
    fn object_array_and_line_give_the_same(pairs in object()) {
        let text = text_of(pairs);
        let alone = parse_reasons(text.as_bytes());
        prop_assert_eq!(&alone, &parse_reasons(format!("[{text}]").as_bytes()));
        prop_assert_eq!(&alone, &parse_reasons(format!("{text}\n").as_bytes()));
        prop_assert_eq!(&alone, &parse_reasons(format!("\u{feff}{text}").as_bytes()));
    }

    #[test]
    fn the_order_of_keys_is_nothing((pairs, shuffled) in object().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle()))) {
        prop_assert_eq!(parse_reasons(text_of(pairs).as_bytes()), parse_reasons(text_of(shuffled).as_bytes()));
    }
}
