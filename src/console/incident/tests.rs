//! The tabs: nobody joined, checks made, signed and waived, what keeps it open, notes, handover, and hostile texts.

use crate::console::fixture::Driven;
use crate::console::msg::Effect;
use crate::console::state::Tab;
use crate::model::incident::Happening;
use crate::model::verify::Check;

/// An incident opened on the first alert, and its checks shown.
fn opened(width: u16, height: u16) -> Driven {
    let mut driven = Driven::open("dark", width, height);
    driven.keys("b 7");
    assert_eq!(driven.state.tab, Tab::Verify);
    driven
}

#[test]
fn the_tabs_at_80_by_24_and_160_by_45() {
    let mut driven = opened(80, 24);
    driven.keys("V x j enter");
    driven.type_in(":", "waive warehouse in maintenance until 06:00");
    insta::assert_snapshot!("verify_80x24", driven.screen());
    driven.keys("8 j");
    insta::assert_snapshot!("incident_80x24", driven.screen());
    let mut driven = opened(160, 45);
    driven.keys("V x 8 H");
    insta::assert_snapshot!("incident_160x45", driven.screen());
    driven.keys("7");
    insta::assert_snapshot!("verify_160x45", driven.screen());
}

#[test]
fn without_an_incident_the_tabs_say_how_to_come_to_one() {
    let mut driven = Driven::open("dark", 100, 30);
    driven.keys("7 enter V x");
    assert!(driven.screen().contains("no incident is joined: b on an alert opens one"), "{}", driven.screen());
    driven.keys("8 enter i");
    assert!(driven.writes().is_empty() && driven.recorded().is_empty(), "{}", driven.screen());
}

#[test]
fn a_row_that_is_kept_is_masked_and_escaped_and_one_that_is_revealed_is_not_kept() {
    let mut driven = opened(120, 40);
    let kept = |driven: &Driven| {
        let marked = driven.recorded().into_iter().filter_map(|what| match what {
            Happening::Marked(marked) => Some(marked),
            _ => None,
        });
        marked.collect::<Vec<_>>()
    };
    driven.keys("2 j j j tab K");
    let marked = kept(&driven);
    let text = marked.iter().flat_map(|m| &m.lines).cloned().collect::<Vec<_>>().join("\n");
    assert!(marked.len() == 1 && text.contains("C00000") && text.contains('•'), "{text}");
    assert!(!text.contains("79 123"), "{text}");
    // The second row holds what a terminal would obey.
    driven.keys("j K");
    let text = kept(&driven).iter().flat_map(|m| m.lines.clone()).collect::<Vec<_>>().join("\n");
    assert!(text.contains("evil") && !text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    driven.keys("m y K");
    assert!(driven.screen().contains("what is kept is masked"), "{}", driven.screen());
    assert_eq!(kept(&driven).len(), 2);
}

#[test]
fn it_is_over_when_every_check_is_signed_or_waived_and_not_before() {
    let mut driven = opened(120, 40);
    driven.keys("x");
    assert!(driven.screen().contains("not signed: no evidence: not checked yet"), "{}", driven.screen());
    driven.keys("esc X");
    assert!(driven.screen().contains("not over, 5 of 5 open"), "{}", driven.screen());
    driven.keys("esc V");
    for _ in 0..4 {
        driven.keys("x j");
    }
    driven.keys("X");
    assert!(driven.screen().contains("not over, 1 of 5 open: Consumers can query"), "{}", driven.screen());
    driven.keys("esc").type_in(":", "waive maintenance");
    assert!(driven.screen().contains("4 of 5 green, 1 waived"), "{}", driven.screen());
    driven.keys("X").type_in("", "a column was renamed");
    let over = driven.asked.iter().find_map(|effect| match effect {
        Effect::Over { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(over.as_deref(), Some("a column was renamed"), "{}", driven.screen());
    let signed: Vec<Check> = driven
        .recorded()
        .into_iter()
        .filter_map(|what| match what {
            Happening::Signed { check, .. } => Some(check),
            _ => None,
        })
        .collect();
    assert_eq!(signed, Check::ALL[..4]);
}

#[test]
fn a_note_is_written_from_anywhere_and_is_not_lost_by_one_slip() {
    let mut driven = opened(120, 40);
    driven.keys("1 i l o s t esc");
    assert!(driven.screen().contains("esc once more throws it away"), "{}", driven.screen());
    driven.keys("enter ! ctrl-s");
    let notes = driven.recorded();
    assert!(matches!(notes.last(), Some(Happening::Note { text, check: None }) if text == "lost\n!"), "{notes:?}");
    driven.keys("7 i x ctrl-s");
    let notes = driven.recorded();
    assert!(matches!(notes.last(), Some(Happening::Note { check: Some(Check::DataQuality), .. })), "{notes:?}");
    let before = notes.len();
    driven.keys("i esc");
    assert_eq!(driven.recorded().len(), before);
}

#[test]
fn what_is_done_with_it_as_a_whole_is_recorded() {
    let mut driven = opened(120, 40);
    driven.keys("8").type_in(":", "own ben@desk").keys("t");
    assert!(driven.screen().contains("it was not handed over"), "{}", driven.screen());
    driven.type_in(":", "severity critical the board looks at it").type_in(":", "watch");
    driven.type_in(":", "severity soon");
    assert!(driven.screen().contains("severity critical|warning|info"), "{}", driven.screen());
    let words: Vec<&str> = driven.recorded().iter().map(Happening::word).collect();
    assert_eq!(words, ["owned", "severity", "watched"]);
    assert!(driven.screen().contains("ben@desk has it"), "{}", driven.screen());
    driven.keys("esc L");
    assert!(driven.asked.iter().any(|effect| matches!(effect, Effect::Leave)));
    assert!(driven.screen().contains("enter joins it"), "{}", driven.screen());
}

#[test]
fn what_came_from_elsewhere_is_shown_harmless() {
    let mut driven = opened(120, 40);
    driven.keys("V").type_in(":", "note \u{1b}[2J\u{202e}x");
    for keys in ["7", "8", "j", "j", "8 tab"] {
        driven.keys(keys);
        let screen = driven.screen();
        assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'), "{screen}");
    }
}
