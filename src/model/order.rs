//! A job run as it is asked for, whole enough to be asked for again. Its texts are as they are sent: what is shown of
//! one is masked ([`JobOrder::command`], [`JobOrder::settings`]), and so is its debug text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::masked;
use super::spark::submit;

/// What further rights a run has, within those of its role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPolicy {
    /// A policy, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Policies by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arns: Vec<String>,
}

/// How a service itself tries a run again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRetries {
    /// Attempts in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// Failed attempts an hour, of a run without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub an_hour: Option<i32>,
}

/// A run of a Spark job as EMR Serverless takes it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct JobOrder {
    /// The id of the application that runs it.
    pub application: String,
    /// The role that it runs as.
    pub role: String,
    /// Its name; systems are joined by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The program.
    pub entry: String,
    /// The program's own arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What `spark-submit` is given, in one line.
    #[serde(default)]
    pub parameters: String,
    /// `configurationOverrides`, as the service's JSON has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<serde_json::Value>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Minutes until it is stopped; 0 is never, and none is the service's own 12 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<i64>,
    /// Whether it has no end.
    #[serde(default)]
    pub streaming: bool,
    /// How the service tries it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<OwnRetries>,
    /// Its further rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_policy: Option<SessionPolicy>,
}

impl JobOrder {
    /// A run with nothing but what must be said.
    pub fn of(application: &str, role: &str, entry: &str) -> Self {
        Self {
            application: application.to_owned(),
            role: role.to_owned(),
            name: None,
            entry: entry.to_owned(),
            arguments: Vec::new(),
            parameters: String::new(),
            overrides: None,
            tags: BTreeMap::new(),
            timeout_minutes: None,
            streaming: false,
            retries: None,
            session_policy: None,
        }
    }

    /// The program and its arguments, masked.
    pub fn command(&self) -> Vec<String> {
        let entry = masked::text(&self.entry).into_owned();
        [entry].into_iter().chain(masked::arguments(&self.arguments)).collect()
    }

    /// The settings that it is submitted with, masked.
    pub fn settings(&self) -> Vec<(String, String)> {
        let mut settings = submit::settings(&self.parameters);
        for (name, value) in &mut settings {
            *value = masked::value(name, value).into_owned();
        }
        settings
    }
}

impl fmt::Debug for JobOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobOrder")
            .field("application", &self.application)
            .field("name", &self.name)
            .field("command", &self.command())
            .field("settings", &self.settings())
            .finish_non_exhaustive()
    }
}

/// What the application of a run allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The application's name, if it has one.
    pub name: Option<String>,
    /// Its release: `emr-7.1.0`.
    pub release: String,
    /// What all of its workers have together at most; none without a limit.
    pub most: Option<Capacity>,
    /// The settings of all of its runs (`spark-defaults`), unless a run says otherwise.
    pub defaults: BTreeMap<String, String>,
}

/// What workers have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Capacity {
    /// vCPUs.
    pub cores: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_what_is_shown() {
        let order = JobOrder {
            arguments: vec!["--db-password".into(), "hunter2".into()],
            parameters: "--conf spark.my.token=hunter2 --conf spark.executor.memory=4g".into(),
            ..JobOrder::of("00a", "role", "s3://b/main.py")
        };
        let shown = format!("{order:?}");
        assert!(!shown.contains("hunter2") && shown.contains("4g"), "{shown}");
    }
}
