//! One HTTP request that carries a secret: no redirect is followed, nothing is read without a limit, and no error
//! holds the address.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::Value;

use super::{NotifyError, Secret};
use crate::lake::ErrorClass;
use crate::sources::http::{client, is_loopback};

/// A host that takes no connection for this long is unreachable.
const CONNECT: Duration = Duration::from_secs(3);
/// One request in all.
const WHOLE: Duration = Duration::from_secs(10);
/// Replies are a word or a line of JSON; more is not read. Bytes.
const REPLY: usize = 64 << 10;

/// An address to post to; the client behind it is made when it is first needed.
pub(super) struct Post {
    url: Url,
    target: String,
    secret: Secret,
    client: OnceLock<Client>,
}

impl Post {
    /// `secret` is what must not be seen in anything that the other side answers. The address must be https, or
    /// http to this machine; what is wrong with it is said without repeating it.
    pub fn new(address: &str, secret: Secret) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|e| format!("no address: {e}"))?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or("the address has no host")?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err("http would show the secret to the network".to_owned()),
            _ => return Err("not an address of https".to_owned()),
        }
        let target = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { url, target, secret, client: OnceLock::new() })
    }

    /// The host, and the port if it is not the usual one.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Posts JSON.
    pub async fn json(&self, body: &Value) -> Result<(), NotifyError> {
        let text = body.to_string();
        let request = self.client()?.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json");
        let reply = self.answer(request.body(text)).await?;
        let (status, asked) = (reply.status(), retry_after(&reply, Utc::now()));
        if status.is_success() {
            return Ok(());
        }
        let said = self.secret.scrub(&beginning(reply).await);
        Err(self.refused(status, &said, asked))
    }

    /// Whether the host answers: its name, the connection, TLS. Asks for its root, without the path, which may be
    /// the secret; any answer will do.
    pub async fn reach(&self) -> Result<String, NotifyError> {
        let mut root = self.url.clone();
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        // There is a host, so these cannot fail.
        let _ = root.set_username("");
        let _ = root.set_password(None);
        self.answer(self.client()?.head(root)).await?;
        Ok(format!("{} answers", self.target))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, NotifyError> {
        request.send().await.map_err(|e| self.unanswered(&e))
    }

    fn client(&self) -> Result<&Client, NotifyError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Whoever answers must not choose who gets the secret: no redirect is followed.
        let builder = client(self.url.host_str(), CONNECT, WHOLE);
        let client = builder.build().map_err(|e| self.unanswered(&e))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// No reply. The error's own text holds the address: only its innermost cause is told.
    fn unanswered(&self, error: &reqwest::Error) -> NotifyError {
        let mut cause: &dyn Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let inner = if cause.is::<reqwest::Error>() { String::new() } else { cause.to_string() };
        let has = |words: &[&str]| words.iter().any(|w| inner.to_lowercase().contains(w));
        let detail = if error.is_timeout() {
            "no answer in time".to_owned()
        } else if has(&["dns", "lookup", "name or service"]) {
            "its host name does not resolve".to_owned()
        } else if has(&["refused"]) {
            "the connection is refused".to_owned()
        } else if has(&["certificate", "tls"]) {
            format!("the TLS connection is refused: {}", self.secret.scrub(&inner))
        } else if inner.is_empty() {
            "no answer".to_owned()
        } else {
            self.secret.scrub(&inner)
        };
        NotifyError::new(ErrorClass::Unreachable, &self.target, detail)
    }

    fn refused(&self, status: StatusCode, said: &str, asked: Option<Duration>) -> NotifyError {
        let class = match status.as_u16() {
            408 | 425 | 500..=599 => ErrorClass::Unreachable,
            401 | 403 => ErrorClass::Denied,
            404 | 410 => ErrorClass::NotFound,
            429 => ErrorClass::Throttled,
            300..=399 | 405 => ErrorClass::Unsupported,
            _ => ErrorClass::Malformed,
        };
        let detail = if said.trim().is_empty() {
            format!("HTTP {}", status.as_u16())
        } else {
            format!("HTTP {}: {said}", status.as_u16())
        };
        let error = NotifyError::new(class, &self.target, detail);
        let error = if status.is_redirection() {
            error.hint("it sends the message elsewhere, which is not followed: configure the final address")
        } else {
            error
        };
        NotifyError { retry_after: asked.filter(|_| error.may_pass()), ..error }
    }
}

/// The beginning of a reply's text; what cannot be read is left out.
async fn beginning(mut reply: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < REPLY {
        match reply.chunk().await {
            Ok(Some(chunk)) => bytes.extend(chunk.iter().take(REPLY - bytes.len())),
            Ok(None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn retry_after(reply: &Response, now: DateTime<Utc>) -> Option<Duration> {
    wait_of(reply.headers().get(header::RETRY_AFTER)?.to_str().ok()?, now)
}

fn wait_of(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn post(address: &str) -> Result<Post, String> {
        Post::new(address, Secret::new(address))
    }

    #[test]
    fn a_secret_goes_over_tls_or_nowhere() {
        for (address, target) in [
            ("https://hooks.example.com/services/SECRETSECRET", Some("hooks.example.com")),
            ("https://chat.example.com:8443/hooks/SECRETSECRET", Some("chat.example.com:8443")),
            ("http://127.0.0.1:9/SECRETSECRET", Some("127.0.0.1:9")),
            ("http://[::1]:9/SECRETSECRET", Some("[::1]:9")),
            ("http://localhost/SECRETSECRET", Some("localhost")),
            ("http://hooks.example.com/SECRETSECRET", None),
            ("ftp://hooks.example.com/SECRETSECRET", None),
            ("hooks.example.com/SECRETSECRET", None),
            ("https://", None),
            ("SECRETSECRET", None),
        ] {
            match post(address) {
                Ok(post) => assert_eq!(Some(post.target()), target, "{address}"),
                Err(fault) => assert!(target.is_none() && !fault.contains("SECRET"), "{address}: {fault}"),
            }
        }
    }

    #[test]
    fn each_status_has_its_class() {
        let post = post("https://hooks.example.com/SECRETSECRET").ok().unwrap();
        let asked = Some(Duration::from_secs(7));
        for (status, class, kept) in [
            (302, ErrorClass::Unsupported, false),
            (400, ErrorClass::Malformed, false),
            (403, ErrorClass::Denied, false),
            (404, ErrorClass::NotFound, false),
            (408, ErrorClass::Unreachable, true),
            (410, ErrorClass::NotFound, false),
            (429, ErrorClass::Throttled, true),
            (500, ErrorClass::Unreachable, true),
            (503, ErrorClass::Unreachable, true),
        ] {
            let error = post.refused(StatusCode::from_u16(status).unwrap(), "no_service", asked);
            assert_eq!((error.class, error.retry_after), (class, asked.filter(|_| kept)), "{status}");
            assert_eq!(error.detail, format!("HTTP {status}: no_service"));
            assert_eq!(error.target, "hooks.example.com");
        }
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T03:00:00Z").unwrap().to_utc();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 30 ", Some(30)),
            ("Mon, 23 Nov 2026 03:00:20 GMT", Some(20)),
            ("Mon, 23 Nov 2026 02:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(wait_of(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
