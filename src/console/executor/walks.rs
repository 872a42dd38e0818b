//! Effects of walking a runbook: reading them, turning to an alert, probes, and what was said of a step.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Executor;
use crate::console::msg::{Effect, Job, Msg};
use crate::ops::IncidentAsk;

impl<C: Fn() -> DateTime<Utc>> Executor<C> {
    /// Starts what an effect asks of runbooks and incidents.
    pub(super) fn about_walks(&mut self, effect: Effect) {
        let (session, answers, now) = (Arc::clone(&self.session), self.answers.clone(), (self.clock)());
        match effect {
            Effect::Runbooks { id } => self.start(Job::Runbooks, async move {
                let _ = answers.send(Msg::Runbooks(id, Arc::new(session.runbooks().await))).await;
            }),
            Effect::TurnTo { id, alert, wanted, runbooks } => {
                tokio::spawn(async move {
                    let turned = session.turn_to(&alert, wanted.as_ref(), &runbooks, now).await;
                    let _ = answers.send(Msg::Walked(id, turned)).await;
                });
            }
            Effect::Join { id, incident } => {
                tokio::spawn(async move {
                    let joined =
                        session.note(IncidentAsk { id: incident, what: Vec::new(), after: None }, None, now).await;
                    let _ = answers.send(Msg::Walked(id, joined)).await;
                });
            }
            // What was said is recorded whatever is looked at meanwhile: nothing aborts it.
            Effect::Note { id, incident, what } => {
                tokio::spawn(async move {
                    let ask = IncidentAsk::of(&incident, what);
                    let _ = answers.send(Msg::Walked(id, session.note(ask, Some(&incident), now).await)).await;
                });
            }
            Effect::Probe { id, incident, step, probe } => self.start(Job::Probe, async move {
                let walked = session.probe_step(&incident, step, probe, now).await;
                let _ = answers.send(Msg::Walked(id, walked)).await;
            }),
            _ => {}
        }
    }
}
