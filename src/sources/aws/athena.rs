//! Athena: a consumer's query, run with no result of an earlier one, and what it scanned. It starts queries that read, and
//! waits for their end.
//!
//! <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::call::{Caller, Protocol, Service};
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;
use crate::sources::consumers::{Queried, Queries, Query};

/// The IAM actions that are needed; those on the data and on the results besides.
pub const ACTIONS: [&str; 3] = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"];
/// What stops one that takes too long.
pub const STOP: &str = "athena:StopQueryExecution";
/// The longest that one query may take.
const LONGEST: Duration = Duration::from_secs(120);
/// Between two looks, at first and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// Rows of one page of results, the most there are.
const PAGE: usize = 1_000;
/// Pages of results that are counted: what lies behind them is more than enough.
const PAGES: usize = 10;

/// The id of no query.
const NONE: &str = "00000000-0000-0000-0000-000000000000";
/// How Athena says that there is none: to whoever may ask.
const REFUSES: [ErrorClass; 3] = [ErrorClass::NotFound, ErrorClass::Malformed, ErrorClass::Unsupported];

const SERVICE: Service = Service {
    host: "athena",
    signs: "athena",
    protocol: Protocol::Json { version: "1.1", target: "AmazonAthena" },
    home: None,
};

/// Asks Athena.
#[derive(Debug)]
pub struct Athena {
    caller: Arc<Caller>,
}

/// A query that was started. Whoever stops waiting for it stops it: it is paid for by what it scans.
struct Started {
    caller: Arc<Caller>,
    id: String,
    over: bool,
}

impl Started {
    async fn stopped(caller: Arc<Caller>, id: String) {
        let stop = caller.asked(STOP, uri(&id));
        let _ = caller.ask(&stop, "StopQueryExecution", &json!({ "QueryExecutionId": id })).await;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let (false, Ok(runtime)) = (self.over, tokio::runtime::Handle::try_current()) {
            runtime.spawn(Self::stopped(Arc::clone(&self.caller), std::mem::take(&mut self.id)));
        }
    }
}

impl Athena {
    /// Asks nobody yet.
    pub fn new(access: Access) -> Self {
        Self { caller: Arc::new(Caller::new(access, SERVICE)) }
    }

    /// With an account that was found already.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        Self { caller: Arc::new(Caller::with_config(access, SERVICE, config)) }
    }

    /// Whether it may be asked, by a call that starts nothing: for a query that there never was.
    pub async fn may_be_asked(&self) -> Result<(), SourceError> {
        let [_, action, _] = ACTIONS;
        let asked = self.caller.asked(action, "athena:");
        match self.caller.ask(&asked, "GetQueryExecution", &json!({ "QueryExecutionId": NONE })).await {
            Ok(_) => Ok(()),
            // It looked for it.
            Err(error) if REFUSES.contains(&error.class) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn started(&self, query: &Query) -> Result<String, SourceError> {
        let [action, ..] = ACTIONS;
        let asked = self.caller.asked(action, place(query));
        let mut input = json!({
            "QueryString": query.sql,
            // Sent again with the same token, it is the same query.
            "ClientRequestToken": format!("lakeward-{:016x}{:016x}", chance(), chance()),
            "ResultReuseConfiguration": { "ResultReuseByAgeConfiguration": { "Enabled": false } },
        });
        let mut context = serde_json::Map::new();
        context.extend(query.database.as_ref().map(|name| ("Database".to_owned(), name.as_str().into())));
        context.extend(query.catalog.as_ref().map(|name| ("Catalog".to_owned(), name.as_str().into())));
        if !context.is_empty() {
            input["QueryExecutionContext"] = context.into();
        }
        if let Some(workgroup) = &query.workgroup {
            input["WorkGroup"] = workgroup.as_str().into();
        }
        if let Some(output) = &query.output {
            input["ResultConfiguration"] = json!({ "OutputLocation": output });
        }
        let reply = self.caller.ask(&asked, "StartQueryExecution", &input).await?;
        let id = reply.get("QueryExecutionId").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| asked.unreadable("a reply without an id"))
    }

    /// Waits for its end; the bytes that it scanned.
    async fn ended(&self, id: &str, until: Instant) -> Result<Option<u64>, SourceError> {
        let [_, action, _] = ACTIONS;
        let uri = uri(id);
        let asked = self.caller.asked(action, uri.clone());
        let mut pause = LOOKS.0;
        let mut started = Started { caller: Arc::clone(&self.caller), id: id.to_owned(), over: false };
        loop {
            let reply = self.caller.ask(&asked, "GetQueryExecution", &json!({ "QueryExecutionId": id })).await?;
            let execution = reply.get("QueryExecution").ok_or_else(|| asked.unreadable("a reply without the query"))?;
            let status = execution.get("Status");
            let text = |key: &str| status.and_then(|s| s.get(key)).and_then(Value::as_str).unwrap_or_default();
            match text("State") {
                "SUCCEEDED" => {
                    started.over = true;
                    return Ok(execution.pointer("/Statistics/DataScannedInBytes").and_then(Value::as_u64));
                }
                "FAILED" | "CANCELLED" => {
                    started.over = true;
                    let reason = text("StateChangeReason");
                    let reason = if reason.is_empty() { "it failed, and Athena does not say why" } else { reason };
                    return Err(SourceError::new(class_of(reason), uri, unquoted(reason)));
                }
                "QUEUED" | "RUNNING" => {}
                _ => return Err(asked.unreadable("a query in no known state")),
            }
            if Instant::now() >= until {
                let detail = format!("not over after {} s", LONGEST.as_secs());
                // A command may end right after this: it is waited for.
                started.over = true;
                Started::stopped(Arc::clone(&self.caller), id.to_owned()).await;
                let error = SourceError::new(ErrorClass::Unreachable, uri, detail);
                return Err(SourceError { hint: "ask for less: one partition, a count".into(), ..error });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOKS.1);
        }
    }

    async fn counted(&self, id: &str, sql: &str) -> Result<u64, SourceError> {
        let [.., action] = ACTIONS;
        let asked = self.caller.asked(action, uri(id));
        let (mut rows, mut token, mut number) = (0_u64, None::<String>, None);
        for page in 0..PAGES {
            let mut input = json!({ "QueryExecutionId": id, "MaxResults": PAGE });
            if let Some(token) = &token {
                input["NextToken"] = token.as_str().into();
            }
            let reply = self.caller.ask(&asked, "GetQueryResults", &input).await?;
            let all = reply.pointer("/ResultSet/Rows").and_then(Value::as_array);
            let all = all.ok_or_else(|| asked.unreadable("a reply without rows"))?;
            // The first row of the first page is the names of the columns.
            let data = all.get(usize::from(page == 0)..).unwrap_or_default();
            rows += data.len() as u64;
            number = if page == 0 { only_number(data) } else { None };
            token = reply.get("NextToken").and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        match (is_count(sql), number) {
            (true, Some(number)) => Ok(number),
            (true, None) => Err(asked.unreadable("a count that is no number")),
            (false, _) => Ok(rows),
        }
    }
}

#[async_trait]
impl Queries for Athena {
    async fn run(&self, query: &Query) -> Result<Queried, SourceError> {
        let began = Instant::now();
        let id = self.started(query).await?;
        let bytes = self.ended(&id, began + LONGEST).await?;
        let rows = self.counted(&id, &query.sql).await?;
        Ok(Queried { rows, bytes, took: began.elapsed(), uri: uri(&id) })
    }
}

fn uri(id: &str) -> String {
    format!("athena:{id}")
}

fn place(query: &Query) -> String {
    format!("athena:{}", query.database.as_deref().or(query.workgroup.as_deref()).unwrap_or("primary"))
}

/// The number of a result that is nothing but one: of `SELECT count(*)`.
fn only_number(rows: &[Value]) -> Option<u64> {
    let [row] = rows else { return None };
    let [cell] = row.get("Data")?.as_array()?.as_slice() else { return None };
    cell.get("VarCharValue")?.as_str()?.parse().ok()
}

/// Whether a query asks for nothing but a number of rows.
pub fn is_count(sql: &str) -> bool {
    let squeezed: String = sql.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    squeezed.starts_with("selectcount(") && !squeezed.contains("groupby")
}

/// What a failed query is: one that may not read is no sign of bad data.
fn class_of(reason: &str) -> ErrorClass {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    match () {
        () if says(&["AccessDenied", "Access Denied", "Insufficient", "not authorized"]) => ErrorClass::Denied,
        () if says(&["EXCEEDED_", "Query exhausted resources", "Rate exceeded"]) => ErrorClass::Throttled,
        () => ErrorClass::Malformed,
    }
}

/// An engine's words without the values of cells that they quote.
fn unquoted(reason: &str) -> String {
    let mut parts = reason.split('\'');
    let mut told = parts.next().unwrap_or_default().to_owned();
    while parts.next().is_some() {
        told.push_str("'***'");
        told.push_str(parts.next().unwrap_or_default());
    }
    told
}

/// A number drawn by chance: to tell queries apart.
fn chance() -> u64 {
    RandomState::new().hash_one(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_its_number_and_anything_else_is_its_rows() {
        let row =
            |cells: &[&str]| json!({ "Data": cells.iter().map(|c| json!({ "VarCharValue": c })).collect::<Vec<_>>() });
        assert_eq!(only_number(&[row(&["48060"])]), Some(48_060));
        assert_eq!(only_number(&[row(&["0"])]), Some(0));
        for rows in [vec![], vec![row(&["a"])], vec![row(&["1", "2"])], vec![row(&["1"]), row(&["2"])], vec![json!({})]]
        {
            assert_eq!(only_number(&rows), None, "{rows:?}");
        }
    }

    #[test]
    fn a_count_is_told_from_a_number_and_no_cell_is_quoted() {
        for sql in ["SELECT count(*) FROM x", "select COUNT ( id )\nfrom x"] {
            assert!(is_count(sql), "{sql}");
        }
        for sql in
            ["SELECT id FROM x LIMIT 1", "SELECT count(*) FROM x GROUP BY y", "WITH a AS (SELECT 1) SELECT * FROM a"]
        {
            assert!(!is_count(sql), "{sql}");
        }
        let said = "HIVE_BAD_DATA: Error parsing field value 'ana@x.example' for field 1: 'x";
        assert_eq!(unquoted(said), "HIVE_BAD_DATA: Error parsing field value '***' for field 1: '***'");
        assert_eq!(unquoted("no quotes"), "no quotes");
    }

    #[test]
    fn what_may_not_be_read_is_no_bad_data() {
        for (reason, class) in [
            ("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", ErrorClass::Malformed),
            ("HIVE_BAD_DATA: Field amount's type BINARY in parquet", ErrorClass::Malformed),
            ("Insufficient permissions to execute the query", ErrorClass::Denied),
            ("Access Denied (Service: Amazon S3; Status Code: 403)", ErrorClass::Denied),
            ("Query exhausted resources at this scale factor", ErrorClass::Throttled),
        ] {
            assert_eq!(class_of(reason), class, "{reason}");
        }
    }
}
