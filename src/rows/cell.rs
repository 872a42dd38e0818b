//! Cells made fit to show: text of a JSON value, escaped (rule 5), cut to a width, masked.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::text::escape;

/// The cell as one line of harmless text, at most about `max` columns wide. Null is `∅` (the caller may
/// swap it in ASCII mode). What is cut ends in `…`; the cost is bound by `max`, not by the cell.
pub fn shown(value: &Value, max: usize) -> String {
    // Combining marks have no width, so more characters than columns may be wanted; four times is plenty.
    let mut plain = Budget { text: String::new(), left: max.saturating_mul(4).saturating_add(16) };
    let whole = match value {
        Value::Null => return "∅".to_owned(),
        Value::String(text) => plain.push(text),
        other => json(other, &mut plain, 0),
    };
    cut(&escape(&plain.text), max, !whole)
}

fn cut(text: &str, max: usize, more: bool) -> String {
    if !more && text.width() <= max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut width = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(1);
        if width + w > max.saturating_sub(1) {
            break;
        }
        width += w;
        out.push(c);
    }
    if max > 0 {
        out.push('…');
    }
    out
}

struct Budget {
    text: String,
    left: usize,
}

impl Budget {
    /// Adds what there is room for; false if that was not all.
    fn push(&mut self, text: &str) -> bool {
        for c in text.chars() {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
            self.text.push(c);
        }
        true
    }

    fn quoted(&mut self, text: &str) -> bool {
        let fits = text.char_indices().nth(self.left).map(|(at, _)| at);
        let part = fits.and_then(|at| text.get(..at)).unwrap_or(text);
        self.push(&Value::from(part).to_string()) && fits.is_none()
    }
}

fn json(value: &Value, out: &mut Budget, depth: usize) -> bool {
    if depth > 64 {
        return out.push("…");
    }
    match value {
        Value::String(text) => out.quoted(text),
        Value::Array(items) => {
            let mut fits = out.push("[");
            for (i, item) in items.iter().enumerate() {
                fits = fits && (i == 0 || out.push(",")) && json(item, out, depth + 1);
                if !fits {
                    break;
                }
            }
            fits && out.push("]")
        }
        Value::Object(fields) => {
            let mut fits = out.push("{");
            for (i, (key, item)) in fields.iter().enumerate() {
                fits =
                    fits && (i == 0 || out.push(",")) && out.quoted(key) && out.push(":") && json(item, out, depth + 1);
                if !fits {
                    break;
                }
            }
            fits && out.push("}")
        }
        simple => {
            let mut text = String::new();
            let _ = write!(text, "{simple}");
            out.push(&text)
        }
    }
}

/// The same JSON with every text in it (keys too) escaped as on screen.
pub fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escape(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(escaped).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (escape(k).into_owned(), escaped(v))).collect::<Map<_, _>>())
        }
        simple => simple.clone(),
    }
}

/// The cell of a column named as personal data: its shape stays, its content does not (`a••@b••`).
/// Null stays null.
pub fn masked(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) => Value::String(masked_text(text)),
        _ => Value::from("••"),
    }
}

/// Texts shorter than this would be given away by their first character.
const TELLING: usize = 4;

fn masked_text(text: &str) -> String {
    let start = |part: &str| part.chars().next().map_or_else(|| "••".to_owned(), |c| format!("{c}••"));
    match text.split_once('@') {
        Some((local, domain)) if !local.is_empty() && domain.contains('.') => {
            format!("{}@{}", start(local), start(domain))
        }
        _ if text.chars().nth(TELLING - 1).is_none() => "••".to_owned(),
        _ => start(text),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn cells_as_text() {
        for (value, max, text) in [
            (json!(null), 10, "∅"),
            (json!("plain"), 10, "plain"),
            (json!("exactly ten"), 11, "exactly ten"),
            (json!("exactly ten"), 10, "exactly t…"),
            (json!(""), 10, ""),
            (json!(18446744073709551615u64), 30, "18446744073709551615"),
            (json!(-0.5), 10, "-0.5"),
            (json!(true), 10, "true"),
            (json!({"a": [1, null, "x\""]}), 40, r#"{"a":[1,null,"x\""]}"#),
            (json!([1, 2, 3, 4, 5]), 6, "[1,2,…"),
            (json!("表表表"), 5, "表表…"),
            (json!("abc"), 1, "…"),
            (json!("abc"), 0, ""),
        ] {
            assert_eq!(shown(&value, max), text, "{value} in {max}");
        }
    }

    #[test]
    fn masks_keep_shape_only() {
        for (value, mask) in [
            (json!(null), json!(null)),
            (json!("anna@example.com"), json!("a••@e••")),
            (json!("Anna Larsson"), json!("A••")),
            (json!("Bob"), json!("••")),
            (json!("@home"), json!("@••")),
            (json!("a@b"), json!("••")),
            (json!(4711), json!("••")),
            (json!({"ssn": "1"}), json!("••")),
        ] {
            assert_eq!(masked(&value), mask, "{value}");
        }
    }

    #[test]
    fn a_deep_cell_does_not_exhaust_the_stack() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(shown(&deep, 1000).contains('…'));
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(text in ".{0,60}", max in 1usize..40) {
            prop_assert!(shown(&Value::from(text.clone()), max).width() <= max);
            let nested = json!({ text: [1] });
            prop_assert!(shown(&nested, max).width() <= max);
        }
    }
}
