//! Redrives: once, and known to be.

use std::fs;

use serde_json::Value;

use super::{Place, kill};

const ENTRY: &str = "orders/dt=2026-11-22";
pub const LEDGER: &str = "_lakeward/redriven/orders/dt=2026-11-22/0001.json";

/// `again` writes the rows, waiting for nobody; the others each do it in a way of their own.
fn settings(redrive: &str) -> String {
    let again = "echo again >> began.txt; mkdir -p bronze/{dataset}/dt={date} && \
                 cp {entry}rejected_rows.json bronze/{dataset}/dt={date}/part-again.jsonl";
    format!(
        r#"
[[datasets]]
name = "orders"
layer = "bronze"
data_prefix = "bronze/orders/"
redrive = "{redrive}"

[[jobs]]
name = "again"
command = "{again}"

[[jobs]]
name = "idle"
command = "echo idle >> began.txt"

[[jobs]]
name = "broken"
command = "echo broken >> began.txt; echo 'ValueError: amount' >&2; exit 7"

[[jobs]]
name = "picky"
command = "{again}; mkdir -p _errors/orders/dt=2026-11-25; echo '[]' > _errors/orders/dt=2026-11-25/rejected_rows.json"

[[jobs]]
name = "slow"
command = "echo slow >> began.txt; while [ -e lakeward.toml -a ! -e go ]; do sleep 0.05; done; {again}"
"#
    )
}

pub fn place(redrive: &str) -> Place {
    let place = Place::new(&settings(redrive));
    place.entry("orders", "2026-11-22");
    place
}

fn redrive<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["dlq", "redrive", ENTRY][..], more].concat()
}

pub fn ledger(place: &Place) -> Value {
    serde_json::from_str(&place.read(LEDGER)).unwrap()
}

#[test]
fn its_rows_come_in_once_and_the_entry_is_archived_then() {
    let place = place("again");
    let done = place.run(&redrive(&["--confirm", "1", "--json"]));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("mkdir -p bronze/orders/dt=2026-11-22"), "the command is shown whole: {done:?}");
    assert_eq!(place.read("bronze/orders/dt=2026-11-22/part-again.jsonl").lines().count(), 2);
    let (said, kept) = (done.json(), ledger(&place));
    assert_eq!((&said["redrive"]["state"], &said["redrive"]["id"]), (&"done".into(), &kept["id"]));
    assert_eq!((&kept["before"]["objects"], &kept["after"]["rows"]), (&0.into(), &2.into()));
    assert_eq!(kept["run"]["id"], kept["id"], "the run has the name that was written down before");
    // Once more is refused, by whomever.
    let other = tempfile::tempdir().unwrap();
    for home in [place.home.path(), other.path()] {
        let again = place.run_as(home, &redrive(&["--confirm", "1"]));
        assert!(again.code == 4 && again.err.contains("redriven already: done"), "{again:?}");
        assert!(again.err.contains("--override REASON"), "{again:?}");
    }
    assert_eq!(place.began("again"), 1);
    let shown = place.run(&["dlq", "show", ENTRY]);
    assert!(shown.out.contains("redriven    done by"), "{shown:?}");
    let empty = place.run(&redrive(&["--confirm", "1", "--override", " "]));
    assert!(empty.code == 4 && empty.err.contains("say why"), "{empty:?}");
    let reason = place.run(&redrive(&["--confirm", "1", "--override", "the target was restored"]));
    assert_eq!((reason.code, place.began("again")), (0, 2), "{reason:?}");
    assert!(place.read(&LEDGER.replace("0001", "0002")).contains("the target was restored"));
    let archived = place.run(&["dlq", "archive", ENTRY, "--confirm", "3"]);
    assert_eq!(archived.code, 0, "{archived:?}");
    assert_eq!(place.run(&["dlq", "list", "--json"]).json(), Value::Array(Vec::new()));
    let audit = place.run(&["audit", "--json"]).json();
    let acts: Vec<&str> = audit.as_array().unwrap().iter().filter_map(|a| a["outcome"].as_str()).collect();
    assert_eq!(acts, ["done", "done", "begun", "done", "begun"]);
}

#[test]
fn a_dry_run_is_the_plan_and_changes_nothing() {
    let place = place("again");
    let dry = place.run(&redrive(&["--dry-run"]));
    assert!(dry.code == 0 && dry.out.contains("would run again: sh -c echo again"), "{dry:?}");
    assert!(!place.path("_lakeward").exists() && place.began("again") == 0);
    let plan = place.run(&redrive(&["--dry-run", "--json"])).json();
    assert_eq!((&plan["dry_run"], &plan["plan"]["rows"]), (&true.into(), &2.into()));
}

#[test]
fn success_is_what_lies_on_the_lake() {
    for (job, why) in [("idle", "nothing lies in its partition"), ("broken", "exit code 7: ValueError: amount")] {
        let place = place(job);
        let run = place.run(&redrive(&["--confirm", "1"]));
        assert!(run.code == 3 && run.out.contains("failed") && run.out.contains(why), "{run:?}");
        assert_eq!(ledger(&place)["state"], "failed");
        // A part of its rows may have come in: nobody runs them again without saying so.
        let again = place.run(&redrive(&["--confirm", "1"]));
        assert!(again.code == 4 && place.began(job) == 1, "{again:?}");
    }
}

#[test]
fn what_it_rejects_anew_is_linked_to_it() {
    let place = place("picky");
    let run = place.run(&redrive(&["--confirm", "1"]));
    assert!(run.code == 3 && run.out.contains("rejected anew: _errors/orders/dt=2026-11-25/"), "{run:?}");
    assert_eq!(ledger(&place)["rejects"][0]["entry"], "_errors/orders/dt=2026-11-25/");
    let shown = place.run(&["dlq", "show", "orders/dt=2026-11-25", "--json"]).json();
    assert_eq!(shown["comes_from"][0]["entry"], "_errors/orders/dt=2026-11-22/");
}

#[test]
fn what_cannot_be_redriven_is_refused() {
    for (prepare, why) in [
        (
            (|p: &Place| fs::remove_file(p.path("_errors/orders/dt=2026-11-22/_SUCCESS")).unwrap()) as fn(&Place),
            "complete",
        ),
        (|p| p.write("lakeward.toml", "[[datasets]]\nname = \"orders\"\n"), "no job redrives orders"),
    ] {
        let place = place("again");
        prepare(&place);
        let run = place.run(&redrive(&["--confirm", "1"]));
        assert!(run.code == 4 && run.err.contains(why), "{why}: {run:?}");
        assert!(!place.path("_lakeward").exists(), "{why}");
    }
    let place = place("again");
    for (more, why) in [(&["--confirm", "2"][..], "not confirmed"), (&[], "not confirmed")] {
        let run = place.run(&redrive(more));
        assert!(run.code == 4 && run.err.contains(why) && place.began("again") == 0, "{run:?}");
    }
}

#[test]
fn a_protected_environment_is_armed_first() {
    let place = place("again");
    let config = place.home.path().join("config.toml");
    let lake = place.lake.path().display();
    fs::write(&config, format!("[environments.prod]\nkind = \"local\"\nlake = \"{lake}\"\nprotected = true\n"))
        .unwrap();
    let on = |more: &[&str]| {
        let global = ["--config", config.to_str().unwrap(), "--env", "prod"];
        let mut command = std::process::Command::new(crate::support::program::LAKEWARD);
        command.args(global).args(redrive(more)).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(crate::support::program::environment(place.home.path())).output().unwrap().status.code()
    };
    assert_eq!((on(&["--confirm", "1"]), place.began("again")), (Some(4), 0));
    assert_eq!((on(&["--confirm", "1", "--arm", "hotfix 12"]), place.began("again")), (Some(0), 1));
}

#[test]
fn of_two_who_want_the_same_entry_one_gets_it() {
    let place = place("again");
    let other = tempfile::tempdir().unwrap();
    let arguments = redrive(&["--confirm", "1"]);
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let homes = [place.home.path(), other.path()];
        let runs: Vec<_> = homes.map(|home| scope.spawn(|| place.run_as(home, &arguments).code)).into_iter().collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(codes.contains(&0) && codes.contains(&4), "{codes:?}");
    assert_eq!(place.began("again"), 1);
}

#[test]
fn one_whose_console_was_killed_is_followed_and_not_begun_again() {
    let place = place("slow");
    let running = place.start(&redrive(&["--confirm", "1"]));
    place.until("it begins", |p| p.began("slow") == 1 && p.read(LEDGER).contains("\"submitted\""));
    kill(running);
    // Others see that it is under way, and what it does lives on.
    let other = tempfile::tempdir().unwrap();
    let second = place.run_as(other.path(), &redrive(&["--confirm", "1"]));
    assert!(second.code == 4 && second.err.contains("redriven already: submitted"), "{second:?}");
    let next = place.start(&redrive(&["--confirm", "1"]));
    place.write("go", "");
    let ended = next.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!((place.began("slow"), place.began("again")), (1, 1), "nothing was started twice");
    assert_eq!(ledger(&place)["state"], "done");
}

#[test]
fn one_that_was_killed_before_its_group_was_known_is_followed_all_the_same() {
    let place = place("slow");
    let running = place.start(&redrive(&["--confirm", "1"]));
    let record =
        |p: &Place| fs::read_dir(p.path("_jobs/slow")).ok()?.next()?.ok().map(|run| run.path().join("run.json"));
    let read = |p: &Place| -> Option<Value> { serde_json::from_slice(&fs::read(record(p)?).ok()?).ok() };
    let has_group = |p: &Place| read(p).is_some_and(|kept| kept["settings"]["process_group"].is_string());
    place.until("it begins", |p| p.began("slow") == 1 && has_group(p) && p.read(LEDGER).contains("\"submitted\""));
    kill(running);
    // As if it had been killed a moment earlier.
    let mut kept = read(&place).unwrap();
    kept["settings"].as_object_mut().unwrap().remove("process_group");
    fs::write(record(&place).unwrap(), kept.to_string()).unwrap();
    let next = place.start(&redrive(&["--confirm", "1"]));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(ledger(&place)["state"], "submitted", "its command goes on");
    place.write("go", "");
    assert_eq!(next.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!((place.began("slow"), place.began("again")), (1, 1), "nothing was started twice");
    assert_eq!(ledger(&place)["state"], "done");
}

#[test]
fn one_whose_command_was_killed_as_well_is_judged_by_what_it_left() {
    let place = place("slow");
    let running = place.start(&redrive(&["--confirm", "1"]));
    let run = |p: &Place| -> Option<Value> {
        let kept: Value = serde_json::from_str(&p.read(LEDGER)).ok()?;
        let id = kept["run"]["id"].as_str()?;
        serde_json::from_str(&p.read(&format!("_jobs/slow/{id}/run.json"))).ok()
    };
    let child = |p: &Place| Some(run(p)?["settings"]["process_group"].as_str()?.split(' ').next()?.to_owned());
    place.until("it begins", |p| p.began("slow") == 1 && child(p).is_some());
    let pid = child(&place).unwrap();
    kill(running);
    assert!(std::process::Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status().unwrap().success());
    let next = place.run(&redrive(&["--confirm", "1"]));
    assert!(next.code == 3 && next.out.contains("nobody saw its end"), "{next:?}");
    assert_eq!((place.began("slow"), place.began("again")), (1, 0));
    assert_eq!(ledger(&place)["state"], "failed");
}

#[test]
fn a_command_that_was_changed_on_the_lake_is_not_run() {
    let place = place("slow");
    let running = place.start(&redrive(&["--confirm", "1"]));
    place.until("it begins", |p| p.began("slow") == 1 && p.read(LEDGER).contains("\"submitted\""));
    kill(running);
    place.write("go", "");
    place.until("its command ends", |p| p.began("again") == 1);
    // As if nothing had been begun, and another command had been agreed on.
    let mut kept = ledger(&place);
    kept["state"] = "planned".into();
    kept["launch"]["words"] = serde_json::json!(["sh", "-c", "echo evil >> began.txt"]);
    place.write(LEDGER, &kept.to_string());
    let next = place.run(&redrive(&["--confirm", "1"]));
    assert!(next.code == 4 && next.err.contains("not what was planned"), "{next:?}");
    assert_eq!(place.began("evil"), 0);
}
