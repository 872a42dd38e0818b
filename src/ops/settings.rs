//! What the use cases need to know of a lake: the part of the configuration that is not about screens.

use std::collections::BTreeMap;

use chrono::Duration;

use crate::lake::path::Prefixes;
use crate::model::category::CategoryRule;
use crate::model::command::JobCommand;
use crate::model::consumer::Consumer;
use crate::model::dataset::{Dataset, DatasetSettings, Layer, LayerJobs};
use crate::model::retry::RetryPolicy;
use crate::model::route::Route;
use crate::model::rules::{Override, Thresholds};
use crate::model::run::JobName;
use crate::model::secret::WatchedSecret;
use crate::model::verify::FRESH_FOR;

/// Settings of one lake.
#[derive(Debug, Clone, Default)]
pub struct LakeSettings {
    /// Where things lie.
    pub prefixes: Prefixes,
    /// When to alert.
    pub thresholds: Thresholds,
    /// When to alert instead, of some.
    pub overrides: Vec<Override>,
    /// Datasets that need more than the defaults.
    pub datasets: Vec<DatasetSettings>,
    /// Where results of quality gates lie; each ends in `/`.
    pub quality: Vec<String>,
    /// Where jobs write records of their own runs; each ends in `/`.
    pub audits: Vec<String>,
    /// Where the pipeline's own alert feed lies: prefixes, or keys.
    pub feeds: Vec<String>,
    /// Where a team's own runbooks lie: prefixes of the lake, and folders of this machine by their whole paths.
    pub runbooks: Vec<String>,
    /// The credentials of sources that are watched.
    pub secrets: Vec<WatchedSecret>,
    /// Those who read the data.
    pub consumers: Vec<Consumer>,
    /// How long a check that shows that an incident is over counts; [`FRESH_FOR`] where unset.
    pub evidence_for: Option<Duration>,
    /// When a run that failed is asked for again.
    pub retry: RetryPolicy,
    /// The jobs that are commands of this machine.
    pub commands: BTreeMap<JobName, JobCommand>,
    /// How jobs are run that are no commands.
    pub routes: BTreeMap<JobName, Route>,
    /// The jobs of layers.
    pub layers: Vec<LayerJobs>,
    /// The jobs that are said to write a dataset, where one alone is.
    pub writers: BTreeMap<Dataset, JobName>,
    /// How reasons become failure categories, in order.
    pub categories: Vec<CategoryRule>,
    /// Columns of any dataset that hold personal data; compared without case.
    pub personal_columns: Vec<String>,
}

impl LakeSettings {
    /// How long a check that shows that an incident is over counts.
    pub fn evidence_for(&self) -> Duration {
        self.evidence_for.unwrap_or(FRESH_FOR)
    }

    /// What is configured for a dataset, if anything.
    pub fn dataset(&self, name: &Dataset) -> Option<&DatasetSettings> {
        self.datasets.iter().find(|d| &d.dataset == name)
    }

    /// The layer of a dataset: as configured, or as its name says.
    pub fn layer(&self, name: &Dataset) -> Option<Layer> {
        self.dataset(name).and_then(|d| d.layer).or_else(|| Layer::of_name(name))
    }

    /// The job that fills a dataset: its own, the one that is said to write it, or that of its layer.
    pub fn job_of(&self, dataset: &Dataset) -> Option<&JobName> {
        let own = self.dataset(dataset).and_then(|d| d.job.as_ref());
        own.or_else(|| self.writers.get(dataset)).or_else(|| self.layer_jobs(dataset)?.job.as_ref())
    }

    /// The job that redrives a dataset's dead letters: its own, or that of its layer.
    pub fn redrive_of(&self, dataset: &Dataset) -> Option<&JobName> {
        let own = self.dataset(dataset).and_then(|d| d.redrive.as_ref());
        own.or_else(|| self.layer_jobs(dataset)?.redrive.as_ref())
    }

    fn layer_jobs(&self, dataset: &Dataset) -> Option<&LayerJobs> {
        let layer = self.layer(dataset)?;
        self.layers.iter().find(|jobs| jobs.layer == layer)
    }

    /// When to alert of a dataset.
    pub fn thresholds_of(&self, dataset: &Dataset) -> Thresholds {
        self.thresholds.of(&self.overrides, self.layer(dataset), Some(dataset), None)
    }

    /// When to alert of a job, and of the dataset that it writes.
    pub fn thresholds_of_job(&self, job: &JobName, dataset: Option<&Dataset>, layer: Option<Layer>) -> Thresholds {
        self.thresholds.of(&self.overrides, layer, dataset, Some(job))
    }

    /// Whether a column of a dataset is named as personal data.
    pub fn is_personal(&self, dataset: &Dataset, column: &str) -> bool {
        let of_dataset = self.dataset(dataset).map(|d| d.personal_columns.as_slice()).unwrap_or_default();
        self.personal_columns.iter().chain(of_dataset).any(|p| p.eq_ignore_ascii_case(column))
    }
}
