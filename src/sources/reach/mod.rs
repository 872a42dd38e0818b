//! Whether a server can be reached, step by step: its name, a connection, TLS and an answer. It is asked for its root,
//! without credentials and without a body; any answer will do.

pub mod proxy;

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::select_ok;
use reqwest::{Client, header, redirect};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use url::{Host, Url};

use self::proxy::Proxy;
use super::SourceError;
use crate::lake::ErrorClass;

/// The longest that each of the three steps may take: together they fit into ten seconds.
const STEP: Duration = Duration::from_secs(3);
/// Addresses that are tried at once; the first one that takes the connection is enough.
const TRIED: usize = 4;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Endpoint {
    /// The server of an address; path, user and password of it are left out. None of what is no address of HTTP.
    pub fn of(address: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self { tls, host, port: url.port_or_known_default()? })
    }

    /// Its address, if the host is one.
    fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let usual = if self.tls { 443 } else { 80 };
        let bracketed = self.ip().is_some_and(|ip| ip.is_ipv6());
        let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}", self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// What was seen of a server that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its addresses, or those of the proxy in front of it.
    pub addresses: Vec<IpAddr>,
    /// How long the name took.
    pub named: Duration,
    /// How long the connection took.
    pub connected: Duration,
    /// How long a whole request took, TLS included.
    pub answered: Duration,
    /// The status of its answer.
    pub status: u16,
    /// How far its clock is ahead of ours, if it says what time it has; exact to a second or so.
    pub ahead: Option<chrono::Duration>,
}

/// Goes to a server: by the proxy, if there is one. Whose certificate is not `verified` may be anybody.
///
/// # Errors
/// [`ErrorClass::Unreachable`], with the step that failed in its words. None takes longer than nine seconds.
pub async fn reach(endpoint: &Endpoint, proxy: Option<&Proxy>, verified: bool) -> Result<Reached, SourceError> {
    let met = proxy.map_or(endpoint, |proxy| &proxy.server);
    let begun = Instant::now();
    let addresses = resolve(endpoint, met).await?;
    let named = begun.elapsed();
    let begun = Instant::now();
    connect(endpoint, met, &addresses).await?;
    let connected = begun.elapsed();
    let begun = Instant::now();
    let (status, ahead) = ask(endpoint, proxy, verified).await?;
    let mut addresses: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    addresses.dedup();
    Ok(Reached { addresses, named, connected, answered: begun.elapsed(), status, ahead })
}

async fn resolve(endpoint: &Endpoint, met: &Endpoint) -> Result<Vec<SocketAddr>, SourceError> {
    let unnamed = |detail: String| {
        failed(endpoint, format!("{detail}: {}", met.host), "check the spelling, the name server and the VPN")
    };
    let found = timeout(STEP, lookup_host((met.host.as_str(), met.port))).await;
    let found = found.map_err(|_| unnamed("the name server does not answer".into()))?;
    let found: Vec<SocketAddr> = found.map_err(|_| unnamed("the host name does not resolve".into()))?.collect();
    if found.is_empty() { Err(unnamed("the host name has no address".into())) } else { Ok(found) }
}

async fn connect(endpoint: &Endpoint, met: &Endpoint, addresses: &[SocketAddr]) -> Result<(), SourceError> {
    let tries = addresses.iter().take(TRIED).map(|address| Box::pin(TcpStream::connect(*address)));
    let first = addresses.first().map_or_else(String::new, ToString::to_string);
    let unconnected = |detail: String| {
        let hint = "check the port, the security groups, the route and the VPN";
        failed(endpoint, format!("no connection to {} ({first}): {detail}", met.host), hint)
    };
    match timeout(STEP, select_ok(tries)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => Err(unconnected("refused".into())),
        Ok(Err(e)) => Err(unconnected(e.kind().to_string())),
        Err(_) => Err(unconnected("nobody answers".into())),
    }
}

/// The status, and how far the other clock is ahead.
async fn ask(
    endpoint: &Endpoint,
    proxy: Option<&Proxy>,
    verified: bool,
) -> Result<(u16, Option<chrono::Duration>), SourceError> {
    let builder = Client::builder()
        .timeout(STEP)
        .redirect(redirect::Policy::none())
        .danger_accept_invalid_certs(!verified)
        .http1_only()
        .user_agent(concat!("lakeward/", env!("CARGO_PKG_VERSION")));
    // What the variables say of proxies was read already.
    let builder = match proxy {
        None => builder.no_proxy(),
        Some(proxy) => match reqwest::Proxy::all(proxy.address()) {
            Ok(found) => builder.proxy(found),
            Err(_) => return Err(failed(endpoint, format!("{} is no address", proxy.variable), "correct it")),
        },
    };
    let client = builder.build().map_err(|e| unanswered(endpoint, &e))?;
    let sent = Utc::now();
    let reply = client.head(format!("{endpoint}/")).send().await.map_err(|e| unanswered(endpoint, &e))?;
    let date = reply.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    Ok((reply.status().as_u16(), date.and_then(|date| ahead(date, sent, Utc::now()))))
}

/// How far a `Date` header is ahead of our clock, which it is compared with at the middle of the exchange. The header
/// has whole seconds: it is half a second further on the average.
fn ahead(date: &str, sent: DateTime<Utc>, received: DateTime<Utc>) -> Option<chrono::Duration> {
    let theirs = DateTime::parse_from_rfc2822(date.trim()).ok()?.to_utc() + chrono::Duration::milliseconds(500);
    Some(theirs - (sent + (received - sent) / 2))
}

/// No answer: the innermost cause is told, the error's own text holds the address.
fn unanswered(endpoint: &Endpoint, error: &reqwest::Error) -> SourceError {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let inner = if cause.is::<reqwest::Error>() { String::new() } else { cause.to_string() };
    let (detail, hint) = said(&inner, error.is_timeout());
    failed(endpoint, detail, hint)
}

fn said(inner: &str, timed_out: bool) -> (String, &'static str) {
    let folded = inner.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| folded.contains(w));
    if timed_out {
        ("connected, but no answer in time".into(), "check the proxy, the security groups and the path MTU of the VPN")
    } else if has(&["unknownissuer", "unknown issuer", "self-signed", "selfsigned"]) {
        (
            format!("TLS: the certificate is of an authority that is not known here: {inner}"),
            "somebody may be reading along (a proxy that opens TLS): let SSL_CERT_FILE name the authorities to trust",
        )
    } else if has(&["not valid for name", "notvalidforname"]) {
        (
            format!("TLS: the certificate is of another name: {inner}"),
            "check the endpoint; a bucket with dots in its name needs path_style = true",
        )
    } else if has(&["expired", "notvalidyet", "not valid yet"]) {
        (
            format!("TLS: the certificate is not valid now: {inner}"),
            "check this machine's clock, then the server's certificate",
        )
    } else if has(&["certificate", "tls", "handshake", "corrupt message", "invalidcontenttype"]) {
        (
            format!("TLS: the connection is refused: {inner}"),
            "check the port and what stands between (a proxy, a firewall)",
        )
    } else if has(&["reset", "closed", "eof"]) {
        (format!("connected, then cut off: {inner}"), "check what stands between (a proxy, a firewall)")
    } else if inner.is_empty() {
        ("connected, but no answer".into(), "check the endpoint and the proxy")
    } else {
        (inner.to_owned(), "check the endpoint and the proxy")
    }
}

fn failed(endpoint: &Endpoint, detail: impl Into<String>, hint: &str) -> SourceError {
    let error = SourceError::new(ErrorClass::Unreachable, endpoint.to_string(), detail);
    SourceError { hint: hint.to_owned(), ..error }
}

/// Whether an address is of a private network: a VPC has such ones (RFC 1918, RFC 6598, RFC 4193).
pub fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_what_an_address_says_of_its_server() {
        for (address, shown) in [
            ("https://s3.eu-central-1.amazonaws.com/b/k?x=1", Some("https://s3.eu-central-1.amazonaws.com")),
            ("http://127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("https://user:secret@Proxy.Corp:8443/", Some("https://proxy.corp:8443")),
            ("https://[::1]:443", Some("https://[::1]")),
            ("ftp://host", None),
            ("host:80", None),
            ("", None),
        ] {
            assert_eq!(Endpoint::of(address).map(|e| e.to_string()).as_deref(), shown, "{address}");
        }
    }

    #[test]
    fn a_date_is_compared_at_the_middle_of_the_exchange() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).map(|t| t.to_utc()).unwrap_or_default();
        let (sent, received) = (at("2026-11-25T12:00:00Z"), at("2026-11-25T12:00:01Z"));
        for (date, seconds) in [
            ("Wed, 25 Nov 2026 12:00:00 GMT", Some(0)),
            ("Wed, 25 Nov 2026 12:01:00 GMT", Some(60)),
            ("Wed, 25 Nov 2026 11:55:00 GMT", Some(-300)),
            ("yesterday", None),
        ] {
            assert_eq!(ahead(date, sent, received).map(|d| d.num_seconds()), seconds, "{date}");
        }
    }

    #[test]
    fn faults_of_tls_are_told_apart() {
        for (inner, words, hint) in [
            ("invalid peer certificate: UnknownIssuer", "not known here", "SSL_CERT_FILE"),
            ("invalid peer certificate: certificate not valid for name \"a\"", "another name", "path_style"),
            ("invalid peer certificate: certificate expired", "not valid now", "clock"),
            ("received corrupt message of type InvalidContentType", "refused", "port"),
            ("connection closed before message completed", "cut off", "between"),
            ("", "no answer", "endpoint"),
        ] {
            let (detail, way_out) = said(inner, false);
            assert!(detail.contains(words) && way_out.contains(hint), "{inner}: {detail}: {way_out}");
        }
    }

    #[test]
    fn private_addresses() {
        for (address, private) in [
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("100.64.0.9", true),
            ("100.128.0.1", false),
            ("52.219.75.1", false),
            ("fd00::1", true),
            ("2a05:d018::1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(address.parse().map(|a| is_private(&a)), Ok(private), "{address}");
        }
    }
}
