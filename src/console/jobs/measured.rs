//! What the run that is looked at used, as it was measured: asked for when its detail is opened, and not as the choice
//! passes over it, since each question costs.

use super::tree::{Node, NodeId, job_run_id};
use crate::console::load::{Fault, Load};
use crate::console::msg::{Effect, Job, RequestId};
use crate::console::state::{State, Tab};
use crate::model::metric::Curve;
use crate::model::run::RunState;
use crate::sources::SourceError;

/// The curves that were asked for last.
#[derive(Debug, Default)]
pub(in crate::console) struct Measured {
    load: Load<Option<Vec<Curve>>>,
    /// Of which run, and how it stood then.
    of: Option<(NodeId, RunState)>,
}

impl Measured {
    /// The curves of a run, if they are those that were asked for.
    pub(super) fn of(&self, id: &NodeId) -> &Load<Option<Vec<Curve>>> {
        match &self.of {
            Some((known, _)) if known == id => &self.load,
            _ => &Load::Idle,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.load, Load::Waiting(_))
    }

    /// Asks for what failed or was cancelled again, when it is looked at.
    pub(super) fn forget_failure(&mut self) {
        if matches!(self.load, Load::Failed(_) | Load::Cancelled) {
            *self = Self::default();
        }
    }

    /// Gives up what is asked for.
    pub(super) fn cancel(&mut self) -> Vec<Effect> {
        self.load = Load::Cancelled;
        vec![Effect::Cancel(Job::Metrics)]
    }
}

/// Asks for the curves of the run whose detail is open and known, unless they were asked for as it stands.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let is_open = state.tab == Tab::Jobs && state.jobs.zoom;
    let Some(Node::JobRun { run, .. }) = state.jobs.selected().filter(|_| is_open) else { return Vec::new() };
    let wanted = (job_run_id(run), run.state);
    if state.jobs.measured.of.as_ref() == Some(&wanted) {
        return Vec::new();
    }
    let Some(detail) = state.jobs.detail(&wanted.0).filter(|detail| detail.metrics.is_some()) else {
        return Vec::new();
    };
    let detail = Box::new(detail.clone());
    let id = state.request();
    state.jobs.measured = Measured { load: Load::Waiting(id), of: Some(wanted) };
    vec![Effect::RunMetrics { id, detail }]
}

/// They came, or not.
pub(in crate::console) fn measured(state: &mut State, id: RequestId, result: Result<Option<Vec<Curve>>, SourceError>) {
    let load = &mut state.jobs.measured.load;
    if matches!(load, Load::Waiting(waiting) if *waiting == id) {
        *load = match result {
            Ok(curves) => Load::Ready(curves),
            Err(error) => Load::Failed(Fault::from(&error)),
        };
    }
}
