//! Whether an alarm can fire: one whose metric nobody has sent for days never will, and looks as if all were well. What
//! is not known for sure is not called dead.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::{Alarm, AlarmState, MissingData, Watch, Watched};
use crate::model::metric::{Dimension, Metric};

/// An alarm is silent for so many of its windows before that means anything.
const WINDOWS: i32 = 10;
/// And for so long at least: pipelines that run once a day rest over a weekend. Ours: 3 days.
const AT_LEAST: Duration = Duration::days(3);
/// Metrics without data for longer are no longer listed:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>.
pub const LISTED: Duration = Duration::days(14);
/// A new metric takes a quarter of an hour to be listed, and who makes an alarm may send its data after that. Ours: 1 h.
const YOUNG: Duration = Duration::hours(1);

/// Why an alarm can never fire. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Death {
    /// No metric of that name has these dimensions.
    NoMetric {
        /// What it watches.
        metric: Metric,
        /// The dimensions that metrics of that name do have, the likest first.
        others: Vec<Vec<Dimension>>,
    },
    /// The metric is there, and has no data that the alarm sees.
    NoData {
        /// What it watches, and of which unit.
        watch: Watch,
        /// For at least so long, in seconds.
        seconds: i64,
    },
    /// All the alarms of its rule are dead.
    DeadAlarms {
        /// Their names.
        names: Vec<String>,
    },
}

/// What was found of a metric that an alarm watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// When it last had data that the alarm sees, in what was looked at: the last two weeks.
    pub last: Option<DateTime<Utc>>,
    /// Whether a metric of the name has exactly its dimensions; none if that could not be told.
    pub exists: Option<bool>,
    /// The dimensions of others of its name.
    pub others: Vec<Vec<Dimension>>,
}

/// Whether it is worth asking if an alarm can fire: one that has fired can, and so can one that had the data that its
/// state needs, one that takes missing data for a breach, and one that is new.
pub fn in_doubt(alarm: &Alarm, now: DateTime<Utc>) -> bool {
    let silent = match (alarm.state, alarm.missing) {
        (AlarmState::Alarm, _) | (_, MissingData::Breaching) => false,
        (AlarmState::Ok, MissingData::Missing) => false,
        (AlarmState::Ok, MissingData::Ignore | MissingData::NotBreaching) => true,
        (AlarmState::InsufficientData, _) => true,
    };
    let old = alarm.configured.is_none_or(|made| now - made >= YOUNG.max(alarm.window));
    silent && old && matches!(&alarm.watched, Watched::Metrics { all } if !all.is_empty())
}

/// For how long an alarm has no data before it is called dead.
fn span(alarm: &Alarm) -> Duration {
    let windows = alarm.window.checked_mul(WINDOWS).unwrap_or(LISTED);
    windows.clamp(AT_LEAST, LISTED)
}

/// Why an alarm that is [`in_doubt`] can never fire: all that it watches is without data. Of a formula, one part that
/// has some is enough to say nothing.
pub fn judge<'a>(alarm: &Alarm, seen: impl Fn(&Watch) -> Option<&'a Sighting>, now: DateTime<Utc>) -> Option<Death> {
    let Watched::Metrics { all } = &alarm.watched else { return None };
    let span = span(alarm);
    let mut why = None;
    for watch in all {
        let sighting = seen(watch)?;
        let silent = sighting.last.is_none_or(|last| now - last > span);
        let death = match sighting.exists {
            Some(false) if sighting.last.is_none() => {
                let others = likest(watch, &sighting.others);
                Death::NoMetric { metric: watch.metric.clone(), others }
            }
            Some(_) if silent => Death::NoData { watch: watch.clone(), seconds: span.num_seconds() },
            _ => return None,
        };
        why = why.or(Some(death));
    }
    why
}

/// Those that share most with what was wanted, first; at most three, and not itself.
fn likest(watch: &Watch, others: &[Vec<Dimension>]) -> Vec<Vec<Dimension>> {
    let wanted = watch.metric.dimensions();
    let names = |other: &[Dimension]| other.iter().filter(|o| wanted.iter().any(|w| w.name == o.name)).count();
    let whole = |other: &[Dimension]| other.iter().filter(|o| wanted.contains(o)).count();
    let mut others: Vec<&Vec<Dimension>> = others.iter().filter(|other| other.as_slice() != wanted).collect();
    others.sort_by_key(|other| {
        let strange = other.len().abs_diff(wanted.len());
        (std::cmp::Reverse((whole(other), names(other))), strange, (*other).clone())
    });
    others.dedup();
    others.into_iter().take(3).cloned().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::samples::{alarm, dimensions, now, watch};
    use super::*;

    const STATES: [AlarmState; 3] = [AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData];

    #[test]
    fn only_silence_is_doubted() {
        use MissingData::{Breaching, Ignore, Missing, NotBreaching};
        for (missing, doubted) in [
            (Missing, [false, false, true]),
            (Ignore, [true, false, true]),
            (Breaching, [false, false, false]),
            (NotBreaching, [true, false, true]),
        ] {
            assert_eq!(STATES.map(|state| in_doubt(&alarm("a", state, missing), now())), doubted, "{missing:?}");
        }
    }

    #[test]
    fn a_new_alarm_is_given_time() {
        let made = |ago: Duration, window: Duration| {
            let alarm = alarm("a", AlarmState::InsufficientData, MissingData::Missing);
            in_doubt(&Alarm { configured: Some(now() - ago), window, ..alarm }, now())
        };
        let (minute, second) = (Duration::minutes(1), Duration::seconds(1));
        assert!(!made(Duration::hours(1) - second, minute) && made(Duration::hours(1), minute));
        assert!(!made(Duration::days(1) - second, Duration::days(1)) && made(Duration::days(1), Duration::days(1)));
    }

    #[test]
    fn ten_windows_between_three_days_and_two_weeks() {
        for (window, days) in [(Duration::minutes(5), 3), (Duration::days(1), 10), (Duration::days(7), 14)] {
            let alarm = Alarm { window, ..alarm("a", AlarmState::Ok, MissingData::Ignore) };
            assert_eq!(span(&alarm), Duration::days(days), "{window}");
        }
        let alarm = Alarm { window: Duration::MAX, ..alarm("a", AlarmState::Ok, MissingData::Ignore) };
        assert_eq!(span(&alarm), LISTED);
    }

    fn silent(ago: Option<Duration>, exists: Option<bool>) -> Sighting {
        Sighting { last: ago.map(|ago| now() - ago), exists, others: Vec::new() }
    }

    #[test]
    fn an_alarm_dies_of_what_is_known_only() {
        let alarm = alarm("a", AlarmState::InsufficientData, MissingData::Missing);
        let days = Duration::days;
        for (ago, exists, dead) in [
            (None, Some(false), true),
            (None, Some(true), true),
            (None, None, false),
            (Some(days(3)), Some(true), false),
            (Some(days(3) + Duration::seconds(1)), Some(true), true),
            (Some(days(1)), Some(false), false),
            (Some(days(4)), None, false),
        ] {
            let sighting = silent(ago, exists);
            let death = judge(&alarm, |_| Some(&sighting), now());
            assert_eq!(death.is_some(), dead, "{ago:?} {exists:?}: {death:?}");
            let by_name = matches!(death, Some(Death::NoMetric { .. }));
            assert_eq!(by_name, dead && exists == Some(false), "{ago:?} {exists:?}");
        }
        assert_eq!(judge(&alarm, |_| None, now()), None, "nobody looked");
    }

    #[test]
    fn one_living_part_keeps_a_formula_alive() {
        let (a, b) = (watch(&[("TableName", "a")]), watch(&[("TableName", "b")]));
        let watched = Watched::Metrics { all: vec![a.clone(), b.clone()] };
        let alarm = Alarm { watched, ..alarm("a", AlarmState::InsufficientData, MissingData::Missing) };
        let (gone, there) = (silent(None, Some(false)), silent(Some(Duration::hours(1)), Some(true)));
        assert_eq!(judge(&alarm, |w| Some(if *w == a { &gone } else { &there }), now()), None);
        let death = judge(&alarm, |_| Some(&gone), now());
        assert!(matches!(death, Some(Death::NoMetric { metric, .. }) if metric == a.metric));
    }

    #[test]
    fn the_likest_dimensions_are_told() {
        let alarm = alarm("a", AlarmState::InsufficientData, MissingData::Missing);
        let others = [
            dimensions(&[("Env", "prod")]),
            dimensions(&[("Env", "prod"), ("TableName", "orders")]),
            dimensions(&[("TableName", "Orders")]),
            dimensions(&[("TableName", "customers")]),
            dimensions(&[("TableName", "orders")]),
        ];
        let sighting = Sighting { others: others.to_vec(), ..silent(None, Some(false)) };
        let Some(Death::NoMetric { others: told, .. }) = judge(&alarm, |_| Some(&sighting), now()) else {
            panic!("dead")
        };
        assert_eq!(told, [others[1].clone(), others[2].clone(), others[3].clone()]);
    }

    #[test]
    fn what_says_nothing_of_its_data_is_not_judged() {
        for watched in [Watched::Untold, Watched::Alarms { rule: "ALARM(a)".into() }, Watched::Metrics { all: vec![] }]
        {
            let alarm = Alarm { watched, ..alarm("a", AlarmState::InsufficientData, MissingData::Missing) };
            assert!(!in_doubt(&alarm, now()));
        }
    }
}
