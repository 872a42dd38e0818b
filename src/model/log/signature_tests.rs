//! Signatures: what falls together, what stays apart, and what it means.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::category::FailureCategory::{self, Network, ResourceExhaustion, SchemaEvolution, Unknown};
use crate::model::category::default_rules;

#[test]
fn what_differs_between_occurrences_is_replaced() {
    let table = [
        (
            "26/11/22 00:23:10 ERROR Executor: Exception in task 0.0 in stage 12.3 (TID 4711)",
            "ERROR Executor: Exception in task <n> in stage <n> (TID <n>)",
        ),
        ("[2026-11-22T00:23:10.123+0000] {x.py:18} ERROR - gone", "{x.py:<n>} ERROR - gone"),
        (
            "ERROR run 7f3c9b1e-1111-2222-3333-444455556666 of s3://acme/bronze/dt=2026-11-22/x.parquet failed",
            "ERROR run <uuid> of <path> failed",
        ),
        ("ERROR /tmp/spark-12ab/part-00012 is gone", "ERROR <path> is gone"),
        ("ERROR column 'email' expected string, don't ask", "ERROR column <value> expected string, don't ask"),
        ("ERROR object Foo@1a2b3c4d at 0xdeadbeef id 00f7aa11bb22", "ERROR object Foo<id> at <id> id <id>"),
        ("ERROR feedface defaced effaced in s3 with log4j", "ERROR feedface defaced effaced in s3 with log4j"),
        (r#"{"level":"ERROR","time":"2026-11-22","message":"took 12 ms"}"#, "took <n> ms"),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(signature(text), expected, "{text}");
    }
}

#[test]
fn known_failures_have_their_category() {
    let table: [(&[&str], FailureCategory); 13] = [
        (&["ERROR x", "java.lang.OutOfMemoryError: Java heap space"], ResourceExhaustion),
        (&["ERROR YarnAllocator: Container killed by YARN for exceeding memory limits"], ResourceExhaustion),
        (&["ERROR Consider boosting spark.executor.memoryOverhead"], ResourceExhaustion),
        (&["ERROR Command exited with exit code: 137"], ResourceExhaustion),
        (&["Traceback (most recent call last):", "  File \"a.py\", line 1", "MemoryError"], ResourceExhaustion),
        (&["ERROR x", "Caused by: java.lang.OutOfMemoryError: GC overhead limit exceeded"], ResourceExhaustion),
        (&["ERROR AccessDenied: User is not authorized to perform: s3:GetObject"], Network),
        (&["ERROR request failed, status code: 403"], Network),
        (&["ERROR ExpiredToken: The provided token has expired"], Network),
        (&["ERROR Connection to db timed out"], Network),
        (&["ERROR Task timed out after 3600 s"], ResourceExhaustion),
        (&["ERROR Column 'email' expected string, got null"], SchemaEvolution),
        (&["ERROR it broke"], Unknown),
    ];
    for (lines, category) in table {
        let mut b = LogBuffer::new(Limits::default(), default_rules());
        for line in lines {
            b.append(None, &Arc::from("s"), line);
        }
        let groups = b.signatures().groups();
        assert_eq!(groups.iter().map(|g| (g.count, g.category)).collect::<Vec<_>>(), [(1, category)], "{lines:?}");
    }
}

#[test]
fn groups_count_and_keep_the_first_and_the_last() {
    let mut b = LogBuffer::new(Limits { lines: 2, ..Limits::default() }, default_rules());
    let stream = Arc::from("s");
    for i in 0..5 {
        b.append(None, &stream, &format!("26/11/22 00:00:0{i} ERROR task {i} failed"));
        b.append(None, &stream, "\tat a.b(c)");
    }
    b.append(None, &stream, "ERROR something else");
    let groups = b.signatures().groups();
    let told: Vec<_> = groups.iter().map(|g| (g.signature.as_str(), g.count, g.first.0, g.last.0)).collect();
    assert_eq!(
        told,
        [("ERROR task <n> failed", 5, LineId(0), LineId(8)), ("ERROR something else", 1, LineId(10), LineId(10)),]
    );
    assert_eq!(groups[0].last.1.map(|t| t.to_rfc3339()).as_deref(), Some("2026-11-22T00:00:04+00:00"));
    // Asked again, nothing is counted twice.
    assert_eq!(b.signatures().groups(), groups);
}

#[test]
fn a_flood_of_different_errors_is_bounded() {
    let mut b = LogBuffer::new(Limits::default(), Vec::new());
    let stream = Arc::from("s");
    for i in 0..2_000u32 {
        let word: String = i.to_string().bytes().map(|d| char::from(b'a' + (d - b'0'))).collect();
        b.append(None, &stream, &format!("ERROR {word}"));
    }
    let groups = b.signatures().groups();
    assert!(groups.len() <= 501, "{}", groups.len());
    assert_eq!(groups.iter().map(|g| g.count).sum::<u64>(), 2_000);
}

proptest! {
    #[test]
    fn numbers_never_tell_two_lines_apart(a in 10u64.., b in 10u64.., words in "[a-z ]{0,20}") {
        let line = |n: u64| format!("ERROR {words} task {n} of 'x{n}' at /data/a{n}/b");
        prop_assert_eq!(signature(&line(a)), signature(&line(b)));
    }

    #[test]
    fn any_text_has_one(text in any::<String>()) {
        prop_assert_eq!(signature(&text), signature(&text));
    }
}
