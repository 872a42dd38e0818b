//! Jobs and DAGs with their runs, and the tasks of a DAG run, flattened to the lines that are shown; newest first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::console::filter::Filter;
use crate::model::dag::{DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::run::{JobName, JobRun, JobRunId, RunState};
use crate::ops::Pipeline;

/// What has at most so many runs is open at first.
const OPEN_AT_FIRST: usize = 7;

/// Tasks by the run they are of.
pub(in crate::console) type Tasks = BTreeMap<(DagId, DagRunId), Vec<Arc<TaskInstance>>>;

/// What names a line across refreshes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::console) enum NodeId {
    Job(JobName),
    Dag(DagId),
    JobRun(Arc<str>, JobRunId),
    DagRun(DagId, DagRunId),
    Task(DagId, DagRunId, String, Option<i32>),
}

/// One line of the tree.
#[derive(Debug, Clone)]
pub(in crate::console) enum Node {
    /// A job or DAG with several runs.
    Group(Sum),
    /// A run of a job; alone, it shows the job's name.
    JobRun { run: Arc<JobRun>, alone: bool },
    /// A run of a DAG; whether its tasks are shown below it, none if none are known.
    DagRun { run: Arc<DagRun>, alone: bool, open: Option<bool> },
    /// A task.
    Task(Arc<TaskInstance>),
}

/// A job or DAG.
#[derive(Debug, Clone)]
pub(in crate::console) struct Sum {
    pub id: NodeId,
    pub name: Arc<str>,
    pub open: bool,
    pub runs: u64,
    pub newest: DateTime<Utc>,
    pub state: AnyState,
}

/// A state of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum AnyState {
    Run(RunState),
    Task(TaskState),
}

impl Node {
    pub(in crate::console) fn id(&self) -> NodeId {
        match self {
            Self::Group(sum) => sum.id.clone(),
            Self::JobRun { run, .. } => job_run_id(run),
            Self::DagRun { run, .. } => NodeId::DagRun(run.dag.clone(), run.id.clone()),
            Self::Task(task) => NodeId::Task(task.dag.clone(), task.run.clone(), task.task.clone(), task.map_index),
        }
    }

    /// What it lies below, if it is shown.
    pub(in crate::console) fn parent(&self) -> Option<NodeId> {
        match self {
            Self::JobRun { run, alone: false } => Some(NodeId::Job(run.job.clone())),
            Self::DagRun { run, alone: false, .. } => Some(NodeId::Dag(run.dag.clone())),
            Self::Task(task) => Some(NodeId::DagRun(task.dag.clone(), task.run.clone())),
            _ => None,
        }
    }

    /// Whether it is open, of what can be.
    pub(in crate::console) fn open(&self) -> Option<bool> {
        match self {
            Self::Group(sum) => Some(sum.open),
            Self::DagRun { open, .. } => *open,
            Self::JobRun { .. } | Self::Task(_) => None,
        }
    }
}

pub(in crate::console) fn job_run_id(run: &JobRun) -> NodeId {
    NodeId::JobRun(Arc::clone(&run.source), run.id.clone())
}

/// When a run of a DAG was there first, as far as is known.
pub(in crate::console) fn since(run: &DagRun) -> DateTime<Utc> {
    run.started.or(run.logical).or(run.ended).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The lines.
#[derive(Debug, Default)]
pub(in crate::console) struct Lines {
    pub nodes: Vec<Node>,
    /// Runs that the filter hides.
    pub hidden: u64,
    /// Jobs and DAGs whose newest run failed.
    pub failing: u64,
}

/// Builds the lines. With a filter all is open: what was searched for must be seen.
pub(in crate::console) fn build(
    pipeline: &Pipeline,
    tasks: &Tasks,
    filter: &Filter,
    toggled: &BTreeSet<NodeId>,
) -> Lines {
    let mut lines = Lines::default();
    let mut groups: Vec<(DateTime<Utc>, Vec<Node>)> = Vec::new();
    let mut jobs: BTreeMap<&JobName, Vec<&Arc<JobRun>>> = BTreeMap::new();
    for run in &pipeline.jobs {
        jobs.entry(&run.job).or_default().push(run);
    }
    for (job, mut runs) in jobs {
        runs.sort_by_key(|r| std::cmp::Reverse(r.created));
        lines.failing += u64::from(runs.first().is_some_and(|r| r.state == RunState::Failed));
        let left: Vec<_> = runs.iter().filter(|r| filter.is_empty() || filter.matches(of_run(r))).collect();
        lines.hidden += (runs.len() - left.len()) as u64;
        let Some(newest) = left.first() else { continue };
        let alone = left.len() == 1;
        let id = NodeId::Job(job.clone());
        let open = is_open(filter, toggled, &id, left.len());
        let sum = Sum {
            id,
            name: Arc::clone(&job.0),
            open,
            runs: left.len() as u64,
            newest: newest.created,
            state: AnyState::Run(newest.state),
        };
        let nodes = left.iter().map(|r| vec![Node::JobRun { run: Arc::clone(r), alone }]).collect();
        groups.push((newest.created, flat(sum, alone, nodes)));
    }
    let mut dags: BTreeMap<&DagId, Vec<&Arc<DagRun>>> = BTreeMap::new();
    for run in &pipeline.dag_runs {
        dags.entry(&run.dag).or_default().push(run);
    }
    for (dag, mut runs) in dags {
        runs.sort_by_key(|r| std::cmp::Reverse(since(r)));
        lines.failing += u64::from(runs.first().is_some_and(|r| r.state == TaskState::Failed));
        let left: Vec<_> = runs
            .iter()
            .map(|run| (run, known_tasks(pipeline, tasks, run)))
            .filter(|(run, tasks)| {
                let of_tasks = || tasks.iter().any(|t| filter.matches(of_task(t)));
                filter.is_empty() || filter.matches(of_dag_run(run)) || of_tasks()
            })
            .collect();
        lines.hidden += (runs.len() - left.len()) as u64;
        let Some((newest, _)) = left.first() else { continue };
        let alone = left.len() == 1;
        let id = NodeId::Dag(dag.clone());
        let open = is_open(filter, toggled, &id, left.len());
        let sum = Sum {
            id,
            name: Arc::clone(&dag.0),
            open,
            runs: left.len() as u64,
            newest: since(newest),
            state: AnyState::Task(newest.state),
        };
        let newest = since(newest);
        let nodes = left.iter().map(|(run, tasks)| of_one(run, tasks, alone, filter, toggled)).collect();
        groups.push((newest, flat(sum, alone, nodes)));
    }
    groups.sort_by_key(|(newest, _)| std::cmp::Reverse(*newest));
    lines.nodes = groups.into_iter().flat_map(|(_, nodes)| nodes).collect();
    lines
}

/// The tasks of a run, as the snapshot or a look at the run tells of them.
pub(in crate::console) fn known_tasks<'a>(
    pipeline: &'a Pipeline,
    tasks: &'a Tasks,
    run: &DagRun,
) -> &'a [Arc<TaskInstance>] {
    let key = (run.dag.clone(), run.id.clone());
    tasks.get(&key).or_else(|| pipeline.tasks.get(&key)).map(Vec::as_slice).unwrap_or_default()
}

fn is_open(filter: &Filter, toggled: &BTreeSet<NodeId>, id: &NodeId, runs: usize) -> bool {
    !filter.is_empty() || ((runs <= OPEN_AT_FIRST) != toggled.contains(id))
}

fn flat(sum: Sum, alone: bool, runs: Vec<Vec<Node>>) -> Vec<Node> {
    let open = sum.open;
    let head = (!alone).then_some(Node::Group(sum));
    head.into_iter().chain(runs.into_iter().filter(|_| alone || open).flatten()).collect()
}

/// A run of a DAG and, where it did not go well or somebody opened it, its tasks.
fn of_one(
    run: &Arc<DagRun>,
    tasks: &[Arc<TaskInstance>],
    alone: bool,
    filter: &Filter,
    toggled: &BTreeSet<NodeId>,
) -> Vec<Node> {
    let id = NodeId::DagRun(run.dag.clone(), run.id.clone());
    let open =
        (!tasks.is_empty()).then(|| !filter.is_empty() || ((run.state != TaskState::Success) != toggled.contains(&id)));
    let mut nodes = vec![Node::DagRun { run: Arc::clone(run), alone, open }];
    if open == Some(true) {
        nodes.extend(tasks.iter().map(|t| Node::Task(Arc::clone(t))));
    }
    nodes
}

/// What `/` looks into.
fn of_run(run: &JobRun) -> impl Iterator<Item = &str> + Clone {
    let words = [&*run.job.0, &*run.called, &*run.id.0, &*run.source, run.state.word()];
    let dataset = run.dataset.as_ref().map(|d| d.as_str());
    words.into_iter().chain(dataset).chain(run.detail.as_deref())
}

fn of_dag_run(run: &DagRun) -> impl Iterator<Item = &str> + Clone {
    [&*run.dag.0, &*run.id.0, run.state.word(), run.kind.as_str()].into_iter()
}

fn of_task(task: &TaskInstance) -> impl Iterator<Item = &str> + Clone {
    let words = [task.task.as_str(), &*task.job.0, task.state.word()];
    words.into_iter().chain(task.operator.as_deref())
}
