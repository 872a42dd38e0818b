//! `[[jobs]]`: the jobs of the pipeline under the names that all systems share, and what each writes.

use std::collections::BTreeMap;

use toml::Spanned;

use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::Ledger;
use super::tables::{CommandText, JobTable};
use crate::model::command::JobCommand;
use crate::model::dag::DagId;
use crate::model::dataset::{Dataset, DatasetSettings, Layer, LayerJobs};
use crate::model::route::Route;
use crate::model::run::JobName;
use crate::ops::LakeSettings;

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
    /// What it is elsewhere.
    pub route: Option<Route>,
}

/// What a job is elsewhere; one thing alone.
fn route(document: &Document, table: &JobTable) -> Result<Option<Route>, ConfigError> {
    let fault = |what: &str| document.fault(&table.name, what.to_owned(), "one of command, dag and emr");
    match (&table.dag, &table.emr, &table.command) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err(fault("a job is one of command, dag and emr"))
        }
        (None, ..) if !table.conf.is_empty() || table.logical_date => {
            Err(document.fault(&table.name, "conf and logical_date are of a DAG", "dag = \"ID\" beside them"))
        }
        (Some(dag), None, None) if dag.get_ref().trim().is_empty() => {
            Err(document.fault(dag, "jobs.dag is empty", "the DAG's id"))
        }
        (Some(dag), None, None) => Ok(Some(Route::Dag {
            dag: DagId(dag.get_ref().as_str().into()),
            conf: table.conf.clone(),
            logical: table.logical_date,
        })),
        (None, Some(emr), None) => Ok(Some(Route::Emr { arguments: emr.get_ref().arguments.clone() })),
        (None, None, _) => Ok(None),
    }
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
                route: route(document, table)?,
            });
        }
    }
    Ok(all)
}

/// Adds what the jobs say: what they are, and which datasets they fill and redrive.
pub fn tell(
    settings: &mut LakeSettings,
    layers: &Layers,
    jobs: &[JobConfig],
    ledger: &mut Ledger,
) -> Result<(), ConfigError> {
    (settings.layers, settings.writers) = bindings(layers, jobs, &settings.datasets, ledger)?;
    settings.routes = jobs.iter().filter_map(|job| Some((job.name.clone(), job.route.clone()?))).collect();
    settings.commands = jobs.iter().filter_map(|job| Some((job.name.clone(), job.command.clone()?))).collect();
    Ok(())
}

/// The jobs of layers, the stronger file's table whole, and the datasets of which one job alone says that it writes them.
/// A job that is named and not there would be found out at 3 a.m.: it is a fault now.
fn bindings(
    layers: &Layers,
    jobs: &[JobConfig],
    datasets: &[DatasetSettings],
    ledger: &mut Ledger,
) -> Result<(Vec<LayerJobs>, BTreeMap<Dataset, JobName>), ConfigError> {
    let mut of_layers: Vec<LayerJobs> = Vec::new();
    let known = |name: &str| jobs.iter().any(|job| *job.name.0 == *name);
    for document in layers.documents() {
        let mut seen = Vec::new();
        let of_datasets = document.tables.datasets.iter().map(|d| d.get_ref());
        let named = of_datasets.flat_map(|d| [("datasets.job", &d.job), ("datasets.redrive", &d.redrive)]);
        let of_layer = document.tables.layers.iter().map(|l| l.get_ref());
        let named = named.chain(of_layer.flat_map(|l| [("layers.job", &l.job), ("layers.redrive", &l.redrive)]));
        for (key, job) in named.filter_map(|(key, job)| Some((key, job.as_ref()?))) {
            if !known(job.get_ref()) {
                let fault = format!("{key} `{}` is no job", job.get_ref());
                return Err(document.fault(job, fault, "the name of a [[jobs]] table"));
            }
        }
        for table in document.tables.layers.iter().map(|l| l.get_ref()) {
            let layer = *table.layer.get_ref();
            if seen.contains(&layer) {
                let fault = format!("layer `{}` is there twice", layer.word());
                return Err(document.fault(&table.layer, fault, "one [[layers]] table for each layer"));
            }
            seen.push(layer);
            if of_layers.iter().any(|jobs| jobs.layer == layer) {
                continue;
            }
            ledger.note("layers", layer.word().to_owned(), document.source(&table.layer.span()));
            let job = |name: &Option<Spanned<String>>| name.as_ref().map(|n| JobName(n.get_ref().as_str().into()));
            of_layers.push(LayerJobs { layer, job: job(&table.job), redrive: job(&table.redrive) });
        }
    }
    let redrives = |job: &JobName| {
        let of_layers = of_layers.iter().filter_map(|l| l.redrive.as_ref());
        datasets.iter().filter_map(|d| d.redrive.as_ref()).chain(of_layers).any(|redrive| redrive == job)
    };
    let mut writers: BTreeMap<Dataset, Vec<JobName>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !redrives(&job.name)) {
        if let Some(dataset) = &job.dataset {
            writers.entry(dataset.clone()).or_default().push(job.name.clone());
        }
    }
    let alone = |(dataset, jobs): (Dataset, Vec<JobName>)| match <[JobName; 1]>::try_from(jobs) {
        Ok([job]) => Some((dataset, job)),
        Err(_) => None,
    };
    Ok((of_layers, writers.into_iter().filter_map(alone).collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<Vec<Option<Route>>, ConfigError> {
        let document = Document::parse(Path::new("config.toml"), text.to_owned())?;
        document.tables.jobs.iter().map(|job| route(&document, job.get_ref())).collect()
    }

    #[test]
    fn a_job_is_a_dag_or_a_run_like_the_newest() {
        let text = "[[jobs]]\nname = \"a\"\ndag = \"daily\"\nconf = { date = \"{date}\" }\nlogical_date = true\n\
                    [[jobs]]\nname = \"b\"\nemr = {}\n[[jobs]]\nname = \"c\"\nemr = { arguments = [\"{date}\"] }\n\
                    [[jobs]]\nname = \"d\"\n";
        let routes = read(text).unwrap();
        assert!(
            matches!(&routes[0], Some(Route::Dag { dag, conf, logical: true }) if &*dag.0 == "daily" && conf.len() == 1)
        );
        assert_eq!(routes[1], Some(Route::Emr { arguments: None }));
        assert_eq!(routes[2], Some(Route::Emr { arguments: Some(vec!["{date}".into()]) }));
        assert_eq!(routes[3], None);
    }

    #[test]
    fn what_contradicts_itself_names_its_line() {
        for (text, fault) in [
            ("[[jobs]]\nname = \"a\"\ndag = \"x\"\nemr = {}", "one of command, dag and emr"),
            ("[[jobs]]\nname = \"a\"\ndag = \"x\"\ncommand = \"true\"", "one of command, dag and emr"),
            ("[[jobs]]\nname = \"a\"\nconf = { x = 1 }", "of a DAG"),
            ("[[jobs]]\nname = \"a\"\ndag = \" \"", "jobs.dag is empty"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(fault) && error.contains("config.toml:"), "{text}: {error}");
        }
    }
}
