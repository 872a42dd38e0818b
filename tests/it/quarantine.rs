//! The quarantine by the program itself, on a folder and on S3: there and back byte for byte, who may not, what
//! changed meanwhile, two at once, and killed at any moment.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::kills::{Killing, Tally};
use crate::support::program::{LAKEWARD, Run, environment, lakeward};
use crate::support::s3_server::{self, Server};

/// A lake, and a home that keeps its journals.
struct Place {
    home: TempDir,
    lake: Vec<String>,
    end: End,
}

enum End {
    Folder(TempDir),
    S3(&'static Server, String),
}

const ENTRY: &str = "_errors/crm/contacts/dt=2026-11-24/";
const MOVED: &str = "_quarantine/crm/contacts/dt=2026-11-24/schema_violation/";
/// Rows enough for an alert.
const ROWS: [u8; 1200] = {
    let mut rows = [b' '; 1200];
    let mut n = 0;
    while n < rows.len() {
        // A row in eight bytes: 150 of them.
        let row = b"{\"a\":1}\n";
        rows[n] = row[n % row.len()];
        n += 1;
    }
    rows
};
const FILES: [(&str, &[u8]); 4] = [
    ("rejected_rows.json", &ROWS),
    ("nested/part 1+%.json", b"{}\n"),
    ("error_reasons.json", b"{\"error_type\":\"schema_validation\",\"error_message\":\"m\",\"row_count\":150}"),
    ("_SUCCESS", b""),
];

impl Place {
    fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = vec!["--lake".into(), folder.path().display().to_string()];
        Self { home: tempfile::tempdir().unwrap(), lake, end: End::Folder(folder) }.filled()
    }

    async fn s3() -> Self {
        let server = s3_server::shared();
        let bucket = server.bucket().await;
        let lake = ["--lake", &format!("s3://{bucket}"), "--endpoint-url", server.endpoint()].map(str::to_owned);
        Self { home: tempfile::tempdir().unwrap(), lake: lake.to_vec(), end: End::S3(server, bucket) }.filled()
    }

    fn filled(self) -> Self {
        for (name, bytes) in FILES {
            self.put(&format!("{ENTRY}{name}"), bytes);
        }
        self
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        match &self.end {
            End::Folder(folder) => {
                let path = folder.path().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            End::S3(server, bucket) => server.fill(bucket, key, bytes),
        }
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        match &self.end {
            End::Folder(folder) => std::fs::read(folder.path().join(key)).ok(),
            End::S3(server, bucket) => server.object(bucket, key),
        }
    }

    /// Whether all files lie under a prefix, byte for byte, or none of them does.
    fn holds(&self, prefix: &str) -> bool {
        let there: Vec<bool> =
            FILES.iter().map(|(name, bytes)| self.get(&format!("{prefix}{name}")).as_deref() == Some(bytes)).collect();
        assert!(there.iter().all(|t| *t == there[0]), "{prefix}: {there:?}");
        there[0]
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LAKEWARD);
        command.args(&self.lake).args(arguments).env_clear().env("USER", "ana");
        command.envs(environment(self.home.path()));
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run_of(self.command(arguments).output().unwrap())
    }

    /// A write: S3 is protected unless it is armed.
    fn write(&self, arguments: &[&str]) -> Run {
        let armed = [arguments, &["--confirm", "4", "--arm", "test", "--json"]].concat();
        self.run(&armed)
    }

    fn plan(&self, name: &str) -> String {
        let file = self.home.path().join(name).display().to_string();
        let planned = self.run(&[
            "quarantine",
            "plan",
            "crm/contacts/dt=2026-11-24",
            "--reason",
            "schema_violation",
            "--out",
            &file,
        ]);
        assert_eq!(planned.code, 0, "{planned:?}");
        file
    }

    fn quarantined(&self) -> String {
        let file = self.plan("plan.json");
        let applied = self.write(&["quarantine", "apply", &file]);
        assert_eq!(applied.code, 0, "{applied:?}");
        self.only()["id"].as_str().unwrap().to_owned()
    }

    /// The one quarantine there is.
    fn only(&self) -> Value {
        let listed = self.run(&["quarantine", "list", "--json"]).json();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        listed[0].clone()
    }

    fn state(&self) -> String {
        self.only()["state"].as_str().unwrap().to_owned()
    }
}

fn run_of(output: Output) -> Run {
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Acceptance 1: there and back again by every way, with its trace in the audit.
fn there_and_back(place: &Place) {
    let listed = |place: &Place| place.run(&["dlq", "list", "--json"]).json().as_array().unwrap().len();
    let alerts = |place: &Place| place.run(&["alerts", "--json"]).json().as_array().unwrap().len();
    assert_eq!((listed(place), alerts(place)), (1, 1));
    let id = place.quarantined();
    assert_eq!((listed(place), alerts(place)), (0, 0), "it left the queue, and its alert is over");
    assert!(place.holds(MOVED) && !place.holds(ENTRY));
    let known = place.only();
    for (field, value) in [
        ("dataset", "crm/contacts"),
        ("date", "2026-11-24"),
        ("reason", "schema_violation"),
        ("state", "quarantined"),
        ("path", MOVED),
    ] {
        assert_eq!(known[field], value, "{field}");
    }
    assert_eq!((known["objects"].as_u64(), known["rows"].as_u64()), (Some(4), Some(150)));
    assert!(known["actor"].as_str().unwrap().starts_with("ana@"));

    for (step, state) in [("investigate", "investigating"), ("resolve", "resolved")] {
        let done = place.write(&["quarantine", step, &id, "--note", "why"]);
        assert_eq!((done.code, place.state().as_str()), (0, state), "{done:?}");
    }
    for (step, state, lies_at) in [
        ("release", "released", ENTRY),
        ("undo", "resolved", MOVED),
        ("archive", "archived", "_archive/crm/contacts/dt=2026-11-24/schema_violation/"),
        ("undo", "resolved", MOVED),
        ("undo", "undone", ENTRY),
    ] {
        let done = place.write(&["quarantine", step, &id]);
        assert_eq!((done.code, place.state().as_str()), (0, state), "{step}: {done:?}");
        assert!(place.holds(lies_at), "{step}");
    }
    assert_eq!(listed(place), 1);
    let illegal = place.write(&["quarantine", "release", &id]);
    assert_eq!(illegal.code, 4, "{illegal:?}");
    assert!(illegal.err.contains("it is undone") && illegal.err.contains("possible now: nothing"), "{illegal:?}");

    let audit = place.run(&["audit", "--json"]).json();
    let acts: Vec<&str> = audit.as_array().unwrap().iter().rev().filter_map(|r| r["act"].as_str()).collect();
    let acts: Vec<&str> = acts.into_iter().filter(|a| *a != "arm").collect();
    let want = ["quarantine", "investigate", "resolve", "release", "undo", "archive", "undo", "undo"];
    assert_eq!(acts, want, "{audit}");
    let shown = place.run(&["quarantine", "show", &id]);
    assert!(shown.out.contains("resolved by ana@") && shown.out.contains("nested/part 1+%.json"), "{shown:?}");
}

#[test]
fn there_and_back_in_a_folder() {
    there_and_back(&Place::folder());
}

#[tokio::test]
async fn there_and_back_on_s3() {
    there_and_back(&Place::s3().await);
}

/// Acceptance 5, from the command line: every write under `--read-only`, and a wrong or missing confirmation.
#[tokio::test]
async fn every_write_is_refused_read_only() {
    let place = Place::folder();
    let file = place.plan("plan.json");
    for wrong in [&[][..], &["--confirm", "3"], &["--confirm", "0"]] {
        let refused = place.run(&[&["quarantine", "apply", &file], wrong].concat());
        assert_eq!(refused.code, 4, "{wrong:?}: {refused:?}");
    }
    let dry = place.run(&["quarantine", "apply", &file, "--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(place.holds(ENTRY) && place.get("_lakeward/leases/000000000001.json").is_none());
    let id = place.quarantined();
    let writes: [&[&str]; 8] = [
        &["quarantine", "apply", &file],
        &["quarantine", "release", &id],
        &["quarantine", "archive", &id],
        &["quarantine", "undo", &id],
        &["quarantine", "investigate", &id],
        &["quarantine", "resolve", &id],
        &["quarantine", "resume", &id],
        &["dlq", "archive", "crm/contacts/dt=2026-11-24"],
    ];
    place.put(&format!("{ENTRY}rejected_rows.json"), b"{}\n");
    place.put(&format!("{ENTRY}_SUCCESS"), b"");
    for write in writes {
        let refused = place.run(&[write, &["--read-only", "--confirm", "4", "--arm", "x"]].concat());
        assert_eq!(refused.code, 4, "{write:?}: {refused:?}");
        assert!(refused.err.contains("read-only"), "{refused:?}");
    }
    assert!(place.holds(MOVED), "nothing moved");
}

/// S3 is protected by itself: nothing is written before it is armed, and with what reason is on record.
#[tokio::test]
async fn a_protected_lake_is_armed_first() {
    let place = Place::s3().await;
    let file = place.plan("plan.json");
    let refused = place.run(&["quarantine", "apply", &file, "--confirm", "4"]);
    assert_eq!((refused.code, refused.err.contains("--arm REASON")), (4, true), "{refused:?}");
    assert!(place.holds(ENTRY));
    assert_eq!(place.write(&["quarantine", "apply", &file]).code, 0);
    let audit = place.run(&["audit", "--json"]).json();
    let arm = audit.as_array().unwrap().iter().find(|r| r["act"] == "arm").unwrap();
    assert!(arm["detail"].as_str().unwrap().ends_with(": test"), "{arm}");
}

/// Acceptance 6: what changed since the plan is seen, and nothing is done.
#[test]
fn a_lake_that_changed_since_the_plan_is_left_alone() {
    type Change = (&'static str, fn(&Place));
    let changes: [Change; 3] = [
        ("was replaced", |p| p.put(&format!("{ENTRY}rejected_rows.json"), b"{\"new\":true}\n")),
        ("is new", |p| p.put(&format!("{ENTRY}late.json"), b"{}\n")),
        ("is gone", |p| match &p.end {
            End::Folder(folder) => std::fs::remove_file(folder.path().join(ENTRY).join("_SUCCESS")).unwrap(),
            End::S3(..) => unreachable!("a folder"),
        }),
    ];
    for (said, change) in changes {
        let place = Place::folder();
        let file = place.plan("plan.json");
        change(&place);
        let refused = place.write(&["quarantine", "apply", &file]);
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(refused.err.contains(said) && refused.err.contains("plan it again"), "{refused:?}");
        assert!(place.get(&format!("{MOVED}error_reasons.json")).is_none(), "nothing was copied");
        assert!(place.get(&format!("{ENTRY}error_reasons.json")).is_some());
        let resumed = place.run(&["quarantine", "resume"]);
        assert_eq!((resumed.code, resumed.out.as_str()), (0, "nothing was interrupted\n"), "{resumed:?}");
    }
}

#[test]
fn what_is_no_plan_is_refused_in_one_line() {
    let place = Place::folder();
    let file = place.home.path().join("bad.json").display().to_string();
    for text in ["", "{}", "[]", "not json", "\u{1b}[31m", "{\"schema\":1}"] {
        std::fs::write(&file, text).unwrap();
        let refused = place.write(&["quarantine", "apply", &file]);
        assert_eq!(refused.code, 2, "{text:?}: {refused:?}");
        assert!(!refused.err.contains('\u{1b}'));
    }
    assert_eq!(place.write(&["quarantine", "apply", "/no/such/file"]).code, 1);
    for reason in ["", "a/b", "..", "Ä"] {
        let refused = place.run(&["quarantine", "plan", "crm/contacts/dt=2026-11-24", "--reason", reason]);
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    let missing = place.run(&["quarantine", "plan", "no/such/dt=2026-11-24", "--reason", "x"]);
    assert_eq!(missing.code, 1, "{missing:?}");
    let unknown = place.write(&["quarantine", "release", "../../etc"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert_eq!(lakeward(&["quarantine", "list", "--lake", "/no/such/lake"]).code, 1);
}

/// Acceptance 3, a few times: of two processes with overlapping plans one wins, and the other says why not.
#[tokio::test]
async fn of_two_at_once_one_wins() {
    for round in 0..4 {
        let place = if round % 2 == 0 { Place::folder() } else { Place::s3().await };
        let (one, other) = (place.plan("one.json"), place.plan("other.json"));
        let apply = |file: &str| {
            let arguments = ["quarantine", "apply", file, "--confirm", "4", "--arm", "race"];
            let mut command = place.command(&arguments);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        let (one, other) = (apply(&one), apply(&other));
        let ends = [one, other].map(|child| run_of(child.wait_with_output().unwrap()));
        let codes: Vec<i32> = ends.iter().map(|e| e.code).collect();
        assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "{ends:?}");
        assert!(codes.iter().all(|c| matches!(c, 0 | 4)), "{ends:?}");
        assert!(place.holds(MOVED) && !place.holds(ENTRY));
    }
}

/// Acceptance 2, a few times; `cargo bench --bench moves` does it 500 times.
#[tokio::test]
async fn killed_at_any_moment_it_is_resumed() {
    let mut killing = Killing::new(s3_server::shared(), LAKEWARD, 20_261_125).await;
    let mut tally = Tally::default();
    for n in 0..10 {
        killing.run(&format!("run{n:03}"), &mut tally);
    }
    assert_eq!((tally.lost, tally.doubled, tally.stuck), (0, 0, 0), "{tally:?}");
    assert!(tally.killed > 3, "{tally:?}");
}

/// The state prefix is readable: what lies there is JSON, made once.
#[test]
fn records_are_json_that_people_read() {
    let place = Place::folder();
    let id = place.quarantined();
    let End::Folder(folder) = &place.end else { unreachable!("a folder") };
    let records = folder.path().join("_lakeward/moves").join(&id);
    for name in ["plan.json", "brief.json", "verified.json", "done.json"] {
        let text = std::fs::read_to_string(records.join(name)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((value["schema"].as_u64(), value["id"].as_str()), (Some(1), Some(id.as_str())), "{name}");
        assert!(text.lines().count() > 3, "{name} is for people");
    }
    let manifest = std::fs::read(Path::new(folder.path()).join(MOVED).join("_lakeward_manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["objects"].as_array().map(Vec::len), Some(4));
}
