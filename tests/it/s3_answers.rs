//! What the answers of S3 become in the port's words, and what it takes to get one. Faults are set on servers of
//! their own.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lakeward::lake::s3::S3Lake;
use lakeward::lake::{
    ByteRange, Condition, CopyRequest, CopyWay, ErrorClass, Key, Lake, LakeWriter, ListRequest, Placing,
};

use crate::lake_contract::class;
use crate::support::s3_server;

async fn put_one(lake: &S3Lake, key: &str) {
    lake.put(&key.into(), "x".into(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_prefix_is_denied_and_the_rest_is_not() {
    let server = s3_server::Server::start();
    let lake = S3Lake::connect(server.anonymous(&server.bucket().await));
    for key in ["_errors/open/a", "_errors/shut/a"] {
        put_one(&lake, key).await;
    }
    let page = lake.list(&ListRequest::default()).await.unwrap();
    let etag = page.objects.first().unwrap().etag.clone();
    server.control("deny?prefix=_errors/shut/&list=1").await;
    let shut = Key::from("_errors/shut/a");
    let list = lake.list(&ListRequest { prefix: "_errors/shut/".into(), ..ListRequest::default() }).await;
    let errors = [
        lake.get(&shut, ByteRange::Whole, None).await.unwrap_err(),
        lake.get(&shut, ByteRange::Suffix(0), None).await.unwrap_err(),
        lake.head(&shut).await.unwrap_err(),
        lake.put(&shut, "y".into(), Some(Condition::Absent)).await.unwrap_err(),
        lake.delete(&shut, None).await.unwrap_err(),
        lake.copy(&CopyRequest::new("_errors/open/a", etag.clone(), 1, shut.clone())).await.unwrap_err(),
        lake.copy(&CopyRequest::new(shut.clone(), etag.clone(), 1, "_errors/open/b")).await.unwrap_err(),
        lake.delete_all(&[(shut.clone(), etag)]).await.remove(0).unwrap_err(),
        list.unwrap_err(),
    ];
    for error in errors {
        assert!(error.hint.contains("s3:"), "the permission is named: {error:?}");
        assert_eq!(class(error), ErrorClass::Denied);
    }
    lake.get(&"_errors/open/a".into(), ByteRange::Whole, None).await.unwrap();
    lake.list(&ListRequest { prefix: "_errors/open/".into(), ..ListRequest::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_throttles_is_asked_again_and_not_for_ever() {
    let server = s3_server::Server::start();
    let bucket = server.bucket().await;
    let lake = S3Lake::connect(server.anonymous(&bucket));
    put_one(&lake, "a").await;
    server.control("reset").await;
    server.control("throttle?count=2").await;
    let began = Instant::now();
    lake.get(&"a".into(), ByteRange::Whole, None).await.unwrap();
    let statuses: Vec<_> = server.requests_of(&bucket).await.iter().map(|r| r.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
    assert!(began.elapsed() < Duration::from_secs(2), "from a rest, too: {:?}", began.elapsed());

    server.control("throttle?count=1000").await;
    let error = lake.get(&"a".into(), ByteRange::Whole, None).await.unwrap_err();
    assert_eq!(class(error), ErrorClass::Throttled);
    server.control("throttle?count=0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_not_found() {
    let lake = S3Lake::connect(s3_server::shared().anonymous("no-such-bucket"));
    let listing = lake.list(&ListRequest::default()).await.unwrap_err();
    assert!(listing.detail.contains("NoSuchBucket") && listing.object.contains("no-such-bucket"), "{listing:?}");
    assert_eq!(class(listing), ErrorClass::NotFound);
    assert_eq!(class(lake.get(&"a".into(), ByteRange::Whole, None).await.unwrap_err()), ErrorClass::NotFound);
    assert_eq!(class(lake.head(&"a".into()).await.unwrap_err()), ErrorClass::NotFound);
    assert_eq!(class(lake.put(&"a".into(), "x".into(), None).await.unwrap_err()), ErrorClass::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_and_a_name_nobody_knows_are_unreachable() {
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for endpoint in [format!("http://127.0.0.1:{port}"), "http://lakeward.invalid:9".to_owned()] {
        let lake = S3Lake::connect(s3_server::anonymous(&endpoint, "b"));
        let error = lake.list(&ListRequest::default()).await.unwrap_err();
        assert_eq!(class(error), ErrorClass::Unreachable, "{endpoint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_sends_nothing() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    let before = server.requests_of(&bucket).await.len();
    let lake = S3Lake::connect(server.anonymous(&bucket));
    assert_eq!(lake.url(), format!("s3://{bucket}"));
    assert_eq!(server.requests_of(&bucket).await.len(), before);
    lake.list(&ListRequest::default()).await.unwrap();
    assert_eq!(server.requests_of(&bucket).await.len(), before + 1, "one listing is one request");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_are_denied_are_told_key_by_key() {
    let server = s3_server::Server::start();
    let lake = S3Lake::connect(server.anonymous(&server.bucket().await));
    let mut objects = Vec::new();
    for key in ["open/a", "shut/<b>", "open/c"] {
        objects.push((Key::from(key), lake.put(&key.into(), key.into(), None).await.unwrap()));
    }
    server.control("deny?prefix=shut/&only=delete").await;
    let answers: Vec<_> = lake.delete_all(&objects).await.into_iter().map(|a| a.map_err(class)).collect();
    assert_eq!(answers, [Ok(()), Err(ErrorClass::Denied), Ok(())]);
    let (key, etag) = &objects[1];
    assert_eq!(lake.delete(key, Some(etag)).await.map_err(class), Err(ErrorClass::Denied));
    let alone = lake.delete_all(&objects[1..2]).await.remove(0).unwrap_err();
    assert_eq!(alone.object, lake.uri("shut/<b>"));
    assert!(alone.hint.contains("s3:DeleteObject"), "{alone:?}");
    lake.copy(&CopyRequest::new(key.clone(), etag.clone(), 8, "shut/copy")).await.expect("only deletes are denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_meets_another_is_sent_again_under_its_condition_and_not_for_ever() {
    let server = s3_server::Server::start();
    let bucket = server.bucket().await;
    let lake = S3Lake::connect(server.anonymous(&bucket));
    let etag = lake.put(&"a".into(), "x".into(), None).await.unwrap();
    let absent = CopyRequest::new("a", etag.clone(), 1, "b").only_if(Condition::Absent);
    for (n, way) in [CopyWay::Server, CopyWay::Through, CopyWay::Multipart].into_iter().enumerate() {
        let copy = CopyRequest { target: format!("b{n}").into(), ..absent.clone() }.by(way);
        // The read of a copy through this process is conditional too, and is not sent again for a 409.
        let races = if way == CopyWay::Through { 0 } else { 3 };
        server.control(&format!("race?count={races}")).await;
        lake.copy(&copy).await.unwrap_or_else(|e| panic!("{way:?}: {e}"));
        assert_eq!(lake.abandon_uploads("").await.unwrap(), 0, "{way:?}");
    }
    server.control("race?count=3").await;
    lake.put(&"c".into(), "x".into(), Some(Condition::Absent)).await.unwrap();
    server.control("race?count=3").await;
    lake.delete(&"c".into(), Some(&etag)).await.unwrap();

    server.control("race?count=1000").await;
    let before = server.requests_of(&bucket).await.len();
    let never = lake.put(&"d".into(), "x".into(), Some(Condition::Absent)).await.unwrap_err();
    assert_eq!(class(never), ErrorClass::Conflict);
    assert_eq!(server.requests_of(&bucket).await.len() - before, 4);
    server.control("race?count=0").await;
    assert_eq!(lake.head(&"d".into()).await.map_err(class), Err(ErrorClass::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_was_lost_meets_itself() {
    let server = s3_server::Server::start();
    let lake = S3Lake::connect(server.anonymous(&server.bucket().await));
    server.control("lose?count=1&method=PUT").await;
    let put = lake.put(&"a".into(), "x".into(), Some(Condition::Absent)).await;
    assert_eq!(put.map_err(class), Err(ErrorClass::Conflict), "sent again, it finds itself");
    let etag = lake.head(&"a".into()).await.unwrap().etag;
    server.control("lose?count=1&method=DELETE").await;
    let deleted = lake.delete(&"a".into(), Some(&etag)).await;
    assert_eq!(deleted.map_err(class), Err(ErrorClass::NotFound), "sent again, it finds nothing");

    server.control("lose?count=4").await;
    let never = lake.put(&"b".into(), "x".into(), None).await;
    assert_eq!(never.map_err(class), Err(ErrorClass::Unreachable));
    assert_eq!(lake.get(&"b".into(), ByteRange::Whole, None).await.unwrap().bytes, "x", "and yet it was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_uploads_are_found_and_ended() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    for key in ["q/a b/1", "q/2", "other/3"] {
        server.begin_upload(&bucket, key);
    }
    let lake = S3Lake::connect(server.anonymous(&bucket));
    assert_eq!(lake.abandon_uploads("q/").await.unwrap(), 2);
    assert_eq!(lake.abandon_uploads("q/").await.unwrap(), 0);
    assert_eq!(lake.abandon_uploads("").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_copied_in_parts() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    let size = (64 << 20) + 7;
    let bytes: Vec<u8> = (0..size).map(|n| (n >> 10) as u8).collect();
    server.fill(&bucket, "rows", &bytes);
    let lake = S3Lake::connect(server.anonymous(&bucket));
    let etag = lake.head(&"rows".into()).await.unwrap().etag;
    let request = CopyRequest::new("rows", etag, size as u64, "copy").by(CopyWay::Multipart);
    let written = lake.copy(&request.only_if(Condition::Absent)).await.unwrap();
    assert!(written.etag.0.ends_with("-2"), "{written:?}");
    let tail = lake.get(&"copy".into(), ByteRange::Suffix(1 << 20), Some(&written.etag)).await.unwrap();
    assert_eq!(tail.size, size as u64);
    assert!(tail.bytes == Bytes::copy_from_slice(&bytes[size - (1 << 20)..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_told_and_copied() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    server.keep_versions(&bucket);
    let lake = S3Lake::connect(server.anonymous(&bucket));
    let first = lake.put_with(&"a".into(), "first".into(), None, &tagged("1")).await.unwrap();
    let second = lake.put_with(&"a".into(), "second".into(), None, &tagged("2")).await.unwrap();
    assert!(first.version.is_some() && first.version != second.version, "{first:?} {second:?}");
    assert_eq!(lake.inspect(&"a".into()).await.unwrap().version, second.version);
    assert_eq!(lake.tags(&"a".into(), first.version.as_deref()).await.unwrap(), tagged("1").tags.unwrap());
    for way in [CopyWay::Server, CopyWay::Multipart, CopyWay::Through] {
        let target = format!("{way:?}");
        let copy = CopyRequest::new("a", first.etag.clone(), 5, target.as_str()).by(way);
        let written = lake.copy(&CopyRequest { source_version: first.version.clone(), ..copy }).await.unwrap();
        assert!(written.version.is_some(), "{way:?}");
        assert_eq!(lake.get(&target.as_str().into(), ByteRange::Whole, None).await.unwrap().bytes, "first", "{way:?}");
        assert_eq!(lake.tags(&target.as_str().into(), None).await.unwrap(), tagged("1").tags.unwrap(), "{way:?}");
    }
    lake.delete(&"a".into(), Some(&second.etag)).await.unwrap();
    assert_eq!(lake.head(&"a".into()).await.map_err(class), Err(ErrorClass::NotFound));
    assert_eq!(lake.tags(&"a".into(), first.version.as_deref()).await.unwrap().len(), 1, "behind a marker");
}

fn tagged(n: &str) -> Placing {
    Placing { tags: Some(vec![("n".into(), n.into())]), ..Placing::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_object_is_told_and_not_copied() {
    let server = s3_server::shared();
    let lake = S3Lake::connect(server.anonymous(&server.bucket().await));
    let cold = Placing { storage_class: Some("GLACIER".into()), ..Placing::default() };
    let etag = lake.put_with(&"cold".into(), "x".into(), None, &cold).await.unwrap().etag;
    let seen = lake.inspect(&"cold".into()).await.unwrap();
    assert_eq!((seen.meta.storage_class.as_deref(), seen.restored), (Some("GLACIER"), false));
    for way in [CopyWay::Server, CopyWay::Through] {
        let error = lake.copy(&CopyRequest::new("cold", etag.clone(), 1, "copy").by(way)).await.unwrap_err();
        assert!(error.hint.contains("restore"), "{way:?}: {error:?}");
        assert_eq!(class(error), ErrorClass::Unsupported);
    }
}
