//! What the answers of S3 become in the port's words, and what it takes to get one. Faults are set on servers of
//! their own.

use lakeward::lake::s3::{S3Lake, S3Settings};
use lakeward::lake::{ByteRange, Condition, ErrorClass, Key, Lake, LakeWriter, ListRequest};

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
        lake.copy(&"_errors/open/a".into(), &etag, &shut, None).await.unwrap_err(),
        lake.copy(&shut, &etag, &"_errors/open/b".into(), None).await.unwrap_err(),
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
    // The SDK keeps one pace for all clients of a region in a process: a region of its own slows nobody else.
    let lake = S3Lake::connect(S3Settings { region: Some("eu-west-3".into()), ..server.anonymous(&bucket) });
    put_one(&lake, "a").await;
    // The SDK's adaptive pace is cut to a share of the rate so far: from a rest it would be a request in ten seconds.
    for _ in 0..400 {
        lake.get(&"a".into(), ByteRange::Whole, None).await.unwrap();
    }
    server.control("reset").await;
    server.control("throttle?count=2").await;
    lake.get(&"a".into(), ByteRange::Whole, None).await.unwrap();
    let statuses: Vec<_> = server.requests_of(&bucket).await.iter().map(|r| r.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)]);

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
