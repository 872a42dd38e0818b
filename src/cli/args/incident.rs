//! The arguments of `incident` and `verify`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::SeverityArg;

/// Incidents. ID is one that `incident list` prints; KEY is the `key` that `alerts` shows.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Incidents of the last 30 days, the newest first
    List {
        /// Only those that are not over
        #[arg(long)]
        open: bool,
    },
    /// One incident: where it stands, its checks, its timeline
    Show {
        /// Which
        id: String,
    },
    /// Open an incident on an alert, or join the one that is open
    Open {
        /// The alert
        #[arg(long, value_name = "KEY")]
        alert: String,
    },
    /// What is said of one
    #[command(flatten)]
    Act(IncidentAct),
    /// The report of what happened, from its events alone
    Report(ReportArgs),
}

/// What is said of an incident: each is an event.
#[derive(Debug, Subcommand)]
pub enum IncidentAct {
    /// Write something down
    Note {
        /// Which
        id: String,
        /// What
        text: String,
        /// The check that it is about
        #[arg(long, value_enum)]
        check: Option<CheckArg>,
    },
    /// Say who has it
    Own {
        /// Which
        id: String,
        /// Who; left out, you
        #[arg(long, value_name = "WHO", conflicts_with = "nobody")]
        to: Option<String>,
        /// Nobody has it
        #[arg(long)]
        nobody: bool,
    },
    /// Watch it, or do so no more
    Watch {
        /// Which
        id: String,
        /// Watch no more
        #[arg(long)]
        stop: bool,
    },
    /// Say how bad it is
    Severity {
        /// Which
        id: String,
        /// How bad
        #[arg(value_enum)]
        severity: SeverityArg,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Write down what the next person needs, and hand it over
    Handover {
        /// Which
        id: String,
        /// To whom; left out, whoever is next
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// What they should know besides
        #[arg(long)]
        note: Option<String>,
    },
    /// Take over what was handed over
    Accept {
        /// Which
        id: String,
    },
    /// It is over: each of the five checks must be signed off, or waived. Exit 4 if one is not
    Resolve {
        /// Which
        id: String,
        /// What the cause was
        #[arg(long, value_name = "CAUSE")]
        note: Option<String>,
    },
    /// It is not over after all
    Reopen {
        /// Which
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// `incident report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which
    pub id: String,
    /// Its form
    #[arg(long, value_enum, default_value_t = ReportForm::Markdown)]
    pub format: ReportForm,
    /// Write it into this file; .json and .html say the form
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Put it on the lake beside the incident's events, in all its forms
    #[arg(long)]
    pub store: bool,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "clap shows the names as they are")]
pub enum ReportForm {
    Markdown,
    Json,
    Html,
}

/// One of the five checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[allow(missing_docs, reason = "clap shows the names as they are")]
pub enum CheckArg {
    DataQuality,
    RecordCounts,
    Freshness,
    Logs,
    Consumers,
}

impl From<CheckArg> for crate::model::verify::Check {
    fn from(arg: CheckArg) -> Self {
        match arg {
            CheckArg::DataQuality => Self::DataQuality,
            CheckArg::RecordCounts => Self::RecordCounts,
            CheckArg::Freshness => Self::Freshness,
            CheckArg::Logs => Self::Logs,
            CheckArg::Consumers => Self::Consumers,
        }
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which incident; left out, the one that is open
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// Only this check; may be repeated
    #[arg(long, value_enum, value_name = "CHECK")]
    pub only: Vec<CheckArg>,
    /// Only tell how the checks stand; make none
    #[arg(long, conflicts_with = "only")]
    pub no_probe: bool,
    /// Put your name to this check, if it passes; may be repeated
    #[arg(long, value_enum, value_name = "CHECK")]
    pub sign: Vec<CheckArg>,
    /// Put your name to every check that passes
    #[arg(long, conflicts_with = "sign")]
    pub sign_all: bool,
    /// What you say of what you sign
    #[arg(long)]
    pub note: Option<String>,
    /// Do without this check, for ever
    #[arg(long, value_enum, value_name = "CHECK", requires = "reason")]
    pub waive: Option<CheckArg>,
    /// Why it is waived
    #[arg(long, requires = "waive")]
    pub reason: Option<String>,
}
