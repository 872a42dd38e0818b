//! A live tail of CloudWatch Logs: events as they are taken in. It is billed by the minute, lasts three hours at most, and
//! leaves events out above 500 a second. It is over when its stream is dropped: the connection is closed with it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::primitives::event_stream::EventReceiver;
use aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionUpdate, StartLiveTailResponseStream};
use chrono::DateTime;
use futures::StreamExt;
use futures::stream::unfold;
use tokio::time::timeout;

use super::{CloudWatchLogs, lines_of, pattern};
use crate::lake::ErrorClass;
use crate::lake::aws::Asked;
use crate::sources::SourceError;
use crate::sources::aws::region::is_of_aws;
use crate::sources::logs::{LiveNews, LiveTail, LogQuery, RawLine};

/// The permission, which reading does not include.
const PERMISSION: &str = "logs:StartLiveTail";
/// A session that has not begun by then does not begin.
const OPENING: Duration = Duration::from_secs(15);
/// Something comes every second, if only that there is nothing: after so long, nobody is there.
const SILENCE: Duration = Duration::from_secs(10);
/// Lines given at once: a frame takes them in far less than its time.
const AT_ONCE: usize = 2_000;
/// What hosts begin with that answer as a stream. The SDK puts it before any host, and AWS alone has such names.
const PREFIXES: [&str; 2] = ["stream-", "streaming-"];

/// Where the tail stands.
enum Standing<'a> {
    /// Nobody was asked.
    Wanted,
    /// It runs.
    Open(Box<Open<'a>>),
    /// It is over, and was told so.
    Over,
}

/// A session.
struct Open<'a> {
    asked: Asked<'a>,
    received: EventReceiver<StartLiveTailResponseStream, StartLiveTailResponseStreamError>,
    streams: Arc<str>,
    query: Arc<LogQuery>,
    /// Lines that came and were not given.
    waiting: VecDeque<RawLine>,
}

/// The tail of the streams of a group whose names begin so.
pub(super) fn tail(logs: &CloudWatchLogs, group: String, streams: String, query: LogQuery) -> LiveTail<'_> {
    let (group, streams, query): (Arc<str>, Arc<str>, Arc<LogQuery>) = (group.into(), streams.into(), query.into());
    let turn = move |standing| {
        let (group, streams, query) = (Arc::clone(&group), Arc::clone(&streams), Arc::clone(&query));
        async move {
            let mut open = match standing {
                Standing::Wanted => match begin(logs, &group, streams, query).await {
                    Ok(open) => open,
                    Err(error) => return Some((Err(error), Standing::Over)),
                },
                Standing::Open(open) => open,
                Standing::Over => return None,
            };
            match open.next().await {
                Ok(news) => Some((Ok(news), Standing::Open(open))),
                Err(error) => Some((Err(error), Standing::Over)),
            }
        }
    };
    unfold(Standing::Wanted, turn).boxed()
}

async fn begin<'a>(
    logs: &'a CloudWatchLogs,
    group: &str,
    streams: Arc<str>,
    query: Arc<LogQuery>,
) -> Result<Box<Open<'a>>, SourceError> {
    let arn = logs.group_arn(group).await?;
    let asked = logs.asked(PERMISSION, group);
    let request = logs
        .client()
        .await
        .start_live_tail()
        .log_group_identifiers(arn)
        .set_log_stream_name_prefixes((!streams.is_empty()).then(|| vec![streams.to_string()]))
        .set_log_event_filter_pattern(query.contains.as_deref().and_then(pattern))
        .customize()
        .mutate_request(|request| {
            if let Some(plain) = without_prefix(request.uri()) {
                // What was an address stays one without the beginning of its host.
                let _ = request.set_uri(plain);
            }
        })
        // Silence is looked at here: a tail of which nothing comes for a while is no stalled download.
        .config_override(Builder::default().stalled_stream_protection(StalledStreamProtectionConfig::disabled()));
    let opened = timeout(OPENING, request.send()).await.map_err(|_| asked.late("no live tail in time"))?;
    let opened = opened.map_err(|error| match &error {
        SdkError::ResponseError(_) => asked.unreadable("the answer is no live tail"),
        other => asked.failed(other),
    })?;
    Ok(Box::new(Open { asked, received: opened.response_stream, streams, query, waiting: VecDeque::new() }))
}

/// The address without what is put before its host, unless it is a host of AWS.
fn without_prefix(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let plain = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let host = plain.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    (!is_of_aws(name)).then(|| format!("{scheme}://{plain}"))
}

impl Open<'_> {
    async fn next(&mut self) -> Result<LiveNews, SourceError> {
        let mut sampled = false;
        loop {
            if sampled || !self.waiting.is_empty() {
                let lines = self.waiting.drain(..self.waiting.len().min(AT_ONCE)).collect();
                return Ok(LiveNews::Lines { lines, sampled });
            }
            let late = || self.asked.late(&format!("nothing readable came for {} s", SILENCE.as_secs()));
            match timeout(SILENCE, self.received.recv()).await.map_err(|_| late())? {
                Ok(Some(StartLiveTailResponseStream::SessionStart(_))) => return Ok(LiveNews::Began),
                Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => sampled = self.take(&update),
                Ok(Some(_)) => {} // of a newer service
                Ok(None) => return Err(self.asked.late("the live tail was closed")),
                Err(error) => return Err(self.over(&error)),
            }
        }
    }

    /// Takes the lines of an update; whether others were left out.
    fn take(&mut self, update: &LiveTailSessionUpdate) -> bool {
        let mut stream: Arc<str> = "".into();
        for event in update.session_results() {
            let name = event.log_stream_name().unwrap_or_default();
            // A store that ignores the prefix asked for sends what is not of this run.
            if !name.starts_with(&*self.streams) {
                continue;
            }
            if *name != *stream {
                stream = name.into();
            }
            let at = event.timestamp().and_then(DateTime::from_timestamp_millis);
            let line = |text: &str| RawLine { at, stream: Arc::clone(&stream), text: text.to_owned() };
            self.waiting.extend(lines_of(event.message().unwrap_or_default(), &self.query).map(line));
        }
        update.session_metadata().is_some_and(|metadata| metadata.sampled())
    }

    /// Why it is over.
    fn over<R>(&self, error: &SdkError<StartLiveTailResponseStreamError, R>) -> SourceError
    where
        R: Debug + Send + Sync + 'static,
    {
        tracing::debug!(object = %self.asked.object, "live tail: {error}");
        match error {
            SdkError::ServiceError(told) => match told.err() {
                StartLiveTailResponseStreamError::SessionTimeoutException(_) => {
                    self.asked.late("its three hours are over")
                }
                // That it was allowed is known: something went wrong.
                other => SourceError {
                    class: ErrorClass::Unreachable,
                    ..self.asked.said(other.code().unwrap_or_default(), other.message())
                },
            },
            SdkError::ResponseError(_) => self.asked.unreadable("what came of the live tail cannot be read"),
            other => self.asked.broken_off(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_alone_keep_what_is_put_before_them() {
        for (address, plain) in [
            ("https://stream-logs.eu-west-1.amazonaws.com/", None),
            ("https://streaming-logs.cn-north-1.amazonaws.com.cn/", None),
            ("https://stream-logs-fips.us-gov-west-1.api.aws/", None),
            ("http://stream-127.0.0.1:4566/", Some("http://127.0.0.1:4566/")),
            ("http://stream-localhost:4566/", Some("http://localhost:4566/")),
            ("https://stream-logs.internal/x?y", Some("https://logs.internal/x?y")),
            (
                "https://stream-vpce-1.logs.eu-west-1.vpce.amazonaws.com/",
                Some("https://vpce-1.logs.eu-west-1.vpce.amazonaws.com/"),
            ),
            ("https://logs.internal/", None),
        ] {
            assert_eq!(without_prefix(address).as_deref(), plain, "{address}");
        }
    }
}
