//! What the in-memory S3 does beyond the contract: versions, archives, locks, and every fault a test can order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use lakeward::lake::{
    ByteRange, Capabilities, Condition, CopyRequest, CopyWay, ErrorClass, Key, Lake, LakeWriter, Placing, capability,
};

use crate::lake_contract::class;
use crate::support::memory::{Fault, Ignored, Memory, Stepped, Verb, Versioning};

fn class_of<T: std::fmt::Debug>(answer: Result<T, lakeward::lake::LakeError>) -> ErrorClass {
    class(answer.unwrap_err())
}

#[tokio::test]
async fn equal_bytes_have_equal_tags_unless_a_key_hides_them() {
    let lake = Memory::default();
    assert_eq!(lake.set("a", "x"), lake.set("b", "x"));
    assert_ne!(lake.set("a", "x"), lake.set_in_parts("b", "x", 3));
    assert!(lake.inspect(&"b".into()).await.unwrap().checksum.is_none());
    lake.set_opaque_etags();
    assert_ne!(lake.set("a", "x"), lake.set("b", "x"));
    let checksum = async |key: &str| lake.inspect(&key.into()).await.unwrap().checksum;
    assert!(checksum("a").await.is_some() && checksum("a").await == checksum("b").await);
    lake.set_without_checksums(true);
    lake.set("a", "x");
    assert_eq!(checksum("a").await, None);
}

#[tokio::test]
async fn versions_stay_behind_a_marker() {
    let lake = Memory::default();
    let before = lake.set("a", "before");
    lake.set_versioning(Versioning::On);
    let etag = lake.put(&"a".into(), "first".into(), Some(Condition::Matches(before))).await.unwrap();
    let version = lake.inspect(&"a".into()).await.unwrap().version.unwrap();
    lake.set("a", "second");
    assert_eq!(lake.history("a"), 3);
    let old = CopyRequest { source_version: Some(version.clone()), ..CopyRequest::new("a", etag, 5, "old") };
    lake.copy(&old).await.unwrap();
    assert_eq!(lake.all()["old"], "first");
    assert!(lake.tags(&"a".into(), Some(&version)).await.unwrap().is_empty());

    lake.delete(&"a".into(), None).await.unwrap();
    assert!(!lake.all().contains_key("a"));
    lake.set_versioning(Versioning::Suspended);
    lake.delete(&"a".into(), None).await.unwrap();
    lake.delete(&"a".into(), None).await.unwrap();
    // The version from before there were any was `null`, as the last marker is.
    assert_eq!(lake.history("a"), 4);
    assert!(lake.remove_marker("a") && lake.remove_marker("a") && !lake.remove_marker("a"));
    assert_eq!(lake.all()["a"], "second");
}

#[tokio::test]
async fn archived_objects_cannot_be_read_and_locked_ones_not_deleted() {
    let lake = Memory::default();
    let cold = Placing { storage_class: Some("GLACIER".into()), ..Placing::default() };
    let etag = lake.put_with(&"cold".into(), "x".into(), None, &cold).await.unwrap().etag;
    let copy = CopyRequest::new("cold", etag, 1, "copy");
    assert_eq!(class_of(lake.get(&"cold".into(), ByteRange::Whole, None).await), ErrorClass::Unsupported);
    assert_eq!(class_of(lake.copy(&copy).await), ErrorClass::Unsupported);
    lake.set_restored("cold", true);
    lake.copy(&copy).await.unwrap();
    assert!(lake.inspect(&"cold".into()).await.unwrap().restored);

    let locked = Placing { retain_until: chrono::DateTime::from_timestamp(2_000_000_000, 0), ..Placing::default() };
    lake.put_with(&"locked".into(), "x".into(), None, &locked).await.unwrap();
    assert!(lake.inspect(&"locked".into()).await.unwrap().lock.is_some());
    assert_eq!(class_of(lake.delete(&"locked".into(), None).await), ErrorClass::Denied);
    lake.set_versioning(Versioning::On);
    lake.delete(&"locked".into(), None).await.expect("a marker hides it");
}

#[tokio::test]
async fn metadata_has_the_bounds_of_headers() {
    let lake = Memory::default();
    let placing = |name: &str, value: String| {
        let mut placing = Placing::default();
        placing.attributes.user.insert(name.into(), value);
        placing
    };
    let etag = lake.set("a", "x");
    for (placing, want) in [
        (placing("key", "\u{e9}".into()), ErrorClass::Unsupported),
        (placing("key", "k".repeat(2046)), ErrorClass::Malformed),
        (Placing { tags: Some(vec![Default::default(); 11]), ..Placing::default() }, ErrorClass::Malformed),
    ] {
        assert_eq!(class_of(lake.put_with(&"b".into(), "x".into(), None, &placing).await), want);
        assert_eq!(class_of(lake.copy(&CopyRequest::new("a", etag.clone(), 1, "b").placed(placing)).await), want);
    }
    lake.put_with(&"b".into(), "x".into(), None, &placing("key", "k".repeat(2045))).await.unwrap();
}

#[tokio::test]
async fn faults_meet_those_they_are_meant_for() {
    let lake = Memory::default();
    let objects: Vec<_> = ["shut/a", "open/b"].map(|key| (Key::from(key), lake.set(key, "x"))).into();
    lake.deny(Verb::Delete, "shut/");
    let answers: Vec<_> = lake.delete_all(&objects).await.into_iter().map(|a| a.map_err(class)).collect();
    assert_eq!(answers, [Err(ErrorClass::Denied), Ok(())]);
    lake.fail(Verb::BulkDelete, "", 0, 1, ErrorClass::Throttled);
    assert_eq!(class_of(lake.delete_all(&objects[..1]).await.remove(0)), ErrorClass::Throttled);

    let (key, etag) = objects[0].clone();
    let copy = CopyRequest::new(key.clone(), etag, 1, "q/a");
    for (verb, prefix) in [(Verb::Copy, "q/"), (Verb::CopyFrom, "shut/")] {
        lake.behave();
        lake.fail(verb, prefix, 1, 1, ErrorClass::Unreachable);
        lake.copy(&copy).await.unwrap();
        assert_eq!(class_of(lake.copy(&copy).await), ErrorClass::Unreachable);
        lake.copy(&copy).await.unwrap();
    }
    for verb in [Verb::List, Verb::Get, Verb::Head, Verb::Tags, Verb::Put, Verb::AbandonUploads] {
        lake.deny(verb, "");
    }
    assert_eq!(class_of(lake.list(&Default::default()).await), ErrorClass::Denied);
    assert_eq!(class_of(lake.get(&key, ByteRange::Whole, None).await), ErrorClass::Denied);
    assert_eq!(class_of(lake.head(&key).await), ErrorClass::Denied);
    assert_eq!(class_of(lake.tags(&key, None).await), ErrorClass::Denied);
    assert_eq!(class_of(lake.put(&key, "x".into(), None).await), ErrorClass::Denied);
    assert_eq!(class_of(lake.abandon_uploads("").await), ErrorClass::Denied);
    lake.behave();
    lake.begin_upload("q/a");
    assert_eq!(lake.abandon_uploads("q/").await.unwrap(), 1);
}

#[tokio::test]
async fn what_others_do_meanwhile_is_met_and_seen() {
    let lake = Memory::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    lake.watch(move |all| noted.lock().unwrap().push(all.keys().cloned().collect::<String>()));
    let etag = lake.set("a", "mine");
    lake.meanwhile(Verb::Delete, "a", |lake| drop(lake.set("a", "theirs")));
    assert_eq!(class_of(lake.delete(&"a".into(), Some(&etag)).await), ErrorClass::Conflict);
    lake.meanwhile(Verb::CopyFrom, "a", |lake| lake.remove("a"));
    let gone = lake.copy(&CopyRequest::new("a", etag.clone(), 4, "b")).await;
    assert_eq!(class_of(gone), ErrorClass::NotFound);
    lake.set("b", "kept");
    lake.corrupt("b");
    assert_eq!(lake.all()["b"], "kepu");
    assert_eq!(seen.lock().unwrap().as_slice(), ["a", "a", "a", "", "", "b", "b"]);
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_found_out() {
    let lake = Memory::default();
    lake.ignore(Ignored::AS_MOTO);
    let found = capability::probe(&lake, "p/").await.unwrap();
    let moto = Capabilities {
        conditional_put: true,
        conditional_delete: true,
        conditional_completion: true,
        keeps_metadata: true,
        ..Capabilities::default()
    };
    assert_eq!(found, moto);
    lake.ignore(Ignored::ALL);
    let found = capability::probe(&lake, "p/").await.unwrap();
    assert_eq!(found, Capabilities { keeps_metadata: true, ..Capabilities::default() });
    assert!(lake.all().is_empty());
    lake.behave();
    for verb in [Verb::Put, Verb::Copy] {
        lake.fail(verb, "", 0, u32::MAX, ErrorClass::Unsupported);
        let found = capability::probe(&lake, "p/").await;
        match verb {
            Verb::Put => assert_eq!(class_of(found), ErrorClass::Unsupported),
            _ => assert_eq!(found.unwrap().way_for(1), Some(CopyWay::Through)),
        }
        lake.behave();
    }
    // What says nothing of the store is no verdict on it, and leaves nothing behind.
    for nth in 0..6 {
        lake.fail(Verb::Copy, "", nth, 1, ErrorClass::Denied);
        assert_eq!(class_of(capability::probe(&lake, "p/").await), ErrorClass::Denied, "{nth}");
        assert!(lake.all().is_empty());
        lake.behave();
    }
}

/// A small move, done by hand: every fault at every request leaves what it should.
#[tokio::test]
async fn each_request_can_be_lost_answered_in_vain_or_the_last() {
    let run = async |fault| {
        let memory = Memory::default();
        let etag = memory.set("a", "x");
        let lake = Stepped::new(Arc::new(memory.clone()), fault);
        let work = async {
            let seen = lake.inspect(&"a".into()).await?;
            lake.copy(&CopyRequest::new("a", etag.clone(), 1, "q").by(CopyWay::Multipart)).await?;
            lake.get(&"q".into(), ByteRange::Whole, Some(&lake.head(&"q".into()).await?.etag)).await?;
            lake.delete_all(&[("a".into(), seen.meta.etag)]).await.remove(0)
        };
        let done = tokio::select! {
            done = work => Some(done.map_err(class)),
            () = lake.killed() => None,
        };
        if done.is_none() {
            assert!(lake.list(&Default::default()).now_or_never().is_none(), "nothing answers any more");
        }
        (memory.all().into_keys().collect::<String>(), memory.open_uploads().len(), done, lake.requests())
    };
    assert_eq!(run(None).await, ("q".into(), 0, Some(Ok(())), 6));
    let lost = Some(Err(ErrorClass::Unreachable));
    // inspect, begin, copy and complete, head, get, bulk delete
    let not_done = [("a", 0), ("a", 0), ("a", 0), ("aq", 0), ("aq", 0), ("aq", 0)];
    let done = [("a", 0), ("a", 1), ("aq", 0), ("aq", 0), ("aq", 0), ("q", 0)];
    for n in 0..6 {
        let (before, after) = (not_done[n], done[n]);
        let open = usize::from(n == 2); // begun, and killed before its end
        let want = |(keys, uploads): (&str, usize), answer| (keys.to_owned(), uploads, answer, n + 1);
        assert_eq!(run(Some((n, Fault::RequestLost))).await, want(before, lost), "{n}");
        assert_eq!(run(Some((n, Fault::ReplyLost))).await, want(after, lost), "{n}");
        assert_eq!(run(Some((n, Fault::KilledBefore))).await, want((before.0, open), None), "{n}");
        assert_eq!(run(Some((n, Fault::KilledAfter))).await, want(after, None), "{n}");
    }
}

#[tokio::test]
async fn a_watcher_is_told_while_nobody_else_can_change_a_thing() {
    let lake = Memory::default();
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    lake.watch(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    lake.put(&"a".into(), "x".into(), Some(Condition::Absent)).await.unwrap();
    lake.put(&"a".into(), "x".into(), Some(Condition::Absent)).await.unwrap_err();
    lake.delete(&"a".into(), None).await.unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 3, "after each write, refused or not");
}
