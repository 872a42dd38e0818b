//! The command line, in the words of the product: global flags, commands, targets. Nothing is read here.

mod alerts;
mod backfill;
mod driving;
mod incident;
mod pipeline;
mod runbook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use self::alerts::{AlertsAct, OnAlerts};
pub use self::backfill::{Backfill, BackfillAct};
pub use self::driving::{ClearArgs, MarkArgs, PauseArgs, Rerun, Retry, TriggerArgs};
pub use self::incident::{CheckArg, Incident, IncidentAct, ReportArgs, ReportForm, Verify};
pub use self::pipeline::{Dags, Jobs, LogArgs, Logs};
pub use self::runbook::{Runbook, RunbookRun, StepAct};
use crate::model::severity::Severity;

/// Shows what is broken in a data lake, and opens the rejected rows. Without a command: the console.
#[derive(Debug, Parser)]
#[command(
    name = "lakeward",
    version,
    after_help = "Exit codes: 0 done and fine; 1 failed; 2 wrong usage or configuration; 3 done, and what was asked about \
                  is not fine; 4 refused; 130 interrupted."
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; the console if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Environment of the configuration to use
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// Lake to use: s3://bucket[/prefix], a folder, or file:///…
    #[arg(long, global = true, value_name = "URL")]
    pub lake: Option<String>,
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// AWS profile
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// AWS region
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Endpoint of an S3-compatible store
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Change nothing, whatever is asked
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// dark, light, mono, colour-safe, or a theme file
    #[arg(long, global = true)]
    pub theme: Option<String>,
    /// No colours: the theme mono
    #[arg(long, global = true, conflicts_with = "theme")]
    pub no_color: bool,
    /// Print the requests and bytes used, on standard error
    #[arg(long, global = true)]
    pub stats: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the console on an embedded lake with live incidents; needs no account and no network
    Demo {
        /// Only write that lake into this folder
        #[arg(long, value_name = "DIR")]
        write: Option<PathBuf>,
    },
    /// Write a commented configuration file
    Init {
        /// Overwrite the file if it is there
        #[arg(long)]
        force: bool,
        /// Where to write it, instead of the XDG place
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write nothing; print every key with what is allowed, its default, flag and variables, and what it does
        #[arg(long, conflicts_with_all = ["force", "out"])]
        reference: bool,
    },
    /// Check configuration, lake, permissions and terminal; list every setting with its source
    Doctor,
    /// List the alerts that are open now; exit 3 if one is critical or a warning
    Alerts {
        /// Only alerts at least this severe
        #[arg(long, value_enum)]
        severity: Option<SeverityArg>,
        /// What to do with some of them
        #[command(subcommand)]
        act: Option<AlertsAct>,
    },
    /// The dead letter queue
    #[command(subcommand)]
    Dlq(Dlq),
    /// Data out of the pipeline's way, and back: planned, moved, proven, taken back
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Runs of the pipeline's jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// DAG runs and their tasks
    #[command(subcommand)]
    Dags(Dags),
    /// Logs wherever they lie, the errors in them, and questions to Logs Insights
    #[command(subcommand)]
    Logs(Logs),
    /// Guided recovery: runbooks, and where they are walked to
    #[command(subcommand)]
    Runbook(Runbook),
    /// A range of days of a dataset through its job, without those that are known to be right
    Backfill(Backfill),
    /// Incidents: what is open, who has it, what happened, handover, report
    #[command(subcommand)]
    Incident(Incident),
    /// The five checks that show that an incident is over; exit 3 if one is not green
    Verify(Verify),
    /// Who did what, newest first
    Audit {
        /// So many days back
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Who is told of moves
    #[command(subcommand)]
    Notify(Notify),
    /// Completions for a shell: lakeward completions bash > ~/.local/share/bash-completion/completions/lakeward
    Completions {
        /// Which
        #[arg(value_enum)]
        shell: Shell,
    },
    /// The manual page: lakeward man | man -l -
    Man,
}

/// The commands of the quarantine. ID is one that `quarantine list` prints.
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// Plan a move into quarantine; nothing is changed. Exit 3 if the plan is refused
    Plan(QuarantinePlan),
    /// Apply a plan, exactly as it was planned, or nothing if the lake has changed
    Apply {
        /// A file that `quarantine plan` wrote; - for standard input
        file: PathBuf,
        /// How it is written
        #[command(flatten)]
        writing: Writing,
    },
    /// List the quarantines, the open ones first
    List,
    /// One quarantine: where it lies, what happened to it, its objects and their proofs
    Show {
        /// Its id
        id: String,
    },
    /// Put the objects back under their old keys
    Release(QuarantineStep),
    /// Keep the objects for good
    Archive {
        /// Which, and how
        #[command(flatten)]
        step: QuarantineStep,
        /// How they are kept
        #[command(flatten)]
        keep: Keeping,
    },
    /// Take the last move back
    Undo(QuarantineStep),
    /// Note that somebody looks for the cause
    Investigate(QuarantineStep),
    /// Note that the cause is dealt with
    Resolve(QuarantineStep),
    /// Finish what was interrupted: this move, or all
    Resume {
        /// The move, or the quarantine it belongs to
        id: Option<String>,
        /// How it is written
        #[command(flatten)]
        writing: Writing,
    },
}

/// `quarantine plan`.
#[derive(Debug, Args)]
pub struct QuarantinePlan {
    /// DATASET/dt=DATE, a path as `dlq list` prints it, or a data prefix such as bronze/orders/dt=DATE/
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Why, as a code: it becomes a part of the path
    #[arg(long, value_name = "CODE")]
    pub reason: String,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Where to write the plan, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Move it even if it is still being written, or its writer died; --note says why
    #[arg(long)]
    pub even_incomplete: bool,
}

/// A step of a quarantine.
#[derive(Debug, Args)]
pub struct QuarantineStep {
    /// Its id
    pub id: String,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// How it is written
    #[command(flatten)]
    pub writing: Writing,
}

/// Flags of everything that writes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Writing")]
pub struct Writing {
    /// Confirm without being asked: the number of objects that the plan names
    #[arg(long, value_name = "N")]
    pub confirm: Option<u64>,
    /// Stop before the first write
    #[arg(long)]
    pub dry_run: bool,
    /// Unlock a protected environment for this command, and why; this is audited
    #[arg(long, value_name = "REASON")]
    pub arm: Option<String>,
    /// Tell this incident what was done
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
}

/// How archived objects are kept.
#[derive(Debug, Clone, Args)]
pub struct Keeping {
    /// Storage class of the archived objects, as the store spells it (GLACIER_IR, DEEP_ARCHIVE, …)
    #[arg(long, value_name = "CLASS")]
    pub storage_class: Option<String>,
    /// Keep them from deletion for so long (365d); needs a bucket with object lock
    #[arg(long, value_name = "TIME")]
    pub retain: Option<String>,
}

impl Command {
    /// Whether it passes the gate.
    pub fn writes(&self) -> bool {
        match self {
            Self::Quarantine(Quarantine::Plan(_) | Quarantine::List | Quarantine::Show { .. }) => false,
            Self::Quarantine(_) => true,
            Self::Dlq(Dlq::Archive { .. } | Dlq::Repair(_) | Dlq::Redrive { .. }) => true,
            Self::Backfill(backfill) => backfill.writes(),
            Self::Jobs(jobs) => !matches!(jobs, Jobs::List { .. } | Jobs::Show { .. } | Jobs::Logs { .. }),
            Self::Dags(dags) => !matches!(dags, Dags::List { .. } | Dags::Show { .. } | Dags::Logs { .. }),
            Self::Runbook(Runbook::Run(_)) => true,
            Self::Alerts { act: Some(act), .. } => !matches!(act, AlertsAct::History { .. }),
            _ => false,
        }
    }
}

/// The commands of the notifiers.
#[derive(Debug, Subcommand)]
pub enum Notify {
    /// Send a test notice; exit 3 if it did not arrive everywhere
    Test(NotifyTest),
}

/// `notify test`.
#[derive(Debug, Args)]
pub struct NotifyTest {
    /// Only the notifier of this name
    pub name: Option<String>,
    /// Show what would be sent, secrets masked, and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The commands of the dead letter queue. TARGET is DATASET/dt=DATE, or a path as `dlq list` prints it.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List the entries
    List {
        /// Only datasets that begin with this
        #[arg(long, value_name = "PREFIX")]
        dataset: Option<String>,
    },
    /// One entry: rows, reasons, problems
    Show {
        /// DATASET/dt=DATE, or a path as `dlq list` prints it
        target: String,
    },
    /// Rejected rows of an entry
    Preview(Preview),
    /// Columns of an entry, against the dataset's contract
    Schema {
        /// DATASET/dt=DATE, or a path as `dlq list` prints it
        target: String,
    },
    /// Nulls, distinct values, extremes and top values of each column
    Profile(Profile),
    /// The contract's rules over the rejected rows: how many pass, and what the others fail. Exit 3 if any row fails
    Check {
        /// DATASET/dt=DATE, or a path as `dlq list` prints it
        target: String,
    },
    /// Write the rows that an evolution makes fit their contract to a new place; the original is not touched
    Repair(Repair),
    /// Run an entry's rows through the pipeline again, now that the cause is fixed. A second time is refused. Exit 3 if it
    /// did not do what it should
    Redrive {
        /// DATASET/dt=DATE, or a path as `dlq list` prints it
        target: String,
        /// Run rows again that were redriven already, and why
        #[arg(long = "override", value_name = "REASON")]
        reason: Option<String>,
        /// How it is confirmed; the number is 1
        #[command(flatten)]
        writing: Writing,
    },
    /// Keep a processed entry for good: it leaves the queue
    Archive {
        /// DATASET/dt=DATE, or a path as `dlq list` prints it
        target: String,
        /// Why, in words
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// How it is kept
        #[command(flatten)]
        keep: Keeping,
        /// How it is written
        #[command(flatten)]
        writing: Writing,
    },
}

/// `dlq repair`.
#[derive(Debug, Args)]
pub struct Repair {
    /// DATASET/dt=DATE, or a path as `dlq list` prints it
    pub target: String,
    /// Repair it even if it is still being written, or its writer died
    #[arg(long)]
    pub even_incomplete: bool,
    /// How it is written
    #[command(flatten)]
    pub writing: Writing,
}

/// `dlq preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// DATASET/dt=DATE, or a path as `dlq list` prints it
    pub target: String,
    /// At most this many rows
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub rows: u32,
    /// First row, counted from 0
    #[arg(long, default_value_t = 0)]
    pub offset: u64,
    /// Only these columns, in this order
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub columns: Option<Vec<String>>,
    /// Only rows for which this SQL expression is true
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Escape nothing: what the rows hold reaches the terminal as it is
    #[arg(long)]
    pub unsafe_raw: bool,
    /// Show personal data; this is audited
    #[arg(long)]
    pub reveal: bool,
}

/// `dlq profile`.
#[derive(Debug, Args)]
pub struct Profile {
    /// DATASET/dt=DATE, or a path as `dlq list` prints it
    pub target: String,
    /// Only these columns
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub columns: Option<Vec<String>>,
    /// Look at this many rows at most
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: u64,
    /// Order of the columns
    #[arg(long, value_enum, default_value_t = ProfileSort::Odd)]
    pub sort: ProfileSort,
    /// Show personal data; this is audited
    #[arg(long)]
    pub reveal: bool,
}

/// Order of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileSort {
    /// Oddest first
    Odd,
    /// By name
    Name,
}

/// A severity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the words of the severities")]
pub enum SeverityArg {
    Critical,
    Warning,
    Info,
}

impl From<SeverityArg> for Severity {
    fn from(arg: SeverityArg) -> Self {
        match arg {
            SeverityArg::Critical => Self::Critical,
            SeverityArg::Warning => Self::Warning,
            SeverityArg::Info => Self::Info,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_behind_the_command() {
        for line in [
            "lakeward --json --lake D dlq list",
            "lakeward dlq --lake D list --json",
            "lakeward dlq list --json --lake D",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.json, "{line}");
            assert_eq!(cli.global.lake.as_deref(), Some("D"), "{line}");
            assert!(matches!(cli.command, Some(Command::Dlq(Dlq::List { dataset: None }))), "{line}");
        }
    }

    #[test]
    fn preview_reads_its_flags() {
        let line = "lakeward dlq preview a/dt=2026-01-01 --columns x,y --where x>1 --offset 40";
        let Some(Command::Dlq(Dlq::Preview(p))) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("not a preview")
        };
        assert_eq!((p.rows, p.offset, p.unsafe_raw, p.reveal), (20, 40, false, false));
        assert_eq!(p.columns, Some(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(p.filter.as_deref(), Some("x>1"));
    }

    #[test]
    fn wrong_usage_is_told_apart_from_help() {
        for (line, usage) in [
            ("lakeward nonsense", true),
            ("lakeward dlq", true),
            ("lakeward dlq preview", true),
            ("lakeward dlq preview t --rows 100001", true),
            ("lakeward alerts --severity bad", true),
            ("lakeward --theme dark --no-color", true),
            ("lakeward --help", false),
            ("lakeward --version", false),
        ] {
            let e = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(e.use_stderr(), usage, "{line}");
        }
    }
}
