//! Quarantines as their records tell: every move under `_lakeward/moves/`, put together into what lies where now and
//! what happened to it. Records never change, so each is read once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::compare;
use super::quarantine::{Quarantine, QuarantineEvent};
use super::records::{self, Done};
use crate::lake::{Key, Lake, LakeError};
use crate::model::moves::{MoveId, MoveKind, Plan, QuarantineState, Step};
use crate::ops::gate::GateError;

/// Records read at once.
const AT_ONCE: usize = 16;

/// A state that was set without a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Of this JSON.
    pub schema: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What was done.
    pub step: Step,
    /// Why.
    pub note: Option<String>,
}

/// The records of one move, without its objects.
#[derive(Debug, Clone)]
struct Told {
    plan: Arc<Plan>,
    done: Option<Arc<Done>>,
    marks: Vec<Arc<Mark>>,
}

/// A quarantine, and the moves that made it what it is.
#[derive(Debug, Clone)]
pub struct Story {
    /// As it is shown.
    pub quarantine: Quarantine,
    /// The plan of its first move, without objects.
    pub base: Arc<Plan>,
    /// The move that an undo takes back, without objects.
    pub top: Arc<Plan>,
    /// All of its moves, the unfinished ones too.
    pub family: Vec<MoveId>,
    /// How many marks it has.
    pub marks: usize,
}

/// Records that were read: they never change.
#[derive(Debug, Default)]
pub struct Remembered {
    plans: Mutex<HashMap<String, Arc<Plan>>>,
    dones: Mutex<HashMap<String, Arc<Done>>>,
    marks: Mutex<HashMap<String, Arc<Mark>>>,
}

/// Every quarantine of the lake: those that are open first, then the newest.
pub async fn stories(lake: &dyn Lake, state: &str, known: &Remembered) -> Result<Vec<Story>, LakeError> {
    let folder = format!("{state}moves/");
    let listed = compare::listing(lake, &folder).await?;
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in listed.keys() {
        if let Some((id, name)) = key.strip_prefix(&folder).and_then(|rest| rest.split_once('/')) {
            names.entry(id).or_default().push(name);
        }
    }
    let reads: Vec<_> = names
        .into_iter()
        .filter(|(id, _)| MoveId((*id).to_owned()).is_sound())
        .map(|(id, names)| told(lake, known, format!("{folder}{id}/"), names))
        .collect();
    let told: Vec<Option<Told>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let told: Vec<Told> = told.into_iter().flatten().collect();
    let mut stories: Vec<Story> =
        told.iter().filter(|t| t.plan.of.is_none()).filter_map(|base| story_of(base, &told)).collect();
    stories.sort_by_key(|s| (!s.quarantine.state.is_open(), std::cmp::Reverse(s.quarantine.since)));
    Ok(stories)
}

/// One quarantine, by the id of its first move or of the one that did not end; read anew.
pub async fn story_on(lake: &dyn Lake, state: &str, id: &MoveId) -> Result<Story, GateError> {
    let all = stories(lake, state, &Remembered::default()).await?;
    let found = all.into_iter().find(|s| s.quarantine.id == *id || s.quarantine.unfinished.as_ref() == Some(id));
    found.ok_or_else(|| GateError::Unknown(id.0.clone()))
}

async fn told(
    lake: &dyn Lake,
    known: &Remembered,
    folder: String,
    names: Vec<&str>,
) -> Result<Option<Told>, LakeError> {
    // A crash between the two leaves the plan alone.
    let name = if names.contains(&"brief.json") { "brief.json" } else { "plan.json" };
    let done = async {
        match names.contains(&"done.json") {
            true => remembered(lake, &known.dones, format!("{folder}done.json")).await,
            false => Ok(None),
        }
    };
    let marks = names.iter().filter(|n| n.starts_with("events/"));
    let marks: Vec<_> = marks.map(|name| remembered(lake, &known.marks, format!("{folder}{name}"))).collect();
    let marks = stream::iter(marks).buffered(AT_ONCE).try_collect::<Vec<_>>();
    // Side by side: one way there and back.
    let (plan, done, marks) =
        futures::try_join!(remembered(lake, &known.plans, format!("{folder}{name}")), done, marks)?;
    Ok(plan.map(|plan| Told { plan, done, marks: marks.into_iter().flatten().collect() }))
}

async fn remembered<T: serde::de::DeserializeOwned>(
    lake: &dyn Lake,
    known: &Mutex<HashMap<String, Arc<T>>>,
    key: String,
) -> Result<Option<Arc<T>>, LakeError> {
    let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = lock().get(&key) {
        return Ok(Some(Arc::clone(value)));
    }
    // One record that cannot be read must not hide the others.
    let value = match records::read::<T>(lake, &Key(key.clone())).await {
        Ok(value) => value.map(Arc::new),
        Err(e) if e.class == crate::lake::ErrorClass::Malformed => {
            tracing::warn!("{e}");
            None
        }
        Err(e) => return Err(e),
    };
    if let Some(value) = &value {
        lock().insert(key, Arc::clone(value));
    }
    Ok(value)
}

/// Undos of undos that are followed.
const MOST_UNDONE: u32 = 64;

/// When a move ended, or was planned.
fn ended(told: &Told) -> DateTime<Utc> {
    told.done.as_ref().map_or(told.plan.planned_at, |d| d.at)
}

/// What happened, in order of time.
enum Happened<'a> {
    Moved(&'a Told, &'a Done),
    Begun(&'a Told),
    Marked(&'a Mark),
}

/// What it is ordered by, when it was, and what it was.
type InOrder<'a> = ((DateTime<Utc>, u32), DateTime<Utc>, Happened<'a>);

fn story_of(base: &Told, all: &[Told]) -> Option<Story> {
    let id = &base.plan.id;
    let family: Vec<&Told> = all.iter().filter(|t| t.plan.id == *id || t.plan.of.as_ref() == Some(id)).collect();
    // An interrupted move that was taken back is over.
    let taken_back = |t: &Told| {
        let undo = |u: &&&Told| u.plan.undoes.as_ref() == Some(&t.plan.id);
        family.iter().filter(undo).any(|u| u.done.as_ref().is_some_and(|d| !d.void))
    };
    // Clocks of two hosts differ: whatever they say, nothing comes before what it continues.
    let order = |told: &Told, at: DateTime<Utc>| {
        let mut before = told.plan.undoes.as_ref().and_then(|id| family.iter().find(|t| t.plan.id == *id));
        let (mut latest, mut depth) = (at.max(ended(base)), u32::from(told.plan.id != *id));
        while let Some(earlier) = before.filter(|_| depth < MOST_UNDONE) {
            (latest, depth) = (latest.max(ended(earlier)), depth + 1);
            before = earlier.plan.undoes.as_ref().and_then(|id| family.iter().find(|t| t.plan.id == *id));
        }
        (latest, depth)
    };
    let mut happened: Vec<InOrder<'_>> = Vec::new();
    for told in &family {
        match &told.done {
            Some(done) if done.void => {}
            Some(done) => happened.push((order(told, done.at), done.at, Happened::Moved(told, done))),
            None if taken_back(told) => {}
            None => {
                let at = told.plan.planned_at;
                happened.push((order(told, at), at, Happened::Begun(told)));
            }
        }
    }
    happened.extend(base.marks.iter().map(|m| ((m.at.max(ended(base)), 1), m.at, Happened::Marked(m))));
    happened.sort_by_key(|(order, ..)| *order);
    let mut history: Vec<QuarantineEvent> = Vec::new();
    let (mut path, mut unfinished) = (base.plan.target.clone(), None);
    // The moves that stand, and the state before each: an undo takes the last one away.
    let mut standing: Vec<(Arc<Plan>, QuarantineState)> = Vec::new();
    let mut now = QuarantineState::Undone;
    for (_, at, what) in happened {
        let (state, actor, note, by) = match what {
            Happened::Marked(mark) => {
                now = now.after(mark.step).unwrap_or(now);
                (now, mark.actor.clone(), mark.note.clone(), None)
            }
            Happened::Begun(told) => {
                unfinished = Some(told.plan.id.clone());
                (QuarantineState::Interrupted, told.plan.actor.clone(), told.plan.note.clone(), Some(&told.plan))
            }
            Happened::Moved(told, done) => {
                path = told.plan.target.clone();
                let kind = told.plan.kind;
                let undone = standing.last().filter(|(p, _)| told.plan.undoes.as_ref() == Some(&p.id));
                now = match (kind, undone) {
                    (MoveKind::Quarantine, _) => QuarantineState::Quarantined,
                    (MoveKind::Release, _) => QuarantineState::Released,
                    (MoveKind::Archive, _) => QuarantineState::Archived,
                    (MoveKind::Undo, Some((_, before))) => *before,
                    // One that had not ended: what stood before it stands.
                    (MoveKind::Undo, None) => now,
                };
                if kind != MoveKind::Undo {
                    let before = standing.last().map_or(QuarantineState::Undone, |_| {
                        history.last().map_or(QuarantineState::Undone, |e: &QuarantineEvent| e.state)
                    });
                    standing.push((Arc::clone(&told.plan), before));
                } else if undone.is_some() {
                    standing.pop();
                }
                (now, done.actor.clone(), told.plan.note.clone(), Some(&told.plan))
            }
        };
        history.push(QuarantineEvent { at, state, actor, note, by: by.map(|p| p.id.clone()) });
    }
    // A move that is unfinished now is what counts, whatever else happened since it began.
    let newest = match &unfinished {
        Some(by) => history.iter().find(|e| e.by.as_ref() == Some(by)),
        None => history.last(),
    }?;
    let totals = base.plan.totals;
    let quarantine = Quarantine {
        id: id.clone(),
        dataset: base.plan.dataset.clone(),
        date: base.plan.date,
        reason: base.plan.reason.clone(),
        state: newest.state,
        path,
        objects: totals.objects,
        bytes: totals.bytes,
        rows: totals.rows,
        since: newest.at,
        actor: newest.actor.clone(),
        note: newest.note.clone().or_else(|| base.plan.note.clone()),
        source: base.plan.source.clone(),
        moved_at: base.done.as_ref().map_or(base.plan.planned_at, |d| d.at),
        history,
        unfinished,
    };
    let top = standing.pop().map_or_else(|| Arc::clone(&base.plan), |(plan, _)| plan);
    let family = family.iter().map(|t| t.plan.id.clone()).collect();
    Some(Story { quarantine, base: Arc::clone(&base.plan), top, family, marks: base.marks.len() })
}
