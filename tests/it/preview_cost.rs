//! What a preview costs on S3, counted by the store itself.

use std::path::Path;

use crate::support::program::lakeward;
use crate::support::s3_server;

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_costs_one_object_request_besides_listing_and_reasons() {
    let lake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake");
    let server = s3_server::shared();
    let bucket = server.bucket_of(&lake).await;
    let uri = format!("s3://{bucket}");
    let run = lakeward(&[
        "--lake",
        &uri,
        "--endpoint-url",
        server.endpoint(),
        "--stats",
        "dlq",
        "preview",
        "crm/contacts/dt=2026-11-22",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.json()["total_rows"], 150);
    let requests = server.requests_of(&bucket).await;
    let of = |name: &str| requests.iter().filter(|r| r.method == "GET" && r.path.ends_with(name)).count();
    assert_eq!(of("rejected_rows.parquet"), 1, "{requests:?}");
    assert_eq!(of("error_reasons.json"), 1, "{requests:?}");
    let listings = requests.iter().filter(|r| r.query.contains("list-type=2")).count();
    assert_eq!(listings, 1, "{requests:?}");
    assert!(run.err.contains(r#""gets":2,"#), "--stats says the same: {}", run.err);
}
