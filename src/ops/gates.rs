//! Reads what quality gates and the pipeline's own alert feed say on the lake, and raises their alerts.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};

use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::{Alert, AlertRule};
use crate::model::dataset::{Dataset, Layer};
use crate::model::feed::FeedProblem;
use crate::model::incident::IncidentStatus;
use crate::model::quality::QualityResult;
use crate::model::rules::feed::{feed_alert, stands};
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

/// Of what was said before and was not looked at now, so much stands.
const KEPT: usize = 4000;

/// Lines that are told of one by one.
const TOLD: usize = 5;

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
    let (results, heard) = match read {
        None => (last.quality.clone(), None),
        Some(read) => {
            *looked_into() = dates;
            let read = read.unwrap_or_else(|late| QualityRead { problems: vec![late], ..QualityRead::default() });
            let mut results = read.results;
            results.iter_mut().for_each(|result| result.name_dataset(&known));
            let mut results: Vec<_> = results.into_iter().map(Arc::new).collect();
            let told = results.iter().map(|r| (r.uri.clone(), r.etag.clone(), r.evaluated_at, r.verdict().word()));
            let heard = Round::of(session, Heard::answer(told), read.problems, &read.cut, read.listings);
            // Rule 6: what a source that fails said before stands, or its silence would look like a gate that holds; so
            // does what lay where it did not look.
            let known: HashSet<String> = results.iter().map(|r| r.uri.clone()).collect();
            let stands = last.quality.iter().filter(|q| !known.contains(&q.uri) && heard.keeps(&q.uri));
            results.extend(stands.take(heard.most()).cloned());
            (results, Some(heard))
        }
    };
    let mut alerts = Vec::new();
    for result in newest(results.iter().map(Arc::as_ref)) {
        let thresholds = result.dataset.as_ref().map(|d| settings.thresholds_of(d));
        alerts.extend(quality_alert(result, thresholds.as_ref().unwrap_or(&settings.thresholds), now));
    }
    (results, alerts, turn(session, QUALITY, "quality.prefixes", heard, last, now))
}

/// The alerts of the feed, and how it is.
async fn feed(session: &Session, last: &Snapshot, all: bool, now: DateTime<Utc>) -> (Vec<Alert>, SourceHealth) {
    let settings = &session.settings;
    let is_due = all || session.cadence.is_due(FEED, now);
    let lake = session.lake.as_ref();
    let read = async { Ok(session.feeds.read(lake, &settings.feeds, &settings.categories).await) };
    let (alerts, heard) = match asked(is_due, FEED, read).await {
        None => (feed_alerts(last).cloned().collect(), None),
        Some(read) => {
            let read = read.unwrap_or_else(|late| FeedPage { problems: vec![late], ..FeedPage::default() });
            let mut alerts: Vec<Alert> = read.lines.iter().filter_map(|line| feed_alert(line, now)).collect();
            let told = read.lines.iter().map(|line| (line.uri.clone(), line.at, line.title.clone()));
            let mut heard = Round::of(session, Heard::answer(told), read.problems, &read.cut, read.listings);
            heard.bad = read.bad;
            let known: HashSet<String> = alerts.iter().map(|a| a.key.clone()).collect();
            let lies = |a: &Alert| a.evidence.first().is_some_and(|evidence| heard.keeps(&evidence.uri));
            let stands = feed_alerts(last).filter(|a| !known.contains(&a.key) && lies(a));
            alerts.extend(stands.take(heard.most()).map(Alert::again));
            (alerts, Some(heard))
        }
    };
    // One that comes again and again began long ago: its newest line counts.
    let newest = |a: &Alert| a.evidence.iter().map(|e| e.observed_at).max().unwrap_or(a.since);
    let alerts = alerts.into_iter().filter(|a| stands(newest(a), now)).map(|alert| alert.again()).collect();
    (alerts, turn(session, FEED, "feed.prefixes", heard, last, now))
}

/// The alerts of the feed before.
fn feed_alerts(last: &Snapshot) -> impl Iterator<Item = &Alert> {
    last.alerts.iter().filter(|a| a.rule == AlertRule::AlertFeed)
}

/// What came of asking one of them.
struct Round {
    heard: Heard,
    failure: Option<LakeError>,
    /// Whether the source itself failed, and not one object.
    failed: bool,
    /// Addresses below which it did not look.
    cut: Vec<String>,
    /// Lines that could not be read.
    bad: Vec<FeedProblem>,
    listings: usize,
}

impl Round {
    fn of(session: &Session, answer: Heard, problems: Vec<LakeError>, cut: &[String], listings: usize) -> Self {
        let failed = problems.iter().any(is_of_source);
        let cut = cut.iter().map(|below| session.lake.uri(below)).collect();
        Self {
            heard: heard(&problems, answer),
            failure: problems.into_iter().next(),
            failed,
            cut,
            bad: Vec::new(),
            listings,
        }
    }

    /// How much of that stands: all of it where nothing was read, and else no more than grows without an end.
    fn most(&self) -> usize {
        if self.failed { usize::MAX } else { KEPT }
    }

    /// Whether what an object said before stands, though it is not among what was read.
    fn keeps(&self, uri: &str) -> bool {
        self.failed || self.cut.iter().any(|below| uri.starts_with(below))
    }
}

/// The state of a source after its turn, which is the longer in coming again the more listings it took.
fn turn(
    session: &Session,
    source: &'static str,
    setting: &str,
    round: Option<Round>,
    last: &Snapshot,
    now: DateTime<Utc>,
) -> SourceHealth {
    let cadence = &session.cadence;
    let Some(Round { heard, failure, failed, cut, bad, listings }) = round else {
        return cadence
            .turn(source, None, Ok(()), &last.sources, now)
            .told(None, &last.sources)
            .cut(None, &last.sources);
    };
    let mut health = cadence.turn(source, Some(heard), failure.map_or(Ok(()), Err), &last.sources, now);
    if !failed {
        // Whoever renews a credential should not wait for it.
        cadence.paced(source, listings, now);
        health.next = cadence.next(source, now);
    }
    let told = |cut: &Vec<String>| left_out(cut, &bad, setting);
    health.told((!failed).then(|| told(&cut)), &last.sources).cut((!failed).then_some(!cut.is_empty()), &last.sources)
}

/// What to say of what was not looked at.
fn left_out(cut: &[String], bad: &[FeedProblem], setting: &str) -> Vec<String> {
    let mut notes: Vec<String> = bad.iter().take(TOLD).map(|problem| format!("{problem}: it is left out")).collect();
    if bad.len() > TOLD {
        notes.push(format!("{} more lines cannot be read", bad.len() - TOLD));
    }
    let Some(first) = cut.first() else { return notes };
    let others = match cut.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more places"),
    };
    notes.push(format!("{first}{others}: not all of it is looked at, it is too much or takes too long; narrower prefixes under {setting} help"));
    notes
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
