//! Which columns the error reasons name, so that the screen can mark them and show them first. Messages are
//! free text: this is a guess, by what pipelines quote and how columns are usually called.

use std::collections::HashMap;

use super::column::Column;
use super::reason::ErrorReason;

/// Bytes of one message that are looked at: a message may be a whole stack trace, or hostile.
const MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes of all messages that are looked at: a lane may hold a reason a row.
const TOTAL_BYTES: usize = 256 * 1024;

/// Bytes between two quotes that can still be a column; nested paths included.
const QUOTED_BYTES: usize = 512;

/// The columns that the reasons name, as indexes into `columns`; those of the reason with the most rows
/// first, in the order of the message, each once. A name counts where it stands
/// - in quotes (`'`, `"` or a backtick), also as `table.column`, and as the head of a nested `column.field`;
/// - after the word column(s) or field(s);
/// - anywhere as a whole word, if it is of 4 characters or more and holds a `_` or a digit.
///
/// A name is looked up as it is spelled, and where that finds nothing, without regard to case.
pub fn named_columns(reasons: &[ErrorReason], columns: &[Column]) -> Vec<usize> {
    let names = Names::of(columns);
    let mut by_rows: Vec<&ErrorReason> = reasons.iter().collect();
    by_rows.sort_by_key(|r| std::cmp::Reverse(r.row_count.unwrap_or(0)));
    let mut named = Vec::new();
    let mut seen = vec![false; columns.len()];
    let mut budget = TOTAL_BYTES;
    for message in by_rows.into_iter().filter_map(|r| r.error_message.as_deref()) {
        let message = head(message, MESSAGE_BYTES.min(budget));
        budget -= message.len();
        let mut found: Vec<(usize, &[usize])> = Vec::new();
        quoted(message, &names, &mut found);
        words(message, &names, &mut found);
        found.sort_by_key(|(at, _)| *at);
        for index in found.into_iter().flat_map(|(_, indexes)| indexes) {
            if let Some(seen) = seen.get_mut(*index)
                && !*seen
            {
                *seen = true;
                named.push(*index);
            }
        }
    }
    named
}

/// At most `bytes` of a text, cut at a character.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// Columns by name. A name may stand for several: duplicates occur.
struct Names<'a> {
    exact: HashMap<&'a str, Vec<usize>>,
    folded: HashMap<String, Vec<usize>>,
}

impl<'a> Names<'a> {
    fn of(columns: &'a [Column]) -> Self {
        let mut names = Self { exact: HashMap::new(), folded: HashMap::new() };
        for (i, column) in columns.iter().enumerate().filter(|(_, c)| !c.name.is_empty()) {
            names.exact.entry(&column.name).or_default().push(i);
            names.folded.entry(column.name.to_lowercase()).or_default().push(i);
        }
        names
    }

    fn find(&self, name: &str) -> Option<&[usize]> {
        self.exact.get(name).or_else(|| self.folded.get(&name.to_lowercase())).map(Vec::as_slice)
    }

    /// A name, or a path that leads to or through one: `a.b` is a field of column `a` if there is one,
    /// or else column `b` of a table.
    fn find_path(&self, path: &str) -> Option<&[usize]> {
        let path = path.trim();
        self.find(path).or_else(|| {
            let mut parts: Vec<&str> =
                path.split('.').map(|p| p.split('[').next().unwrap_or(p).trim_matches(['`', '"', '\'', ' '])).collect();
            let first = (!parts.is_empty()).then(|| parts.remove(0))?;
            self.find(first).or_else(|| parts.iter().rev().find_map(|p| self.find(p)))
        })
    }
}

/// What stands between two equal quotes. An apostrophe inside a word neither opens nor closes (`isn't`).
fn quoted<'n>(message: &str, names: &'n Names<'_>, found: &mut Vec<(usize, &'n [usize])>) {
    let alphanumeric_before =
        |at: usize| message.get(..at).and_then(|s| s.chars().next_back()).is_some_and(char::is_alphanumeric);
    for (at, quote) in message.match_indices(['\'', '"', '`']) {
        if alphanumeric_before(at) {
            continue;
        }
        let inner = head(message.get(at + 1..).unwrap_or_default(), QUOTED_BYTES);
        if let Some(end) = inner.find(quote)
            && end > 0
            && let Some(indexes) = inner.get(..end).and_then(|name| names.find_path(name))
        {
            found.push((at + 1, indexes));
        }
    }
}

/// Whole words that look like columns, and any word after "column" or "field"; after the plural, a list.
fn words<'n>(message: &str, names: &'n Names<'_>, found: &mut Vec<(usize, &'n [usize])>) {
    #[derive(PartialEq)]
    enum Expect {
        Nothing,
        One,
        List,
    }
    let mut expect = Expect::Nothing;
    let mut end = 0; // of the last word
    for (at, word) in split_words(message) {
        let gap = message.get(end..at).unwrap_or_default();
        end = at + word.len();
        let expected = match expect {
            Expect::Nothing => false,
            Expect::One => gap.chars().all(|c| c.is_whitespace() || ":=([{'\"`".contains(c)),
            Expect::List => gap.chars().all(|c| c.is_whitespace() || ":=([{'\"`,;".contains(c)),
        };
        if !expected {
            expect = Expect::Nothing;
        }
        let told = word.len() >= 4 && word.contains(|c: char| c == '_' || c.is_numeric());
        if (expected || told)
            && let Some(indexes) = names.find(word)
        {
            found.push((at, indexes));
        }
        expect = match word.to_ascii_lowercase().as_str() {
            "column" | "field" => Expect::One,
            "columns" | "fields" => Expect::List,
            _ if expect == Expect::List => Expect::List,
            // "column name: email", "column named email"
            "name" | "named" if expected => Expect::One,
            _ => Expect::Nothing,
        };
    }
}

/// Words with their places: letters, digits and `_`.
fn split_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|w| !w.is_empty())
        .map(move |w| (w.as_ptr() as usize - text.as_ptr() as usize, w))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|n| Column { name: (*n).into(), kind: "string".into(), nullable: true }).collect()
    }

    fn reason(message: &str, row_count: Option<u64>) -> ErrorReason {
        ErrorReason { error_message: Some(message.into()), row_count, ..ErrorReason::default() }
    }

    #[test]
    fn finds_what_messages_name() {
        let columns = columns(&["id", "email", "order_id", "address", "got", "Amount", "line1", "unit price", "naïve"]);
        let table: [(&str, &[usize]); 24] = [
            ("Column 'email' expected string, got null", &[1]),
            ("\"email\" is null", &[1]),
            ("cannot resolve `email` given input", &[1]),
            ("`contacts`.`email`", &[1]),
            ("bad value in 'crm.contacts.email'", &[1]),
            ("bad value in 'address.city'", &[3]),
            ("bad value in 'address[0].zip'", &[3]),
            ("'unit price' < 0", &[7]),
            ("column email: null; field id: null", &[1, 0]),
            ("Missing required field address", &[3]),
            ("Missing columns: id, email and more", &[0, 1]),
            ("Missing columns: ['id', 'email']", &[0, 1]),
            ("column name: email", &[1]),
            ("orders.order_id is duplicated", &[2]),
            ("line1 too long, line12 not", &[6]),
            ("ORDER_ID out of range", &[2]),
            ("'AMOUNT' < 0", &[5]),
            ("{\"column\":\"email\",\"max\":5}", &[1]),
            ("it isn't 'email', it's 'id'", &[1, 0]),
            ("column 'naïve'", &[8]),
            ("email was not valid, and address neither", &[]), // plain words, not told apart from prose
            ("xorder_idx", &[]),
            ("'' \" ` '", &[]),
            ("expected string, got null", &[]),
        ];
        for (message, expected) in table {
            assert_eq!(named_columns(&[reason(message, None)], &columns), expected, "{message}");
        }
    }

    #[test]
    fn spelling_counts_first_and_duplicates_are_all_named() {
        let columns = columns(&["Id", "id", "x", "x", "ID2"]);
        assert_eq!(named_columns(&[reason("'id' is null", None)], &columns), [1]);
        assert_eq!(named_columns(&[reason("'iD' is null", None)], &columns), [0, 1]);
        assert_eq!(named_columns(&[reason("'x' is null", None)], &columns), [2, 3]);
    }

    #[test]
    fn the_reason_with_the_most_rows_leads() {
        let columns = columns(&["a", "b", "c"]);
        let reasons = [reason("'a' and 'c'", None), reason("'b'", Some(2)), reason("'c'", Some(50))];
        assert_eq!(named_columns(&reasons, &columns), [2, 1, 0]);
    }

    #[test]
    fn a_huge_message_is_cut() {
        let columns = columns(&["early", "late"]);
        let message = format!("'early' {} 'late'", "é".repeat(MESSAGE_BYTES));
        assert_eq!(named_columns(&[reason(&message, None)], &columns), [0]);
        let quotes = reason(&"'".repeat(MESSAGE_BYTES), None);
        assert!(named_columns(&vec![quotes; 40], &columns).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics_and_names_each_once(message in "(['\"`a-cé. ]|column |\\PC){0,60}", more in any::<String>()) {
            let columns = columns(&["a", "b", "a", "é", ""]);
            let mut named = named_columns(&[reason(&message, None), reason(&more, Some(1))], &columns);
            let count = named.len();
            named.sort_unstable();
            named.dedup();
            prop_assert_eq!(named.len(), count);
        }

        #[test]
        fn a_quoted_column_is_always_found(before in "[a-z ,;]{0,20} ", name in "[a-zA-Z_][a-zA-Z0-9_ ]{0,12}[a-z0-9]", after in " [a-z ,;]{0,20}") {
            for quote in ['\'', '"', '`'] {
                let message = format!("{before}{quote}{name}{quote}{after}");
                prop_assert_eq!(named_columns(&[reason(&message, None)], &columns(&[&name])), [0]);
            }
        }
    }
}
