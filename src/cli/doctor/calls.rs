//! What the calls of one visit took, and whether a service asked for fewer. All of them share a deadline, so that a dead
//! network costs no more than one call does. Makes no call of its own.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Check, Verdict};
use crate::lake::{ErrorClass, LakeError};

/// All calls together, those that wait for others included.
pub const LIMIT: Duration = Duration::from_secs(10);
/// A single small call that takes longer was slowed down by something. The SDK's own second tries are part of it.
const SLOW: Duration = Duration::from_secs(2);

/// The calls so far.
#[derive(Debug)]
pub struct Calls {
    deadline: Instant,
    made: Mutex<Vec<Made>>,
}

/// How a call ended, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    Throttled,
    /// Nobody answered, or nobody was asked for want of credentials: what it took is no latency.
    Unanswered,
}

#[derive(Debug, Clone)]
struct Made {
    object: String,
    took: Duration,
    end: End,
}

impl Calls {
    /// None yet; the deadline begins now.
    pub fn begin() -> Self {
        Self { deadline: Instant::now() + LIMIT, made: Mutex::default() }
    }

    /// Waits for a call about an object until the deadline.
    pub async fn timed<T>(
        &self,
        object: &str,
        call: impl Future<Output = Result<T, LakeError>>,
    ) -> Result<T, LakeError> {
        let begun = Instant::now();
        let answer = timeout_at(self.deadline, call).await.unwrap_or_else(|_| Err(late(object)));
        let end = match answer.as_ref().err().map(|e| e.class) {
            Some(ErrorClass::Throttled) => End::Throttled,
            Some(ErrorClass::Unreachable | ErrorClass::Expired) => End::Unanswered,
            _ => End::Answered,
        };
        let made = Made { object: object.to_owned(), took: begun.elapsed(), end };
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        answer
    }

    /// Waits for what is no call, until the deadline; none if it is over.
    pub async fn before_deadline<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.deadline, what).await.ok()
    }

    /// The row.
    pub fn row(&self) -> Check {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all = made.len();
        made.retain(|m| m.end != End::Unanswered);
        made.sort_by_key(|m| m.took);
        let (Some(median), Some(longest)) = (made.get(made.len() / 2), made.last()) else {
            let words = if all == 0 { "no call was made" } else { "no call was answered" };
            return Check::new("calls", Verdict::Skip, words);
        };
        let noun = if made.len() == 1 { "call" } else { "calls" };
        let (middle, most) = (median.took.as_millis(), longest.took.as_millis());
        let silent = if made.len() < all { format!(", {} not answered", all - made.len()) } else { String::new() };
        let seen = format!("{} {noun}: median {middle} ms, longest {most} ms{silent}", made.len());
        match made.iter().filter(|m| m.end == End::Throttled).count() {
            0 if longest.took > SLOW => Check::new("calls", Verdict::Warn, format!("{seen} ({})", longest.object))
                .hint("a slow network, or a service that asked for fewer requests and was asked again"),
            0 => Check::new("calls", Verdict::Pass, format!("{seen}; none was refused for its rate")),
            refused => Check::new("calls", Verdict::Warn, format!("{seen}; {refused} refused for their rate"))
                .hint("others use up the account's quota: fewer tools at once, or a higher quota (Service Quotas)"),
        }
    }
}

fn late(object: &str) -> LakeError {
    let detail = format!("no answer within {} s", LIMIT.as_secs());
    LakeError { hint: "see the network rows".into(), ..LakeError::new(ErrorClass::Unreachable, object, detail) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_end_at_one_deadline_and_are_told() {
        let calls = Calls::begin();
        assert_eq!(calls.row().verdict, Verdict::Skip);
        for n in [10, 30, 20] {
            let call = async {
                tokio::time::sleep(Duration::from_millis(n)).await;
                Ok(n)
            };
            assert_eq!(calls.timed("a", call).await, Ok(n));
        }
        let row = calls.row();
        assert_eq!(row.verdict, Verdict::Pass);
        assert!(row.detail.contains("3 calls: median 20 ms, longest 30 ms"), "{}", row.detail);

        let refused = LakeError::new(ErrorClass::Throttled, "b", "SlowDown");
        assert!(calls.timed::<()>("b", async { Err(refused) }).await.is_err());
        let row = calls.row();
        assert!(row.verdict == Verdict::Warn && row.detail.contains("1 refused"), "{row:?}");

        let error = calls.timed("c", std::future::pending::<Result<(), LakeError>>()).await.unwrap_err();
        assert!(error.class == ErrorClass::Unreachable && error.object == "c", "{error}");
        assert!(calls.row().detail.contains("4 calls: median"), "the fifth had no answer: {:?}", calls.row());
        assert!(calls.row().detail.contains("1 not answered"), "{:?}", calls.row());
        let late = Instant::now() - calls.deadline;
        assert!(late < Duration::from_millis(5), "no later than the first one would have ended: {late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_call_is_named() {
        let calls = Calls::begin();
        let slow = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(())
        };
        calls.timed("s3://b/", slow).await.unwrap();
        let row = calls.row();
        assert!(row.verdict == Verdict::Warn && row.detail.contains("s3://b/"), "{row:?}");
    }
}
