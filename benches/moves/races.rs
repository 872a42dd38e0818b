//! Two processes that apply overlapping plans at once: one wins each time, the other says who holds the lease.

use std::process::{Command, Stdio};

use crate::LAKEWARD;
use crate::support::program::environment;
use crate::support::s3_server::Server;

pub async fn run(server: &Server, rounds: u32) {
    let bucket = server.bucket().await;
    let home = tempfile::tempdir().unwrap();
    let lakeward = |arguments: &[&str]| {
        let mut command = Command::new(LAKEWARD);
        command.args(["--lake", &format!("s3://{bucket}"), "--endpoint-url", server.endpoint()]).args(arguments);
        command.env_clear().envs(environment(home.path())).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let (mut one_winner, mut told) = (0, 0);
    for round in 0..rounds {
        let entry = format!("race{round:03}/dt=2026-11-24");
        for name in ["rejected_rows.json", "_SUCCESS"] {
            server.fill(&bucket, &format!("_errors/{entry}/{name}"), b"{}\n");
        }
        let plan = |name: &str| {
            let file = home.path().join(name).display().to_string();
            let planned = lakeward(&["quarantine", "plan", &entry, "--reason", name, "--out", &file]).output().unwrap();
            assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
            file
        };
        let files = [plan("first"), plan("second")];
        let apply = |file: &String| lakeward(&["quarantine", "apply", file, "--confirm", "2", "--arm", "race"]).spawn();
        let children: Vec<_> = files.iter().map(|f| apply(f).unwrap()).collect();
        let ends: Vec<_> = children.into_iter().map(|c| c.wait_with_output().unwrap()).collect();
        let code = |n: i32| ends.iter().filter(|e| e.status.code() == Some(n)).count();
        one_winner += u32::from(code(0) == 1 && code(4) == 1);
        let said = ends.iter().filter(|e| e.status.code() == Some(4)).map(|e| String::from_utf8_lossy(&e.stderr));
        // The loser meets the lease, or comes when all is over and the source is gone.
        told += u32::from(said.clone().any(|s| s.contains("is held by") || s.contains("changed since")));
    }
    println!("two at once: {rounds} rounds, {one_winner} with one winner and one refusal (exit 4), {told} told why");
}
