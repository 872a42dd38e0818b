//! The sources that the configuration names: alarms, secrets, contracts in a registry, queries. A row for each.

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::calls::Calls;
use super::permissions::Grants;
use super::{Check, Verdict};
use crate::cli::config::Config;
use crate::lake::aws::Access;
use crate::model::secret::{SecretJudgement, WatchedSecret, judge};
use crate::sources::aws::athena::{self, Athena};
use crate::sources::aws::cloudwatch::{CloudWatch, CloudWatchSettings};
use crate::sources::aws::glue::{self, GlueRegistry};
use crate::sources::aws::secrets::{self, SecretsManager};
use crate::sources::contracts::{SchemaFormat, SchemaName, SchemaRegistry};
use crate::sources::metrics::{AlarmSource, AlarmsRead};
use crate::sources::secrets::SecretSource;

/// The rows.
pub async fn checks(config: &Config, calls: &Calls) -> Vec<Check> {
    let grants = Grants::of(config);
    let mut rows = Vec::new();
    if let Some(settings) = &config.cloudwatch {
        rows.push(alarms(settings, &grants, calls).await);
    }
    if let Some(access) = &config.secrets {
        let asked: Vec<_> = config.settings.secrets.iter().filter(|secret| !secret.on_lake).collect();
        rows.extend(of_secrets(access, &asked, &grants, calls).await);
    }
    if let Some(access) = &config.glue {
        let named = config.settings.datasets.iter().filter_map(|d| SchemaName::of_address(d.contract.as_ref()?));
        let mut names: Vec<SchemaName> = Vec::new();
        for name in named {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        rows.extend(schemas(access, &names, &grants, calls).await);
    }
    if let Some(access) = &config.athena {
        rows.extend(queries(access, &grants, calls).await);
    }
    rows
}

async fn alarms(settings: &CloudWatchSettings, grants: &Grants, calls: &Calls) -> Check {
    const NAME: &str = "alarms";
    let source = CloudWatch::new(settings.clone());
    match calls.timed("cloudwatch:/alarms", source.alarms(Utc::now())).await {
        Ok(AlarmsRead { alarms, problem, notes }) => {
            let dead = alarms.iter().filter(|alarm| alarm.dead.is_some()).count();
            let mut seen = format!("{} alarms can be read; {dead} of them can never fire", alarms.len());
            for note in &notes {
                seen.push_str(&format!("; {note}"));
            }
            match problem {
                None if notes.is_empty() => Check::new(NAME, Verdict::Pass, seen),
                None => Check::new(NAME, Verdict::Warn, seen)
                    .hint("what is not watched here raises no alert: allow it, or look at it elsewhere"),
                Some(e) => {
                    let actions = "cloudwatch:GetMetricData, cloudwatch:ListMetrics";
                    let row = Check::refused(NAME, &e, actions, Some("*".to_owned()));
                    Check {
                        verdict: Verdict::Warn,
                        detail: format!("{seen}, as far as is known: {}", row.detail),
                        ..row
                    }
                }
            }
        }
        Err(e) => {
            let resource = grants.of_service("cloudwatch", "alarm:*");
            Check::refused(NAME, &e, "cloudwatch:DescribeAlarms", Some(resource))
        }
    }
}

async fn of_secrets(access: &Access, watched: &[&WatchedSecret], grants: &Grants, calls: &Calls) -> Vec<Check> {
    let manager = SecretsManager::new(access.clone());
    let row = async |secret: &&WatchedSecret| {
        let name = format!("secret {}", secret.name);
        match calls.timed(&manager.uri(&secret.name), manager.standing(&secret.name)).await {
            Ok(standing) => judged(
                name,
                &judge(&standing, secret.max_age, Utc::now()),
                standing.last_rotated.max(standing.last_changed),
            ),
            Err(e) => {
                let resource = match secret.name.starts_with("arn:") {
                    true => secret.name.clone(),
                    false => grants.of_service("secretsmanager", &format!("secret:{}-*", secret.name)),
                };
                Check::refused(name, &e, secrets::ACTION, Some(resource))
            }
        }
    };
    join_all(watched.iter().map(row)).await
}

fn judged(name: String, judgement: &SecretJudgement, changed: Option<DateTime<Utc>>) -> Check {
    let words = judgement.words();
    match judgement {
        SecretJudgement::Fine => {
            let changed = changed.map(|at| format!(", changed {}", at.date_naive())).unwrap_or_default();
            Check::new(name, Verdict::Pass, format!("it is there{changed}"))
        }
        SecretJudgement::Missing => Check::new(name, Verdict::Fail, words)
            .hint("jobs that need it fail: check the name, the account and the region, or create it"),
        SecretJudgement::Deleting { .. } => Check::new(name, Verdict::Fail, words)
            .hint("aws secretsmanager restore-secret --secret-id NAME, if jobs need it"),
        SecretJudgement::RotationOverdue { .. } => {
            Check::new(name, Verdict::Warn, words).hint("look at the rotation function's log")
        }
        SecretJudgement::NotRotated { .. } => {
            Check::new(name, Verdict::Warn, words).hint("rotate it, or raise secrets.max_age")
        }
    }
}

async fn queries(access: &Access, grants: &Grants, calls: &Calls) -> [Check; 2] {
    let [start, get, results] = athena::ACTIONS;
    let on = grants.of_service("athena", "workgroup/*");
    let asked = calls.timed("athena:", Athena::new(access.clone()).may_be_asked()).await;
    let row = match asked {
        Ok(()) => Check::new(get, Verdict::Pass, "may be called"),
        Err(e) => Check::refused(get, &e, get, Some(on.clone())),
    };
    let needed = format!("needed: {start}, {results}, {} on {on}; and what the queries read and write", athena::STOP);
    [row, Check::new("athena queries", Verdict::Skip, "not tried: a query is billed").hint(needed)]
}

async fn schemas(access: &Access, names: &[SchemaName], grants: &Grants, calls: &Calls) -> Vec<Check> {
    let registry = GlueRegistry::new(access.clone());
    let row = async |schema: &SchemaName| {
        let place = format!("{}/{}", schema.registry, schema.schema);
        let name = format!("schema glue:{place}");
        match calls.timed(&name, registry.latest(schema)).await {
            Ok(found) if found.format == SchemaFormat::Protobuf => {
                Check::new(name, Verdict::Warn, "a Protocol Buffers schema, which is not read")
                    .hint("keep the contract in Avro or JSON Schema, or as a file on the lake")
            }
            Ok(found) => Check::new(name, Verdict::Pass, format!("version {} can be read", found.version)),
            Err(e) => {
                let on = [format!("registry/{}", schema.registry), format!("schema/{place}")];
                let on = on.map(|rest| grants.of_service("glue", &rest)).join(", ");
                Check::refused(name, &e, glue::ACTION, Some(on))
            }
        }
    };
    join_all(names.iter().map(row)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_judgement_has_a_verdict_and_what_is_wrong_a_hint() {
        let at = DateTime::UNIX_EPOCH;
        for (judgement, verdict) in [
            (SecretJudgement::Fine, Verdict::Pass),
            (SecretJudgement::Missing, Verdict::Fail),
            (SecretJudgement::Deleting { at }, Verdict::Fail),
            (SecretJudgement::RotationOverdue { since: at }, Verdict::Warn),
            (SecretJudgement::NotRotated { days: 91 }, Verdict::Warn),
        ] {
            let row = judged("secret a".into(), &judgement, None);
            assert_eq!((row.verdict, row.hint.is_some()), (verdict, verdict != Verdict::Pass), "{row:?}");
        }
    }
}
