//! Where people stand in a runbook: which steps are done, left out or out of question, and which is next. Folded from
//! what was recorded, the same on every host.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Action, Directive, Runbook, Step, StepNumber};
use crate::model::probe::{Finding, Verdict};

/// What somebody says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is done.
    Done,
    /// It is left out, for a reason.
    Skipped,
    /// It counts as done though its check does not say so, for a reason.
    Overridden,
    /// The branch applies.
    Applies,
    /// The branch does not.
    DoesNotApply,
    /// It is open again.
    Reopened,
}

impl Mark {
    /// The word in JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Overridden => "overridden",
            Self::Applies => "applies",
            Self::DoesNotApply => "does_not_apply",
            Self::Reopened => "reopened",
        }
    }

    /// Whether it is nothing without a reason.
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Skipped | Self::Overridden)
    }
}

/// What was recorded of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum StepRecord {
    /// A probe's answer.
    Probed(Finding),
    /// An action went through the gate, or did not.
    Acted {
        /// Which.
        action: Action,
        /// Whether it did what it was to do.
        done: bool,
        /// What it came to. Hostile text.
        detail: String,
        /// When it was begun.
        began: DateTime<Utc>,
        /// When it was over, as far as lakeward's part of it goes.
        at: DateTime<Utc>,
        /// Who. Hostile text.
        by: String,
    },
    /// Somebody said something of it.
    Marked {
        /// What.
        mark: Mark,
        /// Why. Hostile text.
        reason: Option<String>,
        /// When.
        at: DateTime<Utc>,
        /// Who. Hostile text.
        by: String,
    },
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not settled.
    Open,
    /// Done.
    Done,
    /// Left out with a reason.
    Skipped,
    /// Done without the evidence, with a reason.
    Overridden,
    /// A branch that applies; its steps count.
    Applies,
    /// A branch that does not apply.
    DoesNotApply,
    /// Below a step that is left out or does not apply.
    Out,
}

impl StepState {
    /// Whether nothing more is to be done for it.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Open | Self::Applies)
    }

    /// The word on screen.
    pub fn says(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Overridden => "overridden",
            Self::Applies => "applies",
            Self::DoesNotApply => "does not apply",
            Self::Out => "not needed",
        }
    }
}

/// What was recorded, by step, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk(BTreeMap<StepNumber, Vec<StepRecord>>);

impl Walk {
    /// Adds what was recorded; the oldest first.
    pub fn record(&mut self, step: StepNumber, record: StepRecord) {
        self.0.entry(step).or_default().push(record);
    }

    /// What was recorded of a step, the oldest first.
    pub fn of(&self, step: &StepNumber) -> &[StepRecord] {
        self.0.get(step).map(Vec::as_slice).unwrap_or_default()
    }

    /// The last answer of a step's probe.
    pub fn finding(&self, step: &StepNumber) -> Option<&Finding> {
        self.of(step).iter().rev().find_map(|record| match record {
            StepRecord::Probed(finding) => Some(finding),
            _ => None,
        })
    }

    /// Where a step stands.
    pub fn state(&self, runbook: &Runbook, step: &Step) -> StepState {
        let above = std::iter::successors(step.number.above(), StepNumber::above);
        let out = |outer: &Step| matches!(self.own(outer), StepState::DoesNotApply | StepState::Skipped);
        if above.filter_map(|number| runbook.step(&number)).any(out) {
            return StepState::Out;
        }
        match self.own(step) {
            // What holds other steps is done with the last of them.
            StepState::Open | StepState::Applies if holds(runbook, step) && (!step.branch || self.applies(step)) => {
                let all = below(runbook, step).all(|inner| self.state(runbook, inner).is_settled());
                match (all, step.branch) {
                    (true, _) => StepState::Done,
                    (false, true) => StepState::Applies,
                    (false, false) => StepState::Open,
                }
            }
            own => own,
        }
    }

    fn applies(&self, step: &Step) -> bool {
        self.own(step) == StepState::Applies
    }

    /// By what was said of the step itself.
    fn own(&self, step: &Step) -> StepState {
        let said = self.of(&step.number).iter().rev().find_map(|record| match record {
            StepRecord::Marked { mark, .. } => Some(*mark),
            _ => None,
        });
        match said {
            None | Some(Mark::Reopened) => StepState::Open,
            Some(Mark::Done) => StepState::Done,
            Some(Mark::Skipped) => StepState::Skipped,
            Some(Mark::Overridden) => StepState::Overridden,
            Some(Mark::Applies) => StepState::Applies,
            Some(Mark::DoesNotApply) => StepState::DoesNotApply,
        }
    }

    /// The step to be seen to now: the first that is open; none when all is settled.
    pub fn current<'r>(&self, runbook: &'r Runbook) -> Option<&'r Step> {
        runbook.steps.iter().find(|step| {
            let open = self.state(runbook, step) == StepState::Open;
            // One that holds others is seen to by them.
            open && (step.branch || !holds(runbook, step))
        })
    }

    /// Steps that are settled, and all that there are.
    pub fn progress(&self, runbook: &Runbook) -> (usize, usize) {
        let leaves = runbook.steps.iter().filter(|step| step.branch || !holds(runbook, step));
        let settled = |step: &&Step| !matches!(self.state(runbook, step), StepState::Open);
        leaves.fold((0, 0), |(done, all), step| (done + usize::from(settled(&step)), all + 1))
    }

    /// Whether this may be said of a step now, or in a sentence why not.
    pub fn may(&self, runbook: &Runbook, step: &Step, mark: Mark, reason: Option<&str>) -> Result<(), String> {
        let number = &step.number;
        if mark.needs_reason() && reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(format!("step {number}: say why"));
        }
        match (mark, step.branch) {
            (Mark::Applies | Mark::DoesNotApply, false) => return Err(format!("step {number} is no branch")),
            (Mark::Done | Mark::Overridden, true) => {
                return Err(format!("step {number} is a branch: say whether it applies"));
            }
            _ => {}
        }
        if mark != Mark::Reopened && self.state(runbook, step) == StepState::Out {
            return Err(format!("step {number} is below a step that is left out or does not apply"));
        }
        if mark != Mark::Done {
            return Ok(());
        }
        self.proven(step).map_err(|why| format!("step {number}: {why}"))
    }

    /// What was done and went well: what, when it began and when it was over.
    fn done(&self) -> impl Iterator<Item = (Action, DateTime<Utc>, DateTime<Utc>)> {
        self.0.values().flatten().filter_map(|record| match record {
            StepRecord::Acted { action, done: true, began, at, .. } => Some((*action, *began, *at)),
            _ => None,
        })
    }

    /// Whether all that a finding rests on was there before the data began to be mended.
    fn is_of_before(&self, finding: &Finding) -> bool {
        let mended = self.done().filter(|(action, ..)| action.mends()).map(|(_, began, _)| began).max();
        mended.is_some_and(|mended| finding.evidence.iter().all(|evidence| evidence.observed_at < mended))
    }

    /// Whether what a step asks for was done, or why not.
    fn proven(&self, step: &Step) -> Result<(), String> {
        match step.directive {
            None => Ok(()),
            Some(Directive::Look(_)) => match self.finding(&step.number) {
                None => Err("look at it first".to_owned()),
                Some(finding) if finding.verdict == Verdict::Error => {
                    Err(format!("it could not be seen: {}; override it with a reason", finding.summary))
                }
                Some(_) => Ok(()),
            },
            Some(Directive::Check(probe)) => match self.finding(&step.number) {
                None => Err("check it first".to_owned()),
                Some(finding) if finding.verdict != Verdict::Pass => {
                    Err(format!("{}: {}; override it with a reason", finding.verdict.says(), finding.summary))
                }
                // Whoever wrote the event: green rests on something.
                Some(finding) if finding.evidence.is_empty() => {
                    Err("nothing is there that it passes on; override it with a reason".to_owned())
                }
                Some(finding) if self.done().any(|(.., at)| finding.at <= at) => {
                    Err("it was checked before the last action: check it again".to_owned())
                }
                // Asked after the fix, and what it answers may still be from before.
                Some(finding) if probe.is_of_results() && self.is_of_before(finding) => {
                    Err("what it rests on is from before the data was mended: wait for what comes of that".to_owned())
                }
                Some(_) => Ok(()),
            },
            Some(Directive::Do(action)) => {
                let last = self.of(&step.number).iter().rev().find_map(|record| match record {
                    StepRecord::Acted { done, detail, .. } => Some((*done, detail)),
                    _ => None,
                });
                match last {
                    Some((true, _)) => Ok(()),
                    Some((false, detail)) => Err(format!("{} did not go well: {detail}", action.word())),
                    None => Err(format!("{} first, or skip it with a reason", action.word())),
                }
            }
        }
    }
}

fn holds(runbook: &Runbook, step: &Step) -> bool {
    below(runbook, step).next().is_some()
}

/// The steps that stand right below another.
fn below<'r>(runbook: &'r Runbook, step: &'r Step) -> impl Iterator<Item = &'r Step> {
    runbook.steps.iter().filter(|inner| inner.number.above().as_ref() == Some(&step.number))
}
