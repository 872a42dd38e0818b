//! The alert rules as pure functions over signals, with the runbook's thresholds as defaults. Time is a
//! parameter, and only decides *whether* a rule is violated: keys and `since` come from the evidence alone,
//! so they are the same across refreshes, restarts and hosts. Nothing here reads, and nothing escapes.

pub mod alarms;
pub mod feed;
pub mod jobs;
pub mod quality;
pub mod secret;
mod thresholds;

use std::cmp::Reverse;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::alert::{Alert, AlertRule, Evidence};
use super::category::FailureCategory;
use super::contract::Drift;
use super::dataset::{Dataset, Layer};
use super::entry::DlqEntry;
use super::severity::Severity;
use super::text::{first_line, thousands};
use super::triage::Standing;

pub use thresholds::{Override, Scope, ThresholdChanges, Thresholds};

/// How new a dataset's newest good data is.
#[derive(Debug, Clone, PartialEq)]
pub struct FreshnessSignal {
    /// The dataset.
    pub dataset: Dataset,
    /// Its layer, if known.
    pub layer: Option<Layer>,
    /// The newest value of the column, or when the newest object was written; `None` if there is no object at all.
    pub newest: Option<DateTime<Utc>>,
    /// The column that the contract names, where it was read.
    pub column: Option<String>,
    /// Why that column could not be used, where it could not: `column updated_at has no statistics in 3 files`.
    pub unused: Option<String>,
    /// Full address of the newest object, or of the empty prefix.
    pub uri: String,
    /// The dataset's own limit; [`Thresholds::no_data`] where unset.
    pub limit: Option<Duration>,
}

impl FreshnessSignal {
    /// That it is judged by its newest object though its contract names a column, and why.
    pub fn by_object(&self) -> Option<String> {
        self.unused.as_ref().map(|why| format!("{why}: judged by the newest object"))
    }
}

/// The severity of so many rejected rows: over a threshold, not at it. Unknown rows are info.
pub fn severity_of(rows: Option<u64>, thresholds: &Thresholds) -> Severity {
    match rows {
        Some(rows) if rows > thresholds.dlq_rows_critical => Severity::Critical,
        Some(rows) if rows > thresholds.dlq_rows_warning => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Runbook: "DLQ entries > 1000 rows" critical, "> 100 rows" warning. One alert an entry, at the level it
/// reached; none at or under the warning threshold. The value is in rows. `uri` is the entry's address.
pub fn dlq_alert(entry: &DlqEntry, layer: Option<Layer>, thresholds: &Thresholds, uri: &str) -> Option<Alert> {
    let rows = entry.known_rows()?;
    let severity = severity_of(Some(rows), thresholds);
    let limit = match severity {
        Severity::Critical => thresholds.dlq_rows_critical,
        Severity::Warning => thresholds.dlq_rows_warning,
        Severity::Info => return None,
    };
    let told = if entry.rows.is_some() { "counted" } else { "reported" };
    let detail = format!("{} rows {told}, {} over {}", thousands(rows), severity.word(), thousands(limit));
    let why = entry.errors.iter().filter(|e| e.error_message.is_some()).max_by_key(|e| e.row_count);
    let why = why.and_then(|e| first_line(e.error_message.as_deref()?));
    let why = why.map(|w| format!(": {w}")).unwrap_or_default();
    Some(Alert {
        severity,
        since: entry.since(),
        summary: format!("{} rejected rows{why}", thousands(rows)),
        value: rows as f64,
        threshold: limit as f64,
        ..of_entry(entry, layer, AlertRule::DlqRows, run_key(AlertRule::DlqRows, entry), uri, detail)
    })
}

/// An entry without its completion marker for longer than [`Thresholds::incomplete`], counted from its newest
/// object: its writer is slow or dead. A warning; the value is in seconds, `since` its newest object.
pub fn incomplete_alert(
    entry: &DlqEntry,
    layer: Option<Layer>,
    thresholds: &Thresholds,
    uri: &str,
    now: DateTime<Utc>,
) -> Option<Alert> {
    let age = now - entry.modified;
    if entry.complete || age <= thresholds.incomplete {
        return None;
    }
    let rule = AlertRule::IncompleteEntry;
    Some(Alert {
        severity: Severity::Warning,
        since: entry.modified,
        summary: "no completion marker: still being written, or its writer died".into(),
        value: seconds(age),
        threshold: seconds(thresholds.incomplete),
        ..of_entry(entry, layer, rule, run_key(rule, entry), uri, "the newest object, and no _SUCCESS".into())
    })
}

/// Runbook: "No data for > 1 hour" is critical; exactly the limit is fine, and so is data from the future,
/// since clocks differ. The value is in seconds. `since` is the newest object's time.
///
/// Where there is no data at all, nobody knows since when, and "now" would be another answer at each refresh:
/// `since` is then 1970-01-01, the value counts from there, and the summary says "no data at all".
/// The evidence's time is in that case that of the reading, `now`.
pub fn no_data_alert(signal: &FreshnessSignal, thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let limit = signal.limit.unwrap_or(thresholds.no_data);
    let since = signal.newest.unwrap_or(DateTime::UNIX_EPOCH);
    if signal.newest.is_some() && now - since <= limit {
        return None;
    }
    let (summary, detail) = match signal.newest {
        Some(_) => {
            let by_object = signal.by_object();
            let detail = match (&signal.column, &by_object) {
                (Some(column), _) => format!("the newest {column}"),
                (None, Some(why)) => format!("the newest object; {why}"),
                (None, None) => "the newest object".to_owned(),
            };
            let why = by_object.map(|why| format!(" ({why})")).unwrap_or_default();
            (format!("no new data for longer than {}{why}", in_words(limit)), detail)
        }
        None => ("no data at all".into(), "the prefix is empty".to_owned()),
    };
    Some(Alert {
        key: format!("{}:{}:newest", AlertRule::NoData.word(), signal.dataset),
        severity: Severity::Critical,
        category: FailureCategory::UpstreamSource,
        rule: AlertRule::NoData,
        dataset: signal.dataset.clone(),
        date: None,
        layer: signal.layer,
        since,
        standing: Standing::default(),
        summary,
        value: seconds(now - since),
        threshold: seconds(limit),
        evidence: vec![Evidence { uri: signal.uri.clone(), observed_at: signal.newest.unwrap_or(now), detail }],
        entry: None,
        run: None,
        job: None,
    })
}

/// What the rule of old quarantines looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantineSignal {
    /// The id of the quarantine.
    pub id: String,
    /// Whose data.
    pub dataset: Dataset,
    /// Of which date.
    pub date: Option<NaiveDate>,
    /// The dataset's layer, if known.
    pub layer: Option<Layer>,
    /// When it was moved.
    pub moved_at: DateTime<Utc>,
    /// Whether its move, or a later one, is half done.
    pub interrupted: bool,
    /// Full address of where it lies.
    pub uri: String,
}

/// Data forgotten in quarantine is a warning, and so is a move that nobody finished, at once. The value is in seconds.
pub fn quarantine_alert(signal: &QuarantineSignal, thresholds: &Thresholds, now: DateTime<Utc>) -> Option<Alert> {
    let age = now - signal.moved_at;
    if !signal.interrupted && age <= thresholds.quarantine {
        return None;
    }
    let summary = match signal.interrupted {
        true => "a move is half done: resume it, or take it back".to_owned(),
        false => format!("in quarantine for longer than {}", in_words(thresholds.quarantine)),
    };
    Some(Alert {
        key: format!("{}:{}:{}", AlertRule::QuarantineAge.word(), signal.dataset, signal.id),
        severity: Severity::Warning,
        category: FailureCategory::Unknown,
        rule: AlertRule::QuarantineAge,
        dataset: signal.dataset.clone(),
        date: signal.date,
        layer: signal.layer,
        since: signal.moved_at,
        standing: Standing::default(),
        summary,
        value: seconds(age),
        threshold: seconds(thresholds.quarantine),
        evidence: vec![Evidence {
            uri: signal.uri.clone(),
            observed_at: signal.moved_at,
            detail: format!("quarantine {}", signal.id),
        }],
        entry: None,
        run: None,
        job: None,
    })
}

/// Runbook: "Schema drift detected" is a warning. One alert a dataset and date, whichever of its runs it is
/// found in: the key leaves the run out, and [`merge_same_key`] joins them. The value is the number of columns
/// that differ from the contract at `contract_uri`; `uri` is the address of the rows. None without a drift.
pub fn drift_alert(
    entry: &DlqEntry,
    layer: Option<Layer>,
    drifts: &[Drift],
    uri: &str,
    contract_uri: &str,
) -> Option<Alert> {
    let mut columns: Vec<&str> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for drift in drifts.iter().filter(|drift| !drift.kind.is_declared()) {
        if !columns.contains(&drift.column.as_str()) {
            columns.push(&drift.column);
            if columns.len() <= COLUMNS_SAID {
                said.push(drift.in_short());
            }
        }
    }
    if columns.is_empty() {
        return None;
    }
    let more = columns.len().saturating_sub(COLUMNS_SAID);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let (noun, verb) = if columns.len() == 1 { ("column", "differs") } else { ("columns", "differ") };
    let summary = format!("{} {noun} {verb} from the contract: {}{more}", columns.len(), said.join(", "));
    let rule = AlertRule::SchemaDrift;
    Some(Alert {
        severity: Severity::Warning,
        category: FailureCategory::SchemaEvolution,
        since: entry.since(),
        summary,
        value: columns.len() as f64,
        threshold: 0.0,
        ..of_entry(
            entry,
            layer,
            rule,
            date_key(rule, entry),
            uri,
            format!("compared with {contract_uri}{}", outlook(drifts)),
        )
    })
}

/// Runbook: "add null defaults, widen types" where that loses nothing; the rest breaks. What schemas merely declare of
/// nulls is told here too.
fn outlook(drifts: &[Drift]) -> String {
    let told = |safe: bool, words: &str| {
        let these: Vec<String> = drifts.iter().filter(|d| d.safe == safe).map(|drift| drift.in_short()).collect();
        let more = these.len().saturating_sub(COLUMNS_SAID);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let first = these.iter().take(COLUMNS_SAID).map(String::as_str).collect::<Vec<_>>().join(", ");
        if these.is_empty() { String::new() } else { format!("; {words}: {first}{more}") }
    };
    told(false, "breaks") + &told(true, "safe to evolve")
}

/// Columns that the summary of a drift says.
const COLUMNS_SAID: usize = 3;

/// Leaves one alert a key: of those with the same one, the worst (then the largest value) with all of their
/// evidence and the earliest `since`. In no order.
pub fn merge_same_key(alerts: &mut Vec<Alert>) {
    alerts.sort_by(|a, b| {
        let worse = |x: &Alert| (x.severity, Reverse(x.value.to_bits()), x.since); // values are not negative
        a.key.cmp(&b.key).then_with(|| worse(a).cmp(&worse(b)))
    });
    alerts.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            kept.since = kept.since.min(later.since);
            kept.evidence.append(&mut later.evidence);
        }
        same
    });
}

/// The fields that all alerts of an entry share.
fn of_entry(entry: &DlqEntry, layer: Option<Layer>, rule: AlertRule, key: String, uri: &str, detail: String) -> Alert {
    Alert {
        key,
        severity: Severity::Info,
        category: entry.category,
        rule,
        dataset: entry.dataset.clone(),
        date: entry.date,
        layer,
        since: entry.modified,
        standing: Standing::default(),
        summary: String::new(),
        value: 0.0,
        threshold: 0.0,
        evidence: vec![Evidence { uri: uri.into(), observed_at: entry.modified, detail }],
        entry: Some(entry.path.clone()),
        run: None,
        job: None,
    }
}

fn date_key(rule: AlertRule, entry: &DlqEntry) -> String {
    let date_or_path = entry.date.map_or_else(|| entry.path.0.to_string(), |d| d.to_string());
    format!("{}:{}:{date_or_path}", rule.word(), entry.dataset)
}

fn run_key(rule: AlertRule, entry: &DlqEntry) -> String {
    let run = entry.run_id.as_ref().map(|id| format!(":{id}")).unwrap_or_default();
    date_key(rule, entry) + &run
}

fn seconds(d: Duration) -> f64 {
    d.num_milliseconds() as f64 / 1000.0
}

/// A measured length as people say it: `40 s`, `35 min`, `3.5 h`.
fn about(d: Duration) -> String {
    match d.num_seconds() {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", (s + 30) / 60),
        s => format!("{:.1} h", s as f64 / 3600.0),
    }
}

/// A limit as people say it: `1 h`, `90 min`, `45 s`.
fn in_words(d: Duration) -> String {
    let s = d.num_seconds();
    match s {
        s if s >= 3600 && s % 3600 == 0 => format!("{} h", s / 3600),
        s if s >= 60 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
