//! Acts on job runs by the real program, against EMR Serverless as our fake plays it: run again with other memory, cancel,
//! a reply that is lost, and tries that outlive the process that began them.

mod by_emr;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};

use crate::support::fake_aws::emr::{Emr, Run};
use crate::support::fake_aws::{Account, FakeAws, refusal};
use crate::support::program::{LAKEWARD, environment};
use crate::support::terminal::Terminal;

const ROLE: &str = "arn:aws:iam::123456789012:role/emr";

/// A local lake, a home, and EMR Serverless beside them.
struct Site {
    fake: FakeAws,
    home: tempfile::TempDir,
    lake: tempfile::TempDir,
}

#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

impl Site {
    fn new(outcomes: &[&'static str]) -> Self {
        Self::pausing(outcomes, 1)
    }

    /// One whose policy has a pause of so many seconds after the first try.
    fn pausing(outcomes: &[&'static str], pause: u32) -> Self {
        let mut failed = Run::new("00failed", "silver_orders", "FAILED", Utc::now() - chrono::Duration::minutes(30));
        failed.more = json!({
            "executionRole": ROLE,
            "jobDriver": { "sparkSubmit": {
                "entryPoint": "s3://code/main.py",
                "entryPointArguments": ["--date", "2026-11-22", "--db-password", "hunter2"],
                "sparkSubmitParameters": "--conf spark.executor.memory=4g --conf spark.driver.memory=4g",
            } },
            "tags": { "team": "lake" },
            "executionTimeoutMinutes": 60,
            "configurationOverrides": {
                "monitoringConfiguration": { "s3MonitoringConfiguration": { "logUri": "s3://logs/emr/" } },
            },
        });
        let mut emr = Emr::of(vec![failed]);
        emr.outcomes = outcomes.to_vec();
        let fake = FakeAws::start(Account { emr, ..Account::default() });
        let (home, lake) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = format!(
            "[emr]\nendpoint_url = \"{}\"\n[retry]\nfirst = \"{pause}s\"\nlongest = \"{}s\"\n",
            fake.url(),
            pause * 2
        );
        std::fs::create_dir_all(home.path().join("lakeward")).unwrap();
        std::fs::write(home.path().join("lakeward/config.toml"), config).unwrap();
        Self { fake, home, lake }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LAKEWARD);
        command.arg("--lake").arg(self.lake.path()).args(arguments);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(environment(self.home.path())).env("AWS_REGION", "us-east-1").stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The console on it.
    fn console(&self) -> Terminal {
        let envs = environment(self.home.path());
        let envs: Vec<(&str, &str)> = envs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let terminal = Terminal::start(LAKEWARD, &["--lake", self.lake.path().to_str().unwrap()], &envs, 30, 140);
        terminal.wait_for("[1 Alerts");
        terminal
    }

    /// The runs that were started, the oldest first.
    fn started(&self) -> Vec<Run> {
        let account = self.fake.account();
        let runs = account.emr.applications[0].2.iter().filter(|run| run.id.starts_with('s'));
        let mut runs: Vec<Run> = runs.cloned().collect();
        runs.reverse();
        runs
    }

    /// What lies in the journals of this machine.
    fn journals(&self) -> Vec<String> {
        let folder = self.home.path().join("lakeward/moves");
        let files = |kind: &str| files_in(&folder.join(kind));
        [files("acts"), files("retries")].concat()
    }

    fn audit(&self) -> Vec<(String, String)> {
        let audit = self.run(&["audit", "--json"]).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        audit.as_array().unwrap().iter().map(|a| (text(&a["act"]), text(&a["outcome"]))).collect()
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_again_with_twice_the_memory_is_the_same_run_but_for_that() {
    let site = Site::new(&[]);
    let dry = site.run(&["jobs", "rerun", "00failed", "--memory-x2", "--dry-run", "--json"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    let changes = json!([
        { "name": "spark.driver.memory", "before": "4g", "after": "8g" },
        { "name": "spark.executor.memory", "before": "4g", "after": "8g" },
    ]);
    assert_eq!(
        (&dry.json()["changes"], &dry.json()["dry_run"], &dry.json()["objects"]),
        (&changes, &json!(true), &json!(1))
    );
    assert!(!dry.out.contains("hunter2") && site.started().is_empty());

    let refused = site.run(&["jobs", "rerun", "00failed", "--memory-x2"]);
    assert_eq!(refused.code, 4, "without a terminal it wants its number: {refused:?}");
    let wrong = site.run(&["jobs", "rerun", "00failed", "--memory-x2", "--confirm", "2"]);
    assert_eq!((wrong.code, site.started().len()), (4, 0));

    let done = site.run(&["jobs", "rerun", "00failed", "--memory-x2", "--confirm", "1", "--json"]);
    assert_eq!((done.code, &done.json()["run"]), (0, &json!("s1")), "{done:?}");
    assert!(!done.out.contains("hunter2") && !done.err.contains("hunter2"), "{done:?}");
    let [run] = site.started().try_into().unwrap();
    let spark = &run.more["jobDriver"]["sparkSubmit"];
    assert_eq!(spark["sparkSubmitParameters"], "--conf spark.executor.memory=8g --conf spark.driver.memory=8g");
    assert_eq!(spark["entryPointArguments"], json!(["--date", "2026-11-22", "--db-password", "hunter2"]));
    assert_eq!((run.name.as_str(), &run.more["executionRole"]), ("silver_orders", &json!(ROLE)));
    assert_eq!((&run.more["tags"], &run.more["executionTimeoutMinutes"]), (&json!({ "team": "lake" }), &json!(60)));
    let logs = &run.more["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]["logUri"];
    assert_eq!(logs, "s3://logs/emr/");
    assert_eq!(site.journals(), [] as [String; 0]);
    let acts = site.audit();
    assert_eq!(acts, [("submit".into(), "done".into()), ("submit".into(), "begun".into())]);
}

#[test]
fn what_no_worker_has_or_the_application_does_not_allow_is_refused_before_it_is_sent() {
    let site = Site::new(&[]);
    site.fake.account().emr.application = json!({ "maximumCapacity": { "cpu": "16 vCPU", "memory": "40 GB" } });
    for (setting, why) in [
        ("spark.executor.memory=28g", "a worker of 4 vCPUs has 30 at most; one of 8 vCPUs holds it"),
        ("spark.executor.cores=3", "no worker has 3 vCPUs"),
        ("spark.executor.cores=16", "16 vCPUs has 32 at least"),
        ("spark.driver.memory=27g", "the application has 16 vCPUs and 40 GB at most"),
    ] {
        let more = if setting.starts_with("spark.driver") { "spark.executor.memory=10g" } else { "spark.x=1" };
        let ran = site.run(&["jobs", "rerun", "00failed", "--set", setting, "--set", more, "--confirm", "1"]);
        assert_eq!(ran.code, 4, "{setting}: {ran:?}");
        assert!(ran.err.contains(why), "{setting}: {}", ran.err);
    }
    assert_eq!(
        site.fake.asked("jobruns").len(),
        site.fake.asked("jobruns").iter().filter(|p| !p.ends_with("/jobruns")).count()
    );
    assert!(site.started().is_empty());
}

#[test]
fn a_lost_reply_is_one_run() {
    let site = Site::new(&[]);
    site.fake.account().emr.lost = 1;
    let ran = site.run(&["jobs", "rerun", "00failed", "--confirm", "1", "--json"]);
    assert_eq!((ran.code, &ran.json()["run"]), (0, &json!("s1")), "asked again at once: {ran:?}");
    assert_eq!(site.started().len(), 1);

    // And when no try is answered: the next command finds the act open, and asks with the same token.
    site.fake.account().emr.lost = 3;
    let ran = site.run(&["jobs", "rerun", "00failed", "--confirm", "1", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("same token"), "{}", ran.err);
    assert_eq!((site.started().len(), site.journals().len()), (2, 1));
    let ran = site.run(&["jobs", "retry", "--resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("left open earlier") && ran.err.contains("s2"), "{}", ran.err);
    assert_eq!((site.started().len(), site.journals().len()), (2, 0), "nothing twice");
}

/// A no that comes after a lost reply is not known to be one: the first try may have begun.
#[test]
fn a_refusal_after_a_lost_reply_is_no_refusal() {
    let site = Site::new(&[]);
    site.fake.account().emr.lost = 1;
    // The first request meets the fault that comes first; the order is: lost, then refused twice.
    let ran = {
        let child = site.begin(&["jobs", "rerun", "00failed", "--confirm", "1"]);
        until("the first try was sent", || !site.started().is_empty());
        site.fake.fail("/jobruns", refusal(429, "ThrottlingException"), 2);
        child.wait_with_output().unwrap()
    };
    assert!(matches!(ran.status.code(), Some(0 | 1)), "{ran:?}");
    assert_eq!(site.started().len(), 1);
    site.fake.account().faults.clear();
    if ran.status.code() == Some(1) {
        assert_eq!(site.journals().len(), 1, "it stays open");
    }
    site.run(&["jobs", "retry", "--resume"]);
    assert_eq!((site.started().len(), site.journals().len()), (1, 0));
}

#[test]
fn a_cancel_is_asked_for_once_and_only_of_what_runs() {
    let site = Site::new(&["RUNNING"]);
    site.run(&["jobs", "rerun", "00failed", "--confirm", "1"]);
    let over = site.run(&["jobs", "cancel", "00failed", "--confirm", "1"]);
    assert_eq!(over.code, 4, "{over:?}");
    assert!(over.err.contains("it is over: failed"), "{}", over.err);
    let dry = site.run(&["jobs", "cancel", "s1", "--dry-run"]);
    assert_eq!((dry.code, site.started()[0].state), (0, "RUNNING"), "{dry:?}");
    let done = site.run(&["jobs", "cancel", "s1", "--confirm", "1"]);
    assert_eq!((done.code, site.started()[0].state), (0, "CANCELLED"), "{done:?}");
}

#[test]
fn tries_go_on_until_one_goes_well() {
    let site = Site::new(&["FAILED", "SUCCESS", "SUCCESS"]);
    let begun = Instant::now();
    let ran = site.run(&["jobs", "retry", "00failed", "--confirm", "1", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "the pause of the policy is kept");
    let told = ran.json();
    assert_eq!((&told[0]["verdict"], &told[0]["run"]), (&json!("recovered"), &json!("s2")), "{told}");
    assert!(ran.err.contains("try 2 of 3"), "{}", ran.err);
    assert_eq!((site.started().len(), site.journals().len()), (2, 0));

    let site = Site::new(&["FAILED", "FAILED", "FAILED", "SUCCESS"]);
    let ran = site.run(&["jobs", "rerun", "00failed", "--memory-x2", "--retry", "--confirm", "1", "--json"]);
    assert_eq!((ran.code, &ran.json()[0]["verdict"]), (3, &json!("given_up")), "{ran:?}");
    assert_eq!(site.started().len(), 3, "three tries and no more");
    for run in site.started() {
        let parameters = &run.more["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"];
        assert_eq!(parameters, "--conf spark.executor.memory=8g --conf spark.driver.memory=8g");
    }
}

/// Acceptance 4: the process is killed while it counts down, and while its try runs; the next start carries on, and nothing
/// is submitted twice.
#[test]
fn tries_outlive_their_process() {
    for (outcomes, tries, killed_at) in [
        (vec!["FAILED", "SUCCESS"], 2, 1), // killed in the pause after the first, or while it was looked at
        (vec!["RUNNING", "SUCCESS"], 1, 1), // killed while the first runs
    ] {
        let site = Site::new(&outcomes);
        let mut child = site.begin(&["jobs", "retry", "00failed", "--confirm", "1"]);
        until("the first try was asked for", || site.started().len() == killed_at);
        until("it is written down", || {
            let path = site.home.path().join("lakeward/moves/retries");
            files_in(&path).iter().filter(|name| name.ends_with(".json")).any(|name| {
                let text = std::fs::read_to_string(path.join(name)).unwrap_or_default();
                text.contains("\"s1\"")
            })
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let left = site.run(&["jobs", "retry", "--json"]).json();
        assert_eq!((left[0]["is_driven"].clone(), left.as_array().unwrap().len()), (json!(false), 1), "{left}");
        if outcomes[0] == "RUNNING" {
            site.fake.account().emr.applications[0].2[0].state = "SUCCESS";
        }
        let ran = site.run(&["jobs", "retry", "--resume", "--json"]);
        assert_eq!((ran.code, &ran.json()[0]["verdict"]), (0, &json!("recovered")), "{ran:?}");
        assert_eq!((site.started().len(), site.journals().len()), (tries, 0), "{outcomes:?}");
    }
}

/// Acceptance 4, in the console: the countdown that it was killed in goes on at the next start.
#[test]
fn a_console_that_is_killed_while_it_counts_down_is_followed_by_one_that_counts_on() {
    let site = Site::pausing(&["FAILED", "SUCCESS"], 12);
    let mut first = site.console();
    first.keys("4");
    first.wait_for("▸✗ failed");
    first.keys("t");
    first.wait_for("do it?");
    first.keys("y");
    first.wait_for("silver_orders: try 2 of 3 in ");
    first.signal("KILL");
    first.wait();
    assert_eq!(site.started().len(), 1);
    let mut second = site.console();
    second.wait_for("silver_orders: try 2 of 3 in ");
    assert_eq!(site.started().len(), 1, "the pause is not over");
    second.wait_for("silver_orders: recovered after 2 tries");
    assert_eq!((site.started().len(), site.journals().len()), (2, 0));
    second.keys("q");
    assert_eq!(second.wait().code(), Some(0));
}

#[test]
fn one_process_is_on_a_series_and_any_can_stop_it() {
    let site = Site::new(&["RUNNING", "SUCCESS"]);
    let mut child = site.begin(&["jobs", "retry", "00failed", "--confirm", "1"]);
    until("the first try was asked for", || site.started().len() == 1);
    let one = site.run(&["jobs", "retry", "--json"]).json();
    assert_eq!(one[0]["is_driven"], true, "{one}");
    let second = site.run(&["jobs", "retry", "--resume", "--json"]);
    assert_eq!((second.code, second.json()), (0, json!([])), "{second:?}");
    let id = one[0]["id"].as_str().unwrap();
    assert_eq!(site.run(&["jobs", "retry", "--stop", id]).code, 0);
    site.fake.account().emr.applications[0].2[0].state = "FAILED";
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(3), "stopped is not recovered");
    assert_eq!((site.started().len(), site.journals().len()), (1, 0));
}

#[test]
fn a_protected_environment_wants_arming_and_a_read_only_run_does_nothing() {
    let site = Site::new(&[]);
    let config = site.home.path().join("lakeward/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let lake = site.lake.path().display();
    let environment =
        format!("environment = \"prod\"\n[environments.prod]\nkind = \"local\"\nlake = \"{lake}\"\nprotected = true\n");
    std::fs::write(&config, format!("{environment}{text}")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(LAKEWARD);
        command.args(arguments).env_clear().envs(environment_of(&site)).stdin(Stdio::null());
        command.output().unwrap().status.code()
    };
    for act in [["jobs", "rerun", "00failed"], ["jobs", "retry", "00failed"]] {
        assert_eq!(run(&[act.as_slice(), &["--confirm", "1"]].concat()), Some(4), "{act:?}");
    }
    assert_eq!(run(&["--read-only", "jobs", "rerun", "00failed", "--confirm", "1", "--arm", "why"]), Some(4));
    assert!(site.started().is_empty());
    assert_eq!(run(&["jobs", "rerun", "00failed", "--confirm", "1", "--arm", "hotfix 12"]), Some(0));
    assert_eq!(site.started().len(), 1);
}

fn environment_of(site: &Site) -> Vec<(String, String)> {
    environment(site.home.path())
}
