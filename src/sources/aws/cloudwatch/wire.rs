//! What CloudWatch says, in the model's words. Fields that are not there are not made up, and one record that makes no
//! sense hides no other.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::model::alarm::{Alarm, AlarmState, MissingData, Watch, Watched};
use crate::model::metric::{Dimension, Metric, Point};

/// The longest window that an alarm can have, and more: a week of periods.
const WINDOW: i64 = 30 * 86_400;
/// Functions of formulas that make data where none was sent, or take it from metrics that are not named:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>.
const UNTELLING: [&str; 6] = ["SEARCH(", "SELECT ", "FILL(", "TIME_SERIES(", "INSIGHT_RULE_METRIC(", "LAMBDA("];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAlarm {
    alarm_name: String,
    alarm_arn: Option<String>,
    alarm_description: Option<String>,
    alarm_configuration_updated_timestamp: Option<Value>,
    actions_enabled: Option<bool>,
    #[serde(default)]
    alarm_actions: Vec<Value>,
    state_value: Option<String>,
    state_reason: Option<String>,
    state_reason_data: Option<String>,
    state_updated_timestamp: Option<Value>,
    state_transitioned_timestamp: Option<Value>,
    metric_name: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    dimensions: Vec<WireDimension>,
    period: Option<i64>,
    unit: Option<String>,
    evaluation_periods: Option<i64>,
    threshold: Option<f64>,
    treat_missing_data: Option<String>,
    #[serde(default)]
    metrics: Vec<WireQuery>,
    alarm_rule: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireDimension {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireQuery {
    expression: Option<String>,
    period: Option<i64>,
    account_id: Option<String>,
    metric_stat: Option<WireStat>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireStat {
    metric: WireMetric,
    period: Option<i64>,
    unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireMetric {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<WireDimension>,
}

impl WireMetric {
    fn metric(self) -> Metric {
        Metric::new(self.namespace, self.metric_name, dimensions(self.dimensions))
    }
}

fn dimensions(wire: Vec<WireDimension>) -> Vec<Dimension> {
    wire.into_iter().map(|d| Dimension { name: d.name, value: d.value }).collect()
}

/// The records of a list, and of those that make no sense, why.
fn read<T: for<'de> Deserialize<'de>>(page: &Value, list: &str) -> (Vec<T>, Vec<String>) {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for record in page.get(list).and_then(Value::as_array).into_iter().flatten() {
        match T::deserialize(record) {
            Ok(one) => all.push(one),
            Err(e) => {
                let name = record.get("AlarmName").and_then(Value::as_str).map(|name| format!("{name}: "));
                faults.push(format!("{}{e}", name.unwrap_or_default()));
            }
        }
    }
    (all, faults)
}

/// The records of a list, without those that make no sense.
fn records<T: for<'de> Deserialize<'de>>(page: &Value, list: &str) -> Vec<T> {
    let (all, faults) = read(page, list);
    faults.iter().for_each(|fault| tracing::debug!("{list}: {fault}"));
    all
}

/// The token of the page after this one.
pub(super) fn next(page: &Value) -> Option<String> {
    page.get("NextToken").and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned)
}

/// The alarms of a page, of each kind, and of each that cannot be read, why.
pub(super) fn alarms(page: &Value) -> (Vec<Alarm>, Vec<String>) {
    let (mut alarms, mut faults) = (Vec::new(), Vec::new());
    for kind in ["MetricAlarms", "CompositeAlarms", "LogAlarms"] {
        let (records, unread) = read::<WireAlarm>(page, kind);
        alarms.extend(records.into_iter().map(alarm));
        faults.extend(unread);
    }
    (alarms, faults)
}

fn alarm(wire: WireAlarm) -> Alarm {
    let time = |value: &Option<Value>| value.as_ref().and_then(time);
    let configured = time(&wire.alarm_configuration_updated_timestamp);
    let since = time(&wire.state_transitioned_timestamp).or_else(|| time(&wire.state_updated_timestamp));
    let state = match wire.state_value.as_deref() {
        Some("ALARM") => AlarmState::Alarm,
        Some("OK") => AlarmState::Ok,
        _ => AlarmState::InsufficientData,
    };
    let missing = match wire.treat_missing_data.as_deref() {
        Some("ignore") => MissingData::Ignore,
        Some("breaching") => MissingData::Breaching,
        Some("notBreaching") => MissingData::NotBreaching,
        _ => MissingData::Missing,
    };
    let of_formula =
        wire.metrics.iter().filter_map(|m| m.period.or(m.metric_stat.as_ref().and_then(|s| s.period))).max();
    let period = wire.period.or(of_formula).unwrap_or(0).clamp(0, WINDOW);
    let window = period.saturating_mul(wire.evaluation_periods.unwrap_or(1).max(1)).min(WINDOW);
    Alarm {
        uri: wire
            .alarm_arn
            .filter(|arn| !arn.is_empty())
            .unwrap_or_else(|| format!("cloudwatch:/alarms/{}", wire.alarm_name)),
        description: wire.alarm_description.filter(|text| !text.trim().is_empty()),
        state,
        since: since.or(configured).unwrap_or_default(),
        reason: wire.state_reason.filter(|text| !text.trim().is_empty()),
        configured,
        threshold: wire.threshold.filter(|n| n.is_finite()),
        value: wire.state_reason_data.as_deref().and_then(last_value),
        missing,
        window: Duration::seconds(window),
        actions: wire.actions_enabled.unwrap_or(true) && !wire.alarm_actions.is_empty(),
        watched: match wire.alarm_rule {
            Some(rule) => Watched::Alarms { rule },
            None => watched(wire.namespace, wire.metric_name, wire.dimensions, wire.unit, wire.metrics),
        },
        name: wire.alarm_name,
        dead: None,
    }
}

fn watched(
    namespace: Option<String>,
    name: Option<String>,
    of_one: Vec<WireDimension>,
    unit: Option<String>,
    formula: Vec<WireQuery>,
) -> Watched {
    if let (Some(namespace), Some(name)) = (namespace, name) {
        let metric = Metric::new(namespace, name, dimensions(of_one));
        return Watched::Metrics { all: vec![Watch { metric, unit }] };
    }
    let telling = |query: &WireQuery| {
        let formula = query.expression.as_deref().unwrap_or_default().to_uppercase();
        query.account_id.is_none() && !UNTELLING.iter().any(|function| formula.contains(function))
    };
    if !formula.iter().all(telling) {
        return Watched::Untold;
    }
    let stats = formula.into_iter().filter_map(|query| query.metric_stat);
    let all: Vec<Watch> = stats.map(|stat| Watch { metric: stat.metric.metric(), unit: stat.unit }).collect();
    if all.is_empty() { Watched::Untold } else { Watched::Metrics { all } }
}

/// The newest of the values in `StateReasonData`.
fn last_value(data: &str) -> Option<f64> {
    let data: Value = serde_json::from_str(data).ok()?;
    data.get("recentDatapoints")?.as_array()?.iter().rev().find_map(Value::as_f64)
}

/// Seconds since 1970, with a fraction, or RFC 3339.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Number(seconds) => {
            let millis = seconds.as_f64()? * 1e3;
            DateTime::from_timestamp_millis((millis.is_finite()).then_some(millis as i64)?)
        }
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()),
        _ => None,
    }
}

/// The metrics of a page of ListMetrics.
pub(super) fn metrics(page: &Value) -> Vec<Metric> {
    records::<WireMetric>(page, "Metrics").into_iter().map(WireMetric::metric).collect()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireResult {
    id: String,
    #[serde(default)]
    timestamps: Vec<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

/// The values of a page of GetMetricData by the ids of what was asked, added to those of pages before; in no order.
pub(super) fn points(page: &Value, points: &mut BTreeMap<String, Vec<Point>>) {
    for result in records::<WireResult>(page, "MetricDataResults") {
        let all = result.timestamps.iter().zip(&result.values);
        let read = all.filter_map(|(at, value)| Some(Point { at: time(at)?, value: value.as_f64()? }));
        points.entry(result.id).or_default().extend(read.filter(|point| point.value.is_finite()));
    }
}

/// A metric as requests name it.
pub(super) fn named(metric: &Metric) -> Value {
    let dimensions: Vec<Value> =
        metric.dimensions().iter().map(|d| serde_json::json!({ "Name": d.name, "Value": d.value })).collect();
    serde_json::json!({ "Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(alarm: Value) -> Alarm {
        alarms(&json!({ "MetricAlarms": [alarm] })).0.pop().unwrap()
    }

    #[test]
    fn an_alarm_on_one_metric_is_read() {
        let alarm = read(json!({
            "AlarmName": "dq-orders", "AlarmArn": "arn:aws:cloudwatch:eu-central-1:1:alarm:dq-orders",
            "AlarmDescription": "rejected rows", "AlarmConfigurationUpdatedTimestamp": 1.795e9,
            "ActionsEnabled": true, "AlarmActions": ["arn:aws:sns:eu-central-1:1:oncall"], "StateValue": "ALARM",
            "StateReason": "Threshold Crossed", "StateReasonData": "{\"recentDatapoints\":[1.0,7.5],\"threshold\":5.0}",
            "StateUpdatedTimestamp": 1_795_000_300.5, "StateTransitionedTimestamp": 1_795_000_200,
            "MetricName": "DQCheckFailed", "Namespace": "ProjectA/DQ", "Statistic": "Sum",
            "Dimensions": [{ "Name": "TableName", "Value": "orders" }, { "Name": "Env", "Value": "prod" }],
            "Period": 300, "EvaluationPeriods": 3, "Threshold": 5.0, "TreatMissingData": "notBreaching",
        }));
        assert_eq!((alarm.name.as_str(), alarm.state), ("dq-orders", AlarmState::Alarm));
        assert_eq!((alarm.since.timestamp(), alarm.configured.unwrap().timestamp()), (1_795_000_200, 1_795_000_000));
        assert_eq!((alarm.value, alarm.threshold, alarm.window), (Some(7.5), Some(5.0), Duration::minutes(15)));
        assert_eq!((alarm.missing, alarm.actions), (MissingData::NotBreaching, true));
        let Watched::Metrics { all } = alarm.watched else { panic!("{alarm:?}") };
        assert_eq!(all[0].metric.to_string(), "ProjectA/DQ DQCheckFailed {Env=prod, TableName=orders}");
    }

    #[test]
    fn a_formula_is_the_metrics_it_is_made_of_unless_it_makes_data() {
        let stat = json!({ "Metric": { "Namespace": "A", "MetricName": "B" }, "Period": 60, "Stat": "Sum" });
        let of = |more: Value| {
            let metrics = json!([{ "Id": "m1", "MetricStat": stat }, more]);
            let alarm = read(json!({ "AlarmName": "a", "Metrics": metrics, "EvaluationPeriods": 2 }));
            (alarm.watched, alarm.window)
        };
        let metric = Metric::new("A", "B", Vec::new());
        let known = Watched::Metrics { all: vec![Watch { metric, unit: None }] };
        for (more, expected) in [
            (json!({ "Id": "e1", "Expression": "m1 / 2" }), &known),
            (json!({ "Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)" }), &known),
            (json!({ "Id": "e1", "Expression": "fill(m1, 0)" }), &Watched::Untold),
            (json!({ "Id": "e1", "Expression": "SUM(SEARCH('{A} B', 'Sum', 60))" }), &Watched::Untold),
            (json!({ "Id": "q1", "Expression": "SELECT AVG(x) FROM y", "Period": 60 }), &Watched::Untold),
            (json!({ "Id": "m2", "AccountId": "2", "MetricStat": stat }), &Watched::Untold),
        ] {
            let (watched, window) = of(more.clone());
            assert_eq!((&watched, window), (expected, Duration::minutes(2)), "{more}");
        }
    }

    #[test]
    fn what_is_missing_or_odd_is_borne() {
        let page = json!({
            "MetricAlarms": [{ "AlarmName": 5 }, "x", { "AlarmName": "bare" },
                { "AlarmName": "odd", "StateValue": "NEW", "Period": -5, "EvaluationPeriods": 9_007_199_254_740_991_i64,
                  "StateUpdatedTimestamp": "2026-11-25T03:00:00Z", "StateReasonData": "{", "Threshold": null }],
            "CompositeAlarms": [{ "AlarmName": "both", "AlarmRule": "ALARM(bare)", "StateValue": "OK" }],
            "LogAlarms": null,
        });
        let (read, faults) = alarms(&page);
        assert!(faults.len() == 2 && faults[0].contains("invalid type"), "{faults:?}");
        let named = alarms(&json!({ "CompositeAlarms": [{ "AlarmName": "x", "AlarmRule": 5 }] })).1;
        assert!(named.len() == 1 && named[0].starts_with("x: invalid type"), "{named:?}");
        let names: Vec<&str> = read.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["bare", "odd", "both"]);
        assert_eq!((read[0].uri.as_str(), read[0].state), ("cloudwatch:/alarms/bare", AlarmState::InsufficientData));
        assert_eq!((&read[0].watched, read[0].actions), (&Watched::Untold, false));
        assert_eq!(
            (read[1].since.to_rfc3339().as_str(), read[1].window),
            ("2026-11-25T03:00:00+00:00", Duration::zero())
        );
        assert_eq!(read[2].watched, Watched::Alarms { rule: "ALARM(bare)".into() });
        assert!(alarms(&json!({})).0.is_empty() && next(&json!({ "NextToken": "" })).is_none());
        let long = read_window(i64::MAX, i64::MAX);
        assert_eq!(long, Duration::days(30));
    }

    fn read_window(period: i64, periods: i64) -> Duration {
        read(json!({ "AlarmName": "a", "Period": period, "EvaluationPeriods": periods })).window
    }

    #[test]
    fn values_of_several_pages_are_joined() {
        let mut all = BTreeMap::new();
        for (from, values) in [(60, json!([2.5, "NaN"])), (0, json!([1]))] {
            let page = json!({ "MetricDataResults": [
                { "Id": "m0", "Timestamps": [from, from + 60], "Values": values }, { "Id": "m1" }, { "no": 1 }] });
            points(&page, &mut all);
        }
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(all["m0"], [Point { at: at(60), value: 2.5 }, Point { at: at(0), value: 1.0 }]);
        assert!(all["m1"].is_empty() && all.len() == 2);
    }
}
