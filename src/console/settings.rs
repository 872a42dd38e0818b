//! What the console is told at its start. The command line reads it from flags and configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::category::{CategoryRule, default_rules};
use crate::model::command::JobCommand;
use crate::model::rules::{Override, Thresholds};
use crate::model::run::JobName;
use crate::model::verify::FRESH_FOR;

use super::{KeyMap, Theme};

/// How copied text reaches the clipboard of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Osc52 {
    /// Plain OSC 52: what terminals take, and tmux too with `set-clipboard on`.
    #[default]
    Auto,
    /// Plain OSC 52, said by the user.
    Raw,
    /// Wrapped for tmux with `allow-passthrough on`.
    Tmux,
    /// Not at all.
    Off,
}

impl std::str::FromStr for Osc52 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "raw" => Ok(Self::Raw),
            "tmux" => Ok(Self::Tmux),
            "off" => Ok(Self::Off),
            _ => Err(format!("no clipboard mode {text:?}; there are: auto, raw, tmux, off")),
        }
    }
}

/// Settings of the console.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// The theme; [`Self::no_color`] overrides it.
    pub theme: Theme,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// No colour: the mono theme, whatever is chosen (the `NO_COLOR` variable, `--no-color`).
    pub no_color: bool,
    /// The keys.
    pub keys: KeyMap,
    /// How often to read the lake anew; zero: only when asked.
    pub refresh: Duration,
    /// How to copy.
    pub osc52: Osc52,
    /// The environment's name.
    pub environment: String,
    /// Whether the environment is protected: it starts read-only and looks it.
    pub protected: bool,
    /// Who we are there, as short as it can be said; empty if not known.
    pub identity: String,
    /// The lake's address.
    pub lake_url: String,
    /// How long data may lie in quarantine before it is marked as old.
    pub quarantine_limit: chrono::Duration,
    /// When a job takes too long.
    pub thresholds: Thresholds,
    /// What holds for some jobs instead.
    pub overrides: Vec<Override>,
    /// What an error of a log means.
    pub categories: Vec<CategoryRule>,
    /// Who is told of moves, by name: `#data-eng (Slack)`, `sns:dq-alerts`.
    pub notifiers: Vec<String>,
    /// The jobs that are commands of this machine.
    pub commands: BTreeMap<JobName, JobCommand>,
    /// Who acts: `user@host`.
    pub actor: String,
    /// How long a check of an incident counts.
    pub evidence_for: chrono::Duration,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            ascii: false,
            no_color: false,
            keys: KeyMap::default(),
            refresh: Duration::ZERO,
            osc52: Osc52::default(),
            environment: "local".into(),
            protected: false,
            identity: String::new(),
            lake_url: String::new(),
            quarantine_limit: chrono::Duration::days(7),
            thresholds: Thresholds::default(),
            overrides: Vec::new(),
            categories: default_rules(),
            notifiers: Vec::new(),
            commands: BTreeMap::new(),
            actor: String::new(),
            evidence_for: FRESH_FOR,
        }
    }
}
