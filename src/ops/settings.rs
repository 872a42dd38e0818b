//! What the use cases need to know of a lake: the part of the configuration that is not about screens.

use crate::lake::path::Prefixes;
use crate::model::category::CategoryRule;
use crate::model::dataset::{Dataset, DatasetSettings};
use crate::model::rules::Thresholds;

/// Settings of one lake.
#[derive(Debug, Clone, Default)]
pub struct LakeSettings {
    /// Where things lie.
    pub prefixes: Prefixes,
    /// When to alert.
    pub thresholds: Thresholds,
    /// Datasets that need more than the defaults.
    pub datasets: Vec<DatasetSettings>,
    /// How reasons become failure categories, in order.
    pub categories: Vec<CategoryRule>,
    /// Columns of any dataset that hold personal data; compared without case.
    pub personal_columns: Vec<String>,
}

impl LakeSettings {
    /// What is configured for a dataset, if anything.
    pub fn dataset(&self, name: &Dataset) -> Option<&DatasetSettings> {
        self.datasets.iter().find(|d| &d.dataset == name)
    }

    /// Whether a column of a dataset is named as personal data.
    pub fn is_personal(&self, dataset: &Dataset, column: &str) -> bool {
        let of_dataset = self.dataset(dataset).map(|d| d.personal_columns.as_slice()).unwrap_or_default();
        self.personal_columns.iter().chain(of_dataset).any(|p| p.eq_ignore_ascii_case(column))
    }
}
