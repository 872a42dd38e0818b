//! Rejected rows redriven by a DAG of a real Airflow, by the real program: the ledger has its run, and a second time is
//! refused, from this machine and from another.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use chrono::{DateTime, Utc};
use lakeward::model::dag::TaskState;
use lakeward::sources::airflow::Airflow;
use lakeward::sources::dags::DagSource;
use serde_json::Value;

use super::server::Server;
use super::support::program::{LAKEWARD, environment};

const ENTRY: &str = "orders/dt=2026-11-22";

/// A lake with one entry, whose dataset is redriven by the DAG.
fn lake(folder: &Path) {
    let entry = folder.join("_errors").join(ENTRY);
    fs::create_dir_all(&entry).unwrap();
    fs::write(entry.join("rejected_rows.json"), "{\"id\":1}\n{\"id\":2}\n").unwrap();
    fs::write(entry.join("error_reasons.json"), r#"{"error_type":"x","row_count":2}"#).unwrap();
    fs::write(entry.join("_SUCCESS"), "").unwrap();
    let settings = format!(
        "[[datasets]]\nname = \"orders\"\nlayer = \"bronze\"\ndata_prefix = \"bronze/orders/\"\nredrive = \"again\"\n\
         [[jobs]]\nname = \"again\"\ndag = \"lake_redrive\"\n\
         conf = {{ lake = {folder:?}, dataset = \"{{dataset}}\", date = \"{{date}}\", entry = \"{{entry}}\" }}\n"
    );
    fs::write(folder.join("lakeward.toml"), settings).unwrap();
}

/// From one machine, as far as journals go.
fn redrive(server: &Server, lake: &Path, home: &Path) -> Output {
    let config = home.join("config.toml");
    let airflow = format!("[airflow]\nurl = \"{}\"\nuser = \"admin\"\npassword_env = \"PASSWORD\"\n", server.url());
    fs::write(&config, airflow).unwrap();
    let mut command = Command::new(LAKEWARD);
    command.args(["--config", config.to_str().unwrap(), "--lake", lake.to_str().unwrap()]);
    command.args(["dlq", "redrive", ENTRY, "--confirm", "1", "--json"]).env_clear();
    command.envs(environment(home)).env("PASSWORD", "lakeward-test").output().unwrap()
}

pub async fn is_done_once(server: &Server, airflow: &Airflow, began: DateTime<Utc>) {
    let (folder, home, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake(folder.path());
    let mut done = redrive(server, folder.path(), home.path());
    // On SQLite a busy Airflow answers some requests with an error of its own. What is asked again is the same run.
    for _ in 0..3 {
        if !String::from_utf8_lossy(&done.stderr).contains("HTTP 500") {
            break;
        }
        done = redrive(server, folder.path(), home.path());
    }
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let ledger = folder.path().join("_lakeward/redriven").join(ENTRY).join("0001.json");
    let ledger: Value = serde_json::from_slice(&fs::read(ledger).unwrap()).unwrap();
    assert_eq!((&ledger["state"], &ledger["run"]["source"]), (&"done".into(), &"airflow".into()), "{ledger}");
    assert_eq!((&ledger["before"]["objects"], &ledger["after"]["rows"]), (&0.into(), &2.into()), "{ledger}");
    for home in [home.path(), other.path()] {
        let again = redrive(server, folder.path(), home);
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.code() == Some(4) && said.contains("redriven already: done"), "{said}");
    }
    let rows = fs::read_to_string(folder.path().join("bronze/orders/dt=2026-11-22/part-redriven.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 2, "its rows came in once");
    // Airflow knows the run by the name that the ledger gave it.
    let runs = airflow.runs(began, 100).await.unwrap();
    let of: Vec<_> = runs.iter().filter(|run| &*run.dag.0 == "lake_redrive").collect();
    let [run] = of.as_slice() else { panic!("{of:#?}") };
    assert_eq!((ledger["run"]["id"].as_str(), run.state), (Some(&*run.id.0), TaskState::Success));
}
