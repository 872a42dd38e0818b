//! `audit`: who did what, newest first.

use chrono::{DateTime, Utc};

use super::exit::CliError;
use super::output::{self, Answer};
use super::table::{Side, Table, thousands, time};
use crate::ops::Session;

/// Lists the acts of the last days.
pub async fn run(session: &Session, days: u32, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let log = session.audit_log(days, now).await?;
    if as_json {
        return Ok(Answer::fine(output::json(&log)?));
    }
    if log.is_empty() {
        return Ok(Answer::fine(format!("nothing was done in the last {days} days\n")));
    }
    let mut table = Table::new(&[
        ("when", Side::Left),
        ("who", Side::Left),
        ("act", Side::Left),
        ("outcome", Side::Left),
        ("objects", Side::Right),
        ("what", Side::Left),
        ("detail", Side::Left),
    ]);
    for r in &log {
        table.row([
            time(r.at, now).as_str(),
            &r.actor.name(),
            &r.act,
            &r.outcome,
            &thousands(r.objects),
            &r.object,
            &r.detail,
        ]);
    }
    Ok(Answer::fine(table.render()))
}
