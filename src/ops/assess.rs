//! Reads what a listing cannot tell of an entry: its reasons and its row count. Every fault becomes a
//! problem code; nothing here fails.

use std::sync::Arc;

use futures::stream::{self, StreamExt};

use crate::lake::{ByteRange, ErrorClass, Lake, LakeError, ObjectMeta};
use crate::model::category::{CategoryRule, categorize};
use crate::model::entry::{DlqEntry, Problem, RowsFormat};
use crate::model::reason::{ErrorReason, parse_reasons, rows_reported};
use crate::model::rules::{Thresholds, severity_of};
use crate::rows::{RowCache, RowsError, set};

use super::entries::Found;

/// NDJSON is counted by reading it; beyond this much the count is unknown. 64 MiB.
const COUNT_LIMIT: u64 = 64 << 20;
/// Reasons are a few lines of JSON; an object beyond this is not read. 8 MiB.
const REASONS_LIMIT: u64 = 8 << 20;
/// Parts of a reasons directory read at once.
const PARTS_AT_ONCE: usize = 8;

/// An entry with what was read of it, and the lake error met on the way, if one was.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// The entry.
    pub entry: DlqEntry,
    /// An error of the lake itself (denied, unreachable…), which says something of the source and not
    /// only of this entry. Such an entry is read again at the next refresh.
    pub failure: Option<LakeError>,
}

/// The entry as its listing shows it, before anything of it was read.
pub fn unread(found: &Found) -> DlqEntry {
    let kept = &found.kept;
    let mut problems: Vec<Problem> = found.date_problem.into_iter().collect();
    problems.extend((!kept.complete).then_some(Problem::Incomplete));
    problems.extend((!kept.has_reasons()).then_some(Problem::NoReasons));
    problems.extend((kept.format == RowsFormat::None).then_some(Problem::NoRows));
    problems.sort();
    DlqEntry {
        dataset: found.dataset.clone(),
        path: found.path.clone(),
        date: found.date,
        run_id: found.run_id.clone(),
        rows: None,
        rows_reported: None,
        bytes: kept.bytes(),
        format: kept.format,
        complete: kept.complete,
        errors: Vec::new(),
        category: crate::model::category::FailureCategory::Unknown,
        severity: crate::model::severity::Severity::Info,
        problems,
        modified: found.modified,
        first_seen: found.first_seen,
        fault: None,
    }
}

/// Reads reasons and row count, side by side.
pub async fn assess(
    lake: &Arc<dyn Lake>,
    found: &Found,
    cache: &Arc<RowCache>,
    rules: &[CategoryRule],
    thresholds: &Thresholds,
) -> Assessed {
    let layout = found.kept.layout(&found.path);
    let (reasons, count) = futures::join!(
        read_reasons(lake.as_ref(), &layout.reasons),
        set::count(Arc::clone(lake), &layout, Arc::clone(cache), COUNT_LIMIT)
    );
    let mut entry = unread(found);
    let mut failure = reasons.failure;
    if reasons.bad {
        entry.problems.push(Problem::BadReasons);
    }
    if reasons.reasons.is_empty() && !reasons.bad && !entry.problems.contains(&Problem::NoReasons) {
        entry.problems.push(Problem::NoReasons); // a file that says `[]`
    }
    let uri = lake.uri(&found.path.0);
    let below = |fault: String| fault.strip_prefix(uri.as_str()).unwrap_or(&fault).into();
    entry.fault = reasons.fault.map(below);
    match count {
        Ok(rows) => entry.rows = rows,
        Err(RowsError::NoRows { .. }) => {}
        Err(error) => {
            entry.problems.push(Problem::UnreadableRows);
            entry.fault = Some(below(error.to_string()));
            if let RowsError::Lake(error) = error {
                failure = failure.or(Some(error));
            }
        }
    }
    entry.rows_reported = rows_reported(&reasons.reasons);
    if let (Some(counted), Some(reported)) = (entry.rows, entry.rows_reported)
        && counted != reported
    {
        entry.problems.push(Problem::RowCountMismatch);
    }
    entry.category = categorize(rules, &reasons.reasons);
    entry.errors = reasons.reasons;
    entry.errors.shrink_to_fit();
    entry.severity = severity_of(entry.known_rows(), thresholds);
    entry.problems.sort();
    Assessed { entry, failure: failure.filter(says_of_source) }
}

/// A missing object is the entry's own trouble (it was moved meanwhile); the rest is the source's.
fn says_of_source(error: &LakeError) -> bool {
    !matches!(error.class, ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::Malformed)
}

#[derive(Default)]
struct Reasons {
    reasons: Vec<ErrorReason>,
    bad: bool,
    fault: Option<String>,
    failure: Option<LakeError>,
}

async fn read_reasons(lake: &dyn Lake, objects: &[ObjectMeta]) -> Reasons {
    let reads: Vec<_> = objects
        .iter()
        .cloned()
        .map(|object| async move {
            if object.size > REASONS_LIMIT {
                let detail = format!("{} bytes of error reasons; more than 8 MiB is not read", object.size);
                return Err(LakeError::new(ErrorClass::Malformed, lake.uri(object.key.as_str()), detail));
            }
            lake.get(&object.key, ByteRange::Whole, None).await.map(|f| (object.key, f.bytes))
        })
        .collect();
    let parts: Vec<_> = stream::iter(reads).buffered(PARTS_AT_ONCE).collect().await;
    let single = parts.len() == 1;
    let mut all = Reasons::default();
    for part in parts {
        match part {
            // Spark leaves empty part files beside full ones: only a lone empty object is a fault.
            Ok((_, bytes)) if bytes.is_empty() && !single => {}
            Ok((key, bytes)) => {
                let parsed = parse_reasons(&bytes);
                if parsed.bad {
                    all.fault =
                        Some(format!("{}: not readable as error reasons (JSON in UTF-8)", lake.uri(key.as_str())));
                }
                all.bad |= parsed.bad;
                all.reasons.extend(parsed.reasons);
            }
            Err(error) => {
                all.bad = true;
                all.fault = Some(error.to_string());
                all.failure = Some(error);
            }
        }
    }
    all
}
