//! The buffer: what it keeps, what it finds, and how much it looks at for that.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::category::default_rules;
use crate::model::filter::Filter;

fn buffer(lines: usize) -> LogBuffer {
    LogBuffer::new(Limits { lines, ..Limits::default() }, default_rules())
}

fn fill(buffer: &mut LogBuffer, lines: &[&str]) -> Vec<LineId> {
    let stream: Arc<str> = "driver/stderr".into();
    lines.iter().map(|text| buffer.append(None, &stream, text)).collect()
}

fn shown(buffer: &LogBuffer) -> Vec<&str> {
    (0..buffer.shown()).filter_map(|i| buffer.shown_at(i)).map(|l| &*l.text).collect()
}

#[test]
fn the_oldest_go_and_are_counted_and_names_stay() {
    let mut b = buffer(3);
    let ids = fill(&mut b, &["a", "b", "c", "d", "e"]);
    assert_eq!((b.len(), b.trimmed(), b.first()), (3, 2, LineId(2)));
    assert_eq!(b.get(ids[1]), None);
    assert_eq!(b.get(ids[4]).map(|l| &*l.text), Some("e"));
    assert_eq!((b.position(ids[0]), b.position(ids[3])), (0, 1));
}

#[test]
fn bytes_are_bounded_and_one_line_always_stays() {
    let limits = Limits { lines: 100, bytes: 300, line: 200 };
    let mut b = LogBuffer::new(limits, Vec::new());
    fill(&mut b, &["x"; 50]);
    assert!(b.len() < 6 && b.trimmed() > 44);
    let long = "é".repeat(500);
    fill(&mut b, &[long.as_str()]);
    let last = b.shown_at(b.shown() - 1).map(|l| l.text.clone()).unwrap_or_default();
    assert!(last.ends_with('…') && last.len() <= 203, "{}", last.len());
}

#[test]
fn a_stack_trace_belongs_to_the_line_above_it_in_its_own_stream() {
    let mut b = buffer(100);
    let (driver, executor): (Arc<str>, Arc<str>) = ("driver".into(), "executor/1".into());
    let error = b.append(None, &driver, "26/11/22 00:23:10 ERROR Executor: Exception in task 0.0");
    b.append(None, &executor, "26/11/22 00:23:10 INFO fine");
    let exception = b.append(None, &driver, "java.lang.OutOfMemoryError: Java heap space");
    let frame = b.append(None, &driver, "\tat org.apache.spark.X.y(X.scala:1)");
    let other = b.append(None, &executor, "  of the other");
    for id in [exception, frame] {
        let line = b.get(id);
        assert_eq!(line.map(|l| (l.head, l.level)), Some((error, Some(Level::Error))));
        assert!(line.is_some_and(|l| l.at.is_some() && !l.is_error()));
    }
    assert_eq!(b.get(other).and_then(|l| l.level), Some(Level::Info));
    assert_eq!(b.errors(), 1);
    // Without an error above it an exception begins one.
    let alone = b.append(None, &executor, "MemoryError");
    assert_eq!(b.get(alone).map(LogLine::is_error), Some(true));
}

#[test]
fn errors_are_found_in_both_directions_and_under_a_filter() {
    let mut b = buffer(4);
    let ids = fill(&mut b, &["ERROR a", "INFO b", "ERROR c", "INFO d", "ERROR e disk"]);
    assert_eq!(b.previous_error(ids[2]), None, "the first was trimmed");
    assert_eq!((b.next_error(ids[0]), b.next_error(ids[2])), (Some(ids[2]), Some(ids[4])));
    assert_eq!((b.previous_error(ids[4]), b.next_error(ids[4])), (Some(ids[2]), None));
    b.set_filter(Filter::parse("disk"));
    assert_eq!(b.next_error(ids[0]), Some(ids[4]));
    assert_eq!(b.previous_error(ids[4]), None);
}

#[test]
fn a_mark_outlives_its_line() {
    let mut b = buffer(2);
    let ids = fill(&mut b, &["a", "b"]);
    b.toggle_mark(ids[0]);
    b.toggle_mark(ids[1]);
    fill(&mut b, &["c"]);
    let marked: Vec<Marked> = b.marked().collect();
    assert!(matches!(marked.as_slice(), [Marked::Trimmed(LineId(0)), Marked::Here(l)] if &*l.text == "b"));
    b.toggle_mark(ids[0]);
    assert_eq!(b.marked().count(), 1);
}

/// The figure behind "50 ms over 100,000 lines": how many lines are compared, which a slow machine does not change.
#[test]
fn typing_compares_each_line_once_and_then_only_what_is_left() {
    let mut b = buffer(100_000);
    let stream: Arc<str> = "driver".into();
    for i in 0..100_000 {
        let text = if i % 1000 == 0 { "ERROR disk full" } else { "INFO all is well" };
        b.append(None, &stream, text);
    }
    assert_eq!(b.examined(), 0, "without a filter nothing is compared");
    b.set_filter(Filter::parse("d"));
    assert_eq!((b.shown(), b.examined()), (100_000, 100_000), "the stream holds a d");
    b.set_filter(Filter::parse("di"));
    b.set_filter(Filter::parse("dis"));
    b.set_filter(Filter::parse("disk"));
    assert_eq!((b.shown(), b.examined()), (100, 200_200));
    b.append(None, &stream, "ERROR disk full");
    assert_eq!((b.shown(), b.examined()), (100, 200_201));
}

proptest! {
    #[test]
    fn a_filter_leaves_the_same_however_it_came_to_be(
        lines in prop::collection::vec("[abAB !]{0,6}", 0..40),
        steps in prop::collection::vec("!?[ab]{0,2} ?!?[ab]{0,2}", 1..6),
        limit in 1usize..30,
    ) {
        let mut b = buffer(limit);
        let half = lines.len() / 2;
        let stream: Arc<str> = "s".into();
        for line in &lines[..half] {
            b.append(None, &stream, line);
        }
        for step in &steps {
            b.set_filter(Filter::parse(step));
        }
        for line in &lines[half..] {
            b.append(None, &stream, line);
        }
        let last = Filter::parse(steps.last().map_or("", String::as_str));
        let kept = &lines[lines.len().saturating_sub(limit)..];
        let expected: Vec<&str> = kept
            .iter()
            .map(String::as_str)
            .filter(|l| last.is_empty() || last.matches([*l, "s"].into_iter()))
            .collect();
        prop_assert_eq!(shown(&b), expected);
        prop_assert_eq!(b.trimmed() as usize + b.len(), lines.len());
        for i in 0..b.shown() {
            let id = b.shown_at(i).map_or(LineId(u64::MAX), |l| l.id);
            prop_assert_eq!(b.position(id), i);
        }
    }

    #[test]
    fn any_lines_are_survived(lines in prop::collection::vec(any::<String>(), 0..20)) {
        let mut b = buffer(5);
        let stream: Arc<str> = "s".into();
        for line in &lines {
            let id = b.append(None, &stream, line);
            prop_assert!(b.get(id).is_some_and(|l| l.head <= id));
        }
        b.signatures().groups();
    }
}
