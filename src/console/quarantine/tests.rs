//! The tab: what it lists and in which order, that a choice survives, and what it asks for.

use std::sync::Arc;

use crate::console::ConsoleSettings;
use crate::console::fixture::moves::{id, quarantine, quarantines};
use crate::console::fixture::{Driven, snapshot};
use crate::console::load::Load;
use crate::console::msg::{Effect, Job, Msg};
use crate::console::overlay::Overlay;
use crate::console::plan::Subject;
use crate::model::moves::{QuarantineState, Step};
use crate::ops::{GateError, Quarantine};

fn datasets(driven: &Driven) -> Vec<String> {
    let all = &driven.state.lake.snapshot.quarantines;
    driven.state.quarantine.shown.iter().filter_map(|i| all.get(*i)).map(|q| q.dataset.to_string()).collect()
}

fn read_anew(driven: &mut Driven, quarantines: Vec<Arc<Quarantine>>) {
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        _ => 0,
    };
    let mut snapshot = snapshot();
    snapshot.quarantines = quarantines;
    driven.send(Msg::Refreshed(id, snapshot));
}

#[test]
fn the_tab_at_80_by_24_and_160_by_45() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("3 j");
    insta::assert_snapshot!("quarantine_80x24", driven.screen());
    let mut driven = Driven::themed("dark", 160, 45);
    driven.keys("3 j j j space k");
    insta::assert_snapshot!("quarantine_160x45", driven.screen());
}

#[test]
fn open_ones_come_first_and_every_order_is_one() {
    let mut driven = Driven::themed("dark", 120, 30);
    driven.keys("3");
    assert_eq!(datasets(&driven), ["orders", "crm/contacts", "finance/fx_rates", "silver/orders", "crm/accounts"]);
    driven.type_in(":", "sort age");
    assert_eq!(datasets(&driven)[0], "finance/fx_rates", "the oldest open one");
    driven.type_in(":", "sort dataset");
    assert_eq!(datasets(&driven)[0], "crm/accounts");
    driven.type_in(":", "sort reason");
    assert_eq!(datasets(&driven)[0], "crm/contacts", "one reason: the newest first");
    driven.type_in(":", "sort colour");
    assert!(driven.screen().contains("no order \"colour\"; there are: state, age"), "{}", driven.screen());
}

#[test]
fn old_ones_are_marked_by_glyph_and_word_by_the_limit() {
    let mut driven = Driven::themed("dark", 100, 30);
    driven.keys("3");
    let line = |screen: &str, part: &str| screen.lines().find(|l| l.contains(part)).unwrap_or_default().to_owned();
    let screen = driven.screen();
    assert!(line(&screen, "finance/fx").contains("9 d ! old") && !line(&screen, "silver/ord").contains("old"));
    let limit = chrono::Duration::days(1);
    driven.state.settings = ConsoleSettings { quarantine_limit: limit, ..driven.state.settings };
    let screen = driven.screen();
    assert!(line(&screen, "silver/ord").contains("! old"), "{screen}");
    assert!(!line(&screen, "crm/accounts").contains("old"), "what is over is not old: {screen}");
}

#[test]
fn the_choice_survives_a_refresh_and_another_order() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("3 j j space k");
    assert_eq!(driven.state.quarantine.chosen, Some(id(2)));
    let mut more = quarantines();
    more.insert(0, quarantine(9, "aaa", 0, QuarantineState::Interrupted));
    read_anew(&mut driven, more);
    assert_eq!(driven.state.quarantine.chosen, Some(id(2)));
    driven.type_in(":", "sort dataset");
    assert_eq!(driven.state.quarantine.chosen, Some(id(2)));
    assert_eq!(driven.state.quarantine.marks.marked.len(), 1);
    read_anew(&mut driven, vec![quarantine(1, "crm/contacts", 0, QuarantineState::Quarantined)]);
    assert_eq!(driven.state.quarantine.chosen, Some(id(1)));
    assert!(driven.state.quarantine.marks.marked.is_empty());
    driven.type_in("/", "nothing-of-this");
    assert!(driven.screen().contains("the filter hides all; esc shows them"));
    read_anew(&mut driven, vec![]);
    driven.keys("esc");
    assert!(driven.screen().contains("nothing is in quarantine in s3://acme-lake: Q on"), "{}", driven.screen());
}

#[test]
fn a_manifest_is_read_when_it_is_looked_at_and_a_stale_one_is_dropped() {
    let mut driven = Driven::themed("dark", 120, 30);
    driven.keys("R");
    assert!(matches!(driven.state.quarantine.manifest, Load::Idle), "behind another tab nothing is asked for");
    driven.keys("3");
    assert!(driven.screen().contains("rejected_rows.parquet"), "{}", driven.screen());
    let key = crate::console::keys::Key::parse("j").unwrap_or_else(|e| panic!("{e}"));
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    assert!(matches!(asked.as_slice(), [Effect::Manifest { settle: true, .. }]), "{asked:?}");
    assert!(driven.screen().contains("reading the manifest…"));
    driven.send(Msg::Manifest(0, Err(GateError::Unknown("stale".into()))));
    assert!(driven.screen().contains("reading the manifest…"));
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(Job::Manifest))));
    assert!(driven.screen().contains("cancelled; R reads it"));
    driven.keys("R");
    assert!(matches!(driven.state.quarantine.manifest, Load::Ready(_)));
    let Some(Effect::Manifest { id, .. }) = asked.first() else { panic!("{asked:?}") };
    driven.state.quarantine.manifest = Load::Waiting(*id);
    driven.send(Msg::Manifest(*id, Err(GateError::Unknown("x\u{202e}".into()))));
    assert!(driven.screen().contains("no quarantine or move x\\u{202e}"), "{}", driven.screen());
}

#[test]
fn a_step_is_offered_only_where_it_is_legal() {
    let mut driven = Driven::open("dark", 120, 30);
    driven.keys("3").type_in(":", "release");
    assert!(driven.screen().contains("release: it is interrupted; possible: resume, undo"), "{}", driven.screen());
    driven.keys("G").type_in(":", "resolve all is well");
    assert!(driven.screen().contains("resolve: it is released; possible: undo"), "{}", driven.screen());
    driven.keys("g space j space").type_in(":", "release");
    assert!(driven.screen().contains("release: one of them is interrupted"), "{}", driven.screen());
    assert!(driven.asked.iter().all(|e| !matches!(e, Effect::PlanStep { .. })));
    driven.keys("esc esc g j").type_in(":", "release the source was repaired");
    let Some(Effect::PlanStep { of, step: Step::Release, note, .. }) = driven.asked.last() else {
        panic!("{:?}", driven.asked)
    };
    assert_eq!((of.as_slice(), note.as_deref()), ([id(1)].as_slice(), Some("the source was repaired")));
    assert!(matches!(&driven.state.overlay, Some(Overlay::Plan(p)) if matches!(p.subject, Subject::Moves { .. })));
    driven.keys("esc 1").type_in(":", "undo");
    assert!(driven.screen().contains("undo: only on the Quarantine tab"), "{}", driven.screen());
}

#[test]
fn the_detail_scrolls_to_its_last_object() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("3 j tab");
    assert!(!driven.screen().contains("_SUCCESS"), "{}", driven.screen());
    driven.keys("G");
    assert!(driven.screen().contains("_SUCCESS"), "{}", driven.screen());
    driven.keys("esc j tab");
    assert_eq!(driven.state.quarantine.scroll, 0);
}

#[test]
fn an_alert_of_an_old_one_leads_to_it() {
    use crate::model::alert::AlertRule;
    let mut driven = Driven::themed("dark", 100, 30);
    driven.keys("3 /").type_in("x", "").keys("1");
    for alert in &mut driven.state.lake.snapshot.alerts {
        (alert.rule, alert.entry) = (AlertRule::QuarantineAge, None);
        alert.key = format!("quarantine_age:finance/fx_rates:{}", id(2));
    }
    driven.keys("enter");
    assert_eq!(driven.state.quarantine.chosen, Some(id(2)));
    assert!(driven.screen().contains("[3 Quarantine 4]") && driven.screen().contains("old: moved 9 d ago"));
}

#[test]
fn what_is_being_moved_is_not_called_interrupted() {
    use crate::console::fixture::moves::progress;
    use crate::console::moves::Running;
    let mut driven = Driven::open("dark", 100, 30);
    driven.keys("3");
    driven.state.moves.running = Some(Running::new(vec!["release orders".into()]));
    driven.send(Msg::MoveProgress(crate::ops::MoveProgress { id: id(103), ..progress() }, 0));
    let screen = driven.screen();
    assert!(screen.contains("▸ moving") && !screen.contains("▲ interrupted"), "{screen}");
    assert!(!screen.contains(":resume finishes it"), "{screen}");
}
