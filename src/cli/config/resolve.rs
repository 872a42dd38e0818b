//! Resolves every value by precedence: flag, environment variable, the lake's own file, the configuration
//! file, default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Duration;
use toml::Spanned;

use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::{Ledger, Source, Sourced};
use super::tables::{EnvironmentTable, Kind, Tables};
use super::target::{self, LakeTarget};
use super::{
    Config, ConsoleConfig, Places, Vars, Vocabulary, check, jobs, notify, outside, own, retry, runbooks, services,
    thresholds, verify, watched,
};
use crate::cli::args::Global;
use crate::cli::connect::builtin_categories;
use crate::lake::path::Prefixes;
use crate::model::dataset::DatasetSettings;
use crate::ops::LakeSettings;
use crate::sources::audits;
use crate::sources::quality::DEFAULT_PREFIXES;

/// Reads the files and resolves every value. `here` is the folder that relative flags are taken from.
pub fn load(
    global: &Global,
    vars: &Vars,
    places: &Places,
    here: &Path,
    known: &Vocabulary,
) -> Result<Config, ConfigError> {
    let file = configuration(global, vars, places, here)?;
    resolve(file, own::read, global, vars, places, here, known)
}

/// Resolves every value of a file that was read; `own` reads that of a lake in a folder.
pub(super) fn resolve(
    file: Option<Document>,
    own: impl Fn(&Path) -> Result<Option<Document>, ConfigError>,
    global: &Global,
    vars: &Vars,
    places: &Places,
    here: &Path,
    known: &Vocabulary,
) -> Result<Config, ConfigError> {
    if let Some(document) = &file {
        environments_are_sound(document, places)?;
    }
    let mut ledger = Ledger::default();
    let chosen = choose(global, vars, file.as_ref(), places, here)?;
    ledger.note("environment", chosen.name.clone().unwrap_or_else(|| "unset".to_owned()), chosen.name_source.clone());
    let lake = chosen.lake(global, vars, file.as_ref(), &mut ledger)?;
    let own = match &lake {
        Some(LakeTarget::Folder(folder)) => own(folder)?,
        _ => None,
    };
    let layers = Layers { own: own.as_ref(), file: file.as_ref() };
    let mut settings = layers.settings(&mut ledger)?;
    let (protected, read_only) = chosen.protection(global, vars, file.as_ref(), &mut ledger);
    let around = notify::Around {
        vars,
        places,
        environment: chosen.name.as_deref(),
        profile: lake.as_ref().and_then(|lake| match lake {
            LakeTarget::S3(s3) => s3.access.profile.as_deref(),
            LakeTarget::Folder(_) => None,
        }),
    };
    let notify = file.as_ref().map_or(Ok(Vec::new()), |d| notify::notifiers(d, &around, &mut ledger))?;
    let jobs = jobs::jobs(&layers, &mut ledger)?;
    let own_services = chosen.table(file.as_ref());
    let emr = services::emr(&layers, own_services, lake.as_ref(), &mut ledger)?;
    let airflow = services::airflow(file.as_ref(), own_services, vars, places, lake.as_ref(), &mut ledger)?;
    let account = watched::account(lake.as_ref());
    let secrets = watched::all_secrets(&layers, &account, &mut settings, &mut ledger)?;
    jobs::tell(&mut settings, &layers, &jobs, &mut ledger)?;
    let glue = watched::glue(file.as_ref(), &settings.datasets, &account, &mut ledger)?;
    let athena = verify::athena(file.as_ref(), &settings.consumers, &account, &mut ledger)?;
    let cloudwatch = services::cloudwatch(&layers, own_services, lake.as_ref(), &mut ledger)?;
    let console = layers.console(global, vars, &chosen, known, &mut ledger)?;
    Ok(Config {
        file: file.map(|d| d.path),
        lake_file: own.map(|d| d.path),
        environment: chosen.name,
        lake,
        settings,
        protected,
        read_only,
        emr,
        airflow,
        account,
        secrets,
        glue,
        athena,
        cloudwatch,
        jobs,
        notify,
        console,
        values: ledger.values,
    })
}

/// The configuration file: one that is named must be there, the one in the XDG place need not.
fn configuration(global: &Global, vars: &Vars, places: &Places, here: &Path) -> Result<Option<Document>, ConfigError> {
    let named = global.config.clone().or_else(|| outside::CONFIG.of(vars).map(|named| PathBuf::from(named.value)));
    let path = match (named, places.config_file()) {
        (Some(path), _) => here.join(path),
        (None, Some(path)) if path.exists() => path,
        (None, _) => return Ok(None),
    };
    Document::read(&path).map(Some)
}

fn environments_are_sound(document: &Document, places: &Places) -> Result<(), ConfigError> {
    for (name, table) in &document.tables.environments {
        environment_is_sound(document, name, table, places)?;
    }
    match &document.tables.environment {
        Some(name) if !document.tables.environments.contains_key(name.get_ref()) => {
            Err(document.fault(name, format!("no environment `{}`", name.get_ref()), environments(document)))
        }
        _ => Ok(()),
    }
}

fn environments(document: &Document) -> String {
    let names: Vec<_> = document.tables.environments.keys().cloned().collect();
    if names.is_empty() { "a name that has an [environments.NAME] table".to_owned() } else { names.join(", ") }
}

fn environment_is_sound(
    document: &Document,
    name: &str,
    table: &Spanned<EnvironmentTable>,
    places: &Places,
) -> Result<(), ConfigError> {
    let table = table.get_ref();
    let lake = target::address(table.lake.get_ref(), base_of(document), places)
        .map_err(|fault| document.fault(&table.lake, format!("environments.{name}.lake: {fault}"), target::ALLOWED))?;
    match (table.kind.get_ref(), lake) {
        (Kind::Aws, LakeTarget::Folder(_)) => Err(document.fault(
            &table.lake,
            format!("environment `{name}` is of kind aws and its lake `{}` is a folder", table.lake.get_ref()),
            "s3://bucket[/prefix], or kind = \"local\"",
        )),
        (Kind::Local, LakeTarget::S3(_)) => Err(document.fault(
            &table.lake,
            format!("environment `{name}` is of kind local and its lake is `{}`", table.lake.get_ref()),
            "a folder, or kind = \"aws\"",
        )),
        _ => Ok(()),
    }
}

fn base_of(document: &Document) -> &Path {
    document.path.parent().unwrap_or(Path::new(""))
}

/// Which environment and which lake.
struct Chosen {
    name: Option<String>,
    name_source: Source,
    address: Option<Sourced<LakeTarget>>,
}

/// The lake and the environment are one choice: flags name it, or else the variables, or else the file. So
/// `--env prod` opens prod whatever `LAKEWARD_LAKE` says. A lake named by its address alone is the
/// environment that has this address, with its protection and credentials, if there is one.
fn choose(
    global: &Global,
    vars: &Vars,
    file: Option<&Document>,
    places: &Places,
    here: &Path,
) -> Result<Chosen, ConfigError> {
    let flags = (outside::ENVIRONMENT.flagged(&global.env), outside::LAKE.flagged(&global.lake));
    let variables = (outside::ENVIRONMENT.of(vars), outside::LAKE.of(vars));
    let level = [flags, variables].into_iter().find(|(env, lake)| env.is_some() || lake.is_some());
    let (name, lake) = level.unwrap_or_else(|| (file.and_then(default_environment), None));
    let address = lake
        .map(|lake| {
            target::address(&lake.value, here, places)
                .map(|value| Sourced { value, source: lake.source.clone() })
                .map_err(|fault| ConfigError::new(lake.source.to_string(), fault, target::ALLOWED))
        })
        .transpose()?;
    let of_file = |name: &str| {
        let document = file?;
        let table = document.tables.environments.get(name)?.get_ref();
        let lake = target::address(table.lake.get_ref(), base_of(document), places).ok()?;
        Some((document, table, lake))
    };
    if let Some(name) = name {
        let Some((document, table, own)) = of_file(&name.value) else {
            let allowed =
                file.map_or_else(|| "a configuration file that has it (`lakeward init`)".to_owned(), environments);
            return Err(ConfigError::new(name.source.to_string(), format!("no environment `{}`", name.value), allowed));
        };
        let address = address.unwrap_or_else(|| Sourced { value: own, source: document.source(&table.lake.span()) });
        if matches!(address.value, LakeTarget::S3(_)) != (*table.kind.get_ref() == Kind::Aws) {
            return Err(ConfigError::new(
                address.source.to_string(),
                format!("the lake `{}` does not fit the kind of environment `{}`", address.value.shown(), name.value),
                "s3:// for kind aws, a folder for kind local",
            ));
        }
        return Ok(Chosen { name: Some(name.value), name_source: name.source, address: Some(address) });
    }
    let same = address.as_ref().and_then(|address| {
        let names = file.map(|d| d.tables.environments.keys()).into_iter().flatten();
        let mut same = names.filter(|n| of_file(n).is_some_and(|(_, _, lake)| lake == address.value));
        same.next().map(|name| (name.clone(), address.source.clone()))
    });
    let (name, name_source) = same.map_or((None, Source::Default), |(name, source)| (Some(name), source));
    Ok(Chosen { name, name_source, address })
}

/// The environment that the file chooses; the only one needs no choice.
fn default_environment(document: &Document) -> Option<Sourced<String>> {
    let all = &document.tables.environments;
    document.maybe(document.tables.environment.as_ref()).or_else(|| match all.len() {
        1 => all.iter().next().map(|(name, t)| Sourced { value: name.clone(), source: document.source(&t.span()) }),
        _ => None,
    })
}

impl Chosen {
    fn table<'a>(&self, file: Option<&'a Document>) -> Option<(&'a Document, &'a EnvironmentTable)> {
        let document = file?;
        Some((document, document.tables.environments.get(self.name.as_ref()?)?.get_ref()))
    }

    /// A value of the environment's table.
    fn own<T: Clone>(
        &self,
        file: Option<&Document>,
        get: impl Fn(&EnvironmentTable) -> Option<&Spanned<T>>,
    ) -> Option<Sourced<T>> {
        let (document, table) = self.table(file)?;
        document.maybe(get(table))
    }

    fn lake(
        &self,
        global: &Global,
        vars: &Vars,
        file: Option<&Document>,
        ledger: &mut Ledger,
    ) -> Result<Option<LakeTarget>, ConfigError> {
        let Some(address) = &self.address else { return Ok(None) };
        ledger.note("lake", address.value.shown(), address.source.clone());
        let LakeTarget::S3(base) = &address.value else { return Ok(Some(address.value.clone())) };
        let mut s3 = base.clone();
        let mut region = outside::REGION.said(&global.region, vars);
        region.push(self.own(file, |t| t.region.as_ref()));
        s3.access.region = ledger.pick_optional("region", region).value;
        let mut profile = outside::PROFILE.said(&global.profile, vars);
        profile.push(self.own(file, |t| t.profile.as_ref()));
        s3.access.profile = ledger.pick_optional("profile", profile).value;
        let mut endpoint = outside::ENDPOINT_URL.said(&global.endpoint_url, vars);
        endpoint.push(self.own(file, |t| t.endpoint_url.as_ref()));
        for named in endpoint.iter().flatten().take(1) {
            check::endpoint(named)?;
        }
        s3.access.endpoint_url = ledger.pick_optional("endpoint_url", endpoint).value;
        // Stores behind an endpoint of their own rarely have a host name for each bucket.
        let own_endpoint = s3.access.endpoint_url.is_some();
        s3.path_style = ledger.pick("path_style", [self.own(file, |t| t.path_style.as_ref())], own_endpoint).value;
        let checksums = [self.own(file, |t| t.checksums_when_required.as_ref())];
        s3.checksums_when_required = ledger.pick("checksums_when_required", checksums, false).value;
        let owner = [self.own(file, |t| t.expected_bucket_owner.as_ref())];
        for named in owner.iter().flatten() {
            check::account(named)?;
        }
        s3.expected_bucket_owner = ledger.pick_optional("expected_bucket_owner", owner).value;
        s3.access.anonymous = ledger.pick("anonymous", [self.own(file, |t| t.anonymous.as_ref())], false).value;
        Ok(Some(LakeTarget::S3(s3)))
    }

    fn protection(
        &self,
        global: &Global,
        vars: &Vars,
        file: Option<&Document>,
        ledger: &mut Ledger,
    ) -> (Sourced<bool>, Sourced<bool>) {
        // A lake on S3 that nobody said anything about is taken for one that matters.
        let unsaid = matches!(self.address.as_ref().map(|a| &a.value), Some(LakeTarget::S3(_)));
        let protected = ledger.pick("protected", [self.own(file, |t| t.protected.as_ref())], unsaid);
        let flag = global.read_only.then_some(Sourced { value: true, source: outside::READ_ONLY.flag() });
        let read_only = [flag, outside::READ_ONLY.of(vars).map(|said| said.map(|value| value != "0"))];
        (protected, ledger.pick("read_only", read_only, false))
    }
}

impl Layers<'_> {
    fn settings(&self, ledger: &mut Ledger) -> Result<LakeSettings, ConfigError> {
        let places = Prefixes::default();
        let prefixes = check::prefixes([
            ("errors", ledger.pick("prefixes.errors", self.get(|t| t.prefixes.errors.as_ref()), places.errors)),
            (
                "quarantine",
                ledger.pick("prefixes.quarantine", self.get(|t| t.prefixes.quarantine.as_ref()), places.quarantine),
            ),
            ("archive", ledger.pick("prefixes.archive", self.get(|t| t.prefixes.archive.as_ref()), places.archive)),
            ("state", ledger.pick("prefixes.state", self.get(|t| t.prefixes.state.as_ref()), places.state)),
        ])?;
        let (thresholds, overrides) = (thresholds::of(self, ledger)?, thresholds::overrides(self, ledger)?);
        let datasets = self.datasets(ledger)?;
        let built_in = ledger.pick("default_categories", self.get(|t| t.default_categories.as_ref()), true);
        let mut categories = Vec::new();
        for document in self.documents() {
            categories.extend(check::categories(document)?);
        }
        if built_in.value {
            categories.extend(builtin_categories());
        }
        // Masks of both files hold: a lake cannot unmask what the operator's own file names.
        let mut personal_columns = Vec::new();
        for columns in self.get(|t| t.personal_columns.as_ref()).into_iter().flatten() {
            ledger.note("personal_columns", columns.value.join(", "), columns.source);
            personal_columns.extend(columns.value);
        }
        let quality = self.places("quality.prefixes", |t| t.quality.prefixes.as_ref(), &DEFAULT_PREFIXES, ledger)?;
        let quality = quality.into_iter().map(|p| format!("{}/", p.trim_end_matches('/'))).collect();
        let feeds = self.places("feed.prefixes", |t| t.feed.prefixes.as_ref(), &[], ledger)?;
        let runbooks = runbooks::of(self, ledger)?;
        let audits = self.places("audit.prefixes", |t| t.audit.prefixes.as_ref(), &audits::DEFAULT_PREFIXES, ledger)?;
        let audits = audits.into_iter().map(|p| format!("{}/", p.trim_end_matches('/'))).collect();
        Ok(LakeSettings {
            prefixes,
            thresholds,
            overrides,
            datasets,
            quality,
            feeds,
            runbooks,
            audits,
            consumers: verify::consumers(self, ledger)?,
            evidence_for: verify::evidence_for(self, ledger)?,
            retry: retry::of(self, ledger)?,
            categories,
            personal_columns,
            // What the jobs say, and the secrets of the configuration file alone, is added when they are known.
            ..LakeSettings::default()
        })
    }

    /// Places inside the lake, of the stronger file that names any.
    pub(super) fn places(
        &self,
        name: &str,
        get: impl Fn(&Tables) -> Option<&Spanned<Vec<String>>>,
        default: &[&str],
        ledger: &mut Ledger,
    ) -> Result<Vec<String>, ConfigError> {
        let default: Vec<String> = default.iter().map(|p| (*p).to_owned()).collect();
        let named = self.get(get).into_iter().flatten().next();
        let named = named.unwrap_or(Sourced { value: default, source: Source::Default });
        if let Some(wrong) = named.value.iter().find(|p| !check::inside_the_lake(p)) {
            let fault = format!("{name} `{wrong}` is not a place inside the lake");
            return Err(ConfigError::new(named.source.to_string(), fault, "relative paths such as \"_dq_results/\""));
        }
        ledger.note(name, named.value.join(", "), named.source);
        Ok(named.value)
    }

    /// By name, the stronger file's table whole; its masks are added to those of the weaker.
    fn datasets(&self, ledger: &mut Ledger) -> Result<Vec<DatasetSettings>, ConfigError> {
        let mut all: Vec<DatasetSettings> = Vec::new();
        for document in self.documents() {
            for dataset in check::datasets(document)? {
                match all.iter_mut().find(|d| d.dataset == dataset.value.dataset) {
                    Some(stronger) => stronger.personal_columns.extend(dataset.value.personal_columns),
                    None => {
                        ledger.note("datasets", dataset.value.dataset.to_string(), dataset.source);
                        all.push(dataset.value);
                    }
                }
            }
        }
        Ok(all)
    }

    fn console(
        &self,
        global: &Global,
        vars: &Vars,
        chosen: &Chosen,
        known: &Vocabulary,
        ledger: &mut Ledger,
    ) -> Result<ConsoleConfig, ConfigError> {
        let mono = |source| Sourced { value: "mono".to_owned(), source };
        let mut themes = vec![global.no_color.then(|| mono(outside::NO_COLOR.flag()))];
        themes.extend(outside::THEME.said(&global.theme, vars));
        themes.push(outside::NO_COLOR.of(vars).map(|said| mono(said.source)));
        themes.extend(self.own.map(|d| d.maybe(d.tables.console.theme.as_ref())));
        themes.push(chosen.own(self.file, |t| t.theme.as_ref()));
        themes.extend(self.file.map(|d| d.maybe(d.tables.console.theme.as_ref())));
        let theme = check::theme(ledger.pick("console.theme", themes, "dark".to_owned()), known)?;
        let accent = ledger.pick_optional("accent", [chosen.own(self.file, |t| t.accent.as_ref())]);
        check::accent(&accent)?;
        let ascii = ledger.pick("console.ascii", self.get(|t| t.console.ascii.as_ref()), false);
        let refresh = self.duration(|t| t.console.refresh.as_ref());
        let refresh = ledger.pick("console.refresh", refresh, Duration::seconds(60));
        let osc52 = ledger.pick("console.osc52", self.get(|t| t.console.osc52.as_ref()), "auto".to_owned());
        check::osc52(&osc52)?;
        let mut keys = BTreeMap::new();
        for document in self.documents() {
            for (key, run) in check::keys(document, known)? {
                keys.entry(key).or_insert(run);
            }
        }
        for (key, run) in &keys {
            ledger.note(&format!("console.keys.{key}"), run.value.clone(), run.source.clone());
        }
        Ok(ConsoleConfig { theme, ascii, refresh, osc52, keys, accent })
    }
}
