//! What fired, grew worse and cleared, and when: one line of JSON each in a file of this machine, since looking must
//! not need the right to write. What people did with the alerts is on the lake; a history tells both.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::alert::Alert;
use crate::model::severity::Severity;
use crate::model::triage::{TriageAct, TriageRecord};

/// A file that is larger makes room for a new one; one old file is kept. Bytes.
const LARGE: u64 = 2 << 20;

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// A rule was violated that was not before.
    Fired,
    /// It is more severe than before.
    Worse,
    /// It is less severe than before.
    Eased,
    /// The rule is violated no more.
    Cleared,
    /// Somebody took it.
    Acknowledge,
    /// Somebody silenced it.
    Silence,
    /// Somebody gave it to somebody.
    Assign,
    /// Somebody opened it again.
    Reopen,
}

impl Happened {
    /// The word in JSON and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Worse => "worse",
            Self::Eased => "eased",
            Self::Cleared => "cleared",
            Self::Acknowledge => "acknowledge",
            Self::Silence => "silence",
            Self::Assign => "assign",
            Self::Reopen => "reopen",
        }
    }
}

/// One line of a history. Texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Of this JSON: 1.
    pub schema: u32,
    /// When it was seen, or done.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Happened,
    /// The key of the alert.
    pub key: String,
    /// How bad it is; of one that cleared, how bad it was last.
    pub severity: Severity,
    /// Since when the rule is violated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Who did it: `user@host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The alert's sentence, or the note.
    pub detail: String,
}

/// An event of the file, which is one of all lakes.
#[derive(Serialize, Deserialize)]
struct Line {
    lake: String,
    #[serde(flatten)]
    event: HistoryEvent,
}

/// The history of one lake, as this machine saw it.
#[derive(Debug)]
pub struct History {
    file: PathBuf,
    lake: String,
    /// The alerts that are open as far as the file says; read once.
    open: Mutex<Option<BTreeMap<String, HistoryEvent>>>,
}

impl History {
    /// The history of a lake in this file. Reads nothing yet.
    pub fn at(file: PathBuf, lake: &str) -> Self {
        Self { file, lake: lake.to_owned(), open: Mutex::default() }
    }

    /// Notes what changed. `clears` says whether an alert of a key that is not there any more is over, or only not seen.
    /// Blocks on the disk.
    pub fn note(&self, alerts: &[Alert], clears: impl Fn(&str) -> bool, now: DateTime<Utc>) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.get_or_insert_with(|| still_open(self.read()));
        let events = changes(known, alerts, clears, now);
        if events.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for event in &events {
            text.push_str(&serde_json::to_string(&Line { lake: self.lake.clone(), event: event.clone() })?);
            text.push('\n');
        }
        if let Some(parent) = self.file.parent() {
            fs::create_dir_all(parent)?;
        }
        if fs::metadata(&self.file).is_ok_and(|m| m.len() > LARGE) {
            fs::rename(&self.file, self.older())?;
        }
        let mut out = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.file)?;
        // One write: another process appends to the same file.
        out.write_all(text.as_bytes())?;
        for event in events {
            follow(known, event);
        }
        Ok(())
    }

    /// The events of this lake, oldest first. A line that cannot be read hides no other. Blocks on the disk.
    pub fn read(&self) -> Vec<HistoryEvent> {
        let mut events = Vec::new();
        for file in [self.older(), self.file.clone()] {
            let bytes = fs::read(file).unwrap_or_default();
            let lines = bytes.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<Line>(l).ok());
            for Line { lake, event } in lines {
                if lake == self.lake {
                    events.push(event);
                }
            }
        }
        events.sort_by_key(|e| e.at);
        // Two consoles on one machine saw the same; what came again after it was over is another time.
        let mut newest: HashMap<String, (Happened, Severity)> = HashMap::new();
        events.retain(|e| newest.insert(e.key.clone(), (e.event, e.severity)) != Some((e.event, e.severity)));
        events
    }

    fn older(&self) -> PathBuf {
        self.file.with_extension("1.jsonl")
    }
}

fn still_open(events: Vec<HistoryEvent>) -> BTreeMap<String, HistoryEvent> {
    let mut open = BTreeMap::new();
    events.into_iter().for_each(|event| follow(&mut open, event));
    open
}

fn follow(open: &mut BTreeMap<String, HistoryEvent>, event: HistoryEvent) {
    match event.event {
        Happened::Cleared => {
            open.remove(&event.key);
        }
        _ => {
            open.insert(event.key.clone(), event);
        }
    }
}

/// What changed from what is known to be open to what is.
fn changes(
    known: &BTreeMap<String, HistoryEvent>,
    alerts: &[Alert],
    clears: impl Fn(&str) -> bool,
    now: DateTime<Utc>,
) -> Vec<HistoryEvent> {
    let event = |event, alert: &Alert| HistoryEvent {
        schema: 1,
        at: now,
        event,
        key: alert.key.clone(),
        severity: alert.severity,
        since: Some(alert.since),
        by: None,
        detail: alert.summary.clone(),
    };
    let mut events: Vec<HistoryEvent> = Vec::new();
    for alert in alerts {
        match known.get(&alert.key) {
            None => events.push(event(Happened::Fired, alert)),
            // Severities sort worst first.
            Some(before) if alert.severity < before.severity => events.push(event(Happened::Worse, alert)),
            Some(before) if alert.severity > before.severity => events.push(event(Happened::Eased, alert)),
            Some(_) => {}
        }
    }
    let here: HashSet<&str> = alerts.iter().map(|a| a.key.as_str()).collect();
    let gone = known.values().filter(|e| !here.contains(e.key.as_str()) && clears(&e.key));
    events.extend(gone.map(|e| HistoryEvent { at: now, event: Happened::Cleared, ..e.clone() }));
    events
}

/// An act as a line of a history.
pub(super) fn done(record: &TriageRecord) -> HistoryEvent {
    let (event, said) = match &record.act {
        TriageAct::Acknowledge => (Happened::Acknowledge, None),
        TriageAct::Silence { until } => {
            (Happened::Silence, Some(format!("until {}", until.format("%Y-%m-%d %H:%M UTC"))))
        }
        TriageAct::Assign { to } => (Happened::Assign, Some(format!("to {to}"))),
        TriageAct::Reopen => (Happened::Reopen, None),
    };
    let detail = said.into_iter().chain(record.note.clone()).collect::<Vec<_>>().join(": ");
    let by = Some(record.actor.clone());
    HistoryEvent {
        schema: 1,
        at: record.at,
        event,
        key: record.alert.clone(),
        severity: record.severity,
        since: None,
        by,
        detail,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::model::alert::AlertRule;
    use Severity::{Critical, Warning};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minute)
    }

    fn alert(key: &str, severity: Severity) -> Alert {
        Alert { severity, ..Alert::of_rule(AlertRule::DlqRows, key) }
    }

    fn words(history: &History) -> Vec<String> {
        history.read().iter().map(|e| format!("{} {} {}", e.at.timestamp() / 60, e.event.word(), e.key)).collect()
    }

    #[test]
    fn what_fires_and_clears_is_noted_once_and_a_failing_source_clears_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/alerts.jsonl");
        let history = History::at(file.clone(), "s3://a");
        let note = |h: &History, minute, alerts: &[Alert], whole| h.note(alerts, |_| whole, at(minute)).unwrap();
        note(&history, 1, &[alert("x", Warning)], true);
        note(&history, 2, &[alert("x", Warning), alert("y", Critical)], true);
        note(&history, 3, &[alert("x", Critical)], false);
        // Another process, later, and another lake beside it.
        let again = History::at(file.clone(), "s3://a");
        note(&again, 4, &[alert("x", Critical), alert("y", Critical)], true);
        note(&History::at(file.clone(), "s3://b"), 4, &[alert("z", Warning)], true);
        note(&again, 5, &[alert("x", Warning)], true);
        assert_eq!(words(&again), ["1 fired x", "2 fired y", "3 worse x", "5 eased x", "5 cleared y"]);
        // A torn line, of a process that was killed, hides itself alone.
        fs::write(&file, [fs::read(&file).unwrap(), b"{\"lake\":\"s3://a\",\"at\n".to_vec()].concat()).unwrap();
        note(&again, 6, &[], true);
        assert_eq!(words(&again).last().unwrap(), "6 cleared x");
    }

    #[test]
    fn what_comes_again_as_it_was_is_another_time() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(dir.path().join("alerts.jsonl"), "s3://a");
        for (minute, alerts) in [(1, vec![alert("x", Warning)]), (2, vec![]), (3, vec![alert("x", Warning)])] {
            history.note(&alerts, |_| true, at(minute)).unwrap();
        }
        assert_eq!(words(&history), ["1 fired x", "2 cleared x", "3 fired x"]);
    }

    #[test]
    fn a_large_file_makes_room_and_is_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(dir.path().join("alerts.jsonl"), "s3://a");
        history.note(&[alert("x", Warning)], |_| true, at(1)).unwrap();
        let filler = "x".repeat(LARGE as usize);
        let mut text = fs::read_to_string(&history.file).unwrap();
        text.push_str(&filler);
        text.push('\n');
        fs::write(&history.file, text).unwrap();
        history.note(&[alert("x", Warning), alert("y", Warning)], |_| true, at(2)).unwrap();
        assert!(fs::metadata(&history.file).unwrap().len() < 1000);
        assert_eq!(words(&History::at(history.file.clone(), "s3://a")), ["1 fired x", "2 fired y"]);
    }
}
