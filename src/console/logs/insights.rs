//! A question to Logs Insights, typed. Its answer is read like a log.

use super::open;
use crate::console::jobs::tree::Node;
use crate::console::msg::Effect;
use crate::console::state::{State, Tab};
use crate::model::run::LogPlace;
use crate::model::text::middle;
use crate::ops::LogOf;
use crate::sources::logs::LogQuestion;

/// Asks what was typed. It is asked once: R asks again.
pub(in crate::console) fn ask(state: &mut State, argument: &str) -> Vec<Effect> {
    match LogQuestion::read(argument, group(state), state.now) {
        Ok(question) => {
            let title = format!("Insights: {}", middle(&question.query, 60));
            open(state, LogOf::Question(question), title)
        }
        Err(why) => {
            state.fail(format!("insights: {why}"));
            Vec::new()
        }
    }
}

/// The group of what is chosen or read.
fn group(state: &State) -> Option<String> {
    let of = |place: &LogPlace| match place {
        LogPlace::CloudWatch { group, .. } => Some(group.clone()),
        _ => None,
    };
    if let (Tab::Logs, Some(LogOf::Place(place))) = (state.tab, state.logs.of.as_deref()) {
        return of(place);
    }
    if let (Tab::Logs, Some(LogOf::Question(question))) = (state.tab, state.logs.of.as_deref()) {
        return question.groups.first().cloned();
    }
    let Some(node @ Node::JobRun { .. }) = state.jobs.selected() else { return None };
    state.jobs.detail(&node.id())?.log.iter().find_map(of)
}
