//! Plans from what an operator points at: a dead letter or a data prefix into quarantine, a processed dead letter
//! into the archive.

use chrono::{DateTime, NaiveDate, Utc};

use super::compare;
use super::draft::Draft;
use crate::lake::path::{DateLevel, Prefixes, split_dated};
use crate::lake::{ErrorClass, LakeError, ObjectMeta};
use crate::model::dataset::Dataset;
use crate::model::entry::{DlqEntry, Problem};
use crate::model::moves::{MoveId, MoveKind, Plan, ReasonCode, Refusal, RefusalCode};
use crate::model::rules::{dlq_alert, incomplete_alert};
use crate::ops::Session;
use crate::ops::entries::members;
use crate::ops::gate::{Actor, GateError, chance};

/// What an operator says beside the target.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Why.
    pub reason: ReasonCode,
    /// In words.
    pub note: Option<String>,
    /// Whether data still being written is moved all the same.
    pub even_incomplete: bool,
    /// Where archived data is stored, and until when it is kept from deletion.
    pub keep: Keep,
}

/// How archived data is kept; all of it may be left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// The storage class.
    pub storage_class: Option<String>,
    /// Until when it is kept from deletion.
    pub retain_until: Option<DateTime<Utc>>,
}

impl Ask {
    /// For a reason alone.
    pub fn of(reason: ReasonCode) -> Self {
        Self { reason, note: None, even_incomplete: false, keep: Keep::default() }
    }
}

/// A plan of `kind` (quarantine or archive) for a dead letter or, for quarantine, a data prefix.
pub async fn plan(
    session: &Session,
    kind: MoveKind,
    target: &str,
    ask: Ask,
    now: DateTime<Utc>,
) -> Result<Plan, GateError> {
    let prefixes = &session.settings().prefixes;
    let inside = target.trim_start_matches("./").trim_end_matches('/');
    let at_data = match session.locate(target).await {
        Ok(entry) => return of_entry(session, kind, entry, ask, now).await,
        Err(e) if e.class == ErrorClass::NotFound && !format!("{inside}/").starts_with(&prefixes.errors) => e,
        Err(e) => return Err(e.into()),
    };
    let source = Prefixes::normalise(inside).map_err(|e| {
        GateError::Lake(LakeError::new(ErrorClass::Malformed, session.lake().uri(target), e.to_string()))
    })?;
    if kind == MoveKind::Archive {
        return Err(at_data.into());
    }
    of_data(session, source, ask, now, at_data).await
}

async fn of_entry(
    session: &Session,
    kind: MoveKind,
    entry: DlqEntry,
    ask: Ask,
    now: DateTime<Utc>,
) -> Result<Plan, GateError> {
    let prefixes = &session.settings().prefixes;
    let source = entry.path.0.to_string();
    let listed = compare::listing(session.lake().as_ref(), &source).await?;
    let (objects, apart) = members(&prefixes.errors, listed.into_values().collect(), &source);
    let root = match kind {
        MoveKind::Archive => &prefixes.archive,
        _ => &prefixes.quarantine,
    };
    let run = entry.run_id.as_ref().map(|id| format!("run_id={id}/")).unwrap_or_default();
    let date = entry.date.map(|d| format!("dt={d}/")).or_else(|| bad_date(&source));
    let place = place(root, &entry.dataset, date.as_deref(), &ask.reason, &run);
    let mut draft = begun(session, kind, ask, now, source, place);
    draft.rows = entry.known_rows();
    draft.dead_letter = true;
    draft.apart = apart;
    let uri = session.lake().uri(&draft.source);
    let thresholds = &session.settings().thresholds_of(&entry.dataset);
    let alerts = dlq_alert(&entry, None, thresholds, &uri).into_iter();
    draft.alerts = alerts.chain(incomplete_alert(&entry, None, thresholds, &uri, now)).map(|a| a.key).collect();
    if entry.problems.contains(&Problem::Incomplete) {
        let detail = "no completion marker, or a writer at work: it is still being written, or its writer died";
        incomplete(&mut draft, detail);
    }
    finish(session, draft, entry.dataset, entry.date, objects).await
}

async fn of_data(
    session: &Session,
    source: String,
    ask: Ask,
    now: DateTime<Utc>,
    not_found: LakeError,
) -> Result<Plan, GateError> {
    let prefixes = &session.settings().prefixes;
    let listed: Vec<ObjectMeta> = compare::listing(session.lake().as_ref(), &source).await?.into_values().collect();
    if listed.is_empty() {
        return Err(LakeError { detail: "nothing lies there, and no DLQ entry".to_owned(), ..not_found }.into());
    }
    let (dataset, date, level, below) = of_path(session, &source);
    let place = place(&prefixes.quarantine, &dataset, level.as_deref(), &ask.reason, &below);
    let mut draft = begun(session, MoveKind::Quarantine, ask, now, source, place);
    for (name, prefix) in [
        ("quarantine", &prefixes.quarantine),
        ("archive", &prefixes.archive),
        ("state", &prefixes.state),
        ("errors", &prefixes.errors),
    ] {
        if draft.source.starts_with(prefix.as_str()) || prefix.starts_with(&draft.source) {
            draft.refused.push(Refusal {
                code: RefusalCode::Overlap,
                object: draft.source.clone(),
                detail: format!("it holds, or lies in, the {name} prefix {prefix}: name data, or one dead letter"),
            });
        }
    }
    let at_work = |o: &ObjectMeta| o.key.as_str().split('/').any(|s| s == "_temporary" || s.starts_with("_staging"));
    if listed.iter().any(at_work) {
        incomplete(&mut draft, "a writer's `_temporary` lies there: it is still being written, or its writer died");
    }
    finish(session, draft, dataset, date, listed).await
}

/// Where moved data lies: `{root}{dataset}/{dt=D}/{reason}/` (runbook, "Quarantine Location"); a run, or what lies
/// deeper than the date, keeps its own level below that, so that two of them do not meet.
fn place(root: &str, dataset: &Dataset, date: Option<&str>, reason: &ReasonCode, below: &str) -> String {
    let dataset = if dataset.as_str().is_empty() { String::new() } else { format!("{dataset}/") };
    format!("{root}{dataset}{}{reason}/{below}", date.unwrap_or_default())
}

/// The date level of a path that is none: kept as it is.
fn bad_date(path: &str) -> Option<String> {
    let dated = split_dated(path)?;
    let segment = path.split('/').find(|s| DateLevel::of_segment(s).as_ref() == Some(&dated.date))?;
    Some(format!("{segment}/"))
}

/// What a data prefix says: its dataset, date, date level, and what lies deeper.
fn of_path(session: &Session, source: &str) -> (Dataset, Option<NaiveDate>, Option<String>, String) {
    let configured = session.settings().datasets.iter();
    let under = |prefix: &String| source.starts_with(prefix.as_str());
    let known = configured
        .filter_map(|d| Some((d.data_prefix.as_ref().filter(|p| under(p))?.len(), d.dataset.clone())))
        .max_by_key(|(length, _)| *length)
        .map(|(_, dataset)| dataset);
    match split_dated(source) {
        Some(dated) => {
            let date = dated.date.date();
            let level = date.map(|d| format!("dt={d}/")).or_else(|| bad_date(source));
            let below = source.strip_prefix(&dated.root).unwrap_or_default();
            let run = dated.run_id.map(|id| format!("run_id={id}/")).unwrap_or_default();
            (known.unwrap_or_else(|| Dataset(dated.dataset.into())), date, level, format!("{run}{below}"))
        }
        None => {
            let bare = source.trim_end_matches('/');
            (known.unwrap_or_else(|| Dataset(bare.into())), None, None, String::new())
        }
    }
}

fn incomplete(draft: &mut Draft, detail: &str) {
    // To move it all the same is a decision, and a decision has a reason.
    if draft.even_incomplete && draft.note.is_some() {
        return;
    }
    let how = if draft.even_incomplete { "say why with --note" } else { "wait, or --even-incomplete with --note" };
    draft.refused.push(Refusal {
        code: RefusalCode::Incomplete,
        object: draft.source.clone(),
        detail: format!("{detail}; {how}"),
    });
}

fn begun(session: &Session, kind: MoveKind, ask: Ask, now: DateTime<Utc>, source: String, target: String) -> Draft {
    Draft {
        id: MoveId::of(now, chance()),
        kind,
        of: None,
        undoes: None,
        dataset: Dataset("".into()),
        date: None,
        reason: ask.reason,
        note: ask.note.filter(|n| !n.trim().is_empty()),
        actor: session.gate().map_or_else(|| Actor::of_process().name(), |g| g.actor().name()),
        now,
        source,
        target,
        seals: true,
        unseals: false,
        dead_letter: false,
        apart: Vec::new(),
        rows: None,
        alerts: Vec::new(),
        even_incomplete: ask.even_incomplete,
        storage_class: ask.keep.storage_class,
        retain_until: ask.keep.retain_until,
        refused: Vec::new(),
        changes: Vec::new(),
        objects: Vec::new(),
    }
}

async fn finish(
    session: &Session,
    mut draft: Draft,
    dataset: Dataset,
    date: Option<NaiveDate>,
    objects: Vec<ObjectMeta>,
) -> Result<Plan, GateError> {
    (draft.dataset, draft.date) = (dataset, date);
    if draft.kind == MoveKind::Archive {
        draft.target = free_place(session, draft.target, &draft.id).await?;
    }
    draft.objects = objects.into_iter().map(|o| (o, None)).collect();
    draft.plan(session.lake().as_ref()).await
}

/// The archive keeps for good, and the same dataset, date and reason may come again: then beside the first.
pub(super) async fn free_place(session: &Session, place: String, id: &MoveId) -> Result<String, GateError> {
    let there = compare::listing(session.lake().as_ref(), &place).await?;
    let bare = place.trim_end_matches('/');
    Ok(if there.is_empty() { place } else { format!("{bare}.{id}/") })
}
