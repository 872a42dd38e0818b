//! Judges values that are of the right type: contradictions, paths that leave the lake, names that are not
//! there. Each fault names the line that has to change.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use super::Vocabulary;
use super::duration::DurationText;
use super::fault::ConfigError;
use super::file::Document;
use super::source::{Source, Sourced};
use crate::lake::path::Prefixes;
use crate::model::category::CategoryRule;
use crate::model::dataset::{Dataset, DatasetSettings};
use crate::model::run::JobName;
use crate::sources::contracts::{REGISTRY, SchemaName};

/// The names ratatui and every terminal share.
const ACCENTS: [&str; 7] = ["red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/// How copies may reach the terminal.
const OSC52: [&str; 4] = ["auto", "raw", "tmux", "off"];

/// A place inside the lake: relative, no step upwards, no empty level.
pub fn inside_the_lake(text: &str) -> bool {
    !text.is_empty()
        && !text.contains("://")
        && text.strip_suffix('/').unwrap_or(text).split('/').all(|level| !matches!(level, "" | "." | ".."))
}

/// Prefixes end in `/`, stay in the lake and do not overlap.
pub fn prefixes(named: [(&str, Sourced<String>); 4]) -> Result<Prefixes, ConfigError> {
    for (name, prefix) in &named {
        if !inside_the_lake(&prefix.value) {
            return Err(ConfigError::new(
                prefix.source.to_string(),
                format!("prefixes.{name} `{}` is not a place inside the lake", prefix.value),
                "a relative path such as \"_errors/\", without `..` or empty levels",
            ));
        }
    }
    let named = named.map(|(name, p)| (name, p.map(|text| format!("{}/", text.trim_end_matches('/')))));
    for (i, (name, prefix)) in named.iter().enumerate() {
        for (other_name, other) in named.iter().skip(i + 1) {
            if prefix.value.starts_with(&other.value) || other.value.starts_with(&prefix.value) {
                // The line to change is one that somebody wrote.
                let written = if other.source == Source::Default { prefix } else { other };
                return Err(ConfigError::new(
                    written.source.to_string(),
                    format!("prefixes.{name} `{}` and prefixes.{other_name} `{}` overlap", prefix.value, other.value),
                    "four prefixes of which none begins with another",
                ));
            }
        }
    }
    let [errors, quarantine, archive, state] = named.map(|(_, p)| p.value);
    Ok(Prefixes { errors, quarantine, archive, state })
}

/// The datasets of one file: names once, paths inside the lake.
pub fn datasets(document: &Document) -> Result<Vec<Sourced<DatasetSettings>>, ConfigError> {
    let mut seen = BTreeMap::new();
    let mut all = Vec::new();
    for entry in &document.tables.datasets {
        let table = entry.get_ref();
        let name = table.name.get_ref();
        if !inside_the_lake(name) || name.ends_with('/') {
            return Err(document.fault(
                &table.name,
                format!("datasets.name `{name}` is not a dataset"),
                "what stands between the errors prefix and dt=, such as \"crm/contacts\"",
            ));
        }
        let source = document.source(&table.name.span());
        if let Some(earlier) = seen.insert(name.clone(), source.clone()) {
            return Err(document.fault(
                &table.name,
                format!("dataset `{name}` is there twice, first at {earlier}"),
                "one [[datasets]] table for each name",
            ));
        }
        if let Some(contract) = &table.contract
            && contract.get_ref().starts_with(REGISTRY)
            && SchemaName::of_address(contract.get_ref()).is_none()
        {
            let fault = format!("datasets.contract `{}` is no schema of a registry", contract.get_ref());
            return Err(document.fault(contract, fault, "\"glue:REGISTRY/SCHEMA\""));
        }
        for (key, path) in [("data_prefix", &table.data_prefix), ("contract", &table.contract)] {
            if let Some(path) = path
                && !inside_the_lake(path.get_ref())
            {
                return Err(document.fault(
                    path,
                    format!("datasets.{key} `{}` is not a place inside the lake", path.get_ref()),
                    "a path relative to the lake, without `..` or empty levels",
                ));
            }
        }
        let max_age = document.maybe(table.max_age.as_ref()).map(|s| s.map(|DurationText(d)| d));
        if let Some(limit) = &max_age {
            super::thresholds::positive("datasets.max_age", limit)?;
        }
        let value = DatasetSettings {
            dataset: Dataset(name.as_str().into()),
            layer: table.layer,
            data_prefix: table.data_prefix.as_ref().map(|p| format!("{}/", p.get_ref().trim_end_matches('/'))),
            max_age: max_age.map(|s| s.value),
            contract: table.contract.as_ref().map(|p| p.get_ref().clone()),
            personal_columns: table.personal_columns.clone(),
            job: table.job.as_ref().map(|job| JobName(job.get_ref().as_str().into())),
            redrive: table.redrive.as_ref().map(|job| JobName(job.get_ref().as_str().into())),
        };
        all.push(Sourced { value, source });
    }
    Ok(all)
}

/// The category rules of one file.
pub fn categories(document: &Document) -> Result<Vec<CategoryRule>, ConfigError> {
    let rule = |table: &super::tables::CategoryTable| {
        let pattern = Regex::new(table.pattern.get_ref()).map_err(|e| {
            let why = e.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            document.fault(
                &table.pattern,
                format!("categories.pattern is no regular expression: {why}"),
                "the syntax of the Rust regex crate",
            )
        })?;
        Ok(CategoryRule { pattern, category: table.category })
    };
    document.tables.categories.iter().map(rule).collect()
}

/// The keys of one file, each with the command line it runs.
pub fn keys(document: &Document, known: &Vocabulary) -> Result<BTreeMap<String, Sourced<String>>, ConfigError> {
    let mut all = BTreeMap::new();
    for (key, run) in &document.tables.console.keys {
        (known.key)(key, run.get_ref()).map_err(|fault| {
            document.fault(run, format!("console.keys: {fault}"), "\"KEY\" = \"COMMAND\", or \"none\" to free a key")
        })?;
        all.insert(key.clone(), document.sourced(run));
    }
    Ok(all)
}

/// A theme is built in, or a file that is there; a file stands relative to the file that names it.
pub fn theme(theme: Sourced<String>, known: &Vocabulary) -> Result<Sourced<String>, ConfigError> {
    if known.themes.contains(&theme.value.as_str()) {
        return Ok(theme);
    }
    let allowed = format!("{}, or the path of a theme file", known.themes.join(", "));
    if !theme.value.contains('/') && !theme.value.ends_with(".toml") {
        return Err(ConfigError::new(theme.source.to_string(), format!("unknown theme `{}`", theme.value), allowed));
    }
    let base = match &theme.source {
        Source::File { path, .. } => path.parent().unwrap_or(Path::new("")),
        _ => Path::new(""),
    };
    let file = base.join(&theme.value);
    if !file.is_file() {
        return Err(ConfigError::new(
            theme.source.to_string(),
            format!("theme file `{}` is not there", file.display()),
            allowed,
        ));
    }
    Ok(theme.map(|_| file.display().to_string()))
}

/// An accent is a colour of the terminal.
pub fn accent(accent: &Sourced<Option<String>>) -> Result<(), ConfigError> {
    match &accent.value {
        Some(colour) if !ACCENTS.contains(&colour.as_str()) => {
            Err(ConfigError::new(accent.source.to_string(), format!("unknown accent `{colour}`"), ACCENTS.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A way to copy.
pub fn osc52(osc52: &Sourced<String>) -> Result<(), ConfigError> {
    if OSC52.contains(&osc52.value.as_str()) {
        return Ok(());
    }
    Err(ConfigError::new(
        osc52.source.to_string(),
        format!("unknown console.osc52 `{}`", osc52.value),
        OSC52.join(", "),
    ))
}

/// An AWS account is twelve digits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>.
pub fn account(account: &Sourced<String>) -> Result<(), ConfigError> {
    if account.value.len() == 12 && account.value.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    let fault = format!("expected_bucket_owner `{}` is no AWS account", account.value);
    Err(ConfigError::new(account.source.to_string(), fault, "the twelve digits of the account, in quotes"))
}

/// An endpoint is an address without a password: it is shown on screens and in logs.
pub fn endpoint(endpoint: &Sourced<String>) -> Result<(), ConfigError> {
    let url = &endpoint.value;
    let allowed = "http://host[:port] or https://host[:port], without user or password";
    let place = endpoint.source.to_string();
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        // What stands before the fault may be a password all the same: it is not repeated.
        return Err(ConfigError::new(place, "endpoint_url is not an http address", allowed));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Err(ConfigError::new(place, "endpoint_url has no host, or holds a user or password", allowed));
    }
    Ok(())
}
