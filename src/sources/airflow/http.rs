//! The transport to an Airflow of one's own: HTTP, with a login. 2.x takes name and password as they are; 3.x gives a
//! token for them, which is renewed once if it is refused. No redirect is followed, nothing is read without a limit.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, header};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::Url;

use super::fault;
use super::settings::{AirflowSettings, Login};
use super::transport::{Api, Call, Form, Method, Reply, Transport};
use super::unanswered::unanswered;
use crate::lake::ErrorClass;
use crate::sources::SourceError;
use crate::sources::http::{client, is_loopback};
use crate::sources::notify::Secret;
use crate::sources::sent::Sent;

/// A host that takes no connection for this long is unreachable.
const CONNECT: Duration = Duration::from_secs(3);
/// A refused connection is tried once more after this.
const AGAIN: Duration = Duration::from_millis(200);
/// Somebody who asks for more patience than this gets an error instead of a console that hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// A refused password is not sent again for this long: accounts get locked.
const QUIET: Duration = Duration::from_secs(60);
/// The reply with a token. Bytes.
const TOKEN: usize = 64 << 10;

/// Airflow over HTTP.
pub struct HttpTransport {
    base: String,
    settings: AirflowSettings,
    client: OnceLock<Client>,
    session: Mutex<Session>,
    sent: Sent,
}

/// What logging in to 3.x gave.
#[derive(Default)]
struct Session {
    token: Option<Secret>,
    refused: Option<(Instant, SourceError)>,
}

impl HttpTransport {
    /// Judges the address; connects to nothing.
    pub fn new(settings: &AirflowSettings) -> Result<Self, SourceError> {
        let url = settings.base()?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            base,
            settings: settings.clone(),
            client: OnceLock::new(),
            session: Mutex::default(),
            sent: Sent::default(),
        })
    }

    fn client(&self) -> Result<&Client, SourceError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let host = Url::parse(&self.base).ok();
        let host = host.as_ref().and_then(Url::host_str);
        let builder = client(host, CONNECT.min(self.settings.timeout), self.settings.timeout);
        let builder = builder.danger_accept_invalid_certs(!self.settings.verify);
        let client = builder.build().map_err(|e| unanswered(self, &e))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// One exchange. The wait is what the other side asks for before the next.
    async fn exchange(
        &self,
        request: RequestBuilder,
        most: usize,
    ) -> Result<(Reply, Option<Duration>), reqwest::Error> {
        self.sent.one();
        let mut response = request.send().await?;
        let wait = wait(&response);
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let kind = text(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let location = text(header::LOCATION);
        let mut reply = Reply { status: response.status().as_u16(), kind, location, ..Reply::default() };
        while let Some(chunk) = response.chunk().await? {
            let room = most - reply.bytes.len();
            reply.bytes.extend(chunk.iter().take(room));
            if chunk.len() > room {
                reply.cut = true;
                break;
            }
        }
        Ok((reply, wait))
    }

    fn request(&self, call: &Call, token: Option<&Secret>) -> Result<RequestBuilder, SourceError> {
        let text = format!("{}{}{}", self.base, call.api.prefix(), call.path);
        let mut url = Url::parse(&text).map_err(|e| fault::of(self, call, ErrorClass::Malformed, &e.to_string()))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = match call.method {
            Method::Get => self.client()?.get(url),
            Method::Post => self.client()?.post(url),
            Method::Patch => self.client()?.patch(url),
        };
        let form = match call.form {
            Form::Json => "application/json",
            Form::Lines => "application/x-ndjson",
            Form::Text => "text/plain",
        };
        let request = request.header(header::ACCEPT, form);
        let request = match &call.body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        Ok(match (&self.settings.login, token) {
            (_, Some(token)) => request.bearer_auth(token.expose()),
            (Login::Basic { user, password }, None) if call.api == Api::V1 => {
                request.basic_auth(user, Some(password.expose()))
            }
            _ => request,
        })
    }

    /// The bearer token of a call, if it goes with one.
    async fn token(&self, call: &Call) -> Result<Option<Secret>, SourceError> {
        match &self.settings.login {
            Login::Token(token) => Ok(Some(token.clone())),
            Login::Basic { user, password } if call.api == Api::V2 && !call.open => {
                let mut session = self.session.lock().await;
                if let Some(token) = &session.token {
                    return Ok(Some(token.clone()));
                }
                if let Some((when, error)) = &session.refused
                    && when.elapsed() < QUIET
                {
                    return Err(error.clone());
                }
                match self.log_in(user, password).await {
                    Ok(token) => {
                        *session = Session { token: Some(token.clone()), refused: None };
                        Ok(Some(token))
                    }
                    Err(error) => {
                        if error.class == ErrorClass::Denied {
                            session.refused = Some((Instant::now(), error.clone()));
                        }
                        Err(error)
                    }
                }
            }
            _ => Ok(None),
        }
    }

    /// `POST /auth/token`: <https://airflow.apache.org/docs/apache-airflow/stable/security/api.html>.
    async fn log_in(&self, user: &str, password: &Secret) -> Result<Secret, SourceError> {
        let address = format!("{}/auth/token", self.base);
        let error = |class, detail: &str, hint: &str| SourceError {
            hint: hint.to_owned(),
            ..SourceError::new(class, address.as_str(), detail)
        };
        let body = json!({ "username": user, "password": password.expose() }).to_string();
        let request = self.client()?.post(&address).header(header::CONTENT_TYPE, "application/json").body(body);
        let (reply, _) = self.exchange(request, TOKEN).await.map_err(|e| unanswered(self, &e))?;
        match reply.status {
            200 | 201 => {
                let value: Option<Value> = serde_json::from_slice(&reply.bytes).ok();
                let token = value.as_ref().and_then(|v| v.get("access_token")).and_then(Value::as_str);
                let no = "it gave no token for the name and the password";
                let hint = "its auth manager may know no passwords: set airflow.token instead";
                token.map(Secret::new).ok_or_else(|| error(ErrorClass::Unsupported, no, hint))
            }
            400 | 401 | 403 | 422 => Err(error(
                ErrorClass::Denied,
                &format!("HTTP {}: the name or the password is refused", reply.status),
                "check airflow.user and its password; they are not sent again for a minute",
            )),
            404 | 405 | 501 => Err(error(
                ErrorClass::Unsupported,
                &format!("HTTP {}: it gives no tokens for a name and a password", reply.status),
                "its auth manager may know no passwords: set airflow.token instead",
            )),
            _ => {
                let call = Call { path: "/auth/token".to_owned(), ..Call::get(Api::V2, String::new()) };
                fault::judge(self, &call, &reply)?;
                Err(error(ErrorClass::Malformed, &format!("HTTP {}", reply.status), "check airflow.url"))
            }
        }
    }

    /// Forgets a token that was refused, unless it is another by now.
    async fn forget(&self, refused: &Secret) {
        let mut session = self.session.lock().await;
        if session.token.as_ref() == Some(refused) {
            session.token = None;
        }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    fn base(&self) -> &str {
        &self.base
    }

    async fn send(&self, call: &Call) -> Result<Reply, SourceError> {
        let (mut tried, mut renewed) = (false, false);
        loop {
            let token = self.token(call).await?;
            let request = self.request(call, token.as_ref())?;
            let (reply, wait) = match self.exchange(request, call.most).await {
                Ok(answer) => answer,
                // What was never connected was never sent: a second time does no harm.
                Err(e) if e.is_connect() && !e.is_timeout() && !tried => {
                    tried = true;
                    sleep(AGAIN).await;
                    continue;
                }
                Err(e) => return Err(unanswered(self, &e)),
            };
            // A proxy says 503 of what it may have passed on.
            let is_again = reply.status == 429 || (reply.status == 503 && !call.writes);
            if let (true, Some(wait), false) = (is_again, wait.filter(|w| *w <= PATIENCE), tried) {
                tried = true;
                sleep(wait).await;
                continue;
            }
            if let (Login::Basic { .. }, Some(token), false) = (&self.settings.login, &token, renewed)
                && fault::no_login(&reply)
            {
                renewed = true;
                self.forget(token).await;
                continue;
            }
            return Ok(reply);
        }
    }

    fn refused(&self) -> (ErrorClass, String) {
        let (class, hint) = match self.settings.login {
            Login::Basic { .. } => (
                ErrorClass::Denied,
                "check airflow.user and its password; 2.x also needs airflow.api.auth.backend.basic_auth among the \
                 auth_backends of its [api] section",
            ),
            Login::Token(_) => (ErrorClass::Expired, "get a new token and set airflow.token"),
            Login::None => {
                (ErrorClass::Denied, "it wants a login: set airflow.user and its password, or airflow.token")
            }
        };
        (class, hint.to_owned())
    }

    fn requests(&self) -> u64 {
        self.sent.count()
    }

    fn scrub(&self, text: &str) -> String {
        self.settings.login.scrub(text)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.base.starts_with("http://") && !is_here(&self.base) && self.settings.login != Login::None {
            notes.push("plain http: whoever is on the way can read the login".to_owned());
        }
        if !self.settings.verify {
            notes.push("its certificate is not verified".to_owned());
        }
        notes
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn is_here(base: &str) -> bool {
    Url::parse(base).is_ok_and(|url| url.host_str().is_some_and(is_loopback))
}

/// `Retry-After` in seconds; a date there is further away than anybody waits.
fn wait(response: &Response) -> Option<Duration> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
