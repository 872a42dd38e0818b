use chrono::Duration;

use super::*;
use crate::model::alert::AlertRule;
use crate::model::runbook::walk::Mark;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn event(minute: i64, id: &str, actor: &str, what: Happening) -> IncidentEvent {
    IncidentEvent { schema: 1, id: id.into(), at: at(minute), actor: actor.into(), what }
}

fn opened() -> Happening {
    let alert = Alert::of_rule(AlertRule::DlqRows, "dlq_rows:orders:2026-11-22");
    Happening::Opened(About::alert(&alert, Variables::default()))
}

fn step(number: &str, mark: Mark) -> Happening {
    Happening::Step { step: number.parse().unwrap(), mark, reason: None }
}

#[test]
fn events_come_to_the_same_in_any_order() {
    let id = IncidentId::new(at(0), "crm/contacts", "dlq_rows:crm/contacts:2026-11-22");
    assert!(id.is_sound(), "{id}");
    let events = vec![
        event(0, "a", "ana", opened()),
        event(
            1,
            "b",
            "ana",
            Happening::Runbook { runbook: RunbookId("network".into()), why: "category".into(), by_hand: false },
        ),
        event(2, "c", "ana", step("1", Mark::Done)),
        event(2, "d", "ben", step("1", Mark::Reopened)),
    ];
    let incident = Incident::of(&id, events.clone()).unwrap();
    let shuffled = Incident::of(&id, events.iter().rev().chain(&events).cloned()).unwrap();
    assert_eq!(incident, shuffled);
    assert_eq!((incident.events.len(), incident.last(), incident.by.as_str()), (4, at(2), "ana"));
    assert_eq!(incident.walk.of(&"1".parse().unwrap()).len(), 2);
    // What nobody opened is nothing.
    assert_eq!(Incident::of(&id, events.into_iter().skip(1)), None);
}

#[test]
fn another_runbook_begins_at_its_beginning_and_the_same_goes_on() {
    let chosen = |name: &str| Happening::by_hand(RunbookId(name.into()));
    let walked = |last: Happening| {
        let events = [opened(), chosen("a"), step("1", Mark::Done), last];
        let events = events.into_iter().enumerate().map(|(i, what)| event(i as i64, &i.to_string(), "ana", what));
        Incident::of(&IncidentId("x".into()), events).unwrap().walk
    };
    assert_eq!(walked(chosen("a")).of(&"1".parse().unwrap()).len(), 1);
    assert_eq!(walked(chosen("b")), Walk::default());
    // What fits best somewhere else is no choice of anybody's.
    let fitted = Happening::Runbook { runbook: RunbookId("c".into()), why: "category".into(), by_hand: false };
    assert_eq!(walked(fitted).of(&"1".parse().unwrap()).len(), 1);
}

#[test]
fn an_event_reads_as_it_is_written() {
    for what in [opened(), step("3.1", Mark::Overridden), Happening::note("looked")] {
        let event = event(1, "x", "ana@bastion", what);
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<IncidentEvent>(&text).unwrap(), event, "{text}");
    }
    for bad in ["", "a/b", "..", "a b", "ä"] {
        assert!(!IncidentId(bad.into()).is_sound(), "{bad:?}");
    }
}

#[test]
fn another_alert_joins_it_and_the_worse_one_says_how_bad_it_is() {
    let alerted = |severity| Happening::Alerted { key: "no_data:orders:".into(), title: "no data".into(), severity };
    let folded = |last: Vec<Happening>| {
        let events = std::iter::once(opened()).chain(last).enumerate();
        let events = events.map(|(i, what)| event(i as i64, &i.to_string(), "ana", what));
        Incident::of(&IncidentId("x".into()), events).unwrap()
    };
    let joined = folded(vec![alerted(Severity::Critical), alerted(Severity::Critical)]);
    assert_eq!((joined.severity, joined.about.alerts.len()), (Severity::Critical, 2));
    assert_eq!(folded(vec![alerted(Severity::Info)]).severity, Severity::Warning);
}

#[test]
fn what_is_done_to_its_data_is_its_own_whoever_did_it() {
    let deed = |dataset: Option<&str>, day: Option<u32>, object: &str| Deed {
        act: "redrive".into(),
        object: object.into(),
        dataset: dataset.map(str::to_owned),
        date: day.and_then(|day| NaiveDate::from_ymd_opt(2026, 11, day)),
        days: Vec::new(),
        done: true,
        plan: String::new(),
        detail: String::new(),
        began: at(0),
        rows: None,
        objects: 0,
        bytes: 0,
    };
    let about = |day: Option<u32>| About {
        dataset: Some("orders".into()),
        job: Some("load".into()),
        date: day.and_then(|day| NaiveDate::from_ymd_opt(2026, 11, day)),
        ..About::alert(&Alert::of_rule(AlertRule::DlqRows, "x"), Variables::default())
    };
    for (own, told, is) in [
        (Some(22), deed(Some("orders"), Some(22), ""), true),
        (Some(22), deed(Some("orders"), Some(23), ""), false),
        (Some(22), deed(Some("orders"), None, ""), true), // a range of days
        (None, deed(Some("orders"), Some(23), ""), true),
        (Some(22), deed(Some("returns"), Some(22), "load"), false),
        (Some(22), deed(None, None, "load"), true),
        (Some(22), deed(None, Some(23), "load"), false),
        (Some(22), deed(None, None, "other"), false),
    ] {
        assert_eq!(about(own).is_told(&told), is, "{own:?} {told:?}");
    }
}

#[test]
fn an_alert_that_cleared_may_be_back() {
    let key = "dlq_rows:orders:2026-11-22".to_owned();
    let back = Happening::Alerted { key: key.clone(), title: "x".into(), severity: Severity::Warning };
    let what = [opened(), Happening::Cleared { key: key.clone() }, back];
    let events = what.into_iter().enumerate().map(|(i, what)| event(i as i64, &i.to_string(), "ana", what));
    let events: Vec<IncidentEvent> = events.collect();
    let cleared =
        |n: usize| Incident::of(&IncidentId("x".into()), events[..n].to_vec()).unwrap().cleared.contains(&key);
    assert_eq!([1, 2, 3].map(cleared), [false, true, false]);
}

#[test]
fn what_is_over_is_open_again_once_something_speaks_against_it() {
    use crate::model::probe::Finding;
    use crate::model::verify::Check;

    let finding = |check: Check, verdict, minute| {
        let evidence = Evidence { uri: "x".into(), observed_at: at(minute), detail: "seen".into() };
        let (summary, probe) = (String::new(), check.probe());
        Happening::Checked {
            check,
            finding: Finding { probe, verdict, summary, evidence: vec![evidence], at: at(minute) },
        }
    };
    let mut what = vec![opened()];
    for check in Check::ALL {
        what.push(finding(check, Verdict::Pass, 1));
        what.push(Happening::Signed { check, note: None });
    }
    let over = Happening::Resolved { note: None, follow_ups: Vec::new() };
    let folded = |more: &[Happening]| {
        let events = what.iter().chain(more).cloned().enumerate();
        let events = events.map(|(i, what)| event(i as i64, &format!("{i:02}"), "ana", what));
        Incident::of(&IncidentId("x".into()), events).unwrap().status()
    };
    assert_eq!(folded(&[]), IncidentStatus::Open);
    assert_eq!(folded(std::slice::from_ref(&over)), IncidentStatus::Resolved);
    let deed = |act: &str| {
        Happening::Did(Deed {
            act: act.into(),
            object: "x".into(),
            dataset: None,
            date: None,
            days: Vec::new(),
            done: true,
            plan: String::new(),
            detail: String::new(),
            began: at(40),
            rows: None,
            objects: 0,
            bytes: 0,
        })
    };
    for (more, status) in [
        (finding(Check::Logs, Verdict::Fail, 30), IncidentStatus::Open),
        (finding(Check::Logs, Verdict::Pass, 30), IncidentStatus::Resolved),
        (Happening::Reopened { reason: "back".into() }, IncidentStatus::Open),
        (deed("backfill"), IncidentStatus::Mitigated),
        (deed("quarantine"), IncidentStatus::Resolved),
        (Happening::note("seen"), IncidentStatus::Resolved),
    ] {
        assert_eq!(folded(&[over.clone(), more.clone()]), status, "{more:?}");
    }
    // Whoever writes that it is over before it is: it is not.
    let early: Vec<Happening> = what.iter().take(4).cloned().chain([over]).collect();
    let events = early.into_iter().enumerate().map(|(i, what)| event(i as i64, &i.to_string(), "ana", what));
    assert_eq!(Incident::of(&IncidentId("x".into()), events).unwrap().status(), IncidentStatus::Open);
}
