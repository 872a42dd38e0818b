//! Work that EMR Serverless does, by the real program: redriven once, and a range of days filled to its end. What a run
//! writes is written by the test, which plays the cluster.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::Site;

/// The last argument of a run, which is its date.
fn date_of(run: &crate::support::fake_aws::emr::Run) -> String {
    let arguments = run.more["jobDriver"]["sparkSubmit"]["entryPointArguments"].as_array().unwrap();
    arguments.last().unwrap().as_str().unwrap().to_owned()
}

impl Site {
    /// A site whose job takes these arguments, and fills or redrives `orders`.
    fn filling(arguments: &str) -> Self {
        let site = Self::new(&[]);
        let settings = format!(
            "[[datasets]]\nname = \"orders\"\nlayer = \"bronze\"\ndata_prefix = \"bronze/orders/\"\n\
             job = \"silver_orders\"\nredrive = \"silver_orders\"\n\
             [[jobs]]\nname = \"silver_orders\"\nemr = {{ arguments = {arguments} }}\n"
        );
        fs::write(site.lake.path().join("lakeward.toml"), settings).unwrap();
        site
    }

    /// Plays the cluster while `work` is done: each run ends well, and has written its day, or else fails.
    fn while_it_runs<T>(&self, fails: &str, work: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.play(fails);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            });
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            over.store(true, Ordering::Relaxed);
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn play(&self, fails: &str) {
        let mut account = self.fake.account();
        for run in account.emr.applications[0].2.iter_mut().filter(|run| run.state == "RUNNING") {
            let date = date_of(run);
            if date != fails {
                let folder = self.lake.path().join(format!("bronze/orders/dt={date}"));
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("part-{}.jsonl", run.id)), "{\"id\":1}\n").unwrap();
            }
            run.state = if date == fails { "FAILED" } else { "SUCCESS" };
        }
    }

    /// How often each day was asked for.
    fn asked(&self) -> Vec<(String, usize)> {
        let mut days = std::collections::BTreeMap::new();
        for run in self.started() {
            *days.entry(date_of(&run)).or_insert(0) += 1;
        }
        days.into_iter().collect()
    }
}

fn count(backfill: &Value, state: &str) -> usize {
    backfill["days"].as_array().unwrap().iter().filter(|day| day["state"] == state).count()
}

#[test]
fn ten_days_with_one_that_fails_are_resumed_to_the_end() {
    let site = Site::filling(r#"["--run-date", "{date}"]"#);
    let range = ["backfill", "orders", "--from", "2026-11-01", "--to", "2026-11-10", "--parallel", "5"];
    let first = site.while_it_runs("2026-11-04", || site.run(&[&range[..], &["--confirm", "10", "--json"]].concat()));
    assert_eq!(first.code, 3, "{first:?}");
    let said = first.json();
    assert_eq!((count(&said, "done"), count(&said, "failed")), (9, 1), "{said}");
    assert_eq!((&said["days"][3]["date"], &said["days"][3]["state"]), (&json!("2026-11-04"), &json!("failed")));
    let id = said["id"].as_str().unwrap();
    let rest = site.while_it_runs("none", || site.run(&["backfill", "resume", id, "--confirm", "1", "--json"]));
    assert_eq!((rest.code, count(&rest.json(), "done")), (0, 10), "{rest:?}");
    let expected = (1..=10).map(|day| (format!("2026-11-{day:02}"), if day == 4 { 2 } else { 1 }));
    assert_eq!(site.asked(), expected.collect::<Vec<_>>(), "each day once, and the one that failed twice");
}

#[test]
fn an_entry_is_redriven_once_and_the_second_time_refused() {
    let site = Site::filling(r#"["--redrive", "{entry}", "--run-date", "{date}"]"#);
    let entry = site.lake.path().join("_errors/orders/dt=2026-11-22");
    fs::create_dir_all(&entry).unwrap();
    fs::write(entry.join("rejected_rows.json"), "{\"id\":1}\n").unwrap();
    fs::write(entry.join("error_reasons.json"), r#"{"error_type":"x","row_count":1}"#).unwrap();
    fs::write(entry.join("_SUCCESS"), "").unwrap();
    let redrive = ["dlq", "redrive", "orders/dt=2026-11-22", "--confirm", "1", "--json"];
    let done = site.while_it_runs("none", || site.run(&redrive));
    assert_eq!((done.code, &done.json()["redrive"]["state"]), (0, &json!("done")), "{done:?}");
    let [run] = <[_; 1]>::try_from(site.started()).unwrap();
    let arguments = &run.more["jobDriver"]["sparkSubmit"]["entryPointArguments"];
    assert_eq!(*arguments, json!(["--redrive", "_errors/orders/dt=2026-11-22/", "--run-date", "2026-11-22"]));
    let ledger = site.lake.path().join("_lakeward/redriven/orders/dt=2026-11-22/0001.json");
    let ledger: Value = serde_json::from_slice(&fs::read(ledger).unwrap()).unwrap();
    assert!(ledger["run"]["id"].as_str().unwrap().ends_with(&run.id) && ledger["after"]["rows"] == 1, "{ledger}");
    let again = site.run(&redrive);
    assert!(again.code == 4 && again.err.contains("redriven already: done"), "{again:?}");
    assert_eq!(site.started().len(), 1);
}
