//! The pipeline of the demo: what its jobs did in the last days, and the DAG that starts them. Their failures are those
//! that the DLQ entries tell of.

use chrono::Duration;

use super::DemoError;
use super::datasets::DATASETS;
use super::place::Place;
use super::{signals, words};
use crate::sources::local::dags::{self, DagRecord, DagRunRecord, TaskRecord};
use crate::sources::local::jobs::{self, RunRecord};

/// A job, and its runs.
#[derive(Debug)]
pub struct DemoJob {
    /// Its name, the same in every system.
    pub name: &'static str,
    /// What it writes.
    pub dataset: &'static str,
    /// Its settings.
    pub settings: &'static [(&'static str, &'static str)],
    /// The suite that its quality gate evaluates.
    pub suite: &'static str,
    /// What comes before its work, as lines for the shell.
    pub before: &'static str,
    /// Its runs, the newest first.
    pub runs: &'static [DemoRun],
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct DemoRun {
    /// Minutes since it was asked for.
    pub age: i64,
    /// Minutes that it took; of one that runs, none.
    pub took: Option<i64>,
    /// How it ended.
    pub end: End,
}

impl DemoJob {
    /// What it does, as a line for the shell: a day of its source, what its gate says of it, and its own record.
    pub fn command(&self) -> String {
        let data = DATASETS.iter().find(|dataset| dataset.name == self.dataset).map_or("", |d| d.data_prefix);
        let (name, suite, dataset) = (self.name, self.suite, self.dataset);
        format!(
            "{}mkdir -p {data}dt={{date}} _dq_results/dt={{date}} _audit/demo/{name}/{{date}} && \
             cp _source/{data}dt={{date}}/part-0.parquet {data}dt={{date}}/ && \
             cp _source/_dq_results/dt={{date}}/{suite}.json _dq_results/dt={{date}}/ && \
             cp _source/_audit/{{date}}/{name}.json _audit/demo/{name}/{{date}}/ && \
             echo INFO wrote {dataset} of {{date}}",
            self.before
        )
    }
}

/// How a run ended; what its log says follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Well.
    Well,
    /// Well, and filled in what was missing.
    Backfilled,
    /// Well, and it took long.
    Slow,
    /// It is not over.
    Running,
    /// Its executors ran out of memory.
    Memory,
    /// It was not let in.
    Denied,
    /// Its source did not answer.
    Source,
}

const DAY: i64 = 24 * 60;

const fn run(age: i64, took: i64, end: End) -> DemoRun {
    DemoRun { age, took: Some(took), end }
}

/// Every job.
pub const JOBS: &[DemoJob] = &[
    DemoJob {
        name: "ingest_crm_to_bronze",
        dataset: "crm/contacts",
        settings: &[("spark.executor.memory", "8g"), ("spark.executor.cores", "2")],
        suite: "crm_contacts",
        before: "",
        runs: &[
            run(20, 6, End::Well),
            run(DAY + 20, 7, End::Well),
            run(2 * DAY + 20, 6, End::Well),
            run(3 * DAY + 20, 6, End::Well),
        ],
    },
    DemoJob {
        name: "ingest_fx_to_bronze",
        dataset: "finance/fx_rates",
        settings: &[("spark.executor.memory", "4g")],
        suite: "finance_fx_rates",
        before: "",
        runs: &[
            run(45, 5, End::Source),
            run(105, 5, End::Source),
            run(165, 5, End::Source),
            run(225, 3, End::Well),
            run(285, 3, End::Well),
            run(345, 3, End::Well),
        ],
    },
    DemoJob {
        name: "silver_sessions",
        dataset: "silver/sessions",
        settings: &[
            ("spark.driver.memory", "4g"),
            ("spark.executor.memory", "8g"),
            ("spark.executor.memoryOverhead", "1g"),
            ("spark.sql.shuffle.partitions", "64"),
        ],
        suite: "silver_sessions",
        before: "if [ \"${SPARK_EXECUTOR_MEMORY:-8g}\" = 8g ]; then \
                  echo 'java.lang.OutOfMemoryError: Java heap space; executor 7 exited, exit code 137' >&2; exit 137; fi; ",
        runs: &[
            run(34, 31, End::Slow),
            run(75, 24, End::Memory),
            run(DAY + 34, 11, End::Well),
            run(2 * DAY + 34, 12, End::Well),
            run(3 * DAY + 34, 10, End::Well),
            run(4 * DAY + 34, 11, End::Well),
        ],
    },
    DemoJob {
        name: "silver_to_gold",
        dataset: "gold/revenue",
        settings: &[("spark.executor.memory", "8g")],
        suite: "gold_revenue",
        before: "",
        runs: &[
            run(76, 2, End::Denied),
            run(82, 2, End::Denied),
            run(88, 2, End::Denied),
            run(94, 2, End::Denied),
            run(DAY + 80, 8, End::Well),
            run(2 * DAY + 80, 9, End::Denied),
            run(3 * DAY + 80, 8, End::Well),
        ],
    },
    DemoJob {
        name: "bronze_to_silver",
        dataset: "silver/orders",
        settings: &[("spark.executor.memory", "8g")],
        suite: "silver_orders",
        before: "",
        runs: &[
            DemoRun { age: 4, took: None, end: End::Running },
            run(50, 9, End::Well),
            run(58, 8, End::Backfilled),
            run(DAY + 50, 9, End::Well),
            run(2 * DAY + 50, 10, End::Well),
        ],
    },
];

/// The layers whose dead letters can be redriven, and where their data lies.
const LAYERS: [(&str, &str); 3] = [("bronze", "bronze/"), ("silver", ""), ("gold", "")];

/// What redrives dead letters, by layer: its rows lie there with their faults taken out; its gate looks at them then.
pub fn redrives() -> Vec<(&'static str, String)> {
    let command = |place: &str| {
        format!(
            "mkdir -p {place}{{dataset}}/dt={{date}} _dq_results/dt={{date}} && \
             cp _source/fixed/{{dataset}}/dt={{date}}/rows.parquet {place}{{dataset}}/dt={{date}}/part-redriven.parquet && \
             S=$(echo {{dataset}} | tr / _) && \
             if [ -f _source/_dq_results/dt={{date}}/$S.json ]; then \
             cp _source/_dq_results/dt={{date}}/$S.json _dq_results/dt={{date}}/; fi && \
             echo INFO redrove the dead letter of {{dataset}} of {{date}}"
        )
    };
    LAYERS.into_iter().map(|(layer, place)| (layer, command(place))).collect()
}

/// The DAG that starts them.
const DAG: &str = "daily_batch_pipeline";

/// Writes every run with its log, and the DAG's last runs. Tells how many job runs there are.
pub fn write(place: &mut Place) -> Result<usize, DemoError> {
    let mut count = 0;
    for job in JOBS {
        for run in job.runs {
            write_run(place, job, *run)?;
            count += 1;
        }
    }
    dag(place)?;
    Ok(count)
}

fn write_run(place: &mut Place, job: &DemoJob, run: DemoRun) -> Result<(), DemoError> {
    let created = place.ago(run.age);
    let ended = run.took.map(|took| created + Duration::minutes(took));
    let id = format!("{}-{}", job.name, created.format("%Y%m%d-%H%M%S"));
    let (state, detail) = words::ending(run.end);
    let backfill = run.end == End::Backfilled;
    let date = if backfill { created.date_naive() - Duration::days(1) } else { created.date_naive() };
    let command = ["sh", "scripts/run_job.sh", "--job", job.name, "--run-date", &date.to_string()];
    let record = RunRecord {
        schema: 1,
        id: id.clone(),
        job: job.name.to_owned(),
        state: state.to_owned(),
        created,
        started: Some(created + Duration::seconds(20)),
        ended,
        attempt: if run.end == End::Memory { 2 } else { 1 },
        attempts_allowed: 3,
        detail: detail.map(str::to_owned),
        date: Some(date),
        backfill,
        command: command.map(str::to_owned).to_vec(),
        settings: job.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        log: Some("log.txt".to_owned()),
        metrics: Some("metrics.json".to_owned()),
    };
    let age = run.age - run.took.unwrap_or(run.age);
    let folder = format!("{}{}/{id}/", jobs::PREFIX, job.name);
    let log = words::log(job, run.end, created, ended.unwrap_or(place.ago(0)));
    place.put(&format!("{folder}log.txt"), log.as_bytes(), age)?;
    let used = signals::curves(run.end, created, ended.unwrap_or(place.ago(0)));
    place.put_json(&format!("{folder}metrics.json"), &used, age)?;
    place.put_json(&format!("{folder}{}", jobs::RECORD), &record, age)
}

/// Today's run stands where two of its tasks failed; yesterday's went well.
fn dag(place: &mut Place) -> Result<(), DemoError> {
    let next = place.ago(90) + Duration::days(1);
    let dag =
        DagRecord { dag: DAG.into(), paused: false, schedule: Some("daily at this time".into()), next: Some(next) };
    place.put_json(&format!("{}{DAG}/{}", dags::PREFIX, dags::DAG), &dag, 30 * DAY)?;
    let legacy = "project_daily_legacy";
    let paused = DagRecord { dag: legacy.into(), paused: true, schedule: None, next: None };
    place.put_json(&format!("{}{legacy}/{}", dags::PREFIX, dags::DAG), &paused, 30 * DAY)?;
    for (age, today) in [(90, true), (DAY + 90, false)] {
        let began = place.ago(age);
        let task = |task: &str, job: Option<&str>, after: i64, took: Option<i64>, state: &str, tries: u32| TaskRecord {
            task: task.to_owned(),
            job: job.map(str::to_owned),
            state: state.to_owned(),
            tries,
            tries_allowed: 3,
            started: (tries > 0).then(|| began + Duration::minutes(after)),
            ended: took.map(|took| began + Duration::minutes(after + took)),
            next_try: (state == "up_for_retry").then(|| place.ago(-4)),
            retry_delay_seconds: Some(300),
            timeout_seconds: Some(3_600),
            operator: Some("BashOperator".to_owned()),
        };
        let tasks = match today {
            true => vec![
                task("ingest_crm_to_bronze", None, 70, Some(6), "success", 1),
                task("ingest_fx_to_bronze", None, 45, Some(5), "up_for_retry", 2),
                task("bronze_to_silver", None, 86, None, "running", 2),
                task("sessions", Some("silver_sessions"), 56, Some(31), "success", 2),
                task("silver_to_gold", None, 14, Some(2), "failed", 3),
                task("gold_truth_tests", None, 0, None, "upstream_failed", 0),
            ],
            false => vec![
                task("ingest_crm_to_bronze", None, 70, Some(7), "success", 1),
                task("bronze_to_silver", None, 40, Some(9), "success", 1),
                task("sessions", Some("silver_sessions"), 56, Some(11), "success", 1),
                task("silver_to_gold", None, 10, Some(8), "success", 1),
                task("gold_truth_tests", None, 20, Some(2), "success", 1),
            ],
        };
        let run = format!("scheduled__{}", began.format("%Y-%m-%dT%H:%M:%S+00:00"));
        for task in tasks.iter().filter(|t| t.tries > 0) {
            let job = JOBS.iter().find(|j| j.name == task.job.as_deref().unwrap_or(&task.task));
            for number in 1..=task.tries {
                let last = number == task.tries;
                let text = words::task_log(task, job, number, last, began);
                place.put(&dags::log_key(DAG, &run, &task.task, number), text.as_bytes(), age.min(60))?;
            }
        }
        let record = DagRunRecord {
            dag: DAG.into(),
            run: run.clone(),
            state: if today { "running" } else { "success" }.into(),
            logical: Some(began),
            started: Some(began),
            ended: (!today).then(|| began + Duration::minutes(80)),
            tasks,
        };
        place.put_json(&format!("{}{DAG}/{run}/{}", dags::PREFIX, dags::RUN), &record, age.min(60))?;
    }
    Ok(())
}
