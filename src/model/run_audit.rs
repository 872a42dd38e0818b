//! What jobs write of their own runs: one record a run under `_audit/{env}/{job}/{date}/{run_id}.json`, or a line of a
//! file. The best source of record counts, since the job itself counted. It judges nothing.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::documents::{count, date, documents, object, one_line, text};
use super::origin::Origin;
use super::reason::time;
use super::run::{JobName, JobRunId};

/// How a run ended, as its job says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditStatus {
    /// Well.
    Success,
    /// Not well.
    Failed,
    /// A part of it was written.
    Partial,
    /// It does not say, or says what nobody knows.
    Unknown,
}

/// The record of one run. Its texts are hostile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunAudit {
    /// The job.
    pub job: JobName,
    /// The id of the run: as the record says, or as the object is named; a line of a file may have none.
    pub run_id: Option<JobRunId>,
    /// When it was written; the object's own time where the record does not say it.
    pub at: DateTime<Utc>,
    /// The environment that the record or its path names.
    pub environment: Option<String>,
    /// The date of its path, or that the record names.
    pub date: Option<NaiveDate>,
    /// How the run ended.
    pub status: AuditStatus,
    /// Rows read.
    pub rows_in: Option<u64>,
    /// Rows written; of several tables, of all.
    pub rows_out: Option<u64>,
    /// Rows of each table, in the record's order, where it counts them so.
    pub tables: Vec<(String, u64)>,
    /// Where they came from.
    pub source: Option<String>,
    /// Where they went.
    pub target: Option<String>,
    /// What went wrong; one line.
    pub error: Option<String>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// Address of the object.
    pub uri: String,
}

/// What was read of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditsRead {
    /// The records in the object's order.
    pub audits: Vec<RunAudit>,
    /// What could not be read, one line each; hostile text.
    pub faults: Vec<String>,
}

/// Clocks differ by less.
const AHEAD: Duration = Duration::minutes(5);

/// Reads an object of records: one, an array or lines of them.
pub fn parse_audits(bytes: &[u8], about: &Origin<'_>) -> AuditsRead {
    let documents = documents(bytes);
    let path = OfPath::read(about.key);
    let mut read = AuditsRead { audits: Vec::new(), faults: documents.faults };
    let single = documents.items.len() == 1;
    for (at, item) in documents.items.iter().enumerate() {
        match item.as_object().and_then(|item| audit(item, about, &path, single)) {
            Some(audit) => read.audits.push(audit),
            None => read.faults.push(format!("item {}: not the record of a run", at + 1)),
        }
    }
    if read.audits.is_empty() && read.faults.is_empty() {
        read.faults.push("empty".into());
    }
    read
}

fn audit(item: &Map<String, Value>, about: &Origin<'_>, path: &OfPath<'_>, single: bool) -> Option<RunAudit> {
    let job = text(item, &["job_name", "job"]).or_else(|| path.job.map(str::to_owned))?;
    if !["status", "rows_in", "rows_out", "result", "run_id"].iter().any(|key| item.contains_key(*key)) {
        return None;
    }
    let processed = object(item, "result").and_then(|result| object(result, "records_processed"));
    let tables: Vec<(String, u64)> =
        processed.into_iter().flatten().filter_map(|(table, rows)| Some((table.clone(), count(rows)?))).collect();
    let all = tables.iter().map(|(_, rows)| *rows).reduce(u64::saturating_add);
    let counted = |keys: [&str; 3]| keys.iter().find_map(|key| count(item.get(*key)?));
    let run_id = text(item, &["run_id", "job_run_id"]).or_else(|| path.run_id.filter(|_| single).map(str::to_owned));
    let number = |key: &str| item.get(key).and_then(Value::as_f64).filter(|n| *n >= 0.0);
    Some(RunAudit {
        job: JobName(job.into()),
        run_id: run_id.map(|id| JobRunId(id.into())),
        at: ["timestamp_utc", "timestamp", "ended_at", "started_at"]
            .iter()
            .find_map(|key| time(item.get(*key)?))
            // A local time that is written as UTC lies ahead of the object that holds it.
            .map_or(about.modified, |at| at.min(about.modified + AHEAD)),
        environment: text(item, &["env", "environment"]).or_else(|| path.environment.map(str::to_owned)),
        date: text(item, &["run_date", "execution_date", "date"]).and_then(|d| date(&d)).or(path.date),
        status: text(item, &["status"]).map_or(AuditStatus::Unknown, |word| status(&word)),
        rows_in: counted(["rows_in", "input_rows", "records_in"]),
        rows_out: counted(["rows_out", "output_rows", "records_out"]).or(all),
        tables,
        source: text(item, &["source", "source_path"]),
        target: text(item, &["target", "target_path"]),
        error: text(item, &["error_message", "error"]).and_then(|e| one_line(&e)),
        seconds: number("duration_seconds").or_else(|| Some(number("duration_ms")? / 1000.0)),
        uri: about.uri.to_owned(),
    })
}

fn status(word: &str) -> AuditStatus {
    let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word.trim()));
    match () {
        () if is(&["success", "succeeded", "ok", "completed"]) => AuditStatus::Success,
        () if is(&["failed", "failure", "error"]) => AuditStatus::Failed,
        () if is(&["partial"]) => AuditStatus::Partial,
        () => AuditStatus::Unknown,
    }
}

/// `…/{env}/{job}/{date}/{run_id}.json`, as far as a date stands where it should.
#[derive(Default)]
struct OfPath<'a> {
    environment: Option<&'a str>,
    job: Option<&'a str>,
    date: Option<NaiveDate>,
    run_id: Option<&'a str>,
}

impl<'a> OfPath<'a> {
    fn read(key: &'a str) -> Self {
        let mut segments = key.rsplit('/');
        let (file, day) = (segments.next(), segments.next());
        let date = day.and_then(|day| date(day.split_once('=').map_or(day, |(_, date)| date)));
        if date.is_none() {
            return Self::default();
        }
        let (job, environment) = (segments.next(), segments.next());
        let run_id = file.and_then(|file| file.strip_suffix(".json")).filter(|id| !id.is_empty());
        Self { environment, job, date, run_id }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, key: &str) -> AuditsRead {
        let modified = Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).single().unwrap_or_default();
        parse_audits(text.as_bytes(), &Origin { key, uri: "s3://b/k", etag: None, modified })
    }

    #[test]
    fn a_record_of_a_run() {
        let read = read(
            r#"{"run_id": "r-1", "timestamp_utc": "2026-11-25T02:10:00Z", "job_name": "bronze_to_silver",
            "env": "prod", "source": "bronze/crm", "target": "silver/customers", "rows_in": 1000, "rows_out": 990,
            "status": "PARTIAL", "error_message": "ten rows\nrejected", "duration_ms": 1500}"#,
            "_audit/prod/bronze_to_silver/2026-11-24/r-1.json",
        );
        assert_eq!(read.faults, [] as [&str; 0]);
        let audit = &read.audits[0];
        assert_eq!((audit.rows_in, audit.rows_out, audit.status), (Some(1000), Some(990), AuditStatus::Partial));
        assert_eq!((audit.error.as_deref(), audit.seconds), (Some("ten rows rejected"), Some(1.5)));
        assert_eq!(audit.date, NaiveDate::from_ymd_opt(2026, 11, 24));
        assert_eq!(audit.at.to_rfc3339(), "2026-11-25T02:10:00+00:00");
    }

    #[test]
    fn a_path_says_what_the_record_leaves_out() {
        let read =
            read(r#"{"status": "SUCCESS", "rows_out": "7"}"#, "_audit/dev/fx_to_bronze/date=2026-11-24/id 7.json");
        let audit = &read.audits[0];
        assert_eq!((audit.job.0.as_ref(), audit.environment.as_deref()), ("fx_to_bronze", Some("dev")));
        assert_eq!(audit.run_id.as_ref().map(|id| id.0.as_ref()), Some("id 7"));
        assert_eq!((audit.rows_in, audit.rows_out), (None, Some(7)));
    }

    #[test]
    fn lines_of_a_job_count_each_table() {
        let line = r#"{"timestamp_utc": "2026-11-25T02:10:00Z", "job_name": "silver_to_gold", "status": "success",
            "duration_seconds": 3.25, "environment": "local", "run_id": null,
            "result": {"records_processed": {"fact_orders": 40, "dim_date": 2, "odd": "many"}}, "error": null}"#
            .replace('\n', " ");
        let read = read(&format!("{line}\nnot json\n{line}\n{{\"passed\": true}}\n"), "artifacts/audit/runs.jsonl");
        assert_eq!((read.audits.len(), read.faults.len()), (2, 2));
        let audit = &read.audits[1];
        assert_eq!((audit.rows_out, audit.tables.len(), &audit.run_id), (Some(42), 2, &None));
        assert_eq!((audit.status, audit.seconds, audit.date), (AuditStatus::Success, Some(3.25), None));
    }

    #[test]
    fn what_is_no_record_is_said() {
        for text in ["", "[]", "3", "{}", r#"{"job_name": "j"}"#, r#"{"passed": true, "table_name": "t"}"#] {
            let read = read(text, "a/b.json");
            assert!(read.audits.is_empty() && read.faults.len() == 1, "{text}: {read:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([{}\\[\\]:,\"\n]|\"job_name\"|\"status\"|\\PC){0,40}", key in "([/=.0-9-]|\\PC){0,30}") {
            read(&text, &key);
        }
    }
}
