//! Figures and times as people read them: thousands separators, sizes, ages in steps, times with a zone.
//! Pure; text of the lake passes through `model::text` before it comes here.

use chrono::{DateTime, Utc};
use ratatui::text::Span;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::rows::cell;

use super::theme::{Role, Theme};

use crate::model::text::one_line;
pub(super) use crate::model::text::thousands as count;

/// `150 rows`, `1 row`.
pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `42.1 KB`: powers of 1,000, as S3 consoles and bills count.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64;
    let mut unit = "B";
    for next in UNITS {
        // 999.95 would print as 1000.0
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `20 s`, `9 m`, `5 h`, `3 d`: how long ago, in steps so coarse that an idle screen seldom changes.
/// What lies in the future (clocks differ) counts as now.
pub(super) fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        // The beginning of all clocks: since ever.
        _ if then == DateTime::UNIX_EPOCH => "ever".to_owned(),
        0..10 => "<10 s".to_owned(),
        10..60 => format!("{} s", seconds / 10 * 10),
        60..3600 => format!("{} m", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `45 s`, `12 m`, `1 h 05 m`, `3 d 02 h`: how long something took. Below zero (clocks differ) counts as nothing.
pub(super) fn length(length: chrono::Duration) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m", seconds / 60),
        3600..172_800 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// How long something lasts, to the second: `1 m 15 s`.
pub(super) fn lasting(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `2026-11-22 00:23:10Z`.
pub(super) fn absolute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Both: `2 h ago, 2026-11-22 00:23:10Z`.
pub(super) fn when(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    format!("{} ago, {}", age(now, then), absolute(then))
}

/// The first digits of an entity tag, without its quotes: enough to tell two apart by eye. Escaped.
pub(super) fn short_tag(etag: &str) -> String {
    one_line(etag.trim_matches('"'), 8)
}

/// `64` or `1.5`: a measured value without needless digits.
pub(super) fn figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let whole = count(value.abs() as u64);
        if value < 0.0 { format!("-{whole}") } else { whole }
    } else {
        format!("{value:.2}")
    }
}

/// A cell of the lake, made harmless, in its style.
pub(super) fn cell(value: &Value, max: usize, masked: bool, theme: &Theme) -> Span<'static> {
    if value.is_null() {
        return Span::styled("∅", theme.style(Role::Null));
    }
    if masked {
        Span::styled(cell::shown(&cell::masked(value), max), theme.style(Role::Masked))
    } else {
        Span::raw(cell::shown(value, max))
    }
}

/// Text cut into lines of at most `width` columns. For the places that may wrap: records and details.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let mut piece = [0; 4];
    for c in text.chars() {
        let columns = c.encode_utf8(&mut piece).width();
        if used + columns > width {
            // Break at the last blank of the line, if that does not leave most of it empty.
            let keep = line.rfind(' ').filter(|at| line[..*at].width() > width / 2);
            let rest = keep.map(|at| line.split_off(at).trim_start().to_owned()).unwrap_or_default();
            lines.push(std::mem::replace(&mut line, rest));
            used = line.width();
        }
        line.push(c);
        used += columns;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn figures() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (9812, "9,812"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KB"),
            (42_113, "42.1 KB"),
            (999_999, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (n, text) in sizes {
            assert_eq!(bytes(n), text);
        }
        for (v, text) in [(3.0, "3"), (-1200.0, "-1,200"), (1.5, "1.50"), (f64::NAN, "NaN")] {
            assert_eq!(figure(v), text);
        }
    }

    #[test]
    fn ages_go_in_steps_and_never_below_zero() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let table = [
            (-5, "<10 s"),
            (9, "<10 s"),
            (10, "10 s"),
            (59, "50 s"),
            (60, "1 m"),
            (3599, "59 m"),
            (3600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ];
        for (seconds, text) in table {
            assert_eq!(age(now, now - Duration::seconds(seconds)), text, "{seconds}");
        }
        for (seconds, text) in [(-1, "0 s"), (59, "59 s"), (3599, "59 m"), (3900, "1 h 05 m"), (180_000, "2 d 02 h")] {
            assert_eq!(length(Duration::seconds(seconds)), text);
        }
        assert!(age(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC).ends_with(" d"));
    }

    #[test]
    fn wrapping_loses_no_word_and_keeps_to_the_width() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 0), [""]);
    }
}
