//! What can go wrong with a lake: a class, the object it concerns, and what to do.

use std::fmt;

/// Classes that every source shares (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Credentials ran out.
    Expired,
    /// Not allowed.
    Denied,
    /// Too many requests; the SDK's own retries did not help.
    Throttled,
    /// No such object, bucket or folder.
    NotFound,
    /// No answer, no name, no connection.
    Unreachable,
    /// The store cannot do this.
    Unsupported,
    /// The bytes are not what they should be.
    Malformed,
    /// A condition did not hold: the object exists, or changed meanwhile.
    Conflict,
}

impl ErrorClass {
    /// The word used in screens and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::NotFound => "not found",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "unsupported",
            Self::Malformed => "malformed",
            Self::Conflict => "conflict",
        }
    }
}

/// An error of the lake. `object` and `detail` may be hostile text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LakeError {
    /// Its class.
    pub class: ErrorClass,
    /// Full address of the object or prefix it concerns.
    pub object: String,
    /// The fault in a few words, on one line.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for LakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.object, self.class.word(), self.detail)
    }
}

impl LakeError {
    /// An error with the class's own hint.
    pub fn new(class: ErrorClass, object: impl Into<String>, detail: impl Into<String>) -> Self {
        let hint = match class {
            ErrorClass::Expired => "renew the credentials (aws sso login, or your own way), then press R",
            ErrorClass::Denied => "ask for the permission named, or use another profile",
            ErrorClass::Throttled => "wait: the store asked for fewer requests",
            ErrorClass::NotFound => "check the lake's address and the prefix settings",
            ErrorClass::Unreachable => "check the network and the endpoint (lakeward doctor)",
            ErrorClass::Unsupported => "this store cannot do it",
            ErrorClass::Malformed => "the object is damaged or of another kind",
            ErrorClass::Conflict => "it changed meanwhile: refresh and try again",
        };
        Self { class, object: object.into(), detail: detail.into(), hint: hint.to_owned() }
    }
}
