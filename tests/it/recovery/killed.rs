//! The console is killed while work goes on, with or without the commands that it began: the next start takes the work up,
//! and what the commands noted shows that nothing ran twice.

use serde_json::Value;

use super::Place;
use super::backfill::{SETTINGS, count, only};
use super::redrive::{LEDGER, ledger, place};
use crate::support::terminal::Terminal;

const TAKEN_UP: &str = "1 piece of work was interrupted, and goes on: W shows it";

fn kill(mut console: Terminal) {
    console.signal("KILL");
    console.wait();
}

fn leave(mut console: Terminal) {
    console.keys("q");
    assert_eq!(console.wait().code(), Some(0));
}

/// A console in which the redrive of the only entry runs its slow command.
fn redriving(place: &Place) -> Terminal {
    let console = place.console();
    console.keys("2jR");
    console.wait_for("begin?");
    console.keys("y");
    place.until("it begins", |p| p.began("slow") == 1 && p.read(LEDGER).contains("\"submitted\""));
    known(place, "slow", 1);
    console
}

/// Waits until the groups of so many commands of a job are written down: by them they are killed.
fn known(place: &Place, job: &str, groups: usize) {
    let is_known = |run: std::io::Result<std::fs::DirEntry>| {
        let record = std::fs::read_to_string(run.unwrap().path().join("run.json"));
        record.unwrap_or_default().contains("process_group")
    };
    place.until("their groups are known", |p| {
        let runs = std::fs::read_dir(p.path(&format!("_jobs/{job}"))).into_iter().flatten();
        runs.map(is_known).filter(|known| *known).count() == groups
    });
}

/// Ends the groups of processes of all commands of this job that go on: the machine's memory killer asks nobody.
fn kill_commands(place: &Place, job: &str) {
    for run in std::fs::read_dir(place.path(&format!("_jobs/{job}"))).unwrap() {
        let record: Value =
            serde_json::from_slice(&std::fs::read(run.unwrap().path().join("run.json")).unwrap()).unwrap();
        if record["state"] == "running" {
            let group = record["settings"]["process_group"].as_str().unwrap().split(' ').next().unwrap().to_owned();
            let killed = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
            assert!(killed.unwrap().success(), "{record}");
        }
    }
}

#[test]
fn a_redrive_is_followed_by_the_next_console() {
    let place = place("slow");
    kill(redriving(&place));
    // And by the one after, which is killed as well.
    let second = place.console();
    second.wait_for(TAKEN_UP);
    kill(second);
    let third = place.console();
    third.wait_for(TAKEN_UP);
    assert_eq!(ledger(&place)["state"], "submitted");
    place.write("go", "");
    third.wait_for("redrive of _errors/orders/dt=2026-11-22/: done");
    assert_eq!((place.began("slow"), place.began("again")), (1, 1), "nothing was started twice");
    assert_eq!(ledger(&place)["state"], "done");
    leave(third);
    // Nothing is left to be taken up.
    let fourth = place.console();
    assert!(!fourth.text().contains("interrupted"), "{}", fourth.text());
    leave(fourth);
}

#[test]
fn a_redrive_whose_command_was_killed_as_well_is_not_run_again() {
    let place = place("slow");
    let console = redriving(&place);
    kill(console);
    kill_commands(&place, "slow");
    let next = place.console();
    next.wait_for("nobody saw its end");
    assert_eq!((place.began("slow"), place.began("again")), (1, 0));
    assert_eq!(ledger(&place)["state"], "failed");
    // Whether its rows came in is for people to say: once more takes a reason.
    next.keys("2jR");
    next.wait_for("o does it once more, with a reason");
    next.keys("\x1b");
    next.wait_until("the list", |screen| !screen.contents().contains("once more"));
    leave(next);
}

/// A console that fills ten days, three of which it runs now.
fn filling(place: &Place) -> Terminal {
    let console = place.console();
    console.keys(":backfill held 2026-11-01 2026-11-10 3\r");
    console.wait_for("begin?");
    console.keys("y");
    place.until("three go on", |p| p.read("at-once.txt").lines().count() == 3);
    known(place, "hold", 3);
    console
}

#[test]
fn a_backfill_is_gone_on_with_by_the_next_console() {
    let place = Place::new(SETTINGS);
    kill(filling(&place));
    assert_eq!(count(&only(&place), "waiting"), 7);
    let next = place.console();
    next.wait_for(TAKEN_UP);
    place.write("go", "");
    next.wait_for("10 days: 10 done");
    assert_eq!(count(&only(&place), "done"), 10);
    for day in 1..=10 {
        assert_eq!(place.began(&format!("2026-11-{day:02}")), 1, "day {day}");
    }
    leave(next);
}

#[test]
fn days_whose_commands_were_killed_as_well_are_filled_by_hand_and_no_others() {
    let place = Place::new(SETTINGS);
    let console = filling(&place);
    kill(console);
    kill_commands(&place, "hold");
    place.write("go", "");
    let next = place.console();
    next.wait_for("10 days: 7 done, 3 failed");
    // Only what is not there is planned.
    next.keys(":backfill held 2026-11-01 2026-11-10\r");
    next.wait_for("3 days are run");
    next.keys("y");
    next.wait_for("10 days: 3 done, 7 skipped");
    let began: Vec<usize> = (1..=10).map(|day| place.began(&format!("2026-11-{day:02}"))).collect();
    assert_eq!(began, [2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
    leave(next);
}
