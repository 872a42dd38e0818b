//! What is done to DAGs and their runs, as values: trigger, clear, pause, mark.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dag::{DagId, DagRunId};

/// A run that is asked for. Its id is ours: a second request for it finds the first one's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The DAG.
    pub dag: DagId,
    /// The id that the run gets.
    pub run: DagRunId,
    /// What the run is given.
    pub conf: Map<String, Value>,
    /// What it is for.
    pub logical: Option<DateTime<Utc>>,
}

/// Task instances of one run that are to run anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clear {
    /// The DAG.
    pub dag: DagId,
    /// The run.
    pub run: DagRunId,
    /// The tasks; empty for all of them.
    pub tasks: Vec<String>,
    /// Only those that failed.
    pub only_failed: bool,
    /// What comes after them as well.
    pub downstream: bool,
}

/// One task instance of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// The task. Hostile text.
    pub task: String,
    /// Its index, of a mapped task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_index: Option<i32>,
}

/// What something is marked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkedAs {
    /// Over, and well.
    Success,
    /// Over, and not well.
    Failed,
}

impl MarkedAs {
    /// Airflow's own word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Success, Self::Failed].into_iter().find(|state| state.word() == word)
    }
}

/// Anything that is done to a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum DagAct {
    /// A run is asked for.
    Trigger(Trigger),
    /// Task instances run anew.
    Clear {
        /// What is asked for.
        clear: Clear,
        /// The task instances that it comes to, as they were listed before.
        tasks: Vec<TaskRef>,
    },
    /// Its schedule is stopped, or goes on.
    Pause {
        /// The DAG.
        dag: DagId,
        /// Whether it is stopped.
        paused: bool,
    },
    /// A whole run is said to have ended so.
    MarkRun {
        /// The DAG.
        dag: DagId,
        /// The run.
        run: DagRunId,
        /// How.
        state: MarkedAs,
    },
    /// A task instance is said to have ended so.
    MarkTask {
        /// The DAG.
        dag: DagId,
        /// The run.
        run: DagRunId,
        /// The task instance.
        task: TaskRef,
        /// How.
        state: MarkedAs,
    },
}

impl DagAct {
    /// The word in records and messages.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Trigger(_) => "trigger",
            Self::Clear { .. } => "clear",
            Self::Pause { paused: true, .. } => "pause",
            Self::Pause { paused: false, .. } => "unpause",
            Self::MarkRun { .. } | Self::MarkTask { .. } => "mark",
        }
    }

    /// Whose DAG.
    pub fn dag(&self) -> &DagId {
        match self {
            Self::Trigger(trigger) => &trigger.dag,
            Self::Clear { clear, .. } => &clear.dag,
            Self::Pause { dag, .. } | Self::MarkRun { dag, .. } | Self::MarkTask { dag, .. } => dag,
        }
    }

    /// Whose run, if it is about one.
    pub fn run(&self) -> Option<&DagRunId> {
        match self {
            Self::Trigger(trigger) => Some(&trigger.run),
            Self::Clear { clear, .. } => Some(&clear.run),
            Self::Pause { .. } => None,
            Self::MarkRun { run, .. } | Self::MarkTask { run, .. } => Some(run),
        }
    }

    /// How many objects it names: runs, DAGs or task instances.
    pub fn objects(&self) -> u64 {
        match self {
            Self::Clear { tasks, .. } => tasks.len() as u64,
            _ => 1,
        }
    }

    /// Whether it comes to the same when it is done twice.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Clear { .. })
    }

    /// What it is, in one line. Hostile text.
    pub fn sentence(&self) -> String {
        let dag = &self.dag().0;
        match self {
            Self::Trigger(Trigger { run, logical, conf, .. }) => {
                let date = logical.map(|t| format!(" for {}", t.format("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
                let names: Vec<&str> = conf.keys().map(String::as_str).collect();
                let conf = if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) };
                format!("trigger {dag} as {}{date}{conf}", run.0)
            }
            Self::Clear { clear, tasks } => {
                format!("clear {} task instances of {dag} {}", tasks.len(), clear.run.0)
            }
            Self::Pause { .. } => format!("{} {dag}", self.word()),
            Self::MarkRun { run, state, .. } => format!("mark {dag} {} as {}", run.0, state.word()),
            Self::MarkTask { run, task, state, .. } => {
                let index = task.map_index.map(|i| format!("[{i}]")).unwrap_or_default();
                format!("mark {dag} {} {}{index} as {}", run.0, task.task, state.word())
            }
        }
    }
}
