//! `alerts`: what is wrong now. Exit 3 if a critical one or a warning is open; exit 1 if a source failed, since
//! then nobody knows that all is fine.

use chrono::{DateTime, Utc};

use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, ago};
use crate::model::alert::{Alert, AlertState};
use crate::model::severity::Severity;
use crate::model::text::escape;
use crate::ops::{Session, Snapshot, SourceHealth, SourceState};

/// Reads the lake and prints its alerts, those at least as severe as `least` if it is given.
pub async fn run(
    session: &Session,
    least: Option<Severity>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let snapshot = session.refresh(now, |_| {}).await;
    answer(&snapshot, least, as_json, now)
}

fn answer(snapshot: &Snapshot, least: Option<Severity>, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    // Severities sort worst first.
    let shown: Vec<&Alert> = snapshot.alerts.iter().filter(|a| least.is_none_or(|least| a.severity <= least)).collect();
    let notes = failed_sources(&snapshot.sources);
    let text = match (as_json, shown.is_empty()) {
        (true, _) => output::json(&shown)?,
        // A source that failed may hide one: then silence is not "none".
        (false, true) if !notes.is_empty() => String::new(),
        (false, _) => table(&shown, now),
    };
    let nothing = (snapshot.alerts.is_empty() && notes.is_empty() && !snapshot.has_evidence()).then(|| {
        "lakeward: nothing was found to judge: no dead letters, runs or results, and no data is watched".to_owned()
    });
    let notes = notes.into_iter().chain(left_out(&snapshot.sources, |_| true)).chain(nothing).collect();
    Ok(Answer { text, notes, exit: exit(snapshot) })
}

/// By all alerts, whatever part of them is shown.
fn exit(snapshot: &Snapshot) -> Exit {
    if snapshot.alerts.iter().any(Alert::is_due) {
        Exit::NotFine
    } else if snapshot.sources.iter().any(|s| s.state != SourceState::Fresh || s.is_cut) {
        // Where one did not look, silence is not "fine".
        Exit::Failed
    } else {
        Exit::Fine
    }
}

/// Two lines for each source that failed.
pub fn failed_sources(sources: &[SourceHealth]) -> Vec<String> {
    let failed = sources.iter().filter_map(|s| match &s.state {
        SourceState::Fresh => None,
        SourceState::Failed { class, reason, hint } => Some([
            format!("lakeward: source {}: {}: {}", s.source, class.word(), escape(reason)),
            format!("hint: {}", escape(hint)),
        ]),
    });
    failed.flatten().collect()
}

/// A line for each thing that the answer of such a source leaves out.
pub fn left_out(sources: &[SourceHealth], of: impl Fn(&str) -> bool) -> Vec<String> {
    let told = sources.iter().filter(|s| of(s.source));
    let line = |s: &SourceHealth, note: &String| format!("lakeward: source {}: {}", s.source, escape(note));
    told.flat_map(|s| s.notes.iter().map(move |note| line(s, note))).collect()
}

fn table(alerts: &[&Alert], now: DateTime<Utc>) -> String {
    if alerts.is_empty() {
        return "no alerts\n".to_owned();
    }
    let mut table = Table::new(&[
        ("severity", Side::Left),
        ("state", Side::Left),
        ("dataset", Side::Left),
        ("date", Side::Left),
        ("category", Side::Left),
        ("since (UTC)", Side::Left),
        ("age", Side::Right),
        ("what", Side::Left),
    ]);
    for a in alerts {
        table.row([
            a.severity.word(),
            &state(a),
            a.dataset.as_str(),
            &a.date.map_or_else(|| "-".to_owned(), |d| d.to_string()),
            a.category.word(),
            &a.since.format("%Y-%m-%d %H:%M").to_string(),
            &ago(a.since, now),
            // What stands behind another one is of the same cause.
            &if a.standing.cause.is_some() { format!("└ {}", a.summary) } else { a.summary.clone() },
        ]);
    }
    table.render()
}

/// Where it stands, and whose it is.
fn state(alert: &Alert) -> String {
    let standing = &alert.standing;
    match (standing.state, &standing.owner, standing.until) {
        (AlertState::Silenced, _, Some(until)) => format!("silenced until {}", until.format("%d %H:%M")),
        (state, Some(owner), _) => format!("{} {owner}", state.word()),
        (state, None, _) => state.word().to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::lake::ErrorClass;
    use crate::model::alert::{AlertRule, Evidence};
    use crate::model::category::FailureCategory;
    use crate::model::dataset::Dataset;
    use crate::model::triage::Standing;

    fn alert(severity: Severity) -> Alert {
        Alert {
            key: "dlq_rows:orders:2026-11-22".into(),
            severity,
            category: FailureCategory::DataQuality,
            rule: AlertRule::DlqRows,
            dataset: Dataset("orders".into()),
            date: chrono::NaiveDate::from_ymd_opt(2026, 11, 22),
            layer: None,
            since: DateTime::UNIX_EPOCH,
            standing: Standing::default(),
            summary: "547 rows".into(),
            value: 547.0,
            threshold: 100.0,
            evidence: vec![Evidence { uri: "u".into(), observed_at: DateTime::UNIX_EPOCH, detail: "d".into() }],
            entry: None,
            run: None,
            job: None,
        }
    }

    fn failed() -> SourceHealth {
        let state =
            SourceState::Failed { class: ErrorClass::Denied, reason: "s3://b: no\u{1b}".into(), hint: "ask".into() };
        SourceHealth { source: "freshness", state, answered: None, next: None, notes: Vec::new(), is_cut: false }
    }

    #[test]
    fn the_code_tells_open_alerts_from_failed_sources() {
        use Severity::{Critical, Info, Warning};
        for (severities, sources, code) in [
            (vec![], vec![], 0),
            (vec![Info], vec![], 0),
            (vec![Warning], vec![], 3),
            (vec![Info, Critical], vec![], 3),
            (vec![], vec![failed()], 1),
            (vec![Info], vec![failed()], 1),
            (vec![Critical], vec![failed()], 3),
        ] {
            let alerts = severities.iter().copied().map(alert).collect();
            // That nothing was found to judge is told where nothing else is.
            let notes = if severities.is_empty() && sources.is_empty() { 1 } else { sources.len() * 2 };
            let snapshot = Snapshot { alerts, sources, ..Snapshot::default() };
            let answer = answer(&snapshot, None, true, DateTime::UNIX_EPOCH).unwrap();
            assert_eq!((answer.exit.code(), answer.notes.len()), (code, notes), "{severities:?}");
        }
    }

    #[test]
    fn what_a_source_leaves_out_is_told() {
        let source = SourceHealth::after("alarms", None, DateTime::UNIX_EPOCH).noting(vec!["not all \u{1b}".into()]);
        let told = |source: &SourceHealth| {
            let snapshot =
                Snapshot { sources: vec![source.clone()], alerts: vec![alert(Severity::Info)], ..Snapshot::default() };
            let answer = answer(&snapshot, None, true, DateTime::UNIX_EPOCH).unwrap();
            (answer.notes, answer.exit)
        };
        let note = vec!["lakeward: source alarms: not all \\x1b".to_owned()];
        assert_eq!(told(&source), (note.clone(), Exit::Fine));
        // Where it did not look, silence is not "fine".
        assert_eq!(told(&SourceHealth { is_cut: true, ..source }), (note, Exit::Failed));
    }

    #[test]
    fn hiding_an_alert_does_not_make_it_fine() {
        let snapshot = Snapshot { alerts: vec![alert(Severity::Warning)], ..Snapshot::default() };
        let answer = answer(&snapshot, Some(Severity::Critical), true, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((answer.text.trim(), answer.exit), ("[]", Exit::NotFine));
    }

    #[test]
    fn json_has_the_fields_of_the_contract_in_order() {
        let tree = output::tree(&alert(Severity::Critical)).unwrap();
        let fields: Vec<_> = tree.as_object().unwrap().keys().map(String::as_str).collect();
        let contract =
            "key, severity, category, rule, dataset, date, layer, since, state, summary, value, threshold, evidence";
        assert_eq!(fields.join(", "), contract);
        let evidence = tree["evidence"][0].as_object().unwrap();
        assert_eq!(evidence.keys().map(String::as_str).collect::<Vec<_>>(), ["uri", "observed_at", "detail"]);
    }
}
