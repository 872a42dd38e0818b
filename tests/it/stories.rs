//! Stories of a session on a lake that misbehaves: what is known stays, what is wrong is said, and a refresh
//! asks for no more than it must.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use lakeward::lake::{ErrorClass, Key, Lake, LakeWriter};
use lakeward::model::entry::{DlqEntry, Problem};
use lakeward::ops::{LakeSettings, Progress, Session, Snapshot, SourceHealth, SourceState};

use crate::support::memory::{Memory, Verb};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T03:00:00Z").unwrap().to_utc() + Duration::minutes(minute)
}

/// Two rows, their reasons, and the marker.
async fn write_entry(lake: &Memory, path: &str) {
    let reasons = r#"[{"error_type": "null_value", "error_message": "id is null", "row_count": 2}]"#;
    let files =
        [("part-00000.json", "{\"id\":null}\n{\"id\":null}\n"), ("error_reasons.json", reasons), ("_SUCCESS", "")];
    for (name, text) in files {
        lake.put(&Key(format!("_errors/{path}{name}")), text.into(), None).await.unwrap();
    }
}

async fn lake_of(entries: &[&str]) -> Memory {
    let lake = Memory::default();
    for entry in entries {
        write_entry(&lake, entry).await;
    }
    lake
}

fn session(lake: &Memory) -> Arc<Session> {
    Arc::new(Session::new(Arc::new(lake.clone()), LakeSettings::default()))
}

async fn refresh(session: &Session, minute: i64) -> Snapshot {
    session.refresh(at(minute), |_: Progress| {}).await
}

fn dlq(snapshot: &Snapshot) -> &SourceHealth {
    snapshot.sources.iter().find(|s| s.source == "dlq").expect("the dlq's own state")
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.entries.iter().map(|e| &*e.path.0).collect()
}

fn assert_read(entry: impl AsRef<DlqEntry>) {
    let entry = entry.as_ref();
    assert_eq!((entry.rows, entry.rows_reported), (Some(2), Some(2)), "{entry:?}");
    assert_eq!(entry.errors.len(), 1, "{entry:?}");
    assert!(entry.problems.is_empty() && entry.complete, "{entry:?}");
}

const ENTRIES: [&str; 3] = ["crm/contacts/dt=2026-11-22/", "crm/contacts/dt=2026-11-23/", "orders/dt=2026-11-23/"];

#[tokio::test]
async fn a_failing_list_keeps_what_was_known_and_says_why() {
    for class in [ErrorClass::Denied, ErrorClass::Unreachable, ErrorClass::Expired, ErrorClass::Throttled] {
        let lake = lake_of(&ENTRIES).await;
        let session = session(&lake);
        let good = refresh(&session, 0).await;
        good.entries.iter().for_each(assert_read);
        assert_eq!(paths(&good), ENTRIES.map(|e| format!("_errors/{e}")));
        assert_eq!(
            *dlq(&good),
            SourceHealth {
                source: "dlq",
                state: SourceState::Fresh,
                answered: Some(at(0)),
                next: None,
                notes: Vec::new(),
                is_cut: false
            }
        );

        for minute in [5, 10] {
            lake.fail_lists(u32::MAX, class);
            let failed = refresh(&session, minute).await;
            assert_eq!(failed.entries, good.entries);
            assert_eq!(failed.alerts, good.alerts);
            assert_eq!(dlq(&failed).answered, Some(at(0)), "it last answered before");
            let SourceState::Failed { class: said, reason, hint } = &dlq(&failed).state else { panic!("{failed:?}") };
            assert_eq!(*said, class);
            assert!(reason.contains("s3://memory/_errors/") && !hint.is_empty(), "{reason} {hint}");
        }

        lake.fail_lists(0, class);
        let again = refresh(&session, 15).await;
        assert_eq!(again.entries, good.entries);
        assert_eq!((&dlq(&again).state, dlq(&again).answered), (&SourceState::Fresh, Some(at(15))));
    }
}

#[tokio::test]
async fn where_one_folder_may_not_be_listed_the_others_are_read() {
    let lake = lake_of(&ENTRIES).await;
    // As a folder denies the whole of a listing for one folder below.
    lake.fail(Verb::List, "_errors/", 0, 1, ErrorClass::Denied);
    lake.deny(Verb::List, "_errors/crm/");
    let snapshot = refresh(&session(&lake), 0).await;
    assert_eq!(paths(&snapshot), [format!("_errors/{}", ENTRIES[2])]);
    snapshot.entries.iter().for_each(assert_read);
    let SourceState::Failed { class, reason, .. } = &dlq(&snapshot).state else { panic!("{snapshot:?}") };
    assert!(*class == ErrorClass::Denied && reason.contains("_errors/"), "{reason}");
}

#[tokio::test]
async fn a_listing_that_breaks_off_leaves_what_was_read_of_what_changed() {
    let lake = lake_of(&ENTRIES).await;
    // More than a page: each dataset is listed for itself.
    (0..1001).for_each(|n| drop(lake.set(&format!("_errors/zz/dt=2026-11-23/{n}.tmp"), "")));
    let session = session(&lake);
    let good = refresh(&session, 0).await;
    lake.set("_errors/orders/dt=2026-11-23/part-00001.json", "{\"id\":null}\n");
    for class in [ErrorClass::Throttled, ErrorClass::Unreachable] {
        lake.fail(Verb::List, "_errors/zz/", 0, u32::MAX, class);
        let broken = refresh(&session, 1).await;
        assert_eq!(paths(&broken), paths(&good), "{class:?}");
        let orders = broken.entries.iter().find(|e| e.dataset.as_str() == "orders").unwrap();
        assert_read(orders);
        assert!(matches!(&dlq(&broken).state, SourceState::Failed { class: seen, .. } if *seen == class));
        lake.behave();
    }
    let whole = refresh(&session, 2).await;
    let orders = whole.entries.iter().find(|e| e.dataset.as_str() == "orders").unwrap();
    assert_eq!(orders.rows, Some(3));
}

#[tokio::test]
async fn a_line_that_comes_again_and_again_stands_while_its_feed_rests_or_fails() {
    let lake = Memory::default();
    let line = |hours: i64| {
        let at = (at(0) - Duration::hours(hours)).to_rfc3339();
        format!("{{\"timestamp_utc\": \"{at}\", \"level\": \"CRITICAL\", \"title\": \"lag\"}}\n")
    };
    lake.set("_alerts/a.jsonl", [line(24), line(12), line(0)].concat());
    let settings = LakeSettings { feeds: vec!["_alerts/".into()], ..LakeSettings::default() };
    let session = Session::new(Arc::new(lake.clone()), settings);
    let stands = |snapshot: &Snapshot| snapshot.alerts.iter().any(|a| a.key.starts_with("alert_feed:"));
    assert!(stands(&refresh(&session, 0).await));
    // The oldest of its lines is over a day old now.
    lake.fail_lists(u32::MAX, ErrorClass::Expired);
    for minute in 1..5 {
        assert!(stands(&refresh(&session, minute).await), "while it fails");
    }
    lake.fail_lists(0, ErrorClass::Expired);
    for minute in 5..20 {
        assert!(stands(&session.refresh_due(at(minute), |_: Progress| {}).await), "while it rests");
    }
    assert!(!stands(&refresh(&session, 24 * 60 + 1).await), "until its newest line is a day old");
}

#[tokio::test]
async fn a_lake_that_never_answered_is_an_empty_screen_with_a_reason() {
    let lake = lake_of(&ENTRIES).await;
    lake.fail_lists(1, ErrorClass::Unreachable);
    let snapshot = refresh(&session(&lake), 0).await;
    assert!(snapshot.entries.is_empty());
    assert!(matches!(dlq(&snapshot).state, SourceState::Failed { class: ErrorClass::Unreachable, .. }));
    assert_eq!(dlq(&snapshot).answered, None);
}

#[tokio::test]
async fn an_unchanged_lake_costs_listings_alone() {
    let lake = lake_of(&ENTRIES).await;
    let session = session(&lake);
    let first = refresh(&session, 0).await;
    let before = lake.counters().read();
    let second = refresh(&session, 1).await;
    let cost = lake.counters().read() - before;
    // Dead letters, the records of moves, what people did with alerts, and incidents.
    assert_eq!((cost.gets, cost.heads, cost.writes, cost.lists), (0, 0, 0, 4));
    assert_eq!(second.entries, first.entries);

    // Equal bytes have equal tags, and are not read again; a key hides that they are equal.
    lake.set_opaque_etags();
    write_entry(&lake, ENTRIES[1]).await;
    let before = lake.counters().read();
    refresh(&session, 2).await;
    let cost = lake.counters().read() - before;
    assert_eq!((cost.gets, cost.lists), (2, 4), "the reasons and the rows of the one that changed");
}

#[tokio::test]
async fn a_gate_that_failed_stands_while_its_source_is_silent() {
    let lake = lake_of(&[]).await;
    let key = Key("_dq_results/dt=2026-11-23/silver_orders.json".into());
    let result = r#"{"suite_name": "silver_orders", "layer": "silver", "execution_date": "2026-11-23",
        "timestamp": "2026-11-23T02:50:00Z", "passed": false, "critical_failures": 1,
        "expectations": [{"expectation_type": "expect_x", "passed": false, "severity": "critical"}]}"#;
    lake.put(&key, result.into(), None).await.unwrap();
    let settings = LakeSettings { quality: vec!["_dq_results/".into()], ..LakeSettings::default() };
    let session = Session::new(Arc::new(lake.clone()), settings);
    let gates = |snapshot: &Snapshot| -> Vec<String> {
        let of_gates = snapshot.alerts.iter().filter(|a| a.key.starts_with("quality_gate:"));
        of_gates.map(|a| a.key.clone()).collect()
    };
    let good = refresh(&session, 0).await;
    assert_eq!(gates(&good).len(), 1, "{:?}", good.alerts);
    for minute in [1, 2] {
        lake.fail_lists(u32::MAX, ErrorClass::Denied);
        let silent = refresh(&session, minute).await;
        assert_eq!(gates(&silent), gates(&good));
        let quality = silent.sources.iter().find(|s| s.source == "quality").expect("its own state");
        assert!(matches!(quality.state, SourceState::Failed { class: ErrorClass::Denied, .. }), "{quality:?}");
    }
    lake.fail_lists(0, ErrorClass::Denied);
    lake.delete(&key, None).await.unwrap();
    assert_eq!(gates(&refresh(&session, 3).await), Vec::<String>::new(), "gone with its result");
}

#[tokio::test]
async fn what_failed_to_be_read_is_read_again() {
    let lake = lake_of(&ENTRIES).await;
    let session = session(&lake);
    lake.fail_gets(u32::MAX, ErrorClass::Denied);
    let denied = refresh(&session, 0).await;
    assert_eq!(denied.entries.len(), 3, "listed, all the same");
    for entry in &denied.entries {
        assert_eq!(entry.problems, [Problem::BadReasons, Problem::UnreadableRows], "{entry:?}");
        assert!(entry.fault.as_ref().is_some_and(|f| f.contains("denied") && f.contains(".json: ")), "{entry:?}");
    }
    assert!(matches!(dlq(&denied).state, SourceState::Failed { class: ErrorClass::Denied, .. }), "{denied:?}");

    lake.fail_gets(0, ErrorClass::Denied);
    let allowed = refresh(&session, 1).await;
    allowed.entries.iter().for_each(assert_read);
    assert_eq!(dlq(&allowed).state, SourceState::Fresh);
}

#[tokio::test]
async fn an_entry_that_vanishes_between_listing_and_reading_is_coded_and_then_gone() {
    let lake = lake_of(&ENTRIES).await;
    let session = session(&lake);
    lake.hold_gets();
    let running = tokio::spawn({
        let session = Arc::clone(&session);
        async move { refresh(&session, 0).await }
    });
    lake.get_waits().await;
    for name in ["part-00000.json", "error_reasons.json", "_SUCCESS"] {
        lake.delete(&Key(format!("_errors/{}{name}", ENTRIES[1])), None).await.unwrap();
    }
    lake.release();
    let snapshot = running.await.unwrap();
    assert_eq!(paths(&snapshot), ENTRIES.map(|e| format!("_errors/{e}")));
    let [there, vanished, other] = snapshot.entries.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!(vanished.problems, [Problem::BadReasons, Problem::UnreadableRows]);
    assert!(vanished.fault.as_ref().is_some_and(|f| f.contains("not found")), "{vanished:?}");
    [there, other].into_iter().for_each(assert_read);
    assert_eq!(dlq(&snapshot).state, SourceState::Fresh, "a moved entry is no failing lake");

    let after = refresh(&session, 1).await;
    assert_eq!(after.entries.len(), 2);
    after.entries.iter().for_each(assert_read);
}

#[tokio::test]
async fn a_cancelled_refresh_leaves_the_session_as_it_was() {
    let lake = lake_of(&ENTRIES).await;
    let session = session(&lake);
    let good = refresh(&session, 0).await;
    lake.hold_lists();
    let running = tokio::spawn({
        let session = Arc::clone(&session);
        async move { refresh(&session, 1).await }
    });
    lake.list_waits().await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    lake.release();
    let before = lake.counters().read();
    let after = refresh(&session, 2).await;
    assert_eq!(after.entries, good.entries);
    assert_eq!((lake.counters().read() - before).gets, 0, "nothing that was known was forgotten");
}

#[tokio::test]
async fn three_thousand_entries_in_thirty_datasets_are_fanned_out_and_all_found() {
    let lake = Memory::default();
    let mut want = Vec::new();
    for dataset in 0..30 {
        for day in 0..100 {
            let date = at(0).date_naive() - Duration::days(day);
            let path = format!("layer{}/set{dataset:02}/dt={date}/", dataset % 3);
            write_entry(&lake, &path).await;
            want.push(format!("_errors/{path}"));
        }
    }
    want.sort();
    let session = session(&lake);
    let snapshot = refresh(&session, 0).await;
    let mut found = paths(&snapshot);
    found.sort_unstable();
    assert_eq!(found, want);
    snapshot.entries.iter().for_each(assert_read);
    let in_order = |a: &Arc<DlqEntry>, b: &Arc<DlqEntry>| (&a.dataset, a.date, &a.path) < (&b.dataset, b.date, &b.path);
    assert!(snapshot.entries.is_sorted_by(in_order));
    assert_eq!((snapshot.unread, dlq(&snapshot).state.clone()), (0, SourceState::Fresh));

    let cost = lake.counters().read();
    // One page says that `_errors/` is large, one shows its three layers; so do two for each layer; each of
    // the thirty datasets is one page. In a row they would be nine pages, none beside another. Three more show
    // that nothing was moved, that nobody did anything with an alert, and that there is no incident.
    assert_eq!(cost.lists, 2 + 3 * 2 + 30 + 3);
    assert_eq!(cost.gets, 2 * 3000);
    let before = cost;
    assert_eq!(refresh(&session, 1).await.entries, snapshot.entries);
    assert_eq!((lake.counters().read() - before).gets, 0);
}
