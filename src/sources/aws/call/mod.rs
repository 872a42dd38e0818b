//! Calls of AWS services of which a handful is all that is needed: CloudWatch, Secrets Manager, Glue, STS, Health. Their
//! SDK crates would be most of a build (Glue alone takes minutes), so requests are put together here, signed by the
//! SDK's own signer with the SDK's own credentials, and sent by the HTTP client of the other sources. What a reply means
//! is for who asks.

mod reply;
mod retry;
mod session;
mod sign;

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method, Response, Url, header};
use serde_json::{Map, Value};

use self::reply::Reply;
use self::retry::{Failed, tried};
use self::session::{Session, Signer};
use crate::lake::ErrorClass;
use crate::lake::aws::{Access, Asked};
use crate::sources::SourceError;
use crate::sources::aws::region::host;
use crate::sources::http;
use crate::sources::sent::Sent;

/// A host that takes no connection for this long is unreachable.
const CONNECT: Duration = Duration::from_secs(3);
/// One request in all, its answer included.
const WHOLE: Duration = Duration::from_secs(10);
/// The most of a reply that is read: twice what any of the services gives in one page. Bytes.
const REPLY: usize = 12 << 20;

/// A service, as its model has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// What the name of its host begins with, before the region: `monitoring`.
    pub host: &'static str,
    /// The name that requests are signed for: `monitoring`.
    pub signs: &'static str,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The region that answers for all of them, if one does.
    pub home: Option<&'static str>,
}

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON: everything is posted to `/`.
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
    Json {
        /// `1.0` or `1.1`.
        version: &'static str,
        /// What stands before the operation in `X-Amz-Target`.
        target: &'static str,
    },
    /// AWS Query: a form is posted to `/`. Only flat replies are read: names and texts, wherever they stand.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
    Query {
        /// The version of the API: `2011-06-15`.
        version: &'static str,
    },
    /// REST with JSON: [`Caller::rest`].
    Rest,
}

/// A request before it is signed.
struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Errors whose body is an answer.
    answers: &'static [&'static str],
}

/// Asks one service. The account is looked for when it is first needed; credentials are renewed before they run out, and
/// looked for anew when they have.
pub struct Caller {
    access: Access,
    service: Service,
    session: Session,
    client: OnceLock<Client>,
    skew: Mutex<Option<TimeDelta>>,
    sent: Sent,
}

impl Caller {
    /// Asks nobody yet.
    pub fn new(access: Access, service: Service) -> Self {
        let session = Session::of(access.clone());
        Self { access, service, session, client: OnceLock::new(), skew: Mutex::new(None), sent: Sent::default() }
    }

    /// With an account that was found already: its credentials and endpoint come first.
    pub fn with_config(access: Access, service: Service, config: &SdkConfig) -> Self {
        Self { session: Session::given(config.clone()), ..Self::new(access, service) }
    }

    /// What is asked for, to name it when it fails.
    pub fn asked(&self, permission: &'static str, object: impl Into<String>) -> Asked<'_> {
        self.access.asked(permission, object)
    }

    /// How far the service's clock is ahead of this machine's, as its last reply had it, to the second; none before one
    /// came. AWS refuses requests from five minutes on.
    pub fn skew(&self) -> Option<TimeDelta> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests sent since the start, those that were sent again included.
    pub fn requests(&self) -> u64 {
        self.sent.count()
    }

    /// One operation of a service that speaks AWS JSON or AWS Query. The input is an object; for AWS Query, of texts and
    /// numbers alone. All that is asked here reads, so it is asked again when the service is busy: at most three times,
    /// of 10 s each.
    pub async fn ask(&self, asked: &Asked<'_>, operation: &str, input: &Value) -> Result<Value, SourceError> {
        let (headers, body) = match self.service.protocol {
            Protocol::Json { version, target } => (
                vec![
                    ("content-type", format!("application/x-amz-json-{version}")),
                    ("x-amz-target", format!("{target}.{operation}")),
                ],
                input.to_string().into_bytes(),
            ),
            Protocol::Query { version } => (
                vec![
                    ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
                    ("accept", "application/json".to_owned()),
                ],
                form(operation, version, input.as_object()).into_bytes(),
            ),
            Protocol::Rest => {
                let detail = format!("{operation} has a path of its own");
                return Err(SourceError::new(ErrorClass::Unsupported, asked.object.clone(), detail));
            }
        };
        let (method, path) = (Method::POST, "/".to_owned());
        self.send(asked, &Request { method, path, headers, body, answers: &[] }).await
    }

    /// One call of a service that speaks REST with JSON. The path begins with `/`, its parts percent-encoded, its query
    /// behind it. The body of an error whose code is among `answers` is an answer. Only for what may be done twice, as
    /// [`Caller::ask`].
    pub async fn rest(
        &self,
        asked: &Asked<'_>,
        method: Method,
        path: &str,
        input: Option<&Value>,
        answers: &'static [&'static str],
    ) -> Result<Value, SourceError> {
        self.send(asked, &of_rest(method, path, input, answers)).await
    }

    /// The same for what must not be done twice: sent once, and again only where the credentials were refused.
    pub async fn rest_once(
        &self,
        asked: &Asked<'_>,
        method: Method,
        path: &str,
        input: Option<&Value>,
        answers: &'static [&'static str],
    ) -> Result<Value, SourceError> {
        let request = of_rest(method, path, input, answers);
        let answer = self.once(asked, &request).await.map_err(|failed| failed.error);
        self.with_other_credentials(asked, &request, answer).await
    }

    async fn send(&self, asked: &Asked<'_>, request: &Request) -> Result<Value, SourceError> {
        let answer = tried(|| self.once(asked, request)).await;
        self.with_other_credentials(asked, request, answer).await
    }

    async fn with_other_credentials(
        &self,
        asked: &Asked<'_>,
        request: &Request,
        answer: Result<Value, SourceError>,
    ) -> Result<Value, SourceError> {
        match answer {
            // They may have been renewed beside this process; if not, the second answer is the first.
            Err(error) if error.class == ErrorClass::Expired && self.session.forget().await => {
                self.once(asked, request).await.map_err(|failed| failed.error)
            }
            answer => answer,
        }
    }

    async fn once(&self, asked: &Asked<'_>, request: &Request) -> Result<Value, Failed> {
        let signer = self.session.signer(asked).await?;
        let region = self.service.home.unwrap_or(&signer.region);
        let named = format!("{}{}", self.service.host, if signer.fips { "-fips" } else { "" });
        let base = match &signer.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}", host(&named, region)),
        };
        let url = Url::parse(&format!("{base}{}", request.path))
            .map_err(|e| asked.unreadable(&format!("its address is none: {e}")))?;
        let reply = self.exchange(&url, request, &self.signed(&url, request, &signer, region, asked)?).await;
        let reply = reply.map_err(|e| match e {
            Unanswered::By(e) if e.is_timeout() => asked.late("no answer in time"),
            Unanswered::By(e) => asked.without_reply(&e.without_url()),
            Unanswered::TooLong => asked.unreadable("the reply is longer than 12 MiB, and was not read"),
        })?;
        tracing::debug!(object = %asked.object, status = reply.status, request = reply.id.as_deref(), "aws");
        reply.value(self.service.protocol, request.answers, asked)
    }

    fn signed(
        &self,
        url: &Url,
        request: &Request,
        signer: &Signer,
        region: &str,
        asked: &Asked<'_>,
    ) -> Result<Vec<(String, String)>, SourceError> {
        let Some(credentials) = &signer.credentials else { return Ok(Vec::new()) };
        let scope = sign::Scope { region, service: self.service.signs, now: SystemTime::now() };
        sign::headers(request, url.as_str(), credentials.clone(), &scope)
            .map_err(|e| asked.unreadable(&format!("it cannot be signed: {e}")))
    }

    async fn exchange(&self, url: &Url, request: &Request, signed: &[(String, String)]) -> Result<Reply, Unanswered> {
        let mut sent = self.client(url)?.request(request.method.clone(), url.clone());
        for (name, value) in &request.headers {
            sent = sent.header(*name, value);
        }
        for (name, value) in signed {
            sent = sent.header(name, value);
        }
        self.sent.one();
        let mut response = sent.body(request.body.clone()).send().await?;
        self.look_at_the_clock(&response);
        let text = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut reply = Reply {
            status: response.status().as_u16(),
            error: text("x-amzn-errortype"),
            id: text("x-amzn-requestid"),
            bytes: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await? {
            if reply.bytes.len() + chunk.len() > REPLY {
                return Err(Unanswered::TooLong);
            }
            reply.bytes.extend_from_slice(&chunk);
        }
        Ok(reply)
    }

    fn look_at_the_clock(&self, response: &Response) {
        let date = response.headers().get(header::DATE).and_then(|v| v.to_str().ok());
        let said = date.and_then(|text| DateTime::parse_from_rfc2822(text.trim()).ok());
        if let Some(said) = said {
            *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(said.to_utc() - Utc::now());
        }
    }

    fn client(&self, url: &Url) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http::client(url.host_str(), CONNECT, WHOLE).build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access, service, .. } = self;
        f.debug_struct("Caller").field("access", access).field("service", service).finish_non_exhaustive()
    }
}

fn of_rest(method: Method, path: &str, input: Option<&Value>, answers: &'static [&'static str]) -> Request {
    let headers = input.map(|_| ("content-type", "application/json".to_owned())).into_iter().collect();
    let body = input.map(|input| input.to_string().into_bytes()).unwrap_or_default();
    Request { method, path: path.to_owned(), headers, body, answers }
}

/// Why there is no reply to judge.
enum Unanswered {
    By(reqwest::Error),
    TooLong,
}

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        Self::By(error)
    }
}

/// The form of an operation; what is neither text nor a number is left out.
fn form(operation: &str, version: &str, input: Option<&Map<String, Value>>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).append_pair("Version", version);
    for (name, value) in input.into_iter().flatten() {
        match value {
            Value::String(text) => form.append_pair(name, text),
            Value::Number(number) => form.append_pair(name, &number.to_string()),
            _ => continue,
        };
    }
    form.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_holds_what_a_form_can() {
        let input = json!({ "Name": "a b&c", "Most": 5, "Nested": { "no": 1 } });
        let form = form("GetCallerIdentity", "2011-06-15", input.as_object());
        assert_eq!(form, "Action=GetCallerIdentity&Version=2011-06-15&Name=a+b%26c&Most=5");
    }

    #[test]
    fn nothing_of_the_account_is_in_a_debug_text() {
        let protocol = Protocol::Json { version: "1.1", target: "AWSGlue" };
        let service = Service { host: "glue", signs: "glue", protocol, home: None };
        let caller = Caller::new(Access { profile: Some("oncall".into()), ..Access::default() }, service);
        let shown = format!("{caller:?}");
        assert!(shown.contains("oncall") && shown.contains("AWSGlue") && !shown.contains("session"), "{shown}");
        assert_eq!(caller.skew(), None);
    }
}
