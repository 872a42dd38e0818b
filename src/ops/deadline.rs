//! What one source may take for one refresh: the slowest must not keep back what the others say.

use std::time::Duration;

use tokio::time::Instant;

use crate::lake::{ErrorClass, LakeError};
use crate::sources::SourceError;

/// What one source may take for one refresh.
const SLOWEST: Duration = Duration::from_secs(15);

/// Until when a source is waited for, however many questions it is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    source: &'static str,
    at: Instant,
}

impl Deadline {
    /// Of a source that is asked from now on.
    pub fn of(source: &'static str) -> Self {
        Self { source, at: Instant::now() + SLOWEST }
    }

    /// An answer that comes in time. What is over is not asked any more.
    pub async fn wait<T>(self, answer: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
        if Instant::now() >= self.at {
            return Err(self.late());
        }
        tokio::time::timeout_at(self.at, answer).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(self) -> SourceError {
        LakeError {
            hint: "it is slow, or the way to it: what it said before stands, and the next refresh asks again"
                .to_owned(),
            ..LakeError::new(ErrorClass::Unreachable, self.source, format!("no answer within {} s", SLOWEST.as_secs()))
        }
    }
}

/// The one answer of a source, if it comes in time.
pub(super) async fn in_time<T>(
    source: &'static str,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    Deadline::of(source).wait(answer).await
}

/// The answer of a source that is due; none of one that is not.
pub(super) async fn asked<T>(
    is_due: bool,
    source: &'static str,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Option<Result<T, SourceError>> {
    if is_due { Some(in_time(source, answer).await) } else { None }
}
