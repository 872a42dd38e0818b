//! When a line of a log file was written, as far as it says so itself: the beginnings that log4j, Spark and Python's
//! logging give. A line without one belongs to the line before it.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// The time that a line begins with; one without a zone is UTC, which is what EMR Serverless runs in. Knows
/// `26/11/22 02:03:01`, `2026/11/22 02:03:01`, `2026-11-22 02:03:01,123` and `2026-11-22T02:03:01.123+01:00`, within
/// brackets or not.
pub fn line_time(line: &str) -> Option<DateTime<Utc>> {
    let text = line.strip_prefix('[').unwrap_or(line).as_bytes();
    let (date, rest) = date(text)?;
    let (b' ' | b'T', rest) = rest.split_first()? else { return None };
    let (time, rest) = time(date, rest)?;
    let offset = zone(rest);
    Some((time - TimeDelta::seconds(offset.map_or(0, |zone| zone.local_minus_utc().into()))).and_utc())
}

/// A number of so many digits.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let sound = head.iter().all(u8::is_ascii_digit);
    sound.then(|| (head.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

fn behind(text: &[u8], mark: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == mark).map(|(_, rest)| rest)
}

fn date(text: &[u8]) -> Option<(NaiveDate, &[u8])> {
    let (year, mark, rest) = match number(text, 4) {
        Some((year, [mark @ (b'-' | b'/'), rest @ ..])) => (year, *mark, rest),
        _ => {
            let (year, rest) = number(text, 2)?;
            (2000 + year, b'/', behind(rest, b'/')?)
        }
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(behind(rest, mark)?, 2)?;
    Some((NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?, rest))
}

fn time(date: NaiveDate, text: &[u8]) -> Option<(NaiveDateTime, &[u8])> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(behind(rest, b':')?, 2)?;
    let (second, rest) = number(behind(rest, b':')?, 2)?;
    let (nanos, rest) = match rest {
        [b'.' | b',', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (shown, rest) = fraction.split_at_checked(digits)?;
            let nano = |place: usize| shown.get(place).map_or(0, |digit| u32::from(digit - b'0'));
            ((0..9).fold(0, |nanos, place| nanos * 10 + nano(place)), rest)
        }
        rest => (0, rest),
    };
    Some((date.and_hms_nano_opt(hour, minute, second, nanos)?, rest))
}

/// `+01:00` or `+0100`; `Z` and nothing are UTC.
fn zone(text: &[u8]) -> Option<FixedOffset> {
    let (sign, rest) = text.split_first()?;
    let (hours, rest) = number(rest, 2)?;
    let (minutes, _) = number(behind(rest, b':').unwrap_or(rest), 2)?;
    let seconds = i32::try_from(hours * 3_600 + minutes * 60).ok()?;
    match sign {
        b'+' => FixedOffset::east_opt(seconds),
        b'-' => FixedOffset::west_opt(seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_says_when_it_was_written() {
        for (line, said) in [
            ("26/11/22 02:03:01 INFO SparkContext: x", Some("2026-11-22T02:03:01+00:00")),
            ("2026/11/22 02:03:01 x", Some("2026-11-22T02:03:01+00:00")),
            ("2026-11-22 02:03:01,123 - root - x", Some("2026-11-22T02:03:01.123+00:00")),
            ("2026-11-22T02:03:01.5Z x", Some("2026-11-22T02:03:01.500+00:00")),
            ("[2026-11-22T02:03:01.123456+01:00] x", Some("2026-11-22T01:03:01.123456+00:00")),
            ("2026-11-22T02:03:01-0530", Some("2026-11-22T07:33:01+00:00")),
            ("2026-11-22 02:03:01.1234567891234 x", Some("2026-11-22T02:03:01.123456789+00:00")),
            ("2026-11-22T02:03:01+99:00", Some("2026-11-22T02:03:01+00:00")),
            ("\tat org.apache.spark", None),
            ("26/13/22 02:03:01", None),
            ("2026-11-22", None),
            ("2026-11-22 25:00:00", None),
            ("é26/11/22 02:03:01", None),
            ("", None),
        ] {
            assert_eq!(line_time(line).map(|at| at.to_rfc3339()).as_deref(), said, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "\\PC{0,40}|[0-9]{2,4}[-/][0-9]{2}[-/][0-9]{2}[ T][0-9:.,+Z-]{0,30}") {
            line_time(&line);
        }
    }
}
