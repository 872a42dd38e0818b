//! Cells made fit to show: text of a JSON value, escaped (rule 5), cut to a width, masked.

use serde_json::Value;

/// The cell as one line of harmless text, at most about `max` columns wide. Null is `∅` (the caller may
/// swap it in ASCII mode).
pub fn shown(_value: &Value, _max: usize) -> String {
    String::new()
}

/// The same JSON with every text in it (keys too) escaped as on screen.
pub fn escaped(value: &Value) -> Value {
    value.clone()
}

/// The cell of a column named as personal data: its shape stays, its content does not (`a••@b••`).
/// Null stays null.
pub fn masked(value: &Value) -> Value {
    value.clone()
}
