//! Log events of CloudWatch Logs: a run's streams in a window of time. Following is polling; a live tail, in [`live`], is
//! for who asks for it, since it is billed by the minute. So is Insights, in [`insights`]: it is billed by what it scans.

mod cursor;
mod group;
pub mod insights;
mod live;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::operation::filter_log_events::{FilterLogEventsError, FilterLogEventsOutput};
use chrono::DateTime;
use tokio::sync::OnceCell;

use self::cursor::Position;
use crate::lake::ErrorClass;
use crate::lake::aws::{Access, Asked};
use crate::model::run::LogPlace;
use crate::sources::SourceError;
use crate::sources::logs::{LiveTail, LogCursor, LogPage, LogQuery, LogQuestion, LogSource, RawLine};
use crate::sources::sent::Sent;

/// The most events that one page holds:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>.
const PAGE: usize = 10_000;
/// Pages in a row that one reading asks for while they are empty: an empty page is not the end.
const EMPTY_PAGES: usize = 10;
/// The longest filter pattern. Characters.
const PATTERN: usize = 1_024;

/// CloudWatch Logs as a source of lines. The client is made when it is first needed.
#[derive(Debug)]
pub struct CloudWatchLogs {
    access: Access,
    account: OnceCell<(SdkConfig, Client)>,
    sent: Sent,
}

fn counted(config: &SdkConfig, sent: Sent) -> Client {
    Client::from_conf(aws_sdk_cloudwatchlogs::config::Builder::from(config).interceptor(sent).build())
}

/// The group and streams of a place.
struct Streams<'a> {
    group: &'a str,
    prefix: &'a str,
}

impl CloudWatchLogs {
    /// Asks nobody yet.
    pub fn new(access: Access) -> Self {
        Self { access, account: OnceCell::new(), sent: Sent::default() }
    }

    /// With an account that was found already: its credentials and endpoint come first.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        let sent = Sent::default();
        let account = (config.clone(), counted(config, sent.clone()));
        Self { access, account: OnceCell::new_with(Some(account)), sent }
    }

    async fn account(&self) -> &(SdkConfig, Client) {
        let load = || async {
            let config = self.access.load().await;
            let client = counted(&config, self.sent.clone());
            (config, client)
        };
        self.account.get_or_init(load).await
    }

    async fn client(&self) -> &Client {
        &self.account().await.1
    }

    fn asked(&self, permission: &'static str, group: &str) -> Asked<'_> {
        self.access.asked(permission, format!("logs:{group}"))
    }

    async fn page(
        &self,
        streams: &Streams<'_>,
        query: &LogQuery,
        position: &Position,
    ) -> Result<FilterLogEventsOutput, SdkError<FilterLogEventsError>> {
        let by_arn = streams.group.starts_with("arn:");
        let request = self.client().await.filter_log_events();
        let request = match by_arn {
            true => request.log_group_identifier(streams.group),
            false => request.log_group_name(streams.group),
        };
        let limit = query.most.clamp(1, PAGE);
        request
            .set_log_stream_name_prefix((!streams.prefix.is_empty()).then(|| streams.prefix.to_owned()))
            .set_start_time(position.start)
            .set_end_time(query.until.map(|until| until.timestamp_millis()))
            .set_filter_pattern(query.contains.as_deref().and_then(pattern))
            .set_limit(i32::try_from(limit).ok())
            .set_next_token(position.token.clone())
            .send()
            .await
    }
}

/// The pattern of words that an event must hold as they are. What cannot be quoted is left out: the pattern only
/// narrows what is sent, and each line is looked at again here.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
fn pattern(words: &str) -> Option<String> {
    let terms = words.split(['"', '\\']).map(str::trim).filter(|term| !term.is_empty());
    let mut pattern = String::new();
    for term in terms.filter(|term| !term.contains(char::is_control)) {
        if pattern.chars().count() + term.chars().count() + 3 > PATTERN {
            break;
        }
        let space = if pattern.is_empty() { "" } else { " " };
        pattern = format!("{pattern}{space}\"{term}\"");
    }
    (!pattern.is_empty()).then_some(pattern)
}

/// The lines of an event, those with the words wanted: a message of several lines is given as several.
fn lines_of<'a>(message: &'a str, query: &'a LogQuery) -> impl Iterator<Item = &'a str> {
    let text = message.strip_suffix('\n').unwrap_or(message);
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.filter(|line| query.contains.as_ref().is_none_or(|words| line.contains(words.as_str())))
}

/// Whether a request failed for its token, which is good for a day.
fn is_of_token(error: &SdkError<FilterLogEventsError>, position: &Position) -> bool {
    position.token.is_some() && error.as_service_error().and_then(|e| e.code()) == Some("InvalidParameterException")
}

#[async_trait]
impl LogSource for CloudWatchLogs {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn requests(&self) -> Option<u64> {
        Some(self.sent.count())
    }

    fn reads(&self, place: &LogPlace) -> bool {
        matches!(place, LogPlace::CloudWatch { .. })
    }

    /// An event of several lines is given as several. At the end, the last half minute is read again the next time:
    /// streams are delivered one by one, and what comes late is not lost.
    async fn read(&self, place: &LogPlace, query: &LogQuery, from: Option<&LogCursor>) -> Result<LogPage, SourceError> {
        let LogPlace::CloudWatch { group, streams } = place else {
            return Err(SourceError::new(ErrorClass::Unsupported, "cloudwatch", "not a place of CloudWatch Logs"));
        };
        let streams = Streams { group, prefix: streams };
        let asked = self.asked("logs:FilterLogEvents", group);
        let mut position = match from {
            Some(cursor) => Position::read(cursor).ok_or_else(|| {
                SourceError::new(ErrorClass::Malformed, asked.object.clone(), "a cursor of another source")
            })?,
            None => Position::beginning(query.from),
        };
        let mut page = LogPage::default();
        for _ in 0..EMPTY_PAGES {
            let found = match self.page(&streams, query, &position).await {
                Ok(found) => found,
                Err(error) if is_of_token(&error, &position) => {
                    position.begin_again();
                    continue;
                }
                Err(error) => return Err(asked.failed(&error)),
            };
            let cut = take(&found, &streams, query, &mut position, &mut page.lines);
            page.at_end = !cut && position.turn(found.next_token);
            if cut || page.at_end || !page.lines.is_empty() {
                break;
            }
        }
        page.next = Some(position.cursor());
        Ok(page)
    }

    fn live(&self, place: LogPlace, query: LogQuery) -> Option<LiveTail<'_>> {
        match place {
            LogPlace::CloudWatch { group, streams } => Some(live::tail(self, group, streams, query)),
            _ => None,
        }
    }

    async fn ask(&self, question: &LogQuestion) -> Option<Result<LogPage, SourceError>> {
        Some(self.insights(question).await.map(insights::Answer::page))
    }
}

/// Takes the lines of a page that were not read yet; true if there are more of them than may be given.
fn take(
    found: &FilterLogEventsOutput,
    streams: &Streams<'_>,
    query: &LogQuery,
    position: &mut Position,
    lines: &mut Vec<RawLine>,
) -> bool {
    let mut stream: Arc<str> = "".into();
    let most = query.most.max(1);
    // A store that ignores the prefix asked for sends what is not of this run.
    let own = found.events().iter().filter(|e| e.log_stream_name().unwrap_or_default().starts_with(streams.prefix));
    for event in own {
        let (at, message) = (event.timestamp().unwrap_or_default(), event.message().unwrap_or_default());
        let name = event.log_stream_name().unwrap_or_default();
        let known = cursor::event(event.event_id(), name, at, message);
        if position.has_read(known) {
            continue;
        }
        if *name != *stream {
            stream = name.into();
        }
        let time = DateTime::from_timestamp_millis(at).filter(|_| event.timestamp().is_some());
        let given = position.given(known);
        for (n, text) in lines_of(message, query).enumerate().skip(given) {
            if lines.len() == most {
                position.part = Some((known, n));
                return true;
            }
            lines.push(RawLine { at: time, stream: Arc::clone(&stream), text: text.to_owned() });
        }
        position.seen(known);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_pattern_that_matches_no_less() {
        for (words, expected) in [
            ("boom", Some(r#""boom""#)),
            (" a b ", Some(r#""a b""#)),
            (r#"key="x y""#, Some(r#""key=" "x y""#)),
            (r"C:\tmp", Some(r#""C:" "tmp""#)),
            ("-not ?or", Some(r#""-not ?or""#)),
            ("\"\"", None),
            ("", None),
            ("a\tb", None),
        ] {
            assert_eq!(pattern(words).as_deref(), expected, "{words}");
        }
        assert_eq!(pattern(&"x".repeat(2_000)), None);
        assert_eq!(pattern(&format!("ab\"{}", "x".repeat(2_000))).as_deref(), Some("\"ab\""));
    }
}
