//! Two processes write to one incident on S3 at once: no event is lost, and both see one order.

use std::process::{Command, Stdio};
use std::sync::Arc;

use lakeward::lake::LakeWriter;
use lakeward::lake::path::Prefixes;
use lakeward::lake::s3::S3Lake;
use lakeward::model::incident::{Happening, IncidentId};
use lakeward::model::protection::Protection;
use lakeward::ops::gate::{Gate, Journal};
use lakeward::ops::{IncidentAsk, LakeSettings, Session, Watch, WriteEffect};
use serde_json::json;

use crate::support::s3_server;

/// What tells the other process where to write, and as whom.
const TOLD: &str = "LAKEWARD_TEST_APPENDS";
/// Events of each process.
const EVENTS: usize = 500;
/// Events that are asked for at once.
const AT_ONCE: usize = 50;

fn id() -> IncidentId {
    IncidentId("20261126-orders-0badcafe".into())
}

async fn append(lake: Arc<dyn LakeWriter>, who: &str) {
    let journal = tempfile::tempdir().unwrap();
    let gate = Gate::new(lake, Prefixes::default(), Protection::Open, Journal::at(journal.path().to_owned()));
    for batch in 0..EVENTS / AT_ONCE {
        let first = batch * AT_ONCE;
        let what = (first..first + AT_ONCE).map(|n| Happening::note(format!("{who} {n}"))).collect();
        let ask = IncidentAsk { id: id(), what, after: None };
        gate.perform(WriteEffect::Incident(ask), None, &Watch::default()).await.unwrap();
    }
}

/// The other process: does nothing where nobody tells it to.
#[tokio::test]
async fn the_other_process() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let (endpoint, rest) = told.split_once(' ').unwrap();
    let (bucket, who) = rest.split_once(' ').unwrap();
    append(Arc::new(S3Lake::connect(s3_server::anonymous(endpoint, bucket))), who).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_events_of_two_processes_are_all_there_in_one_order() {
    let server = s3_server::shared();
    let bucket = server.bucket().await;
    let lake: Arc<dyn LakeWriter> = Arc::new(S3Lake::connect(server.anonymous(&bucket)));
    let opened = json!({ "event": "opened", "title": "x", "alerts": [], "severity": "warning", "category": "unknown",
                         "variables": {} });
    let journal = tempfile::tempdir().unwrap();
    let gate =
        Gate::new(Arc::clone(&lake), Prefixes::default(), Protection::Open, Journal::at(journal.path().to_owned()));
    let ask = IncidentAsk { id: id(), what: vec![serde_json::from_value(opened).unwrap()], after: None };
    gate.perform(WriteEffect::Incident(ask), None, &Watch::default()).await.unwrap();

    let program = std::env::current_exe().unwrap();
    let other = |who: &str| {
        let mut command = Command::new(&program);
        command.args(["--exact", "verify::two_processes::the_other_process"]);
        command.env(TOLD, format!("{} {bucket} {who}", server.endpoint())).stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let mut both = [other("ana"), other("ben")];
    for process in &mut both {
        let ended = tokio::task::block_in_place(|| process.wait()).unwrap();
        assert!(ended.success());
    }
    // Two hosts that know nothing of each other.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let reads: Arc<dyn lakeward::lake::Lake> = Arc::new(S3Lake::connect(server.anonymous(&bucket)));
        let incident = Session::new(reads, LakeSettings::default()).incident(&id()).await.unwrap();
        seen.push(incident);
    }
    assert_eq!(seen[0], seen[1]);
    let texts: Vec<&str> = seen[0]
        .events
        .iter()
        .filter_map(|event| match &event.what {
            Happening::Note { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts.len(), 2 * EVENTS);
    for who in ["ana", "ben"] {
        let own: Vec<&&str> = texts.iter().filter(|text| text.starts_with(who)).collect();
        let wanted: Vec<String> = (0..EVENTS).map(|n| format!("{who} {n}")).collect();
        // What one process wrote comes in the order in which it wrote it.
        assert!(own.iter().zip(&wanted).all(|(a, b)| **a == b), "{who}");
    }
}
