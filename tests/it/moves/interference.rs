//! Acceptance 6: somebody replaces, adds or removes an object while a move is planned, copied, proven, deleted. New
//! bytes are kept, nothing foreign is overwritten, what is said is true, and the move can be ended.

use lakeward::model::moves::{Plan, Step};
use lakeward::ops::{GateError, Outcome};

use super::site::{self, ENTRY, SOURCE, Site, TARGET};
use crate::support::memory::{Memory, Verb};

/// What somebody else does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Replaced,
    Added,
    Removed,
}

const ACTS: [Act; 3] = [Act::Replaced, Act::Added, Act::Removed];

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Added => "late.parquet",
            _ => "rejected_rows.parquet",
        }
    }

    fn key(self) -> String {
        format!("{SOURCE}{}", self.name())
    }

    fn happens(self, memory: &Memory) {
        match self {
            Self::Replaced | Self::Added => drop(memory.set(&self.key(), "new bytes")),
            Self::Removed => memory.remove(&self.key()),
        }
    }

    /// What must lie under the key from then on.
    fn check(self, site: &Site) {
        let there = site.memory.all().get(&self.key()).cloned();
        assert_eq!(there.as_deref(), (self != Self::Removed).then_some(&b"new bytes"[..]), "{self:?}");
    }
}

/// A dead letter of four objects; one is copied before the one that somebody touches.
async fn planned() -> (Site, Plan) {
    let site = Site::with_entry();
    site.memory.set(&format!("{SOURCE}a.parquet"), "first");
    let plan = site.plan().await;
    (site, plan)
}

async fn apply(site: &Site, plan: &Plan) -> Result<Outcome, GateError> {
    site::apply(&site.gate("ana"), plan).await
}

#[tokio::test(start_paused = true)]
async fn between_plan_and_apply() {
    for act in ACTS {
        let (site, plan) = planned().await;
        act.happens(&site.memory);
        let error = apply(&site, &plan).await.unwrap_err();
        assert!(
            matches!(&error, GateError::Changed(what) if what.len() == 1 && what[0].contains(act.name())),
            "{error}"
        );
        assert!(error.is_refusal());
        act.check(&site);
        assert_eq!((site.below(TARGET).len(), site.state().await.as_str()), (0, ""));
        // Planned anew, it goes.
        let plan = site::plan(&site.session("ana"), ENTRY).await;
        apply(&site, &plan).await.unwrap();
        assert_eq!((site.below(SOURCE).len(), site.below(TARGET).len()), (0, plan.objects.len() + 1));
    }
}

/// Between the check and the first copy: nothing is done, and nothing is left to resume.
#[tokio::test(start_paused = true)]
async fn before_the_first_copy() {
    for act in [Act::Replaced, Act::Removed] {
        let site = Site::empty();
        site.memory.set(&act.key(), "rows");
        let plan = site.plan().await;
        site.memory.meanwhile(Verb::CopyFrom, SOURCE, move |memory| act.happens(memory));
        let error = apply(&site, &plan).await.unwrap_err();
        assert!(matches!(error, GateError::Changed(_)), "{error}");
        act.check(&site);
        assert_eq!((site.below(TARGET).len(), site.state().await.as_str()), (0, ""));
        assert_eq!(site.session("ana").unfinished().await.unwrap(), []);
        // The same plan is used up: what its records say stays true.
        site.memory.set(&act.key(), "rows");
        assert!(apply(&site, &plan).await.unwrap_err().is_refusal());
        let outcome = site.resume(&plan.id).await.unwrap();
        assert_eq!((outcome.objects, site.below(TARGET).len()), (0, 0), "{outcome:?}");
        let plan = site.plan().await;
        apply(&site, &plan).await.unwrap();
        assert_eq!(site.state().await, "quarantined");
    }
}

/// Where in a move somebody acts: just before this request.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Others are copied, this one is not yet.
    BeforeItsCopy,
    /// All but the completion marker are copied.
    Copied,
    /// All are copied, proven and sealed.
    Proven,
}

fn ordered(site: &Site, when: When, act: Act) {
    let (verb, key) = match when {
        When::BeforeItsCopy => (Verb::CopyFrom, act.key()),
        When::Copied => (Verb::CopyFrom, format!("{SOURCE}_SUCCESS")),
        When::Proven => (Verb::BulkDelete, SOURCE.to_owned()),
    };
    site.memory.meanwhile(verb, &key, move |memory| act.happens(memory));
}

/// However it is ended, no byte is lost: the old ones lie under one of the two keys, unless they never were copied
/// and somebody else did away with them.
fn check_old(site: &Site, when: When, act: Act) {
    let all = site.memory.all();
    let lies = |key: String| all.get(&key).is_some_and(|b| b == "rows");
    let name = "rejected_rows.parquet";
    let lost_by_others = matches!((when, act), (When::BeforeItsCopy, Act::Replaced | Act::Removed));
    assert!(lost_by_others || lies(format!("{SOURCE}{name}")) || lies(format!("{TARGET}{name}")), "{when:?} {act:?}");
}

#[tokio::test(start_paused = true)]
async fn while_it_is_copied() {
    for when in [When::BeforeItsCopy, When::Copied] {
        for act in ACTS {
            if matches!((when, act), (When::BeforeItsCopy, Act::Added)) {
                continue; // is not copied at all
            }
            for step in [Step::Resume, Step::Undo] {
                let (site, plan) = stopped(when, act).await;
                let ended = match step {
                    Step::Resume => site.resume(&plan.id).await,
                    _ => site.step(&plan.id, step).await,
                };
                check_old(&site, when, act);
                if act != Act::Removed || step == Step::Resume {
                    act.check(&site);
                }
                let never_copied = matches!(when, When::BeforeItsCopy);
                match (step, ended) {
                    // What is not there any more cannot be moved: the way back is the way out.
                    (Step::Resume, Err(GateError::Interrupted { why, .. })) if never_copied => {
                        assert!(why.contains(act.name()), "{why}");
                        site.step(&plan.id, Step::Undo).await.unwrap();
                        act.check(&site);
                        assert_eq!(site.state().await, "undone");
                    }
                    (Step::Resume, Ok(outcome)) => {
                        assert_eq!(outcome.needs_operator, act != Act::Removed, "{outcome:?}");
                        assert_eq!(site.state().await, "quarantined");
                        assert_eq!(site.below(SOURCE).len(), usize::from(act != Act::Removed));
                    }
                    (_, Ok(outcome)) => {
                        assert_eq!(site.state().await, "undone");
                        let stays = act == Act::Replaced && !never_copied;
                        assert_eq!(outcome.needs_operator, stays, "{when:?} {act:?} {outcome:?}");
                        // Its old bytes are nowhere else.
                        let left: Vec<&str> = if stays { vec![act.name()] } else { vec![] };
                        assert_eq!(site.below(TARGET), left);
                    }
                    (step, Err(error)) => panic!("{when:?} {act:?} {step:?}: {error}"),
                }
                assert_eq!(site.session("ana").unfinished().await.unwrap(), []);
            }
        }
    }
}

/// A move that somebody's act stopped.
async fn stopped(when: When, act: Act) -> (Site, Plan) {
    let (site, plan) = planned().await;
    ordered(&site, when, act);
    let error = apply(&site, &plan).await.unwrap_err();
    let GateError::Interrupted { why, hint, asked, .. } = &error else { panic!("{when:?} {act:?}: {error}") };
    assert!(why.contains(act.name()) && hint.contains("none is deleted") && !asked, "{error}: {hint}");
    act.check(&site);
    assert_eq!(site.state().await, "interrupted");
    (site, plan)
}

/// After the proofs: the move ends, and says what is new; the new bytes stay.
#[tokio::test(start_paused = true)]
async fn between_copy_and_delete() {
    for act in ACTS {
        let (site, plan) = planned().await;
        ordered(&site, When::Proven, act);
        let outcome = apply(&site, &plan).await.unwrap();
        act.check(&site);
        check_old(&site, When::Proven, act);
        assert!(outcome.needs_operator, "{act:?}");
        assert!(outcome.notes.iter().any(|n| n.contains(act.name())), "{act:?} {outcome:?}");
        assert_eq!((site.state().await.as_str(), site.below(TARGET).len()), ("quarantined", 5));
        // Nothing of the old data is put over what is new.
        let undo = site.step(&plan.id, Step::Undo).await;
        match act {
            Act::Removed => drop(undo.unwrap()),
            _ => assert!(matches!(undo, Err(GateError::Refused(_))), "{undo:?}"),
        }
        if act != Act::Removed {
            act.check(&site);
        }
    }
}

/// Killed between the deletes, with newer data under a key by then: resumed, it ends; the newer data stays.
#[tokio::test(start_paused = true)]
async fn in_the_middle_of_the_deletes() {
    for act in ACTS {
        let (site, plan) = planned().await;
        site.memory.deny(Verb::Delete, &format!("{SOURCE}rejected"));
        let error = apply(&site, &plan).await.unwrap_err();
        assert!(matches!(error, GateError::Interrupted { .. }), "{error}");
        site.memory.behave();
        act.happens(&site.memory);
        let outcome = site.resume(&plan.id).await.unwrap();
        act.check(&site);
        check_old(&site, When::Proven, act);
        assert_eq!((outcome.needs_operator, site.state().await.as_str()), (act != Act::Removed, "quarantined"));
    }
}

/// An object that appears under a target key, before the copy and after it, is never overwritten and never deleted.
#[tokio::test(start_paused = true)]
async fn what_others_lay_under_a_target_stays() {
    let name = format!("{TARGET}rejected_rows.parquet");
    let (site, plan) = planned().await;
    let key = name.clone();
    site.memory.meanwhile(Verb::Copy, &name, move |memory| drop(memory.set(&key, "foreign")));
    let error = apply(&site, &plan).await.unwrap_err();
    assert!(error.to_string().contains("rejected_rows.parquet"), "{error}");
    for _ in 0..2 {
        assert_eq!(site.memory.all()[&name], "foreign");
        assert_eq!(site.below(SOURCE).len(), 4);
        if site.state().await == "interrupted" {
            assert!(matches!(site.resume(&plan.id).await, Err(GateError::Interrupted { .. })));
            site.step(&plan.id, Step::Undo).await.unwrap();
        }
    }
    assert_eq!(site.below(TARGET), ["rejected_rows.parquet"]);

    // After the copy, it is the copy that was replaced: the source stays.
    let (site, plan) = planned().await;
    let key = name.clone();
    site.memory
        .meanwhile(Verb::CopyFrom, &format!("{SOURCE}_SUCCESS"), move |memory| drop(memory.set(&key, "foreign")));
    let error = apply(&site, &plan).await.unwrap_err();
    assert!(matches!(error, GateError::Interrupted { .. }), "{error}");
    site.step(&plan.id, Step::Undo).await.unwrap();
    assert_eq!((site.memory.all()[&name].as_ref(), site.below(SOURCE).len()), (&b"foreign"[..], 4));
    assert_eq!((site.below(TARGET).len(), site.state().await.as_str()), (1, "undone"));
}

/// The same after the proofs were sealed: no source is deleted for a copy that is not there any more.
#[tokio::test(start_paused = true)]
async fn a_copy_that_vanished_after_its_proof_saves_its_source() {
    for act in [Act::Replaced, Act::Removed] {
        let (site, plan) = planned().await;
        let verified = format!("_lakeward/moves/{}/verified.json", plan.id);
        let name = format!("{TARGET}rejected_rows.parquet");
        site.memory.meanwhile(Verb::Put, &verified, move |memory| match act {
            Act::Removed => memory.remove(&name),
            _ => drop(memory.set(&name, "foreign")),
        });
        let error = apply(&site, &plan).await.unwrap_err();
        assert!(matches!(error, GateError::Interrupted { .. }), "{error}");
        assert_eq!(site.below(SOURCE).len(), 4);
        site.step(&plan.id, Step::Undo).await.unwrap();
        assert_eq!((site.below(SOURCE).len(), site.state().await.as_str()), (4, "undone"));
    }
}
