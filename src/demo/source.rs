//! What the jobs of the demo read: the days of their sources under `_source/`, the rejected rows with their faults taken
//! out, and what the quality gates say of the days that are right. So a recovery makes the data right, and no more.

use chrono::Duration;
use serde_json::json;

use super::datasets::DATASETS;
use super::incidents::{Compression, Fault, Form, INCIDENTS};
use super::pipeline::JOBS;
use super::place::Place;
use super::seed::Seed;
use super::{DemoError, columns, gates};

/// Where it lies.
pub const PREFIX: &str = "_source/";
/// Days that the sources still have.
const DAYS: i64 = 9;
const DAY: i64 = 24 * 60;
/// Rows of a day.
const ROWS: usize = 40;
/// Where jobs write records of their own runs.
pub const AUDITS: &str = "_audit/";

/// Writes all of it.
pub fn write(place: &mut Place) -> Result<(), DemoError> {
    let filled = |name: &str| JOBS.iter().any(|job| job.dataset == name);
    for dataset in DATASETS.iter().filter(|d| filled(d.name)) {
        let mut seed = Seed::of(&format!("source {}", dataset.name));
        for ago in 0..DAYS {
            // Today's rows end two minutes ago; those of other days with their day, or as long ago.
            let age = ago * DAY + 2;
            let date = place.ago(0).date_naive() - Duration::days(ago);
            let batch = dataset.table.batch(&[Fault::Unseen; ROWS], &mut seed, place.ago(age))?;
            let bytes = columns::parquet(&batch, Compression::Snappy)?;
            place.put(&format!("{PREFIX}{}dt={date}/part-0.parquet", dataset.data_prefix), &bytes, age)?;
        }
    }
    for incident in INCIDENTS.iter().filter(|i| i.form != Form::Delta) {
        let Some(dataset) = DATASETS.iter().find(|d| d.name == incident.dataset) else { continue };
        let mut seed = Seed::of(&format!("fixed {} {}", incident.dataset, incident.age));
        let at = place.ago(incident.age);
        let rows = incident.causes.iter().map(|cause| cause.rows).sum();
        let batch = dataset.table.batch(&vec![Fault::Unseen; rows], &mut seed, at)?;
        let bytes = columns::parquet(&batch, Compression::Snappy)?;
        let key = format!("{PREFIX}fixed/{}/dt={}/rows.parquet", incident.dataset, at.date_naive());
        place.put(&key, &bytes, 1)?;
    }
    audits(place)?;
    for (suite, result) in gates::passing() {
        for ago in 0..DAYS {
            let date = place.ago(0).date_naive() - Duration::days(ago);
            let mut result = result.clone();
            result["execution_date"] = date.to_string().into();
            place.put_json(&format!("{PREFIX}{}dt={date}/{suite}.json", gates::PREFIX), &result, 1)?;
        }
    }
    Ok(())
}

/// What each job writes of the rows of a day: those that it read are those that it wrote and those that were rejected.
fn audits(place: &mut Place) -> Result<(), DemoError> {
    for job in JOBS {
        for ago in 0..DAYS {
            let date = place.ago(0).date_naive() - Duration::days(ago);
            let of_day = INCIDENTS.iter().filter(|i| i.dataset == job.dataset && place.ago(i.age).date_naive() == date);
            let rejected: usize = of_day.flat_map(|i| i.causes).map(|cause| cause.rows).sum();
            let record = |rows: usize| {
                json!({ "job_name": job.name, "env": "demo", "status": "SUCCESS", "rows_in": rows + rejected,
                        "rows_out": rows, "run_date": date.to_string(), "target": job.dataset })
            };
            // Without a time of its own, a record is as old as its object: that of a copy is new.
            place.put_json(&format!("{PREFIX}{AUDITS}{date}/{}.json", job.name), &record(ROWS), 1)?;
            let there = DATASETS.iter().find(|d| d.name == job.dataset);
            let age = there.map(|d| d.fresh + ago * DAY).filter(|_| ago < 2);
            if let Some(age) = age.filter(|age| place.ago(*age).date_naive() == date) {
                let key = format!("{AUDITS}demo/{0}/{date}/{0}.json", job.name);
                place.put_json(&key, &record(super::GOOD_ROWS), age)?;
            }
        }
    }
    Ok(())
}
