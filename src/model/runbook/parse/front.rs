//! The front matter of a runbook, which binds it. Other keys are other programs'.

use serde::Deserialize;

use crate::model::category::FailureCategory;
use crate::model::dataset::Layer;
use crate::model::runbook::Binding;

/// What front matter says.
#[derive(Debug, Default)]
pub struct Front {
    /// Instead of the first heading.
    pub title: Option<String>,
    /// What it is for.
    pub binding: Binding,
}

/// One word or several.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Words {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Words {
    fn all(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(word) => vec![word],
            Self::Many(words) => words,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    title: Option<String>,
    #[serde(alias = "category")]
    categories: Words,
    #[serde(alias = "layer")]
    layers: Words,
    #[serde(alias = "job")]
    jobs: Words,
    #[serde(alias = "dataset")]
    datasets: Words,
    #[serde(alias = "rule", alias = "alerts", alias = "alert")]
    rules: Words,
}

/// Reads front matter; what cannot be is a problem, told in a sentence.
pub fn read(text: Option<&str>, problems: &mut Vec<String>) -> Front {
    let Some(text) = text.filter(|t| !t.trim().is_empty()) else { return Front::default() };
    let keys: Keys = match serde_saphyr::from_str(text) {
        Ok(keys) => keys,
        Err(e) => {
            let fault = e.to_string();
            problems.push(format!("front matter: {}", fault.lines().next().unwrap_or_default()));
            return Front::default();
        }
    };
    let mut known = |what: &str, word: &str, found: bool| {
        if !found {
            problems.push(format!("front matter: no {what} {word:?}"));
        }
    };
    let categories = keys.categories.all();
    let layers = keys.layers.all();
    let binding = Binding {
        categories: categories
            .iter()
            .filter_map(|word| {
                let found = FailureCategory::from_word(word);
                known("failure category", word, found.is_some());
                found
            })
            .collect(),
        layers: layers
            .iter()
            .filter_map(|word| {
                let found = Layer::from_word(word);
                known("layer", word, found.is_some());
                found
            })
            .collect(),
        jobs: keys.jobs.all(),
        datasets: keys.datasets.all(),
        rules: keys.rules.all(),
    };
    Front { title: keys.title, binding }
}
