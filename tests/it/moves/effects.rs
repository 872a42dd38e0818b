//! Effects for the tests of the gate: what each of them would do to a lake of the tests.

use std::sync::Arc;

use chrono::NaiveDate;
use lakeward::lake::Lake;
use lakeward::model::act::{ActId, ClientToken};
use lakeward::model::backfill::{BackfillPlan, PlannedDay};
use lakeward::model::dataset::{Dataset, DatasetSettings};
use lakeward::model::incident::{Happening, IncidentId};
use lakeward::model::order::JobOrder;
use lakeward::model::partition::Partition;
use lakeward::model::redrive::RedrivePlan;
use lakeward::model::run::JobName;
use lakeward::model::work::{Launch, WorkId};
use lakeward::ops::{IncidentAsk, LakeSettings, ReportAsk, Session, SubmitAsk, WriteEffect};
use serde_json::json;

use super::site::{Site, at};

/// An event of an incident: a record of lakeward's own, like an act on an alert.
pub fn happened() -> WriteEffect {
    let what = vec![Happening::note("looking")];
    WriteEffect::Incident(IncidentAsk { id: IncidentId("20261122-orders-0badcafe".into()), what, after: None })
}

/// The report of an incident that is open.
pub fn report(site: &Site) -> WriteEffect {
    let id = IncidentId("20261122-orders-0badcafe".into());
    let about = json!({ "title": "x", "alerts": [], "severity": "warning", "category": "unknown", "variables": {} });
    let mut opened = json!({ "schema": 1, "id": "00000000-opened", "at": at(0), "actor": "ana", "event": "opened" });
    opened.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
    site.memory.set(&format!("_lakeward/incidents/{id}/events/00000000-opened.json"), opened.to_string());
    WriteEffect::Report(ReportAsk { id, stored: true, file: None })
}

fn launch() -> Launch {
    Launch::Command { words: vec!["true".into()], source: "lakeward.toml:1".into() }
}

/// A redrive of a dead letter of its own, by a job that is configured.
pub async fn redrive(site: &Site, session: &Session, dataset: &str) -> RedrivePlan {
    for name in ["rejected_rows.parquet", "_SUCCESS"] {
        site.memory.set(&format!("_errors/{dataset}/dt=2026-11-22/{name}"), name);
    }
    let plan = session.plan_redrive(&format!("{dataset}/dt=2026-11-22"), None, at(1)).await.unwrap();
    let job = Some(JobName("load".into()));
    RedrivePlan { job, launch: Some(launch()), refused: Vec::new(), ..plan }
}

pub fn backfill() -> BackfillPlan {
    let date = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    let day = PlannedDay { date, why: "missing".into(), there: Partition::default(), launch: Some(launch()) };
    BackfillPlan {
        schema: 1,
        id: WorkId::of(at(1), 3),
        lake: "s3://memory".into(),
        dataset: Dataset("crm/leads".into()),
        job: Some(JobName("load".into())),
        data: Some("bronze/crm/leads/".into()),
        from: date,
        to: date,
        parallel: 1,
        force: false,
        at: at(1),
        actor: "ana@bastion".into(),
        days: vec![day],
        refused: Vec::new(),
    }
}

pub fn submit(act: &str) -> WriteEffect {
    let id = ActId(act.to_owned());
    let token = ClientToken::of(&id, 1);
    let order = JobOrder::of("00a", "role", "s3://b/main.py");
    let job = JobName("load".into());
    WriteEffect::Submit(Box::new(SubmitAsk {
        id,
        token,
        job,
        order,
        of: None,
        why: String::new(),
        refused: Vec::new(),
    }))
}

/// The repair of rows of which one fits its contract.
pub async fn repair(site: &Site) -> WriteEffect {
    let entry = "_errors/silver/orders/dt=2026-11-22/";
    site.memory.set(&format!("{entry}rejected_rows.json"), "{\"id\":\"1\"}\n{\"id\":\"x\"}\n");
    site.memory.set(&format!("{entry}_SUCCESS"), "");
    site.memory.set("contracts/orders.json", "{\"columns\": {\"id\": \"bigint\"}}");
    let dataset =
        DatasetSettings { contract: Some("contracts/orders.json".into()), ..DatasetSettings::of("silver/orders") };
    let settings = LakeSettings { datasets: vec![dataset], ..LakeSettings::default() };
    let reads: Arc<dyn Lake> = site.lake();
    let session = Session::new(reads, settings).with_gate(Arc::new(site.gate("ana")));
    let plan = session.plan_repair("silver/orders/dt=2026-11-22", false, at(6), Arc::new(|_, _| {})).await.unwrap();
    assert_eq!((plan.after.passed, plan.after.failing), (1, 1));
    WriteEffect::Repair(Box::new(plan))
}
