//! The gate: what it refuses, what it asks for, what it writes down before and after, for every write there is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Duration;
use lakeward::lake::{ErrorClass, Lake};
use lakeward::model::act::ActId;
use lakeward::model::dag::DagId;
use lakeward::model::dag_act::DagAct;
use lakeward::model::moves::{MoveId, MoveKind, Plan, Step};
use lakeward::model::protection::{CannotArm, Confirmation, Locked, Protection};
use lakeward::model::redrive::RedriveRecord;
use lakeward::model::run::{JobName, JobRunId};
use lakeward::model::severity::Severity;
use lakeward::model::triage::TriageAct;
use lakeward::ops::{
    AuditRecord, CancelAsk, DagAsk, Gate, GateError, Keep, Outcome, RunAsk, TriageAsk, Watch, WorkRef, WriteEffect,
};

use super::effects::{backfill, happened, redrive, repair, report, submit};
use super::site::{self, ENTRY, SOURCE, Site, TARGET, actor, apply, at, list, perform};
use crate::support::memory::{Memory, Verb};

/// Every write there is: one that is added does not compile until it is counted here, and is not passed until
/// [`every_effect`] makes one.
fn number(effect: &WriteEffect) -> usize {
    match effect {
        WriteEffect::Move(plan) => match plan.kind {
            MoveKind::Quarantine => 0,
            MoveKind::Release => 1,
            MoveKind::Archive => 2,
            MoveKind::Undo => 3,
        },
        WriteEffect::Resume(_) => 4,
        WriteEffect::Mark { .. } => 5,
        WriteEffect::Arm { .. } => 6,
        WriteEffect::Triage(_) => 7,
        WriteEffect::Run(_) => 8,
        WriteEffect::Submit(_) => 9,
        WriteEffect::Cancel(_) => 10,
        WriteEffect::Dag(_) => 11,
        WriteEffect::Finish(_) => 12,
        WriteEffect::Incident(_) => 13,
        WriteEffect::Repair(_) => 14,
        WriteEffect::Redrive(_) => 15,
        WriteEffect::Backfill(_) => 16,
        WriteEffect::ResumeWork(_) => 17,
        WriteEffect::Report(_) => 18,
    }
}

fn moving(plan: &Plan) -> WriteEffect {
    WriteEffect::Move(Box::new(plan.clone()))
}

fn mark(id: &MoveId, step: Step) -> WriteEffect {
    WriteEffect::Mark { id: id.clone(), step, note: Some("looking".into()) }
}

fn arm(minutes: i64) -> WriteEffect {
    WriteEffect::Arm { length: Duration::minutes(minutes), reason: "hotfix 12".into() }
}

/// An act on an alert: a record of lakeward's own, which a protected environment takes, and which asks for nothing.
fn acknowledge() -> WriteEffect {
    let alerts = vec![("dlq_rows:orders:2026-11-22".to_owned(), Severity::Warning)];
    WriteEffect::Triage(TriageAsk { alerts, act: TriageAct::Acknowledge, note: None })
}

/// A lake where each of the effects could be done, and the effects with the confirmation that each asks for.
async fn every_effect() -> (Site, Vec<(WriteEffect, Confirmation)>) {
    let site = Site::with_entry();
    let session = site.session("ana");
    let first = site::plan(&session, ENTRY).await;
    perform(&session, &first).await.unwrap();
    let mut all = Vec::new();
    for step in [Step::Release, Step::Archive, Step::Undo] {
        let plan = session.plan_step(&first.id, step, None, Keep::default(), at(5)).await.unwrap();
        all.push((moving(&plan), Confirmation::Count(3)));
    }
    all.push((mark(&first.id, Step::Investigate), Confirmation::Yes));
    all.push((arm(15), Confirmation::Yes));
    all.push((acknowledge(), Confirmation::Yes));
    all.push((happened(), Confirmation::Yes));
    all.push((report(&site), Confirmation::Yes));
    let folder = site.machine.path().to_owned();
    let command = vec!["true".to_owned()];
    let run = RunAsk { job: JobName("load".into()), command, folder, date: None, settings: Vec::new() };
    all.push((WriteEffect::Run(run), Confirmation::Yes));
    all.push((submit("rerun-1"), Confirmation::Yes));
    let id = ActId("cancel-1".into());
    let run = JobRunId("r-1".into());
    all.push((WriteEffect::Cancel(CancelAsk { id, job: JobName("load".into()), run }), Confirmation::Yes));
    let act = DagAct::Pause { dag: DagId("daily".into()), paused: true };
    all.push((WriteEffect::Dag(Box::new(DagAsk { id: ActId("pause-1".into()), act })), Confirmation::Yes));
    site.services.lose_the_next_reply();
    let gate = site.gate("ana");
    gate.perform(submit("rerun-2"), Some(Confirmation::Yes), &Watch::default()).await.unwrap_err();
    all.push((WriteEffect::Finish(ActId("rerun-2".into())), Confirmation::Yes));
    all.push((repair(&site).await, Confirmation::Yes));
    // Another dead letter that waits, and one whose move stopped half-way.
    for (dataset, stopped) in [("crm/orders", false), ("crm/leads", true)] {
        for name in ["rejected_rows.parquet", "_SUCCESS"] {
            site.memory.set(&format!("_errors/{dataset}/dt=2026-11-22/{name}"), name);
        }
        let plan = site::plan(&session, &format!("{dataset}/dt=2026-11-22")).await;
        if stopped {
            site.memory.deny(Verb::Delete, "_errors/crm/leads/");
            perform(&session, &plan).await.unwrap_err();
            site.memory.behave();
            all.push((WriteEffect::Resume(plan.id), Confirmation::Yes));
        } else {
            all.push((moving(&plan), Confirmation::Count(2)));
        }
    }
    let fixed = redrive(&site, &session, "crm/fixed").await;
    all.push((WriteEffect::Redrive(Box::new(fixed)), Confirmation::Count(1)));
    // One whose process was killed when it had taken the entry.
    let begun = redrive(&site, &session, "crm/begun").await;
    let record = RedriveRecord::of(&begun, "ana@bastion".into(), at(1)).unwrap();
    let text = serde_json::to_string(&record).unwrap();
    site.memory.set("_lakeward/redriven/crm/begun/dt=2026-11-22/0001.json", text);
    let work = WorkRef::Redrive { id: begun.id, entry: begun.entry, number: 1 };
    all.push((WriteEffect::ResumeWork(work), Confirmation::Yes));
    all.push((WriteEffect::Backfill(Box::new(backfill())), Confirmation::Count(1)));
    let numbers: BTreeSet<usize> = all.iter().map(|(effect, _)| number(effect)).collect();
    assert_eq!(numbers, (0..19).collect(), "one of each");
    (site, all)
}

fn writes(memory: &Memory) -> u64 {
    memory.counters().read().writes
}

#[tokio::test(start_paused = true)]
async fn no_effect_passes_a_locked_gate() {
    let (site, effects) = every_effect().await;
    let (before, all) = (writes(&site.memory), site.memory.all());
    let locked = |protection| site.guarded(site.machine.path(), "ben", site.later(), protection);
    let gates = [
        (locked(Protection::ReadOnly), Locked::ReadOnly),
        (locked(Protection::of(true, true)), Locked::ReadOnly),
        (locked(Protection::of(true, false)), Locked::Protected),
    ];
    for (gate, why) in &gates {
        for (effect, confirmation) in &effects {
            let is_arm = matches!(effect, WriteEffect::Arm { .. });
            let is_act = matches!(effect, WriteEffect::Triage(_) | WriteEffect::Incident(_) | WriteEffect::Report(_));
            if (is_arm || is_act) && *why == Locked::Protected {
                continue; // the one way to open it, and what touches no data: below
            }
            let given =
                [None, Some(Confirmation::Yes), Some(confirmation.clone()), Some(Confirmation::Prefix(SOURCE.into()))];
            for given in given {
                let error = gate.perform(effect.clone(), given.clone(), &Watch::default()).await.unwrap_err();
                let want =
                    if is_arm { GateError::CannotArm(CannotArm::ReadOnly) } else { GateError::Locked(why.clone()) };
                assert_eq!(error, want, "{} {given:?}", effect.word());
                assert!(error.is_refusal() && !error.hint().is_empty());
                assert_eq!(gate.rehearse(effect.clone(), given).await, Err(error));
            }
        }
    }
    assert_eq!((writes(&site.memory), site.memory.all()), (before, all));
}

#[tokio::test(start_paused = true)]
async fn every_effect_passes_an_open_gate() {
    let (_, effects) = every_effect().await;
    for nth in 0..effects.len() {
        // Each on a lake of its own: releasing what was archived is not possible.
        let (site, mut effects) = every_effect().await;
        let (effect, confirmation) = effects.swap_remove(nth);
        let protection = match effect {
            WriteEffect::Arm { .. } => Protection::of(true, false),
            _ => Protection::Open,
        };
        let gate = site.guarded(site.machine.path(), "ben", site.later() + 10, protection);
        let given = Some(confirmation);
        let before = writes(&site.memory);
        gate.perform(effect.clone(), given, &Watch::default())
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", effect.word()));
        assert!(writes(&site.memory) > before, "{} went through the lake", effect.word());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_confirmed_as_asked_is_refused() {
    let (site, effects) = every_effect().await;
    let (before, all) = (writes(&site.memory), site.memory.all());
    let gate = site.gate("ben");
    for (effect, right) in &effects {
        let removes = matches!(effect, WriteEffect::Move(_));
        let count = match right {
            Confirmation::Count(n) => *n,
            _ => 3,
        };
        let mut wrong = vec![None, Some(Confirmation::Count(count + 7)), Some(Confirmation::Prefix("_errors/".into()))];
        if removes {
            wrong.push(Some(Confirmation::Yes)); // Enter on a question never removes data
        }
        for given in wrong {
            let unasked = |effect: &WriteEffect| {
                matches!(effect, WriteEffect::Arm { .. } | WriteEffect::Triage(_))
                    || matches!(effect, WriteEffect::Incident(_) | WriteEffect::Report(_))
            };
            if unasked(effect) {
                continue; // one asks for its reason instead, the other touches no data
            }
            let error = gate.perform(effect.clone(), given.clone(), &Watch::default()).await.unwrap_err();
            assert!(
                matches!(error, GateError::Unconfirmed(_)) && error.is_refusal(),
                "{} {given:?}: {error}",
                effect.word()
            );
        }
    }
    assert_eq!((writes(&site.memory), site.memory.all()), (before, all));
}

#[tokio::test(start_paused = true)]
async fn the_prefix_typed_confirms_as_well() {
    let site = Site::with_entry();
    let session = site.session("ana");
    let plan = site::plan(&session, ENTRY).await;
    let typed = Some(Confirmation::Prefix(SOURCE.trim_end_matches('/').into()));
    session.gate().unwrap().perform(moving(&plan), typed, &Watch::default()).await.unwrap();
    assert_eq!(site.state().await, "quarantined");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_writes_nothing() {
    let (site, effects) = every_effect().await;
    let (before, all) = (writes(&site.memory), site.memory.all());
    let machine = site::folder();
    for (effect, confirmation) in effects {
        let protection = match effect {
            WriteEffect::Arm { .. } => Protection::of(true, false),
            _ => Protection::Open,
        };
        // What is open here is known here alone.
        let folder = if matches!(effect, WriteEffect::Finish(_)) { &site.machine } else { &machine };
        let gate = site.guarded(folder.path(), "ben", site.later(), protection.clone());
        gate.rehearse(effect.clone(), Some(confirmation)).await.unwrap_or_else(|e| panic!("{}: {e}", effect.word()));
        assert_eq!(gate.protection(), protection, "a rehearsal arms nothing");
    }
    assert_eq!((writes(&site.memory), site.memory.all()), (before, all));
    assert_eq!(std::fs::read_dir(machine.path()).unwrap().count(), 0, "no journal either");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_refuses_what_would_be_refused() {
    let site = Site::with_entry();
    let session = site.session("ana");
    let plan = site::plan(&session, ENTRY).await;
    site.memory.set(&format!("{SOURCE}late.parquet"), "late");
    let gate = session.gate().unwrap();
    let error = gate.rehearse(moving(&plan), Some(Confirmation::Count(3))).await.unwrap_err();
    assert!(matches!(&error, GateError::Changed(what) if what.len() == 1), "{error}");
}

/// A gate whose time a test sets.
fn armable(site: &Site) -> (Gate, Arc<AtomicI64>) {
    let minute = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&minute);
    let gate = site.guarded(site.machine.path(), "ana", 0, Protection::of(true, false));
    (gate.acting(actor("ana"), move || at(clock.load(Ordering::SeqCst))), minute)
}

#[tokio::test(start_paused = true)]
async fn arming_is_audited_and_runs_out() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let (gate, minute) = armable(&site);
    assert_eq!(apply(&gate, &plan).await, Err(GateError::Locked(Locked::Protected)));
    let outcome = gate.perform(arm(15), None, &Watch::default()).await.unwrap();
    assert_eq!(outcome.armed_until, Some(at(15)));
    minute.store(15, Ordering::SeqCst);
    assert_eq!(apply(&gate, &plan).await, Err(GateError::Locked(Locked::Over)));
    gate.perform(arm(15), None, &Watch::default()).await.unwrap();
    minute.store(29, Ordering::SeqCst);
    apply(&gate, &plan).await.unwrap();

    let log = audit(&site).await;
    let arms: Vec<_> =
        log.iter().filter(|r| r.act == "arm").map(|r| (r.at, r.actor.user.as_str(), r.outcome.as_str())).collect();
    assert_eq!(arms, [(at(15), "ana", "done"), (at(0), "ana", "done")]);
    assert!(
        log.iter()
            .filter(|r| r.act == "arm")
            .all(|r| r.detail.contains("hotfix 12") && r.detail.contains("15 minutes"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_noted_is_not_armed() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let (gate, _) = armable(&site);
    site.memory.deny(Verb::Put, "_lakeward/audit/");
    gate.perform(arm(15), None, &Watch::default()).await.unwrap_err();
    assert_eq!(gate.protection(), Protection::of(true, false));
    assert_eq!(apply(&gate, &plan).await, Err(GateError::Locked(Locked::Protected)));

    // On this machine the same.
    site.memory.behave();
    let (gate, _) = armable(&site);
    let file = site.machine.path().join("file");
    std::fs::write(&file, "").unwrap();
    let gate = gate.with_log(file.join("log"));
    gate.perform(arm(15), None, &Watch::default()).await.unwrap_err();
    assert_eq!(gate.protection(), Protection::of(true, false));
}

#[tokio::test(start_paused = true)]
async fn arming_asks_for_a_reason_and_a_time() {
    let site = Site::with_entry();
    let (gate, _) = armable(&site);
    for (minutes, reason, why) in
        [(15, " ", CannotArm::NoReason), (0, "x", CannotArm::Time), (481, "x", CannotArm::Time)]
    {
        let effect = WriteEffect::Arm { length: Duration::minutes(minutes), reason: reason.into() };
        assert_eq!(gate.perform(effect, None, &Watch::default()).await, Err(GateError::CannotArm(why)));
    }
    let open = site.gate("ana").perform(arm(15), None, &Watch::default()).await;
    assert_eq!(open, Err(GateError::CannotArm(CannotArm::Open)));
    assert_eq!(writes(&site.memory), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_written_but_the_lease() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let file = site.machine.path().join("file");
    std::fs::write(&file, "").unwrap();
    let gate = site::gate(site.lake(), &file.join("journal"), "ana", 0);
    let error = apply(&gate, &plan).await.unwrap_err();
    assert!(matches!(error, GateError::Journal { .. }), "{error}");
    let new: Vec<String> = site.memory.all().into_keys().filter(|k| !k.starts_with(SOURCE)).collect();
    assert!(!new.is_empty() && new.iter().all(|k| k.starts_with("_lakeward/leases/")), "{new:?}");
    assert_eq!(writes(&site.memory), 2, "taken and given back");
    assert_eq!(site.below(SOURCE).len(), 3);

    // The same for a mark, which needs no lease: nothing at all.
    let id = site.quarantined().await;
    let before = writes(&site.memory);
    let error = gate.perform(mark(&id, Step::Resolve), Some(Confirmation::Yes), &Watch::default()).await.unwrap_err();
    assert!(matches!(error, GateError::Journal { .. }), "{error}");
    assert_eq!(writes(&site.memory), before);
}

/// The records on the lake, newest first.
async fn audit(site: &Site) -> Vec<AuditRecord> {
    site.session("eva").audit_log(1, at(0)).await.unwrap()
}

async fn audit_objects(site: &Site) -> usize {
    list(&site.memory, "_lakeward/audit/").await.len()
}

#[tokio::test(start_paused = true)]
async fn every_write_that_was_tried_leaves_one_record() {
    let site = Site::with_entry();
    let log = site.machine.path().join("log");
    let gate = |user: &str| site.gate(user).with_log(log.clone());
    let mut want: Vec<(&str, &str, &str, Option<&str>, u64)> = Vec::new();

    // Interrupted: the delete is denied. Then resumed.
    let plan = site.plan().await;
    site.memory.deny(Verb::Delete, SOURCE);
    assert!(matches!(apply(&gate("ana"), &plan).await, Err(GateError::Interrupted { .. })));
    want.push(("quarantine", "ana", "interrupted", Some("3"), 0));
    site.memory.behave();
    let yes = Some(Confirmation::Yes);
    gate("ben").perform(WriteEffect::Resume(plan.id.clone()), yes.clone(), &Watch::default()).await.unwrap();
    want.push(("resume", "ben", "done", Some("yes"), 3));
    // Marked.
    gate("ben").perform(mark(&plan.id, Step::Investigate), yes.clone(), &Watch::default()).await.unwrap();
    want.push(("investigate", "ben", "done", Some("yes"), 0));
    // Refused by the engine: something lies there now.
    let session = site.session("ana");
    let release = session.plan_step(&plan.id, Step::Release, None, Keep::default(), at(1)).await.unwrap();
    site.memory.set(&format!("{SOURCE}new.parquet"), "new");
    assert!(apply(&gate("eva"), &release).await.unwrap_err().is_refusal());
    want.push(("release", "eva", "refused", Some("3"), 0));
    site.memory.remove(&format!("{SOURCE}new.parquet"));
    // Failed: the store does not tell what it can.
    site.memory.deny(Verb::Put, "_lakeward/probe/");
    let failed: Result<Outcome, GateError> = apply(&gate("eva"), &release).await;
    assert!(matches!(&failed, Err(GateError::Lake(e)) if e.class == ErrorClass::Denied), "{failed:?}");
    want.push(("release", "eva", "failed", Some("3"), 0));
    site.memory.behave();
    // Done.
    let given = Some(Confirmation::Prefix(TARGET.into()));
    gate("eva").perform(moving(&release), given, &Watch::default()).await.unwrap();
    want.push(("release", "eva", "done", Some(TARGET), 3));

    let records = audit(&site).await;
    assert_eq!(audit_objects(&site).await, want.len(), "one object each");
    let told: Vec<_> = records
        .iter()
        .rev()
        .map(|r| (r.act.as_str(), r.actor.user.as_str(), r.outcome.as_str(), r.confirmed.as_deref(), r.objects))
        .collect();
    assert_eq!(told, want);
    for record in &records {
        assert_eq!((record.schema, record.actor.host.as_str()), (1, "bastion"));
        assert!(record.id.is_some() && !record.detail.is_empty() && record.at >= at(0), "{record:?}");
        assert!([SOURCE, TARGET].contains(&record.object.as_str()), "{record:?}");
    }
    let lines = std::fs::read_to_string(log).unwrap();
    assert_eq!(lines.lines().count(), want.len(), "and one line each on this machine");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_written_undoes_nothing_and_is_told() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    site.memory.deny(Verb::Put, "_lakeward/audit/");
    let outcome = apply(&site.gate("ana"), &plan).await.unwrap();
    assert!(outcome.notes.iter().any(|n| n.contains("could not be noted on the lake")), "{outcome:?}");
    assert_eq!(site.state().await, "quarantined");
}
