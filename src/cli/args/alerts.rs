//! The arguments of `alerts`.

use clap::{Args, Subcommand};

/// What is done with alerts, for everybody who looks at this lake. KEY is the `key` that `alerts` shows.
#[derive(Debug, Subcommand)]
pub enum AlertsAct {
    /// Take alerts: they are not open any more until they grow worse or begin anew
    Ack(OnAlerts),
    /// Silence alerts for a while, unless they grow worse
    Silence {
        /// Which, and why
        #[command(flatten)]
        on: OnAlerts,
        /// For how long (30m, 2h, 1d), at most 7 days
        #[arg(long = "for", value_name = "TIME")]
        length: String,
    },
    /// Give alerts to somebody
    Assign {
        /// Which, and why
        #[command(flatten)]
        on: OnAlerts,
        /// Who is to look after them
        #[arg(long, value_name = "NAME")]
        to: String,
    },
    /// Open alerts again, as if nobody had done anything
    Reopen(OnAlerts),
    /// What fired, cleared and was done, newest first
    History {
        /// Of so many days
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
}

/// Which alerts, and why.
#[derive(Debug, Args)]
pub struct OnAlerts {
    /// Keys of alerts that are there now
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    /// Why, for whoever looks next
    #[arg(long)]
    pub note: Option<String>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    pub dry_run: bool,
}
