//! The one place where the configuration meets the other rooms: opens the lake, the session, the console and
//! the demo.

use std::path::Path;
use std::sync::Arc;

use super::config::{Config, LakeTarget, Vocabulary};
use super::exit::CliError;
use crate::lake::{ErrorClass, Lake, LakeError};
use crate::model::category::CategoryRule;
use crate::ops::Session;

/// The built-in category rules.
pub fn builtin_categories() -> Vec<CategoryRule> {
    Vec::new()
}

/// The names of the console that the configuration may use.
pub fn vocabulary() -> Vocabulary {
    Vocabulary { themes: &["dark", "light", "mono", "colour-safe"], key: |_, _| Ok(()) }
}

/// Opens the lake. No request is sent.
pub fn lake(target: &LakeTarget) -> Result<Arc<dyn Lake>, LakeError> {
    Err(LakeError::new(ErrorClass::Unsupported, target.shown(), "not wired yet"))
}

/// Opens a session on the configured lake. No request is sent.
pub fn session(config: &Config) -> Result<Session, CliError> {
    Ok(Session::new(lake(config.lake()?)?, config.settings.clone()))
}

/// Runs the console to its end.
pub fn console(_session: Session, _config: &Config) -> Result<(), CliError> {
    Err(CliError::Failed { message: "console: not wired yet".into(), hint: None })
}

/// Writes the demo's lake into a folder.
pub fn write_demo(folder: &Path) -> Result<(), CliError> {
    Err(CliError::Failed { message: format!("{}: demo: not wired yet", folder.display()), hint: None })
}

/// Notes that personal data was shown: who, what, when.
pub fn reveal_audit(_session: &Session, _object: &str, _columns: &[String]) -> Result<(), CliError> {
    Ok(())
}
