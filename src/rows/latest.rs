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

/// The newest value among parquet files that is not after `until` (one row of the year 9999 must not keep a dataset fresh
/// for ever), and in which of them it stands; none if no statistics tell of one. Times
/// without a zone are taken for UTC, a date for its end. One request a file that is not known yet.
pub async fn latest(
    lake: &dyn Lake,
    files: &[ObjectMeta],
    column: &str,
    cache: &RowCache,
    until: DateTime<Utc>,
) -> Result<Option<(DateTime<Utc>, String)>, RowsError> {
    let parquet = files.iter().filter(|file| file.key.as_str().ends_with(".parquet"));
    let reads: Vec<_> = parquet.map(async |file| (file, cache.parquet(lake, file, Purpose::Count).await)).collect();
    let mut footers = stream::iter(reads).buffered(AT_ONCE);
    let mut newest: Option<(DateTime<Utc>, String)> = None;
    while let Some((file, footer)) = footers.next().await {
        // A file that cannot be read hides no other.
        let footer = match footer {
            Ok(footer) => footer,
            Err(RowsError::Lake(e)) => return Err(e.into()),
            Err(e) => {
                tracing::info!("{}: {e}", file.key.as_str());
                continue;
            }
        };
        let found = of(&footer.footer, column, until);
        if let Some(found) = found.filter(|found| newest.as_ref().is_none_or(|(known, _)| found > known)) {
            newest = Some((found, file.key.0.clone()));
        }
    }
    Ok(newest)
}

fn of(footer: &Footer, column: &str, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let metadata = footer.arrow.metadata();
    let schema = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(column, footer.schema(), schema).ok()?;
    let most: ArrayRef = converter.row_group_maxes(metadata.row_groups()).ok()?;
    newest(&most, until)
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
        // A number may be seconds, milliseconds or a version: nothing is guessed.
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
}
