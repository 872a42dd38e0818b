//! Reads what quality gates and the pipeline's own alert feed say on the lake, and raises their alerts.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};

use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::{Alert, AlertRule};
use crate::model::dataset::{Dataset, Layer};
use crate::model::incident::IncidentStatus;
use crate::model::quality::QualityResult;
use crate::model::rules::feed::feed_alert;
use crate::model::rules::quality::{newest, quality_alert};
use crate::sources::feed::FeedPage;
use crate::sources::quality::{QualityAsk, QualityRead};

use super::cadence::Heard;
use super::deadline::asked;
use super::health::SourceHealth;
use super::{Session, Snapshot};

/// The names of the sources.
const QUALITY: &str = "quality";
const FEED: &str = "feed";

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub quality: Vec<Arc<QualityResult>>,
    pub alerts: Vec<Alert>,
    pub health: Vec<SourceHealth>,
}

/// Reads both, side by side, or what is due of them.
pub(super) async fn read(session: &Session, last: &Snapshot, all: bool, now: DateTime<Utc>) -> Said {
    let settings = &session.settings;
    let mut said = Said::default();
    let ((quality, alerts, turn), (of_feed, feed_turn)) =
        futures::join!(quality(session, last, all, now), feed(session, last, all, now));
    said.quality = quality;
    said.alerts.extend(alerts.into_iter().chain(of_feed));
    said.health.extend((!settings.quality.is_empty()).then_some(turn));
    said.health.extend((!settings.feeds.is_empty()).then_some(feed_turn));
    said
}

/// The results, their alerts, and how their source is.
async fn quality(
    session: &Session,
    last: &Snapshot,
    all: bool,
    now: DateTime<Utc>,
) -> (Vec<Arc<QualityResult>>, Vec<Alert>, SourceHealth) {
    let settings = &session.settings;
    // A backfill's results lie under the date that it repairs, however long that is ago.
    let asked_of = session.asked_of.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let open = last.incidents.iter().filter(|incident| incident.status() != IncidentStatus::Resolved);
    let dates: BTreeSet<NaiveDate> = open.flat_map(|incident| incident.dates()).chain(asked_of).collect();
    let looked_into = || session.looked_into.lock().unwrap_or_else(PoisonError::into_inner);
    let is_other = *looked_into() != dates;
    let is_due = all || is_other || session.cadence.is_due(QUALITY, now);
    let ask = QualityAsk { prefixes: settings.quality.clone(), dates: dates.iter().copied().collect() };
    let read = asked(is_due, QUALITY, async { Ok(session.quality.read(session.lake.as_ref(), &ask).await) }).await;
    let known: Vec<(Dataset, Option<Layer>)> =
        settings.datasets.iter().map(|d| (d.dataset.clone(), settings.layer(&d.dataset))).collect();
    let (results, heard, failure, notes) = match read {
        None => (last.quality.clone(), None, None, None),
        Some(read) => {
            *looked_into() = dates;
            let read = read.unwrap_or_else(|late| QualityRead { problems: vec![late], ..QualityRead::default() });
            let notes = left_out(session, &read.cut, "quality.prefixes");
            let mut results = read.results;
            results.iter_mut().for_each(|result| result.name_dataset(&known));
            let mut results: Vec<_> = results.into_iter().map(Arc::new).collect();
            let told = results.iter().map(|r| (r.uri.clone(), r.etag.clone(), r.evaluated_at, r.verdict().word()));
            let heard = heard(&read.problems, Heard::answer(told));
            // Rule 6: what a source that fails said before stands, or its silence would look like a gate that holds; so
            // does what lay where it did not look.
            let failed = read.problems.iter().any(is_of_source);
            let cut: Vec<String> = read.cut.iter().map(|below| session.lake.uri(below)).collect();
            if failed || !cut.is_empty() {
                let read: HashSet<String> = results.iter().map(|r| r.uri.clone()).collect();
                let stands = |q: &&Arc<QualityResult>| {
                    !read.contains(&q.uri) && (failed || cut.iter().any(|below| q.uri.starts_with(below)))
                };
                results.extend(last.quality.iter().filter(stands).cloned());
            }
            let heard = Some((heard, read.listings));
            (results, heard, first(read.problems), (!failed).then_some(notes))
        }
    };
    let mut alerts = Vec::new();
    for result in newest(results.iter().map(Arc::as_ref)) {
        let thresholds = result.dataset.as_ref().map(|d| settings.thresholds_of(d));
        alerts.extend(quality_alert(result, thresholds.as_ref().unwrap_or(&settings.thresholds), now));
    }
    let turn = turn(session, QUALITY, heard, failure, notes, last, now);
    (results, alerts, turn)
}

/// The alerts of the feed, and how it is.
async fn feed(session: &Session, last: &Snapshot, all: bool, now: DateTime<Utc>) -> (Vec<Alert>, SourceHealth) {
    let settings = &session.settings;
    let is_due = all || session.cadence.is_due(FEED, now);
    let lake = session.lake.as_ref();
    let read = async { Ok(session.feeds.read(lake, &settings.feeds, &settings.categories).await) };
    let (mut alerts, heard, failure, notes, is_whole) = match asked(is_due, FEED, read).await {
        None => (Vec::new(), None, None, None, false),
        Some(read) => {
            let read = read.unwrap_or_else(|late| FeedPage { problems: vec![late], ..FeedPage::default() });
            let alerts: Vec<Alert> = read.lines.iter().filter_map(|line| feed_alert(line, now)).collect();
            let told = read.lines.iter().map(|line| (line.uri.clone(), line.at, line.title.clone()));
            let heard = heard(&read.problems, Heard::answer(told));
            let failed = read.problems.iter().any(is_of_source);
            let notes = left_out(session, &read.cut, "feed.prefixes");
            let is_whole = !failed && read.cut.is_empty();
            (alerts, Some((heard, read.listings)), first(read.problems), (!failed).then_some(notes), is_whole)
        }
    };
    if !is_whole {
        let known: HashSet<String> = alerts.iter().map(|a| a.key.clone()).collect();
        let stands = last.alerts.iter().filter(|a| a.rule == AlertRule::AlertFeed && !known.contains(&a.key));
        alerts.extend(stands.map(Alert::again));
    }
    (alerts, turn(session, FEED, heard, failure, notes, last, now))
}

/// The state of a source after its turn, which is the longer in coming again the more listings it took.
fn turn(
    session: &Session,
    source: &'static str,
    heard: Option<(Heard, usize)>,
    failure: Option<LakeError>,
    notes: Option<Vec<String>>,
    last: &Snapshot,
    now: DateTime<Utc>,
) -> SourceHealth {
    let listings = heard.as_ref().map(|(_, listings)| *listings);
    let after = failure.map_or(Ok(()), Err);
    let mut health = session.cadence.turn(source, heard.map(|(heard, _)| heard), after, &last.sources, now);
    if let Some(listings) = listings {
        session.cadence.paced(source, listings, now);
        health.next = session.cadence.next(source, now);
    }
    health.told(notes, &last.sources)
}

/// What to say of what was not looked at.
fn left_out(session: &Session, cut: &[String], setting: &str) -> Vec<String> {
    let Some(first) = cut.first() else { return Vec::new() };
    let (place, others) = (session.lake.uri(first), cut.len() - 1);
    let others = if others == 0 { String::new() } else { format!(" and {others} more places") };
    vec![format!("{place}{others}: more lies there than is read; name narrower prefixes under {setting}")]
}

/// What came of asking, by what could not be read.
fn heard(problems: &[LakeError], answer: Heard) -> Heard {
    if problems.iter().any(|e| e.class == ErrorClass::Throttled) {
        Heard::Throttled
    } else if problems.iter().any(is_of_source) {
        Heard::Failure
    } else {
        answer
    }
}

/// Whether a problem says something of the source, and not of one object: a listing that makes no sense does.
fn is_of_source(problem: &LakeError) -> bool {
    let of_object = matches!(problem.class, ErrorClass::Malformed | ErrorClass::NotFound | ErrorClass::Conflict);
    !of_object || problem.object.ends_with('/')
}

fn first(problems: Vec<LakeError>) -> Option<LakeError> {
    problems.into_iter().next()
}
