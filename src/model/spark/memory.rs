//! Amounts of memory as Spark's settings write them: `4g`, `512m`, `27648`. A bare number is one of MiB where Spark takes
//! it so, and this is where it does: `spark.*.memory` and `spark.*.memoryOverhead`.
//! <https://spark.apache.org/docs/latest/configuration.html#spark-properties>

use std::fmt;

use serde::Serialize;

/// MiB in a GiB.
const GIB: u64 = 1024;

/// An amount of memory, in whole MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Memory(pub u64);

impl Memory {
    /// So many GiB.
    pub const fn gib(n: u64) -> Self {
        Self(n * GIB)
    }

    /// The amount of a text; none if it is no amount. What is less than a MiB is rounded down, as Spark does.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let n: u64 = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok()? } else { return None };
        let mib = match text.get(digits.len()..)? {
            "" | "m" | "mb" => n,
            "k" | "kb" => n / 1024,
            "g" | "gb" => n.checked_mul(GIB)?,
            "t" | "tb" => n.checked_mul(GIB * 1024)?,
            "b" => n / (1 << 20),
            _ => return None,
        };
        Some(Self(mib))
    }

    /// Twice as much.
    pub fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }
}

/// As Spark's settings take it, in the largest unit without a remainder.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            mib if mib > 0 && mib % GIB == 0 => write!(f, "{}g", mib / GIB),
            mib => write!(f, "{mib}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_as_spark_reads_them() {
        for (text, mib) in [
            ("4g", Some(4096)),
            ("4G", Some(4096)),
            (" 512m ", Some(512)),
            ("512mb", Some(512)),
            ("2048", Some(2048)),
            ("2048k", Some(2)),
            ("1t", Some(1 << 20)),
            ("0", Some(0)),
            ("", None),
            ("g", None),
            ("1.5g", None),
            ("-4g", None),
            ("4 g", None),
            ("4x", None),
            ("99999999999999999999g", None),
            ("18446744073709551615g", None),
        ] {
            assert_eq!(Memory::parse(text), mib.map(Memory), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(mib in 0u64..1 << 40) {
            prop_assert_eq!(Memory::parse(&Memory(mib).to_string()), Some(Memory(mib)));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,12}") {
            let _ = Memory::parse(&text);
        }
    }
}
