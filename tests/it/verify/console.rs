//! The end of an incident in the console, whose terminal is killed at each of its screens: the next start goes on there.

use std::path::Path;

use crate::recovery::Place;
use crate::recovery::demo::{archive, demo};
use crate::support::program::{LAKEWARD, environment};
use crate::support::terminal::Terminal;

fn open(place: &Place) -> Terminal {
    let environment = environment(place.home.path());
    let envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let terminal = Terminal::start(LAKEWARD, &["--lake", place.lake.path().to_str().unwrap()], &envs, 30, 140);
    terminal.wait_for("1,200 rej");
    terminal
}

fn kill(mut terminal: Terminal) {
    terminal.signal("KILL");
    assert_eq!(terminal.wait().code(), None);
}

/// A new console, in which the open incident is joined.
fn joined(place: &Place, offered: &str) -> Terminal {
    let terminal = open(place);
    terminal.wait_for(offered);
    terminal.keys("8");
    terminal.wait_for("enter joins it");
    terminal.keys("\r");
    terminal.wait_for("incident: crm/contacts");
    terminal
}

#[test]
fn a_terminal_that_is_killed_at_any_screen_is_gone_on_with_by_the_next() {
    let place = demo();
    let alerts = place.run(&["alerts", "--json"]).json();
    let its = |a: &&serde_json::Value| {
        a["rule"] == "dlq_rows" && a["dataset"] == "crm/contacts" && a["severity"] == "warning"
    };
    let date = alerts.as_array().unwrap().iter().find(its).unwrap()["date"].as_str().unwrap().to_owned();

    // Opened by its alert, and killed at once.
    let terminal = open(&place);
    terminal.keys("/150 rejected\r");
    terminal.wait_for("filter hides");
    terminal.keys("b");
    terminal.wait_for("incident: crm/contacts");
    kill(terminal);

    // A step of its runbook, settled.
    let terminal = joined(&place, "an incident is open: 150 rejected rows");
    terminal.keys("6\r");
    terminal.wait_for(" 0 of ");
    terminal.keys("s");
    terminal.wait_for(":skip");
    terminal.keys("seen before\r");
    terminal.wait_for(" 1 of ");
    kill(terminal);

    // The walk is where it was. The checks, made and failed.
    let terminal = joined(&place, "an incident is open: 150 rejected rows");
    terminal.keys("6\r");
    terminal.wait_for(" 1 of ");
    terminal.wait_for("skipped");
    terminal.keys("7");
    terminal.wait_for("not checked yet");
    terminal.keys("V");
    terminal.wait_for("checks do not hold");
    terminal.keys("X");
    terminal.wait_for("not over, 5 of 5 open");
    kill(terminal);
    let terminal = joined(&place, "an incident is open");
    terminal.keys("7");
    terminal.wait_for("checks do not hold");
    kill(terminal);

    // Mended from elsewhere.
    let incidents = place.run(&["incident", "list", "--json"]).json();
    let id = incidents[0]["incident"].as_str().unwrap().to_owned();
    let target = format!("crm/contacts/dt={date}");
    for arguments in [
        vec!["backfill", "crm/contacts", "--from", &date, "--to", &date, "--confirm", "1", "--incident", &id],
        vec!["dlq", "redrive", &target, "--confirm", "1", "--incident", &id],
    ] {
        let run = place.run(&arguments);
        assert_eq!(run.code, 0, "{run:?}");
    }
    archive(&place, &target, &id);

    // Some signed off, then the rest.
    let terminal = joined(&place, "an incident is open");
    terminal.keys("7V");
    terminal.wait_for("5 of 5 green");
    terminal.keys("x");
    terminal.wait_for("7 Verify 1/5");
    terminal.keys("jx");
    terminal.wait_for("7 Verify 2/5");
    kill(terminal);
    let terminal = joined(&place, "an incident is open");
    terminal.wait_for("7 Verify 2/5");
    terminal.keys("7");
    for signed in 3..=5 {
        terminal.keys(if signed == 3 { "jjx" } else { "jx" });
        terminal.wait_for(&format!("7 Verify {signed}/5"));
    }
    // A note that was not written down is gone with its terminal; one that was is there.
    terminal.keys("ikept\x13");
    terminal.wait_until("the note is written", |screen| !screen.contents().contains("ctrl-s"));
    terminal.keys("8H");
    terminal.wait_for("handed over");
    kill(terminal);

    let terminal = joined(&place, "an incident is open, handed over");
    terminal.wait_for("kept");
    terminal.keys("t");
    terminal.wait_for("took it over");
    terminal.keys("Xa column was renamed\r");
    terminal.wait_for("it is over: a column was renamed");
    kill(terminal);

    let mut terminal = open(&place);
    terminal.keys("8");
    terminal.wait_for("resolved");
    terminal.keys("\r");
    terminal.wait_for("incident: crm/contacts");
    terminal.keys("p");
    terminal.wait_for("sent to the terminal");
    let reports = place.path(&format!("_lakeward/incidents/{id}/reports"));
    let stored = std::fs::read_dir(&reports).unwrap().map(|file| file.unwrap().path());
    let markdown = stored.into_iter().find(|path| path.extension().is_some_and(|end| end == "md"));
    let text = std::fs::read_to_string(markdown.as_deref().unwrap_or(Path::new("?"))).unwrap();
    assert_eq!(text, place.run(&["incident", "report", &id]).out);
    assert!(text.contains("a column was renamed") && text.contains("kept"), "{text}");
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
}
