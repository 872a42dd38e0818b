//! What a local environment tells beside its jobs: alarms, the standing of secrets, a feed, curves of runs. In the demo,
//! and from records of all kinds.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{Run, lakeward};

fn on(lake: &Path, arguments: &[&str]) -> Run {
    lakeward(&[&["--lake", lake.to_str().unwrap()], arguments].concat())
}

fn alerts(lake: &Path) -> Vec<Value> {
    on(lake, &["alerts", "--json"]).json().as_array().unwrap().clone()
}

fn write(lake: &Path, key: &str, text: &str) {
    let path = lake.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_demo_shows_an_alarm_a_dead_one_a_stale_secret_a_line_of_the_feed_and_what_runs_used() {
    let lake = tempfile::tempdir().unwrap();
    assert_eq!(lakeward(&["demo", "--write", lake.path().to_str().unwrap()]).code, 0);
    let all = alerts(lake.path());
    let one = |key: &str| all.iter().find(|a| a["key"] == key).unwrap_or_else(|| panic!("no {key} in {all:#?}"));
    for (key, severity, words) in [
        ("alarm:lake-fx-rates-lag", "warning", "180.0"),
        ("dead_alarm:lake-crm-legacy-dlq", "info", "can never fire: DemoLake RejectedRows {Dataset=crm/legacy}"),
        ("secret::crm/export-api", "warning", "needed by crm/contacts, ingest_crm_to_bronze"),
        ("alert_feed:marketing/campaigns:partner export is late", "warning", "70 minutes"),
    ] {
        let alert = one(key);
        assert_eq!(alert["severity"], severity, "{alert}");
        assert!(alert["summary"].as_str().unwrap().contains(words), "{alert}");
        let uri = alert["evidence"][0]["uri"].as_str().unwrap();
        assert!(fs::exists(uri.strip_prefix("file://").unwrap()).unwrap(), "{uri}");
    }
    assert!(!all.iter().any(|a| a["key"].as_str().unwrap().contains("fx/provider-api")), "it is young enough");
    // An alert goes when its cause does.
    for (key, from, to) in [
        ("_alarms/lake-fx-rates-lag/alarm.json", "\"alarm\",\n  \"since\"", "\"ok\",\n  \"since\""),
        ("_secrets/crm/export-api/secret.json", "\"last_rotated\": \"20", "\"last_rotated\": \"29"),
    ] {
        let text = fs::read_to_string(lake.path().join(key)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(lake.path().join(key), text.replace(from, to)).unwrap();
    }
    fs::remove_dir_all(lake.path().join("_alerts")).unwrap();
    let left: Vec<_> = alerts(lake.path()).iter().map(|a| a["key"].as_str().unwrap().to_owned()).collect();
    for gone in ["alarm:lake-fx", "secret:", "alert_feed:"] {
        assert!(!left.iter().any(|key| key.starts_with(gone)), "{gone}: {left:?}");
    }
    assert!(left.iter().any(|key| key.starts_with("dead_alarm:")));

    let runs = on(lake.path(), &["jobs", "list", "--job", "silver_sessions", "--json"]).json();
    let id = runs[1]["id"].as_str().unwrap();
    let shown = on(lake.path(), &["jobs", "show", id, "--metrics", "--json"]).json();
    let curves = shown["metrics"].as_array().unwrap();
    assert_eq!(curves.len(), 4, "{shown:#}");
    let most = |name: &str| curves.iter().find(|c| c["name"] == name).unwrap()["max"].as_f64().unwrap();
    assert!(most("executors, memory used") > 0.8 * most("executors, memory given"), "memory to the brim");
}

#[test]
fn records_that_make_no_sense_are_told_and_hide_no_other_and_no_value_is_shown() {
    let lake = tempfile::tempdir().unwrap();
    write(
        lake.path(),
        "lakeward.toml",
        "[[secrets]]\nname = \"a\"\non_lake = true\n[[secrets]]\nname = \"b\"\non_lake = true\n",
    );
    let alarm = r#"{"schema":1,"alarm":"late","state":"alarm","since":"2026-11-25T08:00:00Z","metric":{"namespace":"L","name":"Lag"}}"#;
    write(lake.path(), "_alarms/late/alarm.json", alarm);
    write(lake.path(), "_alarms/torn/alarm.json", "{\"schema\":1,");
    // Numbers that no clock holds end nothing.
    let mad = alarm.replace("\"late\"", "\"mad\"").replace("\"alarm\",\"since", "\"insufficient_data\",\"since");
    let mad = mad.replace("\"metric\"", "\"window_seconds\":1000000000000000,\"metric\"");
    assert!(mad.contains("insufficient_data"));
    write(lake.path(), "_alarms/mad/alarm.json", &mad);
    // Whoever puts a value there finds it nowhere again.
    write(lake.path(), "_secrets/a/secret.json", "{\"schema\":1,\"value\":\"HUNTER2\"}");
    let run = on(lake.path(), &["alerts", "--json"]);
    let keys: Vec<_> = run.json().as_array().unwrap().iter().map(|a| a["key"].to_string()).collect();
    assert_eq!(keys.iter().filter(|key| key.contains("alarm:late")).count(), 1, "{run:?}");
    assert!(keys.iter().any(|key| key.contains("secret::b")), "one that is not there: {run:?}");
    assert!(!keys.iter().any(|key| key.contains("secret::a")), "no time, no age: {run:?}");
    assert!(run.err.contains("_alarms/torn/alarm.json: not a record of its kind"), "{run:?}");
    // A record that is none names its place, and not what stands there.
    write(lake.path(), "_secrets/b/secret.json", "{\"schema\": \"HUNTER2\"}");
    let run = on(lake.path(), &["alerts", "--json"]);
    assert!(run.err.contains("_secrets/b/secret.json") && run.err.contains("line 1, column"), "{run:?}");
    assert!(!run.err.contains("HUNTER2") && !run.out.contains("HUNTER2"), "{run:?}");
    // A lake's own file asks no account.
    write(lake.path(), "lakeward.toml", "[[secrets]]\nname = \"a\"\n");
    let run = on(lake.path(), &["alerts"]);
    assert!(run.code == 2 && run.err.contains("on_lake = true"), "{run:?}");
}
