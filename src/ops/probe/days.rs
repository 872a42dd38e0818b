//! One question for each date that an incident is about, answered together: green is what is green on every one of them.

use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::{self, StreamExt};

use super::{Answer, EVIDENCE};
use crate::model::alert::Evidence;
use crate::model::incident::{About, Incident};
use crate::model::probe::Verdict;
use crate::ops::{Session, Snapshot};

/// Dates that are looked at: a quarter. What more there are is not green unseen.
const MOST: usize = 92;
/// Dates at once.
const AT_ONCE: usize = 8;
/// Dates that are told of in the sentence.
const TOLD: usize = 3;

/// Pieces of evidence that are kept for so many dates.
pub(super) fn evidence(dates: usize) -> usize {
    EVIDENCE * dates.clamp(1, 5)
}

/// What depends on the date of the data.
#[derive(Debug, Clone, Copy)]
pub(super) enum Day<'s> {
    /// What gates said.
    Quality(&'s Snapshot),
    /// Whether rows add up.
    Counts(&'s Snapshot),
    /// What was rejected.
    Entry(&'s Snapshot),
    /// Whether consumers can query it.
    Consumers,
    /// Whether it is there.
    Partitions,
}

impl Session {
    /// Asks it of each date that the incident is about, and once where none is known.
    pub(super) async fn on_each_day(&self, day: Day<'_>, incident: &Incident, now: DateTime<Utc>) -> Answer {
        let dates = incident.dates();
        let ask = |date: Option<NaiveDate>| async move {
            let about = About { date, ..incident.about.clone() };
            match day {
                Day::Quality(snapshot) => self.probe_quality(incident, &about, snapshot),
                Day::Counts(snapshot) => self.probe_counts(incident, &about, snapshot).await,
                Day::Entry(snapshot) => self.probe_entry(&about, snapshot),
                Day::Consumers => self.probe_consumers(&about, now).await,
                Day::Partitions => self.probe_partitions(&about, now).await,
            }
        };
        // An incident of no date is about all of them, whichever were run again; a run's record, and a query, are of one.
        let of_all = incident.about.date.is_none() && matches!(day, Day::Quality(_) | Day::Entry(_) | Day::Partitions);
        let once = matches!(day, Day::Consumers) && !self.consumers_ask_by_date(&incident.about);
        if of_all || dates.len() < 2 {
            return ask(dates.first().copied().filter(|_| !of_all)).await;
        }
        if once {
            return ask(dates.last().copied()).await;
        }
        let asked = dates.iter().take(MOST).map(|date| async { (*date, ask(Some(*date)).await) });
        let asked: Vec<_> = asked.collect();
        together(stream::iter(asked).buffered(AT_ONCE).collect().await, dates.len())
    }
}

/// The answers of some of `all` dates as one.
fn together(mut answers: Vec<(NaiveDate, Answer)>, all: usize) -> Answer {
    let (asked, ends) = (answers.len(), answers.first().zip(answers.last()).map(|(a, b)| (a.0, b.0)));
    answers.sort_by_key(|(_, answer)| place(answer.verdict));
    let open = answers.iter().filter(|(_, answer)| answer.verdict != Verdict::Pass).count();
    let told = |n: usize| {
        let said: Vec<String> =
            answers.iter().take(n).map(|(date, answer)| format!("{date}: {}", answer.summary)).collect();
        said.join("; ")
    };
    let worst = answers.first().map_or(Verdict::NoEvidence, |(_, answer)| answer.verdict);
    let (verdict, summary) = match (open, all - asked) {
        (0, 0) => {
            let ends = ends.map(|(from, to)| format!("{from} to {to}")).unwrap_or_default();
            (Verdict::Pass, format!("on each of {all} dates, {ends}; {}", told(1)))
        }
        (0, left) => (Verdict::NoEvidence, format!("on each of {asked} dates, and {left} more are not looked at")),
        (open, _) => {
            let more = if open > TOLD { format!("; and {} more", open - TOLD) } else { String::new() };
            (worst, format!("not on {open} of {all} dates: {}{more}", told(open.min(TOLD))))
        }
    };
    let share = (evidence(asked) / asked.max(1)).max(1);
    let seen: Vec<Evidence> =
        answers.into_iter().flat_map(|(_, answer)| answer.evidence.into_iter().take(share)).collect();
    Answer::new(verdict, summary).with(seen)
}

/// What is worst comes first.
fn place(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Error => 1,
        Verdict::NoEvidence => 2,
        Verdict::Pass => 3,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn answers(verdicts: &[Verdict]) -> Vec<(NaiveDate, Answer)> {
        let first = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let evidence = |n| Evidence { uri: format!("x{n}"), observed_at: DateTime::UNIX_EPOCH, detail: String::new() };
        let answer = |verdict: &Verdict| Answer::new(*verdict, verdict.says()).with((0..30).map(evidence).collect());
        first.iter_days().zip(verdicts).map(|(date, verdict)| (date, answer(verdict))).collect()
    }

    #[test]
    fn green_is_what_is_green_on_every_date() {
        use Verdict::{Error, Fail, NoEvidence, Pass};
        for (verdicts, all, verdict, says) in [
            (vec![Pass, Pass], 2, Pass, "on each of 2 dates, 2026-11-20 to 2026-11-21; 2026-11-20: pass"),
            (vec![Pass, Fail], 2, Fail, "not on 1 of 2 dates: 2026-11-21: fail"),
            (
                vec![Pass, NoEvidence, Error],
                3,
                Error,
                "not on 2 of 3 dates: 2026-11-22: error; 2026-11-21: no evidence",
            ),
            (vec![Pass, NoEvidence], 2, NoEvidence, "not on 1 of 2 dates: 2026-11-21: no evidence"),
            (vec![Pass, Pass], 5, NoEvidence, "on each of 2 dates, and 3 more are not looked at"),
        ] {
            let answer = together(answers(&verdicts), all);
            assert_eq!((answer.verdict, answer.summary.as_str()), (verdict, says));
        }
        let many = together(answers(&[Fail; 10]), 10);
        assert!(many.summary.ends_with("; and 7 more"), "{}", many.summary);
        assert_eq!(many.evidence.len(), 100);
    }
}
