//! The tables of a configuration file and of a lake's own `lakeward.toml`, as serde reads them, each key with the line
//! that `lakeward init --reference` prints of it. No value is judged here beyond its type; every value keeps its place,
//! so that a fault can name its line.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::documented::{Documentation, documented};
use super::duration::DurationText;
use super::notify::NotifyTable;
use super::retry::RetryTable;
use super::runbooks::RunbooksTable;
use super::services::{AirflowTable, CloudWatchTable, EmrTable};
use super::verify::{ConsumerTable, VerifyTable};
use super::watched::{GlueTable, SecretTable};
use crate::model::category::FailureCategory;
use crate::model::dataset::Layer;

/// What is written of every table.
pub const DOCUMENTATION: [Documentation; 22] = [
    Tables::DOCUMENTATION,
    EnvironmentTable::DOCUMENTATION,
    PrefixesTable::DOCUMENTATION,
    ThresholdsTable::DOCUMENTATION,
    RetryTable::DOCUMENTATION,
    OverrideTable::DOCUMENTATION,
    DatasetTable::DOCUMENTATION,
    PlacesTable::DOCUMENTATION,
    RunbooksTable::DOCUMENTATION,
    VerifyTable::DOCUMENTATION,
    ConsumerTable::DOCUMENTATION,
    EmrTable::DOCUMENTATION,
    AirflowTable::DOCUMENTATION,
    CloudWatchTable::DOCUMENTATION,
    JobTable::DOCUMENTATION,
    JobEmrTable::DOCUMENTATION,
    LayerTable::DOCUMENTATION,
    SecretTable::DOCUMENTATION,
    GlueTable::DOCUMENTATION,
    CategoryTable::DOCUMENTATION,
    NotifyTable::DOCUMENTATION,
    ConsoleTable::DOCUMENTATION,
];

documented! {
/// Keys that stand in no table
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Tables {
    /// Which environment is opened when none is named; default: the only one there is
    pub environment: Option<Spanned<String>>,
    /// Columns of any dataset that hold personal data: masked until revealed, compared without case; both files' hold
    pub personal_columns: Option<Spanned<Vec<String>>>,
    /// Whether the built-in rules for failure categories follow those of `[[categories]]`
    pub default_categories: Option<Spanned<bool>>,
    /// The environments, by name: what is opened, by whom, and how carefully
    #[serde(default)]
    pub environments: BTreeMap<String, Spanned<EnvironmentTable>>,
    /// Where things lie in the lake
    #[serde(default)]
    pub prefixes: PrefixesTable,
    /// When to alert; the figures are the runbook's unless the file says otherwise
    #[serde(default)]
    pub thresholds: ThresholdsTable,
    /// Thresholds of one layer, dataset or job: what is named there, instead of those of all
    #[serde(default)]
    pub overrides: Vec<Spanned<OverrideTable>>,
    /// When a job run that failed is asked for again; the figures are the runbook's unless the file says otherwise
    #[serde(default)]
    pub retry: RetryTable,
    /// Datasets that need more than the defaults
    #[serde(default)]
    pub datasets: Vec<Spanned<DatasetTable>>,
    /// The jobs of layers: who fills a dataset, and who redrives its dead letters
    #[serde(default)]
    pub layers: Vec<Spanned<LayerTable>>,
    /// The jobs of the pipeline, under the names that EMR, Airflow and metrics are joined by
    #[serde(default)]
    pub jobs: Vec<Spanned<JobTable>>,
    /// EMR Serverless and the logs of its runs, asked where this table stands
    pub emr: Option<EmrTable>,
    /// Airflow 2.x or 3.x, or Amazon's managed one, asked where this table stands
    pub airflow: Option<Spanned<AirflowTable>>,
    /// Alarms, and what runs used, asked where this table stands
    pub cloudwatch: Option<CloudWatchTable>,
    /// The credentials of sources, in AWS Secrets Manager or told of on the lake: whether they are there and fresh; values are never read
    #[serde(default)]
    pub secrets: Vec<Spanned<SecretTable>>,
    /// The Glue Schema Registry, asked where a contract begins with `glue:`
    pub glue: Option<Spanned<GlueTable>>,
    /// What quality gates found: Great Expectations, Glue Data Quality, dbt, ORES, the runbook's own
    #[serde(default)]
    pub quality: PlacesTable,
    /// The pipeline's own alerts: JSON lines, or one object each
    #[serde(default)]
    pub feed: PlacesTable,
    /// What jobs write of their own runs: rows read and written, for the balance of record counts
    #[serde(default)]
    pub audit: PlacesTable,
    /// A team's own runbooks: Markdown files, beside those that come along or instead of them by name
    #[serde(default)]
    pub runbooks: RunbooksTable,
    /// The five checks that end an incident
    #[serde(default)]
    pub verify: VerifyTable,
    /// Who reads the data: a query each, asked in their stead to show that they can
    #[serde(default)]
    pub consumers: Vec<Spanned<ConsumerTable>>,
    /// Failure categories: the first pattern found in the error type or message decides
    #[serde(default)]
    pub categories: Vec<CategoryTable>,
    /// Who is told when data is quarantined, released, archived, taken back, or a move is interrupted
    #[serde(default)]
    pub notify: Vec<Spanned<NotifyTable>>,
    /// The screen
    #[serde(default)]
    pub console: ConsoleTable,
}
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

documented! {
/// `[environments.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct EnvironmentTable {
    /// What the lake is: on S3 or a store that speaks S3, or a folder
    pub kind: Spanned<Kind>,
    /// The lake: what lies above the errors prefix; a relative folder is taken from the file's own
    pub lake: Spanned<String>,
    /// The AWS region; default: what the AWS profile says
    pub region: Option<Spanned<String>>,
    /// The AWS profile; default: the chain of AWS (SSO, the instance's role, …)
    pub profile: Option<Spanned<String>>,
    /// A store of your own that speaks S3; default: AWS's own
    pub endpoint_url: Option<Spanned<String>>,
    /// Whether the bucket stands in the path and not in the host's name; with an `endpoint_url` it does
    pub path_style: Option<Spanned<bool>>,
    /// Whether checksums are sent only where S3 demands them: for stores that refuse them in trailers
    pub checksums_when_required: Option<Spanned<bool>>,
    /// Whether requests go unsigned: public buckets
    pub anonymous: Option<Spanned<bool>>,
    /// The account that owns the bucket; one of this name that another account owns is refused; default: not looked at
    pub expected_bucket_owner: Option<Spanned<String>>,
    /// Whether it starts read-only, looks it, and is unlocked for a while only with a reason
    pub protected: Option<Spanned<bool>>,
    /// The colour of its name in the header; default: the theme's
    pub accent: Option<Spanned<String>>,
    /// Its own theme: as `console.theme`, and stronger; default: `console.theme`
    pub theme: Option<Spanned<String>>,
    /// Its own table, taken instead of the common one
    pub emr: Option<EmrTable>,
    /// Its own table, taken instead of the common one
    pub airflow: Option<Spanned<AirflowTable>>,
    /// Its own table, taken instead of the common one
    pub cloudwatch: Option<CloudWatchTable>,
}
}

documented! {
/// `[prefixes]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct PrefixesTable {
    /// Dead letters, written by pipelines
    pub errors: Option<Spanned<String>>,
    /// What was moved out of the pipeline's way
    pub quarantine: Option<Spanned<String>>,
    /// What is kept for good
    pub archive: Option<Spanned<String>>,
    /// lakeward's own records
    pub state: Option<Spanned<String>>,
}
}

documented! {
/// `[thresholds]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ThresholdsTable {
    /// More rejected rows in a dead letter than this are critical [rows]
    pub dlq_rows_critical: Option<Spanned<u64>>,
    /// More rejected rows in a dead letter than this are a warning [rows]
    pub dlq_rows_warning: Option<Spanned<u64>>,
    /// No new data for longer than this is critical
    pub no_data: Option<Spanned<DurationText>>,
    /// A dead letter without its completion marker for longer than this is a warning
    pub incomplete: Option<Spanned<DurationText>>,
    /// Data in quarantine for longer than this is a warning
    pub quarantine: Option<Spanned<DurationText>>,
    /// A larger share of a job's runs that failed is critical [share of 1]
    pub failure_rate: Option<Spanned<f64>>,
    /// The runs that this share is taken of: those that ended within this time
    pub failure_window: Option<Spanned<DurationText>>,
    /// Fewer runs than this give no share [runs]
    pub failure_samples: Option<Spanned<u64>>,
    /// A run that takes more than so many times the average is a warning [times]
    pub duration_factor: Option<Spanned<f64>>,
    /// The runs that this average is taken of: those that succeeded within this time
    pub duration_window: Option<Spanned<DurationText>>,
    /// Fewer runs than this give no average [runs]
    pub duration_samples: Option<Spanned<u64>>,
    /// A smaller share of quality checks that pass is a warning [share of 1]
    pub pass_rate: Option<Spanned<f64>>,
    /// How long completed jobs and passing checks are shown
    pub info_for: Option<Spanned<DurationText>>,
}
}

documented! {
/// `[[overrides]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct OverrideTable {
    /// The layer whose thresholds these are; exactly one of layer, dataset and job
    pub layer: Option<Spanned<Layer>>,
    /// The dataset whose thresholds these are; exactly one of layer, dataset and job
    pub dataset: Option<Spanned<String>>,
    /// The job whose thresholds these are; exactly one of layer, dataset and job
    pub job: Option<Spanned<String>>,
    /// What differs
    pub thresholds: ThresholdsTable,
}
}

documented! {
/// `[quality]`, `[feed]` and `[audit]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct PlacesTable {
    /// The newest objects below these are read
    pub prefixes: Option<Spanned<Vec<String>>>,
}
}

documented! {
/// `[[jobs]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct JobTable {
    /// Its name in alerts, flags and on screen
    pub name: Spanned<String>,
    /// The dataset that it writes
    pub dataset: Option<Spanned<String>>,
    /// The layer of that dataset; default: what the dataset's own table or its name says
    pub layer: Option<Layer>,
    /// What other systems call it; an environment before the name and a time behind it need not be named
    #[serde(default)]
    pub called: Vec<String>,
    /// A command of this machine that it is, run in the lake's folder; `{date}`, `{dataset}`, `{entry}` are filled in
    pub command: Option<Spanned<CommandText>>,
    /// Or a run of this DAG
    pub dag: Option<Spanned<String>>,
    /// What the DAG's run is given; `{date}`, `{dataset}`, `{entry}` are filled in
    #[serde(default)]
    pub conf: serde_json::Map<String, serde_json::Value>,
    /// Whether the date of the data is the DAG run's logical date
    #[serde(default)]
    pub logical_date: bool,
    /// Or a run of EMR Serverless like the newest one of this job; `{}` takes that one's own arguments, for another date
    pub emr: Option<Spanned<JobEmrTable>>,
}
}

documented! {
/// A run of EMR Serverless, in a `[[jobs]]` table: `emr = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct JobEmrTable {
    /// Its arguments; `{date}`, `{dataset}`, `{entry}` are filled in; default: those of the newest run
    pub arguments: Option<Vec<String>>,
}
}

documented! {
/// `[[layers]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct LayerTable {
    /// Which layer
    pub layer: Spanned<Layer>,
    /// What fills its datasets: `lakeward backfill`, where a dataset names none and no job alone writes it
    pub job: Option<Spanned<String>>,
    /// What redrives their dead letters: `lakeward dlq redrive`, where a dataset names none
    pub redrive: Option<Spanned<String>>,
}
}

/// A command: a line for the shell, or a program and its arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "wrong type, expected a line for the shell (\"scripts/run_job.sh orders {date}\"), or a list of words"
)]
pub enum CommandText {
    /// For `sh -c`.
    Line(String),
    /// As they are.
    Words(Vec<String>),
}

documented! {
/// `[[datasets]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct DatasetTable {
    /// What stands between the errors prefix and `dt=`
    pub name: Spanned<String>,
    /// Its layer; default: what its name begins with, if that is one
    pub layer: Option<Layer>,
    /// Where good data lands: how new it is, is seen there; default: it is not watched
    pub data_prefix: Option<Spanned<String>>,
    /// No new data for longer than this is critical; default: what its contract says, or `thresholds.no_data`
    pub max_age: Option<Spanned<DurationText>>,
    /// The schema contract: a path in the lake, or `glue:REGISTRY/SCHEMA`, that schema's newest version that is available
    pub contract: Option<Spanned<String>>,
    /// Columns that hold personal data, beside those of all datasets
    #[serde(default)]
    pub personal_columns: Vec<String>,
    /// What fills it; default: the one job that writes it, or that of its layer
    pub job: Option<Spanned<String>>,
    /// What redrives its dead letters; default: that of its layer
    pub redrive: Option<Spanned<String>>,
}
}

documented! {
/// `[[categories]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct CategoryTable {
    /// A regular expression, looked for in the error type and message
    pub pattern: Spanned<String>,
    /// What it means
    pub category: FailureCategory,
}
}

documented! {
/// `[console]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ConsoleTable {
    /// Colours and marks
    pub theme: Option<Spanned<String>>,
    /// Whether no glyph beyond ASCII is drawn
    pub ascii: Option<Spanned<bool>>,
    /// The time between two refreshes; 0 means by hand only
    pub refresh: Option<Spanned<DurationText>>,
    /// How copies reach the terminal
    pub osc52: Option<Spanned<String>>,
    /// `"KEY" = "COMMAND"`: what each key runs; `"none"` frees a key; `?` in the console lists the commands
    #[serde(default)]
    pub keys: BTreeMap<String, Spanned<String>>,
}
}
