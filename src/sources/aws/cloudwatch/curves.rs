//! What a run of EMR Serverless used and was given, minute by minute: all of it in one request.
//! <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-job-metrics.html>

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::wire;
use crate::model::metric::{Curve, Dimension, Metric, MetricPlace, Point};
use crate::sources::SourceError;
use crate::sources::aws::call::Caller;

const NAMESPACE: &str = "AWS/EMRServerless";
/// The metrics of a run, what each is, and its unit. What is read and written is given by the minute.
const METRICS: [(&str, &str, &str); 8] = [
    ("WorkerCpuUsed", "vCPU used", "vCPU"),
    ("WorkerCpuAllocated", "vCPU given", "vCPU"),
    ("WorkerMemoryUsed", "memory used", "GB"),
    ("WorkerMemoryAllocated", "memory given", "GB"),
    ("WorkerEphemeralStorageUsed", "disk used", "GB"),
    ("WorkerEphemeralStorageAllocated", "disk given", "GB"),
    ("WorkerStorageReadBytes", "disk read", "bytes/min"),
    ("WorkerStorageWriteBytes", "disk written", "bytes/min"),
];
/// The workers of Spark, and what they are called here.
const WORKERS: [(&str, &str); 2] = [("SPARK_DRIVER", "driver"), ("SPARK_EXECUTORS", "executors")];
/// Where workers come from; both count.
const CAPACITIES: [&str; 2] = ["OnDemandCapacity", "PreInitCapacity"];
/// Values that a curve has at most: more than a screen is wide.
const POINTS: i64 = 300;
/// Pages that are read at most; what is asked for fits into one.
const PAGES: usize = 5;

/// Which of its two names a metric is kept under: since release 7.10 with the names of application and run, before
/// without.
type Key = (usize, usize, bool);

/// The curves of a place, those of one worker beside each other.
pub(super) async fn of(
    caller: &Caller,
    place: &MetricPlace,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Curve>, SourceError> {
    let MetricPlace::EmrServerless { application, run, .. } = place else { return Ok(Vec::new()) };
    let asked =
        caller.asked("cloudwatch:GetMetricData", format!("cloudwatch:/metrics/{NAMESPACE}/{application}/{run}"));
    let span = Span::of(from, until, Utc::now());
    let queries = queries(place, span.period);
    let bodies: Vec<&Value> = queries.iter().map(|(_, query)| query).collect();
    let mut input = json!({
        "MetricDataQueries": bodies, "StartTime": span.from, "EndTime": span.until, "ScanBy": "TimestampAscending",
    });
    let mut points = BTreeMap::new();
    for _ in 0..PAGES {
        let page = caller.ask(&asked, "GetMetricData", &input).await?;
        wire::points(&page, &mut points);
        match wire::next(&page) {
            Some(token) => input["NextToken"] = json!(token),
            None => break,
        }
    }
    let keys: Vec<Key> = queries.into_iter().map(|(key, _)| key).collect();
    Ok(curves(&keys, &points, span.period))
}

/// What is asked for, in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    from: i64,
    until: i64,
    period: i64,
}

impl Span {
    /// A whole number of periods around the time. What is older is kept by longer ones only:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
    fn of(from: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let least = match now - from {
            age if age >= Duration::days(63) => 3_600,
            age if age >= Duration::days(15) => 300,
            _ => 60,
        };
        let (from, until) = (from.timestamp(), until.timestamp());
        let length = (until - from).max(1);
        let period = (length + POINTS * least - 1) / (POINTS * least) * least;
        let from = from.div_euclid(period) * period;
        let until = (until.div_euclid(period) + 1) * period;
        Self { from, until, period }
    }
}

fn queries(place: &MetricPlace, period: i64) -> Vec<(Key, Value)> {
    let MetricPlace::EmrServerless { application, application_name, run, run_name } = place else { return Vec::new() };
    let dimension = |name: &str, value: &str| Dimension { name: name.to_owned(), value: value.to_owned() };
    let mut queries = Vec::new();
    for (metric, (name, ..)) in METRICS.iter().enumerate() {
        for (worker, (worker_type, _)) in WORKERS.iter().enumerate() {
            for with_names in [true, false] {
                if with_names && (application_name.is_empty() || run_name.is_empty()) {
                    continue;
                }
                for capacity in CAPACITIES {
                    let mut dimensions = vec![
                        dimension("ApplicationId", application),
                        dimension("JobId", run),
                        dimension("WorkerType", worker_type),
                        dimension("CapacityAllocationType", capacity),
                    ];
                    if with_names {
                        let names = [("ApplicationName", application_name), ("JobName", run_name)];
                        dimensions.extend(names.map(|(name, value)| dimension(name, value)));
                    }
                    let wanted = wire::named(&Metric::new(NAMESPACE, *name, dimensions));
                    let stat = json!({ "Metric": wanted, "Period": period, "Stat": "Sum" });
                    let query = json!({ "Id": format!("m{}", queries.len()), "MetricStat": stat });
                    queries.push(((worker, metric, with_names), query));
                }
            }
        }
    }
    queries
}

/// Adds up what both capacities say of one minute, and makes a minute's value of a longer period's sum.
fn curves(keys: &[Key], points: &BTreeMap<String, Vec<Point>>, period: i64) -> Vec<Curve> {
    let mut sums: BTreeMap<Key, BTreeMap<DateTime<Utc>, f64>> = BTreeMap::new();
    for (n, key) in keys.iter().enumerate() {
        for point in points.get(&format!("m{n}")).into_iter().flatten() {
            *sums.entry(*key).or_default().entry(point.at).or_default() += point.value;
        }
    }
    let minutes = period as f64 / 60.0;
    let mut curves = Vec::new();
    for (worker, (_, who)) in WORKERS.iter().enumerate() {
        for (metric, &(_, what, unit)) in METRICS.iter().enumerate() {
            // Releases before 7.10 may send both: once is enough.
            let found = [true, false].iter().find_map(|with_names| sums.get(&(worker, metric, *with_names)));
            let points = found.into_iter().flatten().map(|(at, sum)| Point { at: *at, value: sum / minutes });
            let points: Vec<Point> = points.collect();
            if !points.is_empty() {
                curves.push(Curve { name: format!("{who}, {what}"), unit: unit.into(), points });
            }
        }
    }
    curves
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn place(names: bool) -> MetricPlace {
        let name = |name: &str| if names { name.to_owned() } else { String::new() };
        MetricPlace::EmrServerless {
            application: "00a".into(),
            application_name: name("etl"),
            run: "00r".into(),
            run_name: name("silver_orders"),
        }
    }

    #[test]
    fn all_fits_into_one_request() {
        let both = queries(&place(true), 60);
        assert_eq!((both.len(), queries(&place(false), 60).len()), (64, 32));
        let ids: HashSet<_> = both.iter().map(|(_, query)| query["Id"].to_string()).collect();
        assert_eq!(ids.len(), 64);
        let of = |key: Key| {
            let (_, query) = both.iter().find(|(known, _)| *known == key).unwrap();
            query["MetricStat"]["Metric"]["Dimensions"].as_array().unwrap().len()
        };
        assert_eq!((of((0, 0, true)), of((0, 0, false))), (6, 4));
    }

    #[test]
    fn periods_fit_the_length_and_the_age() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        for (age, length, period) in [
            (Duration::hours(1), Duration::minutes(30), 60),
            (Duration::hours(5), Duration::hours(5), 60),
            (Duration::hours(6), Duration::hours(5) + Duration::seconds(1), 120),
            (Duration::days(2), Duration::days(2), 600),
            (Duration::days(15), Duration::minutes(5), 300),
            (Duration::days(63), Duration::minutes(5), 3_600),
            (Duration::hours(1), Duration::zero(), 60),
        ] {
            let from = now - age + Duration::seconds(7);
            let from = if age >= Duration::days(15) { now - age } else { from };
            let span = Span::of(from, from + length, now);
            assert_eq!(span.period, period, "{age} {length}");
            assert!(span.from <= from.timestamp() && span.until > (from + length).timestamp());
            assert!(
                span.from % period == 0 && span.until % period == 0 && (span.until - span.from) / period <= POINTS + 2
            );
        }
    }

    #[test]
    fn capacities_add_up_and_the_two_names_of_a_metric_do_not() {
        let at = |minute| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        let point = |minute, value| Point { at: at(minute), value };
        let keys = [(1, 2, true), (1, 2, true), (1, 2, false), (0, 0, false)];
        let points = BTreeMap::from([
            ("m0".to_owned(), vec![point(2, 8.0), point(0, 4.0)]),
            ("m1".to_owned(), vec![point(0, 2.0)]),
            ("m2".to_owned(), vec![point(0, 6.0)]),
            ("m3".to_owned(), vec![point(0, 1.0)]),
            ("other".to_owned(), vec![point(0, 1.0)]),
        ]);
        let found = curves(&keys, &points, 120);
        let shown: Vec<_> = found.iter().map(|c| (c.name.as_str(), &*c.unit, c.points.clone())).collect();
        let expected = [
            ("driver, vCPU used", "vCPU", vec![point(0, 0.5)]),
            ("executors, memory used", "GB", vec![point(0, 3.0), point(2, 4.0)]),
        ];
        assert_eq!(shown, expected);
    }
}
