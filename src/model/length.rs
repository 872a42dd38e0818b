//! Lengths of time as people write them: `30s`, `5m`, `1h`, `2d`. No fractions, no sums.

use chrono::Duration;

/// What is allowed, for error messages.
pub const ALLOWED: &str = "a whole number with s, m, h or d (\"30s\", \"5m\", \"1h\", \"2d\")";

/// Longest accepted duration: ten years, far from any overflow of times.
const MAX_SECONDS: i64 = 3_650 * 86_400;

/// Reads a duration; a bare `0` is one.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text == "0" {
        return Some(Duration::zero());
    }
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    (seconds <= MAX_SECONDS).then(|| Duration::seconds(seconds))
}

/// Writes a duration in the largest unit that divides it.
pub fn write(duration: Duration) -> String {
    let seconds = duration.num_seconds();
    let (n, unit) = [(86_400, 'd'), (3_600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(size, _)| seconds != 0 && seconds % size == 0)
        .map_or((seconds, 's'), |(size, unit)| (seconds / size, unit));
    format!("{n}{unit}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_is_allowed_and_nothing_else() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h", 3_600), ("2d", 172_800), ("0", 0), ("0s", 0), (" 1h ", 3_600)]
        {
            assert_eq!(parse(text), Some(Duration::seconds(seconds)), "{text}");
        }
        for text in ["", "1", "h", "-1h", "+1h", "1.5h", "1h30m", "1 h", "1é", "9223372036854775807d", "3651d", "1w"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0..MAX_SECONDS) {
            let d = Duration::seconds(seconds);
            prop_assert_eq!(parse(&write(d)), Some(d));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = parse(&text);
        }
    }
}
