//! The thirty faults that a mover of objects must survive, each by its number (field notes, 3.5). What a number means
//! stands at its test; those that need more than one test name the file that holds the rest.

mod copies;
mod deletes;

use std::sync::Arc;

use lakeward::model::moves::{Plan, RefusalCode};
use lakeward::ops::{GateError, Outcome};

use super::site::{self, SOURCE, Site, TARGET, apply, gate};
use crate::support::memory::{Fault, Memory, Stepped};

const ROWS: &str = "rejected_rows.parquet";

fn source(name: &str) -> String {
    format!("{SOURCE}{name}")
}

fn target(name: &str) -> String {
    format!("{TARGET}{name}")
}

async fn planned() -> (Site, Plan) {
    let site = Site::with_entry();
    let plan = site.plan().await;
    (site, plan)
}

async fn applied(site: &Site, plan: &Plan) -> Result<Outcome, GateError> {
    apply(&site.gate("ana"), plan).await
}

/// What a move that stopped half-way says: why, and what to do.
fn interrupted<T: std::fmt::Debug>(ended: Result<T, GateError>) -> (String, String) {
    match ended {
        Err(GateError::Interrupted { why, hint, .. }) => (why, hint),
        other => panic!("{other:?}"),
    }
}

fn refusals<T: std::fmt::Debug>(ended: Result<T, GateError>) -> Vec<RefusalCode> {
    match ended {
        Err(GateError::Refused(all)) => all.into_iter().map(|r| r.code).collect(),
        other => panic!("{other:?}"),
    }
}

/// The planned objects that lie at their targets, and those at their sources.
fn halves(site: &Site) -> (usize, usize) {
    let objects = |prefix| site.below(prefix).iter().filter(|n| *n != "_lakeward_manifest.json").count();
    (objects(TARGET), objects(SOURCE))
}

/// The number of the first request that brings about `so`.
async fn request_that(site: &Site, plan: &Plan, so: impl Fn(&Memory) -> bool) -> usize {
    for n in 0.. {
        let (memory, machine) = (site.memory.fork(), site::folder());
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, Fault::KilledAfter))));
        let gate = gate(lake.clone(), machine.path(), "ana", 10);
        tokio::select! {
            ended = apply(&gate, plan) => panic!("no request does that: {ended:?}"),
            () = lake.killed() => {}
        }
        if so(&memory) {
            return n;
        }
    }
    unreachable!()
}

/// Applies the plan with one fault at one request.
async fn with_fault(site: &Site, plan: &Plan, n: usize, fault: Fault) -> Option<Result<Outcome, GateError>> {
    let lake = Arc::new(Stepped::new(Arc::new(site.memory.clone()), Some((n, fault))));
    let gate = gate(lake.clone(), site.machine.path(), "ana", site.later());
    tokio::select! {
        ended = apply(&gate, plan) => Some(ended),
        () = lake.killed() => None,
    }
}
