//! The `/` filter: words that must all occur, without regard to case; `!word` must not.

use memchr::memchr2_iter;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Filter {
    text: String,
    words: Vec<(bool, String)>,
}

impl Filter {
    pub(super) fn parse(text: &str) -> Self {
        let words = text.split_whitespace().filter_map(|word| {
            let (wanted, word) = word.strip_prefix('!').map_or((true, word), |rest| (false, rest));
            (!word.is_empty()).then(|| (wanted, word.to_lowercase()))
        });
        Self { text: text.trim().to_owned(), words: words.collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether the wanted words each occur in one of these texts and the others in none. Allocates nothing for
    /// ASCII words: it runs over tens of thousands of entries at each key typed.
    pub(super) fn matches<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.words.iter().all(|(wanted, word)| texts.clone().any(|text| occurs(word, text)) == *wanted)
    }
}

/// Whether a lower-case word occurs in a text, whatever its case.
fn occurs(word: &str, text: &str) -> bool {
    if !word.is_ascii() {
        return text.to_lowercase().contains(word);
    }
    let (Some(first), word) = (word.bytes().next(), word.as_bytes()) else { return true };
    let text = text.as_bytes();
    memchr2_iter(first, first.to_ascii_uppercase(), text)
        .any(|i| text.get(i..i + word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wanted_or_not() {
        let table = [
            ("", "anything", true),
            ("crm", "CRM/contacts", true),
            ("!crm", "crm/contacts", false),
            ("crm !2026-11-21", "crm/contacts 2026-11-22", true),
            ("crm schema", "crm/contacts quality", false),
            ("!", "x", true),
            ("zürich", "Bern ZÜRICH", true),
            ("abc", "ab", false),
            ("ab", "aAB", true),
        ];
        for (filter, text, expected) in table {
            assert_eq!(Filter::parse(filter).matches(text.split(' ')), expected, "{filter:?} {text:?}");
        }
    }
}
