//! Jobs that are commands of this machine: what is kept of them, and how they end.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::program::{LAKEWARD, Run, environment, lakeward};

const SETTINGS: &str = r#"
[[jobs]]
name = "load"
dataset = "orders"
command = "echo loading $LAKEWARD_JOB of {date}; echo {date} > loaded.txt"

[[jobs]]
name = "broken"
command = ["sh", "-c", "echo first; echo 'ValueError: no column amount' >&2; exit 3"]

[[jobs]]
name = "long"
command = "sleep 300 & echo $! > child.pid; wait"

[[jobs]]
name = "hungry"
command = "test $SPARK_EXECUTOR_MEMORY = 16g"

[[jobs]]
name = "missing"
command = ["/no/such/program", "x"]
"#;

fn lake() -> tempfile::TempDir {
    let lake = tempfile::tempdir().unwrap();
    fs::write(lake.path().join("lakeward.toml"), SETTINGS).unwrap();
    lake
}

fn on(lake: &Path, arguments: &[&str]) -> Run {
    lakeward(&[&["--lake", lake.to_str().unwrap()], arguments].concat())
}

fn runs(lake: &Path) -> Vec<Value> {
    on(lake, &["jobs", "list", "--json"]).json().as_array().unwrap().clone()
}

#[test]
fn a_run_is_kept_with_its_state_its_log_and_its_length() {
    let lake = lake();
    let run = on(lake.path(), &["jobs", "run", "load", "--date", "2026-11-25", "--confirm", "1"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fs::read_to_string(lake.path().join("loaded.txt")).unwrap(), "2026-11-25\n");
    let [kept] = runs(lake.path()).try_into().unwrap();
    assert_eq!((&kept["state"], &kept["job"], &kept["dataset"]), (&"success".into(), &"load".into(), &"orders".into()));
    assert_eq!(kept["date"], "2026-11-25");
    assert!(kept["duration_seconds"].as_f64().is_some(), "{kept}");
    let log = on(lake.path(), &["jobs", "logs", kept["id"].as_str().unwrap()]);
    assert_eq!(log.out, "loading load of 2026-11-25\n");
    let audit = on(lake.path(), &["audit", "--json"]).json();
    let acts: Vec<_> = audit.as_array().unwrap().iter().map(|a| (a["act"].clone(), a["outcome"].clone())).collect();
    assert_eq!(acts, [("run".into(), "success".into()), ("run".into(), "begun".into())]);
}

#[test]
fn one_that_fails_says_why_and_is_an_alert_like_any_other() {
    let lake = lake();
    for _ in 0..5 {
        let run = on(lake.path(), &["jobs", "run", "broken", "--confirm", "1"]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.out.contains("exit code 3: ValueError: no column amount"), "{run:?}");
    }
    assert!(runs(lake.path()).iter().all(|r| r["state"] == "failed"));
    let alerts = on(lake.path(), &["alerts", "--json"]).json();
    assert!(alerts.to_string().contains("5 of 5 runs of broken failed"), "{alerts}");
    let run = on(lake.path(), &["jobs", "run", "missing", "--confirm", "1"]);
    assert!(run.code == 3 && run.out.contains("could not be started"), "{run:?}");
}

#[test]
fn nothing_runs_that_was_not_asked_for_whole() {
    let lake = lake();
    for (arguments, code, why) in [
        (&["jobs", "run", "load", "--date", "2026-11-25"][..], 4, "not confirmed"),
        (&["jobs", "run", "load", "--confirm", "1"], 1, "--date YYYY-MM-DD"),
        (&["jobs", "run", "nobody", "--confirm", "1"], 1, "there are: broken, hungry, load, long, missing"),
        (&["--read-only", "jobs", "run", "broken", "--confirm", "1"], 4, "read-only"),
    ] {
        let run = on(lake.path(), arguments);
        assert!(run.code == code && run.err.contains(why), "{arguments:?}: {run:?}");
    }
    let run = on(lake.path(), &["jobs", "run", "broken", "--confirm", "1", "--dry-run"]);
    assert!(run.code == 0 && run.out.contains("would run sh -c echo first"), "{run:?}");
    assert!(!lake.path().join("_jobs").exists() && !lake.path().join("loaded.txt").exists());
}

/// A run of the long job, once its own child is there.
#[allow(clippy::zombie_processes, reason = "who asks for it waits for it")]
fn begun(lake: &Path, home: &Path) -> (Child, u32) {
    let mut command = Command::new(LAKEWARD);
    command.args(["--lake", lake.to_str().unwrap(), "jobs", "run", "long", "--confirm", "1"]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(environment(home));
    let running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let child = fs::read_to_string(lake.join("child.pid")).ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(child) = child {
            return (running, child);
        }
        assert!(Instant::now() < until, "it does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap().success());
}

/// Whether a process is there and no zombie.
fn is_there(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[test]
fn one_that_is_stopped_takes_its_children_along() {
    for name in ["INT", "TERM", "HUP"] {
        let (lake, home) = (lake(), tempfile::tempdir().unwrap());
        let (mut running, child) = begun(lake.path(), home.path());
        signal(name, running.id());
        running.wait().unwrap();
        assert!(!is_there(child), "{name}: the child lives on");
        let [kept] = runs(lake.path()).try_into().unwrap();
        assert_eq!(kept["state"], "cancelled", "{name}: {kept}");
    }
}

#[test]
fn nobody_runs_a_job_that_is_running() {
    let (lake, home) = (lake(), tempfile::tempdir().unwrap());
    let (mut running, _) = begun(lake.path(), home.path());
    let second = on(lake.path(), &["jobs", "run", "long", "--confirm", "1"]);
    assert!(second.code == 4 && second.err.contains("is held by"), "{second:?}");
    assert_eq!(runs(lake.path()).len(), 1);
    signal("INT", running.id());
    running.wait().unwrap();
    assert_eq!(on(lake.path(), &["jobs", "run", "broken", "--confirm", "1"]).code, 3, "another job");
}

#[test]
fn one_whose_runner_was_killed_does_not_run_for_ever() {
    let (lake, home) = (lake(), tempfile::tempdir().unwrap());
    let (mut running, child) = begun(lake.path(), home.path());
    let noted = || -> Option<u32> {
        let id = runs(lake.path())[0]["id"].as_str()?.to_owned();
        let record = fs::read(lake.path().join(format!("_jobs/long/{id}/run.json"))).ok()?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        record["settings"]["process_group"].as_str()?.split(' ').next()?.parse().ok()
    };
    let until = Instant::now() + Duration::from_secs(60);
    let group = loop {
        if let Some(group) = noted() {
            break group;
        }
        assert!(Instant::now() < until, "its group is not written down");
    };
    let [kept] = runs(lake.path()).try_into().unwrap();
    assert_eq!((&kept["state"], kept["detail"].as_str()), (&"running".into(), None), "{kept}");
    signal("KILL", running.id());
    running.wait().unwrap();
    let [kept] = runs(lake.path()).try_into().unwrap();
    let told = format!("its runner was killed; the command still runs as process group {group}");
    assert_eq!((&kept["state"], kept["detail"].as_str()), (&"running".into(), Some(told.as_str())), "{kept}");
    // Its first process gone, one that it began is still the group's.
    signal("KILL", group);
    let [kept] = runs(lake.path()).try_into().unwrap();
    assert_eq!(kept["detail"].as_str(), Some(told.as_str()), "{kept}");
    signal("KILL", child);
    let until = Instant::now() + Duration::from_secs(60);
    while is_there(child) {
        assert!(Instant::now() < until, "it does not end");
    }
    let [kept] = runs(lake.path()).try_into().unwrap();
    assert_eq!(kept["state"], "failed", "{kept}");
    assert!(kept["detail"].as_str().unwrap().starts_with("its end was not seen"), "{kept}");
}

#[test]
fn a_protected_environment_runs_nothing_until_it_is_armed() {
    let lake = lake();
    let path = lake.path().to_str().unwrap().to_owned();
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config.toml");
    fs::write(&config, format!("[environments.prod]\nkind = \"local\"\nlake = {path:?}\nprotected = true\n")).unwrap();
    let on = |arguments: &[&str]| {
        let first = ["--config", config.to_str().unwrap(), "--env", "prod", "jobs", "run", "load"];
        lakeward(&[&first[..], &["--date", "2026-11-25", "--confirm", "1"], arguments].concat())
    };
    let refused = on(&[]);
    assert!(refused.code == 4 && refused.err.contains("--arm"), "{refused:?}");
    assert!(!lake.path().join("_jobs").exists() && !lake.path().join("loaded.txt").exists());
    let armed = on(&["--arm", "the load of today failed"]);
    assert!(armed.code == 0 && lake.path().join("loaded.txt").exists(), "{armed:?}");
}

#[test]
fn a_run_again_takes_settings_and_nothing_that_only_a_service_has() {
    let lake = lake();
    assert_eq!(on(lake.path(), &["jobs", "run", "hungry", "--confirm", "1"]).code, 3);
    let id = runs(lake.path())[0]["id"].as_str().unwrap().to_owned();
    let again = |more: &[&str]| on(lake.path(), &[&["jobs", "rerun", &id, "--confirm", "1"], more].concat());
    assert_eq!(again(&[]).code, 3, "what it was run with is not remembered");
    let more = again(&["--set", "spark.executor.memory=16g"]);
    assert!(more.code == 0 && more.err.contains("spark.executor.memory=16g"), "{more:?}");
    for (other, why) in [(&["--memory-x2"][..], "NAME=VALUE sets it"), (&["--arg", "x"], "takes no arguments")] {
        let refused = again(other);
        assert!(refused.code == 4 && refused.err.contains(why), "{refused:?}");
    }
    assert_eq!(runs(lake.path()).len(), 3);
}

#[test]
fn a_torn_record_is_told_of_beside_what_is_listed() {
    let lake = lake();
    for _ in 0..2 {
        on(lake.path(), &["jobs", "run", "broken", "--confirm", "1"]);
    }
    let record = lake.path().join("_jobs/broken").read_dir().unwrap().next().unwrap().unwrap().path().join("run.json");
    let text = fs::read(&record).unwrap();
    fs::write(&record, &text[..text.len() / 2]).unwrap();
    fs::create_dir_all(lake.path().join("_dags/etl/run1")).unwrap();
    fs::write(lake.path().join("_dags/etl/run1/run.json"), r#"{"dag":"etl","run":"run1","state":"failed"}"#).unwrap();
    fs::create_dir_all(lake.path().join("_dags/etl/run2")).unwrap();
    fs::write(lake.path().join("_dags/etl/run2/run.json"), "{").unwrap();
    for (arguments, torn) in [
        (["alerts", "--json"], ["lakeward: source local: ", "lakeward: source dags: "].as_slice()),
        (["jobs", "list"], &["lakeward: source local: "]),
        (["dags", "list"], &["lakeward: source dags: "]),
    ] {
        let run = on(lake.path(), &arguments);
        assert_eq!(run.err.lines().count(), torn.len(), "{arguments:?}: {run:?}");
        for source in torn {
            let line = run.err.lines().find(|line| line.starts_with(source)).unwrap_or_else(|| panic!("{run:?}"));
            assert!(
                line.contains("/run.json: not a record of its kind: ") && line.ends_with(": it is left out"),
                "{line}"
            );
        }
    }
}
