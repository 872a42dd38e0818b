//! The whole loop on the demo's lake, by the program itself: from the alert to an incident that is resolved and reported.

use serde_json::Value;

use crate::recovery::Place;
use crate::recovery::demo::{archive, demo};

const CHECKS: [&str; 5] = ["data_quality", "record_counts", "freshness", "logs", "consumers"];

fn statuses(verified: &Value) -> Vec<(String, String)> {
    let checks = verified["checks"].as_array().unwrap();
    let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    checks.iter().map(|check| (text(check, "check"), text(check, "status"))).collect()
}

fn well(place: &Place, arguments: &[&str]) -> String {
    let run = place.run(arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
    run.out
}

/// What happened in an incident, as it lies on the lake.
fn events(place: &Place, id: &str) -> Vec<Value> {
    let files = std::fs::read_dir(place.path(&format!("_lakeward/incidents/{id}/events"))).unwrap();
    let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file.unwrap().path()).unwrap();
    files.map(|file| serde_json::from_slice(&read(file)).unwrap()).collect()
}

#[test]
fn an_incident_goes_from_its_alert_to_resolved_and_reported() {
    let place = demo();
    let alerts = place.run(&["alerts", "--json"]).json();
    let is_its = |a: &&Value| a["rule"] == "dlq_rows" && a["dataset"] == "crm/contacts" && a["severity"] == "warning";
    let alert = alerts.as_array().unwrap().iter().find(is_its).expect("the demo has it").clone();
    let (key, date) = (alert["key"].as_str().unwrap(), alert["date"].as_str().unwrap());
    // Nothing is open, so nothing can be verified.
    let none = place.run(&["verify"]);
    assert!(none.code == 1 && none.err.contains("no incident is open"), "{none:?}");
    well(&place, &["incident", "open", "--alert", key]);
    let joined = place.run(&["incident", "open", "--alert", key]);
    assert!(joined.code == 0 && joined.err.contains("it was open already"), "{joined:?}");
    let list = place.run(&["incident", "list", "--open", "--json"]).json();
    let id = list[0]["incident"].as_str().unwrap().to_owned();
    assert_eq!((list.as_array().unwrap().len(), list[0]["status"].as_str()), (1, Some("open")));

    let before = place.run(&["verify", "--json"]);
    let verified = before.json();
    assert_eq!((before.code, verified["incident"].as_str()), (3, Some(id.as_str())));
    assert_eq!(statuses(&verified).iter().map(|(check, _)| check.as_str()).collect::<Vec<_>>(), CHECKS);
    assert_eq!(statuses(&verified)[0].1, "fail");
    let refused = place.run(&["incident", "resolve", &id]);
    assert!(refused.code == 4 && refused.err.contains("data_quality"), "{refused:?}");
    // Signed off is what passes, and nothing else.
    let signed = place.run(&["verify", "--no-probe", "--sign", "data_quality", "--json"]);
    assert!(signed.code == 3 && signed.err.contains("data_quality is not signed off"), "{signed:?}");

    let range = ["backfill", "crm/contacts", "--from", date, "--to", date];
    well(&place, &[&range[..], &["--confirm", "1", "--incident", &id]].concat());
    let target = format!("crm/contacts/dt={date}");
    // Whoever acts on its data need not know of it: it is told all the same, once.
    well(&place, &["dlq", "redrive", &target, "--confirm", "1"]);
    let redriven = |what: &Value| what["event"] == "did" && what["act"] == "redrive";
    assert_eq!(events(&place, &id).iter().filter(|what| redriven(what)).count(), 1);
    // The rows are in the target and in the queue: they do not add up before the entry is dealt with.
    let half = place.run(&["verify", "--only", "record_counts", "--json"]).json();
    assert_eq!(half["checks"][1]["status"], "fail", "{half}");
    archive(&place, &target, &id);
    let done = place.run(&["verify", "--sign-all", "--note", "looked at it", "--json"]);
    let verified = done.json();
    assert_eq!(done.code, 0, "{verified}");
    for check in verified["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "pass", "{check}");
        assert!(!check["evidence"].as_array().unwrap().is_empty() && check["signed_off_by"].is_string(), "{check}");
    }
    assert_eq!(verified["status"], "mitigated");
    let cleared = |what: &&Value| what["event"] == "cleared" && what["key"] == key;
    assert_eq!(events(&place, &id).iter().filter(cleared).count(), 1);

    well(&place, &["incident", "handover", &id, "--to", "ben", "--note", "nearly over"]);
    let shown = place.run(&["incident", "show", &id, "--json"]).json();
    assert_eq!(shown["handover"]["to"], "ben");
    assert!(!shown["handover"]["done"].as_array().unwrap().is_empty(), "{shown}");
    well(&place, &["incident", "accept", &id]);
    well(&place, &["incident", "note", &id, "password=HUNTER2 was in \u{1b}[2J the log"]);
    well(&place, &["incident", "resolve", &id, "--note", "a column was renamed"]);
    assert_eq!(place.run(&["incident", "list", "--open", "--json"]).json().as_array().unwrap().len(), 0);

    // The stored copy is the report, byte for byte, in every form.
    well(&place, &["incident", "report", &id, "--store"]);
    let reports = place.path(&format!("_lakeward/incidents/{id}/reports"));
    let mut forms = 0;
    for file in std::fs::read_dir(reports).unwrap() {
        let file = file.unwrap().path();
        let form = match file.extension().and_then(|end| end.to_str()) {
            Some("md") => "markdown",
            Some("json") => "json",
            _ => "html",
        };
        let text = well(&place, &["incident", "report", &id, "--format", form]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "{}", file.display());
        assert!(!text.contains("HUNTER2") && !text.contains('\u{1b}'), "{text}");
        forms += 1;
    }
    assert_eq!(forms, 3);
    let report = place.run(&["incident", "report", &id, "--format", "json"]).json();
    assert_eq!(
        (report["status"].as_str(), report["impact"]["redriven"]["rows"].as_u64()),
        (Some("resolved"), Some(150))
    );
    assert!(!report["follow_ups"].as_array().unwrap().is_empty(), "{report}");

    // What fails later opens it again.
    let entry = place.path(&format!("_errors/crm/contacts/dt={date}"));
    std::fs::create_dir_all(&entry).unwrap();
    std::fs::write(entry.join("rejected_rows.json"), "{\"contact_id\":\"x\"}\n").unwrap();
    std::fs::write(entry.join("_SUCCESS"), "").unwrap();
    let again = place.run(&["verify", "--incident", &id, "--json"]);
    assert_eq!((again.code, again.json()["status"].as_str()), (3, Some("mitigated")), "{again:?}");
}
