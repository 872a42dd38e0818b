//! `logs`: the lines of any place, the errors in them, and questions to Logs Insights; and how the log of a run or of a
//! task is printed.

mod pause;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use self::pause::Following;

use super::args::{LogArgs, Logs};
use super::exit::CliError;
use super::output::{self, Answer};
use super::table::{Side, Table, ago, size};
use crate::model::category::FailureCategory;
use crate::model::length;
use crate::model::log::{Limits, LogBuffer};
use crate::model::run::LogPlace;
use crate::model::text::escape;
use crate::ops::{LogOf, Session};
use crate::sources::logs::{LogQuery, LogQuestion, RawLine};

/// Lines of a log that are printed at most in one go.
const LINES: usize = 100_000;

/// Runs the command.
pub async fn run(command: &Logs, session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    match command {
        Logs::Show { place, log } => print_log(session, &LogOf::Place(place_of(place)?), log, as_json).await,
        Logs::Errors { place, since: from } => {
            let from = from.as_deref().map(since).transpose()?;
            errors(session, place_of(place)?, from, as_json, now).await
        }
        Logs::Query { query, groups, since: from, most } => {
            let (query, groups) = (query.clone(), groups.clone());
            let question = LogQuestion { groups, query, from: since(from)?, until: now, most: *most };
            let page = session.log(&LogOf::Question(question), &LogQuery::default(), None).await?;
            let notes = page.scanned.map(|bytes| format!("lakeward: it scanned {}, which is billed", size(bytes)));
            let text = text(&page.lines, as_json)?;
            Ok(Answer { notes: notes.into_iter().collect(), ..Answer::fine(text) })
        }
    }
}

/// The place of an address.
fn place_of(address: &str) -> Result<LogPlace, CliError> {
    let wrong = |message: String| CliError::Usage {
        message,
        hint: "s3://bucket/prefix/, cloudwatch:GROUP, cloudwatch:GROUP#STREAM, or a key of the lake".to_owned(),
    };
    if let Some(rest) = address.strip_prefix("cloudwatch:") {
        let (group, streams) = rest.split_once('#').unwrap_or((rest, ""));
        if group.is_empty() {
            return Err(wrong(format!("{address:?} names no group")));
        }
        return Ok(LogPlace::CloudWatch { group: group.to_owned(), streams: streams.to_owned() });
    }
    if let Some(rest) = address.strip_prefix("s3://") {
        if rest.split('/').next().is_none_or(str::is_empty) {
            return Err(wrong(format!("{address:?} names no bucket")));
        }
        return Ok(LogPlace::S3 { prefix: format!("{}/", address.trim_end_matches('/')) });
    }
    if address.contains("://") {
        return Err(wrong(format!("{address:?} is no place of logs")));
    }
    Ok(LogPlace::File { path: address.into() })
}

fn since(text: &str) -> Result<DateTime<Utc>, CliError> {
    let length = length::parse(text).filter(|length| *length > Duration::zero());
    let from = length.and_then(|length| Utc::now().checked_sub_signed(length));
    from.ok_or_else(|| CliError::Usage {
        message: format!("--since {text:?} is no length of time"),
        hint: "30m, 2h, 1d".to_owned(),
    })
}

/// A group of errors as `logs errors --json` prints it.
#[derive(Debug, Serialize)]
struct Found<'a> {
    count: u64,
    category: FailureCategory,
    signature: &'a str,
    example: &'a str,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

async fn errors(
    session: &Session,
    place: LogPlace,
    from: Option<DateTime<Utc>>,
    as_json: bool,
    now: DateTime<Utc>,
) -> Result<Answer, CliError> {
    let mut buffer = LogBuffer::new(Limits::default(), session.settings().categories.clone());
    let (of, query) = (LogOf::Place(place), LogQuery { from, most: LINES, ..LogQuery::default() });
    let (mut cursor, mut notes) = (None, Vec::new());
    loop {
        let page = session.log(&of, &query, cursor.as_ref()).await?;
        notes.extend(page.missing.map(|m| format!("lakeward: {}", escape(&m))));
        for line in &page.lines {
            buffer.append(line.at, &line.stream, &line.text);
        }
        let more = page.next.is_some() && page.next != cursor;
        if page.at_end || !more {
            break;
        }
        cursor = page.next;
    }
    if buffer.is_empty() && buffer.trimmed() == 0 {
        let hint = Some("check the place, and --since: of an object of S3, its prefix is the place".to_owned());
        return Err(CliError::Failed { message: "no lines there: nothing is known of errors".to_owned(), hint });
    }
    let groups = buffer.signatures().groups();
    let found: Vec<Found<'_>> = groups
        .iter()
        .map(|g| Found {
            count: g.count,
            category: g.category,
            signature: &g.signature,
            example: &g.example,
            first: g.first.1,
            last: g.last.1,
        })
        .collect();
    let text = match (as_json, found.is_empty()) {
        (true, _) => output::json(&found)?,
        (false, true) => "no errors among these lines\n".to_owned(),
        (false, false) => {
            let mut table = Table::new(&[
                ("count", Side::Right),
                ("category", Side::Left),
                ("first", Side::Right),
                ("last", Side::Right),
                ("error", Side::Left),
            ]);
            for one in &found {
                let when = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), |at| ago(at, now));
                let error = one.example.lines().collect::<Vec<_>>().join(" / ");
                table.row([&one.count.to_string(), one.category.word(), &when(one.first), &when(one.last), &error]);
            }
            table.render()
        }
    };
    Ok(Answer { notes, ..Answer::fine(text) })
}

/// A log, from its beginning to its end as it is now, or followed.
pub async fn print_log(session: &Session, of: &LogOf, args: &LogArgs, as_json: bool) -> Result<Answer, CliError> {
    let from = args.since.as_deref().map(since).transpose()?;
    let query = LogQuery { contains: args.contains.clone(), from, most: LINES, ..LogQuery::default() };
    let mut following = Following::new(session, of, &query, args.live, as_json);
    let (mut lines, mut from, mut notes): (Vec<RawLine>, _, Vec<String>) = (Vec::new(), None, Vec::new());
    let mut tail = args.tail;
    loop {
        let page = session.log(of, &query, from.as_ref()).await?;
        notes.extend(page.missing.map(|m| format!("lakeward: {}", escape(&m))));
        lines.extend(following.new_of(page.lines));
        let more = page.next.is_some() && page.next != from;
        from = page.next;
        if args.follow && page.at_end && from.is_some() {
            // Of what is there; all that comes later is wanted.
            keep_last(&mut lines, tail.take());
            if !lines.is_empty() {
                output::print(&text(&lines, as_json)?)?;
            }
            lines.clear();
            following.pause().await?;
        } else if page.at_end || !more {
            break;
        }
        keep_last(&mut lines, tail);
    }
    keep_last(&mut lines, tail);
    Ok(Answer { notes, ..Answer::fine(text(&lines, as_json)?) })
}

/// Whether a line is asked for: not every source looks for words and times itself.
fn meant(query: &LogQuery, line: &RawLine) -> bool {
    let late = query.from.is_none_or(|from| line.at.is_none_or(|at| at >= from));
    late && query.contains.as_ref().is_none_or(|words| line.text.contains(words.as_str()))
}

/// The newest lines are what is asked for; memory is bounded whatever the log.
fn keep_last(lines: &mut Vec<RawLine>, tail: Option<u32>) {
    let last = tail.map_or(LINES, |n| n as usize).min(LINES);
    lines.drain(..lines.len().saturating_sub(last));
}

fn text(lines: &[RawLine], as_json: bool) -> Result<String, CliError> {
    if as_json {
        let values: Vec<_> = lines
            .iter()
            .map(|l| serde_json::json!({ "at": l.at.map(|t| t.to_rfc3339()), "stream": &*l.stream, "text": l.text }))
            .collect();
        return output::json(&values);
    }
    let stamp = |l: &RawLine| l.at.map(|t| t.format("%Y-%m-%dT%H:%M:%S%.3fZ ").to_string()).unwrap_or_default();
    Ok(lines.iter().map(|l| format!("{}{}\n", stamp(l), escape(&l.text))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_out_of_its_address() {
        let cloudwatch =
            |group: &str, streams: &str| LogPlace::CloudWatch { group: group.into(), streams: streams.into() };
        for (address, place) in [
            ("s3://b/logs/run1", LogPlace::S3 { prefix: "s3://b/logs/run1/".into() }),
            ("s3://b", LogPlace::S3 { prefix: "s3://b/".into() }),
            ("cloudwatch:/aws/emr", cloudwatch("/aws/emr", "")),
            ("cloudwatch:/aws/emr#00r/SPARK_DRIVER", cloudwatch("/aws/emr", "00r/SPARK_DRIVER")),
            ("logs/a.txt", LogPlace::File { path: "logs/a.txt".into() }),
        ] {
            assert_eq!(place_of(address).unwrap(), place);
        }
        for wrong in ["cloudwatch:", "s3://", "s3:///x", "gs://b/x"] {
            assert!(matches!(place_of(wrong), Err(CliError::Usage { .. })), "{wrong}");
        }
        assert!(since("2h").unwrap() < Utc::now() && since("0m").is_err() && since("soon").is_err());
    }
}
