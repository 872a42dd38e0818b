//! Backfills: each day once, so many at a time, and right only where the lake says so.

use std::fs;

use serde_json::Value;

use super::{Place, kill};

pub const SETTINGS: &str = r#"
[[datasets]]
name = "orders"
layer = "bronze"
data_prefix = "bronze/orders/"

[[datasets]]
name = "idle"
layer = "bronze"
data_prefix = "bronze/idle/"

[[datasets]]
name = "held"
layer = "bronze"
data_prefix = "bronze/held/"

[[jobs]]
name = "fill"
dataset = "orders"
command = "echo {date} >> began.txt; test ! -e broken-{date} || exit 3; mkdir -p bronze/orders/dt={date}; echo '{\"id\":1}' > bronze/orders/dt={date}/part-0.jsonl"

[[jobs]]
name = "idle"
dataset = "idle"
command = "echo idle >> began.txt"

[[jobs]]
name = "hold"
dataset = "held"
command = "echo {date} >> began.txt; mkdir -p now; : > now/{date}; ls now | wc -l >> at-once.txt; while [ -e lakeward.toml -a ! -e go ]; do sleep 0.05; done; rm now/{date}; mkdir -p bronze/held/dt={date}; echo '{\"id\":1}' > bronze/held/dt={date}/part-0.jsonl"
"#;

fn range<'a>(dataset: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["backfill", dataset, "--from", "2026-11-01", "--to", "2026-11-10"][..], more].concat()
}

fn states(backfill: &Value) -> Vec<String> {
    backfill["days"].as_array().unwrap().iter().map(|d| d["state"].as_str().unwrap().to_owned()).collect()
}

pub fn count(backfill: &Value, state: &str) -> usize {
    states(backfill).iter().filter(|s| *s == state).count()
}

pub fn only(place: &Place) -> Value {
    let listed = place.run(&["backfill", "list", "--json"]).json();
    let [one] = <[Value; 1]>::try_from(listed.as_array().unwrap().clone()).unwrap();
    one
}

#[test]
fn ten_days_with_one_that_fails_are_resumed_to_the_end() {
    let place = Place::new(SETTINGS);
    place.write("broken-2026-11-04", "");
    let first = place.run(&range("orders", &["--parallel", "3", "--confirm", "10", "--json"]));
    assert_eq!(first.code, 3, "{first:?}");
    let said = first.json();
    assert_eq!((count(&said, "done"), count(&said, "failed")), (9, 1), "{said}");
    assert_eq!(said["state"], "failed");
    let failed = &said["days"][3];
    assert_eq!(failed["date"], "2026-11-04");
    assert!(failed["detail"].as_str().unwrap().contains("exit code 3"), "{failed}");
    fs::remove_file(place.path("broken-2026-11-04")).unwrap();
    let id = said["id"].as_str().unwrap();
    // From another machine: all that is known lies on the lake.
    let other = tempfile::tempdir().unwrap();
    let rest = place.run_as(other.path(), &["backfill", "resume", id, "--confirm", "1", "--json"]);
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!((count(&rest.json(), "done"), &rest.json()["state"]), (10, &"done".into()));
    assert_eq!(rest.json()["days"][3]["attempt"], 2);
    assert_eq!(place.read("began.txt").lines().count(), 11, "each day once, and the one that failed twice");
    assert_eq!(place.began("2026-11-04"), 2);
    assert_eq!(only(&place)["id"], id);
    let shown = place.run(&["backfill", "show", id]);
    assert!(shown.code == 0 && shown.out.contains("rows 0 → 1"), "{shown:?}");
}

#[test]
fn what_is_known_to_be_right_is_skipped_and_what_speaks_against_it_is_not() {
    let place = Place::new(SETTINGS);
    assert_eq!(place.run(&range("orders", &["--confirm", "10"])).code, 0);
    let again = place.run(&range("orders", &["--json"]));
    assert_eq!((again.code, count(&again.json(), "skipped")), (0, 10), "{again:?}");
    assert!(again.json()["days"][0]["why"].as_str().unwrap().starts_with("verified: 1 rows"), "{again:?}");
    place.entry("orders", "2026-11-05");
    fs::write(place.path("bronze/orders/dt=2026-11-07/part-0.jsonl"), "").unwrap();
    let plan = place.run(&range("orders", &["--dry-run", "--json"])).json();
    assert_eq!((count(&plan, "skipped"), count(&plan, "waiting")), (8, 2), "{plan}");
    assert!(plan["days"][4]["why"].as_str().unwrap().contains("dead letter"), "{plan}");
    assert!(plan["days"][6]["why"].as_str().unwrap().contains("no rows"), "{plan}");
    assert_eq!(place.began("2026-11-05"), 1, "a dry run runs nothing");
    let wrong = place.run(&range("orders", &["--confirm", "10"]));
    assert!(wrong.code == 4 && wrong.err.contains("it names 2 objects"), "{wrong:?}");
    assert_eq!(place.run(&range("orders", &["--confirm", "2"])).code, 0);
    let forced = place.run(&range("orders", &["--force", "--confirm", "10"]));
    assert_eq!((forced.code, place.began("2026-11-01")), (0, 2), "{forced:?}");
}

#[test]
fn a_program_that_says_it_went_well_proves_nothing() {
    let place = Place::new(SETTINGS);
    let run = place.run(&range("idle", &["--confirm", "10", "--json"]));
    assert_eq!((run.code, count(&run.json(), "failed")), (3, 10), "{run:?}");
    assert!(run.json()["days"][0]["detail"].as_str().unwrap().contains("nothing lies in its partition"), "{run:?}");
}

#[test]
fn what_cannot_be_is_refused() {
    let place = Place::new(SETTINGS);
    for (arguments, code, why) in [
        (&["backfill", "nobody", "--from", "2026-11-01", "--to", "2026-11-02"][..], 4, "data_prefix"),
        (&["backfill", "orders", "--from", "2026-11-02", "--to", "2026-11-01"], 4, "before"),
        (&["backfill", "orders", "--from", "2020-11-02", "--to", "2026-11-01"], 4, "more than 800 days"),
        (&["backfill", "orders"], 2, "--from"),
        (&["backfill", "resume", "nobody", "--confirm", "1"], 1, "no backfill nobody"),
        (
            &["--read-only", "backfill", "orders", "--from", "2026-11-01", "--to", "2026-11-01", "--confirm", "1"],
            4,
            "read-only",
        ),
    ] {
        let run = place.run(arguments);
        assert!(run.code == code && run.err.contains(why), "{arguments:?}: {run:?}");
    }
    assert!(!place.path("_lakeward").exists() && !place.path("began.txt").exists());
}

#[test]
fn killed_with_three_under_way_it_goes_on_without_asking_twice() {
    let place = Place::new(SETTINGS);
    let running = place.start(&range("held", &["--parallel", "3", "--confirm", "10"]));
    place.until("three go on", |p| p.read("at-once.txt").lines().count() == 3);
    kill(running);
    let known = only(&place);
    assert_eq!((&known["state"], count(&known, "waiting")), (&"unfinished".into(), 7), "{known}");
    let id = known["id"].as_str().unwrap().to_owned();
    let next = place.start(&["backfill", "resume", &id, "--confirm", "1"]);
    place.write("go", "");
    let ended = next.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(count(&only(&place), "done"), 10);
    for day in 1..=10 {
        assert_eq!(place.began(&format!("2026-11-{day:02}")), 1, "day {day}");
    }
    let most = place.read("at-once.txt").lines().filter_map(|n| n.trim().parse::<u32>().ok()).max();
    assert_eq!(most, Some(3), "three at once, and no more");
}

#[test]
fn one_that_is_stopped_leaves_the_rest_to_be_resumed() {
    let place = Place::new(SETTINGS);
    let mut running = place.start(&range("held", &["--parallel", "2", "--confirm", "10"]));
    place.until("two go on", |p| p.read("at-once.txt").lines().count() == 2);
    let stop = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(stop.success());
    assert_eq!(running.wait().unwrap().code(), Some(130));
    let known = only(&place);
    assert_eq!((count(&known, "stopped"), count(&known, "waiting")), (2, 8), "{known}");
    place.write("go", "");
    let id = known["id"].as_str().unwrap();
    let rest = place.run(&["backfill", "resume", id, "--confirm", "1"]);
    assert_eq!((rest.code, count(&only(&place), "done")), (0, 10), "{rest:?}");
}

#[test]
fn nobody_fills_the_same_dataset_meanwhile() {
    let place = Place::new(SETTINGS);
    let running = place.start(&range("held", &["--parallel", "1", "--confirm", "10"]));
    place.until("one goes on", |p| p.read("at-once.txt").lines().count() == 1);
    let second = place.run(&range("held", &["--confirm", "10"]));
    assert!(second.code == 4 && second.err.contains("is held by"), "{second:?}");
    assert_eq!(place.read("began.txt").lines().count(), 1);
    place.write("go", "");
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(0));
}
