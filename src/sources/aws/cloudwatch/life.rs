//! What is known of the metrics of silent alarms: when each last had data, whether it exists at all, and what does
//! instead. Asked at most every quarter of an hour, of all of them in one request, and of those without data by one or
//! two more each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::wire;
use crate::lake::ErrorClass;
use crate::model::alarm::{Alarm, Death, LISTED, Sighting, Watch, Watched, in_doubt, judge};
use crate::model::metric::{Dimension, Metric};
use crate::sources::SourceError;
use crate::sources::aws::call::Caller;

/// How long the answer is good for.
const KEPT: Duration = Duration::minutes(15);
/// What one request may ask for:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
const QUERIES: usize = 500;
/// Metrics that are asked about at most, the first by name.
const WATCHES: usize = 2 * QUERIES;
/// Those of them without data whose existence is asked about at most; the rest is not judged.
const LISTINGS: usize = 64;
/// Of them, at once: CloudWatch takes 25 a second.
const AT_ONCE: usize = 16;
/// Pages of data that are read at most. Days of one batch fit into one, but a service may give less.
const PAGES: usize = 20;
/// Dimensions that a listing may be narrowed by:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>.
const FILTERS: usize = 10;

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Lives(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    /// When it was last tried.
    tried: Option<DateTime<Utc>>,
    /// When what is known was found.
    at: DateTime<Utc>,
    seen: HashMap<Watch, Sighting>,
    problem: Option<SourceError>,
}

impl Found {
    /// Whether to ask again. What was not answered is asked again the next time, unless it was a no.
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let Some(tried) = self.tried else { return true };
        let no =
            |e: &SourceError| matches!(e.class, ErrorClass::Denied | ErrorClass::Unsupported | ErrorClass::Malformed);
        let passing = self.problem.as_ref().is_some_and(|e| !no(e));
        passing || now - tried >= KEPT || now < tried
    }
}

impl Lives {
    /// Looks at what the alarms in doubt watch, if it is time to. What went wrong stands until it goes well.
    pub async fn look(&self, caller: &Caller, alarms: &[Alarm], now: DateTime<Utc>) -> Option<SourceError> {
        if !self.found().is_due(now) {
            return self.found().problem.clone();
        }
        let watches: BTreeSet<&Watch> = alarms.iter().filter(|a| in_doubt(a, now)).flat_map(watched).collect();
        let watches: Vec<&Watch> = watches.into_iter().take(WATCHES).collect();
        let answer = sightings(caller, &watches, now).await;
        let mut found = self.found();
        found.tried = Some(now);
        match answer {
            Ok((seen, problem)) => *found = Found { tried: Some(now), at: now, seen, problem },
            Err(error) => found.problem = Some(error),
        }
        found.problem.clone()
    }

    /// Why an alarm can never fire, as far as was seen.
    pub fn death(&self, alarm: &Alarm, now: DateTime<Utc>) -> Option<Death> {
        let found = self.found();
        if in_doubt(alarm, now) { judge(alarm, |watch| found.seen.get(watch), found.at) } else { None }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watched(alarm: &Alarm) -> &[Watch] {
    match &alarm.watched {
        Watched::Metrics { all } => all,
        Watched::Alarms { .. } | Watched::Untold => &[],
    }
}

type Seen = (HashMap<Watch, Sighting>, Option<SourceError>);

/// Data first, of all; then the existence of those without, which may fail by itself.
async fn sightings(caller: &Caller, watches: &[&Watch], now: DateTime<Utc>) -> Result<Seen, SourceError> {
    let batches = join_all(watches.chunks(QUERIES).map(|batch| last_data(caller, batch, now))).await;
    let mut seen: HashMap<Watch, Sighting> = HashMap::new();
    for batch in batches {
        seen.extend(batch?);
    }
    let silent: Vec<&Watch> =
        watches.iter().copied().filter(|w| seen.get(*w).is_some_and(|s| s.last.is_none())).collect();
    let silent = silent.get(..LISTINGS).unwrap_or(silent.as_slice());
    let metrics: BTreeSet<&Metric> = silent.iter().map(|watch| &watch.metric).collect();
    let names: BTreeSet<(&str, &str)> = metrics.iter().map(|m| (m.namespace.as_str(), m.name.as_str())).collect();
    let narrowed = metrics.iter().filter(|m| !m.dimensions().is_empty());
    let none: &[Dimension] = &[];
    let listings = names.iter().map(|(namespace, name)| (*namespace, *name, none));
    let listings = listings.chain(narrowed.map(|m| (m.namespace.as_str(), m.name.as_str(), m.dimensions())));
    let asks: Vec<_> = listings.map(|(namespace, name, by)| listed(caller, namespace, name, by)).collect();
    let answers: Vec<_> = stream::iter(asks).buffered(AT_ONCE).collect().await;
    let (by_name, exact) = answers.split_at(names.len().min(answers.len()));
    let by_name: BTreeMap<_, _> = names.iter().copied().zip(by_name).collect();
    let exact: BTreeMap<_, _> = metrics.iter().filter(|m| !m.dimensions().is_empty()).copied().zip(exact).collect();
    for watch in silent {
        let metric = &watch.metric;
        let named = by_name.get(&(metric.namespace.as_str(), metric.name.as_str())).and_then(|a| a.as_ref().ok());
        let narrow =
            exact.get(metric).and_then(|a| a.as_ref().ok()).or(named.filter(|_| metric.dimensions().is_empty()));
        if let Some(sighting) = seen.get_mut(*watch) {
            sighting.exists = narrow.and_then(|listing| listing.has(metric));
            sighting.others =
                named.map(|l| l.metrics.iter().map(|m| m.dimensions().to_vec()).collect()).unwrap_or_default();
        }
    }
    let problem = answers.into_iter().find_map(Result::err);
    Ok((seen, problem))
}

/// When each of them last had data, to the day, in the last two weeks; those with any are known to exist.
async fn last_data(
    caller: &Caller,
    batch: &[&Watch],
    now: DateTime<Utc>,
) -> Result<HashMap<Watch, Sighting>, SourceError> {
    let day = Duration::days(1);
    let query = |(n, watch): (usize, &&Watch)| {
        let mut stat = json!({
            "Metric": wire::named(&watch.metric), "Period": day.num_seconds(), "Stat": "SampleCount",
        });
        if let Some(unit) = &watch.unit {
            stat["Unit"] = json!(unit);
        }
        json!({ "Id": format!("w{n}"), "MetricStat": stat })
    };
    let queries: Vec<Value> = batch.iter().enumerate().map(query).collect();
    let asked = caller.asked("cloudwatch:GetMetricData", "cloudwatch:/metrics");
    let mut input = json!({
        "MetricDataQueries": queries, "StartTime": (now - LISTED).timestamp(), "EndTime": now.timestamp(),
    });
    let mut points = BTreeMap::new();
    let mut whole = batch.is_empty();
    for _ in 0..PAGES {
        if whole {
            break;
        }
        let page = caller.ask(&asked, "GetMetricData", &input).await?;
        wire::points(&page, &mut points);
        match wire::next(&page) {
            Some(token) => input["NextToken"] = json!(token),
            None => whole = true,
        }
    }
    let sighting = |(n, watch): (usize, &&Watch)| {
        let found = points.get(&format!("w{n}")).into_iter().flatten().filter(|point| point.value > 0.0);
        let last = found.map(|point| (point.at + day).min(now)).max();
        ((*watch).clone(), Sighting { last, exists: last.map(|_| true), others: Vec::new() })
    };
    let seen = batch.iter().enumerate().map(sighting);
    // Of what may stand on a page that was not read, nothing is known.
    Ok(seen.filter(|(_, sighting)| whole || sighting.last.is_some()).collect())
}

/// One page of metrics.
struct Listing {
    metrics: Vec<Metric>,
    more: bool,
}

impl Listing {
    /// Whether a metric is among them; none if it may be on a page that was not read.
    fn has(&self, metric: &Metric) -> Option<bool> {
        if self.metrics.contains(metric) {
            return Some(true);
        }
        (!self.more).then_some(false)
    }
}

async fn listed(caller: &Caller, namespace: &str, name: &str, by: &[Dimension]) -> Result<Listing, SourceError> {
    let filters: Vec<Value> = by.iter().take(FILTERS).map(|d| json!({ "Name": d.name, "Value": d.value })).collect();
    let mut input = json!({ "Namespace": namespace, "MetricName": name });
    if !filters.is_empty() {
        input["Dimensions"] = json!(filters);
    }
    let asked = caller.asked("cloudwatch:ListMetrics", format!("cloudwatch:/metrics/{namespace}/{name}"));
    let page = caller.ask(&asked, "ListMetrics", &input).await?;
    Ok(Listing { metrics: wire::metrics(&page), more: wire::next(&page).is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_stands_for_a_quarter_of_an_hour_and_silence_does_not() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let found = |class: Option<ErrorClass>, ago: Duration| {
            let problem = class.map(|class| SourceError::new(class, "x", "y"));
            Found { tried: Some(now - ago), problem, ..Found::default() }.is_due(now)
        };
        let (early, late) = (Duration::minutes(14), KEPT);
        assert!(Found::default().is_due(now));
        for (class, again) in [
            (None, false),
            (Some(ErrorClass::Denied), false),
            (Some(ErrorClass::Malformed), false),
            (Some(ErrorClass::Throttled), true),
            (Some(ErrorClass::Unreachable), true),
            (Some(ErrorClass::Expired), true),
        ] {
            assert_eq!((found(class, early), found(class, late)), (again, true), "{class:?}");
        }
        assert!(found(None, Duration::minutes(-1)), "the clock was set back");
    }

    #[test]
    fn half_a_listing_does_not_say_what_is_not_there() {
        let metric = |name: &str| Metric::new("A", name, Vec::new());
        for (more, name, known) in
            [(false, "x", Some(true)), (true, "x", Some(true)), (false, "y", Some(false)), (true, "y", None)]
        {
            assert_eq!(Listing { metrics: vec![metric("x")], more }.has(&metric(name)), known);
        }
    }
}
