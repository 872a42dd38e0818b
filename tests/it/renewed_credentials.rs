//! Credentials that run out under an open console, and are renewed in another window: it says so, with the command, and
//! goes on by itself when they are there.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::http_server::{Answer, HttpServer, Received};
use crate::support::program::LAKEWARD;
use crate::support::terminal::{PATIENCE, Terminal};

/// A store that takes the new key alone.
fn store(request: &Received) -> Answer {
    let good = request.headers.iter().any(|h| h.starts_with("authorization:") && h.contains("credential=newkey/"));
    let xml =
        |status, body: &str| Answer::Reply(status, "Content-Type: application/xml\r\n".to_owned(), body.to_owned());
    match good {
        true => xml(200, "<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"),
        false => xml(400, "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"),
    }
}

fn profile(key: &str) -> String {
    format!("[oncall]\naws_access_key_id = {key}\naws_secret_access_key = secret\naws_session_token = token\n")
}

#[test]
fn a_file_that_is_written_anew_is_taken_without_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("credentials"), profile("OLDKEY")).unwrap();
    let server = HttpServer::answering(store);
    let (root, credentials, config) = (path(""), path("credentials"), path("config"));
    let envs = [
        ("HOME", root.as_str()),
        ("XDG_CONFIG_HOME", &root),
        ("XDG_STATE_HOME", &root),
        ("AWS_SHARED_CREDENTIALS_FILE", &credentials),
        ("AWS_CONFIG_FILE", &config),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let url = server.url("");
    let arguments = ["--lake", "s3://b", "--endpoint-url", &url, "--profile", "oncall", "--region", "us-east-1"];
    let terminal = Terminal::start(LAKEWARD, &arguments, &envs, 24, 120);
    terminal.wait_until("what expired and what renews it", |screen| {
        screen.contents().contains("expired") && screen.contents().contains("aws sso login --profile oncall")
    });
    fs::write(path("credentials"), profile("NEWKEY")).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        terminal.keys("R");
        std::thread::sleep(Duration::from_secs(1));
        let text = terminal.text();
        if !text.contains("expired") && text.contains("ago ●") {
            break;
        }
        assert!(Instant::now() < until, "{text}");
    }
}
