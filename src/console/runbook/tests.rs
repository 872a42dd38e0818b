//! The tab: what an alert opens, how it is walked, what is refused, and what hostile texts look like.

use crate::console::fixture::moves::outcome;
use crate::console::fixture::{Driven, snapshot};
use crate::console::moves::{Write, Written};
use crate::console::msg::{Effect, Msg, RequestId};
use crate::console::overlay::Overlay;
use crate::console::state::Tab;
use crate::model::incident::Happening;
use crate::model::moves::MoveKind;
use crate::model::probe::Verdict;
use crate::model::runbook::walk::Mark;
use crate::model::runbook::{Action, Directive};
use crate::ops::{GateError, Outcome, WriteEffect};

/// Walking the runbook of the first alert.
fn opened(width: u16, height: u16) -> Driven {
    let mut driven = Driven::themed("dark", width, height);
    driven.keys("b");
    assert_eq!(driven.state.tab, Tab::Runbook, "{}", driven.screen());
    driven
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
    assert!(driven.recorded().is_empty());
    driven.keys("esc enter x");
    let screen = driven.screen();
    assert!(screen.contains("6 Runbook 1/"), "{screen}");
    assert!(screen.contains("Step 2"), "{screen}");
    assert!(matches!(driven.recorded().as_slice(), [Happening::Step { mark: Mark::Done, .. }]));
}

#[test]
fn leaving_out_wants_a_reason_and_a_check_that_fails_stops() {
    let mut driven = opened(120, 40);
    driven.keys("s");
    assert!(driven.screen().contains(":skip"), "{}", driven.screen());
    driven.keys("enter");
    assert!(driven.recorded().is_empty(), "a reason is words");
    driven.keys("esc").type_in("s", "seen in the pager");
    let skipped = driven.recorded();
    let reason = match skipped.as_slice() {
        [Happening::Step { mark: Mark::Skipped, reason: Some(reason), .. }] => reason.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "seen in the pager");
    driven.verdict = Verdict::Fail;
    driven.keys("G enter x");
    assert!(driven.screen().contains("fail: 2 of 14 checks do not hold"), "{}", driven.screen());
    assert_eq!(driven.recorded().len(), 1);
    driven.verdict = Verdict::Pass;
    driven.keys("esc enter x");
    assert_eq!(driven.recorded().len(), 2, "{}", driven.screen());
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
    archiving_in(Driven::open("dark", 120, 40))
}

fn archiving_in(mut driven: Driven) -> Driven {
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
    driven.recorded()
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
fn a_step_is_about_its_own_entry_whatever_was_marked() {
    let mut driven = Driven::open("dark", 120, 40);
    driven.state.dlq.marked = driven.state.lake.entries.iter().map(|entry| entry.path.clone()).collect();
    assert!(driven.state.dlq.marked.len() > 1);
    let driven = archiving_in(driven);
    let planned = driven.asked.iter().rev().find_map(|effect| match effect {
        Effect::PlanEntryArchive { targets, .. } => Some(targets.clone()),
        _ => None,
    });
    let entry = driven.state.runbook.open.as_ref().and_then(|open| open.variables().get("entry")).map(str::to_owned);
    assert!(entry.is_some() && planned == entry.map(|entry| vec![entry]), "{}", driven.screen());
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
    assert!(driven.recorded().is_empty());
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

/// An incident that is known, walked by a runbook, with the first step chosen that does this.
fn at_step(runbook: &str, action: Action) -> Driven {
    let mut driven = Driven::open("dark", 120, 40);
    driven.type_in(":", &format!("runbook {runbook}"));
    let incident = driven.state.runbook.open.as_ref().and_then(|open| open.incident.clone()).expect("walking");
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        other => panic!("{other:?}"),
    };
    driven.send(Msg::Refreshed(id, crate::ops::Snapshot { incidents: vec![incident], ..snapshot() }));
    let open = driven.state.runbook.open.as_mut().expect("open");
    let does = |step: &crate::model::runbook::Step| step.directive == Some(Directive::Do(action));
    open.steps.at = open.runbook.steps.iter().position(does).expect("such a step") as u64;
    driven
}

fn work(driven: &Driven) -> (RequestId, &WriteEffect) {
    match driven.writes().last() {
        Some(Effect::Work { id, effects }) => (*id, effects.first().expect("an effect")),
        other => panic!("{other:?}: {}", driven.screen()),
    }
}

fn acted(driven: &Driven) -> Vec<(Action, bool, String)> {
    let acted = driven.recorded().into_iter().filter_map(|what| match what {
        Happening::Acted { action, done, detail, .. } => Some((action, done, detail)),
        _ => None,
    });
    acted.collect()
}

fn noting(note: &str) -> Outcome {
    Outcome { kind: None, notes: vec![note.to_owned()], ..outcome(MoveKind::Undo) }
}

#[test]
fn what_a_redrive_came_to_is_kept_with_its_step() {
    let mut driven = at_step("dlq-processing", Action::Redrive);
    driven.keys("enter");
    assert!(driven.screen().contains("Redrive finance/fx_rates 2026-11-22"), "{}", driven.screen());
    // Left, and another entry redriven by hand: that is not the step's.
    driven.keys("esc g R y");
    let (id, _) = work(&driven);
    driven.send(Msg::WorkEnded(id, vec![Ok(noting("redrive of another: done"))]));
    assert_eq!(acted(&driven), []);
    let mut driven = at_step("dlq-processing", Action::Redrive);
    driven.keys("enter y");
    let (id, effect) = work(&driven);
    assert!(matches!(effect, WriteEffect::Redrive(plan) if plan.dataset.as_str() == "finance/fx_rates"), "{effect:?}");
    // A move that ends meanwhile says nothing of it.
    driven.keys("1 2 3");
    assert_eq!(acted(&driven), []);
    driven.send(Msg::WorkEnded(id, vec![Ok(noting("redrive of fx_rates: done"))]));
    assert_eq!(acted(&driven), [(Action::Redrive, true, "redrive of fx_rates: done".to_owned())]);
}

#[test]
fn what_a_backfill_came_to_is_kept_with_its_step() {
    let mut driven = at_step("upstream-source", Action::Backfill);
    driven.keys("enter");
    let typed = driven.state.prompt.as_ref().map(|p| p.text());
    assert_eq!(typed.as_deref(), Some("backfill finance/fx_rates 2026-11-22 2026-11-22"));
    driven.keys("ctrl-u esc").type_in(":", "backfill finance/fx_rates 2026-11-13 2026-11-22").keys("y");
    let (id, effect) = work(&driven);
    assert!(matches!(effect, WriteEffect::Backfill(_)), "{effect:?}");
    let halted = GateError::Halted {
        what: "backfill x".into(),
        why: "asked to stop".into(),
        hint: "resume".into(),
        asked: true,
    };
    driven.send(Msg::WorkEnded(id, vec![Err(halted.clone())]));
    assert_eq!(acted(&driven), [(Action::Backfill, false, halted.to_string())]);
}
