//! What enter does on a step: its probe runs here; its action is begun where it lives, and what it came to is written
//! down with the step.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::console::command;
use crate::console::moves::{Write, Written};
use crate::console::msg::Effect;
use crate::console::plan::Subject;
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::state::{State, Tab};
use crate::console::work::PlannedWork;
use crate::console::{dlq, jobs, quarantine, update};
use crate::model::backfill::BackfillPlan;
use crate::model::dataset::Dataset;
use crate::model::entry::EntryPath;
use crate::model::incident::{Deed, Happening, Incident};
use crate::model::masked;
use crate::model::moves::{MoveKind, Plan};
use crate::model::redrive::RedrivePlan;
use crate::model::runbook::walk::StepRecord;
use crate::model::runbook::{Action, Directive, StepNumber};
use crate::model::text::one_line;
use crate::ops::{GateError, Outcome, Quarantine, RunAsk, WriteEffect};

/// An action of a step that was begun and has not ended.
#[derive(Debug, Clone)]
pub(in crate::console) struct Acting {
    incident: Arc<Incident>,
    step: StepNumber,
    action: Action,
    /// When a plan of it was answered with yes; until then nothing that ends is its end.
    began: Option<DateTime<Utc>>,
}

/// Does what the chosen step asks for.
pub(super) fn act(state: &mut State) -> Vec<Effect> {
    let Some(open) = &state.runbook.open else { return Vec::new() };
    let (Some(step), incident) = (open.chosen().cloned(), open.incident.clone()) else { return Vec::new() };
    let Some(incident) = incident else {
        state.say("it is only read: b on an alert opens an incident and walks it");
        return Vec::new();
    };
    match step.directive {
        None if step.branch => state.say("does it apply? y or n"),
        None => state.say("for you to do; x when it is done, s leaves it out with a reason"),
        Some(Directive::Look(probe) | Directive::Check(probe)) => {
            let id = super::busy(state, &format!("{}…", probe.word()));
            return vec![Effect::Probe { id, incident, step: step.number, probe }];
        }
        Some(Directive::Do(action)) => {
            let entry = incident.about.variables.get("entry").map(|path| EntryPath(path.into()));
            let done = entry.as_ref().and_then(|entry| done_elsewhere(state, &incident, &step.number, action, entry));
            if let Some(deed) = done {
                let (detail, began) = (deed.detail.clone(), deed.began);
                state.say(format!("done already: {}", one_line(&detail, 200)));
                let acted = Happening::Acted { step: step.number, action, done: true, detail, began };
                return super::record(state, incident, vec![acted]);
            }
            let acting = Acting { incident: Arc::clone(&incident), step: step.number, action, began: None };
            state.runbook.acting = Some(acting);
            return begin(state, action, entry, &incident);
        }
    }
    Vec::new()
}

/// What was done of an action without its step, and is not to be done twice: by a console that took work up again, by a
/// command, from another tab. Its dead letters are redriven once; what was moved away is not in the queue any more.
fn done_elsewhere<'i>(
    state: &State,
    incident: &'i Incident,
    step: &StepNumber,
    action: Action,
    entry: &EntryPath,
) -> Option<&'i Deed> {
    if incident.walk.of(step).iter().any(|record| matches!(record, StepRecord::Acted { .. })) {
        return None;
    }
    let is_over = match action {
        Action::Redrive => true,
        Action::Archive | Action::Quarantine => !state.lake.entries.iter().any(|known| known.path == *entry),
        _ => false,
    };
    incident.events.iter().rev().filter(|_| is_over).find_map(|event| match &event.what {
        Happening::Did(deed) if deed.done && deed.act == action.word() && *deed.object == *entry.0 => Some(deed),
        _ => None,
    })
}

/// Begins an action on the tab it belongs to, by the command that anybody would use there.
fn begin(state: &mut State, action: Action, entry: Option<EntryPath>, incident: &Incident) -> Vec<Effect> {
    let line = action.word();
    if command::find(line).is_none() {
        state.fail(format!("{line} is not known here; skip the step with a reason"));
        return Vec::new();
    }
    let mut effects = match (action, entry) {
        (Action::Quarantine | Action::Archive | Action::Repair | Action::Redrive, Some(entry)) => {
            if !state.lake.entries.iter().any(|known| known.path == entry) {
                state.fail("the entry is not in the queue any more; skip the step with a reason");
                return Vec::new();
            }
            // The step is about this one, whatever was marked for something else.
            dlq::unmark(state);
            update::jump(state, &entry)
        }
        (Action::Quarantine | Action::Archive | Action::Repair | Action::Redrive, None) => {
            state.fail("this incident is about no entry of the queue; skip the step with a reason");
            return Vec::new();
        }
        (Action::Release, _) => {
            let of = |q: &&Arc<Quarantine>| q.state.is_open() && is_about(incident, &q.dataset, q.date);
            let Some(id) = state.lake.snapshot.quarantines.iter().find(of).map(|q| q.id.clone()) else {
                state.fail("nothing of this incident is in quarantine; skip the step with a reason");
                return Vec::new();
            };
            state.quarantine.marks = Default::default();
            quarantine::select(state, &id)
        }
        (Action::Rerun, _) => match jobs::select_run(state, &variables(state)) {
            Some(effects) => effects,
            None => {
                state.fail("the run of this incident is not told of any more; 4 Jobs shows those there are");
                return Vec::new();
            }
        },
        // Which DAG it is, and which of its runs, is the operator's to say.
        (Action::Trigger | Action::Clear, _) => {
            state.jump(Tab::Jobs);
            state.say(format!("choose the DAG or its run, then :{line}; what comes of it is kept with the step"));
            return Vec::new();
        }
        (Action::Run | Action::Backfill, _) => Vec::new(),
    };
    // What needs arguments is put on the command line to be finished.
    let of = |name: &str| variables(state).get(name).unwrap_or_default().to_owned();
    let typed = match action {
        Action::Backfill => Some(format!("backfill {} {} {}", of("dataset"), of("date"), of("date"))),
        Action::Run => Some(format!("run {} {}", of("job"), of("date"))),
        Action::Quarantine => Some("quarantine ".to_owned()),
        // A service's run has a form for its settings; those of a command of this machine are typed.
        Action::Rerun if of("source") == "local" => Some("rerun ".to_owned()),
        _ => None,
    };
    match typed {
        Some(line) => state.prompt = Some(Prompt::new(PromptKind::Command, line.trim_end_matches('-'))),
        None => effects.extend(update::run_line(state, line)),
    }
    effects
}

fn variables(state: &State) -> crate::model::runbook::Variables {
    state.runbook.open.as_ref().map(|open| open.variables().clone()).unwrap_or_default()
}

/// A plan was answered with yes: whether it is the action that a step waits for.
pub(in crate::console) fn confirmed(state: &mut State, subject: &Subject) {
    let now = state.now;
    if let Some(acting) = state.runbook.acting.as_mut()
        && is_meant(acting, subject)
    {
        acting.began = Some(now);
    }
}

/// Whether a plan is what a step asks for: of this kind, and of what its incident is about.
fn is_meant(acting: &Acting, subject: &Subject) -> bool {
    let incident = &acting.incident;
    match (acting.action, subject) {
        (Action::Quarantine | Action::Release | Action::Archive, Subject::Moves { plans, resume: false }) => {
            let of = |plan: &Plan| is_about(incident, &plan.dataset, plan.date);
            plans.iter().any(|plan| kind_of(acting.action) == Some(plan.kind) && of(plan))
        }
        (Action::Repair, Subject::Repair(plan)) => is_about(incident, &plan.dataset, plan.date),
        (Action::Rerun, Subject::Drive { plan, .. }) => match &plan.effect {
            WriteEffect::Submit(ask) => {
                ask.of.as_ref().is_some_and(|run| incident.about.variables.get("run_id") == Some(&*run.0))
            }
            effect => is_its_work(acting, effect),
        },
        (_, Subject::Work(PlannedWork::Redrives(plans))) => plans.iter().any(|plan| redrives(acting, plan)),
        (_, Subject::Work(PlannedWork::Backfill(plan))) => backfills(acting, plan),
        (_, Subject::Work(PlannedWork::Run(ask, _))) => runs(acting, ask),
        (Action::Trigger | Action::Clear, Subject::Drive { plan, .. }) => plan.effect.word() == acting.action.word(),
        _ => false,
    }
}

/// Whether work is what a step asks for.
fn is_its_work(acting: &Acting, effect: &WriteEffect) -> bool {
    match effect {
        WriteEffect::Redrive(plan) => redrives(acting, plan),
        WriteEffect::Backfill(plan) => backfills(acting, plan),
        WriteEffect::Run(ask) => runs(acting, ask),
        _ => false,
    }
}

fn redrives(acting: &Acting, plan: &RedrivePlan) -> bool {
    acting.action == Action::Redrive && acting.incident.about.variables.get("entry") == Some(&*plan.entry)
}

fn backfills(acting: &Acting, plan: &BackfillPlan) -> bool {
    acting.action == Action::Backfill && acting.incident.about.dataset.as_deref() == Some(plan.dataset.as_str())
}

/// A rerun of what runs on this machine is a run of its command.
fn runs(acting: &Acting, ask: &RunAsk) -> bool {
    let job = acting.incident.about.job.as_deref();
    match acting.action {
        Action::Run => job.is_none_or(|job| *ask.job.0 == *job),
        Action::Rerun => job == Some(&*ask.job.0),
        _ => false,
    }
}

fn is_about(incident: &Incident, dataset: &Dataset, date: Option<NaiveDate>) -> bool {
    let about = &incident.about;
    about.dataset.as_deref() == Some(dataset.as_str()) && (about.date.is_none() || about.date == date)
}

/// Writes ended: what a step's action came to is written down with it.
pub(in crate::console) fn written(state: &mut State, written: &Written) -> Vec<Effect> {
    let is_its = |acting: &mut Acting| acting.began.is_some() && is_of(acting.action, &written.write);
    let Some(acting) = state.runbook.acting.take_if(is_its) else { return Vec::new() };
    worked(state, acting, &written.ended)
}

/// Work begins. It may take its time: the step whose action it is goes along with it.
pub(in crate::console) fn begun(state: &mut State, effects: &[WriteEffect]) -> Option<Acting> {
    let is_its = |acting: &mut Acting| acting.began.is_some() && effects.iter().any(|of| is_its_work(acting, of));
    state.runbook.acting.take_if(is_its)
}

/// What a step's action came to is written down with it.
pub(in crate::console) fn worked(
    state: &mut State,
    acting: Acting,
    ended: &[Result<Outcome, GateError>],
) -> Vec<Effect> {
    let Acting { incident, step, action, began: Some(began) } = acting else { return Vec::new() };
    let failed = ended.iter().find_map(|ended| ended.as_ref().err());
    let mut well = ended.iter().flatten();
    let (done, detail) = match (well.next(), failed) {
        // A repair is done though rows still fail: how many is what it came to.
        (Some(first), None) => {
            let done = std::iter::once(first).chain(well).all(|outcome| !outcome.needs_operator);
            (done || action == Action::Repair, came_to(first))
        }
        (_, Some(error)) => (false, error.to_string()),
        (None, None) => return Vec::new(),
    };
    // Somebody may have gone on with it meanwhile.
    let known = state.lake.snapshot.incidents.iter().find(|known| known.id == incident.id).cloned();
    let detail = masked::text(&detail).into_owned();
    let what = vec![Happening::Acted { step, action, done, detail, began }];
    super::note(state, known.unwrap_or(incident), what)
}

/// Whether such a write is what an action begins.
fn is_of(action: Action, write: &Write) -> bool {
    match action {
        Action::Quarantine | Action::Release | Action::Archive => *write == Write::Move,
        Action::Repair => *write == Write::Repair,
        Action::Rerun | Action::Trigger | Action::Clear => *write == Write::Drive,
        // Work: its end is told to its own step.
        Action::Redrive | Action::Backfill | Action::Run => false,
    }
}

/// What it came to, in a sentence.
fn came_to(outcome: &Outcome) -> String {
    if let [first, ..] = outcome.notes.as_slice() {
        return first.clone();
    }
    let place = outcome.path.as_deref().unwrap_or_default();
    format!("{} objects, {} bytes, {place}", outcome.objects, outcome.bytes)
}

fn kind_of(action: Action) -> Option<MoveKind> {
    match action {
        Action::Quarantine => Some(MoveKind::Quarantine),
        Action::Release => Some(MoveKind::Release),
        Action::Archive => Some(MoveKind::Archive),
        _ => None,
    }
}
