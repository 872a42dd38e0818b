//! What a local environment knows of its pipeline: records of runs and their logs in the lake's own folder, written by
//! whoever runs the commands. The same ports as AWS and Airflow, so that a laptop and the demo show everything.

pub mod alarms;
pub mod dags;
pub mod jobs;
pub mod logs;
pub mod metrics;
pub mod process;
mod records;
pub mod secrets;

use crate::lake::Key;

/// The key of a file beside a record. A name that would leave the folder is none.
fn beside(record: &Key, name: &str) -> Option<Key> {
    let plain = !name.is_empty() && name.split('/').all(|s| !matches!(s, "" | "." | ".."));
    let (folder, _) = record.as_str().rsplit_once('/')?;
    plain.then(|| Key(format!("{folder}/{name}")))
}
