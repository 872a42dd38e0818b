//! Logs in a bucket of a real S3 server.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lakeward::lake::ErrorClass;
use lakeward::model::run::LogPlace;
use lakeward::sources::logs::{LogQuery, LogSource};
use lakeward::sources::s3_logs::S3Logs;

use crate::support::s3_server;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Words that do not shrink to nothing.
fn numbered(lines: usize) -> String {
    (0..lines)
        .map(|n| format!("26/11/22 02:03:01 INFO x: {:016x} {n}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_read_in_ranges_and_followed() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    let below = "emr/applications/a/jobs/r/SPARK_DRIVER";
    let text = numbered(200_000);
    let bytes = gzip(&text);
    assert!(bytes.len() > 1 << 20, "{}", bytes.len());
    server.fill(&bucket, &format!("{below}/stderr.gz"), &bytes);
    server.fill(&bucket, &format!("{below}/stdout.gz"), &gzip("printed\n"));
    // Its own bucket's name does not count: logs lie elsewhere.
    let logs = S3Logs::new(server.anonymous("the-lake"));
    let place = LogPlace::S3 { prefix: format!("s3://{bucket}/emr/applications/a/jobs/r/") };
    let query = LogQuery { most: 50_000, ..LogQuery::default() };
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let page = logs.read(&place, &query, cursor.as_ref()).await.unwrap();
        assert!(page.lines.len() <= 50_000 && page.missing.is_none(), "{:?}", page.missing);
        lines.extend(page.lines.into_iter().map(|line| line.text));
        cursor = page.next;
        if page.at_end {
            break;
        }
    }
    assert_eq!(lines.pop().as_deref(), Some("printed"));
    assert!(lines.iter().map(String::as_str).eq(text.lines()));
    let gets = |requests: Vec<s3_server::Request>| requests.iter().filter(|r| r.range.is_some()).count();
    let before = gets(server.requests_of(&bucket).await);
    assert_eq!(before, bytes.len().div_ceil(1 << 20) + 1, "each byte is read once, whatever the pages");
    let grown = gzip(&format!("{text}one more\n"));
    server.fill(&bucket, &format!("{below}/stderr.gz"), &grown);
    let page = logs.read(&place, &query, cursor.as_ref()).await.unwrap();
    assert_eq!(page.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["one more"]);
    let page = logs.read(&place, &query, page.next.as_ref()).await.unwrap();
    assert!(page.lines.is_empty() && page.at_end);
    let after = gets(server.requests_of(&bucket).await);
    assert_eq!(after - before, grown.len().div_ceil(1 << 20), "what did not change is not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_may_not_be_read_is_said_to_be_so() {
    let server = s3_server::Server::start();
    let bucket = server.bucket().await;
    server.fill(&bucket, "r/SPARK_DRIVER/stderr.gz", &gzip("x\n"));
    let logs = S3Logs::new(server.anonymous("the-lake"));
    let place = |bucket: &str| LogPlace::S3 { prefix: format!("s3://{bucket}/r/") };
    let query = LogQuery { most: 10, ..LogQuery::default() };
    let missing = logs.read(&place("no-such-bucket"), &query, None).await.unwrap_err();
    assert_eq!(missing.class, ErrorClass::NotFound);
    server.control("deny?prefix=r/").await;
    let denied = logs.read(&place(&bucket), &query, None).await.unwrap_err();
    assert!(denied.class == ErrorClass::Denied && denied.object.ends_with("stderr.gz"), "{denied}");
}
