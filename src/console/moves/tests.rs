//! Stories of moves: what leads to a plan, what runs, what it came to.

use crate::console::fixture::moves::{outcome, progress, quarantines};
use crate::console::fixture::{Driven, snapshot};
use crate::console::moves::{Write, Written};
use crate::console::msg::{Effect, ExitReason, Job, Msg};
use crate::model::moves::{MoveKind, Step};
use crate::ops::{GateError, Outcome};

/// A quarantine of `crm/contacts` that runs.
fn running(width: u16, height: u16) -> Driven {
    let mut driven = Driven::open("dark", width, height);
    driven.keys("2 j j").type_in(":", "quarantine schema_violation").keys("3 enter");
    assert!(driven.state.moves.running.is_some(), "{}", driven.screen());
    driven.send(Msg::MoveProgress(progress(), 0));
    driven
}

fn ended(driven: &mut Driven, result: Result<Outcome, GateError>) {
    driven.send(Msg::Written(Written { write: Write::Move, ended: vec![result], of: 1 }));
}

fn targets(driven: &Driven) -> Vec<String> {
    match driven.asked.last() {
        Some(Effect::PlanQuarantine { targets, .. } | Effect::PlanEntryArchive { targets, .. }) => targets.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn progress_stands_in_the_footer_while_the_operator_goes_on() {
    let mut driven = running(160, 45);
    let whole = "quarantine crm/contacts  copying 312/1,000  3.1 MB/s  left 22 s  (8 at once, throttled)";
    assert!(driven.screen().contains(whole), "{}", driven.screen());
    driven.keys("1 3 j R esc esc 2 j");
    assert!(driven.screen().contains(whole) && driven.state.moves.running.is_some());
    assert!(driven.asked.iter().all(|e| !matches!(e, Effect::StopMove | Effect::Cancel(Job::Plan))));
    let driven = running(80, 24);
    insta::assert_snapshot!("move_80x24", driven.screen());
}

#[test]
fn q_opens_the_line_and_completion_offers_reasons() {
    let mut driven = Driven::open("dark", 100, 24);
    driven.keys("2 j j Q tab");
    let text = driven.state.prompt.as_ref().map(|p| p.text());
    assert_eq!(text.as_deref(), Some("quarantine schema_evolution"), "the entry's own category");
    driven.keys("tab");
    let text = driven.state.prompt.as_ref().map(|p| p.text());
    assert_eq!(text.as_deref(), Some("quarantine schema_validation"), "its error type");
    driven.keys("ctrl-u esc").keys("Q enter");
    assert!(driven.asked.iter().all(|e| !matches!(e, Effect::PlanQuarantine { .. })), "a reason must be typed");
    driven.keys("esc").type_in(":", "quarantine Schema/../x");
    assert!(driven.screen().contains("is no reason code"), "{}", driven.screen());
    driven.keys("esc").type_in(":", "quarantine --even-incomplete late");
    assert!(driven.screen().contains("wants a note after the reason"), "{}", driven.screen());
    driven.keys("esc").type_in(":", "quarantine --even-incomplete late its writer died");
    let asked = driven.asked.last();
    assert!(
        matches!(asked, Some(Effect::PlanQuarantine { even_incomplete: true, note: Some(n), .. }) if n == "its writer died"),
        "{asked:?}"
    );
}

#[test]
fn alerts_and_dead_letters_lead_to_plans_of_what_is_marked() {
    let mut driven = Driven::open("dark", 100, 24);
    driven.type_in(":", "quarantine late");
    assert_eq!(targets(&driven), ["_errors/finance/fx_rates/dt=2026-11-22/"]);
    driven.keys("esc space space").type_in(":", "quarantine late");
    assert_eq!(targets(&driven), ["_errors/crm/contacts/dt=2026-11-21/", "_errors/finance/fx_rates/dt=2026-11-22/"]);
    driven.keys("esc esc g v j j v").type_in(":", "quarantine late");
    assert_eq!(targets(&driven).len(), 3);
    driven.keys("esc 2 j").type_in(":", "quarantine late");
    assert!(driven.screen().contains("quarantine: choose a date, or mark all of them"), "{}", driven.screen());
    driven.keys("j").type_in(":", "archive processed by hand");
    assert_eq!(targets(&driven), ["_errors/crm/contacts/dt=2026-11-22/"]);
}

#[test]
fn one_move_at_a_time_and_stop_is_said() {
    let mut driven = running(120, 30);
    driven.type_in(":", "quarantine late");
    assert!(driven.screen().contains("one move at a time: :stop it, or wait"), "{}", driven.screen());
    driven.keys("3 j").type_in(":", "release");
    assert!(driven.screen().contains("one move at a time"), "{}", driven.screen());
    assert!(driven.asked.iter().all(|e| !matches!(e, Effect::PlanStep { .. })));
    driven.type_in(":", "stop");
    assert!(matches!(driven.asked.last(), Some(Effect::StopMove)));
    assert!(driven.screen().contains("stopping: quarantine crm/contacts"), "{}", driven.screen());
    driven.type_in(":", "stop");
    assert!(driven.screen().contains("it was asked to stop already"));
    // A plan that was made before is not applied beside it.
    driven.keys("esc").type_in(":", "investigate");
    assert!(driven.screen().contains("investigate: one move at a time"), "the gate takes one write at a time");
}

#[test]
fn the_first_q_warns_and_only_a_second_one_leaves() {
    let mut driven = running(120, 30);
    let leaves = |d: &Driven| d.asked.iter().any(|e| matches!(e, Effect::Quit(ExitReason::Quit)));
    driven.keys("q");
    assert!(driven.screen().contains("a move is running: :stop it, or q again") && !leaves(&driven));
    driven.keys("j q");
    assert!(!leaves(&driven), "another key in between: it was no answer");
    driven.keys("q");
    assert!(leaves(&driven));
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("q");
    assert!(leaves(&driven));
}

#[test]
fn what_it_came_to_is_said_with_its_problems_and_the_lake_is_read() {
    let mut driven = running(160, 30);
    ended(&mut driven, Ok(outcome(MoveKind::Quarantine)));
    let said = "quarantined 3 objects, 42.5 KB, now in _quarantine/crm/contacts/dt=2026-11-22/schema_violation/";
    assert!(driven.screen().contains(said), "{}", driven.screen());
    assert!(driven.state.moves.running.is_none());
    driven.keys("j");
    assert!(!driven.screen().contains(said), "what went well goes with the next key");

    let mut driven = running(160, 30);
    let notes = vec!["#data-eng was not told: 503 \x1b[31m".to_owned()];
    ended(&mut driven, Ok(Outcome { notes, needs_operator: true, path: None, ..outcome(MoveKind::Quarantine) }));
    driven.keys("j j");
    assert!(driven.screen().contains("42.5 KB; #data-eng was not told: 503 \\x1b[31m"), "{}", driven.screen());
    driven.keys("esc");
    assert!(!driven.screen().contains("was not told"));
}

#[test]
fn an_error_stays_with_its_hint_until_esc() {
    let mut driven = running(120, 24);
    let error = GateError::Changed(vec!["_errors/a is another object".into(), "_errors/b is new".into()]);
    driven.send(Msg::Written(Written { write: Write::Move, ended: vec![Err(error)], of: 3 }));
    driven.keys("j");
    let last = driven.screen().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("refused: the lake changed") && last.contains("2 differences in all"), "{last}");
    driven.type_in(":", "messages");
    assert!(driven.screen().contains("2 moves were not begun"), "{}", driven.screen());
    driven.keys("esc esc");
    assert!(!driven.screen().contains("the lake changed"));
}

#[test]
fn several_ends_are_one_sentence() {
    let mut driven = running(160, 24);
    let outcomes = vec![Ok(outcome(MoveKind::Quarantine)), Ok(outcome(MoveKind::Quarantine))];
    driven.send(Msg::Written(Written { write: Write::Move, ended: outcomes, of: 2 }));
    assert!(driven.screen().contains("quarantined 6 objects, 85.0 KB in 2 moves"), "{}", driven.screen());
    let mark = Outcome { id: None, kind: None, ..outcome(MoveKind::Quarantine) };
    driven.send(Msg::Written(Written { write: Write::Mark(Step::Resolve), ended: vec![Ok(mark)], of: 1 }));
    assert!(driven.screen().contains("1 quarantine is now resolved"), "{}", driven.screen());
}

#[test]
fn a_plan_that_cannot_be_made_says_why_and_esc_gives_one_up() {
    let mut driven = Driven::open("dark", 120, 24);
    driven.keys("2 j j :");
    for c in "quarantine late".chars() {
        driven.send(Msg::Key(crossterm::event::KeyCode::Char(c).into()));
    }
    let effects = crate::console::update::update(&mut driven.state, Msg::Key(crossterm::event::KeyCode::Enter.into()));
    let Some(Effect::PlanQuarantine { id, .. }) = effects.first() else { panic!("{effects:?}") };
    assert!(driven.screen().contains("planning quarantine of 1 entry…"), "{}", driven.screen());
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(Job::Plan))));
    driven.send(Msg::Planned(*id, Ok(vec![])));
    assert!(driven.state.overlay.is_none(), "given up: its answer is stale");
    driven.state.moves.planning = Some(super::Planning {
        id: *id,
        title: "quarantine of 1 entry".into(),
        what: "quarantine of 1 entry".into(),
        resume: false,
    });
    driven.send(Msg::Planned(*id, Err(GateError::Unknown("x\u{202e}".into()))));
    assert!(driven.screen().contains("quarantine of 1 entry: no quarantine or move x\\u{202e}"), "{}", driven.screen());
}

#[test]
fn interrupted_moves_are_told_once() {
    let driven = Driven::themed("dark", 100, 24);
    assert!(driven.screen().contains("1 move was interrupted: 3 Quarantine, then :resume"), "{}", driven.screen());
    let mut driven = Driven::themed("dark", 100, 24);
    driven.keys("j R");
    assert!(!driven.screen().contains("was interrupted"));
    assert!(snapshot().quarantines.len() == quarantines().len());
}

#[test]
fn arming_wants_a_time_and_a_reason() {
    let mut driven = Driven::themed("dark", 120, 24);
    for (line, part) in [
        ("arm", "arm: \"\" is no time such as 15m"),
        ("arm 15m", "say why: :arm 15m REASON"),
        ("arm 9h too long", "between one minute and 8 hours"),
        ("arm soon why", "\"soon\" is no time"),
    ] {
        driven.keys("esc").type_in(":", line);
        assert!(driven.screen().contains(part), "{line}: {}", driven.screen());
    }
    assert!(driven.writes().is_empty());
    driven.keys("esc").type_in(":", "arm 15m hotfix");
    assert_eq!(driven.writes().len(), 1);
    let mut open = Driven::open("dark", 120, 24);
    open.type_in(":", "arm 15m hotfix");
    assert!(open.screen().contains("arm: the environment is not protected") && open.writes().is_empty());
}

#[test]
fn the_actions_are_those_possible_here_first() {
    let mut driven = Driven::open("dark", 120, 24);
    driven.keys("3 j a");
    let screen = driven.screen();
    let at = |part: &str| screen.lines().position(|l| l.contains(part)).unwrap_or(usize::MAX);
    assert!(at("release [NOTE]") < at("(only from Alerts and DLQ"), "{screen}");
    driven.keys("j j enter");
    assert!(driven.screen().contains("Release crm/contacts 2026-11-22"), "{}", driven.screen());
    driven.keys("esc 2 j j a enter");
    assert_eq!(driven.state.prompt.as_ref().map(|p| p.text()).as_deref(), Some("quarantine "));
}
