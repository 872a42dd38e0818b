//! The binary, run as a script runs it: a plain environment, output captured.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program under test.
pub const LAKEWARD: &str = env!("CARGO_BIN_EXE_lakeward");

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// Variables that keep a run from the machine's own configuration.
pub fn environment(home: &Path) -> Vec<(String, String)> {
    let home = home.display().to_string();
    [("HOME", home.as_str()), ("XDG_CONFIG_HOME", &home), ("XDG_STATE_HOME", &home), ("LANG", "C.UTF-8")]
        .into_iter()
        .chain([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Runs the program in a home of its own.
pub fn lakeward(arguments: &[&str]) -> Run {
    lakeward_with(arguments, &[])
}

/// The same, with more variables.
pub fn lakeward_with(arguments: &[&str], more: &[(&str, &str)]) -> Run {
    let home = tempfile::tempdir().expect("a home");
    let mut command = Command::new(LAKEWARD);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(environment(home.path())).envs(more.iter().copied());
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    Run {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("UTF-8 on standard output"),
        err: String::from_utf8(stderr).expect("UTF-8 on standard error"),
    }
}
