use crate::console::msg::{Effect, Msg};
use crate::console::state::State;
use crate::console::update::update;
use crate::model::alert::{Alert, AlertRule};
use crate::ops::{Progress, Snapshot};

/// A snapshot on the way, with an alert of each of these keys.
fn came(state: &mut State, keys: &[&str]) {
    let id = state.lake.scan.as_ref().map(|scan| scan.id).unwrap_or_default();
    let alerts = keys.iter().map(|key| Alert::of_rule(AlertRule::Alarm, key)).collect();
    let partial = Snapshot { alerts, ..Snapshot::default() };
    update(
        state,
        Msg::Progress(id, Progress { listed: 0, assessed: 0, found: 0, partial: Some(partial), is_ahead: true }),
    );
}

fn chosen(state: &State) -> Option<&str> {
    state.alerts.chosen.as_deref()
}

#[test]
fn the_first_alert_is_chosen_until_somebody_chooses() {
    let mut state = State::for_test();
    came(&mut state, &["job"]);
    assert_eq!(chosen(&state), Some("job"));
    came(&mut state, &["dlq", "job", "secret"]);
    assert_eq!(chosen(&state), Some("dlq"), "nobody chose the one that came first");
    let key = crate::console::keys::Key::parse("j").unwrap_or_else(|e| panic!("{e}"));
    update(&mut state, Msg::Key(key.into()));
    assert_eq!(chosen(&state), Some("job"));
    came(&mut state, &["worse", "dlq", "job", "secret"]);
    assert_eq!(chosen(&state), Some("job"), "what was chosen stays chosen");
}

fn press(state: &mut State, key: &str) -> Vec<Effect> {
    let key = crate::console::keys::Key::parse(key).unwrap_or_else(|e| panic!("{e}"));
    update(state, Msg::Key(key.into()))
}

#[test]
fn keys_do_nothing_where_nothing_is_seen_but_leave() {
    let mut state = State::for_test();
    came(&mut state, &["dlq", "job"]);
    update(&mut state, Msg::Resize(50, 10));
    for key in ["j", "A", ":", "2", "enter"] {
        assert!(press(&mut state, key).is_empty(), "{key}");
    }
    assert_eq!((chosen(&state), state.tab), (Some("dlq"), crate::console::state::Tab::Alerts));
    assert!(state.prompt.is_none());
    assert!(matches!(press(&mut state, "q").first(), Some(Effect::Quit(_))));
}

#[test]
fn enter_says_what_it_leads_to() {
    let mut state = State::for_test();
    came(&mut state, &["alarm"]);
    assert_eq!(super::enter_word(&state), Some("detail"));
    press(&mut state, "enter");
    assert_eq!(super::enter_word(&state), None, "it is there");
}
