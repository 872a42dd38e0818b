//! `[thresholds]` and `[[overrides]]`: when to alert, for all and for some.

use chrono::Duration;
use toml::Spanned;

use super::duration;
use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::{Ledger, Source, Sourced};
use super::tables::ThresholdsTable;
use crate::model::dataset::Dataset;
use crate::model::rules::{Override, Scope, ThresholdChanges, Thresholds};
use crate::model::run::JobName;

/// The thresholds of everything.
pub fn of(layers: &Layers, ledger: &mut Ledger) -> Result<Thresholds, ConfigError> {
    let d = Thresholds::default();
    macro_rules! pick {
        ($get:ident, $key:ident) => {
            ledger.pick(concat!("thresholds.", stringify!($key)), layers.$get(|t| t.thresholds.$key.as_ref()), d.$key)
        };
    }
    let critical = pick!(get, dlq_rows_critical);
    let warning = pick!(get, dlq_rows_warning);
    let lengths = [
        ("no_data", pick!(duration, no_data)),
        ("incomplete", pick!(duration, incomplete)),
        ("quarantine", pick!(duration, quarantine)),
        ("failure_window", pick!(duration, failure_window)),
        ("duration_window", pick!(duration, duration_window)),
        ("info_for", pick!(duration, info_for)),
    ];
    let failure_samples = pick!(get, failure_samples);
    let duration_samples = pick!(get, duration_samples);
    let failure_rate = pick!(get, failure_rate);
    let pass_rate = pick!(get, pass_rate);
    let duration_factor = pick!(get, duration_factor);
    if warning.value >= critical.value {
        let place = if warning.source == Source::Default { &critical.source } else { &warning.source };
        return Err(not_under(place.to_string(), warning.value, critical.value));
    }
    for (name, length) in &lengths {
        positive(&format!("thresholds.{name}"), length)?;
    }
    for (name, share) in [("failure_rate", &failure_rate), ("pass_rate", &pass_rate)] {
        is_share(name, share)?;
    }
    is_factor(&duration_factor)?;
    let [no_data, incomplete, quarantine, failure_window, duration_window, info_for] = lengths.map(|(_, l)| l.value);
    Ok(Thresholds {
        dlq_rows_critical: critical.value,
        dlq_rows_warning: warning.value,
        no_data,
        incomplete,
        quarantine,
        failure_rate: failure_rate.value,
        failure_window,
        failure_samples: failure_samples.value,
        duration_factor: duration_factor.value,
        duration_window,
        duration_samples: duration_samples.value,
        pass_rate: pass_rate.value,
        info_for,
    })
}

/// Thresholds of a layer, a dataset or a job; the stronger file's come last, and so win.
pub fn overrides(layers: &Layers, ledger: &mut Ledger) -> Result<Vec<Override>, ConfigError> {
    let mut all = Vec::new();
    for document in layers.documents().collect::<Vec<_>>().into_iter().rev() {
        for entry in &document.tables.overrides {
            let table = entry.get_ref();
            let source = document.source(&entry.span());
            let named = (&table.layer, &table.dataset, &table.job);
            let scope = match named {
                (Some(layer), None, None) => Scope::Layer(*layer.get_ref()),
                (None, Some(dataset), None) => Scope::Dataset(Dataset(dataset.get_ref().as_str().into())),
                (None, None, Some(job)) => Scope::Job(JobName(job.get_ref().as_str().into())),
                _ => {
                    let fault = "overrides names not exactly one of layer, dataset and job";
                    let allowed = "one [[overrides]] table for each layer, dataset or job";
                    return Err(ConfigError::new(source.to_string(), fault, allowed));
                }
            };
            let changes = changes(document, &table.thresholds)?;
            ledger.note("overrides", scope.to_string(), source);
            all.push(Override { scope, changes });
        }
    }
    all.sort_by_key(|o| o.scope.rank());
    Ok(all)
}

fn changes(document: &Document, table: &ThresholdsTable) -> Result<ThresholdChanges, ConfigError> {
    fn plain<T: Clone>(value: &Option<Spanned<T>>) -> Option<T> {
        value.as_ref().map(|v| v.get_ref().clone())
    }
    let length = |name: &str, value: &Option<Spanned<duration::DurationText>>| {
        let Some(length) = document.maybe(value.as_ref()).map(|s| s.map(|duration::DurationText(d)| d)) else {
            return Ok(None);
        };
        positive(&format!("thresholds.{name}"), &length)?;
        Ok(Some(length.value))
    };
    for (name, share) in [("failure_rate", &table.failure_rate), ("pass_rate", &table.pass_rate)] {
        document.maybe(share.as_ref()).map_or(Ok(()), |share| is_share(name, &share))?;
    }
    document.maybe(table.duration_factor.as_ref()).map_or(Ok(()), |factor| is_factor(&factor))?;
    if let (Some(warning), Some(critical)) = (&table.dlq_rows_warning, &table.dlq_rows_critical)
        && warning.get_ref() >= critical.get_ref()
    {
        let place = document.source(&warning.span()).to_string();
        return Err(not_under(place, *warning.get_ref(), *critical.get_ref()));
    }
    Ok(ThresholdChanges {
        dlq_rows_critical: plain(&table.dlq_rows_critical),
        dlq_rows_warning: plain(&table.dlq_rows_warning),
        no_data: length("no_data", &table.no_data)?,
        incomplete: length("incomplete", &table.incomplete)?,
        quarantine: length("quarantine", &table.quarantine)?,
        failure_rate: plain(&table.failure_rate),
        failure_window: length("failure_window", &table.failure_window)?,
        failure_samples: plain(&table.failure_samples),
        duration_factor: plain(&table.duration_factor),
        duration_window: length("duration_window", &table.duration_window)?,
        duration_samples: plain(&table.duration_samples),
        pass_rate: plain(&table.pass_rate),
        info_for: length("info_for", &table.info_for)?,
    })
}

fn not_under(place: String, warning: u64, critical: u64) -> ConfigError {
    let fault = format!("thresholds.dlq_rows_warning {warning} is not under thresholds.dlq_rows_critical {critical}");
    ConfigError::new(place, fault, "whole numbers, the warning threshold smaller than the critical one")
}

/// A length of time that is more than nothing.
pub fn positive(name: &str, length: &Sourced<Duration>) -> Result<(), ConfigError> {
    if length.value > Duration::zero() {
        return Ok(());
    }
    let allowed = format!("more than 0: {}", duration::ALLOWED);
    Err(ConfigError::new(length.source.to_string(), format!("{name} is zero"), allowed))
}

fn is_share(name: &str, share: &Sourced<f64>) -> Result<(), ConfigError> {
    if (0.0..=1.0).contains(&share.value) {
        return Ok(());
    }
    let fault = format!("thresholds.{name} {} is no share", share.value);
    Err(ConfigError::new(share.source.to_string(), fault, "a number from 0 to 1, such as 0.5 for half"))
}

fn is_factor(factor: &Sourced<f64>) -> Result<(), ConfigError> {
    if factor.value >= 1.0 && factor.value.is_finite() {
        return Ok(());
    }
    let fault = format!("thresholds.duration_factor {} is under 1", factor.value);
    Err(ConfigError::new(factor.source.to_string(), fault, "a number from 1, such as 2 for twice the average"))
}
