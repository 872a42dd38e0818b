//! What a command prints: text or JSON on standard output, written at once. A closed pipe is no panic.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;

use super::exit::{CliError, Exit};
use crate::rows::cell;

/// What a command found.
#[derive(Debug)]
pub struct Answer {
    /// For standard output, complete.
    pub text: String,
    /// Lines for standard error, escaped.
    pub notes: Vec<String>,
    /// How the program ends.
    pub exit: Exit,
}

impl Answer {
    /// Done, and fine.
    pub fn fine(text: String) -> Self {
        Self { text, notes: Vec::new(), exit: Exit::Fine }
    }

    /// The same with another end.
    pub fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

/// JSON of a value in the order of its fields, every text in it escaped as on screen (rule 5).
pub fn json(value: &impl Serialize) -> Result<String, CliError> {
    Ok(layout(&cell::escaped(&tree(value)?)))
}

/// JSON of a value as it is: what `--unsafe-raw` asks for.
pub fn raw_json(value: &impl Serialize) -> Result<String, CliError> {
    Ok(layout(&tree(value)?))
}

/// The value as a JSON tree.
pub fn tree(value: &impl Serialize) -> Result<Value, CliError> {
    serde_json::to_value(value)
        .map_err(|e| CliError::Failed { message: format!("JSON of the answer: {e}"), hint: None })
}

/// Indented for people, one line for pipes; the same JSON.
fn layout(value: &Value) -> String {
    if io::stdout().is_terminal() { format!("{value:#}\n") } else { format!("{value}\n") }
}

/// Writes to standard output.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::Output)
}

/// Writes lines to standard error; if that is gone, there is nobody left to tell.
pub fn complain(lines: &[String]) {
    let mut err = io::stderr().lock();
    for line in lines {
        let _ = writeln!(err, "{line}");
    }
}
