//! Tables for people: aligned columns, thousands separators, relative times, everything escaped.

use chrono::{DateTime, Duration, Utc};
use unicode_width::UnicodeWidthStr;

use crate::model::text::escape;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table that is printed whole.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heads: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(heads: &[(&str, Side)]) -> Self {
        let heads = heads.iter().map(|(h, side)| (escape(h).into_owned(), *side == Side::Right)).collect();
        Self { heads, rows: Vec::new() }
    }

    /// Adds a row; its cells are escaped here.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|c| escape(c.as_ref()).into_owned()).collect());
    }

    /// Adds a row whose cells are escaped already, or wanted as they are.
    pub fn raw_row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines of the table, two spaces between columns.
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|r| r.get(column));
            cells.chain(self.heads.get(column).map(|(h, _)| h)).map(|c| c.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, width), (_, right)) in cells.zip(&widths).zip(&self.heads) {
                let gap = " ".repeat(width.saturating_sub(cell.width()));
                let (before, after) = if *right { (gap.as_str(), "") } else { ("", gap.as_str()) };
                if !line.is_empty() {
                    line.push_str("  ");
                }
                line.extend([before, cell, after]);
            }
            line.truncate(line.trim_end().len());
            line.push('\n');
            line
        };
        let mut text = line(&mut self.heads.iter().map(|(h, _)| h.as_str()));
        text.extend(self.rows.iter().map(|r| line(&mut r.iter().map(String::as_str))));
        text
    }
}

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that may not be known.
pub fn count(n: Option<u64>) -> String {
    n.map_or_else(|| "?".to_owned(), thousands)
}

/// Bytes with a unit: `412 B`, `41.1 KiB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// How long ago: `40 s`, `9 min`, `3 h`, `2 d`; `in …` for what lies ahead.
pub fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - then;
    if passed < Duration::zero() {
        return format!("in {}", span(-passed));
    }
    format!("{} ago", span(passed))
}

/// A length of time: `40 s`, `9 min`, `3 h`, `2 d`.
pub fn span(time: Duration) -> String {
    match time.num_seconds() {
        s if s < 120 => format!("{s} s"),
        s if s < 2 * 3_600 => format!("{} min", s / 60),
        s if s < 2 * 86_400 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// A time with its zone and how long ago it was: `2026-11-22 03:41:07 UTC, 2 h ago`.
pub fn time(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} UTC, {}", then.format("%Y-%m-%d %H:%M:%S"), ago(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_display_width() {
        let mut table = Table::new(&[("name", Side::Left), ("rows", Side::Right)]);
        table.row(["日本", "1"]);
        table.row(["a", "1,000"]);
        assert_eq!(table.render(), "name   rows\n日本      1\na     1,000\n");
    }

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }

    #[test]
    fn sizes_and_ages_have_units() {
        for (bytes, text) in
            [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (42_113, "41.1 KiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(size(bytes), text);
        }
        let now = DateTime::<Utc>::UNIX_EPOCH;
        for (seconds, text) in [
            (0, "0 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 d ago"),
            (-60, "in 60 s"),
        ] {
            assert_eq!(ago(now - Duration::seconds(seconds), now), text);
        }
    }
}
