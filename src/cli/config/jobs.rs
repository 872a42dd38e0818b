//! `[[jobs]]`: the jobs of the pipeline under the names that all systems share, and what each writes.

use std::collections::BTreeMap;

use toml::Spanned;

use super::fault::ConfigError;
use super::file::{CommandText, Document};
use super::layers::Layers;
use super::source::Ledger;
use crate::model::command::JobCommand;
use crate::model::dataset::{Dataset, Layer};
use crate::model::run::JobName;

/// A job as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobConfig {
    /// Its name in alerts, flags and on screen.
    pub name: JobName,
    /// What it writes.
    pub dataset: Option<Dataset>,
    /// That dataset's layer, if neither its name nor its own table says it.
    pub layer: Option<Layer>,
    /// What other systems call it.
    pub called: Vec<String>,
    /// What it is, of a local environment.
    pub command: Option<JobCommand>,
}

fn command(document: &Document, given: &Spanned<CommandText>) -> Result<JobCommand, ConfigError> {
    let words = match given.get_ref() {
        CommandText::Line(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        CommandText::Words(words) => words.clone(),
    };
    if words.first().is_none_or(String::is_empty) || words.last().is_none_or(|last| last.trim().is_empty()) {
        return Err(document.fault(given, "jobs.command is empty", "a line for the shell, or a list of words"));
    }
    Ok(JobCommand { words, source: document.source(&given.span()).to_string() })
}

/// The jobs of both files, by name; the stronger file's table whole.
pub fn jobs(layers: &Layers, ledger: &mut Ledger) -> Result<Vec<JobConfig>, ConfigError> {
    let mut all: Vec<JobConfig> = Vec::new();
    for document in layers.documents() {
        let mut seen = BTreeMap::new();
        for entry in &document.tables.jobs {
            let table = entry.get_ref();
            let source = document.source(&table.name.span());
            let name = table.name.get_ref();
            if name.trim().is_empty() {
                return Err(document.fault(&table.name, "jobs.name is empty", "the job's name"));
            }
            if let Some(earlier) = seen.insert(name.clone(), source.clone()) {
                let fault = format!("job `{name}` is there twice, first at {earlier}");
                return Err(document.fault(&table.name, fault, "one [[jobs]] table for each name"));
            }
            let taken = |called: &String| all.iter().any(|j| j.called.contains(called) && *j.name.0 != **name);
            if let Some(twice) = table.called.iter().find(|c| taken(c)) {
                let fault = format!("`{twice}` is what two jobs are called");
                return Err(document.fault(&table.name, fault, "each name of another system at one job"));
            }
            if all.iter().any(|j| *j.name.0 == **name) {
                continue;
            }
            ledger.note("jobs", name.clone(), source);
            all.push(JobConfig {
                name: JobName(name.as_str().into()),
                dataset: table.dataset.as_ref().map(|d| Dataset(d.get_ref().as_str().into())),
                layer: table.layer,
                called: table.called.clone(),
                command: table.command.as_ref().map(|given| command(document, given)).transpose()?,
            });
        }
    }
    Ok(all)
}
