//! What carries a call to an Airflow: a port of its own, since MWAA is asked through AWS (`InvokeRestApi`) and not over
//! a connection to Airflow. What the answers mean is not known here.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::Value;

use crate::lake::ErrorClass;
use crate::sources::SourceError;

/// A page of a list: 100 task instances are some 150 KB. Bytes.
const PAGE: usize = 8 << 20;

/// The two APIs: <https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Of 2.x.
    V1,
    /// Of 3.x.
    V2,
}

impl Api {
    /// What its paths begin with. `InvokeRestApi` wants them without.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::V1 => "/api/v1",
            Self::V2 => "/api/v2",
        }
    }
}

/// What to do with a path. 2.x lists over all DAGs by a POST; what changes anything says so ([`Call::writes`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST, with a body.
    Post,
    /// PATCH, with a body.
    Patch,
}

/// In which form the answer is wanted. A transport that knows only JSON may give that: the reply says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`.
    Json,
    /// `application/x-ndjson`.
    Lines,
    /// `text/plain`.
    Text,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Of which API.
    pub api: Api,
    /// How.
    pub method: Method,
    /// Below the API's prefix, its parts percent-encoded: `/dags/a/tasks`.
    pub path: String,
    /// Names and values, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// The body, of a POST or a PATCH.
    pub body: Option<Value>,
    /// The form that is wanted.
    pub form: Form,
    /// Bytes of the body that are read at most.
    pub most: usize,
    /// Whether it needs no login: the version.
    pub open: bool,
    /// Whether it changes anything: then it is sent again only if it cannot have arrived.
    pub writes: bool,
}

impl Call {
    /// A GET of JSON.
    pub(super) fn get(api: Api, path: String) -> Self {
        let (method, form) = (Method::Get, Form::Json);
        Self { api, method, path, query: Vec::new(), body: None, form, most: PAGE, open: false, writes: false }
    }
}

/// What came back, of whatever status: what it means is for the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type in lower case, without parameters; empty if none was given.
    pub kind: String,
    /// The body, to the limit of the call.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
    /// Where a redirect points. Hostile text.
    pub location: Option<String>,
}

/// A way to an Airflow. It logs in and tries again; it does not judge answers.
#[async_trait]
pub trait Transport: Send + Sync + Debug {
    /// The address of its pages, without a `/` at its end and without secrets: what errors and evidence name.
    fn base(&self) -> &str;

    /// Sends a call. An error is the lack of an answer, or of a login; any answer to the call itself is a reply.
    async fn send(&self, call: &Call) -> Result<Reply, SourceError>;

    /// What a 401 means: whether a login that was good ran out ([`ErrorClass::Expired`]) or none was
    /// good, and what to do.
    fn refused(&self) -> (ErrorClass, String);

    /// A text of the other side without what it must not repeat.
    fn scrub(&self, text: &str) -> String;

    /// Requests sent since the start, logins included.
    fn requests(&self) -> u64 {
        0
    }

    /// What to know of it, for `doctor`.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A way that cannot be gone, and why: each call fails with it.
#[derive(Debug)]
pub struct Unready(pub SourceError);

#[async_trait]
impl Transport for Unready {
    fn base(&self) -> &str {
        &self.0.object
    }

    async fn send(&self, _: &Call) -> Result<Reply, SourceError> {
        Err(self.0.clone())
    }

    fn refused(&self) -> (ErrorClass, String) {
        (self.0.class, self.0.hint.clone())
    }

    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }
}
