//! Decimals written as people write them, `-12.50`, read at the pace of their digits; any other spelling is left to the
//! Arrow project's cast, which takes many times as long.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, Decimal128Array, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::error::ArrowError;

/// Texts as decimals of this precision and scale, and which of them are none.
pub(super) fn of_text(
    array: &ArrayRef,
    precision: u8,
    scale: i8,
) -> Result<(ArrayRef, Option<BooleanBuffer>), ArrowError> {
    let mut values = Vec::with_capacity(array.len());
    let mut filled = BooleanBufferBuilder::new(array.len());
    let mut odd: Vec<u32> = Vec::new();
    let mut add = |text: Option<&str>| {
        let value = text.and_then(|text| plain(text.as_bytes(), precision, scale));
        if text.is_some() && value.is_none() {
            odd.push(values.len() as u32);
        }
        filled.append(value.is_some());
        values.push(value.unwrap_or(0));
    };
    match array.data_type() {
        DataType::LargeUtf8 => array.as_string::<i64>().iter().for_each(&mut add),
        DataType::Utf8View => array.as_string_view().iter().for_each(&mut add),
        _ => array.as_string::<i32>().iter().for_each(&mut add),
    }
    let mut failed = None;
    if !odd.is_empty() {
        let rows = UInt32Array::from(odd.clone());
        let (others, none) = super::generic(&take(array, &rows, None)?, &DataType::Decimal128(precision, scale))?;
        let others = others.as_primitive::<Decimal128Type>();
        for (i, row) in odd.iter().enumerate().filter(|(i, _)| others.is_valid(*i)) {
            values[*row as usize] = others.value(i);
            filled.set_bit(*row as usize, true);
        }
        failed = none.map(|none| {
            let mut rows = BooleanBufferBuilder::new(values.len());
            rows.append_n(values.len(), false);
            none.set_indices().filter_map(|i| odd.get(i)).for_each(|row| rows.set_bit(*row as usize, true));
            rows.finish()
        });
    }
    let array = Decimal128Array::new(values.into(), Some(NullBuffer::new(filled.finish())));
    Ok((Arc::new(array.with_precision_and_scale(precision, scale)?), failed))
}

/// An optional minus, digits, and at most as many behind a point as the scale has; none that the precision cannot hold.
fn plain(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let scale = usize::try_from(scale).ok()?;
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let (mut value, mut behind, mut before) = (0_i128, None, 0_usize);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                match behind.as_mut() {
                    Some(behind) => *behind += 1,
                    None => before += 1,
                }
            }
            b'.' if behind.is_none() => behind = Some(0),
            _ => return None,
        }
    }
    let missing = scale.checked_sub(behind.unwrap_or(0))?;
    if before == 0 || behind == Some(0) {
        return None;
    }
    let value = value.checked_mul(10_i128.checked_pow(u32::try_from(missing).ok()?)?)?;
    let fits = value < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use arrow::array::StringArray;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_spellings_and_those_that_are_not() {
        let table = [
            ("12.5", Some(1250)),
            ("-0.05", Some(-5)),
            ("7", Some(700)),
            ("007", Some(700)),
            ("99999999.99", Some(9_999_999_999)),
            ("100000000", None),
            ("1.005", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("1e3", None),
            ("+1", None),
            (" 1", None),
            ("1.2.3", None),
            ("99999999999999999999999999999999999999999", None),
        ];
        for (text, want) in table {
            assert_eq!(plain(text.as_bytes(), 10, 2), want, "{text}");
        }
        assert_eq!(plain(b"1200", 10, -2), None);
    }

    proptest! {
        /// The short way and the long one come to the same, row by row.
        #[test]
        fn it_is_what_the_cast_makes_of_it(
            texts in proptest::collection::vec(proptest::option::of(
                prop_oneof!["-?[0-9]{1,9}(\\.[0-9]{1,3})?", "[0-9.eE+ -]{0,6}", "n/a"]), 1..40),
            precision in 3..12_u8,
            scale in 0..3_i8,
        ) {
            let array: ArrayRef = Arc::new(StringArray::from(texts));
            let (short, failed) = of_text(&array, precision, scale).unwrap();
            let (long, none) = super::super::generic(&array, &DataType::Decimal128(precision, scale)).unwrap();
            prop_assert_eq!(&short, &long);
            prop_assert_eq!(failed, none);
        }
    }
}
