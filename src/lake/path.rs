//! The path grammar of `_errors/`, `_quarantine/`, `_archive/`, `_lakeward/`: `dt=`, `date=`, `day=`
//! and `run_id=` levels. Pure text: it reads nothing, and it takes whatever a lake may hold.

use std::borrow::Cow;

use chrono::NaiveDate;
use percent_encoding::percent_decode_str;

/// The keys that name a date level, as pipelines and retention scripts spell them; case matters, as in S3.
pub const DATE_KEYS: [&str; 3] = ["dt", "date", "day"];

/// The prefixes of a lake, each relative to its root and ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// Dead letters.
    pub errors: String,
    /// Moved out of the pipeline's way.
    pub quarantine: String,
    /// Kept for good.
    pub archive: String,
    /// Our own records.
    pub state: String,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self {
            errors: "_errors/".into(),
            quarantine: "_quarantine/".into(),
            archive: "_archive/".into(),
            state: "_lakeward/".into(),
        }
    }
}

/// Why a text cannot be a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Nothing is left without its slashes: it would be the whole lake.
    #[error("a prefix cannot be empty: name a folder of the lake, such as `_errors/`")]
    Empty,
    /// A segment that not every store can hold.
    #[error("a prefix cannot hold the segment `{0}`: write it without empty, `.` and `..` segments")]
    Segment(String),
}

impl Prefixes {
    /// A prefix as the lake spells it: no leading slash, one trailing slash, not empty.
    pub fn normalise(text: &str) -> Result<String, PrefixError> {
        let bare = text.trim_matches('/');
        if bare.is_empty() {
            return Err(PrefixError::Empty);
        }
        match bare.split('/').find(|s| matches!(*s, "" | "." | "..") || s.contains('\0')) {
            Some(bad) => Err(PrefixError::Segment(bad.to_owned())),
            None => Ok(format!("{bare}/")),
        }
    }

    /// The names of the first two prefixes of which one holds the other: a move between them would meet itself.
    /// Only meaningful for normalised ones.
    pub fn overlaps(&self) -> Option<(&'static str, &'static str)> {
        let all = [
            ("errors", &self.errors),
            ("quarantine", &self.quarantine),
            ("archive", &self.archive),
            ("state", &self.state),
        ];
        all.iter().enumerate().find_map(|(i, (name, one))| {
            let (other, _) =
                all.iter().skip(i + 1).find(|(_, o)| o.starts_with(one.as_str()) || one.starts_with(o.as_str()))?;
            Some((*name, *other))
        })
    }
}

/// What a date level says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DateLevel {
    /// A date of the calendar, written `YYYY-MM-DD`.
    Date(NaiveDate),
    /// Anything else, as it stands in the key (`__HIVE_DEFAULT_PARTITION__`, `2026-02-30`, nothing). Hostile text.
    Bad(String),
}

impl DateLevel {
    /// The level of a path segment without its slash; `None` when it is no `dt=`, `date=` or `day=`.
    pub fn of_segment(segment: &str) -> Option<Self> {
        let (key, value) = segment.split_once('=')?;
        DATE_KEYS.contains(&key).then(|| match calendar_date(&decoded(value)) {
            Some(date) => Self::Date(date),
            None => Self::Bad(value.to_owned()),
        })
    }

    /// The date, if it is one.
    pub fn date(&self) -> Option<NaiveDate> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Bad(_) => None,
        }
    }
}

/// The run id of a `run_id=` segment, as it stands in the key; `None` for other segments and an empty id.
pub fn run_id_of_segment(segment: &str) -> Option<&str> {
    segment.strip_prefix("run_id=").filter(|id| !id.is_empty())
}

/// A key, taken apart at its date level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// What stands before the date level (and before a `run_id=` directly in front of it), raw, without a
    /// trailing slash. Empty when the date is the first segment.
    pub dataset: String,
    /// The date level.
    pub date: DateLevel,
    /// The id of a `run_id=` level directly after the date or, if there is none, directly before it.
    pub run_id: Option<String>,
    /// The key up to and including the date level and a `run_id=` level after it; ends in `/`.
    pub root: String,
}

/// Takes a key (relative to the errors prefix, say) apart at its first date level. `None` when no segment that
/// is followed by a `/` is one: an object *named* `dt=2026-01-01` lies in no date.
pub fn split_dated(relative_key: &str) -> Option<Dated> {
    let mut start = 0; // of the segment under view
    let mut previous: Option<&str> = None;
    for (slash, _) in relative_key.match_indices('/') {
        let segment = relative_key.get(start..slash)?;
        if let Some(date) = DateLevel::of_segment(segment) {
            let after = relative_key.get(slash + 1..)?;
            let behind = after.split_once('/').and_then(|(next, _)| Some((next.len() + 1, run_id_of_segment(next)?)));
            let before = previous.and_then(run_id_of_segment);
            let (dataset_end, root_end, run_id) = match (behind, before) {
                (Some((level, id)), _) => (start, slash + 1 + level, Some(id)),
                (None, Some(id)) => (start - "run_id=/".len() - id.len(), slash + 1, Some(id)),
                (None, None) => (start, slash + 1, None),
            };
            let dataset = relative_key.get(..dataset_end)?;
            return Some(Dated {
                dataset: dataset.strip_suffix('/').unwrap_or(dataset).to_owned(),
                date,
                run_id: run_id.map(str::to_owned),
                root: relative_key.get(..root_end)?.to_owned(),
            });
        }
        previous = Some(segment);
        start = slash + 1;
    }
    None
}

/// Hive percent-encodes what a path cannot hold (`2026%2D01%2D01` by some writers): decoded to compare only.
fn decoded(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8_lossy()
}

/// `YYYY-MM-DD` and nothing more lenient: chrono's own parser takes `+2026-1-1`.
fn calendar_date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(y: i32, m: u32, d: u32) -> DateLevel {
        DateLevel::Date(NaiveDate::from_ymd_opt(y, m, d).unwrap())
    }

    #[test]
    fn date_levels() {
        let bad = |s: &str| Some(DateLevel::Bad(s.to_owned()));
        let table = [
            ("dt=2026-11-24", Some(day(2026, 11, 24))),
            ("date=2024-02-29", Some(day(2024, 2, 29))),
            ("day=0001-01-01", Some(day(1, 1, 1))),
            ("dt=2026%2D11%2D24", Some(day(2026, 11, 24))),
            ("dt=2026-02-29", bad("2026-02-29")),
            ("dt=2026-1-1", bad("2026-1-1")),
            ("dt=+2026-1-1", bad("+2026-1-1")),
            ("dt=20261124", bad("20261124")),
            ("dt=2026-11-24 ", bad("2026-11-24 ")),
            ("dt=2026-11-24T00", bad("2026-11-24T00")),
            ("dt=２０２６-1", bad("２０２６-1")),
            ("dt=__HIVE_DEFAULT_PARTITION__", bad("__HIVE_DEFAULT_PARTITION__")),
            ("dt=%FF%", bad("%FF%")),
            ("dt=", bad("")),
            ("dt==", bad("=")),
            ("DT=2026-11-24", None),
            ("dt", None),
            ("xdt=2026-11-24", None),
            (" dt=2026-11-24", None),
            ("", None),
        ];
        for (segment, want) in table {
            assert_eq!(DateLevel::of_segment(segment), want, "{segment}");
        }
    }

    #[test]
    fn keys_are_taken_apart_at_the_first_date() {
        let d = day(2026, 11, 24);
        let table = [
            ("orders/dt=2026-11-24/rows.parquet", Some(("orders", d.clone(), None, "orders/dt=2026-11-24/"))),
            ("crm/contacts/dt=2026-11-24/", Some(("crm/contacts", d.clone(), None, "crm/contacts/dt=2026-11-24/"))),
            ("o/date=2026-11-24/run_id=7f/p.json", Some(("o", d.clone(), Some("7f"), "o/date=2026-11-24/run_id=7f/"))),
            ("o/run_id=7f/dt=2026-11-24/p.json", Some(("o", d.clone(), Some("7f"), "o/run_id=7f/dt=2026-11-24/"))),
            ("run_id=7f/dt=2026-11-24/p", Some(("", d.clone(), Some("7f"), "run_id=7f/dt=2026-11-24/"))),
            (
                "o/run_id=1/dt=2026-11-24/run_id=2/p",
                Some(("o/run_id=1", d.clone(), Some("2"), "o/run_id=1/dt=2026-11-24/run_id=2/")),
            ),
            ("o/dt=2026-11-24/run_id=7f", Some(("o", d.clone(), None, "o/dt=2026-11-24/"))),
            ("o/dt=2026-11-24/run_id=/p", Some(("o", d.clone(), None, "o/dt=2026-11-24/"))),
            ("o/dt=2026-11-24/rows/run_id=7f/p", Some(("o", d.clone(), None, "o/dt=2026-11-24/"))),
            ("o/dt=x/dt=2026-11-24/p", Some(("o", DateLevel::Bad("x".into()), None, "o/dt=x/"))),
            ("dt=2026-11-24/p", Some(("", d.clone(), None, "dt=2026-11-24/"))),
            ("/dt=2026-11-24/p", Some(("", d.clone(), None, "/dt=2026-11-24/"))),
            ("a//b/dt=2026-11-24//p", Some(("a//b", d.clone(), None, "a//b/dt=2026-11-24/"))),
            ("a%2Fb/dt=2026-11-24/p", Some(("a%2Fb", d, None, "a%2Fb/dt=2026-11-24/"))),
            ("o/dt=2026-11-24", None),
            ("o/rows.parquet", None),
            ("", None),
            ("/", None),
        ];
        for (key, want) in table {
            let got = split_dated(key);
            let got = got.as_ref().map(|d| (&*d.dataset, d.date.clone(), d.run_id.as_deref(), &*d.root));
            assert_eq!(got, want, "{key}");
        }
    }

    #[test]
    fn prefixes_are_normalised() {
        for (text, want) in [("_errors", "_errors/"), ("/_errors//", "_errors/"), ("a/b", "a/b/"), ("ü x/", "ü x/")] {
            assert_eq!(Prefixes::normalise(text).as_deref(), Ok(want));
        }
        assert_eq!(Prefixes::normalise(""), Err(PrefixError::Empty));
        assert_eq!(Prefixes::normalise("//"), Err(PrefixError::Empty));
        for (text, bad) in [("a//b", ""), ("a/../b", ".."), ("./a", "."), ("..", ".."), ("a\0", "a\0")] {
            assert_eq!(Prefixes::normalise(text), Err(PrefixError::Segment(bad.into())), "{text:?}");
        }
    }

    #[test]
    fn overlapping_prefixes_are_named() {
        assert_eq!(Prefixes::default().overlaps(), None);
        let nested = Prefixes { archive: "_errors/old/".into(), ..Prefixes::default() };
        assert_eq!(nested.overlaps(), Some(("errors", "archive")));
        let equal = Prefixes { state: "_archive/".into(), ..Prefixes::default() };
        assert_eq!(equal.overlaps(), Some(("archive", "state")));
        let alike = Prefixes { quarantine: "_errors2/".into(), ..Prefixes::default() };
        assert_eq!(alike.overlaps(), None);
    }

    proptest! {
        #[test]
        fn the_root_is_always_a_prefix_of_the_key(
            key in prop::collection::vec(
                prop_oneof![
                    Just("dt=2026-11-24".to_owned()), Just("run_id=é".to_owned()), Just("day=".to_owned()),
                    "[a-z=%é/\\x00]{0,6}", "\\PC{0,8}",
                ],
                0..6,
            ).prop_map(|s| s.join("/"))
        ) {
            if let Some(dated) = split_dated(&key) {
                prop_assert!(key.starts_with(&dated.root));
                prop_assert!(dated.root.ends_with('/'));
                prop_assert!(dated.root.starts_with(&dated.dataset));
                // The root alone says the same as any key below it.
                prop_assert_eq!(split_dated(&dated.root), Some(dated));
            }
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let _ = split_dated(&text);
            let _ = DateLevel::of_segment(&text);
            if let Ok(prefix) = Prefixes::normalise(&text) {
                prop_assert_eq!(Prefixes::normalise(&prefix), Ok(prefix.clone()));
                prop_assert!(prefix.ends_with('/') && !prefix.starts_with('/') && !prefix.contains("//"));
            }
        }
    }
}
