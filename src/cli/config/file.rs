//! The shape of a configuration file and of a lake's own `lakeward.toml`, as serde reads them. No value is
//! judged here beyond its type; every value keeps its place, so that a fault can name its line.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::Places;
use super::duration::DurationText;
use super::fault::{ConfigError, line_of, split_message};
use super::retry::RetryTable;
use super::secret::SecretText;
use super::source::{Source, Sourced};
use crate::model::category::FailureCategory;
use crate::model::dataset::Layer;
use crate::model::notice::NoticeKind;

/// A larger file is not a configuration. Bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Everything that may stand in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Tables {
    /// Which environment is opened when none is named.
    pub environment: Option<Spanned<String>>,
    /// The environments, by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Spanned<EnvironmentTable>>,
    /// Where things lie in the lake.
    #[serde(default)]
    pub prefixes: PrefixesTable,
    /// When to alert.
    #[serde(default)]
    pub thresholds: ThresholdsTable,
    /// When a run that failed is asked for again.
    #[serde(default)]
    pub retry: RetryTable,
    /// Thresholds of one layer, dataset or job.
    #[serde(default)]
    pub overrides: Vec<Spanned<OverrideTable>>,
    /// Datasets that need more than the defaults.
    #[serde(default)]
    pub datasets: Vec<Spanned<DatasetTable>>,
    /// Where results of quality gates lie.
    #[serde(default)]
    pub quality: PlacesTable,
    /// Where the pipeline's own alert feed lies.
    #[serde(default)]
    pub feed: PlacesTable,
    /// Where a team's own runbooks lie.
    #[serde(default)]
    pub runbooks: super::runbooks::RunbooksTable,
    /// Where jobs write records of their own runs.
    #[serde(default)]
    pub audit: PlacesTable,
    /// How long a check counts.
    #[serde(default)]
    pub verify: super::verify::VerifyTable,
    /// Who reads the data.
    #[serde(default)]
    pub consumers: Vec<Spanned<super::verify::ConsumerTable>>,
    /// EMR Serverless.
    pub emr: Option<EmrTable>,
    /// Airflow.
    pub airflow: Option<Spanned<AirflowTable>>,
    /// Alarms and metrics.
    pub cloudwatch: Option<CloudWatchTable>,
    /// The jobs of the pipeline.
    #[serde(default)]
    pub jobs: Vec<Spanned<JobTable>>,
    /// The jobs of layers.
    #[serde(default)]
    pub layers: Vec<Spanned<LayerTable>>,
    /// The credentials of sources that are watched.
    #[serde(default)]
    pub secrets: Vec<Spanned<SecretTable>>,
    /// The Glue Schema Registry.
    pub glue: Option<Spanned<GlueTable>>,
    /// Personal data in any dataset.
    pub personal_columns: Option<Spanned<Vec<String>>>,
    /// Rules put before the built-in ones.
    #[serde(default)]
    pub categories: Vec<CategoryTable>,
    /// Whether the built-in rules follow.
    pub default_categories: Option<Spanned<bool>>,
    /// Who is told of moves.
    #[serde(default)]
    pub notify: Vec<Spanned<NotifyTable>>,
    /// The screen.
    #[serde(default)]
    pub console: ConsoleTable,
}

/// `aws` or `local`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A lake on S3.
    Aws,
    /// A folder.
    Local,
}

/// `[environments.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct EnvironmentTable {
    pub kind: Spanned<Kind>,
    pub lake: Spanned<String>,
    pub region: Option<Spanned<String>>,
    pub profile: Option<Spanned<String>>,
    pub endpoint_url: Option<Spanned<String>>,
    pub path_style: Option<Spanned<bool>>,
    pub checksums_when_required: Option<Spanned<bool>>,
    pub anonymous: Option<Spanned<bool>>,
    pub expected_bucket_owner: Option<Spanned<String>>,
    pub protected: Option<Spanned<bool>>,
    pub accent: Option<Spanned<String>>,
    pub theme: Option<Spanned<String>>,
    pub emr: Option<EmrTable>,
    pub airflow: Option<Spanned<AirflowTable>>,
    pub cloudwatch: Option<CloudWatchTable>,
}

/// `[prefixes]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct PrefixesTable {
    pub errors: Option<Spanned<String>>,
    pub quarantine: Option<Spanned<String>>,
    pub archive: Option<Spanned<String>>,
    pub state: Option<Spanned<String>>,
}

/// `[thresholds]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct ThresholdsTable {
    pub dlq_rows_critical: Option<Spanned<u64>>,
    pub dlq_rows_warning: Option<Spanned<u64>>,
    pub no_data: Option<Spanned<DurationText>>,
    pub incomplete: Option<Spanned<DurationText>>,
    pub quarantine: Option<Spanned<DurationText>>,
    pub failure_rate: Option<Spanned<f64>>,
    pub failure_window: Option<Spanned<DurationText>>,
    pub failure_samples: Option<Spanned<u64>>,
    pub duration_factor: Option<Spanned<f64>>,
    pub duration_window: Option<Spanned<DurationText>>,
    pub duration_samples: Option<Spanned<u64>>,
    pub pass_rate: Option<Spanned<f64>>,
    pub info_for: Option<Spanned<DurationText>>,
}

/// `[[overrides]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct OverrideTable {
    pub layer: Option<Spanned<Layer>>,
    pub dataset: Option<Spanned<String>>,
    pub job: Option<Spanned<String>>,
    pub thresholds: ThresholdsTable,
}

/// `[quality]`, `[feed]` and `[audit]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct PlacesTable {
    pub prefixes: Option<Spanned<Vec<String>>>,
}

/// `[emr]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct EmrTable {
    #[serde(default)]
    pub applications: Vec<String>,
    pub endpoint_url: Option<Spanned<String>>,
}

/// `[airflow]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct AirflowTable {
    pub url: Option<Spanned<String>>,
    pub mwaa: Option<Spanned<String>>,
    pub endpoint_url: Option<Spanned<String>>,
    pub user: Option<Spanned<String>>,
    pub password: Option<Spanned<SecretText>>,
    pub password_env: Option<Spanned<String>>,
    pub password_file: Option<Spanned<String>>,
    pub token: Option<Spanned<SecretText>>,
    pub token_env: Option<Spanned<String>>,
    pub token_file: Option<Spanned<String>>,
    pub verify: Option<Spanned<bool>>,
}

/// `[cloudwatch]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct CloudWatchTable {
    pub alarm_prefix: Option<Spanned<String>>,
    pub endpoint_url: Option<Spanned<String>>,
}

/// `[[jobs]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct JobTable {
    pub name: Spanned<String>,
    pub dataset: Option<Spanned<String>>,
    pub layer: Option<Layer>,
    #[serde(default)]
    pub called: Vec<String>,
    pub command: Option<Spanned<CommandText>>,
    pub dag: Option<Spanned<String>>,
    #[serde(default)]
    pub conf: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub logical_date: bool,
    pub emr: Option<Spanned<JobEmrTable>>,
}

/// `emr` of `[[jobs]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct JobEmrTable {
    pub arguments: Option<Vec<String>>,
}

/// `[[layers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct LayerTable {
    pub layer: Spanned<Layer>,
    pub job: Option<Spanned<String>>,
    pub redrive: Option<Spanned<String>>,
}

/// A command: a line for the shell, or a program and its arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a line for the shell (\"scripts/run_job.sh orders {date}\"), or a list of words")]
pub enum CommandText {
    /// For `sh -c`.
    Line(String),
    /// As they are.
    Words(Vec<String>),
}

/// `[[secrets]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct SecretTable {
    pub name: Spanned<String>,
    #[serde(default)]
    pub datasets: Vec<String>,
    #[serde(default)]
    pub jobs: Vec<String>,
    pub max_age: Option<Spanned<DurationText>>,
    pub endpoint_url: Option<Spanned<String>>,
}

/// `[glue]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct GlueTable {
    pub endpoint_url: Option<Spanned<String>>,
}

/// `[[datasets]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct DatasetTable {
    pub name: Spanned<String>,
    pub layer: Option<Layer>,
    pub data_prefix: Option<Spanned<String>>,
    pub max_age: Option<Spanned<DurationText>>,
    pub contract: Option<Spanned<String>>,
    #[serde(default)]
    pub personal_columns: Vec<String>,
    pub job: Option<Spanned<String>>,
    pub redrive: Option<Spanned<String>>,
}

/// `[[categories]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct CategoryTable {
    pub pattern: Spanned<String>,
    pub category: FailureCategory,
}

/// The kinds of notifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words of the configuration")]
pub enum NotifyKind {
    Slack,
    Sns,
    PagerDuty,
    File,
}

/// `[[notify]]`: the keys of all kinds; which of them fit is judged later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct NotifyTable {
    pub kind: Spanned<NotifyKind>,
    pub name: Option<Spanned<String>>,
    pub on: Option<Spanned<Vec<NoticeKind>>>,
    pub environments: Option<Spanned<Vec<String>>>,
    pub template: Option<Spanned<String>>,
    pub url: Option<Spanned<SecretText>>,
    pub url_env: Option<Spanned<String>>,
    pub url_file: Option<Spanned<String>>,
    pub routing_key: Option<Spanned<SecretText>>,
    pub routing_key_env: Option<Spanned<String>>,
    pub routing_key_file: Option<Spanned<String>>,
    pub topic_arn: Option<Spanned<String>>,
    pub profile: Option<Spanned<String>>,
    pub endpoint_url: Option<Spanned<String>>,
    pub path: Option<Spanned<String>>,
}

/// `[console]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs, reason = "the template documents each key")]
pub struct ConsoleTable {
    pub theme: Option<Spanned<String>>,
    pub ascii: Option<Spanned<bool>>,
    pub refresh: Option<Spanned<DurationText>>,
    pub osc52: Option<Spanned<String>>,
    #[serde(default)]
    pub keys: BTreeMap<String, Spanned<String>>,
}

/// A file that was read. Its text may hold secrets: it is not shown.
pub struct Document {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub tables: Tables,
    text: String,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("path", &self.path).field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Document {
    /// Reads a file that must be there.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |fault: String| ConfigError::new(path.display().to_string(), fault, "a readable TOML file");
        let meta = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
        if !meta.is_file() {
            return Err(unreadable("not a file".to_owned()));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|e| unreadable(e.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ConfigError::new(path.display().to_string(), "the file is too large", "at most 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
            ConfigError::new(format!("{}:{line}", path.display()), "not UTF-8", "text in UTF-8")
        })?;
        Self::parse(path, text)
    }

    /// Reads the text of a file.
    pub fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        match toml::from_str(&text) {
            Ok(tables) => Ok(Self { path: path.to_owned(), tables, text }),
            Err(e) => {
                let line = line_of(&text, e.span().map_or(0, |s| s.start));
                let (fault, allowed) = split_message(e.message());
                Err(ConfigError::new(format!("{}:{line}", path.display()), fault, allowed))
            }
        }
    }

    /// The line of a span.
    pub fn source(&self, span: &Range<usize>) -> Source {
        Source::File { path: self.path.clone(), line: line_of(&self.text, span.start) }
    }

    /// A value with its line.
    pub fn sourced<T: Clone>(&self, value: &Spanned<T>) -> Sourced<T> {
        Sourced { value: value.get_ref().clone(), source: self.source(&value.span()) }
    }

    /// As [`Document::sourced`], for what may be absent.
    pub fn maybe<T: Clone>(&self, value: Option<&Spanned<T>>) -> Option<Sourced<T>> {
        value.map(|v| self.sourced(v))
    }

    /// A path that stands in the file: relative to it, or below `~`.
    pub fn place(&self, text: &str, places: &Places) -> PathBuf {
        let base = self.path.parent().unwrap_or(Path::new(""));
        match (Path::new(text).strip_prefix("~"), &places.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => base.join(text),
        }
    }

    /// A fault at a value.
    pub fn fault<T>(&self, at: &Spanned<T>, fault: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        ConfigError::new(self.source(&at.span()).to_string(), fault, allowed)
    }
}
