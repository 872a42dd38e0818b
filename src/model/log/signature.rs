//! What error lines have in common: the text with everything that differs from one occurrence to the next (times,
//! ids, paths, values, numbers) replaced by what it is.

use std::sync::LazyLock;

use regex::Regex;

use super::level::json_message;
use crate::model::named::head;

/// Bytes of a line that are looked at.
const LOOKED_AT: usize = 2_000;

/// In order: what stands first wins where two could begin at the same place.
const PARTS: &[(&str, &str)] = &[
    (
        "<time>",
        r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\d\d/\d\d/\d{2,4}(?: \d\d:\d\d:\d\d(?:[.,]\d+)?)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?",
    ),
    ("<uuid>", r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
    ("<path>", r#"\b[a-z][a-z0-9+]{1,9}://[^\s'"`<>()\[\],;]+|(?:/[\w.=@%+~-]+){2,}/?"#),
    ("<value>", r#"\B'[^']{0,200}'\B|"[^"]{0,200}"|`[^`]{0,200}`"#),
    ("<id>", r"\b0x[0-9a-fA-F]+\b|@[0-9a-f]{4,16}\b|\b[0-9a-fA-F]{8,}\b"),
    ("<n>", r"\d+(?:[.,:_]\d+)*"),
];

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts: Vec<String> = PARTS.iter().map(|(_, pattern)| format!("({pattern})")).collect();
    Regex::new(&parts.join("|")).ok()
});

/// The signature of a line: lines that differ only in times, ids, paths, quoted values and numbers have the same one.
/// Of a JSON line, that of its message. As hostile as the line.
pub fn signature(text: &str) -> String {
    let message = json_message(text);
    let text = head(message.as_deref().unwrap_or(text), LOOKED_AT);
    let Some(pattern) = PATTERN.as_ref() else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for captures in pattern.captures_iter(text) {
        let found = (1..=PARTS.len()).find_map(|i| captures.get(i).map(|m| (i - 1, m)));
        let Some((which, found)) = found else { continue };
        let Some((name, _)) = PARTS.get(which) else { continue };
        out.push_str(text.get(done..found.start()).unwrap_or_default());
        done = found.end();
        let before = text.get(..found.start()).and_then(|t| t.chars().next_back());
        // A word of letters alone is a word, however much it looks like a number; `s3` and `log4j` are names.
        let word = *name == "<id>" && found.as_str().bytes().all(|b| b.is_ascii_alphabetic());
        let named = *name == "<n>" && found.len() == 1 && before.is_some_and(|c| c.is_ascii_alphabetic());
        out.push_str(if word || named { found.as_str() } else { name });
    }
    out.push_str(text.get(done..).unwrap_or_default());
    let start = out.trim_start_matches('[').trim_start();
    // The time of a line says nothing of what it is about.
    match start.strip_prefix("<time>") {
        Some(rest) => rest.trim_start_matches(['Z', ']', ' ', '|']).trim().to_owned(),
        None => out.trim().to_owned(),
    }
}
