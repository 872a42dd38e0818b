//! The arguments of `runbook`.

use clap::{Args, Subcommand};

/// Guided recovery. NAME is one that `runbook list` prints; KEY is the `key` that `alerts` shows.
#[derive(Debug, Subcommand)]
pub enum Runbook {
    /// The runbooks there are, a team's own first, and what each is for
    List,
    /// One runbook: symptoms, steps with their commands, prevention
    Show {
        /// Its name; left out, the one that fits the alert best
        #[arg(required_unless_present = "alert")]
        name: Option<String>,
        /// Fill its variables from this alert
        #[arg(long, value_name = "KEY")]
        alert: Option<String>,
    },
    /// Open an incident on an alert, or go on with one: where it stands, and what is next. Exit 3 while a step is open
    Run(RunbookRun),
}

/// `runbook run`.
#[derive(Debug, Args)]
pub struct RunbookRun {
    /// Open an incident on this alert, or join the one that is open
    #[arg(long, value_name = "KEY", required_unless_present = "incident", conflicts_with = "incident")]
    pub alert: Option<String>,
    /// Go on with this incident
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// Walk this runbook, instead of the one that fits best
    #[arg(long, value_name = "NAME")]
    pub runbook: Option<String>,
    /// The step; left out, the one that is next
    #[arg(long, value_name = "N")]
    pub step: Option<String>,
    /// What of the step
    #[command(flatten)]
    pub act: StepAct,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What is done with a step.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct StepAct {
    /// Run its probe, and keep what it finds
    #[arg(long)]
    pub probe: bool,
    /// It is done
    #[arg(long)]
    pub done: bool,
    /// Leave it out, and why
    #[arg(long, value_name = "REASON")]
    pub skip: Option<String>,
    /// Go on without its evidence, and why
    #[arg(long = "override", value_name = "REASON")]
    pub over: Option<String>,
    /// The branch applies
    #[arg(long)]
    pub applies: bool,
    /// The branch does not apply
    #[arg(long)]
    pub does_not_apply: bool,
    /// It is open again
    #[arg(long)]
    pub reopen: bool,
}
