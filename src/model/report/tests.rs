#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::incident::{About, Handover, MarkedText};
use crate::model::probe::{Finding, Verdict};
use crate::model::runbook::Variables;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn events() -> Vec<IncidentEvent> {
    let mut alert = Alert::of_rule(AlertRule::DlqRows, "dlq_rows:orders:2024-10-04");
    alert.summary = "1,200 rows rejected \u{1b}[2J of <orders> | x".into();
    alert.since = at(-20);
    alert.evidence = vec![Evidence {
        uri: "s3://b/_errors/orders/".into(),
        observed_at: at(-20),
        detail: "jdbc:pg://svc:HUNTER2@db failed, password=HUNTER2".into(),
    }];
    let about = About { rows: Some(1_200), ..About::alert(&alert, Variables::default()) };
    let deed = |act: &str, minute: i64, rows: Option<u64>| {
        Happening::Did(Deed {
            act: act.into(),
            object: "_errors/orders/dt=2024-10-04/".into(),
            dataset: Some("orders".into()),
            date: NaiveDate::from_ymd_opt(2024, 10, 4),
            days: Vec::new(),
            done: true,
            plan: "2 objects, to _archive/".into(),
            detail: "done".into(),
            began: at(minute),
            rows,
            objects: 2,
            bytes: 4_096,
        })
    };
    let mut all =
        vec![(0, Happening::Opened(about)), (5, deed("redrive", 3, Some(1_200))), (6, deed("archive", 6, None))];
    for check in Check::ALL {
        let evidence = Evidence { uri: "s3://b/x".into(), observed_at: at(7), detail: "seen".into() };
        let (summary, probe) = ("fine".to_owned(), check.probe());
        let finding = Finding { probe, verdict: Verdict::Pass, summary, evidence: vec![evidence], at: at(8) };
        all.push((8, Happening::Checked { check, finding }));
        all.push((
            9,
            match check {
                Check::Consumers => Happening::Waived { check, reason: "warehouse in maintenance".into() },
                _ => Happening::Signed { check, note: None },
            },
        ));
    }
    let lines = vec!["ana,+••".to_owned(), "token=HUNTER2 \u{1b}[2J | <b>".to_owned()];
    all.push((20, Happening::Marked(MarkedText { uri: "s3://b/log".into(), lines })));
    let handover =
        Handover { to: Some("ben".into()), running: vec!["redrive of orders".into()], ..Handover::default() };
    all.push((21, Happening::HandedOver(handover)));
    let follow_ups = vec!["a contract test in CI".to_owned()];
    all.push((60, Happening::Resolved { note: Some("a column was renamed".into()), follow_ups }));
    let event = |(i, (minute, what))| IncidentEvent {
        schema: 1,
        id: format!("{i:04}"),
        at: at(minute),
        actor: "ana@bastion".into(),
        what,
    };
    all.into_iter().enumerate().map(event).collect()
}

fn report(events: Vec<IncidentEvent>) -> Report {
    Report::of(&Incident::of(&IncidentId("20241004-orders-0badcafe".into()), events).unwrap())
}

#[test]
fn a_report_says_what_was_hit_what_was_done_and_how_long_it_took() {
    let report = report(events());
    assert_eq!((report.status, report.cause.as_deref()), (IncidentStatus::Resolved, Some("a column was renamed")));
    assert_eq!(
        (report.took.acknowledged, report.took.mitigated, report.took.resolved),
        (1_200, Some(1_500), Some(4_800))
    );
    let impact = &report.impact;
    assert_eq!((impact.rows_rejected, impact.redriven.rows, impact.archived.rows), (Some(1_200), Some(1_200), None));
    assert_eq!((impact.archived.acts, impact.archived.objects, impact.quarantined.acts), (1, 2, 0));
    assert_eq!(report.waived().map(|checked| checked.check).collect::<Vec<_>>(), [Check::Consumers]);
    assert_eq!((report.follow_ups.len(), report.timeline.len()), (1, 16));
}

#[test]
fn the_same_events_in_any_order_make_the_same_bytes() {
    let (once, mut shuffled) = (report(events()), events());
    shuffled.reverse();
    shuffled.extend(events());
    let again = report(shuffled);
    assert_eq!((once.json(), once.markdown(), once.html()), (again.json(), again.markdown(), again.html()));
}

#[test]
fn no_form_of_it_holds_a_secret_or_what_a_reader_would_obey() {
    let report = report(events());
    for text in [report.json(), report.markdown(), report.html()] {
        assert!(!text.contains('\u{1b}') && !text.contains("HUNTER2"), "{text}");
    }
    assert!(report.markdown().contains("\\| x") && !report.markdown().contains("<orders>"));
    assert!(!report.html().contains("<orders>"));
    // What was kept and what was handed over is all there, and what each check rested on.
    for text in [report.json(), report.markdown(), report.html()] {
        for part in ["ana,+••", "runs now: redrive of orders", "seen", "s3://b/x"] {
            assert!(text.contains(part), "{part:?}: {text}");
        }
    }
}

#[test]
fn what_is_not_over_says_so() {
    let mut open = events();
    open.pop();
    let report = report(open);
    assert_eq!((report.status, &report.cause, report.times.resolved), (IncidentStatus::Mitigated, &None, None));
    assert!(report.markdown().contains("nothing was said") && report.markdown().contains("none noted"));
}
