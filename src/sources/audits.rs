//! The records that jobs write of their own runs, as they lie on the lake: those of the last days, and of the dates that
//! are asked for. One bad object is a problem of its own and hides no other. It judges nothing.

use chrono::NaiveDate;
use futures::stream::{self, StreamExt};

use super::SourceError;
use super::newest::{Found, Sizes, has_too_many, is_json, newest};
use crate::lake::{ByteRange, ErrorClass, Lake};
use crate::model::origin::Origin;
use crate::model::run_audit::{RunAudit, parse_audits};

/// Where they lie unless the configuration says otherwise: the runbook's own place.
pub const DEFAULT_PREFIXES: [&str; 1] = ["_audit/"];

/// A record is a few lines; a file of all runs of a day has some thousands. Beyond this it is not read. 8 MiB.
const LIMIT: u64 = 8 << 20;
/// Objects read at once.
const AT_ONCE: usize = 8;

/// What was read at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditRecords {
    /// The records, those of the newest object first.
    pub audits: Vec<RunAudit>,
    /// Objects and listings that could not be read.
    pub problems: Vec<SourceError>,
    /// Whether there are records that were not looked at.
    pub more: bool,
    /// Whether not all was looked at that should be, of whichever date.
    pub is_cut: bool,
}

/// The newest records below the prefixes, and those of `dates`: of the 200 newest objects and the last ones of each series
/// of names. Never fails: what could not be
/// read is told beside what could.
pub async fn read(lake: &dyn Lake, prefixes: &[String], dates: &[NaiveDate]) -> AuditRecords {
    let newest = newest(lake, prefixes, dates, is_json, &Sizes::default()).await;
    let reads: Vec<_> = newest.found.iter().map(|found| one(lake, found)).collect();
    let all: Vec<Result<Vec<RunAudit>, SourceError>> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let is_cut = !newest.cut.is_empty();
    let mut records = AuditRecords { audits: Vec::new(), problems: newest.problems, more: newest.more, is_cut };
    for read in all {
        match read {
            Ok(audits) => records.audits.extend(audits),
            Err(problem) => records.problems.push(problem),
        }
    }
    records
}

async fn one(lake: &dyn Lake, found: &Found) -> Result<Vec<RunAudit>, SourceError> {
    let uri = lake.uri(&found.key);
    let malformed = |detail: &str| SourceError::new(ErrorClass::Malformed, uri.clone(), detail);
    if has_too_many(found) || found.size() > LIMIT {
        return Err(malformed("larger than the records of runs are"));
    }
    let mut bytes = Vec::new();
    for object in &found.objects {
        bytes.extend_from_slice(&lake.get(&object.key, ByteRange::Whole, Some(&object.etag)).await?.bytes);
        bytes.push(b'\n');
    }
    let etag = found.objects.first().map(|o| o.etag.0.as_str());
    let read = parse_audits(&bytes, &Origin { key: &found.key, uri: &uri, etag, modified: found.modified });
    match read.faults.first() {
        Some(fault) if read.audits.is_empty() => Err(malformed(fault)),
        _ => Ok(read.audits),
    }
}
