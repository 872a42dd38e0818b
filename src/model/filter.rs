//! The `/` filter of lists and logs: words that must all occur, without regard to case; `!word` must not.

use memchr::memchr2_iter;

/// Letters from the commonest to the rarest in English texts; what is not among them is rarer.
const COMMON: &[u8] = b"etaoinsrhdlcumfpgwybvkxjqz";

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    words: Vec<(bool, Word)>,
}

/// A lower-case word, and what is looked for first: its rarest byte, as often as not the only one looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    rarest: usize,
}

impl Filter {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let words = text.split_whitespace().filter_map(|word| {
            let (wanted, word) = word.strip_prefix('!').map_or((true, word), |rest| (false, rest));
            (!word.is_empty()).then(|| (wanted, Word::new(word.to_lowercase())))
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
                let (new, old) = (new.text.as_str(), old.text.as_str());
                w == wanted && if *wanted { new.contains(old) } else { old.contains(new) }
            })
        })
    }

    /// Whether the wanted words each occur in one of these texts and the others in none. Allocates nothing for
    /// ASCII words: it runs over tens of thousands of entries at each key typed.
    pub fn matches<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.words.iter().all(|(wanted, word)| texts.clone().any(|text| word.occurs(text)) == *wanted)
    }
}

impl Word {
    fn new(text: String) -> Self {
        let rank = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len());
        let rarest = text.bytes().enumerate().max_by_key(|(_, byte)| rank(byte)).map_or(0, |(at, _)| at);
        Self { text, rarest }
    }

    /// Whether it occurs in a text, whatever the text's case.
    fn occurs(&self, text: &str) -> bool {
        if !self.text.is_ascii() {
            return text.to_lowercase().contains(self.text.as_str());
        }
        let (word, text) = (self.text.as_bytes(), text.as_bytes());
        let Some(rarest) = word.get(self.rarest) else { return true };
        let here = |at: usize| {
            let begins = at.checked_sub(self.rarest)?;
            text.get(begins..begins + word.len())
        };
        memchr2_iter(*rarest, rarest.to_ascii_uppercase(), text)
            .any(|at| here(at).is_some_and(|t| t.eq_ignore_ascii_case(word)))
    }
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
            ("xab", "ABX xxAb", true),
            ("qab", "ab", false),
            ("e_q", "Table_e_Q", true),
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
