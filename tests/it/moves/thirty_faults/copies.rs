//! Faults 1 to 14: targets, copies and their proofs.

use super::{ROWS, applied, halves, interrupted, planned, refusals, request_that, source, target, with_fault};
use crate::moves::site::{self, ENTRY, Marks, SOURCE, Site, TARGET, at, json, kept, reason};
use crate::support::memory::{Fault, Memory, Verb};
use lakeward::lake::{Attributes, ErrorClass, Lake, Placing};
use lakeward::model::moves::{RefusalCode, Step};
use lakeward::ops::GateError;
use lakeward::ops::moves::Verified;

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
