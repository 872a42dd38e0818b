//! The command line, in the words of the product: global flags, commands, targets. Nothing is read here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    },
    /// Check configuration, lake, permissions and terminal; list every setting with its source
    Doctor,
    /// List the alerts that are open now; exit 3 if one is critical or a warning
    Alerts {
        /// Only alerts at least this severe
        #[arg(long, value_enum)]
        severity: Option<SeverityArg>,
    },
    /// The dead letter queue
    #[command(subcommand)]
    Dlq(Dlq),
    /// Who is told of moves
    #[command(subcommand)]
    Notify(Notify),
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
