//! Arrow values as the JSON of `dlq preview`, and Arrow types as the short words of a schema.
//! Numbers stay exact; what JSON has no number for (NaN, decimals, times) is text.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RunArray, StructArray, UnionArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, RunEndIndexType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike};
use serde_json::{Map, Number, Value};

/// The type in Arrow's words, lower-case and short.
pub(super) fn kind(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".into(),
        DataType::Float16 => "halffloat".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::FixedSizeBinary(n) => format!("fixed_size_binary({n})"),
        DataType::Timestamp(u, None) => format!("timestamp[{}]", unit(*u)),
        DataType::Timestamp(u, Some(zone)) => format!("timestamp[{}, {zone}]", unit(*u)),
        DataType::Time32(u) => format!("time32[{}]", unit(*u)),
        DataType::Time64(u) => format!("time64[{}]", unit(*u)),
        DataType::Duration(u) => format!("duration[{}]", unit(*u)),
        DataType::Interval(IntervalUnit::YearMonth) => "interval[year_month]".into(),
        DataType::Interval(IntervalUnit::DayTime) => "interval[day_time]".into(),
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval[month_day_nano]".into(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::ListView(f)
        | DataType::LargeListView(f)
        | DataType::FixedSizeList(f, _) => format!("list<{}>", kind(f.data_type())),
        DataType::Struct(fields) => {
            let inner: Vec<String> = fields.iter().map(|f| format!("{}: {}", f.name(), kind(f.data_type()))).collect();
            format!("struct<{}>", inner.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let inner: Vec<String> = fields.iter().map(|f| kind(f.data_type())).collect();
                format!("map<{}>", inner.join(", "))
            }
            other => format!("map<{}>", kind(other)),
        },
        DataType::Dictionary(_, value) => kind(value),
        DataType::RunEndEncoded(_, value) => kind(value.data_type()),
        DataType::Union(..) => "union".into(),
        simple => simple.to_string().to_lowercase(),
    }
}

fn unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// The value of one row as JSON of its type. Rows beyond the array are null.
pub(super) fn value(array: &dyn Array, row: usize) -> Value {
    if row >= array.len() || array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => int::<Int8Type>(array, row),
        DataType::Int16 => int::<Int16Type>(array, row),
        DataType::Int32 => int::<Int32Type>(array, row),
        DataType::Int64 => int::<Int64Type>(array, row),
        DataType::UInt8 => int::<UInt8Type>(array, row),
        DataType::UInt16 => int::<UInt16Type>(array, row),
        DataType::UInt32 => int::<UInt32Type>(array, row),
        DataType::UInt64 => int::<UInt64Type>(array, row),
        DataType::Float16 => float(array.as_primitive::<Float16Type>().value(row).to_f32().into()),
        DataType::Float32 => float32(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::from(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::from(array.as_string_view().value(row)),
        DataType::Binary => hex(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => hex(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)),
        DataType::Decimal32(..) => Value::from(array.as_primitive::<Decimal32Type>().value_as_string(row)),
        DataType::Decimal64(..) => Value::from(array.as_primitive::<Decimal64Type>().value_as_string(row)),
        DataType::Decimal128(..) => Value::from(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Decimal256(..) => Value::from(array.as_primitive::<Decimal256Type>().value_as_string(row)),
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row))),
        DataType::Date64 => date(array.as_primitive::<Date64Type>().value(row).div_euclid(86_400_000)),
        DataType::Time32(_) | DataType::Time64(_) => time(array, row),
        DataType::Timestamp(_, zone) => timestamp(array, row, zone.is_some()),
        DataType::Duration(_) => duration(array, row),
        DataType::Interval(_) => interval(array, row),
        DataType::List(_) => items(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => items(&array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => items(&array.as_fixed_size_list().value(row)),
        DataType::ListView(_) => items(&array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(_) => items(&array.as_list_view::<i64>().value(row)),
        DataType::Struct(_) => structure(array.as_struct(), row),
        DataType::Map(..) => map(array.as_map(), row),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            dictionary.normalized_keys().get(row).map_or(Value::Null, |key| value(dictionary.values(), *key))
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => run::<Int16Type>(array, row),
            DataType::Int32 => run::<Int32Type>(array, row),
            _ => run::<Int64Type>(array, row),
        },
        DataType::Union(..) => {
            array.as_any().downcast_ref::<UnionArray>().map_or(Value::Null, |u| value(&u.value(row), 0))
        }
    }
}

/// All values of an array.
pub(super) fn values(array: &dyn Array) -> Vec<Value> {
    if let DataType::Dictionary(_, inner) = array.data_type() {
        // Key by key, the keys would be computed anew for each row.
        if let Ok(plain) = arrow::compute::cast(array, inner) {
            return (0..plain.len()).map(|row| value(&plain, row)).collect();
        }
    }
    (0..array.len()).map(|row| value(array, row)).collect()
}

fn int<T>(array: &dyn Array, row: usize) -> Value
where
    T: ArrowPrimitiveType,
    Value: From<T::Native>,
{
    Value::from(array.as_primitive::<T>().value(row))
}

fn float(x: f64) -> Value {
    match Number::from_f64(x) {
        Some(number) => Value::Number(number),
        None if x.is_nan() => Value::from("NaN"),
        None if x > 0.0 => Value::from("inf"),
        None => Value::from("-inf"),
    }
}

/// The shortest number that is this float, and not the noise of widening it.
fn float32(x: f32) -> Value {
    if x.is_finite() { float(x.to_string().parse().unwrap_or_else(|_| f64::from(x))) } else { float(f64::from(x)) }
}

fn hex(bytes: &[u8]) -> Value {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Value::String(text)
}

fn date(days: i64) -> Value {
    let text = NaiveDate::from_ymd_opt(1970, 1, 1)
        .and_then(|epoch| epoch.checked_add_signed(TimeDelta::try_days(days)?))
        .map(|d| day(&d));
    Value::String(text.unwrap_or_else(|| days.to_string()))
}

fn day(d: &impl Datelike) -> String {
    format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day())
}

/// `HH:MM:SS` and the fraction in the digits of the unit, none if it is zero.
fn clock(t: &impl Timelike, digits: usize) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second());
    let nanos = format!("{:09}", t.nanosecond() % 1_000_000_000);
    if let Some(fraction) = nanos.get(..digits).filter(|f| f.bytes().any(|b| b != b'0')) {
        let _ = write!(text, ".{fraction}");
    }
    text
}

fn digits(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The instant that many units after the epoch, if the calendar reaches that far.
fn instant(raw: i64, unit: TimeUnit) -> Option<DateTime<chrono::Utc>> {
    let per = per_second(unit);
    let nanos = raw.rem_euclid(per).checked_mul(1_000_000_000 / per)?;
    DateTime::from_timestamp(raw.div_euclid(per), u32::try_from(nanos).ok()?)
}

fn time(array: &dyn Array, row: usize) -> Value {
    let (raw, unit) = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            (i64::from(array.as_primitive::<Time32SecondType>().value(row)), TimeUnit::Second)
        }
        DataType::Time32(_) => {
            (i64::from(array.as_primitive::<Time32MillisecondType>().value(row)), TimeUnit::Millisecond)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            (array.as_primitive::<Time64MicrosecondType>().value(row), TimeUnit::Microsecond)
        }
        _ => (array.as_primitive::<Time64NanosecondType>().value(row), TimeUnit::Nanosecond),
    };
    let within_a_day = (0..86_400 * per_second(unit)).contains(&raw);
    let text = instant(raw, unit).filter(|_| within_a_day).map(|t| clock(&t, digits(unit)));
    Value::String(text.unwrap_or_else(|| raw.to_string()))
}

fn timestamp(array: &dyn Array, row: usize, zoned: bool) -> Value {
    let (raw, unit) = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            (array.as_primitive::<TimestampSecondType>().value(row), TimeUnit::Second)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            (array.as_primitive::<TimestampMillisecondType>().value(row), TimeUnit::Millisecond)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            (array.as_primitive::<TimestampMicrosecondType>().value(row), TimeUnit::Microsecond)
        }
        _ => (array.as_primitive::<TimestampNanosecondType>().value(row), TimeUnit::Nanosecond),
    };
    let zone = if zoned { "Z" } else { "" };
    let text = instant(raw, unit).map(|t| format!("{}T{}{zone}", day(&t), clock(&t, digits(unit))));
    Value::String(text.unwrap_or_else(|| raw.to_string()))
}

fn duration(array: &dyn Array, row: usize) -> Value {
    let (raw, word) = match array.data_type() {
        DataType::Duration(TimeUnit::Second) => (array.as_primitive::<DurationSecondType>().value(row), "s"),
        DataType::Duration(TimeUnit::Millisecond) => (array.as_primitive::<DurationMillisecondType>().value(row), "ms"),
        DataType::Duration(TimeUnit::Microsecond) => (array.as_primitive::<DurationMicrosecondType>().value(row), "us"),
        _ => (array.as_primitive::<DurationNanosecondType>().value(row), "ns"),
    };
    Value::String(format!("{raw} {word}"))
}

fn interval(array: &dyn Array, row: usize) -> Value {
    Value::String(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            format!("{} months", array.as_primitive::<IntervalYearMonthType>().value(row))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let x = array.as_primitive::<IntervalDayTimeType>().value(row);
            format!("{} days {} ms", x.days, x.milliseconds)
        }
        _ => {
            let x = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            format!("{} months {} days {} ns", x.months, x.days, x.nanoseconds)
        }
    })
}

fn items(array: &ArrayRef) -> Value {
    Value::Array(values(array))
}

fn structure(array: &StructArray, row: usize) -> Value {
    let mut object = Map::new();
    for (field, column) in array.fields().iter().zip(array.columns()) {
        object.insert(unused_name(&object, field), value(column, row));
    }
    Value::Object(object)
}

fn unused_name(object: &Map<String, Value>, field: &Field) -> String {
    let mut name = field.name().clone();
    let mut nth = 2;
    while object.contains_key(&name) {
        name = format!("{}#{nth}", field.name());
        nth += 1;
    }
    name
}

/// An object if the keys are text and differ, else pairs.
fn map(array: &MapArray, row: usize) -> Value {
    let entries = array.value(row);
    let (Some(keys), Some(items)) = (entries.columns().first(), entries.columns().get(1)) else {
        return Value::Null;
    };
    let pairs: Vec<(Value, Value)> = values(keys).into_iter().zip(values(items)).collect();
    let texts = matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if texts {
        let object: Map<String, Value> =
            pairs.iter().filter_map(|(k, v)| Some((k.as_str()?.to_owned(), v.clone()))).collect();
        if object.len() == pairs.len() {
            return Value::Object(object);
        }
    }
    Value::Array(pairs.into_iter().map(|(k, v)| Value::Array(vec![k, v])).collect())
}

fn run<R: RunEndIndexType>(array: &dyn Array, row: usize) -> Value {
    array
        .as_any()
        .downcast_ref::<RunArray<R>>()
        .map_or(Value::Null, |runs| value(runs.values(), runs.get_physical_index(row)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, StringDictionaryBuilder,
        Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_of_their_type() {
        let mut words = StringDictionaryBuilder::<Int8Type>::new();
        words.append_value("a");
        words.append_null();
        let cases: Vec<(ArrayRef, &str, Vec<Value>)> = vec![
            (Arc::new(UInt64Array::from(vec![u64::MAX])), "uint64", vec![json!(u64::MAX)]),
            (
                Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1])),
                "double",
                vec![json!("NaN"), json!("inf"), json!("-inf"), json!(0.1)],
            ),
            (Arc::new(Float32Array::from(vec![0.1])), "float", vec![json!(0.1)]),
            (
                Arc::new(Decimal128Array::from(vec![-1205, 7]).with_precision_and_scale(10, 2).unwrap()),
                "decimal(10,2)",
                vec![json!("-12.05"), json!("0.07")],
            ),
            (
                Arc::new(Date32Array::from(vec![0, -1, i32::MAX])),
                "date32",
                vec![json!("1970-01-01"), json!("1969-12-31"), json!("2147483647")],
            ),
            (
                Arc::new(Time64MicrosecondArray::from(vec![1, 3_600_000_000, -1])),
                "time64[us]",
                vec![json!("00:00:00.000001"), json!("01:00:00"), json!("-1")],
            ),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![-1, i64::MAX]).with_timezone("+02:00")),
                "timestamp[us, +02:00]",
                vec![json!("1969-12-31T23:59:59.999999Z"), json!("9223372036854775807")],
            ),
            (
                Arc::new(TimestampMillisecondArray::from(vec![1_764_000_000_000])),
                "timestamp[ms]",
                vec![json!("2025-11-24T16:00:00")],
            ),
            (Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice()])), "binary", vec![json!("00ff")]),
            (Arc::new(words.finish()), "string", vec![json!("a"), json!(null)]),
        ];
        for (array, word, expected) in cases {
            assert_eq!(kind(array.data_type()), word);
            assert_eq!(values(&array), expected, "{word}");
            assert_eq!((0..array.len()).map(|row| value(&array, row)).collect::<Vec<_>>(), expected, "{word}");
        }
    }
}
