//! What belongs together across systems: the job run that an alert or dead letters come from, and the run of the DAG
//! that started it. Their names are shared already (`model/alias`): what ties them is the job, the date of the data, and
//! the time.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::alert::{Alert, AlertRule};
use super::dag::{DagRun, TaskInstance, TaskState};
use super::dataset::Dataset;
use super::entry::DlqEntry;
use super::run::{JobName, JobRun, RunState};

/// What is known of where something comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traces<'a> {
    /// The id of a run, in whatever system.
    pub run_id: Option<&'a str>,
    /// The job.
    pub job: Option<&'a JobName>,
    /// The dataset that was to be written.
    pub dataset: Option<&'a Dataset>,
    /// The date of its data.
    pub date: Option<NaiveDate>,
    /// When it was seen: what began after that did not do it.
    pub seen: Option<DateTime<Utc>>,
}

impl<'a> Traces<'a> {
    /// Those that an alert leaves, with the dead letters that it names.
    pub fn of_alert(alert: &'a Alert, entry: Option<&'a DlqEntry>) -> Self {
        let dataset = Some(&alert.dataset).filter(|dataset| !dataset.as_str().is_empty());
        let run_id = entry.and_then(|entry| entry.run_id.as_deref());
        // A gate judges what was there. Rows are written again, and data stay away since before a run fails to bring them.
        let by_gate = matches!(alert.rule, AlertRule::QualityGate | AlertRule::PassRate | AlertRule::QualityPassing);
        let seen = by_gate.then_some(alert.since);
        Self { run_id, job: alert.job.as_ref(), dataset, date: alert.date, seen }
    }

    /// Those that dead letters leave.
    pub fn of_entry(entry: &'a DlqEntry) -> Self {
        let dataset = Some(&entry.dataset);
        Self { run_id: entry.run_id.as_deref(), job: None, dataset, date: entry.date, seen: None }
    }

    /// The run that it comes from: the one of the id; else, of its job or else of its dataset, that of its date. Where there
    /// are several, one that had begun when it was seen, one that failed, and the newest of them: whoever asks wants to know
    /// why.
    pub fn job_run<'r>(&self, runs: &'r [Arc<JobRun>]) -> Option<&'r Arc<JobRun>> {
        let named = |run: &&Arc<JobRun>| self.run_id.is_some_and(|id| is_called(&run.id.0, id));
        let its = |run: &&Arc<JobRun>| match (self.job, self.dataset) {
            (Some(job), _) => run.job == *job,
            (None, Some(dataset)) => run.dataset.as_ref() == Some(dataset),
            (None, None) => false,
        };
        let dated = |run: &&Arc<JobRun>| self.date.is_none() || run.date.is_none() || run.date == self.date;
        let fit = runs.iter().filter(|run| its(run) && dated(run));
        // One that names the date is surer than one that names none.
        let best = fit.max_by_key(|run| {
            let had_begun = self.seen.is_none_or(|seen| run.created <= seen);
            (self.date.is_some() && run.date == self.date, had_begun, run.state == RunState::Failed, run.created)
        });
        runs.iter().find(named).or(best)
    }
}

/// Whether a run has this id: on EMR Serverless its application's stands before it.
fn is_called(own: &str, id: &str) -> bool {
    !id.is_empty() && (own == id || own.rsplit('/').next() == Some(id))
}

/// When a run of a DAG went on; none where that is not known.
fn span(run: &DagRun) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let begin = run.started.or(run.logical)?;
    Some((begin, run.ended.unwrap_or(DateTime::<Utc>::MAX_UTC)))
}

/// Whether a run of a job may have been started by a run of a DAG: within its time, or else for its date.
fn fits(run: &JobRun, dag: &DagRun) -> Option<u8> {
    let within = span(dag).is_some_and(|(begin, end)| begin <= run.created && run.created <= end);
    let same_date = run.date.is_some() && dag.logical.map(|at| at.date_naive()) == run.date;
    match (within, same_date) {
        (true, true) => Some(2),
        (true, false) => Some(1),
        (false, true) => Some(0),
        (false, false) => None,
    }
}

/// Whether a DAG's run starts this job: one of its tasks does, or it is called so itself.
pub fn starts(job: &JobName, dag: &DagRun, tasks: &[Arc<TaskInstance>]) -> bool {
    *dag.dag.0 == *job.0 || tasks.iter().any(|task| task.job == *job)
}

/// The run of a DAG that started a job's run. `tasks` gives what is known of the tasks of one.
pub fn dag_run<'r, 't>(
    run: &JobRun,
    dag_runs: &'r [Arc<DagRun>],
    tasks: impl Fn(&DagRun) -> &'t [Arc<TaskInstance>],
) -> Option<&'r Arc<DagRun>> {
    let its = dag_runs.iter().filter(|dag| starts(&run.job, dag, tasks(dag)));
    let fit = its.filter_map(|dag| Some((fits(run, dag)?, dag)));
    // Of two at once, the one that ended as it did.
    let alike = |dag: &DagRun| (dag.state == TaskState::Failed) == (run.state == RunState::Failed);
    fit.max_by_key(|(how_well, dag)| (*how_well, alike(dag), span(dag))).map(|(_, dag)| dag)
}

/// The job's run that a run of a DAG started, by one of its tasks where one is meant; of several, one that failed, and
/// the newest of them.
pub fn started<'r>(
    dag: &DagRun,
    tasks: &[Arc<TaskInstance>],
    meant: Option<&TaskInstance>,
    runs: &'r [Arc<JobRun>],
) -> Option<&'r Arc<JobRun>> {
    let its = |run: &&Arc<JobRun>| match meant {
        Some(task) => run.job == task.job,
        None => starts(&run.job, dag, tasks),
    };
    let fit = runs.iter().filter(its).filter_map(|run| Some((fits(run, dag)?, run)));
    fit.max_by_key(|(how_well, run)| (*how_well, run.state == RunState::Failed, run.created)).map(|(_, run)| run)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::model::dag::{DagId, DagRunId};
    use crate::model::run::JobRunId;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-11-25T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
    }

    fn day(day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 11, day)
    }

    fn run(id: &str, job: &str, state: RunState, date: Option<NaiveDate>, minute: i64) -> Arc<JobRun> {
        Arc::new(JobRun {
            source: "emr".into(),
            id: JobRunId(id.into()),
            job: JobName(job.into()),
            called: job.into(),
            state,
            created: at(minute),
            started: None,
            ended: None,
            attempt: 1,
            detail: None,
            dataset: Some(Dataset("orders".into())),
            layer: None,
            date,
            backfill: false,
            uri: String::new(),
        })
    }

    fn dag(name: &str, id: &str, minutes: (i64, Option<i64>)) -> Arc<DagRun> {
        Arc::new(DagRun {
            dag: DagId(name.into()),
            id: DagRunId(id.into()),
            state: TaskState::Failed,
            logical: Some(at(minutes.0)),
            started: Some(at(minutes.0)),
            ended: minutes.1.map(at),
            kind: "scheduled".into(),
            uri: String::new(),
        })
    }

    fn task(dag: &DagRun, job: &str) -> Arc<TaskInstance> {
        Arc::new(TaskInstance {
            dag: dag.dag.clone(),
            run: dag.id.clone(),
            task: "submit".into(),
            map_index: None,
            job: JobName(job.into()),
            state: TaskState::Failed,
            tries: 1,
            tries_allowed: 1,
            started: None,
            ended: None,
            next_try: None,
            retry_delay_seconds: None,
            timeout_seconds: None,
            operator: None,
            host: None,
        })
    }

    #[test]
    fn what_is_named_is_found_and_else_what_failed_for_the_date() {
        let runs = [
            run("app/r4", "load", RunState::Success, day(25), 40),
            run("app/r3", "load", RunState::Failed, day(25), 30),
            run("app/r2", "load", RunState::Failed, day(24), 20),
            run("app/r1", "other", RunState::Failed, None, 10),
        ];
        let (orders, load, returns) = (Dataset("orders".into()), JobName("load".into()), Dataset("returns".into()));
        let of = |traces: Traces<'_>| traces.job_run(&runs).map(|run| run.id.0.to_string());
        let traces = Traces { dataset: Some(&orders), date: day(25), ..Traces::default() };
        assert_eq!(of(traces).as_deref(), Some("app/r3"));
        assert_eq!(of(Traces { run_id: Some("r1"), ..traces }).as_deref(), Some("app/r1"));
        assert_eq!(of(Traces { run_id: Some("gone"), ..traces }).as_deref(), Some("app/r3"));
        assert_eq!(of(Traces { job: Some(&load), date: day(24), ..Traces::default() }).as_deref(), Some("app/r2"));
        // A run that names no date may be of any.
        assert_eq!(of(Traces { date: day(1), ..traces }).as_deref(), Some("app/r1"));
        assert_eq!(of(Traces { dataset: Some(&returns), ..Traces::default() }), None);
        assert_eq!(of(Traces { run_id: Some(""), ..Traces::default() }), None);
        // What had not begun when it was seen did not do it.
        let of_load = Traces { job: Some(&load), ..Traces::default() };
        assert_eq!(of(of_load).as_deref(), Some("app/r3"));
        assert_eq!(of(Traces { seen: Some(at(25)), ..of_load }).as_deref(), Some("app/r2"));
    }

    #[test]
    fn a_run_leads_to_the_dag_that_started_it_and_back() {
        let (first, second, other) =
            (dag("daily", "one", (0, Some(50))), dag("daily", "two", (60, None)), dag("load", "three", (60, Some(90))));
        let dags = [second.clone(), first.clone(), other.clone()];
        let tasks = [vec![task(&first, "load")], vec![task(&second, "load")]];
        let known = |run: &DagRun| match &*run.id.0 {
            "one" => tasks[0].as_slice(),
            "two" => tasks[1].as_slice(),
            _ => &[],
        };
        let run_of = |minute| run("r", "load", RunState::Failed, None, minute);
        let found = |run: &JobRun| dag_run(run, &dags, known).map(|dag| dag.id.0.to_string());
        assert_eq!(found(&run_of(10)).as_deref(), Some("one"));
        // Between two, nobody knows which.
        assert_eq!(found(&run_of(55)), None);
        assert_eq!(found(&run_of(100)).as_deref(), Some("two"));
        assert_eq!(found(&run("r", "unheard_of", RunState::Failed, None, 10)), None);
        // By its date alone, long after: somebody ran it again.
        assert!(found(&run("r", "load", RunState::Failed, day(25), -500)).is_some());

        let runs = [run("r2", "load", RunState::Failed, None, 20), run("r1", "load", RunState::Success, None, 10)];
        let back = |dag: &DagRun, meant| started(dag, known(dag), meant, &runs).map(|run| run.id.0.to_string());
        assert_eq!(back(&first, None).as_deref(), Some("r2"));
        let (load, notify) = (task(&first, "load"), task(&first, "notify"));
        assert_eq!(back(&first, Some(&load)).as_deref(), Some("r2"));
        assert_eq!(back(&first, Some(&notify)), None);
        assert_eq!(back(&other, None), None);
    }
}
