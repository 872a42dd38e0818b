//! What people do with alerts is seen by all who look at the lake: through the gate, as records that are added.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::path::Prefixes;
use lakeward::lake::{Lake, LakeWriter};
use lakeward::model::alert::{Alert, AlertState};
use lakeward::model::protection::{Confirmation, Locked, Protection};
use lakeward::model::triage::TriageAct;
use lakeward::ops::gate::{Actor, Journal};
use lakeward::ops::{Gate, GateError, LakeSettings, Outcome, Session, SourceState, TriageAsk, Watch, WriteEffect};

use crate::support::memory::{Memory, Verb};

const REASONS: &str = "_errors/orders/dt=2026-11-22/error_reasons.json";

/// So many minutes after the objects of the lake in memory were written.
fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(10 + minute)
}

/// A dead letter of so many reported rows.
fn lake(rows: u64) -> Memory {
    let memory = Memory::default();
    rejected(&memory, rows);
    memory
}

fn rejected(memory: &Memory, rows: u64) {
    memory.set(REASONS, format!(r#"{{"error_type":"ValueError","error_message":"bad","row_count":{rows}}}"#));
}

/// Somebody's session, whose clock stands at a minute.
fn session(memory: &Memory, machine: &Path, user: &str, minute: i64, protection: Protection) -> Session {
    let writer: Arc<dyn LakeWriter> = Arc::new(memory.clone());
    let reader: Arc<dyn Lake> = Arc::new(memory.clone());
    let actor = Actor { user: user.to_owned(), host: "bastion".to_owned(), from: None };
    let gate = Gate::new(writer, Prefixes::default(), protection, Journal::at(machine.join("moves")))
        .acting(actor, move || at(minute));
    Session::new(reader, LakeSettings::default()).with_gate(Arc::new(gate)).with_history(machine.join("alerts.jsonl"))
}

async fn alerts(session: &Session, minute: i64) -> Vec<Alert> {
    session.refresh(at(minute), |_| {}).await.alerts.into_iter().filter(|a| a.rule.word() == "dlq_rows").collect()
}

async fn act(session: &Session, alert: &Alert, act: TriageAct) -> Result<Outcome, GateError> {
    let alerts = vec![(alert.key.clone(), alert.severity)];
    let effect = WriteEffect::Triage(TriageAsk { alerts, act, note: Some("known: CRM sends late".to_owned()) });
    session.gate().unwrap().perform(effect, Some(Confirmation::Yes), &Watch::default()).await
}

#[tokio::test]
async fn what_one_takes_is_taken_for_all_until_it_grows_worse() {
    let (memory, ana_at, ben_at) = (lake(500), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A protected environment takes it: no data is touched.
    let ana = session(&memory, ana_at.path(), "ana", 1, Protection::of(true, false));
    let ben = session(&memory, ben_at.path(), "ben", 2, Protection::of(true, true));
    let [alert] = &alerts(&ana, 1).await[..] else { panic!("one alert") };
    assert_eq!(alert.standing.state, AlertState::Open);
    act(&ana, alert, TriageAct::Acknowledge).await.unwrap();
    let [seen] = &alerts(&ben, 2).await[..] else { panic!("one alert") };
    assert_eq!(seen.standing.state, AlertState::Acknowledged);
    assert_eq!(seen.standing.owner.as_deref(), Some("ana@bastion"));
    assert_eq!(seen.standing.note.as_deref(), Some("known: CRM sends late"));
    assert!(!seen.is_due());
    // A run that only reads takes nothing, and says why.
    let refused = act(&ben, seen, TriageAct::Reopen).await.unwrap_err();
    assert_eq!(refused, GateError::Locked(Locked::ReadOnly));
    // Who did what is on the lake, too.
    let audit = ben.audit_log(1, at(2)).await.unwrap();
    assert_eq!((audit[0].act.as_str(), audit[0].actor.user.as_str()), ("acknowledge", "ana"));
    // A silence over it, then worse than what was silenced.
    act(&ana, alert, TriageAct::Silence { until: at(60) }).await.unwrap();
    assert_eq!(alerts(&ben, 3).await[0].standing.state, AlertState::Silenced);
    rejected(&memory, 5000);
    let [worse] = &alerts(&ben, 4).await[..] else { panic!("one alert") };
    assert!(worse.is_due(), "{worse:?}");
    // The history tells both: what this machine saw, and what people did.
    let history = ben.alert_history(u32::MAX, at(4)).await.unwrap();
    let words: Vec<&str> = history.iter().map(|e| e.event.word()).collect();
    for word in ["fired", "worse", "acknowledge", "silence"] {
        assert!(words.contains(&word), "{word} in {words:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other_and_a_denied_listing_keeps_what_was_known() {
    let (memory, machine) = (lake(500), tempfile::tempdir().unwrap());
    let minute = 1;
    let ana = session(&memory, machine.path(), "ana", minute, Protection::Open);
    let alert = alerts(&ana, minute).await.remove(0);
    act(&ana, &alert, TriageAct::Assign { to: "cyd\u{202e}".to_owned() }).await.unwrap();
    let day = at(minute).format("%Y-%m-%d");
    memory.set(&format!("_lakeward/alerts/dt={day}/000000000-silence-0.json"), "{ torn");
    let failing = |snapshot: &lakeward::ops::Snapshot| {
        let source = snapshot.sources.iter().find(|s| s.source == "triage").unwrap().clone();
        !matches!(source.state, SourceState::Fresh)
    };
    let snapshot = ana.refresh(at(minute), |_| {}).await;
    assert!(failing(&snapshot), "the torn record is told of");
    assert_eq!(snapshot.alerts[0].standing.owner.as_deref(), Some("cyd\u{202e}"));
    memory.deny(Verb::List, "_lakeward/alerts/");
    let snapshot = ana.refresh(at(minute), |_| {}).await;
    assert!(failing(&snapshot));
    assert_eq!(snapshot.alerts[0].standing.owner.as_deref(), Some("cyd\u{202e}"));
}
