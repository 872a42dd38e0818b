//! A lake's own `lakeward.toml`. It belongs to whoever wrote the lake: it names no environment, nobody to tell and
//! nothing to log in to.

use std::path::Path;

use super::fault::ConfigError;
use super::file::Document;

/// The name of a lake's own file.
pub const LAKE_FILE: &str = "lakeward.toml";

/// The lake's own file, if it has one.
pub fn read(folder: &Path) -> Result<Option<Document>, ConfigError> {
    let path = folder.join(LAKE_FILE);
    // One that may not be looked at is not one that is not there: reading it says so.
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let document = Document::read(&path)?;
    judge(&document)?;
    Ok(Some(document))
}

/// Whether all that stands in it may stand in a lake's own file.
pub fn judge(document: &Document) -> Result<(), ConfigError> {
    let allowed = "environments only in the configuration file";
    if let Some(environment) = &document.tables.environment {
        return Err(document.fault(environment, "key `environment` in a lake's own file", allowed));
    }
    if let Some(table) = document.tables.environments.values().next() {
        return Err(document.fault(table, "table `environments` in a lake's own file", allowed));
    }
    if let Some(table) = document.tables.notify.first() {
        let allowed = "notifiers only in the configuration file";
        return Err(document.fault(table, "table `notify` in a lake's own file", allowed));
    }
    if let Some(table) = &document.tables.airflow {
        let allowed = "what is logged in to only in the configuration file";
        return Err(document.fault(table, "table `airflow` in a lake's own file", allowed));
    }
    let account = "matters of the account only in the configuration file";
    // Who answers there is sent what the account signs with.
    let athena = document.tables.verify.athena_endpoint_url.as_ref();
    let emr = document.tables.emr.as_ref().and_then(|table| table.endpoint_url.as_ref());
    let cloudwatch = document.tables.cloudwatch.as_ref().and_then(|table| table.endpoint_url.as_ref());
    if let Some(endpoint) = emr.or(cloudwatch).or(athena) {
        return Err(document.fault(endpoint, "key `endpoint_url` of a service in a lake's own file", account));
    }
    if let Some(table) = document.tables.secrets.iter().find(|table| !table.get_ref().on_lake) {
        let allowed = "on_lake = true, or the secret in the configuration file: it is a matter of the account";
        return Err(document.fault(table, "table `secrets` in a lake's own file", allowed));
    }
    let athena = document.tables.consumers.iter().find_map(|consumer| consumer.get_ref().athena.as_ref());
    if let Some(sql) = athena {
        return Err(document.fault(sql, "key `athena` of `consumers` in a lake's own file", account));
    }
    if let Some(folder) = &document.tables.runbooks.folder {
        let allowed = "folders of this machine only in the configuration file";
        return Err(document.fault(folder, "key `folder` of `runbooks` in a lake's own file", allowed));
    }
    if let Some(table) = &document.tables.glue {
        return Err(document.fault(table, "table `glue` in a lake's own file", account));
    }
    Ok(())
}
