//! Alerts of one cause: the same dataset and date, the same run, a run and the dead letters that it wrote. Each group
//! stands together, behind the worst of its alerts.

use std::collections::HashMap;

use super::alert::{Alert, AlertState};
use super::severity::Severity;

/// Orders alerts as screens and `alerts --json` have them: groups by their first alert, that is the worst and of these
/// the oldest; in each the same order; what is silenced last of all. Each alert that does not stand first says which
/// one does.
///
/// What is only told (info) is nobody's cause: it stands alone.
pub fn order(alerts: &mut Vec<Alert>) {
    let leads = leads(alerts);
    let rank = |a: &Alert| (a.standing.state == AlertState::Silenced, a.severity, a.since, a.key.clone());
    let mut best: HashMap<usize, (bool, Severity, chrono::DateTime<chrono::Utc>, String)> = HashMap::new();
    for (alert, lead) in alerts.iter().zip(&leads) {
        let rank = rank(alert);
        let first = best.entry(*lead).or_insert_with(|| rank.clone());
        if rank < *first {
            *first = rank;
        }
    }
    let mut with: Vec<_> = std::mem::take(alerts)
        .into_iter()
        .zip(leads)
        .filter_map(|(alert, lead)| Some((best.get(&lead)?.clone(), rank(&alert), alert)))
        .collect();
    with.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    alerts.extend(with.into_iter().map(|(first, _, mut alert)| {
        alert.standing.cause = Some(first.3).filter(|key| *key != alert.key);
        alert
    }));
}

/// For each alert, the index of one of its group: the same for all of it.
fn leads(alerts: &[Alert]) -> Vec<usize> {
    let mut sets = Sets((0..alerts.len()).collect());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (i, alert) in alerts.iter().enumerate().filter(|(_, a)| a.severity != Severity::Info) {
        for mark in marks(alert) {
            match seen.get(&mark) {
                Some(other) => sets.join(*other, i),
                None => {
                    seen.insert(mark, i);
                }
            }
        }
    }
    (0..alerts.len()).map(|i| sets.first(i)).collect()
}

/// What two alerts of one cause have in common.
fn marks(alert: &Alert) -> Vec<String> {
    let mut marks = Vec::new();
    if let (Some(date), false) = (alert.date, alert.dataset.as_str().is_empty()) {
        marks.push(format!("date {date} {}", alert.dataset));
    }
    if let Some((_, run)) = &alert.run {
        marks.push(format!("run {run}"));
    }
    let levels = alert.entry.iter().flat_map(|path| path.0.split('/'));
    marks.extend(levels.filter_map(|level| level.strip_prefix("run_id=")).map(|run| format!("run {run}")));
    marks
}

/// Disjoint sets of indexes.
struct Sets(Vec<usize>);

impl Sets {
    fn first(&self, mut i: usize) -> usize {
        while let Some(next) = self.0.get(i).copied().filter(|next| *next != i) {
            i = next;
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        if let Some(of) = self.0.get_mut(a.max(b)) {
            *of = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, NaiveDate};

    use super::*;
    use crate::model::alert::AlertRule;
    use crate::model::dataset::Dataset;
    use crate::model::entry::EntryPath;
    use crate::model::run::JobRunId;
    use Severity::{Critical, Info, Warning};

    fn alert(key: &str, severity: Severity, minute: i64, dataset: &str, day: Option<u32>) -> Alert {
        Alert {
            severity,
            since: DateTime::UNIX_EPOCH + Duration::minutes(minute),
            dataset: Dataset(dataset.into()),
            date: day.and_then(|d| NaiveDate::from_ymd_opt(2026, 11, d)),
            ..Alert::of_rule(AlertRule::DlqRows, key)
        }
    }

    fn of_run(alert: Alert, run: &str) -> Alert {
        Alert { run: Some(("emr".into(), JobRunId(run.into()))), ..alert }
    }

    fn of_entry(alert: Alert, path: &str) -> Alert {
        Alert { entry: Some(EntryPath(path.into())), ..alert }
    }

    fn ordered(mut alerts: Vec<Alert>) -> Vec<(String, Option<String>)> {
        order(&mut alerts);
        alerts.into_iter().map(|a| (a.key, a.standing.cause)).collect()
    }

    #[test]
    fn what_has_one_cause_stands_together_behind_its_worst() {
        let seen = ordered(vec![
            alert("other", Warning, 1, "crm", Some(21)),
            alert("drift", Warning, 2, "orders", Some(22)),
            of_run(alert("job", Critical, 9, "", None), "r1"),
            of_entry(alert("rows", Warning, 5, "orders", Some(22)), "_errors/orders/dt=2026-11-22/run_id=r1/"),
            alert("no date", Critical, 10, "orders", None),
            alert("told", Info, 0, "orders", Some(22)),
        ]);
        let lead = Some("job".to_owned());
        let expected = [
            ("job", None),
            ("drift", lead.clone()),
            ("rows", lead),
            ("no date", None),
            ("other", None),
            ("told", None),
        ];
        assert_eq!(seen, expected.map(|(key, cause)| (key.to_owned(), cause)));
    }

    #[test]
    fn the_order_is_the_same_from_any_order_and_what_is_silenced_comes_last() {
        let mut silenced = alert("silenced", Critical, 0, "a", Some(1));
        silenced.standing.state = AlertState::Silenced;
        let all = vec![silenced, alert("x", Warning, 3, "b", Some(1)), alert("y", Critical, 3, "b", Some(1))];
        let seen = ordered(all.clone());
        assert_eq!(seen.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["y", "x", "silenced"]);
        assert_eq!(seen, ordered(all.into_iter().rev().collect()));
    }
}
