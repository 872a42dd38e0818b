#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn object(key: &str, etag: &str) -> RowsObject {
    RowsObject { key: key.into(), etag: etag.into(), size: 1 }
}

fn plan(objects: Vec<RowsObject>) -> RedrivePlan {
    RedrivePlan {
        schema: SCHEMA,
        id: WorkId::of(DateTime::UNIX_EPOCH, 7),
        lake: "s3://acme".into(),
        entry: "_errors/orders/dt=2026-11-22/".into(),
        dataset: Dataset("orders".into()),
        date: NaiveDate::from_ymd_opt(2026, 11, 22),
        rows: Some(3),
        objects,
        job: Some(JobName("redrive".into())),
        launch: Some(Launch::Command { words: vec!["true".into()], source: "x:1".into() }),
        data: Some("bronze/orders/".into()),
        number: 1,
        earlier: Vec::new(),
        override_reason: None,
        refused: Vec::new(),
    }
}

fn record(state: RedriveState, submitted: bool, objects: Vec<RowsObject>) -> RedriveRecord {
    let at = DateTime::UNIX_EPOCH;
    let record = RedriveRecord::of(&plan(objects), "ana@host".into(), at).unwrap();
    RedriveRecord { state, submitted_at: submitted.then_some(at), ..record }
}

#[test]
fn a_second_redrive_is_blocked_unless_the_first_never_began() {
    let rows = vec![object("a", "1"), object("b", "2")];
    for (state, submitted, blocks) in [
        (RedriveState::Planned, false, true), // nobody knows whether its run was asked for
        (RedriveState::Submitted, true, true),
        (RedriveState::Done, true, true),
        (RedriveState::Failed, true, true), // a part of its rows may lie there
        (RedriveState::Failed, false, false),
    ] {
        let ledger = [record(state, submitted, rows.clone())];
        assert_eq!(blocking(&ledger, &rows).is_some(), blocks, "{state:?} {submitted}");
    }
    assert!(blocking(&[], &rows).is_none());
}

#[test]
fn other_rows_in_the_same_place_are_not_blocked() {
    let ledger = [record(RedriveState::Done, true, vec![object("a", "1")])];
    assert!(blocking(&ledger, &[object("a", "2")]).is_none(), "overwritten since");
    assert!(blocking(&ledger, &[object("b", "1")]).is_none(), "another key");
    assert!(blocking(&ledger, &[object("b", "9"), object("a", "1")]).is_some(), "one of them was redriven");
}

#[test]
fn the_newest_that_blocks_is_told() {
    let rows = vec![object("a", "1")];
    let mut second = record(RedriveState::Failed, false, rows.clone());
    second.number = 2;
    let ledger = [record(RedriveState::Done, true, rows.clone()), second];
    assert_eq!(blocking(&ledger, &rows).unwrap().number, 1);
    assert_eq!(next_number(&ledger), 3);
    assert_eq!(next_number(&[]), 1);
}

#[test]
fn a_plan_without_a_job_takes_nothing() {
    let without = RedrivePlan { job: None, ..plan(Vec::new()) };
    assert!(RedriveRecord::of(&without, "ana".into(), DateTime::UNIX_EPOCH).is_none());
    assert!(is_reason("fixed mapping") && !is_reason("  ") && !is_reason(" x "));
}

proptest! {
    /// Whatever happened before: where a redrive may have written any of these very objects, another is blocked.
    #[test]
    fn no_rows_are_let_through_twice(
        earlier in prop::collection::vec((0u8..4, any::<bool>(), prop::collection::vec((0u8..4, 0u8..3), 1..4)), 0..6),
        wanted in prop::collection::vec((0u8..4, 0u8..3), 1..4),
    ) {
        let objects = |of: &[(u8, u8)]| -> Vec<RowsObject> {
            of.iter().map(|(key, tag)| object(&key.to_string(), &tag.to_string())).collect()
        };
        let states = [RedriveState::Planned, RedriveState::Submitted, RedriveState::Done, RedriveState::Failed];
        let ledger: Vec<RedriveRecord> =
            earlier.iter().map(|(s, submitted, of)| record(states[usize::from(*s)], *submitted, objects(of))).collect();
        let meets = |(s, submitted, of): &(u8, bool, Vec<(u8, u8)>)| {
            (*submitted || *s != 3) && of.iter().any(|o| wanted.contains(o))
        };
        prop_assert_eq!(blocking(&ledger, &objects(&wanted)).is_some(), earlier.iter().any(meets));
    }
}
