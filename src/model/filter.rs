//! The `/` filter of lists and logs: words that must all occur, without regard to case; `!word` must not.

use memchr::memchr2_iter;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    words: Vec<(bool, String)>,
}

impl Filter {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let words = text.split_whitespace().filter_map(|word| {
            let (wanted, word) = word.strip_prefix('!').map_or((true, word), |rest| (false, rest));
            (!word.is_empty()).then(|| (wanted, word.to_lowercase()))
        });
        Self { text: text.trim().to_owned(), words: words.collect() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether it lets through nothing that `before` keeps back: then only what that one left is looked at again.
    pub fn narrows(&self, before: &Self) -> bool {
        before.words.iter().all(|(wanted, old)| {
            self.words.iter().any(|(w, new)| {
                w == wanted && if *wanted { new.contains(old.as_str()) } else { old.contains(new.as_str()) }
            })
        })
    }

    /// Whether the wanted words each occur in one of these texts and the others in none. Allocates nothing for
    /// ASCII words: it runs over tens of thousands of entries at each key typed.
    pub fn matches<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
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

    #[test]
    fn a_longer_word_narrows_and_a_longer_exclusion_does_not() {
        let table = [
            ("", "a", true),
            ("er", "err", true),
            ("err", "er", false),
            ("err", "error disk", true),
            ("!debug", "!debug x", true),
            ("!debug", "!deb", true),
            ("!deb", "!debug", false),
            ("!deb", "deb", false),
        ];
        for (before, now, expected) in table {
            assert_eq!(Filter::parse(now).narrows(&Filter::parse(before)), expected, "{before:?} {now:?}");
        }
    }
}
