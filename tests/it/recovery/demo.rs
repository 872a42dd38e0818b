//! The five incidents of the demo: each is recovered by what the console offers, and its alerts are gone.

use chrono::{Days, NaiveDate};
use serde_json::Value;

use super::Place;
use crate::support::program::Run;

pub fn demo() -> Place {
    let place = Place { lake: tempfile::tempdir().unwrap(), home: tempfile::tempdir().unwrap() };
    let folder = place.lake.path().to_str().unwrap();
    let mut command = std::process::Command::new(crate::support::program::LAKEWARD);
    command.args(["demo", "--write", folder]).env_clear().envs(crate::support::program::environment(place.home.path()));
    assert!(command.status().unwrap().success());
    place
}

/// The alerts of a category on these datasets, but for information: rule and date.
fn alerts(place: &Place, category: &str, datasets: &[&str]) -> Vec<(String, String)> {
    let run = place.run(&["alerts", "--json"]);
    let all = run.json();
    let of = |a: &&Value| {
        a["severity"] != "info"
            && a["category"] == category
            && datasets.contains(&a["dataset"].as_str().unwrap_or_default())
    };
    let named = |a: &Value| (a["rule"].as_str().unwrap().to_owned(), a["date"].as_str().unwrap_or_default().to_owned());
    let mut found: Vec<_> = all.as_array().unwrap().iter().filter(of).map(named).collect();
    found.sort();
    found
}

fn rules(alerts: &[(String, String)]) -> Vec<&str> {
    alerts.iter().map(|(rule, _)| rule.as_str()).collect()
}

fn date_of(alerts: &[(String, String)], rule: &str) -> String {
    alerts.iter().find(|(r, _)| r == rule).unwrap_or_else(|| panic!("no {rule}: {alerts:?}")).1.clone()
}

fn well(run: &Run) {
    assert_eq!(run.code, 0, "{run:?}");
}

/// Redrives an entry and archives it then.
fn redrive(place: &Place, dataset: &str, date: &str) {
    let target = format!("{dataset}/dt={date}");
    well(&place.run(&["dlq", "redrive", &target, "--confirm", "1"]));
    archive(place, &target, "");
}

/// Keeps an entry for good; the note is what one whose writer died asks for.
pub fn archive(place: &Place, target: &str, incident: &str) {
    let mut archive = vec!["dlq", "archive", target, "--note", "its day is right again"];
    if !incident.is_empty() {
        archive.extend(["--incident", incident]);
    }
    let asked = place.run(&archive);
    let named =
        asked.err.split("it names ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_owned();
    well(&place.run(&[&archive[..], &["--confirm", &named]].concat()));
}

fn backfill(place: &Place, dataset: &str, from: &str, to: &str) -> u64 {
    let range = ["backfill", dataset, "--from", from, "--to", to];
    let plan = place.run(&[&range[..], &["--dry-run", "--json"]].concat()).json();
    let runs = plan["runs"].as_u64().unwrap();
    well(&place.run(&[&range[..], &["--confirm", &runs.to_string()]].concat()));
    runs
}

#[test]
fn schema_evolution_its_entries_are_redriven_and_archived() {
    let place = demo();
    let before = alerts(&place, "schema_evolution", &["crm/contacts"]);
    assert_eq!(rules(&before), ["dlq_rows", "dlq_rows", "schema_drift", "schema_drift"]);
    for (_, date) in before.iter().filter(|(rule, _)| rule == "dlq_rows") {
        redrive(&place, "crm/contacts", date);
    }
    assert!(alerts(&place, "schema_evolution", &["crm/contacts"]).is_empty());
    assert!(
        place.path("bronze/crm/contacts").join(format!("dt={}", before[0].1)).join("part-redriven.parquet").exists()
    );
}

#[test]
fn an_upstream_source_its_day_is_filled_and_its_entry_redriven() {
    let place = demo();
    let before = alerts(&place, "upstream_source", &["finance/fx_rates"]);
    assert_eq!(rules(&before), ["dlq_rows", "no_data"]);
    let date = date_of(&before, "dlq_rows");
    assert_eq!(backfill(&place, "finance/fx_rates", &date, &date), 1);
    redrive(&place, "finance/fx_rates", &date);
    assert_eq!(alerts(&place, "upstream_source", &["finance/fx_rates"]), []);
}

#[test]
fn the_network_the_job_runs_again_for_the_days_it_missed() {
    let place = demo();
    let before = alerts(&place, "network", &["gold/revenue"]);
    assert_eq!(rules(&before), ["dlq_rows", "job_failure_rate"]);
    let to: NaiveDate = date_of(&before, "dlq_rows").parse().unwrap();
    let from = to.checked_sub_days(Days::new(4)).unwrap();
    // The day before is mostly there and right.
    let runs = backfill(&place, "gold/revenue", &from.to_string(), &to.to_string());
    assert!((4..=5).contains(&runs), "{runs}");
    assert_eq!(rules(&alerts(&place, "network", &["gold/revenue"])), ["dlq_rows"], "4 of 8 runs failed: not over half");
    redrive(&place, "gold/revenue", &to.to_string());
    assert_eq!(alerts(&place, "network", &["gold/revenue"]), []);
}

#[test]
fn data_quality_the_days_are_made_anew_and_the_rows_redriven() {
    let place = demo();
    let datasets = ["silver/orders", "orders", "crm/contacts"];
    let before = alerts(&place, "data_quality", &datasets);
    assert_eq!(rules(&before), ["dlq_rows", "dlq_rows", "pass_rate", "quality_gate"]);
    // An entry whose writer died is not redriven: its day is made anew, and it is kept.
    let incomplete = alerts(&place, "unknown", &["silver/orders"]);
    let day = date_of(&incomplete, "incomplete_entry");
    let refused = place.run(&["dlq", "redrive", &format!("silver/orders/dt={day}"), "--confirm", "1"]);
    assert!(refused.code == 4 && refused.err.contains("not complete"), "{refused:?}");
    let gate = date_of(&before, "quality_gate");
    backfill(&place, "silver/orders", &gate, &gate);
    archive(&place, &format!("silver/orders/dt={day}"), "");
    let contacts = date_of(&before, "pass_rate");
    backfill(&place, "crm/contacts", &contacts, &contacts);
    for (_, date) in before.iter().filter(|(rule, _)| rule == "dlq_rows") {
        redrive(&place, "orders", date);
    }
    assert_eq!(alerts(&place, "data_quality", &datasets), []);
    assert_eq!(alerts(&place, "unknown", &["silver/orders"]), []);
}

#[test]
fn resource_exhaustion_the_job_runs_with_more_memory() {
    let place = demo();
    let before = alerts(&place, "resource_exhaustion", &["silver/sessions"]);
    assert_eq!(rules(&before), ["dlq_rows", "job_duration"]);
    let date = date_of(&before, "dlq_rows");
    let run = ["jobs", "run", "silver_sessions", "--date", &date, "--confirm", "1"];
    let same = place.run(&run);
    assert!(same.code == 3 && same.out.contains("exit code 137"), "{same:?}");
    let more = place.run(&[&run[..], &["--set", "spark.executor.memory=16g"]].concat());
    well(&more);
    assert!(more.err.contains("spark.executor.memory=16g"), "{more:?}");
    redrive(&place, "silver/sessions", &date);
    assert_eq!(alerts(&place, "resource_exhaustion", &["silver/sessions"]), []);
}
