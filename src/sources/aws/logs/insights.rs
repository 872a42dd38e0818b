//! Logs Insights: a question over whole groups. It is billed by the bytes that it scans, so it is asked for on demand,
//! says what it scanned, and is stopped when nobody waits for it any more.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::get_query_results::GetQueryResultsOutput;
use aws_sdk_cloudwatchlogs::types::QueryStatus;
use chrono::NaiveDateTime;

use super::CloudWatchLogs;
use crate::lake::ErrorClass;
use crate::sources::SourceError;
use crate::sources::logs::{LogPage, LogQuestion, RawLine};

/// The pause before the first look at the results; each pause after it is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The most rows: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>.
const ROWS: usize = 10_000;

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Rows of fields and their values; hostile text. Without `@ptr`, which only points back.
    pub rows: Vec<Vec<(String, String)>>,
    /// Bytes that were scanned, and are billed.
    pub scanned: u64,
    /// Events that matched.
    pub matched: u64,
}

impl Answer {
    /// As lines of a log: a row with a message is that line, any other row its fields.
    pub fn page(self) -> LogPage {
        let line = |row: Vec<(String, String)>| {
            let field = |name: &str| row.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let at =
                field("@timestamp").and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok());
            let text = match field("@message") {
                Some(message) => message.trim_end().to_owned(),
                None => row.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("  "),
            };
            RawLine { at: at.map(|at| at.and_utc()), stream: field("@logStream").unwrap_or_default().into(), text }
        };
        let lines = self.rows.into_iter().map(line).collect();
        LogPage { lines, at_end: true, scanned: Some(self.scanned), ..LogPage::default() }
    }
}

/// A query that runs. It is stopped when this is dropped before its end.
struct Running {
    client: Client,
    id: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else { return };
        let client = self.client.clone();
        runtime.spawn(async move {
            if let Err(error) = client.stop_query().query_id(&id).send().await {
                tracing::debug!("the query was not stopped: {error}");
            }
        });
    }
}

impl CloudWatchLogs {
    /// Asks a question and waits for the answer. Whoever drops the future stops the query.
    pub async fn insights(&self, question: &LogQuestion) -> Result<Answer, SourceError> {
        let object = question.groups.join(", ");
        let client = self.client().await;
        // One kind of names or the other: an ARN is no name of a group, and a name is an identifier.
        let by_arn = question.groups.iter().any(|group| group.starts_with("arn:"));
        let groups = Some(question.groups.clone());
        let started = match by_arn {
            true => client.start_query().set_log_group_identifiers(groups),
            false => client.start_query().set_log_group_names(groups),
        };
        let started = started
            .query_string(&question.query)
            .start_time(question.from.timestamp())
            .end_time(question.until.timestamp())
            .limit(i32::try_from(question.most.clamp(1, ROWS)).unwrap_or(1))
            .send()
            .await
            .map_err(|e| self.asked("logs:StartQuery", &object).failed(&e))?;
        let mut running = Running { client: client.clone(), id: started.query_id };
        let mut pause = FIRST_PAUSE;
        while let Some(id) = running.id.clone() {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let asked = client.get_query_results().query_id(id).send().await;
            let found = asked.map_err(|e| self.asked("logs:GetQueryResults", &object).failed(&e))?;
            match found.status() {
                Some(QueryStatus::Scheduled | QueryStatus::Running) => continue,
                Some(QueryStatus::Complete) => {
                    running.id = None;
                    return Ok(answer(&found));
                }
                other => {
                    running.id = None;
                    let status = other.map_or("in no known state", QueryStatus::as_str).to_lowercase();
                    let detail = format!("the query ended {status}");
                    return Err(SourceError::new(ErrorClass::Unreachable, format!("logs:{object}"), detail));
                }
            }
        }
        Err(SourceError::new(ErrorClass::Malformed, format!("logs:{object}"), "a query without an id"))
    }
}

fn answer(found: &GetQueryResultsOutput) -> Answer {
    let row = |row: &Vec<aws_sdk_cloudwatchlogs::types::ResultField>| {
        let fields = row.iter().filter_map(|field| Some((field.field()?, field.value().unwrap_or_default())));
        let shown = fields.filter(|(name, _)| *name != "@ptr");
        shown.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let statistics = found.statistics();
    Answer {
        rows: found.results().iter().map(row).collect(),
        scanned: statistics.map_or(0, |s| whole(s.bytes_scanned())),
        matched: statistics.map_or(0, |s| whole(s.records_matched())),
    }
}

/// A count that the service sends as a fraction; the cast saturates.
fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}
