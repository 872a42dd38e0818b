//! Plans that continue a quarantine: put back, kept for good, taken back. They are made of the proofs of the move
//! before, and of what lies there now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::compare;
use super::copying::{MOVE, checksum_text, unmarked};
use super::draft::Draft;
use super::history::{Story, story_on};
use super::planning::{Keep, free_place};
use super::proving;
use super::records::{self, Records, Verified};
use crate::lake::{ErrorClass, Key, Lake, LakeError, ObjectDetail, ObjectMeta};
use crate::model::moves::{Change, MoveId, MoveKind, Plan, PlannedObject, QuarantineState, Refusal, RefusalCode, Step};
use crate::ops::Session;
use crate::ops::gate::{Actor, GateError, chance};

/// The plan of a step of a quarantine that moves data.
pub async fn plan(
    session: &Session,
    id: &MoveId,
    step: Step,
    note: Option<String>,
    keep: Keep,
    now: DateTime<Utc>,
) -> Result<Plan, GateError> {
    let story = story_on(session.lake().as_ref(), &session.settings().prefixes.state, id).await?;
    story.quarantine.state.after(step).map_err(GateError::Illegal)?;
    if story.quarantine.state == QuarantineState::Interrupted {
        return taken_back_half_way(session, &story, note, now).await;
    }
    let kind = match step {
        Step::Release => MoveKind::Release,
        Step::Archive => MoveKind::Archive,
        _ => MoveKind::Undo,
    };
    let prefixes = &session.settings().prefixes;
    let lies_at = story.quarantine.path.clone();
    let (target, seals) = match kind {
        MoveKind::Release => (story.base.source.clone(), false),
        MoveKind::Archive => {
            let below = lies_at.strip_prefix(&prefixes.quarantine).unwrap_or(&lies_at);
            (free_place(session, format!("{}{below}", prefixes.archive), id).await?, true)
        }
        _ => (story.top.source.clone(), story.top.unseals.is_some()),
    };
    let apart =
        |place: &String| [&prefixes.quarantine, &prefixes.archive].iter().any(|p| place.starts_with(p.as_str()));
    let mut draft = begun(session, &story, kind, note, now, lies_at.clone(), target);
    (draft.seals, draft.unseals) = (seals, apart(&lies_at));
    if kind == MoveKind::Undo {
        draft.undoes = Some(story.top.id.clone());
    }
    if kind == MoveKind::Archive {
        (draft.storage_class, draft.retain_until) = (keep.storage_class, keep.retain_until);
    }
    let known = proofs(session, &story).await?;
    let there = compare::listing(session.lake().as_ref(), &lies_at).await?;
    for name in &known.names {
        let key = format!("{lies_at}{name}");
        match there.get(&key) {
            Some(o) if known.tags.contains(&(key.clone(), o.etag.0.clone(), o.size)) => {
                draft.objects.push((o.clone(), None));
            }
            Some(_) => draft.refused.push(altered(&key, "it is not the object that was moved there")),
            None => draft.refused.push(altered(&key, "it is gone from where it was moved to")),
        }
    }
    draft.plan(session.lake().as_ref()).await
}

/// What the proofs of a quarantine's moves say: the names of its objects, and as what they may lie under which key.
#[derive(Default)]
struct Known {
    names: BTreeSet<String>,
    tags: BTreeSet<(String, String, u64)>,
}

/// Objects that came back from a move that was interrupted have proofs of their own: all moves are asked.
async fn proofs(session: &Session, story: &Story) -> Result<Known, GateError> {
    let mut known = Known::default();
    for id in &story.family {
        let verified = records::read::<Verified>(session.lake().as_ref(), &records_of(session, id).verified()).await?;
        for proven in verified.into_iter().flat_map(|v| v.objects) {
            if *id == story.base.id
                && let Some(name) = proven.target.strip_prefix(&story.base.target)
            {
                known.names.insert(name.to_owned());
            }
            known.tags.insert((proven.target, proven.etag, proven.size));
        }
    }
    if known.names.is_empty() {
        return Err(GateError::Unknown(story.base.id.0.clone()));
    }
    Ok(known)
}

fn altered(key: &str, detail: &str) -> Refusal {
    Refusal { code: RefusalCode::Changed, object: key.to_owned(), detail: format!("{detail}; look at it first") }
}

fn records_of(session: &Session, id: &MoveId) -> Records {
    Records::of(&session.settings().prefixes.state, id)
}

fn begun(
    session: &Session,
    story: &Story,
    kind: MoveKind,
    note: Option<String>,
    now: DateTime<Utc>,
    source: String,
    target: String,
) -> Draft {
    // What stays below the dead letter is apart in the same places of wherever its data lies.
    let apart = |below: &String| Some(format!("{source}{}", below.strip_prefix(&story.base.source)?));
    Draft {
        id: MoveId::of(now, chance()),
        kind,
        of: Some(story.quarantine.id.clone()),
        undoes: None,
        dataset: story.base.dataset.clone(),
        date: story.base.date,
        reason: story.base.reason.clone(),
        note: note.filter(|n| !n.trim().is_empty()),
        actor: session.gate().map_or_else(|| Actor::of_process().name(), |g| g.actor().name()),
        now,
        seals: false,
        unseals: true,
        dead_letter: true,
        apart: story.base.apart.iter().filter_map(apart).collect(),
        rows: story.base.totals.rows,
        alerts: story.base.alerts.clone(),
        source,
        target,
        even_incomplete: true,
        storage_class: None,
        retain_until: None,
        refused: Vec::new(),
        changes: Vec::new(),
        objects: Vec::new(),
    }
}

/// A move that was interrupted, taken back: what it copied goes, what it deleted comes back.
async fn taken_back_half_way(
    session: &Session,
    story: &Story,
    note: Option<String>,
    now: DateTime<Utc>,
) -> Result<Plan, GateError> {
    let lake = session.lake().as_ref();
    let half = story.quarantine.unfinished.clone().unwrap_or_else(|| story.quarantine.id.clone());
    let records = records_of(session, &half);
    let plan = records::read::<Plan>(lake, &records.plan()).await?.ok_or_else(|| GateError::Unknown(half.0.clone()))?;
    let verified = records::read::<Verified>(lake, &records.verified()).await?;
    let proven: BTreeMap<&str, &str> =
        verified.iter().flat_map(|v| &v.objects).map(|p| (p.target.as_str(), p.etag.as_str())).collect();
    let (sources, targets) =
        futures::try_join!(compare::listing(lake, &plan.source), compare::listing(lake, &plan.target))?;
    let mut draft = begun(session, story, MoveKind::Undo, note, now, plan.target.clone(), plan.source.clone());
    draft.undoes = Some(half);
    (draft.seals, draft.unseals) = (plan.unseals.is_some(), plan.seals.is_some());
    for object in &plan.objects {
        let Some(copy) = targets.get(&object.target) else { continue };
        if proven.get(object.target.as_str()).is_none_or(|etag| *etag != copy.etag.0)
            && !is_copy_of(session, &plan, object, copy).await?
        {
            continue; // somebody else's: not touched
        }
        match sources.get(&object.key) {
            Some(source) if source.etag.0 == object.etag && source.size == object.size => {
                draft.objects.push((copy.clone(), Some(source.etag.0.clone())));
            }
            None => draft.objects.push((copy.clone(), None)),
            Some(_) => draft.changes.push(Change {
                what: "kept".to_owned(),
                detail: format!("{} stays: newer data lies at {}", object.target, object.key),
            }),
        }
    }
    draft.plan(lake).await
}

/// Whether a copy that no proof names yet was made by this move.
async fn is_copy_of(
    session: &Session,
    plan: &Plan,
    object: &PlannedObject,
    copy: &ObjectMeta,
) -> Result<bool, LakeError> {
    let lake = session.lake().as_ref();
    let there = match lake.inspect(&Key::from(copy.key.as_str())).await {
        Ok(there) => there,
        Err(e) if e.class == ErrorClass::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    Ok(match there.attributes.user.get(MOVE) {
        Some(id) => *id == plan.id.0,
        // A folder keeps no metadata; the time of the source stands for it.
        None if !lake.url().starts_with("s3:") => there.meta.modified == object.modified,
        // What goes back to the pipeline bears no mark: equal content, and all that it was given.
        None => {
            plan.seals.is_none()
                && there.meta.size == object.size
                && there.attributes == unmarked(&object.headers)
                && is_equal(lake, object, &there).await?
        }
    })
}

/// Whether an object has the content of a source of the plan.
async fn is_equal(lake: &dyn Lake, object: &PlannedObject, there: &ObjectDetail) -> Result<bool, LakeError> {
    let checksum = there.checksum.as_ref().map(checksum_text);
    if let Some((one, other)) = object.checksum.as_ref().zip(checksum)
        && one.split(':').next() == other.split(':').next()
    {
        return Ok(*one == other);
    }
    let source = match proving::digest(lake, &object.key, &object.etag, object.size).await {
        Err(e) if matches!(e.class, ErrorClass::NotFound | ErrorClass::Conflict) => return Ok(false),
        other => other?,
    };
    Ok(source == proving::digest(lake, &object.target, &there.meta.etag.0, object.size).await?)
}
