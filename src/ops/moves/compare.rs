//! The lake against a plan: what is gone, replaced or new since it was made, and what lies where it would write.

use std::fmt;

use super::engine::Listing;
use super::records::{Stays, may_pass};
use crate::lake::{Lake, LakeError, ListRequest};
use crate::model::moves::{MoveKind, Plan, Refusal, RefusalCode};

/// Tries of one page of a listing.
const TRIES: u32 = 5;

/// One difference between the lake and a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A planned object is not there.
    Gone(String),
    /// Another object lies under its key.
    Replaced(String),
    /// An object that the plan does not name.
    Added(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(key) => write!(f, "{key} is gone"),
            Self::Replaced(key) => write!(f, "{key} was replaced"),
            Self::Added(key) => write!(f, "{key} is new"),
        }
    }
}

/// Everything under a prefix, by key.
pub async fn listing(lake: &dyn Lake, prefix: &str) -> Result<Listing, LakeError> {
    let mut request = ListRequest { prefix: prefix.to_owned(), ..ListRequest::default() };
    let mut all = Listing::new();
    let mut tries = 0;
    loop {
        match lake.list(&request).await {
            Ok(page) => {
                tries = 0;
                all.extend(page.objects.into_iter().map(|o| (o.key.0.clone(), o)));
                match page.continuation {
                    Some(next) => request.continuation = Some(next),
                    None => return Ok(all),
                }
            }
            Err(e) if may_pass(e.class) && tries + 1 < TRIES => {
                tries += 1;
                tokio::time::sleep(super::pace::pause(tries)).await;
            }
            Err(e) => return Err(e),
        }
    }
}

/// What differs between what lies under the source and the plan.
pub fn differences(plan: &Plan, there: &Listing) -> Vec<Difference> {
    let mut planned = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for object in &plan.objects {
        planned.insert(object.key.as_str());
        match there.get(&object.key) {
            None => all.push(Difference::Gone(object.key.clone())),
            Some(o) if o.etag.0 != object.etag || o.size != object.size => {
                all.push(Difference::Replaced(object.key.clone()));
            }
            Some(_) => {}
        }
    }
    // What somebody laid beside moved data stays there: it must keep nobody from the way back.
    if plan.unseals.is_none() {
        let added = there.keys().filter(|k| !planned.contains(k.as_str()) && !is_apart(plan, k));
        all.extend(added.cloned().map(Difference::Added));
    }
    all
}

/// What lies under the source when its objects have gone, and why it stays.
pub fn left(plan: &Plan, there: &Listing) -> Vec<Stays> {
    let planned: std::collections::BTreeSet<&str> = plan.objects.iter().map(|o| o.key.as_str()).collect();
    let left = there.keys().filter(|k| plan.unseals.as_ref() != Some(*k) && !is_apart(plan, k));
    left.map(|key| Stays {
        key: key.clone(),
        why: match planned.contains(key.as_str()) {
            true => "newer data lies under this key; it is kept".to_owned(),
            false => "it is no part of the move; it is kept where it lies".to_owned(),
        },
    })
    .collect()
}

fn is_apart(plan: &Plan, key: &str) -> bool {
    plan.apart.iter().any(|prefix| key.starts_with(prefix.as_str()))
}

/// What lies where the plan would write, or, where it puts data back to the pipeline, beside it.
pub fn foreign(plan: &Plan, there: &Listing) -> Vec<Refusal> {
    let copies = || plan.objects.iter().filter(|o| o.already.is_none());
    let mut all: Vec<Refusal> = copies().filter(|o| there.contains_key(&o.target)).map(|o| exists(&o.target)).collect();
    // An undo of a move that did not end finds the manifest that the move had not taken away yet.
    let seals = plan.seals.as_ref().filter(|_| plan.kind != MoveKind::Undo);
    all.extend(seals.filter(|key| there.contains_key(*key)).map(|key| exists(key)));
    if plan.seals.is_none() && copies().next().is_some() {
        let ours: std::collections::BTreeSet<&str> = plan.objects.iter().map(|o| o.target.as_str()).collect();
        let beside = |key: &&String| {
            let below = |apart: &String| apart.strip_prefix(&plan.source).map(|rest| format!("{}{rest}", plan.target));
            !ours.contains(key.as_str()) && !plan.apart.iter().filter_map(below).any(|prefix| key.starts_with(&prefix))
        };
        all.extend(there.keys().filter(beside).take(20).map(|key| Refusal {
            code: RefusalCode::TargetExists,
            object: key.clone(),
            detail: "the pipeline wrote new data there; what is put back would mix with it".to_owned(),
        }));
    }
    all
}

/// The refusal of a target that is taken.
pub fn exists(key: &str) -> Refusal {
    Refusal {
        code: RefusalCode::TargetExists,
        object: key.to_owned(),
        detail: "something lies there already; it is not touched: choose another reason code, or move it away"
            .to_owned(),
    }
}
