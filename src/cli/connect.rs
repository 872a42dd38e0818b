//! The one place where the configuration meets the other rooms: opens the lake, the session, the console and
//! the demo.

use std::path::Path;
use std::sync::Arc;

use super::config::{Config, LakeTarget, Places, S3Target, Vocabulary};
use super::exit::CliError;
use crate::lake::address::{AddressError, LakeUrl};
use crate::lake::s3::{S3Lake, S3Settings};
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
        LakeTarget::S3(target) => Ok(Arc::new(S3Lake::connect(s3_settings(target)?))),
    }
}

fn s3_settings(target: &S3Target) -> Result<S3Settings, LakeError> {
    let malformed = |fault: String| LakeError::new(ErrorClass::Malformed, &target.url, fault);
    let LakeUrl::S3 { bucket, prefix } = target.url.parse().map_err(|e: AddressError| malformed(e.to_string()))? else {
        return Err(malformed("not an address of S3".into()));
    };
    Ok(S3Settings {
        bucket,
        prefix,
        region: target.region.clone(),
        profile: target.profile.clone(),
        endpoint_url: target.endpoint_url.clone(),
        path_style: target.path_style,
        checksums_when_required: target.checksums_when_required,
        anonymous: target.anonymous,
    })
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
