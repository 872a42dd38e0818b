//! Whether something new goes wrong: error signatures of the runs since the recovery against those of runs from before
//! the incident.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::Answer;
use super::data::failed;
use crate::model::alert::Evidence;
use crate::model::dag::{DagRun, TaskState};
use crate::model::dataset::Dataset;
use crate::model::incident::{About, Incident};
use crate::model::log::{Limits, LogBuffer};
use crate::model::probe::Verdict;
use crate::model::route::Route;
use crate::model::run::{JobName, JobRun, RunState};
use crate::model::story;
use crate::model::text::first_line;
use crate::ops::{LogOf, Session, Snapshot};

/// Runs that are looked at on either side, besides the last of each date.
const RUNS: usize = 3;
/// Runs since the recovery that are looked at in all.
const MOST: usize = 92;

impl Session {
    pub(super) async fn probe_logs(&self, incident: &Incident, snapshot: &Snapshot, now: DateTime<Utc>) -> Answer {
        let (since, before) = (incident.since(), incident.times.detected);
        // Of another day's run, the log says nothing of this one's data.
        let dates = incident.about.date.map(|_| incident.dates()).unwrap_or_default();
        let dated = |run: &Logged| dates.is_empty() || run.date.is_none_or(|date| dates.contains(&date));
        // What redrove its dead letters is a run of its own.
        let redriven = match incident.about.dataset.as_deref() {
            Some(dataset) => self.redrives_under(&Dataset(dataset.into())).await,
            None => Ok(Vec::new()),
        };
        let redriven: BTreeSet<String> = match redriven {
            Ok(records) => records.into_iter().filter_map(|record| Some(record.run?.id)).collect(),
            Err(error) => return Answer::from(&error),
        };
        let its = |run: &&Arc<JobRun>| is_its(run, &incident.about) || redriven.contains(&*run.id.0);
        let mut runs: Vec<Logged> = snapshot.pipeline.jobs.iter().filter(its).map(Logged::job).collect();
        // What runs in the tasks of a DAG has no other run.
        if runs.iter().all(|run| run.created < since) {
            runs = self.dags_of(incident, snapshot, &redriven);
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.created));
        let over: Vec<&Logged> = runs.iter().filter(|r| r.created >= since && r.over && dated(r)).collect();
        let mut seen = BTreeSet::new();
        let last_of_day: Vec<bool> = over.iter().map(|run| seen.insert(run.date)).collect();
        // The newest, and the newest of each date.
        let wanted = over.iter().zip(&last_of_day).enumerate().filter(|(n, (_, last))| *n < RUNS || **last);
        let after: Vec<&Logged> = wanted.map(|(_, (run, _))| *run).take(MOST).collect();
        // What a run that failed logged is no example of how it should be.
        let went_well = |r: &&Logged| r.well && r.ended.is_some_and(|ended| ended < before);
        let earlier: Vec<&Logged> = runs.iter().filter(went_well).take(RUNS).collect();
        let waits = |r: &&Logged| r.created >= since && !r.over && r.date.is_some() && dated(r);
        if let (true, Some(run)) = (dates.len() > 1, runs.iter().find(waits)) {
            return Answer::none(format!("{} is not over", run.name));
        }
        if after.is_empty() {
            let running = runs.iter().any(|r| r.created >= since);
            return Answer::none(match running {
                true => "the run since the recovery is not over",
                false => "no run since the recovery has a log",
            });
        }
        for run in &after {
            if let Some(answer) = failed(snapshot, &run.source) {
                return answer;
            }
        }
        let mut known = BTreeSet::new();
        for run in &earlier {
            // A log that is gone, or that cannot be read, excuses nothing.
            if let Ok(buffer) = self.whole_log(run).await {
                known.extend(buffer.signatures().groups().into_iter().map(|group| group.signature));
            }
        }
        let (mut evidence, mut lines, mut new, mut first) = (Vec::new(), 0_u64, BTreeSet::new(), 0);
        for run in &after {
            let buffer = match self.whole_log(run).await {
                Ok(buffer) => buffer,
                Err(answer) => return answer.with(evidence),
            };
            lines += buffer.len() as u64 + buffer.trimmed();
            for group in buffer.signatures().groups() {
                let is_new = !known.contains(&group.signature);
                let what = if is_new { "new" } else { "known from before the incident" };
                let example = first_line(&group.example).unwrap_or_default();
                let piece = Evidence {
                    uri: run.uri.clone(),
                    observed_at: group.last.1.unwrap_or(run.changed),
                    detail: format!("{what}, {}x {}: {example}", group.count, group.category.word()),
                };
                // What is new comes first. In another run, the same is no other.
                if is_new {
                    evidence.insert(first, piece);
                    first += 1;
                    new.insert(group.signature);
                } else {
                    evidence.push(piece);
                }
            }
            evidence.push(Evidence {
                uri: run.uri.clone(),
                observed_at: run.changed.min(now),
                detail: format!("{}, {}", run.name, run.state),
            });
        }
        let against = match earlier.len() {
            0 => "no run from before the incident to compare with".to_owned(),
            n => format!("against {n} from before the incident"),
        };
        let which = match over.len() > after.len() {
            true => format!("the last {} of {} runs", after.len(), over.len()),
            false => counted(after.len()),
        };
        let of = format!("{lines} lines of {which} since the recovery, {against}");
        let last = over.iter().zip(&last_of_day).filter(|(_, last)| **last).map(|(run, _)| run);
        let badly = last.copied().find(|run| !run.well);
        let answer = match (new.len(), lines) {
            _ if badly.is_some() && new.is_empty() => {
                let state = badly.map_or("", |run| run.state);
                Answer::new(
                    Verdict::Fail,
                    format!("the last run since the recovery {state}; no new error signature in {of}"),
                )
            }
            (0, 0) => Answer::none(format!("the logs of {} since the recovery are empty", counted(after.len()))),
            (0, _) => Answer::new(Verdict::Pass, format!("no new error signature in {of}")),
            (n, _) => Answer::new(Verdict::Fail, format!("{n} new error signatures in {of}")),
        };
        answer.with(evidence)
    }

    /// The runs of DAGs that do an incident's job, or that redrove its dead letters.
    fn dags_of(&self, incident: &Incident, snapshot: &Snapshot, redriven: &BTreeSet<String>) -> Vec<Logged> {
        let about = &incident.about;
        let own = about.dataset.as_deref().and_then(|dataset| self.settings.job_of(&Dataset(dataset.into())).cloned());
        let jobs: BTreeSet<JobName> =
            about.job.as_deref().map(|job| JobName(job.into())).into_iter().chain(own).collect();
        let pipeline = &snapshot.pipeline;
        let routed = |dag: &DagRun| {
            jobs.iter().find_map(|job| match self.settings.routes.get(job) {
                Some(Route::Dag { dag: id, logical, .. }) if *id == dag.dag => Some(*logical),
                _ => None,
            })
        };
        let does = |dag: &DagRun| {
            let tasks = pipeline.tasks.get(&(dag.dag.clone(), dag.id.clone())).map(Vec::as_slice).unwrap_or_default();
            jobs.iter().any(|job| story::starts(job, dag, tasks)).then_some(false)
        };
        let of = |dag: &Arc<DagRun>| {
            let by_date = routed(dag).or_else(|| does(dag)).or_else(|| redriven.contains(&*dag.id.0).then_some(false));
            by_date.map(|by_date| Logged::dag(dag, by_date))
        };
        pipeline.dag_runs.iter().filter_map(of).collect()
    }

    async fn whole_log(&self, run: &Logged) -> Result<LogBuffer, Answer> {
        let logs = match &run.of {
            Of::Job(of) => vec![of.clone()],
            Of::Dag(dag) => {
                let tasks = self.dag_tasks(&dag.dag, &dag.id).await.map_err(|error| Answer::from(&error))?;
                let tried = tasks.into_iter().filter(|task| task.tries > 0).map(Arc::new);
                tried.map(|task| LogOf::Task { number: task.tries, task }).collect()
            }
        };
        let mut buffer = LogBuffer::new(Limits::default(), self.settings.categories.clone());
        for of in &logs {
            match self.read_log(of, &mut buffer).await {
                Ok(false) => {}
                Ok(true) => return Err(Answer::none(format!("the log of {} could be read in part only", run.name))),
                Err(error) => return Err(Answer::from(&error)),
            }
        }
        Ok(buffer)
    }
}

/// A run that logs: a job's, or a DAG's, whose tasks log for it.
struct Logged {
    of: Of,
    source: Arc<str>,
    name: String,
    state: &'static str,
    created: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    changed: DateTime<Utc>,
    over: bool,
    well: bool,
    date: Option<NaiveDate>,
    uri: String,
}

enum Of {
    Job(LogOf),
    Dag(Arc<DagRun>),
}

impl Logged {
    fn job(run: &Arc<JobRun>) -> Self {
        Self {
            of: Of::Job(LogOf::Run { source: Arc::clone(&run.source), id: run.id.clone() }),
            source: Arc::clone(&run.source),
            name: format!("{} {}", run.job, run.id.0),
            state: run.state.word(),
            created: run.created,
            ended: run.ended,
            changed: run.changed(),
            over: run.state.is_over(),
            well: run.state == RunState::Success,
            date: run.date,
            uri: run.uri.clone(),
        }
    }

    /// `by_date` says that its logical date is the date of the data.
    fn dag(run: &Arc<DagRun>, by_date: bool) -> Self {
        let created = run.started.or(run.logical).unwrap_or(DateTime::UNIX_EPOCH);
        Self {
            of: Of::Dag(Arc::clone(run)),
            source: "airflow".into(),
            name: format!("{} {}", run.dag.0, run.id.0),
            state: run.state.word(),
            created,
            ended: run.ended,
            changed: run.ended.unwrap_or(created),
            over: run.state.is_over(),
            well: run.state == TaskState::Success,
            date: run.logical.filter(|_| by_date).map(|at| at.date_naive()),
            uri: run.uri.clone(),
        }
    }
}

fn counted(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

/// Whether a run is of the incident's job, or else writes its dataset.
fn is_its(run: &JobRun, about: &About) -> bool {
    match &about.job {
        Some(job) => *run.job.0 == **job,
        None => {
            let dataset = run.dataset.as_ref().map(|dataset| dataset.as_str());
            dataset.is_some() && dataset == about.dataset.as_deref()
        }
    }
}
