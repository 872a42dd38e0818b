//! What both versions answer, as captured from 2.11.2 and 3.3.2, through a transport that knows only JSON and no
//! prefix, as MWAA's does. `tests/airflow` has the real ones and the bad days.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::TimeDelta;

use super::*;

/// Answers by path; anything else is a 404.
#[derive(Debug, Default)]
struct Canned {
    answers: HashMap<&'static str, String>,
    asked: Mutex<Vec<Call>>,
}

#[async_trait]
impl Transport for Canned {
    fn base(&self) -> &str {
        "mwaa://orders"
    }

    async fn send(&self, call: &Call) -> Result<Reply, SourceError> {
        self.asked.lock().unwrap_or_else(|e| e.into_inner()).push(call.clone());
        let found = self.answers.get(call.path.as_str());
        let (status, body) = found.map_or((404, ""), |body| (200, body));
        let kind = "application/json".to_owned();
        Ok(Reply { status, kind, bytes: body.as_bytes().to_vec(), ..Reply::default() })
    }

    fn refused(&self) -> (ErrorClass, String) {
        (ErrorClass::Expired, "aws sso login".to_owned())
    }

    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn canned(answers: &[(&'static str, &str)]) -> (Airflow, Arc<Canned>) {
    let answers = answers.iter().map(|(path, body)| (*path, (*body).to_owned())).collect();
    let transport = Arc::new(Canned { answers, asked: Mutex::default() });
    (Airflow::over(transport.clone(), Arc::new(|task| JobName(task.into()))), transport)
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).map(|t| t.to_utc()).unwrap_or_default()
}

const OLD: (&str, &str) = ("/version", r#"{"git_version": "", "version": "2.10.3"}"#);
const NEW: (&str, &str) = ("/version", r#"{"version": "3.3.2", "git_version": ".release:aa19"}"#);

#[tokio::test]
async fn the_version_and_not_the_path_decides() {
    for (version, api, shown) in [(OLD, Api::V1, "Airflow 2.10.3"), (NEW, Api::V2, "Airflow 3.3.2")] {
        let (airflow, transport) = canned(&[version, ("/dags", r#"{"dags": []}"#)]);
        let seen = airflow.check().await;
        assert_eq!(seen, Ok(format!("{shown} at mwaa://orders; import errors cannot be read (not found)")));
        let asked = transport.asked.lock().unwrap_or_else(|e| e.into_inner());
        assert!(asked.iter().skip(1).all(|call| call.api == api), "{asked:?}");
    }
}

#[tokio::test]
async fn dags_of_both_versions() {
    let old = r#"{"dags": [
        {"dag_id": "b", "is_paused": true, "has_import_errors": false, "fileloc": "/dags/b.py", "is_active": true,
         "schedule_interval": {"__type": "CronExpression", "value": "0 4 * * *"},
         "timetable_description": "At 04:00", "next_dagrun_create_after": "2026-11-26T04:00:00+00:00"},
        {"dag_id": "a", "is_paused": false, "fileloc": "/dags/a.py", "schedule_interval": null,
         "timetable_description": "Never, external triggers only", "next_dagrun": null}], "total_entries": 2}"#;
    let errors = r#"{"import_errors": [{"filename": "/dags/a.py", "import_error_id": 1, "stack_trace": "…"},
        {"filename": "/dags/never.py", "stack_trace": "…"}], "total_entries": 2}"#;
    let (airflow, _) = canned(&[OLD, ("/dags", old), ("/importErrors", errors)]);
    let dags = airflow.dags().await.unwrap_or_default();
    let told: Vec<_> = dags.iter().map(|d| (&*d.id.0, d.paused, d.broken, d.schedule.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("/dags/never.py", false, true, None),
            ("a", false, true, Some("Never, external triggers only")),
            ("b", true, false, Some("0 4 * * *")),
        ]
    );
    assert_eq!(dags[2].next, Some(at("2026-11-26T04:00:00Z")));

    let new = r#"{"dags": [{"dag_id": "a", "is_paused": false, "is_stale": false, "bundle_name": "dags-folder",
        "relative_fileloc": "a.py", "fileloc": "/dags/a.py", "timetable_summary": "0 0 * * *",
        "timetable_description": "At 00:00", "has_import_errors": false,
        "next_dagrun_run_after": "2026-11-26T00:00:00Z"}], "total_entries": 1}"#;
    let errors = r#"{"import_errors": [{"import_error_id": 1, "timestamp": "2026-11-25T12:49:34.702001Z",
        "filename": "a.py", "bundle_name": "other", "stack_trace": "…"}], "total_entries": 1}"#;
    let (airflow, _) = canned(&[NEW, ("/dags", new), ("/importErrors", errors)]);
    let dags = airflow.dags().await.unwrap_or_default();
    let told: Vec<_> = dags.iter().map(|d| (&*d.id.0, d.broken, d.schedule.as_deref())).collect();
    assert_eq!(told, [("a", false, Some("0 0 * * *")), ("a.py", true, None)], "of another bundle");
}

#[tokio::test]
async fn a_task_that_waits_says_until_when() {
    let tasks = r#"{"task_instances": [
        {"dag_id": "a", "dag_run_id": "r", "task_id": "later", "map_index": -1, "state": null, "try_number": 0,
         "max_tries": 0, "start_date": null, "end_date": null, "operator": "EmptyOperator", "hostname": ""},
        {"dag_id": "a", "dag_run_id": "r", "task_id": "load", "map_index": 2, "state": "up_for_retry",
         "try_number": 2, "max_tries": 3, "start_date": "2026-11-25T12:50:32.608068Z",
         "end_date": "2026-11-25T12:50:33Z", "operator": "_PythonDecoratedOperator", "hostname": "vm"}],
        "total_entries": 2}"#;
    let delays = r#"{"tasks": [{"task_id": "load", "retry_exponential_backoff": 2.0,
        "execution_timeout": {"days": 0, "seconds": 3600, "microseconds": 0},
        "retry_delay": {"__type": "TimeDelta", "days": 0, "seconds": 300, "microseconds": 0}}], "total_entries": 1}"#;
    let path = "/dags/a/dagRuns/r/taskInstances";
    for (delays, next) in [(delays, Some(at("2026-11-25T13:00:33Z"))), ("{}", None)] {
        let (airflow, _) = canned(&[NEW, (path, tasks), ("/dags/a/tasks", delays)]);
        let tasks = airflow.tasks(&DagId("a".into()), &DagRunId("r".into())).await.unwrap_or_default();
        let told: Vec<_> = tasks.iter().map(|t| (t.task.as_str(), t.state, t.map_index, t.tries)).collect();
        assert_eq!(told, [("load", TaskState::UpForRetry, Some(2), 2), ("later", TaskState::None, None, 0)]);
        assert_eq!((tasks[0].next_try, tasks[0].tries_allowed), (next, 4));
        let told = (tasks[0].retry_delay_seconds, tasks[0].timeout_seconds);
        assert_eq!(told, next.map_or((None, None), |_| (Some(300), Some(3_600))));
        assert_eq!((tasks[0].host.as_deref(), tasks[1].host.as_deref()), (Some("vm"), None));
    }
}

#[tokio::test]
async fn pages_of_runs_are_those_of_the_version() {
    let runs = r#"{"dag_runs": [{"dag_id": "a b", "dag_run_id": "manual__1+00:00", "state": "failed",
        "run_type": "manual", "logical_date": null, "start_date": "2026-11-25T12:50:03.382851Z",
        "end_date": "2026-11-25T12:50:40Z"}], "total_entries": 1}"#;
    for (version, path, uri) in [
        (OLD, "/dags/~/dagRuns/list", "mwaa://orders/dags/a%20b/grid?dag_run_id=manual__1%2B00%3A00"),
        (NEW, "/dags/~/dagRuns", "mwaa://orders/dags/a%20b/runs/manual__1%2B00%3A00"),
    ] {
        let (airflow, _) = canned(&[version, (path, runs)]);
        let found = airflow.runs(at("2026-11-25T00:00:00Z"), 5).await.unwrap_or_default();
        let told: Vec<_> = found.iter().map(|r| (r.uri.as_str(), r.state, r.duration(Utc::now()))).collect();
        let duration = Some(TimeDelta::microseconds(36_617_149));
        assert_eq!(told, [(uri, TaskState::Failed, duration)]);
    }
}

fn part(kind: &str, text: &str, host: Option<&str>) -> Part {
    Part::of(&Reply { status: 200, kind: kind.to_owned(), bytes: text.as_bytes().to_vec(), ..Reply::default() }, host)
}

fn texts(part: &Part) -> Vec<&str> {
    part.lines.iter().map(|l| l.text.as_str()).collect()
}

#[test]
fn a_log_of_2_as_text_and_as_pairs() {
    let text = "vm\n INFO - ::group::Log message source details\n*** Found local files:\n\
                [2026-11-25T12:50:26.256+0000] {taskinstance.py:3337} ERROR - Task failed with exception\n\
                Traceback (most recent call last):\nValueError: 17 nulls\n\n\n";
    let plain = part("text/plain", text, Some("vm"));
    assert_eq!(texts(&plain).last(), Some(&"ValueError: 17 nulls"));
    assert_eq!((plain.lines.len(), plain.missing.as_deref()), (5, None));
    assert!(plain.lines.iter().all(|l| &*l.stream == "vm"));
    assert_eq!(plain.lines[2].at, Some(at("2026-11-25T12:50:26.256Z")));

    let body = text.trim_start_matches("vm\n").replace('\n', "\\n");
    let answer = json!({ "content": format!("[('vm', '{body}')]"), "continuation_token": "abc" });
    let pairs = part("application/json", &answer.to_string(), None);
    assert_eq!((pairs.lines, pairs.token.as_deref()), (plain.lines, Some("abc")));

    let old = part("text/plain", "[2021-01-02, 12:00:01 UTC] {a.py:1} INFO - old", None);
    assert_eq!(old.lines[0].at, Some(at("2021-01-02T12:00:01Z")));
    let unread = part("text/plain", "vm\n*** Could not read served logs: 403\n\n", Some("vm"));
    assert_eq!(unread.missing.as_deref(), Some("Airflow could not read all of it: Could not read served logs: 403"));
    let torn = part("application/json", r#"{"content": "[('vm', 'one'), ('vm', 'tw"}"#, None);
    assert_eq!((texts(&torn), torn.missing.is_some()), (vec!["one"], true));
}

#[test]
fn a_log_of_3_has_its_stacks_written_out() {
    let record = r#"{"timestamp":"2026-11-25T12:50:31.698138Z","event":"Task failed with exception","level":"error",
        "logger":"task","filename":"task_runner.py","lineno":1676,"error_detail":[
        {"exc_type":"ValueError","exc_value":"17 nulls\nin amount","is_cause":false,
         "frames":[{"filename":"/dags/p.py","lineno":32,"name":"load"}]},
        {"exc_type":"KeyError","exc_value":"'amount'","is_cause":true,"frames":[]}]}"#
        .replace('\n', "");
    let expected = [
        "::group::Log message source details",
        "{task_runner.py:1676} ERROR - Task failed with exception",
        "KeyError: 'amount'",
        "The above exception was the direct cause of the following exception:",
        "Traceback (most recent call last):",
        "  File \"/dags/p.py\", line 32, in load",
        "ValueError: 17 nulls",
        "in amount",
        "INFO - this is try 1",
    ];
    let group = r#"{"timestamp":null,"event":"::group::Log message source details"}"#;
    let stdout =
        r#"{"timestamp":"2026-11-25T12:50:31.701698Z","event":"this is try 1","level":"info","logger":"task.stdout"}"#;
    let lines = part("application/x-ndjson", &format!("{group}\n{record}\n{stdout}\n"), Some("vm"));
    assert_eq!(texts(&lines), expected);
    assert_eq!((&*lines.lines[1].stream, &*lines.lines[8].stream), ("task", "task.stdout"));
    assert!(lines.lines[1..8].iter().all(|l| l.at == Some(at("2026-11-25T12:50:31.698138Z"))));
    let whole = format!(r#"{{"content": [{group}, {record}, {stdout}], "continuation_token": null}}"#);
    assert_eq!(part("application/json", &whole, None).lines, lines.lines);
    // What is no record still says something, and bare lines are what 3.0 gives of some handlers.
    let odd = part("application/x-ndjson", "{\"event\": \"a\"}\nnot JSON\n{\"event\": \"cu", None);
    assert_eq!(texts(&odd), ["a", "not JSON", "{\"event\": \"cu"]);
    assert_eq!(
        texts(&part("application/json", r#"{"content": ["a", "b\nc", {"x": 1}]}"#, None)),
        ["a", "b", "c", "{\"x\":1}"]
    );
}
