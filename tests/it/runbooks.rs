//! Guided recovery on the command line: what an alert opens, how it is walked by two people, what is refused, and what
//! lies on the lake afterwards.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::program::{Run, lakeward};

fn demo() -> tempfile::TempDir {
    let lake = tempfile::tempdir().unwrap();
    let folder = lake.path().join("lake");
    let written = lakeward(&["demo", "--write", folder.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{written:?}");
    lake
}

fn on(lake: &Path, arguments: &[&str]) -> Run {
    let folder = lake.join("lake");
    lakeward(&[&["--lake", folder.to_str().unwrap()], arguments].concat())
}

/// The key of the first alert about this dataset, of this rule.
fn alert(lake: &Path, rule: &str, dataset: &str) -> String {
    let alerts = on(lake, &["alerts", "--json"]).json();
    let found = alerts.as_array().unwrap().iter().find(|a| a["rule"] == rule && a["dataset"] == dataset);
    found.unwrap_or_else(|| panic!("no {rule} of {dataset}: {alerts}"))["key"].as_str().unwrap().to_owned()
}

fn state(walk: &Value, step: &str) -> Value {
    let steps = walk["steps"].as_array().unwrap();
    steps.iter().find(|s| s["number"] == step).unwrap_or_else(|| panic!("no step {step}: {walk}"))["state"].clone()
}

#[test]
fn each_failure_category_of_the_demo_opens_its_runbook_and_says_why() {
    let lake = demo();
    let alerts = on(lake.path(), &["alerts", "--json"]).json();
    let mut seen = std::collections::BTreeSet::new();
    for alert in alerts.as_array().unwrap().iter().filter(|a| a["rule"] == "dlq_rows") {
        let category = alert["category"].as_str().unwrap();
        let shown = on(lake.path(), &["runbook", "show", "--alert", alert["key"].as_str().unwrap(), "--json"]).json();
        assert_eq!(shown["name"].as_str().unwrap().replace('-', "_"), category, "{shown}");
        assert_eq!(shown["why"], format!("category {category}"));
        assert_eq!(shown["problems"], json!([]));
        seen.insert(category.to_owned());
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn an_alert_is_walked_by_two_people_and_nothing_is_done_without_being_seen() {
    let lake = demo();
    let key = alert(lake.path(), "dlq_rows", "crm/contacts");
    let opened = on(lake.path(), &["runbook", "run", "--alert", &key, "--json"]);
    assert_eq!(opened.code, 3, "a step is open: {opened:?}");
    let walk = opened.json();
    let id = walk["incident"].as_str().unwrap().to_owned();
    assert_eq!((&walk["runbook"], &walk["settled"]), (&json!("schema-evolution"), &json!(0)));
    // Whoever opens it again joins it.
    assert_eq!(on(lake.path(), &["runbook", "run", "--alert", &key, "--json"]).json()["incident"], json!(id));
    let go_on = |arguments: &[&str]| on(lake.path(), &[&["runbook", "run", "--incident", &id], arguments].concat());
    let unseen = go_on(&["--done"]);
    assert!(unseen.code == 1 && unseen.err.contains("look at it first"), "{unseen:?}");
    let looked = go_on(&["--probe", "--json"]).json();
    let record = &looked["steps"][0]["records"][0];
    assert_eq!((&record["record"], &record["verdict"]), (&json!("probed"), &json!("fail")), "{looked}");
    assert!(!record["evidence"].as_array().unwrap().is_empty());
    assert_eq!(state(&go_on(&["--done", "--json"]).json(), "1"), json!("done"));
    // Leaving out takes a reason, and a check that fails is no green.
    assert_eq!(go_on(&["--step", "2", "--skip", " "]).code, 1);
    assert_eq!(state(&go_on(&["--step", "2", "--skip", "seen in the pager", "--json"]).json(), "2"), json!("skipped"));
    let branch = go_on(&["--step", "3", "--does-not-apply", "--json"]).json();
    assert_eq!((state(&branch, "3"), state(&branch, "3.1")), (json!("does_not_apply"), json!("out")));
    let checked = go_on(&["--step", "9", "--probe", "--json"]).json();
    assert_eq!(
        checked["steps"].as_array().unwrap().iter().rev().find_map(|s| s["records"][0]["verdict"].as_str()),
        Some("fail")
    );
    let refused = go_on(&["--step", "9", "--done"]);
    assert!(refused.code == 1 && refused.err.contains("still there"), "{refused:?}");
    // What was done lies on the lake, one object an event, and reads as it was written.
    let events = lake.path().join("lake/_lakeward/incidents").join(&id).join("events");
    let kept: Vec<Value> = fs::read_dir(events)
        .unwrap()
        .map(|file| serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap())
        .collect();
    assert_eq!(kept.len(), 7, "{kept:#?}");
    assert!(kept.iter().all(|event| event["schema"] == 1 && event["actor"].as_str().is_some_and(|a| a.contains('@'))));
}

#[test]
fn a_protected_environment_takes_events_and_a_read_only_run_writes_none() {
    let lake = demo();
    let key = alert(lake.path(), "dlq_rows", "crm/contacts");
    let dry = on(lake.path(), &["runbook", "run", "--alert", &key, "--dry-run"]);
    assert!(dry.code == 0 && dry.out.contains("would record: opened"), "{dry:?}");
    let refused = on(lake.path(), &["--read-only", "runbook", "run", "--alert", &key]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(!lake.path().join("lake/_lakeward/incidents").exists());
}

#[test]
fn a_teams_own_runbooks_add_to_ours_or_replace_them_and_hostile_names_are_no_commands() {
    let lake = demo();
    let own = lake.path().join("lake/_runbooks");
    fs::create_dir_all(&own).unwrap();
    for name in ["oncall-wiki", "numbered-headings", "checklist", "commands-only"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/runbooks").join(format!("{name}.md"));
        fs::copy(file, own.join(format!("{name}.md"))).unwrap();
    }
    let replaced = "---\ndatasets: crm/*\n---\n# Ours\n\n## Steps\n\n1. Say so in `{{ channel }}`\n\n   ```sh\n   notify {dataset} {date} <who>\n   ```\n";
    fs::write(own.join("network.md"), replaced).unwrap();
    fs::write(own.join("broken.md"), [0xff, 0xfe, 0x00, b'#']).unwrap();
    let listed = on(lake.path(), &["runbook", "list", "--json"]).json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 10 + 5, "{names:?}");
    let network = listed.as_array().unwrap().iter().find(|r| r["name"] == "network").unwrap();
    assert!(network["title"] == "Ours" && network["origin"].as_str().unwrap().ends_with("_runbooks/network.md"));
    let key = alert(lake.path(), "dlq_rows", "crm/contacts");
    let shown = on(lake.path(), &["runbook", "show", "--alert", &key, "--json"]).json();
    assert_eq!((&shown["name"], &shown["why"]), (&json!("network"), &json!("dataset crm/contacts")));
    let command = &shown["steps"][0]["commands"][0];
    assert!(command["text"].as_str().unwrap().starts_with("notify crm/contacts 20"), "{command}");
    assert_eq!((&command["missing"], &command["runnable"]), (&json!(["who"]), &json!(false)));
    let plain = on(lake.path(), &["runbook", "show", "oncall-wiki"]);
    assert!(plain.code == 0 && plain.out.contains("2.1 Kick the job by hand"), "{plain:?}");
    assert_eq!(on(lake.path(), &["runbook", "show", "nothing"]).code, 2);
}
