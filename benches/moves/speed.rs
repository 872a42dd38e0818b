//! 1,000 objects of 10 KB, moved with every proof, beside a mover that proves nothing.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::LAKEWARD;
use crate::support::program::environment;
use crate::support::python;
use crate::support::s3_server::Server;

const OBJECTS: usize = 1000;
const ROUNDS: usize = 3;

pub async fn measure(server: &Server) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(s5cmd(server, &filled(server).await));
        ours.push(lakeward(server, &filled(server).await));
    }
    ours.sort();
    theirs.sort();
    let ((plan, apply), other) = (ours[ROUNDS / 2], theirs[ROUNDS / 2]);
    let all = plan + apply;
    println!(
        "{OBJECTS} objects of 10 KB: s5cmd mv {:.1} s; lakeward {:.1} s (plan {:.1}, apply {:.1}), {:.2} times",
        other.as_secs_f64(),
        all.as_secs_f64(),
        plan.as_secs_f64(),
        apply.as_secs_f64(),
        all.as_secs_f64() / other.as_secs_f64()
    );
}

async fn filled(server: &Server) -> String {
    let bucket = server.bucket().await;
    for n in 0..OBJECTS {
        let bytes: Vec<u8> = (0..10_240u32).map(|i| (i.wrapping_mul(31) ^ n as u32) as u8).collect();
        server.fill(&bucket, &format!("_errors/big/dt=2026-11-24/part-{n:05}.json"), &bytes);
    }
    server.fill(&bucket, "_errors/big/dt=2026-11-24/_SUCCESS", b"");
    bucket
}

fn lakeward(server: &Server, bucket: &str) -> (Duration, Duration) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("plan.json").display().to_string();
    let run = |arguments: &[&str]| {
        let begun = Instant::now();
        let mut command = Command::new(LAKEWARD);
        command.args(["--lake", &format!("s3://{bucket}"), "--endpoint-url", server.endpoint()]).args(arguments);
        let ended = command.env_clear().envs(environment(home.path())).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        begun.elapsed()
    };
    let plan = run(&["quarantine", "plan", "big/dt=2026-11-24", "--reason", "dq", "--out", &file]);
    (plan, run(&["quarantine", "apply", &file, "--confirm", "1001", "--arm", "bench"]))
}

fn s5cmd(server: &Server, bucket: &str) -> Duration {
    let program: PathBuf = python::interpreter().with_file_name("s5cmd");
    let begun = Instant::now();
    let (from, to) = (format!("s3://{bucket}/_errors/big/*"), format!("s3://{bucket}/_quarantine/big/"));
    let ended = Command::new(program)
        .args(["--endpoint-url", server.endpoint(), "mv", &from, &to])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success(), "s5cmd");
    begun.elapsed()
}
