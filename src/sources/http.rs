//! What every HTTP client of the sources begins with: no redirect is followed, since whoever answers must not choose who
//! gets a login or a secret; no proxy stands before this machine itself; each request is bounded in time.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

/// A client for a host, what connecting may take, and a request in all.
pub(super) fn client(host: Option<&str>, connect: Duration, whole: Duration) -> ClientBuilder {
    let builder = Client::builder()
        .connect_timeout(connect)
        .timeout(whole)
        .redirect(redirect::Policy::none())
        .http1_only()
        .user_agent(concat!("lakeward/", env!("CARGO_PKG_VERSION")));
    if host.is_some_and(is_loopback) { builder.no_proxy() } else { builder }
}

/// Whether a host is this machine: a proxy is not asked for it.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
