//! The live tail of the tab: on and off, lines that come twice, what it leaves out, its end, and nobody looking.

use chrono::Duration;

use crate::console::fixture::pipeline::{line, log, page};
use crate::console::fixture::{Driven, now};
use crate::console::logs::reading::Phase;
use crate::console::msg::{Effect, Job, Msg, RequestId};
use crate::console::state::Tab;
use crate::lake::{ErrorClass, LakeError};
use crate::sources::logs::{LiveNews, LogPage, RawLine};

/// A log that is open, and read to its end.
fn opened() -> Driven {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.type_in("4 /", "00f7aak3").keys("l");
    driven
}

/// The same with a live tail that has begun, and its request.
fn live() -> (Driven, RequestId) {
    let mut driven = opened();
    driven.keys("L");
    let id = asked(&driven);
    driven.send(Msg::LiveLog(id, Ok(LiveNews::Began)));
    (driven, id)
}

fn asked(driven: &Driven) -> RequestId {
    let id = driven.asked.iter().rev().find_map(|e| if let Effect::LiveLog { id, .. } = e { Some(*id) } else { None });
    id.unwrap_or_else(|| panic!("no live tail was asked for: {:?}", driven.asked))
}

fn reads(driven: &Driven) -> usize {
    driven.asked.iter().filter(|e| matches!(e, Effect::ReadLog { .. })).count()
}

fn cancelled(driven: &Driven) -> bool {
    driven.asked.iter().any(|e| matches!(e, Effect::Cancel(Job::LiveLog)))
}

fn at(second: i64, text: &str) -> RawLine {
    line(now() + Duration::seconds(second), text)
}

fn tell(driven: &mut Driven, id: RequestId, lines: Vec<RawLine>, sampled: bool) {
    driven.send(Msg::LiveLog(id, Ok(LiveNews::Lines { lines, sampled })));
}

fn wait(driven: &mut Driven, from: i64, to: i64) {
    for second in from..=to {
        driven.send(Msg::Tick(now() + Duration::seconds(second)));
    }
}

/// How often the log holds a line of these words.
fn times(driven: &Driven, words: &str) -> usize {
    let buffer = &driven.state.logs.buffer;
    (0..buffer.len()).filter_map(|i| buffer.shown_at(i)).filter(|line| line.text.contains(words)).count()
}

#[test]
fn it_is_turned_on_and_off_by_a_key_and_looks_it() {
    let mut driven = opened();
    driven.keys("k");
    assert!(driven.screen().contains("○ paused"));
    driven.keys("L");
    let id = asked(&driven);
    let screen = driven.screen();
    assert!(screen.contains("● following, live…") && screen.contains("billed by the minute"), "{screen}");
    let before = reads(&driven);
    driven.send(Msg::LiveLog(id, Ok(LiveNews::Began)));
    assert_eq!(reads(&driven), before + 1, "what was written before it began is looked for");
    tell(&mut driven, id, vec![at(0, "26/11/24 06:00:00 INFO live \x1b[2J \u{202e} line")], false);
    driven.keys("w");
    insta::assert_snapshot!("log_live_80x24", driven.screen());
    driven.keys("L");
    let screen = driven.screen();
    assert!(cancelled(&driven) && screen.contains("● following") && !screen.contains("live…"), "{screen}");
    let lines = driven.state.logs.buffer.len();
    tell(&mut driven, id, vec![at(1, "too late")], false);
    assert_eq!(driven.state.logs.buffer.len(), lines, "what comes after its end is not taken");
}

#[test]
fn a_line_that_comes_both_ways_is_there_once() {
    let (mut driven, id) = live();
    let lines = |from: i64, to: i64| -> Vec<RawLine> { (from..to).map(|n| at(n, &format!("number {n}!"))).collect() };
    tell(&mut driven, id, lines(0, 20), false);
    // What is read holds all of them, and what the live tail did not have.
    let read = LogPage { lines: lines(0, 25), ..page(&[], true) };
    driven.logs.push_back(Ok(read));
    wait(&mut driven, 1, 6);
    assert!(driven.logs.is_empty(), "it was read");
    tell(&mut driven, id, lines(20, 30), false);
    for n in 0..30 {
        assert_eq!(times(&driven, &format!("number {n}!")), 1, "{n}");
    }
    assert_eq!(driven.state.logs.buffer.len(), 12 + 30);
}

#[test]
fn beside_a_live_tail_lines_are_read_seldom_and_after_its_end_at_once() {
    let (mut driven, id) = live();
    wait(&mut driven, 1, 120);
    let before = reads(&driven);
    for second in 121..=240 {
        tell(&mut driven, id, vec![at(second, "live")], false);
        let same = LogPage { lines: vec![at(second, "live")], ..page(&[], true) };
        driven.logs.clear();
        driven.logs.push_back(Ok(same));
        wait(&mut driven, second, second);
    }
    assert!((2..=5).contains(&(reads(&driven) - before)), "{} in two minutes", reads(&driven) - before);
    driven.logs.clear();
    driven.logs.push_back(Ok(LogPage { lines: vec![at(241, "only read")], ..page(&[], true) }));
    let before = reads(&driven);
    let over =
        LakeError { hint: "ask \u{202e}".into(), ..LakeError::new(ErrorClass::Denied, "logs:/g", "not \x1b[1m") };
    driven.send(Msg::LiveLog(id, Err(over)));
    assert_eq!((reads(&driven), times(&driven, "only read")), (before + 1, 1));
    let screen = driven.screen();
    assert!(screen.contains("● polling") && screen.contains("! no live tail: denied"), "{screen}");
    assert!(screen.contains("no live tail, polling: logs:/g: denied"), "{screen}");
    driven.logs.push_back(Ok(LogPage { lines: vec![at(243, "polled")], ..page(&[], true) }));
    wait(&mut driven, 241, 243);
    assert_eq!(times(&driven, "polled"), 1);
    driven.keys("esc L");
    assert!(asked(&driven) > id && !driven.screen().contains("no live tail"), "it can be asked for again");
}

#[test]
fn what_it_leaves_out_is_told_and_read() {
    let (mut driven, id) = live();
    wait(&mut driven, 1, 100);
    let before = reads(&driven);
    tell(&mut driven, id, vec![at(100, "one of many")], true);
    assert!(driven.screen().contains("! lines left out for now"), "{}", driven.screen());
    driven.logs.push_back(Ok(LogPage { lines: vec![at(100, "left out"), at(100, "one of many")], ..page(&[], true) }));
    wait(&mut driven, 101, 102);
    assert_eq!((reads(&driven), times(&driven, "left out"), times(&driven, "one of many")), (before + 1, 1, 1));
    wait(&mut driven, 103, 111);
    assert!(!driven.screen().contains("left out for now"), "{}", driven.screen());
}

#[test]
fn what_nobody_looks_at_is_not_paid_for() {
    let (mut driven, _) = live();
    wait(&mut driven, 1, 300);
    assert!(!cancelled(&driven), "as long as it is looked at");
    driven.keys("f");
    assert!(driven.screen().contains("○ paused, live"), "{}", driven.screen());
    wait(&mut driven, 301, 350);
    driven.keys("f");
    wait(&mut driven, 351, 360);
    driven.keys("1");
    wait(&mut driven, 361, 415);
    assert!(!cancelled(&driven), "a look elsewhere is no end");
    wait(&mut driven, 416, 425);
    assert!(cancelled(&driven) && driven.screen().contains("nobody looked for a minute"), "{}", driven.screen());
    driven.keys("5");
    assert!(driven.screen().contains("○ paused") || driven.screen().contains("● following"), "{}", driven.screen());
    assert!(!driven.screen().contains(", live"), "{}", driven.screen());
}

#[test]
fn it_ends_with_its_log_and_with_a_stop() {
    let (mut driven, id) = live();
    driven.type_in("4 :", "filter 00f7bb01").keys("l");
    assert!(cancelled(&driven), "{:?}", driven.state.logs.of);
    tell(&mut driven, id, vec![at(0, "of the other log")], false);
    assert_eq!(times(&driven, "of the other log"), 0);
    let (mut driven, _) = live();
    driven.keys("ctrl-z");
    let last: Vec<_> = driven.asked.iter().rev().take(2).collect();
    assert!(matches!(last[..], [Effect::Suspend, Effect::Cancel(Job::LiveLog)]), "{last:?}");
}

#[test]
fn esc_ends_it_before_it_leaves_the_log() {
    let (mut driven, _) = live();
    driven.type_in("/", "spark").keys("esc");
    assert!(!cancelled(&driven) && driven.screen().contains("● live"), "the filter first: {}", driven.screen());
    driven.keys("esc");
    assert!(cancelled(&driven) && driven.state.tab == Tab::Logs, "{}", driven.screen());
    driven.keys("esc");
    assert_eq!(driven.state.tab, Tab::Jobs);
}

#[test]
fn where_there_can_be_none_the_key_says_so() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("5 L");
    assert!(driven.screen().contains("live: no log is open"), "{}", driven.screen());
    driven.type_in(":", "insights 1h /aws/a fields @message").keys("L");
    assert!(driven.screen().contains("live: an answer does not go on"), "{}", driven.screen());
    let mut driven = opened();
    driven.state.logs = crate::console::logs::LogsScreen { of: driven.state.logs.of.clone(), ..Default::default() };
    let key = crate::console::keys::Key::parse("R").unwrap_or_else(|e| panic!("{e}"));
    driven.state.logs.reading.phase = Phase::AtEnd;
    // A page that is asked for and does not come.
    crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    driven.keys("L");
    assert!(driven.screen().contains("live: it is still being read"), "{}", driven.screen());
    assert!(!driven.asked.iter().any(|e| matches!(e, Effect::LiveLog { .. })));
}

#[test]
fn ten_thousand_lines_are_taken_in_parts_and_the_end_stays_in_view() {
    let (mut driven, id) = live();
    driven.send(Msg::Resize(160, 24));
    for part in 0..5 {
        let lines = (0..2_000).map(|n| at(part * 2_000 + n, &format!("flood {}", part * 2_000 + n))).collect();
        tell(&mut driven, id, lines, part == 0);
    }
    let screen = driven.screen();
    insta::assert_snapshot!("log_live_flood_160x24", screen);
    assert!(screen.contains("flood 9999") && screen.contains("● live"), "{screen}");
    let log = log().lines.len();
    assert_eq!(driven.state.logs.buffer.len() + driven.state.logs.buffer.trimmed() as usize, log + 10_000);
}
