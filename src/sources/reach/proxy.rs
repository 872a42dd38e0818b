//! The proxy that the environment names for a server, by the variables that the AWS SDK and reqwest go by. It is told
//! without its user and password.

use std::net::IpAddr;

use super::Endpoint;

/// A proxy, and who named it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub server: Endpoint,
    /// The variable.
    pub variable: &'static str,
    address: String,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("server", &self.server).field("variable", &self.variable).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Its whole address, password included: for the client alone.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

/// The proxy for an endpoint, if the variables name one. `var` gives the value of a variable that is set.
///
/// # Errors
/// A variable that names none: its name.
pub fn proxy_of<'v>(endpoint: &Endpoint, var: impl Fn(&str) -> Option<&'v str>) -> Result<Option<Proxy>, &'static str> {
    let own: [&'static str; 2] =
        if endpoint.tls { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let named = own.into_iter().chain(["ALL_PROXY", "all_proxy"]).find_map(|name| Some((name, var(name)?)));
    let Some((variable, address)) = named else { return Ok(None) };
    let excluded = ["NO_PROXY", "no_proxy"].into_iter().find_map(&var).unwrap_or_default();
    if excluded.split(',').any(|rule| excludes(rule.trim(), endpoint)) {
        return Ok(None);
    }
    // As curl does, a proxy without a scheme is one of http.
    let address = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let server = Endpoint::of(&address).ok_or(variable)?;
    Ok(Some(Proxy { server, variable, address }))
}

/// Whether a rule of `NO_PROXY` holds for a server: `*`, an address, a network, a domain and what is below it.
fn excludes(rule: &str, endpoint: &Endpoint) -> bool {
    if let Some(address) = endpoint.ip() {
        return rule == "*"
            || rule.parse() == Ok(address)
            || rule.split_once('/').is_some_and(|net| holds(net, address));
    }
    let domain = rule.trim_start_matches('.').to_ascii_lowercase();
    let host = endpoint.host.to_ascii_lowercase();
    rule == "*" || !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
}

/// Whether a network, as its address and the length of its prefix, holds an address.
fn holds((network, length): (&str, &str), address: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let ((network, whole), (address, of_address)) = (bits(network), bits(address));
    if whole != of_address || length > whole {
        return false;
    }
    length == 0 || (network ^ address) >> (128 - length) == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn shown(address: &str, vars: &[(&str, &'static str)]) -> Result<Option<String>, &'static str> {
        let vars: HashMap<&str, &'static str> = vars.iter().copied().collect();
        let proxy = proxy_of(&Endpoint::of(address).unwrap(), |name| vars.get(name).copied())?;
        Ok(proxy.map(|p| format!("{} by {}", p.server, p.variable)))
    }

    #[test]
    fn the_variable_of_the_scheme_names_the_proxy_unless_it_is_excluded() {
        let s3 = "https://s3.eu-central-1.amazonaws.com";
        let proxy = ("HTTPS_PROXY", "http://user:SECRET@proxy.corp:3128");
        let found = Ok(Some("http://proxy.corp:3128 by HTTPS_PROXY".to_owned()));
        assert_eq!(shown(s3, &[]), Ok(None));
        assert_eq!(shown(s3, &[proxy]), found);
        assert_eq!(shown(s3, &[proxy, ("ALL_PROXY", "http://other:1")]), found);
        assert_eq!(shown("http://10.1.2.3", &[proxy]), Ok(None), "of https alone");
        assert_eq!(shown(s3, &[("all_proxy", "proxy:8080")]), Ok(Some("http://proxy:8080 by all_proxy".to_owned())));
        assert_eq!(shown(s3, &[("HTTPS_PROXY", "http://")]), Err("HTTPS_PROXY"));
        for (rule, excluded) in [
            ("*", true),
            ("amazonaws.com", true),
            ("localhost, .amazonaws.com", true),
            ("s3.eu-central-1.amazonaws.com", true),
            ("zonaws.com", false),
            ("10.0.0.0/8", false),
            ("", false),
        ] {
            assert_eq!(shown(s3, &[proxy, ("NO_PROXY", rule)]) == Ok(None), excluded, "{rule}");
        }
    }

    #[test]
    fn networks_are_excluded_by_their_prefix() {
        let server = |address: &str| Endpoint::of(address).unwrap();
        for (rule, address, excluded) in [
            ("10.0.0.0/8", "https://10.255.0.1", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("0.0.0.0/0", "https://11.0.0.1", true),
            ("10.1.2.3", "https://10.1.2.3:8443", true),
            ("10.1.2.0/33", "https://10.1.2.3", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("fd00::/8", "https://10.1.2.3", false),
            ("x/8", "https://10.1.2.3", false),
        ] {
            assert_eq!(excludes(rule, &server(address)), excluded, "{rule} {address}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let vars = |name: &str| (name == "ALL_PROXY").then_some("http://user:SECRET@proxy:1");
        let proxy = proxy_of(&Endpoint::of("https://a").unwrap(), vars).unwrap().unwrap();
        assert!(proxy.address().contains("SECRET") && !format!("{proxy:?}").contains("SECRET"));
    }
}
