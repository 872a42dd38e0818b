//! `dlq list` and `dlq show`: the entries, and one of them with its reasons. Rows are in `rows.rs`.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, ago, count, size, thousands, time};
use crate::model::entry::DlqEntry;
use crate::model::text::escape;
use crate::ops::{Redrives, Session, Snapshot, SourceState};

/// Lists the entries of datasets that begin with `prefix`. Ends with 0 whatever is in them.
pub async fn list(
    session: &Session,
    prefix: Option<&str>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let snapshot = session.refresh(now, |_| {}).await;
    list_answer(&snapshot, prefix, as_json, now)
}

fn list_answer(
    snapshot: &Snapshot,
    prefix: Option<&str>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let wanted = |e: &&DlqEntry| prefix.is_none_or(|p| e.dataset.as_str().starts_with(p));
    let entries: Vec<&DlqEntry> = snapshot.entries.iter().map(AsRef::as_ref).filter(wanted).collect();
    for source in &snapshot.sources {
        if let ("dlq", SourceState::Failed { class, reason, hint }) = (source.source, &source.state) {
            let message = format!("dead letters: {}: {reason}", class.word());
            // A listing that is not whole must not look like one: scripts compare it with yesterday's. People see what
            // there is, and that it is not all.
            if as_json || entries.is_empty() {
                return Err(CliError::Failed { message, hint: Some(hint.clone()) });
            }
            let notes =
                vec![format!("lakeward: these are not all: {}", escape(&message)), format!("hint: {}", escape(hint))];
            return Ok(Answer { text: table(&entries, now), notes, exit: Exit::Failed });
        }
    }
    let text = if as_json { output::json(&entries)? } else { table(&entries, now) };
    Ok(Answer::fine(text))
}

fn table(entries: &[&DlqEntry], now: DateTime<Utc>) -> String {
    if entries.is_empty() {
        return "no entries\n".to_owned();
    }
    let mut table = Table::new(&[
        ("dataset", Side::Left),
        ("date", Side::Left),
        ("rows", Side::Right),
        ("size", Side::Right),
        ("format", Side::Left),
        ("severity", Side::Left),
        ("category", Side::Left),
        ("age", Side::Right),
        ("problems", Side::Left),
        ("path", Side::Left),
    ]);
    for e in entries {
        table.row([
            e.dataset.as_str(),
            &e.date.map_or_else(|| "-".to_owned(), |d| d.to_string()),
            &count(e.known_rows()),
            &size(e.bytes),
            e.format.word(),
            e.severity.word(),
            e.category.word(),
            &ago(e.since(), now),
            &problems(e),
            &e.path.0,
        ]);
    }
    let rows = entries.iter().filter_map(|e| e.known_rows()).fold(0, u64::saturating_add);
    format!("{}{} entries, {} rows\n", table.render(), thousands(entries.len() as u64), thousands(rows))
}

fn problems(entry: &DlqEntry) -> String {
    let codes: Vec<_> = entry.problems.iter().map(|p| p.code()).collect();
    if codes.is_empty() { "-".to_owned() } else { codes.join(",") }
}

/// One entry: the fields of `dlq list`, then its times, the fault of its rows, and what the ledger says of it.
pub fn show(
    entry: &DlqEntry,
    redrives: &Redrives,
    uri: &str,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    if !as_json {
        let mut text = sheet(entry, uri, now);
        for record in &redrives.of_it {
            let _ = writeln!(text, "redriven    {}", escape(&record.told()));
        }
        for record in &redrives.from {
            let _ = writeln!(text, "comes from  the redrive {} of {}", record.id, escape(&record.entry));
        }
        return Ok(Answer::fine(text));
    }
    let mut tree = output::tree(entry)?;
    if let Value::Object(fields) = &mut tree {
        fields.insert("uri".into(), json!(uri));
        fields.insert("first_seen".into(), json!(entry.first_seen));
        fields.insert("modified".into(), json!(entry.modified));
        fields.insert("fault".into(), json!(entry.fault));
        fields.insert("redriven".into(), json!(redrives.of_it));
        let from = redrives.from.iter().map(|r| json!({ "id": r.id, "entry": r.entry, "at": r.ended_at }));
        fields.insert("comes_from".into(), Value::Array(from.collect()));
    }
    Ok(Answer::fine(output::json(&tree)?))
}

fn sheet(e: &DlqEntry, uri: &str, now: DateTime<Utc>) -> String {
    let reported = match e.rows_reported {
        Some(n) if e.rows != Some(n) => format!(" (the reasons report {})", thousands(n)),
        _ => String::new(),
    };
    let complete = if e.complete { "complete" } else { "incomplete: still being written, or its writer died" };
    let lines = [
        ("dataset", e.dataset.to_string()),
        ("date", e.date.map_or_else(|| "-".to_owned(), |d| d.to_string())),
        ("run", e.run_id.clone().unwrap_or_else(|| "-".to_owned())),
        ("rows", format!("{}{reported}", count(e.rows))),
        ("stored as", format!("{}, {}, {complete}", e.format.word(), size(e.bytes))),
        ("severity", e.severity.word().to_owned()),
        ("category", e.category.word().to_owned()),
        ("problems", problems(e)),
        ("fault", e.fault.as_deref().unwrap_or("-").to_owned()),
        ("first seen", time(e.first_seen, now)),
        ("modified", time(e.modified, now)),
        ("address", uri.to_owned()),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<12}{}", escape(&value));
    }
    let _ = writeln!(text, "reasons     {}", thousands(e.errors.len() as u64));
    for reason in &e.errors {
        let rows = reason.row_count.map_or_else(String::new, |n| format!(" ×{}", thousands(n)));
        let kind = reason.error_type.as_deref().unwrap_or("no type");
        let message = reason.error_message.as_deref().unwrap_or("no message");
        let _ = writeln!(text, "  {}{rows}: {}", escape(kind), escape(message));
        if let Some(source) = &reason.source_path {
            let _ = writeln!(text, "    from {}", escape(source));
        }
        if let Some(at) = reason.timestamp {
            let _ = writeln!(text, "    at {}", time(at, now));
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(super) mod tests {
    use super::*;
    use crate::lake::ErrorClass;
    use crate::model::category::FailureCategory;
    use crate::model::dataset::Dataset;
    use crate::model::entry::{EntryPath, RowsFormat};
    use crate::model::severity::Severity;
    use crate::ops::SourceHealth;

    pub fn entry(dataset: &str) -> DlqEntry {
        DlqEntry {
            dataset: Dataset(dataset.into()),
            path: EntryPath(format!("_errors/{dataset}/dt=2026-11-22/").into()),
            date: chrono::NaiveDate::from_ymd_opt(2026, 11, 22),
            run_id: None,
            rows: Some(1_350),
            rows_reported: None,
            bytes: 42_113,
            format: RowsFormat::ParquetDir,
            complete: true,
            errors: vec![],
            category: FailureCategory::Unknown,
            severity: Severity::Critical,
            problems: vec![],
            modified: DateTime::UNIX_EPOCH,
            first_seen: DateTime::UNIX_EPOCH,
            fault: None,
        }
    }

    const CONTRACT: [&str; 13] = [
        "dataset",
        "path",
        "date",
        "run_id",
        "rows",
        "rows_reported",
        "bytes",
        "format",
        "complete",
        "errors",
        "category",
        "severity",
        "problems",
    ];

    fn fields(text: &str) -> Vec<String> {
        serde_json::from_str::<Value>(text).unwrap().as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn json_has_the_fields_of_the_contract_in_order() {
        let listed = output::tree(&entry("orders")).unwrap();
        assert_eq!(fields(&listed.to_string()), CONTRACT);
        let shown = show(&entry("orders"), &Redrives::default(), "s3://b/x", true, DateTime::UNIX_EPOCH);
        let shown = shown.unwrap().text;
        let added = ["uri", "first_seen", "modified", "fault", "redriven", "comes_from"];
        assert_eq!(fields(&shown), [CONTRACT.as_slice(), added.as_slice()].concat());
    }

    #[test]
    fn the_dataset_filter_is_a_prefix() {
        let entries = ["crm/accounts", "crm/contacts", "orders"].map(|d| std::sync::Arc::new(entry(d))).to_vec();
        let snapshot = Snapshot { entries, ..Snapshot::default() };
        for (prefix, n) in [(None, 3), (Some("crm/"), 2), (Some("orders"), 1), (Some("x"), 0)] {
            let text = list_answer(&snapshot, prefix, true, DateTime::UNIX_EPOCH).unwrap().text;
            let found: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(found.as_array().unwrap().len(), n, "{prefix:?}");
        }
        let text = list_answer(&snapshot, None, false, DateTime::UNIX_EPOCH).unwrap().text;
        assert!(text.ends_with("3 entries, 4,050 rows\n"), "{text}");
    }

    #[test]
    fn a_listing_that_failed_is_no_listing_for_scripts_and_another_source_does_not_matter() {
        let state = SourceState::Failed { class: ErrorClass::Denied, reason: "s3://b: no".into(), hint: "ask".into() };
        for (source, code) in [("dlq", 1), ("freshness", 0)] {
            let sources = vec![SourceHealth {
                source,
                state: state.clone(),
                answered: None,
                next: None,
                notes: Vec::new(),
                is_cut: false,
            }];
            let entries = vec![std::sync::Arc::new(entry("orders"))];
            let snapshot = Snapshot { sources, entries, ..Snapshot::default() };
            let answer = list_answer(&snapshot, None, true, DateTime::UNIX_EPOCH);
            assert_eq!(answer.map_or_else(|e| e.exit().code(), |a| a.exit.code()), code, "{source}");
            // People see what there is.
            let shown = list_answer(&snapshot, None, false, DateTime::UNIX_EPOCH).unwrap();
            assert_eq!((shown.exit.code(), shown.notes.is_empty()), (code, code == 0), "{source}");
            assert!(shown.text.contains("orders"), "{}", shown.text);
        }
    }
}
