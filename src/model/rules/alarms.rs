//! The rules over alarms: one that fires is an alert as it is; one that can never fire is worth knowing of before it is
//! needed.

use super::in_words;
use crate::model::alarm::{Alarm, AlarmState, Death, MissingData};
use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::category::FailureCategory;
use crate::model::dataset::Dataset;
use crate::model::metric::braced;
use crate::model::severity::Severity;
use crate::model::triage::Standing;

/// Alarms of a rule that a sentence names.
const NAMED: usize = 3;

/// An alarm over its threshold is a warning. Value and threshold are the alarm's own, in the unit of its metric; zero
/// where they are not one number.
pub fn alarm_alert(alarm: &Alarm) -> Option<Alert> {
    if alarm.state != AlarmState::Alarm {
        return None;
    }
    let reason = alarm.reason.as_deref().and_then(crate::model::text::first_line);
    let silent = if alarm.actions { "" } else { "; its actions are off: nobody is told" };
    Some(Alert {
        severity: Severity::Warning,
        summary: match &reason {
            Some(reason) => format!("{}: {reason}{silent}", alarm.name),
            None => format!("{} is in ALARM{silent}", alarm.name),
        },
        value: alarm.value.unwrap_or_default(),
        threshold: alarm.threshold.unwrap_or_default(),
        ..of_alarm(alarm, AlertRule::Alarm, alarm.description.as_deref().unwrap_or("in ALARM").to_owned())
    })
}

/// An alarm that can never fire is information, with the reason why. Where data is missing, the value is for how long
/// at least, in seconds.
pub fn dead_alarm_alert(alarm: &Alarm) -> Option<Alert> {
    let death = alarm.dead.as_ref()?;
    let why = why(death);
    let shows = match (alarm.state, alarm.missing, death) {
        (_, _, Death::DeadAlarms { .. }) => "",
        (AlarmState::Ok, MissingData::NotBreaching, _) => "; it shows OK, since it takes missing data for good data",
        (AlarmState::Ok, MissingData::Ignore, _) => "; it shows OK, as it did when there was data",
        _ => "",
    };
    Some(Alert {
        severity: Severity::Info,
        summary: format!("{} can never fire: {why}{shows}", alarm.name),
        value: match death {
            Death::NoData { seconds, .. } => *seconds as f64,
            _ => 0.0,
        },
        ..of_alarm(alarm, AlertRule::DeadAlarm, why)
    })
}

/// Why it is dead, and what there is instead.
fn why(death: &Death) -> String {
    match death {
        Death::NoMetric { metric, others } => {
            let instead: Vec<String> = others.iter().map(|other| braced(other)).collect();
            let instead = match instead.as_slice() {
                [] => "nor has any other of its name".to_owned(),
                some => format!("there are {}", some.join(", ")),
            };
            format!("no metric {metric} had data in two weeks; {instead}")
        }
        Death::NoData { watch, seconds } => {
            let unit = watch.unit.as_ref().map(|unit| format!(" in {unit}")).unwrap_or_default();
            let span = chrono::Duration::seconds(*seconds);
            format!("{} has had no data{unit} for {} and more", watch.metric, days(span))
        }
        Death::DeadAlarms { names } => {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            format!("neither can any alarm of its rule: {}{more}", names.join(", "))
        }
    }
}

fn days(span: chrono::Duration) -> String {
    match span.num_days() {
        days if days > 0 && span == chrono::Duration::days(days) => format!("{days} d"),
        _ => in_words(span),
    }
}

/// The fields that both share. An alarm concerns no dataset that it names as ours do.
fn of_alarm(alarm: &Alarm, rule: AlertRule, detail: String) -> Alert {
    Alert {
        key: format!("{}:{}", rule.word(), alarm.name),
        severity: Severity::Info,
        category: FailureCategory::Unknown,
        rule,
        dataset: Dataset("".into()),
        date: None,
        layer: None,
        since: alarm.since,
        standing: Standing::default(),
        summary: String::new(),
        value: 0.0,
        threshold: 0.0,
        evidence: vec![Evidence { uri: alarm.uri.clone(), observed_at: alarm.since, detail }],
        entry: None,
        run: None,
        job: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::alarm::samples::{alarm, dimensions, watch};

    const STATES: [AlarmState; 3] = [AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData];

    #[test]
    fn only_an_alarm_that_fires_is_an_alert_and_never_more_than_a_warning() {
        for state in STATES {
            let alarm = Alarm {
                description: Some("CRITICAL: page everybody".into()),
                ..alarm("critical-dq-orders", state, MissingData::Missing)
            };
            let alert = alarm_alert(&alarm);
            assert_eq!(alert.is_some(), state == AlarmState::Alarm);
            let Some(alert) = alert else { continue };
            assert_eq!((alert.severity, alert.key.as_str()), (Severity::Warning, "alarm:critical-dq-orders"));
            assert_eq!((alert.value, alert.threshold, alert.since), (7.0, 5.0, alarm.since));
            let summary =
                "critical-dq-orders: Threshold Crossed: 1 datapoint [7.0] was greater than the threshold (5.0).";
            assert_eq!(alert.summary, summary);
            let evidence = alert.evidence.first().unwrap();
            assert!(evidence.uri.ends_with(":alarm:critical-dq-orders") && evidence.detail.starts_with("CRITICAL"));
        }
    }

    #[test]
    fn an_alarm_that_tells_nobody_says_so() {
        let fired = alarm("a", AlarmState::Alarm, MissingData::Missing);
        let alert =
            alarm_alert(&Alarm { actions: false, reason: None, threshold: None, value: None, ..fired }).unwrap();
        assert_eq!(alert.summary, "a is in ALARM; its actions are off: nobody is told");
        assert_eq!((alert.value, alert.threshold), (0.0, 0.0));
    }

    #[test]
    fn a_dead_alarm_says_why_and_what_there_is() {
        let nowhere = |others| Death::NoMetric { metric: watch(&[("TableName", "order")]).metric, others };
        let other = dimensions(&[("Env", "prod"), ("TableName", "orders")]);
        let percent = crate::model::alarm::Watch { unit: Some("Percent".into()), ..watch(&[]) };
        let silent = |seconds| Death::NoData { watch: percent.clone(), seconds };
        let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        use MissingData::{Ignore, Missing, NotBreaching};
        for (death, state, missing, summary, value) in [
            (
                nowhere(vec![other]),
                AlarmState::InsufficientData,
                Missing,
                "x can never fire: no metric ProjectA/DQ DQCheckFailed {TableName=order} had data in two weeks; there are {Env=prod, TableName=orders}",
                0.0,
            ),
            (
                nowhere(vec![]),
                AlarmState::Ok,
                NotBreaching,
                "x can never fire: no metric ProjectA/DQ DQCheckFailed {TableName=order} had data in two weeks; nor has any other of its name; it shows OK, since it takes missing data for good data",
                0.0,
            ),
            (
                silent(259_200),
                AlarmState::Ok,
                Ignore,
                "x can never fire: ProjectA/DQ DQCheckFailed without dimensions has had no data in Percent for 3 d and more; it shows OK, as it did when there was data",
                259_200.0,
            ),
            (
                silent(262_800),
                AlarmState::InsufficientData,
                NotBreaching,
                "x can never fire: ProjectA/DQ DQCheckFailed without dimensions has had no data in Percent for 73 h and more",
                262_800.0,
            ),
            (
                Death::DeadAlarms { names },
                AlarmState::Ok,
                Missing,
                "x can never fire: neither can any alarm of its rule: a, b, c and 1 more",
                0.0,
            ),
        ] {
            let alarm = Alarm { dead: Some(death), ..alarm("x", state, missing) };
            let alert = dead_alarm_alert(&alarm).unwrap();
            assert_eq!((alert.summary.as_str(), alert.value), (summary, value));
            assert_eq!(
                (alert.severity, alert.key.as_str(), alert.rule),
                (Severity::Info, "dead_alarm:x", AlertRule::DeadAlarm)
            );
            assert!(alert.summary.contains(&alert.evidence.first().unwrap().detail));
        }
        for state in STATES {
            assert_eq!(dead_alarm_alert(&alarm("x", state, Missing)), None);
        }
    }
}
