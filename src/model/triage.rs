//! What people did with alerts: taken, silenced for a while, given to somebody, opened again, each with a note. Acts
//! are records that are added and never changed; what they come to is folded from them, the same on every host.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertState};
use super::severity::Severity;

/// Acts older than this count no more: nobody's silence outlives a week, and a listing stays short.
pub const LASTS: Duration = Duration::days(7);
/// Clocks differ, but not by more: an act from later than this is forged, and would hold for ever.
const CLOCKS: Duration = Duration::days(1);

/// What is done with an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "act")]
pub enum TriageAct {
    /// Somebody looks after it: they are its owner if it has none.
    Acknowledge,
    /// It is not to be shown as open until then, unless it grows worse.
    Silence {
        /// Until when; at most [`LASTS`] after the act.
        until: DateTime<Utc>,
    },
    /// Somebody else is to look after it.
    Assign {
        /// Who. Hostile text.
        to: String,
    },
    /// It is open again, as if nobody had done anything.
    Reopen,
}

impl TriageAct {
    /// The word in records, keys of objects and commands.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Silence { .. } => "silence",
            Self::Assign { .. } => "assign",
            Self::Reopen => "reopen",
        }
    }
}

/// One act. Texts are hostile: somebody typed them, and whoever may write to the lake may have forged them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriageRecord {
    /// Of this JSON: 1.
    pub schema: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `user@host`.
    pub actor: String,
    /// The key of the alert.
    pub alert: String,
    /// How bad it was then.
    pub severity: Severity,
    /// What was done.
    #[serde(flatten)]
    pub act: TriageAct,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where an alert stands: what the rules say, and what people did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whether somebody has to look at it.
    pub state: AlertState,
    /// Who looks after it. Hostile text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who did the last thing that counts. Hostile text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When they did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Until when it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The last note. Hostile text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The key of the alert that stands first among those of one cause; none if it stands alone, or first itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Says of each alert where it stands. Records may come in any order, and twice.
///
/// An act holds for the alert that it was about: not for one that began after it, and, if it took or silenced a
/// warning, not once that is critical.
pub fn apply(alerts: &mut [Alert], records: &[TriageRecord], now: DateTime<Utc>) {
    let mut acts: BTreeMap<&str, Vec<&TriageRecord>> = BTreeMap::new();
    for record in records.iter().filter(|r| now - r.at <= LASTS && r.at - now <= CLOCKS) {
        acts.entry(record.alert.as_str()).or_default().push(record);
    }
    for alert in alerts {
        let Some(acts) = acts.get_mut(alert.key.as_str()) else { continue };
        acts.sort_by(|a, b| (a.at, &a.actor, a.act.word()).cmp(&(b.at, &b.actor, b.act.word())));
        let cause = alert.standing.cause.take();
        alert.standing = Standing { cause, ..standing(alert, acts, now) };
    }
}

fn standing(alert: &Alert, acts: &[&TriageRecord], now: DateTime<Utc>) -> Standing {
    let mut standing = Standing::default();
    for act in acts.iter().filter(|act| alert.since <= act.at) {
        // Severities sort worst first.
        let still = act.severity <= alert.severity;
        match &act.act {
            TriageAct::Reopen => standing = Standing::default(),
            TriageAct::Assign { to } => standing.owner = Some(to.clone()),
            TriageAct::Acknowledge if still => {
                standing.state = AlertState::Acknowledged;
                standing.until = None;
                standing.owner.get_or_insert_with(|| act.actor.clone());
            }
            TriageAct::Silence { until } if still && now < (*until).min(act.at + LASTS) => {
                standing.state = AlertState::Silenced;
                standing.until = Some(*until);
            }
            TriageAct::Acknowledge | TriageAct::Silence { .. } => continue,
        }
        standing.by = Some(act.actor.clone());
        standing.at = Some(act.at);
        standing.note = act.note.clone().or(standing.note);
    }
    standing
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::alert::AlertRule;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minutes)
    }

    fn alert(severity: Severity, since: i64) -> Alert {
        Alert { severity, since: at(since), ..Alert::of_rule(AlertRule::DlqRows, "dlq_rows:orders:2026-11-22") }
    }

    fn record(minute: i64, actor: &str, severity: Severity, act: TriageAct) -> TriageRecord {
        TriageRecord {
            schema: 1,
            at: at(minute),
            actor: actor.to_owned(),
            alert: "dlq_rows:orders:2026-11-22".to_owned(),
            severity,
            act,
            note: Some(format!("note {minute}")),
        }
    }

    fn stands(alert: Alert, records: &[TriageRecord], now: i64) -> Standing {
        let mut alerts = [alert];
        apply(&mut alerts, records, at(now));
        let [alert] = alerts;
        alert.standing
    }

    use Severity::{Critical, Warning};

    #[test]
    fn an_acknowledgement_holds_until_it_is_worse_or_another_one() {
        let ack = [record(10, "ana@bastion", Warning, TriageAct::Acknowledge)];
        let taken = stands(alert(Warning, 0), &ack, 20);
        assert_eq!((taken.state, taken.owner.as_deref()), (AlertState::Acknowledged, Some("ana@bastion")));
        assert_eq!((taken.at, taken.note.as_deref()), (Some(at(10)), Some("note 10")));
        for (alert, now, why) in [
            (alert(Critical, 0), 20, "it grew worse"),
            (alert(Warning, 11), 20, "it cleared and began anew"),
            (alert(Warning, 0), 10 + 7 * 24 * 60 + 1, "a week is over"),
        ] {
            assert_eq!(stands(alert, &ack, now), Standing::default(), "{why}");
        }
        // What was critical and is a warning now stays taken; the minute it began in is before the act.
        let ack = [record(10, "ana@bastion", Critical, TriageAct::Acknowledge)];
        assert_eq!(stands(alert(Warning, 10), &ack, 20).state, AlertState::Acknowledged);
    }

    #[test]
    fn a_silence_ends_at_its_minute() {
        let silence = [record(10, "ana", Warning, TriageAct::Silence { until: at(30) })];
        assert_eq!(stands(alert(Warning, 0), &silence, 29).state, AlertState::Silenced);
        assert_eq!(stands(alert(Warning, 0), &silence, 30).state, AlertState::Open);
        assert_eq!(stands(alert(Critical, 0), &silence, 20).state, AlertState::Open);
        // Silence for ever is forged, or an error: it ends with the week.
        let ever = [record(10, "ana", Warning, TriageAct::Silence { until: at(10_000_000) })];
        assert_eq!(stands(alert(Warning, 0), &ever, 10 + 7 * 24 * 60).state, AlertState::Open);
    }

    #[test]
    fn an_act_from_the_future_is_none_however_far() {
        let mut far = record(10, "eve", Critical, TriageAct::Silence { until: DateTime::<Utc>::MAX_UTC });
        far.at = DateTime::<Utc>::MAX_UTC;
        assert_eq!(stands(alert(Warning, 0), &[far.clone()], 20), Standing::default());
        // A clock that is an hour ahead is still somebody's.
        far.at = at(80);
        assert_eq!(stands(alert(Warning, 0), &[far], 20).state, AlertState::Silenced);
    }

    #[test]
    fn the_last_act_decides_whatever_order_they_come_in() {
        let mut records = vec![
            record(10, "ana", Warning, TriageAct::Acknowledge),
            record(12, "ben", Warning, TriageAct::Assign { to: "cyd".into() }),
            record(14, "ben", Warning, TriageAct::Silence { until: at(60) }),
        ];
        let twice: Vec<_> = records.iter().rev().chain(&records).cloned().collect();
        let silenced = stands(alert(Warning, 0), &twice, 20);
        assert_eq!(silenced, stands(alert(Warning, 0), &records, 20));
        assert_eq!((silenced.state, silenced.owner.as_deref()), (AlertState::Silenced, Some("cyd")));
        // When the silence is over, what was taken before it is still taken.
        assert_eq!(stands(alert(Warning, 0), &records, 70).state, AlertState::Acknowledged);
        records.push(record(16, "ana", Warning, TriageAct::Reopen));
        let open = stands(alert(Warning, 0), &records, 20);
        assert_eq!((open.state, open.owner, open.by.as_deref()), (AlertState::Open, None, Some("ana")));
    }

    #[test]
    fn a_record_reads_as_it_is_written() {
        let record = record(1, "ana", Critical, TriageAct::Silence { until: at(5) });
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.contains(r#""act":"silence""#), "{text}");
        assert_eq!(serde_json::from_str::<TriageRecord>(&text).unwrap(), record);
    }
}
