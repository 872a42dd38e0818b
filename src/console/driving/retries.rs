//! The tries that this console carries on: how they stand, for the footer and the detail of their run, counted down.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::console::msg::Effect;
use crate::console::state::State;
use crate::console::words;
use crate::model::act::ActId;
use crate::model::retry::{Next, Series, Verdict};
use crate::model::text::one_line;
use crate::ops::Standing;

/// Series by their id.
pub(in crate::console) type Retries = BTreeMap<ActId, Standing>;

/// How a series stands, in a few words.
pub(in crate::console) fn stands(one: &Standing, now: DateTime<Utc>) -> String {
    let (job, of) = (one_line(&one.series.job.0, 30), one.series.policy.tries);
    let text = match &one.next {
        Next::Ask(n) => format!("{job}: asks for try {n} of {of}"),
        Next::Watch(n, _) => format!("{job}: try {n} of {of} runs"),
        Next::Wait(n, due) => {
            let left = (*due - now).num_seconds().max(0);
            format!("{job}: try {n} of {of} in {left} s")
        }
        Next::Over(verdict) => format!("{job}: {}", verdict.word()),
    };
    match &one.trouble {
        Some(trouble) => format!("{text} ({})", one_line(trouble, 80)),
        None => text,
    }
}

/// A series stands otherwise now.
pub(in crate::console) fn told(state: &mut State, standing: Standing) -> Vec<Effect> {
    let id = standing.series.id.clone();
    let began = |one: &Standing| one.series.last_run().cloned();
    let is_new_run = state.retries.get(&id).is_none_or(|before| began(before) != began(&standing));
    let has_run = began(&standing).is_some();
    if matches!(standing.next, Next::Over(_)) {
        state.retries.remove(&id);
    } else {
        state.retries.insert(id, standing);
    }
    // A run that was started is shown.
    if is_new_run && has_run { state.refresh() } else { Vec::new() }
}

/// A series is over, or was left.
pub(in crate::console) fn over(state: &mut State, id: &ActId, ended: Result<(Series, Verdict), String>) -> Vec<Effect> {
    match ended {
        Ok((series, verdict)) => {
            state.retries.remove(id);
            let tries = words::plural(series.tries.len() as u64, "try", "tries");
            let text = format!("{}: {} after {tries}", one_line(&series.job.0, 60), verdict.word());
            match (verdict, series.last_fault()) {
                (Verdict::Recovered, _) => state.say(text),
                (_, Some(fault)) => state.fail(format!("{text}: {}", one_line(fault, 400))),
                (_, None) => state.fail(text),
            }
            state.refresh()
        }
        Err(why) => {
            if let Some(one) = state.retries.get_mut(id) {
                one.trouble = Some(why.clone());
            }
            state.fail(format!("tries are left as they stand: {}", one_line(&why, 400)));
            Vec::new()
        }
    }
}

/// Asks for no further try of any.
pub(super) fn stop(state: &mut State) -> Vec<Effect> {
    let all: Vec<ActId> = state.retries.keys().cloned().collect();
    state.say("no further try is asked for; what runs goes on");
    all.into_iter().map(Effect::StopRetry).collect()
}
