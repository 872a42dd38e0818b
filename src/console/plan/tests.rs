//! Slips: nothing but the right answer, typed after the question was seen, asks for a write.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::fixture::{Driven, now};
use crate::console::msg::{Effect, Msg};
use crate::console::overlay::Overlay;
use crate::console::plan::Subject;
use crate::model::moves::{MoveId, Step};
use crate::model::protection::{Confirmation, Protection};

/// The plan of one entry's quarantine, open.
fn asked(mut driven: Driven) -> Driven {
    driven.keys("2 j j").type_in(":", "quarantine schema_violation email is null");
    assert!(matches!(driven.state.overlay, Some(Overlay::Plan(_))), "{}", driven.screen());
    driven
}

fn typed(driven: &mut Driven, text: &str) {
    for c in text.chars() {
        driven.send(Msg::Key(KeyEvent::from(KeyCode::Char(c))));
    }
}

#[test]
fn the_plan_at_80_by_24_and_160_by_45() {
    let mut driven = asked(Driven::open("dark", 80, 24));
    typed(&mut driven, "3");
    insta::assert_snapshot!("plan_80x24", driven.screen());
    let driven = asked(Driven::themed("dark", 160, 45));
    insta::assert_snapshot!("plan_read_only_160x45", driven.screen());
    let mut refusing = Driven::open("dark", 80, 24);
    refusing.refuses = true;
    insta::assert_snapshot!("plan_refused_80x24", asked(refusing).screen());
}

#[test]
fn the_count_typed_and_enter_apply_exactly_the_plan_that_was_shown() {
    let mut driven = asked(Driven::open("dark", 80, 24));
    let Some(Overlay::Plan(screen)) = &driven.state.overlay else { panic!() };
    let Subject::Moves { plans: shown, resume: false } = &screen.subject else { panic!() };
    let shown = shown.clone();
    driven.keys("3 enter");
    let [Effect::Apply(plans)] = driven.writes()[..] else { panic!("{:?}", driven.asked) };
    assert_eq!(plans.iter().map(|(p, _)| p).collect::<Vec<_>>(), shown.iter().collect::<Vec<_>>());
    assert!(plans.iter().all(|(_, c)| *c == Confirmation::Count(3)));
    assert!(driven.state.overlay.is_none() && driven.state.moves.running.is_some());
}

#[test]
fn enter_alone_a_paste_and_a_wrong_count_write_nothing() {
    let mut driven = asked(Driven::open("dark", 80, 24));
    driven.keys("enter enter");
    assert!(driven.screen().contains("nothing was done: type 3 first"), "{}", driven.screen());
    driven.send(Msg::Paste("3\r\n3".into()));
    driven.keys("enter");
    assert!(driven.writes().is_empty());
    driven.send(Msg::Paste("3".into()));
    assert!(driven.screen().contains("pasted text is no answer"), "{}", driven.screen());
    for wrong in ["4", "33", "30", "03", "3,", "0", "3,3", ",", "y", "18446744073709551619"] {
        typed(&mut driven, wrong);
        driven.keys("enter");
        assert!(driven.writes().is_empty(), "{wrong}");
        assert!(matches!(driven.state.overlay, Some(Overlay::Plan(_))), "{wrong}");
    }
    // The way to correct a slip.
    driven.keys("4 backspace 3 enter");
    assert_eq!(driven.writes().len(), 1);
}

#[test]
fn keys_from_before_the_first_frame_are_no_answer() {
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("2 j j :");
    typed(&mut driven, "quarantine late");
    // In one breath with the command, and with them a resize that draws nothing.
    driven.burst("enter 3 enter 3 enter y");
    driven.send(Msg::Resize(80, 24));
    driven.burst("3 enter");
    assert!(driven.writes().is_empty());
    let Some(Overlay::Plan(screen)) = &driven.state.overlay else { panic!("{}", driven.screen()) };
    assert_eq!(screen.input, "");
    // On a terminal that is too small nothing was seen.
    driven.send(Msg::Resize(20, 5));
    driven.send(Msg::Drawn);
    driven.keys("3 enter");
    assert!(driven.writes().is_empty());
    driven.send(Msg::Resize(80, 24));
    driven.keys("esc");
    assert!(driven.state.overlay.is_none(), "the way out works at any time");
}

#[test]
fn a_refused_a_locked_and_a_gateless_plan_cannot_be_applied() {
    let mut refusing = Driven::open("dark", 80, 24);
    refusing.refuses = true;
    let mut gateless = Driven::open("dark", 80, 24);
    gateless.send(Msg::Protection(None));
    let mut read_only = Driven::open("dark", 80, 24);
    read_only.send(Msg::Protection(Some(Protection::ReadOnly)));
    for (driven, why) in [
        (refusing, "1 refusal: nothing of this can be applied"),
        (Driven::themed("dark", 80, 24), "PROD is read-only: :arm 15m REASON"),
        (gateless, "this session cannot write"),
        (read_only, "this run is read-only (--read-only): start lakeward without --read-only"),
    ] {
        let mut driven = asked(driven);
        assert!(driven.screen().contains(why), "{}", driven.screen());
        driven.keys("3 enter y enter 3");
        driven.send(Msg::Paste("3".into()));
        driven.keys("enter");
        assert!(driven.writes().is_empty() && matches!(driven.state.overlay, Some(Overlay::Plan(_))), "{why}");
        driven.keys("esc");
        assert!(driven.state.overlay.is_none());
    }
}

#[test]
fn it_is_armed_over_the_plan_and_applied_then_and_no_longer_when_the_time_is_over() {
    let mut driven = asked(Driven::themed("dark", 100, 24));
    driven.type_in(":", "15m hotfix 12");
    let [Effect::Arm { length, reason }] = driven.writes()[..] else { panic!("{:?}", driven.asked) };
    assert_eq!((length.num_minutes(), reason.as_str()), (15, "hotfix 12"));
    let armed = Protection::of(true, false).armed(now(), *length, reason);
    driven.send(Msg::Protection(armed.ok()));
    assert!(driven.screen().contains("PROD armed 15:00 hotfix 12"), "{}", driven.screen());
    driven.send(Msg::Tick(now() + chrono::Duration::seconds(61)));
    assert!(driven.screen().contains("PROD armed 13:59 hotfix 12"), "{}", driven.screen());
    driven.keys("3");
    driven.send(Msg::Tick(now() + chrono::Duration::minutes(15)));
    driven.send(Msg::Drawn);
    assert!(driven.screen().contains("PROD read-only") && driven.screen().contains("read-only again"));
    driven.keys("enter");
    assert_eq!(driven.writes().len(), 1, "only the arming");
    // Other commands wait until the question is answered.
    driven.keys(":").keys("ctrl-u").type_in("backspace", "");
    let mut driven = asked(Driven::themed("dark", 100, 24));
    driven.keys(": ctrl-u");
    typed(&mut driven, "tab 1");
    driven.keys("enter");
    assert!(driven.screen().contains("tab: answer the question first"), "{}", driven.screen());
}

#[test]
fn several_plans_are_one_question_with_one_sum() {
    let mut driven = Driven::open("dark", 120, 40);
    driven.keys("2 space space").type_in(":", "quarantine schema_violation");
    let targets = driven.asked.iter().find_map(|e| match e {
        Effect::PlanQuarantine { targets, .. } => Some(targets.clone()),
        _ => None,
    });
    // The first entry, and both dates of the dataset under it.
    assert_eq!(targets.map(|t| t.len()), Some(3));
    assert!(driven.screen().contains("Quarantine, 3 plans") && driven.screen().contains("9 objects, 127.6 KB"));
    driven.keys("3 enter");
    assert!(driven.writes().is_empty());
    driven.keys("9 enter");
    let [Effect::Apply(plans)] = driven.writes()[..] else { panic!("{:?}", driven.asked) };
    assert_eq!(plans.iter().map(|(_, c)| c.clone()).collect::<Vec<_>>(), vec![Confirmation::Count(3); 3]);
}

#[test]
fn an_archive_takes_its_prefix_or_its_count() {
    let prefix = "_quarantine/crm/contacts/dt=2026-11-22/schema_violation/";
    for (answer, given) in [
        (prefix, Confirmation::Prefix(prefix.into())),
        ("3", Confirmation::Count(3)),
        ("_quarantine/", Confirmation::Yes),
    ] {
        let mut driven = Driven::open("dark", 80, 24);
        driven.keys("3 j").type_in(":", "archive");
        typed(&mut driven, answer);
        driven.keys("enter");
        match driven.writes()[..] {
            [Effect::Apply(plans)] => assert_eq!(plans.first().map(|(_, c)| c.clone()), Some(given)),
            _ => assert_eq!(given, Confirmation::Yes, "{answer}"),
        }
    }
    // A release is not: its prefix is no answer.
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("3 j").type_in(":", "release");
    typed(&mut driven, prefix);
    driven.keys("enter");
    assert!(driven.writes().is_empty());
}

#[test]
fn a_mark_asks_with_the_focus_on_no_and_a_resume_wants_its_count() {
    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("3 j").type_in(":", "investigate who writes nulls");
    assert!(driven.screen().contains("[ No ]    Yes"), "{}", driven.screen());
    driven.keys("enter");
    assert!(driven.writes().is_empty() && driven.state.overlay.is_none());
    driven.type_in(":", "investigate who writes nulls").keys("y");
    let [Effect::Mark { of, step: Step::Investigate, note }] = driven.writes()[..] else { panic!() };
    assert_eq!((of.len(), note.as_deref()), (1, Some("who writes nulls")));

    let mut driven = Driven::open("dark", 80, 24);
    driven.keys("3").type_in(":", "resume");
    driven.keys("enter y enter");
    assert!(driven.writes().is_empty());
    driven.keys("3 enter");
    let [Effect::Resume(moves)] = driven.writes()[..] else { panic!("{:?}", driven.asked) };
    let unfinished: MoveId = crate::console::fixture::moves::id(3);
    assert_eq!(moves.as_slice(), [(unfinished, Confirmation::Count(3))]);
}

#[test]
fn markers_say_their_order_and_long_plans_scroll() {
    let mut driven = asked(Driven::open("dark", 60, 16));
    assert!(!driven.screen().contains("_SUCCESS"));
    driven.keys("G");
    assert!(
        driven.screen().contains("_SUCCESS") && driven.screen().contains("last in, first out"),
        "{}",
        driven.screen()
    );
    driven.keys("g");
    assert!(driven.screen().contains("moves     3 objects"), "{}", driven.screen());
}

/// The plan of one entry's repair, open.
fn repairing(mut driven: Driven) -> Driven {
    driven.keys("2 j j r");
    assert!(matches!(driven.state.overlay, Some(Overlay::Plan(_))), "{}", driven.screen());
    driven
}

#[test]
fn the_repair_at_80_by_24_and_160_by_45() {
    insta::assert_snapshot!("repair_80x24", repairing(Driven::open("dark", 80, 24)).screen());
    insta::assert_snapshot!("repair_read_only_160x45", repairing(Driven::themed("dark", 160, 45)).screen());
    let mut refusing = Driven::open("dark", 80, 24);
    refusing.refuses = true;
    insta::assert_snapshot!("repair_refused_80x24", repairing(refusing).screen());
}

#[test]
fn a_repair_is_written_by_a_yes_that_was_meant() {
    let mut driven = repairing(Driven::open("dark", 80, 24));
    assert!(matches!(&driven.asked[..], [.., Effect::PlanRepair { target, .. }] if target.starts_with("_errors/")));
    // The focus is on No: enter alone leaves all as it is.
    driven.keys("enter");
    assert!(driven.writes().is_empty() && driven.state.overlay.is_none());
    driven.keys("r esc");
    assert!(driven.writes().is_empty() && driven.state.overlay.is_none());
    driven.keys("r y");
    let [Effect::Repair(plan)] = driven.writes()[..] else { panic!("{:?}", driven.asked) };
    assert_eq!(plan.after.passed, 138);
    assert!(driven.state.overlay.is_none() && driven.state.moves.running.is_some());
    // One at a time: what runs goes on.
    driven.keys("r");
    assert!(driven.screen().contains("one move at a time"), "{}", driven.screen());
    assert_eq!(driven.writes().len(), 1);
}

#[test]
fn a_refused_repair_and_a_locked_environment_write_nothing() {
    let mut refusing = Driven::open("dark", 80, 24);
    refusing.refuses = true;
    let mut refused = repairing(refusing);
    refused.keys("y enter");
    let mut locked = repairing(Driven::themed("dark", 80, 24));
    locked.keys("y enter");
    assert!(refused.writes().is_empty() && locked.writes().is_empty());
}

#[test]
fn a_plan_that_reads_rows_tells_how_far_it_is_and_can_be_given_up() {
    let mut driven = Driven::open("dark", 80, 24);
    let id = driven.state.request();
    driven.state.moves.planning = Some(crate::console::moves::Planning {
        id,
        title: "repair of the entry".into(),
        what: "repair of the entry".into(),
        resume: false,
    });
    driven.send(Msg::RepairChecked(id, 400_000, Some(1_000_000)));
    assert!(driven.screen().contains("repair of the entry: 400,000/1,000,000 rows"), "{}", driven.screen());
    driven.send(Msg::RepairChecked(id + 1, 7, None));
    driven.keys("esc");
    assert!(driven.state.moves.planning.is_none());
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(crate::console::msg::Job::Plan))), "{:?}", driven.asked);
    // Its answer comes too late.
    driven.send(Msg::RepairPlanned(id, Ok(Box::new(crate::console::fixture::moves::repair()))));
    assert!(driven.state.overlay.is_none());
}
