//! Two operators at one prefix: one wins, the other is told who. One whose machine slept while the other went on
//! finds out before it deletes anything.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration as Pause;

use chrono::Utc;
use lakeward::lake::LakeWriter;
use lakeward::model::moves::{Plan, QuarantineState, Step};
use lakeward::ops::{Gate, GateError, Keep};

use super::site::{
    self, ENTRY, Marks, SOURCE, Site, TARGET, actor, apply, at, gate, kept, list, perform, resume, session,
};
use crate::support::memory::{Fault, Memory, Stepped, Verb};

const ROUNDS: usize = 100;

/// A lake with two plans whose prefixes meet: the same one, or one inside the other.
async fn overlapping(nested: bool) -> (Memory, [Plan; 2]) {
    let memory = Memory::default();
    site::fill(&memory, 3, 0);
    for n in 0..3 {
        memory.set(&format!("bronze/contacts/dt=2026-11-22/part-{n}"), "rows");
    }
    let machine = site::folder();
    let session = session(Arc::new(memory.clone()), gate(Arc::new(memory.clone()), machine.path(), "ana", 0));
    let targets = if nested { ["bronze/contacts/", "bronze/contacts/dt=2026-11-22/"] } else { [ENTRY, ENTRY] };
    let [one, other] = targets.map(|target| site::plan(&session, target));
    let plans = [one.await, other.await];
    (memory, plans)
}

fn operator(memory: &Memory, user: &str) -> (Gate, tempfile::TempDir) {
    let machine = site::folder();
    let gate = gate(Arc::new(memory.clone()), machine.path(), user, 0).acting(actor(user), Utc::now);
    (gate, machine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_wins_and_the_other_is_told_who() {
    for round in 0..ROUNDS {
        let (memory, plans) = overlapping(round % 2 == 0).await;
        // The one who holds the lease goes on when the other has its answer.
        let (ended, other_ended) = mpsc::channel::<()>();
        memory.meanwhile(Verb::Put, "_lakeward/probe/", move |_| {
            let _ = other_ended.recv_timeout(Pause::from_secs(20));
        });
        let run = |user: &'static str, plan: Plan| {
            let (memory, ended) = (memory.clone(), ended.clone());
            tokio::spawn(async move {
                let (gate, _machine) = operator(&memory, user);
                let answer = apply(&gate, &plan).await;
                let _ = ended.send(());
                answer
            })
        };
        let [first, second] = plans.clone();
        let (ana, ben) = (run("ana", first), run("ben", second));
        let (ana, ben) = (ana.await.unwrap(), ben.await.unwrap());
        let (winner, plan, loser) = match (&ana, &ben) {
            (Ok(_), Err(error)) => ("ana@bastion", &plans[0], error),
            (Err(error), Ok(_)) => ("ben@bastion", &plans[1], error),
            both => panic!("round {round}: {both:?}"),
        };
        let GateError::Held { holder, id, prefix, .. } = loser else { panic!("round {round}: {loser}") };
        assert_eq!((holder.as_str(), id, prefix), (winner, &plan.id, &plan.source));
        assert!(loser.is_refusal() && loser.to_string().contains(winner), "{loser}");
        let all = memory.all();
        for object in &plan.objects {
            assert!(all.contains_key(&object.target) && !all.contains_key(&object.key), "{}", object.key);
        }
        let records = all.keys().filter(|k| k.ends_with("/plan.json")).count();
        assert_eq!(records, 1, "the loser left nothing of its move");
    }
}

/// A machine that sleeps, and its clock.
struct Sleeper {
    memory: Memory,
    lake: Arc<Stepped>,
    gate: Gate,
    minute: Arc<AtomicI64>,
    _machine: tempfile::TempDir,
}

impl Sleeper {
    fn new(memory: &Memory, n: usize) -> Self {
        let (machine, minute) = (site::folder(), Arc::new(AtomicI64::new(10)));
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, Fault::Asleep))));
        let clock = Arc::clone(&minute);
        let gate = gate(lake.clone(), machine.path(), "ana", 0);
        let gate = gate.acting(actor("ana"), move || at(clock.load(Ordering::SeqCst)));
        Self { memory: memory.clone(), lake, gate, minute, _machine: machine }
    }

    /// Applies a plan, falls asleep at its request, and wakes up when somebody else has done `step`. What it came to.
    async fn sleeps_while(&self, plan: &Plan, step: Step) -> (Result<(), GateError>, bool) {
        let others = async {
            self.lake.sleeps().await;
            self.minute.store(30, Ordering::SeqCst);
            let machine = site::folder();
            let lake: Arc<dyn LakeWriter> = Arc::new(self.memory.clone());
            let session = session(lake.clone(), gate(lake, machine.path(), "ben", 30));
            let acted = match step {
                Step::Resume => resume(session.gate().unwrap(), &plan.id).await.is_ok(),
                _ => match session.plan_step(&plan.id, step, None, Keep::default(), at(31)).await {
                    Ok(undo) => perform(&session, &undo).await.is_ok(),
                    Err(_) => false, // nothing that the lake knows of
                },
            };
            self.lake.go_on();
            acted
        };
        let (ended, acted) = tokio::join!(apply(&self.gate, plan), others);
        (ended.map(drop), acted)
    }
}

/// At every request in turn ana's laptop is closed; ben, who sees her lease run out, finishes the move or takes it
/// back; then she opens it again. No byte is lost, and what ben did is not undone behind his back.
#[tokio::test(start_paused = true)]
async fn one_who_slept_does_no_harm() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let before = kept(&site.memory, SOURCE, Marks::None).await;
    let whole = Arc::new(Stepped::new(Arc::new(site.memory.fork()), None));
    apply(&gate(whole.clone(), site.machine.path(), "ana", 10), &plan).await.unwrap();
    for step in [Step::Resume, Step::Undo] {
        let (mut taken_over, mut stopped) = (0, 0);
        for n in 0..whole.requests() {
            let memory = site.memory.fork();
            site::guard(&memory, &plan, &before);
            let (ended, acted) = Sleeper::new(&memory, n).sleeps_while(&plan, step).await;
            taken_over += usize::from(acted);
            stopped += usize::from(ended.is_err());
            // Whatever is left half done is finished now.
            let machine = site::folder();
            let lake: Arc<dyn LakeWriter> = Arc::new(memory.clone());
            let session = session(lake.clone(), gate(lake, machine.path(), "eva", 60));
            for id in session.unfinished().await.unwrap() {
                resume(session.gate().unwrap(), &id).await.unwrap_or_else(|e| panic!("{n} {step:?}: {e}"));
            }
            let quarantine = session.quarantine(&plan.id).await.ok();
            let state = quarantine.as_ref().map(|q| q.state);
            match state {
                Some(QuarantineState::Quarantined) => {
                    assert_eq!(kept(&memory, TARGET, Marks::Of(&plan.id)).await, before, "{n} {step:?}");
                    assert_eq!(list(&memory, SOURCE).await, []);
                }
                Some(QuarantineState::Undone) | None => {
                    assert_eq!(kept(&memory, SOURCE, Marks::None).await, before, "{n} {step:?}");
                    assert_eq!(list(&memory, TARGET).await, [], "{n} {step:?} {ended:?}");
                }
                other => panic!("{n} {step:?}: {other:?}"),
            }
            if acted && step == Step::Undo {
                assert_eq!(state, Some(QuarantineState::Undone), "{n} {ended:?}");
            }
        }
        println!("{step:?}: {} points, taken over {taken_over}, stopped {stopped}", whole.requests());
        assert!(taken_over > 5 && stopped > 10, "{taken_over} {stopped}");
    }
}

/// One whose lease somebody took over while it ran stops at its next boundary, and says why.
#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_is_taken_over() {
    let site = Site::with_entry();
    let plan = site.plan().await;
    let machine = site::folder();
    // Killed once it has copied something.
    let mut n = 0;
    let memory = loop {
        let memory = site.memory.fork();
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, Fault::KilledAfter))));
        let first = gate(lake.clone(), machine.path(), "ana", 10);
        tokio::select! {
            _ = apply(&first, &plan) => panic!("never copied"),
            () = lake.killed() => {}
        }
        if memory.all().contains_key(&format!("{TARGET}rejected_rows.parquet")) {
            break memory;
        }
        n += 1;
    };
    let lake: Arc<dyn LakeWriter> = Arc::new(memory.clone());
    let held = resume(&gate(lake.clone(), machine.path(), "ben", 11), &plan.id).await.unwrap_err();
    let GateError::Held { holder, until, .. } = &held else { panic!("{held}") };
    assert_eq!(holder, "ana@bastion");
    assert!(*until > at(11) && *until < at(13), "{until}");
    assert!(held.hint().contains("by itself"));
    let outcome = resume(&gate(lake, machine.path(), "ben", 13), &plan.id).await.unwrap();
    assert_eq!(outcome.objects, 3);
}
