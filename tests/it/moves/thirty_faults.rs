//! The thirty faults that a mover of objects must survive, each by its number (field notes, 3.5). What a number means
//! stands at its test; those that need more than one test name the file that holds the rest.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use lakeward::lake::{Attributes, ErrorClass, Lake, LakeWriter, Placing};
use lakeward::model::moves::{Plan, RefusalCode, Step};
use lakeward::model::protection::Confirmation;
use lakeward::ops::gate::{Journal, JournalStep};
use lakeward::ops::moves::Verified;
use lakeward::ops::{Gate, GateError, Keep, Outcome, Watch, WriteEffect};

use super::site::{self, ENTRY, Marks, SOURCE, Site, TARGET, apply, at, gate, json, kept, reason, resume};
use crate::support::memory::{Fault, Ignored, Memory, Stepped, Verb, Versioning};

const ROWS: &str = "rejected_rows.parquet";

fn source(name: &str) -> String {
    format!("{SOURCE}{name}")
}

fn target(name: &str) -> String {
    format!("{TARGET}{name}")
}

async fn planned() -> (Site, Plan) {
    let site = Site::with_entry();
    let plan = site.plan().await;
    (site, plan)
}

async fn applied(site: &Site, plan: &Plan) -> Result<Outcome, GateError> {
    apply(&site.gate("ana"), plan).await
}

/// What a move that stopped half-way says: why, and what to do.
fn interrupted<T: std::fmt::Debug>(ended: Result<T, GateError>) -> (String, String) {
    match ended {
        Err(GateError::Interrupted { why, hint, .. }) => (why, hint),
        other => panic!("{other:?}"),
    }
}

fn refusals<T: std::fmt::Debug>(ended: Result<T, GateError>) -> Vec<RefusalCode> {
    match ended {
        Err(GateError::Refused(all)) => all.into_iter().map(|r| r.code).collect(),
        other => panic!("{other:?}"),
    }
}

/// The planned objects that lie at their targets, and those at their sources.
fn halves(site: &Site) -> (usize, usize) {
    let objects = |prefix| site.below(prefix).iter().filter(|n| *n != "_lakeward_manifest.json").count();
    (objects(TARGET), objects(SOURCE))
}

/// The number of the first request that brings about `so`.
async fn request_that(site: &Site, plan: &Plan, so: impl Fn(&Memory) -> bool) -> usize {
    for n in 0.. {
        let (memory, machine) = (site.memory.fork(), site::folder());
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, Fault::KilledAfter))));
        let gate = gate(lake.clone(), machine.path(), "ana", 10);
        tokio::select! {
            ended = apply(&gate, plan) => panic!("no request does that: {ended:?}"),
            () = lake.killed() => {}
        }
        if so(&memory) {
            return n;
        }
    }
    unreachable!()
}

/// Applies the plan with one fault at one request.
async fn with_fault(site: &Site, plan: &Plan, n: usize, fault: Fault) -> Option<Result<Outcome, GateError>> {
    let lake = Arc::new(Stepped::new(Arc::new(site.memory.clone()), Some((n, fault))));
    let gate = gate(lake.clone(), site.machine.path(), "ana", site.later());
    tokio::select! {
        ended = apply(&gate, plan) => Some(ended),
        () = lake.killed() => None,
    }
}

/// Source and target the same, or one in the other, in any spelling: refused before any request.
#[tokio::test(start_paused = true)]
async fn fault_01_source_is_target() {
    let (site, plan) = planned().await;
    let before = site.memory.counters().read();
    for (from, to) in [
        (SOURCE, SOURCE),
        (SOURCE, "_errors/crm/contacts/dt=2026-11-22/inside/"),
        (SOURCE, "_errors/crm/contacts/"),
        (SOURCE, "_errors//crm/contacts/dt=2026-11-22/"),
        (SOURCE, "_quarantine/../_errors/crm/contacts/dt=2026-11-22/"),
        (SOURCE, "_errors/crm/contacts/dt=2026-11-22"),
        (SOURCE, "./_errors/crm/contacts/dt=2026-11-22/"),
    ] {
        let mut plan = plan.clone();
        for object in &mut plan.objects {
            object.target = object.target.replacen(TARGET, to, 1);
        }
        (plan.source, plan.target, plan.seals) = (from.into(), to.into(), Some(format!("{to}_lakeward_manifest.json")));
        assert!(refusals(applied(&site, &plan).await).contains(&RefusalCode::Overlap), "{from} {to}");
    }
    assert_eq!(site.memory.counters().read(), before, "not one request");
    // A slash too many when it is named is no other place.
    for spelling in
        ["crm/contacts/dt=2026-11-22/", "_errors/crm/contacts/dt=2026-11-22/", "/crm/contacts/dt=2026-11-22//"]
    {
        assert_eq!(site::plan(&site.session("ana"), spelling).await.source, SOURCE);
    }
}

/// Something foreign lies under a target: refused, nothing deleted, both kept.
#[tokio::test(start_paused = true)]
async fn fault_02_target_is_foreign() {
    let (site, plan) = planned().await;
    site.memory.set(&target(ROWS), "foreign");
    assert_eq!(refusals(applied(&site, &plan).await), [RefusalCode::TargetExists]);
    let anew = site.session("ana").plan_quarantine(ENTRY, &reason(), None, false, at(0)).await.unwrap();
    assert_eq!(
        anew.refused.iter().map(|r| (r.code, r.object.clone())).collect::<Vec<_>>(),
        [(RefusalCode::TargetExists, target(ROWS))]
    );
    assert_eq!((site.memory.all()[&target(ROWS)].as_ref(), halves(&site)), (&b"foreign"[..], (1, 3)));
    // Its appearance in the middle: interference.rs.
}

/// Our own earlier copy is recognised, not made again.
#[tokio::test(start_paused = true)]
async fn fault_03_target_is_our_own_copy() {
    let (site, plan) = planned().await;
    let n = request_that(&site, &plan, |m| m.all().contains_key(&target("error_reasons.json"))).await;
    assert!(with_fault(&site, &plan, n, Fault::KilledAfter).await.is_none());
    let written = site.memory.head(&target(ROWS).as_str().into()).await.unwrap().modified;
    site.resume(&plan.id).await.unwrap();
    assert_eq!(site.memory.head(&target(ROWS).as_str().into()).await.unwrap().modified, written);
    assert_eq!(halves(&site), (3, 0));
}

/// Equal bytes of somebody else are foreign: who put them there may count on them.
#[tokio::test(start_paused = true)]
async fn fault_04_same_bytes_without_provenance() {
    let (site, plan) = planned().await;
    site.memory
        .meanwhile(Verb::Copy, &target("error_reasons.json"), |m| drop(m.set(&target("error_reasons.json"), "[]")));
    let (why, _) = interrupted(applied(&site, &plan).await);
    assert!(why.contains("something else lies at"), "{why}");
    let (why, _) = interrupted(site.resume(&plan.id).await);
    assert!(why.contains("error_reasons.json"), "{why}");
    assert_eq!(halves(&site), (2, 3));
    let outcome = site.step(&plan.id, Step::Undo).await.unwrap();
    assert!(outcome.needs_operator && outcome.notes[0].contains("error_reasons.json"), "{outcome:?}");
    assert_eq!((halves(&site), site.state().await.as_str()), ((1, 3), "undone"));
}

/// Two sources, one target (`a/part`, `b/part` made flat): refused in the plan.
#[tokio::test(start_paused = true)]
async fn fault_05_two_sources_one_target() {
    let site = Site::with_entry();
    for part in ["a/part-0.parquet", "b/part-0.parquet"] {
        site.memory.set(&source(part), part);
    }
    let plan = site.plan().await;
    let mut flat = plan.clone();
    for object in &mut flat.objects {
        object.target = format!("{TARGET}{}", object.target.rsplit('/').next().unwrap());
    }
    assert!(refusals(applied(&site, &flat).await).contains(&RefusalCode::Collision));
    applied(&site, &plan).await.unwrap();
    assert_eq!(halves(&site), (5, 0));
}

/// The copy is done and its reply is lost: found there, and gone on with.
#[tokio::test(start_paused = true)]
async fn fault_06_copy_reply_lost() {
    let (site, plan) = planned().await;
    let n = request_that(&site, &plan, |m| m.all().contains_key(&target(ROWS))).await;
    let outcome = with_fault(&site, &plan, n, Fault::ReplyLost).await.unwrap().unwrap();
    assert_eq!((outcome.objects, halves(&site)), (3, (3, 0)));
    // Every other request: crash_points.rs.
}

/// A store that fails for a while is asked again, one that fails for ever is given up; both are visible. (An error
/// inside a reply of 200 is the S3 end's to see: s3_answers.rs.)
#[tokio::test(start_paused = true)]
async fn fault_07_errors_and_storms() {
    for class in [ErrorClass::Throttled, ErrorClass::Unreachable] {
        let (site, plan) = planned().await;
        site.memory.fail(Verb::Copy, TARGET, 0, 6, class);
        applied(&site, &plan).await.unwrap();
        assert_eq!(halves(&site), (3, 0));

        let (site, plan) = planned().await;
        site.memory.fail(Verb::Copy, TARGET, 0, u32::MAX, class);
        let before = site.memory.counters().read().writes;
        let (why, _) = interrupted(applied(&site, &plan).await);
        assert!(why.contains(class.word()), "{why}");
        let tried = site.memory.counters().read().writes - before;
        assert!(tried < 60, "it gives up: {tried}");
        site.memory.behave();
        site.resume(&plan.id).await.unwrap();
        assert_eq!(halves(&site), (3, 0));
    }
}

/// 409, another write at the same time: tried again under the same condition, never without one.
#[tokio::test(start_paused = true)]
async fn fault_08_conflict_on_copy() {
    let (site, plan) = planned().await;
    site.memory.fail(Verb::Copy, TARGET, 0, 2, ErrorClass::Conflict);
    applied(&site, &plan).await.unwrap();
    assert_eq!(halves(&site), (3, 0));

    let (site, plan) = planned().await;
    site.memory.fail(Verb::Copy, &target(ROWS), 0, 1, ErrorClass::Conflict);
    site.memory.meanwhile(Verb::Copy, &target(ROWS), |m| drop(m.set(&target(ROWS), "theirs")));
    applied(&site, &plan).await.unwrap_err();
    assert_eq!((site.memory.all()[&target(ROWS)].as_ref(), halves(&site)), (&b"theirs"[..], (1, 3)));
}

/// The source is replaced before its copy, while it is copied in parts, between copy and delete: the new bytes are
/// kept. (The other moments: interference.rs.)
#[tokio::test(start_paused = true)]
async fn fault_09_source_replaced() {
    for size in [4, 6 << 30] {
        for (verb, key) in [(Verb::CopyFrom, source(ROWS)), (Verb::BulkDelete, SOURCE.to_owned())] {
            let site = Site::empty();
            site.memory.set_sparse(&source(ROWS), "rows", size);
            let plan = site.plan().await;
            site.memory.meanwhile(verb, &key, |m| drop(m.set(&source(ROWS), "newer rows")));
            let ended = applied(&site, &plan).await;
            assert_eq!(site.memory.all()[&source(ROWS)], "newer rows");
            match verb {
                Verb::CopyFrom => assert!(matches!(ended, Err(GateError::Changed(_))), "{ended:?}"),
                _ => assert!(ended.unwrap().needs_operator),
            }
            assert_eq!(site.memory.open_uploads(), [""; 0]);
        }
    }
}

/// The source is deleted by somebody else: its copy is kept, and it is no success.
#[tokio::test(start_paused = true)]
async fn fault_10_source_vanished() {
    let (site, plan) = planned().await;
    site.memory.meanwhile(Verb::CopyFrom, &source("_SUCCESS"), |m| m.remove(&source(ROWS)));
    let (why, _) = interrupted(applied(&site, &plan).await);
    assert!(why.contains("rejected_rows.parquet is gone"), "{why}");
    assert_eq!(site.memory.all()[&target(ROWS)], "rows");

    let (site, plan) = planned().await;
    site.memory.meanwhile(Verb::BulkDelete, SOURCE, |m| m.remove(&source(ROWS)));
    let outcome = applied(&site, &plan).await.unwrap();
    assert!(outcome.needs_operator && outcome.notes[0].contains(ROWS), "{outcome:?}");
    assert_eq!(site.memory.all()[&target(ROWS)], "rows");
}

/// A copy that is truncated, or of other bytes of the same size: caught, the source kept, the copy removed only by
/// taking the move back, and only if it is ours.
#[tokio::test(start_paused = true)]
async fn fault_11_copy_is_corrupt() {
    for (bytes, without_checksums) in [("row", false), ("rowt", false), ("rowt", true)] {
        let site = Site::empty();
        site.memory.set_opaque_etags();
        site.memory.set_without_checksums(without_checksums);
        site::fill(&site.memory, 3, 0);
        let plan = site.plan().await;
        let etag = plan.objects.iter().find(|o| o.key == source(ROWS)).unwrap().etag.clone();
        let user = [("lakeward-move".to_owned(), plan.id.0.clone()), ("lakeward-source-etag".to_owned(), etag)].into();
        let ours = Placing { attributes: Attributes { user, ..Attributes::default() }, ..Placing::default() };
        // It was made, its reply was lost, and what lies there is not what was sent.
        site.memory.meanwhile(Verb::Copy, &target(ROWS), move |m| drop(m.set_like(&target(ROWS), bytes, &ours)));
        let ended = applied(&site, &plan).await;
        assert!(ended.is_err());
        assert_eq!((site.memory.all()[&source(ROWS)].as_ref(), halves(&site).1), (&b"rows"[..], 3));
        if site.state().await == "interrupted" {
            interrupted(site.resume(&plan.id).await);
            assert_eq!(halves(&site).1, 3, "no delete for an unequal copy");
            site.step(&plan.id, Step::Undo).await.unwrap();
        }
        assert_eq!((site.memory.all()[&source(ROWS)].as_ref(), halves(&site).1), (&b"rows"[..], 3));
    }
    // A disk that lies below an equal tag shows where both are read.
    let site = Site::empty();
    site.memory.set_opaque_etags();
    site.memory.set_without_checksums(true);
    site::fill(&site.memory, 3, 0);
    let plan = site.plan().await;
    site.memory.meanwhile(Verb::CopyFrom, &source("_SUCCESS"), |m| m.corrupt(&target(ROWS)));
    let (why, _) = interrupted(applied(&site, &plan).await);
    assert!(why.contains("not equal"), "{why}");
    assert_eq!(halves(&site).1, 3);
    site.step(&plan.id, Step::Undo).await.unwrap();
    assert_eq!((halves(&site), site.state().await.as_str()), ((0, 3), "undone"));
}

/// No checksum and no digest: both are read from the first byte to the last.
#[tokio::test(start_paused = true)]
async fn fault_12_no_checksum() {
    let site = Site::empty();
    site.memory.set_in_parts(&source(ROWS), "rows", 3);
    site.memory.set(&source("_SUCCESS"), "");
    site.memory.set_without_checksums(true);
    let plan = site.plan().await;
    assert_eq!(plan.objects.iter().find(|o| o.key == source(ROWS)).unwrap().checksum, None);
    applied(&site, &plan).await.unwrap();
    let verified: Verified = json(&site.memory, &format!("_lakeward/moves/{}/verified.json", plan.id)).await.unwrap();
    let how: Vec<&str> = verified.objects.iter().map(|p| p.checksum.split(':').next().unwrap()).collect();
    assert_eq!(how, ["MD5", "SHA256"]);
}

/// Every size and every key: over 5 GiB, empty, odd characters, as long as S3 takes them and longer.
#[tokio::test(start_paused = true)]
async fn fault_13_sizes_and_keys() {
    let site = Site::empty();
    let odd =
        ["_SUCCESS", "a+b %20\u{fc}.parquet", "q?x=1&y=\"2\".parquet", "\u{1f600}/\u{202e}txt.parquet", "_SUCCESS.bak"];
    for name in odd {
        site.memory.set(&source(name), name);
    }
    site.memory.set(&source("empty.parquet"), "");
    site.memory.set_sparse(&source("huge.parquet"), "a few rows", 50 << 40);
    let long = "k".repeat(1024 - TARGET.len());
    site.memory.set(&source(&long), "as long as may be");
    let before = kept(&site.memory, SOURCE, Marks::None).await;
    let plan = site.plan().await;
    applied(&site, &plan).await.unwrap();
    assert_eq!(kept(&site.memory, TARGET, Marks::Of(&plan.id)).await, before);
    site.step(&plan.id, Step::Release).await.unwrap();
    assert_eq!(kept(&site.memory, SOURCE, Marks::None).await, before);
    site.memory.set(&source(&format!("{long}x")), "one too many");
    let plan = site.session("ana").plan_quarantine(ENTRY, &reason(), None, false, at(0)).await.unwrap();
    assert_eq!(plan.refused.iter().map(|r| r.code).collect::<Vec<_>>(), [RefusalCode::Store]);
}

/// A crash inside a copy in parts leaves an open upload: found and ended on restart.
#[tokio::test(start_paused = true)]
async fn fault_14_upload_left_open() {
    let site = Site::empty();
    site.memory.set_sparse(&source(ROWS), "rows", 6 << 30);
    let plan = site.plan().await;
    let open = |m: &Memory| m.open_uploads().iter().any(|key| key.starts_with(TARGET));
    let n = request_that(&site, &plan, open).await;
    with_fault(&site, &plan, n, Fault::KilledAfter).await;
    assert!(open(&site.memory) && halves(&site) == (0, 1));
    site.resume(&plan.id).await.unwrap();
    assert_eq!((site.memory.open_uploads().len(), halves(&site)), (0, (1, 0)));
    // One that fails while it lives ends its upload itself, and a lost begin leaves none in the end.
    for fault in [Fault::RequestLost, Fault::ReplyLost] {
        let site = Site::empty();
        site.memory.set_sparse(&source(ROWS), "rows", 6 << 30);
        let plan = site.plan().await;
        with_fault(&site, &plan, n, fault).await.unwrap().unwrap();
        assert_eq!((site.memory.open_uploads().len(), halves(&site)), (0, (1, 0)));
    }
}

/// The delete is denied, or what is to be deleted is locked: both copies are there, it is said, and no loop.
#[tokio::test(start_paused = true)]
async fn fault_15_delete_denied() {
    let locked = Placing { retain_until: Some(at(1_000_000)), ..Placing::default() };
    for lock in [None, Some(locked)] {
        let site = Site::with_entry();
        match &lock {
            Some(placing) => drop(site.memory.set_like(&source(ROWS), "rows", placing)),
            None => site.memory.deny(Verb::Delete, SOURCE),
        }
        let plan = site.plan().await;
        assert_eq!(plan.changes.iter().any(|c| c.what == "lock"), lock.is_some());
        let before = site.memory.counters().read().writes;
        let (why, hint) = interrupted(applied(&site, &plan).await);
        assert!(why.contains("copied and proven, and cannot be deleted"), "{why}");
        assert!(hint.contains("ask for the permission") && hint.contains("resume"), "{hint}");
        assert!(site.memory.counters().read().writes - before < 60, "no loop");
        assert_eq!(halves(&site).0, 3);
        assert!(site.memory.all().contains_key(&source(ROWS)));
        assert_eq!(site.state().await, "interrupted");
        interrupted(site.resume(&plan.id).await);
        site.memory.behave();
        if lock.is_some() {
            site.memory.set_like(&source(ROWS), "rows", &Placing::default()); // the lock is over
        }
        site.resume(&plan.id).await.unwrap();
        assert_eq!(halves(&site), (3, 0));
    }
}

/// The reply to a delete is lost and the retry finds nothing: gone, for its copy is proven and we asked for it.
#[tokio::test(start_paused = true)]
async fn fault_16_delete_reply_lost() {
    for bulk in [true, false] {
        let (site, plan) = planned().await;
        site.memory.ignore(Ignored { bulk_delete: !bulk, ..Ignored::default() });
        let n = request_that(&site, &plan, |m| !m.all().contains_key(&source(ROWS))).await;
        let outcome = with_fault(&site, &plan, n, Fault::ReplyLost).await.unwrap().unwrap();
        assert_eq!((outcome.needs_operator, halves(&site)), (false, (3, 0)), "{outcome:?}");

        let (site, plan) = planned().await;
        site.memory.ignore(Ignored { bulk_delete: !bulk, ..Ignored::default() });
        with_fault(&site, &plan, n, Fault::KilledAfter).await;
        let outcome = site.resume(&plan.id).await.unwrap();
        assert_eq!((outcome.needs_operator, halves(&site)), (false, (3, 0)), "{outcome:?}");
    }
}

/// A bulk delete answers 200, with an error for one key: that one is not gone.
#[tokio::test(start_paused = true)]
async fn fault_17_errors_inside_a_bulk_delete() {
    let site = Site::with_entry();
    for n in 0..5 {
        site.memory.set(&source(&format!("part-{n}.parquet")), format!("{n}"));
    }
    let plan = site.plan().await;
    site.memory.deny(Verb::Delete, &source("part-3"));
    let (why, _) = interrupted(applied(&site, &plan).await);
    assert!(why.contains("part-3.parquet"), "{why}");
    assert_eq!((site.below(SOURCE), halves(&site).0), (vec!["part-3.parquet".to_owned()], 8));
    // One that is throttled alone is asked for again alone.
    site.memory.behave();
    site.memory.fail(Verb::Delete, &source("part-3"), 0, 3, ErrorClass::Throttled);
    site.resume(&plan.id).await.unwrap();
    assert_eq!(halves(&site), (8, 0));
}

/// Where versions are kept a marker hides the source, and what lies behind it is as it was; an undo works.
#[tokio::test(start_paused = true)]
async fn fault_18_versions() {
    for versioning in [Versioning::On, Versioning::Suspended] {
        let site = Site::empty();
        site.memory.set_versioning(versioning);
        site.memory.set(&source(ROWS), "older rows");
        site::fill(&site.memory, 3, 0);
        let before = kept(&site.memory, SOURCE, Marks::None).await;
        let plan = site.plan().await;
        assert_eq!(plan.changes.iter().any(|c| c.what == "versions"), versioning == Versioning::On);
        applied(&site, &plan).await.unwrap();
        let history = site.memory.history(&source(ROWS));
        assert_eq!((halves(&site), history), ((3, 0), if versioning == Versioning::On { 3 } else { 1 }));
        site.step(&plan.id, Step::Undo).await.unwrap();
        assert_eq!(kept(&site.memory, SOURCE, Marks::None).await, before);
        // Another version than the planned one is another object, though its bytes are equal.
        let plan = site.plan().await;
        site.memory.set(&source(ROWS), "rows");
        let ended = applied(&site, &plan).await;
        assert!(ended.is_ok() || ended.as_ref().is_err_and(|e| !matches!(e, GateError::Lake(_))), "{ended:?}");
        assert!([(3, 0), (0, 3)].contains(&halves(&site)), "{:?}", halves(&site));
    }
}

/// The key of the target is denied: found out by the first copies, before anything is done; what copies will not keep
/// is said in the plan, and the rest is kept.
#[tokio::test(start_paused = true)]
async fn fault_19_denied_target_and_lost_attributes() {
    let (site, plan) = planned().await;
    site.memory.deny(Verb::Copy, TARGET);
    let ended = applied(&site, &plan).await;
    assert!(matches!(&ended, Err(GateError::Lake(e)) if e.class == ErrorClass::Denied), "{ended:?}");
    assert_eq!((halves(&site), site.state().await.as_str()), ((0, 3), ""));
    assert_eq!(site.session("ana").unfinished().await.unwrap(), []);
    let told: Vec<&str> = plan.changes.iter().map(|c| c.what.as_str()).collect();
    assert_eq!(told, ["modified", "acl"]);
    site.memory.behave();
    // What a plan cannot read of an object it does not move.
    site.memory.deny(Verb::Head, &source(ROWS));
    let plan = site.session("ana").plan_quarantine(ENTRY, &reason(), None, false, at(0)).await.unwrap();
    assert_eq!(plan.refused.iter().map(|r| r.code).collect::<Vec<_>>(), [RefusalCode::Denied]);
    // Metadata, tags, class and encryption: every test of crash_points.rs compares them.
}

/// A late writer while the move runs: what is new stops it before the first delete.
#[tokio::test(start_paused = true)]
async fn fault_20_late_writer() {
    let (site, plan) = planned().await;
    site.memory.meanwhile(Verb::CopyFrom, &source("_SUCCESS"), |m| drop(m.set(&source("part-9.parquet"), "late")));
    let (why, hint) = interrupted(applied(&site, &plan).await);
    assert!(why.contains("part-9.parquet is new") && hint.contains("none is deleted"), "{why}; {hint}");
    assert_eq!(halves(&site), (3, 4));
    let outcome = site.resume(&plan.id).await.unwrap();
    assert!(outcome.needs_operator && outcome.notes[0].contains("part-9.parquet"), "{outcome:?}");
    assert_eq!((halves(&site), site.below(SOURCE)), ((3, 1), vec!["part-9.parquet".to_owned()]));
}

/// Still being written: blocked, unless it is forced and said why.
#[tokio::test(start_paused = true)]
async fn fault_21_producer_at_work() {
    let site = Site::with_entry();
    site.memory.remove(&source("_SUCCESS"));
    let session = site.session("ana");
    let plan = |note: Option<&str>, even| session.plan_quarantine(ENTRY, &REASON, note.map(str::to_owned), even, at(0));
    static REASON: std::sync::LazyLock<lakeward::model::moves::ReasonCode> = std::sync::LazyLock::new(reason);
    for refused in [plan(None, false).await.unwrap(), plan(None, true).await.unwrap()] {
        assert_eq!(refusals(applied(&site, &refused).await), [RefusalCode::Incomplete]);
    }
    applied(&site, &plan(Some("its job was cancelled"), true).await.unwrap()).await.unwrap();
    assert_eq!(halves(&site), (2, 0));
}

/// A table, or a part of one: refused where tables of the lake are. (Dead letters that are tables: workflow.rs.)
#[tokio::test(start_paused = true)]
async fn fault_22_table() {
    let site = Site::empty();
    for key in
        ["silver/t/_delta_log/0.json", "silver/t/part-0", "gold/i/metadata/v1.metadata.json", "gold/i/data/part-0"]
    {
        site.memory.set(key, key);
    }
    for target in ["silver/t/", "gold/i/", "gold/i/data/"] {
        let plan = site.session("ana").plan_quarantine(target, &reason(), None, false, at(0)).await.unwrap();
        assert_eq!(refusals(applied(&site, &plan).await), [RefusalCode::Table], "{target}");
    }
    assert_eq!(site.memory.all().len(), 4);
}

/// kill -9 at every point is crash_points.rs; here: a journal torn at every byte, and a full disk.
#[tokio::test(start_paused = true)]
async fn fault_23_torn_journal_and_full_disk() {
    let (site, plan) = planned().await;
    let n = request_that(&site, &plan, |m| !m.all().contains_key(&source("_SUCCESS"))).await;
    with_fault(&site, &plan, n, Fault::KilledAfter).await;
    let name = format!("{}.jsonl", plan.id);
    let whole = std::fs::read(site.machine.path().join(&name)).unwrap();
    let cuts = (0..whole.len()).step_by(97).chain(whole.len() - 40..whole.len());
    for cut in cuts {
        let (memory, machine) = (site.memory.fork(), site::folder());
        std::fs::write(machine.path().join(&name), &whole[..cut]).unwrap();
        resume(&gate(Arc::new(memory.clone()), machine.path(), "ana", 30), &plan.id).await.unwrap();
        let journal = Journal::at(machine.path().to_owned());
        assert_eq!(journal.read(&plan.id).await.last(), Some(&JournalStep::Done), "{cut}");
        assert_eq!(journal.unfinished("s3://memory").await, []);
        assert!(!memory.all().keys().any(|k| k.starts_with(SOURCE)));
    }

    // A disk that is full takes no record: nothing is done.
    let (site, plan) = planned().await;
    std::os::unix::fs::symlink("/dev/full", site.machine.path().join(format!("{}.jsonl", plan.id))).unwrap();
    let error = applied(&site, &plan).await.unwrap_err();
    assert!(matches!(error, GateError::Journal { .. }) && error.to_string().contains("nothing was done"), "{error}");
    assert_eq!((halves(&site), site.state().await.as_str()), ((0, 3), ""));
}

/// Two operators: the loser is told who holds it. (A hundred times at once, and a holder who slept: two_operators.rs.)
#[tokio::test(start_paused = true)]
async fn fault_24_two_operators() {
    let (site, plan) = planned().await;
    let (memory, seen) = (site.memory.clone(), Arc::new(Mutex::new(None)));
    let told = Arc::clone(&seen);
    let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((30, Fault::Asleep))));
    let (first, machine) = (gate(lake.clone(), site.machine.path(), "ana", 0), site::folder());
    let other = async {
        lake.sleeps().await;
        let ben = gate(Arc::new(memory), machine.path(), "ben", 1);
        *told.lock().unwrap() = Some(apply(&ben, &plan).await);
        lake.go_on();
    };
    let (ana, ()) = tokio::join!(apply(&first, &plan), other);
    ana.unwrap();
    let ben = seen.lock().unwrap().take().unwrap().unwrap_err();
    assert!(matches!(&ben, GateError::Held { holder, .. } if holder == "ana@bastion"), "{ben}");
    assert_eq!(halves(&site), (3, 0));
}

/// Credentials run out in the middle, at any verb: it stops, says so, and goes on when they are renewed.
#[tokio::test(start_paused = true)]
async fn fault_25_credentials_expire() {
    let verbs = [
        (Verb::Copy, TARGET, 1),
        (Verb::List, TARGET, 1),
        (Verb::List, SOURCE, 1),
        (Verb::Get, "_lakeward/moves/", 1),
        (Verb::Put, "_lakeward/moves/", 1),
        (Verb::Put, "_lakeward/moves/", 2),
        (Verb::Put, TARGET, 0),
        (Verb::BulkDelete, SOURCE, 1),
        (Verb::Delete, SOURCE, 1),
    ];
    for (verb, prefix, after) in verbs {
        let (site, plan) = planned().await;
        site.memory.fail(verb, prefix, after, u32::MAX, ErrorClass::Expired);
        let ended = applied(&site, &plan).await;
        let error = ended.unwrap_err();
        assert!(
            error.to_string().contains("expired") || error.to_string().contains("as the test ordered"),
            "{verb:?} {error}"
        );
        let began = site.memory.all().contains_key(&format!("_lakeward/moves/{}/plan.json", plan.id));
        assert_eq!(matches!(error, GateError::Interrupted { .. }), began, "{verb:?} {prefix} {after}: {error}");
        site.memory.behave();
        site.resume(&plan.id).await.unwrap_or_else(|e| panic!("{verb:?} {prefix} {after}: {e}"));
        assert_eq!((halves(&site), site.state().await.as_str()), ((3, 0), "quarantined"), "{verb:?} {prefix} {after}");
    }
}

/// Archived objects must be restored before they can be copied: refused, with the way out.
#[tokio::test(start_paused = true)]
async fn fault_26_archived_class() {
    let site = Site::with_entry();
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        let cold = Placing { storage_class: Some(class.into()), ..Placing::default() };
        site.memory.set_like(&source("cold.parquet"), "cold", &cold);
        let plan = site.session("ana").plan_quarantine(ENTRY, &reason(), None, false, at(0)).await.unwrap();
        assert!(
            plan.refused[0].detail.contains(class) && plan.refused[0].detail.contains("restore"),
            "{:?}",
            plan.refused
        );
        assert_eq!(refusals(applied(&site, &plan).await), [RefusalCode::ArchivedClass]);
    }
    assert_eq!(halves(&site), (0, 4));
}

/// A store that throttles is asked less at once, and the progress says so.
#[tokio::test(start_paused = true)]
async fn fault_27_throttling() {
    let site = Site::with_entry();
    for n in 0..200 {
        site.memory.set(&source(&format!("part-{n:03}.parquet")), format!("{n}"));
    }
    let plan = site.plan().await;
    site.memory.fail(Verb::Copy, TARGET, 10, 20, ErrorClass::Throttled);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let watch = Watch::telling(move |p| told.lock().unwrap().push((p.at_once, p.throttled, p.objects)));
    let count = Some(Confirmation::Count(203));
    let gate = site.gate("ana").acting(site::actor("ana"), || at(0));
    gate.perform(WriteEffect::Move(Box::new(plan)), count, &watch).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().any(|(at_once, throttled, _)| *throttled && *at_once <= 8), "fewer at once, and visible");
    assert!(seen.iter().all(|(_, _, (done, all))| done <= all));
    assert_eq!(halves(&site), (203, 0));
}

/// A store that takes conditions and ignores them is found out before any copy; one whose conditions are enough is
/// used. Clocks that differ change nothing of what is told.
#[tokio::test(start_paused = true)]
async fn fault_28_ignored_conditions_and_skewed_clocks() {
    let unsafe_stores = [
        Ignored::ALL,
        Ignored { put: true, ..Ignored::default() },
        Ignored { delete: true, bulk_delete: true, ..Ignored::default() },
    ];
    for ignored in unsafe_stores {
        let (site, plan) = planned().await;
        site.memory.ignore(ignored);
        let codes = refusals(applied(&site, &plan).await);
        assert!(!codes.is_empty() && codes.iter().all(|c| *c == RefusalCode::Store), "{codes:?}");
        let records = site.below("_lakeward/moves/");
        assert_eq!((halves(&site), records.len()), ((0, 3), 0));
        assert_eq!(site.session("ana").unfinished().await.unwrap(), []);
    }
    let (site, plan) = planned().await;
    site.memory.ignore(Ignored::AS_MOTO);
    applied(&site, &plan).await.unwrap();
    assert_eq!(halves(&site), (3, 0));

    // Released by one whose clock is an hour late: it is released all the same, and can be taken back.
    let session = site.session("ana");
    let release = session.plan_step(&plan.id, Step::Release, None, Keep::default(), at(-60)).await.unwrap();
    let late: Gate = gate(site.lake(), site.machine.path(), "ben", -60);
    apply(&late, &release).await.unwrap();
    assert_eq!(site.state().await, "released");
    site.step(&plan.id, Step::Undo).await.unwrap();
    assert_eq!((site.state().await.as_str(), halves(&site)), ("quarantined", (3, 0)));
}

/// Twice the same: a dead letter that was moved or archived cannot be moved again, a plan is applied once, a step that
/// was done is not possible again. (Redrive has a ledger of its own; its test comes with it.)
#[tokio::test(start_paused = true)]
async fn fault_29_twice() {
    let (site, plan) = planned().await;
    applied(&site, &plan).await.unwrap();
    assert!(applied(&site, &plan).await.unwrap_err().is_refusal());
    let again = site.session("ana").plan_quarantine(ENTRY, &reason(), None, false, at(0)).await;
    assert!(matches!(&again, Err(GateError::Lake(e)) if e.class == ErrorClass::NotFound), "{again:?}");
    site.step(&plan.id, Step::Archive).await.unwrap();
    for step in [Step::Archive, Step::Release] {
        assert!(matches!(site.step(&plan.id, step).await, Err(GateError::Illegal(_))));
    }

    let site = Site::with_entry();
    let session = site.session("ana");
    let archive = session.plan_entry_archive(ENTRY, None, Keep::default(), at(0)).await.unwrap();
    let quarantine = site.plan().await;
    applied(&site, &archive).await.unwrap();
    assert!(matches!(applied(&site, &quarantine).await, Err(GateError::Changed(_))));
    let again = session.plan_entry_archive(ENTRY, None, Keep::default(), at(1)).await;
    assert!(matches!(&again, Err(GateError::Lake(e)) if e.class == ErrorClass::NotFound), "{again:?}");
    assert_eq!(halves(&site), (0, 0));
}

/// Cancelled at every word of its progress: it stops at a boundary, says what is where, and can be finished.
#[tokio::test(start_paused = true)]
async fn fault_30_cancelled_anywhere() {
    for after in 0.. {
        let (site, plan) = planned().await;
        let (told, watch) = (Arc::new(AtomicUsize::new(0)), Arc::new(OnceLock::<Watch>::new()));
        let (count, own) = (Arc::clone(&told), Arc::clone(&watch));
        let telling = Watch::telling(move |_| {
            if count.fetch_add(1, Ordering::SeqCst) == after {
                own.get().unwrap().stop();
            }
        });
        watch.set(telling.clone()).unwrap();
        let gate = site.gate("ana");
        let effect = WriteEffect::Move(Box::new(plan.clone()));
        let ended = gate.perform(effect, Some(Confirmation::Count(3)), &telling).await;
        match ended {
            Ok(_) if told.load(Ordering::SeqCst) <= after => {
                assert!(after > 8, "{after}");
                return;
            }
            Ok(_) => assert_eq!(halves(&site), (3, 0), "{after}"),
            Err(GateError::Interrupted { asked, hint, .. }) => {
                assert!(asked, "{after}");
                let (targets, sources) = halves(&site);
                assert!(targets + sources >= 3 && (sources == 3 || targets == 3), "{after}: {targets} {sources}");
                let nothing = hint.contains("nothing is left to resume");
                assert_eq!((targets == 0, site.state().await == "interrupted"), (nothing, !nothing), "{after}: {hint}");
                let outcome = site.resume(&plan.id).await.unwrap();
                let moved = if nothing { (0, 3) } else { (3, 0) };
                assert_eq!((outcome.objects, halves(&site)), (moved.0 as u64, moved), "{after}");
            }
            Err(error) => panic!("{after}: {error}"),
        }
    }
}
