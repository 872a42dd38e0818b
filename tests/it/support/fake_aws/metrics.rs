//! CloudWatch as its API reference has it: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusal;
use crate::support::http_server::Answer;

/// Metrics without data for longer are not listed. Seconds.
const LISTED: i64 = 14 * 86_400;

/// A metric and its data.
#[derive(Debug, Clone)]
pub struct Data {
    pub namespace: &'static str,
    pub name: &'static str,
    pub dimensions: BTreeMap<String, String>,
    pub unit: &'static str,
    /// Seconds since 1970, and the value.
    pub points: Vec<(i64, f64)>,
}

/// Alarms and metrics.
#[derive(Debug, Default)]
pub struct Metrics {
    /// As DescribeAlarms gives them.
    pub alarms: Vec<Value>,
    /// Those made of others.
    pub composite: Vec<Value>,
    pub data: Vec<Data>,
    /// The most metrics of a listing; 500 if it is 0.
    pub page: usize,
    /// Whether only alarms on metrics may be seen.
    pub narrow: bool,
    /// What the time is, for what is listed.
    pub now: i64,
}

fn dimensions(given: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    given.as_array().into_iter().flatten().map(|d| (text(&d["Name"]), text(&d["Value"]))).collect()
}

impl Metrics {
    /// The answer to an action.
    pub fn answer(&self, action: &str, asked: &Value) -> Answer {
        let found = match action {
            "describealarms" if self.narrow && asked["AlarmTypes"].is_array() => {
                return refusal(400, "AccessDeniedException");
            }
            "describealarms" => self.describe(asked),
            "listmetrics" => self.list(asked),
            "getmetricdata" => self.get(asked),
            _ => return refusal(400, "UnknownOperationException"),
        };
        Answer::of(200, &found.to_string())
    }

    fn describe(&self, asked: &Value) -> Value {
        let prefix = asked["AlarmNamePrefix"].as_str().unwrap_or_default();
        let kinds = asked["AlarmTypes"].as_array().cloned().unwrap_or_else(|| vec![json!("MetricAlarm")]);
        let of_kind = |kind: &str, all: &[Value]| if kinds.contains(&json!(kind)) { all.to_vec() } else { Vec::new() };
        let metric = of_kind("MetricAlarm", &self.alarms).into_iter().map(|alarm| ("MetricAlarms", alarm));
        let composite = of_kind("CompositeAlarm", &self.composite).into_iter().map(|alarm| ("CompositeAlarms", alarm));
        let named = |(_, alarm): &(_, Value)| alarm["AlarmName"].as_str().expect("a name").starts_with(prefix);
        let all: Vec<(&str, Value)> = metric.chain(composite).filter(named).collect();
        let most = asked["MaxRecords"].as_u64().map_or(50, |most| most as usize);
        assert!((1..=100).contains(&most), "MaxRecords is {most}");
        let from = asked["NextToken"].as_str().map_or(0, |token| token.parse::<usize>().expect("a token of ours"));
        let mut answer = json!({ "MetricAlarms": [], "CompositeAlarms": [] });
        for (list, alarm) in all.iter().skip(from).take(most) {
            answer[*list].as_array_mut().expect("a list").push(alarm.clone());
        }
        if from + most < all.len() {
            answer["NextToken"] = json!((from + most).to_string());
        }
        answer
    }

    fn list(&self, asked: &Value) -> Value {
        let wanted = dimensions(&asked["Dimensions"]);
        assert!(wanted.len() <= 10, "too many filters");
        let is = |data: &&Data| {
            asked["Namespace"].as_str().is_none_or(|namespace| namespace == data.namespace)
                && asked["MetricName"].as_str().is_none_or(|name| name == data.name)
                && wanted.iter().all(|(name, value)| data.dimensions.get(name) == Some(value))
                && data.points.iter().any(|(at, _)| self.now - at <= LISTED)
        };
        let found: Vec<Value> = self.data.iter().filter(is).map(metric).collect();
        let page = if self.page == 0 { 500 } else { self.page };
        let mut answer = json!({ "Metrics": found.iter().take(page).collect::<Vec<_>>() });
        if found.len() > page {
            answer["NextToken"] = json!("more");
        }
        answer
    }

    fn get(&self, asked: &Value) -> Value {
        let queries = asked["MetricDataQueries"].as_array().expect("queries");
        assert!(queries.len() <= 500, "{} queries", queries.len());
        let time = |name: &str| asked[name].as_i64().expect("a time in seconds");
        let (start, end) = (time("StartTime"), time("EndTime"));
        assert!(start < end, "from {start} to {end}");
        let results: Vec<Value> = queries.iter().map(|query| self.result(query, start, end)).collect();
        json!({ "MetricDataResults": results, "Messages": [] })
    }

    fn result(&self, query: &Value, start: i64, end: i64) -> Value {
        let stat = &query["MetricStat"];
        let wanted = dimensions(&stat["Metric"]["Dimensions"]);
        let is = |data: &&Data| {
            stat["Metric"]["Namespace"] == data.namespace
                && stat["Metric"]["MetricName"] == data.name
                && data.dimensions == wanted
                && stat["Unit"].as_str().is_none_or(|unit| unit == data.unit)
        };
        let period = stat["Period"].as_i64().expect("a period");
        let mut periods: BTreeMap<i64, f64> = BTreeMap::new();
        let within = |(at, _): &&(i64, f64)| (start..end).contains(at);
        for (at, value) in self.data.iter().filter(is).flat_map(|data| data.points.iter().filter(within)) {
            let value = if stat["Stat"] == "SampleCount" { 1.0 } else { *value };
            *periods.entry(at.div_euclid(period) * period).or_default() += value;
        }
        let (at, values): (Vec<i64>, Vec<f64>) = periods.into_iter().rev().unzip();
        json!({ "Id": query["Id"], "Label": "x", "Timestamps": at, "Values": values, "StatusCode": "Complete" })
    }
}

fn metric(data: &Data) -> Value {
    let dimensions: Vec<Value> = data.dimensions.iter().map(|(n, v)| json!({ "Name": n, "Value": v })).collect();
    json!({ "Namespace": data.namespace, "MetricName": data.name, "Dimensions": dimensions })
}
