//! The demo: a local environment with live incidents of every failure category, the same bytes for the same
//! minute. It writes to a folder it makes, or made before; it opens no console and reads no lake.

mod columns;
mod datasets;
mod entries;
mod gates;
mod incidents;
mod pipeline;
mod place;
mod reasons;
mod seed;
mod settings;
mod signals;
mod source;
mod tables;
mod words;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use parquet::errors::ParquetError;

use crate::model::text::escape;
use datasets::DATASETS;
use incidents::{Compression, Fault, INCIDENTS};
use place::Place;
use seed::Seed;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Where.
    pub dir: PathBuf,
    /// Datasets with good data.
    pub datasets: usize,
    /// DLQ entries.
    pub entries: usize,
    /// Rejected rows in them.
    pub rejected_rows: usize,
    /// Runs of jobs.
    pub job_runs: usize,
    /// Files, settings and contracts included.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a demo was not written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder holds something else. Nothing was changed.
    #[error(
        "{}: not empty and not an earlier demo (no lakeward.toml that says so): name an empty or a new folder",
        shown(dir)
    )]
    Occupied {
        /// The folder.
        dir: PathBuf,
    },
    /// The file system refused.
    #[error("{}: cannot {action}: {source}; check the rights and the space there, or name another folder", shown(path))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The demo's own rows do not fit their table: a fault of lakeward.
    #[error("the demo's rows: {0}; this is a fault of lakeward, please report it")]
    Rows(#[from] ArrowError),
    /// The demo's own rows do not fit a file: a fault of lakeward.
    #[error("the demo's parquet: {0}; this is a fault of lakeward, please report it")]
    Parquet(#[from] ParquetError),
}

fn shown(path: &Path) -> String {
    escape(&path.display().to_string()).into_owned()
}

/// Writes the demo to `dir`, its ages counted back from `now` (cut to the minute). `dir` must be new, empty or
/// an earlier demo; of an earlier demo only what a demo writes is replaced.
pub fn write(dir: &Path, now: DateTime<Utc>) -> Result<Summary, DemoError> {
    let mut place = Place::claim(dir, now)?;
    let mut rejected_rows = 0;
    for dataset in DATASETS {
        good_data(&mut place, dataset)?;
        if let Some(contract) = settings::contract(dataset) {
            place.put(&settings::contract_path(dataset), contract.as_bytes(), 30 * 24 * 60)?;
        }
    }
    for incident in INCIDENTS {
        rejected_rows += entries::write(&mut place, incident)?;
    }
    let job_runs = pipeline::write(&mut place)?;
    gates::write(&mut place)?;
    signals::write(&mut place)?;
    source::write(&mut place)?;
    let datasets: BTreeSet<&str> = DATASETS.iter().map(|d| d.name).collect();
    Ok(Summary {
        dir: dir.to_owned(),
        datasets: datasets.len(),
        entries: INCIDENTS.len(),
        rejected_rows,
        job_runs,
        objects: place.objects,
        bytes: place.bytes,
    })
}

/// Rows of good data of a day.
const GOOD_ROWS: usize = 5;

/// The newest day's data and that of the day before: a few rows each, there for their age.
fn good_data(place: &mut Place, dataset: &datasets::DemoDataset) -> Result<(), DemoError> {
    let mut seed = Seed::of(dataset.data_prefix);
    for age in [dataset.fresh, dataset.fresh + 24 * 60] {
        let at = place.ago(age);
        let batch = dataset.table.batch(&[Fault::Unseen; GOOD_ROWS], &mut seed, at)?;
        let bytes = columns::parquet(&batch, Compression::Snappy)?;
        place.put(&format!("{}dt={}/part-0.parquet", dataset.data_prefix, at.date_naive()), &bytes, age)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
