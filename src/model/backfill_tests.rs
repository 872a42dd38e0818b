#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn day(n: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
}

fn backfill(states: &[DayState], parallel: u32) -> Backfill {
    let at = DateTime::UNIX_EPOCH;
    let id = WorkId::of(at, 1);
    let launch = || Launch::Command { words: vec!["true".into()], source: "x:1".into() };
    let mut records = BTreeMap::new();
    let mut days = Vec::new();
    for (n, state) in states.iter().enumerate() {
        let date = day(n as u32 + 1);
        let launch = (*state != DayState::Skipped).then(launch);
        days.push(PlannedDay { date, why: "missing".into(), there: Partition::default(), launch });
        if !matches!(state, DayState::Skipped | DayState::Waiting) {
            let run = RunRef { source: "local".into(), id: format!("r{n}") };
            let record = DayRecord {
                schema: SCHEMA,
                backfill: id.clone(),
                date,
                attempt: 1,
                state: *state,
                token: format!("t{n}"),
                run,
                before: Partition::default(),
                after: None,
                begun: at,
                ended: None,
                detail: None,
                actor: "ana@host".into(),
            };
            records.insert(date, record);
        }
    }
    let plan = BackfillPlan {
        schema: SCHEMA,
        id,
        lake: "s3://acme".into(),
        dataset: Dataset("orders".into()),
        job: Some(JobName("load".into())),
        data: Some("bronze/orders/".into()),
        from: day(1),
        to: day(states.len().max(1) as u32),
        parallel,
        force: false,
        at,
        actor: "ana@host".into(),
        days,
        refused: Vec::new(),
    };
    Backfill { plan, records }
}

#[test]
fn a_range_holds_both_of_its_ends_and_is_bounded() {
    assert_eq!(days(day(3), day(3)), Ok(vec![day(3)]));
    assert_eq!(days(day(1), day(10)).unwrap().len(), 10);
    assert!(days(day(2), day(1)).is_err_and(|why| why.contains("before")));
    let (long, last) = (NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(), Days::new(MOST_DAYS as u64 - 1));
    assert_eq!(days(long, long + last).unwrap().len(), MOST_DAYS);
    assert!(days(long, long + last + Days::new(1)).is_err_and(|why| why.contains("more than 800 days")));
}

#[test]
fn it_stands_as_its_days_do() {
    use DayState::{Done, Failed, Skipped, Stopped, Submitted, Waiting};
    for (states, standing) in [
        (&[Done, Skipped, Done][..], Standing::Done),
        (&[Skipped], Standing::Done),
        (&[Done, Failed], Standing::Failed),
        (&[Failed, Waiting], Standing::Unfinished),
        (&[Done, Submitted], Standing::Unfinished),
        (&[Done, Stopped], Standing::Unfinished),
    ] {
        assert_eq!(backfill(states, 1).standing(), standing, "{states:?}");
    }
}

#[test]
fn taken_up_again_it_runs_what_is_not_right_and_only_follows_what_goes_on() {
    use DayState::{Done, Failed, Skipped, Stopped, Submitted, Waiting};
    let mut queue = backfill(&[Done, Failed, Skipped, Submitted, Stopped, Waiting], 2).queue();
    assert_eq!(queue.take(), Some(Turn::Follow(day(4))));
    assert_eq!(queue.take(), Some(Turn::Start(day(2))));
    assert_eq!(queue.take(), None, "two at once");
    queue.ended();
    assert_eq!(queue.take(), Some(Turn::Start(day(5))));
    queue.stop();
    queue.ended();
    assert_eq!((queue.take(), queue.running()), (None, 1));
}

proptest! {
    /// Whatever ends when: never more at once than may be, each day once, in order, and all of them in the end.
    #[test]
    fn the_bound_holds_and_each_day_has_its_turn_once(
        states in prop::collection::vec(0u8..6, 0..24),
        parallel in 0u32..40,
        ends in prop::collection::vec(any::<bool>(), 0..200),
    ) {
        use DayState::{Done, Failed, Skipped, Stopped, Submitted, Waiting};
        let all = [Skipped, Waiting, Submitted, Done, Failed, Stopped];
        let states: Vec<DayState> = states.iter().map(|n| all[usize::from(*n)]).collect();
        let backfill = backfill(&states, parallel);
        let bound = parallel.clamp(1, MOST_AT_ONCE);
        let mut queue = backfill.queue();
        let (mut followed, mut started) = (Vec::new(), Vec::new());
        for ends in ends.into_iter().chain(std::iter::repeat_n(true, 60)) {
            match queue.take() {
                Some(Turn::Follow(date)) => followed.push(date),
                Some(Turn::Start(date)) => started.push(date),
                None if ends => queue.ended(),
                None => {}
            }
            prop_assert!(queue.running() <= bound);
        }
        let of = |wanted: &[DayState]| -> Vec<NaiveDate> {
            backfill.plan.days.iter().filter(|d| wanted.contains(&backfill.state(d))).map(|d| d.date).collect()
        };
        prop_assert_eq!(followed, of(&[Submitted]));
        prop_assert_eq!(started, of(&[Waiting, Failed, Stopped]));
    }
}
