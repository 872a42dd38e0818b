//! A plan is a file that people hand on. Whatever it says, it does nothing but what a plan of its kind may do, to this
//! lake; else it is refused before anything is written.

use lakeward::lake::Lake;
use lakeward::model::moves::{MoveId, Plan, RefusalCode, Step};
use lakeward::ops::{GateError, Keep};
use serde_json::{Value, json};

use super::site::{SOURCE, Site, TARGET, apply, at, resume};

/// Changes every key that begins with `from`.
fn moved(plan: &mut Value, field: &str, from: &str, to: &str) {
    for object in plan["objects"].as_array_mut().unwrap() {
        let key = object[field].as_str().unwrap().replacen(from, to, 1);
        object[field] = key.into();
    }
}

fn into(plan: &mut Value, target: &str) {
    moved(plan, "target", TARGET, target);
    plan["seals"] = format!("{target}_lakeward_manifest.json").into();
    plan["target"] = target.into();
}

/// The plan, changed like this, is refused without a write.
async fn refused(site: &Site, plan: &Plan, change: impl FnOnce(&mut Value)) -> GateError {
    let before = (site.memory.all(), site.memory.counters().read().writes);
    let error = refused_in_time(site, plan, change).await;
    assert_eq!(before, (site.memory.all(), site.memory.counters().read().writes), "{error}");
    error
}

/// The same for what only the lake can tell: its lease and the record of the refusal are written, and no more.
async fn refused_in_time(site: &Site, plan: &Plan, change: impl FnOnce(&mut Value)) -> GateError {
    let mut value = serde_json::to_value(plan).unwrap();
    change(&mut value);
    assert_ne!(value, serde_json::to_value(plan).unwrap());
    let changed: Plan = serde_json::from_value(value).unwrap();
    let data = || {
        let mut all = site.memory.all();
        all.retain(|key, _| !key.starts_with("_lakeward/leases/") && !key.starts_with("_lakeward/audit/"));
        all
    };
    let before = data();
    let error = apply(&site.gate("mallory"), &changed).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(data(), before, "{error}");
    error
}

fn code(error: &GateError) -> RefusalCode {
    match error {
        GateError::Refused(refusals) => refusals[0].code,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_stays_within_its_prefixes() {
    let site = Site::with_entry();
    site.memory.set("silver/orders/part-0.parquet", "good");
    let plan = site.plan().await;
    let outside = [
        // Objects that do not lie under the source.
        refused(&site, &plan, |p| p["objects"][0]["key"] = "silver/orders/part-0.parquet".into()).await,
        refused(&site, &plan, |p| p["source"] = "silver/orders/".into()).await,
        refused(&site, &plan, |p| p["objects"][0]["target"] = "silver/orders/part-0.parquet".into()).await,
        refused(&site, &plan, |p| p["objects"][0]["target"] = format!("{TARGET}other").into()).await,
        // Targets where moved data does not go.
        refused(&site, &plan, |p| into(p, "_lakeward/moves/x/")).await,
        refused(&site, &plan, |p| into(p, "silver/orders/")).await,
        refused(&site, &plan, |p| into(p, "_quarantine/../silver/orders/")).await,
        refused(&site, &plan, |p| into(p, "_quarantine//x/")).await,
        refused(&site, &plan, |p| into(p, "/")).await,
        refused(&site, &plan, |p| into(p, "_quarantine")).await,
        refused(&site, &plan, |p| into(p, &format!("{SOURCE}quarantine/"))).await,
        // Another kind than it was planned as.
        refused(&site, &plan, |p| p["kind"] = "release".into()).await,
        refused(&site, &plan, |p| p["seals"] = Value::Null).await,
    ];
    for error in &outside {
        assert_eq!(code(error), RefusalCode::Overlap, "{error}");
    }
    let reserved = [
        refused(&site, &plan, |p| p["seals"] = "silver/orders/_lakeward_manifest.json".into()).await,
        refused(&site, &plan, |p| p["seals"] = format!("{TARGET}part-0.parquet").into()).await,
        refused(&site, &plan, |p| p["unseals"] = "silver/orders/part-0.parquet".into()).await,
    ];
    for error in &reserved {
        assert_eq!(code(error), RefusalCode::Reserved, "{error}");
    }
    let twice = refused(&site, &plan, |p| p["objects"][1] = p["objects"][0].clone()).await;
    assert_eq!(code(&twice), RefusalCode::Collision);
    let empty = refused(&site, &plan, |p| p["objects"] = json!([])).await;
    assert_eq!(code(&empty), RefusalCode::Empty);
    apply(&site.gate("ana"), &plan).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lakes_own_records_are_no_source() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let error = refused(&site, &plan, |p| {
        moved(p, "key", SOURCE, "_lakeward/audit/");
        p["source"] = "_lakeward/audit/".into();
    })
    .await;
    assert_eq!(code(&error), RefusalCode::Overlap);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_of_one_lake_and_one_version() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    for error in [
        refused(&site, &plan, |p| p["lake"] = "s3://another".into()).await,
        refused(&site, &plan, |p| p["schema"] = 2.into()).await,
        refused(&site, &plan, |p| p["id"] = "../../silver/orders".into()).await,
        refused(&site, &plan, |p| p["id"] = "a/b".into()).await,
        refused(&site, &plan, |p| p["id"] = "".into()).await,
        // Another object than the one that lies there.
        refused_in_time(&site, &plan, |p| p["objects"][0]["etag"] = "0".repeat(32).into()).await,
        refused_in_time(&site, &plan, |p| p["objects"][0]["size"] = 99.into()).await,
    ] {
        assert!(matches!(error, GateError::Changed(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_closes_no_other_move() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    for (field, id) in
        [("of", "../x"), ("of", "a/b"), ("undoes", "../../silver/x"), ("undoes", "20261122T120000Z-00000000")]
    {
        let error = refused(&site, &plan, |p| p[field] = id.into()).await;
        assert_eq!(code(&error), RefusalCode::Changed, "{field} {id}");
    }
    // Bytes that are said to lie at the target already, so that the source would only be deleted.
    site.memory.set(&format!("{TARGET}_SUCCESS"), "");
    let error = refused(&site, &plan, |p| p["objects"][0]["already"] = p["objects"][0]["etag"].clone()).await;
    assert_eq!(code(&error), RefusalCode::Changed);
}

/// An undo takes back the move that it names, and deletes no copy for an object that is not the original.
#[tokio::test(start_paused = true)]
async fn an_undo_takes_back_what_it_names() {
    let site = Site::with_entry();
    let id = site.quarantined().await;
    let undo = site.session("ana").plan_step(&id, Step::Undo, None, Keep::default(), at(1)).await.unwrap();
    let error = refused_in_time(&site, &undo, |p| p["undoes"] = "20261122T120000Z-00000000".into()).await;
    assert_eq!(code(&error), RefusalCode::Changed);
    let error = refused_in_time(&site, &undo, |p| {
        moved(p, "target", SOURCE, "silver/orders/");
        p["target"] = "silver/orders/".into();
    })
    .await;
    assert_eq!(code(&error), RefusalCode::Changed);

    // Foreign objects of the same sizes lie there, and the plan says that they are the originals.
    let mut forged = undo.clone();
    for object in &mut forged.objects {
        let foreign = "x".repeat(object.size as usize);
        object.already = Some(site.memory.set(&object.target, foreign).0);
    }
    let error = apply(&site.gate("mallory"), &forged).await.unwrap_err();
    assert!(matches!(error, GateError::Interrupted { .. }), "{error}");
    assert_eq!(site.below(TARGET).len(), 4, "every byte is kept");
}

#[tokio::test(start_paused = true)]
async fn only_ids_are_resumed() {
    let site = Site::with_entry();
    let id = site.quarantined().await;
    let before = site.memory.counters().read().writes;
    for id in ["../x", "a/b", "", ".", "%2e%2e", &"x".repeat(65)] {
        let error = resume(&site.gate("ana"), &MoveId(id.into())).await.unwrap_err();
        assert!(matches!(error, GateError::Unknown(_)), "{id}: {error}");
    }
    // A record that names another move than the one it lies under.
    let plan = site.memory.all()[&format!("_lakeward/moves/{id}/plan.json")].clone();
    site.memory.set("_lakeward/moves/20261122T120000Z-00000000/plan.json", plan);
    let error = resume(&site.gate("ana"), &MoveId("20261122T120000Z-00000000".into())).await.unwrap_err();
    assert!(matches!(error, GateError::Changed(_)), "{error}");
    assert_eq!(site.memory.counters().read().writes, before);
}
