//! Exit codes, and the faults that lead to them: one line that names object and fault, and a hint.

use std::io;
use std::process::ExitCode;

use super::config::ConfigError;
use crate::lake::LakeError;
use crate::model::text::escape;
use crate::ops::GateError;
use crate::rows::RowsError;

/// How the program ends; the codes that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and fine.
    Fine,
    /// Failed.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Done, and what was asked about is not fine.
    NotFine,
    /// Refused by the gate.
    Refused,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// A signal ended the console: 128 and its number.
    Signal(u8),
}

impl Exit {
    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFine => 3,
            Self::Refused => 4,
            Self::Interrupted => 130,
            Self::Signal(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration, a flag or a variable is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command line is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// The lake did not answer.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The gate refused, or a write stopped half-way.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The rows cannot be read, or not as asked.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// Anything else; the message names the object.
    #[error("{message}")]
    Failed {
        /// Object and fault.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Standard output is gone or full.
    #[error("standard output: {0}")]
    Output(io::Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// Object and fault of something on this machine.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Failed { message: format!("{}: {error}", path.display()), hint: None }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage { .. } | Self::Rows(RowsError::Filter(_) | RowsError::NoColumn { .. }) => {
                Exit::Usage
            }
            // The reader had enough (`| head`): nothing failed.
            Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Self::Interrupted
            | Self::Rows(RowsError::Halted)
            | Self::Gate(GateError::Interrupted { asked: true, .. } | GateError::Halted { asked: true, .. }) => {
                Exit::Interrupted
            }
            Self::Gate(e) if e.is_refusal() => Exit::Refused,
            Self::Gate(_) | Self::Lake(_) | Self::Rows(_) | Self::Failed { .. } | Self::Output(_) => Exit::Failed,
        }
    }

    /// What goes to standard error, escaped: the fault on one line, and a hint where there is one.
    pub fn lines(&self) -> Vec<String> {
        if self.exit() == Exit::Fine {
            return Vec::new();
        }
        let of_gate = match self {
            Self::Gate(e) => e.hint(),
            _ => String::new(),
        };
        let hint = match self {
            Self::Gate(_) => Some(of_gate.as_str()),
            Self::Lake(e) | Self::Rows(RowsError::Lake(e)) => Some(e.hint.as_str()),
            Self::Usage { hint, .. } => Some(hint.as_str()),
            Self::Failed { hint, .. } => hint.as_deref(),
            _ => None,
        };
        let hint = hint.filter(|h| !h.is_empty());
        // Escaped once: a configuration error has done so itself.
        let message = match self {
            Self::Config(e) => e.to_string(),
            other => escape(&other.to_string()).into_owned(),
        };
        std::iter::once(format!("lakeward: {message}")).chain(hint.map(|h| format!("hint: {}", escape(h)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::ErrorClass;

    #[test]
    fn codes_are_those_that_scripts_rely_on() {
        let codes =
            [Exit::Fine, Exit::Failed, Exit::Usage, Exit::NotFine, Exit::Refused, Exit::Interrupted].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 130]);
    }

    #[test]
    fn each_fault_has_its_code_and_its_lines() {
        let lake = LakeError::new(ErrorClass::Denied, "s3://b/_errors/", "AccessDenied");
        let broken = RowsError::Unreadable { object: "s3://b/x".into(), fault: "no footer".into() };
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        for (error, exit, lines) in [
            (CliError::Lake(lake.clone()), Exit::Failed, 2),
            (CliError::Rows(RowsError::Lake(lake)), Exit::Failed, 2),
            (CliError::Rows(broken), Exit::Failed, 1),
            (CliError::Rows(RowsError::Filter("no".into())), Exit::Usage, 1),
            (CliError::Rows(RowsError::NoColumn { name: "x".into(), known: "y".into() }), Exit::Usage, 1),
            (CliError::Config(ConfigError::new("f:1", "bad", "good")), Exit::Usage, 1),
            (CliError::Usage { message: "m".into(), hint: "h".into() }, Exit::Usage, 2),
            (CliError::Output(pipe), Exit::Fine, 0),
            (CliError::Output(io::Error::other("full")), Exit::Failed, 1),
            (CliError::Interrupted, Exit::Interrupted, 1),
        ] {
            assert_eq!((error.exit(), error.lines().len()), (exit, lines), "{error}");
        }
    }
}
