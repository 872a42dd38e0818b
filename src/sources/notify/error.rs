//! Why somebody could not be told: a class, to whom, what was seen, what to do, and whether to try again.

use std::time::Duration;

use crate::lake::{ErrorClass, LakeError};

/// Replies are quoted to here. Characters.
const QUOTED: usize = 200;

/// An error of a notifier. It holds no secret; `detail` may be hostile text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {}: {detail}", class.word())]
pub struct NotifyError {
    /// Its class.
    pub class: ErrorClass,
    /// The host, topic or file; never an address that is a secret.
    pub target: String,
    /// The fault in a few words, on one line.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl NotifyError {
    /// An error with the class's own hint.
    pub fn new(class: ErrorClass, target: impl Into<String>, detail: impl AsRef<str>) -> Self {
        let hint = match class {
            ErrorClass::Expired => "renew the credentials (aws sso login, or your own way)",
            ErrorClass::Denied => "check the secret in the configuration, and what it is allowed to do",
            ErrorClass::Throttled => "wait: it asked for fewer messages",
            ErrorClass::NotFound => "check the address, the topic or the path in the configuration",
            ErrorClass::Unreachable => "check the network, the proxy and the address (lakeward doctor)",
            ErrorClass::Unsupported => "check that the address is that of such a service",
            ErrorClass::Malformed => "the message was refused: lakeward notify test --dry-run shows it",
            ErrorClass::Conflict => "try again",
        };
        let detail = short(detail.as_ref());
        Self { class, target: target.into(), detail, hint: hint.to_owned(), retry_after: None }
    }

    /// The same with another hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Whether another try may help.
    pub fn may_pass(&self) -> bool {
        matches!(self.class, ErrorClass::Throttled | ErrorClass::Unreachable)
    }
}

impl From<LakeError> for NotifyError {
    fn from(error: LakeError) -> Self {
        Self::new(error.class, error.object, error.detail).hint(error.hint)
    }
}

/// One line of at most 200 characters.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        use ErrorClass::*;
        for (class, again) in [
            (Expired, false),
            (Denied, false),
            (Throttled, true),
            (NotFound, false),
            (Unreachable, true),
            (Unsupported, false),
            (Malformed, false),
            (Conflict, false),
        ] {
            let error = NotifyError::new(class, "host", "a\nb");
            assert_eq!((error.may_pass(), error.hint.is_empty()), (again, false), "{class:?}");
            assert_eq!(error.to_string(), format!("host: {}: a b", class.word()));
        }
    }
}
