//! The link to a run's own pages: asked for by a command alone, since it lets in whoever has it. It is shown in the
//! run's detail and sent to the clipboard, and kept nowhere else: not in the messages, not in a log.

use chrono::{DateTime, Utc};

use super::tree::{Node, NodeId, job_run_id};
use crate::console::load::{Fault, Load};
use crate::console::msg::{Effect, Job, RequestId};
use crate::console::state::{Focus, State, Tab};
use crate::sources::SourceError;

/// The link that was asked for last.
#[derive(Default)]
pub(in crate::console) struct Dashboard {
    /// The link, and when it came.
    load: Load<(String, DateTime<Utc>)>,
    of: Option<NodeId>,
}

/// Without the link.
impl std::fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dashboard").field("of", &self.of).finish_non_exhaustive()
    }
}

impl Dashboard {
    /// The link of a run, if it is the one that was asked for.
    pub(super) fn of(&self, id: &NodeId) -> &Load<(String, DateTime<Utc>)> {
        if self.of.as_ref() == Some(id) { &self.load } else { &Load::Idle }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.load, Load::Waiting(_))
    }

    /// Gives up what is asked for.
    pub(super) fn cancel(&mut self) -> Vec<Effect> {
        *self = Self::default();
        vec![Effect::Cancel(Job::Dashboard)]
    }
}

/// Whether the chosen run may have pages of its own.
pub(in crate::console) fn may(state: &State) -> Result<(), &'static str> {
    match state.jobs.selected().filter(|_| state.tab == Tab::Jobs) {
        Some(Node::JobRun { .. }) => Ok(()),
        Some(_) => Err("only of a job run: J leads to the one behind this line"),
        None => Err("choose a job run on the Jobs tab"),
    }
}

/// Asks for the link of the chosen run and opens its detail, where it will stand; of an attempt by its number.
pub(in crate::console) fn ask(state: &mut State, argument: &str) -> Vec<Effect> {
    let attempt = match argument.trim() {
        "" => None,
        // As far as the service counts.
        number => match number.parse::<u32>() {
            Ok(number) if (1..=i32::MAX as u32).contains(&number) => Some(number),
            _ => {
                state.fail("an attempt is a number: dashboard 2");
                return Vec::new();
            }
        },
    };
    let Some(Node::JobRun { run, .. }) = state.jobs.selected() else { return Vec::new() };
    let (source, wanted, of) = (run.source.clone(), run.id.clone(), job_run_id(run));
    let id = state.request();
    state.jobs.dashboard = Dashboard { load: Load::Waiting(id), of: Some(of) };
    (state.jobs.zoom, state.jobs.focus, state.jobs.scroll) = (true, Focus::Detail, 0);
    let mut effects = super::fit(state);
    effects.extend(super::measured::ask(state));
    effects.push(Effect::Dashboard { id, source, run: wanted, attempt });
    effects
}

/// It came, or not.
pub(in crate::console) fn came(state: &mut State, id: RequestId, link: Result<String, SourceError>) -> Vec<Effect> {
    let (load, now) = (&mut state.jobs.dashboard.load, state.now);
    if !matches!(load, Load::Waiting(waiting) if *waiting == id) {
        return Vec::new();
    }
    match link {
        Ok(link) => {
            *load = Load::Ready((link.clone(), now));
            vec![Effect::Copy(link)]
        }
        Err(error) => {
            *load = Load::Failed(Fault::from(&error));
            Vec::new()
        }
    }
}
