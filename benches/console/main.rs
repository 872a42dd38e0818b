//! How the console answers, in a real terminal: the first frame, keys while 100,000 objects are listed, memory
//! there, a filter over a log of 100,000 lines, bytes while idle. `cargo bench --bench console`; the figures of the README come from here.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

#[path = "../../tests/it/support/terminal.rs"]
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
mod terminal;

mod store;

use std::time::{Duration, Instant};

use terminal::Terminal;

const LAKEWARD: &str = env!("CARGO_BIN_EXE_lakeward");
/// First frames measured.
const STARTS: usize = 30;
/// Time to first byte of a store in the same region; S3's own guidance says 100 to 200 ms.
const STORE_ANSWERS_AFTER: Duration = Duration::from_millis(30);
/// Keys measured while listing.
const KEYS: usize = 300;

fn main() {
    if std::env::args().any(|a| a == "serve") {
        println!("{}", store::serve(store::keys(), Duration::ZERO).0);
        loop {
            std::thread::park();
        }
    }
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap().to_owned();
    let demo = format!("{home}/demo");
    let written = std::process::Command::new(LAKEWARD).args(["demo", "--write", &demo]).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let envs: Vec<(&str, &str)> = vec![
        ("HOME", &home),
        ("XDG_CONFIG_HOME", &home),
        ("XDG_STATE_HOME", &home),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_REGION", "us-east-1"),
    ];
    first_frame("first frame, local environment", &["--lake", &demo], &envs);
    let silent = store::silent();
    let s3 = ["--lake", "s3://bench", "--endpoint-url", &silent];
    first_frame("first frame, S3 that never answers", &s3, &envs);
    demo_opens(&home, &envs);
    keys_while_listing(&envs);
    filter_of_a_log(&home, &envs);
    idle(&demo, &envs);
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what}: median {:.1} ms, p99 {:.1} ms, worst {:.1} ms (n = {})", at(0.5), at(0.99), at(1.0), times.len());
}

fn first_frame(what: &str, args: &[&str], envs: &[(&str, &str)]) {
    let times = (0..STARTS)
        .map(|_| {
            let terminal = Terminal::start(LAKEWARD, args, envs, 24, 80);
            terminal.wait_until("first frame", |s| s.contents().contains("lakeward") && s.contents().contains("Alerts"))
        })
        .collect();
    report(what, times);
}

fn demo_opens(home: &str, envs: &[(&str, &str)]) {
    let times = (0..5)
        .map(|_| {
            let mut envs = envs.to_vec();
            envs.push(("TMPDIR", home));
            let terminal = Terminal::start(LAKEWARD, &["demo"], &envs, 24, 80);
            terminal.wait_for("finance/fx_rates")
        })
        .collect();
    report("demo, written and its alerts on screen", times);
}

fn keys_while_listing(envs: &[(&str, &str)]) {
    let keys = store::keys();
    let total = keys.len() as u64;
    let (endpoint, listed) = store::serve(keys, STORE_ANSWERS_AFTER);
    let terminal = Terminal::start(LAKEWARD, &["--lake", "s3://bench", "--endpoint-url", &endpoint], envs, 24, 80);
    terminal.wait_for("Alerts");
    terminal.keys("2/");
    let mut typed = String::new();
    let mut times = Vec::new();
    for n in 0..KEYS {
        let key = char::from(b'a' + (n % 26) as u8);
        if typed.len() == 20 {
            terminal.keys("\x15"); // clear the line
            terminal.wait_until("an empty filter", |s| !s.contents().contains(typed.as_str()));
            typed.clear();
        }
        typed.push(key);
        let before = Instant::now();
        terminal.keys(&key.to_string());
        terminal.wait_until("the typed key", |s| s.contents().contains(typed.as_str()));
        times.push(before.elapsed());
        std::thread::sleep(Duration::from_millis(15));
    }
    let during = listed.load(std::sync::atomic::Ordering::Relaxed);
    report("key to screen while 100,000 objects are listed", times);
    println!("  objects listed by then: {during} of {total}");
    terminal.keys("\x1b");
    terminal.wait_for("scan 33,334/33,334");
    println!("memory there: {}", memory(terminal.pid()));
}

/// A log of 100,000 lines of a job run, read to its end; then each letter of a filter.
fn filter_of_a_log(home: &str, envs: &[(&str, &str)]) {
    let lake = format!("{home}/logs");
    let run = format!("{lake}/_jobs/load/r1");
    std::fs::create_dir_all(&run).unwrap();
    let record = r#"{"schema":1,"id":"r1","job":"load","state":"failed","created":"2026-11-22T10:00:00Z","ended":"2026-11-22T11:00:00Z","log":"log.txt"}"#;
    std::fs::write(format!("{run}/run.json"), record).unwrap();
    let line = |n: usize| {
        let level = if n.is_multiple_of(1_000) { "ERROR" } else { "INFO" };
        format!(
            "26/11/22 10:{:02}:{:02} {level} TaskSetManager: stage 4.0 task {n:06} of order batch ended on executor {}\n",
            n / 2_000,
            n / 40 % 60,
            n % 40
        )
    };
    std::fs::write(format!("{run}/log.txt"), (0..100_000).map(line).collect::<String>()).unwrap();
    let terminal = Terminal::start(LAKEWARD, &["--lake", &lake], envs, 24, 100);
    terminal.wait_for("scan");
    terminal.keys("4");
    terminal.wait_for("r1");
    let before = Instant::now();
    terminal.keys("l");
    terminal.wait_for("task 099999");
    println!("a log of 100,000 lines, read to its end: {:.1} s", before.elapsed().as_secs_f64());
    let mut times = Vec::new();
    for word in ["executor 7", "task 0999", "error", "no such words", "batch !info"] {
        terminal.keys("/");
        let mut typed = String::new();
        for key in word.chars() {
            typed.push(key);
            let before = Instant::now();
            terminal.keys(&key.to_string());
            terminal.wait_until("the typed key", |s| s.contents().contains(typed.as_str()));
            times.push(before.elapsed());
            std::thread::sleep(Duration::from_millis(15));
        }
        terminal.keys("\x1b");
        std::thread::sleep(Duration::from_millis(100));
    }
    report("key to screen of a filter over a log of 100,000 lines", times);
    println!("memory there: {}", memory(terminal.pid()));
}

fn memory(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = |name: &str| status.lines().find(|l| l.starts_with(name)).unwrap_or("unknown").replace('\t', " ");
    ["VmRSS", "VmHWM", "RssAnon", "RssFile"].map(line).join(", ")
}

fn idle(demo: &str, envs: &[(&str, &str)]) {
    let terminal = Terminal::start(LAKEWARD, &["--lake", demo], envs, 24, 80);
    terminal.wait_for("finance/fx_rates");
    std::thread::sleep(Duration::from_secs(2)); // let the first refresh end
    let before = terminal.bytes();
    std::thread::sleep(Duration::from_secs(10));
    println!("idle for 10 s: {} bytes to the terminal", terminal.bytes() - before);
}
