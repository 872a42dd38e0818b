//! Airflow as a source of DAG runs and task logs, 2.x and 3.x: each call bounded in time and size. What changes anything
//! there is in [`control`], and only the gate holds it as such.
//!
//! A thin client, and not the crate `flowrs-airflow` (0.13 was judged): it lists the runs of one DAG at a time, 50 of
//! them, without a date or state; it does not exchange a password for the token that 3.x wants; it follows redirects,
//! so that an expired login reads as broken JSON; it reads replies whole, whatever their size, and logs without their
//! continuation and without mapped tasks; it does not know retry delays; it puts ids into paths unencoded. It would
//! also bring a second set of trusted roots (`webpki-roots`) beside the system's, and anyhow, HTTP/2 and charsets.
//!
//! MWAA is asked through AWS ([`Mwaa`]): another [`Transport`], and the same Airflow behind it.

mod address;
mod control;
mod fault;
mod http;
mod logs;
mod mwaa;
mod pairs;
mod retry;
mod settings;
#[cfg(test)]
mod tests;
mod transport;
mod unanswered;
mod wire;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use http::HttpTransport;
pub use mwaa::{Mwaa, MwaaSettings};
pub use settings::{AirflowSettings, Login};
pub use transport::{Api, Call, Form, Method, Reply, Transport, Unready};

use self::address::path;
use self::logs::Part;
use self::retry::WireRetry;
use self::wire::{ImportError, WireDag, WireRun, WireTask};
use super::SourceError;
use super::dags::DagSource;
use super::logs::LogPage;
use crate::lake::ErrorClass;
use crate::model::dag::{Dag, DagId, DagRun, DagRunId, TaskInstance, TaskState};
use crate::model::dag_act::{Clear, TaskRef};
use crate::model::run::JobName;

/// Airflow's own limit of a page, unless its `maximum_page_limit` is lower; what a page holds is counted, not assumed.
const PAGE: usize = 100;
/// A list that is longer is an error and not a part of itself.
const LONGEST: usize = 20_000;
/// Bytes of a log that are read.
const LOG: usize = 16 << 20;
/// Pages of a list that are asked for at once.
const AT_ONCE: usize = 4;
/// Continuations of a log that are followed.
const PARTS: usize = 200;

/// The name of the job that a task starts, from the task's id.
pub type JobNames = Arc<dyn Fn(&str) -> JobName + Send + Sync>;

/// An Airflow. Asks nothing before the first call.
pub struct Airflow {
    transport: Arc<dyn Transport>,
    names: JobNames,
    version: OnceCell<Version>,
}

#[derive(Debug, Clone)]
struct Version {
    api: Api,
    text: String,
}

/// What a list holds, and how much of it there is.
struct List<T> {
    items: Vec<T>,
    whole: bool,
}

impl Airflow {
    /// An Airflow of one's own. An error is a fault of the settings; it is not asked yet.
    pub fn new(settings: &AirflowSettings, names: JobNames) -> Result<Self, SourceError> {
        Ok(Self::over(Arc::new(HttpTransport::new(settings)?), names))
    }

    /// One that is reached in another way.
    pub fn over(transport: Arc<dyn Transport>, names: JobNames) -> Self {
        Self { transport, names, version: OnceCell::new() }
    }

    /// A reply that is an answer.
    async fn ask(&self, call: &Call) -> Result<Reply, SourceError> {
        let reply = self.transport.send(call).await?;
        fault::judge(&*self.transport, call, &reply)?;
        Ok(reply)
    }

    async fn json(&self, call: &Call) -> Result<Value, SourceError> {
        let reply = self.ask(call).await?;
        fault::json(&*self.transport, call, &reply)
    }

    /// Which API answers: asked once, and kept.
    async fn version(&self) -> Result<&Version, SourceError> {
        self.version.get_or_try_init(|| self.find_version()).await
    }

    async fn api(&self) -> Result<Api, SourceError> {
        Ok(self.version().await?.api)
    }

    async fn find_version(&self) -> Result<Version, SourceError> {
        let newer = match self.version_of(Api::V2).await {
            Err(e) if matches!(e.class, ErrorClass::Unreachable | ErrorClass::Throttled) => return Err(e),
            Ok(version) => return Ok(version),
            Err(e) => e,
        };
        // A proxy or a login page may stand before both; where neither answers, what is not a mere 404 says more.
        self.version_of(Api::V1).await.map_err(|older| match (older.class, newer.class) {
            (ErrorClass::NotFound, ErrorClass::NotFound) => SourceError {
                hint: "check airflow.url: there is neither the API of 2.x nor that of 3.x below it".to_owned(),
                ..SourceError::new(ErrorClass::NotFound, self.transport.base(), "no Airflow here")
            },
            (ErrorClass::NotFound, _) => newer,
            _ => older,
        })
    }

    async fn version_of(&self, api: Api) -> Result<Version, SourceError> {
        #[derive(Deserialize)]
        struct Said {
            version: String,
        }
        let call = Call { open: true, ..Call::get(api, "/version".to_owned()) };
        let said: Said = self.read(&call, self.json(&call).await?)?;
        let text: String = said.version.chars().filter(|c| !c.is_control()).take(40).collect();
        // A transport without a prefix gives the same answer to both questions.
        let major = text.split('.').next().and_then(|m| m.parse::<u32>().ok());
        let api = match major {
            Some(2) => Api::V1,
            Some(3..) => Api::V2,
            _ => api,
        };
        Ok(Version { api, text })
    }

    fn read<T: DeserializeOwned>(&self, call: &Call, value: Value) -> Result<T, SourceError> {
        serde_json::from_value(value).map_err(|e| SourceError {
            hint: "this version of Airflow says it in a way that lakeward does not know".to_owned(),
            ..fault::of(&*self.transport, call, ErrorClass::Malformed, &e.to_string())
        })
    }

    /// One page of a list under `key`, and how long the list is, if that is said.
    async fn page<T: DeserializeOwned>(
        &self,
        call: &Call,
        key: &str,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<T>, Option<usize>), SourceError> {
        let mut page = call.clone();
        match &mut page.body {
            Some(body) => {
                body["page_limit"] = json!(limit);
                body["page_offset"] = json!(offset);
            }
            None => page.query.extend([("limit", limit.to_string()), ("offset", offset.to_string())]),
        }
        let mut answer = self.json(&page).await?;
        let total = answer.get("total_entries").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
        let found = answer.get_mut(key).map(Value::take).unwrap_or(Value::Null);
        Ok((self.read(call, found)?, total))
    }

    /// A list under `key`, to `most` items. The first page says how long it is, and what a page holds here; the others
    /// are asked for side by side.
    async fn list<T: DeserializeOwned>(&self, call: &Call, key: &str, most: usize) -> Result<List<T>, SourceError> {
        let (mut items, mut total): (Vec<T>, _) = self.page(call, key, 0, PAGE.min(most)).await?;
        let (holds, wanted) = (items.len(), total.unwrap_or(0).min(most));
        if holds > 0 && wanted > holds {
            let offsets = (holds..wanted).step_by(holds);
            let pages: Vec<_> =
                offsets.map(|offset| self.page::<T>(call, key, offset, holds.min(most - offset))).collect();
            let mut pages = stream::iter(pages).buffered(AT_ONCE);
            while let Some(page) = pages.next().await {
                let (found, now) = page?;
                total = now;
                if found.is_empty() {
                    break;
                }
                items.extend(found);
            }
        }
        // One that grew meanwhile, or of which a page was short.
        loop {
            if total.is_none_or(|total| items.len() >= total) {
                return Ok(List { items, whole: true });
            }
            if items.len() >= most {
                items.truncate(most);
                return Ok(List { items, whole: false });
            }
            let (found, now): (Vec<T>, _) = self.page(call, key, items.len(), PAGE.min(most - items.len())).await?;
            if found.is_empty() {
                return Ok(List { items, whole: true });
            }
            items.extend(found);
            total = now;
        }
    }

    /// A list of which a part would mislead.
    async fn whole<T: DeserializeOwned>(&self, call: &Call, key: &str) -> Result<Vec<T>, SourceError> {
        let list = self.list(call, key, LONGEST).await?;
        if list.whole {
            return Ok(list.items);
        }
        let detail = format!("more than {LONGEST} {key}, which are not read");
        Err(fault::of(&*self.transport, call, ErrorClass::Unsupported, &detail))
    }

    fn dags_call(api: Api, stale: bool) -> Call {
        let stale = match api {
            Api::V1 => ("only_active", (!stale).to_string()),
            Api::V2 => ("exclude_stale", (!stale).to_string()),
        };
        Call { query: vec![stale, ("order_by", "dag_id".to_owned())], ..Call::get(api, "/dags".to_owned()) }
    }

    /// The runs of all DAGs that began since, or that are in one of these states.
    fn runs_call(api: Api, since: Option<DateTime<Utc>>, states: &[&str]) -> Call {
        let since = since.map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
        let path = path(&["dags", "~", "dagRuns"]);
        match api {
            Api::V2 => {
                let mut query = vec![("order_by", "-start_date".to_owned())];
                query.extend(since.map(|t| ("start_date_gte", t)));
                query.extend(states.iter().map(|s| ("state", (*s).to_owned())));
                Call { query, ..Call::get(api, path) }
            }
            Api::V1 => {
                let mut body = json!({ "order_by": "-start_date" });
                if let Some(since) = since {
                    body["start_date_gte"] = json!(since);
                }
                if !states.is_empty() {
                    body["states"] = json!(states);
                }
                Call { method: Method::Post, body: Some(body), ..Call::get(api, format!("{path}/list")) }
            }
        }
    }
}

#[async_trait]
impl DagSource for Airflow {
    fn name(&self) -> &'static str {
        "airflow"
    }

    fn requests(&self) -> Option<u64> {
        Some(self.transport.requests())
    }

    async fn check(&self) -> Result<String, SourceError> {
        let Version { api, text } = self.version().await?;
        let one = |path: &str| Call { query: vec![("limit", "1".to_owned())], ..Call::get(*api, path.to_owned()) };
        self.json(&one("/dags")).await?;
        let mut seen = vec![format!("Airflow {text} at {}", self.transport.base())];
        if let Err(e) = self.json(&one("/importErrors")).await {
            seen.push(format!("import errors cannot be read ({})", e.class.word()));
        }
        seen.extend(self.transport.notes());
        Ok(seen.join("; "))
    }

    /// A file that never could be imported gave no DAG: it stands under its own name.
    async fn dags(&self) -> Result<Vec<Dag>, SourceError> {
        let api = self.api().await?;
        let (current, call) = (Self::dags_call(api, false), Call::get(api, "/importErrors".to_owned()));
        let (known, errors) = futures::join!(self.whole(&current, "dags"), self.whole(&call, "import_errors"));
        let mut known: Vec<WireDag> = known?;
        // Whoever may not read them still sees the DAGs; `check` says so.
        let errors: Vec<ImportError> = match errors {
            Err(e) if matches!(e.class, ErrorClass::Denied | ErrorClass::NotFound) => Vec::new(),
            other => other?,
        };
        let nameless = |known: &[WireDag]| -> Vec<ImportError> {
            errors.iter().filter(|e| !known.iter().any(|dag| e.is_of(dag))).cloned().collect()
        };
        if !nameless(&known).is_empty() {
            // Airflow takes the DAGs of a broken file off its list after a while.
            let all: Vec<WireDag> = self.whole(&Self::dags_call(api, true), "dags").await?;
            let lost = all.into_iter().filter(|dag| errors.iter().any(|e| e.is_of(dag)));
            let lost: Vec<WireDag> = lost.filter(|dag| known.iter().all(|k| k.dag_id != dag.dag_id)).collect();
            known.extend(lost);
        }
        let mut dags: Vec<Dag> = nameless(&known).iter().filter_map(ImportError::nameless).collect();
        dags.extend(known.into_iter().map(|dag| {
            let broken = errors.iter().any(|e| e.is_of(&dag));
            dag.dag(broken)
        }));
        dags.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(dags)
    }

    async fn runs(&self, since: DateTime<Utc>, most: usize) -> Result<Vec<DagRun>, SourceError> {
        let api = self.api().await?;
        let most = most.min(LONGEST);
        if most == 0 {
            return Ok(Vec::new());
        }
        let (going, began) =
            (Self::runs_call(api, None, &["queued", "running"]), Self::runs_call(api, Some(since), &[]));
        let (going, began) = futures::join!(self.list(&going, "dag_runs", most), self.list(&began, "dag_runs", most));
        let (going, began): (List<WireRun>, List<WireRun>) = (going?, began?);
        // What was over between the two answers is in both: over is what it is.
        let (over, goes): (Vec<_>, Vec<_>) = going.items.into_iter().chain(began.items).partition(|run| run.is_over());
        let runs = over.into_iter().chain(goes);
        Ok(wire::newest(runs.map(|run| run.run(api, self.transport.base())).collect(), most))
    }

    async fn tasks(&self, dag: &DagId, run: &DagRunId) -> Result<Vec<TaskInstance>, SourceError> {
        let api = self.api().await?;
        let call = Call::get(api, path(&["dags", &dag.0, "dagRuns", &run.0, "taskInstances"]));
        let found: Vec<WireTask> = self.whole(&call, "task_instances").await?;
        let mut tasks: Vec<TaskInstance> = found.into_iter().map(|task| task.task(&*self.names)).collect();
        tasks.sort_by(|a, b| (a.started.is_none(), a.started, &a.task).cmp(&(b.started.is_none(), b.started, &b.task)));
        if tasks.iter().any(|task| task.state == TaskState::UpForRetry) {
            // That a try is due is worth a request; that the delay cannot be read is no reason to hide the tasks.
            let call = Call::get(api, path(&["dags", &dag.0, "tasks"]));
            let told = self.json(&call).await.ok().and_then(|mut v| v.get_mut("tasks").map(Value::take));
            let told: Vec<WireRetry> = told.and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default();
            let delays = retry::delays(told);
            for task in &mut tasks {
                let Some(delay) = delays.get(&task.task) else { continue };
                (task.retry_delay_seconds, task.timeout_seconds) = delay.told();
                if task.state == TaskState::UpForRetry {
                    task.next_try = task.ended.and_then(|ended| delay.next(ended, task.tries));
                }
            }
        }
        Ok(tasks)
    }

    async fn would_clear(&self, clear: &Clear) -> Result<Vec<TaskRef>, SourceError> {
        control::would_clear(self, clear).await
    }

    async fn log(&self, task: &TaskInstance, number: u32) -> Result<LogPage, SourceError> {
        let api = self.api().await?;
        let parts =
            ["dags", &task.dag.0, "dagRuns", &task.run.0, "taskInstances", &task.task, "logs", &number.to_string()];
        let form = match api {
            Api::V1 => Form::Text,
            Api::V2 => Form::Lines,
        };
        let query = vec![("full_content", "true".to_owned()), ("map_index", task.map_index.unwrap_or(-1).to_string())];
        let call = Call { query, form, ..Call::get(api, path(&parts)) };
        let (mut page, mut read, mut token) = (LogPage::default(), 0, None::<String>);
        for n in 1..=PARTS {
            let mut call = Call { most: LOG - read, ..call.clone() };
            call.query.extend(token.clone().map(|t| ("token", t)));
            let reply = self.ask(&call).await?;
            read += reply.bytes.len();
            let part = Part::of(&reply, task.host.as_deref());
            let more = !part.lines.is_empty();
            page.lines.extend(part.lines);
            page.missing = page.missing.or(part.missing);
            if reply.cut || (read >= LOG && part.token.is_some()) {
                page.missing = Some(format!("what comes after the first {} MiB", LOG >> 20));
                return Ok(page);
            }
            if n == PARTS && part.token.is_some() {
                page.missing = Some(format!("what comes after the first {PARTS} parts"));
                return Ok(page);
            }
            // 2.x gives a token for ever, and 3.x for as long as the task runs: nothing new is the end, for now.
            match part.token.filter(|next| more && token.as_ref() != Some(next)) {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        page.at_end = true;
        Ok(page)
    }
}

impl fmt::Debug for Airflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Airflow").field("transport", &self.transport).finish_non_exhaustive()
    }
}
