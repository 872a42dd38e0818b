//! The one place where the configuration meets the other rooms: opens the lake, the session, the notifiers, the
//! console and the demo.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::config::{Config, LakeTarget, NotifierConfig, NotifierEnd, Places, Vocabulary};
use super::doctor::examine::Examination;
use super::exit::{CliError, Exit};
use crate::console::{ConsoleSettings, ExitReason, KeyMap, Theme, run_terminal};
use crate::lake::s3::S3Lake;
use crate::lake::{ErrorClass, LakeError, LakeWriter};
use crate::model::category::CategoryRule;
use crate::model::protection::Protection;
use crate::ops::gate::{Gate, Journal};
use crate::ops::{Notifying, Session};
use crate::sources::aws::glue::GlueRegistry;
use crate::sources::notify::file::File;
use crate::sources::notify::pagerduty::PagerDuty;
use crate::sources::notify::sns::Sns;
use crate::sources::notify::webhook::Webhook;
use crate::sources::notify::{Notifier, NotifyError, Unready};

/// The built-in category rules.
pub fn builtin_categories() -> Vec<CategoryRule> {
    crate::model::category::default_rules()
}

/// The names of the console that the configuration may use.
pub fn vocabulary() -> Vocabulary {
    let key = |key: &str, run: &str| {
        let one = BTreeMap::from([(key.to_owned(), run.to_owned())]);
        KeyMap::default().overlay(&one).map(|_| ()).map_err(|e| e.to_string())
    };
    Vocabulary { themes: &Theme::BUILT_IN, key }
}

/// Opens the lake. No request is sent.
pub fn lake(target: &LakeTarget) -> Result<Arc<dyn LakeWriter>, LakeError> {
    match target {
        LakeTarget::Folder(folder) => Ok(Arc::new(crate::lake::folder::Folder::open(folder)?)),
        LakeTarget::S3(target) => Ok(Arc::new(S3Lake::connect(target.clone()))),
    }
}

/// Opens a session on the configured lake, and the gate by which it can be changed. No request is sent.
pub fn session(config: &Config) -> Result<Session, CliError> {
    let lake = lake(config.lake()?)?;
    let reader: Arc<dyn crate::lake::Lake> = lake.clone();
    let (connected, drivers) = super::sources::connect(config, &reader);
    let readers = connected.jobs.clone();
    let mut session = Session::new(reader, config.settings.clone()).with_sources(connected);
    if let Some(access) = &config.glue {
        session = session.with_registry(Arc::new(GlueRegistry::new(access.clone())));
    }
    let examination = Examination::new(config.clone(), Arc::clone(session.lake()));
    session = session.with_examiner(Arc::new(examination));
    let places = Places::of_user();
    if let Some(file) = places.audit_file() {
        session = session.with_audit(file);
    }
    if let Some(file) = places.history_file() {
        session = session.with_history(file);
    }
    // Without a place for its journal nothing may be written.
    let Some(journal) = places.journal() else { return Ok(session) };
    let protection = Protection::of(config.protected.value, config.read_only.value);
    let gate = Gate::new(lake, config.settings.prefixes.clone(), protection, Journal::at(journal));
    let mut gate = gate.driving(drivers.jobs, drivers.dags).counting(config.settings.evidence_for());
    if let Some(file) = places.audit_file() {
        gate = gate.with_log(file);
    }
    let folder = crate::lake::address::file_path(session.lake().url()).ok();
    gate = gate.running(config.settings.commands.clone(), folder).routing(config.settings.routes.clone(), readers);
    let environment = config.environment.clone().unwrap_or_else(|| unnamed(config).into());
    Ok(session.with_gate(Arc::new(gate.telling(Arc::new(Notifying::new(notifiers(config))), environment))))
}

/// The notifiers of the environment. One whose secret cannot be had stands there all the same, and fails when it
/// is used: it must be seen, and must not keep data from being moved.
pub fn notifiers(config: &Config) -> Vec<Box<dyn Notifier>> {
    config.notify.iter().map(notifier).collect()
}

fn notifier(config: &NotifierConfig) -> Box<dyn Notifier> {
    let about = config.about.clone();
    let made: Result<Box<dyn Notifier>, String> = match &config.end {
        NotifierEnd::Webhook { url } => {
            url.clone().and_then(|url| Webhook::new(about, &url)).map(|w| Box::new(w) as Box<dyn Notifier>)
        }
        NotifierEnd::PagerDuty { endpoint, routing_key } => routing_key
            .clone()
            .and_then(|key| PagerDuty::new(about, endpoint, key))
            .map(|p| Box::new(p) as Box<dyn Notifier>),
        NotifierEnd::Sns(settings) => Ok(Box::new(Sns::new(about, settings.clone()))),
        NotifierEnd::File(path) => Ok(Box::new(File::new(about, path.clone()))),
    };
    made.unwrap_or_else(|fault| {
        let error = NotifyError::new(ErrorClass::NotFound, &config.about.name, fault)
            .hint("set the variable, or write the file, that the configuration names for its secret");
        Box::new(Unready::new(config.about.clone(), error))
    })
}

/// Runs the console to its end.
pub fn console(session: &Arc<Session>, config: &Config) -> Result<Exit, CliError> {
    let settings = console_settings(session, config)?;
    Ok(match run_terminal(Arc::clone(session), settings) {
        ExitReason::Quit => Exit::Fine,
        ExitReason::Interrupted => Exit::Interrupted,
        ExitReason::TerminalLost => Exit::Failed,
        signal @ (ExitReason::Signal(_) | ExitReason::Panicked) => {
            Exit::Signal(u8::try_from(signal.exit_code()).unwrap_or(u8::MAX))
        }
    })
}

fn console_settings(session: &Session, config: &Config) -> Result<ConsoleSettings, CliError> {
    let console = &config.console;
    let wrong = |what: &str, fault: String| CliError::Usage {
        message: format!("{what}: {fault}"),
        hint: "lakeward doctor shows where each value comes from".into(),
    };
    let keys = console.keys.iter().map(|(key, run)| (key.clone(), run.value.clone())).collect();
    Ok(ConsoleSettings {
        theme: theme(&console.theme.value)?,
        ascii: console.ascii.value,
        no_color: console.theme.value == "mono",
        keys: KeyMap::default().overlay(&keys).map_err(|e| wrong("keys", e.to_string()))?,
        refresh: console.refresh.value.to_std().unwrap_or_default(),
        osc52: console.osc52.value.parse().map_err(|e| wrong("osc52", e))?,
        environment: config.environment.clone().unwrap_or_else(|| unnamed(config).into()),
        protected: config.protected.value || config.read_only.value,
        identity: String::new(),
        lake_url: session.lake().url().to_owned(),
        quarantine_limit: config.settings.thresholds.quarantine,
        thresholds: config.settings.thresholds.clone(),
        overrides: config.settings.overrides.clone(),
        categories: config.settings.categories.clone(),
        notifiers: config.notify.iter().map(|n| n.about.name.clone()).collect(),
        commands: session.settings().commands.clone(),
        actor: session.gate().map(|gate| gate.actor().name()).unwrap_or_default(),
        evidence_for: session.settings().evidence_for(),
    })
}

/// What a lake given by its address alone is called.
pub fn unnamed(config: &Config) -> &'static str {
    match config.lake {
        Some(LakeTarget::S3(_)) => "aws",
        _ => "local",
    }
}

/// A built-in theme by its name, or a file.
fn theme(name: &str) -> Result<Theme, CliError> {
    if let Ok(theme) = Theme::built_in(name) {
        return Ok(theme);
    }
    let wrong = |fault: String| CliError::Usage {
        message: format!("theme {name}: {fault}"),
        hint: format!("a file, or one of: {}", Theme::BUILT_IN.join(", ")),
    };
    let text = std::fs::read_to_string(name).map_err(|e| wrong(e.to_string()))?;
    Theme::parse(&text).map_err(|e| wrong(e.to_string()))
}

/// Writes the demo's lake into a folder.
pub fn write_demo(folder: &Path) -> Result<(), CliError> {
    crate::demo::write(folder, chrono::Utc::now())
        .map(|_| ())
        .map_err(|e| CliError::Failed { message: e.to_string(), hint: None })
}
