//! `[runbooks]`: where a team's own runbooks lie, on the lake and on this machine.

use serde::Deserialize;
use toml::Spanned;

use super::documented::documented;
use super::fault::ConfigError;
use super::layers::Layers;
use super::source::Ledger;

/// Where they lie on the lake if nothing is said.
const USUAL: [&str; 1] = ["_runbooks/"];

documented! {
/// `[runbooks]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct RunbooksTable {
    /// Places in the lake
    pub prefixes: Option<Spanned<Vec<String>>>,
    /// A folder of this machine, by its whole path
    pub folder: Option<Spanned<String>>,
}
}

/// Prefixes of the lake, and a folder of this machine by its whole path.
pub fn of(layers: &Layers<'_>, ledger: &mut Ledger) -> Result<Vec<String>, ConfigError> {
    let prefixes = layers.places("runbooks.prefixes", |t| t.runbooks.prefixes.as_ref(), &USUAL, ledger)?;
    let mut places: Vec<String> = prefixes.iter().map(|p| format!("{}/", p.trim_end_matches('/'))).collect();
    if let Some(folder) = layers.get(|t| t.runbooks.folder.as_ref()).into_iter().flatten().next() {
        if !folder.value.starts_with('/') {
            let fault = format!("runbooks.folder `{}` is not a whole path", folder.value);
            let allowed = "a path such as \"/etc/lakeward/runbooks\"";
            return Err(ConfigError::new(folder.source.to_string(), fault, allowed));
        }
        ledger.note("runbooks.folder", folder.value.clone(), folder.source);
        places.push(folder.value);
    }
    Ok(places)
}
