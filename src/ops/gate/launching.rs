//! Runs that work asks for: started once under a name that was written down before, and followed to their end, also by
//! one who did not start them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::living::Living;
use super::running::{Errand, record_key};
use super::{Gate, GateError};
use crate::model::dataset::Dataset;
use crate::model::route::{Route, filled};
use crate::model::run::{JobName, RunState};
use crate::model::work::{Launch, RunRef, Variables};
use crate::ops::moves::Watch;
use crate::sources::local::jobs::{GROUP, RunRecord, is_gone};

/// How often a command is looked at that somebody else began.
const LOOK: Duration = Duration::from_millis(200);
/// The source of runs of this machine.
pub(super) const LOCAL: &str = "local";
/// The source of DAG runs.
pub(super) const AIRFLOW: &str = "airflow";
/// How long a service may be asked again with the same token: AWS does not say how long it remembers one, and an hour is
/// what it says of the services that do.
const REPEATED: chrono::Duration = chrono::Duration::hours(1);

/// What a job is to do.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub job: JobName,
    pub launch: Launch,
    pub date: Option<NaiveDate>,
    pub dataset: Dataset,
    /// The path of the entry that is redriven.
    pub entry: Option<String>,
    /// Whether it fills in what is missing.
    pub backfill: bool,
}

impl Task {
    /// Its run, as far as it is known before it is asked for: a service gives it an id of its own.
    pub fn run(&self, token: &str) -> RunRef {
        match &self.launch {
            Launch::Command { .. } => RunRef { source: LOCAL.to_owned(), id: token.to_owned() },
            Launch::Dag { .. } => RunRef { source: AIRFLOW.to_owned(), id: String::new() },
            Launch::Emr { source, .. } => RunRef { source: source.clone(), id: String::new() },
        }
    }

    fn variables(&self) -> Variables {
        Variables { date: self.date, dataset: Some(self.dataset.clone()), entry: self.entry.clone() }
    }

    /// The prefixes that are held while it runs: a command and its like would write the same.
    pub fn holds(&self) -> Vec<String> {
        match self.launch {
            Launch::Command { .. } => vec![super::running::folder_of(&self.job)],
            Launch::Dag { .. } | Launch::Emr { .. } => Vec::new(),
        }
    }
}

/// A run that goes on.
#[derive(Debug)]
pub(super) enum Going {
    /// Nothing of it began yet: it is to be run here.
    Here(Box<Errand>, Box<Living<RunRecord>>),
    /// It was begun before, or by a service.
    Before(RunRef),
    /// Nobody knows whether it was asked for, and it is too late to ask again.
    Unknown(RunRef),
}

impl Going {
    /// The run.
    pub fn run(&self, token: &str) -> RunRef {
        match self {
            Self::Here(..) => RunRef { source: LOCAL.to_owned(), id: token.to_owned() },
            Self::Before(run) | Self::Unknown(run) => run.clone(),
        }
    }
}

/// What is known of a run that is made ready.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Nothing can have begun under its name: its record alone does not mean that its command did.
    pub fresh: bool,
    /// The run, if a service told it.
    pub run: Option<RunRef>,
    /// When its name was written down.
    pub since: DateTime<Utc>,
}

/// How a run ended, as far as anybody knows.
#[derive(Debug, Clone)]
pub(super) struct RunEnd {
    /// None: nobody saw it.
    pub state: Option<RunState>,
    /// In words.
    pub told: String,
    /// What else is to be said.
    pub note: Option<String>,
}

impl Gate {
    /// Makes ready the run of this name, and asks for it where a service runs it.
    pub(super) async fn ready(&self, task: &Task, token: &str, known: Known) -> Result<Going, GateError> {
        if let Some(run) = known.run.clone().filter(|run| !run.id.is_empty() && run.source != LOCAL) {
            return Ok(Going::Before(run));
        }
        self.is_configured(task)?;
        let fresh = known.fresh;
        match &task.launch {
            Launch::Emr { .. } if (self.clock)() - known.since > REPEATED => Ok(Going::Unknown(task.run(token))),
            Launch::Emr { .. } | Launch::Dag { .. } => self.asked_for(task, token).await.map(Going::Before),
            Launch::Command { words, .. } => {
                let folder = self.folder.clone().ok_or_else(|| GateError::Blocked {
                    why: "commands run in the folder of a local environment".to_owned(),
                    hint: "this lake is not on this machine".to_owned(),
                })?;
                let errand = Errand {
                    job: task.job.clone(),
                    command: words.clone(),
                    folder,
                    date: task.date,
                    dataset: Some(task.dataset.clone()),
                    entry: task.entry.clone(),
                    backfill: task.backfill,
                    settings: Vec::new(),
                };
                let there = Living::<RunRecord>::read(self.lake.as_ref(), record_key(&task.job, token)).await?;
                match there {
                    None => {
                        let record = self.recorded(&errand, token).await?;
                        Ok(Going::Here(Box::new(errand), Box::new(record)))
                    }
                    Some(record) if fresh && !record.record.settings.contains_key(GROUP) => {
                        Ok(Going::Here(Box::new(errand), Box::new(record)))
                    }
                    Some(_) => Ok(Going::Before(task.run(token))),
                }
            }
        }
    }

    /// Waits for the end of a run. One of this machine is ended when it is asked to stop.
    pub(super) async fn awaited(&self, task: &Task, going: Going, watch: &Watch) -> Result<RunEnd, GateError> {
        match going {
            Going::Here(errand, record) => {
                let ran = self.run_here(&errand, *record, watch).await;
                let note = ran.notes.into_iter().reduce(|all, note| format!("{all}; {note}"));
                Ok(RunEnd { state: RunState::from_word(ran.state), told: ran.told, note })
            }
            Going::Before(run) if run.source == LOCAL => self.followed(task, &run, watch).await,
            Going::Before(run) => self.watched(task, &run, watch).await,
            Going::Unknown(_) => {
                let told = "nobody knows whether it was asked for, and it is too long ago to ask again".to_owned();
                Ok(RunEnd { state: None, told, note: None })
            }
        }
    }

    /// A record on the lake may be anybody's: only what is configured here is started.
    fn is_configured(&self, task: &Task) -> Result<(), GateError> {
        let variables = task.variables();
        let well = match &task.launch {
            Launch::Command { words, .. } => {
                let command = self.commands.get(&task.job).map(|command| command.filled(&variables));
                command.as_ref() == Some(&Ok(words.clone()))
            }
            Launch::Dag { dag, conf, logical } => match self.routes.get(&task.job) {
                Some(Route::Dag { dag: of, conf: given, logical: is_logical }) => {
                    let date = task.date.filter(|_| *is_logical);
                    of == dag && *logical == date && filled(given, &variables).as_ref() == Ok(conf)
                }
                _ => false,
            },
            Launch::Emr { arguments, .. } => match self.routes.get(&task.job) {
                Some(Route::Emr { arguments: given }) => {
                    let fill = |all: &Vec<String>| all.iter().map(|a| variables.fill(a)).collect::<Result<Vec<_>, _>>();
                    given.as_ref().map(fill).transpose().as_ref() == Ok(arguments)
                }
                _ => false,
            },
        };
        if well {
            return Ok(());
        }
        Err(GateError::Blocked {
            why: format!("what {} starts is not what was planned", task.job),
            hint: "it was changed since, or the record was: plan it anew".to_owned(),
        })
    }

    async fn followed(&self, task: &Task, run: &RunRef, watch: &Watch) -> Result<RunEnd, GateError> {
        let key = record_key(&task.job, &run.id);
        loop {
            let Some(kept) = Living::<RunRecord>::read(self.lake.as_ref(), key.clone()).await? else {
                return Ok(RunEnd { state: None, told: "nobody wrote down that it began".to_owned(), note: None });
            };
            let record = &kept.record;
            if let Some(state) = RunState::from_word(&record.state).filter(|state| state.is_over()) {
                let told = record.detail.clone().unwrap_or_else(|| state.word().to_owned());
                return Ok(RunEnd { state: Some(state), told, note: None });
            }
            if is_gone(record) {
                let told = "nobody saw its end, and its process is gone".to_owned();
                return Ok(RunEnd { state: None, told, note: None });
            }
            if watch.is_stopped() {
                return Err(GateError::Halted {
                    what: run.id.clone(),
                    why: "nobody waits for it any more".to_owned(),
                    hint: "its process goes on; resume follows it".to_owned(),
                    asked: true,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says of a run whose end nobody saw what its effect told.
    pub(super) async fn settled(&self, task: &Task, run: &RunRef, state: RunState, told: &str) {
        if run.source != LOCAL {
            return;
        }
        let kept = Living::<RunRecord>::read(self.lake.as_ref(), record_key(&task.job, &run.id)).await;
        let Ok(Some(mut kept)) = kept else { return };
        kept.record.state = state.word().to_owned();
        kept.record.ended = Some((self.clock)());
        kept.record.detail = Some(told.to_owned());
        if let Err(e) = kept.update(self.lake.as_ref()).await {
            tracing::warn!("how {} ended is not written down: {e}", run.id);
        }
    }
}
