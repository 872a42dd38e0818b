//! Where a step stands among the others: `3`, and below it `3.1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a step, from 1 at each depth.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StepNumber(Vec<u32>);

impl StepNumber {
    /// The step below this one, by its place there.
    pub fn below(&self, place: u32) -> Self {
        Self(self.0.iter().copied().chain([place]).collect())
    }

    /// The one that this one stands below; none at the top.
    pub fn above(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        (!above.is_empty()).then(|| Self(above.to_vec()))
    }

    /// How far below the top: 0 is the top.
    pub fn depth(&self) -> usize {
        self.0.len().saturating_sub(1)
    }
}

impl fmt::Display for StepNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl FromStr for StepNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok().filter(|n| *n > 0)).collect();
        parts.map(Self).ok_or_else(|| format!("{text:?} is no number of a step, as 3 or 3.1"))
    }
}

impl From<StepNumber> for String {
    fn from(number: StepNumber) -> Self {
        number.to_string()
    }
}

impl TryFrom<String> for StepNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
