//! Faults 15 to 30: deletes, versions, permissions, other writers and operators, time.

use super::{ROWS, applied, halves, interrupted, planned, refusals, request_that, source, with_fault};
use crate::moves::site::{self, ENTRY, Marks, SOURCE, Site, TARGET, apply, at, gate, kept, reason, resume};
use crate::support::memory::{Fault, Ignored, Stepped, Verb, Versioning};
use lakeward::lake::{ErrorClass, Lake, Placing};
use lakeward::model::moves::{RefusalCode, Step};
use lakeward::model::protection::Confirmation;
use lakeward::ops::gate::{Journal, JournalStep};
use lakeward::ops::{Gate, GateError, Keep, Watch, WriteEffect};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

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
