//! The console on S3, from the page that woke someone to the rejected rows, in a real terminal.

use std::path::Path;

use crate::support::program::{LAKEWARD, environment};
use crate::support::s3_server;
use crate::support::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn from_alert_to_rejected_rows() {
    let lake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake");
    let server = s3_server::shared();
    let bucket = server.bucket_of(&lake).await;
    let filling = server.requests_of(&bucket).await.len();
    let home = tempfile::tempdir().unwrap();
    let environment = environment(home.path());
    let envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let uri = format!("s3://{bucket}");
    let arguments = ["--lake", &uri, "--endpoint-url", server.endpoint()];
    let mut terminal = Terminal::start(LAKEWARD, &arguments, &envs, 30, 120);
    terminal.wait_for("reasons/count_as_text");
    terminal.keys("2/crm/contacts\r");
    terminal.wait_for("filter");
    terminal.wait_for("2026-11-22");
    // The dataset, then its newest date: the preview opens beside the tree.
    terminal.keys("j");
    terminal.wait_for("email first: named in the reasons");
    terminal.wait_for("rows 1-");
    terminal.keys("\r"); // into the rows
    terminal.keys("d"); // one of them, upright
    terminal.wait_for("contact_id");
    terminal.keys("\x1b");
    terminal.keys("s");
    terminal.wait_for("no contract");
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
    let requests = server.requests_of(&bucket).await.split_off(filling);
    let writes: Vec<_> = requests.iter().filter(|r| r.method != "GET").collect();
    assert!(writes.is_empty(), "the console only reads: {writes:?}");
    let of = |name: &str| requests.iter().filter(|r| r.path.contains(name)).count();
    // Its footer was read for the count, with all its rows: looking at them cost nothing more.
    assert_eq!(of("crm/contacts/dt=2026-11-22/rejected_rows.parquet"), 1);
}
