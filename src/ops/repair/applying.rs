//! A planned repair, carried out: the source is read pinned to what was planned, and what is written is new.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

use super::of_rows;
use super::outlet::{BROKEN_OFF, Sent, pipe};
use crate::lake::{Condition, ETag, Key, Lake, LakeError, LakeWriter, ObjectMeta, Written};
use crate::model::contract::Findings;
use crate::model::repair::{FAILING, MANIFEST, PASSED, RepairManifest, RepairPlan, RepairedFile, SCHEMA};
use crate::ops::entries::members;
use crate::ops::gate::GateError;
use crate::ops::moves::{MoveProgress, Phase, Watch, compare_listing, records};
use crate::rows::repair::{Open, Output, repair};
use crate::rows::{Halt, RowCache, RowSet, RowsError, layout};

/// How often a wish to stop is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// Sentences about differences.
const MOST_TOLD: usize = 20;

/// A file on its way.
struct Sending {
    output: Output,
    key: Key,
    sent: Arc<Mutex<Sent>>,
    task: JoinHandle<Result<Written, LakeError>>,
}

type Files = Arc<Mutex<Vec<Sending>>>;

/// The source as it is now, if it is still what was planned.
///
/// # Errors
/// [`GateError::Changed`] with every difference.
pub(in crate::ops) async fn unchanged(
    lake: &dyn Lake,
    plan: &RepairPlan,
    errors: &str,
) -> Result<Vec<ObjectMeta>, GateError> {
    let listed = compare_listing(lake, &plan.source).await?;
    let (there, _) = members(errors, listed.into_values().collect(), &plan.source);
    let same = |o: &ObjectMeta| plan.objects.iter().find(|p| p.key == o.key.0);
    let mut differences = Vec::new();
    for object in &there {
        match same(object) {
            None => differences.push(format!("{} is new", object.key)),
            Some(p) if p.etag != object.etag.0 || p.size != object.size => {
                differences.push(format!("{} was replaced", object.key));
            }
            Some(_) => {}
        }
    }
    let gone = plan.objects.iter().filter(|p| !there.iter().any(|o| o.key.0 == p.key));
    differences.extend(gone.map(|p| format!("{} is gone", p.key)));
    differences.truncate(MOST_TOLD);
    if differences.is_empty() { Ok(there) } else { Err(GateError::Changed(differences)) }
}

/// Reads, repairs and writes; the manifest last. What is written of a repair that fails is taken away again.
pub(in crate::ops) async fn apply(
    lake: &Arc<dyn LakeWriter>,
    plan: &RepairPlan,
    there: &[ObjectMeta],
    watch: &Watch,
    actor: String,
    holds: impl Fn() -> Option<DateTime<Utc>>,
) -> Result<RepairManifest, GateError> {
    let files = Files::default();
    let done = written(lake, plan, there, watch, &files).await;
    let ended = ended(&files).await;
    let sealed = match (done, ended) {
        // A lake that took no more says why; the rows only met its end.
        (Err(_), (_, Some(error))) | (Ok(_), (_, Some(error))) => Err(error.into()),
        (Err(error), _) => Err(error),
        (Ok(findings), (files, None)) => seal(lake, plan, &findings, files, actor, holds).await,
    };
    if sealed.is_err() {
        let left = std::mem::take(&mut *files.lock().unwrap_or_else(PoisonError::into_inner));
        for sending in left {
            // Only what this repair wrote can lie there: its id is its own.
            if let Ok(head) = lake.head(&sending.key).await
                && let Err(e) = lake.delete(&sending.key, Some(&head.etag)).await
            {
                tracing::warn!("{} stays: {e}", sending.key);
            }
        }
    }
    sealed
}

async fn written(
    lake: &Arc<dyn LakeWriter>,
    plan: &RepairPlan,
    there: &[ObjectMeta],
    watch: &Watch,
    files: &Files,
) -> Result<Findings, GateError> {
    let reading: Arc<dyn Lake> = Arc::clone(lake) as Arc<dyn Lake>;
    let layout = layout::layout(&plan.source, there);
    let set = RowSet::open_to_stream(reading, &layout, Arc::new(RowCache::default())).await.map_err(of_rows)?;
    let (halt, begun) = (Halt::default(), Instant::now());
    let (told, id, all) = (watch.clone(), plan.id.clone(), plan.after.rows);
    let stops = halt.clone();
    let told = move |done: u64| {
        if told.is_stopped() {
            stops.now();
        }
        let rate = Some(done as f64 / begun.elapsed().as_secs_f64().max(0.001)).filter(|r| *r > 0.0);
        told.tell(MoveProgress {
            id: id.clone(),
            kind: None,
            phase: Phase::Repairing,
            objects: (done, all),
            bytes: (0, 0),
            rate,
            left: rate.map(|r| Duration::from_secs_f64(all.saturating_sub(done) as f64 / r)),
            at_once: 1,
            throttled: false,
        });
    };
    if watch.is_stopped() {
        halt.now();
    }
    let work = repair(&set, &plan.evolution, &plan.rules, &halt, opener(lake, plan, files), told);
    tokio::pin!(work);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            () = tokio::time::sleep(LOOK) => if watch.is_stopped() { halt.now() },
        }
    };
    match ended {
        Err(RowsError::Halted) => Err(interrupted(plan, "it was asked to stop".to_owned(), true)),
        ended => ended.map_err(of_rows),
    }
}

/// Opens a file when its first row comes: its pieces go to the lake as they are encoded.
fn opener(lake: &Arc<dyn LakeWriter>, plan: &RepairPlan, files: &Files) -> Open {
    let (lake, files, target) = (Arc::clone(lake), Arc::clone(files), plan.target.clone());
    let handle = tokio::runtime::Handle::current();
    Box::new(move |output| {
        let name = match output {
            Output::Passed => PASSED,
            Output::Failing => FAILING,
        };
        let key = Key(format!("{target}{name}"));
        let (pipe, pieces, sent) = pipe(lake.uri(key.as_str()));
        let (lake, to) = (Arc::clone(&lake), key.clone());
        let task = handle.spawn(async move { lake.put_stream(&to, pieces, Some(Condition::Absent)).await });
        files.lock().unwrap_or_else(PoisonError::into_inner).push(Sending { output, key, sent, task });
        Ok(Box::new(pipe))
    })
}

/// Waits for the files, and tells what the lake said of the first that it did not take.
async fn ended(files: &Files) -> (Vec<(Output, RepairedFile)>, Option<LakeError>) {
    let mut sending = std::mem::take(&mut *files.lock().unwrap_or_else(PoisonError::into_inner));
    let (mut whole, mut fault) = (Vec::new(), None);
    for file in &mut sending {
        match (&mut file.task).await {
            Ok(Ok(written)) => {
                let sent = file.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let ETag(etag) = written.etag;
                let key = file.key.0.clone();
                let file_of = RepairedFile { key, size: sent.size, rows: 0, sha256: sent.sha256, etag };
                whole.push((file.output, file_of));
            }
            Ok(Err(error)) if error.detail == BROKEN_OFF => {}
            Ok(Err(error)) => fault = fault.or(Some(error)),
            Err(e) => tracing::warn!("writing {} ended early: {e}", file.key),
        }
    }
    *files.lock().unwrap_or_else(PoisonError::into_inner) = sending;
    (whole, fault)
}

/// Writes down what was done, if it is what was planned.
async fn seal(
    lake: &Arc<dyn LakeWriter>,
    plan: &RepairPlan,
    findings: &Findings,
    files: Vec<(Output, RepairedFile)>,
    actor: String,
    holds: impl Fn() -> Option<DateTime<Utc>>,
) -> Result<RepairManifest, GateError> {
    let counts = |f: &Findings| (f.rows, f.passed, f.failing);
    if counts(findings) != counts(&plan.after) {
        let why = format!("{} of {} rows pass now, and {} did", findings.passed, findings.rows, plan.after.passed);
        return Err(GateError::Changed(vec![why]));
    }
    let Some(at) = holds() else {
        return Err(interrupted(plan, "its lease ran out, or somebody else took it over".to_owned(), false));
    };
    let rows = |output| if output == Output::Passed { findings.passed } else { findings.failing };
    let mut files: Vec<_> =
        files.into_iter().map(|(output, file)| (output, RepairedFile { rows: rows(output), ..file })).collect();
    files.sort_by_key(|(output, _)| *output == Output::Failing);
    let files: Vec<RepairedFile> = files.into_iter().map(|(_, file)| file).collect();
    // Each file that was planned is there, its rows are all the rows, and the manifest is the only thing missing.
    let names: Vec<&str> = files.iter().filter_map(|f| f.key.strip_prefix(&plan.target)).chain([MANIFEST]).collect();
    if names != plan.writes || files.iter().map(|f| f.rows).sum::<u64>() != findings.rows {
        return Err(GateError::Changed(vec![format!(
            "{} was written, and {} planned",
            names.join(", "),
            plan.writes.join(", ")
        )]));
    }
    let manifest = RepairManifest {
        schema: SCHEMA,
        id: plan.id.clone(),
        actor,
        at,
        rows: findings.rows,
        passed: findings.passed,
        failing: findings.failing,
        files,
        plan: plan.clone(),
    };
    match records::seal(lake.as_ref(), &Key(format!("{}{MANIFEST}", plan.target)), &manifest).await {
        Ok(()) => Ok(manifest),
        Err(records::NotSealed::Other) => Err(GateError::Changed(vec!["another manifest lies there".to_owned()])),
        Err(records::NotSealed::Lake(error)) => Err(error.into()),
    }
}

fn interrupted(plan: &RepairPlan, why: String, asked: bool) -> GateError {
    GateError::Interrupted {
        id: plan.id.clone(),
        doing: Phase::Repairing.word(),
        why,
        hint: "the original is untouched and nothing half-written counts; repair it again".to_owned(),
        asked,
    }
}
