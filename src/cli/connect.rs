//! The one place where the configuration meets the other rooms: opens the lake, the session, the console and
//! the demo.

use std::path::Path;
use std::sync::Arc;

use super::config::{Config, LakeTarget, Places, Vocabulary};
use super::exit::CliError;
use crate::lake::{ErrorClass, Lake, LakeError};
use crate::model::category::CategoryRule;
use crate::ops::Session;

/// The built-in category rules.
pub fn builtin_categories() -> Vec<CategoryRule> {
    crate::model::category::default_rules()
}

/// The names of the console that the configuration may use.
pub fn vocabulary() -> Vocabulary {
    Vocabulary { themes: &["dark", "light", "mono", "colour-safe"], key: |_, _| Ok(()) }
}

/// Opens the lake. No request is sent.
pub fn lake(target: &LakeTarget) -> Result<Arc<dyn Lake>, LakeError> {
    match target {
        LakeTarget::Folder(folder) => Ok(Arc::new(crate::lake::folder::Folder::open(folder)?)),
        LakeTarget::S3(s3) => Err(LakeError::new(ErrorClass::Unsupported, &s3.url, "not wired yet")),
    }
}

/// Opens a session on the configured lake. No request is sent.
pub fn session(config: &Config) -> Result<Session, CliError> {
    let session = Session::new(lake(config.lake()?)?, config.settings.clone());
    Ok(match Places::of_user().audit_file() {
        Some(file) => session.with_audit(file),
        None => session,
    })
}

/// Runs the console to its end.
pub fn console(_session: Session, _config: &Config) -> Result<(), CliError> {
    Err(CliError::Failed { message: "console: not wired yet".into(), hint: None })
}

/// Writes the demo's lake into a folder.
pub fn write_demo(folder: &Path) -> Result<(), CliError> {
    crate::demo::write(folder, chrono::Utc::now())
        .map(|_| ())
        .map_err(|e| CliError::Failed { message: e.to_string(), hint: None })
}
