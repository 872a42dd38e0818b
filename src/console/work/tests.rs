//! Stories of work: what leads to a plan, what runs beside what, what came of it.

use crate::console::fixture::Driven;
use crate::console::fixture::work::progress;
use crate::console::msg::{Effect, ExitReason, Msg, RequestId};
use crate::console::overlay::Overlay;
use crate::model::protection::Protection;
use crate::model::work::WorkId;
use crate::ops::{GateError, WorkRef, WriteEffect};

/// The work that was begun last.
fn begun(driven: &Driven) -> (RequestId, &[WriteEffect]) {
    match driven.asked.iter().rev().find(|e| matches!(e, Effect::Work { .. })) {
        Some(Effect::Work { id, effects }) => (*id, effects),
        other => panic!("{other:?}: {}", driven.screen()),
    }
}

#[test]
fn r_shows_the_whole_command_and_asks_with_the_focus_on_no() {
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("2 j j R");
    insta::assert_snapshot!("redrive_80x24", driven.screen());
    driven.keys("enter");
    assert!(driven.writes().is_empty() && driven.state.overlay.is_none(), "enter alone does nothing");
    driven.keys("R y");
    let (_, effects) = begun(&driven);
    assert!(matches!(effects, [WriteEffect::Redrive(plan)] if plan.dataset.as_str() == "crm/contacts"), "{effects:?}");
}

#[test]
fn a_second_redrive_shows_the_ledger_and_asks_for_a_reason() {
    let mut driven = Driven::open("dark", 100, 30);
    driven.refuses = true;
    driven.keys("2 j j R");
    let screen = driven.screen();
    assert!(
        screen.contains("redriven already: done by ben@bastion") && screen.contains("o does it once more"),
        "{screen}"
    );
    driven.keys("y enter");
    assert!(driven.writes().is_empty(), "{}", driven.screen());
    driven.keys("o");
    let typed = driven.state.prompt.as_ref().map(|p| p.text());
    assert_eq!(typed.as_deref(), Some("redrive --override "));
    driven.keys("ctrl-u esc").type_in(":", "redrive --override");
    assert!(driven.screen().contains("wants a reason"), "{}", driven.screen());
    driven.keys("esc").type_in(":", "redrive --override the target was restored");
    assert!(driven.screen().contains("the target was restored"), "{}", driven.screen());
    driven.keys("y");
    assert_eq!(begun(&driven).1.len(), 1);
}

#[test]
fn a_backfill_tells_why_of_each_day_and_its_progress_goes_with_every_tab() {
    let mut driven = Driven::open("dark", 80, 24);
    driven.type_in(":", "backfill silver/orders 2026-11-01 2026-11-10");
    insta::assert_snapshot!("backfill_80x24", driven.screen());
    driven.keys("y");
    let (id, effects) = begun(&driven);
    assert!(matches!(effects, [WriteEffect::Backfill(plan)] if plan.runs() == 8), "{effects:?}");
    driven.send(Msg::WorkProgress(id, progress(3, 1)));
    for tab in ["1", "2", "3", "4", "5"] {
        driven.keys(tab);
        assert!(driven.screen().contains("backfill silver/orders  3/8, 1 failed, 2 running"), "{}", driven.screen());
    }
    driven.keys("1 W");
    insta::assert_snapshot!("work_80x24", driven.screen());
    driven.keys("W 2 j j R y W");
    let screen = driven.screen();
    assert!(screen.contains("2 running") && screen.contains("redrive crm/contacts"), "{screen}");
    driven.keys("esc");
    let halted = GateError::Halted {
        what: "backfill x".into(),
        why: "gone \u{1b}[2J".into(),
        hint: "resume".into(),
        asked: false,
    };
    driven.send(Msg::WorkEnded(id, vec![Err(halted)]));
    assert!(driven.screen().contains("is halted: gone"), "{}", driven.screen());
    assert_eq!(driven.state.work.running.len(), 1);
}

#[test]
fn stop_asks_the_work_to_stop_and_leaving_asks_twice() {
    let mut driven = Driven::open("dark", 100, 24);
    driven.type_in(":", "backfill silver/orders 2026-11-01 2026-11-10").keys("y");
    let (id, _) = begun(&driven);
    driven.keys("q");
    assert!(driven.screen().contains("work is running"), "{}", driven.screen());
    driven.type_in(":", "stop");
    assert!(driven.asked.iter().any(|e| matches!(e, Effect::StopWork(of) if *of == id)), "{:?}", driven.asked);
    assert!(!driven.asked.iter().any(|e| matches!(e, Effect::StopMove)));
    driven.keys("q q");
    assert!(driven.asked.iter().any(|e| matches!(e, Effect::Quit(ExitReason::Quit))));
}

#[test]
fn what_was_left_half_done_goes_on_by_itself_or_when_it_may() {
    let work = || WorkRef::Backfill { id: WorkId("20261124T000000Z-00000001".into()) };
    let mut driven = Driven::open("dark", 100, 24);
    driven.send(Msg::Interrupted(vec![work()], Vec::new()));
    let (id, effects) = begun(&driven);
    assert_eq!(effects, [WriteEffect::ResumeWork(work())]);
    // Another console does it: no error.
    let held = GateError::Held {
        prefix: "x/".into(),
        holder: "ben".into(),
        until: driven.state.now,
        id: crate::model::moves::MoveId("x".into()),
    };
    driven.send(Msg::WorkEnded(id, vec![Err(held)]));
    assert!(driven.state.work.running.is_empty() && !driven.screen().contains("is held by"), "{}", driven.screen());
    let mut driven = Driven::themed("dark", 100, 24);
    driven.send(Msg::Interrupted(vec![work()], Vec::new()));
    assert!(
        driven.writes().is_empty() && driven.screen().contains(":arm 15m REASON, then :go-on"),
        "{}",
        driven.screen()
    );
    driven.gate = Some(Protection::Open);
    driven.send(Msg::Protection(driven.gate.clone()));
    driven.type_in(":", "go-on");
    assert_eq!(begun(&driven).1, [WriteEffect::ResumeWork(work())]);
}

#[test]
fn what_another_host_left_is_told_and_not_begun() {
    let work = WorkRef::Backfill { id: WorkId("20261124T000000Z-00000002".into()) };
    let mut driven = Driven::open("dark", 140, 24);
    driven.send(Msg::Interrupted(Vec::new(), vec![work]));
    assert!(driven.screen().contains("1 backfill that another host began is not over: lakeward backfill"));
    driven.type_in(":", "go-on");
    assert!(driven.writes().is_empty() && driven.state.work.running.is_empty(), "{}", driven.screen());
}

#[test]
fn the_panel_is_open_and_closes_with_its_key() {
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("W");
    assert!(matches!(driven.state.overlay, Some(Overlay::Work(_))) && driven.screen().contains("nothing runs"));
    driven.keys("W");
    assert!(driven.state.overlay.is_none());
}
