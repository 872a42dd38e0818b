//! A listing of dead letters that takes minutes: what the other sources say is shown meanwhile, and they are asked again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lakeward::ops::{Progress, Session, Snapshot, SourceState};

use super::sources::{Beside, connected, settings};
use super::{at, known, lake, source};
use crate::support::memory::{Memory, Verb};

/// How long it takes.
const LONG: Duration = Duration::from_secs(200);

fn session(lake: &Memory) -> Session {
    Session::new(Arc::new(lake.clone()), settings()).with_sources(connected(lake, &Beside::default()))
}

/// A refresh, and the snapshots that came ahead of it, each with when it came.
async fn watched(session: &Session, minute: i64, act: impl Fn(usize) + Sync) -> (Vec<(Duration, Snapshot)>, Snapshot) {
    let (began, ahead) = (tokio::time::Instant::now(), Mutex::new(Vec::new()));
    let progress = |progress: Progress| {
        let Some(partial) = progress.partial.filter(|_| progress.is_ahead) else { return };
        let mut ahead = ahead.lock().unwrap();
        ahead.push((began.elapsed(), partial));
        act(ahead.len());
    };
    let whole = session.refresh(at(minute), progress).await;
    (ahead.into_inner().unwrap(), whole)
}

#[tokio::test(start_paused = true)]
async fn the_others_are_told_of_while_dead_letters_are_listed_and_asked_again() {
    let lake = lake();
    let session = session(&lake);
    let (ahead, before) = watched(&session, 0, |_| {}).await;
    assert!(ahead.is_empty(), "nobody let wait");
    lake.slow(Verb::List, "_errors/", LONG);
    lake.remove("_alerts/a.json");
    let passed = r#"{"suite_name":"orders","expectations":[{"expectation_type":"e","passed":true}],"passed":true}"#;
    let turn = |nth| {
        if nth == 1 {
            lake.set("_dq_results/dt=2024-10-04/orders.json", passed);
        }
    };
    let (ahead, whole) = watched(&session, 1, turn).await;
    let has = |snapshot: &Snapshot, key: &str| snapshot.alerts.iter().any(|a| a.key.starts_with(key));
    let (first, second) = (&ahead[0], &ahead[1]);
    assert!(first.0 < Duration::from_secs(1), "{:?}", first.0);
    assert!(!has(&first.1, "alert_feed:") && has(&first.1, "quality_gate:"), "{:?}", first.1.alerts);
    for (_, snapshot) in &ahead {
        // What lets wait stands as it was, with its age.
        assert!(has(snapshot, "dlq_rows:") && has(snapshot, "schema_drift:"), "{:?}", snapshot.alerts);
        assert_eq!((snapshot.taken, &snapshot.entries), (Some(at(0)), &before.entries));
        for name in ["dlq", "contracts"] {
            assert_eq!(
                (&source(snapshot, name).state, source(snapshot, name).answered),
                (&SourceState::Fresh, Some(at(0)))
            );
        }
    }
    assert_eq!(source(&first.1, "feed").answered, Some(at(1)));
    // A minute later, those that are due.
    assert!(second.0 > Duration::from_secs(59) && second.0 < Duration::from_secs(63), "{:?}", second.0);
    assert!(!has(&second.1, "quality_gate:"), "{:?}", second.1.alerts);
    let answered = source(&second.1, "quality").answered.unwrap();
    assert!(answered >= at(2) && answered < at(3), "a minute older: {answered}");
    assert_eq!(ahead.len(), 4, "{:?}", ahead.iter().map(|(at, _)| at).collect::<Vec<_>>());
    assert_eq!((whole.taken, source(&whole, "dlq").answered), (Some(at(1)), Some(at(1))));
    assert!(!has(&whole, "alert_feed:") && !has(&whole, "quality_gate:") && has(&whole, "dlq_rows:"));
}

#[tokio::test(start_paused = true)]
async fn whoever_opens_the_console_sees_each_part_as_it_comes() {
    // The dead letters let wait,
    let lake = lake();
    lake.slow(Verb::List, "_errors/", LONG);
    let (ahead, whole) = watched(&session(&lake), 0, |_| {}).await;
    let first = &ahead[0].1;
    assert_eq!((first.taken, first.entries.len(), first.pipeline.jobs.len()), (None, 0, 5));
    assert!(first.sources.iter().all(|s| s.source != "dlq"), "nothing is known of it yet: {:#?}", first.sources);
    // or a service does.
    let slow = super::lake();
    slow.slow(Verb::List, "_dq_results/", Duration::from_secs(10));
    let (ahead, other) = watched(&session(&slow), 0, |_| {}).await;
    let (came, first) = &ahead[0];
    assert!(*came < Duration::from_secs(1) && first.taken.is_none(), "{came:?}");
    assert_eq!((first.entries.len(), first.quality.len()), (1, 0));
    assert!(first.alerts.iter().any(|a| a.key.starts_with("dlq_rows:")), "{:?}", first.alerts);
    assert_eq!(known(&whole), known(&other));
}
