//! What is done to an Airflow: trigger, clear, pause, mark, in the words of both APIs. What a reply that is lost may
//! have done is for the gate to judge; here it is only told apart from a no.

use async_trait::async_trait;
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Airflow;
use super::address::path;
use super::transport::{Api, Call, Method};
use crate::lake::ErrorClass;
use crate::model::dag::{DagId, DagRunId};
use crate::model::dag_act::{Clear, MarkedAs, TaskRef, Trigger};
use crate::sources::dags::DagControl;
use crate::sources::{SourceError, Undone};

/// A task instance of the answer to a clear.
#[derive(Deserialize)]
struct Cleared {
    task_id: String,
    map_index: Option<i32>,
}

fn writing(api: Api, method: Method, path: String, body: Value) -> Call {
    Call { method, body: Some(body), writes: true, ..Call::get(api, path) }
}

/// A clear, or the list of what it would come to. Both APIs clear the past and the future of a run as well unless told
/// not to, and 2.x leaves the run as it is unless told to begin it anew.
fn clear_call(api: Api, clear: &Clear, dry_run: bool) -> Call {
    let mut body = json!({
        "dry_run": dry_run,
        "dag_run_id": &*clear.run.0,
        "only_failed": clear.only_failed,
        "only_running": false,
        "include_downstream": clear.downstream,
        "include_upstream": false,
        "include_future": false,
        "include_past": false,
        "reset_dag_runs": true,
    });
    if !clear.tasks.is_empty() {
        body["task_ids"] = json!(clear.tasks);
    }
    let call = writing(api, Method::Post, path(&["dags", &clear.dag.0, "clearTaskInstances"]), body);
    Call { writes: !dry_run, ..call }
}

/// What a clear would come to.
pub(super) async fn would_clear(airflow: &Airflow, clear: &Clear) -> Result<Vec<TaskRef>, SourceError> {
    let call = clear_call(airflow.api().await?, clear, true);
    let mut answer = airflow.json(&call).await?;
    let found = answer.get_mut("task_instances").map(Value::take).unwrap_or_default();
    let found: Vec<Cleared> = airflow.read(&call, found)?;
    let task = |one: Cleared| TaskRef { task: one.task_id, map_index: one.map_index.filter(|i| *i >= 0) };
    let mut tasks: Vec<TaskRef> = found.into_iter().map(task).collect();
    tasks.sort();
    Ok(tasks)
}

impl Airflow {
    /// Sends what changes something; the answer's own words are not needed.
    async fn write(&self, call: &Call) -> Result<(), Undone> {
        self.ask(call).await.map(|_| ()).map_err(|e| match e.class {
            ErrorClass::Unreachable => Undone::Unknown(e),
            _ => Undone::Refused(e),
        })
    }

    async fn control_api(&self) -> Result<Api, Undone> {
        self.api().await.map_err(Undone::Refused)
    }
}

#[async_trait]
impl DagControl for Airflow {
    async fn trigger(&self, trigger: &Trigger) -> Result<(), Undone> {
        let api = self.control_api().await?;
        let mut body = json!({ "dag_run_id": &*trigger.run.0, "conf": trigger.conf });
        let logical = trigger.logical.map(|t| t.to_rfc3339_opts(SecondsFormat::Micros, true));
        // 3.x wants to be told that there is none.
        if logical.is_some() || api == Api::V2 {
            body["logical_date"] = json!(logical);
        }
        let call = writing(api, Method::Post, path(&["dags", &trigger.dag.0, "dagRuns"]), body);
        match self.write(&call).await {
            // The id is ours alone: a run that has it is the one that was asked for.
            Err(Undone::Refused(e)) if e.class == ErrorClass::Conflict => {
                let call = Call::get(api, path(&["dags", &trigger.dag.0, "dagRuns", &trigger.run.0]));
                match self.json(&call).await {
                    Ok(_) => Ok(()),
                    Err(missing) if missing.class == ErrorClass::NotFound => Err(Undone::Refused(e)),
                    Err(other) => Err(Undone::Unknown(other)),
                }
            }
            other => other,
        }
    }

    async fn clear(&self, clear: &Clear) -> Result<(), Undone> {
        let call = clear_call(self.control_api().await?, clear, false);
        self.write(&call).await
    }

    async fn pause(&self, dag: &DagId, paused: bool) -> Result<(), Undone> {
        let api = self.control_api().await?;
        let call = writing(api, Method::Patch, path(&["dags", &dag.0]), json!({ "is_paused": paused }));
        self.write(&Call { query: vec![("update_mask", "is_paused".to_owned())], ..call }).await
    }

    async fn mark_run(&self, dag: &DagId, run: &DagRunId, state: MarkedAs) -> Result<(), Undone> {
        let api = self.control_api().await?;
        let at = path(&["dags", &dag.0, "dagRuns", &run.0]);
        self.write(&writing(api, Method::Patch, at, json!({ "state": state.word() }))).await
    }

    async fn mark_task(&self, dag: &DagId, run: &DagRunId, task: &TaskRef, state: MarkedAs) -> Result<(), Undone> {
        let api = self.control_api().await?;
        let mut parts = vec!["dags", &dag.0, "dagRuns", &run.0, "taskInstances", &task.task];
        let index = task.map_index.map(|i| i.to_string());
        parts.extend(index.as_deref());
        let mut body = json!({ "new_state": state.word() });
        if api == Api::V1 {
            // Its default is to change nothing.
            body["dry_run"] = json!(false);
        }
        self.write(&writing(api, Method::Patch, path(&parts), body)).await
    }
}

/// What the docs of Airflow's roles call the right to change what a call changes.
pub(super) fn permission(call: &Call) -> &'static str {
    let path = call.path.as_str();
    if path.ends_with("/clearTaskInstances") || path.contains("/taskInstances") {
        "can edit on Task Instances"
    } else if path.ends_with("/dagRuns") {
        "can create on DAG Runs"
    } else if path.contains("/dagRuns/") {
        "can edit on DAG Runs"
    } else {
        "can edit on DAGs"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_changes_nothing_and_says_so() {
        let clear = Clear {
            dag: DagId("a/b".into()),
            run: DagRunId("r".into()),
            tasks: vec!["load".into()],
            only_failed: true,
            downstream: true,
        };
        for api in [Api::V1, Api::V2] {
            let (preview, real) = (clear_call(api, &clear, true), clear_call(api, &clear, false));
            assert_eq!((preview.writes, real.writes), (false, true));
            assert_eq!(preview.path, "/dags/a%2Fb/clearTaskInstances");
            let body = |call: &Call, key: &str| call.body.as_ref().and_then(|b| b.get(key).cloned());
            assert_eq!((body(&preview, "dry_run"), body(&real, "dry_run")), (Some(json!(true)), Some(json!(false))));
            assert_eq!(body(&real, "task_ids"), Some(json!(["load"])));
            assert_eq!(super::super::fault::permission(&real), "can edit on Task Instances");
        }
    }
}
