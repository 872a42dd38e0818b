//! The part of the contract that copies and placed objects keep, in each way there is.

use bytes::Bytes;
use lakeward::lake::{Attributes, Condition, CopyRequest, CopyWay, ETag, ErrorClass, Key, Placing};

use super::{End, WAYS, class};

pub(super) async fn a_copy_has_equal_bytes(end: End) {
    let bytes: Bytes = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let source = "_errors/d/rows";
    let etag = end.write(source, bytes.clone()).await;
    for way in WAYS {
        let target = format!("_quarantine/d/deep/er/rows-{way:?}");
        let request = CopyRequest::new(source, etag.clone(), bytes.len() as u64, target.as_str()).by(way);
        let written = end.lake.copy(&request).await.unwrap_or_else(|e| panic!("{way:?}: {e}"));
        let seen = end.lake.inspect(&target.as_str().into()).await.unwrap();
        assert_eq!((&seen.meta.etag, seen.meta.size), (&written.etag, bytes.len() as u64), "{way:?}");
        if let Some(checksum) = written.checksum {
            assert_eq!(seen.checksum, Some(checksum), "{way:?}");
        }
        assert!(end.read(&target).await.unwrap() == bytes, "{way:?}");
        assert!(end.read(source).await.unwrap() == bytes, "{way:?}");
        let missing = end.copy(&CopyRequest { source: "no/such".into(), ..request }).await;
        assert_eq!(missing, Err(ErrorClass::NotFound), "{way:?}");
    }
}

pub(super) async fn a_copy_keeps_its_conditions_in_each_way(end: End) {
    let etag = end.write("s", "bytes").await;
    for way in WAYS {
        let (pinned, conditional) = end.keeps(way);
        let target = format!("t-{way:?}");
        let request = CopyRequest::new("s", etag.clone(), 5, target.as_str()).by(way);
        let stale = CopyRequest { source_etag: ETag("other".into()), ..request.clone() };
        if pinned {
            assert_eq!(end.copy(&stale).await, Err(ErrorClass::Conflict), "{way:?}");
            assert_eq!(end.copy(&stale.only_if(Condition::Absent)).await, Err(ErrorClass::Conflict), "{way:?}");
            assert_eq!(end.read(&target).await, Err(ErrorClass::NotFound), "{way:?}");
        }
        let absent = request.only_if(Condition::Absent);
        let copied = end.copy(&absent).await.unwrap();
        if conditional {
            end.write(&target, "theirs").await;
            assert_eq!(end.copy(&absent).await, Err(ErrorClass::Conflict), "{way:?}");
            assert_eq!(end.read(&target).await.unwrap(), "theirs", "{way:?}");
        }
        // moto keeps no If-Match where a copy is completed.
        if pinned && conditional {
            let old = CopyRequest { condition: Some(Condition::Matches(copied)), ..absent.clone() };
            assert_eq!(end.copy(&old).await, Err(ErrorClass::Conflict), "{way:?}");
            let theirs = end.lake.head(&target.as_str().into()).await.unwrap().etag;
            end.copy(&absent.only_if(Condition::Matches(theirs))).await.unwrap();
            assert_eq!(end.read(&target).await.unwrap(), "bytes", "{way:?}");
        }
    }
}

fn attributes(content_type: &str, user: &[(&str, &str)]) -> Attributes {
    Attributes {
        content_type: Some(content_type.into()),
        content_encoding: Some("gzip".into()),
        content_disposition: Some("attachment; filename=\"rows.json\"".into()),
        content_language: Some("en".into()),
        cache_control: Some("no-store".into()),
        expires: Some("Thu, 01 Dec 2033 16:00:00 GMT".into()),
        user: user.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn tags(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(super) async fn an_object_is_as_it_was_placed(end: End) {
    let modified = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let placing = Placing {
        attributes: attributes("application/json", &[("origin", "spark job 7"), ("run-id", "a=b&c")]),
        tags: Some(tags(&[("team", "data eng"), ("pii", "yes")])),
        modified: Some(modified),
        ..Placing::default()
    };
    let key = Key::from("placed");
    let written = end.lake.put_with(&key, "{}".into(), Some(Condition::Absent), &placing).await.unwrap();
    let again = end.lake.put_with(&key, "[]".into(), Some(Condition::Absent), &placing).await.map_err(class);
    assert_eq!(again, Err(ErrorClass::Conflict));
    let seen = end.lake.inspect(&key).await.unwrap();
    assert_eq!(seen.meta, end.lake.head(&key).await.unwrap());
    assert_eq!((&seen.meta.etag, seen.meta.size), (&written.etag, 2));
    assert!(seen.version.is_none() && written.version.is_none() && seen.lock.is_none() && !seen.restored, "{seen:?}");
    if end.can.keeps_metadata {
        assert_eq!(seen.attributes, placing.attributes);
        assert_eq!(seen.tags, 2);
        let mut found = end.lake.tags(&key, None).await.unwrap();
        found.sort_unstable();
        assert_eq!(found, tags(&[("pii", "yes"), ("team", "data eng")]));
        assert!(seen.checksum.is_some() && seen.checksum == written.checksum, "{seen:?} {written:?}");
    } else {
        assert_eq!((seen.attributes, seen.tags, seen.checksum), (Attributes::default(), 0, None));
        assert!(end.lake.tags(&key, None).await.unwrap().is_empty());
        assert_eq!(seen.meta.modified, modified, "a folder keeps the time");
    }
    let missing = Key::from("missing");
    assert_eq!(end.lake.inspect(&missing).await.map_err(class), Err(ErrorClass::NotFound));
    assert_eq!(end.lake.tags(&missing, None).await.map_err(class), Err(ErrorClass::NotFound));
}

pub(super) async fn a_copy_carries_along_what_nothing_was_said_of(end: End) {
    let modified = chrono::DateTime::from_timestamp(1_700_000_000, 5_000_000).unwrap();
    let of_source = Placing {
        attributes: attributes("text/csv", &[("origin", "theirs")]),
        tags: Some(tags(&[("team", "sales")])),
        ..Placing::default()
    };
    let etag = end.lake.put_with(&"s".into(), "a,b".into(), None, &of_source).await.unwrap().etag;
    let ours = Placing {
        attributes: attributes("text/plain", &[("lakeward-move", "7")]),
        modified: Some(modified),
        ..Placing::default()
    };
    let tagged = Placing { tags: Some(tags(&[("state", "quarantined")])), ..ours.clone() };
    let bare = Placing { tags: Some(Vec::new()), ..ours.clone() };
    let from_source = of_source.tags.clone().unwrap();
    let table = [
        (None, &of_source.attributes, from_source.clone()),
        (Some(&ours), &ours.attributes, from_source),
        (Some(&tagged), &ours.attributes, tagged.tags.clone().unwrap()),
        (Some(&bare), &ours.attributes, Vec::new()),
    ];
    for way in WAYS {
        for (n, (placing, attributes, tags)) in table.iter().enumerate() {
            let target = Key(format!("t/{way:?}/{n}"));
            let plain = CopyRequest::new("s", etag.clone(), 3, target.clone()).by(way);
            let request = CopyRequest { placing: placing.cloned(), ..plain };
            end.copy(&request).await.unwrap_or_else(|e| panic!("{way:?} {n}: {e:?}"));
            assert_eq!(end.read(target.as_str()).await.unwrap(), "a,b");
            let seen = end.lake.inspect(&target).await.unwrap();
            if end.can.keeps_metadata {
                assert_eq!(&seen.attributes, *attributes, "{way:?} {n}");
                assert_eq!(&end.lake.tags(&target, None).await.unwrap(), tags, "{way:?} {n}");
                assert_eq!(seen.tags as usize, tags.len(), "{way:?} {n}");
            } else {
                assert_eq!(seen.meta.modified == modified, placing.is_some(), "{way:?} {n}");
            }
        }
    }
}

pub(super) async fn a_copy_of_nothing_and_a_copy_onto_itself(end: End) {
    let etag = end.write("d/_SUCCESS", "").await;
    for way in [CopyWay::Server, CopyWay::Through] {
        let target = format!("q/{way:?}");
        end.copy(&CopyRequest::new("d/_SUCCESS", etag.clone(), 0, target.as_str()).by(way)).await.unwrap();
        assert_eq!(end.read(&target).await.unwrap(), "");
    }
    for way in WAYS {
        let onto_itself = CopyRequest::new("d/_SUCCESS", etag.clone(), 0, "d/_SUCCESS").by(way);
        assert_eq!(end.copy(&onto_itself).await, Err(ErrorClass::Malformed), "{way:?}");
    }
    assert_eq!(end.read("d/_SUCCESS").await.unwrap(), "");
}
