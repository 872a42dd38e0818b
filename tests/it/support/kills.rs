//! A move by the real program on a real S3 process, killed at a moment drawn by chance and resumed; and what became
//! of each object. Shared by a test, which does it a few times, and a bench, which does it 500 times.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::s3_server::Server;

/// What became of the objects of some runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u32,
    /// Runs that were killed before they ended.
    pub killed: u32,
    /// Objects of which the bytes are under neither key.
    pub lost: u32,
    /// Objects that lie under both keys.
    pub doubled: u32,
    /// Runs that could not be resumed to their end.
    pub stuck: u32,
}

/// Objects of one run: rows, reasons, an empty object, a marker.
const OBJECTS: [(&str, &[u8]); 5] = [
    ("part-00000.json", b"{\"id\":1}\n"),
    ("part-00001.json", b"{\"id\":2,\"note\":\"second\"}\n"),
    ("empty.json", b""),
    ("error_reasons.json", b"{\"error_type\":\"schema_validation\",\"error_message\":\"m\",\"row_count\":2}"),
    ("_SUCCESS", b""),
];

/// One lake, and the program on it.
pub struct Killing<'a> {
    server: &'a Server,
    program: &'a str,
    bucket: String,
    home: tempfile::TempDir,
    chance: u64,
    /// How long an undisturbed move takes: kills are drawn from this and a little more.
    takes: Duration,
}

impl<'a> Killing<'a> {
    /// Measures an undisturbed move.
    pub async fn new(server: &'a Server, program: &'a str, seed: u64) -> Self {
        let bucket = server.bucket().await;
        let home = tempfile::tempdir().expect("a home");
        let mut all = Self { server, program, bucket, home, chance: seed | 1, takes: Duration::ZERO };
        let plan = all.planned("warm-up");
        let begun = std::time::Instant::now();
        let ended = all.apply(&plan).status().expect("the program starts");
        assert!(ended.success(), "an undisturbed move");
        all.takes = begun.elapsed();
        all
    }

    /// One run: plan, apply, kill, resume, look.
    pub fn run(&mut self, name: &str, tally: &mut Tally) {
        let plan = self.planned(name);
        let mut child = self.apply(&plan).spawn().expect("the program starts");
        let most = self.takes.as_micros() as u64 * 11 / 10;
        std::thread::sleep(Duration::from_micros(self.drawn() % most.max(1)));
        tally.killed += u32::from(child.try_wait().is_ok_and(|ended| ended.is_none()));
        child.kill().ok();
        child.wait().ok();
        let resumed = self.lakeward(&["quarantine", "resume", "--arm", "bench"]).output().expect("the program starts");
        if !resumed.status.success() {
            eprintln!("{name}: {}", String::from_utf8_lossy(&resumed.stderr));
        }
        tally.runs += 1;
        tally.stuck += u32::from(!resumed.status.success());
        let (mut at_source, mut at_target) = (0, 0);
        for (file, bytes) in OBJECTS {
            let source = self.server.object(&self.bucket, &source(name, file)).is_some_and(|b| b == bytes);
            let target = self.server.object(&self.bucket, &target(name, file)).is_some_and(|b| b == bytes);
            tally.lost += u32::from(!source && !target);
            tally.doubled += u32::from(source && target);
            at_source += u32::from(source && !target);
            at_target += u32::from(target && !source);
        }
        // Half here and half there is neither moved nor left alone.
        tally.stuck += u32::from(at_source > 0 && at_target > 0);
    }

    fn planned(&self, name: &str) -> String {
        for (file, bytes) in OBJECTS {
            self.server.fill(&self.bucket, &source(name, file), bytes);
        }
        let file = self.home.path().join(format!("{name}.json")).display().to_string();
        let target = format!("{name}/dt=2026-11-24");
        let planned = self.lakeward(&["quarantine", "plan", &target, "--reason", "killed", "--out", &file]).output();
        let planned = planned.expect("the program starts");
        assert!(planned.status.success(), "{name}: {}", String::from_utf8_lossy(&planned.stderr));
        file
    }

    fn apply(&self, plan: &str) -> Command {
        let mut command =
            self.lakeward(&["quarantine", "apply", plan, "--confirm", &OBJECTS.len().to_string(), "--arm", "bench"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn lakeward(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(["--lake", &format!("s3://{}", self.bucket), "--endpoint-url", self.server.endpoint()]);
        command.args(arguments).env_clear().envs(super::program::environment(self.home.path() as &Path));
        command
    }

    /// xorshift: the runs of a seed are always the same.
    fn drawn(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

fn source(name: &str, file: &str) -> String {
    format!("_errors/{name}/dt=2026-11-24/{file}")
}

fn target(name: &str, file: &str) -> String {
    format!("_quarantine/{name}/dt=2026-11-24/killed/{file}")
}
