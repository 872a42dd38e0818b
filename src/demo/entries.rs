//! Lays out one DLQ entry in the form its writer uses: one file, Spark's directory, JSON lines, a Delta table.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::columns::parquet;
use super::incidents::{Compression, Fault, Form, Incident, Wording};
use super::place::Place;
use super::seed::Seed;
use super::{DemoError, reasons, tables};

/// Writes the entry; returns its rows. Rows come first, then the reasons, then the marker, as a pipeline does.
pub fn write(place: &mut Place, incident: &Incident) -> Result<usize, DemoError> {
    let entry = Entry::of(place, incident);
    let mut seed = Seed::of(&format!("{} {}", incident.dataset, incident.age));
    let faults: Vec<Fault> = incident.causes.iter().flat_map(|c| std::iter::repeat_n(c.fault, c.rows)).collect();
    match incident.form {
        Form::Parquet(compression) => {
            let bytes = entry.rows(&faults, &mut seed, compression)?;
            place.put(&format!("{}rejected_rows.parquet", entry.root), &bytes, incident.age + 2)?;
        }
        Form::SparkDirectory(parts) => entry.spark(place, &faults, parts, &mut seed)?,
        Form::Died => entry.died(place, &faults, &mut seed)?,
        Form::Lines(parts) => return entry.lines(place, parts, &mut seed).map(|()| faults.len()),
        Form::Delta => entry.delta(place, &faults, &mut seed)?,
    }
    entry.reasons(place, &entry.root, &mut seed)?;
    if !matches!(incident.form, Form::Died | Form::Delta) {
        place.put(&format!("{}_SUCCESS", entry.root), b"", incident.age)?;
    }
    Ok(faults.len())
}

struct Entry<'a> {
    incident: &'a Incident,
    at: DateTime<Utc>,
    root: String,
    source: String,
}

impl<'a> Entry<'a> {
    fn of(place: &Place, incident: &'a Incident) -> Self {
        let at = place.ago(incident.age);
        let (dataset, level, day) = (incident.dataset, incident.level, at.date_naive());
        let root = match incident.form {
            Form::Delta => format!("_errors/{dataset}/"),
            _ => format!("_errors/{dataset}/{level}={day}/"),
        };
        let prefix = super::datasets::DATASETS.iter().find(|d| d.name == dataset).map_or("", |d| d.data_prefix);
        Self { incident, at, root, source: format!("s3://acme-lake/{prefix}dt={day}/") }
    }

    fn rows(&self, faults: &[Fault], seed: &mut Seed, compression: Compression) -> Result<Vec<u8>, DemoError> {
        Ok(parquet(&self.incident.table.batch(faults, seed, self.at)?, compression)?)
    }

    fn reasons(&self, place: &mut Place, root: &str, seed: &mut Seed) -> Result<(), DemoError> {
        let at = place.ago(self.incident.age + 1);
        let text = reasons::text(self.incident.wording, self.incident.causes, at, &self.source);
        let age = self.incident.age + 1;
        match self.incident.wording {
            Wording::Absent => Ok(()),
            Wording::SparkDirectory => {
                let part = format!("{root}error_reasons.json/part-00000-{}-c000.json", seed.uuid());
                place.put(&part, text.as_bytes(), age)?;
                place.put(&format!("{root}error_reasons.json/_SUCCESS"), b"", age)
            }
            _ => place.put(&format!("{root}error_reasons.json"), text.as_bytes(), age),
        }
    }

    /// Part files as Spark leaves them, with Hadoop's checksum files and a commit protocol's own records.
    fn spark(&self, place: &mut Place, faults: &[Fault], parts: usize, seed: &mut Seed) -> Result<(), DemoError> {
        let (dir, age) = (format!("{}rejected_rows.parquet/", self.root), self.incident.age + 2);
        let (job, commit) = (seed.uuid(), seed.between(1_000_000_000, 4_000_000_000));
        place.put(&format!("{dir}_started_{commit}"), b"", age + 3)?;
        let mut added = Vec::new();
        for (i, chunk) in faults.chunks(faults.len().div_ceil(parts.max(1)).max(1)).enumerate() {
            let name = format!("part-{i:05}-{job}-c000.snappy.parquet");
            let bytes = self.rows(chunk, seed, Compression::Snappy)?;
            place.put(&format!("{dir}{name}"), &bytes, age)?;
            place.put(&format!("{dir}.{name}.crc"), &hadoop_crc(&bytes), age)?;
            added.push(name);
        }
        let committed = json!({ "added": added, "removed": [] });
        place.put(&format!("{dir}_committed_{commit}"), committed.to_string().as_bytes(), age)?;
        place.put(&format!("{dir}_SUCCESS"), b"", age)
    }

    /// One part is there, another was being written when the executor went away.
    fn died(&self, place: &mut Place, faults: &[Fault], seed: &mut Seed) -> Result<(), DemoError> {
        let (dir, age) = (format!("{}rejected_rows.parquet/", self.root), self.incident.age);
        let (job, bytes) = (seed.uuid(), self.rows(faults, seed, Compression::Snappy)?);
        let torn = bytes.get(..bytes.len() / 2).unwrap_or_default();
        place.put(&format!("{dir}part-00000-{job}-c000.snappy.parquet"), &bytes, age + 1)?;
        let attempt = "_temporary/0/_temporary/attempt_202611240000_0004_m_000001_9";
        place.put(&format!("{dir}{attempt}/part-00001-{job}-c000.snappy.parquet"), torn, age)
    }

    /// JSON lines below a `run_id=` level, where the reasons and the marker lie too.
    fn lines(&self, place: &mut Place, parts: usize, seed: &mut Seed) -> Result<(), DemoError> {
        let (root, job) = (format!("{}run_id={}/", self.root, seed.uuid()), seed.uuid());
        let kinds: Vec<&str> = self.incident.causes.iter().flat_map(|c| std::iter::repeat_n(c.kind, c.rows)).collect();
        for (i, chunk) in kinds.chunks(kinds.len().div_ceil(parts.max(1)).max(1)).enumerate() {
            let text: String =
                chunk.iter().map(|kind| format!("{}\n", tables::revenue_line(kind, seed, self.at))).collect();
            place.put(&format!("{root}part-{i:05}-{job}-c000.json"), text.as_bytes(), self.incident.age + 2)?;
        }
        self.reasons(place, &root, seed)?;
        place.put(&format!("{root}_SUCCESS"), b"", self.incident.age)
    }

    /// A table overwritten once: the first commit's file is still on disk and no longer in the table.
    fn delta(&self, place: &mut Place, faults: &[Fault], seed: &mut Seed) -> Result<(), DemoError> {
        let mut added: Option<Value> = None;
        let old = faults.get(..faults.len() * 2 / 3).unwrap_or_default();
        for (version, rows, age) in [(0, old, self.incident.age + 60), (1, faults, self.incident.age)] {
            let at = place.ago(age).timestamp_millis();
            let batch = self.incident.table.batch(rows, seed, place.ago(age))?;
            let bytes = parquet(&batch, Compression::Snappy)?;
            let file = format!("part-00000-{}-c000.snappy.parquet", seed.uuid());
            place.put(&format!("{}{file}", self.root), &bytes, age)?;
            let mut log = vec![json!({ "commitInfo": {
                "timestamp": at, "operation": "WRITE", "operationParameters": { "mode": "Overwrite" },
            }})];
            match added.take() {
                None => log.extend([
                    json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
                    json!({ "metaData": {
                        "id": seed.uuid(), "format": { "provider": "parquet", "options": {} },
                        "schemaString": EVENTS_SCHEMA, "partitionColumns": [], "configuration": {}, "createdTime": at,
                    }}),
                ]),
                Some(path) => log.push(json!({ "remove": {
                    "path": path, "deletionTimestamp": at, "dataChange": true,
                }})),
            }
            log.push(json!({ "add": {
                "path": file, "partitionValues": {}, "size": bytes.len(), "modificationTime": at,
                "dataChange": true, "stats": json!({ "numRecords": rows.len() }).to_string(),
            }}));
            added = Some(Value::String(file));
            let text: String = log.iter().map(|action| format!("{action}\n")).collect();
            place.put(&format!("{}_delta_log/{version:020}.json", self.root), text.as_bytes(), age)?;
        }
        Ok(())
    }
}

/// The columns of `Table::OrdersEvents` in Delta's words.
const EVENTS_SCHEMA: &str = r#"{"type":"struct","fields":[{"name":"event_id","type":"string","nullable":true,"metadata":{}},{"name":"partition","type":"integer","nullable":true,"metadata":{}},{"name":"offset","type":"long","nullable":true,"metadata":{}},{"name":"payload","type":"string","nullable":true,"metadata":{}},{"name":"error_reason","type":"string","nullable":true,"metadata":{}},{"name":"received_at","type":"timestamp","nullable":true,"metadata":{}}]}"#;

/// The checksum file that Hadoop's local file system keeps beside a file: `crc\0`, 512 bytes a sum, then one
/// CRC-32 for each stretch, so that Spark can read the demo too.
fn hadoop_crc(bytes: &[u8]) -> Vec<u8> {
    let mut file = b"crc\0\0\0\x02\0".to_vec();
    file.extend(bytes.chunks(512).flat_map(|stretch| crc32(stretch).to_be_bytes()));
    file
}

/// CRC-32 as zip uses it (polynomial 0xedb88320, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    let rest = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
    });
    !rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zips() {
        // The check value that the CRC catalogues give for CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
