//! Checks and plans: they read the rows, and write nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::of_rows;
use crate::lake::{ErrorClass, LakeError, ObjectMeta};
use crate::model::contract::{Contract, Evolution, Findings, Rule, rules_of};
use crate::model::entry::{DlqEntry, Problem, RowsFormat};
use crate::model::moves::{MoveId, Refusal, RefusalCode};
use crate::model::repair::{PLACE, RepairPlan, SCHEMA, SourceObject};
use crate::ops::Session;
use crate::ops::entries::members;
use crate::ops::gate::{Actor, GateError, chance};
use crate::ops::moves::compare_listing;
use crate::rows::{Halt, RowSet, check, layout};

/// What the contract's rules found in an entry's rows as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct RowCheck {
    /// Where the contract lies.
    pub contract: String,
    /// What they found.
    pub findings: Findings,
}

/// Is told how many rows are done, of how many where that is known.
pub type RowProgress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// An entry with all that a plan is made from.
struct Read {
    entry: DlqEntry,
    objects: Vec<ObjectMeta>,
    rows: RowSet,
    contract: (String, Contract),
    rules: Vec<Rule>,
    /// The rows as they are, as an evolution.
    as_is: Evolution,
}

impl Session {
    /// Evaluates the contract's rules over an entry's rows as they are.
    pub async fn check_rows(&self, target: &str, told: RowProgress) -> Result<RowCheck, GateError> {
        let read = self.read_to_repair(target).await?;
        let mut found = evaluated(&read, &[&read.as_is], told).await?;
        Ok(RowCheck { contract: read.contract.0, findings: found.pop().unwrap_or_default() })
    }

    /// Plans the repair of an entry: proposes an evolution, and shows its effect on every row.
    pub async fn plan_repair(
        &self,
        target: &str,
        even_incomplete: bool,
        now: DateTime<Utc>,
        told: RowProgress,
    ) -> Result<RepairPlan, GateError> {
        let read = self.read_to_repair(target).await?;
        let evolution = Evolution::propose(&read.contract.1, read.rows.columns());
        let mut found = evaluated(&read, &[&read.as_is, &evolution], told).await?.into_iter();
        let (before, after) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        let Read { entry, objects, contract, rules, .. } = read;
        let id = MoveId::of(now, chance());
        let prefixes = &self.settings().prefixes;
        let actor = self.gate().map_or_else(|| Actor::of_process().name(), |gate| gate.actor().name());
        let mut plan = RepairPlan {
            schema: SCHEMA,
            lake: self.lake().url().to_owned(),
            dataset: entry.dataset.clone(),
            date: entry.date,
            actor,
            planned_at: now,
            source: entry.path.0.to_string(),
            target: format!("{}{PLACE}{}{id}/", prefixes.state, place(&entry, &prefixes.errors)),
            contract: contract.0,
            writes: RepairPlan::writes_of(&after),
            evolution,
            rules,
            before,
            after,
            refused: Vec::new(),
            objects: objects.iter().map(source).collect(),
            id,
        };
        plan.refused = plan.faults(&prefixes.state);
        if entry.problems.contains(&Problem::Incomplete) && !even_incomplete {
            plan.refused.push(Refusal {
                code: RefusalCode::Incomplete,
                object: plan.source.clone(),
                detail: "no completion marker, or a writer at work: it is still being written, or its writer died"
                    .to_owned(),
            });
        }
        Ok(plan)
    }

    async fn read_to_repair(&self, target: &str) -> Result<Read, GateError> {
        let entry = self.locate(target).await?;
        let contract = self.required_contract(&entry).await?;
        let source = entry.path.0.to_string();
        let listed = compare_listing(self.lake().as_ref(), &source).await?;
        let (objects, _) = members(&self.settings().prefixes.errors, listed.into_values().collect(), &source);
        let layout = layout::layout(&source, &objects);
        let opened = RowSet::open_to_stream(Arc::clone(self.lake()), &layout, Arc::clone(&self.cache)).await;
        let rows = opened.map_err(of_rows)?;
        let rules = rules_of(&contract.1);
        // JSON lines have no types of their own: a time is a text there.
        let as_is = Evolution::none(&contract.1, rows.columns(), layout.format != RowsFormat::Ndjson);
        Ok(Read { entry, objects, rows, contract, rules, as_is })
    }

    /// The contract of an entry's dataset: without one, there is nothing to be checked by.
    async fn required_contract(&self, entry: &DlqEntry) -> Result<(String, Contract), LakeError> {
        let key = self.settings().dataset(&entry.dataset).and_then(|d| d.contract.as_ref());
        let key = key.ok_or_else(|| LakeError {
            hint: "name it in the configuration: contract = \"…\" of this dataset".into(),
            ..LakeError::new(
                ErrorClass::NotFound,
                entry.dataset.to_string(),
                "no contract is configured for this dataset, so nothing says what its rows should be",
            )
        })?;
        let file = self.contracts.read(self.lake().as_ref(), key).await?;
        Ok((file.uri.clone(), file.contract.clone()))
    }
}

async fn evaluated(read: &Read, evolutions: &[&Evolution], told: RowProgress) -> Result<Vec<Findings>, GateError> {
    let all = read.rows.total_rows();
    let told = move |done| told(done, all);
    check::findings(&read.rows, evolutions, &read.rules, &Halt::default(), told).await.map_err(of_rows)
}

/// Where the repairs of an entry lie, below the place of repairs; ends in `/`.
fn place(entry: &DlqEntry, errors: &str) -> String {
    let run = entry.run_id.as_ref().map(|id| format!("run_id={id}/")).unwrap_or_default();
    match entry.date {
        Some(date) => format!("{}/dt={date}/{run}", entry.dataset.as_str()).trim_start_matches('/').to_owned(),
        None => entry.path.0.strip_prefix(errors).unwrap_or(&entry.path.0).to_owned(),
    }
}

fn source(meta: &ObjectMeta) -> SourceObject {
    SourceObject { key: meta.key.0.clone(), size: meta.size, etag: meta.etag.0.clone() }
}
