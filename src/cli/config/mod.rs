//! The configuration: flags beat environment variables beat the lake's own `lakeward.toml` beat the
//! configuration file beat the defaults, and each value knows where it comes from. Opens no lake.

mod check;
mod documented;
pub mod duration;
mod fault;
mod file;
mod jobs;
mod layers;
mod notify;
pub mod outside;
mod own;
mod place;
pub mod reference;
mod resolve;
mod retry;
mod runbooks;
mod secret;
mod services;
mod source;
mod tables;
mod target;
#[cfg(test)]
mod tests;
mod thresholds;
mod verify;
mod watched;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::Duration;

use crate::lake::aws::Access;
use crate::sources::aws::cloudwatch::CloudWatchSettings;
use crate::sources::aws::emr::EmrSettings;

pub use fault::ConfigError;
pub use jobs::JobConfig;
pub use notify::{NotifierConfig, NotifierEnd};
pub use place::{Places, Vars};
pub use resolve::load;
pub use services::{AirflowConfig, OwnAirflow};
pub use source::{ResolvedValue, Source, Sourced};
pub use target::LakeTarget;

/// The commented file that `lakeward init` writes.
pub const TEMPLATE: &str = include_str!("template.toml");

/// The names that the console knows and the configuration may use.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Built-in themes.
    pub themes: &'static [&'static str],
    /// Judges a key and the command line bound to it.
    pub key: fn(key: &str, run: &str) -> Result<(), String>,
}

/// What is configured for the screen.
#[derive(Debug, Clone)]
pub struct ConsoleConfig {
    /// A built-in theme's name, or the path of a theme file.
    pub theme: Sourced<String>,
    /// Whether glyphs are replaced by their ASCII twins.
    pub ascii: Sourced<bool>,
    /// Time between two refreshes; zero means by hand only.
    pub refresh: Sourced<Duration>,
    /// How copies reach the terminal: `auto`, `raw`, `tmux` or `off`.
    pub osc52: Sourced<String>,
    /// The command line that each key runs; `none` frees a key.
    pub keys: BTreeMap<String, Sourced<String>>,
    /// The environment's accent colour.
    pub accent: Sourced<Option<String>>,
}

/// Everything resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// The lake's own file that was read.
    pub lake_file: Option<PathBuf>,
    /// The environment's name, if one is used.
    pub environment: Option<String>,
    /// The lake to open; `None` if nothing names one.
    pub lake: Option<LakeTarget>,
    /// What the use cases need.
    pub settings: crate::ops::LakeSettings,
    /// Whether the environment is protected: it starts read-only and looks it.
    pub protected: Sourced<bool>,
    /// Whether writes are refused for the whole run.
    pub read_only: Sourced<bool>,
    /// EMR Serverless and the logs of its runs, if they are to be asked.
    pub emr: Option<EmrSettings>,
    /// Airflow, if it is to be asked.
    pub airflow: Option<AirflowConfig>,
    /// Who asks AWS's services, whichever of them are asked.
    pub account: Access,
    /// Who asks for the standing of secrets, if any is watched.
    pub secrets: Option<Access>,
    /// Who asks the Glue Schema Registry, if a contract lies there.
    pub glue: Option<Access>,
    /// Who asks Athena, if a consumer does.
    pub athena: Option<Access>,
    /// Alarms and the metrics of runs, if CloudWatch is to be asked.
    pub cloudwatch: Option<CloudWatchSettings>,
    /// The jobs of the pipeline.
    pub jobs: Vec<JobConfig>,
    /// Who is told of moves in this environment.
    pub notify: Vec<NotifierConfig>,
    /// What the screen needs.
    pub console: ConsoleConfig,
    /// Every value with its source.
    pub values: Vec<ResolvedValue>,
}

impl Config {
    /// The lake, or what to do to have one.
    pub fn lake(&self) -> Result<&LakeTarget, ConfigError> {
        self.lake.as_ref().ok_or_else(|| match &self.file {
            Some(file) => ConfigError::new(
                file.display().to_string(),
                "no environment is chosen",
                "`environment = \"NAME\"` there, --env NAME, or --lake URL",
            ),
            None => ConfigError::new(
                "configuration",
                "there is none, and no lake is named",
                "`lakeward init`, then edit the file; or --lake s3://bucket, --lake FOLDER; or `lakeward demo`",
            ),
        })
    }
}
