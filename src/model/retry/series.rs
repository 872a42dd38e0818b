//! Tries of one job, one after the other, until one goes well or the policy is at its end. What is to be done next follows
//! from what is written down alone, so that whoever finds a series can carry it on.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::RetryPolicy;
use crate::model::act::{ActId, ClientToken};
use crate::model::order::JobOrder;
use crate::model::run::{JobName, JobRunId, RunState};

/// How long after it was asked for a try of which no reply came may be asked for again.
pub const ASKED_AGAIN: Duration = Duration::hours(1);

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// When it was asked for: written down before it is.
    pub asked: DateTime<Utc>,
    /// The run that it is, once that is known.
    pub run: Option<JobRunId>,
    /// When it was seen to be over, and how it ended.
    pub ended: Option<Ended>,
}

/// The end of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When it was over.
    pub at: DateTime<Utc>,
    /// How.
    pub how: How,
    /// Why. Hostile text.
    pub why: Option<String>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Well.
    Success,
    /// Not well: there may be another.
    Failed,
    /// Somebody stopped it: there is no other.
    Cancelled,
    /// The service refused it, and will again.
    Refused,
}

impl How {
    /// How a run that is over ended.
    pub fn of(state: RunState) -> Option<Self> {
        match state {
            RunState::Success => Some(Self::Success),
            RunState::Failed => Some(Self::Failed),
            RunState::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// Tries of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Of this JSON: 1.
    pub schema: u32,
    /// Which series.
    pub id: ActId,
    /// The lake on which it is recorded.
    pub lake: String,
    /// The source that tells of its runs.
    pub source: String,
    /// The job.
    pub job: JobName,
    /// What is asked for.
    pub order: JobOrder,
    /// The run that it repeats.
    pub of: JobRunId,
    /// What differs from that. Hostile text.
    pub why: String,
    /// How often, and after how long.
    pub policy: RetryPolicy,
    /// When it began.
    pub begun: DateTime<Utc>,
    /// Its tries, the first one first.
    pub tries: Vec<Try>,
    /// Whether it was given up by its operator.
    #[serde(default)]
    pub stopped: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask for this try.
    Ask(u32),
    /// See how this run goes.
    Watch(u32, JobRunId),
    /// Nothing, until then; then ask for this try.
    Wait(u32, DateTime<Utc>),
    /// Nothing any more.
    Over(Verdict),
}

/// How a series ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A try went well.
    Recovered,
    /// None did, and no more are allowed.
    GivenUp,
    /// Somebody stopped a try, or the series.
    Stopped,
    /// Whether the last try was ever begun is not known, and too long ago to ask.
    Unknown,
}

impl Verdict {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::GivenUp => "given up",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

impl Series {
    /// The act of a try, and its token: the same for the same try, whoever asks for it.
    pub fn act(&self, number: u32) -> (ActId, ClientToken) {
        (ActId(format!("{}-{number}", self.id)), ClientToken::of(&self.id, number))
    }

    /// What is to be done next.
    pub fn next(&self, now: DateTime<Utc>) -> Next {
        let number = u32::try_from(self.tries.len()).unwrap_or(u32::MAX);
        let Some(last) = self.tries.last() else {
            return if self.stopped { Next::Over(Verdict::Stopped) } else { Next::Ask(1) };
        };
        match (&last.ended, &last.run) {
            (None, Some(run)) => Next::Watch(number, run.clone()),
            (None, None) if now - last.asked > ASKED_AGAIN => Next::Over(Verdict::Unknown),
            // It may have been begun: only the service can tell, by its token.
            (None, None) => Next::Ask(number),
            (Some(ended), _) => match (ended.how, self.policy.pause(number)) {
                (How::Success, _) => Next::Over(Verdict::Recovered),
                (How::Cancelled, _) => Next::Over(Verdict::Stopped),
                (How::Refused, _) | (How::Failed, None) => Next::Over(Verdict::GivenUp),
                (How::Failed, Some(_)) if self.stopped => Next::Over(Verdict::Stopped),
                (How::Failed, Some(pause)) => match ended.at + pause {
                    due if due <= now => Next::Ask(number + 1),
                    due => Next::Wait(number + 1, due),
                },
            },
        }
    }

    /// Writes down that a try is about to be asked for.
    pub fn asks(&mut self, number: u32, now: DateTime<Utc>) {
        if usize::try_from(number).is_ok_and(|n| n > self.tries.len()) {
            self.tries.push(Try { asked: now, run: None, ended: None });
        }
    }

    /// Writes down the run that the last try is.
    pub fn began(&mut self, run: JobRunId) {
        if let Some(last) = self.tries.last_mut() {
            last.run = Some(run);
        }
    }

    /// Writes down how the last try ended.
    pub fn ended(&mut self, at: DateTime<Utc>, how: How, why: Option<String>) {
        if let Some(last) = self.tries.last_mut() {
            last.ended = Some(Ended { at, how, why });
        }
    }

    /// The run of the last try that has one.
    pub fn last_run(&self) -> Option<&JobRunId> {
        self.tries.iter().rev().find_map(|t| t.run.as_ref())
    }

    /// Why the last try that failed did.
    pub fn last_fault(&self) -> Option<&str> {
        self.tries.iter().rev().find_map(|t| t.ended.as_ref()?.why.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn series(tries: u32) -> Series {
        Series {
            schema: 1,
            id: ActId("retry-1".into()),
            lake: "l".into(),
            source: "emr".into(),
            job: JobName("load".into()),
            order: JobOrder::of("00a", "role", "s3://b/x.py"),
            of: JobRunId("r0".into()),
            why: String::new(),
            policy: RetryPolicy { tries, ..RetryPolicy::default() },
            begun: at(0),
            tries: Vec::new(),
            stopped: false,
        }
    }

    fn run(n: u32) -> JobRunId {
        JobRunId(format!("r{n}").into())
    }

    /// Three tries, 30 s and 60 s after the failure before: the figures of the runbook, from the first try to the last.
    #[test]
    fn the_policy_of_the_runbook_step_by_step() {
        let mut series = series(3);
        assert_eq!(series.next(at(0)), Next::Ask(1));
        for (number, asked, failed, due) in [(1, 0, 100, Some(130)), (2, 130, 200, Some(260)), (3, 260, 300, None)] {
            assert_eq!(series.next(at(asked)), Next::Ask(number));
            series.asks(number, at(asked));
            assert_eq!(series.next(at(asked + 1)), Next::Ask(number), "no reply yet: the same try again");
            series.asks(number, at(asked + 1));
            assert_eq!(series.tries.len() as u32, number);
            series.began(run(number));
            assert_eq!(series.next(at(asked + 2)), Next::Watch(number, run(number)));
            series.ended(at(failed), How::Failed, Some("OOM".into()));
            let next = series.next(at(failed));
            match due {
                Some(due) => {
                    assert_eq!(next, Next::Wait(number + 1, at(due)));
                    assert_eq!(series.next(at(due - 1)), Next::Wait(number + 1, at(due)));
                    assert_eq!(series.next(at(due)), Next::Ask(number + 1));
                }
                None => assert_eq!(next, Next::Over(Verdict::GivenUp)),
            }
        }
        assert_eq!((series.last_run(), series.last_fault()), (Some(&run(3)), Some("OOM")));
    }

    #[test]
    fn every_end_is_one() {
        for (how, verdict) in
            [(How::Success, Verdict::Recovered), (How::Cancelled, Verdict::Stopped), (How::Refused, Verdict::GivenUp)]
        {
            let mut series = series(3);
            series.asks(1, at(0));
            series.began(run(1));
            series.ended(at(10), how, None);
            assert_eq!(series.next(at(10)), Next::Over(verdict), "{how:?}");
        }
        let mut silent = series(3);
        silent.asks(1, at(0));
        assert_eq!(silent.next(at(3600)), Next::Ask(1));
        assert_eq!(silent.next(at(3601)), Next::Over(Verdict::Unknown));
        let mut stopped = series(3);
        stopped.asks(1, at(0));
        stopped.began(run(1));
        stopped.stopped = true;
        assert_eq!(stopped.next(at(1)), Next::Watch(1, run(1)), "what runs is not ended by it");
        stopped.ended(at(10), How::Failed, None);
        assert_eq!(stopped.next(at(10)), Next::Over(Verdict::Stopped));
    }

    #[test]
    fn each_try_has_its_own_token_and_keeps_it() {
        let series = series(3);
        let tokens: Vec<_> = (1..=3).map(|n| series.act(n)).collect();
        assert_eq!(tokens, (1..=3).map(|n| series.act(n)).collect::<Vec<_>>());
        assert!(tokens[0] != tokens[1] && tokens[0].0.is_sound());
    }

    proptest! {
        /// Whatever happens, no more tries are asked for than are allowed, and never one before its time.
        #[test]
        fn never_more_tries_than_allowed(tries in 1u32..8, steps in prop::collection::vec((0u8..4, 0i64..400), 0..60)) {
            let mut series = series(tries);
            let mut now = 0;
            for (what, seconds) in steps {
                now += seconds;
                match (series.next(at(now)), what) {
                    (Next::Ask(n), _) => {
                        if let Some(ended) = series.tries.last().and_then(|t| t.ended.as_ref()) {
                            let pause = series.policy.pause(n - 1).unwrap_or_default();
                            prop_assert!(at(now) >= ended.at + pause);
                        }
                        series.asks(n, at(now));
                        if what != 0 { series.began(run(n)); }
                    }
                    (Next::Watch(..), 1) => series.ended(at(now), How::Failed, None),
                    (Next::Watch(..), 2) => series.ended(at(now), How::Success, None),
                    _ => {}
                }
                prop_assert!(series.tries.len() as u32 <= tries);
            }
        }
    }
}
