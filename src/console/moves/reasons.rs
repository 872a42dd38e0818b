//! The reason codes that completion offers: what is known of the entry first, then the usual ones.

use crate::console::command;
use crate::console::state::State;
use crate::model::category::FailureCategory;
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::moves::ReasonCode;

/// Codes that people use for what no category says.
const USUAL: [&str; 7] =
    ["schema_violation", "data_quality", "duplicate", "late_data", "corrupt", "upstream_source", "investigation"];
/// Error types of so many entries are looked at.
const LOOKED_AT: usize = 50;

/// The codes that fit what is selected or marked, best first.
pub(in crate::console) fn reasons(state: &State) -> Vec<String> {
    let paths = command::entries(state).unwrap_or_default();
    let of = |p: &EntryPath| state.lake.entries.iter().find(|e| e.path == *p);
    let entries: Vec<&DlqEntry> = paths.iter().take(LOOKED_AT).filter_map(of).map(AsRef::as_ref).collect();
    let category = |e: &&DlqEntry| (e.category != FailureCategory::Unknown).then(|| e.category.word().to_owned());
    let types = |e: &&DlqEntry| e.errors.iter().filter_map(|r| code(r.error_type.as_deref()?)).collect::<Vec<_>>();
    let known = entries.iter().filter_map(category).chain(entries.iter().flat_map(types));
    let mut codes: Vec<String> = Vec::new();
    for code in known.chain(USUAL.map(str::to_owned)) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// An error type as a reason code: `SchemaValidationException` is `schema_validation_exception`.
fn code(error_type: &str) -> Option<String> {
    let mut code = String::new();
    let mut lower_before = false;
    for c in error_type.chars().take(64) {
        if c.is_ascii_uppercase() && lower_before {
            code.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') => code.push(c),
            _ if code.is_empty() || code.ends_with('_') => {}
            _ => code.push('_'),
        }
    }
    let code = code.trim_start_matches(['-', '.', '_']).trim_end_matches('_');
    let code: String = code.chars().take(64).collect();
    ReasonCode::parse(&code).ok().map(|c| c.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_types_become_codes() {
        for (text, want) in [
            ("schema_validation", Some("schema_validation")),
            ("SchemaValidationException", Some("schema_validation_exception")),
            ("java.lang.OutOfMemoryError", Some("java.lang.out_of_memory_error")),
            ("  not null!  ", Some("not_null")),
            ("HTTP 503", Some("http_503")),
            ("../../etc", Some("etc")),
            ("\u{202e}", None),
            ("", None),
        ] {
            assert_eq!(code(text).as_deref(), want, "{text:?}");
        }
        assert!(code(&"Ab".repeat(90)).is_some_and(|c| c.len() <= 64));
        assert!(USUAL.iter().all(|u| ReasonCode::parse(u).is_ok()));
    }
}
