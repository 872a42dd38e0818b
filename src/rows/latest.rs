//! The newest value of a column of times, as the footers' statistics have it: no row is read.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::cache::{Purpose, RowCache};
use super::error::RowsError;
use super::parquet_file::Footer;
use crate::lake::{Lake, ObjectMeta};
use crate::model::reason::time;

/// Footers read at once.
const AT_ONCE: usize = 4;

/// What the footers tell of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latest {
    /// The newest value, and in which file it stands.
    At(DateTime<Utc>, String),
    /// None tells a time, and why: `column updated_at has no statistics in 3 files`. May be hostile text.
    Untold(String),
}

/// Why a file does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Unreadable,
    Missing,
    NoTime(DataType),
    NoStatistics,
    OutOfRange,
}

impl Why {
    fn words(&self, column: &str, files: &str) -> String {
        match self {
            Self::Unreadable => format!("column {column} cannot be read in {files}"),
            Self::Missing => format!("column {column} is not in {files}"),
            Self::NoTime(kind) => format!("column {column} is of type {kind} and no time in {files}"),
            Self::NoStatistics => format!("column {column} has no statistics in {files}"),
            Self::OutOfRange => format!("column {column} has no time up to now in {files}"),
        }
    }
}

/// The newest value among parquet files that is not after `until` (one row of the year 9999 must not keep a dataset fresh
/// for ever), and in which of them it stands; if none tells of one, why. Times without a zone are taken for UTC, a date
/// for its end. One request a file that is not known yet.
pub async fn latest(
    lake: &dyn Lake,
    files: &[ObjectMeta],
    column: &str,
    cache: &RowCache,
    until: DateTime<Utc>,
) -> Result<Latest, RowsError> {
    let parquet = files.iter().filter(|file| file.key.as_str().ends_with(".parquet"));
    let reads: Vec<_> = parquet.map(async |file| (file, cache.parquet(lake, file, Purpose::Count).await)).collect();
    let mut footers = stream::iter(reads).buffered(AT_ONCE);
    let mut newest: Option<(DateTime<Utc>, String)> = None;
    let mut silent: Vec<(Why, usize)> = Vec::new();
    while let Some((file, footer)) = footers.next().await {
        // A file that cannot be read hides no other.
        let found = match footer {
            Ok(footer) => of(&footer.footer, column, until),
            Err(RowsError::Lake(e)) => return Err(e.into()),
            Err(e) => {
                tracing::info!("{}: {e}", file.key.as_str());
                Err(Why::Unreadable)
            }
        };
        match found {
            Ok(found) if newest.as_ref().is_none_or(|(known, _)| found > *known) => {
                newest = Some((found, file.key.0.clone()));
            }
            Ok(_) => {}
            Err(why) => match silent.iter_mut().find(|(known, _)| *known == why) {
                Some((_, files)) => *files += 1,
                None => silent.push((why, 1)),
            },
        }
    }
    Ok(match newest {
        Some((time, key)) => Latest::At(time, key),
        None => Latest::Untold(untold(column, &silent)),
    })
}

fn untold(column: &str, silent: &[(Why, usize)]) -> String {
    let files = |n: usize| if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
    let all: Vec<String> = silent.iter().map(|(why, n)| why.words(column, &files(*n))).collect();
    if all.is_empty() { format!("column {column} is looked for in Parquet files only") } else { all.join(", ") }
}

fn of(footer: &Footer, column: &str, until: DateTime<Utc>) -> Result<DateTime<Utc>, Why> {
    let metadata = footer.arrow.metadata();
    let schema = metadata.file_metadata().schema_descr();
    let kind = footer.schema().field_with_name(column).map_err(|_| Why::Missing)?.data_type();
    if !may_be_time(kind) {
        return Err(Why::NoTime(kind.clone()));
    }
    let converter = StatisticsConverter::try_new(column, footer.schema(), schema).map_err(|_| Why::NoStatistics)?;
    let most: ArrayRef = converter.row_group_maxes(metadata.row_groups()).map_err(|_| Why::NoStatistics)?;
    if most.null_count() == most.len() {
        return Err(Why::NoStatistics);
    }
    newest(&most, until).ok_or(Why::OutOfRange)
}

/// A number may be seconds, milliseconds or a version: nothing is guessed.
fn may_be_time(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(..)
    )
}

fn newest(most: &ArrayRef, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match most.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(most, &DataType::Utf8).ok()?;
            texts
                .as_string::<i32>()
                .iter()
                .flatten()
                .filter_map(|text| time(&text.into()))
                .filter(|t| *t <= until)
                .max()
        }
        DataType::Date32 | DataType::Date64 => {
            in_time(most, until).and_then(|day| day.checked_add_signed(chrono::Duration::days(1)))
        }
        DataType::Timestamp(..) => in_time(most, until),
        _ => None,
    }
}

fn in_time(most: &ArrayRef, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let times = cast(most, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    times.iter().flatten().filter_map(DateTime::from_timestamp_micros).filter(|t| *t <= until).max()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Int64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn what_is_yet_to_come_does_not_count() {
        let until = DateTime::UNIX_EPOCH + chrono::Duration::days(20_000);
        let days = |all: Vec<i32>| newest(&(Arc::new(Date32Array::from(all)) as ArrayRef), until);
        assert_eq!(days(vec![2_932_896, 19_999]), Some(until));
        assert_eq!(days(vec![i32::MAX, 95_000_000]), None);
    }

    #[test]
    fn times_dates_and_texts_are_times_and_numbers_are_not() {
        let at = |text: &str| Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        let zone = |array: TimestampMillisecondArray, zone: &str| Arc::new(array.with_timezone(zone)) as ArrayRef;
        for (most, expected) in [
            (Arc::new(Date32Array::from(vec![Some(20_000), None])) as ArrayRef, at("2024-10-05T00:00:00Z")),
            (zone(TimestampMillisecondArray::from(vec![1_000, 2_000]), "UTC"), at("1970-01-01T00:00:02Z")),
            (
                Arc::new(TimestampNanosecondArray::from(vec![None, Some(1_500_000_000)])) as _,
                at("1970-01-01T00:00:01.5Z"),
            ),
            (Arc::new(StringArray::from(vec!["2026-11-25T10:00:00+02:00", "soon"])) as _, at("2026-11-25T08:00:00Z")),
            (Arc::new(StringArray::from(vec!["soon"])) as _, None),
            (Arc::new(Int64Array::from(vec![1_790_000_000])) as _, None),
            (Arc::new(TimestampNanosecondArray::from(vec![None::<i64>])) as _, None),
        ] {
            assert_eq!(newest(&most, DateTime::<Utc>::MAX_UTC), expected, "{:?}", most.data_type());
        }
    }

    #[test]
    fn what_does_not_tell_says_why_and_in_how_many_files() {
        let silent = [(Why::NoStatistics, 3), (Why::Missing, 1), (Why::NoTime(DataType::Int64), 2)];
        let told = untold("at", &silent);
        let parts = ["column at has no statistics in 3 files", "column at is not in 1 file"];
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        assert!(told.ends_with(", column at is of type Int64 and no time in 2 files"), "{told}");
        assert_eq!(untold("at", &[]), "column at is looked for in Parquet files only");
    }
}
