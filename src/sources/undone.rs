//! Why an act of a service was not done, or is not known to be: whoever hears no reply must not take it for a no.

use super::SourceError;

/// Why an act has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Undone {
    /// It was refused, or never sent: nothing was done.
    #[error(transparent)]
    Refused(SourceError),
    /// No reply, or none that can be read: it may have been done.
    #[error(transparent)]
    Unknown(SourceError),
}

impl Undone {
    /// The error itself.
    pub fn error(&self) -> &SourceError {
        let (Self::Refused(error) | Self::Unknown(error)) = self;
        error
    }
}
