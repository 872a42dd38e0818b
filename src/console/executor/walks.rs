//! Effects of walking a runbook: reading them, turning to an alert, probes, and what was said of a step.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Executor;
use crate::console::msg::{Effect, Job, Msg};
use crate::model::incident::Happening;
use crate::ops::{IncidentAsk, Joined};

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
            Effect::Verify { id, incident, checks } => self.start(Job::Probe, async move {
                let what = session.checked(&incident, &checks, now).await;
                // What was found is recorded as a whole, whoever gave up meanwhile.
                tokio::spawn(async move {
                    let ask = IncidentAsk::of(&incident, what);
                    let _ = answers.send(Msg::Walked(id, session.note(ask, Some(&incident), now).await)).await;
                });
            }),
            Effect::Handover { id, incident, note } => {
                tokio::spawn(async move {
                    let runbooks = session.runbooks().await;
                    let handover = session.handover(&incident, &session.last(), &runbooks, None, note, now).await;
                    let ask = IncidentAsk::of(&incident, vec![Happening::HandedOver(handover)]);
                    let _ = answers.send(Msg::Walked(id, session.note(ask, Some(&incident), now).await)).await;
                });
            }
            Effect::Over { id, incident, cause } => {
                tokio::spawn(async move {
                    let follow_ups = session.runbooks().await.follow_ups(&incident);
                    let what = Happening::Resolved { note: Some(cause), follow_ups };
                    let ask = IncidentAsk::of(&incident, vec![what]);
                    let _ = answers.send(Msg::Walked(id, session.note(ask, Some(&incident), now).await)).await;
                });
            }
            Effect::Report { id, incident, file } => {
                tokio::spawn(async move {
                    let _ = answers.send(Msg::Reported(id, session.report(&incident, file).await)).await;
                });
            }
            Effect::Joined(incident) => {
                if let Some(gate) = session.gate() {
                    gate.join(Some(Joined::of(&incident)));
                }
            }
            Effect::Leave => {
                if let Some(gate) = session.gate() {
                    gate.join(None);
                }
            }
            Effect::Probe { id, incident, step, probe } => self.start(Job::Probe, async move {
                let finding = session.probe(probe, &incident, now).await;
                // As above: what was found is recorded.
                tokio::spawn(async move {
                    let ask = IncidentAsk::of(&incident, vec![Happening::Probed { step, finding }]);
                    let _ = answers.send(Msg::Walked(id, session.note(ask, Some(&incident), now).await)).await;
                });
            }),
            _ => {}
        }
    }
}
