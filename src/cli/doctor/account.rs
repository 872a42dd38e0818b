//! Who AWS takes us for, how long that lasts, and what AWS itself says is wrong now. None of it is needed by lakeward: in
//! a closed network these rows are the ones that stay dark.

use chrono::{DateTime, Duration, Utc};
use futures::join;

use super::calls::Calls;
use super::{Check, Verdict};
use crate::cli::config::{Config, LakeTarget, Vars};
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;
use crate::sources::aws::health::{self, AwsHealth, Issue, Told};
use crate::sources::aws::identity::{CallerIdentity, Identity, Lease, lease};
use crate::sources::aws::region::partition;

/// Issues that are told.
const ISSUES: usize = 3;

/// The rows `identity`, `credentials` and `aws status`.
pub async fn checks(config: &Config, vars: &Vars, calls: &Calls) -> Vec<Check> {
    if let Some(why) = why_not(config, vars) {
        return vec![Check::new("identity", Verdict::Skip, why)];
    }
    let Some(sdk) = calls.before_deadline(config.account.load()).await else {
        return vec![
            Check::new("identity", Verdict::Fail, "no region or profile was found in time").hint("--region, --profile"),
        ];
    };
    let at = |variable: &str| {
        let own = vars.get(variable).map(str::to_owned);
        let access = Access { endpoint_url: own.clone(), ..config.account.clone() };
        let sdk = match own {
            Some(own) => sdk.clone().into_builder().endpoint_url(own).build(),
            None => sdk.clone(),
        };
        (access, sdk)
    };
    let held = async {
        let error = || SourceError::new(ErrorClass::Unreachable, "credentials", "none came in time");
        calls.before_deadline(lease(&sdk, &config.account)).await.unwrap_or_else(|| Err(error()))
    };
    let who = async {
        let (access, sdk) = at("AWS_ENDPOINT_URL_STS");
        let sts = CallerIdentity::with_config(access, &sdk);
        calls.timed("sts:GetCallerIdentity", sts.identity()).await
    };
    let region = sdk.region().map(|r| r.as_ref().to_owned()).unwrap_or_default();
    let status = async {
        // Other partitions have a Health of their own, or none.
        if partition(&region) != "aws" {
            return Check::new("aws status", Verdict::Skip, format!("AWS Health is not asked in {region}"));
        }
        let (access, sdk) = at("AWS_ENDPOINT_URL_HEALTH");
        let asked = AwsHealth::with_config(access, &sdk);
        status(calls.timed("health:DescribeEvents", asked.issues(&region)).await, &region)
    };
    let (held, who, status) = join!(held, who, status);
    vec![identity(who), credentials(held, config.account.profile.as_deref(), Utc::now()), status]
}

/// Why AWS cannot be asked who we are.
fn why_not(config: &Config, vars: &Vars) -> Option<&'static str> {
    if config.emr.is_some() || config.secrets.is_some() || config.glue.is_some() {
        return None;
    }
    let Some(LakeTarget::S3(s3)) = &config.lake else { return Some("nothing is asked of AWS") };
    let elsewhere = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].iter().any(|name| vars.get(name).is_some());
    match (s3.access.anonymous, &s3.access.endpoint_url) {
        (true, _) => Some("nothing is signed (anonymous)"),
        (false, Some(_)) if !elsewhere => {
            Some("the lake is on a store of its own, which does not tell whose keys are whose")
        }
        _ => None,
    }
}

fn identity(who: Result<Identity, SourceError>) -> Check {
    match who {
        Ok(who) => {
            let session = who.session().map(|name| format!(", session {name}")).unwrap_or_default();
            Check::new(
                "identity",
                Verdict::Pass,
                format!("account {}, {}{session} ({})", who.account, who.name(), who.arn),
            )
        }
        // Lakeward works where STS cannot be reached; whoever has no credentials sees that in the next row.
        Err(e) if e.class == ErrorClass::Unreachable => Check::new("identity", Verdict::Warn, e.to_string())
            .hint("a VPC interface endpoint of STS would tell; nothing else needs it"),
        Err(e) => Check::failed("identity", &e),
    }
}

fn credentials(held: Result<Option<Lease>, SourceError>, profile: Option<&str>, now: DateTime<Utc>) -> Check {
    const NAME: &str = "credentials";
    let lease = match held {
        Ok(Some(lease)) => lease,
        Ok(None) => return Check::new(NAME, Verdict::Skip, "nothing is signed"),
        Err(e) => return Check::failed(NAME, &e),
    };
    let from = lease.kind.words();
    let Some(expires) = lease.expires else {
        return Check::new(NAME, Verdict::Pass, format!("{from}; they do not say when they end"));
    };
    let left = expires - now;
    let at = expires.format("%Y-%m-%d %H:%M UTC");
    let renewal = || format!("renew them: {}", lease.kind.renewal(profile));
    if left <= Duration::zero() {
        return Check::new(NAME, Verdict::Fail, format!("{from}; ended at {at}")).hint(renewal());
    }
    let left = match left.num_minutes() {
        minutes if minutes < 120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    };
    let seen = format!("{from}; end in {left} ({at})");
    match lease.ends_soon(now) {
        true => Check::new(NAME, Verdict::Warn, seen).hint(renewal()),
        false => Check::new(NAME, Verdict::Pass, seen),
    }
}

fn status(told: Result<Told, SourceError>, region: &str) -> Check {
    const NAME: &str = "aws status";
    match told {
        Ok(Told::Issues(all)) if all.is_empty() => {
            Check::new(NAME, Verdict::Pass, format!("no open issue of the pipeline's services in {region}"))
        }
        Ok(Told::Issues(all)) => {
            let one = |issue: &Issue| {
                let since = issue.since.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC")));
                format!("{}: {}{}", issue.service, issue.code, since.unwrap_or_default())
            };
            let told: Vec<String> = all.iter().take(ISSUES).map(one).collect();
            let more = all.len().saturating_sub(ISSUES);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            Check::new(NAME, Verdict::Warn, format!("{}{more}", told.join("; ")))
                .hint("AWS is at work on it: https://health.aws.amazon.com/health/home")
        }
        Ok(Told::NotSubscribed) => Check::new(
            NAME,
            Verdict::Skip,
            "SubscriptionRequiredException: AWS Health answers accounts with Business support or more",
        )
        .hint("https://health.aws.amazon.com/health/status shows what is public"),
        Err(e) => {
            let row = Check::new(NAME, Verdict::Skip, e.to_string());
            let hint = match e.class {
                ErrorClass::Denied => format!("grant {} on *; nothing else needs it", health::ACTION),
                _ => "nothing else needs it; https://health.aws.amazon.com/health/status shows what is public".into(),
            };
            row.hint(hint)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cli::doctor::tests::config;
    use crate::lake::s3::S3Settings;
    use crate::sources::aws::identity::Kind;

    #[test]
    fn credentials_have_a_verdict_at_each_edge() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let judged = |kind, minutes: Option<i64>| {
            let expires = minutes.map(|minutes| now + Duration::minutes(minutes));
            credentials(Ok(Some(Lease { kind, expires })), Some("oncall"), now)
        };
        for (kind, minutes, verdict, renewal) in [
            (Kind::Sso, Some(14), Verdict::Pass, None),
            (Kind::Sso, Some(3), Verdict::Warn, Some("renew them: aws sso login --profile oncall")),
            (Kind::Sso, Some(0), Verdict::Fail, Some("renew them: aws sso login --profile oncall")),
            (Kind::Machine, Some(14), Verdict::Pass, None),
            (Kind::Variables, None, Verdict::Pass, None),
        ] {
            let row = judged(kind, minutes);
            assert_eq!((row.verdict, row.hint.as_deref()), (verdict, renewal), "{kind:?} {minutes:?}");
        }
        assert!(judged(Kind::Sso, Some(200)).detail.contains("end in 3 h"));
        assert_eq!(credentials(Ok(None), None, now).verdict, Verdict::Skip);
    }

    #[test]
    fn a_closed_network_is_no_failure_and_no_credentials_are() {
        let error = |class| SourceError::new(class, "sts:GetCallerIdentity", "no");
        assert_eq!(identity(Err(error(ErrorClass::Unreachable))).verdict, Verdict::Warn);
        assert_eq!(identity(Err(error(ErrorClass::Expired))).verdict, Verdict::Fail);
        for class in [ErrorClass::Unreachable, ErrorClass::Denied, ErrorClass::Throttled] {
            assert_eq!(status(Err(error(class)), "eu-central-1").verdict, Verdict::Skip);
        }
        let row = status(Ok(Told::NotSubscribed), "eu-central-1");
        assert!(row.verdict == Verdict::Skip && row.detail.contains("SubscriptionRequiredException"));
    }

    #[test]
    fn open_issues_are_told_and_counted() {
        let issue = Issue { service: "S3".into(), code: "AWS_S3_OPERATIONAL_ISSUE".into(), since: None };
        let row = status(Ok(Told::Issues(vec![issue; 5])), "eu-central-1");
        assert_eq!(row.verdict, Verdict::Warn);
        assert!(row.detail.contains("S3: AWS_S3_OPERATIONAL_ISSUE") && row.detail.ends_with("and 2 more"), "{row:?}");
        assert_eq!(status(Ok(Told::Issues(Vec::new())), "x").verdict, Verdict::Pass);
    }

    #[test]
    fn aws_is_asked_only_where_there_is_one() {
        let on = |endpoint: Option<&str>, anonymous, vars: &[(&str, &str)]| {
            let access = Access { endpoint_url: endpoint.map(str::to_owned), anonymous, ..Access::default() };
            let lake = Some(LakeTarget::S3(S3Settings { access, ..S3Settings::default() }));
            let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vars>();
            why_not(&Config { lake, ..config() }, &vars).is_none()
        };
        assert!(on(None, false, &[]));
        assert!(!on(None, true, &[]));
        assert!(!on(Some("https://minio"), false, &[]));
        assert!(on(Some("http://moto"), false, &[("AWS_ENDPOINT_URL", "http://moto")]));
        assert!(why_not(&config(), &Vars::default()).is_some());
    }
}
