//! The tab: reading, following, standing still while lines come and go, errors, marks, and failures.

use chrono::Duration;

use crate::console::fixture::pipeline::{log, page};
use crate::console::fixture::{Driven, now};
use crate::console::logs::LogsScreen;
use crate::console::msg::{Effect, Job, Msg};
use crate::console::state::Tab;
use crate::lake::{ErrorClass, LakeError};
use crate::model::log::{Limits, LogBuffer};
use crate::sources::logs::LogPage;

/// The log of the run that ran out of memory, opened from its run.
fn opened(width: u16, height: u16, log: LogPage) -> Driven {
    let mut driven = Driven::themed("dark", width, height);
    driven.logs.push_back(Ok(log));
    driven.type_in("4 /", "00f7aak3").keys("l");
    driven
}

fn reads(driven: &Driven) -> usize {
    driven.asked.iter().filter(|e| matches!(e, Effect::ReadLog { .. })).count()
}

/// The rows that hold lines of the log.
fn body(driven: &Driven) -> Vec<String> {
    let screen = driven.screen();
    let lines: Vec<&str> = screen.lines().collect();
    lines[3..lines.len() - 1].iter().map(|l| (*l).to_owned()).collect()
}

/// Seconds go by, one tick each.
fn wait(driven: &mut Driven, from: i64, to: i64) {
    for second in from..=to {
        driven.send(Msg::Tick(now() + Duration::seconds(second)));
    }
}

fn numbered(from: usize, to: usize) -> LogPage {
    let texts: Vec<String> = (from..to).map(|i| format!("INFO number {i}")).collect();
    page(&texts.iter().map(String::as_str).collect::<Vec<_>>(), true)
}

#[test]
fn the_tab_at_80_by_24_and_160_by_45() {
    let mut driven = opened(80, 24, log());
    driven.keys("N m k");
    insta::assert_snapshot!("logs_80x24", driven.screen());
    let mut driven = opened(160, 45, log());
    driven.keys("w");
    insta::assert_snapshot!("logs_160x45", driven.screen());
    let mut driven = opened(80, 24, log());
    driven.keys("e");
    insta::assert_snapshot!("log_errors_80x24", driven.screen());
}

#[test]
fn without_a_log_it_says_how_to_open_one() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("5 f");
    let screen = driven.screen();
    assert!(screen.contains("no log is open: l on a run or a task of 4 Jobs"), "{screen}");
    assert!(screen.contains("follow: no log is open"), "{screen}");
}

#[test]
fn new_lines_keep_the_end_in_view_until_one_scrolls_up() {
    let mut driven = opened(80, 24, numbered(0, 50));
    assert!(driven.screen().contains("● following, 50 lines") && driven.screen().contains("number 49"));
    driven.logs.push_back(Ok(numbered(50, 60)));
    wait(&mut driven, 1, 2);
    assert!(driven.screen().contains("number 59"), "{}", driven.screen());
    driven.keys("k k");
    let before = body(&driven);
    driven.logs.push_back(Ok(numbered(60, 90)));
    wait(&mut driven, 3, 6);
    assert!(driven.screen().contains("○ paused, 90 lines"), "{}", driven.screen());
    assert_eq!(body(&driven), before, "what is looked at stands still");
    driven.keys("f");
    assert!(driven.screen().contains("number 89") && driven.screen().contains("● following"));
    driven.keys("g");
    assert!(driven.screen().contains("○ paused") && driven.screen().contains("number 0"));
    driven.keys("G");
    assert!(driven.screen().contains("● following"));
}

#[test]
fn filtering_works_while_lines_come_and_while_it_is_paused() {
    let mut driven = opened(80, 24, numbered(0, 50));
    driven.type_in("/", "number 4");
    assert!(driven.screen().contains("14 of 50 lines"), "{}", driven.screen());
    driven.logs.push_back(Ok(numbered(38, 42)));
    wait(&mut driven, 1, 2);
    assert!(driven.screen().contains("● following, 16 of 54 lines"), "{}", driven.screen());
    assert!(!driven.screen().contains("number 39"), "{}", driven.screen());
    driven.keys("f").type_in("/", "nothing like it");
    assert!(driven.screen().contains("the filter hides all lines; esc shows them"), "{}", driven.screen());
    driven.keys("esc");
    assert!(driven.screen().contains("○ paused, 54 lines"), "{}", driven.screen());
    driven.keys("esc");
    assert_eq!(driven.state.tab, Tab::Jobs);
}

#[test]
fn lines_that_go_do_not_move_what_is_on_screen() {
    let mut driven = opened(80, 24, numbered(0, 0));
    let limits = Limits { lines: 60, ..Limits::default() };
    let of = driven.state.logs.of.clone();
    driven.state.logs.buffer = LogBuffer::new(limits, Vec::new());
    driven.logs.push_back(Ok(numbered(0, 60)));
    wait(&mut driven, 1, 4);
    driven.keys("k k k m");
    let before = body(&driven);
    driven.logs.push_back(Ok(numbered(60, 90)));
    wait(&mut driven, 5, 8);
    assert_eq!(body(&driven), before);
    assert!(driven.screen().contains("60 lines, 30 trimmed, 1 marked"), "{}", driven.screen());
    // When the lines themselves go, the oldest that are left are shown, and the mark is told of.
    driven.logs.push_back(Ok(numbered(90, 200)));
    wait(&mut driven, 9, 12);
    let screen = driven.screen();
    assert!(screen.contains("1 marked (1 trimmed)") && body(&driven)[0].contains("number 140"), "{screen}");
    assert_eq!(driven.state.logs.of, of);
}

#[test]
fn errors_are_walked_through_and_listed() {
    let mut driven = opened(80, 24, log());
    let chosen = |driven: &Driven| driven.state.logs.selected().map(|l| l.text.to_string()).unwrap_or_default();
    driven.keys("N");
    assert!(chosen(&driven).contains("AccessDenied"));
    driven.keys("N N");
    assert!(chosen(&driven).contains("TID 7"));
    driven.keys("N");
    assert!(driven.screen().contains("no error above"));
    driven.keys("n");
    assert!(chosen(&driven).contains("TID 9"));
    driven.keys("e");
    let screen = driven.screen();
    let row = screen.lines().find(|l| l.contains("2× resources")).unwrap_or_default();
    assert!(row.contains("ERROR Executor: Exception in task"), "{screen}");
    assert!(screen.contains("1× network"), "{screen}");
    driven.keys("enter");
    assert!(driven.state.overlay.is_none() && chosen(&driven).contains("TID 7"));
    driven.type_in("/", "spark").keys("e j enter");
    assert!(chosen(&driven).contains("AccessDenied"), "what the filter hides is shown again");
}

#[test]
fn a_mark_is_copied_escaped_and_wrap_and_times_toggle() {
    let mut driven = opened(80, 24, log());
    driven.keys("g j j m y");
    let copied = driven.asked.iter().rev().find_map(|e| match e {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.unwrap_or_default();
    assert!(copied.contains("evil \\u{202e}") && copied.contains("\\x1b[2J") && !copied.contains('\u{1b}'), "{copied}");
    assert!(driven.screen().contains("04:00:02Z") && !driven.screen().contains("evil"), "{}", driven.screen());
    driven.keys("l l");
    assert!(driven.screen().contains("evil"), "{}", driven.screen());
    driven.keys("w t");
    assert!(driven.screen().contains("evil") && driven.screen().contains("  2 h"), "{}", driven.screen());
}

#[test]
fn pages_follow_each_other_until_the_end() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.logs.extend([Ok(page(&["a"], false)), Ok(page(&["b"], false)), Ok(page(&["c"], true))]);
    driven.type_in("4 /", "00f7aak3").keys("l");
    assert_eq!((reads(&driven), driven.state.logs.buffer.len()), (3, 3));
}

#[test]
fn nothing_new_means_longer_pauses_and_another_tab_none_at_all() {
    let mut driven = opened(80, 24, log());
    let first = reads(&driven);
    wait(&mut driven, 1, 2);
    assert_eq!(reads(&driven), first + 1, "after 2 s");
    wait(&mut driven, 3, 5);
    assert_eq!(reads(&driven), first + 1);
    wait(&mut driven, 6, 6);
    assert_eq!(reads(&driven), first + 2, "after 4 s more");
    wait(&mut driven, 7, 200);
    let many = reads(&driven);
    wait(&mut driven, 201, 260);
    assert!((1..=3).contains(&(reads(&driven) - many)), "every 30 s: {}", reads(&driven) - many);
    driven.keys("1");
    let before = reads(&driven);
    wait(&mut driven, 261, 400);
    assert_eq!(reads(&driven), before, "behind another tab nothing is read");
    driven.keys("5");
    wait(&mut driven, 401, 401);
    assert_eq!(reads(&driven), before + 1);
}

#[test]
fn what_fails_says_why_and_keeps_what_was_read() {
    let mut driven = opened(100, 24, log());
    let error = |class| LakeError { hint: "ask \u{202e}".into(), ..LakeError::new(class, "/emr/acme", "not allowed") };
    driven.logs.push_back(Err(error(ErrorClass::Denied)));
    wait(&mut driven, 1, 2);
    let screen = driven.screen();
    assert!(screen.contains("✗ /emr/acme: denied: not allowed  ask \\u{202e}"), "{screen}");
    assert!(screen.contains("✗ failed, 12 lines") && screen.contains("OutOfMemoryError"), "{screen}");
    let before = reads(&driven);
    wait(&mut driven, 3, 100);
    assert_eq!(reads(&driven), before, "what does not pass by itself waits for R");
    driven.logs.push_back(Err(error(ErrorClass::Throttled)));
    driven.keys("R");
    assert_eq!(reads(&driven), before + 1);
    wait(&mut driven, 101, 110);
    assert!(driven.screen().contains("● following") && reads(&driven) > before + 1, "{}", driven.screen());
}

#[test]
fn reading_is_cancelled_by_esc_and_stale_pages_are_dropped() {
    let mut driven = opened(80, 24, log());
    driven.state.logs = LogsScreen::default();
    driven.keys("4");
    let key = crate::console::keys::Key::parse("l").unwrap_or_else(|e| panic!("{e}"));
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    let Some(Effect::ReadLog { id, from: None, .. }) = asked.first() else { panic!("{asked:?}") };
    assert!(driven.screen().contains("reading…"), "{}", driven.screen());
    driven.send(Msg::Log(id + 1, Ok(log())));
    assert!(driven.state.logs.buffer.is_empty());
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(Job::Log))));
    assert!(driven.screen().contains("cancelled; R reads it"), "{}", driven.screen());
    driven.send(Msg::Log(*id, Ok(log())));
    assert!(driven.state.logs.buffer.is_empty());
    driven.keys("R");
    assert_eq!(driven.state.logs.buffer.len(), 12);
}
