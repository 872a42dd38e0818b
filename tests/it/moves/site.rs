//! What every test of the mover begins with: a lake with one dead letter, operators, and their gates; and what is
//! looked at when it ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use lakeward::lake::path::Prefixes;
use lakeward::lake::{
    Attributes, ByteRange, Encryption, ErrorClass, Key, Lake, LakeWriter, ListRequest, ObjectMeta, Placing,
};
use lakeward::model::command::JobCommand;
use lakeward::model::moves::{MANIFEST, MoveId, Plan, ReasonCode, Step};
use lakeward::model::protection::{Confirmation, Protection};
use lakeward::model::run::JobName;
use lakeward::ops::gate::{Actor, Journal};
use lakeward::ops::{Gate, GateError, Keep, LakeSettings, Outcome, Session, Watch, WriteEffect};
use tempfile::TempDir;

use crate::support::memory::Memory;
use crate::support::services::Services;

/// The dead letter.
pub const SOURCE: &str = "_errors/crm/contacts/dt=2026-11-22/";
/// The same, as people name it.
pub const ENTRY: &str = "crm/contacts/dt=2026-11-22";
/// Where it goes for the reason [`reason`].
pub const TARGET: &str = "_quarantine/crm/contacts/dt=2026-11-22/schema/";

/// User metadata that lakeward adds to what it moves.
const MARKS: [&str; 2] = ["lakeward-move", "lakeward-source-etag"];

pub fn reason() -> ReasonCode {
    ReasonCode::parse("schema").unwrap()
}

/// So many minutes after noon.
pub fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap() + Duration::minutes(minute)
}

/// A clock that is a second later each time it is looked at: no two things happen at once.
pub fn ticking(minute: i64) -> impl Fn() -> DateTime<Utc> + Send + Sync {
    let seconds = AtomicI64::new(0);
    move || at(minute) + Duration::seconds(seconds.fetch_add(1, Ordering::SeqCst))
}

/// A folder for journals, in memory where the machine has such a place: each step waits for its disk.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn actor(user: &str) -> Actor {
    Actor { user: user.into(), host: "bastion".into(), from: None }
}

/// A gate of an open environment.
pub fn gate(lake: Arc<dyn LakeWriter>, journal: &Path, user: &str, minute: i64) -> Gate {
    guarded(lake, journal, user, minute, Protection::Open)
}

pub fn guarded(lake: Arc<dyn LakeWriter>, journal: &Path, user: &str, minute: i64, protection: Protection) -> Gate {
    let folder = Some(journal.to_owned());
    let journal = Journal::at(journal.to_owned());
    let gate = Gate::new(lake, Prefixes::default(), protection, journal).running(commands(), folder);
    gate.acting(actor(user), ticking(minute))
}

/// A job that does nothing, and does it well.
pub fn commands() -> BTreeMap<JobName, JobCommand> {
    let command = JobCommand { words: vec!["true".into()], source: "lakeward.toml:1".into() };
    [(JobName("load".into()), command)].into()
}

/// A session that can write.
pub fn session(lake: Arc<dyn LakeWriter>, gate: Gate) -> Session {
    let reads: Arc<dyn Lake> = lake;
    Session::new(reads, LakeSettings::default()).with_gate(Arc::new(gate))
}

/// A lake in memory, a machine with its journals, and time that goes on.
pub struct Site {
    pub memory: Memory,
    pub machine: TempDir,
    pub services: Services,
    minute: AtomicI64,
}

impl Site {
    /// With nothing in the lake.
    pub fn empty() -> Self {
        Self::on(Memory::default())
    }

    pub fn on(memory: Memory) -> Self {
        Self { memory, machine: folder(), services: Services::default(), minute: AtomicI64::new(0) }
    }

    /// With the dead letter of three objects.
    pub fn with_entry() -> Self {
        let site = Self::empty();
        fill(&site.memory, 3, 0);
        site
    }

    pub fn lake(&self) -> Arc<dyn LakeWriter> {
        Arc::new(self.memory.clone())
    }

    /// A session of this operator on this machine, ten minutes after the last one: whatever lease that one left is over.
    pub fn session(&self, user: &str) -> Session {
        session(self.lake(), self.gate(user))
    }

    pub fn gate(&self, user: &str) -> Gate {
        self.guarded(self.machine.path(), user, self.later(), Protection::Open)
    }

    /// A gate that drives services as well.
    pub fn guarded(&self, journal: &Path, user: &str, minute: i64, protection: Protection) -> Gate {
        let services = Arc::new(self.services.clone());
        let gate = guarded(self.lake(), journal, user, minute, protection);
        gate.driving(Some(services.clone()), Some(services))
    }

    /// Ten minutes later.
    pub fn later(&self) -> i64 {
        self.minute.fetch_add(10, Ordering::SeqCst)
    }

    /// What time it is about.
    pub fn now(&self) -> DateTime<Utc> {
        at(self.minute.load(Ordering::SeqCst))
    }

    pub async fn plan(&self) -> Plan {
        plan(&self.session("ana"), ENTRY).await
    }

    /// The dead letter, in quarantine.
    pub async fn quarantined(&self) -> MoveId {
        let session = self.session("ana");
        let plan = plan(&session, ENTRY).await;
        perform(&session, &plan).await.unwrap();
        plan.id
    }

    /// A step of a quarantine, planned and applied.
    pub async fn step(&self, id: &MoveId, step: Step) -> Result<Outcome, GateError> {
        let session = self.session("ana");
        let plan = session.plan_step(id, step, None, Keep::default(), self.now()).await?;
        perform(&session, &plan).await
    }

    pub async fn resume(&self, id: &MoveId) -> Result<Outcome, GateError> {
        resume(&self.gate("ana"), id).await
    }

    /// The state of the only quarantine.
    pub async fn state(&self) -> String {
        let all = self.session("ana").quarantines().await.unwrap();
        all.iter().map(|q| q.state.word()).collect::<Vec<_>>().join(" ")
    }

    /// The keys that lie under a prefix, without it.
    pub fn below(&self, prefix: &str) -> Vec<String> {
        self.memory.all().keys().filter_map(|k| k.strip_prefix(prefix)).map(str::to_owned).collect()
    }
}

/// The plan of a quarantine without refusals.
pub async fn plan(session: &Session, target: &str) -> Plan {
    let note = Some("rejected by the contract".to_owned());
    let plan = session.plan_quarantine(target, &reason(), note, true, at(0)).await.unwrap();
    assert_eq!(plan.refused, []);
    plan
}

/// Applies a plan with its count typed.
pub async fn perform(session: &Session, plan: &Plan) -> Result<Outcome, GateError> {
    apply(session.gate().unwrap(), plan).await
}

pub async fn apply(gate: &Gate, plan: &Plan) -> Result<Outcome, GateError> {
    let count = Confirmation::Count(plan.objects.len() as u64);
    gate.perform(WriteEffect::Move(Box::new(plan.clone())), Some(count), &Watch::default()).await
}

pub async fn resume(gate: &Gate, id: &MoveId) -> Result<Outcome, GateError> {
    gate.perform(WriteEffect::Resume(id.clone()), Some(Confirmation::Yes), &Watch::default()).await
}

/// Writes the dead letter, of 1, 3 or 12 objects; one of `large` bytes among 1 or 12.
pub fn fill(memory: &Memory, objects: usize, large: u64) {
    let rows = Placing {
        attributes: Attributes {
            content_type: Some("application/x-parquet".into()),
            user: BTreeMap::from([("run".into(), "7".into())]),
            ..Attributes::default()
        },
        tags: Some(vec![("owner".into(), "crm".into()), ("pii".into(), "yes".into())]),
        ..Placing::default()
    };
    let key = |name: &str| format!("{SOURCE}{name}");
    if objects == 1 {
        memory.set_sparse(&key("rejected_rows.parquet"), "rows of a large file", large);
        return;
    }
    memory.set_like(&key("rejected_rows.parquet"), "rows", &rows);
    memory.set(&key("error_reasons.json"), "[]");
    memory.set(&key("_SUCCESS"), "");
    if objects == 3 {
        return;
    }
    let cold = Placing { storage_class: Some("STANDARD_IA".into()), ..rows };
    let kms = Encryption { kind: "aws:kms".into(), key: Some("alias/lake".into()) };
    memory.set_like(&key("rejected_rows/part-1.parquet"), "part 1", &cold);
    memory.set_like(
        &key("a+b %20 \u{fc} dt=x.parquet"),
        "odd",
        &Placing { encryption: Some(kms), ..Placing::default() },
    );
    memory.set(&key("rejected_rows/empty.parquet"), "");
    memory.set_sparse(&key("rejected_rows/large.parquet"), "rows of a large file", large);
    for n in 2..=6 {
        memory.set(&key(&format!("rejected_rows/deep/part-{n}.parquet")), format!("part {n}"));
    }
}

/// All of an object that a move must keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub bytes: Bytes,
    size: u64,
    attributes: Attributes,
    tags: Vec<(String, String)>,
    class: Option<String>,
    encryption: Option<Encryption>,
}

/// Whose marks objects bear.
#[derive(Debug, Clone, Copy)]
pub enum Marks<'a> {
    None,
    Of(&'a MoveId),
    Any,
}

/// What lies under a prefix, by the name below it; without the manifest, and without lakeward's marks.
pub async fn kept(lake: &dyn Lake, prefix: &str, marks: Marks<'_>) -> BTreeMap<String, Kept> {
    let mut all = BTreeMap::new();
    for meta in list(lake, prefix).await {
        let name = meta.key.as_str().strip_prefix(prefix).unwrap().to_owned();
        if name == MANIFEST {
            continue;
        }
        let detail = lake.inspect(&meta.key).await.unwrap();
        let mut attributes = detail.attributes;
        if lake.url().starts_with("s3:") {
            let [id, source] = MARKS.map(|mark| attributes.user.remove(mark));
            assert_eq!(source.is_some(), id.is_some(), "{}", meta.key);
            match marks {
                Marks::None => assert_eq!(id, None, "{}", meta.key),
                Marks::Of(marks) => assert_eq!(id.as_ref(), Some(&marks.0), "{}", meta.key),
                Marks::Any => assert!(id.is_some(), "{}", meta.key),
            }
        }
        let kept = Kept {
            bytes: lake.get(&meta.key, ByteRange::Whole, None).await.unwrap().bytes,
            size: meta.size,
            attributes,
            tags: lake.tags(&meta.key, None).await.unwrap(),
            class: meta.storage_class,
            encryption: detail.encryption,
        };
        all.insert(name, kept);
    }
    all
}

/// Every object under a prefix.
pub async fn list(lake: &dyn Lake, prefix: &str) -> Vec<ObjectMeta> {
    let page = lake.list(&ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() }).await.unwrap();
    assert_eq!(page.continuation, None);
    page.objects
}

/// An object's JSON, if it is there.
pub async fn json<T: serde::de::DeserializeOwned>(lake: &dyn Lake, key: &str) -> Option<T> {
    match lake.get(&Key::from(key), ByteRange::Whole, None).await {
        Ok(fetched) => Some(serde_json::from_slice(&fetched.bytes).unwrap()),
        Err(e) if e.class == ErrorClass::NotFound => None,
        Err(e) => panic!("{key}: {e}"),
    }
}

/// Fails the test at the first instant at which an object's bytes lie under neither of its two keys, or other bytes
/// under one of them.
pub fn guard(memory: &Memory, plan: &Plan, before: &BTreeMap<String, Kept>) {
    let keys: Vec<(String, String, Bytes)> = before
        .iter()
        .map(|(name, kept)| (format!("{}{name}", plan.source), format!("{}{name}", plan.target), kept.bytes.clone()))
        .collect();
    memory.watch(move |all| {
        for (source, target, bytes) in &keys {
            let (one, other) = (all.get(source), all.get(target));
            assert!(one.or(other).is_some(), "{source} is nowhere");
            assert!(one.into_iter().chain(other).all(|b| b == bytes), "other bytes at {source} or {target}");
        }
    });
}
