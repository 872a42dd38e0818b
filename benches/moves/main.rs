//! Moves on a real S3 process on loopback: killed 500 times at a moment drawn by chance and resumed; two processes
//! with overlapping plans 100 times; and 1,000 small objects beside `s5cmd mv`, which verifies nothing.
//! `cargo bench --bench moves`, or one of them: `cargo bench --bench moves -- kills 50`, `-- races 10`, `-- speed`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests, which use more of it")]
mod support;

mod races;
mod speed;

use support::kills::{Killing, Tally};
use support::s3_server::Server;

const LAKEWARD: &str = env!("CARGO_BIN_EXE_lakeward");

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|a| a == name);
    let times = |or| arguments.iter().find_map(|a| a.parse::<u32>().ok()).unwrap_or(or);
    let server = Server::start();
    if wanted("speed") {
        speed::measure(&server).await;
    }
    if wanted("races") {
        races::run(&server, times(100)).await;
    }
    if wanted("kills") {
        kills(&server, times(500)).await;
    }
}

async fn kills(server: &Server, runs: u32) {
    let mut tally = Tally::default();
    let mut killing = Killing::new(server, LAKEWARD, 7).await;
    for n in 0..runs {
        killing.run(&format!("run{n:04}"), &mut tally);
    }
    let Tally { runs, killed, lost, doubled, stuck } = tally;
    println!("kill -9: {runs} runs, {killed} killed half-way: {lost} lost, {doubled} doubled, {stuck} stuck");
}
