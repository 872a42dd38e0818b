//! A repair that meets a source that changed, a lake that refuses, a wish to stop, or its own death: the original stays,
//! and nothing half-written counts.

use std::sync::Arc;

use lakeward::lake::{ErrorClass, Lake, LakeWriter};
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::protection::Confirmation;
use lakeward::ops::{GateError, LakeSettings, RepairPlan, Session, Watch, WriteEffect};

use super::entry::{CONTRACT, ENTRY, Place, rows};
use crate::moves::site::{Site, at};
use crate::support::memory::Verb;

const TARGET: &str = "silver/orders/dt=2026-11-24";

fn filled(n: usize) -> Site {
    let site = Site::empty();
    site.memory.set(&format!("{ENTRY}rejected_rows.parquet"), rows(n));
    site.memory.set(&format!("{ENTRY}_SUCCESS"), "");
    site.memory.set("contracts/orders.json", CONTRACT);
    site
}

fn session(site: &Site) -> Session {
    let dataset =
        DatasetSettings { contract: Some("contracts/orders.json".into()), ..DatasetSettings::of("silver/orders") };
    let lake: Arc<dyn LakeWriter> = site.lake();
    let reads: Arc<dyn Lake> = lake;
    let settings = LakeSettings { datasets: vec![dataset], ..LakeSettings::default() };
    Session::new(reads, settings).with_gate(Arc::new(site.gate("ana")))
}

async fn planned(session: &Session) -> RepairPlan {
    session.plan_repair(TARGET, false, at(1), Arc::new(|_, _| {})).await.unwrap()
}

async fn repaired(session: &Session, plan: RepairPlan, watch: &Watch) -> Result<lakeward::ops::Outcome, GateError> {
    let effect = WriteEffect::Repair(Box::new(plan));
    session.gate().unwrap().perform(effect, Some(Confirmation::Yes), watch).await
}

fn below(site: &Site, prefix: &str) -> Vec<String> {
    site.memory.all().into_keys().filter(|key| key.starts_with(prefix)).collect()
}

#[tokio::test]
async fn a_source_that_changed_since_it_was_planned_is_refused() {
    for change in ["replaced", "new", "gone"] {
        let site = filled(40);
        let session = session(&site);
        let plan = planned(&session).await;
        match change {
            "replaced" => drop(site.memory.set(&format!("{ENTRY}rejected_rows.parquet"), rows(41))),
            "new" => drop(site.memory.set(&format!("{ENTRY}late.parquet"), rows(3))),
            _ => site.memory.remove(&format!("{ENTRY}_SUCCESS")),
        }
        let effect = WriteEffect::Repair(Box::new(plan.clone()));
        let rehearsed = session.gate().unwrap().rehearse(effect, Some(Confirmation::Yes)).await;
        for error in [rehearsed.unwrap_err(), repaired(&session, plan, &Watch::default()).await.unwrap_err()] {
            assert!(
                matches!(&error, GateError::Changed(what) if what.len() == 1 && what[0].contains(change)),
                "{error}"
            );
        }
        assert_eq!(below(&site, "_lakeward/repaired/"), Vec::<String>::new(), "{change}");
    }
}

/// It is read pinned: a file that is replaced while it is read is not repaired into half of one and half of the other.
#[tokio::test]
async fn a_source_that_changes_under_the_reading_is_not_repaired() {
    let site = filled(40);
    let session = session(&site);
    let plan = planned(&session).await;
    site.memory.meanwhile(Verb::Get, &format!("{ENTRY}rejected_rows.parquet"), |memory| {
        memory.set(&format!("{ENTRY}rejected_rows.parquet"), rows(41));
    });
    let error = repaired(&session, plan, &Watch::default()).await.unwrap_err();
    assert!(matches!(&error, GateError::Lake(e) if e.class == ErrorClass::Conflict), "{error}");
    assert_eq!(below(&site, "_lakeward/repaired/"), Vec::<String>::new());
}

#[tokio::test]
async fn a_lake_that_refuses_any_of_it_gets_none_of_it() {
    for object in ["part-0000.parquet", "_failing-0000.parquet", "manifest.json"] {
        let site = filled(40);
        let session = session(&site);
        let plan = planned(&session).await;
        assert_eq!(plan.writes.len(), 3);
        site.memory.deny(Verb::Put, &format!("{}{object}", plan.target));
        let source = below(&site, "_errors/");
        let error = repaired(&session, plan, &Watch::default()).await.unwrap_err();
        assert!(matches!(&error, GateError::Lake(e) if e.class == ErrorClass::Denied), "{object}: {error}");
        assert_eq!(below(&site, "_lakeward/repaired/"), Vec::<String>::new(), "{object}");
        assert_eq!(below(&site, "_errors/"), source);
        site.memory.behave();
        // The way is free for the next one.
        let again = planned(&session).await;
        let done = repaired(&session, again, &Watch::default()).await.unwrap();
        assert!(done.needs_operator && done.objects == 3, "{done:?}");
        assert_eq!(below(&site, "_lakeward/repaired/").len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_stop_ends_it_with_nothing_written() {
    let site = filled(40_000);
    let session = session(&site);
    for at_once in [true, false] {
        let plan = planned(&session).await;
        let own = Arc::new(std::sync::OnceLock::<Watch>::new());
        let asked = Arc::clone(&own);
        // Asked by whoever looks at the progress: after the first rows.
        let watch = Watch::telling(move |_| asked.get().into_iter().for_each(Watch::stop));
        own.set(watch.clone()).unwrap();
        if at_once {
            watch.stop();
        }
        let ended = repaired(&session, plan, &watch).await;
        assert!(matches!(ended, Err(GateError::Interrupted { asked: true, .. })), "{ended:?}");
        assert_eq!(below(&site, "_lakeward/repaired/"), Vec::<String>::new());
    }
}

/// A plan is a value that somebody may have made: it writes nowhere but among the repairs.
#[tokio::test]
async fn a_plan_that_writes_elsewhere_is_refused() {
    let site = filled(40);
    let session = session(&site);
    let plan = planned(&session).await;
    let others = [
        RepairPlan { target: format!("silver/orders/{}/", plan.id), ..plan.clone() },
        RepairPlan { target: "_lakeward/repaired/x/".into(), ..plan.clone() },
        RepairPlan { lake: "s3://another".into(), ..plan.clone() },
        RepairPlan { schema: 99, ..plan.clone() },
        RepairPlan { writes: vec!["manifest.json".into()], ..plan },
    ];
    let before = site.memory.all();
    for other in others {
        let error = repaired(&session, other, &Watch::default()).await.unwrap_err();
        assert!(error.is_refusal(), "{error}");
    }
    assert_eq!(site.memory.all(), before);
}

/// Killed at any moment: the original is as it was, no manifest names less than a whole, and the next one ends.
#[test]
fn a_process_that_is_killed_leaves_the_original_and_no_half_truth() {
    let place = Place::folder();
    place.fill(rows(20_000));
    let before = place.all(ENTRY);
    let arguments = ["dlq", "repair", TARGET, "--confirm", "3"];
    let begun = std::time::Instant::now();
    assert_eq!(place.run(&arguments).code, 3);
    let takes = begun.elapsed();
    let mut killed = 0;
    for n in 1..=8_u32 {
        let mut child = place.command(&arguments);
        let mut child = child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(takes * n / 9);
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().ok();
        child.wait().unwrap();
        assert_eq!(place.all(ENTRY), before, "the original, killed at {n} of 9");
        // What a manifest names is there, whole.
        for key in place.keys("_lakeward/repaired").iter().filter(|key| key.ends_with("manifest.json")) {
            let manifest: serde_json::Value = serde_json::from_slice(&place.get(key).unwrap()).unwrap();
            for file in manifest["files"].as_array().unwrap() {
                assert_eq!(file["size"], place.get(file["key"].as_str().unwrap()).unwrap().len(), "{key}");
            }
        }
    }
    assert!(killed > 2, "{killed} of 8 were killed");
    let last = place.run(&["dlq", "repair", TARGET, "--confirm", "3", "--json"]);
    // It took away what the dead had left: every file has its manifest.
    let keys = place.keys("_lakeward/repaired");
    let whole = |key: &String| keys.contains(&format!("{}/manifest.json", key.rsplit_once('/').unwrap().0));
    assert!(keys.iter().filter(|key| key.ends_with(".parquet")).all(whole), "{keys:?}");
    assert_eq!((last.code, &last.json()["rows"]), (3, &serde_json::json!(20_000)), "{last:?}");
}
