//! Lengths of time in the configuration.

use std::fmt;

use chrono::Duration;
use serde::de::{self, Deserialize, Deserializer, Visitor};

pub use crate::model::length::{ALLOWED, parse, write};

/// A duration of the configuration; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationText(pub Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = DurationText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ALLOWED)
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<DurationText, E> {
                parse(v).map(DurationText).ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<DurationText, E> {
                if v == 0 {
                    return Ok(DurationText(Duration::zero()));
                }
                Err(E::invalid_value(de::Unexpected::Signed(v), &self))
            }
        }
        deserializer.deserialize_any(V)
    }
}
