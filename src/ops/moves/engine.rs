//! Carries out a plan: check, copy everything, prove everything, seal, and only then take the sources away. Each
//! phase can be begun again by another process that finds it half done; what is where, the lake itself tells.
//!
//! At every instant each object's bytes lie under its source key, its target key, or both: a target is only made
//! where nothing is (`If-None-Match`), from the source that was planned (pinned by its tag), and a source is only
//! deleted if it is still that one (`If-Match`), after all copies are proven and the proof is sealed.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::compare::{self, Difference};
use super::pace::{Failure, Pace, Stop};
use super::progress::{MoveProgress, Phase, Watch};
use super::records::{self, Done, Manifest, NotSealed, Proven, Records, Stays, Verified};
use crate::lake::capability::Capabilities;
use crate::lake::{ByteRange, Condition, ErrorClass, Key, LakeError, LakeWriter, ObjectMeta};
use crate::model::moves::{MoveKind, Plan, Refusal, RefusalCode, SCHEMA};
use crate::ops::gate::{Fence, GateError, JournalStep, Record};

/// Time, as the gate tells it.
pub type Clock<'a> = &'a (dyn Fn() -> DateTime<Utc> + Send + Sync);

/// All that carrying out a plan needs.
pub struct Engine<'a> {
    pub lake: &'a dyn LakeWriter,
    pub plan: &'a Plan,
    /// The lake's state prefix.
    pub state: &'a str,
    pub can: Capabilities,
    pub record: &'a Record,
    pub watch: &'a Watch,
    /// Whether the lease still holds.
    pub fence: &'a Fence,
    pub actor: String,
    pub clock: Clock<'a>,
}

/// A copy that is there: its tag, and the checksum that the store told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub etag: String,
    pub checksum: Option<String>,
}

/// Why a move does not go on.
#[derive(Debug)]
pub enum Broken {
    /// The lake failed.
    Lake(LakeError),
    /// Something foreign lies under a target key.
    Foreign(String),
    /// A source is not what was planned.
    Changed(Vec<Difference>),
    /// A copy is not equal to its source.
    Unequal(String),
    /// A delete was refused, and both copies stay.
    NotDeleted(String, LakeError),
    /// The lease ran out before it was renewed.
    Lapsed,
    /// No record could be made on this machine.
    Journal(String),
}

impl Failure for Broken {
    fn lake(&self) -> Option<&LakeError> {
        match self {
            Self::Lake(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LakeError> for Broken {
    fn from(error: LakeError) -> Self {
        Self::Lake(error)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lake(error) => write!(f, "{error}"),
            Self::Foreign(key) => write!(f, "something else lies at {key}; it is not touched"),
            Self::Changed(what) => match what.as_slice() {
                [] => write!(f, "the source changed"),
                [first, rest @ ..] => write!(f, "{first}{}", more(rest.len())),
            },
            Self::Unequal(key) => write!(f, "the copy of {key} is not equal to it; it is kept, and so is the source"),
            Self::NotDeleted(key, error) => {
                write!(f, "{key} is copied and proven, and cannot be deleted: {}", error.detail)
            }
            Self::Lapsed => write!(f, "its lease ran out: this machine slept, or could not renew it"),
            Self::Journal(fault) => write!(f, "{fault}"),
        }
    }
}

fn more(n: usize) -> String {
    if n == 0 { String::new() } else { format!(", and {n} more") }
}

impl<'a> Engine<'a> {
    /// Compares the lake with the plan. Nothing is written: what a rehearsal does.
    pub async fn check(&self) -> Result<(), GateError> {
        let faults = self.plan.faults();
        if !faults.is_empty() {
            return Err(GateError::Refused(faults));
        }
        self.tell(Phase::Checking, 0, 0, None, &Pace::default());
        self.is_new().await?;
        let there = compare::listing(self.lake, &self.plan.source).await?;
        let differences = compare::differences(self.plan, &there);
        if !differences.is_empty() {
            return Err(GateError::Changed(differences.iter().map(ToString::to_string).collect()));
        }
        let target = compare::listing(self.lake, &self.plan.target).await?;
        let foreign = compare::foreign(self.plan, &target);
        if !foreign.is_empty() {
            return Err(GateError::Refused(foreign));
        }
        let cannot = self.cannot();
        if cannot.is_empty() { Ok(()) } else { Err(GateError::Refused(cannot)) }
    }

    /// Whether this plan was not begun before, and takes back what it says: its records on the lake tell.
    async fn is_new(&self) -> Result<(), GateError> {
        let records = Records::of(self.state, &self.plan.id);
        let refuse = |object: &Key, detail: String| {
            Err(GateError::Refused(vec![Refusal { code: RefusalCode::Changed, object: object.0.clone(), detail }]))
        };
        match records::read::<Plan>(self.lake, &records.plan()).await? {
            None => {}
            Some(other) if other != *self.plan => return Err(self.strange(&records.plan().0)),
            Some(_) => {
                let id = &self.plan.id;
                return match records::read::<Done>(self.lake, &records.done()).await? {
                    Some(_) => {
                        refuse(&records.done(), "this plan was applied before, and is over; plan it anew".into())
                    }
                    None => refuse(
                        &records.plan(),
                        format!("this plan was begun before: lakeward quarantine resume {id} goes on"),
                    ),
                };
            }
        }
        let Some(undone) = &self.plan.undoes else { return Ok(()) };
        let key = Records::of(self.state, undone).plan();
        match records::read::<Plan>(self.lake, &key).await? {
            Some(plan) if (&plan.source, &plan.target) == (&self.plan.target, &self.plan.source) => Ok(()),
            _ => refuse(&key, format!("move {undone} did not go the way that is to be gone back; plan it anew")),
        }
    }

    /// What this store cannot do safely.
    pub fn cannot(&self) -> Vec<Refusal> {
        let refuse = |object: &str, detail: &str| Refusal {
            code: RefusalCode::Store,
            object: object.to_owned(),
            detail: detail.to_owned(),
        };
        let mut all = Vec::new();
        if !self.can.conditional_put {
            all.push(refuse(
                self.lake.url(),
                "the store ignores If-None-Match: two operators could not see each other",
            ));
        }
        if !self.can.conditional_delete {
            let detail = "the store ignores If-Match on deletes: an object written meanwhile could be lost";
            all.push(refuse(self.lake.url(), detail));
        }
        for object in self.plan.objects.iter().filter(|o| o.already.is_none() && self.can.way_for(o.size).is_none()) {
            let detail = "the store has no conditional way to copy an object of this size";
            all.push(refuse(&object.key, detail));
        }
        all
    }

    /// Carries out the plan, or what is left of it.
    pub async fn run(&self, resuming: bool) -> Result<Done, GateError> {
        if !resuming {
            self.check().await?;
        }
        let records = Records::of(self.state, &self.plan.id);
        match records::seal(self.lake, &records.plan(), self.plan).await {
            // Not even the plan is there: nothing is.
            Err(NotSealed::Lake(error)) if !resuming && !records::may_pass(error.class) => return Err(error.into()),
            sealed => self.sealed(sealed, &records)?,
        }
        self.sealed(records::seal(self.lake, &records.brief(), &records::brief(self.plan)).await, &records)?;
        let (verified, first) = match self.record::<Verified>(&records.verified()).await? {
            Some(verified) => (verified, false),
            None => (self.copy_and_prove(&records, resuming).await?, !resuming),
        };
        let stays = self.removed(&verified, first).await?;
        self.finish(&records, stays, false).await
    }

    /// A record of a move that has begun.
    async fn record<T: serde::de::DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, GateError> {
        let read = records::read::<T>(self.lake, key).await;
        read.map_err(|e| self.interrupted(Phase::Sealing, Stop::Failed(e.into()), 0))
    }

    async fn copy_and_prove(&self, records: &Records, resuming: bool) -> Result<Verified, GateError> {
        let mut copied = BTreeMap::new();
        if let Err(stop) = self.copy_all(resuming, &mut copied).await {
            // Refused before the first copy: nothing happened, and nothing is left to resume.
            if !resuming && copied.is_empty() && is_certain(&stop) && self.copied_nothing(&stop).await {
                self.finish(records, Vec::new(), true).await?;
                return Err(self.nothing_done(stop));
            }
            return Err(self.interrupted(Phase::Copying, stop, copied.len()));
        }
        let proven = match self.originals().await {
            Ok(originals) => self.prove_all(&copied, &originals).await,
            Err(error) => Err(Stop::Failed(error.into())),
        };
        let proven = proven.map_err(|s| self.interrupted(Phase::Verifying, s, copied.len()))?;
        if !resuming {
            let there = compare::listing(self.lake, &self.plan.source).await;
            let there = there.map_err(|e| self.interrupted(Phase::Verifying, Stop::Failed(e.into()), copied.len()))?;
            let differences = compare::differences(self.plan, &there);
            if !differences.is_empty() {
                let stop = Stop::Failed(Broken::Changed(differences));
                return Err(self.interrupted(Phase::Verifying, stop, copied.len()));
            }
        }
        self.held().map_err(|e| self.interrupted(Phase::Verifying, Stop::Failed(e), copied.len()))?;
        let verified = Verified {
            schema: SCHEMA,
            id: self.plan.id.clone(),
            at: (self.clock)(),
            actor: self.actor.clone(),
            objects: proven,
        };
        if let Some(key) = &self.plan.seals {
            let manifest =
                Manifest { schema: SCHEMA, plan: records::brief(self.plan), objects: verified.objects.clone() };
            self.seal_manifest(&key.as_str().into(), &manifest, records).await?;
        }
        match records::seal(self.lake, &records.verified(), &verified).await {
            Ok(()) => {}
            // An earlier run of this move sealed the same proofs at another time.
            Err(NotSealed::Other) => match self.record::<Verified>(&records.verified()).await? {
                Some(other) if other.objects == verified.objects => return self.noted(other).await,
                _ => return Err(self.strange(&records.verified().0)),
            },
            Err(NotSealed::Lake(error)) => return Err(self.interrupted(Phase::Sealing, Stop::Failed(error.into()), 0)),
        }
        self.noted(verified).await
    }

    /// Seals the manifest. What an undo brings back may find the one that lay beside it before: it is renewed.
    async fn seal_manifest(&self, key: &Key, manifest: &Manifest, records: &Records) -> Result<(), GateError> {
        let sealed = records::seal(self.lake, key, manifest).await;
        if self.plan.kind != MoveKind::Undo || !matches!(sealed, Err(NotSealed::Other)) {
            return self.sealed(sealed, records);
        }
        let interrupted = |e: LakeError| self.interrupted(Phase::Sealing, Stop::Failed(e.into()), 0);
        let there = self.lake.get(key, ByteRange::Whole, None).await.map_err(interrupted)?;
        let is_ours = |m: Manifest| m.plan.of == self.plan.of || Some(&m.plan.id) == self.plan.of.as_ref();
        if !serde_json::from_slice::<Manifest>(&there.bytes).is_ok_and(is_ours) {
            return Err(self.interrupted(Phase::Sealing, Stop::Failed(Broken::Foreign(key.0.clone())), 0));
        }
        let renewed = Some(Condition::Matches(there.etag));
        self.lake.put(key, records::json(manifest), renewed).await.map_err(interrupted)?;
        Ok(())
    }

    async fn noted(&self, verified: Verified) -> Result<Verified, GateError> {
        match self.record.durable(JournalStep::Verified, (self.clock)()).await {
            Ok(()) => Ok(verified),
            Err(e) => Err(self.interrupted(
                Phase::Sealing,
                Stop::Failed(Broken::Journal(e.to_string())),
                verified.objects.len(),
            )),
        }
    }

    /// The objects that the move to be taken back had found, by key: their tags.
    async fn originals(&self) -> Result<BTreeMap<String, String>, LakeError> {
        let undone = self.plan.undoes.as_ref().filter(|_| self.plan.objects.iter().any(|o| o.already.is_some()));
        let Some(undone) = undone else { return Ok(BTreeMap::new()) };
        let plan = records::read::<Plan>(self.lake, &Records::of(self.state, undone).plan()).await?;
        Ok(plan.into_iter().flat_map(|p| p.objects).map(|o| (o.key, o.etag)).collect())
    }

    /// Whether no target is there. A copy whose reply was lost, beside one that was refused, is one.
    async fn copied_nothing(&self, stop: &Stop<Broken>) -> bool {
        let foreign = |key: &str| matches!(stop, Stop::Failed(Broken::Foreign(other)) if other == key);
        let there = compare::listing(self.lake, &self.plan.target).await;
        let mut copies = self.plan.objects.iter().filter(|o| o.already.is_none() && !foreign(&o.target));
        there.is_ok_and(|there| !copies.any(|o| there.contains_key(&o.target)))
    }

    /// Whether the lease leaves time to act.
    pub(super) fn held(&self) -> Result<(), Broken> {
        if self.fence.holds((self.clock)()) { Ok(()) } else { Err(Broken::Lapsed) }
    }

    /// Takes the sources away; gives back what stays.
    async fn removed(&self, verified: &Verified, first: bool) -> Result<Vec<Stays>, GateError> {
        let targets = compare::listing(self.lake, &self.plan.target).await;
        let targets =
            targets.map_err(|e| self.interrupted(Phase::Deleting, Stop::Failed(e.into()), verified.objects.len()))?;
        for proven in &verified.objects {
            let there = targets.get(&proven.target);
            if there.is_none_or(|o| o.etag.0 != proven.etag || o.size != proven.size) {
                let stop = Stop::Failed(Broken::Unequal(proven.target.clone()));
                return Err(self.interrupted(Phase::Deleting, stop, verified.objects.len()));
            }
        }
        let interrupted = |stop| self.interrupted(Phase::Deleting, stop, verified.objects.len());
        let missing = self.remove_all(first).await.map_err(interrupted)?;
        let there = compare::listing(self.lake, &self.plan.source).await;
        let mut stays = compare::left(self.plan, &there.map_err(|e| interrupted(Stop::Failed(e.into())))?);
        stays.extend(missing);
        Ok(stays)
    }

    /// Seals the end.
    async fn finish(&self, records: &Records, mut stays: Vec<Stays>, void: bool) -> Result<Done, GateError> {
        self.tell(Phase::Sealing, 0, 0, None, &Pace::default());
        if let Some(key) = self.plan.unseals.as_ref().filter(|_| !void) {
            // A manifest that cannot be deleted keeps nobody from the data.
            if let Err(error) = self.unsealed(&key.as_str().into()).await {
                let why = format!("this manifest of what lay here cannot be deleted: {}", error.detail);
                stays.push(Stays { key: key.clone(), why });
            }
        }
        let done = Done {
            schema: SCHEMA,
            id: self.plan.id.clone(),
            at: (self.clock)(),
            actor: self.actor.clone(),
            void,
            stays,
        };
        let done = match records::seal(self.lake, &records.done(), &done).await {
            Ok(()) => done,
            Err(NotSealed::Other) => match self.record::<Done>(&records.done()).await? {
                Some(other) => other,
                None => return Err(self.strange(&records.done().0)),
            },
            Err(NotSealed::Lake(e)) => return Err(self.interrupted(Phase::Sealing, Stop::Failed(e.into()), 0)),
        };
        // The end is sealed: what this machine cannot note does not undo it.
        if let Err(error) = self.record.durable(JournalStep::Done, (self.clock)()).await {
            tracing::warn!("{error}");
        }
        Ok(done)
    }

    async fn unsealed(&self, key: &Key) -> Result<(), LakeError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.lake.delete(key, None).await {
                Err(e) if records::may_pass(e.class) && tries < records::TRIES => {
                    tokio::time::sleep(super::pace::pause(tries)).await;
                }
                Err(e) if e.class != ErrorClass::NotFound => return Err(e),
                _ => return Ok(()),
            }
        }
    }

    /// A record that is there and is not this one: another plan was sealed under this id.
    fn sealed(&self, sealed: Result<(), NotSealed>, records: &Records) -> Result<(), GateError> {
        match sealed {
            Ok(()) => Ok(()),
            Err(NotSealed::Other) => Err(self.strange(&records.plan().0)),
            Err(NotSealed::Lake(error)) => Err(self.interrupted(Phase::Sealing, Stop::Failed(error.into()), 0)),
        }
    }

    fn strange(&self, key: &str) -> GateError {
        GateError::Refused(vec![Refusal {
            code: RefusalCode::Changed,
            object: key.to_owned(),
            detail: "another record lies there: this move was applied before, or by somebody else; plan it again"
                .to_owned(),
        }])
    }

    fn nothing_done(&self, stop: Stop<Broken>) -> GateError {
        match stop {
            Stop::Failed(Broken::Lake(error)) => GateError::Lake(error),
            Stop::Failed(Broken::Foreign(key)) => GateError::Refused(vec![compare::exists(&key)]),
            Stop::Failed(Broken::Changed(what)) => GateError::Changed(what.iter().map(ToString::to_string).collect()),
            Stop::Asked if !self.is_fenced() => {
                let hint = "nothing was copied, and nothing is left to resume: plan it anew".to_owned();
                let (id, why) = (self.plan.id.clone(), "it was asked to stop".to_owned());
                GateError::Interrupted { id, doing: Phase::Copying.word(), why, hint, asked: true }
            }
            stop => self.interrupted(Phase::Copying, stop, 0),
        }
    }

    fn interrupted(&self, phase: Phase, stop: Stop<Broken>, copied: usize) -> GateError {
        let asked = matches!(stop, Stop::Asked);
        let why = match &stop {
            Stop::Asked if self.is_fenced() => "its lease was taken over".to_owned(),
            Stop::Asked => "it was asked to stop".to_owned(),
            Stop::Failed(broken) => broken.to_string(),
        };
        self.record.brief(JournalStep::Stopped { why: why.clone() }, (self.clock)());
        let id = &self.plan.id;
        let state = match phase {
            Phase::Deleting | Phase::Sealing => "every copy is proven; some sources may be gone".to_owned(),
            _ => format!("{copied} of {} objects are copied, none is deleted", self.plan.objects.len()),
        };
        let permission = match &stop {
            Stop::Failed(Broken::NotDeleted(_, error)) => format!("{}; then: ", error.hint),
            _ => String::new(),
        };
        let hint = format!(
            "{state}; {permission}lakeward quarantine resume {id} goes on, lakeward quarantine undo {id} takes it back"
        );
        GateError::Interrupted { id: id.clone(), doing: phase.word(), why, hint, asked }
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fence.is_taken()
    }

    /// Tells how far a phase is.
    pub(super) fn tell(&self, phase: Phase, objects: u64, bytes: u64, begun: Option<Instant>, pace: &Pace) {
        let (all, all_bytes) = (self.plan.objects.len() as u64, self.plan.objects.iter().map(|o| o.size).sum());
        let rate = begun.map(|b| objects as f64 / b.elapsed().as_secs_f64().max(0.001)).filter(|r| *r > 0.0);
        let left = rate.map(|r| std::time::Duration::from_secs_f64((all.saturating_sub(objects)) as f64 / r));
        self.watch.tell(MoveProgress {
            id: self.plan.id.clone(),
            kind: Some(self.plan.kind),
            phase,
            objects: (objects, all),
            bytes: (bytes, all_bytes),
            rate,
            left,
            at_once: pace.at_once(),
            throttled: pace.is_throttled(),
        });
    }
}

/// Whether a failure says for certain that the request did nothing.
fn is_certain(stop: &Stop<Broken>) -> bool {
    match stop {
        Stop::Asked => true,
        Stop::Failed(Broken::Lake(error)) => !records::may_pass(error.class),
        Stop::Failed(_) => true,
    }
}

/// What a listing says, by key.
pub type Listing = BTreeMap<String, ObjectMeta>;

pub(super) fn proven(plan: &Plan, n: usize, copied: &Copied, checksum: String) -> Proven {
    let object = &plan.objects[n];
    Proven {
        key: object.key.clone(),
        target: object.target.clone(),
        size: object.size,
        etag: copied.etag.clone(),
        checksum,
    }
}
