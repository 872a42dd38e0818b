//! The tab: what an alert opens, how it is walked, what is refused, and what hostile texts look like.

use crate::console::fixture::moves::outcome;
use crate::console::fixture::{Driven, snapshot};
use crate::console::moves::{Write, Written};
use crate::console::msg::{Effect, Msg};
use crate::console::overlay::Overlay;
use crate::console::state::Tab;
use crate::model::incident::Happening;
use crate::model::moves::MoveKind;
use crate::model::probe::Verdict;
use crate::model::runbook::walk::Mark;
use crate::model::runbook::{Action, Directive};

/// Walking the runbook of the first alert.
fn opened(width: u16, height: u16) -> Driven {
    let mut driven = Driven::themed("dark", width, height);
    driven.keys("b");
    assert_eq!(driven.state.tab, Tab::Runbook, "{}", driven.screen());
    driven
}

fn recorded(driven: &Driven) -> Vec<Happening> {
    let notes = driven.asked.iter().filter_map(|effect| match effect {
        Effect::Note { what, .. } => Some(what.clone()),
        _ => None,
    });
    notes.flatten().collect()
}

#[test]
fn the_tab_at_80_by_24_and_160_by_45() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("6");
    insta::assert_snapshot!("runbooks_80x24", driven.screen());
    let mut driven = opened(80, 24);
    driven.keys("enter");
    insta::assert_snapshot!("walk_80x24", driven.screen());
    let mut driven = opened(160, 45);
    driven.keys("enter x enter x");
    insta::assert_snapshot!("walk_160x45", driven.screen());
}

#[test]
fn a_step_is_done_once_it_was_seen_and_the_next_is_chosen() {
    let mut driven = opened(120, 40);
    driven.keys("x");
    assert!(driven.screen().contains("look at it first"), "{}", driven.screen());
    assert!(recorded(&driven).is_empty());
    driven.keys("esc enter x");
    let screen = driven.screen();
    assert!(screen.contains("6 Runbook 1/"), "{screen}");
    assert!(screen.contains("Step 2"), "{screen}");
    assert!(matches!(recorded(&driven).as_slice(), [Happening::Step { mark: Mark::Done, .. }]));
}

#[test]
fn leaving_out_wants_a_reason_and_a_check_that_fails_stops() {
    let mut driven = opened(120, 40);
    driven.keys("s");
    assert!(driven.screen().contains(":skip"), "{}", driven.screen());
    driven.keys("enter");
    assert!(recorded(&driven).is_empty(), "a reason is words");
    driven.keys("esc").type_in("s", "seen in the pager");
    let skipped = recorded(&driven);
    let reason = match skipped.as_slice() {
        [Happening::Step { mark: Mark::Skipped, reason: Some(reason), .. }] => reason.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "seen in the pager");
    driven.verdict = Verdict::Fail;
    driven.keys("G enter x");
    assert!(driven.screen().contains("fail: 2 of 14 checks do not hold"), "{}", driven.screen());
    assert_eq!(recorded(&driven).len(), 1);
    driven.verdict = Verdict::Pass;
    driven.keys("esc enter x");
    assert_eq!(recorded(&driven).len(), 2, "{}", driven.screen());
}

#[test]
fn what_came_from_elsewhere_is_shown_harmless() {
    let mut driven = opened(120, 40);
    driven.keys("enter");
    let screen = driven.screen();
    assert!(screen.contains("expect_column_values_to_not_be_null"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
}

/// The step that archives, its plan open.
fn archiving() -> Driven {
    let mut driven = Driven::open("dark", 120, 40);
    driven.keys("b");
    let steps = &driven.state.runbook.open.as_ref().expect("walking").runbook.steps;
    let at = steps.iter().position(|s| s.directive == Some(Directive::Do(Action::Archive))).expect("it archives");
    driven.keys("g");
    (0..at).for_each(|_| {
        driven.keys("j");
    });
    driven.keys("enter");
    assert!(driven.screen().contains("Archive"), "{}", driven.screen());
    driven
}

fn archived(driven: &mut Driven) -> Vec<Happening> {
    let ended = vec![Ok(outcome(MoveKind::Archive))];
    driven.send(Msg::Written(Written { write: Write::Move, ended, of: 1 }));
    recorded(driven)
}

#[test]
fn what_an_action_came_to_is_kept_with_its_step_if_its_plan_was_answered() {
    let mut driven = archiving();
    driven.send(Msg::Drawn);
    let typed = match &driven.state.overlay {
        Some(Overlay::Plan(screen)) => screen.objects().to_string(),
        other => panic!("{other:?}"),
    };
    driven.keys(&typed.chars().map(|c| format!("{c} ")).collect::<String>()).keys("enter");
    assert_eq!(driven.writes().len(), 1, "{}", driven.screen());
    let kept = archived(&mut driven);
    assert!(matches!(kept.as_slice(), [Happening::Acted { action: Action::Archive, done: true, .. }]), "{kept:?}");
    // One end is of one step.
    assert_eq!(archived(&mut driven).len(), 1);
}

#[test]
fn what_somebody_archives_otherwise_is_not_taken_for_the_steps() {
    let mut driven = archiving();
    driven.send(Msg::Drawn);
    driven.keys("esc");
    assert!(driven.writes().is_empty() && archived(&mut driven).is_empty());
}

#[test]
fn esc_leads_back_and_the_walk_stays_where_it_is() {
    let mut driven = opened(120, 40);
    driven.keys("enter x esc");
    assert_eq!(driven.state.tab, Tab::Alerts);
    driven.keys("6");
    assert!(driven.screen().contains("Step 2"), "{}", driven.screen());
    // Straight from the tab, esc leads to the list; the incident stands first there.
    driven.keys("esc");
    let screen = driven.screen();
    assert!(screen.contains("Incidents and runbooks") && screen.contains("1 incident"), "{screen}");
}

#[test]
fn a_runbook_that_is_only_read_records_nothing() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.keys("6 enter enter x");
    assert!(driven.screen().contains("only read"), "{}", driven.screen());
    assert!(recorded(&driven).is_empty());
}

#[test]
fn a_refresh_brings_what_others_went_on_with() {
    let mut driven = opened(120, 40);
    let open = driven.state.runbook.open.as_ref().and_then(|open| open.incident.clone()).expect("walking");
    let what = vec![Happening::Step { step: "1".parse().expect("a number"), mark: Mark::Done, reason: None }];
    let newer = crate::console::fixture::walks::walked(&open.id, Some(&open), what).incident;
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        _ => 0,
    };
    driven.send(Msg::Refreshed(id, crate::ops::Snapshot { incidents: vec![newer], ..snapshot() }));
    assert!(driven.screen().contains("6 Runbook 1/"), "{}", driven.screen());
}
