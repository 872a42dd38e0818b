//! From a run to the question and no further: nothing acts but a yes that was meant; what differs is seen; tries count
//! down.

use chrono::Duration;

use super::Wish;
use crate::console::fixture::{Driven, now};
use crate::console::msg::{Effect, Msg};
use crate::console::overlay::Overlay;
use crate::lake::{ErrorClass, LakeError};
use crate::model::act::{ActId, ClientToken};
use crate::model::dag_act::MarkedAs;
use crate::model::order::{JobOrder, Limits};
use crate::model::protection::Protection;
use crate::model::retry::{How, RetryPolicy, Series, Verdict};
use crate::model::run::{JobName, JobRunId};
use crate::ops::{DrivePlan, Standing, SubmitAsk, WriteEffect};

fn order() -> JobOrder {
    JobOrder {
        arguments: ["--date", "2026-11-22", "--password", "hunter2"].map(str::to_owned).into(),
        parameters: "--conf spark.executor.memory=4g --conf spark.driver.memory=4g".into(),
        ..JobOrder::of("00app", "role", "s3://b/main.py")
    }
}

/// The Jobs tab, on a run of a job that failed.
fn on_run(mut driven: Driven) -> Driven {
    driven.type_in("4 /", "00f7aak3").keys("g j");
    let chosen = format!("{:?}", driven.state.jobs.chosen);
    if !chosen.contains("00f7aak3") {
        driven.keys("g");
    }
    let chosen = format!("{:?}", driven.state.jobs.chosen);
    assert!(chosen.contains("00f7aak3"), "{chosen}\n{}", driven.screen());
    driven
}

fn asked_last(driven: &Driven) -> &Effect {
    driven.asked.last().expect("something was asked")
}

/// The form, open.
fn form(mut driven: Driven) -> Driven {
    driven.keys("r");
    let Effect::Order { id, run, .. } = asked_last(&driven) else { panic!("{:?}", driven.asked) };
    assert_eq!(&*run.0, "00f7aak3");
    let id = *id;
    driven.send(Msg::Ordered(id, Ok(Box::new((order(), Limits::default())))));
    assert!(matches!(driven.state.overlay, Some(Overlay::Rerun(_))), "{}", driven.screen());
    driven
}

fn wished(driven: &Driven) -> (u64, &Wish) {
    match asked_last(driven) {
        Effect::PlanDrive { id, wish } => (*id, wish),
        other => panic!("{other:?}"),
    }
}

fn plan(refused: &[&str]) -> DrivePlan {
    let id = ActId("rerun-1".into());
    let (token, job) = (ClientToken::of(&id, 1), JobName("gold_revenue".into()));
    let refused: Vec<String> = refused.iter().map(|r| (*r).to_owned()).collect();
    let ask = SubmitAsk { id, token, job, order: order(), of: None, why: String::new(), refused: refused.clone() };
    DrivePlan {
        effect: WriteEffect::Submit(Box::new(ask)),
        title: "run gold_revenue again\u{1b}[31m".into(),
        fields: vec![("job", "gold_revenue".into()), ("in", "etl (00app, emr-7.1.0)".into())],
        changes: vec![crate::model::spark::edit::Change {
            name: "spark.executor.memory".into(),
            before: Some("4g".into()),
            after: "8g".into(),
        }],
        tasks: Vec::new(),
        refused,
        notes: vec!["another run of this job is not over".into()],
    }
}

fn drives(driven: &Driven) -> usize {
    driven.asked.iter().filter(|e| matches!(e, Effect::Drive { .. })).count()
}

#[test]
fn the_form_at_80_by_24_and_160_by_45() {
    for (width, height) in [(80, 24), (160, 45)] {
        let mut driven = form(on_run(Driven::open("dark", width, height)));
        driven.keys("*");
        insta::assert_snapshot!(format!("rerun_form_{width}x{height}"), driven.screen());
    }
}

#[test]
fn the_form_judges_at_each_key_and_sends_nothing() {
    let mut driven = form(on_run(Driven::open("dark", 120, 40)));
    driven.keys("down down down down ctrl-u 2 8 g");
    let screen = driven.screen();
    assert!(screen.contains("spark.executor.memory 4g -> 28g") && screen.contains("a worker of 4 vCPUs"), "{screen}");
    let before = driven.asked.len();
    driven.keys("enter");
    assert!(driven.asked.len() == before && matches!(driven.state.overlay, Some(Overlay::Rerun(_))));
    driven.keys("up ctrl-u 8 enter");
    let (_, wish) = wished(&driven);
    let Wish::Rerun { edits, retry: false, .. } = wish else { panic!("{wish:?}") };
    let set: Vec<_> = edits.set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(set, [("spark.executor.cores", "8"), ("spark.executor.memory", "28g")]);
    assert!(edits.arguments.is_none() && drives(&driven) == 0);
}

#[test]
fn a_secret_among_the_arguments_is_not_shown_and_not_lost() {
    let mut driven = form(on_run(Driven::open("dark", 120, 40)));
    driven.keys("up");
    let screen = driven.screen();
    assert!(screen.contains("--password ***") && !screen.contains("hunter2"), "{screen}");
    for c in " --full".chars() {
        driven.send(Msg::Key(crossterm::event::KeyEvent::from(crossterm::event::KeyCode::Char(c))));
    }
    assert!(!driven.screen().contains("hunter2"));
    driven.keys("enter");
    let (_, Wish::Rerun { edits, .. }) = wished(&driven) else { panic!() };
    let arguments = edits.arguments.clone().unwrap_or_default();
    assert_eq!(arguments, ["--date", "2026-11-22", "--password", "hunter2", "--full"]);
    let mut driven = form(on_run(Driven::open("dark", 120, 40)));
    driven.keys("x esc");
    assert!(driven.state.overlay.is_none() && drives(&driven) == 0, "esc leaves all as it is");
}

#[test]
fn only_a_yes_that_is_meant_acts() {
    let question = |keys: &str| {
        let mut driven = on_run(Driven::open("dark", 100, 30));
        driven.keys("D");
        let (id, wish) = wished(&driven);
        assert!(matches!(wish, Wish::Rerun { edits, .. } if edits.double_memory));
        driven.send(Msg::DrivePlanned(id, Ok(Box::new(plan(&[]))), None));
        driven.send(Msg::Drawn);
        let screen = driven.screen();
        assert!(screen.contains("spark.executor.memory 4g -> 8g") && screen.contains("do it?"), "{screen}");
        assert!(!screen.contains('\u{1b}'));
        driven.keys(keys);
        driven
    };
    for keys in ["enter", "n", "esc", "q", "left enter enter", "right right enter"] {
        let n = if keys == "left enter enter" { 1 } else { 0 };
        assert_eq!(drives(&question(keys)), n, "{keys}");
    }
    let driven = question("y");
    assert!(drives(&driven) == 1 && driven.state.overlay.is_none());
}

#[test]
fn a_refusal_or_a_lock_keeps_every_answer_from_acting() {
    let mut driven = on_run(Driven::open("dark", 100, 30));
    driven.keys("D");
    let id = wished(&driven).0;
    driven.send(Msg::DrivePlanned(id, Ok(Box::new(plan(&["executor: no worker has 3 vCPUs"]))), None));
    driven.keys("y left enter");
    assert!(drives(&driven) == 0 && driven.screen().contains("no worker has 3 vCPUs"), "{}", driven.screen());

    let mut driven = on_run(Driven::themed("dark", 100, 30));
    driven.gate = Some(Protection::Protected { armed: None });
    driven.send(Msg::Protection(driven.gate.clone()));
    driven.keys("D");
    let id = wished(&driven).0;
    driven.send(Msg::DrivePlanned(id, Ok(Box::new(plan(&[]))), None));
    driven.keys("y");
    assert!(drives(&driven) == 0 && driven.screen().contains(":arm"), "{}", driven.screen());

    let mut driven = on_run(Driven::open("dark", 160, 45));
    driven.keys("D");
    let (id, denied) = (wished(&driven).0, LakeError::new(ErrorClass::Denied, "emr-serverless:/x", "no"));
    driven.send(Msg::DrivePlanned(id, Err(denied), None));
    assert!(driven.state.overlay.is_none() && driven.screen().contains("denied"), "{}", driven.screen());
}

#[test]
fn a_retry_is_planned_as_one_and_a_late_plan_is_dropped() {
    let mut driven = on_run(Driven::open("dark", 100, 30));
    driven.keys("t");
    let (id, wish) = wished(&driven);
    assert!(matches!(wish, Wish::Rerun { retry: true, .. }));
    driven.keys("esc"); // given up
    driven.send(Msg::DrivePlanned(id, Ok(Box::new(plan(&[]))), Some("emr".into())));
    assert!(driven.state.overlay.is_none());
    driven.keys("t");
    let id = wished(&driven).0;
    driven.send(Msg::DrivePlanned(id, Ok(Box::new(plan(&[]))), Some("emr".into())));
    driven.send(Msg::Drawn);
    driven.keys("y");
    assert!(matches!(asked_last(&driven), Effect::Drive { retry: Some(source), .. } if &**source == "emr"));
}

#[test]
fn acts_on_dags_are_of_what_is_chosen() {
    let mut driven = Driven::open("dark", 120, 40);
    driven.type_in("4 /", "nightly").keys("g j C");
    assert!(matches!(wished(&driven).1, Wish::Clear(clear) if clear.only_failed && clear.tasks.is_empty()));
    driven.keys("esc").type_in(":", "clear all");
    assert!(matches!(wished(&driven).1, Wish::Clear(clear) if !clear.only_failed));
    driven.keys("esc").type_in(":", "mark-as failed");
    assert!(matches!(wished(&driven).1, Wish::Mark { task: None, state: MarkedAs::Failed, .. }));
    driven.keys("esc P");
    assert!(matches!(wished(&driven).1, Wish::Pause { dag, .. } if dag.0.contains("nightly")), "{:?}", wished(&driven));
    driven.keys("esc").type_in(":", "trigger 2026-11-25");
    assert!(matches!(wished(&driven).1, Wish::Trigger { logical: Some(_), .. }));
    let asked = driven.asked.len();
    driven.keys("esc").type_in(":", "trigger soon");
    assert_eq!(driven.asked.iter().skip(asked).filter(|e| matches!(e, Effect::PlanDrive { .. })).count(), 0);
    driven.keys("esc r");
    assert!(driven.screen().contains("choose a run of a job"), "{}", driven.screen());
}

fn series() -> Series {
    Series {
        schema: 1,
        id: ActId("rerun-1".into()),
        lake: "l".into(),
        source: "emr".into(),
        job: JobName("gold_revenue".into()),
        order: order(),
        of: JobRunId("r0".into()),
        why: String::new(),
        policy: RetryPolicy::default(),
        begun: now(),
        tries: Vec::new(),
        stopped: false,
    }
}

#[test]
fn tries_count_down_and_are_told_at_their_end() {
    let mut driven = Driven::open("dark", 120, 40);
    let mut series = series();
    series.asks(1, now());
    series.began(JobRunId("r1".into()));
    series.ended(now(), How::Failed, Some("exit code 137".into()));
    let standing =
        |series: &Series| Standing { next: series.next(now()), series: series.clone(), trouble: None, is_driven: true };
    driven.send(Msg::Retry(Box::new(standing(&series))));
    assert!(driven.screen().contains("gold_revenue: try 2 of 3 in 30 s"), "{}", driven.screen());
    driven.send(Msg::Tick(now() + Duration::seconds(12)));
    assert!(driven.screen().contains("try 2 of 3 in 18 s"), "{}", driven.screen());
    driven.type_in(":", "stop-retry");
    assert!(matches!(asked_last(&driven), Effect::StopRetry(id) if id.0 == "rerun-1"));
    driven.send(Msg::RetryOver(series.id.clone(), Ok((series, Verdict::GivenUp))));
    let screen = driven.screen();
    assert!(screen.contains("gold_revenue: given up after 1 try: exit code 137"), "{screen}");
    assert!(driven.state.retries.is_empty());
}

#[test]
fn what_was_left_is_taken_up_at_the_start_and_after_arming() {
    let mut driven = Driven::open("dark", 120, 40);
    let effects = crate::console::state::State::new(driven.state.settings.clone(), now(), 80, 24).1;
    assert!(effects.iter().any(|e| matches!(e, Effect::CarryOn)));
    driven.send(Msg::Finished(vec![(true, "submit load to 00a: s2".into())]));
    assert!(driven.screen().contains("left open earlier: submit load to 00a: s2"), "{}", driven.screen());
    driven.send(Msg::Finished(vec![(false, "nobody knows".into())]));
    assert!(driven.state.flash.as_ref().is_some_and(|note| note.error));
}
