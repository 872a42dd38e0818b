//! Reads what quality gates and the pipeline's own alert feed say on the lake, and raises their alerts.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};

use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::{Alert, AlertRule};
use crate::model::dataset::{Dataset, Layer};
use crate::model::quality::QualityResult;
use crate::model::rules::feed::feed_alert;
use crate::model::rules::quality::{newest, quality_alert};
use crate::sources::quality::QualityAsk;

use super::health::SourceHealth;
use super::{Session, Snapshot};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub quality: Vec<Arc<QualityResult>>,
    pub alerts: Vec<Alert>,
    pub health: Vec<SourceHealth>,
}

/// Reads both, side by side.
pub(super) async fn read(session: &Session, last: &Snapshot, now: DateTime<Utc>) -> Said {
    let settings = &session.settings;
    // A backfill's results lie under the date that it repairs, however long that is ago.
    let asked_of = session.asked_of.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let of_incidents = last.incidents.iter().flat_map(|incident| incident.dates());
    let dates: BTreeSet<NaiveDate> = of_incidents.chain(asked_of).collect();
    let dates = dates.into_iter().collect();
    let ask = QualityAsk { prefixes: settings.quality.clone(), dates };
    let lake = session.lake.as_ref();
    let (read, feed) = futures::join!(
        session.quality.read(lake, &ask),
        session.feeds.read(lake, &settings.feeds, &settings.categories)
    );
    let known: Vec<(Dataset, Option<Layer>)> =
        settings.datasets.iter().map(|d| (d.dataset.clone(), settings.layer(&d.dataset))).collect();
    let mut results = read.results;
    for result in &mut results {
        result.name_dataset(&known);
    }
    // Rule 6: what a source that fails said before stands, or its silence would look like a gate that holds.
    if read.problems.iter().any(is_of_source) {
        let missing = |q: &&Arc<QualityResult>| !results.iter().any(|r| r.uri == q.uri);
        let kept: Vec<QualityResult> = last.quality.iter().filter(missing).map(|q| q.as_ref().clone()).collect();
        results.extend(kept);
    }
    let mut said = Said::default();
    for result in newest(&results) {
        let thresholds = result.dataset.as_ref().map(|d| settings.thresholds_of(d));
        said.alerts.extend(quality_alert(result, thresholds.as_ref().unwrap_or(&settings.thresholds), now));
    }
    said.alerts.extend(feed.lines.iter().filter_map(|line| feed_alert(line, now)));
    if feed.problems.iter().any(is_of_source) {
        let known: HashSet<String> = said.alerts.iter().map(|a| a.key.clone()).collect();
        let of_feed = last.alerts.iter().filter(|a| a.rule == AlertRule::AlertFeed && !known.contains(&a.key));
        said.alerts.extend(of_feed.map(Alert::again));
    }
    said.quality = results.into_iter().map(Arc::new).collect();
    if !settings.quality.is_empty() {
        said.health.push(SourceHealth::after("quality", first(read.problems), now));
    }
    if !settings.feeds.is_empty() {
        said.health.push(SourceHealth::after("feed", first(feed.problems), now));
    }
    said
}

/// Whether a problem says something of the source, and not of one object: a listing that makes no sense does.
fn is_of_source(problem: &LakeError) -> bool {
    let of_object = matches!(problem.class, ErrorClass::Malformed | ErrorClass::NotFound | ErrorClass::Conflict);
    !of_object || problem.object.ends_with('/')
}

fn first(problems: Vec<LakeError>) -> Option<LakeError> {
    problems.into_iter().next()
}
