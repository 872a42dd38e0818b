//! Datasets and the layers they live in.

use std::fmt;
use std::sync::Arc;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::run::JobName;

/// What sits between the errors prefix and `dt=`; may hold slashes: `crm/contacts`.
/// The text is what the lake says, so it is hostile: escape it before it reaches a terminal. Shared by what
/// bears it: a lake has few datasets and many entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dataset(pub Arc<str>);

impl Dataset {
    /// The name as the lake spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The medallion layer of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// As it came from the source.
    Bronze,
    /// Cleaned and conformed.
    Silver,
    /// Served to consumers.
    Gold,
}

impl Layer {
    /// The word used in JSON, flags and paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
        }
    }

    /// The layer of a word, in whatever case.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Bronze, Self::Silver, Self::Gold];
        all.into_iter().find(|layer| layer.word().eq_ignore_ascii_case(word.trim()))
    }

    /// The layer that a dataset's own name gives away (`silver/orders`), if it does.
    pub fn of_name(dataset: &Dataset) -> Option<Self> {
        match dataset.0.split('/').next()? {
            "bronze" => Some(Self::Bronze),
            "silver" => Some(Self::Silver),
            "gold" => Some(Self::Gold),
            _ => None,
        }
    }
}

/// What the configuration says of one dataset; every field but the name has a default.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSettings {
    /// Its name, as it stands under the errors prefix.
    pub dataset: Dataset,
    /// Its layer, when its name does not say it.
    pub layer: Option<Layer>,
    /// Where its good data lands, relative to the lake (`bronze/crm/contacts/`); freshness is read there.
    pub data_prefix: Option<String>,
    /// How old its newest object may be; the runbook's hour when unset.
    pub max_age: Option<Duration>,
    /// Its contract file, relative to the lake.
    pub contract: Option<String>,
    /// Columns that hold personal data: masked until revealed.
    pub personal_columns: Vec<String>,
    /// The job that fills it; that of its layer, or the one that is said to write it, when unset.
    pub job: Option<JobName>,
    /// The job that redrives its dead letters; that of its layer when unset.
    pub redrive: Option<JobName>,
}

/// The jobs of a layer, for its datasets that name none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerJobs {
    /// The layer.
    pub layer: Layer,
    /// What fills a dataset.
    pub job: Option<JobName>,
    /// What redrives dead letters.
    pub redrive: Option<JobName>,
}

impl DatasetSettings {
    /// A dataset of which nothing more is said.
    pub fn of(name: &str) -> Self {
        let dataset = Dataset(name.into());
        Self {
            dataset,
            layer: None,
            data_prefix: None,
            max_age: None,
            contract: None,
            personal_columns: Vec::new(),
            job: None,
            redrive: None,
        }
    }
}
