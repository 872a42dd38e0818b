//! Text that nobody may see: addresses of webhooks and routing keys. It can be used, not shown.

use std::fmt;

/// What stands in its place.
pub const MASK: &str = "******";

/// A fragment of a secret that is shorter says nothing, and would hollow out every text.
const TELLING: usize = 6;

/// A secret value. Its `Debug` is a mask, it has no `Display`, and it is not serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the value; blank space around it is not part of it.
    pub fn new(value: &str) -> Self {
        Self(value.trim().to_owned())
    }

    /// The value, for the request itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text of somebody else that may repeat the secret or a part of its path, without it.
    pub fn scrub(&self, text: &str) -> String {
        let mut parts: Vec<&str> = self.0.split(['/', '?', '&', '=', '@']).filter(|p| p.len() >= TELLING).collect();
        // A host may be named, and so may the scheme.
        if self.0.contains("://") {
            parts.retain(|p| !p.contains('.') && !p.ends_with(':'));
        }
        parts.push(&self.0);
        parts.sort_by_key(|p| std::cmp::Reverse(p.len()));
        parts.into_iter().filter(|p| !p.is_empty()).fold(text.to_owned(), |text, part| text.replace(part, MASK))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_used_and_not_shown() {
        let secret = Secret::new(" https://hooks.example.com/services/T00000000/B0/XYZXYZXYZ\n");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), format!("{MASK} Some(\n    {MASK},\n)"));
        assert_eq!(secret.expose(), "https://hooks.example.com/services/T00000000/B0/XYZXYZXYZ");
        for (text, scrubbed) in [
            ("no https://hooks.example.com/services/T00000000/B0/XYZXYZXYZ!", "no ******!"),
            ("token XYZXYZXYZ of T00000000 is revoked", "token ****** of ****** is revoked"),
            ("hooks.example.com says B0", "hooks.example.com says B0"),
        ] {
            assert_eq!(secret.scrub(text), scrubbed);
        }
        assert_eq!(Secret::new("0123456789abcdef").scrub("key 0123456789abcdef"), "key ******");
        assert_eq!(Secret::new("").scrub("text"), "text");
    }
}
