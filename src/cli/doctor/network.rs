//! The way to each server that the configuration names: its name, a connection, TLS, an answer; whether S3 is reached
//! inside of the VPC; and whether the servers' clocks agree with ours.

use aws_config::SdkConfig;
use chrono::Duration;
use futures::future::join_all;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{Check, Verdict};
use crate::cli::config::{AirflowConfig, Config, LakeTarget, NotifierConfig, NotifierEnd, Vars};
use crate::lake::ErrorClass;
use crate::lake::s3::S3Settings;
use crate::sources::SourceError;
use crate::sources::aws::region::host;
use crate::sources::notify::sns::region_of;
use crate::sources::reach::proxy::{Proxy, proxy_of};
use crate::sources::reach::{Endpoint, Reached, is_private, reach};

/// Finding a region may ask the machine's own metadata service.
const REGION: std::time::Duration = std::time::Duration::from_secs(4);
/// Addresses that are told of one name.
const TOLD: usize = 2;
/// A clock that is off by more is worth a word.
const OFF: Duration = Duration::seconds(60);
/// AWS refuses requests that were signed more than five minutes ago or ahead, S3 those of fifteen:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>. The SDK helps itself to the
/// server's time; jobs and other tools on this machine may not.
const REFUSED: Duration = Duration::minutes(5);

/// A server, and who is asked there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Used {
    by: String,
    endpoint: Endpoint,
    /// Whether it is AWS's own S3, of which the route is told.
    is_s3: bool,
    /// Whether its certificate is looked at: who asks it may be told not to.
    verified: bool,
}

/// The rows.
pub async fn checks(config: &Config, vars: &Vars) -> Vec<Check> {
    let (mut used, mut rows) = match timeout(REGION, servers(config, vars)).await {
        Ok(used) => (used, Vec::new()),
        Err(_) => {
            let row = Check::new("region", Verdict::Fail, "no region was found in time: no server of AWS is known");
            (Vec::new(), vec![row.hint("--region, AWS_REGION, or `region` of the profile")])
        }
    };
    used.extend(airflow(config));
    used.extend(notified(config));
    let used = merged(used);
    if used.is_empty() && rows.is_empty() {
        return vec![Check::new("network", Verdict::Skip, "nothing is asked over a network")];
    }
    let visits = join_all(used.iter().map(|server| visit(server, vars))).await;
    let mut clocks = Vec::new();
    for (server, (proxy, visit)) in used.iter().zip(visits) {
        rows.push(row(server, proxy.as_ref(), &visit));
        if let Ok(reached) = &visit {
            rows.extend(server.is_s3.then(|| route(proxy.as_ref(), reached)));
            clocks.extend(reached.ahead.map(|ahead| (server, ahead)));
        }
    }
    rows.push(clock(&clocks));
    rows
}

async fn visit(server: &Used, vars: &Vars) -> (Option<Proxy>, Result<Reached, SourceError>) {
    match proxy_of(&server.endpoint, |name| vars.get(name)) {
        Ok(proxy) => {
            let reached = reach(&server.endpoint, proxy.as_ref(), server.verified).await;
            (proxy, reached)
        }
        Err(variable) => {
            let detail = format!("{variable} is not the address of a proxy");
            let error = SourceError::new(ErrorClass::Malformed, server.endpoint.to_string(), detail);
            (None, Err(SourceError { hint: format!("{variable}=http://host:port, or unset it"), ..error }))
        }
    }
}

/// The servers of AWS, or of the store that stands for it.
async fn servers(config: &Config, vars: &Vars) -> Vec<Used> {
    let known = OnceCell::new();
    let sdk = || known.get_or_init(|| config.account.load());
    let mut used = Vec::new();
    if let Some(LakeTarget::S3(s3)) = &config.lake {
        let found = address(s3.access.endpoint_url.as_deref(), "s3", "AWS_ENDPOINT_URL_S3", vars, &sdk).await;
        used.extend(found.and_then(|(address, is_s3)| {
            let endpoint = bucket_host(Endpoint::of(&address)?, s3);
            Some(Used { by: "s3".into(), endpoint, is_s3, verified: true })
        }));
    }
    let emr = config.emr.as_ref().map(|emr| &emr.access);
    let mwaa = config.airflow.as_ref().and_then(|airflow| match airflow {
        AirflowConfig::Managed(mwaa) => Some(&mwaa.access),
        AirflowConfig::Own(_) => None,
    });
    // Those without a variable are asked by no SDK crate, and read none.
    for (service, variable, access) in [
        ("emr-serverless", "AWS_ENDPOINT_URL_EMR_SERVERLESS", emr),
        ("logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", emr),
        ("secretsmanager", "", config.secrets.as_ref()),
        ("glue", "", config.glue.as_ref()),
        ("athena", "", config.athena.as_ref()),
        ("monitoring", "", config.cloudwatch.as_ref().map(|cloudwatch| &cloudwatch.access)),
        ("env.airflow", "", mwaa),
    ] {
        let Some(access) = access else { continue };
        let found = address(access.endpoint_url.as_deref(), service, variable, vars, &sdk).await;
        let endpoint = found.and_then(|(address, _)| Endpoint::of(&address));
        used.extend(endpoint.map(|endpoint| Used { by: service.into(), endpoint, is_s3: false, verified: true }));
    }
    used
}

/// The address of a service as it is found by who asks it, and whether it is AWS's own: the settings, the service's
/// variable, the variable or profile of all services, the region.
async fn address<'a, F>(
    named: Option<&str>,
    service: &str,
    variable: &str,
    vars: &Vars,
    sdk: &impl Fn() -> F,
) -> Option<(String, bool)>
where
    F: Future<Output = &'a SdkConfig>,
{
    if let Some(named) = named.or_else(|| vars.get(variable)) {
        return Some((named.to_owned(), false));
    }
    let sdk = sdk().await;
    match (sdk.endpoint_url(), sdk.region()) {
        (Some(named), _) => Some((named.to_owned(), false)),
        (None, Some(region)) => Some((format!("https://{}", host(service, region.as_ref())), true)),
        (None, None) => None,
    }
}

/// A bucket has a host of its own, unless it is named in the path or has dots, which a certificate does not cover.
fn bucket_host(endpoint: Endpoint, s3: &S3Settings) -> Endpoint {
    let is_address = endpoint.host.parse::<std::net::IpAddr>().is_ok();
    if s3.path_style || is_address || (endpoint.tls && s3.bucket.contains('.')) {
        return endpoint;
    }
    Endpoint { host: format!("{}.{}", s3.bucket, endpoint.host), ..endpoint }
}

fn airflow(config: &Config) -> Option<Used> {
    let AirflowConfig::Own(airflow) = config.airflow.as_ref()? else { return None };
    let endpoint = Endpoint::of(airflow.url.trim())?;
    Some(Used { by: "airflow".into(), endpoint, is_s3: false, verified: airflow.verify })
}

/// The servers of those who tell people. Of a webhook's address, which is a secret, the host alone.
fn notified(config: &Config) -> Vec<Used> {
    let server = |config: &NotifierConfig| {
        let endpoint = match &config.end {
            NotifierEnd::Webhook { url } => Endpoint::of(url.as_ref().ok()?.expose()),
            NotifierEnd::PagerDuty { endpoint, .. } => Endpoint::of(endpoint),
            NotifierEnd::Sns(sns) => match &sns.endpoint_url {
                Some(named) => Endpoint::of(named),
                None => Endpoint::of(&format!("https://{}", host("sns", region_of(&sns.topic_arn)?))),
            },
            NotifierEnd::File(_) => None,
        };
        Some(Used { by: config.about.name.clone(), endpoint: endpoint?, is_s3: false, verified: true })
    };
    config.notify.iter().filter_map(server).collect()
}

/// One row a server, whoever is asked there.
fn merged(all: Vec<Used>) -> Vec<Used> {
    let mut merged: Vec<Used> = Vec::new();
    for used in all {
        match merged.iter_mut().find(|known| known.endpoint == used.endpoint) {
            Some(known) => {
                known.by = format!("{}, {}", known.by, used.by);
                known.verified |= used.verified;
            }
            None => merged.push(used),
        }
    }
    merged
}

fn row(server: &Used, proxy: Option<&Proxy>, visit: &Result<Reached, SourceError>) -> Check {
    let name = format!("network {}", server.by);
    let by_proxy = proxy.map(|p| format!(" through the proxy {} ({})", p.server, p.variable)).unwrap_or_default();
    let seen = match visit {
        Ok(seen) => seen,
        Err(e) => {
            let row = Check::new(name, Verdict::Fail, format!("{}{by_proxy}: {}", server.endpoint, e.detail));
            let hint = match proxy {
                Some(proxy) => format!("{}; or name the host in NO_PROXY ({} is set)", e.hint, proxy.variable),
                None => e.hint.clone(),
            };
            return row.hint(hint);
        }
    };
    let told: Vec<String> = seen.addresses.iter().take(TOLD).map(ToString::to_string).collect();
    let more = seen.addresses.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let answered = if server.endpoint.tls { "TLS and an answer" } else { "an answer, without TLS" };
    let detail = format!(
        "{}{by_proxy}: {}{more} ({} ms), connection {} ms, {answered} {} ms (HTTP {})",
        server.endpoint,
        told.join(", "),
        seen.named.as_millis(),
        seen.connected.as_millis(),
        seen.answered.as_millis(),
        seen.status,
    );
    Check::new(name, Verdict::Pass, detail)
}

/// Whether AWS's own S3 is inside of the VPC, as far as its addresses tell.
fn route(proxy: Option<&Proxy>, reached: &Reached) -> Check {
    const NAME: &str = "s3 route";
    if let Some(proxy) = proxy {
        return Check::new(NAME, Verdict::Pass, format!("through the proxy {} ({})", proxy.server, proxy.variable));
    }
    match reached.addresses.iter().filter(|a| is_private(a)).count() {
        0 => Check::new(
            NAME,
            Verdict::Pass,
            "public addresses: through the internet or a gateway endpoint, which cannot be told apart from here",
        ),
        all if all == reached.addresses.len() => {
            Check::new(NAME, Verdict::Pass, "private addresses: a VPC interface endpoint")
        }
        some => {
            let seen = format!("{some} of {} addresses are private", reached.addresses.len());
            Check::new(NAME, Verdict::Warn, seen).hint("check the private DNS of the VPC interface endpoint")
        }
    }
}

/// Our clock by theirs: by the one that is closest, since a server of one's own may be the one that is wrong.
fn clock(clocks: &[(&Used, Duration)]) -> Check {
    let Some((server, ahead)) = clocks.iter().min_by_key(|(_, ahead)| ahead.abs()) else {
        return Check::new("clock", Verdict::Skip, "no server said what time it has");
    };
    let seconds = ahead.num_seconds();
    let side = if seconds > 0 { "behind" } else { "ahead of" };
    let seen = match seconds.abs() {
        0 | 1 => format!("agrees with {}", server.endpoint.host),
        off => format!("{off} s {side} {}", server.endpoint.host),
    };
    let off = ahead.abs();
    if off > REFUSED {
        Check::new("clock", Verdict::Fail, seen).hint(
            "set this machine's clock (chrony, systemd-timesyncd): AWS refuses what is signed 5 minutes off, S3 15",
        )
    } else if off > OFF {
        Check::new("clock", Verdict::Warn, seen).hint("set this machine's clock (chrony, systemd-timesyncd)")
    } else {
        Check::new("clock", Verdict::Pass, seen)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn used(by: &str, address: &str) -> Used {
        Used { by: by.into(), endpoint: Endpoint::of(address).unwrap(), is_s3: false, verified: true }
    }

    fn reached(addresses: &[&str]) -> Reached {
        Reached {
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            named: std::time::Duration::from_millis(3),
            connected: std::time::Duration::from_millis(20),
            answered: std::time::Duration::from_millis(60),
            status: 403,
            ahead: None,
        }
    }

    #[test]
    fn a_clock_has_a_verdict_at_each_edge() {
        let server = used("s3", "https://s3.aws");
        let judged = |seconds| {
            let row = clock(&[(&server, Duration::seconds(seconds))]);
            (row.verdict, row.detail)
        };
        for (seconds, verdict, words) in [
            (0, Verdict::Pass, "agrees with s3.aws"),
            (60, Verdict::Pass, "60 s behind s3.aws"),
            (61, Verdict::Warn, "61 s behind s3.aws"),
            (-61, Verdict::Warn, "61 s ahead of s3.aws"),
            (300, Verdict::Warn, "300 s behind s3.aws"),
            (-301, Verdict::Fail, "301 s ahead of s3.aws"),
        ] {
            assert_eq!(judged(seconds), (verdict, words.to_owned()), "{seconds}");
        }
        let wrong = used("chat", "https://chat");
        let row = clock(&[(&wrong, Duration::hours(2)), (&server, Duration::seconds(2))]);
        assert_eq!(row.verdict, Verdict::Pass, "one server may be wrong: {row:?}");
        assert_eq!(clock(&[]).verdict, Verdict::Skip);
    }

    #[test]
    fn the_route_to_s3_is_told_by_its_addresses() {
        for (addresses, verdict, words) in [
            (vec!["10.0.1.7", "10.0.2.9"], Verdict::Pass, "a VPC interface endpoint"),
            (vec!["52.219.75.1"], Verdict::Pass, "cannot be told apart"),
            (vec!["52.219.75.1", "10.0.1.7"], Verdict::Warn, "1 of 2"),
        ] {
            let row = route(None, &reached(&addresses));
            assert!(row.verdict == verdict && row.detail.contains(words), "{row:?}");
        }
    }

    #[test]
    fn a_row_tells_each_step_and_the_proxy() {
        let server = used("s3", "https://b.s3.eu-central-1.amazonaws.com");
        let row_of = |proxy: Option<&Proxy>, visit| row(&server, proxy, &visit).detail;
        let seen = row_of(None, Ok(reached(&["52.219.75.1", "52.219.75.2", "52.219.75.3"])));
        let words = "52.219.75.1, 52.219.75.2 and 1 more (3 ms), connection 20 ms, TLS and an answer 60 ms (HTTP 403)";
        assert!(seen.ends_with(words), "{seen}");
        let vars = |name: &str| (name == "HTTPS_PROXY").then_some("http://u:SECRET@proxy:3128");
        let proxy = proxy_of(&server.endpoint, vars).unwrap();
        let error = SourceError::new(ErrorClass::Unreachable, "x", "refused");
        let failed = row(&server, proxy.as_ref(), &Err(error));
        assert!(failed.detail.contains("through the proxy http://proxy:3128 (HTTPS_PROXY)"), "{failed:?}");
        assert!(failed.hint.unwrap().contains("NO_PROXY") && !failed.detail.contains("SECRET"));
    }

    #[test]
    fn a_server_that_several_ask_has_one_row() {
        let all = merged(vec![used("a", "http://h:1/x"), used("b", "http://h:2"), used("c", "http://h:1/y")]);
        assert_eq!(all.iter().map(|u| u.by.as_str()).collect::<Vec<_>>(), ["a, c", "b"]);
    }

    #[test]
    fn a_bucket_has_a_host_where_the_sdk_gives_it_one() {
        let host = |address: &str, bucket: &str, path_style| {
            let s3 = S3Settings { bucket: bucket.into(), path_style, ..S3Settings::default() };
            bucket_host(Endpoint::of(address).unwrap(), &s3).host
        };
        assert_eq!(host("https://s3.aws", "b", false), "b.s3.aws");
        assert_eq!(host("https://s3.aws", "b", true), "s3.aws");
        assert_eq!(host("https://s3.aws", "b.c", false), "s3.aws");
        assert_eq!(host("http://127.0.0.1:9", "b", false), "127.0.0.1");
    }
}
