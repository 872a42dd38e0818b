//! `[retry]`: when a job run that failed is asked for again. The figures are the runbook's unless the file says otherwise.

use serde::Deserialize;
use toml::Spanned;

use super::documented::documented;
use super::duration::DurationText;
use super::fault::ConfigError;
use super::layers::Layers;
use super::source::Ledger;
use super::thresholds::positive;
use crate::model::retry::RetryPolicy;

/// Nobody means more tries than this.
const MOST: u64 = 20;

documented! {
/// `[retry]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct RetryTable {
    /// How often it is tried in all, the first try included [tries]
    pub tries: Option<Spanned<u64>>,
    /// The pause after the first try
    pub first: Option<Spanned<DurationText>>,
    /// What each pause is of the one before [times]
    pub factor: Option<Spanned<f64>>,
    /// No pause is longer
    pub longest: Option<Spanned<DurationText>>,
}
}

/// The policy.
pub fn of(layers: &Layers, ledger: &mut Ledger) -> Result<RetryPolicy, ConfigError> {
    let usual = RetryPolicy::default();
    let tries = ledger.pick("retry.tries", layers.get(|t| t.retry.tries.as_ref()), u64::from(usual.tries));
    let first = ledger.pick("retry.first", layers.duration(|t| t.retry.first.as_ref()), usual.first);
    let factor = ledger.pick("retry.factor", layers.get(|t| t.retry.factor.as_ref()), usual.factor);
    let longest = ledger.pick("retry.longest", layers.duration(|t| t.retry.longest.as_ref()), usual.longest);
    if !(1..=MOST).contains(&tries.value) {
        let fault = format!("retry.tries {} is not between 1 and {MOST}", tries.value);
        return Err(ConfigError::new(
            tries.source.to_string(),
            fault,
            format!("1 to {MOST}, such as 3: the first and two more"),
        ));
    }
    if !(1.0..=100.0).contains(&factor.value) {
        let fault = format!("retry.factor {} is not between 1 and 100", factor.value);
        return Err(ConfigError::new(factor.source.to_string(), fault, "1 to 100; 2 doubles each pause"));
    }
    positive("retry.first", &first)?;
    positive("retry.longest", &longest)?;
    let tries = u32::try_from(tries.value).unwrap_or(usual.tries);
    Ok(RetryPolicy { tries, first: first.value, factor: factor.value, longest: longest.value })
}
