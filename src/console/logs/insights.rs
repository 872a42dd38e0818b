//! A question to Logs Insights, typed: `[TIME] [GROUP…] QUERY`. Its answer is read like a log.

use chrono::{DateTime, Duration, Utc};

use super::open;
use crate::console::jobs::tree::Node;
use crate::console::msg::Effect;
use crate::console::state::{State, Tab};
use crate::model::length;
use crate::model::run::LogPlace;
use crate::model::text::middle;
use crate::ops::LogOf;
use crate::sources::logs::LogQuestion;

/// How far back a question goes that does not say it: what is scanned is billed.
const LATELY: Duration = Duration::hours(1);
/// Rows at most.
const ROWS: usize = 1_000;

/// Asks what was typed. It is asked once: R asks again.
pub(in crate::console) fn ask(state: &mut State, argument: &str) -> Vec<Effect> {
    match read(argument, group(state), state.now) {
        Ok(question) => {
            let title = format!("Insights: {}", middle(&question.query, 60));
            open(state, LogOf::Question(question), title)
        }
        Err(why) => {
            state.fail(format!("insights: {why}"));
            Vec::new()
        }
    }
}

/// The group of what is chosen or read.
fn group(state: &State) -> Option<String> {
    let of = |place: &LogPlace| match place {
        LogPlace::CloudWatch { group, .. } => Some(group.clone()),
        _ => None,
    };
    if let (Tab::Logs, Some(LogOf::Place(place))) = (state.tab, state.logs.of.as_deref()) {
        return of(place);
    }
    if let (Tab::Logs, Some(LogOf::Question(question))) = (state.tab, state.logs.of.as_deref()) {
        return question.groups.first().cloned();
    }
    let Some(node @ Node::JobRun { .. }) = state.jobs.selected() else { return None };
    state.jobs.detail(&node.id())?.log.iter().find_map(of)
}

fn read(argument: &str, group: Option<String>, now: DateTime<Utc>) -> Result<LogQuestion, &'static str> {
    let (mut rest, mut back, mut groups) = (argument.trim(), LATELY, Vec::new());
    let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    if let Some(length) = length::parse(&word(rest)).filter(|length| *length > Duration::zero()) {
        back = length;
        rest = rest.strip_prefix(&word(rest)).unwrap_or(rest).trim_start();
    }
    while word(rest).starts_with('/') || word(rest).starts_with("arn:") {
        let named = word(rest);
        rest = rest.strip_prefix(&named).unwrap_or_default().trim_start();
        groups.push(named);
    }
    if rest.is_empty() {
        return Err("type a query behind it: fields @timestamp, @message | filter @message like /OutOfMemory/");
    }
    groups.extend(group.filter(|_| groups.is_empty()));
    if groups.is_empty() {
        return Err("name a group before the query: /aws/emr-serverless");
    }
    Ok(LogQuestion { groups, query: rest.to_owned(), from: now - back, until: now, most: ROWS })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn time_and_groups_come_before_the_query_and_may_be_left_out() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let query = "fields @message | limit 5";
        for (argument, known, groups, back) in [
            (format!("/aws/a {query}"), None, vec!["/aws/a"], LATELY),
            (format!(" 6h /aws/a arn:b  {query} "), Some("/c"), vec!["/aws/a", "arn:b"], Duration::hours(6)),
            (query.to_owned(), Some("/c"), vec!["/c"], LATELY),
            (format!("2d {query}"), Some("/c"), vec!["/c"], Duration::days(2)),
        ] {
            let read = read(&argument, known.map(str::to_owned), now).unwrap();
            assert_eq!((read.query.as_str(), read.from, read.until), (query, now - back, now), "{argument}");
            assert_eq!(read.groups, groups, "{argument}");
        }
        assert!(read("", Some("/c".into()), now).is_err_and(|why| why.contains("query")));
        assert!(read("6h /aws/a", None, now).is_err_and(|why| why.contains("query")));
        assert!(read(query, None, now).is_err_and(|why| why.contains("group")));
    }
}
