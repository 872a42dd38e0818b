//! Reads what quality gates and the pipeline's own alert feed say on the lake, and raises their alerts.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::lake::LakeError;
use crate::model::alert::Alert;
use crate::model::dataset::{Dataset, Layer};
use crate::model::quality::QualityResult;
use crate::model::rules::feed::feed_alert;
use crate::model::rules::quality::{newest, quality_alert};
use crate::sources::quality::QualityAsk;

use super::Session;
use super::health::SourceHealth;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub quality: Vec<Arc<QualityResult>>,
    pub alerts: Vec<Alert>,
    pub health: Vec<SourceHealth>,
}

/// Reads both, side by side.
pub(super) async fn read(session: &Session, now: DateTime<Utc>) -> Said {
    let settings = &session.settings;
    let ask = QualityAsk { prefixes: settings.quality.clone(), dates: Vec::new() };
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
    let mut said = Said::default();
    for result in newest(&results) {
        let thresholds = result.dataset.as_ref().map(|d| settings.thresholds_of(d));
        said.alerts.extend(quality_alert(result, thresholds.as_ref().unwrap_or(&settings.thresholds), now));
    }
    said.alerts.extend(feed.lines.iter().filter_map(|line| feed_alert(line, now)));
    said.quality = results.into_iter().map(Arc::new).collect();
    if !settings.quality.is_empty() {
        said.health.push(SourceHealth::after("quality", first(read.problems), now));
    }
    if !settings.feeds.is_empty() {
        said.health.push(SourceHealth::after("feed", first(feed.problems), now));
    }
    said
}

fn first(problems: Vec<LakeError>) -> Option<LakeError> {
    problems.into_iter().next()
}
