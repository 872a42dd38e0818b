//! Where files of lakeward lie on this machine: the XDG places, and the variables that matter.

use std::collections::BTreeMap;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;

/// The folders of this user. `None` where there is no home directory.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `$XDG_CONFIG_HOME/lakeward`.
    pub config: Option<PathBuf>,
    /// `$XDG_STATE_HOME/lakeward`.
    pub state: Option<PathBuf>,
    /// The home directory, for `~/`.
    pub home: Option<PathBuf>,
}

impl Places {
    /// Those of the user who runs this process.
    pub fn of_user() -> Self {
        let Ok(xdg) = Xdg::new() else { return Self::default() };
        Self {
            config: Some(xdg.config_dir().join("lakeward")),
            state: xdg.state_dir().map(|d| d.join("lakeward")),
            home: Some(xdg.home_dir().to_owned()),
        }
    }

    /// The configuration file of this user.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|d| d.join("config.toml"))
    }

    /// The log file of this user.
    pub fn log_file(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|d| d.join("lakeward.log"))
    }

    /// The journals of moves: what this machine knows of each.
    pub fn journal(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|d| d.join("moves"))
    }

    /// Where it is noted what fired and when.
    pub fn history_file(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|d| d.join("alerts.jsonl"))
    }

    /// The record of who did what, and who looked at personal data.
    pub fn audit_file(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|d| d.join("audit.jsonl"))
    }
}

/// The environment variables of this process, or those of a test. An empty one counts as unset.
#[derive(Debug, Clone, Default)]
pub struct Vars(BTreeMap<String, String>);

impl Vars {
    /// Those of this process; what is not UTF-8 is left out.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }
}

impl FromIterator<(String, String)> for Vars {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(vars: I) -> Self {
        Self(vars.into_iter().collect())
    }
}
