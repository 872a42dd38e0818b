//! The arguments of `backfill`.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::Writing;

/// `backfill`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backfill {
    /// The dataset
    pub dataset: Option<String>,
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// The last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
    /// So many runs at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub parallel: u32,
    /// Also days that are known to be right
    #[arg(long)]
    pub force: bool,
    /// How it is confirmed; the number is that of the days to be run
    #[command(flatten)]
    pub writing: Writing,
    /// What there was
    #[command(subcommand)]
    pub act: Option<BackfillAct>,
}

impl Backfill {
    /// Whether it passes the gate.
    pub fn writes(&self) -> bool {
        !matches!(self.act, Some(BackfillAct::List | BackfillAct::Show { .. }))
    }
}

/// The commands of backfills. ID is one that `backfill list` prints.
#[derive(Debug, Subcommand)]
pub enum BackfillAct {
    /// List the backfills, the newest first
    List,
    /// One backfill, day by day
    Show {
        /// Its id
        id: String,
    },
    /// Go on with one that was interrupted, or in which days failed: what is done stays, what is under way is followed
    Resume {
        /// Its id
        id: String,
        /// How it is confirmed; the number is 1
        #[command(flatten)]
        writing: Writing,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::Parser;

    use crate::cli::args::{BackfillAct, Cli, Command};

    #[test]
    fn a_range_and_the_commands_are_told_apart() {
        let parse = |line: &str| match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Some(Command::Backfill(backfill)) => backfill,
            other => panic!("{line}: {other:?}"),
        };
        let range = parse("lakeward backfill orders --from 2026-11-01 --to 2026-11-10 --parallel 4 --confirm 10");
        assert_eq!((range.dataset.as_deref(), range.parallel, range.writing.confirm), (Some("orders"), 4, Some(10)));
        assert!(range.act.is_none() && range.writes());
        assert!(matches!(parse("lakeward backfill list").act, Some(BackfillAct::List)));
        assert!(!parse("lakeward backfill show x").writes());
        let resume = parse("lakeward backfill resume x --confirm 1");
        assert!(resume.writes() && matches!(resume.act, Some(BackfillAct::Resume { .. })));
        assert!(Cli::try_parse_from("lakeward backfill orders --from x --to y".split(' ')).is_err());
    }
}
