//! When a call is made again: when the service is busy or has trouble of its own, and not when it says no or says
//! nothing.

use std::time::Duration;

use crate::lake::aws::jittered;
use crate::sources::SourceError;

/// The longest pauses before the second and the third try; each is half of it at least.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Why a try failed, and whether another may not.
#[derive(Debug)]
pub(super) struct Failed {
    /// Why.
    pub error: SourceError,
    /// Whether to try again.
    pub again: bool,
}

/// Of what went wrong before there was a reply.
impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self { error, again: false }
    }
}

/// Tries until it goes well or may not be tried again; at most three times.
pub(super) async fn tried<T, F>(mut once: impl FnMut() -> F) -> Result<T, SourceError>
where
    F: Future<Output = Result<T, Failed>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        match once().await {
            Ok(value) => return Ok(value),
            Err(failed) => match pauses.next().filter(|_| failed.again) {
                Some(pause) => jittered(pause).await,
                None => return Err(failed.error),
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;
    use crate::lake::ErrorClass;

    /// How many tries it took, how long, and how it ended.
    async fn trying(well_at: usize, again: bool) -> (usize, Duration, Result<usize, ErrorClass>) {
        let (tries, begun) = (Cell::new(0), Instant::now());
        let answer = tried(|| {
            tries.set(tries.get() + 1);
            let n = tries.get();
            let error = SourceError::new(ErrorClass::Throttled, "x", "slow down");
            std::future::ready(if n == well_at { Ok(n) } else { Err(Failed { error, again }) })
        });
        let answer = answer.await.map_err(|error| error.class);
        (tries.get(), begun.elapsed(), answer)
    }

    #[tokio::test(start_paused = true)]
    async fn three_tries_with_growing_pauses_and_no_more() {
        let (tries, took, answer) = trying(2, true).await;
        assert_eq!((tries, answer), (2, Ok(2)));
        assert!((100..=200).contains(&took.as_millis()), "{took:?}");
        let (tries, took, answer) = trying(4, true).await;
        assert_eq!((tries, answer), (3, Err(ErrorClass::Throttled)));
        assert!((500..=1_000).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_no_is_taken_for_one() {
        let (tries, took, answer) = trying(2, false).await;
        assert_eq!((tries, took, answer), (1, Duration::ZERO, Err(ErrorClass::Throttled)));
    }
}
