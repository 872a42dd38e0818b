//! Services that take every connection and answer nothing, beside a lake that is well: the console shows the lake, takes
//! each key meanwhile, and says in the end who is silent.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::program::{LAKEWARD, environment, lakeward};
use crate::support::terminal::Terminal;

/// Takes connections and keeps them, for as long as the test runs.
fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((connection, _)) = listener.accept() {
            kept.push(connection);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, taken)
}

#[test]
fn keys_are_taken_while_every_service_is_silent() {
    let (lake, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = lake.path().to_str().unwrap();
    assert_eq!(lakeward(&["demo", "--write", place]).code, 0);
    let (address, taken) = silent();
    let config = home.path().join("silent.toml");
    let text = format!(
        "[airflow]\nurl = \"{address}\"\nuser = \"a\"\npassword = \"b\"\n[emr]\napplications = [\"00app\"]\n\
         endpoint_url = \"{address}\"\n[cloudwatch]\nendpoint_url = \"{address}\"\n[[secrets]]\nname = \"crm\"\n\
         endpoint_url = \"{address}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut environment = environment(home.path());
    let account = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-central-1")];
    environment.extend(account.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let arguments = ["--lake", place, "--config", config.to_str().unwrap()];
    let mut terminal = Terminal::start(LAKEWARD, &arguments, &envs, 30, 120);
    // The lake is shown, whoever is silent.
    terminal.wait_for("1,200 rej");
    terminal.wait_for("rejected rows");
    for (keys, shown) in [
        ("2", "19 entries"),
        ("5", "no log is open"),
        ("?", "type to narrow"),
        ("?4", "[4 Jobs"),
        ("3", "[3 Quarantine"),
        ("1/fx\r", "fx_rates"),
    ] {
        terminal.keys(keys);
        terminal.wait_for(shown);
    }
    assert!(taken.load(Ordering::Relaxed) >= 4, "each was asked: {taken:?}");
    // None of the keys waited for a source to give up.
    assert!(!terminal.text().contains("unreachable"), "{}", terminal.text());
    terminal.keys("S");
    for name in ["emr", "airflow", "alarms", "secrets"] {
        terminal.wait_for(name);
    }
    terminal.wait_for("unreachable");
    terminal.keys("\x7fq");
    assert_eq!(terminal.wait().code(), Some(0));
}
