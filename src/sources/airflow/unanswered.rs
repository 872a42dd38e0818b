//! Why no answer came: no name, no connection, no TLS, no time. The error's own text is not told, it holds the address
//! with its query; its innermost cause is.

use std::error::Error;

use super::transport::Transport;
use crate::lake::ErrorClass;
use crate::sources::SourceError;

/// The error of a request without a reply.
pub(super) fn unanswered(transport: &dyn Transport, error: &reqwest::Error) -> SourceError {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let inner = if cause.is::<reqwest::Error>() { String::new() } else { transport.scrub(&cause.to_string()) };
    let has = |words: &[&str]| words.iter().any(|w| inner.to_lowercase().contains(w));
    let (detail, hint) = if error.is_timeout() && error.is_connect() {
        ("no connection in time".to_owned(), "check the network, the VPN and airflow.url")
    } else if error.is_timeout() {
        ("no answer in time".to_owned(), "look at the load of the web server (2.x) or API server (3.x)")
    } else if has(&["dns", "lookup", "name or service"]) {
        ("its host name does not resolve".to_owned(), "check airflow.url, the name server and the VPN")
    } else if has(&["refused"]) {
        (
            "the connection is refused".to_owned(),
            "check the port in airflow.url, and that the web server (2.x) or API server (3.x) runs",
        )
    } else if has(&["certificate", "tls", "handshake"]) {
        (
            format!("the TLS connection is refused: {inner}"),
            "let SSL_CERT_FILE name the authorities to trust; or airflow.verify = false, and anybody may answer",
        )
    } else if inner.is_empty() {
        ("no answer".to_owned(), "check the network and airflow.url")
    } else {
        (inner, "check the network and airflow.url")
    };
    SourceError { hint: hint.to_owned(), ..SourceError::new(ErrorClass::Unreachable, transport.base(), detail) }
}
