//! Every request of a move in turn is lost, answered in vain, or the last of its process; then somebody else finishes
//! it, from the journal or from the lake alone. At every instant each object lies under one of its two keys; at the
//! end it is moved once, whole, and every record tells the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakeward::lake::LakeWriter;
use lakeward::lake::folder::Folder;
use lakeward::model::moves::{MoveId, MoveKind, Plan, QuarantineState, Step};
use lakeward::ops::gate::{Journal, JournalStep};
use lakeward::ops::moves::{Manifest, Verified};
use lakeward::ops::{Gate, GateError, Keep, Outcome};

use super::site::{self, Kept, Marks, SOURCE, apply, at, gate, json, kept, list, resume, session};
use crate::support::memory::{Fault, Ignored, Memory, Stepped, Versioning};

const FAULTS: [Fault; 4] = [Fault::RequestLost, Fault::ReplyLost, Fault::KilledBefore, Fault::KilledAfter];

/// Stores that differ in what they can do.
#[derive(Debug, Clone, Copy)]
enum Store {
    /// S3 as it is; the large object has 6 GiB.
    Full,
    /// No conditional copy: through this process or, the large object of 9 MiB, in parts.
    NoConditionalCopy,
    /// Deletes one by one.
    NoBulkDelete,
    /// Tags that are no digests: the proofs are checksums.
    Opaque,
    /// The same, and no checksums: the proofs are the bytes.
    OpaqueBytes,
    /// Deletes leave markers.
    Versioned,
}

impl Store {
    fn make(self, objects: usize) -> Memory {
        let memory = Memory::default();
        let mut large = 6 << 30;
        match self {
            Self::Full => {}
            Self::NoConditionalCopy => {
                large = 9 << 20;
                memory.ignore(Ignored { copy_pin: true, copy_condition: true, ..Ignored::default() });
            }
            Self::NoBulkDelete => memory.ignore(Ignored { bulk_delete: true, ..Ignored::default() }),
            Self::Opaque => memory.set_opaque_etags(),
            Self::OpaqueBytes => {
                memory.set_opaque_etags();
                memory.set_without_checksums(true);
            }
            Self::Versioned => memory.set_versioning(Versioning::On),
        }
        site::fill(&memory, objects, large);
        memory
    }
}

/// A lake on which a plan is about to be applied.
struct Case {
    base: Memory,
    plan: Plan,
    before: BTreeMap<String, Kept>,
    /// The quarantine, and its state at the end.
    end: (MoveId, QuarantineState),
}

impl Case {
    async fn quarantine(store: Store, objects: usize) -> Self {
        let base = store.make(objects);
        let journal = site::folder();
        let session = session(Arc::new(base.clone()), gate(Arc::new(base.clone()), journal.path(), "ana", 0));
        let plan = site::plan(&session, site::ENTRY).await;
        assert_eq!(plan.objects.len(), objects);
        let before = kept(&base, SOURCE, Marks::None).await;
        let end = (plan.id.clone(), QuarantineState::Quarantined);
        Self { base, plan, before, end }
    }

    /// A step that follows a quarantine.
    async fn step(store: Store, step: Step, state: QuarantineState) -> Self {
        let Self { base, plan: first, before, .. } = Self::quarantine(store, 3).await;
        let journal = site::folder();
        let session = session(Arc::new(base.clone()), gate(Arc::new(base.clone()), journal.path(), "ana", 0));
        site::perform(&session, &first).await.unwrap();
        let plan = session.plan_step(&first.id, step, None, Keep::default(), at(5)).await.unwrap();
        assert_eq!(plan.refused, []);
        Self { base, plan, before, end: (first.id, state) }
    }

    /// Requests of an undisturbed run.
    async fn requests(&self) -> usize {
        let (memory, journal) = (self.base.fork(), site::folder());
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), None));
        apply(&gate(lake.clone(), journal.path(), "ana", 10), &self.plan).await.unwrap();
        self.check_end(&memory, Some(journal.path()), 10).await;
        assert_eq!(memory.open_uploads(), [""; 0]);
        lake.requests()
    }

    /// Applies the plan over faults; nothing if the process was killed.
    async fn applied(&self, lake: &Arc<Stepped>, journal: &Path) -> Option<Result<Outcome, GateError>> {
        let gate = gate(lake.clone(), journal, "ana", 10);
        tokio::select! {
            ended = apply(&gate, &self.plan) => Some(ended),
            () = lake.killed() => None,
        }
    }

    /// One fault at one request, and somebody who finishes: on the same machine, or on another one. Whether the first
    /// run had ended well by itself.
    async fn survive(&self, n: usize, fault: Fault, same_machine: bool) -> bool {
        let (memory, machine, other) = (self.base.fork(), site::folder(), site::folder());
        site::guard(&memory, &self.plan, &self.before);
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, fault))));
        let ended = self.applied(&lake, machine.path()).await;
        assert_eq!(ended.is_none(), matches!(fault, Fault::KilledBefore | Fault::KilledAfter));
        self.check_journal(&memory, machine.path()).await;
        let journal = if same_machine { machine.path() } else { other.path() };
        let well = matches!(ended, Some(Ok(_)));
        match ended {
            Some(Ok(_)) => self.check_end(&memory, Some(machine.path()), 30).await,
            Some(Err(GateError::Interrupted { id, .. })) => assert_eq!(id, self.plan.id),
            Some(Err(error)) => {
                assert!(matches!(error, GateError::Lake(_)), "{error}");
                self.check_untouched(&memory).await;
            }
            None => {}
        }
        self.finish(&memory, journal, 30).await;
        self.check_end(&memory, Some(journal), 30).await;
        well
    }

    /// Killed at one request, killed again at one of those that resume, and then finished on a third machine.
    /// Whether the second kill took place.
    async fn survive_two(&self, first: (usize, Fault), second: (usize, Fault)) -> bool {
        let (memory, machine, third) = (self.base.fork(), site::folder(), site::folder());
        site::guard(&memory, &self.plan, &self.before);
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some(first)));
        assert!(self.applied(&lake, machine.path()).await.is_none());
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some(second)));
        let resumed = gate(lake.clone(), machine.path(), "ben", 30);
        let killed = tokio::select! {
            _ = resume(&resumed, &self.plan.id) => false,
            () = lake.killed() => true,
        };
        self.check_journal(&memory, machine.path()).await;
        self.finish(&memory, third.path(), 50).await;
        self.check_end(&memory, Some(third.path()), 50).await;
        killed
    }

    /// Killed at one request, and taken back by somebody on another machine.
    async fn take_back(&self, n: usize, fault: Fault) {
        let (memory, machine, other) = (self.base.fork(), site::folder(), site::folder());
        site::guard(&memory, &self.plan, &self.before);
        let lake = Arc::new(Stepped::new(Arc::new(memory.clone()), Some((n, fault))));
        assert!(self.applied(&lake, machine.path()).await.is_none());
        let lake: Arc<dyn LakeWriter> = Arc::new(memory.clone());
        let session = session(lake.clone(), gate(lake, other.path(), "ben", 30));
        let before = session.quarantine(&self.end.0).await.ok();
        let interrupted = before.as_ref().is_some_and(|q| q.state == QuarantineState::Interrupted);
        let done = memory.all().contains_key(&format!("_lakeward/moves/{}/done.json", self.plan.id));
        if !interrupted && !done {
            return self.check_untouched(&memory).await;
        }
        if done && self.plan.kind == MoveKind::Undo {
            return assert_eq!(before.map(|q| q.state), Some(self.end.1)); // an undo that is over is not undone
        }
        let undo = session.plan_step(&self.end.0, Step::Undo, None, Keep::default(), at(31)).await.unwrap();
        assert_eq!(undo.refused, []);
        let outcome = site::perform(&session, &undo).await.unwrap();
        assert!(!outcome.needs_operator, "{outcome:?}");
        let marks = if self.plan.unseals.is_some() { Marks::Any } else { Marks::None };
        assert_eq!(kept(&memory, &self.plan.source, marks).await, self.before);
        assert_eq!(list(&memory, &self.plan.target).await, []);
        let manifests = list(&memory, &self.plan.source).await.len() - self.before.len();
        assert_eq!(manifests, usize::from(self.plan.unseals.is_some()));
        let want = match self.plan.kind {
            MoveKind::Quarantine => QuarantineState::Undone,
            _ => QuarantineState::Quarantined,
        };
        assert_eq!(session.quarantine(&self.end.0).await.unwrap().state, want);
        assert_eq!(session.unfinished().await.unwrap(), []);
        // The move that was taken back is over for the machine that was killed, too.
        let again = resume(&gate_of(&memory, machine.path(), 50), &self.plan.id).await.unwrap();
        assert!(again.notes.iter().any(|n| n.contains("over already")), "{again:?}");
    }

    /// Resumes the move, or begins it anew where the lake knows nothing of it. To do it again does nothing.
    async fn finish(&self, memory: &Memory, journal: &Path, minute: i64) {
        let gate = |minute| gate(Arc::new(memory.clone()), journal, "ben", minute);
        match resume(&gate(minute), &self.plan.id).await {
            Ok(_) => {}
            Err(GateError::Unknown(_)) => {
                self.check_untouched(memory).await;
                apply(&gate(minute), &self.plan).await.unwrap();
            }
            Err(error) => panic!("{error}: {}", error.hint()),
        }
        let (all, writes) = (memory.all(), memory_writes(memory));
        let again = resume(&gate(minute + 10), &self.plan.id).await.unwrap();
        assert!(again.notes.iter().any(|n| n.contains("over already")), "{again:?}");
        assert_eq!((memory.all(), memory_writes(memory)), (all, writes));
    }

    /// Nothing of the move lies on the lake.
    async fn check_untouched(&self, memory: &Memory) {
        let folder = format!("_lakeward/moves/{}/", self.plan.id);
        let all = memory.all();
        assert!(!all.keys().any(|k| k.starts_with(&folder)), "records of a move that did not begin");
        let manifests = usize::from(self.plan.unseals.is_some());
        let count = |prefix: &str| all.keys().filter(|k| k.starts_with(prefix)).count();
        assert_eq!((count(&self.plan.source), count(&self.plan.target)), (self.before.len() + manifests, 0));
    }

    /// No copy before its record, and no delete, on the disk of the machine that did it.
    async fn check_journal(&self, memory: &Memory, machine: &Path) {
        let steps = Journal::at(machine.to_owned()).read(&self.plan.id).await;
        let all = memory.all();
        let announced: BTreeSet<usize> = steps.iter().flat_map(deleting).collect();
        for (n, object) in self.plan.objects.iter().enumerate() {
            let (there, copied) = (all.contains_key(&object.key), all.contains_key(&object.target));
            assert!(there || announced.contains(&n), "{} was deleted without a record", object.key);
            assert!(!copied || is_begun(&steps), "{} was copied without a record", object.target);
        }
        if !announced.is_empty() {
            let verified = format!("_lakeward/moves/{}/verified.json", self.plan.id);
            assert!(all.contains_key(&verified), "deletes before the proof");
        }
    }

    async fn check_end(&self, memory: &Memory, journal: Option<&Path>, last: i64) {
        check_end(Arc::new(memory.clone()), &self.plan, &self.before, &self.end, journal, last).await;
        assert_eq!(memory.open_uploads(), [""; 0]);
    }
}

fn gate_of(memory: &Memory, journal: &Path, minute: i64) -> Gate {
    gate(Arc::new(memory.clone()), journal, "ana", minute)
}

fn deleting(step: &JournalStep) -> Vec<usize> {
    match step {
        JournalStep::Deleting { n } => n.clone(),
        _ => Vec::new(),
    }
}

fn is_begun(steps: &[JournalStep]) -> bool {
    matches!(steps.first(), Some(JournalStep::Begun { .. } | JournalStep::Resumed))
}

fn memory_writes(memory: &Memory) -> u64 {
    lakeward::lake::Lake::counters(memory).read().writes
}

/// Each object is moved once and whole, nothing else lies anywhere, and every record tells the truth. `last` is the
/// minute at which the last run began: whatever lease is left was of one before.
async fn check_end(
    lake: Arc<dyn LakeWriter>,
    plan: &Plan,
    before: &BTreeMap<String, Kept>,
    (id, state): &(MoveId, QuarantineState),
    journal: Option<&Path>,
    last: i64,
) {
    let marks = if plan.seals.is_some() { Marks::Of(&plan.id) } else { Marks::None };
    assert_eq!(kept(lake.as_ref(), &plan.target, marks).await, *before);
    assert_eq!(list(lake.as_ref(), &plan.source).await, []);
    let others = ["_lakeward/", plan.target.as_str()];
    let all = list(lake.as_ref(), "").await;
    let stray: Vec<_> = all.iter().map(|o| &o.key.0).filter(|k| !others.iter().any(|o| k.starts_with(o))).collect();
    assert!(stray.is_empty(), "{stray:?}");

    let record = |name: &str| format!("_lakeward/moves/{}/{name}.json", plan.id);
    assert_eq!(json::<Plan>(lake.as_ref(), &record("plan")).await.as_ref(), Some(plan));
    let brief = Plan { objects: Vec::new(), ..plan.clone() };
    assert_eq!(json::<Plan>(lake.as_ref(), &record("brief")).await.as_ref(), Some(&brief));
    let verified: Verified = json(lake.as_ref(), &record("verified")).await.expect("proofs");
    let targets = list(lake.as_ref(), &plan.target).await;
    assert_eq!(verified.objects.len(), plan.objects.len());
    for (proven, object) in verified.objects.iter().zip(&plan.objects) {
        assert_eq!((&proven.key, &proven.target, proven.size), (&object.key, &object.target, object.size));
        let there = targets.iter().find(|o| o.key.0 == proven.target).expect("the copy");
        assert_eq!(there.etag.0, proven.etag);
        assert!(proven.checksum.contains(':'), "{proven:?}");
    }
    let done: serde_json::Value = json(lake.as_ref(), &record("done")).await.expect("an end");
    assert_eq!((&done["void"], &done["stays"]), (&false.into(), &serde_json::json!([])));
    if let Some(key) = &plan.seals {
        let manifest: Manifest = json(lake.as_ref(), key).await.expect("a manifest");
        assert_eq!((manifest.plan, manifest.objects), (brief, verified.objects));
    }

    let leases = list(lake.as_ref(), "_lakeward/leases/").await;
    let newest = leases.last().expect("leases").key.0.clone();
    let held: serde_json::Value = json(lake.as_ref(), &newest).await.expect("leases");
    // That of one who died on the way out is over by itself.
    for lease in held["held"].as_array().expect("leases") {
        let until: DateTime<Utc> = lease["until"].as_str().unwrap().parse().unwrap();
        assert!(until < at(last), "a lease stays: {lease}");
    }
    assert_eq!(list(lake.as_ref(), "_lakeward/probe/").await, [], "a probe stays");

    if let Some(folder) = journal {
        let journal = Journal::at(folder.to_owned());
        assert_eq!(journal.read(&plan.id).await.last(), Some(&JournalStep::Done));
        assert_eq!(journal.unfinished(lake.url()).await, []);
    }
    let machine = site::folder();
    let session = session(lake.clone(), gate(lake, machine.path(), "eva", 90));
    let all = session.quarantines().await.unwrap();
    let told: Vec<_> = all.iter().map(|q| (&q.id, q.state, q.path.as_str(), q.objects)).collect();
    assert_eq!(told, [(id, *state, plan.target.as_str(), plan.objects.len() as u64)]);
}

/// Every `every`th request, every fault, both machines. Only moves of twelve objects are sampled, on all stores but one:
/// what they add to three is more of the same.
async fn enumerate(case: Case, every: usize) {
    let begun = std::time::Instant::now();
    let requests = case.requests().await;
    let mut points = 0;
    for n in (0..requests).step_by(every) {
        for fault in FAULTS {
            for same_machine in [true, false] {
                eprintln!("request {n} of {requests}, {fault:?}, same machine: {same_machine}");
                points += 1;
                if case.survive(n, fault, same_machine).await {
                    break; // nothing is left to finish, wherever
                }
            }
        }
    }
    println!("{points} points of {requests} requests in {:?}", begun.elapsed());
    assert!(requests > 30 && points >= requests / every * 6);
}

macro_rules! enumerated {
    ($($name:ident: $case:expr, every $every:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            enumerate($case.await, $every).await;
        }
    )+};
}

enumerated! {
    one_object: Case::quarantine(Store::Full, 1), every 1;
    one_object_without_conditional_copy: Case::quarantine(Store::NoConditionalCopy, 1), every 1;
    one_object_proven_by_its_bytes: Case::quarantine(Store::OpaqueBytes, 1), every 1;
    three_objects: Case::quarantine(Store::Full, 3), every 1;
    three_objects_without_conditional_copy: Case::quarantine(Store::NoConditionalCopy, 3), every 1;
    three_objects_deleted_one_by_one: Case::quarantine(Store::NoBulkDelete, 3), every 1;
    three_objects_with_opaque_tags: Case::quarantine(Store::Opaque, 3), every 1;
    three_objects_proven_by_their_bytes: Case::quarantine(Store::OpaqueBytes, 3), every 1;
    three_objects_with_versions: Case::quarantine(Store::Versioned, 3), every 1;
    twelve_objects: Case::quarantine(Store::Full, 12), every 1;
    twelve_objects_without_conditional_copy: Case::quarantine(Store::NoConditionalCopy, 12), every 3;
    twelve_objects_deleted_one_by_one: Case::quarantine(Store::NoBulkDelete, 12), every 3;
    twelve_objects_proven_by_their_bytes: Case::quarantine(Store::OpaqueBytes, 12), every 3;
    a_release: Case::step(Store::Full, Step::Release, QuarantineState::Released), every 1;
    a_release_with_opaque_tags: Case::step(Store::OpaqueBytes, Step::Release, QuarantineState::Released), every 1;
    an_archive: Case::step(Store::Full, Step::Archive, QuarantineState::Archived), every 1;
    an_undo: Case::step(Store::Full, Step::Undo, QuarantineState::Undone), every 1;
    an_undo_with_versions: Case::step(Store::Versioned, Step::Undo, QuarantineState::Undone), every 1;
}

/// Killed at each request, and killed again at every second one of those that resume.
#[tokio::test(start_paused = true)]
async fn killed_twice() {
    let case = Case::quarantine(Store::Full, 3).await;
    let requests = case.requests().await;
    let mut points = 0;
    for first in 0..requests {
        for second in (first % 2..).step_by(2) {
            // After one request is before the next: each boundary once.
            let killed = case.survive_two((first, Fault::KilledAfter), (second, Fault::KilledBefore)).await;
            if !killed {
                break;
            }
            points += 1;
        }
    }
    println!("{points} points of {requests} requests");
    assert!(points > 500, "{points}");
}

macro_rules! taken_back {
    ($($name:ident: $case:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let case = $case.await;
            let requests = case.requests().await;
            for n in 0..requests {
                for fault in [Fault::KilledBefore, Fault::KilledAfter] {
                    eprintln!("request {n} of {requests}, {fault:?}");
                    case.take_back(n, fault).await;
                }
            }
            println!("{} points of {requests} requests", requests * 2);
        }
    )+};
}

taken_back! {
    a_quarantine_taken_back: Case::quarantine(Store::Full, 12);
    a_quarantine_proven_by_its_bytes_taken_back: Case::quarantine(Store::OpaqueBytes, 3);
    a_quarantine_with_versions_taken_back: Case::quarantine(Store::Versioned, 3);
    a_release_taken_back: Case::step(Store::Full, Step::Release, QuarantineState::Released);
    a_release_proven_by_its_bytes_taken_back: Case::step(Store::OpaqueBytes, Step::Release, QuarantineState::Released);
    an_archive_taken_back: Case::step(Store::NoConditionalCopy, Step::Archive, QuarantineState::Archived);
    an_undo_taken_back: Case::step(Store::Full, Step::Undo, QuarantineState::Undone);
}

/// A folder as a lake, new for each point: its tags are of its files.
struct InFolder {
    _root: tempfile::TempDir,
    folder: Folder,
    plan: Plan,
    before: BTreeMap<String, Kept>,
}

impl InFolder {
    async fn new(objects: usize) -> Self {
        let root = site::folder();
        let folder = Folder::open(root.path()).unwrap();
        for name in ["rejected_rows.parquet", "deep/er/part-1.parquet", "_SUCCESS"].iter().take(objects) {
            let bytes = if *name == "_SUCCESS" { "" } else { name };
            folder.put(&format!("{SOURCE}{name}").into(), bytes.into(), None).await.unwrap();
        }
        let journal = site::folder();
        let lake: Arc<dyn LakeWriter> = Arc::new(folder.clone());
        let session = session(lake.clone(), gate(lake, journal.path(), "ana", 0));
        let plan = site::plan(&session, site::ENTRY).await;
        let before = kept(&folder, SOURCE, Marks::None).await;
        Self { _root: root, folder, plan, before }
    }

    async fn survive(&self, point: Option<(usize, Fault)>, same_machine: bool) -> usize {
        let (machine, other) = (site::folder(), site::folder());
        let lake = Arc::new(Stepped::new(Arc::new(self.folder.clone()), point));
        let first = gate(lake.clone(), machine.path(), "ana", 10);
        let killed = tokio::select! {
            _ = apply(&first, &self.plan) => false,
            () = lake.killed() => true,
        };
        assert_eq!(killed, matches!(point, Some((_, Fault::KilledBefore | Fault::KilledAfter))));
        let there = |prefix: &str| list_names(&self.folder, prefix.to_owned());
        let (source, target) = (there(&self.plan.source).await, there(&self.plan.target).await);
        assert!(self.before.keys().all(|name| source.contains(name) || target.contains(name)), "a file is nowhere");
        let journal = if same_machine { machine.path() } else { other.path() };
        let lake_now: Arc<dyn LakeWriter> = Arc::new(self.folder.clone());
        let second = gate(lake_now.clone(), journal, "ben", 30);
        match resume(&second, &self.plan.id).await {
            Err(GateError::Unknown(_)) => drop(apply(&second, &self.plan).await.unwrap()),
            ended => drop(ended.unwrap()),
        }
        let end = (self.plan.id.clone(), QuarantineState::Quarantined);
        check_end(lake_now, &self.plan, &self.before, &end, Some(journal), 30).await;
        lake.requests()
    }
}

async fn list_names(folder: &Folder, prefix: String) -> BTreeSet<String> {
    list(folder, &prefix).await.iter().map(|o| o.key.0[prefix.len()..].to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn in_a_folder() {
    for objects in [1, 3] {
        let requests = InFolder::new(objects).await.survive(None, true).await;
        for n in 0..requests {
            for (at, fault) in FAULTS.into_iter().enumerate() {
                eprintln!("request {n} of {requests}, {fault:?}");
                // Each fault on both machines, in turns.
                InFolder::new(objects).await.survive(Some((n, fault)), (n + at) % 2 == 0).await;
            }
        }
        println!("{} points of {requests} requests", requests * 4);
    }
}
