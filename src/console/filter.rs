//! The `/` filter: words that must all occur, without regard to case; `!word` must not.

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

    pub(super) fn matches(&self, text: &str) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = text.to_lowercase();
        self.words.iter().all(|(wanted, word)| text.contains(word) == *wanted)
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
        ];
        for (filter, text, expected) in table {
            assert_eq!(Filter::parse(filter).matches(text), expected, "{filter:?} {text:?}");
        }
    }
}
