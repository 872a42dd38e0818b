//! The rules of composite alarms, as far as they are needed to tell that one can never fire: where only alarms are
//! named, and all of them are dead. A rule that says more (`NOT`, `OK(…)`) is left alone.

use std::collections::BTreeSet;

use super::{Alarm, AlarmState, Death, Watched};

/// Names in one rule that are read; there can be 100 (service quotas of CloudWatch).
const NAMES: usize = 100;

/// Marks the composite alarms that only dead ones could set off, those of others of them included.
pub fn dead_of_dead(alarms: &mut [Alarm]) {
    let mut dead: BTreeSet<String> = alarms.iter().filter(|a| a.dead.is_some()).map(|a| a.name.clone()).collect();
    // Each turn buries one at least, or is the last.
    loop {
        let before = dead.len();
        for alarm in alarms.iter_mut().filter(|a| a.dead.is_none() && a.state != AlarmState::Alarm) {
            let Watched::Alarms { rule } = &alarm.watched else { continue };
            let names = named(rule).filter(|names| names.iter().all(|name| dead.contains(name)));
            if let Some(names) = names {
                dead.insert(alarm.name.clone());
                alarm.dead = Some(Death::DeadAlarms { names });
            }
        }
        if dead.len() == before {
            return;
        }
    }
}

/// The alarms of a rule that only asks whether they fire; none of any other rule:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>.
fn named(rule: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = rule.trim_start();
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (token, after) = rest.split_at(word);
        rest = match token {
            "" => rest.strip_prefix(['(', ')'])?,
            "AND" | "OR" => after,
            "ALARM" => {
                let (name, after) = name(after.trim_start().strip_prefix('(')?)?;
                if !names.contains(&name) {
                    names.push(name);
                }
                after
            }
            _ => return None,
        }
        .trim_start();
    }
    (!names.is_empty() && names.len() <= NAMES).then_some(names)
}

/// A name, or the name in an ARN, and what follows the parenthesis behind it.
fn name(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let (name, after) = match text.strip_prefix('"') {
        Some(quoted) => {
            let (name, after) = quoted.split_once('"')?;
            // A quote in the name: not worth to be read.
            if name.ends_with('\\') {
                return None;
            }
            (name, after.trim_start().strip_prefix(')')?)
        }
        None => text.split_once(')')?,
    };
    let name = name.trim();
    let name = if name.starts_with("arn:") { name.split_once(":alarm:")?.1 } else { name };
    (!name.is_empty()).then(|| (name.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::super::MissingData;
    use super::super::samples::{alarm, watch};
    use super::*;

    #[test]
    fn rules_of_alarms_alone_are_read() {
        let arn = "ALARM(arn:aws:cloudwatch:eu-central-1:1:alarm:dq orders) AND (ALARM(b))";
        for (rule, names) in [
            ("ALARM(a)", Some(vec!["a"])),
            ("ALARM(\"a b\") OR ( ALARM( c-1 ) AND ALARM(\"d)\") )", Some(vec!["a b", "c-1", "d)"])),
            (arn, Some(vec!["dq orders", "b"])),
            ("ALARM(a) OR NOT ALARM(b)", None),
            ("OK(a)", None),
            ("TRUE", None),
            ("AT_LEAST(2, ALARM, (a, b))", None),
            ("ALARM(a", None),
            ("ALARM(\"a\\\"b\")", None),
            ("ALARM()", None),
            ("", None),
            ("ALARM(a) ∨ ALARM(b)", None),
        ] {
            let read = named(rule);
            let read: Option<Vec<&str>> = read.as_ref().map(|names| names.iter().map(String::as_str).collect());
            assert_eq!(read, names, "{rule}");
        }
    }

    fn composite(name: &str, rule: &str) -> Alarm {
        let watched = Watched::Alarms { rule: rule.into() };
        Alarm { watched, ..alarm(name, AlarmState::Ok, MissingData::Missing) }
    }

    #[test]
    fn only_dead_ones_below_make_one_dead() {
        let alive = alarm("alive", AlarmState::Ok, MissingData::Missing);
        let death = Death::NoData { watch: watch(&[]), seconds: 1 };
        let dead = Alarm { name: "dead".into(), dead: Some(death), ..alive.clone() };
        let mut all = vec![
            composite("above", "ALARM(both) OR ALARM(dead)"),
            composite("both", "ALARM(dead) AND ALARM(dead)"),
            composite("half", "ALARM(dead) OR ALARM(alive)"),
            composite("unknown", "ALARM(elsewhere)"),
            composite("circle", "ALARM(circle)"),
            Alarm { state: AlarmState::Alarm, ..composite("fired", "ALARM(dead)") },
            dead,
            alive,
        ];
        dead_of_dead(&mut all);
        let dead: Vec<&str> = all.iter().filter(|a| a.dead.is_some()).map(|a| a.name.as_str()).collect();
        assert_eq!(dead, ["above", "both", "dead"]);
        let both = all.get(1).and_then(|a| a.dead.clone());
        assert_eq!(both, Some(Death::DeadAlarms { names: vec!["dead".into()] }));
    }
}
