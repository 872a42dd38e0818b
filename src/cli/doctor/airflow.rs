//! Whether Airflow answers who is configured to ask it, and which version it is.

use super::calls::Calls;
use super::{Check, Verdict};
use crate::cli::config::Config;
use crate::cli::sources;

/// The row; none where no Airflow is configured.
pub async fn check(config: &Config, calls: &Calls) -> Option<Check> {
    const NAME: &str = "airflow";
    let source = sources::airflow(config)?;
    Some(match calls.timed(NAME, source.check()).await {
        Ok(seen) => Check::new(NAME, Verdict::Pass, seen),
        Err(e) => Check::failed(NAME, &e),
    })
}
