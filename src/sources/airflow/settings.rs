//! Where an Airflow is and how to log in. Holds no secret that its `Debug` would show.

use std::time::Duration;

use url::Url;

use crate::lake::ErrorClass;
use crate::sources::SourceError;
use crate::sources::notify::Secret;

/// A request in all, if nothing else is said.
const WHOLE: Duration = Duration::from_secs(30);

/// How to prove who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A name and a password: sent as they are to 2.x, exchanged for a token at 3.x.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token that somebody else made. It is not renewed.
    Token(Secret),
    /// Nothing: an Airflow that lets anybody read.
    None,
}

impl Login {
    /// A text of the other side without what it must not repeat.
    pub(super) fn scrub(&self, text: &str) -> String {
        match self {
            Self::Basic { password: secret, .. } | Self::Token(secret) => secret.scrub(text),
            Self::None => text.to_owned(),
        }
    }
}

/// An Airflow of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AirflowSettings {
    /// Its address, as a browser has it: `https://airflow.example.com`, or with a path before Airflow's own.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// Whether its TLS certificate must be one that this machine trusts. The machine's authorities count, or those
    /// of the file that `SSL_CERT_FILE` names.
    pub verify: bool,
    /// How long one request may take in all; connecting has 3 seconds of it.
    pub timeout: Duration,
}

impl AirflowSettings {
    /// Certificates verified, 30 seconds a request.
    pub fn new(url: impl Into<String>, login: Login) -> Self {
        Self { url: url.into(), login, verify: true, timeout: WHOLE }
    }

    /// Whether there may be an Airflow at this address: the error does not repeat it.
    pub fn judge(&self) -> Result<(), SourceError> {
        self.base().map(drop)
    }

    /// The address, judged: http or https, a host, no name and password in it, no query. Without a `/` at its end.
    pub(super) fn base(&self) -> Result<Url, SourceError> {
        // What is wrong with it is said without repeating what may hold a password.
        let fault = |detail: &str| SourceError {
            hint: "set airflow.url to the address that a browser opens, such as https://airflow.example.com".to_owned(),
            ..SourceError::new(ErrorClass::Malformed, "airflow.url", detail)
        };
        let mut url = Url::parse(self.url.trim()).map_err(|e| fault(&format!("no address: {e}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SourceError {
                hint: "set airflow.user and its password, and leave them out of airflow.url".to_owned(),
                ..fault("a name or a password stands in the address")
            });
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(fault("not an address of http or https"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(fault("the address has no host"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fault("the address has a part after ? or #"));
        }
        let path = url.path().trim_end_matches('/');
        // People copy the address of the API or of the page they look at.
        let path = ["/api/v1", "/api/v2", "/home"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let path = path.to_owned();
        url.set_path(&path);
        Ok(url)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_judged_and_never_repeated() {
        for (url, base) in [
            ("https://airflow.example.com", Some("https://airflow.example.com/")),
            (" http://127.0.0.1:8080/ ", Some("http://127.0.0.1:8080/")),
            ("https://example.com/team/airflow/", Some("https://example.com/team/airflow")),
            ("https://example.com/airflow/api/v2", Some("https://example.com/airflow")),
            ("https://example.com/home", Some("https://example.com/")),
            ("https://ann:SECRETSECRET@example.com", None),
            ("https://SECRETSECRET@example.com", None),
            ("https://example.com/?token=SECRETSECRET", None),
            ("https://example.com/#SECRETSECRET", None),
            ("ftp://SECRETSECRET.example.com", None),
            ("file:///SECRETSECRET", None),
            ("SECRETSECRET", None),
            ("", None),
        ] {
            match AirflowSettings::new(url, Login::None).base() {
                Ok(address) => assert_eq!(Some(address.as_str()), base, "{url}"),
                Err(e) => {
                    assert!(base.is_none() && e.class == ErrorClass::Malformed, "{url}: {e}");
                    assert!(!format!("{e}{}", e.hint).contains("SECRET"), "{url}: {e} {}", e.hint);
                }
            }
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let login = Login::Basic { user: "ann".to_owned(), password: Secret::new("SECRETSECRET") };
        let settings = AirflowSettings::new("https://example.com", login);
        assert!(!format!("{settings:?}").contains("SECRET"));
        assert_eq!(settings.login.scrub("no SECRETSECRET"), "no ******");
    }
}
