//! Values of one type as their equals of another. A value without an equal there fails by its row: nothing is rounded,
//! cut off or made null without a word.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use arrow::error::ArrowError;

use crate::model::kind::Kind;

mod decimal;

/// The Arrow type of a contract's words; where they leave something open, as the data has it. None where they name no
/// type that parquet can hold here.
pub(super) fn target(wanted: &Kind, data: Option<&DataType>) -> Option<DataType> {
    let data = data.map(plain);
    Some(match (wanted, data) {
        (Kind::Any, None | Some(DataType::Null)) => DataType::Utf8,
        (Kind::Any, Some(own)) => own.clone(),
        (Kind::Null, _) | (Kind::Other(_), _) => return None,
        (Kind::Bool, _) => DataType::Boolean,
        (Kind::Int(8), _) => DataType::Int8,
        (Kind::Int(16), _) => DataType::Int16,
        (Kind::Int(32), _) => DataType::Int32,
        (Kind::Int(_), _) => DataType::Int64,
        (Kind::Unsigned(8), _) => DataType::UInt8,
        (Kind::Unsigned(16), _) => DataType::UInt16,
        (Kind::Unsigned(32), _) => DataType::UInt32,
        (Kind::Unsigned(_), _) => DataType::UInt64,
        (Kind::Float, _) => DataType::Float32,
        (Kind::Double, _) => DataType::Float64,
        (Kind::Decimal(Some((precision, scale))), _) => {
            let (precision, scale) = (u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?);
            match precision {
                1..=38 => DataType::Decimal128(precision, scale),
                39..=76 => DataType::Decimal256(precision, scale),
                _ => return None,
            }
        }
        (Kind::Decimal(None), Some(own)) if own.is_decimal() => own.clone(),
        // What Spark and Hive take `decimal` for.
        (Kind::Decimal(None), _) => DataType::Decimal128(10, 0),
        (Kind::Text, _) => DataType::Utf8,
        (Kind::Binary, _) => DataType::Binary,
        (Kind::Date, _) => DataType::Date32,
        (Kind::Timestamp, Some(own @ DataType::Timestamp(..))) => own.clone(),
        // An instant, as Spark writes it.
        (Kind::Timestamp, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        (Kind::List(item), own) => {
            let own = match own {
                Some(DataType::List(f) | DataType::LargeList(f)) => Some(f),
                _ => None,
            };
            let name = own.map_or("element", |f| f.name());
            DataType::List(Arc::new(Field::new(name, target(item, own.map(|f| f.data_type()))?, true)))
        }
        (Kind::Struct(Some(fields)), Some(DataType::Struct(own))) => {
            let field = |f: &Arc<Field>| {
                let wanted = fields.iter().find(|(name, _)| *name == f.name().to_lowercase());
                let kind = wanted.map_or(&Kind::Any, |(_, kind)| kind);
                Some(Field::new(f.name(), target(kind, Some(f.data_type()))?, true))
            };
            DataType::Struct(own.iter().map(field).collect::<Option<Fields>>()?)
        }
        (Kind::Struct(Some(fields)), _) if !fields.is_empty() => {
            let field = |(name, kind): &(String, Kind)| Some(Field::new(name, target(kind, None)?, true));
            DataType::Struct(fields.iter().map(field).collect::<Option<Fields>>()?)
        }
        (Kind::Struct(_), Some(own @ DataType::Struct(_))) => own.clone(),
        (Kind::Map(key, value), None | Some(DataType::Null)) => {
            let pair = [Field::new("key", target(key, None)?, false), Field::new("value", target(value, None)?, true)];
            DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(Fields::from_iter(pair)), false)), false)
        }
        (Kind::Map(..), Some(own @ DataType::Map(..))) => own.clone(),
        (Kind::Struct(_) | Kind::Map(..), _) => return None,
    })
}

/// A dictionary is a way of storing values, not a type of them.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        other => other,
    }
}

/// The values in another type, and which rows have none there; those are null in the result.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Result<(ArrayRef, Option<BooleanBuffer>), ArrowError> {
    let from = array.data_type();
    if from == to {
        return Ok((Arc::clone(array), None));
    }
    if let DataType::Dictionary(_, value) = from {
        return cast(&turned(array, value)?, to);
    }
    if let (true, DataType::Decimal128(precision, scale)) = (is_text(from), to) {
        return decimal::of_text(array, *precision, *scale);
    }
    generic(array, to)
}

/// The same by the Arrow project's own casts, and what they changed.
fn generic(array: &ArrayRef, to: &DataType) -> Result<(ArrayRef, Option<BooleanBuffer>), ArrowError> {
    let from = array.data_type();
    if !can_cast_types(from, to) {
        return Ok((new_null_array(to, array.len()), some(filled(array))));
    }
    let result = turned(array, to)?;
    let mut failed = &filled(array) & &!&filled(&result);
    if failed.count_set_bits() < array.len() && !is_equal_by_type(from, to) && may_differ(array, to) {
        failed = &failed | &changed(array, &result)?;
    }
    match some(failed) {
        None => Ok((result, None)),
        // What is not equal is not shown as if it were.
        Some(failed) => {
            let keep = BooleanArray::new(failed.clone(), None);
            Ok((arrow::compute::nullif(&result, &keep)?, Some(failed)))
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn turned(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() })
}

/// Which rows have a value.
pub(super) fn filled(array: &ArrayRef) -> BooleanBuffer {
    match array.logical_nulls() {
        Some(nulls) => nulls.into_inner(),
        None => BooleanBuffer::new_set(array.len()),
    }
}

fn some(rows: BooleanBuffer) -> Option<BooleanBuffer> {
    (rows.count_set_bits() > 0).then_some(rows)
}

/// Whether no value of a type changes on its way to another, whatever it is.
fn is_equal_by_type(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Decimal128, Decimal256, Float32, Float64, Timestamp};
    let text = is_text;
    match (from, to) {
        (from, to) if text(from) && (text(to) || to.is_numeric() && !to.is_decimal()) => true,
        (from, Boolean | Timestamp(..)) if text(from) => true,
        (from, to) if text(to) => !from.is_nested(),
        (Date32, Timestamp(..)) | (Float32, Float64) => true,
        // What does not fit is null already.
        (from, to) if from.is_integer() && (to.is_integer() || to.is_decimal()) => true,
        (Decimal128(_, s) | Decimal256(_, s), Decimal128(_, to_s) | Decimal256(_, to_s)) => to_s >= s,
        _ => false,
    }
}

/// Whether a value may have changed, told at a glance: of most texts it is plain that none did.
fn may_differ(array: &ArrayRef, to: &DataType) -> bool {
    let any = |suspect: &dyn Fn(&str) -> bool| match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().any(suspect),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().flatten().any(suspect),
        DataType::Utf8View => array.as_string_view().iter().flatten().any(suspect),
        _ => true,
    };
    match to {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            let Ok(scale) = usize::try_from(*scale) else { return true };
            any(&|text| match text.as_bytes().iter().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+')) {
                None => false,
                Some(point) => {
                    let behind = text.as_bytes().get(point + 1..).unwrap_or_default();
                    behind.len() > scale || behind.iter().any(|b| !b.is_ascii_digit())
                }
            })
        }
        DataType::Date32 => any(&|text| text.len() > "2026-11-22".len()),
        _ => true,
    }
}

/// Which rows have another value now: told by the way back, or, of a text, by a type that holds more.
fn changed(array: &ArrayRef, result: &ArrayRef) -> Result<BooleanBuffer, ArrowError> {
    let (from, to) = (array.data_type(), result.data_type());
    let text = is_text(from);
    let (before, after) = match to {
        // A text has more digits than the decimal: it was rounded.
        DataType::Decimal128(..) | DataType::Decimal256(..) if text => {
            let exact = DataType::Decimal256(76, 38);
            (turned(array, &exact)?, turned(result, &exact)?)
        }
        // A text has a time of day, and the date has not.
        DataType::Date32 if text => {
            let exact = DataType::Timestamp(TimeUnit::Microsecond, None);
            (turned(array, &exact)?, turned(result, &exact)?)
        }
        _ => (Arc::clone(array), turned(result, from)?),
    };
    let both = &filled(&before) & &filled(&after);
    if from.is_nested() {
        let differs = |row: usize| before.slice(row, 1).to_data() != after.slice(row, 1).to_data();
        return Ok(&BooleanBuffer::from_iter((0..array.len()).map(differs)) & &filled(array));
    }
    let differs = distinct(&before, &after)?;
    // A text that the wider type cannot hold is judged by the cast alone; all others have a way back, or are lost.
    Ok(if text { differs.values() & &both } else { differs.values() & &filled(array) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use arrow::array::{
        Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
        StringDictionaryBuilder, TimestampMicrosecondArray,
    };
    use arrow::datatypes::{Int8Type, Int32Type, Int64Type};
    use serde_json::{Value, json};

    use super::*;
    use crate::rows::convert::values;

    /// The values after a cast by the words of a contract, and the rows that failed.
    fn told(array: ArrayRef, words: &str) -> (Vec<Value>, Vec<usize>) {
        let to = target(&Kind::read(words), Some(array.data_type())).unwrap();
        let (result, failed) = cast(&array, &to).unwrap();
        assert_eq!(result.data_type(), &to);
        (values(&result), failed.map(|f| f.set_indices().collect()).unwrap_or_default())
    }

    #[test]
    fn equal_values_pass_and_others_fail_by_row() {
        let text = |of: &[Option<&str>]| -> ArrayRef { Arc::new(StringArray::from(of.to_vec())) };
        let mut words = StringDictionaryBuilder::<Int8Type>::new();
        words.append_value("7");
        words.append_value("x");
        let cases: Vec<(ArrayRef, &str, Vec<Value>, Vec<usize>)> = vec![
            (Arc::new(Int32Array::from(vec![Some(1), None])), "bigint", vec![json!(1), json!(null)], vec![]),
            (Arc::new(Int64Array::from(vec![1, 1 << 40])), "int", vec![json!(1), json!(null)], vec![1]),
            (Arc::new(Int64Array::from(vec![5, (1 << 53) + 1])), "double", vec![json!(5.0), json!(null)], vec![1]),
            (
                Arc::new(Float64Array::from(vec![2.0, 2.5, f64::NAN])),
                "bigint",
                vec![json!(2), json!(null), json!(null)],
                vec![1, 2],
            ),
            (Arc::new(Int64Array::from(vec![12, 123_456])), "decimal(6,2)", vec![json!("12.00"), json!(null)], vec![1]),
            (
                text(&[Some("12.5"), Some("1.005"), Some("n/a"), None, Some("")]),
                "decimal(10,2)",
                vec![json!("12.50"), json!(null), json!(null), json!(null), json!(null)],
                vec![1, 2, 4],
            ),
            (
                text(&[Some("42"), Some("4.2"), Some("99999999999")]),
                "int",
                vec![json!(42), json!(null), json!(null)],
                vec![1, 2],
            ),
            (
                text(&[Some("2026-11-22"), Some("2026-11-22T10:00:00"), Some("2026-02-30")]),
                "date",
                vec![json!("2026-11-22"), json!(null), json!(null)],
                vec![1, 2],
            ),
            (
                text(&[Some("2026-11-22T10:00:00Z"), Some("2026-11-22 12:00:00+02:00"), Some("soon")]),
                "timestamp",
                vec![json!("2026-11-22T10:00:00Z"), json!("2026-11-22T10:00:00Z"), json!(null)],
                vec![2],
            ),
            (text(&[Some("true"), Some("maybe")]), "boolean", vec![json!(true), json!(null)], vec![1]),
            (Arc::new(Int64Array::from(vec![7])), "string", vec![json!("7")], vec![]),
            (Arc::new(Date32Array::from(vec![0])), "timestamp", vec![json!("1970-01-01T00:00:00Z")], vec![]),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![0, 1])),
                "date",
                vec![json!("1970-01-01"), json!(null)],
                vec![1],
            ),
            (
                Arc::new(Decimal128Array::from(vec![1250, 1255]).with_precision_and_scale(10, 3).unwrap()),
                "decimal(10,2)",
                vec![json!("1.25"), json!(null)],
                vec![1],
            ),
            (Arc::new(words.finish()), "bigint", vec![json!(7), json!(null)], vec![1]),
            (
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None])),
                "array<bigint>",
                vec![json!([1]), json!(null)],
                vec![],
            ),
            (
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), Some([Some(1 << 40)])])),
                "array<int>",
                vec![json!([1]), json!(null)],
                vec![1],
            ),
            (
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None])),
                "bigint",
                vec![json!(null), json!(null)],
                vec![0],
            ),
        ];
        for (array, words, want, failed) in cases {
            let from = array.data_type().clone();
            assert_eq!(told(array, words), (want, failed), "{from} to {words}");
        }
    }

    #[test]
    fn what_a_contract_leaves_open_is_as_the_data_has_it() {
        let own = DataType::Timestamp(TimeUnit::Nanosecond, None);
        for (words, data, want) in [
            ("timestamp", Some(own.clone()), Some(own)),
            ("any", None, Some(DataType::Utf8)),
            ("decimal", Some(DataType::Decimal128(5, 1)), Some(DataType::Decimal128(5, 1))),
            (
                "struct<B: int>",
                Some(DataType::Struct(vec![Field::new("B", DataType::Int64, true)].into())),
                Some(DataType::Struct(vec![Field::new("B", DataType::Int32, true)].into())),
            ),
            ("decimal(99,2)", None, None),
            ("geometry", None, None),
        ] {
            assert_eq!(target(&Kind::read(words), data.as_ref()), want, "{words}");
        }
    }
}
